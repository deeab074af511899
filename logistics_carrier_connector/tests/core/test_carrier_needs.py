# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a carrier needs is named for a person before a request is built for it."""

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.chronopost import (
    ChronopostAdapter,
)
from odoo.addons.logistics_carrier_connector.adapters.dhl_express import (
    DhlExpressAdapter,
)
from odoo.addons.logistics_carrier_connector.adapters.easypost import EasyPostAdapter
from odoo.addons.logistics_carrier_connector.adapters.fedex import FedexAdapter
from odoo.addons.logistics_carrier_connector.adapters.sendcloud import SendcloudAdapter
from odoo.addons.logistics_carrier_connector.adapters.ups import UpsAdapter
from odoo.addons.logistics_carrier_connector.core.checks import check
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    Package,
    ShipRequest,
    to_payload,
)

PROFILES = Path(__file__).parents[2] / "profiles"
CARRIERS = {
    "chronopost": ChronopostAdapter(),
    "dhl_express": DhlExpressAdapter(),
    "easypost": EasyPostAdapter(),
    "fedex": FedexAdapter(),
    "sendcloud": SendcloudAdapter(),
    "ups": UpsAdapter(),
}
LYON = Address("FR", "Luc Roy", "", "2 rue Neuve", city="Lyon", zip="69001", phone="4")
#: There are no postal codes.
DUBAI = Address("AE", "Ada", "", "1 Quay", city="Dubai", zip="00000", phone="9")
SIDES = ("shipper", "recipient")
FIELDS = tuple(part.name for part in fields(Address) if part.name != "country")


def at_home(place):
    """Return a shipment that crosses no border, with all a carrier could want."""
    return ShipRequest(
        "OUT-1",
        place,
        replace(place, label="consignee"),
        (Package("P1", Decimal(2)),),
        service="11",
        currency="EUR",
        ship_on=date(2026, 5, 4),
        settings={"carrier_account": "ca_1", "zone": "Europe/Paris"},
    )


def build(carrier, operation, request):
    profile = load_profile(json.loads((PROFILES / f"{carrier}.json").read_text()))
    return CARRIERS[carrier].build_request(operation, to_payload(request), profile)


def without(request, path):
    side, _dot, field = path.rpartition(".")
    if not side:
        return replace(request, **{field: ""})
    return replace(request, **{side: replace(getattr(request, side), **{field: ""})})


@pytest.mark.parametrize("place", [LYON, DUBAI], ids=["Lyon", "Dubai"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_a_carrier_cannot_do_without_is_found_first(carrier, place):
    request = at_home(place)
    required = CARRIERS[carrier].required
    assert check(request, required) == []
    assert build(carrier, "book", request)
    paths = ["service", *(f"{side}.{field}" for side in SIDES for field in FIELDS)]
    for path in paths:
        bare = without(request, path)
        found = {finding.field for finding in check(bare, required)}
        try:
            build(carrier, "book", bare)
        except CallError:
            assert path.rpartition(".")[2] in found, path


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_price_needs_nothing_that_only_a_booking_does(carrier):
    request = at_home(LYON)
    for path in CARRIERS[carrier].required:
        # Of postal codes, each country decides.
        if not path.endswith("zip"):
            request = without(request, path)
    assert check(request) == []
    assert build(carrier, "rate", request)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("carrier", ["dhl_express", "fedex"])
def test_who_wants_a_phone_number_at_home_too(carrier, side):
    bare = without(at_home(LYON), f"{side}.phone")
    (finding,) = check(bare, CARRIERS[carrier].required)
    assert (finding.code, finding.field) == ("missing", "phone")
