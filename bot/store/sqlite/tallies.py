"""Numbers by time on SQLite; what writes them is ``bot.store.sqlite.counting``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, get_args

from bot.store.sqlite.database import Database
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us, to_us
from bot.store.tallies import FINE_KINDS, KEPT_COARSE, KEPT_FINE, Kind, Tally, Total

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class SqliteTallies:
    """See ``bot.store.tallies.Tallies``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def series(
        self, kinds: Sequence[Kind], since: datetime, until: datetime, step: timedelta | None = None
    ) -> Sequence[Tally]:
        return await self._database.browse(lambda c: _series(c, kinds, since, until, step))

    async def totals(self, kind: Kind, since: datetime, until: datetime) -> Sequence[Total]:
        return await self._database.browse(lambda c: _totals(c, kind, since, until))

    async def forget(self, now: datetime, limit: int) -> int:
        return await self._database.write(lambda c: _forget(c, now, limit))


def _series(
    connection: sqlite3.Connection, kinds: Sequence[Kind], since: datetime, until: datetime, step: timedelta | None
) -> list[Tally]:
    width = 1 if step is None else step // timedelta(microseconds=1)
    rows = connection.execute(
        "SELECT kind, at - (at - :since) % :width AS begins, name, sum(count) FROM tally"
        " WHERE kind IN (SELECT value FROM json_each(:kinds)) AND at >= :since AND at < :until"
        " GROUP BY kind, begins, name ORDER BY begins, kind, name",
        {"kinds": json_array(kinds), "since": to_us(since), "until": to_us(until), "width": width},
    ).fetchall()
    return [Tally(kind, from_us(at), name, count) for kind, at, name, count in rows]


def _totals(connection: sqlite3.Connection, kind: Kind, since: datetime, until: datetime) -> list[Total]:
    rows = connection.execute(
        "SELECT name, sum(count) AS total FROM tally WHERE kind = ? AND at >= ? AND at < ? GROUP BY name"
        " ORDER BY total DESC, name",
        (kind, to_us(since), to_us(until)),
    ).fetchall()
    return [Total(name, count) for name, count in rows]


def _forget(connection: sqlite3.Connection, now: datetime, limit: int) -> int:
    """Kind by kind, as the key begins with it: each finds its oldest without a search."""
    forgotten = 0
    for kind in _KINDS:
        kept: timedelta = KEPT_FINE if kind in FINE_KINDS else KEPT_COARSE
        forgotten += connection.execute(
            "DELETE FROM tally WHERE (kind, at, name, part) IN"
            " (SELECT kind, at, name, part FROM tally WHERE kind = ? AND at < ? ORDER BY at LIMIT ?)",
            (kind, to_us(now - kept), limit - forgotten),
        ).rowcount
        if forgotten >= limit:
            break
    return forgotten
