"""People and what is known of them, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from bot.core.codec import state_from_plain
from bot.core.consent_reasons import LedgerRow
from bot.core.conversation import State, Window
from bot.core.decision import ChangeConsent, SetPerson
from bot.core.event import ContactKey, MediaKind
from bot.core.ledger import Judgement
from bot.errors import Refused
from bot.store.contacts import (
    FIELDS_MOST,
    FROM_THE_END,
    TAGS_MOST,
    Brought,
    BroughtRow,
    Came,
    ContactView,
    Exchange,
    IdentityView,
    LedgerView,
    Left,
    PersonChange,
    Place,
)
from bot.store.sqlite import consent
from bot.store.sqlite.database import Database
from bot.store.sqlite.effects import set_person
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import PERSON_COLUMNS, people_of, person_at, person_of_row
from bot.store.sqlite.reading import MESSAGE, message_of_row
from bot.store.sqlite.times import from_us, from_us_or_none
from bot.store.units import InboxKind


class SqliteContacts:
    """See ``bot.store.contacts.Contacts``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def contact(self, contact: ContactKey) -> ContactView | None:
        def read(connection: sqlite3.Connection) -> ContactView | None:
            person = person_at(connection, contact)
            return None if person is None else _view(connection, person)

        return await self._database.read(read)

    async def change(self, contact: ContactKey, change: PersonChange, now: datetime) -> ContactView:
        return await self._database.write(lambda c: _change(c, self._database.memory, contact, change, now))

    async def set_consent(
        self, contact: ContactKey, asked: ChangeConsent, proof: str, by: str, now: datetime
    ) -> Judgement:
        memory = self._database.memory
        return await self._database.write(lambda c: consent.set_consent(c, memory, contact, asked, proof, by, now))

    async def ledger(self, contact: ContactKey, limit: int, before: int | None = None) -> Sequence[LedgerView] | None:
        def read(connection: sqlite3.Connection) -> Sequence[LedgerView] | None:
            person = person_at(connection, contact)
            return None if person is None else consent.ledger(connection, person, limit, before)

        return await self._database.read(read)

    async def ledger_rows(self, contact: ContactKey) -> Sequence[LedgerRow]:
        def read(connection: sqlite3.Connection) -> Sequence[LedgerRow]:
            person = person_at(connection, contact)
            return () if person is None else consent.ledger_rows(connection, person)

        return await self._database.read(read)

    async def exchange(self, contact: ContactKey, limit: int, before: Place = FROM_THE_END) -> Exchange | None:
        return await self._database.read(lambda c: _exchange(c, contact, limit, before))

    async def bring_in(self, rows: Sequence[BroughtRow], now: datetime, dry_run: bool) -> Sequence[Brought]:
        memory = self._database.memory
        do = self._database.read if dry_run else self._database.write
        return await do(lambda c: consent.bring_in(c, memory, rows, now, dry_run))


def _view(connection: sqlite3.Connection, number: int) -> ContactView:
    row = connection.execute(
        f"SELECT {PERSON_COLUMNS}, p.created_at, l.state FROM person p JOIN lane l ON l.person = p.id WHERE p.id = ?",  # noqa: S608
        (number,),
    ).fetchone()
    person, known = person_of_row(row[:-2])
    state = state_from_plain(orjson.loads(row[-1])) if row[-1] else State()
    rows = consent.counting(connection, number)
    return ContactView(person, known, rows, _identities(connection, number), state, from_us(row[-2]))


def _identities(connection: sqlite3.Connection, person: int) -> tuple[IdentityView, ...]:
    rows = connection.execute(
        "SELECT app, channel, identity, closes_at, wrote_at FROM identity WHERE person = ?"
        " ORDER BY wrote_at DESC, channel, identity",
        (person,),
    )
    return tuple(
        IdentityView(ContactKey(*row[:3]), Window(from_us_or_none(row[3])), from_us_or_none(row[4])) for row in rows
    )


# --- changing -----------------------------------------------------------------------------------------------------------


def _change(
    connection: sqlite3.Connection, memory: Memory, contact: ContactKey, change: PersonChange, now: datetime
) -> ContactView:
    number = people_of(connection, memory, [contact], now)[contact]
    added, removed = change.tags_added, change.tags_removed
    if change.tags is not None:
        added, removed = change.tags, _view(connection, number).person.tags - change.tags
    set_ = SetPerson(change.language, change.fields, tuple(sorted(added)), tuple(sorted(removed)))
    set_person(connection, number, set_)
    if change.time_zone is not None:
        connection.execute("UPDATE person SET time_zone = ? WHERE id = ?", (change.time_zone, number))
    after = _view(connection, number)
    _check_size(after)
    return after


def _check_size(view: ContactView) -> None:
    for what, count, most in (
        ("fields", len(view.person.fields), FIELDS_MOST),
        ("tags", len(view.person.tags), TAGS_MOST),
    ):
        if count > most:
            raise Refused(
                f"The person would have {count} {what}, and {most} is the most.",
                "too-many-values",
                f"Remove {what} that nobody needs any more.",
                422,
            )


# --- what was said ------------------------------------------------------------------------------------------------------

_CAME = (
    "SELECT i.id, i.kind, i.raw, i.written_at, i.received_at, i.media_kind, coalesce(t.layer, ''), coalesce(t.rule, '')"
    " FROM inbox i LEFT JOIN trace t ON t.inbox = i.id WHERE i.person = ? AND i.kind = '{}' AND i.id < ?"
    " ORDER BY i.id DESC LIMIT ?"
)


def _exchange(connection: sqlite3.Connection, contact: ContactKey, limit: int, before: Place) -> Exchange | None:
    person = person_at(connection, contact)
    if person is None:
        return None
    came: list[Came] = []
    for kind in (InboxKind.INBOUND, InboxKind.OPERATOR):  # each has an index of its own
        rows = connection.execute(_CAME.format(kind.value), (person, before[0], limit + 1))
        came += [_came(row) for row in rows]
    came.sort(key=lambda each: each.inbox_id, reverse=True)
    rows = connection.execute(
        f"SELECT {MESSAGE}, origin_id FROM outbox WHERE person = ? AND kind = 'message' AND seq < ? ORDER BY seq DESC LIMIT ?",  # noqa: S608
        (person, before[1], limit + 1),
    )
    left = [(row[0], Left(message_of_row(connection, row[:-1]), row[-1])) for row in rows.fetchall()]
    return _merged(came, left, limit, before)


def _merged(came: list[Came], left: list[tuple[int, Left]], limit: int, before: Place) -> Exchange:
    """Newest first; an answer comes after what it answers, also where both are of the same moment."""
    entries: list[Came | Left] = []
    inbox, outbox = before
    more = len(came) + len(left) > limit
    came.reverse()
    left.reverse()
    while (came or left) and len(entries) < limit:
        if left and (not came or left[-1][1].message.created_at >= came[-1].received_at):
            outbox, message = left.pop()
            entries.append(message)
        else:
            inbox = came[-1].inbox_id
            entries.append(came.pop())
    return Exchange(tuple(entries), (inbox, outbox) if more else None)


def _came(row: Sequence[Any]) -> Came:
    id_, kind, raw, written_at, received_at, media, layer, rule = row
    return Came(
        id_,
        InboxKind(kind),
        bytes(raw or b""),
        from_us(written_at),
        from_us(received_at),
        MediaKind(media) if media else None,
        layer,
        rule,
    )
