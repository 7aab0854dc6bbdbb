"""Stages "start" and "finish": an attempt is a row before its first byte leaves, and ends in exactly one outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from bot.core.codec import reply_from_plain, reply_to_plain
from bot.core.conversation import Window
from bot.core.decision import Send
from bot.core.delivery import Drop, Go, Outgoing, Policy, Stay, gate
from bot.core.event import ContactKey
from bot.core.value import quick
from bot.crash import reach
from bot.store.sqlite.counting import Counting, count_delays, count_lost
from bot.store.sqlite.doubt import end_heard
from bot.store.sqlite.lanes import HEAD, due_sends, expire_crowded
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import consent_of_row
from bot.store.sqlite.receipts import adopt, if_closed_of
from bot.store.sqlite.refusals import tell_of_refused
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import Accepted, NotAccepted, Outcome, Rejected, Started, Unknown

LEASE = timedelta(minutes=2)  # past it an attempt nobody ended is of unknown outcome


@dataclass(frozen=True, slots=True)
class StartOrder:
    """What ``start`` was called with."""

    limit: int
    now: datetime
    policy: Policy


@quick
@dataclass(frozen=True, slots=True)
class _Head:
    seq: int
    person: int
    message: Outgoing
    consent_columns: Sequence[Any]
    window: Window
    contact_id: str
    attempts: int
    at_most_once: bool
    version: int


def start(memory: Memory, connection: sqlite3.Connection, orders: Sequence[StartOrder]) -> list[list[Started]]:
    """For each order, the attempts it may make now."""
    return [_start_once(connection, memory, order) for order in orders]


def _start_once(connection: sqlite3.Connection, memory: Memory, order: StartOrder) -> list[Started]:
    at = to_us(order.now)
    rows = _due(connection, memory, order)
    tried = [row[0] for row in rows if row[0] is not None and row[13] > 0]
    heard = end_heard(memory, connection, tried, at) if tried else set()
    going: list[tuple[_Head, Go]] = []
    for row in rows:
        if row[0] in heard:
            continue
        if row[0] is None or (row[-2] > at and row[13] > 0):
            continue  # nothing is left to send, or the head is a retry whose time has not come
        head = _head(row, memory.sends.pop(row[0], None))
        verdict = gate(head.message, consent_of_row(head.consent_columns), head.window, order.now, order.policy)
        if isinstance(verdict, Go):
            going.append((head, verdict))
        else:
            _set_aside(connection, memory.counting, head, verdict, at)
    started = _open_attempts(connection, memory, going, order.now)
    _still_lanes(connection, rows, {head.person for head, _ in going})
    reach("start.in_transaction")
    return started


_NEVER = 1 << 62
_DUE = f"""
    SELECT json_group_array(json_array(o.seq, o.person, o.id, o.app, o.channel, o.identity,
        CASE WHEN o.seq >= :known THEN NULL ELSE o.payload END, CASE WHEN o.seq >= :known THEN NULL ELSE o.if_closed END, o.category,
        o.created_at, o.not_after, o.confirms_stop, o.answers, o.attempts, o.at_most_once, o.version, p.stopped, p.opted_in,
        p.marketing, p.consent_at, p.consent_by, i.closes_at, coalesce(i.contact_id, ''), o.not_before, o.due_at,
        lane.person))
    FROM (SELECT person FROM lane WHERE send_at <= :now ORDER BY send_at LIMIT :limit) lane
    LEFT JOIN outbox o ON o.seq = ({HEAD}) LEFT JOIN person p ON p.id = lane.person
    LEFT JOIN identity i ON i.app = o.app AND i.channel = o.channel AND i.identity = o.identity
"""  # noqa: S608 our own words


def _still_lanes(connection: sqlite3.Connection, rows: list[list[Any]], started: set[int]) -> None:
    """Lanes with a message in flight wait for its end; the others are looked at anew."""
    if started:
        connection.execute(
            "UPDATE lane SET send_at = NULL WHERE person IN (SELECT value FROM json_each(?))", (json_array(started),)
        )
    due_sends(connection, [row[-1] for row in rows if row[-1] not in started])


def _due(connection: sqlite3.Connection, memory: Memory, order: StartOrder) -> list[list[Any]]:
    """The lanes that are due, each with its head, or NULLs where it has none after all.

    The last columns are the head's due time and the person. Words that are still in memory are not read again.
    """
    known = next(iter(memory.sends), _NEVER)
    values = {"now": to_us(order.now), "limit": order.limit, "known": known}
    rows: list[list[Any]] = orjson.loads(connection.execute(_DUE, values).fetchone()[0])
    unread = [row[0] for row in rows if row[0] is not None and row[6] is None and row[0] not in memory.sends]
    return _with_words(connection, rows, unread) if unread else rows


def _with_words(connection: sqlite3.Connection, rows: list[list[Any]], seqs: list[int]) -> list[list[Any]]:
    """What was passed over as being in memory and is not: it was asked for by the API, or is tried again."""
    read = connection.execute(
        "SELECT seq, payload, if_closed FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", (json_array(seqs),)
    )
    words = {seq: (payload, if_closed) for seq, payload, if_closed in read}
    return [[*row[:6], *words.get(row[0], row[6:8]), *row[8:]] for row in rows]


def _head(row: Sequence[Any], known: Send | None) -> _Head:
    seq, person, id_, app, channel, identity, payload, if_closed, category, created_at, not_after = row[:11]
    confirms_stop, answers, attempts, at_most_once, version = row[11:16]
    message = Outgoing(
        id=id_,
        contact=ContactKey(app, channel, identity),
        reply=known.reply if known is not None else reply_from_plain(orjson.loads(payload)),
        category=category,
        if_closed=known.if_closed if known is not None else if_closed_of(if_closed),
        created_at=from_us(created_at),
        not_after=from_us_or_none(not_after),
        confirms_stop=bool(confirms_stop),
        answers=bool(answers),
        not_before=from_us_or_none(row[23]),
    )
    window = Window(from_us_or_none(row[21]))
    return _Head(
        seq, person, message, row[16:21], window, row[22], attempts, bool(at_most_once), version
    )  # fmt: skip


def _set_aside(connection: sqlite3.Connection, counting: Counting, head: _Head, verdict: Stay | Drop, at: int) -> None:
    if isinstance(verdict, Stay):
        connection.execute("UPDATE outbox SET state = 'waiting', reason = ? WHERE seq = ?", (verdict.reason, head.seq))
        expire_crowded(connection, counting, [head.person], at)
        return
    connection.execute(
        "UPDATE outbox SET state = ?, ended_at = ?, reason = ? WHERE seq = ?",
        (verdict.state.value, at, verdict.reason, head.seq),
    )
    count_lost(connection, counting, [head.seq], at)


def _open_attempts(
    connection: sqlite3.Connection, memory: Memory, going: list[tuple[_Head, Go]], now: datetime
) -> list[Started]:
    if not going:
        return []
    at, first = to_us(now), memory.number(connection, "attempt", len(going))
    insert_many(
        connection,
        "INSERT INTO attempt (id, outbox, number, started_at, owner) VALUES",
        [(first + n, head.seq, head.attempts + 1, at, memory.owner) for n, (head, _) in enumerate(going)],
    )
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, owner = ?, lease_until = ?"
        " WHERE seq IN (SELECT value FROM json_each(?))",
        (memory.owner, to_us(now + LEASE), json_array(head.seq for head, _ in going)),
    )
    for head, go in going:
        if go.reply is not head.message.reply:  # the template leaves instead, and the row says what really left
            connection.execute(
                "UPDATE outbox SET payload = ?, if_closed = '\"fail\"', reason = ? WHERE seq = ?",
                (orjson.dumps(reply_to_plain(go.reply)).decode(), go.note, head.seq),
            )
    return [
        Started(
            first + n, head.message.id, head.attempts + 1, head.message.contact, head.contact_id, go.reply, go.ttl_s,
            head.at_most_once, head.version,
        )
        for n, (head, go) in enumerate(going)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FinishOrder:
    """What ``finish`` was called with."""

    outcomes: Sequence[Outcome]
    now: datetime


_WORDS = {Accepted: "sent", NotAccepted: "retry", Rejected: "failed", Unknown: "unknown"}


# The last column is when the message was received that this one answers at once: not what waited for a backend or for a person to write,
# nor the second message of an answer.
_ENDING: Final = """
    SELECT a.id, o.seq, o.person, a.message_id, CASE WHEN o.origin = 'rule' AND o.answers = 1 AND o.position = 0 AND o.replaces = ''
        AND o.not_before IS NULL AND (o.due_at = o.created_at OR o.attempts > 1)
        THEN (SELECT i.received_at FROM inbox i WHERE i.id = CAST(o.origin_id AS INTEGER) AND i.kind = 'inbound' AND i.held = 0) END
    FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE a.outcome = '' AND a.id IN (SELECT value FROM json_each(?))
"""


def finish(memory: Memory, connection: sqlite3.Connection, orders: Sequence[FinishOrder]) -> list[None]:
    """End attempts of all orders. What Sinch refuses for good is an event as well, as a failed receipt is."""
    outcomes = {outcome.attempt_id: outcome for order in orders for outcome in order.outcomes}
    now = max(order.now for order in orders)
    at = to_us(now)
    rows = connection.execute(_ENDING, (json_array(outcomes),)).fetchall()
    _give_back(connection, [(row[0], row[1], outcomes[row[0]], row[3]) for row in rows if row[3]])
    _end_attempts(connection, [outcomes[row[0]] for row in rows], at)
    by_kind: dict[type, list[tuple[int, Outcome, str]]] = {}
    for attempt, seq, _, message_id, _ in rows:
        by_kind.setdefault(type(outcomes[attempt]), []).append((seq, outcomes[attempt], message_id))
    for kind, ended in by_kind.items():
        _end_messages(connection, kind, ended, at)
    accepted = [o for o in outcomes.values() if isinstance(o, Accepted)]
    _count_ended(connection, memory.counting, by_kind, at)
    count_delays(memory.counting, (r[4] for r in rows if r[4] is not None and isinstance(outcomes[r[0]], Accepted)), at)
    adopt(connection, memory.counting, [outcome.message_id for outcome in accepted], at)
    if rejected := by_kind.get(Rejected):
        tell_of_refused(memory, connection, {seq: o for seq, o, _ in rejected if isinstance(o, Rejected)}, now)
    due_sends(connection, {row[2] for row in rows}, at)
    reach("finish.in_transaction")
    return [None] * len(orders)


def _end_attempts(connection: sqlite3.Connection, outcomes: Sequence[Outcome], at: int) -> None:
    rows = []
    for outcome in outcomes:
        match outcome:
            case Accepted(attempt_id, message_id):
                rows.append((attempt_id, "sent", 200, "", "", message_id))
            case NotAccepted(attempt_id, _, status, code, sentence):
                rows.append((attempt_id, "retry", status, code, sentence, ""))
            case Rejected(attempt_id, status, code, sentence):
                rows.append((attempt_id, "failed", status, code, sentence, ""))
            case Unknown(attempt_id, _, status, sentence):
                rows.append((attempt_id, "unknown", status, "", sentence, ""))
    connection.execute(
        "UPDATE attempt SET ended_at = ?, outcome = j.o, status = j.s, code = j.c, sentence = j.w,"
        " message_id = CASE j.m WHEN '' THEN message_id ELSE j.m END FROM (SELECT json_extract(value, '$[0]') AS id,"
        " json_extract(value, '$[1]') AS o, json_extract(value, '$[2]') AS s, json_extract(value, '$[3]') AS c,"
        " json_extract(value, '$[4]') AS w, json_extract(value, '$[5]') AS m FROM json_each(?)) j WHERE attempt.id = j.id",
        (at, json_array(rows)),
    )


def _give_back(connection: sqlite3.Connection, guessed: Iterable[tuple[int, int, Outcome, str]]) -> None:
    """Receipts that came while two tries could be meant were taken for the later one's; its own answer tells."""
    for attempt, seq, outcome, message_id in guessed:
        if isinstance(outcome, Accepted) and outcome.message_id == message_id:
            continue
        if not isinstance(outcome, Unknown):
            names = outcome.message_id if isinstance(outcome, Accepted) else ""
            _swap(connection, attempt, seq, names)


def _swap(connection: sqlite3.Connection, attempt: int, seq: int, names: str) -> None:
    earlier = connection.execute(
        "SELECT id FROM attempt WHERE outbox = ? AND id < ? AND outcome = 'unknown' AND message_id IN ('', ?)"
        " ORDER BY message_id = ? DESC, id LIMIT 1",
        (seq, attempt, names, names),
    ).fetchone()
    if earlier is None:
        return
    told = connection.execute(
        "SELECT id, message_id, delivery FROM attempt WHERE id IN (?, ?) ORDER BY id", (earlier[0], attempt)
    ).fetchall()
    for (id_, *_), (_, message_id, delivery) in zip(told, reversed(told), strict=True):
        connection.execute("UPDATE attempt SET message_id = ?, delivery = ? WHERE id = ?", (message_id, delivery, id_))


def _end_messages(connection: sqlite3.Connection, kind: type, ended: list[tuple[int, Outcome, str]], at: int) -> None:
    if kind is Accepted:
        _sent(connection, [seq for seq, _, _ in ended], at)
        return
    for seq, outcome, receipt_came in ended:
        if isinstance(outcome, Unknown) and receipt_came:
            _sent(connection, [seq], at)  # the receipt was here first: Sinch has it
        elif isinstance(outcome, Unknown):
            connection.execute(
                "UPDATE outbox SET state = 'unknown', submissions = submissions + 1, look_at = ?, looks = 0, reason = ?"
                " WHERE seq = ?",
                (to_us(outcome.look_at), outcome.sentence, seq),
            )
        elif isinstance(outcome, NotAccepted):
            connection.execute(
                "UPDATE outbox SET state = 'queued', due_at = ?, reason = ? WHERE seq = ?",
                (to_us(outcome.again_at), outcome.sentence, seq),
            )
        elif isinstance(outcome, Rejected):
            connection.execute(
                "UPDATE outbox SET state = 'failed', ended_at = ?, reason = ? WHERE seq = ?",
                (at, outcome.sentence, seq),
            )


def _count_ended(
    connection: sqlite3.Connection, counting: Counting, by_kind: Mapping[type, list[tuple[int, Outcome, str]]], at: int
) -> None:
    ended = [each for of_kind in by_kind.values() for each in of_kind]
    sent = sum(isinstance(o, Accepted) or (isinstance(o, Unknown) and bool(receipt)) for _, o, receipt in ended)
    counting.add("sent", at, count=sent)
    throttled = sum(isinstance(o, NotAccepted) and o.status == 429 for _, o, _ in ended)
    counting.add("throttled", at, count=throttled)
    count_lost(connection, counting, [seq for seq, o, _ in ended if isinstance(o, Rejected)], at)


def _sent(connection: sqlite3.Connection, seqs: list[int], at: int) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'sent', submissions = submissions + 1, ended_at = ?,"
        " reason = CASE delivery WHEN 9 THEN reason ELSE '' END WHERE seq IN (SELECT value FROM json_each(?))",
        (at, json_array(seqs)),
    )
