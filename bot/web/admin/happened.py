"""What happened in a conversation besides messages, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.event import (
    BusinessEvent,
    CallAnswered,
    ColleagueActed,
    DeliveryReceipt,
    Event,
    Reaction,
    SendFailed,
    TimerFired,
    Unsupported,
)
from bot.core.ledger import CHANNEL_TOLD, PERSON_WROTE
from bot.store.contacts import Came, LedgerView
from bot.store.units import InboxKind
from bot.web.admin.timeline_view import Note, Reasons

_OUTCOMES: Final = {"found": "answered", "not_found": "found nothing", "failed": "failed"}


def note_of(came: Came, event: Event | None, why: Reasons | None) -> Note | None:
    """None where nothing of it is worth a line."""
    key = f"in-{came.inbox_id}"
    match event:
        case BusinessEvent(name=name, data=data):
            return Note(key, "backend", came.at, f"Backend event {name}", _values(data), why)
        case TimerFired(name=name):
            return Note(key, "timer", came.at, _timer(name), "", why)
        case CallAnswered(connection=connection, outcome=outcome):
            words = f"Connection {connection} {_OUTCOMES[outcome]}"
            return Note(key, "call", came.at, words, event.why or _values(event.values), why)
        case SendFailed() | DeliveryReceipt():
            return Note(key, "failure", came.at, "A delivery failed, and a rule answers that", "", why)
        case ColleagueActed():
            return None if event.what == "wrote" and not event.team else _acted(key, came, event)
        case Reaction(emoji=emoji):
            words = f"Reacted {emoji[:16]} to an earlier message" if emoji else "Took back a reaction"
            return Note(key, "reaction", came.at, words)
        case Unsupported(trigger=trigger):
            return Note(key, "other", came.at, f"Something came that nothing answers: {trigger}")
        case None if came.kind is not InboxKind.RECEIPT:
            return Note(key, "other", came.at, "What happened here is kept no longer.")
        case _:
            return None


def _acted(key: str, came: Came, event: ColleagueActed) -> Note:
    who = event.who or "Somebody"
    words = {
        "took_over": f"{who} gave the conversation to team {event.team}",
        "wrote": f"{who} took the conversation over for team {event.team}, and wrote",
        "gave_back": f"{who} gave the conversation back to the bot",
        "closed": f"{who} closed the matter",
    }[event.what]
    return Note(key, "colleague", came.at, words, event.note)


def _timer(name: str) -> str:
    kind, _, rule = name.partition(":")
    match kind:
        case "question":
            return "The time for an answer was over"
        case "remind":
            return f"Time for the reminder of rule {rule}"
        case "silent":
            return f"They were silent for as long as rule {rule} waits"
        case "window":
            return f"The window was about to close, as rule {rule} waits for"
        case _:
            return f"The timer {name} was due"


def _values(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def word_note(view: LedgerView) -> Note:
    """A word of the consent ledger."""
    row = view.row
    what = "Marketing" if row.purpose == "marketing" else "All messages"
    word = "opted out" if row.state == "stopped" else "opted in"
    is_told = row.source in (PERSON_WROTE, CHANNEL_TOLD)  # its proof is the number of our own event
    proof = f" Proof: {row.proof}" if row.proof and not is_told else ""
    return Note(f"word-{view.id}", "consent", row.recorded_at, f"{what}: {word}", f"{row.source}.{proof}")
