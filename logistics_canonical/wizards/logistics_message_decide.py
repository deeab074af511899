# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError


class LogisticsMessageDecide(models.TransientModel):
    """A person says what became of a message nobody knows the outcome of."""

    _name = "logistics.message.decide"
    _description = "Decide What Became of a Logistics Message"

    message_id = fields.Many2one("logistics.message", required=True, readonly=True)
    connector_id = fields.Many2one(related="message_id.connector_id")
    message_state = fields.Selection(related="message_id.state")
    operation = fields.Char(related="message_id.operation")
    idempotency_key = fields.Char(
        related="message_id.idempotency_key", string="Our Reference"
    )
    outcome = fields.Selection(
        [
            ("done", "The partner carried it out"),
            ("not_done", "The partner did not carry it out: send it again"),
        ],
        required=True,
    )
    number = fields.Char(
        string="Partner's Number",
        help="The number under which the partner has it, e.g. the tracking number.",
    )
    note = fields.Char(string="How Do You Know?")
    if_wrong = fields.Text(string="If That Is Wrong", compute="_compute_if_wrong")

    @api.depends("message_id", "outcome")
    def _compute_if_wrong(self):
        for decide in self:
            twice, never = decide.message_id._choices()
            decide.if_wrong = {"done": never, "not_done": twice}.get(decide.outcome)

    def action_decide(self):
        """Take the decision over."""
        self.ensure_one()
        self.message_id._check_operator()
        if not (self.note or "").strip():
            raise UserError(
                self.env._("Say how you know, for whoever reads this later.")
            )
        self.message_id._decide(
            self.outcome == "done", self.note.strip(), (self.number or "").strip()
        )
        return {"type": "ir.actions.act_window_close"}
