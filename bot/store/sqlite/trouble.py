"""Dead letters and refused webhooks, on SQLite."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from bot.errors import Refused
from bot.store.sqlite.database import Database
from bot.store.sqlite.lanes import READY
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.recording import Batch, record
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.trouble import DeadLetter, Fate, RefusedBody
from bot.store.units import InboxKind, InboxState, Incoming

PAGE_MAX: Final = 200
_NEVER: Final = (1 << 63) - 1


class SqliteTrouble:
    """See ``bot.store.trouble.Trouble``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def dead_letters(self, app: str, limit: int, before: int | None = None) -> Sequence[DeadLetter]:
        return await self._database.browse(lambda c: _dead_letters(c, app, limit, before))

    async def drive(self, app: str, inbox_id: int, now: datetime) -> bool:
        return await self._database.write(partial(_drive, self._database.memory, app, inbox_id, now))

    async def refused(self, limit: int, before: int | None = None) -> Sequence[RefusedBody]:
        return await self._database.browse(lambda c: _refused(c, limit, before))

    async def take_refused(self, id_: int, event: Incoming, who: str, now: datetime) -> bool:
        return await self._database.write(partial(_take_refused, self._database.memory, id_, event, who, now))

    async def fate(self, app: str, event: int | str) -> Fate | None:
        return await self._database.browse(lambda c: _fate(c, app, event))

    async def counts(self, app: str) -> tuple[int, int]:
        return await self._database.browse(lambda c: _counts(c, app))


# --- dead letters ---------------------------------------------------------------------------------------------------------------

# Those of nobody name no app either. The plus keeps the planner from the index of keys: there are few dead letters.
DEAD: Final = "state = 'dead' AND +app IN (?, '')"
DEAD_LETTERS: Final = (
    "SELECT id, kind, person, received_at, settled_at, tries, why, raw FROM inbox"
    f" WHERE {DEAD} AND id < ? ORDER BY id DESC LIMIT ?"
)


def _dead_letters(connection: sqlite3.Connection, app: str, limit: int, before: int | None) -> list[DeadLetter]:
    rows = connection.execute(DEAD_LETTERS, (app, _before(before), max(1, min(limit, PAGE_MAX))))
    return [_dead_letter(row) for row in rows]


def _dead_letter(row: Sequence[Any]) -> DeadLetter:
    id_, kind, person, received_at, died_at, tries, why, raw = row
    return DeadLetter(
        id_, InboxKind(kind), person, from_us(received_at), from_us(died_at), tries, why, bytes(raw or b"")
    )


def _drive(memory: Memory, app: str, inbox_id: int, now: datetime, connection: sqlite3.Connection) -> bool:
    row = connection.execute(
        f"SELECT person, raw IS NULL FROM inbox WHERE id = ? AND {DEAD}",
        (inbox_id, app),
    ).fetchone()
    person = _drivable(inbox_id, row)
    connection.execute(
        "UPDATE inbox SET state = 'pending', settled_at = NULL, tries = 0, held = 0, ready_at = ?, why = '' WHERE id = ?",
        (to_us(now), inbox_id),
    )
    connection.execute("DELETE FROM trace WHERE inbox = ?", (inbox_id,))
    # Its bytes count, whatever they were taken for when they came.
    memory.events.pop(inbox_id, None)
    connection.execute(f"UPDATE lane SET ready_at = ({READY}) WHERE person = ?", (person,))
    return True


def _drivable(inbox_id: int, row: Sequence[Any] | None) -> int:
    """Whose it is."""
    if row is None:
        raise Refused(
            f"Event {inbox_id} is no dead letter.",
            "no-dead-letter",
            "Look at the list again: it may have been driven again already.",
            404,
        )
    person, is_empty = row
    if person is None:
        raise Refused(
            f"Event {inbox_id} concerns nobody, so there is no conversation to decide it in.",
            "concerns-nobody",
            "Look at its body; what sent it must be mended.",
        )
    if is_empty:
        raise Refused(
            f"The body of event {inbox_id} is kept no longer.", "kept-no-longer", "Nothing can be done any more."
        )
    return int(person)


# --- refused webhooks -----------------------------------------------------------------------------------------------------------


def _refused(connection: sqlite3.Connection, limit: int, before: int | None) -> list[RefusedBody]:
    rows = connection.execute(
        "SELECT id, received_at, why, raw, driven_at, driven_by FROM refused WHERE id < ? ORDER BY id DESC LIMIT ?",
        (_before(before), max(1, min(limit, PAGE_MAX))),
    )
    return [
        RefusedBody(id_, from_us(received_at), why, bytes(raw), from_us_or_none(driven_at), driven_by)
        for id_, received_at, why, raw, driven_at, driven_by in rows
    ]


def _take_refused(
    memory: Memory, id_: int, event: Incoming, who: str, now: datetime, connection: sqlite3.Connection
) -> bool:
    row = connection.execute("SELECT driven_at, driven_by FROM refused WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise Refused(
            f"There is no refused webhook {id_}.",
            "no-such-webhook",
            "Look at the list again; old ones are forgotten.",
            404,
        )
    if row[0] is not None:
        raise Refused(
            f"Refused webhook {id_} was driven again already, by {row[1]}.", "driven-already", "Nothing is left to do."
        )
    [[is_new]] = record(memory, connection, [Batch([event], now)])
    connection.execute("UPDATE refused SET driven_at = ?, driven_by = ? WHERE id = ?", (to_us(now), who, id_))
    return is_new


_FATE: Final = (
    "SELECT i.id, i.state, i.person, coalesce(t.layer, ''), coalesce(t.rule, ''), i.why FROM inbox i"
    " LEFT JOIN trace t ON t.inbox = i.id"
)


def _fate(connection: sqlite3.Connection, app: str, event: int | str) -> Fate | None:
    for each in (app, ""):  # what concerns nobody names no app either
        where = "i.id = ? AND i.app = ?" if isinstance(event, int) else "i.dedup = ? AND i.app = ?"
        row = connection.execute(f"{_FATE} WHERE {where}", (event, each)).fetchone()
        if row is not None:
            return Fate(row[0], InboxState(row[1]), *row[2:])
    return None


def _counts(connection: sqlite3.Connection, app: str) -> tuple[int, int]:
    dead, refused = connection.execute(
        f"SELECT (SELECT count(*) FROM inbox WHERE {DEAD}), (SELECT count(*) FROM refused WHERE driven_at IS NULL)",
        (app,),
    ).fetchone()
    return dead, refused


def _before(before: int | None) -> int:
    return _NEVER if before is None else before
