# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import socket
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..core.adapter import Adapter, Parsed, Problem, Result
from ..core.calls import CallError
from ..models import logistics_outbox
from ..models.logistics_outbox import DisbelievedError
from ..transport import http
from .common import ACME, PartnerCommon

OUTBOX = "odoo.addons.logistics_canonical.models.logistics_outbox"
GROUP = "base.group_user,logistics_canonical."
JSON = {"Content-Type": "application/json"}
BOOKED = (200, JSON, b'{"number": "N1"}')
MAINTENANCE = (200, {"Content-Type": "text/html"}, b"<html><br>Back soon</html>")
BODY = {"reference": "{reference}", "name": "{name?}"}

#: A partner that books in every way there is.
BOOKER = {
    **ACME,
    "key": "booker",
    "operations": {
        **ACME["operations"],
        "book": {"method": "POST", "path": "/book", "auth": "key", "body": BODY},
        "keyed": {
            "method": "POST",
            "path": "/keyed",
            "headers": {"Idempotency-Key": "{idempotency_key}"},
            "body": BODY,
            "repeat": "keyed",
        },
        "quote": {"method": "POST", "path": "/quote", "body": BODY, "repeat": "safe"},
        "asked": {
            "method": "POST",
            "path": "/asked",
            "body": BODY,
            "repeat": "lookup",
            "lookup": "find",
        },
        # Its lookup finds only what was handed over already.
        "doubted": {
            "method": "POST",
            "path": "/doubted",
            "body": BODY,
            "repeat": "lookup",
            "lookup": "find",
            "absence_is_proof": False,
        },
        # Its lookup needs what a booking need not have.
        "named": {
            "method": "POST",
            "path": "/named",
            "body": BODY,
            "repeat": "lookup",
            "lookup": "find_name",
        },
        "find": {"method": "GET", "path": "/find/{reference}", "auth": "key"},
        "find_name": {"method": "GET", "path": "/find/{name}"},
        "cancel": {"method": "DELETE", "path": "/book/{number}"},
    },
}


class _Booker(Adapter):
    """Reads what was booked as an adapter of a carrier does."""

    def is_report(self, operation):
        return operation == "track"

    def parse_response(self, operation, response, profile, request=None):
        result = super().parse_response(operation, response, profile, request)
        if operation == "track" or not result.ok:
            return result
        try:
            answer = json.loads(response.body)
        except ValueError:
            return Result("poison")
        return replace(result, data=answer)


class _Stumbling(_Booker):
    """An adapter with a mistake that shows with some bookings only."""

    def parse_response(self, operation, response, profile, request=None):
        if request["reference"] == "R2":
            raise ZeroDivisionError
        return super().parse_response(operation, response, profile, request)


class _Wordless(_Booker):
    """An adapter that reports what a partner refused without a word."""

    def parse_response(self, operation, response, profile, request=None):
        problem = Problem("partner_error", code=None, text=None)
        return Result("rejected", parsed=Parsed(problems=(problem,)))


class _Talkative(_Booker):
    """An adapter of a partner that repeats what it was sent."""

    def parse_response(self, operation, response, profile, request=None):
        result = super().parse_response(operation, response, profile, request)
        problem = Problem("partner_error", text="Booked with key acme-api-key")
        return replace(result, parsed=Parsed(problems=(problem,)))


class _Unbuilt(_Booker):
    """An adapter that misses something."""

    def build_request(self, *args, **options):
        raise CallError("There is no depot")


class _Unasked(_Booker):
    """An adapter with a mistake in how it asks what became of a booking."""

    def lookup_request(self, *args, **options):
        raise ZeroDivisionError


class OutboxCommon(PartnerCommon):
    """A connector that books, for shipments that note what they are told."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profile = cls.env["logistics.profile"].create(
            {
                "name": "Booker",
                "key": "booker",
                "version": 1,
                "data_json": json.dumps(BOOKER),
            }
        )
        cls.booker = cls._create_connector(name="Booker")
        cls._call_partner(cls.booker)
        cls.shipment = cls._create_shipment()

    def setUp(self):
        super().setUp()
        self.partner.answer = BOOKED
        self.told = []
        self.raised = []
        self.resolved = []
        # What a shipment does with what it is told; a test may replace it.
        self.on_apply = lambda operation, result: None
        self.on_payload = lambda operation, payload: (payload, "")
        test = self

        def apply(record, operation, result):
            test.told.append((operation, result))
            return test.on_apply(operation, result)

        def payload(record, operation, values):
            return test.on_payload(operation, values)

        def note_raised(record, code, **evidence):
            test.raised.append((record._name, code, evidence))

        def note_resolved(record, code, **evidence):
            test.resolved.append((record._name, code, evidence))

        stack = ExitStack()
        self.addCleanup(stack.close)
        registry = self.env.registry
        for model, name, function in (
            ("logistics.shipment", "_logistics_apply", apply),
            ("logistics.shipment", "_logistics_payload", payload),
            ("logistics.connector", "_raise_exception", note_raised),
            ("logistics.message", "_raise_exception", note_raised),
            ("logistics.connector", "_resolve_exception", note_resolved),
            ("logistics.message", "_resolve_exception", note_resolved),
            (
                "logistics.connector",
                "_adapter_classes",
                lambda connector: {"profile": _Booker},
            ),
        ):
            stack.enter_context(patch.object(registry[model], name, function))

    # === WHAT TESTS DO === #

    def _write(self, operation, payload=None, **options):
        """Write a message of the shipment."""
        if payload is None:
            payload = {"reference": "R1", "name": "Ada"}
        return self.booker._enqueue(operation, payload, self.shipment, **options)

    def _send(self, operation, *answers, **options):
        """Write a message, let the partner answer like this, and work."""
        self.partner.answers = list(answers)
        message = self._write(operation, **options)
        self.outbox._drain()
        return message

    def _come_due(self, message):
        """Let the time pass that a message waits."""
        message.sudo().next_attempt_at = self.env.cr.now()
        self.env.flush_all()

    def _work(self, message, *answers):
        """Let the time pass that a message waits, and work."""
        self.partner.answers = list(answers)
        self._come_due(message)
        self.outbox._drain()

    def _lose_worker(self, message):
        """Let a worker take a message up and die, and its lease end."""
        jobs = self.outbox._take([])
        self.assertIn(message.id, [job.row.id for job in jobs])
        self._come_due(message)

    def _forget_failures(self):
        self.booker.write(
            {
                "pace_at": False,
                "is_auth_failed": False,
                "breaker_state": "closed",
                "breaker_failures": 0,
                "breaker_openings": 0,
                "breaker_until": False,
            }
        )

    def _adapter(self, adapter):
        """Let the partner be read by another adapter."""
        return patch.object(
            self.env.registry["logistics.connector"],
            "_adapter_classes",
            lambda connector: {"profile": adapter},
        )

    # === WHAT TESTS SEE === #

    def _calls(self):
        return [call.path for call in self.partner.calls]

    def _codes(self):
        return [code for _model, code, _evidence in self.raised]

    def _wait_of(self, message):
        """Return the seconds until the next try, None when there is none."""
        if not message.next_attempt_at:
            return None
        return (message.next_attempt_at - self.env.cr.now()).total_seconds()

    def _assert_unknown(self, message, calls):
        """Nobody knows, a person is asked, and nothing is sent again."""
        self.assertEqual(message.state, "unknown")
        self.assertFalse(message.next_attempt_at)
        self.assertEqual(self._codes()[-1:], ["outcome_unknown"])
        self.assertFalse(self.told, "nothing is certain yet")
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), calls)


@tagged("post_install", "-at_install")
class TestOutbox(OutboxCommon):
    # === EVERY FAILURE === #

    def test_each_failure_of_each_operation(self):
        """What a failure leads to is decided by it and by what a repetition does."""
        retry, settle = (24, 36), (30, 30)
        minute = (48, 72)
        cut = (200, JSON, b'{"number": "N')
        for name, answer, ways in (
            (
                "the system failed",
                (500, {}, b"{}"),
                {
                    "book": ("unknown", "unknown", None, ["outcome_unknown"]),
                    "asked": ("unknown", "unknown", settle, []),
                    "keyed": ("waiting", "unknown", retry, []),
                    "quote": ("waiting", "transient", retry, []),
                },
            ),
            (
                "a proxy gave up",
                (504, {"Content-Type": "text/html"}, b"<html>Gateway Timeout"),
                {
                    "book": ("unknown", "unknown", None, ["outcome_unknown"]),
                    "asked": ("unknown", "unknown", settle, []),
                    "keyed": ("waiting", "unknown", retry, []),
                    "quote": ("waiting", "transient", retry, []),
                },
            ),
            (
                "a page of maintenance",
                MAINTENANCE,
                {
                    "book": ("unknown", "unknown", None, ["outcome_unknown"]),
                    "asked": ("unknown", "unknown", settle, []),
                    "keyed": ("waiting", "unknown", retry, []),
                    "quote": ("dead", "poison", None, ["message_dead"]),
                },
            ),
            (
                "half an answer",
                cut,
                {
                    "book": ("unknown", "unknown", None, ["outcome_unknown"]),
                    "asked": ("unknown", "unknown", settle, []),
                    "keyed": ("waiting", "unknown", retry, []),
                    "quote": ("dead", "poison", None, ["message_dead"]),
                },
            ),
            (
                "too fast",
                (429, {}, b"{}"),
                dict.fromkeys(
                    ("book", "asked", "keyed", "quote"),
                    ("waiting", "throttled", minute, []),
                ),
            ),
            (
                # Also said by a gateway whose system has the request already.
                "busy until then",
                (503, {"Retry-After": "600"}, b""),
                {
                    "book": ("unknown", "unknown", None, ["outcome_unknown"]),
                    "asked": ("unknown", "unknown", settle, []),
                    "keyed": ("waiting", "unknown", (600, 600), []),
                    "quote": ("waiting", "throttled", (600, 600), []),
                },
            ),
            (
                "who are you",
                (401, {}, b"{}"),
                dict.fromkeys(
                    ("book", "asked", "keyed", "quote"),
                    ("waiting", "auth", (0, 0), ["auth_failed"]),
                ),
            ),
            (
                "no",
                (422, JSON, b'{"error": "no such service"}'),
                dict.fromkeys(
                    ("book", "asked", "keyed", "quote"),
                    ("dead", "rejected", None, ["message_dead"]),
                ),
            ),
        ):
            for operation, (state, error_class, wait, codes) in ways.items():
                with self.subTest(name, operation=operation):
                    self._forget_failures()
                    self.raised.clear()
                    self.told.clear()
                    self.partner.calls.clear()
                    message = self._send(operation, answer)
                    self.assertEqual(message.state, state)
                    self.assertEqual(message.error_class, error_class)
                    self.assertEqual(self._codes(), codes)
                    if wait is None:
                        self.assertFalse(message.next_attempt_at)
                    else:
                        self.assertGreaterEqual(self._wait_of(message), wait[0])
                        self.assertLessEqual(self._wait_of(message), wait[1])
                    self.outbox._drain()
                    self.assertEqual(self._calls(), [f"/{operation}"])
                    told = [result.error_class for _operation, result in self.told]
                    self.assertEqual(told, [error_class] if state == "dead" else [])
                    # Out of the next one's way.
                    message.sudo().state = "cancelled"

    def _assert_never_again(self, answer, patience=5.0):
        """A booking that such an end leaves in the dark isn't sent again."""
        with patch.object(http, "READ_TIMEOUT", patience):
            message = self._send("book", answer)
        self._assert_unknown(message, calls=1)
        return message

    def test_a_partner_that_takes_too_long(self):
        def hang(handler):
            # Ends when we hang up.
            handler.connection.settimeout(5)
            handler.connection.recv(1)

        message = self._assert_never_again(hang, patience=0.2)
        self.assertIn("in time", message.error_text)

    def test_a_connection_that_breaks_off(self):
        self._assert_never_again(lambda handler: handler.connection.close())

    def test_an_answer_that_breaks_off(self):
        def half(handler):
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", "400")
            handler.end_headers()
            handler.wfile.write(b'{"number": "N1"}')

        self._assert_never_again(half)

    def test_being_tried_often_is_no_crash(self):
        message = self._send("keyed", (500, {}, b""))
        for _try in range(4):
            self._forget_failures()
            self._work(message, (500, {}, b""))
        self._forget_failures()
        self._come_due(message)
        self._lose_worker(message)
        self._work(message, BOOKED)
        self.assertEqual(message.state, "done")

    def test_a_lookup_that_kills_its_workers_is_a_persons(self):
        message = self._write("asked")
        for _worker in range(3):
            # It dies over the booking or over the question what became of it.
            self._lose_worker(message)
            self.outbox._drain()
            if message.next_attempt_at:
                self._come_due(message)
        self.assertEqual(message.state, "unknown")
        self.assertFalse(message.next_attempt_at)
        self.assertFalse(self.partner.calls)

    def test_what_never_left_is_sent_again(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = self.booker.base_url
            self.booker.base_url = f"http://127.0.0.1:{free.getsockname()[1]}"
            message = self._send("book")
        self.assertEqual((message.state, message.error_class), ("waiting", "transient"))
        self.assertGreaterEqual(self._wait_of(message), 24)
        self.assertEqual(self.booker.breaker_failures, 1)
        self.assertFalse(self.raised)
        self.booker.base_url = address
        self._work(message)
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/book"])

    def _try_in_vain(self, operation):
        message = self._write(operation)
        for _try in range(8):
            self.assertIn(message.state, ("pending", "waiting"))
            self._forget_failures()
            self._work(message, (500, {}, b""))
        self.assertEqual(len(self.partner.calls), 8)
        return message

    def test_a_partner_that_stays_away_is_given_up(self):
        message = self._try_in_vain("quote")
        self.assertEqual((message.state, message.error_class), ("dead", "transient"))
        ((_operation, result),) = self.told
        self.assertEqual(result.error_class, "transient")

    def test_what_may_have_been_done_is_not_given_up(self):
        message = self._try_in_vain("keyed")
        self._assert_unknown(message, calls=8)
        # The partner does it once, so a person can just try.
        message.action_retry()
        self._forget_failures()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertIn("outcome_unknown", [code for _m, code, _e in self.resolved])

    def test_a_refused_repetition_says_nothing_about_the_first_try(self):
        message = self._send("keyed", (500, {}, b""))
        self._work(message, (409, JSON, b'{"error": "in progress"}'))
        self._assert_unknown(message, calls=2)
        self.assertIn("in progress", message.error_text)
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "done")

    def test_a_look_elsewhere_may_follow_what_was_done(self):
        message = self._send("keyed", (303, {"Location": "/elsewhere"}, b""))
        self._assert_unknown(message, calls=1)

    def test_a_repetition_that_can_not_be_built_says_nothing_about_the_first(self):
        message = self._send("keyed", (500, {}, b""))
        self._come_due(message)
        with self._adapter(_Unbuilt):
            self.outbox._drain()
        self._assert_unknown(message, calls=1)
        self.assertIn("no depot", message.error_text)

    def test_what_cannot_be_stored_is_said_in_other_letters(self):
        message = self._send("book", (422, {}, b"\x00 no such \xed\xa0\x80 city"))
        self.assertEqual((message.state, message.error_class), ("dead", "rejected"))
        self.assertIn("no such", message.error_text)
        self.assertIn("no such", message.attempt_ids.error_text)
        typed = self._send("book", (200, {"Content-Type": "a\x00/json"}, BOOKED[2]))
        self.assertEqual(typed.state, "done")
        self.assertEqual(typed.answer_ids.sudo().body, BOOKED[2])

    @mute_logger(OUTBOX)
    def test_an_adapter_that_stumbles_harms_no_other_message(self):
        with self._adapter(_Stumbling):
            good = self._write("book")
            bad = self._write("book", {"reference": "R2"})
            self.outbox._drain()
        self.assertEqual(good.state, "done")
        self.assertEqual(bad.state, "unknown", "the partner may have booked it")
        self.assertEqual(self._codes(), ["outcome_unknown"])
        self.assertEqual(len(self.partner.calls), 2)

    def test_a_problem_without_words_is_said_without_them(self):
        with self._adapter(_Wordless):
            message = self._send("book")
        self.assertEqual((message.state, message.error_class), ("dead", "rejected"))
        self.assertNotIn("None", message.error_text)

    @mute_logger(OUTBOX)
    def test_an_outcome_that_can_not_be_settled_harms_no_other_message(self):
        def stumble(record, job, error_class, text):
            if job.row.id in lost.ids:
                raise ZeroDivisionError
            return note(record, job, error_class, text)

        note = self.env.registry["logistics.outbox"]._note_attempt
        lost = self._write("book") + self._write("quote")
        good = self._write("book")
        with patch.object(
            self.env.registry["logistics.outbox"], "_note_attempt", stumble
        ):
            self.outbox._drain()
        self.assertEqual(lost.mapped("state"), ["unknown", "dead"])
        self.assertEqual(good.state, "done")
        self.assertEqual(self._codes(), ["outcome_unknown", "message_dead"])
        self.assertIn("ZeroDivisionError", lost[0].error_text)
        self.assertEqual(len(self.partner.calls), 3)

    # === ASKING === #

    def test_found_by_asking(self):
        message = self._send("asked", (500, {}, b""))
        self.assertEqual(self._wait_of(message), 30, "what was done shows later")
        self._work(message, BOOKED)
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/asked", "/find/R1"])
        ((operation, result),) = self.told
        self.assertEqual((operation, result.data), ("asked", {"number": "N1"}))
        self.assertEqual(message.attempt_ids.mapped("is_lookup"), [True, False])
        self.assertEqual(message.answer_ids.operation, "lookup")
        self.assertEqual(message.answer_ids.state, "done")
        self.assertFalse(self.raised)

    def test_not_there_is_sent_again_once(self):
        message = self._send("asked", (500, {}, b""))
        self._work(message, (404, JSON, b'{"error": "unknown"}'), BOOKED)
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/asked", "/find/R1", "/asked"])
        self.assertEqual(len(self.told), 1)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 3)

    def test_not_there_proves_nothing_where_the_profile_says_so(self):
        message = self._send("doubted", (500, {}, b""))
        self._work(message, (404, JSON, b'{"error": "unknown"}'))
        self._assert_unknown(message, calls=2)

    def test_a_question_that_failed_is_asked_again(self):
        message = self._send("asked", (500, {}, b""))
        for answer in (
            (500, {}, b""),
            MAINTENANCE,
            (200, JSON, b""),
        ):
            self._work(message, answer)
            self.assertEqual(message.state, "unknown", answer)
            self.assertGreater(self._wait_of(message), 0, answer)
        self._work(message, BOOKED)
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/asked", *["/find/R1"] * 4])

    def test_a_question_without_an_answer_ends_with_a_person(self):
        message = self._send("asked", (500, {}, b""))
        for _question in range(7):
            self._forget_failures()
            self._work(message, (500, {}, b""))
        self._assert_unknown(message, calls=8)

    def test_a_question_with_refused_credentials_waits_for_them(self):
        message = self._send("asked", (500, {}, b""))
        self._work(message, (401, {}, b""))
        self.assertEqual(message.state, "unknown")
        self.assertTrue(self.booker.is_auth_failed)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 2)
        self.booker.action_resume()
        self._work(message, BOOKED)
        self.assertEqual(message.state, "done")

    def test_a_question_that_can_not_be_asked_is_a_persons(self):
        message = self._send("named", (500, {}, b""), payload={"reference": "R1"})
        self._come_due(message)
        self.outbox._drain()
        self._assert_unknown(message, calls=1)
        self.assertIn("name", message.error_text)

    @mute_logger(OUTBOX)
    def test_a_question_that_an_adapter_stumbles_over_is_a_persons(self):
        """That we can't ask says nothing about what the partner did."""
        message = self._send("asked", (500, {}, b""))
        self._come_due(message)
        with self._adapter(_Unasked):
            self.outbox._drain()
        self._assert_unknown(message, calls=1)
        self.assertIn("ZeroDivisionError", message.error_text)

    # === DECIDING === #

    def _decide(self, message, outcome, number="", note="Seen on their site"):
        return self.env["logistics.message.decide"].create(
            {
                "message_id": message.id,
                "outcome": outcome,
                "number": number,
                "note": note,
            }
        )

    def test_what_failed_was_done_otherwise(self):
        message = self._send("book", (422, {}, b'{"error": "no"}'))
        self.assertEqual(message.state, "dead")
        with self.assertRaises(UserError):
            self._decide(message, "not_done").action_decide()
        self._decide(message, "done", "N9", "Booked by telephone").action_decide()
        self.assertEqual(message.state, "done")
        self.assertEqual(self.told[-1][1].data, {"decided": {"number": "N9"}})
        self.assertIn("message_dead", [code for _m, code, _e in self.resolved])

    def test_decided_that_it_was_done(self):
        message = self._send("book", (500, {}, b""))
        self._decide(message, "done", number=" N7 ").action_decide()
        self.assertEqual(message.state, "done")
        ((operation, result),) = self.told
        self.assertEqual(operation, "book")
        self.assertEqual(result.data, {"decided": {"number": "N7"}})
        self.assertTrue(result.ok)
        self.assertIn("outcome_unknown", [code for _m, code, _e in self.resolved])
        self.assertIn("Seen on their site", message.attempt_ids[0].error_text)
        self.assertFalse(message.attempt_ids[0].automatic)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 1)

    def test_decided_that_it_was_not_done(self):
        message = self._send("book", (500, {}, b""))
        self._decide(message, "not_done").action_decide()
        self.assertEqual(message.state, "pending")
        self.assertFalse(self.told)
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/book", "/book"])

    def test_a_decision_needs_a_reason(self):
        message = self._send("book", (500, {}, b""))
        with self.assertRaises(UserError):
            self._decide(message, "not_done", note=" ").action_decide()
        self.assertEqual(message.state, "unknown")

    def test_a_decision_comes_too_late(self):
        message = self._send("asked", (500, {}, b""))
        decide = self._decide(message, "not_done")
        self._work(message, BOOKED)
        with self.assertRaises(UserError):
            decide.action_decide()
        self.assertEqual(message.state, "done")
        self.outbox._drain()
        self.assertEqual(self._calls(), ["/asked", "/find/R1"])

    def test_a_decision_while_the_partner_is_asked(self):
        message = self._send("asked", (500, {}, b""))
        self._come_due(message)
        self.assertEqual(len(self.outbox._take([])), 1)
        with self.assertRaises(UserError):
            self._decide(message, "not_done").action_decide()

    def test_the_dialog_says_what_a_mistake_costs(self):
        message = self._send("book", (500, {}, b""))
        decide = self._decide(message, "done")
        never = decide.if_wrong
        decide.outcome = "not_done"
        self.assertTrue(never)
        self.assertNotEqual(decide.if_wrong, never)

    # === RETRYING === #

    def test_retrying_the_unknown_sends_nothing(self):
        message = self._send("book", (500, {}, b""))
        with self.assertRaises(UserError):
            message.action_retry()
        message._requeue()
        self._come_due(message)
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self.assertEqual(self._calls(), ["/book"])

    def test_retrying_the_unknown_asks_at_once_where_it_can(self):
        message = self._send("asked", (500, {}, b""))
        message.action_retry()
        self.partner.answers = [BOOKED]
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/asked", "/find/R1"])

    def test_what_is_done_is_not_retried(self):
        message = self._send("book")
        with self.assertRaises(UserError):
            message.action_retry()
        self.assertEqual(message.state, "done")

    def test_what_was_withdrawn_is_not_retried(self):
        for operation in ("book", "keyed"):
            message = self._write(operation)
            message.action_cancel()
            with self.assertRaises(UserError):
                message.action_retry()
            message._requeue()
            self.outbox._drain()
            self.assertEqual(message.state, "cancelled")
        self.assertFalse(self.partner.calls)

    def test_what_was_refused_is_retried(self):
        message = self._send("book", (422, JSON, b"{}"))
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/book", "/book"])

    # === APPLYING === #

    @mute_logger(OUTBOX)
    def test_an_answer_that_can_not_be_applied_is_kept_and_applied_later(self):
        def fail(operation, result):
            raise ValueError("no such box")

        for operation, answers, paths in (
            ("book", [], ["/book"]),
            ("asked", [(500, {}, b"")], ["/asked", "/find/R1"]),
        ):
            with self.subTest(operation):
                self.partner.calls.clear()
                self.raised.clear()
                self.on_apply = fail
                message = self._send(operation, *answers)
                if answers:
                    self._work(message)
                self.assertEqual(
                    (message.state, message.error_class), ("dead", "poison")
                )
                self.assertIn("no such box", message.error_text)
                self.assertEqual(self._codes(), ["message_dead"])
                self.assertEqual(message.answer_ids.sudo().body, BOOKED[2])
                self.assertEqual(self._calls(), paths)
                # Again in vain, then mended.
                message.action_retry()
                self.outbox._drain()
                self.assertEqual(message.state, "dead")
                self.on_apply = lambda operation, result: None
                self.told.clear()
                message.action_retry()
                self.outbox._drain()
                self.assertEqual(message.state, "done")
                ((_operation, result),) = self.told
                self.assertEqual(result.data, {"number": "N1"})
                self.assertEqual(self._calls(), paths, "it was not called again")

    @mute_logger(OUTBOX)
    def test_what_was_carried_out_is_not_set_aside(self):
        def fail(operation, result):
            raise ValueError("no such box")

        refused = self._send("book", (422, JSON, b"{}"))
        self.on_apply = fail
        message = self._send("book")
        self.assertEqual((message.state, message.error_class), ("dead", "poison"))
        with self.assertRaisesRegex(UserError, "Mark as Done"):
            message.action_ignore()
        (refused + message).action_ignore()
        self.assertEqual((refused.state, message.state), ("cancelled", "dead"))
        self.on_apply = lambda operation, result: None
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(len(self.partner.calls), 2)

    @mute_logger(OUTBOX)
    def test_the_same_answer_to_two_bookings_is_kept_for_both(self):
        def fail(operation, result):
            raise ValueError("no such box")

        first = self._send("book")
        self.on_apply = fail
        second = self._send("book")
        self.assertEqual((first.state, second.state), ("done", "dead"))
        self.on_apply = lambda operation, result: None
        second.action_retry()
        self.outbox._drain()
        self.assertEqual(second.state, "done")
        self.assertEqual(len(self.partner.calls), 2, "it is applied, not sent again")

    @mute_logger(OUTBOX)
    def test_an_answer_that_waits_to_be_applied_is_not_expunged(self):
        def fail(operation, result):
            raise ValueError("no such box")

        self.env.company.logistics_retention_days = 30
        done = self._send("book")
        self.on_apply = fail
        dead = self._send("book")
        answers = (done + dead).answer_ids
        self.env.cr.execute(
            "UPDATE logistics_message SET received_at = now() - interval '31 days' "
            "WHERE id = ANY(%s)",
            [(done + dead + answers).ids],
        )
        self.env.invalidate_all()
        self.messages._gc_bodies()
        self.assertFalse(done.answer_ids.sudo().body)
        self.assertFalse(done.sudo().request_json or done.sudo().sent_request_json)
        self.assertFalse(done.attempt_ids.sudo().request_excerpt)
        self.assertEqual(done.attempt_ids.http_status, 200)
        self.assertEqual(dead.answer_ids.sudo().body, BOOKED[2])

    @mute_logger(OUTBOX)
    def test_an_owner_that_breaks_the_database_harms_no_other_message(self):
        def fail(operation, values):
            if operation == "keyed":
                self.env.cr.execute("SELECT 1 / 0")
            return values, ""

        self.on_payload = fail
        with mute_logger("odoo.sql_db"):
            bad = self._write("keyed")
            good = self._write("book")
            self.outbox._drain()
        self.assertEqual((bad.state, bad.error_class), ("dead", "rejected"))
        self.assertEqual(good.state, "done")

    def test_an_answer_nobody_believes(self):
        def disbelieve(operation, result):
            raise DisbelievedError("It tells of R2")

        self.on_apply = disbelieve
        message = self._send("book")
        self.assertEqual((message.state, message.error_class), ("unknown", "unknown"))
        self.assertIn("R2", message.error_text)
        self.assertEqual(self._codes(), ["outcome_unknown"])
        self.assertFalse(message.answer_ids, "it is no answer to this")
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 1)
        self.on_apply = lambda operation, result: None
        self._decide(message, "not_done").action_decide()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(len(self.partner.calls), 2)

    @mute_logger(OUTBOX)
    def test_a_stored_answer_nobody_believes_is_not_applied_again(self):
        errors = [ValueError("no such box"), DisbelievedError("It tells of R2")]

        def fail(operation, result):
            if errors:
                raise errors.pop(0)

        self.on_apply = fail
        message = self._send("book")
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self._decide(message, "not_done").action_decide()
        self.outbox._drain()
        self.assertEqual(self._calls(), ["/book", "/book"], "as a person decided")

    def test_an_owner_that_deals_with_a_failure(self):
        self.on_apply = lambda operation, result: True
        message = self._send("book", (422, JSON, b"{}"))
        self.assertEqual(message.state, "dead")
        self.assertFalse(self.raised)

    @mute_logger(OUTBOX)
    def test_a_healed_failure_is_settled_whoever_dealt_with_it(self):
        message = self._send("book", (422, JSON, b"{}"))
        self.assertEqual(self._codes(), ["message_dead"])
        self.on_apply = lambda operation, result: True
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertIn("message_dead", [code for _m, code, _e in self.resolved])

    def test_an_owner_that_is_gone(self):
        message = self._write("book")
        self.env.cr.execute(
            "UPDATE logistics_message SET res_id = 2000000000 WHERE id = %s",
            [message.id],
        )
        message.invalidate_recordset()
        self.outbox._drain()
        self.assertEqual(message.state, "cancelled")
        self.assertIn("gone", message.error_text)
        self.assertFalse(self.partner.calls)

    def test_nothing_left_to_do(self):
        self.on_payload = lambda operation, payload: (None, "Nothing was booked")
        message = self._send("cancel")
        self.assertEqual(message.state, "cancelled")
        self.assertEqual(message.error_text, "Nothing was booked")
        self.assertFalse(self.partner.calls or self.told or self.raised)

    def test_what_can_not_be_built_is_said_to_a_person(self):
        message = self._send("book", payload={"name": "Ada"})
        self.assertEqual((message.state, message.error_class), ("dead", "rejected"))
        self.assertIn("needs a value for 'reference'", message.error_text)
        self.assertNotIn("CallError", message.error_text)
        self.assertEqual(self._codes(), ["message_dead"])
        self.assertEqual([result.error_class for _o, result in self.told], ["rejected"])
        self.assertFalse(self.partner.calls)

    def test_what_is_known_only_when_it_leaves(self):
        self.on_payload = lambda operation, payload: (
            {**payload, "reference": "R9"},
            "",
        )
        message = self._send("asked", (500, {}, b""))
        self.assertEqual(json.loads(self.partner.calls[0].body)["reference"], "R9")
        self._work(message, BOOKED)
        self.assertEqual(self._calls(), ["/asked", "/find/R9"], "what was sent counts")
        self.assertEqual(json.loads(message.request_json)["reference"], "R1")

    def test_a_repetition_is_what_was_sent_the_first_time(self):
        """Also when it isn't wanted any more: it may have been done already."""
        self.on_payload = lambda operation, payload: ({**payload, "name": "Bob"}, "")
        message = self._send("keyed", (500, {}, b""))
        self.on_payload = lambda operation, payload: (None, "Not wanted any more")
        self._work(message, BOOKED)
        first, second = self.partner.calls
        self.assertEqual(first.body, second.body)
        self.assertIn(b"Bob", second.body)
        self.assertEqual(message.state, "done")
        self.assertEqual(len(self.told), 1, "there is something to take back")

    # === ORDER === #

    def test_a_cancellation_never_overtakes_its_booking(self):
        book = self._write("book", lane="batch")
        cancel = self._write("cancel", lane="realtime", priority=10, after=book)
        self.on_payload = lambda operation, payload: (
            {"number": "N1"} if operation == "cancel" else payload,
            "",
        )
        self.partner.answers = [(500, {}, b"")]
        self.outbox._drain()
        self.assertEqual(book.state, "unknown")
        self.assertEqual(cancel.state, "pending")
        self.assertIn(f"#{book.id}", cancel.why_waiting)
        self._decide(book, "done", "N1").action_decide()
        self.outbox._drain()
        self.assertEqual(cancel.state, "done")
        self.assertEqual(self._calls(), ["/book", "/book/N1"])

    def test_what_a_booking_waits_for_may_fail(self):
        book = self._write("book")
        cancel = self._write("cancel", {"number": "N1"}, after=book)
        self.assertEqual([job.row.id for job in self.outbox._take([])], [book.id])
        self._come_due(book)
        self._decide_when_unknown(book)
        self.outbox._drain()
        self.assertEqual(cancel.state, "done")

    def _decide_when_unknown(self, message):
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self._decide(message, "done").action_decide()

    def test_a_sender_whose_time_is_up_leaves_the_rest_to_another(self):
        """Odoo gives it so many seconds, and runs it once more with none left."""
        self._write("keyed", {"reference": "R1"})
        registry = self.env.registry
        with (
            patch.object(registry["ir.cron"], "_commit_progress", return_value=0.0),
            patch.object(registry["logistics.lane"], "_wake_after_commit") as wake,
        ):
            self.outbox._cron_send()
        self.assertTrue(wake.called)

    def test_a_sender_that_ends_is_woken_for_what_comes_next(self):
        """Its own interval is a minute, and partners ask for less."""
        now, crons = self.env.cr.now(), self.env.registry["ir.cron"]
        message = self._write("quote")
        for due, pace, woken in (
            (now + timedelta(seconds=30), False, 30),
            (now, now + timedelta(seconds=20), 20),
            (now + timedelta(seconds=300), False, None),
            (False, False, None),
        ):
            with self.subTest(due=due, pace=pace):
                message.next_attempt_at = due
                self.booker.pace_at = pace
                self.env.flush_all()
                with (
                    patch.object(crons, "_commit_progress", return_value=60.0),
                    patch.object(self.env.cr, "rollback"),
                    patch.object(logistics_outbox, "IDLE_SECONDS", 0),
                    patch.object(logistics_outbox, "wake_in") as wake_in,
                ):
                    self.outbox._cron_send()
                self.assertEqual(
                    [call.args[1:] for call in wake_in.call_args_list],
                    [("out", woken)] if woken else [],
                )
        self.assertFalse(self.partner.calls)

    def test_whoever_waits_for_a_decision_is_woken_by_it(self):
        for outcome in ("done", "not_done"):
            message = self._send("book", (500, {}, b""))
            with patch.object(
                self.env.registry["logistics.lane"], "_wake_after_commit"
            ) as wake:
                self._decide(message, outcome).action_decide()
            self.assertTrue(wake.called, outcome)
            self.outbox._drain()

    def test_the_more_urgent_goes_first(self):
        with patch.object(logistics_outbox, "SLOTS", 1):
            for reference, lane, priority in (
                ("R1", "batch", 0),
                ("R2", "standard", 0),
                ("R3", "standard", 5),
                ("R4", "realtime", 0),
                ("R5", "realtime", 0),
                ("R6", "realtime", 1),
            ):
                self._write(
                    "keyed", {"reference": reference}, lane=lane, priority=priority
                )
            self.outbox._drain()
        sent = [json.loads(call.body)["reference"] for call in self.partner.calls]
        lanes = {
            "batch": ["R1"],
            "standard": ["R3", "R2"],
            "realtime": ["R6", "R4", "R5"],
        }
        for lane, references in lanes.items():
            self.assertEqual([r for r in sent if r in references], references, lane)

    def test_moved_to_the_front(self):
        first, second = (self._write("keyed", {"reference": r}) for r in ("R1", "R2"))
        second.action_first()
        with patch.object(logistics_outbox, "SLOTS", 1):
            self.outbox._drain()
        sent = [json.loads(call.body)["reference"] for call in self.partner.calls]
        self.assertEqual(sent, ["R2", "R1"])
        self.assertEqual((first.state, second.state), ("done", "done"))

    def test_a_single_place_goes_to_every_lane_in_its_turn(self):
        first = Counter()
        for _turn in range(2000):
            weights = logistics_outbox._turns(1)
            first[max(weights, key=weights.get)] += 1
        self.assertEqual(
            [lane for lane, _times in first.most_common()],
            ["realtime", "standard", "batch"],
        )
        self.assertGreater(first["batch"], 50)

    def test_every_lane_gets_its_part_of_a_flood(self):
        for lane in ("batch", "standard", "realtime"):
            for _message in range(20):
                self._write("keyed", lane=lane)
        with patch.object(logistics_outbox, "SLOTS", 26):
            jobs = self.outbox._take([])
        lanes = [job.row.lane for job in jobs]
        self.assertEqual(len(lanes), 13)
        self.assertEqual(
            {lane: lanes.count(lane) for lane in set(lanes)},
            {"realtime": 8, "standard": 4, "batch": 1},
        )

    # === WITHDRAWING === #

    def test_withdrawn_before_it_left(self):
        message = self._write("book")
        message.action_cancel()
        self.assertEqual(message.state, "cancelled")
        self.assertIn("by hand", message.attempt_ids.error_text)
        self.outbox._drain()
        self.assertFalse(self.partner.calls)

    def test_what_was_refused_can_be_withdrawn(self):
        for answer in ((429, {}, b""), (401, {}, b"")):
            for operation in ("book", "keyed"):
                self._forget_failures()
                message = self._send(operation, answer)
                self.assertEqual(message.state, "waiting")
                message.action_cancel()
                self.assertEqual(message.state, "cancelled")

    def test_what_may_have_left_is_not_withdrawn(self):
        on_its_way = self._write("book")
        self.outbox._take([])
        unknown = self._send("book", (500, {}, b""))
        # The partner recognises our key, but it may have booked.
        keyed = self._send("keyed", (500, {}, b""))
        refused_later = self._send("keyed", (500, {}, b""))
        self._work(refused_later, (429, {}, b""))
        self._forget_failures()
        unauthorised_later = self._send("keyed", (500, {}, b""))
        self._work(unauthorised_later, (401, {}, b""))
        self._forget_failures()
        busy = self._send("keyed", (503, {"Retry-After": "9"}, b""))
        self._forget_failures()
        taken_up = self._send("keyed", (200, JSON, b'{"nu'))
        taken_up.action_retry()
        self.assertEqual(taken_up.state, "pending")
        for message in (
            on_its_way,
            unknown,
            keyed,
            refused_later,
            unauthorised_later,
            busy,
            taken_up,
        ):
            state = message.state
            self.assertFalse(message._withdraw("No longer wanted"), state)
            with self.assertRaises(UserError):
                message.action_cancel()
            message.action_ignore()
            self.assertEqual(message.state, state)
        done = self._send("book")
        self.assertFalse(done._withdraw("No longer wanted"))

    def test_a_question_can_always_be_withdrawn(self):
        message = self.booker._enqueue("track", {"tracking_number": "A1"})
        self.partner.answers = [(500, {}, b"")]
        self.outbox._drain()
        self.assertTrue(message._withdraw("No longer wanted"))

    # === A PARTNER'S TROUBLES === #

    def test_what_is_new_is_sent_next(self):
        message = self.booker._enqueue("track", {"tracking_number": "A1"})
        self.assertEqual(message.why_waiting, "Is sent next")

    def test_paused_sends_nothing(self):
        self.booker.action_pause()
        message = self._send("book")
        self.assertEqual((message.state, message.tries), ("pending", 0))
        self.assertIn("paused", message.why_waiting)
        self.booker.action_resume()
        self.outbox._drain()
        self.assertEqual(message.state, "done")

    def test_what_waits_at_a_stopped_or_archived_connector_still_goes(self):
        """As the buttons say: what was booked must be cancelled all the same."""
        for vals in ({"state": "draft"}, {"active": False}):
            message = self._write("cancel", {"number": "N1"})
            self.booker.write(vals)
            self.outbox._drain()
            self.assertEqual(message.state, "done", vals)

    def _open_breaker(self):
        for number in range(5):
            self._send("keyed", (500, {}, b""), idempotency_key=f"failing {number}")
        self.assertEqual(self.booker.breaker_state, "open")
        self.partner.calls.clear()

    def test_a_partner_that_is_down_is_probed_once(self):
        self._open_breaker()
        waiting = [self._write("book", {"reference": f"W{n}"}) for n in range(3)]
        self.outbox._drain()
        self.assertEqual({(m.state, m.tries) for m in waiting}, {("pending", 0)})
        self.assertIn("does not answer", waiting[0].why_waiting)
        self.assertFalse(self.partner.calls)
        self.booker.breaker_until = self.env.cr.now()
        jobs = self.outbox._take([])
        self.assertEqual(len(jobs), 1, "one probe")
        self.assertEqual(self.booker.breaker_state, "half_open")
        self.assertFalse(self.outbox._take([]), "and no second one beside it")
        self.outbox._settle([logistics_outbox._perform(job) for job in jobs])
        self.assertEqual(self.booker.breaker_state, "closed")
        self.assertIn("breaker_open", [code for _m, code, _e in self.resolved])
        self.outbox._drain()
        self.assertEqual({m.state for m in waiting}, {"done"})
        self.assertEqual(len(self.partner.calls), 3)

    def test_a_probe_that_fails_waits_longer(self):
        self._open_breaker()
        self._write("keyed")
        self.booker.breaker_until = self.env.cr.now()
        self.partner.answers = [(500, {}, b"")] * 3
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 1)
        self.assertEqual(self.booker.breaker_state, "open")
        wait = self.booker.breaker_until - self.env.cr.now()
        self.assertEqual(wait, timedelta(seconds=120))

    def test_a_partner_that_shows_a_page_of_maintenance_is_down(self):
        """However well it says so: each booking it swallows is a person's work."""
        for number in range(4):
            self._send("book", MAINTENANCE, idempotency_key=f"lost {number}")
        self.assertEqual(self.booker.breaker_state, "closed")
        self._send("book", MAINTENANCE, idempotency_key="lost as well")
        self.assertEqual(self.booker.breaker_state, "open")
        waiting = self._write("book")
        self.booker.breaker_until = self.env.cr.now()
        self.partner.answers = [MAINTENANCE]
        self.outbox._drain()
        self.assertEqual(waiting.state, "unknown")
        self.assertEqual(self.booker.breaker_state, "open", "the probe failed")

    def test_one_answer_nobody_can_read_holds_up_nobody(self):
        for _turn in range(5):
            self._send("quote", MAINTENANCE)
            self._send("quote", (422, JSON, b"{}"))
        self.assertEqual(self.booker.breaker_state, "closed")

    def test_a_probe_that_made_no_call_is_followed_by_another(self):
        self._open_breaker()
        nothing, something = self._write("cancel"), self._write("book")
        self.on_payload = lambda operation, payload: (
            (None, "Nothing was booked") if operation == "cancel" else (payload, "")
        )
        self.booker.breaker_until = self.env.cr.now()
        self.outbox._drain()
        self.assertEqual((nothing.state, something.state), ("cancelled", "done"))
        self.assertEqual(self.booker.breaker_state, "closed")

    def test_a_probe_whose_worker_died_is_followed_by_another(self):
        self._open_breaker()
        self._write("keyed", idempotency_key="first")
        self._write("keyed", idempotency_key="second")
        self.booker.breaker_until = self.env.cr.now()
        self.assertEqual(len(self.outbox._take([])), 1)
        self.assertGreater(self.booker.breaker_until, self.env.cr.now())
        self.booker.breaker_until = self.env.cr.now()
        self.assertEqual(len(self.outbox._take([])), 1)

    def test_no_more_calls_than_allowed(self):
        self.booker.outbound_rate = 120
        messages = [self._write("keyed", {"reference": f"R{n}"}) for n in range(5)]
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 2, "what a second is worth")
        self.assertEqual([m.tries for m in messages], [1, 1, 0, 0, 0])
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 2)
        self.booker.pace_at -= timedelta(seconds=0.5)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 3)
        self.booker.pace_at -= timedelta(seconds=1)
        self.outbox._drain()
        self.assertEqual(len(self.partner.calls), 5)

    def test_the_pace_is_kept_to_the_millisecond(self):
        self.booker.outbound_rate = 90
        self._write("keyed")
        self.outbox._drain()
        self.env.flush_all()
        self.booker.invalidate_recordset()
        ahead = self.booker.pace_at - self.env.cr.now()
        self.assertAlmostEqual(ahead.total_seconds(), 2 / 3, places=3)

    def test_too_fast_is_said_to_all(self):
        for headers, least in (({"Retry-After": "3600"}, 3600), ({}, 60)):
            self._forget_failures()
            self.partner.calls.clear()
            self._send("keyed", (429, headers, b""))
            other = self._send("book")
            self.assertEqual((other.state, other.tries), ("pending", 0))
            self.assertEqual(self._calls(), ["/keyed"])
            self.assertIn("faster", other.why_waiting)
            wait = self.booker.pace_at - self.env.cr.now()
            self.assertGreaterEqual(wait.total_seconds(), least)
            self.booker.pace_at = self.env.cr.now()
            self.outbox._drain()
            self.assertEqual(other.state, "done")

    def test_a_person_ends_the_wait_a_partner_asked_for(self):
        self._send("keyed", (429, {"Retry-After": "86400"}, b""))
        other = self._send("book")
        self.assertEqual(other.tries, 0)
        self.assertTrue(self.booker.is_held)
        self.assertEqual(self.booker.health, "warning")
        self.assertIn("resume", self.booker.health_text)
        until = fields.Datetime.to_string(self.booker.pace_at)
        # What somebody edits meanwhile, or begins to write, can be shown.
        self.assertTrue(Form(self.booker).is_held)
        self.assertFalse(Form(self.env["logistics.connector"]).is_held)
        operator = self._create_user(
            "hold_operator", "logistics_canonical.group_exception_operator"
        )
        self.booker.with_user(operator).action_resume()
        self.assertFalse(self.booker.is_held)
        note = self.booker.message_ids[0]
        self.assertIn(until, note.body)
        self.assertEqual(note.author_id, operator.partner_id)
        self.outbox._drain()
        self.assertEqual(other.state, "done")

    def test_starting_anew_ends_the_wait_too(self):
        self._send("keyed", (429, {"Retry-After": "86400"}, b""))
        self.booker.action_stop()
        self.booker.action_start()
        self.assertEqual(self._send("book").state, "done")

    def test_a_pause_does_not_hurry_our_own_pace(self):
        self.booker.outbound_rate = 1
        self._send("keyed")
        self.booker.action_pause()
        self.booker.action_resume()
        self.assertEqual(self._send("book").tries, 0)
        self.assertNotEqual(self.booker.health, "warning")

    def test_a_person_has_a_partner_that_is_down_tried_at_once(self):
        self._open_breaker()
        self.assertTrue(self.booker.is_held)
        waiting = [self._write("book", {"reference": f"W{n}"}) for n in range(2)]
        self.booker.action_resume()
        self.assertIn("would have waited", self.booker.message_ids[0].body)
        self.assertEqual(len(self.outbox._take([])), 1, "one probe")
        self.assertFalse(self.outbox._take([]))
        self.assertEqual({message.state for message in waiting}, {"sending", "pending"})

    def test_a_slow_partner_leaves_room_for_others(self):
        slow = self.connector
        for number in range(20):
            slow._enqueue("track", slow._track_payload(f"S{number}"))
        with patch.object(logistics_outbox, "SLOTS", 8):
            flying = self.outbox._take([])
            self.assertEqual(len(flying), 4, "half of them when alone")
            # It doesn't answer, and however often a worker looks, there is room.
            for _look in range(3):
                flying += self.outbox._take(flying)
            for _message in range(2):
                self._write("keyed")
            taken = self.outbox._take(flying)
        self.assertIn(self.booker.id, [job.row.connector_id for job in taken])
        self.assertLess(len(flying), 8)

    @mute_logger(OUTBOX)
    def test_a_profile_that_can_not_be_used_holds_up_nobody_else(self):
        question = self.connector._enqueue("track", {"tracking_number": "A1"})
        doubtful = self.connector._enqueue("track", {"tracking_number": "A2"})
        doubtful.error_class = "unknown"
        good = self._write("book")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE logistics_profile SET data_json = '{}' WHERE id = %s",
            [self.connector.profile_id.id],
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.outbox._drain()
        self.assertEqual(good.state, "done")
        self.assertEqual((question.state, question.error_class), ("dead", "rejected"))
        self.assertEqual(doubtful.state, "unknown")
        self.assertEqual(set(self._codes()), {"message_dead", "outcome_unknown"})

    # === WORKERS === #

    def test_a_lost_lease_applies_nothing(self):
        message = self._write("book")
        jobs = [logistics_outbox._perform(job) for job in self.outbox._take([])]
        self.env.cr.execute(
            "UPDATE logistics_message SET lease_token = 'another' WHERE id = %s",
            [message.id],
        )
        self.outbox._settle(jobs)
        message.invalidate_recordset()
        self.assertEqual(message.state, "sending")
        self.assertFalse(message.answer_ids)
        self.assertEqual(len(message.attempt_ids), 1)
        self.assertEqual(message.attempt_ids.http_status, 200)
        self.assertIn("not applied", message.attempt_ids.error_text)
        self.assertIn("N1", message.attempt_ids.response_excerpt)

    def test_what_a_lost_lease_would_have_told_the_owner_is_undone(self):
        self.on_apply = lambda operation, result: self.shipment.message_post(
            body="Booked"
        )
        message = self._write("book")
        jobs = [logistics_outbox._perform(job) for job in self.outbox._take([])]
        self.env.cr.execute(
            "UPDATE logistics_message SET lease_token = 'another' WHERE id = %s",
            [message.id],
        )
        notes = len(self.shipment.message_ids)
        self.outbox._settle(jobs)
        self.shipment.invalidate_recordset()
        self.assertEqual(len(self.shipment.message_ids), notes)

    def test_a_booking_whose_worker_died_is_a_persons(self):
        message = self._write("book")
        self._lose_worker(message)
        self.outbox._drain()
        self._assert_unknown(message, calls=0)

    def test_a_booking_whose_worker_died_is_asked_about_a_little_later(self):
        message = self._write("asked")
        self._lose_worker(message)
        self.outbox._drain()
        self.assertEqual(message.state, "unknown")
        self.assertEqual(self._wait_of(message), 30)
        self.assertFalse(self.partner.calls or self.raised)
        self._work(message, BOOKED)
        self.assertEqual(self._calls(), ["/find/R1"])
        self.assertEqual(message.state, "done")

    def test_the_key_is_the_same_for_every_try(self):
        message = self._write("keyed")
        self._lose_worker(message)
        self._work(message, (500, {}, b""))
        self._work(message, (429, {}, b""))
        self._forget_failures()
        message.action_retry()
        self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertEqual(self._calls(), ["/keyed"] * 3)
        keys = {call.headers["Idempotency-Key"] for call in self.partner.calls}
        self.assertEqual(keys, {message.idempotency_key})
        other = self._write("keyed")
        self.assertNotEqual(other.idempotency_key, message.idempotency_key)

    def test_what_kills_its_workers_is_set_aside(self):
        for operation, state in (
            ("quote", "dead"),
            ("keyed", "unknown"),
            ("asked", "unknown"),
        ):
            with self.subTest(operation):
                message = self._write(operation)
                for _worker in range(3):
                    self._lose_worker(message)
                self.outbox._drain()
                if message.next_attempt_at:
                    self._come_due(message)
                self.assertEqual(message.state, state)
        self.assertFalse(self.partner.calls)

    def test_tries_are_no_crashes(self):
        message = self._write("quote")
        for _try in range(4):
            self._forget_failures()
            self._work(message, (500, {}, b""))
        self._come_due(message)
        self._lose_worker(message)
        self._forget_failures()
        self.outbox._drain()
        self.assertEqual(message.state, "done")

    def test_a_call_that_was_held_up_is_not_begun(self):
        message = self._write("book")
        jobs = self.outbox._take([])
        late = [job._replace(expires=0.0) for job in jobs]
        self.outbox._settle([logistics_outbox._perform(job) for job in late])
        self.assertFalse(self.partner.calls)
        self.assertEqual(message.state, "waiting")
        self.assertEqual(self.booker.breaker_failures, 0, "no fault of the partner")

    def test_no_call_outlives_its_lease(self):
        """Otherwise somebody else would make the same call meanwhile."""
        lease = self.env["logistics.lane"]._lease_seconds()
        for seconds in (1.0, 30.0, http.MAX_TIMEOUT):
            with patch.object(http, "TOTAL_TIMEOUT", seconds):
                self._write("book")
                (job,) = self.outbox._take([])
                latest = job.expires - time.monotonic()
                self.assertGreater(latest, 0)
                self.assertLess(latest + job.call.timeout, lease)

    # === SECRETS === #

    def test_no_secret_is_kept(self):
        words = b'{"error": "key acme-api-key (YWNtZS1hcGkta2V5) is not for this"}'
        message = self._send("book", (422, JSON, words))
        attempt = message.attempt_ids
        self.assertEqual(self.partner.calls[0].headers["X-Api-Key"], "acme-api-key")
        self.assertIn("/book", attempt.request_excerpt)
        self.assertIn("is not for this", attempt.response_excerpt)
        told = [result.data.get("why") for _o, result in self.told]
        raised = [str(evidence) for _m, _c, evidence in self.raised]
        for text in (
            attempt.request_excerpt,
            attempt.response_excerpt,
            attempt.error_text,
            message.error_text,
            message.error_key,
            message.request_json,
            message.sent_request_json,
            *filter(None, told),
            *raised,
        ):
            self.assertNotIn("acme-api-key", text)
            self.assertNotIn("YWNtZS1hcGkta2V5", text)

    @mute_logger(OUTBOX)
    def test_no_secret_is_told_when_an_answer_is_applied_later(self):
        def fail(operation, result):
            raise ValueError("no such box")

        self.on_apply = fail
        with self._adapter(_Talkative):
            message = self._send("book")
            self.on_apply = lambda operation, result: None
            message.action_retry()
            self.outbox._drain()
        self.assertEqual(message.state, "done")
        self.assertIn("Booked with key", message.error_text)
        self.assertNotIn("acme-api-key", message.error_text)
        ((_operation, _failed), (_operation, result)) = self.told
        self.assertNotIn("acme-api-key", str(result))

    def test_a_secret_in_what_is_asked_is_not_shown(self):
        # Some partners want the account's number in the message.
        message = self._send("book", payload={"reference": "acme-api-key"})
        self.assertIn(b"acme-api-key", self.partner.calls[0].body)
        self.assertIn("/book", message.attempt_ids.request_excerpt)
        self.assertNotIn("acme-api-key", message.attempt_ids.request_excerpt)


@tagged("post_install", "-at_install")
class TestOutboxRights(OutboxCommon):
    """What the least privileged may, in two companies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("out_user", f"{GROUP}group_logistics_user")
        cls.operator = cls._create_user(
            "out_operator", f"{GROUP}group_exception_operator"
        )
        cls.reader = cls._create_user(
            "out_reader",
            f"{GROUP}group_logistics_user,logistics_canonical.group_payload",
        )
        cls.packer = cls._create_user("out_packer", "stock.group_stock_user")
        company = cls.env["res.company"].create({"name": "Second"})
        cls.stranger = cls._create_user(
            "out_stranger",
            f"{GROUP}group_exception_operator,logistics_canonical.group_payload",
            company,
        )

    def _decide_as(self, user, message):
        return (
            self.env["logistics.message.decide"]
            .with_user(user)
            .create(
                {
                    "message_id": message.id,
                    "outcome": "not_done",
                    "note": "Seen on their site",
                }
            )
        )

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_users_see_and_do_not_mend(self):
        message = self._send("book", (500, {}, b""))
        seen = message.with_user(self.user)
        self.assertEqual(seen.state, "unknown")
        self.assertTrue(seen.why_waiting)
        self.assertEqual(seen.attempt_ids.http_status, 500)
        for action in (
            "action_retry",
            "action_cancel",
            "action_first",
            "action_decide",
            "action_ignore",
        ):
            with self.assertRaises(AccessError):
                getattr(seen, action)()
        with self.assertRaises(AccessError):
            self._decide_as(self.user, message).action_decide()
        with self.assertRaises(AccessError):
            seen.write({"state": "pending"})
        self.assertEqual(message.state, "unknown")

    def test_what_was_asked_is_for_those_who_may_see_personal_data(self):
        message = self._send("book")
        for name in ("request_json", "sent_request_json"):
            for user in (self.user, self.operator):
                with self.assertRaises(AccessError):
                    message.with_user(user).read([name])
            self.assertIn("Ada", message.with_user(self.reader)[name])
        for name in ("request_excerpt", "response_excerpt"):
            with self.assertRaises(AccessError):
                message.attempt_ids.with_user(self.operator).read([name])
            self.assertTrue(message.attempt_ids.with_user(self.reader)[name])

    def test_operators_mend(self):
        waiting = self._send("book", (429, {}, b""))
        waiting.with_user(self.operator).action_first()
        waiting.with_user(self.operator).action_retry()
        self.assertEqual((waiting.state, waiting.priority), ("pending", 10))
        waiting.with_user(self.operator).action_cancel()
        self.assertEqual(waiting.state, "cancelled")
        self.assertEqual(waiting.attempt_ids[0].user_id, self.operator)
        self._forget_failures()
        unknown = self._send("book", (500, {}, b""))
        action = unknown.with_user(self.operator).action_decide()
        self.assertEqual(action["res_model"], "logistics.message.decide")
        decide = self._decide_as(self.operator, unknown)
        self.assertTrue(decide.if_wrong)
        decide.action_decide()
        self.assertEqual(unknown.state, "pending")
        self.assertEqual(unknown.attempt_ids[0].user_id, self.operator)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_another_company_sees_and_does_nothing(self):
        message = self._send("book", (500, {}, b""))
        theirs = message.with_user(self.stranger)
        self.assertFalse(
            self.messages.with_user(self.stranger).search([("id", "=", message.id)])
        )
        self.assertFalse(
            self.env["logistics.attempt"]
            .with_user(self.stranger)
            .search([("message_id", "=", message.id)])
        )
        for name in ("state", "request_json", "body_text", "why_waiting"):
            with self.assertRaises(AccessError):
                theirs.read([name])
        for action in (
            "action_retry",
            "action_cancel",
            "action_first",
            "action_decide",
            "action_ignore",
        ):
            with self.assertRaises(AccessError):
                getattr(theirs, action)()
        with self.assertRaises(AccessError):
            self._decide_as(self.stranger, message).action_decide()
        message.invalidate_recordset()
        self.assertEqual(message.state, "unknown")
        self.assertEqual(message.attempt_ids.user_id, self.env.user)

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_who_packs_causes_messages_and_sees_none(self):
        with self.assertRaises(AccessError):
            self.messages.with_user(self.packer).search([])
        message = self.booker.with_user(self.packer)._enqueue(
            "book", {"reference": "R1"}, self.shipment.with_user(self.packer)
        )
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            self.messages.with_user(self.packer).browse(message.id).read(["state"])
        self.outbox._drain()
        self.assertEqual(self.messages.browse(message.id).state, "done")
        self.assertEqual(self._calls(), ["/book"])
