# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..core import redaction

PREVIEW_LIMIT = 200_000

INBOUND_STATES = [
    ("received", "Received"),
    ("processing", "Processing"),
    ("ignored", "Ignored"),
]
OUTBOUND_STATES = [
    ("pending", "To Send"),
    ("sending", "Sending"),
    ("unknown", "Unknown"),
    ("cancelled", "Cancelled"),
]
COMMON_STATES = [("waiting", "Waiting"), ("done", "Done"), ("dead", "Dead")]

#: States in which a lane will still do something with a message.
OPEN_STATES = ("received", "processing", "pending", "sending", "waiting")


class LogisticsMessage(models.Model):
    """One message that crossed Odoo's border, in or out, as it was.

    Body and headers are never edited. Rows are written in two places only:
    ``connector._receive()`` and ``connector._enqueue()``; the lanes move their
    state. People retry, replay or set aside, and each of these leaves an attempt.
    """

    _name = "logistics.message"
    _description = "Logistics Message"
    _inherit = ["logistics.owner.mixin"]
    _order = "id desc"
    _rec_name = "correlation_id"
    _allow_sudo_commands = False

    _dedupe_uniq = models.Constraint(
        "UNIQUE(connector_id, direction, dedupe_key)",
        "This message is stored already.",
    )
    # What the lanes claim from: only rows that still have something due, so that
    # its size follows the backlog and not the history.
    _due_idx = models.Index(
        "(connector_id, lane, direction, next_attempt_at, id) WHERE state IN "
        "('received', 'processing', 'pending', 'sending', 'waiting')"
    )
    # What people look for: the few that failed.
    _dead_idx = models.Index(
        "(connector_id, error_key) WHERE state IN ('dead', 'unknown')"
    )

    connector_id = fields.Many2one(
        "logistics.connector", required=True, readonly=True, ondelete="restrict"
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    direction = fields.Selection(
        [("in", "Incoming"), ("out", "Outgoing")], required=True, readonly=True
    )
    state = fields.Selection(
        INBOUND_STATES + OUTBOUND_STATES + COMMON_STATES,
        required=True,
        readonly=True,
    )
    lane = fields.Selection(
        [("realtime", "Real Time"), ("standard", "Standard"), ("batch", "Batch")],
        required=True,
        readonly=True,
        default="standard",
        help="The service class. A flood in one lane never delays another.",
    )
    stream = fields.Char(readonly=True)
    operation = fields.Char(
        readonly=True, help="What it asks for or answers; empty for a push."
    )
    body = fields.Binary(
        attachment=False, groups=fields.NO_ACCESS, readonly=True, exportable=False
    )
    content_type = fields.Char(readonly=True)
    headers_json = fields.Text(
        readonly=True, groups="logistics_canonical.group_payload"
    )
    request_json = fields.Text(
        string="Request", readonly=True, groups="logistics_canonical.group_payload"
    )
    dedupe_key = fields.Char(required=True, readonly=True, exportable=False)
    correlation_id = fields.Char(
        readonly=True, help="Follows the message to its events, shipment and answers."
    )
    received_at = fields.Datetime(
        string="Stored On", readonly=True, help="By the database's clock."
    )
    next_attempt_at = fields.Datetime(
        string="Next Try",
        readonly=True,
        help="When a lane takes it up; while it is being worked on, when the lease "
        "of the worker ends.",
    )
    lease_token = fields.Char(readonly=True, groups=fields.NO_ACCESS)
    done_at = fields.Datetime(readonly=True)
    tries = fields.Integer(readonly=True)
    error_class = fields.Selection(
        [
            ("transient", "Temporary"),
            ("throttled", "Throttled"),
            ("auth", "Credentials Refused"),
            ("rejected", "Rejected"),
            ("poison", "Unreadable"),
            ("unknown", "Outcome Unknown"),
        ],
        readonly=True,
    )
    error_text = fields.Text(string="Why", readonly=True)
    error_key = fields.Char(
        string="Failure", readonly=True, help="The same failure has the same text."
    )
    parent_id = fields.Many2one(
        "logistics.message", string="Answer To", readonly=True, index="btree_not_null"
    )
    answer_ids = fields.One2many("logistics.message", "parent_id", string="Answers")
    res_model = fields.Char(readonly=True)
    res_id = fields.Many2oneReference(
        string="Record", model_field="res_model", readonly=True
    )
    attempt_ids = fields.One2many("logistics.attempt", "message_id")
    problem_ids = fields.One2many("logistics.message.problem", "message_id")
    open_problem_count = fields.Integer(
        compute="_compute_open_problem_count", search="_search_open_problem_count"
    )
    event_ids = fields.One2many("logistics.event", "message_id")
    shipment_ids = fields.Many2many(
        "logistics.shipment", compute="_compute_shipment_ids"
    )
    shipment_count = fields.Integer(compute="_compute_shipment_ids")
    size = fields.Integer(string="Size (Bytes)", compute="_compute_size")
    body_text = fields.Text(string="Payload", compute="_compute_body_text")
    is_masked = fields.Boolean(compute="_compute_body_text")

    # === COMPUTES === #

    @api.depends("direction", "operation", "stream")
    def _compute_display_name(self):
        for message in self:
            kind = message.operation or message.stream or self.env._("push")
            message.display_name = f"#{message.id or 0} {kind}"

    def _compute_open_problem_count(self):
        counts = dict(
            self.env["logistics.message.problem"]._read_group(
                [("message_id", "in", self.ids), ("state", "=", "open")],
                ["message_id"],
                ["__count"],
            )
        )
        for message in self:
            message.open_problem_count = counts.get(message, 0)

    def _search_open_problem_count(self, operator, value):
        if operator != "in" or set(value) != {0}:
            if operator not in (">", "!=", "not in"):
                return NotImplemented
            return [("problem_ids.state", "=", "open")]
        return ["!", ("problem_ids.state", "=", "open")]

    @api.depends("event_ids")
    def _compute_shipment_ids(self):
        for message in self:
            message.shipment_ids = message.event_ids.shipment_id
            message.shipment_count = len(message.shipment_ids)

    def _compute_size(self):
        sizes = {}
        if self.ids:
            self.flush_model(["body"])
            sizes = dict(
                self.env.execute_query(
                    SQL(
                        "SELECT id, coalesce(octet_length(body), 0) "
                        "FROM logistics_message WHERE id IN %s",
                        tuple(self.ids),
                    )
                )
            )
        for message in self:
            message.size = sizes.get(message.id, 0)

    @api.depends_context("uid")
    def _compute_body_text(self):
        full = self.env.user.has_group("logistics_canonical.group_payload")
        for message in self:
            # The column is closed to everybody; what a person sees of it is
            # decided here: secrets never, personal data with the right only.
            body = message.sudo().with_context(bin_size=False).body or b""
            text = redaction.preview(
                body[:PREVIEW_LIMIT], message.content_type or "", personal=full
            )
            if len(body) > PREVIEW_LIMIT:
                text += "\n…"
            message.body_text = text
            message.is_masked = not full

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.context.get("logistics_enqueue"):
            raise AccessError(
                self.env._("Messages are written by connectors, not by hand.")
            )
        return super().create(vals_list)

    # === ACTIONS === #

    def action_retry(self):
        """Take the messages up again at once, with today's mapping."""
        self._check_operator()
        retryable = self.filtered(lambda message: message.state != "sending")
        if not retryable:
            raise UserError(self.env._("These messages are being sent right now."))
        retryable._requeue()
        return True

    def action_ignore(self):
        """Set messages aside that will never be of use; they stay as evidence."""
        self._check_operator()
        failed = self.filtered(lambda m: m.state in ("dead", "waiting", "unknown"))
        # People move a message's state through these actions only, never by
        # writing; the operator group was just checked.
        failed_sudo = failed.sudo()
        for message in failed_sudo:
            message.state = "ignored" if message.direction == "in" else "cancelled"
        failed_sudo._log_manual(self.env._("Set aside"))
        failed_sudo.problem_ids.filtered(lambda p: p.state == "open")._solve()
        failed_sudo._settle_dead()
        return True

    def action_replay(self):
        """Open the dialog that counts, confirms and replays."""
        self._check_operator()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Process Again"),
            "res_model": "logistics.message.replay",
            "view_mode": "form",
            "target": "new",
            "context": {"default_message_ids": [(6, 0, self.ids)]},
        }

    def action_open_shipments(self):
        """Open the shipments this message told of."""
        self.ensure_one()
        return self.shipment_ids._action_open()

    def action_open_record(self):
        """Open the record the message belongs to."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "view_mode": "form",
        }

    def _check_operator(self):
        if not self.env.user.has_group("logistics_canonical.group_exception_operator"):
            raise AccessError(
                self.env._("Only exception operators can retry or set aside messages.")
            )
        self.check_access("read")

    # === LIFE === #

    def _requeue(self):
        """Make the messages due now; their payload and history stay."""
        if not self:
            return
        now = self.env.cr.now()
        # Operators have no write access on messages; see action_retry.
        for direction, state in (("in", "received"), ("out", "pending")):
            messages = self.sudo().filtered(lambda m, d=direction: m.direction == d)
            messages.write(
                {
                    "state": state,
                    "next_attempt_at": now,
                    "tries": 0,
                    "lease_token": False,
                }
            )
        self.sudo()._log_manual(self.env._("Taken up again"))
        self.env["logistics.lane"]._wake_after_commit()

    def _log_manual(self, text):
        self.env["logistics.attempt"].create(
            [
                {
                    "message_id": message.id,
                    "user_id": self.env.uid,
                    "automatic": False,
                    "error_text": text,
                }
                for message in self
            ]
        )

    def _request(self):
        """Return the payload of an operation as a dict."""
        self.ensure_one()
        text = self.sudo().request_json
        return json.loads(text) if text else {}

    def _settle_dead(self):
        """Resolve the exceptions of failures that no message has any more."""
        self._settle_failures(
            {
                (message.connector_id, message.error_key)
                for message in self
                if message.error_key
            }
        )

    @api.model
    def _settle_failures(self, failures):
        """Resolve the exceptions of failures that no message has any more.

        :param failures: set of (connector, error key)
        """
        self.flush_model(["state", "error_key"])
        for connector, key in failures:
            if not self.search_count(
                [
                    ("connector_id", "=", connector.id),
                    ("error_key", "=", key),
                    ("state", "in", ("dead", "unknown")),
                ],
                limit=1,
            ):
                connector._resolve_exception("message_dead", error_key=key)

    # === RETENTION === #

    @api.autovacuum
    def _gc_bodies(self):
        """Expunge bodies past the company's retention; the skeleton stays.

        The row keeps its dedupe key, so that a very late copy is still known.
        """
        batch = 5000
        self.env["res.company"].flush_model(["logistics_retention_days"])
        ids = [
            row[0]
            for row in self.env.execute_query(
                SQL(
                    """
                    SELECT message.id
                      FROM logistics_message message
                      JOIN res_company company ON company.id = message.company_id
                     WHERE message.body IS NOT NULL
                       AND message.state IN ('done', 'ignored', 'cancelled')
                       AND company.logistics_retention_days > 0
                       AND message.received_at < now() AT TIME ZONE 'UTC'
                           - company.logistics_retention_days * interval '1 day'
                     LIMIT %s
                    """,
                    batch,
                )
            )
        ]
        self.browse(ids).write(
            {"body": False, "headers_json": False, "request_json": False}
        )
        return len(ids), batch if len(ids) == batch else 0
