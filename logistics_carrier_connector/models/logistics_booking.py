# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import logging
import secrets
import uuid
from dataclasses import replace
from datetime import timezone
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from odoo.addons.logistics_canonical.core.adapter import Result
from odoo.addons.logistics_canonical.core.calls import CallError
from odoo.addons.logistics_canonical.core.events import (
    CanonicalEvent,
    Reference,
    normalise_reference,
)
from odoo.addons.logistics_canonical.core.identity import event_identity
from odoo.addons.logistics_canonical.models.logistics_outbox import DisbelievedError

from ..core.carrier import why_not
from ..core.shipping import Booked, BookedPackage, BookedRef, to_payload

audit = logging.getLogger("odoo.addons.logistics_canonical.audit")

#: A parcel with a booking in one of these states can't be booked again.
LIVE = ("booking", "booked", "cancelling")
#: Kinds of documents that go on a parcel.
LABELS = ("label", "return_label")
EXTENSIONS = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/gif": "gif",
    "application/zpl": "zpl",
    "text/plain": "zpl",
}


class LogisticsBooking(models.Model):
    """Parcels a carrier was asked to take, once.

    Written together with the outbox message that asks; the carrier's answer moves it
    on. Its reference is never used twice, so that the carrier can be asked about it.
    """

    _name = "logistics.booking"
    _description = "Carrier Booking"
    _inherit = ["logistics.owner.mixin"]
    _order = "id desc"
    _check_company_auto = True
    _rec_name = "reference"
    _rec_names_search = ["reference", "number"]

    reference = fields.Char(
        string="Booking",
        required=True,
        readonly=True,
        help="How the carrier knows it from us.",
    )
    kind = fields.Selection(
        [("ship", "Delivery"), ("return", "Return")], required=True, readonly=True
    )
    state = fields.Selection(
        [
            ("booking", "Booking…"),
            ("booked", "Booked"),
            ("failed", "Refused"),
            ("cancelling", "Cancelling…"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="booking",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    carrier_id = fields.Many2one(
        "delivery.carrier", string="Delivery Method", required=True, readonly=True
    )
    connector_id = fields.Many2one(
        "logistics.connector",
        required=True,
        readonly=True,
        groups="logistics_canonical.group_logistics_user",
    )
    picking_id = fields.Many2one(
        "stock.picking", string="Transfer", readonly=True, index="btree_not_null"
    )
    partner_id = fields.Many2one(related="picking_id.partner_id")
    shipment_id = fields.Many2one(
        "logistics.shipment",
        required=True,
        readonly=True,
        index=True,
        groups="logistics_canonical.group_logistics_user",
    )
    parcel_ids = fields.Many2many(
        "logistics.parcel",
        string="Parcels",
        readonly=True,
        groups="logistics_canonical.group_logistics_user,"
        "logistics_canonical.group_auditor",
    )
    parcel_count = fields.Integer(readonly=True)
    service = fields.Char(readonly=True)
    number = fields.Char(
        string="Tracking Number", readonly=True, index="trigram", copy=False
    )
    partner_ref = fields.Char(string="Carrier's Reference", readonly=True)
    parcel_refs = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    settings = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    error_text = fields.Text(string="Why", readonly=True)
    # Messages know their booking: to write it down here as well would be one more
    # update while somebody waits at the packing desk.
    message_id = fields.Many2one(
        "logistics.message",
        compute="_compute_messages",
        compute_sudo=True,
        groups="logistics_canonical.group_logistics_user",
    )
    cancel_message_id = fields.Many2one(
        "logistics.message",
        compute="_compute_messages",
        compute_sudo=True,
        groups="logistics_canonical.group_logistics_user",
    )
    progress = fields.Char(
        compute="_compute_progress", help="What it waits for, while it does."
    )
    label_ids = fields.Many2many(
        "ir.attachment", string="Labels", readonly=True, copy=False
    )
    missing_labels = fields.Integer(
        readonly=True, help="Labels the carrier keeps and we have not fetched yet."
    )
    can_fetch_label = fields.Boolean(compute="_compute_can_fetch_label")
    is_printed = fields.Boolean(readonly=True)
    booked_at = fields.Datetime(string="Booked On", readonly=True)
    weight = fields.Float(string="Weight (kg)", digits="Stock Weight", readonly=True)
    charge_ids = fields.One2many(
        "logistics.charge",
        "booking_id",
        groups="logistics_carrier_connector.group_charges",
    )
    amount = fields.Monetary(
        string="Booked Price",
        readonly=True,
        groups="logistics_carrier_connector.group_charges",
    )
    quoted_amount = fields.Monetary(
        string="Quoted Price",
        readonly=True,
        groups="logistics_carrier_connector.group_charges",
    )
    currency_id = fields.Many2one("res.currency", readonly=True)
    cod_amount = fields.Float(
        string="Cash on Delivery",
        readonly=True,
        digits="Product Price",
        help="What the carrier collects with these parcels.",
    )
    pickup_id = fields.Many2one(
        "logistics.pickup", readonly=True, index="btree_not_null"
    )
    manifest_id = fields.Many2one(
        "logistics.manifest", readonly=True, index="btree_not_null"
    )

    _reference_uniq = models.Constraint(
        "UNIQUE(reference)", "A reference of ours is used once."
    )
    # What a desk looks at: the few that are under way or failed.
    _open_idx = models.Index(
        "(company_id, state) WHERE state IN ('booking', 'failed', 'cancelling')"
    )

    # Whatever is asked moves the state.
    @api.depends("state")
    def _compute_messages(self):
        asked = self._last_messages("book", "return")
        cancelled = self._last_messages("cancel")
        for booking in self:
            booking.message_id = asked.get(booking.id)
            booking.cancel_message_id = cancelled.get(booking.id)

    def _compute_progress(self):
        for booking in self:
            # Why a message waits is for everybody who waits for it.
            message = booking.sudo()._current_message()
            booking.progress = message.why_waiting if message else False

    @api.depends("state", "connector_id")
    def _compute_can_fetch_label(self):
        for booking in self:
            # What a carrier offers is no secret; its connector is closed to most.
            booking.can_fetch_label = (
                booking.state == "booked" and booking.sudo()._can_fetch_label()
            )

    def _current_message(self):
        """Return the message that moves this booking on, empty if none does."""
        self.ensure_one()
        if self.state == "booking":
            return self.message_id
        if self.state == "cancelling":
            return self.cancel_message_id
        return self.env["logistics.message"]

    def _summary(self):
        """Return the one state that tells how far these bookings are together."""
        states = {booking.state for booking in self}
        live = states - {"cancelled"}
        # What failed matters only until it is booked again.
        if "failed" in live and all(
            parcel.booking_id for booking in self for parcel in booking.parcel_ids
        ):
            live.discard("failed")
        for state in ("failed", "booking", "cancelling", "booked"):
            if state in live:
                return state
        return "cancelled" if states else "none"

    def _sentence(self, state):
        """Return what to say about these bookings beside their state."""
        if state == "failed":
            failed = self.filtered(lambda booking: booking.state == "failed")
            return failed[:1].error_text
        if state in ("booking", "cancelling"):
            return self.filtered(lambda booking: booking.state == state)[:1].progress
        return False

    # === BOOKING === #

    @api.model
    def _book(self, carrier, picking, shipment, requests, kind, urgent=False):
        """Write bookings and the messages that ask for them.

        :param carrier: ``delivery.carrier``
        :param requests: list of (parcels, function from reference to
            :class:`~..core.shipping.ShipRequest`)
        :param str kind: ``ship`` or ``return``
        :param bool urgent: somebody stands at the desk and waits
        :return: the bookings
        """
        connector = carrier._logistics_ready_connector(picking.company_id)
        bookings = self.browse()
        # Shipping people cause bookings; nobody writes them by hand.
        for parcels, build in requests:
            parcels = parcels.sudo()
            if any(booking.state in LIVE for booking in parcels.booking_id):
                raise UserError(
                    self.env._(
                        "%s is booked already, or being booked. Cancel that booking "
                        "first.",
                        ", ".join(parcels.mapped("name")),
                    )
                )
            reference = new_reference()
            request = build(reference)
            booking = self.sudo().create(
                {
                    "reference": reference,
                    "kind": kind,
                    "company_id": shipment.sudo().company_id.id,
                    "carrier_id": carrier.id,
                    "connector_id": connector.id,
                    "picking_id": picking.id,
                    "shipment_id": shipment.id,
                    "parcel_ids": [Command.set(parcels.ids)],
                    "parcel_count": len(parcels),
                    "service": request.service,
                    # With it a label is asked for again in the same form.
                    "settings": {
                        "label_format": request.label_format,
                        **request.settings,
                    },
                    "cod_amount": float(request.cod),
                    "weight": sum(package.weight for package in request.packages),
                }
            )
            # Written to the parcel itself: of two transactions that book it at once,
            # the second fails and finds the first one's when it is run again.
            parcels.write({"booking_id": booking.id, "connector_id": connector.id})
            connector._enqueue(
                "return" if kind == "return" else "book",
                to_payload(request),
                record=booking,
                lane="realtime" if urgent else "standard",
                priority=10 if urgent else 0,
                idempotency_key=reference,
            )
            bookings |= booking
        return bookings

    def _quote(self):
        """Return what the carrier quoted for the order, None if it did not.

        :rtype: :class:`~..core.shipping.Quote`
        """
        self.ensure_one()
        order = self.picking_id.sudo().sale_id
        if not order or self.kind != "ship":
            return None
        rates = self.env["logistics.rate"].search(
            [
                ("order_id", "=", order.id),
                ("connector_id", "=", self.connector_id.id),
            ]
        )
        # Newest first; another method of the same connector may have asked last.
        for rate in rates:
            quotes = [
                quote
                for quote in rate._quotes()
                if not self.service or quote.service == self.service
            ]
            if quotes:
                return min(quotes, key=lambda quote: quote.total)
        return None

    def _note_quote(self):
        """Keep what the carrier quoted, beside what it booked."""
        quote = self._quote()
        if quote:
            parcels = [(self.env["logistics.parcel"], quote)]
            self._add_charges("quoted", parcels, quote.total, quote.currency)

    # === WHAT IS ASKED === #

    def _logistics_shipment(self):
        """See the mixin."""
        return self.shipment_id

    def _logistics_payload(self, operation, payload):
        """See the mixin: a cancellation names what the booking brought."""
        self.ensure_one()
        if operation in ("book", "return"):
            if self.state == "cancelling":
                # The carrier has not got it, so there is nothing to take back.
                self._cancelled(self.env._("Cancelled before it was carried out."))
            if self.state != "booking" or any(
                parcel.booking_id != self for parcel in self.parcel_ids
            ):
                return None, self.env._("This booking is not wanted any more")
            return payload, ""
        if operation == "cancel":
            if self.state != "cancelling":
                return None, self.env._("There is nothing to cancel")
            if not self.number and not self.partner_ref:
                raise CallError(
                    self.env._(
                        "The carrier's number is not known: its answer to the booking "
                        "could not be taken over. Open the booking's message and press "
                        "Retry, then cancel again."
                    )
                )
            return to_payload(self._ref()), ""
        if self.state == "cancelled":
            return None, self.env._("The label of a cancelled booking is not wanted")
        if operation == "label":
            return to_payload(self._ref()), ""
        return payload, ""

    def _ref(self):
        """Return this booking as the carrier knows it.

        :rtype: :class:`~..core.shipping.BookedRef`
        """
        self.ensure_one()
        return BookedRef(
            reference=self.reference,
            partner_id=self.partner_ref or "",
            number=self.number or "",
            parcels=tuple(
                (str(ref), str(number)) for ref, number in self.parcel_refs or ()
            ),
            service=self.service or "",
            settings=self.settings or {},
        )

    def _logistics_choices(self, operation):
        """See the mixin."""
        self.ensure_one()
        price = self._price_text()
        if operation == "cancel":
            return (
                self.env._("Cancelling twice costs nothing."),
                self.env._("The carrier goes on charging %s.", price),
            )
        return (
            self.env._(
                "if it was booked after all, a second label is paid: %s.", price
            ),
            self.env._("if it was not booked after all, the parcel has no label."),
        )

    def _price_text(self):
        amount, currency = self.quoted_amount or self.amount, self.currency_id
        if not amount and (quote := self._quote()):
            amount = float(quote.total)
            # What carriers charge in need not be in use here.
            currency = currency.with_context(active_test=False).search(
                [("name", "=", quote.currency)], limit=1
            )
        if not amount or not currency:
            return self.env._("the price is not known")
        return currency.format(amount)

    # === WHAT IS ANSWERED === #

    def _logistics_apply(self, operation, result):
        """See the mixin."""
        self.ensure_one()
        if operation in ("book", "return"):
            return self._apply_booked(result)
        if operation == "cancel":
            return self._apply_cancelled(result)
        if operation in ("document", "label"):
            return self._apply_documents(operation, result)
        return False

    def _apply_booked(self, result):
        if "decided" in result.data:
            return self._apply_decided(result.data["decided"])
        if not result.ok:
            return self._fail(why_not(result))
        booked = result.data["value"]
        parcels = self._match_parcels(booked)
        self._refuse_foreign(booked)
        for parcel, package in parcels:
            parcel.tracking_number = package.tracking_number or False
        numbers = [
            package.tracking_number
            for _parcel, package in parcels
            if package.tracking_number
        ]
        self.write(
            {
                "state": "cancelling" if self.state == "cancelling" else "booked",
                "number": booked.number or ", ".join(numbers[:1]) or False,
                "partner_ref": booked.partner_id,
                "parcel_refs": [
                    [package.partner_id, package.tracking_number]
                    for _parcel, package in parcels
                ],
                "booked_at": self.env.cr.now(),
                "error_text": False,
            }
        )
        if self.number and self.number not in numbers:
            self.shipment_id._attach_reference("master_tracking_number", self.number)
        self._note_numbers()
        self._note_quote()
        self._add_booked_charges(booked, parcels)
        self._tell("booked", numbers)
        self._take_documents(booked.documents)
        self.shipment_id._booking_succeeded()
        self._notify("booked")
        audit.info("booking %s booked %s", self.reference, ", ".join(numbers))
        return True

    def _match_parcels(self, booked):
        """Return (parcel, :class:`BookedPackage`) for each of our parcels.

        :raise DisbelievedError: when the carrier tells of fewer or more
        """
        parcels = self.parcel_ids.sorted("id")
        by_place = {f"{self.reference}-{n}": p for n, p in enumerate(parcels, 1)}
        if len(booked.packages) != len(parcels):
            raise DisbelievedError(
                self.env._(
                    "The carrier answered with %(count)s numbers for %(parcels)s "
                    "parcels",
                    count=len(booked.packages),
                    parcels=len(parcels),
                )
            )
        if {package.reference for package in booked.packages} == set(by_place):
            return [
                (by_place[package.reference], package) for package in booked.packages
            ]
        return list(zip(parcels, booked.packages, strict=True))

    def _refuse_foreign(self, booked):
        """Refuse the answer to another question.

        :raise DisbelievedError: when a number belongs to another booking already
        """
        numbers = [package.tracking_number for package in booked.packages]
        if self.kind == "return" and not any(numbers):
            # Some platforms number a return when its label is used.
            return
        if len(set(numbers)) != len(numbers) or not all(numbers):
            raise DisbelievedError(
                self.env._("The carrier answered with the same number twice, or none")
            )
        others = self.env["logistics.parcel"].search(
            [
                ("tracking_number", "in", numbers),
                ("connector_id", "=", self.connector_id.id),
                ("id", "not in", self.parcel_ids.ids),
                ("booking_id", "!=", False),
            ],
            limit=1,
        )
        if others:
            raise DisbelievedError(
                self.env._(
                    "The carrier answered with %(number)s, which is the number of "
                    "%(booking)s",
                    number=others.tracking_number,
                    booking=others.booking_id.reference,
                )
            )

    def _apply_decided(self, decided):
        """A person found out that the carrier has it."""
        number = decided.get("number") or ""
        numbers = [part.strip() for part in number.split(",") if part.strip()]
        parcels = self.parcel_ids.sorted("id")
        if len(numbers) != len(parcels):
            raise UserError(
                self.env._(
                    "Enter the carrier's tracking numbers, separated by commas: one "
                    "for each of %s parcels.",
                    len(parcels),
                )
            )
        if any(parcel.booking_id - self for parcel in parcels):
            raise UserError(
                self.env._(
                    "%s was booked anew meanwhile. Cancel one of the two bookings at "
                    "the carrier.",
                    ", ".join(parcels.mapped("name")),
                )
            )
        parcels.booking_id = self
        packages = tuple(
            BookedPackage(f"{self.reference}-{place}", found)
            for place, found in enumerate(numbers, 1)
        )
        try:
            return self._apply_booked(Result(data={"value": Booked("", packages)}))
        except DisbelievedError as error:
            raise UserError(str(error)) from error

    def _fail(self, why):
        """The carrier refused, or could not be reached in time."""
        was_cancelling = self.state == "cancelling"
        self.write(
            {"state": "cancelled" if was_cancelling else "failed", "error_text": why}
        )
        self._release_parcels()
        if not was_cancelling:
            self.shipment_id._booking_failed(self, why)
            self._notify("failed", why)
        return True

    def _release_parcels(self):
        """Let the parcels be booked again."""
        self.parcel_ids.filtered(lambda p: p.booking_id in self).booking_id = False

    def _note_numbers(self):
        """Write the numbers on the transfers, where Odoo looks for them."""
        for booking in self:
            numbers = booking.parcel_ids.sorted("id").mapped("tracking_number")
            for picking in booking._numbered_pickings():
                every = [*picking._logistics_tracking_numbers(), *filter(None, numbers)]
                picking.carrier_tracking_ref = ",".join(dict.fromkeys(every)) or False

    def _numbered_pickings(self):
        """Return the transfers that bear the numbers of this booking: its own, and
        the deliveries that it was made for at an earlier step."""
        if self.kind == "return":
            return self.picking_id.browse()
        later = self.picking_id._logistics_later_steps()
        return self.picking_id | later.filtered(
            lambda p: p.picking_type_code == "outgoing"
        )

    def _tell(self, code, numbers):
        """Tell the timeline what became of these numbers."""
        when = self.env.cr.now().replace(tzinfo=timezone.utc)
        events = [
            CanonicalEvent(
                references=(Reference("tracking_number", number),),
                code=code,
                partner_text=self.carrier_id.name,
                occurred_at=when,
                occurred_text=when.isoformat(),
                reported_at=when,
                parcel=number,
                identity=event_identity(
                    reference_key=normalise_reference(number),
                    partner_id=f"{code}:{self.reference}",
                ),
            )
            for number in numbers
        ]
        self.env["logistics.shipment"]._ingest(events, self.message_id)

    # === CHARGES === #

    def _add_booked_charges(self, booked, parcels):
        lines = [(self.env["logistics.parcel"], booked)] if booked.charges else []
        lines += [(parcel, package) for parcel, package in parcels if package.charges]
        every = [charge for _parcel, line in lines for charge in line.charges]
        if not every:
            return
        total = sum((charge.amount for charge in every), Decimal())
        self._add_charges("booked", lines, total, every[0].currency)

    def _add_charges(self, stage, lines, total, currency_name):
        """Keep what is charged, line by line.

        :param lines: (parcel or none, something with ``charges``) pairs
        """
        currencies = self.env["res.currency"].with_context(active_test=False)
        by_name = {
            currency.name: currency
            for currency in currencies.search(
                [
                    (
                        "name",
                        "in",
                        [
                            currency_name,
                            *(c.currency for _p, line in lines for c in line.charges),
                        ],
                    )
                ]
            )
        }
        vals_list = []
        for parcel, line in lines:
            for charge in line.charges or ():
                if charge.currency not in by_name:
                    continue
                vals_list.append(
                    {
                        "booking_id": self.id,
                        "parcel_id": parcel.id,
                        "stage": stage,
                        "code": charge.code,
                        "amount": float(charge.amount),
                        "currency_id": by_name[charge.currency].id,
                        "weight": float(getattr(line, "weight", 0) or 0),
                        "weight_basis": getattr(line, "weight_basis", "") or False,
                        "partner_code": charge.partner_code,
                        "text": charge.text,
                    }
                )
        if stage == "quoted" and not vals_list and currency_name in by_name:
            vals_list.append(
                {
                    "booking_id": self.id,
                    "stage": stage,
                    "code": "total",
                    "amount": float(total),
                    "currency_id": by_name[currency_name].id,
                }
            )
        self.env["logistics.charge"].create(vals_list)
        if currency_name in by_name:
            field = "quoted_amount" if stage == "quoted" else "amount"
            self.write({field: float(total), "currency_id": by_name[currency_name].id})
        if stage == "booked":
            self.picking_id._logistics_bill_real_cost()

    # === LABELS === #

    def _take_documents(self, documents):
        """Take over what a booking brought; ask for the label where none came."""
        self.missing_labels = self._take_papers(documents)
        if any(document.kind in LABELS for document in documents):
            return
        if self._can_fetch_label():
            self._fetch_label()
        else:
            self._miss_label(
                self.env._("%s gives each label once.", self.carrier_id.name)
            )

    def _take_papers(self, documents):
        """Attach papers, and fetch those the carrier keeps.

        :return: how many labels are still to come
        """
        here = [document for document in documents if document.data]
        away = [
            document for document in documents if document.url and not document.data
        ]
        if here:
            self._attach(here)
        now = self.env.cr.now()
        for place, document in enumerate(away):
            self.connector_id._enqueue(
                "document",
                to_payload(document),
                record=self,
                lane="realtime",
                # The same paper may be fetched once more, another time.
                idempotency_key=(
                    f"{self.reference}:{place}:{now:%Y%m%d%H%M%S}:{document.url}"
                ),
            )
        return sum(document.kind in LABELS for document in away)

    def _miss_label(self, why):
        """The parcel is booked, and there is no label to stick on it."""
        self.shipment_id._raise_exception(
            "label_missing",
            reference=self.reference,
            reference_key=self.reference,
            message=self.message_id,
            why=self.number or self.reference,
            text=self.env._(
                "%(booking)s is booked under %(number)s, but its label is not here. "
                "%(why)s Print it from the carrier's site, or cancel the booking and "
                "book again.",
                booking=self.reference,
                number=self.number or self.partner_ref or "-",
                why=why,
            ),
        )

    def _can_fetch_label(self):
        return "label" in self.connector_id._compiled_profile().operations

    def _fetch_label(self):
        """Ask the carrier for the labels again."""
        now = self.env.cr.now()
        self.missing_labels = max(self.missing_labels, 1)
        return self.connector_id._enqueue(
            "label",
            {},
            record=self,
            lane="realtime",
            idempotency_key=f"{self.reference}:label:{now:%Y%m%d%H%M%S}",
        )

    def _apply_documents(self, operation, result):
        if not result.ok:
            why = self.env._(
                "The label of %(booking)s could not be fetched: %(why)s",
                booking=self.reference,
                why=why_not(result),
            )
            self._message_picking(why)
            if self.state != "booked" or not self.missing_labels:
                return False
            self._miss_label(f"{why.rstrip('.')}.")
            return True
        value = result.data["value"]
        documents = value if isinstance(value, tuple | list) else [value]
        away = self._take_papers(documents)
        here = sum(
            document.kind in LABELS and bool(document.data) for document in documents
        )
        self.missing_labels = max(self.missing_labels - here, away)
        return True

    def _attach(self, documents):
        """Attach papers to the transfer, under the names Odoo looks for."""
        labels = [document for document in documents if document.kind in LABELS]
        others = [d for d in documents if d not in labels]
        carrier = self.carrier_id
        prefix = (
            carrier.get_return_label_prefix()
            if self.kind == "return"
            else carrier._get_delivery_label_prefix()
        )
        numbers = {
            f"{self.reference}-{place}": parcel.tracking_number
            for place, parcel in enumerate(self.parcel_ids.sorted("id"), 1)
        }
        vals_list = []
        for place, document in enumerate([*labels, *others], 1):
            number = numbers.get(document.package) or self.number or self.reference
            start = prefix if document in labels else carrier._get_delivery_doc_prefix()
            extension = EXTENSIONS.get(document.content_type, "bin")
            suffix = "" if len(documents) == 1 or document.package else f"-{place}"
            owner = self.picking_id or self.shipment_id
            vals_list.append(
                {
                    "name": f"{start}-{number}{suffix}.{extension}",
                    "raw": document.data,
                    "mimetype": document.content_type or "application/octet-stream",
                    "res_model": owner._name,
                    "res_id": owner.id,
                }
            )
        attachments = self.env["ir.attachment"].create(vals_list)
        self.label_ids |= attachments[: len(labels)]
        if labels:
            self.shipment_id._resolve_exception(
                "label_missing", reference_key=self.reference
            )
        if self.kind == "return" and carrier.get_return_label_from_portal:
            attachments.generate_access_token()
        if self.picking_id:
            self._message_picking(
                self.env._(
                    "%(carrier)s: %(number)s",
                    carrier=carrier.name,
                    number=", ".join(filter(None, numbers.values())),
                ),
                attachments,
            )
        self._notify("labels")

    def _message_picking(self, text, attachments=None):
        if self.picking_id:
            self.picking_id.message_post(
                body=text, attachment_ids=attachments.ids if attachments else []
            )

    def _notify(self, what, text=""):
        """Tell the screens of whoever waits for it."""
        user = self.create_uid
        if not user or user._is_superuser():
            return
        user._bus_send(
            "logistics_booking",
            {
                "booking_id": self.id,
                "picking_id": self.picking_id.id,
                "name": self.picking_id.name or self.reference,
                "event": what,
                "number": self.number or "",
                "text": text,
                "label_ids": self.label_ids.ids if what == "labels" else [],
                "open_labels": bool(
                    self.picking_id.picking_type_id.logistics_open_labels
                ),
            },
        )

    # === CANCELLING === #

    def _cancel(self):
        """Void these bookings, as far as they have come.

        What has not left is withdrawn; what may have left is cancelled at the
        carrier after its booking is over.
        """
        # Whoever may change the transfer may cancel its bookings; the caller checks.
        for booking in self.sudo():
            message = booking.message_id
            if booking.state == "booking" and (
                # What has an answer was made, whoever ended its message.
                message.state == "cancelled"
                and not message._stored_answer()
                or message._withdraw(
                    self.env._("The booking was cancelled before it left")
                )
            ):
                booking._cancelled(self.env._("Cancelled before it was sent."))
            elif booking.state == "failed":
                booking._cancelled(booking.error_text)
            elif booking.state in ("booking", "booked"):
                booking._void()
        return True

    def _void(self):
        """Ask the carrier to cancel."""
        if "cancel" not in self.connector_id._compiled_profile().operations:
            if self.state == "booking":
                raise UserError(
                    self.env._(
                        "%(booking)s is being booked, and %(carrier)s offers no way "
                        "to cancel. Wait for its number.",
                        booking=self.reference,
                        carrier=self.carrier_id.name,
                    )
                )
            self._cancelled(
                self.env._(
                    "%s offers no way to cancel. Destroy the label: what is never "
                    "handed over is not charged.",
                    self.carrier_id.name,
                )
            )
            return
        self.connector_id._enqueue(
            "cancel",
            {},
            record=self,
            lane="standard",
            after=self.message_id,
            # A cancellation that failed can be tried anew.
            idempotency_key=f"{self.reference}:cancel:{uuid.uuid4().hex[:8]}",
        )
        self.state = "cancelling"

    def _apply_cancelled(self, result):
        if "decided" in result.data:
            self._cancelled(self.env._("Cancelled, as a person found out."))
            return True
        if not result.ok:
            why = why_not(result)
            self.write({"state": "booked", "error_text": why})
            self.shipment_id._raise_exception(
                "void_failed",
                reference=self.reference,
                reference_key=self.reference,
                message=self.cancel_message_id,
                why=why,
                text=self.env._(
                    "%(booking)s (%(number)s) is still booked and will be charged: "
                    "the carrier did not cancel it. %(why)s",
                    booking=self.reference,
                    number=self.number or "",
                    why=why,
                ),
            )
            self._notify("void_failed", why)
            return True
        outcome = result.data["value"]
        self._cancelled(outcome.text)
        return True

    def _cancelled(self, text):
        """Write down that the carrier does not have it any more."""
        numbers = [n for n in self.parcel_ids.mapped("tracking_number") if n]
        if self.number and numbers:
            self._tell("cancelled", numbers)
        self.write({"state": "cancelled", "error_text": text or False})
        self._release_parcels()
        for picking in self._numbered_pickings() if numbers else ():
            left = [
                n for n in picking._logistics_tracking_numbers() if n not in numbers
            ]
            picking.carrier_tracking_ref = ",".join(left) or False
        if self.kind == "return":
            self._take_back_labels()
        shipment = self.shipment_id
        shipment._resolve_exception("void_failed", reference_key=self.reference)
        shipment._resolve_exception("label_missing", reference_key=self.reference)
        if not shipment.booking_ids.filtered(
            lambda b: b.state == "failed" and not b.parcel_ids.booking_id
        ):
            shipment._resolve_exception("booking_failed")
        self.picking_id._logistics_bill_real_cost()
        # What is cancelled is neither collected nor handed over.
        if self.pickup_id.state in ("draft", "failed"):
            self.pickup_id = False
        if self.manifest_id.state in ("draft", "failed"):
            self.manifest_id = False
        self._message_picking(
            self.env._(
                "The booking %(booking)s was cancelled. %(text)s",
                booking=self.reference,
                text=text or "",
            )
        )
        self._notify("cancelled", text)
        audit.info("booking %s cancelled", self.reference)

    def _take_back_labels(self):
        """Let the customer ask for another return label instead of a void one.

        Odoo knows return labels by how their names begin.
        """
        for label in self.label_ids:
            label.write({"name": f"Void-{label.name}", "access_token": False})

    # === ACTIONS === #

    def _check_shipper(self):
        """Only who may change the transfer may do something about its booking."""
        if self.picking_id:
            self.picking_id.check_access("write")
        else:
            self.check_access("read")
            if not self.env.user.has_group("stock.group_stock_user"):
                raise UserError(self.env._("Only warehouse people can do that."))

    def action_cancel(self):
        """Void at the carrier what was booked."""
        self._check_shipper()
        return self._cancel()

    def action_book_again(self):
        """Book the parcels of a refused or cancelled booking anew."""
        self._check_shipper()
        for booking in self:
            if booking.state not in ("failed", "cancelled"):
                raise UserError(
                    self.env._(
                        "%s is not over; there is nothing to repeat.", booking.reference
                    )
                )
            if booking.kind == "return":
                booking.picking_id._logistics_book_return()
            else:
                booking.picking_id._logistics_book(again=booking)
        return True

    def action_send_first(self):
        """Book this before the others."""
        self._check_shipper()
        # See _cancel.
        for message in self.sudo().message_id:
            if message.state in ("pending", "waiting"):
                message.priority = 10
        self.env["logistics.lane"]._wake_after_commit()
        return True

    def action_print(self):
        """Open the labels for printing, again if need be."""
        self._check_shipper()
        # Printing is no change of the booking; a void label is none to print.
        live = self.sudo().filtered(lambda b: b.state in LIVE)
        printed = live.filtered("label_ids")
        wanted = (live - printed).filtered("can_fetch_label")
        for booking in wanted:
            booking._fetch_label()
        if printed:
            printed.is_printed = True
            return {
                "type": "ir.actions.client",
                "tag": "logistics_print_labels",
                "params": {"label_ids": printed.label_ids.ids},
            }
        if wanted:
            # An error would take the question back.
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "message": self.env._(
                        "The label is being fetched. Try again in a moment."
                    ),
                    "type": "info",
                },
            }
        raise UserError(self.env._("There is no label to print."))

    def action_fetch_label(self):
        """Ask the carrier for the labels once more."""
        self._check_shipper()
        for booking in self:
            if booking.state != "booked":
                raise UserError(
                    self.env._("%s is not booked; it has no label.", booking.reference)
                )
            if not booking.can_fetch_label:
                raise UserError(
                    self.env._(
                        "%s gives each label once. It is attached to the transfer.",
                        booking.carrier_id.name,
                    )
                )
            booking.sudo()._fetch_label()
        return True

    def action_open_picking(self):
        """Open the transfer."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "stock.picking",
            "res_id": self.picking_id.id,
            "view_mode": "form",
        }

    def action_open_message(self):
        """Open the message that asks the carrier."""
        self.ensure_one()
        message = self._current_message() or self.message_id
        return {
            "type": "ir.actions.act_window",
            "res_model": "logistics.message",
            "res_id": message.id,
            "view_mode": "form",
        }


def new_reference():
    """Return a code no booking has, here or in a copy of this database, made of what
    is not mistaken for something else when it is read out."""
    return f"BK{base64.b32encode(secrets.token_bytes(7)).decode()[:10]}"


def named(request, reference):
    """Return a request under the reference of its booking.

    :param request: :class:`~..core.shipping.ShipRequest`
    :param str reference: ours, never used before
    """
    packages = tuple(
        replace(package, reference=f"{reference}-{place}")
        for place, package in enumerate(request.packages, 1)
    )
    return replace(request, reference=reference, packages=packages)
