# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st

from odoo.addons.logistics_canonical.core.adapter import (
    ERROR_CLASSES,
    Adapter,
    Parsed,
    Problem,
    Response,
    Result,
)
from odoo.addons.logistics_canonical.core.effects import (
    REPEATS,
    after_lookup,
    after_unknown,
    fate,
    may_have_arrived,
    repeat_of,
)
from odoo.addons.logistics_canonical.core.retry import classify

#: What tells that a call certainly did nothing: the partner refused it.
REFUSALS = ("auth", "throttled", "rejected")


@pytest.mark.parametrize(
    ("operation", "repeat"),
    [
        ({"method": "GET"}, "safe"),
        ({"method": "POST"}, "never"),
        ({"method": "PUT"}, "never"),
        ({"method": "PATCH"}, "never"),
        ({"method": "DELETE"}, "never"),
        ({"method": "POST", "repeat": "safe"}, "safe"),
        ({"method": "POST", "repeat": "lookup"}, "lookup"),
        # A partner that books with GET is asked no second time.
        ({"method": "GET", "repeat": "never"}, "never"),
        # An operation that the profile lost meanwhile.
        ({}, "never"),
    ],
)
def test_only_questions_are_repeated_unless_the_profile_says_so(operation, repeat):
    assert repeat_of(operation) == repeat


@pytest.mark.parametrize(
    ("error_class", "left", "safe", "keyed", "lookup", "never"),
    [
        ("", True, "done", "done", "done", "done"),
        ("transient", True, "again", "again", "unknown", "unknown"),
        ("transient", False, "again", "again", "again", "again"),
        ("throttled", True, "again", "again", "again", "again"),
        ("throttled", False, "again", "again", "again", "again"),
        ("auth", True, "auth", "auth", "auth", "auth"),
        ("auth", False, "auth", "auth", "auth", "auth"),
        ("rejected", True, "refused", "refused", "refused", "refused"),
        ("rejected", False, "refused", "refused", "refused", "refused"),
        ("poison", True, "refused", "again", "unknown", "unknown"),
        ("poison", False, "refused", "refused", "refused", "refused"),
        ("unknown", True, "refused", "again", "unknown", "unknown"),
        ("unknown", False, "refused", "refused", "refused", "refused"),
    ],
)
def test_what_is_known_after_a_call(error_class, left, safe, keyed, lookup, never):
    for repeat, expected in zip(REPEATS, (safe, keyed, lookup, never), strict=True):
        assert fate(repeat, error_class, left=left) == expected, repeat


def test_an_answer_that_is_none_yet_refuses_nothing():
    for error_class in (classify(101), "rejected"):
        for repeat in ("lookup", "never"):
            assert fate(repeat, error_class, status=101) == "unknown"
    assert fate("safe", classify(101), status=101) == "again"
    assert fate("keyed", classify(101), status=101) == "again"


def test_come_back_later_is_also_said_by_a_gateway_that_passed_it_on():
    found = {repeat: fate(repeat, "throttled", status=503) for repeat in REPEATS}
    assert found == {
        "safe": "again",
        "keyed": "again",
        "lookup": "unknown",
        "never": "unknown",
    }
    assert fate("never", "throttled", status=429) == "again"


@pytest.mark.parametrize("repeat", REPEATS)
def test_what_may_have_arrived(repeat):
    """What only asks has done nothing, and neither has what was refused."""
    found = {name for name in ERROR_CLASSES if may_have_arrived(repeat, name)}
    dark = {"transient", "poison", "unknown"}
    assert found == (set() if repeat == "safe" else dark)
    assert not any(may_have_arrived(repeat, name, left=False) for name in dark)
    assert may_have_arrived(repeat, "throttled", status=503) == (repeat != "safe")
    assert not may_have_arrived(repeat, "throttled", status=429)


def test_what_may_have_been_done_is_never_repeated_by_itself():
    for repeat, error_class, status in itertools.product(
        ("lookup", "never"), ("", *ERROR_CLASSES), (0, 200, 302, 404, 500, 503)
    ):
        found = fate(repeat, error_class, left=True, status=status)
        if found == "again":
            assert error_class == "throttled", "only a refusal leaves nothing done"
            assert status < 500, "whoever says so may have passed it on"


@pytest.mark.parametrize("repeat", ["lookup", "never"])
def test_to_be_sent_elsewhere_is_no_refusal(repeat):
    assert fate(repeat, "rejected", status=302) == "unknown"
    assert fate(repeat, "rejected", status=422) == "refused"
    assert fate("safe", "rejected", status=302) == "refused"


def test_nobody_is_asked_about_what_never_left():
    for repeat, error_class in itertools.product(REPEATS, ERROR_CLASSES):
        assert fate(repeat, error_class, left=False) != "unknown"


def test_what_was_refused_is_not_unknown():
    for repeat, error_class in itertools.product(REPEATS, REFUSALS):
        assert fate(repeat, error_class) in ("again", "auth", "refused")


def test_the_way_out_of_an_unknown_outcome():
    assert after_unknown("safe") == "resend"
    assert after_unknown("keyed") == "resend"
    assert after_unknown("lookup") == "lookup"
    assert after_unknown("never") == "person"
    assert after_unknown("something new") == "person"


@pytest.mark.parametrize(
    ("outcome", "absence_is_proof", "then"),
    [
        ("found", True, "done"),
        ("found", False, "done"),
        ("absent", True, "resend"),
        ("absent", False, "person"),
        ("failed", True, "lookup"),
        ("failed", False, "lookup"),
    ],
)
def test_what_a_lookup_leads_to(outcome, absence_is_proof, then):
    assert after_lookup(outcome, absence_is_proof) == then


@settings(max_examples=300)
@given(
    st.sampled_from(("lookup", "never")),
    st.booleans(),
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(("", *ERROR_CLASSES)),  # how a call is answered
            st.booleans(),  # whether it left
            st.booleans(),  # whether an answer that got lost was a success
            st.sampled_from(("found", "absent", "failed")),
        ),
        max_size=12,
    ),
)
def test_nothing_is_done_twice_whatever_happens(repeat, proof, honest, story):
    """Plays a message's life: the partner carries out what reaches it unless it
    refuses. Asked, it tells the truth, or, when absence proves nothing, not."""
    times_done = 0
    asking = False
    for error_class, left, carried_out, answer in story:
        if asking:
            if answer != "failed":
                answer = "found" if times_done else "absent"
                if not proof and not honest:
                    answer = "absent"
            then = after_lookup(answer, proof)
            if then in ("done", "person"):
                break
            asking = then == "lookup"
            continue
        if not error_class and left:
            times_done += 1
        elif left and error_class not in REFUSALS:
            times_done += carried_out
        found = fate(repeat, error_class, left=left or not error_class)
        if found == "unknown":
            if after_unknown(repeat) == "person":
                break
            asking = True
        elif found not in ("again", "auth"):
            break
    assert times_done <= 1


# === ASKING, WITH A PROFILE ALONE === #


class _Asked(Adapter):
    """Its answers mean what the test says."""

    def __init__(self, result):
        self.result = result

    def parse_response(self, operation, response, profile, request=None):
        assert operation == "find"
        return self.result


NO_DATA = Parsed(problems=(Problem("no_data"),))


@pytest.mark.parametrize(
    ("response", "result", "found"),
    [
        (Response(200, {}, b"{}"), Result(data={"number": "N1"}), "found"),
        # The profile's messages look for scans; there are none yet, but the booking.
        (Response(200, {}, b"{}"), Result(parsed=NO_DATA, data={"n": 1}), "found"),
        (Response(200, {}, b"{}"), Result(parsed=NO_DATA), "absent"),
        (Response(200, {}, b"{}"), Result("rejected", parsed=NO_DATA), "absent"),
        (Response(404, {}, b""), Result("rejected"), "absent"),
        (Response(410, {}, b"{}"), Result("rejected"), "absent"),
        # A gateway that lost the way doesn't speak for the partner.
        (Response(404, {}, b"<!DOCTYPE html><p>Nothing"), Result("rejected"), "failed"),
        # A system that is ill says nothing, too.
        (Response(200, {}, b""), Result(parsed=NO_DATA), "failed"),
        (Response(200, {}, b" \n"), Result(), "failed"),
        (Response(500, {}, b""), Result("transient"), "failed"),
        (Response(401, {}, b""), Result("auth"), "failed"),
        (Response(200, {}, b"<html>"), Result("poison"), "failed"),
    ],
)
def test_what_the_answer_to_a_lookup_says(response, result, found):
    profile = SimpleNamespace(operations={"book": {"lookup": "find"}})
    assert _Asked(result).parse_lookup("book", response, profile) == (found, result)
