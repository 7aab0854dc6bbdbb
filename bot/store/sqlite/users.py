"""Colleagues who may open the pages, and the journal of what was done there, on SQLite."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bot.errors import Refused
from bot.store.sqlite.database import Database
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.users import Deed, Role, User

DEEDS_MAX: Final = 200  # a page
_COLUMNS: Final = "name, role, password, created_at, revoked_at, last_login_at"


class SqliteUsers:
    """See ``bot.store.users.Users``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, role: Role, password: str, now: datetime) -> User:
        return await self._database.write(lambda c: _create(c, name, role, password, now))

    async def change(self, name: str, now: datetime, role: Role | None = None, password: str | None = None) -> User:
        return await self._database.write(lambda c: _change(c, name, role, password))

    async def revoke(self, name: str, now: datetime) -> User:
        return await self._database.write(lambda c: _revoke(c, name, now))

    async def find(self, name: str) -> User | None:
        return await self._database.read(lambda c: _find(c, name))

    async def listed(self) -> Sequence[User]:
        return await self._database.read(_listed)

    async def logged_in(self, name: str, now: datetime) -> None:
        await self._database.write(lambda c: _logged_in(c, name, now))

    async def did(self, deed: Deed) -> None:
        await self._database.write(lambda c: _did(c, deed))

    async def deeds(self, limit: int, before: int | None = None) -> Sequence[Deed]:
        return await self._database.browse(lambda c: _deeds(c, limit, before))


def _create(connection: sqlite3.Connection, name: str, role: Role, password: str, now: datetime) -> User:
    row = connection.execute(
        "INSERT INTO users (name, role, password, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " role = excluded.role, password = excluded.password, created_at = excluded.created_at, revoked_at = NULL,"
        f" last_login_at = NULL WHERE revoked_at IS NOT NULL RETURNING {_COLUMNS}",
        (name, role, password, to_us(now)),
    ).fetchone()
    if row is None:
        raise Refused(f'A user named "{name}" exists already.', "user-name-taken", "Choose another name.")
    return _user(row)


def _change(connection: sqlite3.Connection, name: str, role: Role | None, password: str | None) -> User:
    row = connection.execute(
        "UPDATE users SET role = coalesce(?, role), password = coalesce(?, password) WHERE name = ? AND revoked_at IS NULL"
        f" RETURNING {_COLUMNS}",
        (role, password, name),
    ).fetchone()
    return _found(row, name)


def _revoke(connection: sqlite3.Connection, name: str, now: datetime) -> User:
    row = connection.execute(
        f"UPDATE users SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL RETURNING {_COLUMNS}",
        (to_us(now), name),
    ).fetchone()
    return _found(row, name)


def _found(row: Sequence[Any] | None, name: str) -> User:
    if row is None:
        raise Refused(f'There is no user "{name}" in use.', "no-such-user", "`users list` tells which there are.", 404)
    return _user(row)


def _find(connection: sqlite3.Connection, name: str) -> User | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM users WHERE name = ? AND revoked_at IS NULL",
        (name,),
    ).fetchone()
    return None if row is None else _user(row)


def _listed(connection: sqlite3.Connection) -> list[User]:
    return [_user(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM users ORDER BY name")]


def _logged_in(connection: sqlite3.Connection, name: str, now: datetime) -> None:
    connection.execute("UPDATE users SET last_login_at = ? WHERE name = ? AND revoked_at IS NULL", (to_us(now), name))


def _user(row: Sequence[Any]) -> User:
    name, role, password, created_at, revoked_at, last_login_at = row
    return User(name, role, password, from_us(created_at), from_us_or_none(revoked_at), from_us_or_none(last_login_at))


# --- the journal ----------------------------------------------------------------------------------------------------------------


def _did(connection: sqlite3.Connection, deed: Deed) -> None:
    connection.execute(
        "INSERT INTO journal (at, who, what, subject) VALUES (?, ?, ?, ?)",
        (to_us(deed.at), deed.who, deed.what, deed.subject),
    )


def _deeds(connection: sqlite3.Connection, limit: int, before: int | None) -> list[Deed]:
    rows = connection.execute(
        "SELECT at, who, what, subject, id FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?",
        ((1 << 63) - 1 if before is None else before, max(1, min(limit, DEEDS_MAX))),
    )
    return [Deed(from_us(at), who, what, subject, id_) for at, who, what, subject, id_ in rows]
