# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .delivery_carrier import DELIVERY_TYPE, to_decimal
from .logistics_booking import LIVE, named

#: In the context while several transfers are validated: one's trouble is an
#: exception, no error.
KEEP_GOING = "logistics_keep_going"
SEPARATORS = re.compile(r"[,;|\n]+")


class StockPicking(models.Model):
    _inherit = "stock.picking"

    logistics_booking_ids = fields.One2many(
        "logistics.booking",
        "picking_id",
        # As the bookings themselves; people who sell read transfers, too.
        groups="stock.group_stock_user,logistics_canonical.group_logistics_user,"
        "logistics_canonical.group_auditor",
    )
    logistics_booking_state = fields.Selection(
        [
            ("none", "Not Booked"),
            ("booking", "Booking…"),
            ("booked", "Booked"),
            ("failed", "Refused"),
            ("cancelling", "Cancelling…"),
            ("cancelled", "Cancelled"),
        ],
        string="Booking",
        compute="_compute_logistics_booking_state",
        search="_search_logistics_booking_state",
    )
    logistics_booking_text = fields.Char(compute="_compute_logistics_booking_state")
    logistics_can_book = fields.Boolean(compute="_compute_logistics_booking_state")
    logistics_can_cancel = fields.Boolean(compute="_compute_logistics_booking_state")
    logistics_has_labels = fields.Boolean(compute="_compute_logistics_booking_state")
    logistics_can_return = fields.Boolean(compute="_compute_logistics_booking_state")
    logistics_cod_amount = fields.Float(
        string="Cash on Delivery",
        compute="_compute_logistics_cod_amount",
        store=True,
        readonly=False,
        digits="Product Price",
        copy=False,
        help="What the carrier collects from the consignee.",
    )
    logistics_delivery_line_id = fields.Many2one(
        "sale.order.line",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="Where the real cost of this transfer is charged to the customer.",
    )

    # === COMPUTES === #

    @api.depends(
        "logistics_booking_ids.state",
        "logistics_booking_ids.label_ids",
        "carrier_id",
        "carrier_tracking_ref",
        "state",
    )
    def _compute_logistics_booking_state(self):
        for picking in self:
            # How far a booking has come is for everybody who sees the transfer.
            bookings = picking.sudo().logistics_booking_ids
            ours = bookings.filtered(lambda b: b.kind == "ship")
            picking.logistics_booking_state = state = ours._summary()
            picking.logistics_booking_text = ours._sentence(state)
            books = picking.delivery_type == DELIVERY_TYPE
            picking.logistics_can_book = (
                books
                and picking.state in ("assigned", "done")
                and picking.picking_type_code != "incoming"
                and (
                    state in ("failed", "cancelled")
                    # Of several steps one books for all; its numbers are here, too.
                    or (state == "none" and not picking.carrier_tracking_ref)
                )
            )
            picking.logistics_can_cancel = any(
                booking.state in ("booking", "booked") for booking in bookings
            )
            picking.logistics_has_labels = bool(
                bookings.filtered(lambda b: b.state in LIVE).label_ids
            )
            picking.logistics_can_return = (
                books
                and picking.state == "done"
                and picking.picking_type_code == "outgoing"
                and picking.carrier_id.can_generate_return
            )

    def _search_logistics_booking_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        ours = Domain("kind", "=", "ship")
        # What failed matters only until it is booked again, see _summary.
        undone = Domain("state", "!=", "failed") | Domain(
            "parcel_ids", "any!", [("booking_id", "=", False)]
        )
        wanted = ours & undone & Domain("state", "in", list(value))
        # As in the compute, whatever the user may see of bookings.
        domain = Domain("logistics_booking_ids", "any!", wanted)
        if "none" in value:
            domain |= Domain("logistics_booking_ids", "not any!", ours)
        return Domain("id", "in", self.sudo()._search(domain))

    @api.depends("sale_id", "carrier_id.allow_cash_on_delivery")
    def _compute_logistics_cod_amount(self):
        for picking in self:
            picking.logistics_cod_amount = (
                picking._logistics_cod_due()
                if picking.carrier_id.allow_cash_on_delivery
                and picking.picking_type_code == "outgoing"
                else 0.0
            )

    def _logistics_cod_due(self):
        """Return what is still to be collected for the order of this transfer."""
        order = self.sale_id.sudo()  # warehouse people see no payments
        on_delivery = order.transaction_ids.filtered(
            lambda tx: (
                tx.state == "pending"
                and tx.provider_id.custom_mode == "cash_on_delivery"
            )
        )
        due = sum(on_delivery.mapped("amount"))
        # The first delivery collects; the rest of the order is paid by then.
        others = (order.picking_ids - self - self._origin).filtered(
            lambda picking: (
                picking.state != "cancel" and picking.picking_type_code == "outgoing"
            )
        )
        return max(due - sum(others.mapped("logistics_cod_amount")), 0.0)

    # === ODOO'S DELIVERY FLOW === #

    def write(self, vals):
        if "carrier_id" in vals:
            self._logistics_keep_carrier(vals["carrier_id"])
        result = super().write(vals)
        if "carrier_tracking_ref" in vals or "carrier_id" in vals:
            self._logistics_follow_tracking_ref()
        return result

    def unlink(self):
        # Whoever may delete a transfer need not see its bookings.
        self.sudo().logistics_booking_ids._cancel()
        return super().unlink()

    def button_validate(self):
        for picking in self:
            picking._logistics_check_packages()
        result = super().button_validate()
        if result is True:
            return self._logistics_after_validation() or result
        return result

    def _send_confirmation_email(self):
        # One transfer's trouble must not undo the others': it becomes an exception.
        if len(self) > 1:
            self = self.with_context(**{KEEP_GOING: True})
        for picking in self:
            # Odoo sends nothing that has a number; a package may have been added.
            if (
                picking.carrier_tracking_ref
                and picking.logistics_can_cancel
                and picking.picking_type_id.print_label
            ):
                picking._logistics_book(not picking.env.context.get(KEEP_GOING))
        return super()._send_confirmation_email()

    def send_to_shipper(self):
        """Book with the carrier; ours goes on in the background."""
        self.ensure_one()
        if self.delivery_type != DELIVERY_TYPE:
            return super().send_to_shipper()
        self.check_access("write")
        if elsewhere := self._logistics_booked_elsewhere():
            # This transfer may be younger than its number.
            elsewhere._note_numbers()
            return None
        raise_problems = not self.env.context.get(KEEP_GOING)
        self._logistics_book(raise_problems)
        carrier = self.carrier_id
        if (
            carrier.return_label_on_delivery
            and carrier.can_generate_return
            and not self.is_return_picking
        ):
            self._logistics_book_return(raise_problems)
        return None

    def cancel_shipment(self):
        """Cancel at the carrier; ours shows when the carrier has done it."""
        ours = self.filtered(
            lambda p: p.delivery_type == DELIVERY_TYPE or p.logistics_can_cancel
        )
        if ours:
            ours.check_access("write")
            ours.logistics_booking_ids._cancel()
        if self - ours:
            return super(StockPicking, self - ours).cancel_shipment()
        return True

    def action_cancel(self):
        """Cancel; what was booked for it is voided."""
        result = super().action_cancel()
        self._logistics_after_cancel()
        return result

    def _logistics_after_cancel(self):
        """Void what was booked for those of these transfers that are cancelled."""
        # Who may cancel a transfer need not see its bookings, as people who sell.
        cancelled = self.sudo().filtered(lambda p: p.state == "cancel")
        cancelled.logistics_booking_ids._cancel()
        for shipment in cancelled.logistics_shipment_ids:
            shipment._resolve_exception("booking_failed")

    def _logistics_after_validation(self):
        """Wait at the desk, or tell what is under way and what isn't."""
        if len(self) == 1 and not self.picking_type_id.logistics_label_wait:
            # What is under way is seen on it, and what isn't was told as an error.
            return None
        booking = self.filtered(lambda p: p.logistics_booking_state == "booking")
        # See _send_confirmation_email; a single one's trouble is told as an error.
        missed = self.filtered(
            lambda p: (
                p.state == "done"
                and p.logistics_booking_state == "none"
                and p.logistics_can_book
                and p.carrier_id.integration_level == "rate_and_ship"
                and p.picking_type_id.print_label
                and not p._logistics_booked_elsewhere()
            )
        )
        wait = max(booking.picking_type_id.mapped("logistics_label_wait"), default=0)
        if wait and len(booking) <= 10 and not missed:
            return {
                "type": "ir.actions.client",
                "tag": "logistics_wait_for_labels",
                "params": {"picking_ids": booking.ids, "seconds": wait},
            }
        if len(booking) <= 1 and not missed:
            return None
        texts = []
        if booking:
            texts.append(
                self.env._(
                    "Transfers being booked: %s. Go on working; the column Booking "
                    "shows how far each is.",
                    len(booking),
                )
            )
        if missed:
            texts.append(
                self.env._(
                    "Not booked, because something is missing: %s. Open them and book "
                    "to see what.",
                    ", ".join(missed.mapped("name")),
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Booking in the background"),
                "message": " ".join(texts),
                "type": "warning" if missed else "info",
                "sticky": bool(missed),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # === BOOKING === #

    def action_logistics_book(self):
        """Book now; also what was refused, once it is mended."""
        self.check_access("write")
        for picking in self:
            if (
                picking.state not in ("assigned", "done")
                or picking.picking_type_code == "incoming"
            ):
                raise UserError(self.env._("%s is not ready to be sent.", picking.name))
        self._logistics_book(raise_problems=True)
        return self._logistics_after_validation() or True

    def action_logistics_book_return(self):
        """Book a return of these transfers; the label comes later."""
        self.check_access("write")
        for picking in self:
            if not picking.logistics_can_return:
                raise UserError(
                    self.env._(
                        "There is no return label for %s: it was not sent, or its "
                        "carrier makes none.",
                        picking.name,
                    )
                )
            picking._logistics_book_return()
        return True

    def action_logistics_print(self):
        """Print the labels of these transfers, again if need be."""
        return self.logistics_booking_ids.filtered(
            lambda booking: booking.state in LIVE
        ).action_print()

    def action_open_logistics_bookings(self):
        """Open the bookings of these transfers."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_carrier_connector.logistics_booking_action"
        )
        action["domain"] = [("picking_id", "in", self.ids)]
        action["context"] = {}
        return action

    def _logistics_book(self, raise_problems=True, again=None):
        """Book the parcels of these transfers that nobody has booked.

        :param bool raise_problems: whether something missing is an error for the
            person at the screen, or an exception for the queue
        :param again: bookings to repeat; parcels others of which were cancelled are
            left alone then
        :return: the bookings
        """
        bookings = self.env["logistics.booking"]
        for picking in self:
            # What comes in is booked as a return, see _logistics_book_return.
            if (
                picking.delivery_type == DELIVERY_TYPE
                and picking.picking_type_code != "incoming"
            ):
                bookings |= picking._logistics_book_one(raise_problems, again)
        return bookings

    def _logistics_book_one(self, raise_problems, again=None):
        self.ensure_one()
        elsewhere = self._logistics_booked_elsewhere()
        if elsewhere:
            raise UserError(
                self.env._(
                    "These goods are booked with %(transfer)s already. Cancel that "
                    "booking first.",
                    transfer=", ".join(elsewhere.picking_id.mapped("name")),
                )
            )
        # See _logistics_ensure_shipment; making one takes turns, too.
        if self.sudo().logistics_shipment_ids:
            self._logistics_take_turns()
        carrier = self.carrier_id
        shipment = self._logistics_ensure_shipment()[:1]
        # See _logistics_ensure_shipment: warehouse people make shipments by shipping.
        shipment = shipment.sudo()
        try:
            requests = [
                (parcels, carrier._logistics_request_from_picking(self, "", packages))
                for parcels, packages in self._logistics_parcel_groups(
                    carrier, shipment, again
                )
            ]
            for _parcels, request in requests:
                carrier._logistics_refuse(request, self.company_id)
        except UserError as error:
            if raise_problems:
                raise
            shipment._raise_exception(
                "booking_failed", why=str(error), text=str(error), reference=self.name
            )
            return self.env["logistics.booking"]
        cod = self._logistics_cod_to_ask()
        return self.env["logistics.booking"]._book(
            carrier,
            self,
            shipment,
            [
                # The cash is collected with one of them.
                (parcels, partial(named, replace(request, cod=0 if place else cod)))
                for place, (parcels, request) in enumerate(requests)
            ],
            "ship",
            urgent=bool(self.picking_type_id.logistics_label_wait),
        )

    def _logistics_cod_to_ask(self):
        """Return the cash that no booking of this transfer collects yet."""
        if not self.logistics_cod_amount:
            return Decimal(0)
        # As in the compute of the state.
        asked = self.sudo().logistics_booking_ids.filtered(
            lambda b: b.kind == "ship" and b.state in LIVE
        )
        left = self.logistics_cod_amount - sum(asked.mapped("cod_amount"))
        return max(to_decimal(left, 2), Decimal(0))

    def _logistics_booked_elsewhere(self):
        """Return standing bookings of the same goods at another step."""
        self.ensure_one()
        steps = self._logistics_earlier_steps() | self._logistics_later_steps()
        return steps.logistics_booking_ids.filtered(
            lambda b: b.kind == "ship" and b.state in LIVE
        )

    def _logistics_keep_carrier(self, carrier_id):
        """Refuse to change the carrier of what another one has been told to take.

        :raise UserError: naming what has to be cancelled first
        """
        # As in the compute of the state.
        for picking in self.sudo():
            standing = picking.logistics_booking_ids.filtered(
                lambda b: (
                    b.kind == "ship"
                    and b.state in LIVE
                    and b.carrier_id.id != carrier_id
                )
            )
            if standing:
                raise UserError(
                    self.env._(
                        "%(transfer)s is booked with %(carrier)s (%(booking)s). Cancel "
                        "the booking before you change the delivery method.",
                        transfer=picking.name,
                        carrier=standing[0].carrier_id.name,
                        booking=", ".join(
                            standing.mapped(lambda b: b.number or b.reference)
                        ),
                    )
                )

    def _logistics_check_packages(self):
        """Refuse to send something else than what was booked.

        :raise UserError: naming what has to be cancelled first
        """
        # As in the compute of the state.
        parcels = self.sudo().logistics_shipment_ids.parcel_ids
        packages = self.move_line_ids.result_package_id if parcels else None
        stale = parcels.filtered(
            lambda parcel: (
                parcel.package_id
                and parcel.package_id not in packages
                and parcel.booking_id.picking_id == self
                and parcel.booking_id.kind == "ship"
                and parcel.booking_id.state in LIVE
            )
        )
        if stale:
            raise UserError(
                self.env._(
                    "%(packages)s of %(transfer)s is booked (%(booking)s), and has "
                    "been packed anew since. Cancel the booking, then validate.",
                    packages=", ".join(stale.package_id.mapped("name")),
                    transfer=self.name,
                    booking=", ".join(
                        stale.booking_id.mapped(lambda b: b.number or b.reference)
                    ),
                )
            )

    def _logistics_parcel_groups(self, carrier, shipment, again=None):
        """Say which parcels are booked together.

        :param again: see ``_logistics_book``
        :return: list of (parcels, Odoo's delivery packages in the same order)
        """
        packages = carrier._logistics_packages(self)
        by_name = defaultdict(list)
        for parcel in shipment.parcel_ids.sorted("id"):
            by_name[parcel.package_id.name].append(parcel)
        pairs = []
        for package in packages:
            # Odoo doesn't keep people from giving two packages one name.
            known = by_name[package.name] or by_name[False]
            if known:
                parcel = known.pop(0)
            else:
                parcel = shipment.parcel_ids.create({"shipment_id": shipment.id})
            if parcel.booking_id and parcel.booking_id.state in LIVE:
                continue
            # As the shipment: who ships need not see parcels.
            if not again or parcel in again.sudo().parcel_ids or not parcel.booking_ids:
                pairs.append((parcel, package))
        pairs.sort(key=lambda pair: pair[0].id)
        most = carrier._logistics_max_packages(self.company_id)
        chunks = [pairs[start : start + most] for start in range(0, len(pairs), most)]
        return [
            (
                shipment.parcel_ids.browse([parcel.id for parcel, _package in chunk]),
                [package for _parcel, package in chunk],
            )
            for chunk in chunks
        ]

    def _logistics_book_return(self, raise_problems=True):
        """Book the way back of what this transfer sent.

        :return: the bookings
        """
        self.ensure_one()
        carrier = self.carrier_id
        bookings = self.env["logistics.booking"]
        if not carrier._logistics_can("return"):
            raise UserError(
                self.env._("%s makes no return labels.", carrier.name or "-")
            )
        self._logistics_take_turns()
        # As in _logistics_book_one.
        former = self.sudo().logistics_booking_ids.filtered(
            lambda b: b.kind == "return" and b.state in LIVE
        )
        if former:
            return former

        # Another one than the delivery's, which may well be booked.
        problem = f"return:{self.name}"

        def build(reference, packages):
            request = carrier._logistics_request_from_picking(self, reference, packages)
            return request.turned_around()

        try:
            packages = carrier._logistics_packages(self)
            most = carrier._logistics_max_packages(self.company_id)
            carrier._logistics_refuse(build("", packages), self.company_id)
        except UserError as error:
            if raise_problems:
                raise
            # See _logistics_ensure_shipment.
            self._logistics_ensure_shipment()[:1].sudo()._raise_exception(
                "booking_failed",
                reference=self.name,
                reference_key=problem,
                why=str(error),
                text=self.env._(
                    "There is no return label for %(transfer)s. Correct what is "
                    "missing, then press \u201cReturn Label\u201d on it.\n%(why)s",
                    transfer=self.name,
                    why=error,
                ),
            )
            return bookings
        shipment = self._logistics_return_shipment(len(packages))
        parcels = shipment.parcel_ids.sorted("id")
        self.sudo().logistics_shipment_ids._resolve_exception(
            "booking_failed", reference_key=problem
        )
        return bookings._book(
            carrier,
            self,
            shipment,
            [
                (
                    parcels[start : start + most],
                    lambda reference, start=start: build(
                        reference, packages[start : start + most]
                    ),
                )
                for start in range(0, len(packages), most)
            ],
            "return",
        )

    def _logistics_return_shipment(self, count):
        """Return the shipment of a return that was not booked yet, or a new one.

        :param int count: of parcels
        """
        # As in _logistics_book_one.
        shipments = (
            self.sudo()
            .logistics_booking_ids.filtered(lambda b: b.kind == "return")
            .shipment_id
        )
        if self._logistics_direction() == "return":
            # What comes back with this transfer may be followed already.
            shipments |= self.sudo().logistics_shipment_ids
        for shipment in shipments:
            # What went wrong is mended where it is known.
            if len(shipment.parcel_ids) == count and not shipment.parcel_ids.booking_id:
                return shipment
        # See _logistics_ensure_shipment.
        quiet = shipments.with_context(mail_auto_subscribe_no_notify=True)
        vals = self._prepare_logistics_return_vals()
        shipment = quiet.create(vals).with_env(self.sudo().env)
        shipment.parcel_ids.create([{"shipment_id": shipment.id}] * count)
        return shipment

    def _logistics_offers_return(self):
        """Tell whether the customer may get a return label."""
        self.ensure_one()
        return (
            self.carrier_id.get_return_label_from_portal and self.logistics_can_return
        )

    def _logistics_return_state(self):
        """Return what the customer sees about a return label.

        :return: ``offered``, ``making``, or empty when there is nothing to say
        """
        self.ensure_one()
        returns = self.logistics_booking_ids.filtered(lambda b: b.kind == "return")
        if self.return_label_ids or not self._logistics_offers_return():
            return ""
        return "making" if returns.filtered(lambda b: b.state in LIVE) else "offered"

    def _prepare_logistics_return_vals(self):
        """Return the values of the shipment that comes back."""
        vals = self._prepare_logistics_shipment_vals()
        if self._logistics_direction() != "return":
            # The transfer that takes it in doesn't exist yet; this one must not move
            # with the parcels that come back.
            vals.pop("picking_ids")
        return dict(vals, direction="return")

    def _logistics_tracking_link(self):
        """Return the carrier's page of each number, as Odoo wants it.

        :return: a link, or a JSON list of (number, link) for several; False for none
        """
        self.ensure_one()
        # Warehouse people see no connectors; links are for everybody.
        connector = self.sudo().carrier_id.logistics_connector_id
        links = [
            (number, link)
            for number in self._logistics_tracking_numbers()
            if (link := connector and connector._tracking_url(number))
        ]
        if len(links) == 1:
            return links[0][1]
        return json.dumps(links) if links else False

    def _logistics_bill_real_cost(self):
        """Put what is booked on the order, where the customer pays what it cost."""
        order = self.sale_id
        carrier = self.carrier_id
        if not order or carrier.invoice_policy != "real":
            return
        booked = self.logistics_booking_ids.filtered(
            lambda b: b.kind == "ship" and b.state == "booked" and b.amount
        )
        line = self.logistics_delivery_line_id
        if not booked and not line:
            return
        if order.locked:
            self.message_post(
                body=self.env._(
                    "The real cost of the delivery could not be put on %s, which is "
                    "locked.",
                    order.name,
                )
            )
            return
        price = sum(
            one.currency_id._convert(
                one.amount, order.currency_id, order.company_id, fields.Date.today()
            )
            for one in booked
        )
        if carrier.free_over and carrier._compute_currency(
            order,
            order._compute_amount_total_without_delivery(),
            "pricelist_to_company",
        ) >= (carrier.amount):
            price = 0.0
        if booked:
            price = carrier._apply_margins(price, order)
        if not line:
            line = self._get_matching_delivery_lines()[:1]
            line = line or order._create_delivery_line(carrier, price)
            self.logistics_delivery_line_id = line
        line.write(dict(self._prepare_sale_delivery_line_vals(), price_unit=price))

    # === TRACKING NUMBERS === #

    def _logistics_follow_tracking_ref(self):
        """Follow the numbers a transfer was given, by hand or by a carrier."""
        followed = self.filtered(
            lambda picking: (
                picking.carrier_tracking_ref and picking._logistics_is_tracked()
            )
        )
        followed._logistics_ensure_shipment()
        # A number that was taken away again ends in its parcel too.
        (self - followed)._logistics_sync_parcels()

    def _logistics_is_tracked(self):
        return super()._logistics_is_tracked() or bool(
            self._logistics_direction() and self.sudo().logistics_booking_ids
        )

    def _logistics_tracking_numbers(self):
        """Return the numbers in the tracking reference, in their order."""
        self.ensure_one()
        parts = SEPARATORS.split(self.carrier_tracking_ref or "")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _prepare_logistics_shipment_vals(self):
        return dict(
            super()._prepare_logistics_shipment_vals(), carrier_id=self.carrier_id.id
        )

    def _logistics_sync_shipment_parcels(self, shipment):
        """Give each tracking number its parcel, beside the packages'."""
        result = super()._logistics_sync_shipment_parcels(shipment)
        if shipment.carrier_id != self.carrier_id:
            shipment.carrier_id = self.carrier_id
        numbers = self._logistics_tracking_numbers()
        parcels = shipment.parcel_ids
        for parcel in parcels:
            if parcel.tracking_number and parcel.tracking_number not in numbers:
                # A number with events is history; without, it was a mistake.
                if not parcel.event_ids and len(shipment.picking_ids) <= 1:
                    parcel.tracking_number = False
        if not numbers:
            return result
        # Warehouse people see no connectors; the shipment is already sudo.
        connector = self.carrier_id.sudo().logistics_connector_id
        if connector.company_id and connector.company_id != shipment.company_id:
            connector = connector.browse()
        taken = set(parcels.mapped("tracking_number"))
        free = parcels.filtered(lambda p: not p.tracking_number).sorted("id")
        for number in numbers:
            if number in taken:
                continue
            if free:
                parcel, free = free[0], free[1:]
                parcel.write({"tracking_number": number, "connector_id": connector.id})
            else:
                parcels.create(
                    {
                        "shipment_id": shipment.id,
                        "tracking_number": number,
                        "connector_id": connector.id,
                    }
                )
        for parcel in shipment.parcel_ids:
            # Who has booked it reports on it.
            if (
                parcel.tracking_number in numbers
                and connector != parcel.connector_id
                and not parcel.booking_id
            ):
                parcel.connector_id = connector
        return result

    # === SCREENS === #

    @api.model
    def logistics_booking_progress(self, picking_ids):
        """Return how far the bookings of transfers are, for the waiting screen.

        :param list picking_ids: transfers the user may read
        :return: ``{"open": n, "booked": n, "failed": [text], "label_ids": [id]}``
        """
        pickings = self.browse(picking_ids)
        pickings.check_access("read")
        # See _compute_logistics_booking_state.
        bookings = pickings.sudo().logistics_booking_ids
        states = Counter(bookings.mapped("state"))
        waiting = bookings.filtered(
            lambda b: (
                b.state == "booking"
                or (b.state == "booked" and b.missing_labels and not b.label_ids)
            )
        )
        return {
            "open": len(waiting),
            "booked": states["booked"],
            "failed": [
                f"{b.picking_id.name}: {b.error_text}"
                for b in bookings
                # What failed matters only until it is booked again, see _summary.
                if b.state == "failed"
                and any(not parcel.booking_id for parcel in b.parcel_ids)
            ],
            "label_ids": bookings.filtered(lambda b: b.state in LIVE).label_ids.ids,
        }
