"""Delivery receipts: whose they are, and how they climb."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from bot.core.codec import reply_from_plain
from bot.core.delivery import FAILED_RANK, climbs
from bot.core.event import ContactKey, DeliveryReceipt
from bot.core.reply import Reply
from bot.crash import reach
from bot.store.sqlite.counting import Counting, count_lost
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import to_us
from bot.store.units import Claimed, InboxKind, Settled, Submission


@dataclass(frozen=True, slots=True)
class Owner:
    """The outbox row a receipt belongs to."""

    seq: int
    person: int


def owners_of(connection: sqlite3.Connection, receipts: Mapping[int, DeliveryReceipt]) -> dict[int, Owner]:
    """Whose each receipt is (by its position in the batch): by our own id that travelled along, else by Sinch's message id."""
    if not receipts:
        return {}
    rows = connection.execute(
        "SELECT j.key, o.seq, o.person FROM json_each(?) j JOIN outbox o ON o.id = j.value",
        (orjson.dumps({str(n): receipt.outbox_id for n, receipt in receipts.items() if receipt.outbox_id}).decode(),),
    ).fetchall()
    found = {int(n): Owner(seq, person) for n, seq, person in rows}
    others = {str(n): receipt.message_id for n, receipt in receipts.items() if n not in found and receipt.message_id}
    if others:
        rows = connection.execute(
            "SELECT j.key, o.seq, o.person FROM json_each(?) j JOIN attempt a ON a.message_id = j.value AND a.message_id <> ''"
            " JOIN outbox o ON o.seq = a.outbox",
            (orjson.dumps(others).decode(),),
        ).fetchall()
        found.update({int(n): Owner(seq, person) for n, seq, person in rows})
    return found


def keep(
    connection: sqlite3.Connection, receipts: Mapping[int, DeliveryReceipt], owners: Mapping[int, Owner], first: int
) -> None:
    """One row a receipt; ``first`` is the inbox number of position 0.

    One of nobody, such as of somebody who was erased, keeps its codes alone: in words Sinch may tell whom it was sent to.
    """
    rows = []
    for n, receipt in receipts.items():
        owner, reason = owners.get(n), ""
        if receipt.reason is not None:
            why = receipt.reason
            words = why.description if owner else ""
            reason = orjson.dumps([why.code, words, why.sub_code, why.channel_code]).decode()
        rows.append(
            (first + n, owner.seq if owner else None, receipt.message_id, receipt.status, to_us(receipt.at), reason)
        )
    insert_many(connection, "INSERT INTO receipt (inbox, outbox, message_id, status, at, reason) VALUES", rows)


def submissions_of(connection: sqlite3.Connection, claimed: dict[int, list[Claimed]]) -> dict[int, list[Claimed]]:
    """The same, each receipt with the message it speaks of."""
    ids = [c.inbox_id for events in claimed.values() for c in events if c.kind is InboxKind.RECEIPT]
    if not ids:
        return claimed
    rows = connection.execute(_FAILED, (json_array(ids),)).fetchall()
    found = {
        row[0]: replace(submission_of(row[1:10]), is_final=bool(row[10]), after_failure=bool(row[11])) for row in rows
    }
    return {
        person: [replace(c, submission=found.get(c.inbox_id)) if c.inbox_id in found else c for c in events]
        for person, events in claimed.items()
    }


# What ``submission_of`` reads, of outbox ``o``.
SUBMISSION = "o.id, o.app, o.channel, o.identity, o.rule, o.if_closed, o.replaces, o.category, o.payload"

# It, or what it stands in for, was said because another message had failed.
AFTER_FAILURE = (
    "EXISTS (SELECT 1 FROM outbox w JOIN inbox i ON i.id = CAST(w.origin_id AS INTEGER) WHERE w.origin = 'rule'"
    " AND w.id = CASE o.replaces WHEN '' THEN o.id ELSE o.replaces END AND i.kind = 'receipt')"
)

# Final: nothing says that it arrived, each attempt that may have left has failed, and none is to come; told once, by the receipt that
# makes it so, unless it was told when Sinch refused it.
_FAILED = f"""
    SELECT r.inbox, {SUBMISSION},
        o.state <> 'queued' AND NOT EXISTS (SELECT 1 FROM receipt e WHERE e.outbox = o.seq AND e.inbox < r.inbox
            AND (e.status IN ('DELIVERED', 'READ') OR (e.status = 'FAILED' AND e.message_id = r.message_id)))
        AND (SELECT count(DISTINCT e.message_id) FROM receipt e WHERE e.outbox = o.seq AND e.status = 'FAILED' AND e.inbox <= r.inbox)
            >= (SELECT count(*) FROM attempt a WHERE a.outbox = o.seq AND a.outcome IN ('', 'sent', 'unknown'))
        AND NOT EXISTS (SELECT 1 FROM inbox t WHERE t.app = o.app AND t.dedup = 'refused:' || o.id),
        {AFTER_FAILURE}
    FROM receipt r JOIN outbox o ON o.seq = r.outbox WHERE r.status = 'FAILED' AND r.inbox IN (SELECT value FROM json_each(?))
"""  # noqa: S608 our own words


def submission_of(row: Sequence[str]) -> Submission:
    """From the columns ``SUBMISSION``."""
    id_, app, channel, identity, rule, if_closed, replaces, category, payload = row
    reply = reply_from_plain(orjson.loads(payload))
    return Submission(id_, ContactKey(app, channel, identity), rule, if_closed_of(if_closed), replaces, category, reply)


def if_closed_of(text: str) -> Reply | Literal["wait", "skip", "fail"]:
    """Back from what ``if_closed_text`` wrote."""
    match orjson.loads(text):
        case "wait":
            return "wait"
        case "skip":
            return "skip"
        case "fail":
            return "fail"
        case plain:
            return reply_from_plain(plain)


def apply_receipts(connection: sqlite3.Connection, counting: Counting, claimed: Sequence[Claimed], at: int) -> None:
    """Let receipts climb, in the order they were decided in."""
    if claimed:
        climb(connection, counting, [c.inbox_id for c in claimed], at)
        reach("receipt.in_transaction")


def climb(connection: sqlite3.Connection, counting: Counting, inbox_ids: Sequence[int], at: int) -> None:
    """Apply these receipts to their submissions and messages. A receipt proves that Sinch took the message: doubt ends.

    One that carries our own id also tells whose others are that did not: each counts in the order in which it came.
    """
    inbox_ids = sorted([*_now_known(connection, inbox_ids), *inbox_ids])
    rows = connection.execute(
        "SELECT r.inbox, r.message_id, r.status, r.reason, o.seq, o.person, o.state, o.delivery, a.id, a.message_id,"
        " a.delivery, a.outcome FROM receipt r JOIN outbox o ON o.seq = r.outbox JOIN attempt a ON a.outbox = o.seq"
        " WHERE r.inbox IN (SELECT value FROM json_each(?)) ORDER BY a.number DESC",
        (json_array(inbox_ids),),
    ).fetchall()
    climbed = _Climb()
    by_receipt: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        by_receipt.setdefault(row[0], []).append(row)
    for inbox_id in inbox_ids:
        if inbox_id in by_receipt:
            climbed.take(by_receipt[inbox_id])
    climbed.write(connection, at)
    climbed.count(connection, counting, at)


def _now_known(connection: sqlite3.Connection, inbox_ids: Sequence[int]) -> list[int]:
    """Receipts of nobody that tell of the same messages of Sinch's as these; they are somebody's now."""
    rows = connection.execute(
        "SELECT DISTINCT e.inbox, r.outbox FROM receipt r JOIN receipt e ON e.message_id = r.message_id AND e.outbox IS NULL"
        " WHERE r.inbox IN (SELECT value FROM json_each(?)) AND r.outbox IS NOT NULL",
        (json_array(inbox_ids),),
    ).fetchall()
    connection.executemany("UPDATE receipt SET outbox = ?2 WHERE inbox = ?1", rows)
    return [row[0] for row in rows]


def adopt(connection: sqlite3.Connection, counting: Counting, message_ids: Sequence[str], at: int) -> None:
    """Receipts that came before we knew that Sinch calls messages of ours so, and that did not carry our own id."""
    orphans = connection.execute(
        "SELECT r.inbox, a.outbox FROM json_each(?) j JOIN receipt r ON r.message_id = j.value AND r.outbox IS NULL"
        " JOIN attempt a ON a.message_id = j.value AND a.message_id <> '' ORDER BY r.inbox",
        (json_array(message_ids),),
    ).fetchall()
    for inbox, outbox in orphans:
        connection.execute("UPDATE receipt SET outbox = ? WHERE inbox = ?", (outbox, inbox))
    if orphans:
        climb(connection, counting, [inbox for inbox, _ in orphans], at)


class _Climb:
    """Where a batch of receipts leads, kept in memory until all are read."""

    def __init__(self) -> None:
        self._attempts: dict[int, tuple[str, int]] = {}  # attempt -> message id, rank
        self._messages: dict[int, tuple[int, str]] = {}  # outbox -> best rank, reason
        self._settled: dict[int, int] = {}  # outbox that was in doubt -> person

    def take(self, candidates: list[Sequence[Any]]) -> None:
        """One receipt, with each attempt it could belong to, newest first."""
        row = next((r for r in candidates if self._id_of(r) == r[1]), None) or next(
            (r for r in candidates if self._id_of(r) == "" and r[11] in ("", "unknown", "sent")), candidates[0]
        )
        _, message_id, status, reason, seq, person, state, best, attempt, known_id, rank, outcome = row
        _, rank = self._attempts.get(attempt, (known_id, rank))
        best, _ = self._messages.get(seq, (best, ""))
        reached = climbs(rank, str(status))
        self._attempts[attempt] = (str(message_id), rank if reached is None else reached)
        if reached is not None and _is_better(reached, best):
            self._messages[seq] = (reached, str(reason) if reached == FAILED_RANK else "")
        if outcome == "unknown" and (
            state == "unknown" or (state == "queued" and best < FAILED_RANK and status != "FAILED")
        ):
            self._settled[seq] = person

    def _id_of(self, candidate: Sequence[Any]) -> str:
        """Sinch's id of an attempt, as far as it is known by now."""
        known, _ = self._attempts.get(candidate[8], (candidate[9], 0))
        return str(known)

    def write(self, connection: sqlite3.Connection, at: int) -> None:
        """Put it into the rows."""
        connection.execute(
            "UPDATE attempt SET message_id = j.m, delivery = j.d FROM (SELECT json_extract(value, '$[0]') AS id,"
            " json_extract(value, '$[1]') AS m, json_extract(value, '$[2]') AS d FROM json_each(?)) j WHERE attempt.id = j.id",
            (json_array((attempt, *rest) for attempt, rest in self._attempts.items()),),
        )
        if self._messages:
            connection.execute(
                "UPDATE outbox SET delivery = j.d, reason = j.r FROM (SELECT json_extract(value, '$[0]') AS seq,"
                " json_extract(value, '$[1]') AS d, json_extract(value, '$[2]') AS r FROM json_each(?)) j WHERE outbox.seq = j.seq",
                (json_array((seq, *rest) for seq, rest in self._messages.items()),),
            )
        if self._settled:
            self._end_doubt(connection, at)

    def count(self, connection: sqlite3.Connection, counting: Counting, at: int) -> None:
        """Count what they tell of: messages that Sinch has after all, and those that never arrived."""
        if self._settled:
            counting.add("sent", at, count=len(self._settled))
        failed = [seq for seq, (rank, _) in self._messages.items() if rank == FAILED_RANK]
        count_lost(connection, counting, failed, at)

    def _end_doubt(self, connection: sqlite3.Connection, at: int) -> None:
        marks = json_array(self._settled)
        connection.execute(
            "UPDATE outbox SET state = 'sent', ended_at = ?, look_at = NULL WHERE state IN ('unknown', 'queued')"
            " AND seq IN (SELECT value FROM json_each(?))",
            (at, marks),
        )
        due_sends(connection, set(self._settled.values()))


def _is_better(reached: int, best: int) -> bool:
    """A message shows the best of its submissions: FAILED only while none got further than being queued."""
    if reached == FAILED_RANK:
        return best < 2
    return best == FAILED_RANK or reached > best


def close_windows(connection: sqlite3.Connection, settled: Sequence[Settled], at: int) -> None:
    """WhatsApp said that these windows are closed, whatever we believed."""
    for one in settled:
        connection.execute(
            "UPDATE identity SET closes_at = min(closes_at, ?) WHERE (app, channel, identity) IN (SELECT o.app, o.channel,"
            " o.identity FROM receipt r JOIN outbox o ON o.seq = r.outbox WHERE r.inbox = ?)",
            (at, one.inbox_id),
        )
