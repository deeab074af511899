# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
import random
import time
import uuid
from collections import defaultdict
from datetime import datetime, timezone
from typing import NamedTuple

import psycopg2.errors
from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.tools import SQL

from ..core import redaction, retry
from ..core.adapter import Inbound
from ..core.readers import ReadError
from ..waker import wake

_logger = logging.getLogger(__name__)
audit = logging.getLogger("odoo.addons.logistics_canonical.audit")

LANES = ("realtime", "standard", "batch")
BATCH = 200
LEASE_SECONDS = 60
#: A message whose worker died this often is what kills the workers.
MAX_CRASHES = 3
RETRIES = 20
#: Advisory lock of the workers that got in each other's way.
TURN_LOCK = 7_106_114
RETRYABLE = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)
ACTIONABLE = ("unmapped_code", "unknown_reference", "ambiguous_reference", "bad_value")

# Every connector gets its share of a batch, so that a flood from one partner
# doesn't hold up the others. A row is due when it is new, when its time to retry
# has come, and when the lease of a worker that died has ended.
CLAIM = """
    UPDATE logistics_message message
       SET state = 'processing',
           tries = coalesce(message.tries, 0) + 1,
           crashes = coalesce(message.crashes, 0)
                     + (claimed.former_state = 'processing')::int,
           lease_token = %(token)s,
           next_attempt_at = %(now)s::timestamp + %(lease)s * interval '1 s'
      FROM (
            SELECT due.id, due.state AS former_state
              FROM logistics_connector connector
             CROSS JOIN LATERAL (
                    SELECT id, state, next_attempt_at
                      FROM logistics_message
                     WHERE connector_id = connector.id
                       AND lane = ANY(%(lanes)s)
                       AND direction = 'in'
                       AND state IN ('received', 'processing', 'waiting')
                       AND next_attempt_at <= %(now)s::timestamp
                     ORDER BY next_attempt_at, id
                     LIMIT %(share)s
                       FOR UPDATE SKIP LOCKED
             ) due
             WHERE connector.is_paused IS NOT TRUE
             ORDER BY due.next_attempt_at, due.id
             LIMIT %(limit)s
           ) claimed
     WHERE message.id = claimed.id
    RETURNING message.id, message.connector_id, message.received_at,
              message.correlation_id, message.body, message.content_type,
              message.headers_json, message.stream, message.operation,
              message.request_json, message.tries, message.error_key,
              claimed.former_state, message.crashes
"""

BUSY = """
    SELECT count(*)
      FROM logistics_connector connector
     WHERE EXISTS (
           SELECT 1 FROM logistics_message
            WHERE connector_id = connector.id
              AND lane = ANY(%(lanes)s)
              AND direction = 'in'
              AND state IN ('received', 'processing', 'waiting')
              AND next_attempt_at <= %(now)s::timestamp)
"""

FINISH = """
    UPDATE logistics_message message
       SET state = v.state, error_class = v.error_class,
           error_text = v.error_text, error_key = v.error_key,
           next_attempt_at = v.next_attempt_at, lease_token = NULL,
           done_at = now() AT TIME ZONE 'UTC'
      FROM (VALUES %s) AS v (id, lease_token, state, error_class, error_text,
                             error_key, next_attempt_at)
     WHERE message.id = v.id AND message.lease_token = v.lease_token
    RETURNING message.id
"""


class LeaseLost(Exception):
    """Another worker took the message over; this one may not finish it."""


class Claimed(NamedTuple):
    """A message a worker holds."""

    id: int
    connector_id: int
    received_at: datetime
    correlation_id: str
    body: bytes
    content_type: str
    headers_json: str
    stream: str
    operation: str
    request_json: str
    tries: int
    error_key: str
    former_state: str
    crashes: int
    token: str


class Verdict(NamedTuple):
    """What became of a message."""

    state: str
    error_class: str | None = None
    error_text: str | None = None
    next_attempt_at: datetime | None = None


class LogisticsLane(models.AbstractModel):
    """The workers: they claim what came in and is due, work on it and settle it.
    What goes out is sent by ``logistics_outbox.py``.

    A lane's worker is a scheduled action; more workers are more scheduled
    actions. This is the one place that commits: once when a batch is claimed, so
    that others leave it alone, and once when it is done.
    """

    _name = "logistics.lane"
    _description = "Logistics Lane Worker"

    # === SCHEDULED ACTIONS === #

    @api.model
    def _cron_inbound(self, lane):
        """Process what waits in a lane, batch by batch.

        :param str lane: one of :data:`LANES`
        """
        progress = self.env["ir.cron"]._commit_progress
        while True:
            claimed, _left = self._transact(
                lambda: self._claim([lane]),
                lambda found: progress(remaining=len(found)),
            )
            if not claimed:
                return
            done = len(claimed)
            _result, left = self._transact(
                lambda claimed=claimed: self._work_inbound(claimed),
                lambda _result, done=done: progress(done, remaining=1),
            )
            if left <= 0:
                # Odoo runs what isn't finished once more, but without being told not
                # before the scheduler's next round.
                self._wake_after_commit(lane)
                return

    def _transact(self, function, commit):
        """Call ``function``, then ``commit``; again when another worker got in
        its way.

        Whoever failed once takes turns with the others that did, so that workers
        on one busy shipment don't go on failing because of each other.

        :return: (what function returned, what commit returned)
        """
        cr = self.env.cr
        in_turn = False
        try:
            for attempt in range(RETRIES):
                try:
                    result = function()
                    self.env.flush_all()
                    return result, commit(result)
                except (*RETRYABLE, LeaseLost) as error:
                    cr.rollback()
                    self.env.invalidate_all(flush=False)
                    if isinstance(error, LeaseLost):
                        break
                    time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))
                    if not in_turn:
                        # Held by the session, so it outlives the transactions
                        # below; each of those sees what was committed before.
                        cr.execute("SELECT pg_advisory_lock(%s)", [TURN_LOCK])
                        cr.rollback()
                        in_turn = True
            # What is leased is taken up again when the lease ends.
            return None, commit([])
        finally:
            if in_turn:
                cr.execute("SELECT pg_advisory_unlock(%s)", [TURN_LOCK])

    @api.model
    def _drain(self, lanes=LANES):
        """Work off everything that came in and is due, inside this transaction.

        For a caller that wants the outcome at once and commits itself.

        :return: how many messages were worked on
        """
        total = 0
        while True:
            self.env.flush_all()
            claimed = self._claim(list(lanes))
            if not claimed:
                return total
            total += len(claimed)
            self._work_inbound(claimed)

    # === CLAIMING === #

    @api.model
    def _claim(self, lanes, limit=BATCH):
        """Take a lease on due messages that came in.

        :return: list of :class:`Claimed`
        """
        token = uuid.uuid4().hex
        values = {
            "token": token,
            "now": self.env.cr.now(),
            "lease": self._lease_seconds(),
            "lanes": lanes,
            "limit": limit,
        }
        self.env.cr.execute(BUSY, values)
        busy = self.env.cr.fetchone()[0] or 1
        values["share"] = max(limit // busy, 20)
        self.env.cr.execute(CLAIM, values, log_exceptions=False)
        rows = [
            Claimed(*row[:4], bytes(row[4] or b""), *row[5:], token)
            for row in self.env.cr.fetchall()
        ]
        self.env["logistics.message"].invalidate_model(
            ["state", "tries", "next_attempt_at", "lease_token"], flush=False
        )
        return self._one_suspect(sorted(rows, key=lambda row: row.id))

    @api.model
    def _one_suspect(self, rows):
        """Keep a single message whose worker died, and give the others back.

        One of them may be what killed it. Worked on alone, it shows; and the
        others don't pay for it with tries of their own.
        """
        suspects = [row for row in rows if row.former_state == "processing"]
        if not suspects:
            return rows
        self.env.cr.execute(
            SQL(
                """
                UPDATE logistics_message message
                   SET state = v.state, tries = message.tries - 1,
                       crashes = message.crashes - (v.state = 'processing')::int,
                       lease_token = NULL, next_attempt_at = %s
                  FROM (SELECT unnest(%s::int[]) AS id,
                               unnest(%s::varchar[]) AS state) v
                 WHERE message.id = v.id
                """,
                self.env.cr.now(),
                [row.id for row in rows if row is not suspects[0]],
                [row.former_state for row in rows if row is not suspects[0]],
            )
        )
        return suspects[:1]

    @api.model
    def _lease_seconds(self):
        return int(
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("logistics_canonical.lease_seconds", LEASE_SECONDS)
        )

    # === INBOUND === #

    def _work_inbound(self, claimed):
        """Interpret and apply a batch; when it fails as one, one by one."""
        try:
            with self.env.cr.savepoint():
                self._apply_inbound(claimed)
        except (*RETRYABLE, LeaseLost):
            raise
        except Exception as error:
            if len(claimed) > 1:
                for one in claimed:
                    self._work_inbound([one])
                return
            _logger.warning(
                "Message %s could not be applied", claimed[0].id, exc_info=True
            )
            verdict = Verdict("dead", "poison", sentence(error))
            self._finish([(claimed[0], verdict)])
            self._raise_dead([(claimed[0], verdict)])

    def _apply_inbound(self, claimed):
        connectors = self.env["logistics.connector"].browse(
            {row.connector_id for row in claimed}
        )
        by_id = {connector.id: connector for connector in connectors}
        tools = {
            connector.id: (connector._get_adapter(), connector._compiled_profile())
            for connector in connectors
        }
        verdicts, items, problems, hints = {}, [], [], []
        for row in claimed:
            connector = by_id[row.connector_id]
            if row.crashes >= MAX_CRASHES and row.former_state == "processing":
                verdicts[row.id] = Verdict(
                    "dead", "poison", self.env._("Its worker died each time")
                )
                continue
            try:
                parsed = _parse(row, *tools[row.connector_id])
            except ReadError as error:
                verdicts[row.id] = Verdict("dead", "poison", str(error))
                continue
            verdicts[row.id] = (
                Verdict("ignored", error_text=parsed.ignored)
                if parsed.ignored
                else Verdict("done")
            )
            items += [(connector, row, event) for event in parsed.events]
            hints += [(connector, row, reference) for reference in parsed.hints]
            problems += [
                {
                    "message_id": row.id,
                    "connector_id": connector.id,
                    "company_id": connector.company_id.id,
                    "kind": problem.kind,
                    "code": problem.code,
                    "text": problem.text[:250],
                    "place": problem.place,
                    "reference": problem.reference,
                }
                for problem in parsed.problems
            ]
        unplaced = self.env["logistics.shipment"]._ingest_batch(items)
        self._wait_for_shipment(items, unplaced, verdicts)
        self._finish([(row, verdicts[row.id]) for row in claimed])
        self._ask_back(hints)
        self._replace_problems(claimed, problems + unplaced)
        self._settle_and_raise(claimed, verdicts)
        if audit.isEnabledFor(logging.INFO):
            for row in claimed:
                audit.info(
                    "message %s %s %s",
                    row.id,
                    by_id[row.connector_id].name,
                    verdicts[row.id].state,
                )

    def _wait_for_shipment(self, items, unplaced, verdicts):
        """Let a message none of whose events found a shipment wait for one."""
        placed, lost = defaultdict(int), defaultdict(list)
        for problem in unplaced:
            lost[problem["message_id"]].append(problem["reference"])
        for _connector, row, _event in items:
            placed[row.id] += 1
        for message_id, references in lost.items():
            if placed[message_id] == len(references):
                verdicts[message_id] = Verdict(
                    "waiting",
                    error_text=self.env._(
                        "No single shipment for %s; applied as soon as there is one",
                        ", ".join(dict.fromkeys(filter(None, references))) or "-",
                    ),
                )

    def _replace_problems(self, claimed, problems):
        """Make the open problems of these messages what is wrong today."""
        Problem = self.env["logistics.message.problem"]
        former = Problem.search([("message_id", "in", [row.id for row in claimed])])
        former.filtered(lambda p: p.state == "open").state = "solved"
        unique = {}
        for problem in problems:
            problem["state"] = "open" if problem["kind"] in ACTIONABLE else "noted"
            unique[
                problem["message_id"],
                problem["kind"],
                problem.get("code"),
                problem.get("reference"),
            ] = problem
        created = Problem.create(list(unique.values()))
        former._settle()
        Problem._raise_for(created.filtered(lambda p: p.state == "open"))

    def _ask_back(self, hints):
        """Ask the partner about numbers an unsigned message named."""
        asked = set()
        for connector, row, reference in hints:
            mark = (connector.id, row.id, reference.key())
            if mark in asked or "track" not in connector._compiled_profile().operations:
                continue
            asked.add(mark)
            connector._enqueue(
                "track",
                connector._track_payload(reference.value),
                idempotency_key=f"hint:{row.id}:{reference.key()}",
                correlation_id=row.correlation_id,
            )

    # === SETTLING === #

    def _finish(self, settled):
        """Write the verdicts, if this worker still holds the leases.

        :param settled: list of (:class:`Claimed`, :class:`Verdict`)
        :raise LeaseLost: when another worker took one over
        """
        written = execute_values(
            self.env.cr._obj,
            FINISH,
            [
                (
                    row.id,
                    row.token,
                    verdict.state,
                    verdict.error_class,
                    verdict.error_text,
                    _error_key(row, verdict),
                    verdict.next_attempt_at,
                )
                for row, verdict in settled
            ],
            template="(%s, %s, %s, %s::varchar, %s::text, %s::varchar, %s::timestamp)",
            page_size=1000,
            fetch=True,
        )
        if len(written) != len(settled):
            raise LeaseLost
        self.env["logistics.message"].invalidate_model(
            [
                "state",
                "error_class",
                "error_text",
                "error_key",
                "next_attempt_at",
                "done_at",
            ],
            flush=False,
        )

    def _settle_and_raise(self, claimed, verdicts, handled=False):
        """Raise the exceptions of new failures, resolve those of healed ones.

        :param bool handled: somebody dealt with the new failures already
        """
        self._raise_dead(
            [
                (row, verdicts[row.id])
                for row in claimed
                if verdicts[row.id].state == "dead" and not handled
            ]
        )
        connectors = self.env["logistics.connector"]
        self.env["logistics.message"]._settle_failures(
            {
                (connectors.browse(row.connector_id), row.error_key)
                for row in claimed
                if row.error_key and row.error_key != _error_key(row, verdicts[row.id])
            }
        )

    def _raise_dead(self, dead):
        """Raise one exception for each failure, however many messages have it."""
        groups = {}
        for row, verdict in dead:
            key = (row.connector_id, _error_key(row, verdict))
            groups.setdefault(key, []).append((row, verdict))
        for (connector_id, key), rows in groups.items():
            row, verdict = rows[0]
            connector = self.env["logistics.connector"].browse(connector_id)
            connector._raise_exception(
                "message_dead",
                error_key=key,
                error_class=verdict.error_class,
                operation=row.operation,
                why=verdict.error_text,
                message=self.env["logistics.message"].browse(row.id),
                text=self.env._(
                    "Messages of %(connector)s could not be processed: %(why)s",
                    connector=connector.name,
                    why=verdict.error_text,
                ),
            )

    # === WAKING === #

    @api.model
    def _workers(self, lane=None):
        """Return the scheduled actions that work in a lane.

        :param str lane: inbound lane, ``out`` for the sender, None for all
        """
        code = "model._cron_"
        if lane:
            code += "send(" if lane == "out" else f'inbound("{lane}")'
        return self.env["ir.cron"].search(
            [
                ("model_id.model", "in", (self._name, "logistics.outbox")),
                ("code", "=like", f"{code}%"),
            ]
        )

    @api.model
    def _is_called(self, lane=None):
        """Tell whether a worker was called and did not come yet."""
        return bool(
            self.env["ir.cron.trigger"].search_count(
                [
                    ("cron_id", "in", self._workers(lane).ids),
                    ("call_at", "<=", fields.Datetime.now()),
                ],
                limit=1,
            )
        )

    def _wake_after_commit(self, lane=None):
        """Wake the workers once this transaction is committed."""
        dbname = self.env.cr.dbname
        self.env.cr.postcommit.add(lambda: wake(dbname, lane))


def _parse(row, adapter, profile):
    """Return what a claimed message says."""
    return adapter.parse_inbound(
        Inbound(
            body=row.body,
            content_type=row.content_type or "",
            headers=json.loads(row.headers_json) if row.headers_json else {},
            stream=row.stream or "",
            operation=row.operation or "",
            request=json.loads(row.request_json) if row.request_json else {},
            received_at=row.received_at.replace(tzinfo=timezone.utc),
        ),
        profile,
    )


def _error_key(row, verdict):
    """Return what the same failure of other messages has in common."""
    if verdict.state != "dead":
        return None
    return "|".join(
        (
            row.operation or row.stream or "push",
            verdict.error_class or "",
            retry.normalise_error(verdict.error_text or ""),
        )
    )[:250]


def sentence(error):
    """Return an exception as one line, without a traceback."""
    text = redaction.clean_text(f"{type(error).__name__}: {error}")
    return text.splitlines()[0][:500]
