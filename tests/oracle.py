"""The oracle: holds what was told against what is kept and what left. A sound run makes it say nothing.

Three witnesses are compared: the driver (what was acknowledged to it), the database, and the truth file of the emulator (what it
accepted, each send with the outbox id that travelled in its metadata, and which callbacks were taken). It reads raw bytes and rows by
itself, sharing no code with what it judges but the questions of ``bot.store.sqlite.audit``. The numbers are those of
``docs/guarantees.md``:

I1 what was acknowledged is there. I2 once. I3 decided once, answered once. I4 decided and sent in order. I5 nothing left without its
attempt, nor to anybody else. I6 windows and ttl, see ``oracle_sends``. I7 nothing left after a STOP. I9 what left twice was in doubt.
I10 receipts that were taken. I11, and calls and timers: ``oracle_later``. I12 nobody was left with nothing. The audit adds what rows alone
tell, of I8 as well.

Beyond it: rules with ``after_stop: answer``, as to it every message but the confirmation breaks a STOP; what a caller of the API was
answered (I8), which whoever called must hold against the messages; that an attempt was committed before its first byte left, which only a
kill in between shows; how long anything took while the server was sound (I12) unless it is told ``now``; limits of queues, memory and disk.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from bot.store.sqlite.audit import broken as audit
from tests import oracle_sends
from tests.oracle_later import Witness, later
from tests.oracle_sends import MARGIN, Erasures, erasures_of
from tests.oracle_truth import Sent, accepted_in, taken_in

__all__ = ["Acknowledged", "Judgement", "Sent", "accepted_in", "judge"]

SUBMISSIONS_MOST = 2
_MAY_HAVE_LEFT = ("", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An inbound message that was answered 2xx. ``answer`` is what its one reply must hold; empty where it need not have one."""

    message_id: str
    identity: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``broken``: a sentence for each broken promise. ``twice``: outbox ids that left twice, as is allowed after an unknown outcome."""

    broken: tuple[str, ...]
    twice: tuple[str, ...] = ()


def judge(
    database: Path,
    truth: Path,
    acknowledged: Sequence[Acknowledged] = (),
    witness: Witness | None = None,
    now: datetime | None = None,
    margin: timedelta = MARGIN,
) -> Judgement:
    """Compare all three after a run; with ``witness`` also what calls, timers and rulebooks left behind.

    With ``now``, the server's, also what is late then. ``margin``: how long before its end a window counts as closed.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        kept = _Kept(connection, accepted_in(truth), erasures_of(connection))
        checks = [audit(connection, now=now), _heard(kept, acknowledged), _attempts(kept), _order(kept), _stops(kept)]
        checks.append(oracle_sends.sends(connection, kept.accepted, taken_in(truth), margin))
        if witness is not None:
            checks.append(later(connection, witness))
        return Judgement(tuple(sentence for check in checks for sentence in check), tuple(_twice(kept)))


@dataclass(frozen=True, slots=True)
class _Attempt:
    id: int
    outbox_id: str
    started_at: int
    outcome: str
    message_id: str


@dataclass(frozen=True, slots=True)
class _Message:
    """An outbox row; ``inbox`` is the event that a rule's message came of. ``waited``: what was decided later may have left before."""

    seq: int
    id: str
    person: int
    state: str
    payload: str
    identity: str
    inbox: int | None
    is_confirmation: bool
    waited: bool


@dataclass(frozen=True, slots=True)
class _Event:
    """A message of a person, as recorded. ``waited``: it was held for a call, and what came later may have been decided before."""

    id: int
    person: int
    state: str
    written_at: int
    received_at: int
    settled_at: int | None
    message_id: str
    waited: bool


@dataclass
class _Kept:
    """The database and the truth, read once."""

    connection: sqlite3.Connection
    accepted: Sequence[Sent]
    erasures: Erasures
    sends_of: dict[str, list[Sent]] = field(init=False)

    def __post_init__(self) -> None:
        self.connection.create_function("message_id", 2, _message_id)
        self.sends_of = _grouped(self.accepted, "outbox_id")

    @cached_property
    def messages(self) -> dict[str, _Message]:
        rows = self._rows(
            "SELECT seq, id, person, state, payload, identity, CASE origin WHEN 'rule' THEN CAST(origin_id AS INTEGER) END,"
            " confirms_stop, if_closed = '\"wait\"' OR replaces <> '' OR origin <> 'rule' OR not_before IS NOT NULL"
            " FROM outbox WHERE kind = 'message'"
        )
        return {row[1]: _Message(*row) for row in rows}

    @cached_property
    def attempts_of(self) -> dict[str, list[_Attempt]]:
        rows = self._rows(
            "SELECT a.id, o.id, a.started_at, a.outcome, a.message_id FROM attempt a JOIN outbox o ON o.seq = a.outbox"
            " WHERE o.kind = 'message' ORDER BY a.outbox, a.number"
        )
        return _grouped([_Attempt(*row) for row in rows], "outbox_id")

    @cached_property
    def events(self) -> list[_Event]:
        rows = self._rows(
            "SELECT id, coalesce(person, 0), state, written_at, received_at, settled_at,"
            " message_id(raw, dedup), held > 0 FROM inbox WHERE kind = 'inbound' ORDER BY id"
        )
        return [_Event(*row) for row in rows]

    @cached_property
    def replies_of(self) -> dict[int, list[_Message]]:
        found: dict[int, list[_Message]] = defaultdict(list)
        for message in self.messages.values():
            if message.inbox is not None and not message.waited:
                found[message.inbox].append(message)
        return found

    @cached_property
    def called(self) -> dict[int, int]:
        """By the inbox row that led to a call: the row of the call's answer, which is what the person's answer came of."""
        return dict(
            self._rows(
                "SELECT CAST(o.origin_id AS INTEGER), i.id FROM outbox o JOIN inbox i ON i.app = o.app AND i.dedup = 'call:' ||"
                " o.id WHERE o.kind = 'call' AND o.origin = 'rule'"
            )
        )

    @cached_property
    def given_up(self) -> set[int]:
        """The inbox rows whose call was answered after its time, when the person had written on: nothing waited for it any more."""
        rows = self._rows(
            "SELECT CAST(o.origin_id AS INTEGER) FROM outbox o JOIN inbox i ON i.app = o.app AND i.dedup = 'call:' || o.id"
            " WHERE o.kind = 'call' AND o.origin = 'rule' AND i.state = 'ignored' AND i.settled_at >= o.not_after"
        )
        return {row[0] for row in rows}

    @cached_property
    def stopped_at(self) -> dict[int, list[tuple[int, int | None]]]:
        """When each person's STOPs were committed, and when a START ended each."""
        spans: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
        for person, state, at in self._rows(
            "SELECT person, state, recorded_at FROM consent WHERE purpose = 'all' ORDER BY id"
        ):
            is_open = bool(spans[person]) and spans[person][-1][1] is None
            if state == "stopped" and not is_open:
                spans[person].append((at, None))
            elif state != "stopped" and is_open:
                spans[person][-1] = (spans[person][-1][0], at)
        return spans

    def _rows(self, question: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(question).fetchall()


def _grouped(items: Iterable[Any], by: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        groups[getattr(item, by)].append(item)
    return groups


def _message_id(raw: bytes | None, dedup: str) -> str:
    """The message's id in a webhook as it came, or in its key where the body was forgotten; empty where there is none."""
    if raw is None:
        return dedup.removeprefix("in:")
    try:
        body = orjson.loads(raw or b"")
    except orjson.JSONDecodeError:
        return ""
    message = body.get("message") if isinstance(body, Mapping) else None
    return str(message.get("id", "")) if isinstance(message, Mapping) else ""


# --- what was acknowledged is there, once, and answered once ------------------------------------------------------------


def _heard(kept: _Kept, acknowledged: Sequence[Acknowledged]) -> Iterator[str]:
    recorded = _grouped(kept.events, "message_id")
    for message_id, events in recorded.items():
        if message_id and len(events) > 1:
            yield f"I2: message {message_id} is in the inbox {len(events)} times, as rows {[e.id for e in events]}."
    for told in acknowledged:
        events = recorded.get(told.message_id, [])
        if not events:
            yield f"I1: message {told.message_id} was acknowledged and is not in the inbox."
        elif len(events) == 1:
            yield from _answered(kept, told, events[0])


def _answered(kept: _Kept, told: Acknowledged, event: _Event) -> Iterator[str]:
    if not event.person and event.state == "ignored" and kept.erasures.at:
        return  # of somebody who was erased, which leaves a key alone
    replies = [reply for id_ in (event.id, kept.called.get(event.id, 0)) for reply in kept.replies_of.get(id_, [])]
    if event.state not in ("decided", "ignored"):
        yield f"I3: message {told.message_id} was acknowledged and is {event.state}."
    if len(replies) > 1:
        yield f"I3: message {told.message_id} has {len(replies)} replies, {[reply.id for reply in replies]}."
    if told.answer and not replies and event.id not in kept.given_up:
        yield f"I3: message {told.message_id} was acknowledged and has no reply."
    for reply in replies:
        if told.answer not in reply.payload:
            yield f"I3: message {told.message_id} is answered by {reply.id}, which does not hold {told.answer!r}."


# --- what left belongs to a committed attempt ---------------------------------------------------------------------------


def _attempts(kept: _Kept) -> Iterator[str]:
    for outbox_id, sends in kept.sends_of.items():
        if outbox_id not in kept.messages and all(map(kept.erasures.explains, sends)):
            continue
        if outbox_id not in kept.messages:
            yield f"I5: Sinch accepted {sends[0].message_id} for outbox id {outbox_id!r}, which is not there."
        else:
            yield from _addressed(kept.messages[outbox_id], sends)
            yield from _backed(kept, outbox_id, sends)
    ids = {sent.message_id: sent.outbox_id for sent in kept.accepted}
    for outbox_id, attempts in kept.attempts_of.items():
        for attempt in attempts:
            if attempt.outcome == "sent" and ids.get(attempt.message_id) != outbox_id:
                name = attempt.message_id or "no message"
                yield f"I9: attempt {attempt.id} of {outbox_id} ended sent as {name}, which Sinch did not accept for it."
    for message in kept.messages.values():
        if message.state == "sent" and message.id not in kept.sends_of:
            yield f"I9: outbox row {message.id} is sent, and Sinch never accepted it."


def _addressed(message: _Message, sends: Sequence[Sent]) -> Iterator[str]:
    """Whoever got it is whom it was for; that this is its person's address, the audit asks."""
    for sent in sends:
        if sent.identity.removeprefix("+") != message.identity.removeprefix("+"):
            yield f"I5: Sinch accepted {sent.message_id} ({message.id}) for {sent.identity}, and it is for {message.identity}."


def _backed(kept: _Kept, outbox_id: str, sends: Sequence[Sent]) -> Iterator[str]:
    """Every acceptance has an attempt of its own that may have made it."""
    attempts = [a for a in kept.attempts_of.get(outbox_id, []) if a.outcome in _MAY_HAVE_LEFT]
    if len(sends) > len(attempts):
        outcomes = [attempt.outcome for attempt in kept.attempts_of.get(outbox_id, [])]
        yield f"I5: Sinch accepted {outbox_id} {len(sends)} times, and its committed attempts say {outcomes}."
    if len(sends) > SUBMISSIONS_MOST:
        yield f"I9: Sinch accepted {outbox_id} {len(sends)} times; {SUBMISSIONS_MOST} is the most."
    elif len(sends) > 1 and not any(attempt.outcome == "unknown" for attempt in attempts[:-1]):
        yield f"I9: Sinch accepted {outbox_id} twice, and no attempt before the last ended unknown."
    repeated = [id_ for id_, count in Counter(sent.message_id for sent in sends).items() if count > 1]
    if repeated:
        yield f"I9: the truth holds {repeated[0]} more than once."


def _twice(kept: _Kept) -> Iterator[str]:
    return (outbox_id for outbox_id, sends in kept.sends_of.items() if len(sends) == SUBMISSIONS_MOST)


# --- order --------------------------------------------------------------------------------------------------------------


def _order(kept: _Kept) -> Iterator[str]:
    for person, events in _by_person(kept.events).items():
        yield from _decided_in_order(kept, person, events)
    last: dict[int, _Message] = {}
    for sent in sorted(kept.accepted, key=lambda sent: sent.n):
        message = kept.messages.get(sent.outbox_id)
        if message is None or message.waited:
            continue
        before = last.get(message.person)
        if before is not None and before.seq > message.seq:
            yield f"I4: message {message.id} to person {message.person} left after {before.id}, which was decided later."
        last[message.person] = message


def _decided_in_order(kept: _Kept, person: int, events: Sequence[_Event]) -> Iterator[str]:
    """An event that was written earlier and was there in time is not decided after a later one."""
    answered = [
        (event, kept.replies_of[event.id][0].seq)
        for event in events
        if kept.replies_of.get(event.id) and not event.waited
    ]
    answered.sort(key=lambda pair: pair[1])
    for (first, _), (second, _) in pairwise(answered):
        was_there = first.settled_at is not None and second.received_at < first.settled_at
        if was_there and (second.written_at, second.id) < (first.written_at, first.id):
            yield f"I4: inbox row {second.id} of person {person} was decided after row {first.id}, which was written later."


def _by_person(events: Iterable[_Event]) -> dict[int, list[_Event]]:
    found: dict[int, list[_Event]] = defaultdict(list)
    for event in events:
        found[event.person].append(event)
    return found


# --- stop means stop ----------------------------------------------------------------------------------------------------


def _stops(kept: _Kept) -> Iterator[str]:
    confirmed: dict[int, set[str]] = defaultdict(set)
    for sent in kept.accepted:
        message = kept.messages.get(sent.outbox_id)
        if message is None:
            continue
        if message.is_confirmation:
            confirmed[message.person].add(message.id)
        elif _left_while_stopped(kept, message, sent):
            yield f"I7: Sinch accepted {sent.message_id} ({message.id}) for person {message.person} after their STOP was committed."
    for person, ids in confirmed.items():
        if len(ids) > len(kept.stopped_at[person]):
            yield f"I7: person {person} was sent {len(ids)} confirmations of {len(kept.stopped_at[person])} STOPs."


def _left_while_stopped(kept: _Kept, message: _Message, sent: Sent) -> bool:
    """Whether no attempt that may have made this send started before a STOP was committed."""
    spans = kept.stopped_at.get(message.person, [])
    attempts = kept.attempts_of.get(message.id, [])
    makers = [a for a in attempts if a.message_id == sent.message_id] or [
        a for a in attempts if a.message_id == "" and a.outcome in _MAY_HAVE_LEFT
    ]
    return bool(makers) and all(
        any(begin < attempt.started_at and (end is None or attempt.started_at < end) for begin, end in spans)
        for attempt in makers
    )
