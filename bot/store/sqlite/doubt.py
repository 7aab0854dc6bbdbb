"""Messages of unknown outcome: a receipt, a listing, or time decides."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.delivery import WAIT_FOR
from bot.core.event import ContactKey
from bot.crash import reach
from bot.store.sqlite.counting import count_lost
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.receipts import adopt
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us, to_us
from bot.store.units import Doubtful, Verdict

MOST_SUBMISSIONS = 2


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What ``reconcile`` was called with."""

    verdicts: Sequence[Verdict]
    now: datetime


def doubtful(connection: sqlite3.Connection, limit: int, now: datetime) -> list[Doubtful]:
    """Those whose time to look has come, longest waiting first."""
    rows = connection.execute(
        "SELECT o.id, a.id, o.app, o.channel, o.identity, coalesce(i.contact_id, ''), a.started_at, o.looks, o.at_most_once,"
        " o.submissions FROM outbox o JOIN attempt a ON a.outbox = o.seq AND a.number = o.attempts LEFT JOIN identity i"
        " ON i.app = o.app AND i.channel = o.channel AND i.identity = o.identity"
        " WHERE o.state = 'unknown' AND o.look_at <= ? ORDER BY o.look_at LIMIT ?",
        (to_us(now), limit),
    ).fetchall()
    return [
        Doubtful(
            row[0], row[1], ContactKey(row[2], row[3], row[4]), row[5], from_us(row[6]), row[7], bool(row[8]), row[9]
        )
        for row in rows
    ]


def reconcile(memory: Memory, connection: sqlite3.Connection, calls: Sequence[Verdicts]) -> list[None]:
    """Settle those still in doubt; what a receipt settled meanwhile stays."""
    for call in calls:
        for verdict in call.verdicts:
            _settle(memory, connection, verdict, to_us(call.now))
    reach("reconcile.in_transaction")
    return [None] * len(calls)


def _settle(memory: Memory, connection: sqlite3.Connection, verdict: Verdict, at: int) -> None:
    row = connection.execute(
        "SELECT seq, person, attempts, submissions, at_most_once FROM outbox WHERE id = ? AND state = 'unknown'",
        (verdict.outbox_id,),
    ).fetchone()
    if row is None:
        return
    seq, person, attempts, submissions, at_most_once = row
    message_id = verdict.message_id or _told_by_receipt(connection, seq, attempts)
    if message_id:
        _found(connection, seq, attempts, message_id, at)
        memory.counting.add("sent", at)
        adopt(connection, memory.counting, [message_id], at)
    elif verdict.look_at is not None:
        connection.execute(
            "UPDATE outbox SET looks = looks + 1, look_at = ? WHERE seq = ?", (to_us(verdict.look_at), seq)
        )
    elif verdict.resend and submissions < MOST_SUBMISSIONS and not at_most_once:
        connection.execute(
            "UPDATE outbox SET state = 'queued', look_at = NULL, due_at = ?, reason = ? WHERE seq = ?",
            (at, "Sinch shows no trace of the first try; it is sent once more.", seq),
        )
    else:
        connection.execute(
            "UPDATE outbox SET state = 'held', look_at = NULL, ended_at = ?, reason = ? WHERE seq = ?",
            (at, "It may or may not have been delivered; a person must decide whether to send it again.", seq),
        )
    due_sends(connection, [person])


def _told_by_receipt(connection: sqlite3.Connection, seq: int, attempts: int) -> str:
    """Sinch's id of the last attempt where a receipt of it is recorded already, though not yet decided."""
    row = connection.execute(
        "SELECT message_id FROM receipt WHERE outbox = ? AND message_id NOT IN"
        " (SELECT message_id FROM attempt WHERE outbox = ? AND number < ?) ORDER BY inbox DESC LIMIT 1",
        (seq, seq, attempts),
    ).fetchone()
    return "" if row is None else str(row[0])


def end_heard(memory: Memory, connection: sqlite3.Connection, tried: Iterable[int], at: int) -> set[int]:
    """Of messages that were ``tried`` before and are queued again, those that a receipt says Sinch has: nothing more leaves of them.

    Not those that a receipt says failed: nobody got them, so they may leave once more.
    """
    heard = connection.execute(
        "SELECT r.outbox, r.message_id, min(r.inbox) FROM receipt r WHERE r.outbox IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM receipt f WHERE f.outbox = r.outbox AND f.status = 'FAILED') GROUP BY r.outbox",
        (json_array(tried),),
    ).fetchall()
    if not heard:
        return set()
    for seq, message_id, _ in heard:
        _heard(connection, seq, message_id, at)
    adopt(connection, memory.counting, [message_id for _, message_id, _ in heard], at)
    memory.counting.add("sent", at, count=len(heard))
    return {row[0] for row in heard}


def _heard(connection: sqlite3.Connection, seq: int, message_id: str, at: int) -> None:
    """The try that made it was one of unknown outcome; where there is none, Sinch refused one and took it all the same."""
    attempt, outcome, known = connection.execute(
        "SELECT id, outcome, message_id FROM attempt WHERE outbox = ?"
        " ORDER BY outcome = 'unknown' DESC, message_id = ? DESC, message_id = '' DESC, id LIMIT 1",
        (seq, message_id),
    ).fetchone()
    connection.execute(
        "UPDATE attempt SET outcome = 'unknown', message_id = ? WHERE id = ?", (known or message_id, attempt)
    )
    connection.execute(
        "UPDATE outbox SET state = 'sent', ended_at = ?, look_at = NULL, reason = '', submissions = submissions + ? WHERE seq = ?",
        (at, outcome != "unknown", seq),
    )


def expire(memory: Memory, connection: sqlite3.Connection, now: datetime) -> int:
    """End what waited for its person to write until its time was over."""
    expired = connection.execute(
        "UPDATE outbox SET state = 'expired', ended_at = :now, reason = 'The person did not write in time.'"
        " WHERE kind = 'message' AND state = 'waiting' AND coalesce(not_after, max(created_at, coalesce(not_before, 0)) + :most) <= :now"
        " RETURNING seq",
        {"now": to_us(now), "most": WAIT_FOR // timedelta(microseconds=1)},
    ).fetchall()
    count_lost(connection, memory.counting, [row[0] for row in expired], to_us(now))
    return len(expired)


def _found(connection: sqlite3.Connection, seq: int, attempts: int, message_id: str, at: int) -> None:
    connection.execute("UPDATE attempt SET message_id = ? WHERE outbox = ? AND number = ?", (message_id, seq, attempts))
    connection.execute(
        "UPDATE outbox SET state = 'sent', ended_at = ?, look_at = NULL, reason = '' WHERE seq = ?", (at, seq)
    )


# The partial index of what is in flight finds these, however long the history is.
_OPEN = "SELECT seq FROM outbox WHERE kind = 'message' AND state IN ('sending', 'unknown') AND state = 'sending'"


def recover(memory: Memory, connection: sqlite3.Connection, now: datetime, look_at: datetime) -> int:
    """After a crash every open attempt is of unknown outcome: its first byte may have left. A receipt that came already settles it."""
    at = to_us(now)
    count = connection.execute(
        "UPDATE attempt SET ended_at = ?, outcome = CASE message_id WHEN '' THEN 'unknown' ELSE 'sent' END, sentence = ?"  # noqa: S608
        f" WHERE outcome = '' AND outbox IN ({_OPEN})",
        (at, "The server stopped while it was being sent."),
    ).rowcount
    sent = connection.execute(
        f"UPDATE outbox SET submissions = submissions + 1, state = 'sent', ended_at = ? WHERE seq IN ({_OPEN}) AND EXISTS"  # noqa: S608
        " (SELECT 1 FROM attempt a WHERE a.outbox = outbox.seq AND a.number = outbox.attempts AND a.outcome = 'sent')",
        (at,),
    ).rowcount
    memory.counting.add("sent", at, count=sent)
    connection.execute(
        "UPDATE outbox SET submissions = submissions + 1, state = 'unknown', looks = 0, look_at = ?,"  # noqa: S608
        f" reason = 'The server stopped while it was being sent.' WHERE seq IN ({_OPEN})",
        (to_us(look_at),),
    )
    idle = connection.execute(
        "SELECT DISTINCT o.person FROM outbox o JOIN lane l ON l.person = o.person"
        " WHERE o.kind = 'message' AND o.state = 'queued' AND l.send_at IS NULL"
    ).fetchall()
    due_sends(connection, [row[0] for row in idle])
    return int(count)
