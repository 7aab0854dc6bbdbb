"""From what is stored of a conversation to what is shown of it. Nothing is read here.

messages both ways + what else happened + the consent ledger -> one order by time -> days and closed windows between
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from bot.core.conversation import WINDOW
from bot.core.event import Event, InboundMessage, Reaction
from bot.core.rulebook import Rulebook
from bot.store.contacts import FROM_THE_END, Came, Exchange, LedgerView, Left, Place
from bot.store.units import InboxKind, MessageView
from bot.web.admin.happened import note_of, word_note
from bot.web.admin.inbox_view import author_of, labels_of
from bot.web.admin.said import Said, said_by_them, said_by_us
from bot.web.admin.timeline_view import Bubble, Item, Mark, Note, Reasons, Step, Timeline
from bot.web.site.words import day
from bot.web.why import line_of
from bot.work import next_steps

PAGE: Final = 60
_BEFORE: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,19})-([0-9]{1,17})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BY_RULE: Final = frozenset({"rule", "timer"})
_LAYERS: Final = {
    "consent": "a word of consent",
    "person": "a colleague has the conversation: the bot kept quiet",
    "question": "answer to an open question",
    "taps": "a tap on a button",
    "near_miss": "nearly a STOP: the bot asks back",
    "rules": "a rule heard it",
    "first_contact": "the first message ever",
    "nothing_matched": "nothing matched",
    "event": "a backend told of it",
    "timer": "a timer was due",
    "call": "a connection answered",
    "colleague": "a colleague acted",
    "receipt": "a delivery failed",
    "none": "nothing answers this kind of event",
}
_STATUS: Final = {
    "DELIVERED": "delivered",
    "READ": "read",
    "FAILED": "failed",
    "QUEUED_ON_CHANNEL": "with WhatsApp",
    "SWITCHING_CHANNEL": "goes another way",
}


@dataclass(frozen=True, slots=True)
class Before:
    """Where an older page begins: a place for the store, and the moment until which notes count."""

    place: Place = FROM_THE_END
    at: datetime | None = None


def before_of(text: str) -> Before:
    """From the address; what makes no sense means the latest page."""
    found = _BEFORE.fullmatch(text)
    if found is None or max(int(found[1]), int(found[2])) > FROM_THE_END[0]:
        return Before()
    try:
        return Before((int(found[1]), int(found[2])), _EPOCH + timedelta(microseconds=int(found[3])))
    except OverflowError:
        return Before()


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of one page. ``events`` are those of ``exchange`` and ``happened``, by number, as far as they can be read."""

    exchange: Exchange
    happened: Sequence[Came]
    ledger: Sequence[LedgerView]
    events: dict[int, Event]
    before: Before


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page is shown in."""

    rulebook: Rulebook
    button_key: bytes
    zone: tzinfo
    now: datetime
    reader: str
    name: str


def timeline(stored: Stored, frame: Frame) -> Timeline:
    """The page, oldest first."""
    entries = tuple(reversed(stored.exchange.entries))
    begins = min((_moment(each) for each in entries), default=None) if stored.exchange.next is not None else None
    items = [*_notes(stored, frame, begins), *_said(entries, stored, frame)]
    items.sort(key=lambda item: (item[0], _rank(item[1])))
    shown = [item for _, item in items]
    older = "" if stored.exchange.next is None or begins is None else _older(stored.exchange.next, begins)
    is_latest = stored.before.at is None
    return Timeline(tuple(_divided(shown, stored, frame)), older, is_latest, _announced(shown, frame))


def _rank(item: Item) -> int:
    """Of the same moment: what led to a message, the messages in their order, what followed from one."""
    if isinstance(item, Bubble):
        return 1
    return 2 if isinstance(item, Note) and item.kind == "consent" else 0


def _older(next_: Place, begins: datetime) -> str:
    return f"{next_[0]}-{next_[1]}-{(begins - _EPOCH) // timedelta(microseconds=1)}"


def _moment(each: Came | Left) -> datetime:
    return each.received_at if isinstance(each, Came) else each.message.created_at


def _announced(items: Sequence[Item], frame: Frame) -> str:
    """What a screen reader is told when it changes: the last thing the person said."""
    theirs = [item for item in items if isinstance(item, Bubble) and item.side == "them"]
    return f"{frame.name}: {theirs[-1].said.line}" if theirs else ""


# --- messages ------------------------------------------------------------


def _said(entries: Sequence[Came | Left], stored: Stored, frame: Frame) -> list[tuple[datetime, Item]]:
    """Bubbles with reactions and quotes, and what colleagues did."""
    lefts = tuple(each for each in reversed(entries) if isinstance(each, Left))
    labels = labels_of(lefts)
    found: list[tuple[datetime, Item]] = []
    places: dict[str, int] = {}  # Sinch's id of a message -> where it stands in ``found``
    for each in entries:
        if isinstance(each, Left):
            for attempt in each.message.attempts:
                places[attempt.message_id] = len(found)
            found.append((_moment(each), _ours(each, frame)))
            continue
        event = stored.events.get(each.inbox_id)
        if isinstance(event, InboundMessage):
            places[event.message_id] = len(found)
            said = said_by_them(event.content, each.media_kind, frame.button_key, labels)
            quote = _quoted(event.reply_to, places, found)
            why = reasons_of(each, frame.rulebook)
            found.append((_moment(each), Bubble(f"in-{each.inbox_id}", "them", each.at, said, quote=quote, why=why)))
        elif isinstance(event, Reaction) and event.message_id in places:
            _react(found, places[event.message_id], event.emoji)
        elif each.kind is InboxKind.INBOUND and event is None:
            said = Said("What was said here is kept no longer." if not each.raw else "This cannot be read.", quiet=True)
            found.append((_moment(each), Bubble(f"in-{each.inbox_id}", "them", each.at, said)))
        elif (note := note_of(each, event, reasons_of(each, frame.rulebook))) is not None:
            found.append((_moment(each), note))
    return found


def _react(found: list[tuple[datetime, Item]], place: int, emoji: str) -> None:
    """A person's newest reaction takes the place of the one before; an empty one takes it back."""
    at, item = found[place]
    if isinstance(item, Bubble):
        found[place] = at, replace(item, reactions=(emoji[:16],) if emoji else ())


def _quoted(reply_to: str, places: dict[str, int], found: Sequence[tuple[datetime, Item]]) -> str:
    item = found[places[reply_to]][1] if reply_to and reply_to in places else None
    return item.said.line if isinstance(item, Bubble) else ""


def _ours(left: Left, frame: Frame) -> Bubble:
    message = left.message
    step = next_steps.next_step_of(message)
    by_bot = message.origin.value in _BY_RULE
    waits = message.status == "queued" and message.not_before is not None and message.not_before > frame.now
    return Bubble(
        key=f"out-{message.outbox_id}",
        side="us",
        at=message.created_at,
        said=said_by_us(message.reply),
        who=author_of(left, frame.reader),
        status=message.status,
        steps=tuple(_steps(message)),
        reason=message.reason,
        failure=step,
        leaves_at=message.not_before if waits else None,
        by_bot=by_bot,
    )


def _steps(message: MessageView) -> Iterable[Step]:
    yield Step("placed", message.created_at)
    for attempt in message.attempts:
        tries = f" (try {attempt.number})" if len(message.attempts) > 1 else ""
        words = {"sent": "taken by Sinch", "": "being sent", "unknown": "maybe taken by Sinch"}.get(
            attempt.outcome, "not taken by Sinch"
        )
        yield Step(f"{words}{tries}", attempt.ended_at or attempt.started_at)
    for receipt in message.receipts:
        yield Step(_STATUS.get(receipt.status, receipt.status.lower().replace("_", " ")), receipt.at)


# --- decisions, and what else happened ------------------------------------------------------------


def reasons_of(came: Came, rulebook: Rulebook) -> Reasons | None:
    """The one line of a decision; None where none was made."""
    if not came.layer:
        return None
    rule = rulebook.rule(came.rule) if came.rule else None
    place = "" if rule is None else line_of(rule.place)
    words = f"rule {came.rule}" if came.rule else _LAYERS.get(came.layer, came.layer)
    if came.rule and came.layer in ("nothing_matched", "first_contact", "question", "near_miss"):
        words = f"{_LAYERS[came.layer]}: {words}"
    return Reasons(came.inbox_id, words, came.rule, place)


def _notes(stored: Stored, frame: Frame, begins: datetime | None) -> list[tuple[datetime, Item]]:
    found: list[tuple[datetime, Item]] = []
    for came in stored.happened:
        note = note_of(came, stored.events.get(came.inbox_id), reasons_of(came, frame.rulebook))
        if note is not None:
            found.append((came.received_at, note))
    for view in stored.ledger:
        at = view.row.recorded_at
        if (begins is None or at >= begins) and (stored.before.at is None or at < stored.before.at):
            found.append((at, word_note(view)))
    return found


# --- what lies between ------------------------------------------------------------


def _divided(items: Sequence[Item], stored: Stored, frame: Frame) -> Iterable[Item]:
    """With a line at each new day, and one where the window closed."""
    found: list[Item] = []
    closes_at: datetime | None = None
    for item in items:
        if closes_at is not None and item.at >= closes_at:
            _put(found, _closed(closes_at), frame)
            closes_at = None
        _put(found, item, frame)
        if isinstance(item, Bubble) and item.side == "them":
            closes_at = max(item.at + WINDOW, closes_at or item.at)
    if closes_at is not None and frame.now >= closes_at and stored.before.at is None:
        _put(found, _closed(closes_at), frame)
    return found


def _put(found: list[Item], item: Item, frame: Frame) -> None:
    """Under a line that names its day, where that is a new one."""
    last = found[-1].at if found else None
    if last is None or _day(last, frame.zone) < _day(item.at, frame.zone):
        name = day(item.at.astimezone(frame.zone), frame.now.astimezone(frame.zone))
        found.append(Mark(f"day-{_day(item.at, frame.zone)}", item.at, name, is_closed=False))
    found.append(item)


def _closed(at: datetime) -> Mark:
    return Mark(f"closed-{int(at.timestamp())}", at, "The 24-hour window closed", is_closed=True)


def _day(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).date().isoformat()
