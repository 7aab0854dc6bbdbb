"""A decision written down: all inputs of ``decide``, what came out, and why, as JSON-ready values.

``try``, ``explain`` and the server write the same inputs the same way, byte for byte; ``conversation_from_plain`` reads that part back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.core.codec import conversation_to_plain, effect_to_plain, effects_digest
from bot.core.conversation import Conversation
from bot.core.decision import Because, Decision
from bot.core.event import Event
from bot.core.plain import Plain
from bot.core.rulebook import Rulebooks


def trace_plain(
    event: Event, conversation: Conversation, rulebooks: Rulebooks, now: datetime, decision: Decision
) -> Plain:
    """Inputs under ``event``, ``conversation``, ``rulebooks`` (versions and digests) and ``now``; the rest recomputes from them."""
    return {
        "event": event_to_plain(event),
        "conversation": conversation_to_plain(conversation),
        "rulebooks": {str(each.version): each.digest for each in (rulebooks.live, *rulebooks.older.values())},
        "live": rulebooks.live.version,
        "now": now.isoformat(),
        "outcome": decision.outcome,
        "effects": [effect_to_plain(effect) for effect in decision.effects],
        "digest": effects_digest(decision),
        "because": because_to_plain(decision.because),
    }


def event_to_plain(event: Event) -> Plain:
    """Every field of an event by name, its class under ``is``. Events are read back from their raw bytes, not from this."""
    return _fields(event)


def because_to_plain(because: Because) -> Plain:
    """The reasons by name."""
    return _fields(because)


def _fields(value: object) -> Plain:
    found: Plain = {"is": type(value).__name__}
    if is_dataclass(value) and not isinstance(value, type):
        found |= {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return found


def _plain(value: object) -> object:
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): _plain(each) for key, each in sorted(value.items())}
        case tuple():
            return [_plain(each) for each in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return _fields(value)
