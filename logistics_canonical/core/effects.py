# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What may be done after a call whose fate isn't certain.

A call that changes something at a partner is sent again only when that can't do
the thing twice. What a profile says of an operation (``repeat``) and how far the
call got decide; how often it was tried does not.
"""

from collections.abc import Mapping
from typing import Any

#: ``safe``: it changes nothing, or nothing more the second time. ``keyed``: it does
#: something, but the partner recognises our key and does it once. ``lookup``: ask the
#: partner first. ``never``: a person decides.
REPEATS = ("safe", "keyed", "lookup", "never")
#: What can be sent again at any time.
HARMLESS = ("safe", "keyed")
#: Seconds after which what a partner did shows when it is asked.
SETTLE_SECONDS = 30.0


def repeat_of(operation: Mapping[str, Any]) -> str:
    """Return what a repetition of an operation does, see :data:`REPEATS`.

    :param operation: the profile's entry of the operation
    """
    if "repeat" in operation:
        return operation["repeat"]
    return "safe" if operation.get("method") == "GET" else "never"


def fate(repeat: str, error_class: str, *, left: bool = True, status: int = 0) -> str:
    """Return what is known about a call after it ended.

    :param repeat: see :data:`REPEATS`
    :param error_class: what the answer, or the lack of one, means
    :param left: whether the request may have left this machine
    :param status: HTTP status of the answer, 0 when there was none
    :return: ``done``; ``again``, to be repeated on schedule; ``refused``, the
        partner said no; ``auth``; ``unknown``, when it may or may not have been done
    """
    if not error_class:
        return "done"
    if error_class == "auth":
        return "auth"
    harmless = repeat in HARMLESS
    if error_class == "throttled":
        # "Too fast" is said before anything is done. "Come back later" is also what
        # a gateway says of a system that has the request already.
        return "unknown" if status >= 500 and left and not harmless else "again"
    if error_class == "transient":
        return "again" if harmless or not left else "unknown"
    if error_class in ("poison", "unknown") and repeat != "safe" and left:
        # Something came back, perhaps a maintenance page, perhaps half a label.
        return "again" if harmless else "unknown"
    if (100 <= status < 200 or 300 <= status < 400) and not harmless:
        # "I'm at it" is no refusal, and neither is "look there for the outcome",
        # which we don't follow.
        return "unknown"
    return "refused"


def may_have_arrived(
    repeat: str, error_class: str, *, left: bool = True, status: int = 0
) -> bool:
    """Tell whether a call that failed may have done something at the partner.

    :param repeat: see :data:`REPEATS`
    :param error_class: what the answer, or the lack of one, means
    :param left: whether the request may have left this machine
    :param status: HTTP status of the answer, 0 when there was none
    """
    if repeat == "safe":
        return False
    return fate("never", error_class, left=left, status=status) == "unknown"


def after_unknown(repeat: str) -> str:
    """Return ``resend``, ``lookup`` or ``person``."""
    if repeat in HARMLESS:
        return "resend"
    return "lookup" if repeat == "lookup" else "person"


def after_lookup(outcome: str, absence_is_proof: bool) -> str:
    """Return what a lookup's answer leads to.

    :param outcome: ``found``, ``absent`` or ``failed``
    :param absence_is_proof: whether the partner would have known
    :return: ``done``, ``resend``, ``lookup`` (ask again) or ``person``
    """
    if outcome == "found":
        return "done"
    if outcome == "failed":
        return "lookup"
    return "resend" if absence_is_proof else "person"
