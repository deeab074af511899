# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import re
import socket
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from lxml import etree

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.core.calls import CallError, authorise
from odoo.addons.logistics_canonical.core.effects import fate, repeat_of
from odoo.addons.logistics_canonical.core.profile import load_profile
from odoo.addons.logistics_carrier_connector.adapters.chronopost import (
    ChronopostAdapter,
)
from odoo.addons.logistics_carrier_connector.core.shipping import (
    Address,
    BookedRef,
    Commodity,
    Package,
    ShipRequest,
    to_payload,
)

ADDON = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures" / "chronopost"
PROFILE = load_profile(
    json.loads((ADDON / "profiles" / "chronopost.json").read_text(encoding="utf-8"))
)
ADAPTER = ChronopostAdapter()
SECRETS = {"account_number": "19000001", "password": "12&456"}

PARIS = Address(
    country="FR",
    company="Atelier Moreau",
    name="Luc Moreau",
    street="12 rue des Lilas",
    city="Paris",
    zip="75011",
    phone="+33 1 00 00 00 00",
    email="luc@example.com",
)
LYON = Address(
    country="FR",
    name="Zoé Petit",
    street="3 place Bellecour",
    street2="Bâtiment C",
    city="Lyon",
    zip="69002",
    phone="+33 6 00 00 00 00",
)
BOX = Package(
    "P1",
    Decimal("2.345"),
    Decimal(30),
    Decimal(20),
    Decimal(10),
    value=Decimal(60),
    commodities=(Commodity("Lampe"), Commodity("Câble")),
)
SHIPMENT = ShipRequest(
    reference="LS-000123",
    shipper=PARIS,
    recipient=LYON,
    packages=(BOX, replace(BOX, reference="P2", value=Decimal(30))),
    service="01",
    currency="EUR",
    ship_on=date(2026, 11, 21),
    order="S00042",
)
ONE = replace(SHIPMENT, packages=(BOX,))
BOOKING = BookedRef("LS-000123", "R0099887", "XP000000015FR")


def build(operation, request):
    return ADAPTER.build_request(operation, to_payload(request), PROFILE)


def message(request):
    """Return the element of a request's body."""
    (asked,) = etree.fromstring(request.body)[0]
    return asked


def texts(element):
    return {child.tag: child.text for child in element if len(child) == 0}


def parse(operation, content, request=SHIPMENT, status=200):
    response = Response(status, {"content-type": "text/xml"}, content)
    return ADAPTER.parse_response(operation, response, PROFILE, to_payload(request))


def fixture(name):
    return (FIXTURES / f"{name}.xml").read_bytes()


@pytest.fixture(autouse=True, scope="module")
def no_network():
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


# === RATES === #


def test_a_rate_is_asked_for():
    request = build("rate", ONE)
    assert request.url == "https://ws.chronopost.fr/quickcost-cxf/QuickcostServiceWS"
    assert request.method == "POST"
    assert request.headers == {
        "Accept": "text/xml",
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '""',
    }
    asked = message(request)
    assert asked.tag == ("{http://cxf.quickcost.soap.chronopost.fr/}calculateProducts")
    assert texts(asked) == {
        "accountNumber": "{credential:account_number}",
        "password": "{credential:password}",
        "depCountryCode": "FR",
        "depZipCode": "75011",
        "arrCountryCode": "FR",
        "arrZipCode": "69002",
        "arrCity": "Lyon",
        "type": "M",
        "weight": "2.35",
        "height": "10",
        "length": "30",
        "width": "20",
    }


def test_credentials_are_put_in_when_it_leaves():
    sent = authorise(build("rate", ONE), PROFILE, SECRETS)
    asked = texts(message(sent))
    assert (asked["accountNumber"], asked["password"]) == ("19000001", "12&456")


def test_parcels_that_differ_have_no_price_together():
    with pytest.raises(CallError, match="differ"):
        build("rate", replace(SHIPMENT, packages=(BOX, Package("P2", Decimal(9)))))


def test_rates_are_read():
    quotes = parse("rate", fixture("rates"), replace(ONE, service="")).data["value"]
    # What isn't offered costs nothing there, and is left out.
    assert [(q.service, q.name, q.total) for q in quotes] == [
        ("01", "Chrono 13", Decimal("24.0")),
        ("86", "Chrono Relais", Decimal("8.70")),
        ("17", "Chrono Express", Decimal("31.1")),
    ]
    told = [(c.code, c.amount, c.currency) for c in quotes[0].charges]
    assert told == [("freight", Decimal(20), "EUR"), ("tax", Decimal(4), "EUR")]
    assert [c.code for c in quotes[2].charges] == ["freight"]


def test_two_parcels_cost_twice_and_only_what_was_asked_for():
    (quote,) = parse("rate", fixture("rates"), replace(SHIPMENT, service="1")).data[
        "value"
    ]
    assert (quote.service, quote.total) == ("01", Decimal(48))
    assert sum(c.amount for c in quote.charges) == quote.total


# === BOOKINGS === #


def test_a_booking():
    request = build("book", replace(SHIPMENT, insured=Decimal("100.005")))
    assert request.url == "https://ws.chronopost.fr/shipping-cxf/ShippingServiceWS"
    asked = message(request)
    assert asked.tag == (
        "{http://cxf.shipping.soap.chronopost.fr/}shippingMultiParcelV4"
    )
    assert texts(asked.find("headerValue")) == {
        "accountNumber": "{credential:account_number}",
        "idEmit": "CHRFR",
    }
    assert texts(asked.find("recipientValue")) == {
        "recipientAdress1": "3 place Bellecour",
        "recipientAdress2": "Bâtiment C",
        "recipientCity": "Lyon",
        "recipientContactName": "Zoé Petit",
        "recipientCountry": "FR",
        "recipientMobilePhone": "+33 6 00 00 00 00",
        "recipientName": "Zoé Petit",
        "recipientPhone": "+33 6 00 00 00 00",
        "recipientPreAlert": "0",
        "recipientZipCode": "69002",
    }
    assert texts(asked.find("customerValue"))["customerName"] == "Atelier Moreau"
    assert texts(asked.find("refValue")) == {
        "recipientRef": "S00042",
        "shipperRef": "LS-000123",
    }
    assert texts(asked)["multiParcel"] == "Y"
    assert texts(asked)["numberOfParcel"] == "2"
    first, second = asked.findall("skybillValue")
    assert texts(first) == {
        "bulkNumber": "2",
        "content1": "Lampe, Câble",
        "evtCode": "DC",
        # In cents, by the parcels' values.
        "insuredCurrency": "EUR",
        "insuredValue": "6667",
        "objectType": "MAR",
        "productCode": "01",
        "service": "0",
        "shipDate": "2026-11-21T12:00:00",
        "shipHour": "12",
        "skybillRank": "1",
        "weight": "2.35",
        "weightUnit": "KGM",
        "height": "10",
        "length": "30",
        "width": "20",
    }
    assert texts(second)["insuredValue"] == "3334"


def test_what_settings_change():
    asked = message(
        build(
            "book",
            replace(
                ONE,
                label_format="ZPL",
                contents="documents",
                options=("saturday_delivery",),
                settings={
                    "use_sub_account": True,
                    "shipping_version": "V5",
                    "with_reservation": True,
                    "relay": "1234K",
                },
            ),
        )
    )
    assert asked.tag.endswith("}shippingMultiParcelV5")
    assert texts(asked.find("headerValue"))["subAccount"] == "{credential:sub_account}"
    assert texts(asked.find("skybillParamsValue")) == {
        "mode": "Z2D",
        "withReservation": "1",
    }
    assert texts(asked.find("refValue"))["idRelais"] == "1234K"
    skybill = texts(asked.find("skybillValue"))
    assert (skybill["service"], skybill["objectType"]) == ("6", "DOC")
    assert texts(asked)["multiParcel"] == "N"


def test_the_contract_of_a_return_is_the_recipients():
    asked = message(build("return", replace(ONE, shipper=LYON, recipient=PARIS)))
    assert texts(asked.find("shipperValue"))["shipperName"] == "Zoé Petit"
    assert texts(asked.find("customerValue"))["customerName"] == "Atelier Moreau"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"service": ""}, "product"),
        ({"ship_on": None}, "day"),
        ({"cod": Decimal(9)}, "Cash on delivery"),
        ({"recipient": replace(LYON, country="CH")}, "customs"),
        ({"recipient": replace(LYON, zip="")}, "ZIP"),
        ({"recipient": replace(LYON, street="x" * 40)}, "2 lines"),
        ({"options": ("signature",)}, "signature"),
        ({"insured": Decimal(9), "currency": "USD"}, "EUR"),
        ({"settings": {"ship_hour": 25}}, "hour"),
        ({"settings": {"shipping_version": "V9"}}, "V9"),
        ({"recipient": replace(LYON, name="Zo\x00e")}, "XML"),
        ({"order": "{credential:password}"}, "credential"),
    ],
)
def test_what_is_missing_is_said(changes, said):
    with pytest.raises(CallError, match=said):
        build("book", replace(SHIPMENT, **changes))


@pytest.mark.parametrize("version", ["V4", "V5"])
def test_a_booking_is_read(version):
    answer = fixture("booked").replace(b"V4Response", f"{version}Response".encode())
    result = parse("book", answer)
    assert result.ok
    assert not result.parsed.problems
    booked = result.data["value"]
    assert (booked.partner_id, booked.number) == ("R0099887", "XP000000015FR")
    assert [(p.reference, p.tracking_number) for p in booked.packages] == [
        ("P1", "XP000000015FR"),
        ("P2", "XP000000024FR"),
    ]
    assert [(d.kind, d.package, d.content_type) for d in booked.documents] == [
        ("label", "P1", "application/pdf"),
        ("label", "P2", "application/zpl"),
    ]
    assert booked.documents[0].data == b"%PDF-1.4 one"
    returned = parse("return", answer).data["value"]
    assert {d.kind for d in returned.documents} == {"return_label"}


def test_a_label_that_cannot_be_read_loses_no_number():
    answer = fixture("booked").replace(b"JVBERi0xLjQgb25l", b"!")
    booked = parse("book", answer).data["value"]
    assert [d.package for d in booked.documents] == ["P2"]
    assert booked.packages[0].tracking_number == "XP000000015FR"


@pytest.mark.parametrize(
    "change",
    [
        (b"<skybillNumber>XP000000024FR</skybillNumber>", b""),
        (b"<skybillNumber>XP000000024FR</skybillNumber>", b"<skybillNumber/>"),
        (b"<errorCode>0</errorCode>", b""),
        (b"shippingMultiParcelV4Response", b"trackSkybillV2Response"),
        (b"resultMultiParcelValue", b"other"),
    ],
)
def test_half_an_answer_leaves_open_what_was_done(change):
    result = parse("book", fixture("booked").replace(*change))
    assert result.error_class == "poison"
    assert fate(repeat_of(PROFILE.operations["book"]), "poison") == "unknown"


def test_a_refusal_is_told():
    result = parse("book", fixture("refused"))
    assert result.error_class == "rejected"
    (problem,) = result.parsed.problems
    assert (problem.code, problem.text) == (
        "29",
        "the product is not in the contract",
    )


def test_a_failure_of_its_own_leaves_open_what_was_done():
    answer = fixture("refused").replace(b">29<", b">1<")
    result = parse("book", answer)
    assert result.error_class == "transient"
    assert fate(repeat_of(PROFILE.operations["book"]), "transient") == "unknown"


def test_logins():
    answer = fixture("refused").replace(b">29<", b">33<")
    assert parse("book", answer).error_class == "auth"
    answer = fixture("rates").replace(b"<errorCode>0", b"<errorCode>3")
    assert parse("rate", answer, ONE).error_class == "auth"


def test_faults():
    result = parse("book", fixture("fault"), status=500)
    assert result.error_class == "rejected"
    assert "weight" in result.parsed.problems[0].text
    server = fixture("fault").replace(b"soap:Client", b"soap:Server")
    assert parse("book", server, status=500).error_class == "transient"


# === LOOKUP === #


def look(content, request=ONE, status=200):
    response = Response(status, {}, content)
    return ADAPTER.parse_lookup("book", response, PROFILE, to_payload(request))


def test_a_booking_of_unknown_fate_is_looked_for():
    request = ADAPTER.lookup_request("book", to_payload(ONE), PROFILE)
    assert request.url == "https://ws.chronopost.fr/tracking-cxf/TrackingServiceWS"
    asked = message(request)
    assert asked.tag.endswith("}trackWithSenderRef")
    assert texts(asked)["sendersRef"] == "LS-000123"
    assert PROFILE.operations["book"]["absence_is_proof"] is False
    # Asking changes nothing, though it is a POST.
    assert repeat_of(PROFILE.operations["find"]) == "safe"


def test_what_is_found():
    outcome, result = look(fixture("found"))
    assert outcome == "found"
    assert result.data["value"].packages[0].tracking_number == "XP000000015FR"


def test_what_is_not_found():
    nothing = re.sub(
        rb"<listParcel>.*</listParcel>", b"", fixture("found"), flags=re.DOTALL
    )
    assert look(nothing)[0] == "absent"
    unknown = nothing.replace(b"<errorCode>0", b"<errorCode>2")
    assert look(unknown)[0] == "absent"


def test_what_tells_neither():
    # Which of two is which, Chronopost doesn't tell.
    assert look(fixture("found"), SHIPMENT)[0] == "failed"
    failure = fixture("found").replace(b"<errorCode>0", b"<errorCode>1")
    assert look(failure)[0] == "failed"
    assert look(b"", status=503)[0] == "failed"


# === AFTER THE BOOKING === #


def test_a_cancellation():
    asked = message(build("cancel", BOOKING))
    assert asked.tag.endswith("}cancelSkybill")
    assert texts(asked)["skybillNumber"] == "XP000000015FR"
    result = parse("cancel", fixture("cancelled"), BOOKING)
    assert result.data["value"].fate == "done"
    for code in (b"2", b"3"):
        late = fixture("cancelled").replace(b"<errorCode>0", b"<errorCode>" + code)
        assert parse("cancel", late, BOOKING).error_class == "rejected"


def test_several_parcels_are_cancelled_one_at_a_time():
    parcels = (("XP1", "XP1"), ("XP2", "XP2"))
    with pytest.raises(CallError, match="one at a time"):
        build("cancel", replace(BOOKING, parcels=parcels))
    asked = message(build("cancel", replace(BOOKING, parcels=parcels[1:])))
    assert texts(asked)["skybillNumber"] == "XP2"
    with pytest.raises(CallError, match="no parcel number"):
        build("cancel", BookedRef("LS-1"))


def test_a_label_again():
    asked = message(build("label", BOOKING))
    assert asked.tag.endswith("}getReservedSkybillWithTypeAndModeAuth")
    assert texts(asked) == {
        "accountNumber": "{credential:account_number}",
        "numberSearch": "R0099887",
        "mode": "PDF",
        "password": "{credential:password}",
    }
    thermal = replace(BOOKING, settings={"label_format": "ZPL"})
    assert texts(message(build("label", thermal)))["mode"] == "Z2D"
    # Its padding is missing.
    (label,) = parse("label", fixture("label"), BOOKING).data["value"]
    assert (label.data, label.kind) == (b"%PDF-1.4 again", "label")
    empty = fixture("label").replace(b"JVBERi0xLjQgYWdhaW4", b"")
    assert parse("label", empty, BOOKING).error_class == "poison"


# === TRACKING === #

TRACKED = b"""<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
<soap:Body><a:trackSkybillV2Response xmlns:a="http://cxf.tracking.soap.chronopost.fr/">
<return><errorCode>0</errorCode><listEventInfoComp>
<events><code>DC</code><eventDate>2026-11-21T10:15:00+01:00</eventDate>
<eventLabel>In preparation</eventLabel><officeLabel>Web Services</officeLabel></events>
<events><code>D</code><eventDate>2026-11-22T08:30:00+01:00</eventDate>
<eventLabel>Delivered</eventLabel><officeLabel>LYON</officeLabel>
<zipCode>69002</zipCode>
<infoCompList><name>Consignee's name</name><value>PETIT</value></infoCompList></events>
<events><code>QQ</code><eventDate>2026-11-22T09:00:00+01:00</eventDate></events>
<skybillNumber>XP000000015FR</skybillNumber>
</listEventInfoComp></return></a:trackSkybillV2Response></soap:Body></soap:Envelope>"""


def track(content, status=200):
    response = Response(status, {}, content)
    number = {"tracking_number": "XP000000015FR"}
    return ADAPTER.parse_response("track", response, PROFILE, number)


def test_tracking():
    parsed = track(TRACKED).parsed
    told = [(e.parcel, e.code, e.occurred_at) for e in parsed.events]
    assert told == [
        (
            "XP000000015FR",
            "label_created",
            datetime(2026, 11, 21, 9, 15, tzinfo=timezone.utc),
        ),
        (
            "XP000000015FR",
            "delivered",
            datetime(2026, 11, 22, 7, 30, tzinfo=timezone.utc),
        ),
        (
            "XP000000015FR",
            "unmapped",
            datetime(2026, 11, 22, 8, tzinfo=timezone.utc),
        ),
    ]
    delivered = parsed.events[1]
    assert delivered.location.postal_code == "69002"
    assert delivered.extra == {"consignee": "PETIT"}
    assert [(p.kind, p.code) for p in parsed.problems] == [("unmapped_code", "QQ")]


def test_tracking_that_finds_nothing():
    unknown = TRACKED.replace(b"<errorCode>0", b"<errorCode>2")
    result = track(unknown)
    assert result.ok
    assert [p.kind for p in result.parsed.problems] == ["no_data"]
    nothing = re.sub(rb"<events>.*</events>", b"", TRACKED, flags=re.DOTALL)
    assert [p.kind for p in track(nothing).parsed.problems] == ["no_data"]
    failure = TRACKED.replace(b"<errorCode>0", b"<errorCode>1")
    assert track(failure).error_class == "transient"


def test_tracking_is_asked_for():
    request = ADAPTER.build_request("track", {"tracking_number": "A&B"}, PROFILE)
    assert texts(message(request)) == {"language": "en_GB", "skybillNumber": "A&B"}
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"


# === ANYTHING === #

ANSWERS = [
    ("rate", "rates"),
    ("book", "booked"),
    ("return", "booked"),
    ("find", "found"),
    ("cancel", "cancelled"),
    ("label", "label"),
    ("book", "fault"),
]


def check(operation, content, status=200):
    asked = {"cancel": BOOKING, "label": BOOKING, "find": ONE}.get(operation, SHIPMENT)
    result = parse(operation, content, asked, status)
    if result.ok and operation in ("book", "return", "find"):
        booked = result.data["value"]
        assert booked.number
        assert all(package.tracking_number for package in booked.packages)
        assert len(booked.packages) == len(asked.packages)
    if result.ok and operation == "rate":
        assert all(quote.total > 0 for quote in result.data["value"])
    return result


@settings(max_examples=300)
@given(
    case=st.sampled_from(ANSWERS),
    at=st.integers(0, 60),
    action=st.sampled_from(["drop", "empty", "text", "twice", "rename"]),
    words=st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=9
    ),
    status=st.sampled_from([200, 404, 500]),
)
def test_spoilt_answers_raise_nothing(case, at, action, words, status):
    operation, name = case
    root = etree.fromstring(fixture(name))
    nodes = list(root.iter())[1:]
    node = nodes[at % len(nodes)]
    if action == "drop":
        node.getparent().remove(node)
    elif action == "empty":
        node.text = None
        del node[:]
    elif action == "text":
        node.text = words
    elif action == "twice":
        node.getparent().append(etree.fromstring(etree.tostring(node)))
    else:
        node.tag = "other"
    check(operation, etree.tostring(root), status)


@given(body=st.binary(max_size=80), status=st.sampled_from([200, 404, 500]))
def test_any_bytes_raise_nothing(body, status):
    for operation, name in ANSWERS:
        assert not check(operation, body, status).ok
        check(operation, fixture(name)[: len(body) * 9] + body, status)
        track(body, status)
