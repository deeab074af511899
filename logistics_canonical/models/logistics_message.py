# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..core import effects, redaction
from ..core.adapter import Response, Result

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

#: States in which a worker will still do something with a message.
OPEN_STATES = ("received", "processing", "pending", "sending", "waiting")
#: States in which an outbound message is not over.
UNDECIDED = ("pending", "sending", "waiting", "unknown")


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
        "(connector_id, lane, next_attempt_at, id) WHERE direction = 'in' "
        "AND state IN ('received', 'processing', 'waiting')"
    )
    _outbox_idx = models.Index(
        "(connector_id, lane, priority DESC, next_attempt_at, id) "
        "WHERE direction = 'out' "
        "AND state IN ('pending', 'sending', 'waiting', 'unknown')"
    )
    # What a record asked its partner for.
    _record_idx = models.Index("(res_model, res_id) WHERE res_id IS NOT NULL")
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
    sent_request_json = fields.Text(
        string="Sent",
        readonly=True,
        groups="logistics_canonical.group_payload",
        help="What was asked in the end, where the record added to the request.",
    )
    dedupe_key = fields.Char(required=True, readonly=True, exportable=False)
    idempotency_key = fields.Char(
        readonly=True, help="The same for every try, for partners that recognise it."
    )
    priority = fields.Integer(
        readonly=True, help="The higher, the sooner within its lane."
    )
    after_id = fields.Many2one(
        "logistics.message",
        string="Goes After",
        readonly=True,
        index="btree_not_null",
        help="Is not sent before that message is over.",
    )
    why_waiting = fields.Char(string="Waits For", compute="_compute_why_waiting")
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
    crashes = fields.Integer(readonly=True, help="How often its worker died over it.")
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
    res_name = fields.Char(string="About", compute="_compute_res_name")
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

    @api.depends("state", "next_attempt_at", "after_id.state", "connector_id")
    def _compute_why_waiting(self):
        # To the microsecond, as the next try is: else what is new would be late.
        now = self.env.cr.now()
        for message in self:
            message.why_waiting = message._why_waiting(now)

    def _why_waiting(self, now):
        """Return why an outbound message isn't sent right now, False if it is over."""
        self.ensure_one()
        if self.direction != "out" or self.state not in UNDECIDED:
            return False
        # Whoever sees the message may know what holds it up.
        connector = self.connector_id.sudo()
        if self.state == "sending":
            return self.env._("On its way")
        if self.state == "unknown" and not self.next_attempt_at:
            return self.env._("A person has to decide what became of it")
        if connector.is_paused:
            return self.env._("%s is paused", connector.name)
        if connector.is_auth_failed:
            return self.env._("%s refused our credentials", connector.name)
        if self.after_id.state in UNDECIDED:
            return self.env._("First %s must be over", self.after_id.display_name)
        if connector.breaker_state != "closed":
            return self.env._("%s does not answer", connector.name)
        if self.state == "unknown":
            return self.env._("The partner is asked what became of it")
        if self.next_attempt_at and self.next_attempt_at > now:
            return self.env._("Is tried again later")
        if connector.pace_at and connector.pace_at > now:
            return self.env._("%s may not be called faster", connector.name)
        return self.env._("Is sent next")

    @api.depends("res_model", "res_id")
    def _compute_res_name(self):
        for model, messages in self.grouped("res_model").items():
            names = {}
            if model in self.env:
                # Whoever sees the message may know what it is about.
                records = self.env[model].sudo().browse(messages.mapped("res_id"))
                names = {rec.id: rec.display_name for rec in records.exists()}
            for message in messages:
                message.res_name = names.get(message.res_id, False)

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

    # === ACTIONS === #

    def action_retry(self):
        """Take the messages up again at once, with today's mapping.

        What may have been carried out already is not sent again: the partner is
        asked, or a person has to decide.
        """
        self._check_operator()
        retryable = self.filtered(lambda message: message.state != "sending")
        if not retryable:
            raise UserError(self.env._("These messages are being sent right now."))
        undecided = retryable.filtered(
            lambda message: (
                message.state == "unknown" and message._repeat() not in effects.HARMLESS
            )
        )
        if undecided and not undecided._ask_partner() and undecided == retryable:
            raise UserError(
                self.env._(
                    "Nobody knows whether the partner carried this out, and it can't "
                    'be asked. Use "Decide…" to say what became of it.'
                )
            )
        done = retryable.filtered(
            lambda message: (
                message.direction == "out" and message.state in ("done", "cancelled")
            )
        )
        if any(message._repeat() != "safe" for message in done):
            raise UserError(
                self.env._(
                    "This was carried out or withdrawn. Sending it again could do it "
                    "twice; do it anew from its record."
                )
            )
        (retryable - undecided)._requeue()
        return True

    def action_cancel(self):
        """Withdraw messages that have not left."""
        self._check_operator()
        for message in self:
            if not message._withdraw(self.env._("Withdrawn by hand")):
                raise UserError(
                    self.env._(
                        "%s may have left already and can't be withdrawn.",
                        message.display_name,
                    )
                )
        return True

    def action_first(self):
        """Send these messages before the others of their lane."""
        self._check_operator()
        # See action_ignore: people have no write access on messages.
        waiting = self.sudo().filtered(lambda m: m.state in ("pending", "waiting"))
        waiting.priority = 10
        waiting._log_manual(self.env._("Moved to the front"))
        self.env["logistics.lane"]._wake_after_commit()
        return True

    def action_decide(self):
        """Open the dialog in which a person says what became of a message."""
        self.ensure_one()
        self._check_operator()
        context = {"default_message_id": self.id}
        if self.state != "unknown":
            context["default_outcome"] = "done"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Became of It?"),
            "res_model": "logistics.message.decide",
            "view_mode": "form",
            "target": "new",
            "context": context,
        }

    def action_ignore(self):
        """Set messages aside that will never be of use; they stay as evidence."""
        self._check_operator()
        # What became of an unknown one is decided, not put out of sight.
        failed = self.filtered(
            lambda m: m.state in ("dead", "waiting") and not m._may_have_arrived()
        )
        # Nor what the partner did: out of sight, it would be paid for and not used.
        answered = failed.filtered(lambda m: m._stored_answer())
        if answered and answered == failed:
            raise UserError(
                self.env._(
                    "The partner carried this out; only its answer could not be taken "
                    'over. "Retry" takes it over once the cause is mended, and sends '
                    'nothing. With "Mark as Done…" you say yourself what it brought.'
                )
            )
        failed -= answered
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

    def _repeat(self):
        """Return what sending this message again does (``core/effects.py``)."""
        self.ensure_one()
        profile = self.connector_id._compiled_profile()
        return effects.repeat_of(profile.operations.get(self.operation, {}))

    def _may_have_arrived(self):
        """Tell whether the partner may have done what is still to be sent again.

        That is so for what it recognises by our key only; everything else is sent
        again when it is certain that nothing was done.
        """
        self.ensure_one()
        return (
            self.direction == "out"
            and self.error_class == "unknown"
            and self._repeat() == "keyed"
        )

    def _owner(self):
        """Return the record a message belongs to, None if it has none any more."""
        self.ensure_one()
        if not self.res_model or self.res_model not in self.env or not self.res_id:
            return None
        records = self.env[self.res_model].with_company(self.company_id)
        return records.browse(self.res_id).exists() or None

    def _owner_payload(self, request):
        """Return what to send now, and why nothing is to be sent.

        :return: see ``_logistics_payload`` of the owner
        """
        owner = self._owner()
        if owner is None:
            if self.res_model:
                return None, self.env._("The record it belonged to is gone")
            return request, ""
        # A failing statement must not end the transaction of all other messages.
        with self.env.cr.savepoint():
            return owner._logistics_payload(self.operation, request)

    def _sent_request(self):
        """Return what was asked when the message left, empty if it never did."""
        self.ensure_one()
        text = self.sudo().sent_request_json
        return json.loads(text) if text else {}

    def _stored_answer(self):
        """Return a good answer that could not be applied when it came.

        :return: (``send`` or ``lookup``, :class:`~..core.adapter.Response`) or None
        """
        self.ensure_one()
        answer = self.sudo().answer_ids.sorted("id")[-1:]
        if not answer or answer.error_class == "unknown" or self._repeat() == "safe":
            return None
        kind = "lookup" if answer.operation == "lookup" else "send"
        body = answer.with_context(bin_size=False).body or b""
        headers = {"content-type": answer.content_type or ""}
        return kind, Response(200, headers, body)

    def _disbelieve_answer(self, text):
        """Set the stored answer aside: it tells of something else."""
        self.ensure_one()
        answer = self.sudo().answer_ids.sorted("id")[-1:]
        answer.write({"state": "ignored", "error_class": "unknown", "error_text": text})
        # What is told of messages by plain statements must not lose this.
        answer.flush_recordset()

    def _withdraw(self, why):
        """Cancel a message that can't have left; say whether it worked.

        A worker that takes it up at the same moment makes this transaction fail,
        and Odoo runs it again.
        """
        self.ensure_one()
        if self.state not in ("pending", "waiting") or self._may_have_arrived():
            return False
        # Who may cancel what the message is for may withdraw it.
        message = self.sudo()
        message.write({"state": "cancelled", "error_text": why, "lease_token": False})
        message._log_manual(why)
        return True

    def _ask_partner(self):
        """Ask now what became of these messages; return those that can be asked."""
        askable = self.filtered(lambda message: message._repeat() == "lookup")
        # See action_ignore.
        askable.sudo().write(
            {"next_attempt_at": self.env.cr.now(), "tries": 0, "crashes": 0}
        )
        askable.sudo()._log_manual(self.env._("Asked for by hand"))
        if askable:
            self.env["logistics.lane"]._wake_after_commit()
        return askable

    def _choices(self):
        """Return what each way out of an unknown outcome would mean."""
        owner = self._owner() or self.env["logistics.owner.mixin"]
        return owner._logistics_choices(self.operation)

    def _raise_unknown(self, text):
        """Say that a person has to find out what became of this message."""
        self.ensure_one()
        # What the ways out would cost is not for everybody: see the decision.
        self._raise_exception(
            "outcome_unknown",
            message=self,
            why=self.operation,
            reference=self.res_name or None,
            text=self.env._(
                "Nobody knows whether %(partner)s carried out \u201c%(operation)s"
                "\u201d for %(about)s: %(why)s. Look there, then decide here.",
                partner=self.connector_id.name,
                operation=self.operation,
                about=self.res_name or self.display_name,
                why=(text or "").rstrip("."),
            ),
        )

    def _resolve_unknown(self):
        self._resolve_exception("outcome_unknown")

    def _decide(self, done, note, number=""):
        """Take over what a person found out about a message.

        Of an unknown one they say either; one that failed or waits they can say was
        carried out otherwise, by telephone or on the partner's site.

        :param bool done: whether the partner carried it out
        :param str note: how they know
        :param str number: the partner's number, if there is one
        """
        self.ensure_one()
        # See action_ignore; the dialog checks the operator.
        message = self.sudo()
        self.env.cr.execute(
            "SELECT state FROM logistics_message WHERE id = %s FOR UPDATE", [self.id]
        )
        state = self.env.cr.fetchone()[0]
        decidable = ("unknown", "dead", "waiting") if done else ("unknown",)
        if message.direction != "out" or state not in decidable:
            raise UserError(
                self.env._("This has been decided meanwhile. Look at it again.")
            )
        message.write(
            {
                "state": "done" if done else "pending",
                "next_attempt_at": False if done else self.env.cr.now(),
                "error_class": False,
                "error_text": note,
                "lease_token": False,
                "tries": 0,
                "crashes": 0,
            }
        )
        message._log_manual(
            self.env._("Was carried out: %s", note)
            if done
            else self.env._("Was not carried out, sent again: %s", note)
        )
        owner = message._owner()
        if done and owner:
            owner._logistics_apply(
                self.operation, Result(data={"decided": {"number": number}})
            )
        message._resolve_unknown()
        message._settle_dead()
        # To send it, or what had to come after it.
        self.env["logistics.lane"]._wake_after_commit()

    def _requeue(self):
        """Make the messages due now; their payload and history stay.

        Those that may have been carried out are left alone, but that the partner is
        asked where it can be.

        :return: the messages something is done about
        """
        undecided = self.filtered(lambda message: message.state == "unknown")
        asked = undecided._ask_partner()
        self = self.filtered(
            lambda message: (
                message.direction == "in"
                or message._repeat() == "safe"
                or message.state not in ("unknown", "sending", "done", "cancelled")
                or message.state == "unknown"
                and message._repeat() in effects.HARMLESS
            )
        )
        if not self:
            return asked
        for message in self.filtered(lambda message: message.state == "unknown"):
            message._resolve_unknown()
        now = self.env.cr.now()
        # Operators have no write access on messages; see action_retry.
        for direction, state in (("in", "received"), ("out", "pending")):
            messages = self.sudo().filtered(lambda m, d=direction: m.direction == d)
            messages.write(
                {
                    "state": state,
                    "next_attempt_at": now,
                    "tries": 0,
                    "crashes": 0,
                    "lease_token": False,
                }
            )
        self.sudo()._log_manual(self.env._("Taken up again"))
        self.env["logistics.lane"]._wake_after_commit()
        return self | asked

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
        """Expunge what was said past the company's retention; the skeleton stays.

        The row keeps its dedupe key, so that a very late copy is still known. An
        answer that could not be applied yet stays.
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
                      LEFT JOIN logistics_message asked
                        ON asked.id = message.parent_id
                     WHERE (message.body IS NOT NULL
                            OR message.request_json IS NOT NULL)
                       AND message.state IN ('done', 'ignored', 'cancelled')
                       AND (asked.id IS NULL OR asked.state IN ('done', 'cancelled'))
                       AND company.logistics_retention_days > 0
                       AND message.received_at < now() AT TIME ZONE 'UTC'
                           - company.logistics_retention_days * interval '1 day'
                     LIMIT %s
                    """,
                    batch,
                )
            )
        ]
        messages = self.browse(ids)
        messages.attempt_ids.write(
            {"request_excerpt": False, "response_excerpt": False}
        )
        messages.write(
            {
                "body": False,
                "headers_json": False,
                "request_json": False,
                "sent_request_json": False,
            }
        )
        return len(ids), batch if len(ids) == batch else 0
