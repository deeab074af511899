# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
from collections import defaultdict
from datetime import datetime, timezone
from typing import NamedTuple

from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..core import fold
from ..core.conditions import CONDITIONS, conditions
from ..core.events import REFERENCE_TYPES

audit = logging.getLogger("odoo.addons.logistics_canonical.audit")


class Source(NamedTuple):
    """What is kept of the message an event came with."""

    id: int
    correlation_id: str
    received_at: datetime


#: Who may read shipments, and so what names them on records of others.
SHIPMENT_GROUPS = (
    "logistics_canonical.group_logistics_user,logistics_canonical.group_auditor"
)

#: Columns of an event, in the order of the insert.
EVENT_COLUMNS = (
    "shipment_id",
    "parcel_id",
    "connector_id",
    "company_id",
    "message_id",
    "correlation_id",
    "type_id",
    "type_code",
    "partner_code",
    "partner_text",
    "classifier",
    "occurred_at",
    "occurred_text",
    "zone_basis",
    "reported_at",
    "received_at",
    "reason",
    "sequence",
    "identity",
    "retracts",
    "clock_suspect",
    "location_name",
    "location_city",
    "location_state",
    "location_postal_code",
    "location_country",
    "location_code",
    "extra_json",
)

# The same fact again changes nothing; processed with another mapping, it is
# understood differently but stays the same fact.
INSERT_EVENTS = f"""
    INSERT INTO logistics_event ({", ".join(EVENT_COLUMNS)},
        create_date, write_date, create_uid, write_uid)
    VALUES %s
    ON CONFLICT (connector_id, identity) DO UPDATE
       SET type_id = excluded.type_id, type_code = excluded.type_code,
           reason = excluded.reason, classifier = excluded.classifier,
           shipment_id = excluded.shipment_id, parcel_id = excluded.parcel_id
     WHERE (logistics_event.type_id, logistics_event.reason,
            logistics_event.classifier, logistics_event.shipment_id,
            logistics_event.parcel_id)
           IS DISTINCT FROM (excluded.type_id, excluded.reason,
            excluded.classifier, excluded.shipment_id, excluded.parcel_id)
    RETURNING id, shipment_id, (xmax = 0) AS inserted
"""

STATE_COLUMNS = (
    "status",
    "milestone",
    "outcome",
    "is_delayed",
    "is_held",
    "is_action_required",
    "is_attempt_failed",
    "reason",
    "trust",
    "eta",
    "delivered_at",
    "last_event_at",
    "event_count",
)


class LogisticsShipment(models.Model):
    """The projection people look at: what moves from whom to whom, and how far.

    Its status is a fold over its events. ``_ingest`` is the only way in for
    events, and the only code that writes the status.
    """

    _name = "logistics.shipment"
    _description = "Logistics Shipment"
    _inherit = [
        "mail.thread",
        "mail.activity.mixin",
        "logistics.owner.mixin",
        "logistics.facets.mixin",
    ]
    _order = "id desc"
    _check_company_auto = True

    # One shipment for a number that only messages know, however many workers
    # meet it first at the same time.
    _source_uniq = models.UniqueIndex(
        "(company_id, source_key) WHERE source_key IS NOT NULL"
    )

    name = fields.Char(
        required=True, readonly=True, copy=False, default=lambda self: self.env._("New")
    )
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        default=lambda self: self.env.company,
    )
    direction = fields.Selection(
        [("outgoing", "Outgoing"), ("incoming", "Incoming"), ("return", "Return")],
        default="outgoing",
        required=True,
        readonly=True,
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Consignee or Consignor",
        check_company=True,
        help="Who receives it, or for incoming shipments who sent it.",
    )
    user_id = fields.Many2one("res.users", string="Responsible", tracking=True)
    picking_ids = fields.Many2many(
        "stock.picking",
        "logistics_shipment_stock_picking_rel",
        "shipment_id",
        "picking_id",
        string="Transfers",
        copy=False,
    )
    picking_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    sale_id = fields.Many2one(
        "sale.order", string="Sales Order", index="btree_not_null", readonly=True
    )
    source_key = fields.Char(
        readonly=True, copy=False, help="The number it arose from, if from messages."
    )
    parcel_ids = fields.One2many("logistics.parcel", "shipment_id")
    parcel_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    reference_ids = fields.One2many("logistics.reference", "shipment_id")
    event_ids = fields.One2many("logistics.event", "shipment_id")
    tracking_numbers = fields.Char(
        compute="_compute_tracking_numbers", search="_search_tracking_numbers"
    )
    message_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    conditions = fields.Char(
        readonly=True,
        help="What needs a person now, and with which parcels: one code per entry.",
    )
    correlation_id = fields.Char(
        readonly=True, help="Of the message that moved it last."
    )
    last_text = fields.Char(
        string="Last News", readonly=True, help="The partner's words."
    )

    # === COMPUTES === #

    @api.depends("parcel_ids", "picking_ids", "event_ids")
    def _compute_counts(self):
        # Counts only, with sudo: who follows shipments need not see transfers.
        messages = {
            shipment.id: count
            for shipment, count in self.env["logistics.event"]._read_group(
                [("shipment_id", "in", self.ids)],
                ["shipment_id"],
                ["message_id:count_distinct"],
            )
        }
        for shipment in self:
            shipment.parcel_count = len(shipment.parcel_ids)
            shipment.picking_count = len(shipment.picking_ids)
            shipment.message_count = messages.get(shipment.id, 0)

    @api.depends("parcel_ids.tracking_number")
    def _compute_tracking_numbers(self):
        for shipment in self:
            shipment.tracking_numbers = ", ".join(
                number
                for number in shipment.parcel_ids.mapped("tracking_number")
                if number
            )

    def _search_tracking_numbers(self, operator, value):
        return Domain("parcel_ids.tracking_number", operator, value)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        new = self.env._("New")
        for vals in vals_list:
            if vals.get("name", new) == new:
                company = vals.get("company_id") or self.env.company.id
                vals["name"] = (
                    self.env["ir.sequence"]
                    .with_company(company)
                    .next_by_code("logistics.shipment")
                    or new
                )
        # Whoever ships all day does not follow each shipment by that, and what it
        # arose from is written on it.
        quiet = self.with_context(mail_create_nosubscribe=True, mail_create_nolog=True)
        return super(LogisticsShipment, quiet).create(vals_list).with_env(self.env)

    # === ACTIONS === #

    def action_open_pickings(self):
        """Open the transfers of this shipment."""
        self.ensure_one()
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Transfers"),
            "res_model": "stock.picking",
            "view_mode": "list,form",
            "domain": [("id", "in", self.picking_ids.ids)],
        }
        if len(self.picking_ids) == 1:
            action.update(view_mode="form", res_id=self.picking_ids.id)
        return action

    def action_open_sale(self):
        """Open the sales order."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": self.sale_id.id,
            "view_mode": "form",
        }

    def action_open_messages(self):
        """Open the messages that told of this shipment."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_canonical.logistics_message_action"
        )
        action["domain"] = [("event_ids.shipment_id", "=", self.id)]
        action["context"] = {}
        return action

    def action_open_events(self):
        """Open the whole timeline."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Timeline of %s", self.name),
            "res_model": "logistics.event",
            "view_mode": "list,form",
            "domain": [("shipment_id", "=", self.id)],
        }

    def _action_open(self):
        """Return the action that shows these shipments."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "logistics_canonical.logistics_shipment_action"
        )
        action["context"] = {}
        if len(self) == 1:
            action.update(view_mode="form", views=[(False, "form")], res_id=self.id)
        else:
            action["domain"] = [("id", "in", self.ids)]
        return action

    # === HOOKS === #

    def _on_event(self, event):
        """React to one new event; must be idempotent, history can be replayed.

        :param event: ``logistics.event`` record of this shipment
        """

    def _logistics_shipment(self):
        """See the mixin."""
        return self

    # === THE WAY IN FOR EVENTS === #

    @api.model
    def _ingest(self, events, message):
        """Take in the events of one message.

        :param events: iterable of :class:`~..core.events.CanonicalEvent`
        :param message: ``logistics.message`` record they came with
        :return: list of problem values (unknown or ambiguous numbers)
        """
        source = Source(message.id, message.correlation_id, message.received_at)
        if message.direction == "out":
            # It may have been written long before it was answered.
            source = source._replace(received_at=self.env.cr.now())
        return self._ingest_batch(
            [(message.connector_id, source, event) for event in events]
        )

    @api.model
    def _ingest_batch(self, items):
        """Take in the events of many messages at once, set-based.

        Resolves each event's shipment, inserts what is new, folds the shipments
        touched and writes what changed. The caller's transaction may have to be
        retried: two workers on one shipment are serialised by its row.

        :param items: list of (connector, :class:`Source` or what has its fields,
            CanonicalEvent)
        :return: list of problem values (unknown or ambiguous numbers)
        """
        if not items:
            return []
        places, problems = self._resolve(items)
        rows = {}
        for (connector, message, event), place in zip(items, places, strict=True):
            if place:
                # The same fact twice in a batch is one row; an insert with ON
                # CONFLICT may not touch a row twice.
                rows[connector.id, event.identity] = self._prepare_event_row(
                    connector, message, event, place
                )
        if not rows:
            return problems
        shipment_ids = sorted({row[0] for row in rows.values()})
        self._lock(shipment_ids)
        self.env["logistics.event"].flush_model()
        now = fields.Datetime.now()
        stamp = (now, now, self.env.uid, self.env.uid)
        changed = execute_values(
            self.env.cr._obj,
            INSERT_EVENTS,
            [row + stamp for row in rows.values()],
            page_size=1000,
            fetch=True,
        )
        if not changed:
            return problems
        self.env["logistics.event"].invalidate_model()
        touched = sorted({row[1] for row in changed})
        last = {
            row[0]: (message, event)
            for row, (connector, message, event) in (
                (rows[c.id, e.identity], (c, m, e))
                for (c, m, e), place in zip(items, places, strict=True)
                if place
            )
        }
        self.browse(touched)._refold(
            {
                shipment_id: last[shipment_id]
                for shipment_id in touched
                if shipment_id in last
            }
        )
        new_ids = [row[0] for row in changed if row[2]]
        for event in self.env["logistics.event"].browse(new_ids):
            event.shipment_id._on_event(event)
        return problems

    def _refold(self, last=None):
        """Fold the events of these shipments and write what changed.

        :param dict last: shipment id to the (message, event) that moved it
        """
        last = last or {}
        parcels_by_shipment = defaultdict(list)
        before, former = {}, {}
        for shipment_id, parcel_id in self.env.execute_query(
            SQL(
                "SELECT shipment_id, id FROM logistics_parcel "
                "WHERE shipment_id IN %s ORDER BY id",
                tuple(self.ids),
            )
        ):
            parcels_by_shipment[shipment_id].append(parcel_id)
        for shipment_id, status, codes in self.env.execute_query(
            SQL(
                "SELECT id, status, coalesce(conditions, '') FROM logistics_shipment "
                "WHERE id IN %s",
                tuple(self.ids),
            )
        ):
            before[shipment_id] = status
            former[shipment_id] = set(codes.split())
        events_by_parcel = defaultdict(list)
        for row in self.env.execute_query(
            SQL(
                """
                SELECT shipment_id, parcel_id, identity, type_code, classifier,
                       extract(epoch FROM occurred_at)::float8,
                       extract(epoch FROM received_at)::float8,
                       sequence, coalesce(reason, ''), coalesce(retracts, '')
                  FROM logistics_event WHERE shipment_id IN %s
                """,
                tuple(self.ids),
            )
        ):
            events_by_parcel[row[0], row[1]].append(fold.FoldEvent._make(row[2:]))
        parcel_rows, shipment_rows, needs = [], [], {}
        for shipment_id in self.ids:
            # What is said of the shipment as a whole holds for each parcel.
            common = events_by_parcel.get((shipment_id, None), [])
            states = []
            for parcel_id in parcels_by_shipment[shipment_id]:
                own = events_by_parcel.get((shipment_id, parcel_id), [])
                state = fold.fold(own + common if common else own)
                states.append(state)
                parcel_rows.append((parcel_id, self._prepare_state_vals(state)))
            state = fold.roll_up(states) if states else fold.fold(common)
            codes = set().union(*map(conditions, states or [state]))
            if codes != former[shipment_id]:
                needs[shipment_id] = (codes, former[shipment_id])
            vals = self._prepare_state_vals(state)
            vals["conditions"] = " ".join(sorted(codes)) or None
            message, event = last.get(shipment_id, (None, None))
            vals["correlation_id"] = message.correlation_id if message else None
            vals["last_text"] = _short(event.partner_text) if event else None
            shipment_rows.append((shipment_id, vals))
        self._write_states("logistics_parcel", parcel_rows)
        self._write_states("logistics_shipment", shipment_rows)
        names = [*STATE_COLUMNS]
        self.env["logistics.parcel"].invalidate_model(names)
        self.invalidate_recordset([*names, "conditions", "correlation_id", "last_text"])
        self._log_moves(before, shipment_rows)
        for shipment_id, (codes, gone) in needs.items():
            self.browse(shipment_id)._settle_conditions(codes, gone - codes)

    def _log_moves(self, before, shipment_rows):
        """Tell the audit log which shipments moved."""
        if not audit.isEnabledFor(logging.INFO):
            return
        for shipment_id, vals in shipment_rows:
            if vals["status"] != before[shipment_id]:
                audit.info(
                    "shipment %s %s -> %s",
                    self.browse(shipment_id).name,
                    before[shipment_id],
                    vals["status"],
                )

    def _settle_conditions(self, present, gone):
        """Raise what needs a person now, resolve what no longer does."""
        self.ensure_one()
        for code in sorted(gone):
            self._resolve_exception(code)
        for code in sorted(present):
            self._raise_exception(
                code,
                text=self.env._(
                    "%(what)s: %(shipment)s, %(numbers)s. The partner says: %(words)s",
                    what=CONDITIONS[code],
                    shipment=self.name,
                    numbers=self.tracking_numbers or "-",
                    words=self.last_text or "-",
                ),
            )

    def _write_states(self, table, rows):
        """Write folded states; plain SQL, because hundreds change at once."""
        if not rows:
            return
        columns = list(rows[0][1])
        sets = ", ".join(
            f"{name} = coalesce(v.{name}, t.{name})"
            if name in ("correlation_id", "last_text")
            else f"{name} = v.{name}"
            for name in columns
        )
        execute_values(
            self.env.cr._obj,
            f"UPDATE {table} t SET {sets}, write_date = now() AT TIME ZONE 'UTC' "
            f"FROM (VALUES %s) AS v (id, {', '.join(columns)}) WHERE t.id = v.id",
            [(row_id, *(vals[name] for name in columns)) for row_id, vals in rows],
            template="(%s, " + ", ".join(_template(name) for name in columns) + ")",
            page_size=1000,
        )

    def _prepare_event_row(self, connector, message, event, place):
        shipment_id, parcel_id = place
        received_at = message.received_at
        occurred_at = _naive(event.occurred_at)
        suspect = bool(
            event.classifier == "actual"
            and occurred_at
            and received_at
            and (occurred_at - received_at).total_seconds() > fold.FUTURE_TOLERANCE_S
        )
        where = event.location
        code = event.code
        return (
            shipment_id,
            parcel_id,
            connector.id,
            connector.company_id.id,
            message.id,
            message.correlation_id,
            self.env["logistics.event.type"]._ids_by_code()[code],
            code,
            event.partner_code or None,
            _short(event.partner_text),
            event.classifier,
            occurred_at,
            event.occurred_text or None,
            event.zone_basis or None,
            _naive(event.reported_at),
            received_at,
            event.reason or None,
            event.sequence,
            event.identity,
            event.retracts or None,
            suspect,
            _short(where.name),
            _short(where.city),
            _short(where.state),
            _short(where.postal_code),
            _short(where.country),
            _short(where.code),
            json.dumps(dict(event.extra)) if event.extra else None,
        )

    def _lock(self, shipment_ids):
        """Lock the shipments in the order of their ids, so that no two workers
        wait for each other. A shipment changed since this transaction began
        makes it fail, and be retried with what the other worker wrote."""
        self.env.cr.execute(
            SQL(
                "SELECT id FROM logistics_shipment WHERE id IN %s ORDER BY id "
                "FOR NO KEY UPDATE",
                tuple(shipment_ids),
            ),
            log_exceptions=False,
        )

    # === FINDING THE SHIPMENT === #

    @api.model
    def _resolve(self, items):
        """Find the shipment and parcel each event is about.

        :return: (list of (shipment id, parcel id or None) or None for each item,
            list of problem values)
        """
        found = self._find_references(items)
        places, problems, created = [], [], {}
        for connector, message, event in items:
            place, whole = None, False
            candidates = set()
            for reference in event.references:
                key = connector.company_id.id, reference.type, reference.key()
                hits = _narrow(found.get(key, ()), connector.id)
                if not hits and reference.type == "tracking_number":
                    # Partners write the number of a shipment of several parcels
                    # where they write that of a single one.
                    master = (key[0], "master_tracking_number", key[2])
                    hits = _narrow(found.get(master, ()), connector.id)
                    whole = bool(hits)
                candidates = {hit[0] for hit in hits}
                if len(candidates) == 1:
                    parcels = {hit[1] for hit in hits if hit[1]}
                    place = (hits[0][0], parcels.pop() if len(parcels) == 1 else None)
                    break
                if candidates:
                    break
            if place and not place[1] and event.parcel and not whole:
                place = (place[0], self._ensure_parcel(place[0], connector, event))
            if not place and not candidates and connector.create_from_events:
                key = (connector.company_id.id, event.references[0].key())
                if key not in created:
                    created[key] = self._create_from_event(connector, event)
                place = created[key]
            if not place:
                reference = event.references[0] if event.references else None
                problems.append(
                    {
                        "message_id": message.id,
                        "connector_id": connector.id,
                        "company_id": connector.company_id.id,
                        "kind": "ambiguous_reference"
                        if candidates
                        else "unknown_reference",
                        "reference": reference.value if reference else False,
                        "reference_type": reference.type if reference else False,
                        "reference_key": reference.key() if reference else False,
                    }
                )
            places.append(place)
        return places, problems

    @api.model
    def _find_references(self, items):
        """Return (company, type, key) -> list of (shipment, parcel, connector)."""
        keys = {
            (connector.company_id.id, reference.key())
            for connector, _message, event in items
            for reference in event.references
        }
        found = defaultdict(list)
        if not keys:
            return found
        self.env["logistics.reference"].flush_model()
        for company, kind, key, shipment, parcel, owner in self.env.execute_query(
            SQL(
                """
                SELECT reference.company_id, reference.type, reference.key,
                       reference.shipment_id, reference.parcel_id,
                       parcel.connector_id
                  FROM logistics_reference reference
                  LEFT JOIN logistics_parcel parcel
                    ON parcel.id = reference.parcel_id
                 WHERE (reference.company_id, reference.key) IN %s
                """,
                tuple(keys),
            )
        ):
            found[company, kind, key].append((shipment, parcel, owner))
        return found

    @api.model
    def _ensure_parcel(self, shipment_id, connector, event):
        """Return the parcel of a known shipment, making it when it is new."""
        parcels = self.env["logistics.parcel"].search(
            [("shipment_id", "=", shipment_id)]
        )
        for parcel in parcels:
            if parcel.tracking_number == event.parcel:
                return parcel.id
        unnumbered = parcels.filtered(lambda parcel: not parcel.tracking_number)
        if len(parcels) == 1 and unnumbered:
            unnumbered.write(
                {"tracking_number": event.parcel, "connector_id": connector.id}
            )
            return unnumbered.id
        parcel = parcels.create(
            {
                "shipment_id": shipment_id,
                "tracking_number": event.parcel,
                "connector_id": connector.id,
            }
        )
        return parcel.id

    @api.model
    def _create_from_event(self, connector, event):
        """Create the shipment a message is the first to tell of."""
        first = event.references[0]
        shipment = self.with_company(connector.company_id).create(
            {
                "company_id": connector.company_id.id,
                "source_key": f"{first.type}:{first.key()}",
            }
        )
        number = event.parcel or (
            first.value if REFERENCE_TYPES.get(first.type) else ""
        )
        parcel = self.env["logistics.parcel"].create(
            {
                "shipment_id": shipment.id,
                "tracking_number": number or False,
                "connector_id": connector.id,
            }
        )
        self.env["logistics.reference"].create(
            [
                {
                    "shipment_id": shipment.id,
                    "type": reference.type,
                    "value": reference.value,
                }
                for reference in event.references
                if reference.value != number
            ]
        )
        return shipment.id, parcel.id

    def _attach_reference(self, kind, value):
        """Let messages about a number find this shipment from now on.

        :param str kind: reference type
        :param str value: the number as the partner writes it
        """
        self.ensure_one()
        if REFERENCE_TYPES.get(kind):
            parcel = self.parcel_ids.filtered(lambda p: not p.tracking_number)[:1]
            if parcel:
                parcel.tracking_number = value
            else:
                self.env["logistics.parcel"].create(
                    {"shipment_id": self.id, "tracking_number": value}
                )
        else:
            self.env["logistics.reference"].create(
                {"shipment_id": self.id, "type": kind, "value": value}
            )

    # === TRUST === #

    @api.model
    def _cron_mark_silent(self):
        """Mark open shipments from which nothing has come for too long."""
        for company in self.env["res.company"].search(
            [("logistics_silent_hours", ">", 0)]
        ):
            limit = fields.Datetime.subtract(
                fields.Datetime.now(), hours=company.logistics_silent_hours
            )
            silent = self.search(
                [
                    ("company_id", "=", company.id),
                    ("outcome", "=", "open"),
                    ("trust", "=", "live"),
                    ("last_event_at", "<", limit),
                ]
            )
            silent.trust = "silent"
            silent.parcel_ids.filtered(
                lambda p: p.outcome == "open" and p.trust == "live"
            ).trust = "silent"


def _narrow(hits, connector_id):
    """Prefer parcels this connector carries, drop those another one carries."""
    own = [hit for hit in hits if hit[2] == connector_id]
    return own or [hit for hit in hits if not hit[2]]


def _naive(instant):
    """Return an aware instant as Odoo stores it: naive, UTC, whole seconds."""
    if instant is None:
        return None
    return instant.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


def _short(text, limit=250):
    """Return a text short enough for a list, None when there is none."""
    return text[:limit] if text else None


def _template(name):
    if name in ("eta", "delivered_at", "last_event_at"):
        return "%s::timestamp"
    if name.startswith("is_"):
        return "%s::boolean"
    if name == "event_count":
        return "%s::integer"
    return "%s::varchar"
