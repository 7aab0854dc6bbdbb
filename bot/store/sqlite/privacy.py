"""What is exported, erased, forgotten and backed up, on SQLite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from bot.core.event import ContactKey
from bot.crash import reach
from bot.errors import Refused
from bot.store.privacy import Erased, Walk
from bot.store.sqlite import erasing, exporting, forgetting, sweeping
from bot.store.sqlite.database import Database
from bot.store.sqlite.writer import unreadable

LOOK_AGAIN_S: Final = 0.1
Out = TypeVar("Out")


class SqlitePrivacy:
    """See ``bot.store.privacy.Privacy``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Of the database, for sweeping; it stays open, because closing it would let go of SQLite's locks.
        self._file = -1
        self._erasures = 0
        self._unfinished: dict[ContactKey, Erased] = {}  # erased, but old bytes are in use yet

    @property
    def erasures(self) -> int:
        return self._erasures

    async def export(self, contact: ContactKey) -> Mapping[str, object] | None:
        path = await self._path()
        return await _apart(exporting.exported, path, contact)

    async def erase(self, contact: ContactKey, now: datetime, patience_s: float = 10.0) -> Erased:
        until = asyncio.get_running_loop().time() + patience_s
        path = await self._path()
        while (erased := await self._try(path, contact, now)) is None:
            if asyncio.get_running_loop().time() > until:
                raise _still_leaving()
            await asyncio.sleep(LOOK_AGAIN_S)
        erased = self._unfinished.get(contact, erased) if erased.before else erased
        if erased.known:
            self._erasures += 1
            self._unfinished |= dict.fromkeys((contact, *erased.contacts), erased)
        reach("erase.committed")
        await self._clean(path, until + patience_s)
        for each in (contact, *erased.contacts):
            self._unfinished.pop(each, None)
        return erased

    async def _try(self, path: Path, contact: ContactKey, now: datetime) -> Erased | None:
        found = await _apart(_found, path, contact)
        await self._database.write(lambda c: erasing.quiet(c, found.people, now))
        return await self._database.alone(partial(self._erase, found, now))

    def _erase(self, found: erasing.Found, now: datetime, connection: sqlite3.Connection) -> Erased | None:
        """In a transaction of its own, without the search that foreign keys would make for what is gone already."""
        connection.execute("PRAGMA foreign_keys=OFF")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                known = (found.people, found.contacts, found.contact_ids)
                changed = erasing.who(connection, found.asked) != known
                erased = None if changed else erasing.erase(connection, self._database.memory, found, now)
                connection.execute("COMMIT" if erased else "ROLLBACK")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        finally:
            connection.execute("PRAGMA foreign_keys=ON")
        if erased is not None:
            erasing.forget(self._database.memory, erased, found)
        return erased

    async def _clean(self, path: Path, until: float) -> None:
        """Until neither the log nor an unused middle of a page can hold a byte of what was erased."""
        if self._file < 0:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        while not await self._sweep(path):
            if asyncio.get_running_loop().time() > until:
                raise Refused(
                    "Everything about the person is erased, but old bytes of it are still in the database's log, because another program "
                    "has been reading the database all the while.",
                    "still-read",
                    "Repeat it when that program, such as a backup, has ended.",
                )
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _sweep(self, path: Path) -> bool:
        """False where somebody reads the log, or so much is to be zeroed that the writer goes on in between."""
        frozen = await self._database.alone(sweeping.freeze)
        if frozen is None:
            return False
        try:
            remains = await asyncio.to_thread(sweeping.remains, self._file)
            if len(remains) <= sweeping.AT_ONCE:
                finish = partial(sweeping.finish, descriptor=self._file, pages=remains, frozen=frozen)
                done = await self._database.alone(finish)
                await asyncio.to_thread(os.fsync, self._file)
                await asyncio.to_thread(sweeping.sync_log, path)
                return done
        finally:
            await asyncio.to_thread(frozen.reader.close)
        for start in range(0, len(remains), sweeping.AT_ONCE):
            pages = remains[start : start + sweeping.AT_ONCE]
            await self._database.alone(partial(sweeping.sweep, descriptor=self._file, pages=pages))
        return False

    async def _path(self) -> Path:
        return await self._database.read(sweeping.file_of)

    async def forget_bodies(self, walk: Walk, before: datetime, dead_before: datetime, limit: int) -> Walk:
        ids = await self._database.read(lambda c: forgetting.old_bodies(c, walk, before, dead_before, limit))
        if ids.rows:
            await self._database.write(lambda c: forgetting.forget_bodies(c, ids))
            reach("forget.committed")
        return ids.walk

    async def forget_keys(self, walk: Walk, before: datetime, limit: int) -> Walk:
        ids = await self._database.read(lambda c: forgetting.old_keys(c, walk, before, limit))
        if ids.rows:
            await self._database.write(lambda c: forgetting.forget_keys(c, ids))
            reach("forget.committed")
        return ids.walk

    async def forget_idempotency(self, before: datetime, limit: int) -> int:
        return await self._database.write(lambda c: forgetting.forget_idempotency(c, before, limit))

    async def forget_refused(self, before: datetime, limit: int) -> int:
        return await self._database.write(lambda c: forgetting.forget_refused(c, before, limit))

    async def forget_deeds(self, before: datetime, limit: int) -> int:
        return await self._database.write(lambda c: forgetting.forget_deeds(c, before, limit))


async def _apart(look: Callable[[Path, ContactKey], Out], path: Path, contact: ContactKey) -> Out:
    """What ``look`` finds, on a thread and a connection of its own."""
    try:
        return await asyncio.to_thread(look, path, contact)
    except sqlite3.DatabaseError as error:
        raise unreadable(error) from None


def _found(path: Path, contact: ContactKey) -> erasing.Found:
    with closing(exporting.beside(path)) as connection:
        connection.execute("BEGIN")  # else what is recorded between two looks is neither found nor newer
        return erasing.find(connection, contact)


def _still_leaving() -> Refused:
    return Refused(
        "Something is still on its way to this person, or nobody knows yet whether it arrived, so nothing was erased; what was queued for "
        "them is cancelled.",
        "still-leaving",
        "Repeat it in a minute.",
    )
