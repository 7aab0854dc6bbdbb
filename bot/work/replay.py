"""What if: stored traffic decided again under other rules, with the clock of that time, and what would come out differently.

Each person's events are decided in the order of then, on the conversation that the other rules would have left. Windows, consent and what
calls answered are as they were; a call that was never made then has no answer, which is told and not guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

import orjson

from bot.core.codec import conversation_from_plain, effects_digest
from bot.core.conversation import Conversation, State
from bot.core.decide import after, decide
from bot.core.decision import Call, Decision, Send, SetTimer
from bot.core.event import CallAnswered, ColleagueActed, DeliveryReceipt, Event, InboundMessage, SendFailed, TimerFired
from bot.core.hearing import message_text
from bot.core.reply import Reply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.store.units import Claimed, TraceView
from bot.work.inbox import Deciding, read_event
from bot.work.receipts import failure_of
from bot.work.rulebook_shelf import Shelf, pinned_by
from bot.work.trace import PLAIN_RECEIPT

EDITED = 1_000_000_000  # the number of the rulebook that is tried, which no stored one reaches


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one event: the rule that answered (empty: none), its layer, what was said, whom it asked."""

    rule: str
    layer: str
    replies: tuple[Reply, ...]
    asked: tuple[str, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether nobody said or asked anything."""
        return not self.replies and not self.asked


@dataclass(frozen=True, slots=True)
class Difference:
    """One event that would be answered differently. ``would_ask``: connections whose answer nobody knows."""

    inbox_id: int
    person: int
    identity: str
    at: datetime
    heard: str
    is_message: bool
    before: Seen
    now: Seen
    would_ask: tuple[str, ...] = ()

    @property
    def loses_its_answer(self) -> bool:
        """Whether somebody wrote who was answered and would get no answer now."""
        return self.is_message and bool(self.before.replies) and self.now.is_silent

    @property
    def is_missed(self) -> bool:
        """Whether somebody was understood and would not be now."""
        return self.is_message and self.now.layer == "nothing_matched" != self.before.layer


@dataclass(slots=True)
class Report:
    """What came of a replay. ``same``: decided to the byte as then. ``unreadable``: no longer kept, or of a rulebook nobody can read."""

    decided: int = 0
    same: int = 0
    unreadable: int = 0
    people: int = 0
    differences: list[Difference] = field(default_factory=list)
    would_ask: Counter[str] = field(default_factory=Counter)
    timers_set: Counter[str] = field(default_factory=Counter)

    def add(self, other: Report) -> None:
        """Take another process's part in."""
        self.decided += other.decided
        self.same += other.same
        self.unreadable += other.unreadable
        self.people += other.people
        self.differences += other.differences
        self.would_ask += other.would_ask
        self.timers_set += other.timers_set


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored decision, read back: the event, and what it was decided on."""

    trace: TraceView
    event: Event
    conversation: Conversation
    now: datetime


class Replay:
    """Decides again. ``edited`` is tried; ``shelf`` has the rulebooks of then; ``deciding`` reads events."""

    def __init__(self, edited: Rulebook, shelf: Shelf, deciding: Deciding) -> None:
        self._edited = replace(edited, version=EDITED)
        self._shelf = shelf
        self._deciding = deciding

    def over(self, traces: Iterable[TraceView]) -> Report:
        """The report on ``traces``, which come person by person."""
        report = Report()
        for _, of_person in groupby(traces, key=lambda trace: trace.person):
            report.people += 1
            self._person(in_order(self._kept(of_person, report)), report)
        return report

    def _kept(self, traces: Iterable[TraceView], report: Report) -> Iterator[Kept]:
        for trace in traces:
            kept = keep(trace, self._deciding)
            if kept is None:
                report.unreadable += 1
            else:
                yield kept

    def _person(self, events: list[Kept], report: Report) -> None:
        mine: Conversation | None = None
        strayed = False
        for kept in events:
            report.decided += 1
            conversation = kept.conversation
            if mine is not None:
                person = mine.person if strayed else conversation.person
                conversation = replace(conversation, state=mine.state, person=person)
            decision = decide(kept.event, conversation, self._rulebooks(conversation.state), kept.now)
            mine = after(conversation, kept.event, decision)
            if effects_digest(decision) == kept.trace.digest:
                report.same += 1
                continue
            found = self._difference(kept, decision, report)
            if found is None:
                continue
            strayed = True
            if found.would_ask:
                mine = replace(mine, state=replace(mine.state, call=None))
            if found.before != found.now or found.would_ask:
                report.differences.append(found)

    def _rulebooks(self, state: State) -> Rulebooks:
        older = {version: self._shelf.rulebook(version) for version in pinned_by(state) if version not in (0, EDITED)}
        return Rulebooks(self._edited, older)

    def _difference(self, kept: Kept, decision: Decision, report: Report) -> Difference | None:
        trace = kept.trace
        rulebooks = self._shelf.rulebooks(trace.version, kept.conversation.state)
        before = decide(kept.event, kept.conversation, rulebooks, kept.now)
        calls = _calls(before)
        would_ask = tuple(connection for connection, what in _calls(decision).items() if calls.get(connection) != what)
        report.would_ask.update(would_ask)
        known = {effect.name for effect in before.effects if isinstance(effect, SetTimer)}
        report.timers_set.update(
            effect.name for effect in decision.effects if isinstance(effect, SetTimer) and effect.name not in known
        )
        event = kept.event
        return Difference(
            trace.inbox_id,
            trace.person,
            kept.conversation.contact.identity,
            kept.now,
            heard_in(event),
            isinstance(event, InboundMessage),
            seen(before),
            seen(decision),
            would_ask,
        )


def keep(trace: TraceView, deciding: Deciding) -> Kept | None:
    """What ``trace`` was decided on; None where its event is no longer kept."""
    if not trace.inputs:  # retention took them, and the event's bytes with them
        return None
    claimed = Claimed(trace.inbox_id, trace.kind, trace.raw, trace.received_at, 1, media_kind=trace.media_kind)
    event = read_event(deciding, claimed)
    if isinstance(event, Exception):
        return None
    inputs = orjson.loads(trace.inputs)
    if isinstance(event, DeliveryReceipt) and trace.submission is not None and PLAIN_RECEIPT not in inputs:
        event = failure_of(event, trace.submission)
    conversation = conversation_from_plain(inputs["conversation"])
    return Kept(trace, event, conversation, datetime.fromisoformat(inputs["now"]))


def in_order(events: Iterable[Kept]) -> list[Kept]:
    """As they were decided: what was decided together, in the person's own order."""
    return sorted(events, key=lambda kept: (kept.trace.decided_at, _own_time(kept.event), kept.trace.inbox_id))


def _own_time(event: Event) -> datetime:
    match event:
        case InboundMessage(written_at=written_at):
            return written_at
        case TimerFired(due_at=due_at):
            return due_at
        case CallAnswered():
            return _BEFORE_ALL  # what was held for it comes after it
        case _:
            return event.received_at


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def heard_in(event: Event) -> str:
    """What an event says, in few words: the person's own, or the name of what happened."""
    match event:
        case InboundMessage(content=content):
            return message_text(content) or f"({type(content).__name__})"
        case SendFailed():
            return "(delivery failed)"
        case ColleagueActed(what=what, who=who):
            return f"({who or 'a colleague'} {what.replace('_', ' ')})"
        case _:
            return f"({getattr(event, 'name', '') or type(event).__name__})"


def seen(decision: Decision) -> Seen:
    """What of a decision a person or a backend notices."""
    because = decision.because
    replies = tuple(effect.reply for effect in decision.effects if isinstance(effect, Send))
    asked = tuple(effect.connection for effect in decision.effects if isinstance(effect, Call))
    return Seen(because.path[-1] if because.path else "", because.layer, replies, asked)


def _calls(decision: Decision) -> dict[str, tuple[str, str]]:
    calls = (effect for effect in decision.effects if isinstance(effect, Call))
    return {call.connection: (call.url, repr(sorted(call.body.items()))) for call in calls}
