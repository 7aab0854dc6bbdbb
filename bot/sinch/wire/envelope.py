"""What every webhook of Sinch has around its payload: app, times, who it is about, a key that makes it count once.

Source: Sinch Conversation API, callbacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.core.event import ContactKey
from bot.sinch.wire.fields import Json, inner, objects, text, time

IDENTITY_MAX = 160
CHANNEL_MAX = 64
WHATSAPP = "WHATSAPP"

_DEDUP_MAX = 200
_PHONE_DIGITS = range(7, 16)  # an international number has at most 15


class Malformed(ValueError):
    """A webhook of a known kind lacks what makes it useful; the message says what."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One webhook, opened. ``fields`` is the whole object, ``app`` the Conversation app or empty where nobody told."""

    fields: Json
    body: bytes
    app: str
    received_at: datetime

    def at(self, payload: Json) -> datetime:
        """When it happened: the channel's time, else when Sinch got it, else ``received_at``; never later than that."""
        told = time(self.fields, "event_time") or time(payload, "accept_time") or time(self.fields, "accepted_time")
        return self.received_at if told is None else min(told, self.received_at)

    def written_at(self, message: Json) -> datetime:
        """When a person wrote: the earliest time that anybody tells, so that a late webhook stretches no window."""
        told, accepted = time(self.fields, "event_time"), time(message, "accept_time")
        if told is None or accepted is None:
            told = told or accepted or time(self.fields, "accepted_time") or self.received_at
        elif accepted < told:
            told = accepted
        return min(told, self.received_at)

    def dedup(self, prefix: str, *parts: str) -> str:
        """``prefix:part:part``, or ``prefix:SHA-256 of the body`` when the first part is missing or all is too long."""
        key = ":".join((prefix, *parts))
        return key if parts and parts[0] and len(key) <= _DEDUP_MAX else f"{prefix}:{digest(self.body)}"

    def contact(self, payload: Json) -> ContactKey | None:
        """Who the payload is about, by its ``channel_identity``; None where it names nobody."""
        return contact_key(self.app, inner(payload, "channel_identity")) or self._contact_by_id(payload)

    def _contact_by_id(self, payload: Json) -> ContactKey | None:
        """Some senders put the bare number where Sinch has its own contact id; Sinch's ids hold letters."""
        digits = text(payload, "contact_id").removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and len(digits) in _PHONE_DIGITS):
            return None
        return ContactKey(self.app, WHATSAPP, digits)


def contact_key(app: str, identity: Json) -> ContactKey | None:
    """An address from an object's ``channel`` and ``identity``; None without an identity of at most 160 characters."""
    name = text(identity, "identity")
    if not name or len(name) > IDENTITY_MAX:
        return None
    digits = name.removeprefix("+")
    # Receipts have been seen with a "+" where messages have none. All else, such as US.13491208655302741918, is opaque.
    if digits.isascii() and digits.isdigit():
        name = digits
    channel = text(identity, "channel")[:CHANNEL_MAX]
    return ContactKey(app, channel or WHATSAPP, name)


def contact_keys(app: str, contact: Json) -> tuple[ContactKey, ...]:
    """Every address of a contact object, each once; project-wide webhooks name the app here, if anywhere."""
    found = (contact_key(app or text(each, "app_id"), each) for each in objects(contact, "channel_identities"))
    return tuple(dict.fromkeys(each for each in found if each is not None))


def digest(body: bytes) -> str:
    """The SHA-256 of a body in hexadecimal digits."""
    return sha256(body).hexdigest()
