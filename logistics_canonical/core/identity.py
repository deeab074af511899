# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Digests by which the same fact and the same message are recognised."""

import hashlib


def event_identity(
    *,
    reference_key: str,
    partner_id: str = "",
    partner_code: str = "",
    occurred_text: str = "",
    place: str = "",
    classifier: str = "actual",
) -> str:
    """Return the identity of an event, 64 hex digits.

    With an id of the partner's own, that and the number make the identity. Else
    what happened, when and where does. How we understand the code is no part of
    it: mapped differently, it is still the same fact.

    :param reference_key: normalised number the event is about
    :param occurred_text: the instant, or the time as written
    """
    if partner_id:
        return _digest("id", reference_key, partner_id)
    return _digest(
        "fact", reference_key, partner_code, occurred_text, place.upper(), classifier
    )


def message_dedupe_key(stream: str, body: bytes, message_id: str = "") -> str:
    """Return the key by which a message is stored once, 64 hex digits.

    :param stream: the way it came in by; two ways are two messages
    :param message_id: the sender's id for the message, which stays the same over
        its retries; without one the bytes decide
    """
    if message_id:
        return _digest("message", stream, message_id)
    digest = hashlib.sha256(b"body\x1f" + stream.encode() + b"\x1f")
    digest.update(body)
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    text = "\x1f".join(part.replace("\x1f", " ") for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
