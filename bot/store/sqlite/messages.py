"""Messages that leave, as whoever asked for them sees them, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from bot.core.codec import reply_from_plain
from bot.core.conversation import Window
from bot.core.delivery import OutboxState
from bot.core.event import ContactKey
from bot.errors import Refused
from bot.store.messages import Change, Filter, Left, Page, Plan
from bot.store.sqlite.database import Database
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.message_list import listed
from bot.store.sqlite.reading import message
from bot.store.sqlite.receipts import if_closed_of
from bot.store.sqlite.times import from_us, from_us_or_none, to_us, to_us_or_none
from bot.store.units import MessageView

_OPEN: Final = (OutboxState.QUEUED, OutboxState.WAITING)


class SqliteMessages:
    """See ``bot.store.messages.Messages``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, app: str, wanted: Filter) -> Page:
        return await self._database.read(lambda c: listed(c, app, wanted))

    async def change(
        self, app: str, outbox_id: str, make: Callable[[Plan], Change | Refused], now: datetime
    ) -> MessageView | Left | Refused | None:
        return await self._database.write(lambda c: _change(c, app, outbox_id, make, now))

    async def cancel(self, app: str, outbox_id: str, reason: str, now: datetime) -> MessageView | Left | None:
        return await self._database.write(lambda c: _cancel(c, app, outbox_id, reason, now))

    async def wrote_before(self, contact: ContactKey, at: datetime) -> datetime | None:
        return await self._database.read(lambda c: _wrote_before(c, contact, at))


# What ``_plan`` reads of outbox ``o`` and its identity ``i``, after what tells whether it may still be changed.
_ROW: Final = (
    "SELECT o.seq, o.person, o.state, o.attempts, o.submissions, o.payload, o.if_closed, o.created_at, o.not_before,"
    " o.not_after, o.reference, i.closes_at FROM outbox o LEFT JOIN identity i ON i.app = o.app AND i.channel = o.channel"
    " AND i.identity = o.identity WHERE o.id = ? AND o.app = ? AND o.kind = 'message'"
)


def _change(
    connection: sqlite3.Connection,
    app: str,
    outbox_id: str,
    make: Callable[[Plan], Change | Refused],
    now: datetime,
) -> MessageView | Left | Refused | None:
    row = connection.execute(_ROW, (outbox_id, app)).fetchone()
    if row is None:
        return None
    seq, person, state, attempts = row[:4]
    if state not in _OPEN or attempts:
        return Left(_view(connection, outbox_id))
    change = make(_plan(row[5:]))
    if isinstance(change, Refused):
        return change
    connection.execute(
        "UPDATE outbox SET not_before = ?, not_after = ?, reference = ? WHERE seq = ?",
        (to_us_or_none(change.not_before), to_us_or_none(change.not_after), change.reference, seq),
    )
    if change.moved:
        due_at = max(to_us(now), to_us_or_none(change.not_before) or 0)
        connection.execute("UPDATE outbox SET state = 'queued', due_at = ?, reason = '' WHERE seq = ?", (due_at, seq))
        due_sends(connection, [person])
    return _view(connection, outbox_id)


def _plan(row: Sequence[Any]) -> Plan:
    payload, if_closed, created_at, not_before, not_after, reference, closes_at = row
    return Plan(
        reply_from_plain(orjson.loads(payload)),
        if_closed_of(if_closed),
        from_us(created_at),
        from_us_or_none(not_before),
        from_us_or_none(not_after),
        reference,
        Window(from_us_or_none(closes_at)),
    )


def _cancel(
    connection: sqlite3.Connection, app: str, outbox_id: str, reason: str, now: datetime
) -> MessageView | Left | None:
    row = connection.execute(_ROW, (outbox_id, app)).fetchone()
    if row is None:
        return None
    seq, person, state, attempts, submissions = row[:5]
    if state == OutboxState.CANCELLED:
        view = _view(connection, outbox_id)
        # A STOP may have ended it while nobody knew whether its try had reached Sinch; a receipt tells that it had.
        return view if view.status == "cancelled" else Left(view)
    # One that waits for its person was surely not taken, however often it was tried, if no try counts as handed over.
    if state not in _OPEN or (submissions if state == OutboxState.WAITING else attempts):
        return Left(_view(connection, outbox_id))
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = ? WHERE seq = ?", (to_us(now), reason, seq)
    )
    due_sends(connection, [person])
    return _view(connection, outbox_id)


WROTE: Final = (
    "SELECT written_at FROM inbox WHERE kind = 'inbound' AND person = (SELECT person FROM identity WHERE app = ? AND channel = ?"
    " AND identity = ?) AND received_at <= ? ORDER BY id DESC LIMIT 1"
)


def _wrote_before(connection: sqlite3.Connection, contact: ContactKey, at: datetime) -> datetime | None:
    row = connection.execute(WROTE, (contact.app, contact.channel, contact.identity, to_us(at))).fetchone()
    return None if row is None else from_us(row[0])


def _view(connection: sqlite3.Connection, outbox_id: str) -> MessageView:
    view = message(connection, outbox_id)
    assert view is not None  # noqa: S101 it was read a moment ago, in this transaction
    return view
