# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command, api, fields, models
from odoo.exceptions import AccessError

from ..core.carrier import why_not
from ..core.shipping import to_payload

#: Who is asked to come where.
ASKED_WITH = {"carrier_id", "company_id", "warehouse_id"}


class LogisticsCarrierRequestMixin(models.AbstractModel):
    """Something a carrier is asked for about many bookings: to collect them, or to
    close the day with them.

    A model that inherits it has ``state`` and ``booking_ids``, and names in
    ``_booking_field`` where a booking says that it is on one.
    """

    _name = "logistics.carrier.request.mixin"
    _description = "Request to a Carrier"
    _inherit = ["mail.thread", "mail.activity.mixin", "logistics.owner.mixin"]
    _booking_field = None

    name = fields.Char(
        required=True, readonly=True, copy=False, default=lambda self: self.env._("New")
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    carrier_id = fields.Many2one(
        "delivery.carrier",
        string="Delivery Method",
        required=True,
        check_company=True,
        domain="[('delivery_type', '=', 'logistics')]",
        help="All methods of the same connector are meant.",
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        required=True,
        check_company=True,
        default=lambda self: self.env["stock.warehouse"].search(
            [("company_id", "=", self.env.company.id)], limit=1
        ),
    )
    reference = fields.Char(readonly=True, copy=False)
    error_text = fields.Text(string="Why", readonly=True, copy=False)
    message_id = fields.Many2one(
        "logistics.message",
        readonly=True,
        copy=False,
        groups="logistics_canonical.group_logistics_user",
    )
    progress = fields.Char(
        compute="_compute_progress", help="What it waits for, while it does."
    )

    def _compute_progress(self):
        for record in self:
            # Why a message waits is for everybody who waits for it.
            message = record.sudo().message_id
            record.progress = message.why_waiting if message else False

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            # Numbers are given, not chosen.
            vals["name"] = self.env["ir.sequence"].sudo().next_by_code(self._name)
            self._check_by_hand(vals.keys() - {"name"})
        return super().create(vals_list)

    def write(self, vals):
        self._check_by_hand(vals)
        result = super().write(vals)
        if not ASKED_WITH.isdisjoint(vals):
            # What was listed is another carrier's, or stands elsewhere.
            self.sudo().booking_ids = [Command.clear()]
        return result

    def _check_by_hand(self, names):
        """Leave what the carrier is asked and answers to the actions.

        :raise AccessError: when a person writes one of these fields
        """
        if self.env.su:
            return
        fixed = {
            name
            for name in names
            if (field := self._fields.get(name)) and field.readonly and field.store
        }
        if any(record.state not in ("draft", "failed") for record in self):
            # It is asked for with these.
            fixed |= ASKED_WITH.intersection(names)
        if fixed:
            raise AccessError(
                self.env._("This is not changed by hand: %s.", ", ".join(sorted(fixed)))
            )

    def action_collect(self):
        """List what this carrier is still to get here and is on no other one yet."""
        for record in self:
            record.check_access("write")
            # Bookings are written by the system; whoever asks may list them.
            record = record.sudo()
            connector = record.carrier_id.logistics_connector_id
            record.booking_ids = [
                Command.link(booking.id)
                for booking in record.env["logistics.booking"].search(
                    [
                        ("state", "=", "booked"),
                        ("kind", "=", "ship"),
                        (self._booking_field, "=", False),
                        ("company_id", "=", record.company_id.id),
                        (
                            "picking_id.picking_type_id.warehouse_id",
                            "=",
                            record.warehouse_id.id,
                        ),
                        # The method may have changed to another one since.
                        ("connector_id", "=", connector.id),
                        ("parcel_ids.milestone", "in", ("new", "announced")),
                    ]
                )
            ]

    def _ask(self, operation, request, key, state, after=None):
        """Write the message that asks, and wait for its answer in a state."""
        self.ensure_one()
        message = self.carrier_id._logistics_ready_connector(self.company_id)._enqueue(
            operation,
            to_payload(request),
            record=self,
            idempotency_key=key,
            after=after,
        )
        # The message is closed to warehouse people; what it is for is theirs.
        self.sudo().write(
            {"state": state, "message_id": message.id, "error_text": False}
        )

    def _warehouse_address(self):
        """Return where the carrier comes to.

        :rtype: :class:`~..core.shipping.Address`
        """
        return self.carrier_id._logistics_address(
            self.warehouse_id.partner_id, self.company_id, self.env._("warehouse")
        )

    def _note_failure(self, state, result, text):
        """Write down that the carrier refused, for whoever asked.

        :param str text: a sentence with ``%s`` for the carrier's words
        """
        why = why_not(result)
        self.write({"state": state, "error_text": why})
        self.activity_schedule(
            "mail.mail_activity_data_warning",
            note=text % why,
            user_id=self.create_uid.id,
        )
