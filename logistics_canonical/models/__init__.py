# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import logistics_owner_mixin
from . import logistics_facets_mixin
from . import logistics_event_type
from . import logistics_profile
from . import logistics_code_map
from . import logistics_credential
from . import logistics_token
from . import logistics_connector
from . import logistics_message
from . import logistics_message_problem
from . import logistics_attempt
from . import logistics_event
from . import logistics_shipment
from . import logistics_parcel
from . import logistics_reference
from . import logistics_lane
from . import logistics_outbox
from . import ir_http
from . import res_company
from . import res_config_settings
from . import sale_order
from . import stock_picking
