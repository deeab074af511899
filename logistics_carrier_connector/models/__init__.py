# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    delivery_carrier,
    logistics_booking,
    logistics_carrier_request_mixin,
    logistics_charge,
    logistics_connector,
    logistics_delivery_option,
    logistics_manifest,
    logistics_message,
    logistics_parcel,
    logistics_pickup,
    logistics_rate,
    logistics_shipment,
    stock_move,
    stock_picking,
    stock_picking_type,
)
