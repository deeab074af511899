# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    logistics_connector,
    logistics_exception,
    logistics_message,
    logistics_owner_mixin,
    logistics_shipment,
)
