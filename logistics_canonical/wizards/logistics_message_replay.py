# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

CHUNK = 500


class LogisticsMessageReplay(models.TransientModel):
    """Process stored messages again: count, confirm, then in steps.

    The payload stays as it was; today's mapping is applied. Events that are
    known already are not added twice.
    """

    _name = "logistics.message.replay"
    _description = "Process Logistics Messages Again"

    scope = fields.Selection(
        [
            ("selection", "The selected messages"),
            ("failure", "All messages with the same failure"),
            ("window", "All messages of a connector in a time window"),
        ],
        default="selection",
        required=True,
    )
    message_ids = fields.Many2many("logistics.message")
    connector_id = fields.Many2one("logistics.connector")
    error_key = fields.Char()
    date_from = fields.Datetime(
        default=lambda self: fields.Datetime.subtract(fields.Datetime.now(), days=1)
    )
    date_to = fields.Datetime(default=fields.Datetime.now)
    only_failed = fields.Boolean(string="Only Those That Failed", default=True)
    count = fields.Integer(compute="_compute_count")
    done_count = fields.Integer(readonly=True)
    last_id = fields.Integer(readonly=True)
    state = fields.Selection(
        [("plan", "Plan"), ("running", "Running"), ("done", "Done")], default="plan"
    )

    @api.depends(
        "scope",
        "message_ids",
        "connector_id",
        "error_key",
        "date_from",
        "date_to",
        "only_failed",
    )
    def _compute_count(self):
        for replay in self:
            replay.count = self.env["logistics.message"].search_count(
                replay._get_message_domain()
            )

    def _get_message_domain(self):
        """Return the domain of what will be processed again."""
        self.ensure_one()
        domain = Domain("direction", "=", "in")
        if self.scope == "selection":
            return Domain("id", "in", self.message_ids._origin.ids)
        if self.scope == "failure":
            return Domain("connector_id", "=", self.connector_id.id) & Domain(
                "error_key", "=", self.error_key or "-"
            )
        domain &= Domain("connector_id", "=", self.connector_id.id)
        domain &= Domain("received_at", ">=", self.date_from)
        domain &= Domain("received_at", "<=", self.date_to)
        if self.only_failed:
            domain &= Domain("state", "in", ("dead", "waiting"))
        return domain

    def action_run(self):
        """Queue the next step; called again until all are queued."""
        self.ensure_one()
        messages = self.env["logistics.message"]
        messages._check_operator()
        if self.scope != "selection" and not self.connector_id:
            raise UserError(self.env._("Choose the connector first."))
        if not self.count:
            raise UserError(self.env._("There is nothing to process again."))
        chunk = messages.search(
            self._get_message_domain() & Domain("id", ">", self.last_id),
            order="id",
            limit=CHUNK,
        )
        chunk._requeue()
        self.done_count += len(chunk)
        self.last_id = chunk[-1:].id or self.last_id
        self.state = "done" if len(chunk) < CHUNK else "running"
        if self.state == "done":
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "title": self.env._("Processing again"),
                    "message": self.env._(
                        "%s messages are on their way.", self.done_count
                    ),
                    "type": "success",
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "name": self.env._("Process Again"),
        }
