"""What decisions become: rows, in the transaction that claimed their events."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from bot.core.codec import as_it_is, reply_to_plain, state_to_plain
from bot.core.decision import ChangeConsent, Send, SetPerson
from bot.core.reply import Reply
from bot.core.value import quick
from bot.store.sqlite.consent import write_change
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import expire_crowded
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.receipts import apply_receipts, close_windows
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import to_us, to_us_or_none
from bot.store.units import Claimed, InboxKind, Origin, Settled


@quick
@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """One lane after deciding: its state's text before, what was claimed, what became of it."""

    person: int
    text: str
    claimed: tuple[Claimed, ...]
    settled: tuple[Settled, ...]
    first_inbox: int | None


def settle(connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], now: datetime) -> None:
    """Write everything that follows from ``outcomes``."""
    at = to_us(now)
    settled = [one for outcome in outcomes for one in outcome.settled]
    _close_inbox(connection, settled, at)
    _write_traces(connection, outcomes, at)
    receipts = [claimed for outcome in outcomes for claimed in outcome.claimed if claimed.kind is InboxKind.RECEIPT]
    apply_receipts(connection, receipts, at)
    senders = _write_effects(connection, memory, outcomes, now)
    close_windows(connection, [one for one in settled if one.closes_window], at)
    _write_lanes(connection, memory, outcomes, senders, at)


def _close_inbox(connection: sqlite3.Connection, settled: Sequence[Settled], at: int) -> None:
    done: dict[str, list[int]] = {}
    for one in settled:
        if one.decision is not None:
            done.setdefault(one.decision.outcome, []).append(one.inbox_id)
        elif one.dead:
            connection.execute(
                "UPDATE inbox SET state = 'dead', settled_at = ?, why = ?, tries = tries + 1 WHERE id = ?",
                (at, one.dead, one.inbox_id),
            )
        else:
            connection.execute(
                "UPDATE inbox SET ready_at = ?, tries = tries + 1 WHERE id = ?",
                (to_us_or_none(one.again_at), one.inbox_id),
            )
    for state, ids in done.items():
        connection.execute(
            "UPDATE inbox SET state = ?, settled_at = ?, tries = tries + 1 WHERE id IN (SELECT value FROM json_each(?))",
            (state, at, json_array(ids)),
        )


def _write_traces(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], at: int) -> None:
    rows: list[tuple[Value, ...]] = []
    for outcome in outcomes:
        for one in outcome.settled:
            if one.decision is not None and one.inputs:
                because = one.decision.because
                rule = because.path[-1] if because.path else ""
                rows.append(
                    (one.inbox_id, outcome.person, one.version, at, because.layer, rule, one.inputs, one.digest)
                )
    insert_many(
        connection, "INSERT INTO trace (inbox, person, version, decided_at, layer, rule, inputs, digest) VALUES", rows
    )


def _write_effects(
    connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], now: datetime
) -> set[int]:
    """Everything that decisions want done; returns the people who have something to be sent."""
    sends: list[tuple[int, Settled, Send]] = []
    for outcome in outcomes:
        for one in outcome.settled:
            for effect in one.decision.effects if one.decision is not None else ():
                if isinstance(effect, Send):
                    sends.append((outcome.person, one, effect))
                elif isinstance(effect, SetPerson):
                    _set_person(connection, outcome.person, effect)
                elif isinstance(effect, ChangeConsent):
                    by = _dedup(connection, one)
                    write_change(connection, outcome.person, effect, by, one.inbox_id, now)
        if outcome.first_inbox is None:
            _remember_first(connection, outcome)
    if sends:
        _write_outbox(connection, memory, sends, to_us(now))
    return {person for person, _, _ in sends}


def _remember_first(connection: sqlite3.Connection, outcome: LaneOutcome) -> None:
    inbound = [claimed.inbox_id for claimed in outcome.claimed if claimed.kind is InboxKind.INBOUND]
    if inbound:
        connection.execute("UPDATE person SET first_inbox = ? WHERE id = ?", (inbound[0], outcome.person))


def _write_outbox(
    connection: sqlite3.Connection, memory: Memory, sends: list[tuple[int, Settled, Send]], at: int
) -> None:
    first = memory.number(connection, "outbox", len(sends))
    rows: list[tuple[Value, ...]] = []
    for seq, (person, settled, send) in enumerate(sends, first):
        contact = send.contact
        rows.append(
            (
                seq, new_id(at), "message", Origin.RULE.value, str(settled.inbox_id), send.position, settled.replaces,
                person, contact.app, contact.channel, contact.identity, "waiting" if send.waits else "queued",
                orjson.dumps(reply_to_plain(send.reply)).decode(), if_closed_text(send.if_closed), send.category, send.rule,
                settled.version, int(send.confirms_stop), int(send.answers), at, to_us_or_none(send.not_after), at,
            )
        )  # fmt: skip
        memory.sends[seq] = send
    insert_many(
        connection,
        "INSERT OR IGNORE INTO outbox (seq, id, kind, origin, origin_id, position, replaces, person, app, channel, identity,"
        " state, payload, if_closed, category, rule, version, confirms_stop, answers, created_at, not_after, due_at) VALUES",
        rows,
    )
    waiting = [person for person, _, send in sends if send.waits]
    if waiting:
        expire_crowded(connection, waiting, at)


def if_closed_text(if_closed: Reply | str) -> str:
    """A reply or one of the words, as JSON."""
    return f'"{if_closed}"' if isinstance(if_closed, str) else orjson.dumps(reply_to_plain(if_closed)).decode()


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


def _write_lanes(
    connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], senders: set[int], at: int
) -> None:
    rows: list[tuple[Value, ...]] = []
    for outcome in outcomes:
        state = next((one.decision.state for one in reversed(outcome.settled) if one.decision is not None), None)
        text = outcome.text if state is None else orjson.dumps(state_to_plain(state, as_it_is)).decode()
        if state is not None:
            memory.states[outcome.person] = (text, state)
        rows.append((outcome.person, text, at if outcome.person in senders else None))
    # Whatever is still pending (too many at once, or held back by a retry) keeps the lane ready for its time. A message in flight, or one
    # that waits for its retry, is not overtaken: then send_at stays, and starting looks at the head's own time.
    insert_many(
        connection,
        "INSERT INTO lane (person, state, send_at) VALUES",
        rows,
        "ON CONFLICT DO UPDATE SET state = excluded.state, ready_at = (SELECT i.ready_at FROM inbox i"
        " WHERE i.person = lane.person AND i.state = 'pending' ORDER BY i.written_at, i.id LIMIT 1),"
        " send_at = CASE WHEN excluded.send_at IS NULL THEN send_at WHEN EXISTS (SELECT 1 FROM outbox f WHERE"
        " f.person = lane.person AND f.kind = 'message' AND f.state IN ('sending', 'unknown')) THEN NULL"
        " ELSE min(coalesce(send_at, excluded.send_at), excluded.send_at) END",
    )
