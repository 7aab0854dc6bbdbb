"""Callbacks: outbox rows of kind ``callback``, one for each subscription that wants some news.

queued --start--> sending --taken--> sent
   ^                 |   `--no time is left--> failed, a dead letter --redrive--> queued
   `-----------------'--refused, no answer, or the process died; gone also pauses the subscription
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final

from bot.core.callbacks import TRY_FOR, probe_in, retry_in
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.subscriptions import CallbackDone, DeadLetter, DeadLetters, StartedCallback, Starting, Target

_LOOKED_AT: Final = 256  # due callbacks of a subscription, in which different people are looked for
_DEAD_KEPT: Final = timedelta(days=21)  # longer than what was taken
_MICROSECOND: Final = timedelta(microseconds=1)

Row = Sequence[Any]


# --- start --------------------------------------------------------------------------------------------------------------

_LISTENING: Final = """
    SELECT id, url, secret, old_secret, old_secret_until, failures, coalesce(resume_at, 0) FROM subscription
    WHERE app = ? AND revoked_at IS NULL AND paused = 0 ORDER BY coalesce(last_success_at, 0), id
"""
_DUE: Final = """
    SELECT o.seq, o.person, o.id, o.payload, o.attempts FROM (SELECT seq FROM outbox WHERE kind = 'callback' AND state = 'queued'
        AND subscription = ?1 AND due_at <= ?2 AND person NOT IN (SELECT person FROM outbox WHERE kind = 'callback'
            AND state IN ('sending', 'unknown') AND subscription = ?1) ORDER BY due_at, seq LIMIT ?3) due
    CROSS JOIN outbox o ON o.seq = due.seq ORDER BY o.due_at, o.seq
"""
_IN_FLIGHT: Final = """
    SELECT 1 FROM outbox WHERE kind = 'callback' AND state IN ('sending', 'unknown') AND subscription = ? LIMIT 1
"""
_NEXT: Final = """
    SELECT min(CASE WHEN s.resume_at > ?2 THEN max(s.resume_at, (SELECT min(due_at) FROM outbox WHERE kind = 'callback'
            AND state = 'queued' AND subscription = s.id))
        ELSE (SELECT min(due_at) FROM outbox WHERE kind = 'callback' AND state = 'queued' AND subscription = s.id AND due_at > ?2) END)
    FROM subscription s WHERE s.app = ?1 AND s.revoked_at IS NULL AND s.paused = 0
"""


def start(memory: Memory, connection: sqlite3.Connection, app: str, limit: int, now: datetime) -> Starting:
    """What ``bot.store.subscriptions`` says."""
    at = to_us(now)
    lanes = [
        [(subscription, row) for row in _due(connection, subscription, limit, at)]
        for subscription in connection.execute(_LISTENING, (app,)).fetchall()
    ]
    in_turns = [each for turn in zip_longest(*lanes) for each in turn if each is not None]
    started = _open_attempts(memory, connection, in_turns[:limit], now)
    next_at = connection.execute(_NEXT, (app, at)).fetchone()[0]
    return Starting(tuple(started), from_us_or_none(next_at))


def _due(connection: sqlite3.Connection, subscription: Row, limit: int, at: int) -> list[Row]:
    """What may leave for a subscription: of each person the oldest; while it fails, one in all."""
    id_, *_, failures, resume_at = subscription
    if failures and (resume_at > at or connection.execute(_IN_FLIGHT, (id_,)).fetchone() is not None):
        return []
    first_of: dict[int, Row] = {}
    for row in connection.execute(_DUE, (id_, at, _LOOKED_AT)):
        first_of.setdefault(row[1], row)
    return list(first_of.values())[: 1 if failures else limit]


def _open_attempts(
    memory: Memory, connection: sqlite3.Connection, chosen: Sequence[tuple[Row, Row]], now: datetime
) -> list[StartedCallback]:
    if not chosen:
        return []
    at, first = to_us(now), memory.number(connection, "attempt", len(chosen))
    insert_many(
        connection,
        "INSERT INTO attempt (id, outbox, number, started_at, owner) VALUES",
        [(first + n, row[0], row[4] + 1, at, memory.owner) for n, (_, row) in enumerate(chosen)],
    )
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, owner = ? WHERE seq IN (SELECT value FROM json_each(?))",
        (memory.owner, json_array(row[0] for _, row in chosen)),
    )
    return [
        StartedCallback(first + n, row[2], target_of_row(subscription, at), row[3], row[4] + 1)
        for n, (subscription, row) in enumerate(chosen)
    ]


def target_of_row(row: Row, at: int) -> Target:
    """From id, url, secret, old_secret, old_secret_until."""
    id_, url, secret, old_secret, old_secret_until = row[:5]
    both = bool(old_secret) and (old_secret_until or 0) > at
    return Target(id_, url, (secret, old_secret) if both else (secret,))


# --- finish -------------------------------------------------------------------------------------------------------------


def finish(connection: sqlite3.Connection, done: CallbackDone, now: datetime) -> None:
    """What ``bot.store.subscriptions`` says."""
    row = connection.execute(
        "SELECT o.seq, o.looks, o.not_after, a.started_at, s.id, s.failures, coalesce(s.resume_at, 0), s.revoked_at IS NOT NULL"
        " FROM attempt a JOIN outbox o ON o.seq = a.outbox JOIN subscription s ON s.id = o.subscription"
        " WHERE a.id = ? AND a.outcome = '' AND o.kind = 'callback'",
        (done.attempt_id,),
    ).fetchone()
    if row is None:
        return
    if done.outcome == "taken":
        _taken(connection, row, done, to_us(now))
    else:
        _not_taken(connection, row, done, now)


def _taken(connection: sqlite3.Connection, row: Row, done: CallbackDone, at: int) -> None:
    _end_attempt(connection, done.attempt_id, "sent", done.status, "", at)
    connection.execute(
        "UPDATE outbox SET state = 'sent', submissions = submissions + 1, ended_at = ?, reason = '' WHERE seq = ?",
        (at, row[0]),
    )
    connection.execute(
        "UPDATE subscription SET failures = 0, resume_at = NULL, last_failure = '', last_success_at = ? WHERE id = ?",
        (at, row[4]),
    )


def _not_taken(connection: sqlite3.Connection, row: Row, done: CallbackDone, now: datetime) -> None:
    seq, looks, not_after, started_at, subscription, failures, resume_at, revoked = row
    at, was_failing = to_us(now), failures > 0
    if revoked:
        _end(connection, seq, "cancelled", "Its subscription was deleted.", at)
    elif at >= not_after:
        _end(connection, seq, "failed", done.sentence, at)
    else:
        # While the backend takes nothing, the event is not to blame: it goes to the end of what is due.
        due_at = at if was_failing or done.outcome == "gone" else to_us(now + retry_in(looks + 1, done.jitter))
        connection.execute(
            "UPDATE outbox SET state = 'queued', due_at = ?, looks = looks + ?, reason = ? WHERE seq = ?",
            (due_at, int(not was_failing), done.sentence, seq),
        )
    _end_attempt(connection, done.attempt_id, "failed" if at >= not_after else "retry", done.status, done.sentence, at)
    if done.outcome == "gone":
        connection.execute(
            "UPDATE subscription SET paused = 1, paused_why = ?, last_failure = ? WHERE id = ?",
            (done.sentence, done.sentence, subscription),
        )
    elif started_at >= resume_at:  # else it left together with one that was counted already
        pause = probe_in(failures + 1, done.jitter)
        pause = pause if done.after_s is None else max(pause, timedelta(seconds=done.after_s))
        connection.execute(
            "UPDATE subscription SET failures = failures + 1, resume_at = ?, last_failure = ? WHERE id = ?",
            (to_us(now + pause), done.sentence, subscription),
        )


def _end(connection: sqlite3.Connection, seq: int, state: str, reason: str, at: int) -> None:
    connection.execute("UPDATE outbox SET state = ?, reason = ?, ended_at = ? WHERE seq = ?", (state, reason, at, seq))


def _end_attempt(
    connection: sqlite3.Connection, attempt: int, outcome: str, status: int, sentence: str, at: int
) -> None:
    connection.execute(
        "UPDATE attempt SET ended_at = ?, outcome = ?, status = ?, sentence = ? WHERE id = ?",
        (at, outcome, status, sentence, attempt),
    )


def recover(connection: sqlite3.Connection, now: datetime) -> int:
    """What ``bot.store.subscriptions`` says. It may have been taken: then the backend sees it twice, under one id."""
    at, why = to_us(now), "The server stopped while it was being told."
    rows = connection.execute(
        "SELECT o.seq, a.id FROM outbox o INDEXED BY outbox_one_callback CROSS JOIN attempt a ON a.outbox = o.seq AND a.outcome = ''"
        " WHERE o.kind = 'callback' AND o.state IN ('sending', 'unknown')"
    ).fetchall()
    for seq, attempt in rows:
        _end_attempt(connection, attempt, "retry", 0, why, at)
        connection.execute("UPDATE outbox SET state = 'queued', due_at = ?, reason = ? WHERE seq = ?", (at, why, seq))
    for (deleted,) in connection.execute("SELECT id FROM subscription WHERE revoked_at IS NOT NULL").fetchall():
        drop(connection, deleted, now)
    return len(rows)


# --- dead letters, and what is over -------------------------------------------------------------------------------------


def give_up(connection: sqlite3.Connection, now: datetime) -> int:
    """What ``bot.store.subscriptions`` says. What a working backend was never asked to take, as Parley was down, is tried once."""
    return connection.execute(
        "UPDATE outbox SET state = 'failed', ended_at = ?1, reason = CASE reason WHEN '' THEN"
        " 'Its subscription took nothing for three days.' ELSE reason END"
        " WHERE kind = 'callback' AND state = 'queued' AND not_after <= ?1"
        " AND subscription IN (SELECT id FROM subscription WHERE paused = 1 OR failures > 0)",
        (to_us(now),),
    ).rowcount


def dead_letters(connection: sqlite3.Connection, subscription: int, limit: int, after: int) -> DeadLetters:
    """What ``bot.store.subscriptions`` says."""
    rows = connection.execute(
        "SELECT seq, id, payload, created_at, ended_at, attempts, reason FROM outbox WHERE kind = 'callback'"
        " AND state = 'failed' AND subscription = ? AND seq > ? ORDER BY seq LIMIT ?",
        (subscription, after, limit + 1),
    ).fetchall()
    letters = tuple(
        DeadLetter(row[1], row[2], from_us(row[3]), from_us(row[4]), row[5], row[6]) for row in rows[:limit]
    )
    return DeadLetters(letters, rows[limit - 1][0] if len(rows) > limit else None)


def redrive(connection: sqlite3.Connection, subscription: int, ids: Sequence[str] | None, now: datetime) -> int:
    """What ``bot.store.subscriptions`` says. Their tries are counted anew."""
    at = to_us(now)
    return connection.execute(
        "UPDATE outbox SET state = 'queued', due_at = ?1, not_after = ?2, looks = 0, ended_at = NULL, reason = ''"
        " WHERE kind = 'callback' AND state = 'failed' AND subscription = ?3"
        " AND (?4 IS NULL OR id IN (SELECT value FROM json_each(?4)))",
        (at, at + TRY_FOR // _MICROSECOND, subscription, None if ids is None else json_array(ids)),
    ).rowcount


def drop(connection: sqlite3.Connection, subscription: int, now: datetime) -> None:
    """What a deleted subscription was still to be told, and could not be."""
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = 'Its subscription was deleted.'"
        " WHERE kind = 'callback' AND state IN ('queued', 'failed') AND subscription = ?",
        (to_us(now), subscription),
    )


def tidy(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """What ``bot.store.subscriptions`` says."""
    rows = connection.execute(
        "SELECT seq FROM outbox WHERE kind = 'callback' AND ended_at IS NOT NULL AND ended_at < ?1"
        " AND (state <> 'failed' OR ended_at < ?2) ORDER BY ended_at LIMIT ?3",
        (to_us(before), to_us(before - _DEAD_KEPT), limit),
    ).fetchall()
    over = json_array(row[0] for row in rows)
    connection.execute("DELETE FROM attempt WHERE outbox IN (SELECT value FROM json_each(?))", (over,))
    connection.execute("DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", (over,))
    return len(rows)
