"""What colleagues do in conversations, and who waits for them, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson

from bot.core.codec import state_from_plain
from bot.core.colleague import NOBODY, charge_after, charge_of
from bot.core.conversation import State
from bot.core.event import ColleagueActed, ContactKey
from bot.core.own_events import own_event_from_raw, raw_of
from bot.errors import Refused
from bot.store.colleagues import Waiting, WaitingCursor, Writing
from bot.store.sqlite.database import Database
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.ordering import Orders, place
from bot.store.sqlite.recording import Batch, record
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import Ask, InboxKind, Incoming, OtherBody, Placed


class SqliteColleagues:
    """See ``bot.store.colleagues.Colleagues``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, writing: Writing, now: datetime) -> Placed | OtherBody | Refused:
        memory = self._database.memory
        return await self._database.write(lambda c: _write(memory, c, writing, now))

    async def waiting(self, limit: int, after: WaitingCursor | None = None, team: str = "") -> Sequence[Waiting]:
        return await self._database.read(lambda c: _waiting(c, self._database.app, limit, after, team))


def _write(
    memory: Memory, connection: sqlite3.Connection, writing: Writing, now: datetime
) -> Placed | OtherBody | Refused:
    contact = writing.event.contact
    team = _team(connection, contact, now)
    ask = Ask(contact, lambda standing: writing.make(standing, team), writing.idempotency)
    [[placed]] = place(memory, connection, [Orders([ask], now)])
    if isinstance(placed, Placed) and not placed.replayed:
        event = replace(writing.event, dedup=f"wrote:{placed.outbox_id}")
        record(memory, connection, [Batch([Incoming(event, InboxKind.OPERATOR, raw_of(event))], now)])
    return placed


def _team(connection: sqlite3.Connection, contact: ContactKey, now: datetime) -> str:
    """Who has the conversation, once what colleagues did is decided."""
    row = connection.execute(
        "SELECT l.person, l.state FROM identity i JOIN lane l ON l.person = i.person"
        " WHERE i.app = ? AND i.channel = ? AND i.identity = ?",
        (contact.app, contact.channel, contact.identity),
    ).fetchone()
    if row is None:
        return ""
    person, text = row
    charge = charge_of(_state(text)) if text else NOBODY
    pending = connection.execute(
        "SELECT raw, received_at FROM inbox WHERE person = ? AND state = 'pending' AND kind = 'operator' ORDER BY written_at, id",
        (person,),
    ).fetchall()
    for raw, received_at in pending:
        event = own_event_from_raw(bytes(raw), from_us(received_at))
        charge = charge_after(charge, event) if isinstance(event, ColleagueActed) else charge
    return charge.held_by(now)


def _state(text: str) -> State:
    return state_from_plain(orjson.loads(text)) if text else State()


_WAITING: Final = """
    SELECT l.waiting_since, l.person, l.state, p.stopped, p.language,
        (SELECT json_array(i.app, i.channel, i.identity, i.closes_at) FROM identity i WHERE i.person = l.person
         ORDER BY coalesce(i.wrote_at, 0) DESC LIMIT 1)
    FROM lane l JOIN person p ON p.id = l.person
    WHERE l.waiting_since IS NOT NULL AND (l.waiting_since, l.person) > (:since, :person) AND p.app = :app
        AND (:team = '' OR json_extract(l.state, '$.team[0]') = :team)
    ORDER BY l.waiting_since, l.person LIMIT :limit
"""


def _waiting(
    connection: sqlite3.Connection, app: str, limit: int, after: WaitingCursor | None, team: str
) -> list[Waiting]:
    since, person = (to_us(after.since), after.person) if after is not None else (-1, 0)
    values = {"since": since, "person": person, "app": app, "team": team, "limit": limit}
    return [_one(row) for row in connection.execute(_WAITING, values)]


def _one(row: Sequence[Any]) -> Waiting:
    since, person, text, stopped, language, address = row
    state = _state(text)
    app, channel, identity, closes_at = orjson.loads(address)
    return Waiting(
        person=person,
        contact=ContactKey(app, channel, identity),
        since=from_us(since),
        team=state.in_charge,
        in_charge_until=state.in_charge_until,
        closes_at=from_us_or_none(closes_at),
        stopped=bool(stopped),
        language=language,
    )
