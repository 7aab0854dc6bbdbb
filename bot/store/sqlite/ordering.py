"""Stage "place": messages that a backend, a colleague or a campaign asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from bot.core.codec import reply_to_plain
from bot.store.sqlite.effects import if_closed_text
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import people_of
from bot.store.sqlite.sets import insert_many
from bot.store.sqlite.times import from_us, to_us, to_us_or_none
from bot.store.units import Order, OtherBody, Placed


@dataclass(frozen=True, slots=True)
class Orders:
    """What ``place`` was called with."""

    orders: Sequence[Order]
    now: datetime


def place(memory: Memory, connection: sqlite3.Connection, calls: Sequence[Orders]) -> list[list[Placed | OtherBody]]:
    """For each call, what became of its orders. One idempotency key, one message, whatever runs at the same time."""
    return [[_place_one(connection, memory, order, call.now) for order in call.orders] for call in calls]


def _place_one(connection: sqlite3.Connection, memory: Memory, order: Order, now: datetime) -> Placed | OtherBody:
    known = placed(connection, order.idempotency) if order.idempotency is not None else None
    if known is not None:
        return known
    person = people_of(connection, memory, [order.contact], now)[order.contact]
    seq, at = memory.number(connection, "outbox", 1), to_us(now)
    outbox_id = new_id(at)
    _insert(connection, order, seq, outbox_id, person, at)
    if order.idempotency is not None:
        key, name, body_hash = order.idempotency
        connection.execute(
            "INSERT INTO idempotency (api_key, key, body_hash, outbox, created_at) VALUES (?, ?, ?, ?, ?)",
            (key, name, body_hash, seq, at),
        )
    due_sends(connection, [person])
    return Placed(outbox_id, now)


def placed(connection: sqlite3.Connection, idempotency: tuple[int, str, str]) -> Placed | OtherBody | None:
    """What was answered to this idempotency, or None where it is new."""
    key, name, body_hash = idempotency
    row = connection.execute(
        "SELECT i.body_hash, o.id, o.created_at FROM idempotency i JOIN outbox o ON o.seq = i.outbox"
        " WHERE i.api_key = ? AND i.key = ?",
        (key, name),
    ).fetchone()
    if row is None:
        return None
    return Placed(row[1], from_us(row[2]), replayed=True) if row[0] == body_hash else OtherBody()


def _insert(connection: sqlite3.Connection, order: Order, seq: int, outbox_id: str, person: int, at: int) -> None:
    contact = order.contact
    due_at = max(at, to_us(order.not_before)) if order.not_before is not None else at
    insert_many(
        connection,
        "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,"
        " if_closed, category, version, reference, at_most_once, created_at, not_before, not_after, due_at) VALUES",
        [
            (
                seq, outbox_id, "message", order.origin.value, outbox_id, 0, person, contact.app, contact.channel,
                contact.identity, "queued", orjson.dumps(reply_to_plain(order.reply)).decode(),
                if_closed_text(order.if_closed), order.category, order.version, order.reference,
                int(order.at_most_once), at, to_us_or_none(order.not_before), to_us_or_none(order.not_after), due_at,
            )
        ],
    )  # fmt: skip
