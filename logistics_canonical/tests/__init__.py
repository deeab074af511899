# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import test_connector
from . import test_inbound_http
from . import test_message
from . import test_outbound
from . import test_outbox
from . import test_profile
from . import test_screens
from . import test_security
from . import test_stock_picking
from . import test_token
