"""What decisions become: rows, in the transaction that claimed their events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from bot.core.codec import reply_to_plain, state_to_plain
from bot.core.conversation import State
from bot.core.decision import ChangeConsent, Effect, Send, SetPerson
from bot.core.event import ContactKey
from bot.core.reply import Reply
from bot.store.sqlite.consent import write_change
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.receipts import apply_receipts, close_windows
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import to_us, to_us_or_none
from bot.store.units import Claimed, InboxKind, Origin, Settled


@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """One lane after deciding: its state before, what was claimed, what became of it."""

    person: int
    before: State
    claimed: tuple[Claimed, ...]
    settled: tuple[Settled, ...]
    first_inbox: int | None


def settle(connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], now: datetime) -> None:
    """Write everything that follows from ``outcomes``."""
    at = to_us(now)
    _close_inbox(connection, outcomes, at)
    _write_traces(connection, outcomes, at)
    receipts = [claimed for outcome in outcomes for claimed in outcome.claimed if claimed.kind is InboxKind.RECEIPT]
    apply_receipts(connection, receipts, at)
    _write_outbox(connection, memory, outcomes, at)
    _write_people(connection, outcomes, now)
    close_windows(connection, [s for outcome in outcomes for s in outcome.settled if s.closes_window], at)
    _write_lanes(connection, outcomes, at)


def _close_inbox(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], at: int) -> None:
    plain: dict[str, list[int]] = {}
    for settled in (settled for outcome in outcomes for settled in outcome.settled):
        if settled.decision is not None:
            plain.setdefault(settled.decision.outcome, []).append(settled.inbox_id)
        elif settled.dead:
            connection.execute(
                "UPDATE inbox SET state = 'dead', settled_at = ?, why = ?, tries = tries + 1 WHERE id = ?",
                (at, settled.dead, settled.inbox_id),
            )
        else:
            connection.execute(
                "UPDATE inbox SET ready_at = ?, tries = tries + 1 WHERE id = ?",
                (to_us_or_none(settled.again_at), settled.inbox_id),
            )
    for state, ids in plain.items():
        connection.execute(
            "UPDATE inbox SET state = ?, settled_at = ?, tries = tries + 1 WHERE id IN (SELECT value FROM json_each(?))",
            (state, at, json_array(ids)),
        )


def _write_traces(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], at: int) -> None:
    rows = []
    for outcome in outcomes:
        for settled in outcome.settled:
            if settled.decision is not None and settled.inputs:
                because = settled.decision.because
                rule = because.path[-1] if because.path else ""
                rows.append(
                    (settled.inbox_id, outcome.person, settled.version, at, because.layer, rule, settled.inputs, settled.digest)
                )  # fmt: skip
    insert_many(
        connection, "INSERT INTO trace (inbox, person, version, decided_at, layer, rule, inputs, digest) VALUES", rows
    )


def _sends(outcomes: Sequence[LaneOutcome]) -> Iterable[tuple[LaneOutcome, Settled, Send]]:
    for outcome in outcomes:
        for settled in outcome.settled:
            if settled.decision is not None:
                for effect in settled.decision.effects:
                    if isinstance(effect, Send):
                        yield outcome, settled, effect


def _write_outbox(connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], at: int) -> None:
    sends = list(_sends(outcomes))
    if not sends:
        return
    first = memory.number(connection, "outbox", len(sends))
    rows = []
    for n, (outcome, settled, send) in enumerate(sends):
        contact: ContactKey = send.contact
        rows.append(
            (
                first + n, new_id(at), Origin.RULE.value, str(settled.inbox_id), send.position, settled.replaces,
                outcome.person, contact.app, contact.channel, contact.identity, "waiting" if send.waits else "queued",
                orjson.dumps(reply_to_plain(send.reply)).decode(), if_closed_text(send.if_closed), send.category, send.rule,
                settled.version, int(send.confirms_stop), int(send.answers), at, to_us_or_none(send.not_after), at,
            )
        )  # fmt: skip
    insert_many(
        connection,
        "INSERT OR IGNORE INTO outbox (seq, id, kind, origin, origin_id, position, replaces, person, app, channel, identity,"
        " state, payload, if_closed, category, rule, version, confirms_stop, answers, created_at, not_after, due_at) VALUES",
        [(row[0], row[1], "message", *row[2:]) for row in rows],
    )
    waiting = [outcome.person for outcome, _, send in sends if send.waits]
    if waiting:
        _expire_crowded(connection, waiting, at)


MOST_WAITING = 3


def _expire_crowded(connection: sqlite3.Connection, people: list[int], at: int) -> None:
    """At most three messages wait for a person to write; the oldest beyond that expire visibly."""
    connection.execute(
        "UPDATE outbox SET state = 'expired', ended_at = ?, reason = 'Newer messages were waiting already.' WHERE seq IN"
        " (SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY person ORDER BY seq DESC) AS place FROM outbox"
        " WHERE kind = 'message' AND state = 'waiting' AND person IN (SELECT value FROM json_each(?))) WHERE place > ?)",
        (at, json_array(people), MOST_WAITING),
    )


def if_closed_text(if_closed: Reply | str) -> str:
    """A reply or one of the words, as JSON."""
    plain = if_closed if isinstance(if_closed, str) else reply_to_plain(if_closed)
    return orjson.dumps(plain).decode()


def _write_people(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], now: datetime) -> None:
    for outcome in outcomes:
        for settled in outcome.settled:
            effects: tuple[Effect, ...] = settled.decision.effects if settled.decision is not None else ()
            for effect in effects:
                if isinstance(effect, SetPerson):
                    _set_person(connection, outcome.person, effect)
                elif isinstance(effect, ChangeConsent):
                    write_change(connection, outcome.person, effect, _dedup(connection, settled), settled.inbox_id, now)
        if outcome.first_inbox is None:
            inbound = [claimed.inbox_id for claimed in outcome.claimed if claimed.kind is InboxKind.INBOUND]
            if inbound:
                connection.execute("UPDATE person SET first_inbox = ? WHERE id = ?", (inbound[0], outcome.person))


def _dedup(connection: sqlite3.Connection, settled: Settled) -> str:
    return str(connection.execute("SELECT dedup FROM inbox WHERE id = ?", (settled.inbox_id,)).fetchone()[0])


def _set_person(connection: sqlite3.Connection, person: int, change: SetPerson) -> None:
    fields_text, tags_text = connection.execute("SELECT fields, tags FROM person WHERE id = ?", (person,)).fetchone()
    fields = {**orjson.loads(fields_text), **change.fields}
    fields = {name: value for name, value in fields.items() if value is not None}
    tags = (set(orjson.loads(tags_text)) | set(change.tags_added)) - set(change.tags_removed)
    connection.execute(
        "UPDATE person SET fields = ?, tags = ?, language = coalesce(?, language) WHERE id = ?",
        (orjson.dumps(fields).decode(), orjson.dumps(sorted(tags)).decode(), change.language, person),
    )


def _write_lanes(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], at: int) -> None:
    rows = []
    for outcome in outcomes:
        last = next((s.decision.state for s in reversed(outcome.settled) if s.decision is not None), outcome.before)
        state = orjson.dumps(state_to_plain(last)).decode() if last != State() else ""
        rows.append((outcome.person, state))
    # Whatever is still pending (too many at once, or held back by a retry) keeps the lane ready for its time.
    insert_many(
        connection,
        "INSERT INTO lane (person, state) VALUES",
        rows,
        "ON CONFLICT DO UPDATE SET state = excluded.state, ready_at = (SELECT i.ready_at FROM inbox i"
        " WHERE i.person = lane.person AND i.state = 'pending' ORDER BY i.written_at, i.id LIMIT 1)",
    )
    due_sends(connection, [outcome.person for outcome in outcomes if any(_has_send(s) for s in outcome.settled)])


def _has_send(settled: Settled) -> bool:
    return settled.decision is not None and any(isinstance(effect, Send) for effect in settled.decision.effects)
