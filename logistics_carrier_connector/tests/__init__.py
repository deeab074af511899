# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    test_booking,
    test_booking_outcome,
    test_carrier_rights,
    test_rate,
    test_rebooking,
    test_request,
    test_return,
    test_screens,
    test_service_find,
    test_tracking,
)
