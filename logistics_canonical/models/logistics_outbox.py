# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
import math
import random
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta, timezone
from typing import NamedTuple

import psycopg2

from odoo import api, models

from ..core import effects, redaction, retry
from ..core.adapter import Outbound, Parsed, Problem, Response, Result
from ..core.calls import CallError
from ..core.rate import Pace, share
from ..transport import TransportError, send
from ..waker import wake_in
from .logistics_lane import (
    LANES,
    MAX_CRASHES,
    RETRYABLE,
    LeaseLost,
    Verdict,
    sentence,
)

_logger = logging.getLogger(__name__)

#: Nothing more can be written now: the transaction has to run again, or the
#: connection is gone.
DATABASE_FAILED = (*RETRYABLE, psycopg2.OperationalError, psycopg2.InterfaceError)
#: Calls one worker has in flight. Its threads wait for partners, they don't work.
SLOTS = 128
#: Answers written down before the next calls leave. What a partner answers all at once
#: would else keep it idle until the last one is written down.
SETTLED_AT_ONCE = 16
#: Seconds without anything to send after which a worker ends; it is woken again.
IDLE_SECONDS = 0.5
#: Seconds between two looks for something to send while nothing else happens.
PAUSE_SECONDS = 0.1
#: Seconds a worker waits for what may be sent soon; for what comes later it is woken.
LINGER_SECONDS = 2.0
#: Seconds after which its scheduled action comes by itself.
INTERVAL_SECONDS = 60.0
#: What a lane gets of a connector's turn, while others have something too.
WEIGHTS = {"realtime": 8, "standard": 4, "batch": 1}

# Whose turn it is. The row is locked, so that two workers neither send two probes
# nor exceed a rate together.
CONNECTORS = """
    SELECT connector.id, connector.breaker_state, connector.pace_at
      FROM logistics_connector connector
     WHERE connector.is_paused IS NOT TRUE
       AND connector.is_auth_failed IS NOT TRUE
       AND (connector.breaker_state = 'closed'
            OR connector.breaker_until <= %(now)s::timestamp)
       AND EXISTS (
           SELECT 1 FROM logistics_message message
            WHERE message.connector_id = connector.id
              AND message.direction = 'out'
              AND message.state IN ('pending', 'sending', 'waiting', 'unknown')
              AND message.lane = ANY(%(lanes)s)
              AND message.next_attempt_at <= %(now)s::timestamp)
     ORDER BY connector.id
       FOR NO KEY UPDATE OF connector SKIP LOCKED
"""

# A row is due when it is new, when its time to retry or to ask has come, and when
# the lease of a worker that died has ended. What must come after another message
# waits until that one is over.
TAKE = """
    WITH due AS (
        SELECT found.id, found.place / (%(weights)s::jsonb ->> lane.name)::float AS turn
          FROM unnest(%(lanes)s) AS lane (name)
         CROSS JOIN LATERAL (
               SELECT message.id, row_number() OVER (
                          ORDER BY message.priority DESC, message.next_attempt_at,
                                   message.id) AS place
                 FROM logistics_message message
                WHERE message.connector_id = %(connector)s
                  AND message.direction = 'out'
                  AND message.state IN ('pending', 'sending', 'waiting', 'unknown')
                  AND message.lane = lane.name
                  AND message.next_attempt_at <= %(now)s::timestamp
                  AND NOT EXISTS (
                      SELECT 1 FROM logistics_message first
                       WHERE first.id = message.after_id
                         AND first.state IN ('pending', 'sending', 'waiting',
                                             'unknown'))
                ORDER BY message.priority DESC, message.next_attempt_at, message.id
                LIMIT %(limit)s
         ) found
    ), taken AS (
        SELECT message.id, message.state AS former_state
          FROM logistics_message message
          JOIN due ON due.id = message.id
         WHERE message.state IN ('pending', 'sending', 'waiting', 'unknown')
         ORDER BY due.turn, message.id
         LIMIT %(limit)s
           FOR UPDATE OF message SKIP LOCKED
    )
    UPDATE logistics_message message
       SET state = 'sending', tries = coalesce(message.tries, 0) + 1,
           crashes = coalesce(message.crashes, 0)
                     + (taken.former_state = 'sending')::int,
           lease_token = %(token)s,
           next_attempt_at = %(now)s::timestamp + %(lease)s * interval '1 s'
      FROM taken
     WHERE message.id = taken.id
    RETURNING message.id, message.connector_id, message.operation, message.lane,
              message.tries, message.error_key, taken.former_state,
              message.lease_token, message.crashes
"""


# When something waits for its time, its partner's pace or a breaker. What is due and
# was not taken waits for something else.
NEXT = """
    SELECT extract(epoch FROM min(turn.at) - now() AT TIME ZONE 'UTC')::float
      FROM logistics_message message
      JOIN logistics_connector connector ON connector.id = message.connector_id
     CROSS JOIN LATERAL (
           SELECT greatest(message.next_attempt_at, connector.pace_at,
                           CASE WHEN connector.breaker_state <> 'closed'
                                THEN connector.breaker_until END) AS at
     ) turn
     WHERE message.direction = 'out'
       AND message.state IN ('pending', 'sending', 'waiting', 'unknown')
       AND message.next_attempt_at IS NOT NULL
       AND connector.is_paused IS NOT TRUE
       AND connector.is_auth_failed IS NOT TRUE
       AND turn.at > now() AT TIME ZONE 'UTC'
"""


class DisbelievedError(Exception):
    """An owner can't believe an answer: it tells of something else than was asked."""


class NotBegunError(TransportError):
    """The call wasn't made, for a reason of our own."""


class Taken(NamedTuple):
    """A message a worker holds. ``stream`` makes it fit where :class:`Claimed`
    does."""

    id: int
    connector_id: int
    operation: str
    lane: str
    tries: int
    error_key: str
    former_state: str
    token: str
    crashes: int
    stream: str = ""


class Job(NamedTuple):
    """What is to be done about a taken message.

    :param kind: ``send``, ``lookup``, ``apply`` (its answer is stored already) or
        ``settle`` (nothing is to be sent)
    :param call: :class:`~..transport.Call` for the first two
    :param request: what is asked
    :param verdict: what becomes of it, for ``settle``
    :param answer: :class:`Response` or :class:`TransportError`
    :param expires: by the monotonic clock; no call is begun after it, so that one
        that was held up doesn't outlive its lease
    """

    row: Taken
    kind: str
    request: dict
    call: object = None
    verdict: Verdict | None = None
    answer: object = None
    seconds: float = 0.0
    expires: float = 0.0


class Outcome(NamedTuple):
    """What an answer, or having got none, means.

    :param result: what the owner is told, None when nothing is certain yet
    :param counts: what the circuit breaker learns from it, None for nothing
    :param hold: seconds the partner wants to be left alone
    :param keep: whether the answer is worth storing
    """

    verdict: Verdict
    result: Result | None = None
    error_class: str = ""
    text: str = ""
    counts: bool | None = None
    is_auth: bool = False
    hold: float = 0.0
    keep: bool = False


class LogisticsOutbox(models.AbstractModel):
    """The worker that sends: it takes what is due, calls many partners at a time
    without a database, and settles each answer as it comes.

    It commits when it has taken messages, so that others leave them alone, and when
    it has settled some. Between the two a message is leased; if the worker dies, the
    lease ends, and whoever takes the message up then finds out what became of it
    before anything is sent again.
    """

    _name = "logistics.outbox"
    _description = "Logistics Sender"

    # === THE WORKER === #

    @api.model
    def _cron_send(self):
        """Send what is due, until there is nothing or the time is up."""
        lane = self.env["logistics.lane"]
        progress = self.env["ir.cron"]._commit_progress
        flying = {}
        ends = time.monotonic() + progress()
        next_take = idle_since = 0.0
        has_worked = False
        pool = ThreadPoolExecutor(SLOTS, thread_name_prefix="logistics-outbox")
        try:
            while flying or time.monotonic() < ends:
                jobs = []
                if len(flying) < SLOTS and next_take <= time.monotonic() < ends:
                    flights = list(flying.values())
                    jobs, _left = lane._transact(
                        lambda flights=flights: self._take(flights),
                        lambda jobs: jobs and progress(remaining=len(jobs)),
                    )
                    jobs = jobs or []
                    if not jobs:
                        # Leave no transaction open while partners take their time.
                        self.env.cr.rollback()
                        next_take = time.monotonic() + PAUSE_SECONDS
                settled = [job for job in jobs if job.call is None]
                for job in jobs:
                    if job.call is not None:
                        flying[pool.submit(_perform, job)] = job
                if flying:
                    wait(flying, PAUSE_SECONDS, FIRST_COMPLETED)
                    done = [future for future in flying if future.done()]
                    for future in done[:SETTLED_AT_ONCE]:
                        flying.pop(future)
                        settled.append(future.result())
                if settled:
                    has_worked = True
                    _none, left = lane._transact(
                        lambda settled=settled: self._settle(settled),
                        lambda _none, settled=settled: progress(
                            len(settled), remaining=1
                        ),
                    )
                    ends = time.monotonic() + left
                    next_take = 0.0
                if jobs or settled or flying:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > IDLE_SECONDS:
                    seconds = self._seconds_to_next()
                    if seconds > LINGER_SECONDS:
                        if seconds < INTERVAL_SECONDS:
                            wake_in(self.env.cr.dbname, "out", seconds)
                        progress(remaining=0)
                        return
                    idle_since = time.monotonic() + seconds
                else:
                    time.sleep(PAUSE_SECONDS)
            # The time is up, and there may be more. Odoo runs what isn't finished once
            # more, but nobody would know before the scheduler's next round.
            lane._wake_after_commit("out")
            progress(remaining=int(has_worked))
        finally:
            # Calls that are out are settled when their leases end.
            pool.shutdown(wait=False, cancel_futures=True)

    @api.model
    def _seconds_to_next(self):
        """Return after how long more may be sent, infinite when nobody knows."""
        self.env.cr.execute(NEXT)
        [(seconds,)] = self.env.cr.fetchall()
        self.env.cr.rollback()
        return math.inf if seconds is None else seconds

    @api.model
    def _drain(self, lanes=LANES):
        """Send everything that is due, inside this transaction.

        For a caller that wants the outcome at once and commits itself.

        :return: how many messages were worked on
        """
        total = 0
        while True:
            self.env.flush_all()
            jobs = self._take([], lanes)
            if not jobs:
                return total
            total += len(jobs)
            with ThreadPoolExecutor(SLOTS) as pool:
                jobs = list(pool.map(_perform, jobs))
            self._settle(jobs)

    # === TAKING === #

    @api.model
    def _take(self, flying, lanes=LANES):
        """Take a lease on what may be sent now, and prepare it.

        :param flying: the jobs this worker has in flight
        :return: list of :class:`Job`
        """
        # Before the transaction's own clock, by which the leases are reckoned.
        started = time.monotonic()
        self.env.invalidate_all()
        now = self.env.cr.now()
        own = {}
        for job in flying:
            own[job.row.connector_id] = own.get(job.row.connector_id, 0) + 1
        taken = len(flying)
        rows = []
        self.env.cr.execute(
            CONNECTORS, {"now": now, "lanes": list(lanes)}, log_exceptions=False
        )
        turns = self.env.cr.fetchall()
        # Who has least in flight comes first.
        for connector_id, state, _pace_at in sorted(
            turns, key=lambda turn: own.get(turn[0], 0)
        ):
            connector = self.env["logistics.connector"].browse(connector_id)
            most = share(SLOTS, taken, own.get(connector_id, 0))
            if state != "closed":
                most = min(most, 1)
            pace = self._pace_of(connector)
            instant = now.replace(tzinfo=timezone.utc)
            most = pace.allowance(instant, most)
            if not most:
                continue
            found = self._take_from(connector, most, lanes, now)
            if not found:
                continue
            taken += len(found)
            rows += found
            connector._note_taken(pace.spend(instant, len(found)), now)
        self.env["logistics.message"].invalidate_model(
            ["state", "tries", "next_attempt_at", "lease_token"], flush=False
        )
        lease = self.env["logistics.lane"]._lease_seconds()
        return [
            job._replace(expires=started + _patience(job.call, lease))
            for job in map(self._prepare, rows)
        ]

    def _pace_of(self, connector):
        try:
            return connector._pace()
        except RETRYABLE:
            raise
        except Exception:
            # Its profile can't be used. Its messages say so when they are prepared,
            # and those of others go on.
            return Pace(None, 0.0)

    @api.model
    def _take_from(self, connector, most, lanes, now):
        self.env.cr.execute(
            TAKE,
            {
                "connector": connector.id,
                "lanes": list(lanes),
                "weights": json.dumps(_turns(most)),
                "limit": most,
                "now": now,
                "lease": self.env["logistics.lane"]._lease_seconds(),
                "token": uuid.uuid4().hex,
            },
            log_exceptions=False,
        )
        return [Taken(*row) for row in self.env.cr.fetchall()]

    def _prepare(self, row):
        """Say what is to be done about a message, and prepare it.

        :rtype: Job
        """
        message = self.env["logistics.message"].browse(row.id)
        try:
            return self._prepare_job(message, row)
        except RETRYABLE:
            raise
        except CallError as error:
            why = redaction.clean_text(str(error))
        except Exception as error:
            _logger.warning("Message %s can't be built", row.id, exc_info=True)
            why = sentence(error)
        verdict = Verdict("dead", "rejected", why)
        if self._is_in_doubt(message, row):
            # Not having asked says nothing about what was done.
            verdict = Verdict("unknown", "unknown", why)
        return Job(row, "settle", {}, verdict=verdict)

    def _prepare_job(self, message, row):
        connector = message.connector_id
        request = message._request()
        spec = connector._compiled_profile().operations.get(row.operation, {})
        repeat = effects.repeat_of(spec)
        crashed = row.former_state == "sending"
        if crashed and row.crashes >= MAX_CRASHES:
            why = self.env._("Its worker died each time")
            verdict = Verdict("unknown", "unknown", why)
            if repeat == "safe":
                verdict = Verdict("dead", "poison", why)
            return Job(row, "settle", request, verdict=verdict)
        if message._stored_answer():
            return Job(row, "apply", request)
        if crashed and repeat == "keyed":
            # It is sent again, but it may have been done already.
            message.error_class = "unknown"
        undecided = crashed or row.former_state == "unknown"
        if undecided and repeat not in effects.HARMLESS:
            return self._prepare_unknown(message, row, spec, repeat, crashed)
        if message._may_have_arrived():
            # The partner knows our key by what came with it the first time. And it
            # may have done it: that nobody wants it any more comes too late.
            request = message._sent_request() or request
        else:
            request, why = message._owner_payload(request)
            if request is None:
                verdict = Verdict("cancelled", error_text=why)
                return Job(row, "settle", {}, verdict=verdict)
        call = connector._prepare_call(
            row.operation, request, idempotency_key=message.idempotency_key
        )
        message.sent_request_json = json.dumps(request, sort_keys=True)
        return Job(row, "send", request, call)

    def _is_in_doubt(self, message, row):
        """Tell whether a message that can't be sent may have been carried out."""
        undecided = row.former_state in ("sending", "unknown")
        try:
            repeat = message._repeat()
        except RETRYABLE:
            raise
        except Exception:
            # Without its profile nobody knows what sending it again does.
            return undecided or message.error_class == "unknown"
        return undecided and repeat != "safe" or message._may_have_arrived()

    def _prepare_unknown(self, message, row, spec, repeat, crashed):
        """Prepare finding out about a call that may have arrived.

        :raise CallError: when something is missing to ask
        """
        request = message._sent_request()
        way = effects.after_unknown(repeat)
        why = self.env._(
            "The call may have left when its worker ended; nobody knows whether it "
            "arrived"
        )
        if way == "person" or not request:
            return Job(row, "settle", request, verdict=Verdict("unknown", None, why))
        if crashed:
            # What was done shows after a while only.
            verdict = Verdict("unknown", "unknown", why, self._settled_at(spec))
            return Job(row, "settle", request, verdict=verdict)
        call = message.connector_id._prepare_lookup(row.operation, request)
        if call is None:
            return Job(row, "settle", request, verdict=Verdict("unknown", None, why))
        return Job(row, "lookup", request, call)

    @api.model
    def _settled_at(self, spec):
        """Return when a lookup shows what was done by now."""
        seconds = self.env["ir.config_parameter"].sudo().get_param(
            "logistics_canonical.settle_seconds"
        ) or spec.get("settle_s", effects.SETTLE_SECONDS)
        return self.env.cr.now() + timedelta(seconds=float(seconds))

    # === SETTLING === #

    def _settle(self, jobs):
        """Write down what became of messages; each stands for itself."""
        self.env.invalidate_all()
        now = self.env.cr.now()
        for job in jobs:
            try:
                with self.env.cr.savepoint():
                    self._settle_one(job, now)
            except LeaseLost:
                # The message is in other hands. What this call brought is evidence
                # for whoever has it now.
                if job.answer is not None:
                    self._note_attempt(
                        job,
                        job.answer.error_class
                        if isinstance(job.answer, TransportError)
                        else "",
                        self.env._("Came after the lease had ended; not applied"),
                    )
            except DATABASE_FAILED:
                raise
            except Exception as error:
                # The other answers must be written down all the same.
                _logger.exception(
                    "What became of message %s can't be settled", job.row.id
                )
                self._settle_failed(job, error)

    def _settle_failed(self, job, error):
        """Finish a message after a mistake of ours, and tell a person."""
        message = self.env["logistics.message"].browse(job.row.id)
        try:
            verdict = Verdict("unknown", "unknown", sentence(error))
            if job.kind == "apply" or message._repeat() == "safe":
                verdict = Verdict("dead", "poison", sentence(error))
            with self.env.cr.savepoint():
                self.env["logistics.lane"]._finish([(job.row, verdict)])
                self._follow_up(message, job, verdict, False)
        except DATABASE_FAILED:
            raise
        except Exception:
            # Taken up again when its lease ends, and each time counts as a crash.
            _logger.exception("Message %s can't be finished", job.row.id)

    def _settle_one(self, job, now):
        message = self.env["logistics.message"].browse(job.row.id)
        outcome = self._read(job, message, now)
        connector = message.connector_id
        verdict, handled = outcome.verdict, False
        if outcome.result is not None:
            verdict, handled = self._tell_owner(message, outcome)
            if job.kind == "apply" and verdict.state == "unknown":
                message._disbelieve_answer(verdict.error_text)
        # Raises when another worker has the message: then nothing of this stands.
        self.env["logistics.lane"]._finish([(job.row, verdict)])
        if job.answer is not None:
            self._note_attempt(job, outcome.error_class, verdict.error_text)
            if outcome.counts is not None:
                connector._record_call(outcome.counts, now.replace(tzinfo=timezone.utc))
            if outcome.hold:
                connector._hold(now + timedelta(seconds=outcome.hold))
        elif connector.breaker_state == "half_open":
            # This was to be the probe and made no call: the next one is.
            connector.breaker_until = now
        if outcome.is_auth:
            connector._refuse_credentials(outcome.text)
        if outcome.keep and verdict.state != "unknown":
            self._keep_answer(message, job)
        self._follow_up(message, job, verdict, handled)

    def _read(self, job, message, now):
        """Say what came of a job.

        :rtype: Outcome
        """
        if job.kind == "settle":
            # A verdict without an answer: the owner learns what is certain.
            result = None
            if job.verdict.state == "dead":
                result = Result(job.verdict.error_class, data={"why": job.verdict[2]})
            return Outcome(job.verdict, result, job.verdict.error_class or "")
        connector = message.connector_id
        adapter, profile = connector._get_adapter(), connector._compiled_profile()
        spec = profile.operations.get(job.row.operation, {})
        repeat = effects.repeat_of(spec)
        if job.kind == "apply":
            kind, stored = message._stored_answer()
            _found, result = self._parse(adapter, job, kind, stored, profile)
            # Its call is gone; what it knew of secrets is the connector's.
            secrets = connector._make_call(Outbound("GET", "")).secrets
            result = _without_secrets(result, secrets)
            text = redaction.clean_text(_say(result))
            if not result.ok:
                # It was a good answer once: the partner did it.
                return Outcome(Verdict("dead", "poison", text))
            return Outcome(Verdict("done", error_text=text or None), result)
        if isinstance(job.answer, TransportError):
            result, left, status = None, getattr(job.answer, "left", True), 0
            error_class, text = job.answer.error_class, str(job.answer)
            found, retry_after = "failed", None
        else:
            left, status = True, job.answer.status
            found, result = self._parse(adapter, job, job.kind, job.answer, profile)
            # Its owner shows people what the partner complains about.
            result = _without_secrets(result, job.call.secrets)
            error_class, retry_after = result.error_class, result.retry_after
            text = _say(result) or (f"HTTP {status}" if error_class else "")
        # Partners repeat what they were sent, also in what they complain about.
        text = redaction.clean_text(redaction.redact_text(text, job.call.secrets))
        outcome = Outcome(
            Verdict("done", error_text=text or None),
            result,
            error_class,
            text,
            counts=_counts(job.answer, error_class),
            is_auth=error_class == "auth",
            hold=_hold_of(error_class, retry_after),
            keep=result is not None and result.ok,
        )
        if job.kind == "lookup":
            return self._read_lookup(job, outcome, found, spec, now)
        no_data = result is not None and any(
            problem.kind == "no_data" for problem in result.parsed.problems
        )
        if no_data and repeat == "safe":
            # "I know nothing of this number" is an answer, not a failure.
            return outcome._replace(
                error_class="", counts=True, is_auth=False, keep=False
            )
        arrived = effects.may_have_arrived(
            repeat, error_class, left=left, status=status
        )
        # A former try may have, even if this one did not.
        arrived = arrived or repeat == "keyed" and message.error_class == "unknown"
        fate = effects.fate(repeat, error_class, left=left, status=status)
        if fate == "done":
            return outcome
        if fate == "auth":
            verdict = Verdict("waiting", "unknown" if arrived else "auth", text, now)
            return outcome._replace(verdict=verdict, result=None)
        if fate == "unknown":
            return self._read_unknown(outcome, repeat, spec)
        if fate == "again":
            delay = retry.next_delay(
                job.row.tries,
                "throttled" if error_class == "throttled" else "transient",
                retry_after=retry_after,
                rng=random,
            )
            if delay is not None:
                verdict = Verdict(
                    "waiting",
                    "unknown" if arrived else error_class,
                    text,
                    now + timedelta(seconds=delay),
                )
                return outcome._replace(verdict=verdict, result=None)
        if arrived:
            # "In progress" and "used already" are said of a repetition, too: what
            # refuses it says nothing about the first try.
            return self._read_unknown(outcome, repeat, spec)
        return outcome._replace(
            verdict=Verdict("dead", error_class, text),
            result=result or Result(error_class, data={"why": text}),
        )

    def _parse(self, adapter, job, kind, answer, profile):
        """Return what an answer means, whatever an adapter makes of it.

        :param kind: ``send`` or ``lookup``
        :return: (see ``Adapter.parse_lookup``, :class:`Result`)
        """
        operation = job.row.operation
        try:
            if kind == "lookup":
                return adapter.parse_lookup(operation, answer, profile, job.request)
            return "", adapter.parse_response(operation, answer, profile, job.request)
        except Exception as error:
            # The other answers that came with it must be written down all the same.
            _logger.exception("The answer to message %s can't be read", job.row.id)
            problem = Problem("bad_value", text=sentence(error))
            return "failed", Result("poison", parsed=Parsed(problems=(problem,)))

    def _read_unknown(self, outcome, repeat, spec):
        """A call that may have been carried out, and nobody knows."""
        when = None
        if effects.after_unknown(repeat) == "lookup":
            when = self._settled_at(spec)
        verdict = Verdict("unknown", "unknown", outcome.text, when)
        return outcome._replace(verdict=verdict, result=None)

    def _read_lookup(self, job, outcome, found, spec, now):
        """What the partner says when asked whether something arrived."""
        after = effects.after_lookup(found, spec.get("absence_is_proof", True))
        if after == "done":
            return outcome
        outcome = outcome._replace(result=None)
        if after == "resend":
            text = self.env._("The partner has not got it; it is sent again")
            verdict = Verdict("waiting", "unknown", text, now)
            return outcome._replace(verdict=verdict, error_class="", is_auth=False)
        if after == "lookup":
            delay = retry.next_delay(
                job.row.tries,
                "transient",
                retry_after=None,
                rng=random,
            )
            if outcome.is_auth:
                delay = 0
            if delay is not None:
                when = now + timedelta(seconds=delay)
                verdict = Verdict("unknown", "unknown", outcome.text, when)
                return outcome._replace(verdict=verdict)
        text = outcome.text or self.env._("The partner can't tell")
        return outcome._replace(verdict=Verdict("unknown", "unknown", text, None))

    def _keep_answer(self, message, job):
        """Store a good answer, beside what was asked."""
        connector, answer = message.connector_id, job.answer
        # What tells of events is interpreted like a push; the rest is applied
        # already.
        reports = connector._get_adapter().is_report(message.operation)
        # The same report twice is one; of what was done, each answer is its own.
        is_own = not reports or message._repeat() != "safe"
        connector._receive(
            answer.body,
            answer.headers.get("content-type", ""),
            answer.headers,
            operation="lookup" if job.kind == "lookup" else message.operation,
            request=job.request,
            lane=message.lane,
            message_id=job.row.token if is_own else "",
            parent=message,
            applied=not reports,
        )
        if reports:
            self.env["logistics.lane"]._wake_after_commit(message.lane)

    def _tell_owner(self, message, outcome):
        """Let the record that asked take over what came of it.

        :return: (verdict, whether the record dealt with a failure itself)
        """
        owner = message._owner()
        if not owner:
            return outcome.verdict, False
        try:
            with self.env.cr.savepoint():
                handled = owner._logistics_apply(message.operation, outcome.result)
                self.env.flush_all()
            return outcome.verdict, bool(handled)
        except (*RETRYABLE, LeaseLost):
            raise
        except DisbelievedError as error:
            return Verdict("unknown", "unknown", str(error), None), False
        except Exception as error:
            # The partner did it and the answer is stored: a retry applies that
            # answer and sends nothing.
            _logger.warning(
                "The answer to message %s could not be applied",
                message.id,
                exc_info=True,
            )
            return Verdict("dead", "poison", sentence(error)), False

    def _follow_up(self, message, job, verdict, handled):
        """Raise what needs a person, resolve what no longer does."""
        if verdict.state == "unknown" and verdict.next_attempt_at is None:
            message._raise_unknown(verdict.error_text)
        elif job.row.former_state in ("unknown", "sending"):
            if verdict.state != "unknown":
                message._resolve_unknown()
        self.env["logistics.lane"]._settle_and_raise(
            [job.row], {job.row.id: verdict}, handled
        )

    def _note_attempt(self, job, error_class, text):
        answer = job.answer if isinstance(job.answer, Response) else None
        self.env["logistics.attempt"].create(
            {
                "message_id": job.row.id,
                "user_id": self.env.uid,
                "is_lookup": job.kind == "lookup",
                "duration_ms": round(job.seconds * 1000),
                "http_status": answer.status if answer else 0,
                "error_class": error_class or False,
                "error_text": text,
                "request_excerpt": redaction.excerpt_request(
                    job.call.outbound, job.call.secrets
                ),
                "response_excerpt": redaction.excerpt_response(answer, job.call.secrets)
                if answer
                else False,
            }
        )

    # === A TEST === #

    @api.model
    def _probe(self, connector):
        """Call the partner once for a test; writes nothing.

        :return: (True when it answered sensibly, text) or None when the partner
            offers nothing to call
        """
        if "track" not in connector._compiled_profile().operations:
            return None
        call = connector._prepare_call(
            "track", connector._track_payload("TEST00000000")
        )
        answer, seconds = _call(call)
        if not isinstance(answer, Response):
            return False, redaction.redact_text(str(answer), call.secrets)
        result = connector._get_adapter().parse_response(
            "track", answer, connector._compiled_profile(), {}
        )
        answered = self.env._(
            "%(url)s answered in %(seconds).1f s.",
            url=call.outbound.url.split("?")[0],
            seconds=seconds,
        )
        if result.error_class in ("", "rejected"):
            return True, answered
        text = f"{answered} {_say(result) or f'HTTP {answer.status}'}"
        return False, redaction.redact_text(text, call.secrets)


def _turns(places):
    """Return the weight of each lane for a turn with so many places.

    With fewer places than lanes chance decides, in proportion: else the heaviest
    lane would have every place, and the others none ever.
    """
    if places >= len(WEIGHTS):
        return WEIGHTS
    return {lane: w / random.expovariate(1) for lane, w in WEIGHTS.items()}


def _patience(call, lease):
    """Return the seconds after which it is too late to begin a call.

    It must have ended, and what it brought be written down, before the lease ends,
    or somebody else makes the same call.
    """
    left = lease - call.timeout if call else 0
    return left / 2 if left > 0 else lease / 2


def _perform(job):
    """Make a job's call; runs in a thread, without a database."""
    if job.call is None:
        return job
    if time.monotonic() > job.expires:
        late = NotBegunError("It was not begun in time", left=False)
        return job._replace(answer=late)
    answer, seconds = _call(job.call)
    return job._replace(answer=answer, seconds=seconds)


def _call(call):
    """Send one prepared call.

    :return: (:class:`Response` or :class:`TransportError`, seconds)
    """
    started = time.monotonic()
    try:
        answer = send(call)
    except TransportError as error:
        answer = error
    except Exception as error:
        # Whatever happened in a thread must be settled like any other failure.
        _logger.exception("A call failed in an unforeseen way")
        answer = TransportError(sentence(error))
    return answer, time.monotonic() - started


def _counts(answer, error_class):
    """Return what the circuit breaker learns from a call, None for nothing.

    Being refused is no failure of the partner's system. What nobody can read is one:
    so looks a page of maintenance. It may also be about one message only, but several
    in a row are needed to hold up the others, and one good answer lets them go.
    """
    failed = error_class in ("transient", "poison")
    if isinstance(answer, Response):
        return not failed
    # Without an answer nothing shows that the partner is there, and a call that was
    # not made tells nothing at all.
    return False if failed and not isinstance(answer, NotBegunError) else None


def _hold_of(error_class, retry_after):
    """Return the seconds for which a partner wants to be left alone."""
    if error_class != "throttled":
        return 0.0
    return retry.THROTTLED_LEAST if retry_after is None else retry_after


def _without_secrets(result, secrets):
    """Return a result whose problems repeat no secret."""
    problems = tuple(
        replace(problem, text=redaction.redact_text(problem.text or "", secrets))
        for problem in result.parsed.problems
    )
    return replace(result, parsed=replace(result.parsed, problems=problems))


def _say(result):
    """Return a result's problems as one text."""
    return "; ".join(
        f"{problem.code or ''} {problem.text or ''}".strip()
        for problem in result.parsed.problems
    )
