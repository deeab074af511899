# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import uuid
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..core.checks import check_pickup
from ..core.shipping import NextCall, PickupRequest, to_payload


class LogisticsPickup(models.Model):
    """A collection at our door that a carrier is asked for."""

    _name = "logistics.pickup"
    _description = "Carrier Pickup"
    _inherit = ["logistics.carrier.request.mixin"]
    _booking_field = "pickup_id"
    _order = "ready_at desc, id desc"
    _check_company_auto = True

    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("requesting", "Requesting…"),
            ("confirmed", "Confirmed"),
            ("failed", "Refused"),
            ("cancelling", "Cancelling…"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    ready_at = fields.Datetime(
        string="Ready From", required=True, default=lambda self: self._default_time(14)
    )
    close_at = fields.Datetime(
        string="Until", required=True, default=lambda self: self._default_time(17)
    )
    instructions = fields.Char(help="E.g. which gate, whom to ask for.")
    booking_ids = fields.One2many("logistics.booking", "pickup_id", copy=False)
    parcel_count = fields.Integer(
        string="Parcels", compute="_compute_parcels", store=True, readonly=False
    )
    weight = fields.Float(
        string="Weight (kg)",
        digits="Stock Weight",
        compute="_compute_parcels",
        store=True,
        readonly=False,
    )
    confirmation = fields.Char(readonly=True, copy=False, tracking=True)

    @api.model
    def _default_time(self, hour):
        """Return today, or tomorrow when it is late, at an hour of the user's day."""
        zone = ZoneInfo(self.env.user.tz or self.env.company.partner_id.tz or "UTC")
        now = datetime.now(zone)
        day = now.date() if now.hour < 12 else now.date() + timedelta(days=1)
        moment = datetime.combine(day, time(hour), zone)
        return moment.astimezone(timezone.utc).replace(tzinfo=None)

    @api.depends("booking_ids.parcel_count", "booking_ids.weight")
    def _compute_parcels(self):
        for pickup in self:
            pickup.parcel_count = sum(pickup.booking_ids.mapped("parcel_count")) or 1
            pickup.weight = sum(pickup.booking_ids.mapped("weight"))

    @api.constrains("ready_at", "close_at")
    def _check_times(self):
        for pickup in self:
            if pickup.close_at <= pickup.ready_at:
                raise ValidationError(
                    self.env._("The pickup must end after it begins.")
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_only_draft(self):
        if any(pickup.state != "draft" for pickup in self):
            raise UserError(
                self.env._("Only drafts can be deleted. Cancel the pickup instead.")
            )

    # === ACTIONS === #

    def action_request(self):
        """Ask the carrier to come."""
        for pickup in self:
            pickup.check_access("write")
            if pickup.state not in ("draft", "failed"):
                raise UserError(self.env._("%s is asked for already.", pickup.name))
            if not pickup.carrier_id._logistics_can("pickup"):
                raise UserError(
                    self.env._(
                        "%s can't be asked for pickups from here.",
                        pickup.carrier_id.name,
                    )
                )
            reference = f"{pickup.name}-{uuid.uuid4().hex[:8]}"
            request = pickup._request(reference)
            pickup._refuse(request)
            pickup._ask("pickup", request, reference, "requesting")
            pickup.sudo().reference = reference  # see _ask

    def action_cancel(self):
        """Cancel, at the carrier too when it was asked."""
        for pickup in self:
            pickup.check_access("write")
            # The message is closed to warehouse people; the pickup is theirs.
            message = pickup.sudo().message_id
            if pickup.state in ("draft", "failed") or (
                pickup.state == "requesting"
                and (
                    # Withdrawn by somebody else, it will never be answered.
                    message.state == "cancelled"
                    or message._withdraw(self.env._("The pickup was cancelled"))
                )
            ):
                pickup._release("cancelled")
            elif pickup.state in ("requesting", "confirmed"):
                if not pickup.carrier_id._logistics_can("pickup_cancel"):
                    raise UserError(
                        self.env._(
                            "%(carrier)s can't be told from here. Call them and give "
                            "the confirmation %(number)s.",
                            carrier=pickup.carrier_id.name,
                            number=pickup.confirmation or "-",
                        )
                    )
                reference = f"{pickup.reference}:cancel:{uuid.uuid4().hex[:8]}"
                pickup._ask(
                    "pickup_cancel",
                    pickup._request(pickup.reference),
                    reference,
                    "cancelling",
                    after=message,
                )

    def _release(self, state, why=False):
        # See action_collect.
        self.sudo().write(
            {"booking_ids": [Command.clear()], "state": state, "error_text": why}
        )

    def _request(self, reference):
        """Return what the carrier is asked.

        :rtype: :class:`~..core.shipping.PickupRequest`
        """
        self.ensure_one()
        carrier = self.carrier_id
        return PickupRequest(
            reference=reference,
            address=self._warehouse_address(),
            ready_at=self._aware(self.ready_at),
            close_at=self._aware(self.close_at),
            parcels=max(self.parcel_count, 1),
            weight=Decimal(str(round(self.weight, 3))),
            instructions=self.instructions or "",
            bookings=tuple(booking._ref() for booking in self.sudo().booking_ids),
            confirmation=self.confirmation or "",
            settings=carrier._logistics_settings(),
        )

    def _aware(self, moment):
        """Return a moment in the warehouse's zone: carriers want local times."""
        zone = ZoneInfo(self.warehouse_id.partner_id.tz or self.env.user.tz or "UTC")
        return moment.replace(tzinfo=timezone.utc).astimezone(zone)

    def _refuse(self, request):
        findings = check_pickup(request)
        if findings:
            raise UserError(
                "\n".join(
                    self.carrier_id._logistics_explain(finding) for finding in findings
                )
            )

    # === ANSWERS === #

    def _logistics_payload(self, operation, payload):
        """See the mixin: a cancellation names the confirmation."""
        if operation == "pickup_cancel":
            if not self.confirmation:
                return None, self.env._("There is nothing to cancel")
            return to_payload(self._request(self.reference)), ""
        return payload, ""

    def _logistics_apply(self, operation, result):
        """See the mixin."""
        self.ensure_one()
        if operation in ("pickup", "pickup_buy"):
            return self._apply_requested(result)
        if result.ok:
            self._release("cancelled")
            return True
        self._note_failure("confirmed", result, self._refusal())
        return True

    def _refusal(self):
        return self.env._("The carrier refused the pickup: %s")

    def _apply_requested(self, result):
        decided = result.data.get("decided")
        value = result.data.get("value")
        offered = isinstance(value, NextCall)
        if self.state == "cancelling" and (offered or not result.ok):
            # Nobody comes yet; what is offered is not bought.
            self._release("cancelled")
            return True
        if not result.ok:
            self._note_failure("failed", result, self._refusal())
            return True
        if offered:
            connector = self.carrier_id._logistics_ready_connector(self.company_id)
            self.message_id = connector._enqueue(
                value.operation,
                to_payload(value.payload),
                record=self,
                idempotency_key=f"{self.reference}:{value.operation}",
            )
            return True
        self.write(
            {
                "state": "cancelling" if self.state == "cancelling" else "confirmed",
                "confirmation": decided["number"] if decided else value.confirmation,
                "error_text": False,
            }
        )
        return True
