"""Consent that is newer than a backup, carried into what is restored from it: a STOP since then counts on (I7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bot.core.event import ContactKey
from bot.store.sqlite.erasing import mark
from bot.store.sqlite.times import from_us

_PEOPLE: Final = (
    "SELECT p.id, p.stopped, p.opted_in, p.marketing, p.consent_at, p.consent_by FROM person p"
    " WHERE p.consent_at IS NOT NULL OR p.stopped OR p.marketing <> 'unknown' ORDER BY p.id"
)
_LEDGER: Final = "purpose, state, source, proof, at, recorded_at"


def carry_consent(connection: sqlite3.Connection, present: sqlite3.Connection, key: bytes, now: datetime) -> int:
    """Take over what ``present`` knows better; ``key`` is of ``connection``. Returns of how many people.

    Whom the backup does not know is not made anew: where they are stopped, a mark alone says so, as after an erasure.
    """
    carried = 0
    for row in present.execute(_PEOPLE).fetchall():
        contacts = [
            ContactKey(*each)
            for each in present.execute("SELECT app, channel, identity FROM identity WHERE person = ?", (row[0],))
        ]
        person = _same(connection, contacts)
        if person is not None:
            carried += _merge(connection, present, person, row)
        elif row[1]:
            mark(connection, key, contacts, True, from_us(row[4]) if row[4] is not None else now)
            carried += 1
    return carried


def _same(connection: sqlite3.Connection, contacts: Sequence[ContactKey]) -> int | None:
    """Who has one of these addresses in the backup."""
    for contact in contacts:
        row = connection.execute(
            "SELECT person FROM identity WHERE app = ? AND channel = ? AND identity = ?",
            (contact.app, contact.channel, contact.identity),
        ).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _merge(connection: sqlite3.Connection, present: sqlite3.Connection, person: int, row: Sequence[Any]) -> bool:
    """Add the ledger's rows that are missing, and let the newer of the two sums count; of the same time, the stop."""
    known = set(connection.execute(f"SELECT {_LEDGER} FROM consent WHERE person = ?", (person,)).fetchall())  # noqa: S608
    rows = present.execute(f"SELECT {_LEDGER} FROM consent WHERE person = ? ORDER BY id", (row[0],)).fetchall()  # noqa: S608
    missing = [each for each in rows if each not in known]
    connection.executemany(
        f"INSERT INTO consent (person, {_LEDGER}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own words
        [(person, *each) for each in missing],
    )
    _, stopped, opted_in, _, at, by = row
    own_stopped, own_at = connection.execute(
        "SELECT stopped, consent_at FROM person WHERE id = ?", (person,)
    ).fetchone()
    newer = at is not None and (own_at is None or at > own_at or (at == own_at and stopped > own_stopped))
    if newer:
        connection.execute(
            "UPDATE person SET stopped = ?, opted_in = ?, consent_at = ?, consent_by = ? WHERE id = ?",
            (stopped, opted_in, at, by, person),
        )
    connection.execute(
        "UPDATE person SET marketing = coalesce((SELECT state FROM consent WHERE person = ?1 AND purpose = 'marketing'"
        " ORDER BY at DESC, state = 'stopped' DESC, id DESC LIMIT 1), marketing) WHERE id = ?1",
        (person,),
    )
    return bool(missing) or newer
