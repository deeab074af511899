# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
import json
import uuid
import zoneinfo
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from odoo import Command, api, fields, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_datetime, str2bool

from ..core import breaker, redaction, webhook
from ..core.adapter import Adapter
from ..core.identity import message_dedupe_key
from ..core.profile import load_profile
from ..core.rate import Pace, TokenBucket
from ..transport import Call
from .logistics_lane import LANES

INBOUND_PATH = "/logistics/v1/in/"

#: Request headers worth keeping with a message. Everything else (cookies,
#: credentials, proxies' additions) is dropped at the door.
KEPT_HEADERS = ("content-type", "user-agent", "date", "webhook-id", "x-request-id")

INSERT_MESSAGE = """
    INSERT INTO logistics_message (
        connector_id, company_id, direction, state, lane, stream, operation,
        body, content_type, headers_json, request_json, dedupe_key,
        correlation_id, parent_id, received_at, next_attempt_at, tries,
        create_uid, create_date, write_uid, write_date
    ) VALUES (
        %(connector_id)s, %(company_id)s, 'in', %(state)s, %(lane)s, %(stream)s,
        %(operation)s, %(body)s, %(content_type)s, %(headers)s, %(request)s,
        %(dedupe_key)s, %(correlation_id)s, %(parent_id)s,
        now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', 0,
        %(user_id)s, now() AT TIME ZONE 'UTC', %(user_id)s, now() AT TIME ZONE 'UTC'
    )
    ON CONFLICT (connector_id, direction, dedupe_key) DO NOTHING
    RETURNING id
"""


# A row nobody else has, or none: what is asked twice under one key is asked once.
INSERT_OUTBOUND = """
    INSERT INTO logistics_message (
        connector_id, company_id, direction, state, lane, operation, request_json,
        dedupe_key, idempotency_key, priority, after_id, correlation_id, res_model,
        res_id, received_at, next_attempt_at, tries, crashes,
        create_uid, create_date, write_uid, write_date
    ) VALUES (
        %(connector_id)s, %(company_id)s, 'out', 'pending', %(lane)s, %(operation)s,
        %(request)s, %(dedupe_key)s, %(idempotency_key)s, %(priority)s, %(after_id)s,
        %(correlation_id)s, %(res_model)s, %(res_id)s,
        now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', 0, 0,
        %(user_id)s, now() AT TIME ZONE 'UTC', %(user_id)s, now() AT TIME ZONE 'UTC'
    )
    ON CONFLICT (connector_id, direction, dedupe_key) DO NOTHING
    RETURNING id
"""


class InboundRoute(NamedTuple):
    """What the endpoint needs to know of a connector, without the ORM."""

    connector_id: int
    company_id: int
    user_id: int
    verifier: object
    expires_at: datetime | None
    dedupe_header: str
    max_bytes: int
    lanes: dict
    default_lane: str
    acknowledgement: dict
    bucket: TokenBucket | None


class LogisticsConnector(models.Model):
    """One connection to one partner system, for one company."""

    _name = "logistics.connector"
    _description = "Logistics Connector"
    _inherit = ["mail.thread", "mail.activity.mixin", "logistics.owner.mixin"]
    _order = "sequence, name, id"
    _check_company_auto = True

    _public_id_uniq = models.Constraint(
        "UNIQUE(public_id)", "Two connectors can't share a webhook address."
    )

    name = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    color = fields.Integer()
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    profile_id = fields.Many2one(
        "logistics.profile",
        string="Partner Profile",
        required=True,
        index=True,
        ondelete="restrict",
        tracking=True,
        help="The description of the partner's protocol, in the version used here.",
    )
    newer_profile_id = fields.Many2one(
        "logistics.profile", compute="_compute_newer_profile_id"
    )
    environment = fields.Selection(
        [("sandbox", "Sandbox"), ("production", "Production")],
        default="sandbox",
        required=True,
        tracking=True,
    )
    state = fields.Selection(
        [("draft", "Not Started"), ("active", "Running")],
        default="draft",
        required=True,
        copy=False,
        tracking=True,
    )
    is_paused = fields.Boolean(
        string="Paused",
        copy=False,
        tracking=True,
        help="Messages are still taken in; processing and sending wait.",
    )
    is_auth_failed = fields.Boolean(
        string="Credentials Refused",
        copy=False,
        tracking=True,
        help="The partner refused our credentials. Nothing is sent until they "
        "are set anew or somebody resumes the connector.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Machine User",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The identity under which this connector's messages are stored.",
    )
    public_id = fields.Char(
        default=lambda self: uuid.uuid4().hex, required=True, readonly=True, copy=False
    )
    webhook_url = fields.Char(string="Webhook Address", compute="_compute_webhook_url")
    base_url = fields.Char(
        string="Address Override",
        help="Use this address instead of the profile's, e.g. for a test server.",
    )
    allow_loopback = fields.Boolean(
        string="Allow This Machine",
        help="Let a sandbox connector call addresses on this machine. Never "
        "possible in production.",
    )
    proxy_url = fields.Char(
        string="Proxy",
        groups="logistics_canonical.group_connector_admin",
        tracking=True,
        help="Reach the partner through this HTTP proxy, e.g. "
        "http://proxy.example.com:3128. A proxy inside your own network has to be "
        "allowed by a system administrator first (system parameter "
        "logistics_canonical.allow_private_proxy).",
    )
    default_zone = fields.Selection(
        selection="_selection_zone",
        string="Time Zone of the Partner",
        help="Used for times that come without a zone, when the profile can't tell.",
    )
    create_from_events = fields.Boolean(
        string="Create Shipments from Messages",
        help="A message about an unknown number creates a shipment instead of "
        "waiting for one.",
    )
    trust_push = fields.Boolean(
        string="Believe Unsigned Messages",
        help="Take messages of a partner that doesn't sign as facts. Otherwise "
        "they only make us ask the partner.",
    )
    inbound_rate = fields.Integer(
        string="Messages per Second",
        help="Refuse more than this many messages a second from this partner "
        "(for each server process). 0 means no limit.",
    )
    outbound_rate = fields.Integer(
        string="Calls per Minute",
        help="Call this partner at most so often, however many workers there are. "
        "0 takes the limit of the profile.",
    )
    pace_at = fields.Datetime(readonly=True, copy=False, exportable=False)
    breaker_state = fields.Selection(
        [("closed", "Yes"), ("open", "No: Calls Wait"), ("half_open", "Being Tried")],
        string="Partner Answers",
        default="closed",
        required=True,
        readonly=True,
        copy=False,
        help="After repeated failures calls wait, until one that is tried succeeds.",
    )
    breaker_failures = fields.Integer(
        string="Failures in a Row", readonly=True, copy=False
    )
    breaker_openings = fields.Integer(readonly=True, copy=False)
    breaker_until = fields.Datetime(string="Tried Again", readonly=True, copy=False)
    is_held = fields.Boolean(
        string="Partner Left Alone",
        compute="_compute_is_held",
        help="Calls wait, because the partner asked for it or does not answer. "
        "Resume makes the next one at once.",
    )
    credential_ids = fields.One2many("logistics.credential", "connector_id")
    code_map_ids = fields.One2many(
        "logistics.code.map", "connector_id", string="Own Codes"
    )
    message_count = fields.Integer(compute="_compute_message_stats")
    waiting_count = fields.Integer(compute="_compute_message_stats")
    dead_count = fields.Integer(compute="_compute_message_stats")
    problem_count = fields.Integer(compute="_compute_message_stats")
    today_count = fields.Integer(compute="_compute_message_stats")
    last_received_at = fields.Datetime(compute="_compute_message_stats")
    health = fields.Selection(
        [
            ("none", "No Data"),
            ("good", "Good"),
            ("warning", "Attention"),
            ("danger", "Failing"),
        ],
        compute="_compute_health",
    )
    health_text = fields.Char(compute="_compute_health")
    missing_credentials = fields.Char(compute="_compute_missing_credentials")

    # === COMPUTES === #

    @api.model
    def _selection_zone(self):
        return [(zone, zone) for zone in sorted(zoneinfo.available_timezones())]

    @api.depends("profile_id")
    def _compute_newer_profile_id(self):
        for connector in self:
            newest = connector.profile_id and connector.profile_id._newest()
            connector.newer_profile_id = (
                newest if newest != connector.profile_id else False
            )

    @api.depends("public_id")
    def _compute_webhook_url(self):
        for connector in self:
            connector.webhook_url = urljoin(
                connector.get_base_url(), INBOUND_PATH + (connector.public_id or "")
            )

    def _compute_message_stats(self):
        Message = self.env["logistics.message"]
        stats = {}
        for connector, state, count, newest in Message._read_group(
            [("connector_id", "in", self.ids)],
            ["connector_id", "state"],
            ["__count", "received_at:max"],
        ):
            stats.setdefault(connector.id, {})[state] = (count, newest)
        today = dict(
            Message._read_group(
                [
                    ("connector_id", "in", self.ids),
                    ("received_at", ">=", fields.Datetime.today()),
                ],
                ["connector_id"],
                ["__count"],
            )
        )
        received = dict(
            Message._read_group(
                [("connector_id", "in", self.ids), ("direction", "=", "in")],
                ["connector_id"],
                ["received_at:max"],
            )
        )
        problems = dict(
            self.env["logistics.message.problem"]._read_group(
                [("connector_id", "in", self.ids), ("state", "=", "open")],
                ["connector_id"],
                ["__count"],
            )
        )
        for connector in self:
            own = stats.get(connector.id, {})
            connector.message_count = sum(count for count, _newest in own.values())
            connector.waiting_count = sum(
                own.get(state, (0,))[0]
                for state in ("received", "waiting", "processing", "pending")
            )
            connector.dead_count = own.get("dead", (0,))[0]
            connector.problem_count = problems.get(connector, 0)
            connector.today_count = today.get(connector, 0)
            connector.last_received_at = received.get(connector, False)

    @api.depends("pace_at", "breaker_state")
    def _compute_is_held(self):
        for connector in self:
            connector.is_held = (
                connector.breaker_state == "open" or connector._is_asked_to_wait()
            )

    @api.depends("state", "is_paused", "is_auth_failed", "breaker_state", "pace_at")
    def _compute_health(self):
        for connector in self:
            if connector.is_auth_failed:
                health = "danger", self.env._("Credentials refused: set them anew")
            elif connector.breaker_state != "closed":
                health = (
                    "danger",
                    self.env._("Partner not answering: calls wait for a probe"),
                )
            elif connector._is_asked_to_wait():
                health = (
                    "warning",
                    self.env._(
                        "The partner asked for no call before %s: resume to call at "
                        "once",
                        format_datetime(self.env, connector.pace_at),
                    ),
                )
            elif connector.missing_credentials:
                health = (
                    "warning",
                    self.env._(
                        "Credentials missing: %s", connector.missing_credentials
                    ),
                )
            elif connector.dead_count:
                health = (
                    "warning",
                    self.env._(
                        "Messages that could not be processed: %s", connector.dead_count
                    ),
                )
            elif connector.is_paused:
                health = "warning", self.env._("Paused: messages are kept and wait")
            elif not connector.last_received_at:
                health = "none", self.env._("No message yet")
            else:
                health = "good", self.env._("Working")
            connector.health, connector.health_text = health

    @api.depends("credential_ids", "profile_id")
    def _compute_missing_credentials(self):
        for connector in self:
            # The names of credentials are no secret; their rows are closed to
            # people who don't administer connectors.
            known = set(connector.sudo().credential_ids.mapped("name"))
            specs = (
                connector.profile_id._compiled().credentials
                if (connector.profile_id)
                else []
            )
            connector.missing_credentials = ", ".join(
                spec["label"]
                for spec in specs
                if spec["name"] not in known and spec.get("required", True)
            )

    # === CONSTRAINTS AND CRUD === #

    @api.constrains("allow_loopback", "environment")
    def _check_allow_loopback(self):
        for connector in self:
            if connector.allow_loopback and connector.environment == "production":
                raise ValidationError(
                    self.env._(
                        "A production connector can't call addresses on this "
                        "machine. Switch it to sandbox or clear the option."
                    )
                )

    @api.constrains("proxy_url")
    def _check_proxy_url(self):
        for connector in self:
            if not connector.proxy_url:
                continue
            try:
                parts = urlsplit(connector.proxy_url)
                usable = (
                    parts.scheme in ("http", "https")
                    and parts.hostname
                    and (parts.port is None or parts.port > 0)
                    and parts.path in ("", "/")
                    and not parts.query
                    and not parts.fragment
                )
            except ValueError:
                usable = False
            if not usable:
                raise ValidationError(
                    self.env._(
                        "A proxy's address looks like http://proxy.example.com:3128."
                    )
                )
            if "@" in parts.netloc:
                raise ValidationError(
                    self.env._(
                        "A proxy's address can't hold a password: it would be "
                        "readable. Let the proxy know this server by its address."
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        connectors = super().create(vals_list)
        for connector in connectors:
            connector._ensure_machine_user()
        self.env.registry.clear_cache()
        return connectors

    def write(self, vals):
        result = super().write(vals)
        if not BREAKER_FIELDS.issuperset(vals):
            self.env.registry.clear_cache()
        if "company_id" in vals:
            for connector in self:
                connector._ensure_machine_user()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_messages(self):
        # Messages of any state count, also those the user may not see.
        if (
            self.env["logistics.message"]
            .sudo()
            .search_count([("connector_id", "in", self.ids)], limit=1)
        ):
            raise UserError(
                self.env._(
                    "This connector has messages, which are kept as evidence. "
                    "Archive it instead."
                )
            )

    def _ensure_machine_user(self):
        """Give the connector its own user: machine group, one company."""
        self.ensure_one()
        # An administrator of connectors is none of users; the user made here has
        # no password, the machine group alone and the connector's company only.
        users = self.env["res.users"].sudo().with_context(no_reset_password=True)
        vals = {
            "company_ids": [Command.set(self.company_id.ids)],
            "company_id": self.company_id.id,
        }
        if self.user_id:
            self.user_id.sudo().write(vals)
            return
        self.user_id = users.create(
            dict(
                vals,
                name=self.env._("Connector %s", self.name),
                login=f"logistics-{self.public_id}",
                group_ids=[
                    Command.set([self.env.ref("logistics_canonical.group_machine").id])
                ],
                notification_type="email",
            )
        )

    # === ACTIONS === #

    def action_start(self):
        """Switch the connector on; it then accepts messages."""
        self._check_admin()
        for connector in self:
            if connector.missing_credentials:
                raise UserError(
                    self.env._(
                        "%(connector)s can't start: set these credentials first: "
                        "%(missing)s.",
                        connector=connector.name,
                        missing=connector.missing_credentials,
                    )
                )
        self.write({"state": "active", "is_paused": False})
        self._call_now()

    def action_stop(self):
        """Switch the connector off; its address then refuses everything."""
        self._check_admin()
        self.write({"state": "draft"})

    def action_pause(self):
        """Keep taking in, but process and send nothing."""
        self._check_operator()
        # Operators may pause a connector, although they can't change one.
        self.sudo().write({"is_paused": True})

    def action_resume(self):
        """Process and send again, at once."""
        self._check_operator()
        self.sudo().write({"is_paused": False, "is_auth_failed": False})
        self._resolve_exception("auth_failed")
        # Nor need they be administrators to have a partner called.
        self.sudo()._call_now()
        self.env["logistics.lane"]._wake_after_commit()

    def action_test(self):
        """Ask the partner something harmless and tell what came of it."""
        self.ensure_one()
        self._check_admin()
        title, text, kind = self._test_connection()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": title,
                "message": text,
                "type": kind,
                "sticky": kind != "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_use_newer_profile(self):
        """Move to the newest version of the partner's profile."""
        self._check_admin()
        for connector in self:
            if connector.newer_profile_id:
                connector.profile_id = connector.newer_profile_id

    def action_new_public_id(self):
        """Give the connector a new webhook address; the old one stops working."""
        self._check_admin()
        for connector in self:
            connector.public_id = uuid.uuid4().hex

    def action_set_credential(self):
        """Open the dialog in which a credential is set."""
        self.ensure_one()
        self._check_admin()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Set Credential"),
            "res_model": "logistics.credential.set",
            "view_mode": "form",
            "target": "new",
            "context": {"default_connector_id": self.id},
        }

    def action_open_messages(self):
        """Open this connector's messages."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_canonical.logistics_message_action"
        )
        action["domain"] = [("connector_id", "=", self.id)]
        action["context"] = dict(
            self.env.context.get("logistics_message_context") or {},
            default_connector_id=self.id,
        )
        return action

    def action_open_dead_messages(self):
        """Open this connector's dead messages."""
        action = self.action_open_messages()
        action["domain"] += [("state", "=", "dead")]
        return action

    def action_open_waiting_messages(self):
        """Open the messages that wait to be processed or sent."""
        action = self.action_open_messages()
        action["domain"] += [
            ("state", "in", ("received", "waiting", "processing", "pending"))
        ]
        return action

    def _check_admin(self):
        if not self.env.user.has_group("logistics_canonical.group_connector_admin"):
            raise AccessError(
                self.env._("Only connector administrators can change a connector.")
            )
        self.check_access("write")

    def _check_operator(self):
        if not self.env.user.has_group("logistics_canonical.group_exception_operator"):
            raise AccessError(
                self.env._("Only exception operators can pause or resume a connector.")
            )
        self.check_access("read")

    # === PROTOCOL === #

    def _adapter_classes(self):
        """Return a dict of adapter key to class; addons extend it with super()."""
        return {"profile": Adapter}

    def _get_adapter(self):
        """Return the adapter of this connector's protocol.

        :rtype: :class:`~..core.adapter.Adapter`
        """
        self.ensure_one()
        key = self.profile_id._compiled().data.get("adapter", "profile")
        return self._adapter_classes()[key]()

    @tools.ormcache("self.id")
    def _compiled_profile(self):
        """Return the profile with this connector's own codes applied.

        :rtype: :class:`~..core.profile.Profile`
        """
        # The lanes and the endpoint read the status table for everybody.
        connector = self.sudo()
        profile = connector.profile_id._compiled()
        options = {}
        if connector.default_zone:
            options["zone"] = connector.default_zone
        if connector.trust_push:
            options["push"] = "fact"
        if options:
            profile = load_profile({**profile.data, **options})
        return profile.with_overrides(
            {
                code_map.code: (code_map.event_type_id.code, code_map.reason or "")
                for code_map in connector.code_map_ids
            }
        )

    def _secrets(self):
        """Return a dict of credential name to list of (value, valid_until)."""
        self.ensure_one()
        secrets = {}
        # Only the transport and the verifier call this.
        for name, value, valid_until in self.sudo().credential_ids._reveal():
            secrets.setdefault(name, []).append((value, valid_until))
        return secrets

    def _set_credentials(self, values):
        """Set credentials without the dialog, e.g. for demo connectors.

        :param dict values: credential name to value in clear
        """
        self.ensure_one()
        labels = {
            spec["name"]: spec["label"]
            for spec in self.profile_id._compiled().credentials
        }
        for name, value in values.items():
            self.env["logistics.credential"]._store(
                self, name, value, labels.get(name, name)
            )

    def _test_connection(self):
        """Return (title, text, notification type) of a connection test."""
        self.ensure_one()
        if self.missing_credentials:
            return (
                self.env._("Credentials missing"),
                self.env._(
                    "Set these credentials first: %s.", self.missing_credentials
                ),
                "warning",
            )
        result = self.env["logistics.outbox"]._probe(self)
        if result is None:
            return (
                self.env._("Nothing to call"),
                self.env._(
                    "This partner only sends to us. Give it the webhook address "
                    "and let it send a test message."
                ),
                "info",
            )
        ok, text = result
        if ok:
            return self.env._("The connection works"), text, "success"
        return self.env._("The connection does not work"), text, "danger"

    def _prepare_call(self, operation, payload, idempotency_key=""):
        """Return a call the transport can send without a database.

        :param str operation: one of the profile's operations
        :param dict payload: what the operation needs
        :param str idempotency_key: the same for every try of a message
        :rtype: :class:`~..transport.Call`
        :raise CallError: when something is missing
        """
        self.ensure_one()
        if idempotency_key:
            payload = {**payload, "idempotency_key": idempotency_key}
        return self._make_call(
            self._get_adapter().build_request(
                operation,
                payload,
                self._compiled_profile(),
                environment=self.environment,
                base_url=self.base_url or "",
            )
        )

    def _prepare_lookup(self, operation, payload):
        """Return the call that asks whether an operation was carried out.

        :rtype: :class:`~..transport.Call` or None when the partner can't be asked
        :raise CallError: when something is missing
        """
        self.ensure_one()
        outbound = self._get_adapter().lookup_request(
            operation,
            payload,
            self._compiled_profile(),
            environment=self.environment,
            base_url=self.base_url or "",
        )
        return self._make_call(outbound) if outbound else None

    def _make_call(self, outbound):
        """Put a request together with all that is needed to send it."""
        # Lanes call for everybody, also with what administrators alone may see.
        connector = self.sudo()
        profile = connector._compiled_profile()
        credentials = {
            name: entries[0][0] for name, entries in connector._secrets().items()
        }
        call = Call(
            outbound=outbound,
            profile=profile,
            credentials=credentials,
            environment=connector.environment,
            base_url=connector.base_url or "",
            allow_loopback=(
                connector.allow_loopback and connector.environment == "sandbox"
            ),
            proxy_url=connector.proxy_url or "",
            allow_private_proxy=connector._allow_private_proxy(),
        )
        if not call.uses_token:
            return call
        asked_with = [
            call.auth,
            credentials,
            call.environment,
            call.base_url,
            call.proxy_url,
        ]
        return replace(
            call,
            tokens=connector.env["logistics.token"]._shared(
                connector, outbound.auth, asked_with
            ),
        )

    @api.model
    def _allow_private_proxy(self):
        """Tell whether a proxy may be inside our own network.

        Whoever administers connectors could otherwise reach any machine in there;
        who may set system parameters can do so anyway.
        """
        parameters = self.env["ir.config_parameter"].sudo()
        return str2bool(
            parameters.get_param("logistics_canonical.allow_private_proxy", ""), False
        )

    @api.model
    def _track_payload(self, number):
        """Return what a profile's ``track`` operation is asked with."""
        return {"tracking_number": number, "tracking_numbers": [number]}

    def _tracking_url(self, number):
        """Return the partner's public page for a number, False if it has none."""
        self.ensure_one()
        template = self._compiled_profile().data.get("tracking_url")
        return (
            template.replace("{number}", quote(number, safe=""))
            if (template)
            else False
        )

    # === THE TWO WAYS IN AND OUT === #

    @api.model
    @tools.ormcache("public_id")
    def _inbound_route(self, public_id):
        """Return what the endpoint needs for this address, None if unknown.

        Cached for each process; every change of a connector clears the cache.

        :rtype: InboundRoute or None
        """
        # The request has no user yet: the address itself is the identification.
        connector = self.sudo().search(
            [("public_id", "=", public_id), ("state", "=", "active")], limit=1
        )
        if not connector:
            return None
        profile = connector._compiled_profile()
        spec = profile.webhook or {"scheme": "none"}
        entries = connector._secrets().get(spec.get("secret", "webhook_secret"), [])
        ends = [valid_until for _value, valid_until in entries if valid_until]
        return InboundRoute(
            connector_id=connector.id,
            company_id=connector.company_id.id,
            user_id=connector.user_id.id,
            verifier=webhook.compile_spec(spec, [value for value, _until in entries]),
            expires_at=min(ends).replace(tzinfo=timezone.utc) if ends else None,
            dedupe_header=profile.dedupe_header.lower(),
            max_bytes=profile.max_push_bytes,
            lanes={
                name: stream.get("lane", "standard")
                for name, stream in profile.streams.items()
            },
            default_lane="standard",
            acknowledgement=profile.acknowledgement,
            bucket=TokenBucket(connector.inbound_rate, connector.inbound_rate)
            if connector.inbound_rate
            else None,
        )

    def _receive(
        self,
        body,
        content_type="",
        headers=None,
        *,
        stream="",
        operation="",
        request=None,
        lane=None,
        message_id="",
        parent=None,
        applied=False,
    ):
        """Store an inbound message before anybody interprets it.

        :param bytes body: as received
        :param dict headers: lower-case names; only harmless ones are kept
        :param str stream: the path segment it came in by
        :param str operation: the operation it answers, empty for a push
        :param dict request: what was asked, for an answer
        :param str lane: service class, by default the profile's for the stream
        :param str message_id: the sender's id, when it is part of what is signed
        :param parent: the outbound message it answers
        :param bool applied: there is nothing left to interpret
        :return: (message id or None, True when it is new)
        """
        self.ensure_one()
        profile = self._compiled_profile()
        if parent:
            parent.invalidate_recordset(["answer_ids"])
        return self._store_inbound(
            self.env.cr,
            {
                "connector_id": self.id,
                "company_id": self.company_id.id,
                "user_id": self.env.uid,
                "lane": lane
                or profile.streams.get(stream, {}).get("lane")
                or "standard",
                "stream": stream,
                "operation": operation,
                "body": body,
                "content_type": content_type,
                "headers": headers or {},
                "request": request,
                "message_id": message_id,
                "parent_id": parent.id if parent else None,
                "state": "done" if applied else "received",
            },
        )

    @api.model
    def _store_inbound(self, cr, values):
        """Insert an inbound row; the only statement that does.

        Plain SQL, because the endpoint stores every message before it answers
        and the ORM would cost more than everything else it does.

        :return: (message id or None, True when it is new)
        """
        stream, operation = values["stream"], values["operation"]
        request = (
            json.dumps(values["request"], sort_keys=True) if (values["request"]) else ""
        )
        cr.execute(
            INSERT_MESSAGE,
            dict(
                values,
                content_type=redaction.clean_text(values["content_type"]),
                state=values.get("state", "received"),
                # An answer is new when it differs from the last one to the same
                # question, a push when its bytes or its id differ.
                dedupe_key=message_dedupe_key(
                    f"{stream}|{operation}|{request}",
                    values["body"],
                    values["message_id"],
                ),
                headers=json.dumps(
                    {
                        name: redaction.clean_text(value)[:500]
                        for name, value in values["headers"].items()
                        if name in KEPT_HEADERS
                    }
                ),
                request=request or None,
                correlation_id=uuid.uuid4().hex,
            ),
            log_exceptions=False,
        )
        row = cr.fetchone()
        return (row[0], True) if row else (None, False)

    def _enqueue(
        self,
        operation,
        payload,
        record=None,
        *,
        lane="standard",
        idempotency_key=None,
        correlation_id=None,
        priority=0,
        after=None,
    ):
        """Write an outbound message; it is sent after this transaction commits.

        :param str operation: one of the profile's operations
        :param dict payload: what the operation needs, JSON values
        :param record: the record the answer belongs to
        :param str idempotency_key: a second call with the same key returns the
            first message instead of writing another
        :param int priority: the higher, the sooner within its lane
        :param after: the outbound message that must be over before this one leaves
        :return: ``logistics.message`` record
        """
        self.ensure_one()
        key = idempotency_key or uuid.uuid4().hex
        dedupe_key = hashlib.sha256(f"{operation}|{key}".encode()).hexdigest()
        if lane not in LANES:
            raise ValueError(f"Unknown lane {lane}")
        # The business user who causes a message has no rights on messages and may
        # not see the connector.
        messages = self.env["logistics.message"].sudo()
        self.env.cr.execute(
            INSERT_OUTBOUND,
            {
                "connector_id": self.id,
                "company_id": self.sudo().company_id.id,
                "lane": lane,
                "operation": operation,
                "request": json.dumps(payload, sort_keys=True),
                "dedupe_key": dedupe_key,
                "idempotency_key": key,
                "priority": priority,
                "after_id": after.id if after else None,
                "correlation_id": correlation_id or uuid.uuid4().hex,
                "res_model": record._name if record else None,
                "res_id": record.id if record else None,
                "user_id": self.env.uid,
            },
            log_exceptions=False,
        )
        written = self.env.cr.fetchone()
        if not written:
            return messages.search(
                [
                    ("connector_id", "=", self.id),
                    ("direction", "=", "out"),
                    ("dedupe_key", "=", dedupe_key),
                ]
            )
        message = messages.browse(written)
        self.env["logistics.lane"]._wake_after_commit("out")
        return message

    # === HEALTH === #

    def _breaker(self):
        """Return the circuit breaker's state as the pure value."""
        self.ensure_one()
        return breaker.Breaker(
            state=self.breaker_state,
            failures=self.breaker_failures,
            openings=self.breaker_openings,
            until=self.breaker_until.replace(tzinfo=timezone.utc)
            if self.breaker_until
            else None,
        )

    def _record_call(self, ok, now):
        """Feed the circuit breaker with the outcome of one call.

        :param bool ok: False for a transient failure; a refusal for business
            reasons counts as success, the partner is there
        :param datetime now: aware, by the database's clock
        """
        self.ensure_one()
        before = self._breaker()
        after = breaker.record(before, ok, now)
        if after == before:
            return
        self.write(
            {
                "breaker_state": after.state,
                "breaker_failures": after.failures,
                "breaker_openings": after.openings,
                "breaker_until": after.until.astimezone(timezone.utc).replace(
                    tzinfo=None
                )
                if after.until
                else False,
            }
        )
        if after.state == "open" and before.state == "closed":
            self._raise_exception(
                "breaker_open",
                text=self.env._(
                    "%(connector)s does not answer. Calls wait; the next probe goes "
                    "out at %(until)s UTC.",
                    connector=self.name,
                    until=fields.Datetime.to_string(self.breaker_until),
                ),
            )
        elif after.state == "closed" and before.state != "closed":
            self._resolve_exception("breaker_open")

    def _refuse_credentials(self, text):
        """Stop sending, because the partner refused our credentials.

        :param str text: the partner's words
        """
        self.ensure_one()
        if self.is_auth_failed:
            return
        self.is_auth_failed = True
        self._raise_exception(
            "auth_failed",
            text=self.env._(
                "%(connector)s refused our credentials (%(text)s). Nothing is "
                "sent until they are set anew or the connector is resumed.",
                connector=self.name,
                text=text,
            ),
        )

    # === PACE === #

    def _pace(self):
        """Return how fast the partner may be called.

        :rtype: :class:`~..core.rate.Pace`
        """
        self.ensure_one()
        per_minute = self.outbound_rate or self._compiled_profile().limits.get(
            "per_minute", 0
        )
        return Pace(
            at=self.pace_at.replace(tzinfo=timezone.utc) if self.pace_at else None,
            per_second=per_minute / 60,
            # What a second is worth may go out at once.
            burst=max(1, per_minute // 60),
        )

    def _note_taken(self, pace, now):
        """Write down that calls are about to go out.

        :param pace: the :class:`~..core.rate.Pace` after them
        :param datetime now: naive UTC
        """
        self.ensure_one()
        vals = {}
        if pace.at:
            vals["pace_at"] = pace.at.astimezone(timezone.utc).replace(tzinfo=None)
        if self.breaker_state != "closed":
            lease = self.env["logistics.lane"]._lease_seconds()
            vals["breaker_state"] = "half_open"
            vals["breaker_until"] = now + timedelta(seconds=lease)
        if vals:
            self.write(vals)

    def _hold(self, until):
        """Leave the partner alone for a while, because it asked for it.

        :param datetime until: naive UTC
        """
        pace = self._pace().hold(until.replace(tzinfo=timezone.utc))
        self.pace_at = pace.at.astimezone(timezone.utc).replace(tzinfo=None)

    def _is_asked_to_wait(self):
        # Of a connector that is being edited the one that is stored counts.
        connector = self._origin
        now = self.env.cr.now().replace(tzinfo=timezone.utc)
        if not connector.pace_at or connector.pace_at <= now.replace(tzinfo=None):
            return False
        return connector._pace().is_held(now)

    def _call_now(self):
        """Leave no partner alone any longer, because a person says so.

        A day's wait may have been asked for by mistake, or be settled by telephone.
        One that doesn't answer is sent one call, as when its time has come.
        """
        for connector in self.filtered("is_held"):
            if connector._is_asked_to_wait():
                until = fields.Datetime.to_string(connector.pace_at)
                connector.pace_at = False
            else:
                until = fields.Datetime.to_string(connector.breaker_until)
            if connector.breaker_state == "open":
                connector.breaker_until = self.env.cr.now()
            connector._message_log(
                body=self.env._(
                    "Calls are made again; they would have waited until %s UTC.", until
                )
            )

    def _note_auth_failures(self, count, reason):
        """Say that somebody sent messages with a wrong signature.

        :param int count: how many since the last note
        :param str reason: why the last one was refused
        """
        self.ensure_one()
        self._raise_exception(
            "webhook_auth_failed",
            count=count,
            reason=reason,
            text=self.env._(
                "%(count)s messages to %(connector)s were refused: %(reason)s. Either "
                "the secret here differs from the partner's, or somebody else sends.",
                count=count,
                connector=self.name,
                reason=reason,
            ),
        )

    @api.model
    def _cron_health(self):
        """Note silence: no message for much longer than usual."""
        limit = fields.Datetime.now() - timedelta(days=2)
        for connector in self.search([("state", "=", "active")]):
            if connector.last_received_at and connector.last_received_at < limit:
                connector._raise_exception(
                    "connector_silent",
                    text=self.env._(
                        "Nothing has come from %(connector)s since %(last)s UTC.",
                        connector=connector.name,
                        last=connector.last_received_at,
                    ),
                )
            else:
                connector._resolve_exception("connector_silent")


#: What changes with the calls and decides nothing that is cached.
BREAKER_FIELDS = {
    "pace_at",
    "breaker_state",
    "breaker_failures",
    "breaker_openings",
    "breaker_until",
}
