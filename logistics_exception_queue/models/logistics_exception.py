# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
from datetime import timedelta

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_datetime

from odoo.addons.logistics_canonical.core import vocabulary
from odoo.addons.logistics_canonical.core.conditions import CONDITIONS

audit = logging.getLogger("odoo.addons.logistics_canonical.audit")

#: How often at most a lasting condition renews its "last seen".
RENEW = timedelta(minutes=1)

LOW, NORMAL, HIGH, CRITICAL = "0", "1", "2", "3"
SEVERITIES = {
    "message_dead": NORMAL,
    "outcome_unknown": CRITICAL,
    "booking_failed": HIGH,
    "void_failed": HIGH,
    "label_missing": HIGH,
    "unmapped_code": NORMAL,
    "unknown_reference": LOW,
    "ambiguous_reference": NORMAL,
    "webhook_auth_failed": HIGH,
    "auth_failed": CRITICAL,
    "breaker_open": CRITICAL,
    "connector_silent": HIGH,
    "delivery_attempt_failed": NORMAL,
    "action_required": HIGH,
    "held": HIGH,
    "delivery_refused": HIGH,
    "returned": HIGH,
    "damaged": HIGH,
    "destroyed": CRITICAL,
    "lost": CRITICAL,
}
#: Evidence that tells one condition of a code from another of the same record.
KEY_FIELDS = ("error_key", "partner_code", "reference_key")


class LogisticsException(models.Model):
    """Something that needs a person: what, since when, whose, and what mends it.

    One row while a condition lasts, however often it is raised. It resolves by
    itself when its cause goes; ignored ones stay quiet when it comes back.
    """

    _name = "logistics.exception"
    _description = "Logistics Exception"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "severity desc, first_seen, id"
    _check_company_auto = True

    _key_uniq = models.UniqueIndex("(key) WHERE state <> 'resolved'")

    name = fields.Char(required=True, readonly=True)
    code = fields.Selection(
        selection="_selection_code", string="Kind", required=True, readonly=True
    )
    key = fields.Char(required=True, readonly=True, exportable=False)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("acknowledged", "In Work"),
            ("resolved", "Resolved"),
            ("ignored", "Ignored"),
        ],
        default="open",
        required=True,
        readonly=True,
        tracking=True,
        group_expand=True,
    )
    severity = fields.Selection(
        [(LOW, "Low"), (NORMAL, "Normal"), (HIGH, "High"), (CRITICAL, "Critical")],
        default=NORMAL,
        required=True,
        tracking=True,
    )
    color = fields.Integer(compute="_compute_color")
    user_id = fields.Many2one("res.users", string="Owner", tracking=True, index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    connector_id = fields.Many2one(
        "logistics.connector", readonly=True, index="btree_not_null", check_company=True
    )
    shipment_id = fields.Many2one(
        "logistics.shipment", readonly=True, index="btree_not_null", check_company=True
    )
    partner_id = fields.Many2one(related="shipment_id.partner_id")
    message_id = fields.Many2one(
        "logistics.message", string="Sample Message", readonly=True
    )
    text = fields.Text(string="What Happened", readonly=True)
    choices_text = fields.Text(
        string="Ways Out",
        compute="_compute_choices_text",
        groups="logistics_canonical.group_exception_operator,"
        "logistics_canonical.group_auditor",
        help="What each decision would mean and cost, were it wrong.",
    )
    note = fields.Text(help="For whoever looks at it next.")
    first_seen = fields.Datetime(readonly=True, default=fields.Datetime.now)
    last_seen = fields.Datetime(readonly=True, default=fields.Datetime.now)
    resolved_at = fields.Datetime(readonly=True)
    resolved_by_id = fields.Many2one(
        "res.users", readonly=True, help="Empty: by itself."
    )
    resolution = fields.Char(compute="_compute_resolution")
    age = fields.Char(compute="_compute_age")
    occurrences = fields.Integer(
        string="Count", readonly=True, default=1, help="How often it was raised."
    )
    affected_count = fields.Integer(
        string="Messages Behind It", compute="_compute_affected_count"
    )
    error_key = fields.Char(string="Failure", readonly=True)
    error_class = fields.Char(readonly=True)
    partner_code = fields.Char(readonly=True)
    partner_text = fields.Char(string="Partner's Words", readonly=True)
    reference = fields.Char(readonly=True)
    reference_key = fields.Char(readonly=True)
    map_event_type_id = fields.Many2one(
        "logistics.event.type",
        string="It Means",
        domain=[("code", "!=", "unmapped")],
    )
    map_reason = fields.Selection(
        selection=lambda self: [
            (reason.code, reason.name) for reason in vocabulary.REASONS.values()
        ],
        string="Because Of",
    )
    attach_shipment_id = fields.Many2one(
        "logistics.shipment", string="It Is About", check_company=True
    )
    candidate_ids = fields.Many2many(
        "logistics.shipment", compute="_compute_candidate_ids"
    )

    # === COMPUTES === #

    @api.model
    def _selection_code(self):
        return [
            ("message_dead", self.env._("Dead Messages")),
            ("outcome_unknown", self.env._("Outcome Unknown")),
            ("booking_failed", self.env._("Not Booked")),
            ("void_failed", self.env._("Not Cancelled")),
            ("label_missing", self.env._("Label Missing")),
            ("unmapped_code", self.env._("Unknown Code")),
            ("unknown_reference", self.env._("Unknown Number")),
            ("ambiguous_reference", self.env._("Ambiguous Number")),
            ("webhook_auth_failed", self.env._("Wrong Signature")),
            ("auth_failed", self.env._("Credentials Refused")),
            ("breaker_open", self.env._("Partner Not Answering")),
            ("connector_silent", self.env._("Partner Silent")),
            ("delivery_attempt_failed", self.env._("Delivery Attempt Failed")),
            ("delivery_refused", self.env._("Delivery Refused")),
            ("held", self.env._("Held")),
            ("action_required", self.env._("Action Required")),
            ("damaged", self.env._("Damaged or Incomplete")),
            ("lost", self.env._("Lost")),
            ("destroyed", self.env._("Destroyed")),
            ("returned", self.env._("Returned")),
        ]

    @api.depends("severity", "state")
    def _compute_color(self):
        colors = {LOW: 0, NORMAL: 4, HIGH: 2, CRITICAL: 1}
        for exception in self:
            exception.color = (
                10 if exception.state == "resolved" else colors[exception.severity]
            )

    @api.depends("first_seen", "resolved_at")
    def _compute_age(self):
        now = fields.Datetime.now()
        for exception in self:
            exception.age = self._format_age(
                (exception.resolved_at or now) - (exception.first_seen or now)
            )

    @api.model
    def _format_age(self, delta):
        minutes = int(delta.total_seconds() // 60)
        if minutes < 60:
            return self.env._("%s min", minutes)
        if minutes < 48 * 60:
            return self.env._("%s h", minutes // 60)
        return self.env._("%s days", minutes // (24 * 60))

    def _compute_affected_count(self):
        for exception in self:
            domain = exception._get_message_domain()
            exception.affected_count = (
                self.env["logistics.message"].search_count(domain) if domain else 0
            )

    @api.depends("code", "message_id.state")
    def _compute_choices_text(self):
        for exception in self:
            exception.choices_text = False
            message = exception.message_id
            if exception.code == "outcome_unknown" and message.state == "unknown":
                twice, never = message._choices()
                exception.choices_text = self.env._(
                    "Say it was not done, and it is sent again: %(twice)s\n"
                    "Say it was done, and nothing is sent: %(never)s",
                    twice=twice,
                    never=never,
                )

    @api.depends("reference_key", "company_id")
    def _compute_candidate_ids(self):
        for exception in self:
            references = (
                self.env["logistics.reference"].search(
                    [
                        ("company_id", "=", exception.company_id.id),
                        ("key", "=", exception.reference_key),
                    ]
                )
                if exception.reference_key
                else self.env["logistics.reference"]
            )
            exception.candidate_ids = references.shipment_id

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(
                self.env._("Exceptions are raised by the system, not by hand.")
            )
        return super().create(vals_list)

    def write(self, vals):
        if "user_id" in vals and self.env.user.has_group(
            "logistics_canonical.group_exception_operator"
        ):
            fresh = self.filtered(lambda e: e.state == "open" and vals["user_id"])
            result = super().write(vals)
            super(LogisticsException, fresh).write({"state": "acknowledged"})
            return result
        return super().write(vals)

    # === RAISING AND RESOLVING === #

    @api.model
    def _key_for(self, record, code, evidence):
        own = [str(evidence[name]) for name in KEY_FIELDS if evidence.get(name)]
        return "|".join([record._name, str(record.id), code, *own])

    @api.model
    def _open_for(self, record, code, evidence):
        """Open an exception, or renew the one that is open.

        :return: True when it is new
        """
        # Whatever user the condition arises under, the queue must get it.
        exceptions = self.sudo()
        key = self._key_for(record, code, evidence)
        known = exceptions.search([("key", "=", key), ("state", "!=", "resolved")])
        now = fields.Datetime.now()
        if known:
            if now - known.last_seen > RENEW or evidence.get("count"):
                known.write(
                    {
                        "last_seen": now,
                        "occurrences": known.occurrences + evidence.get("count", 1),
                        "text": evidence.get("text") or known.text,
                    }
                )
            return False
        try:
            with self.env.cr.savepoint():
                exceptions.with_context(tracking_disable=True).create(
                    self._prepare_vals(record, code, key, evidence)
                )
        except psycopg2.errors.UniqueViolation:
            # Another worker opened it a moment ago.
            return False
        return True

    @api.model
    def _prepare_vals(self, record, code, key, evidence):
        vals = {
            "name": self._title(record, code, evidence),
            "code": code,
            "key": key,
            "severity": SEVERITIES.get(code, NORMAL),
            "company_id": record.company_id.id,
            "text": evidence.get("text"),
            "occurrences": evidence.get("count", 1),
            "message_id": evidence["message"].id if evidence.get("message") else False,
            "error_key": evidence.get("error_key"),
            "error_class": evidence.get("error_class"),
            "partner_code": evidence.get("partner_code"),
            "partner_text": evidence.get("partner_text"),
            "reference": evidence.get("reference"),
            "reference_key": evidence.get("reference_key"),
        }
        if record._name == "logistics.connector":
            vals["connector_id"] = record.id
        elif record._name == "logistics.message":
            owner = record._owner()
            shipment = owner._logistics_shipment() if owner else self.shipment_id
            vals["connector_id"] = record.connector_id.id
            vals["shipment_id"] = shipment.id
            vals["user_id"] = shipment.user_id.id
        elif record._name == "logistics.shipment":
            vals["shipment_id"] = record.id
            vals["user_id"] = record.user_id.id
            vals["connector_id"] = record.parcel_ids.connector_id[:1].id
        return vals

    @api.model
    def _title(self, record, code, evidence):
        label = dict(self._selection_code()).get(code, code)
        detail = (
            evidence.get("partner_code")
            or evidence.get("reference")
            or (
                record.tracking_numbers or record.display_name
                if code in CONDITIONS
                else evidence.get("why")
            )
            or record.display_name
        )
        return f"{label}: {detail}"[:200]

    @api.model
    def _close_for(self, record, code, evidence):
        """Resolve what is open for a condition that no longer holds."""
        # As in _open_for: the condition is gone, whoever made it go.
        exceptions = self.sudo().search(
            [
                ("key", "=", self._key_for(record, code, evidence)),
                ("state", "!=", "resolved"),
            ]
        )
        if exceptions:
            # Somebody's decision, or what they mended; else it went by itself.
            user = self.env.user
            by_itself = user._is_superuser() or not user._is_internal()
            exceptions._resolve(user.browse() if by_itself else user)
            audit.info("exception %s %s resolved", code, record.display_name)

    def _resolve(self, user):
        self.activity_ids.unlink()
        self.write(
            {
                "state": "resolved",
                "resolved_at": fields.Datetime.now(),
                "resolved_by_id": user.id,
            }
        )

    @api.depends("state", "resolved_at", "resolved_by_id")
    def _compute_resolution(self):
        for exception in self:
            when = format_datetime(self.env, exception.resolved_at)
            if exception.state != "resolved":
                exception.resolution = False
            elif exception.resolved_by_id:
                exception.resolution = self.env._(
                    "Resolved on %(when)s by %(who)s.",
                    when=when,
                    who=exception.resolved_by_id.name,
                )
            else:
                exception.resolution = self.env._(
                    "Resolved on %s by itself: the cause is gone.", when
                )

    # === ACTIONS === #

    def _check_operator(self):
        if not self.env.user.has_group("logistics_canonical.group_exception_operator"):
            raise AccessError(
                self.env._("Only exception operators can work on exceptions.")
            )
        self.check_access("write")

    def action_assign_to_me(self):
        """Take the exceptions over."""
        self._check_operator()
        self.write({"user_id": self.env.uid})

    def action_acknowledge(self):
        """Say that somebody works on it."""
        self._check_operator()
        self.filtered(lambda e: e.state == "open").state = "acknowledged"

    def action_resolve(self):
        """Close by hand; the same condition opens a new exception."""
        self._check_operator()
        self._resolve(self.env.user)

    def action_ignore(self):
        """Keep quiet about this condition from now on."""
        self._check_operator()
        self.filtered(lambda e: e.state != "resolved").state = "ignored"

    def action_reopen(self):
        """Take an exception up again."""
        self._check_operator()
        for exception in self.filtered(lambda e: e.state in ("resolved", "ignored")):
            if self.search_count(
                [
                    ("key", "=", exception.key),
                    ("state", "!=", "resolved"),
                    ("id", "!=", exception.id),
                ]
            ):
                raise UserError(
                    self.env._("%s is open again already.", exception.display_name)
                )
            exception.write(
                {"state": "open", "resolved_at": False, "resolved_by_id": False}
            )

    def action_map_code(self):
        """Say what the code means and process the messages with it again."""
        self.ensure_one()
        self._check_operator()
        if not self.map_event_type_id:
            raise UserError(self.env._("Choose what the code means first."))
        code_maps = self.env["logistics.code.map"]
        vals = {
            "event_type_id": self.map_event_type_id.id,
            "reason": self.map_reason,
            "text": self.partner_text,
        }
        known = code_maps.search(
            [
                ("connector_id", "=", self.connector_id.id),
                ("code", "=", self.partner_code),
            ]
        )
        if known:
            known.write(vals)
        else:
            code_maps.create(
                dict(vals, connector_id=self.connector_id.id, code=self.partner_code)
            )
        self.state = "acknowledged"
        return self._reprocess()

    def action_attach(self):
        """Say which shipment the number is about and apply its messages."""
        self.ensure_one()
        self._check_operator()
        if not self.attach_shipment_id:
            raise UserError(self.env._("Choose the shipment it is about first."))
        problem = self.env["logistics.message.problem"].search(
            [
                ("connector_id", "=", self.connector_id.id),
                ("reference_key", "=", self.reference_key),
                ("state", "=", "open"),
            ],
            limit=1,
        )
        if self.code == "ambiguous_reference":
            (self.candidate_ids - self.attach_shipment_id).reference_ids.filtered(
                lambda reference: reference.key == self.reference_key
            ).unlink()
        else:
            self.attach_shipment_id._attach_reference(
                problem.reference_type or "tracking_number", self.reference
            )
        return self._reprocess()

    def action_create_shipment(self):
        """Create a shipment for a number nobody knows and apply its messages."""
        self.ensure_one()
        self._check_operator()
        self.attach_shipment_id = self.env["logistics.shipment"].create(
            {"company_id": self.company_id.id}
        )
        return self.action_attach()

    def action_retry(self):
        """Process all messages behind these exceptions again."""
        self._check_operator()
        result = True
        for exception in self:
            result = exception._reprocess()
        return result

    def action_set_aside(self):
        """Set all messages behind this exception aside."""
        self.ensure_one()
        self._affected_messages().action_ignore()

    def action_mend(self):
        """Do what mends it, now that its cause is corrected."""
        self.ensure_one()
        self._check_operator()
        # Who mends exceptions may act on the transfers behind them.
        done = self.sudo().shipment_id._mend(self.code, self.reference_key or "")
        if done is None:
            raise UserError(self.env._("There is nothing here that mends this."))
        if self.state == "open":
            self.state = "acknowledged"
        if isinstance(done, dict):
            return done
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Tried again"),
                "message": self.env._(
                    "The exception resolves by itself when it worked."
                ),
                "type": "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_decide(self):
        """Say what became of a message nobody knows the outcome of."""
        self.ensure_one()
        self._check_operator()
        return self.message_id.action_decide()

    def action_pause_connector(self):
        """Pause the connector: it goes on taking in, nothing else."""
        self.connector_id.action_pause()

    def action_resume_connector(self):
        """Let the connector process and send again."""
        self.connector_id.action_resume()

    def action_open_messages(self):
        """Open the messages behind this exception."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_canonical.logistics_message_action"
        )
        action["domain"] = self._get_message_domain() or [
            ("id", "=", self.message_id.id)
        ]
        action["context"] = {}
        return action

    def action_open_record(self):
        """Open the transfers it is about, to correct what was refused."""
        self.ensure_one()
        pickings = self.shipment_id.picking_ids
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Transfers"),
            "res_model": "stock.picking",
            "view_mode": "list,form",
            "domain": [("id", "in", pickings.ids)],
        }
        if len(pickings) == 1:
            action.update(view_mode="form", res_id=pickings.id)
        return action

    def action_open_shipment(self):
        """Open the shipment."""
        self.ensure_one()
        return self.shipment_id._action_open()

    def action_open_connector(self):
        """Open the connector."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "logistics.connector",
            "res_id": self.connector_id.id,
            "view_mode": "form",
        }

    # === MESSAGES === #

    def _get_message_domain(self):
        """Return the domain of the messages behind this exception, or None."""
        self.ensure_one()
        if self.code == "message_dead":
            return [
                ("connector_id", "=", self.connector_id.id),
                ("error_key", "=", self.error_key),
                ("state", "in", ("dead", "unknown")),
            ]
        problem = {
            "unmapped_code": ("problem_ids.code", "=", self.partner_code),
            "unknown_reference": ("problem_ids.reference_key", "=", self.reference_key),
            "ambiguous_reference": (
                "problem_ids.reference_key",
                "=",
                self.reference_key,
            ),
        }.get(self.code)
        if not problem:
            return None
        return [
            (
                "problem_ids",
                "any",
                [
                    ("connector_id", "=", self.connector_id.id),
                    ("kind", "=", self.code),
                    (problem[0].split(".")[1], "=", problem[2]),
                    ("state", "=", "open"),
                ],
            )
        ]

    def _affected_messages(self):
        domain = self._get_message_domain()
        messages = self.env["logistics.message"]
        return messages.search(domain) if domain else self.message_id

    def _reprocess(self):
        """Queue the messages behind this exception; tell how many."""
        messages = self._affected_messages()
        taken_up = messages._requeue()
        if messages and not taken_up:
            raise UserError(
                self.env._(
                    "Nobody knows what became of this, and sending it again could do "
                    'it twice. Use "Decide\u2026" to say what became of it.'
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Processing again"),
                "message": self.env._(
                    "%s messages are processed again. The exception resolves by "
                    "itself when it worked.",
                    len(taken_up),
                ),
                "type": "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
