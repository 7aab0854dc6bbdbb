"""Stage "place": messages that a backend, a colleague or a campaign asks for.

The whole group is looked up and written in sets; what is asked for together is asked one after another in Python, so that one
idempotency key makes one message, whatever runs at the same time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from bot.core.codec import reply_to_plain
from bot.core.event import ContactKey
from bot.crash import reach
from bot.errors import Refused
from bot.store.sqlite.effects import if_closed_text
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import people_of
from bot.store.sqlite.reading import standings
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import from_us, to_us, to_us_or_none
from bot.store.units import Ask, Order, OtherBody, Placed, Standing

KEYS_LIVE: Final = timedelta(days=7)  # an idempotency key is forgotten then

Key = tuple[int, str]  # the API key's number, and the caller's own key
Outcome = Placed | OtherBody | Refused


@dataclass(frozen=True, slots=True)
class Orders:
    """What ``place`` was called with."""

    asked: Sequence[Order | Ask]
    now: datetime


def place(memory: Memory, connection: sqlite3.Connection, calls: Sequence[Orders]) -> list[list[Outcome]]:
    """For each call, what became of what it asked for."""
    asked = [(one, call.now) for call in calls for one in call.asked]
    placing = _Placing(
        connection,
        memory,
        _known(connection, asked),
        standings(connection, [one.contact for one, _ in asked if isinstance(one, Ask)], memory.installation_key),
    )
    outcomes = [placing.take(one, now) for one, now in asked]
    placing.write()
    done = iter(outcomes)
    return [[next(done) for _ in call.asked] for call in calls]


class _Placing:
    """Orders of one group, gathered until all are known."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        memory: Memory,
        known: dict[Key, tuple[str, Placed]],
        standing: Mapping[ContactKey, Standing],
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._known = known
        self._standing = standing
        self._orders: list[tuple[Order, tuple[int, str, str] | None, str, datetime]] = []

    def take(self, one: Order | Ask, now: datetime) -> Outcome:
        """What becomes of one; nothing is written yet."""
        if one.idempotency is not None and (known := self._known.get(one.idempotency[:2])) is not None:
            digest, placed = known
            return placed if digest == one.idempotency[2] else OtherBody()
        order = one if isinstance(one, Order) else one.make(self._standing[one.contact])
        if isinstance(order, Refused):
            return order
        placed = Placed(new_id(to_us(now)), now)
        self._orders.append((order, one.idempotency, placed.outbox_id, now))
        if one.idempotency is not None:
            key, name, digest = one.idempotency
            self._known[key, name] = (digest, Placed(placed.outbox_id, now, replayed=True))
        return placed

    def write(self) -> None:
        """Everything that was taken, in as few statements as may be."""
        if not self._orders:
            return
        people = people_of(
            self._connection, self._memory, [order.contact for order, _, _, _ in self._orders], self._orders[0][3]
        )
        first = self._memory.number(self._connection, "outbox", len(self._orders))
        rows: list[tuple[Value, ...]] = []
        keys: list[tuple[Value, ...]] = []
        for seq, (order, idempotency, outbox_id, now) in enumerate(self._orders, first):
            rows.append(_row(order, seq, outbox_id, people[order.contact], to_us(now)))
            if idempotency is not None:
                keys.append((*idempotency, seq, to_us(now)))
        insert_many(self._connection, _INSERT, rows)
        # A key of more than seven days ago is a new one.
        insert_many(
            self._connection,
            "INSERT OR REPLACE INTO idempotency (api_key, key, body_hash, outbox, created_at) VALUES",
            keys,
        )
        due_sends(self._connection, {people[order.contact] for order, _, _, _ in self._orders})
        reach("place.in_transaction")


def _known(
    connection: sqlite3.Connection, asked: Iterable[tuple[Order | Ask, datetime]]
) -> dict[Key, tuple[str, Placed]]:
    """What was answered to those keys that were used in the last seven days, with the digest of the body."""
    keys = [(*one.idempotency[:2], to_us(now - KEYS_LIVE)) for one, now in asked if one.idempotency is not None]
    if not keys:
        return {}
    rows = connection.execute(
        "SELECT i.api_key, i.key, i.body_hash, o.id, i.created_at FROM json_each(?) j JOIN idempotency i"
        " ON i.api_key = json_extract(j.value, '$[0]') AND i.key = json_extract(j.value, '$[1]')"
        " AND i.created_at > json_extract(j.value, '$[2]') JOIN outbox o ON o.seq = i.outbox",
        (json_array(keys),),
    ).fetchall()
    return {(key, name): (digest, Placed(id_, from_us(at), replayed=True)) for key, name, digest, id_, at in rows}


_INSERT: Final = (
    "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,"
    " if_closed, category, version, reference, at_most_once, created_at, not_before, not_after, due_at, author) VALUES"
)


def _row(order: Order, seq: int, outbox_id: str, person: int, at: int) -> tuple[Value, ...]:
    contact = order.contact
    due_at = max(at, to_us(order.not_before)) if order.not_before is not None else at
    return (
        seq, outbox_id, "message", order.origin.value, outbox_id, 0, person, contact.app, contact.channel,
        contact.identity, "queued", orjson.dumps(reply_to_plain(order.reply)).decode(),
        if_closed_text(order.if_closed), order.category, order.version, order.reference,
        int(order.at_most_once), at, to_us_or_none(order.not_before), to_us_or_none(order.not_after), due_at, order.author,
    )  # fmt: skip
