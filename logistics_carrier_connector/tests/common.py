# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import json
import threading
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

from odoo import Command, fields

from odoo.addons.logistics_canonical.core.adapter import Response
from odoo.addons.logistics_canonical.tests.common import ACME, LogisticsCommon

from ..core.carrier import AnswerError, CarrierAdapter
from ..core.shipping import (
    Booked,
    BookedPackage,
    Cancelled,
    Charge,
    Document,
    Manifested,
    NextCall,
    PickupBooked,
    Quote,
    ShipRequest,
    from_payload,
    to_payload,
)

MODULE = "odoo.addons.logistics_carrier_connector.models"
OUTBOX = "odoo.addons.logistics_canonical.models.logistics_outbox"
JSON = {"content-type": "application/json"}
PDF = b"%PDF-1.4 a label"
POST = {"method": "POST", "auth": "key", "body_type": "json"}

#: A carrier that does everything. What it can't do twice, it can't be asked about.
PARCELCO = {
    **ACME,
    "key": "parcelco",
    "name": "Parcel Co",
    "adapter": "parcelco",
    "tracking_url": "https://parcelco.example/follow/{number}",
    "errors": [{"when": "message.error", "text": "message.error"}],
    "operations": {
        **ACME["operations"],
        "rate": {**POST, "path": "/rate", "repeat": "safe"},
        "book": {**POST, "path": "/book", "repeat": "never"},
        "return": {**POST, "path": "/return", "repeat": "never"},
        "cancel": {**POST, "path": "/cancel", "repeat": "never"},
        "label": {**POST, "path": "/label", "repeat": "safe"},
        "document": {"method": "GET", "path": "/document", "auth": "key"},
        "pickup": {**POST, "path": "/pickup", "repeat": "never"},
        "pickup_buy": {
            **POST,
            "path": "/pickup_buy",
            "body": {"offer": "{offer}"},
            "repeat": "never",
        },
        "pickup_cancel": {**POST, "path": "/pickup_cancel", "repeat": "never"},
        "manifest": {**POST, "path": "/manifest", "repeat": "never"},
    },
}


class ParcelCo(CarrierAdapter):
    """Speaks our own words in JSON, so that a test sees what was asked."""

    def _body(self, request, profile):
        return {}, to_payload(request)

    rate_body = book_body = return_body = cancel_body = label_body = _body
    pickup_body = pickup_cancel_body = manifest_body = _body

    def parse_response(self, operation, response, profile, request=None):
        if operation == "pickup_buy":
            # Answered as the pickup it buys.
            operation, request = "pickup", _ANY_PICKUP
        return super().parse_response(operation, response, profile, request)

    def read_rate(self, tree, request, response):
        return tuple(
            Quote(
                service=service,
                total=Decimal(str(total)),
                currency=currency,
                name=service.title(),
                charges=_charges({"freight": total}, currency),
                transit_days=days,
            )
            for service, total, currency, days in tree["quotes"]
        )

    def read_book(self, tree, request, response):
        if "parcels" not in tree:
            raise AnswerError("The answer has no parcels")
        currency = tree.get("currency", "USD")
        return Booked(
            partner_id=tree["id"],
            packages=tuple(
                BookedPackage(
                    reference,
                    number,
                    f"id-{number}",
                    _charges(tree.get("parcel_charges", {}), currency),
                )
                for reference, number in tree["parcels"]
            ),
            documents=_documents(tree),
            charges=_charges(tree.get("charges", {}), currency),
        )

    read_return = read_book

    def read_cancel(self, tree, request, response):
        return Cancelled(tree.get("fate", "done"), tree.get("text", ""))

    read_pickup_cancel = read_cancel

    def read_label(self, tree, request, response):
        return _documents(tree)

    def read_pickup(self, tree, request, response):
        if "offer" in tree:
            return NextCall("pickup_buy", {"offer": tree["offer"]}, "the only offer")
        return PickupBooked(tree["confirmation"])

    def read_manifest(self, tree, request, response):
        return Manifested(
            tree["id"],
            _documents(tree),
            tuple((reference, why) for reference, why in tree.get("missing", ())),
        )


class OneByOne(ParcelCo):
    """A carrier that takes one parcel in a booking, and wants a phone number."""

    max_packages = 1
    required = ("recipient.phone",)


_ANY_PICKUP = {
    "reference": "any",
    "address": {"country": "US"},
    "ready_at": "2026-01-01T10:00:00+00:00",
    "close_at": "2026-01-01T12:00:00+00:00",
}


def _charges(amounts, currency):
    return tuple(
        Charge(code, Decimal(str(amount)), currency) for code, amount in amounts.items()
    )


def _documents(tree):
    return tuple(
        Document(
            kind=document.get("kind", "label"),
            name=document.get("name", ""),
            content_type=document.get("content_type", "application/pdf"),
            data=base64.b64decode(document.get("data", "")),
            url=document.get("url", ""),
            package=document.get("package", ""),
        )
        for document in tree.get("documents", ())
    )


def good(**values):
    """Return an answer of the carrier that says yes."""
    return Response(200, JSON, json.dumps(values).encode())


def refusal(text, status=422):
    """Return an answer of the carrier that says no."""
    return Response(status, JSON, json.dumps({"error": text}).encode())


def paper(kind="label", package="", data=PDF, **values):
    """Return a document as the carrier writes it."""
    return {
        "kind": kind,
        "package": package,
        "data": base64.b64encode(data).decode(),
        **values,
    }


class Asked(NamedTuple):
    """A call as the carrier saw it."""

    operation: str
    body: dict
    url: str
    headers: dict


class FakeCarrier:
    """What stands where the network would be.

    :ivar calls: the :class:`Asked`, in their order
    :ivar quotes: (service, total, currency, days) it rates with
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.count = 0
        self.calls = []
        self.prepared = defaultdict(list)
        self.quotes = [("ground", "8.00", "USD", 3)]

    def prepare(self, operation, *answers):
        """Answer the next calls of an operation like this: each a
        :class:`Response`, an exception, or a function of the call."""
        self.prepared[operation] += answers

    def send(self, call):
        """Answer a call instead of the transport."""
        url = call.outbound.url
        operation = urlsplit(url).path.strip("/").split("/")[0]
        body = json.loads(call.outbound.body) if call.outbound.body else {}
        asked = Asked(operation, body, url, dict(call.outbound.headers))
        with self.lock:
            self.calls.append(asked)
            answers = self.prepared[operation]
            answer = answers.pop(0) if answers else getattr(self, f"_{operation}")
        if callable(answer):
            answer = answer(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def asked(self, operation):
        """Return the bodies of the calls of an operation."""
        return [call.body for call in self.calls if call.operation == operation]

    def requests(self, operation="book"):
        """Return what was asked as :class:`ShipRequest`."""
        return [from_payload(ShipRequest, body) for body in self.asked(operation)]

    def number(self):
        """Return a tracking number that was never given out."""
        with self.lock:
            self.count += 1
            return f"PC{self.count:06d}"

    def _rate(self, asked):
        return good(quotes=self.quotes)

    def _book(self, asked, kind="label", **values):
        parcels = [
            (package["reference"], self.number()) for package in asked.body["packages"]
        ]
        return good(
            **{
                "id": f"shipment-{parcels[0][1]}",
                "parcels": parcels,
                "documents": [paper(kind, reference) for reference, _n in parcels],
                "charges": {"freight": "7.31", "fuel": "0.42"},
                **values,
            }
        )

    def _return(self, asked):
        return self._book(asked, "return_label", charges={})

    def _cancel(self, asked):
        return good(fate="done", text="Voided")

    def _label(self, asked):
        return good(documents=[paper(data=b"%PDF-1.4 fetched")])

    def _document(self, asked):
        return Response(200, {"content-type": "application/pdf"}, b"%PDF-1.4 kept")

    def _pickup(self, asked):
        return good(confirmation="C-1")

    _pickup_buy = _pickup
    _pickup_cancel = _cancel

    def _manifest(self, asked):
        return good(id="M-1", documents=[paper("manifest", name="manifest.pdf")])


class Site(NamedTuple):
    """A company that ships."""

    company: object
    warehouse: object
    connector: object
    carrier: object
    packer: object
    seller: object


class CarrierCommon(LogisticsCommon):
    """A company whose warehouse books with a carrier of this process.

    What people do is done as :attr:`packer`, who may work in the warehouse and
    nothing else, and as :attr:`seller`, who may sell.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Those of demo data would be compared, too.
        cls.env["delivery.carrier"].search([]).active = False
        cls.fake = FakeCarrier()
        connectors = cls.env.registry["logistics.connector"]
        known = connectors._adapter_classes
        for target in (
            patch.object(
                connectors,
                "_adapter_classes",
                lambda self: {**known(self), "parcelco": ParcelCo, "single": OneByOne},
            ),
            patch(f"{OUTBOX}.send", cls.fake.send),
            patch(f"{MODULE}.logistics_rate.send", cls.fake.send),
        ):
            cls.startClassPatcher(target)
        cls.outbox = cls.env["logistics.outbox"]
        cls.profile = cls._create_profile()
        cls.product = cls._create_product("Lamp", default_code="LAMP")
        cls.customer = cls._create_address("Ada Customer", "Boston", "02108", "MA")
        cls.site = cls._create_site(cls.env.company)
        cls.company, cls.warehouse = cls.site.company, cls.site.warehouse
        cls.connector, cls.carrier = cls.site.connector, cls.site.carrier
        cls.packer, cls.seller = cls.site.packer, cls.site.seller

    def setUp(self):
        super().setUp()
        self.fake.reset()
        self._note_exceptions()

    def _note_exceptions(self):
        """Keep what would go to a queue, in :attr:`raised` and :attr:`resolved`."""
        self.raised, self.resolved = [], []
        test = self

        def note_raised(record, code, **evidence):
            test.raised.append((record._name, code, evidence))

        def note_resolved(record, code, **evidence):
            test.resolved.append((record._name, code, evidence))

        for model in ("logistics.shipment", "logistics.message"):
            for name, function in (
                ("_raise_exception", note_raised),
                ("_resolve_exception", note_resolved),
            ):
                self.patch(self.env.registry[model], name, function)

    # === WHAT THERE IS === #

    @classmethod
    def _create_profile(cls, key="parcelco", adapter="parcelco", without=()):
        data = {
            **PARCELCO,
            "key": key,
            "adapter": adapter,
            "operations": {
                name: spec
                for name, spec in PARCELCO["operations"].items()
                if name not in without
            },
        }
        return cls.env["logistics.profile"].create(
            {
                "name": data["name"],
                "key": key,
                "version": 1,
                "data_json": json.dumps(data),
            }
        )

    @classmethod
    def _create_product(cls, name, **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "consu",
                "weight": 1.2,
                "list_price": 20.0,
                "taxes_id": [Command.clear()],
                "hs_code": "940521",
                **values,
            }
        )

    @classmethod
    def _create_address(cls, name, city, zip_code, state, **values):
        country = cls.env.ref("base.us")
        return cls.env["res.partner"].create(
            {
                "name": name,
                "street": "1 Main Street",
                "city": city,
                "zip": zip_code,
                "state_id": cls.env["res.country.state"]
                .search([("country_id", "=", country.id), ("code", "=", state)])
                .id,
                "country_id": country.id,
                "phone": "+1 617 555 0100",
                "email": "ada@example.com",
                **values,
            }
        )

    @classmethod
    def _create_site(cls, company, suffix=""):
        warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", company.id)], limit=1
        )
        warehouse.partner_id = cls._create_address(
            f"Depot{suffix}", "San Francisco", "94105", "CA", is_company=True
        )
        connector = cls._create_connector(
            name=f"Parcel Co{suffix}", company_id=company.id
        )
        return Site(
            company,
            warehouse,
            connector,
            cls._create_carrier(connector),
            cls._create_user(f"packer{suffix}", "stock.group_stock_user", company),
            cls._create_user(
                f"seller{suffix}", "sales_team.group_sale_salesman", company
            ),
        )

    @classmethod
    def _create_carrier(cls, connector=None, **values):
        connector = connector or cls.connector
        # The company of a method is that of its product.
        company = values.pop("company_id", connector.company_id.id)
        shipping = cls._create_product("Shipping", type="service", company_id=company)
        return cls.env["delivery.carrier"].create(
            {
                "name": "Ground",
                "delivery_type": "logistics",
                "integration_level": "rate_and_ship",
                "product_id": shipping.id,
                "logistics_connector_id": connector.id,
                "logistics_service": "ground",
                **values,
            }
        )

    @classmethod
    def _create_special(cls, key, adapter="parcelco", without=(), **values):
        """Return a delivery method of a carrier that is special."""
        profile = cls._create_profile(key, adapter, without)
        connector = cls._create_connector(name=key, profile_id=profile.id)
        return cls._create_carrier(connector, name=key, **values)

    # === WHAT PEOPLE DO === #

    def _create_delivery(self, quantity=2, site=None, **values):
        """Return a delivery that is ready, as the packer sees it."""
        site = site or self.site
        picking_type = site.warehouse.out_type_id
        places = {
            "location_id": picking_type.default_location_src_id.id,
            "location_dest_id": self.env.ref("stock.stock_location_customers").id,
        }
        product = values.pop("product", self.product)
        picking = (
            self.env["stock.picking"]
            .with_user(site.packer)
            .with_context(skip_sms=True)
            .create(
                {
                    "picking_type_id": picking_type.id,
                    "partner_id": self.customer.id,
                    "carrier_id": site.carrier.id,
                    "move_ids": [
                        Command.create(
                            {
                                "product_id": one.id,
                                "product_uom_qty": quantity,
                                **places,
                            }
                        )
                        for one in product
                    ],
                    **places,
                    **values,
                }
            )
        )
        picking.action_confirm()
        self._pick(picking)
        return picking

    def _create_order(self, carrier=None, price=None, site=None, quantity=2, **values):
        """Return a confirmed order, as the seller sees it."""
        site = site or self.site
        order = (
            self.env["sale.order"]
            .with_user(site.seller)
            .create(
                {
                    "partner_id": self.customer.id,
                    "order_line": [
                        Command.create(
                            {
                                "product_id": self.product.id,
                                "product_uom_qty": quantity,
                            }
                        )
                    ],
                    **values,
                }
            )
        )
        if price is not None:
            order.set_delivery_line(carrier or site.carrier, price)
        return order

    def _create_euro(self, rate):
        """Return the euro, of which a dollar buys so many."""
        euro = self.env.ref("base.EUR")
        euro.active = True
        values = {"name": "2020-01-01", "rate": rate, "company_id": self.company.id}
        euro.rate_ids = [Command.clear(), Command.create(values)]
        return euro

    def _create_foreign_order(self, rate, **values):
        """Return an order in euros, as the seller sees it."""
        pricelist = self.env["product.pricelist"].create(
            {"name": "Europe", "currency_id": self._create_euro(rate).id}
        )
        return self._create_order(pricelist_id=pricelist.id, **values)

    def _sell(self, carrier=None, price=8.0, site=None, **values):
        """Return the delivery of a confirmed order, ready, as the packer sees it."""
        site = site or self.site
        order = self._create_order(carrier, price, site, **values)
        order.action_confirm()
        picking = self._as(site.packer, order.sudo().picking_ids)
        self._pick(picking)
        return picking

    def _pick(self, picking):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty
        picking.move_ids.picked = True

    def _pack(self, picking, *quantities, weight=0.0, package_type=None):
        """Put the only product of a delivery into several packages.

        :return: the packages, in the order Odoo lists them
        """
        move = picking.move_ids
        packages = self.env["stock.package"].create(
            [
                {
                    "shipping_weight": weight,
                    "package_type_id": package_type.id if package_type else False,
                }
                for _quantity in quantities
            ]
        )[::-1]
        move.move_line_ids.unlink()
        move.move_line_ids = [
            Command.create(
                {
                    **move._prepare_move_line_vals(),
                    "quantity": quantity,
                    "result_package_id": package.id,
                    "picked": True,
                }
            )
            for quantity, package in zip(quantities, packages, strict=True)
        ]
        return packages

    def _as(self, user, records):
        return records.sudo(False).with_user(user).with_context(skip_sms=True)

    def _drain(self):
        """Let the worker send what is due, and the time pass that papers wait."""
        self.outbox._drain()
        self.lane._drain()
        self.env.invalidate_all()

    def _ship(self, **values):
        """Return a delivery that is validated and booked."""
        picking = self._create_delivery(**values)
        picking.button_validate()
        self._drain()
        return picking

    def _let_time_pass(self, **time):
        """Let the database's clock go on."""
        self.env.cr._now = self.env.cr.now() + timedelta(**time)

    # === WHAT TESTS SEE === #

    def _booking(self, picking):
        """Return the newest booking of a transfer, with all rights."""
        return picking.sudo().logistics_booking_ids.sorted("id")[-1:]

    def _messages_of(self, picking):
        return "\n".join(map(str, picking.sudo().message_ids.mapped("body")))

    def _codes(self):
        return [code for _model, code, _evidence in self.raised]

    def _today(self):
        return fields.Date.today()
