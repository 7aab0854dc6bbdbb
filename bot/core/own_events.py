"""Events that Parley makes itself, timers and the answers of calls, as the bytes that the inbox keeps of them, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from bot.core.event import CallAnswered, ContactKey, TimerFired
from bot.core.plain import Plain, Unreadable, items, mapping, moment, text, texts


def raw_of(event: TimerFired | CallAnswered) -> bytes:
    """What the inbox keeps of ``event``; ``own_event_from_raw`` reads it back."""
    contact = event.contact
    plain: Plain = {"v": 1, "dedup": event.dedup, "contact": [contact.app, contact.channel, contact.identity]}
    match event:
        case TimerFired():
            plain |= {"timer": event.name, "due_at": event.due_at.isoformat(), "values": dict(event.values)}
        case CallAnswered():
            plain |= {
                "call": event.key,
                "connection": event.connection,
                "outcome": event.outcome,
                "values": dict(event.values),
                "at": event.at.isoformat(),
                "why": event.why,
            }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def own_event_from_raw(raw: bytes, received_at: datetime) -> TimerFired | CallAnswered:
    """The event that ``raw_of`` wrote, received at ``received_at``. Raises ``plain.Unreadable`` when the bytes are none of ours."""
    plain = mapping(json.loads(raw))
    dedup, contact = text(plain.get("dedup")), ContactKey(*map(text, items(plain.get("contact"))))
    values = texts(plain.get("values"))
    if "timer" in plain:
        return TimerFired(dedup, contact, text(plain["timer"]), moment(plain.get("due_at")), values, received_at)
    key, connection, why = text(plain.get("call")), text(plain.get("connection")), text(plain.get("why"))
    at = moment(plain.get("at"))
    return CallAnswered(dedup, contact, key, connection, _outcome(plain.get("outcome")), values, at, received_at, why)


def _outcome(value: object) -> Literal["found", "not_found", "failed"]:
    match value:
        case "found":
            return "found"
        case "not_found":
            return "not_found"
        case "failed":
            return "failed"
        case _:
            raise Unreadable("an outcome", value)
