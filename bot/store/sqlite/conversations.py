"""Conversations as colleagues look through them, on SQLite."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final

from bot.core.event import ContactKey
from bot.store.contacts import Came, Exchange, Place
from bot.store.conversations import FROM_THE_END, Listed, Totals, Wanted
from bot.store.sqlite.conversation_list import listed, totals
from bot.store.sqlite.conversation_rows import address_of
from bot.store.sqlite.database import Database
from bot.store.sqlite.exchange import exchange, happened
from bot.store.sqlite.people import person_at
from bot.store.sqlite.times import to_us

MARKED: Final = 300  # the last messages each way that a mark tells of


class SqliteConversations:
    """See ``bot.store.conversations.Conversations``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, app: str, wanted: Wanted, now: datetime) -> Listed:
        return await self._database.browse(lambda c: listed(c, app, wanted, now))

    async def totals(self, app: str) -> Totals:
        return await self._database.browse(lambda c: totals(c, app))

    async def address(self, app: str, person: int) -> ContactKey | None:
        return await self._database.browse(lambda c: address_of(c, app, person))

    async def person(self, contact: ContactKey) -> int | None:
        return await self._database.browse(lambda c: person_at(c, contact))

    async def exchange(self, app: str, person: int, limit: int, before: Place = FROM_THE_END) -> Exchange | None:
        def read(connection: sqlite3.Connection) -> Exchange | None:
            return exchange(connection, person, limit, before) if _is_known(connection, app, person) else None

        return await self._database.browse(read)

    async def happened(self, app: str, person: int, after: int, before: int) -> Sequence[Came]:
        def read(connection: sqlite3.Connection) -> Sequence[Came]:
            return happened(connection, person, after, before) if _is_known(connection, app, person) else ()

        return await self._database.browse(read)

    async def mark(self, app: str, person: int) -> str:
        return await self._database.browse(lambda c: _mark(c, app, person))

    async def seen(self, app: str, person: int, now: datetime) -> None:
        await self._database.write(lambda c: _seen(c, app, person, now))

    async def turn(self) -> int:
        return await self._database.browse(_turn)


def _is_known(connection: sqlite3.Connection, app: str, person: int) -> bool:
    return connection.execute("SELECT 1 FROM person WHERE id = ? AND app = ?", (person, app)).fetchone() is not None


def _seen(connection: sqlite3.Connection, app: str, person: int, now: datetime) -> None:
    connection.execute(
        "UPDATE lane SET seen_at = :now WHERE person = :person AND coalesce(seen_at, -1) < min(active_at, :now)"
        " AND EXISTS (SELECT 1 FROM person WHERE id = :person AND app = :app)",
        {"person": person, "app": app, "now": to_us(now)},
    )


def _turn(connection: sqlite3.Connection) -> int:
    """Counted by SQLite itself, for every connection but this one, which writes nothing."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


# One text of everything that may be shown, in one step. How the conversation stands changes by decisions alone, each of which has a trace.
MARK: Final = f"""
    SELECT json_array(p.language, p.time_zone, p.fields, p.tags, p.stopped, p.opted_in, p.marketing, p.consent_at, p.consent_by,
        (SELECT json_group_array(json_array(i.channel, i.identity, i.closes_at, i.wrote_at)) FROM identity i WHERE i.person = p.id),
        (SELECT max(c.id) FROM consent c WHERE c.person = p.id),
        (SELECT max(t.inbox) FROM trace t WHERE t.person = p.id),
        (SELECT json_group_array(json_array(t.name, t.due_at)) FROM timer t WHERE t.person = p.id),
        (SELECT max(d.id) FROM inbox d WHERE d.person = p.id AND d.state = 'dead'),
        (SELECT json_group_array(json_array(i.id, i.state, i.tries, i.held, i.media_kind, i.raw IS NULL)) FROM
            (SELECT * FROM inbox WHERE person = p.id AND kind = 'inbound' ORDER BY id DESC LIMIT {MARKED}) i),
        (SELECT json_group_array(json_array(i.id, i.state, i.raw IS NULL)) FROM
            (SELECT * FROM inbox WHERE person = p.id AND kind = 'operator' ORDER BY id DESC LIMIT {MARKED}) i),
        (SELECT json_group_array(json_array(o.seq, o.state, o.delivery, o.attempts, o.not_before, o.not_after, o.ended_at, o.reason,
            length(o.payload), (SELECT count(*) FROM receipt r WHERE r.outbox = o.seq))) FROM
            (SELECT * FROM outbox WHERE person = p.id AND kind = 'message' ORDER BY seq DESC LIMIT {MARKED}) o))
    FROM person p WHERE p.id = ? AND p.app = ?
"""


def _mark(connection: sqlite3.Connection, app: str, person: int) -> str:
    row = connection.execute(MARK, (person, app)).fetchone()
    return "" if row is None else blake2b(row[0].encode(), digest_size=12).hexdigest()
