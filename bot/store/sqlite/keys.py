"""API keys on SQLite. One process writes to the file, so what it remembers of them is true."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bot.errors import Refused
from bot.store.keys import ApiKey
from bot.store.sqlite.database import Database
from bot.store.sqlite.times import from_us, from_us_or_none, to_us

REMEMBERED: Final = 1000
_COLUMNS: Final = "id, name, scopes, rate, created_at, revoked_at"


class SqliteKeys:
    """See ``bot.store.keys.Keys``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[bytes, ApiKey] = OrderedDict()
        self._revocations = 0

    async def create(self, name: str, scopes: frozenset[str], key_hash: bytes, now: datetime, rate: int = 0) -> ApiKey:
        return await self._database.write(lambda c: _create(c, self._database.app, name, scopes, key_hash, rate, now))

    async def find(self, key_hash: bytes) -> ApiKey | None:
        known = self._known.get(key_hash)
        if known is not None:
            return known
        before = self._revocations
        found = await self._database.read(lambda c: _find(c, self._database.app, key_hash))
        if found is not None and before == self._revocations:  # else it may have been revoked while it was read
            self._known[key_hash] = found
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def listed(self) -> Sequence[ApiKey]:
        return await self._database.read(lambda c: _listed(c, self._database.app))

    async def revoke(self, name: str, now: datetime) -> ApiKey:
        try:
            return await self._database.write(lambda c: _revoke(c, self._database.app, name, now))
        finally:
            self._revocations += 1
            self._known.clear()


def _create(
    connection: sqlite3.Connection,
    app: str,
    name: str,
    scopes: frozenset[str],
    key_hash: bytes,
    rate: int,
    now: datetime,
) -> ApiKey:
    taken = connection.execute(
        "SELECT 1 FROM api_key WHERE app = ? AND name = ? AND revoked_at IS NULL", (app, name)
    ).fetchone()
    if taken is not None:
        raise Refused(f'An API key named "{name}" exists already.', "key-name-taken", "Choose another name.")
    row = connection.execute(
        f"INSERT INTO api_key (app, name, hash, scopes, rate, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}",  # noqa: S608
        (app, name, key_hash, ",".join(sorted(scopes)), rate, to_us(now)),
    ).fetchone()
    return _key(row)


def _find(connection: sqlite3.Connection, app: str, key_hash: bytes) -> ApiKey | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM api_key WHERE hash = ? AND app = ? AND revoked_at IS NULL",  # noqa: S608 our own columns
        (key_hash, app),
    ).fetchone()
    return None if row is None else _key(row)


def _listed(connection: sqlite3.Connection, app: str) -> list[ApiKey]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM api_key WHERE app = ? ORDER BY id", (app,))  # noqa: S608
    return [_key(row) for row in rows]


def _revoke(connection: sqlite3.Connection, app: str, name: str, now: datetime) -> ApiKey:
    row = connection.execute(
        "UPDATE api_key SET revoked_at = ? WHERE app = ? AND name = ? AND revoked_at IS NULL"  # noqa: S608 our own columns
        f" RETURNING {_COLUMNS}",
        (to_us(now), app, name),
    ).fetchone()
    if row is None:
        raise Refused(f'There is no API key "{name}" in use.', "no-such-key", "`keys list` tells which there are.", 404)
    return _key(row)


def _key(row: Sequence[Any]) -> ApiKey:
    id_, name, scopes, rate, created_at, revoked_at = row
    return ApiKey(id_, name, frozenset(scopes.split(",")), rate, from_us(created_at), from_us_or_none(revoked_at))
