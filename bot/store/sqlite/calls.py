"""Calls to connections: outbox rows of kind ``call``, one under way a person, whose answers come back as events.

queued --start--> sending --answer--> sent, or failed with the reason
   ^                 `--the process died, a GET with time left--'
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from bot.core.decision import Call
from bot.core.effect_codec import call_from_plain, effect_to_plain
from bot.core.event import CallAnswered, ContactKey
from bot.crash import reach
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.recording import Own, record_own
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import from_us, to_us
from bot.store.units import CallDone, InboxKind, Origin, StartedCall

LEASE = timedelta(minutes=2)
POSITION = -1  # among what came of one event; its messages are counted from 0
_DIED = "The server stopped while it was asking"


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that a decision wants made, by ``until`` at the latest."""

    person: int
    contact: ContactKey
    inbox_id: int
    version: int
    call: Call
    until: datetime


def ask(connection: sqlite3.Connection, memory: Memory, asking: Sequence[Asking], now: datetime) -> None:
    """Queue them."""
    at, first = to_us(now), memory.number(connection, "outbox", len(asking))
    rows: list[tuple[Value, ...]] = []
    for seq, one in enumerate(asking, first):
        contact, call = one.contact, one.call
        rows.append(
            (
                seq, new_id(at), "call", Origin.RULE.value, str(one.inbox_id), POSITION, one.person, contact.app,
                contact.channel, contact.identity, "queued", orjson.dumps(effect_to_plain(call)).decode(), "utility",
                call.rule, one.version, at, to_us(one.until), at,
            )
        )  # fmt: skip
    insert_many(
        connection,
        "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,"
        " category, rule, version, created_at, not_after, due_at) VALUES",
        rows,
    )


_READY = """
    SELECT o.seq, o.person, o.id, o.app, o.channel, o.identity, o.payload, o.created_at, o.not_after, o.attempts
    FROM outbox o WHERE o.seq IN (SELECT min(seq) FROM outbox WHERE kind = 'call' AND state = 'queued' GROUP BY person)
    AND NOT EXISTS (SELECT 1 FROM outbox f WHERE f.person = o.person AND f.kind = 'call'
        AND f.state IN ('sending', 'unknown'))
    ORDER BY o.seq LIMIT ?
"""


def start(memory: Memory, connection: sqlite3.Connection, limit: int, now: datetime) -> list[StartedCall]:
    """What ``bot.store.port`` says of ``start_calls``."""
    rows = connection.execute(_READY, (limit,)).fetchall()
    return _open_attempts(memory, connection, rows, now) if rows else []


def _open_attempts(
    memory: Memory, connection: sqlite3.Connection, rows: list[Sequence[Any]], now: datetime
) -> list[StartedCall]:
    at, first = to_us(now), memory.number(connection, "attempt", len(rows))
    insert_many(
        connection,
        "INSERT INTO attempt (id, outbox, number, started_at, owner) VALUES",
        [(first + n, row[0], row[9] + 1, at, memory.owner) for n, row in enumerate(rows)],
    )
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, owner = ?, lease_until = ?"
        " WHERE seq IN (SELECT value FROM json_each(?))",
        (memory.owner, to_us(now + LEASE), json_array(row[0] for row in rows)),
    )
    reach("call.claimed")
    return [_started(first + n, row, now) for n, row in enumerate(rows)]


def _started(attempt_id: int, row: Sequence[Any], now: datetime) -> StartedCall:
    call, left_s = call_from_plain(orjson.loads(row[6])), (from_us(row[8]) - now).total_seconds()
    call = replace(call, timeout_s=max(0.0, min(call.timeout_s, left_s)))
    return StartedCall(attempt_id, row[2], ContactKey(*row[3:6]), call, now)


def finish(memory: Memory, connection: sqlite3.Connection, done: CallDone, now: datetime) -> None:
    """What ``bot.store.port`` says of ``finish_call``. An attempt that ended already, by a restart, stays as it ended."""
    row = connection.execute(
        "SELECT o.seq, o.person, o.created_at FROM attempt a JOIN outbox o ON o.seq = a.outbox"
        " WHERE a.id = ? AND a.outcome = '' AND o.kind = 'call'",
        (done.attempt_id,),
    ).fetchone()
    if row is None:
        return
    seq, person, created_at = row
    ended = "sent" if done.status else "unknown" if done.may_have_arrived else "failed"
    _end_attempt(connection, seq, ended, done.status, done.event.why, now)
    state = "failed" if done.event.outcome == "failed" else "sent"
    connection.execute(
        "UPDATE outbox SET state = ?, ended_at = ?, reason = ?, submissions = submissions + ? WHERE seq = ?",
        (state, to_us(now), done.event.why, int(ended != "failed"), seq),
    )
    _answer(memory, connection, person, created_at, done.event, now)
    reach("call.in_transaction")


def recover(memory: Memory, connection: sqlite3.Connection, now: datetime) -> int:
    """What ``bot.store.port`` says of ``recover_calls``."""
    rows = connection.execute(
        "SELECT seq, person, id, app, channel, identity, payload, created_at, not_after, attempts FROM outbox"
        " WHERE kind = 'call' AND state IN ('sending', 'unknown') AND state = 'sending' ORDER BY seq"
    ).fetchall()
    for row in rows:
        _end_attempt(connection, row[0], "unknown", 0, f"{_DIED}.", now)
        connection.execute("UPDATE outbox SET submissions = submissions + 1 WHERE seq = ?", (row[0],))
        if call_from_plain(orjson.loads(row[6])).method == "GET" and row[9] == 1 and to_us(now) < row[8]:
            connection.execute("UPDATE outbox SET state = 'queued', reason = ? WHERE seq = ?", (f"{_DIED}.", row[0]))
        else:
            _fail(memory, connection, row, now)
        reach("call.recovered")
    return len(rows)


def _end_attempt(
    connection: sqlite3.Connection, seq: int, outcome: str, status: int, sentence: str, now: datetime
) -> None:
    connection.execute(
        "UPDATE attempt SET ended_at = ?, outcome = ?, status = ?, sentence = ? WHERE outbox = ? AND outcome = ''",
        (to_us(now), outcome, status, sentence, seq),
    )


def _fail(memory: Memory, connection: sqlite3.Connection, row: Sequence[Any], now: datetime) -> None:
    """End a call that nobody will answer any more."""
    started = _started(0, row, now)
    call, why = started.call, f"{_DIED} {started.call.connection}."
    event = CallAnswered(
        started.answer_dedup, started.contact, call.key, call.connection, "failed", {}, now, now, why=why
    )
    connection.execute(
        "UPDATE outbox SET state = 'failed', ended_at = ?, reason = ? WHERE seq = ?", (to_us(now), why, row[0])
    )
    _answer(memory, connection, row[1], row[7], event, now)


def _answer(
    memory: Memory, connection: sqlite3.Connection, person: int, created_at: int, event: CallAnswered, now: datetime
) -> None:
    """The answer counts as of the call's time, and as before all that was held for it: people's own times may be earlier."""
    held = connection.execute(
        "SELECT min(written_at) FROM inbox WHERE person = ? AND state = 'pending' AND held = 1", (person,)
    ).fetchone()[0]
    written_at = created_at if held is None else min(created_at, held - 1)
    record_own(memory, connection, [Own(InboxKind.CALL_RESULT, person, written_at, event)], now)
