"""The oracle's second half: what goes on after an event was decided. Calls and what waits for them, timers, and the rulebooks that answer.

It has more witnesses: the backend that was asked, the moments at which servers were started, and what staff saved that must not go live.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

MADE_MOST = {"POST": 1, "GET": 2}
_DIED = "stopped while it was asking"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a backend got it. ``url`` whole, ``body`` the JSON object of a POST."""

    method: str
    url: str
    body: Mapping[str, str]

    @property
    def key(self) -> str:
        """The same for equal requests."""
        return orjson.dumps([self.method, self.url, self.body], option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Witness:
    """``asked``: all that arrived at backends, answered or not; rules of the run ask the same never twice. ``started_at``: when servers
    were started, in order. ``unsound``: words that stand only in rules that must never answer. Cancel words are beyond it."""

    asked: Sequence[Asked]
    started_at: Sequence[datetime] = ()
    unsound: Sequence[str] = ()


def later(connection: sqlite3.Connection, witness: Witness) -> Iterator[str]:
    """A sentence for each promise that is broken."""
    calls = _calls(connection)
    yield from _asked(calls, witness.asked)
    yield from _ended(calls)
    yield from _held(connection, calls)
    yield from _timers(connection)
    yield from _rulebooks(connection, witness)


# --- calls --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """An outbox row of kind ``call`` with what came of it; ``inbox`` is the event that wanted it, ``answer`` the row of its answer."""

    id: str
    person: int
    inbox: int
    state: str
    asked: Asked
    created_at: int
    until: int
    attempts: tuple[tuple[str, int, str], ...]  # outcome, when it ended, why
    answers: tuple[tuple[str, int | None, bytes], ...]  # state, when it was settled, raw

    @property
    def died(self) -> list[int]:
        """When attempts ended because their process had died."""
        return [at for _, at, why in self.attempts if _DIED in why]


def _calls(connection: sqlite3.Connection) -> list[_Call]:
    attempts: dict[int, list[tuple[str, int, str]]] = defaultdict(list)
    for seq, *attempt in connection.execute("SELECT outbox, outcome, ended_at, sentence FROM attempt ORDER BY id"):
        attempts[seq].append(tuple(attempt))
    answers: dict[str, list[tuple[str, int | None, bytes]]] = defaultdict(list)
    for dedup, *answer in connection.execute(
        "SELECT dedup, state, settled_at, raw FROM inbox WHERE kind = 'call_result'"
    ):
        answers[dedup].append(tuple(answer))
    rows = connection.execute(
        "SELECT seq, id, person, CAST(origin_id AS INTEGER), state, payload, created_at, not_after FROM outbox"
        " WHERE kind = 'call' ORDER BY seq"
    ).fetchall()
    return [
        _Call(
            id_, person, inbox, state, _request(payload), at, until, tuple(attempts[seq]), tuple(answers[f"call:{id_}"])
        )
        for seq, id_, person, inbox, state, payload, at, until in rows
    ]


def _request(payload: str) -> Asked:
    plain = orjson.loads(payload)
    return Asked(plain["method"], plain["url"], plain["body"] if plain["method"] == "POST" else {})


def _asked(calls: Sequence[_Call], asked: Sequence[Asked]) -> Iterator[str]:
    """What arrived was committed before, and not more often than is allowed; what was answered did arrive."""
    wanted: dict[str, list[_Call]] = defaultdict(list)
    for call in calls:
        wanted[call.asked.key].append(call)
    arrived = Counter(one.key for one in asked)
    for key, several in wanted.items():
        if len(several) > 1:
            yield f"I3: calls {[call.id for call in several]} ask the same: {key}."
        if any(outcome == "sent" for outcome, _, _ in several[0].attempts) and not arrived[key]:
            yield f"I9: call {several[0].id} was answered, and nobody was asked."
    for key, count in arrived.items():
        if key not in wanted:
            yield f"I5: a backend was asked {key}, and no call of that is there."
            continue
        call = wanted[key][0]
        if count > MADE_MOST[call.asked.method]:
            yield f"I9: a backend got the {call.asked.method} of call {call.id} {count} times."
        elif count > sum(outcome in ("", "sent", "unknown") for outcome, _, _ in call.attempts):
            yield f"I5: a backend got call {call.id} {count} times, and its committed attempts say {call.attempts}."


def _ended(calls: Sequence[_Call]) -> Iterator[str]:
    """Every call has one answer, decided; one that its process died with failed, or was a GET and made once more."""
    for call in calls:
        states = [state for state, _, _ in call.answers]
        if len(states) != 1 or states[0] not in ("decided", "ignored"):
            yield f"I12: call {call.id} is {call.state}, and its answers are {states}."
        elif call.died:
            yield from _given_up(call)


def _given_up(call: _Call) -> Iterator[str]:
    outcome = orjson.loads(call.answers[0][2])["outcome"]
    may_go_on = call.asked.method == "GET" and call.died[0] < call.until
    if may_go_on and len(call.attempts) != 2:
        yield f"I12: GET {call.id} had time left when its server died, and has {len(call.attempts)} attempts."
    elif not may_go_on and (len(call.attempts), outcome) != (1, "failed"):
        yield f"I9: call {call.id} was open when its server died, and then it was {outcome} by {len(call.attempts)} attempts."


def _held(connection: sqlite3.Connection, calls: Sequence[_Call]) -> Iterator[str]:
    """While a call was awaited nothing else was decided about its person, but STOP or a colleague who takes over, which end the waiting."""
    events: dict[int, list[tuple[int, int, int, str, str]]] = defaultdict(list)
    for person, *event in connection.execute(
        "SELECT i.person, i.id, i.written_at, i.settled_at, i.kind, coalesce(t.layer, '') FROM inbox i LEFT JOIN trace t"
        " ON t.inbox = i.id WHERE i.state = 'decided' AND (i.kind IN ('inbound', 'timer') OR i.kind = 'operator' AND"
        " json_extract(CAST(i.raw AS TEXT), '$.team') <> '') ORDER BY i.settled_at, i.kind <> 'operator'"
    ):
        events[person].append(tuple(event))
    for call in calls:
        answered = [at for _, at, _ in call.answers if at is not None]
        origin = next((event for event in events[call.person] if event[0] == call.inbox), None)
        for event in events[call.person]:
            id_, written_at, settled_at, kind, layer = event
            if settled_at >= min([call.until, *answered]):
                break
            if settled_at < call.created_at or id_ == call.inbox:
                continue
            if settled_at == call.created_at and origin is not None and (written_at, id_) < (origin[1], origin[0]):
                continue  # of one turn with what led to the call, and before it
            if layer == "consent" or kind == "operator":
                break
            yield f"I4: {kind} {id_} was decided while call {call.id} of person {call.person} was under way."


# --- timers and rulebooks -----------------------------------------------------------------------------------------------


def _timers(connection: sqlite3.Connection) -> Iterator[str]:
    fired: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    rows = connection.execute(
        "SELECT i.id, i.person, i.raw, i.received_at, count(o.seq) FROM inbox i LEFT JOIN outbox o ON o.origin = 'rule' AND"
        " o.origin_id = CAST(i.id AS TEXT) AND o.kind = 'message' WHERE i.kind = 'timer' GROUP BY i.id"
    )
    for id_, person, raw, received_at, sends in rows:
        event = orjson.loads(raw)
        fired[person, event["timer"], event["due_at"]].append(id_)
        if _us(datetime.fromisoformat(event["due_at"])) > received_at:
            yield f"I3: timer {event['timer']} of person {person} fired before it was due, as inbox row {id_}."
        if sends > 1:
            yield f"I3: timer {event['timer']} of person {person} has {sends} messages, of inbox row {id_}."
    for (person, name, due_at), ids in fired.items():
        if len(ids) > 1:
            yield f"I3: timer {name} of person {person}, due {due_at}, fired {len(ids)} times, as inbox rows {ids}."


def _rulebooks(connection: sqlite3.Connection, witness: Witness) -> Iterator[str]:
    stored = dict(connection.execute("SELECT number, files FROM rulebook"))
    live = connection.execute("SELECT number, live_from FROM rulebook_live ORDER BY id").fetchall()
    first_live = dict(reversed(live))
    for words in witness.unsound:
        for number, files in stored.items():
            if words in files:
                yield f'I11: rulebook {number} is stored, and holds "{words}".'
        for (id_,) in connection.execute("SELECT id FROM outbox WHERE instr(payload, ?) > 0", (words,)):
            yield f'I11: outbox row {id_} says "{words}", which only unsound rules do.'
    starts = [_us(moment) for moment in witness.started_at]
    for inbox, version, pinned, decided_at in connection.execute(
        "SELECT inbox, version, pinned, decided_at FROM trace"
    ):
        unknown = {version, pinned} - {0} - stored.keys()
        if unknown:
            yield f"I11: inbox row {inbox} was decided with rulebooks {sorted(unknown)}, which are not stored."
        elif any(first_live[each] > decided_at for each in (version, pinned) if each):
            yield f"I11: inbox row {inbox} was decided with rulebook {version} ({pinned}) before it was live."
        elif (last := _last_good(live, starts, decided_at)) > version:
            yield f"I11: inbox row {inbox} was decided with rulebook {version}; {last} was live when its server started."


def _last_good(live: Sequence[tuple[int, int]], starts: Sequence[int], at: int) -> int:
    """The rulebook that was live last before the server that worked at that moment started; 0: there was none. No run goes back."""
    started_at = max((start for start in starts if start <= at), default=0)
    return max((number for number, live_from in live if live_from < started_at), default=0)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
