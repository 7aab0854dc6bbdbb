"""People and what is known of them, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import orjson

from bot.core.codec import state_from_plain
from bot.core.consent_reasons import LedgerRow
from bot.core.conversation import State, Window
from bot.core.decision import ChangeConsent, SetPerson
from bot.core.event import ContactKey
from bot.core.ledger import Judgement
from bot.errors import Refused
from bot.store.contacts import (
    FIELDS_MOST,
    FROM_THE_END,
    TAGS_MOST,
    Brought,
    BroughtRow,
    ContactView,
    Exchange,
    IdentityView,
    LedgerView,
    PersonChange,
    Place,
)
from bot.store.sqlite import consent
from bot.store.sqlite.database import Database
from bot.store.sqlite.effects import set_person
from bot.store.sqlite.exchange import exchange
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import PERSON_COLUMNS, people_of, person_at, person_of_row
from bot.store.sqlite.times import from_us, from_us_or_none


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
        def read(connection: sqlite3.Connection) -> Exchange | None:
            person = person_at(connection, contact)
            return None if person is None else exchange(connection, person, limit, before)

        return await self._database.read(read)

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
