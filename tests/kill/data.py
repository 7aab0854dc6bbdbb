"""What operators do while people write: erase somebody, forget what is old, back up; and restore once all is quiet."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp

from bot.store.sqlite import open_store
from bot.store.sqlite.audit import broken as audit
from bot.web.api.keys import make_key
from tests.kill.driver import APP_ID
from tests.kill.run import Run

ERASING: Final = ("erase.noted", "erase.in_transaction", "erase.committed", "erase.sweeping")
FORGETTING: Final = ("forget.in_transaction", "forget.committed")
BACKING_UP: Final = ("backup.copied", "backup.checked")
RESTORING: Final = ("restore.copied", "restore.prepared", "restore.kept", "restore.replaced")

_OLD_ROWS: Final = 250  # more than are forgotten at once
_OLD: Final = timedelta(days=200)
_AGAIN_S: Final = 0.02
_ERASED_WITHIN_S: Final = 60.0
_ANSWERED: Final = (200, 404, 409, 503)  # done; nobody; something is on its way to them; not now


async def key_of(database: Path) -> str:
    """A backend's key, made while no server is there."""
    store = await open_store(database, app=APP_ID)
    try:
        return await make_key(store, "office", ["admin"], datetime.now(UTC))
    finally:
        await store.close()


class Records:
    """Who keeps a run's data. ``broken``: a sentence for each copy that was not whole."""

    def __init__(self, run: Run, key: str) -> None:
        self.broken: list[str] = []
        self._erased = asyncio.Event()  # somebody was, and it was answered
        self._run = run
        self._headers = {"Authorization": f"Bearer {key}"}
        self._backups = 0

    async def kills(self) -> None:
        """A round: each point once, in any order."""
        run = self._run
        for point in run.dice.sample((*ERASING, *FORGETTING, *BACKING_UP), len(ERASING + FORGETTING + BACKING_UP)):
            if point in ERASING:
                async with self.erasing():
                    await run.kill_at(point)
            elif point in FORGETTING:
                self.age()
                await run.kill_at(point, run.dice.randint(1, 3))
            else:
                await self._kill_backup(point)

    async def erase(self) -> None:
        """A life in which at least one is erased to the end, killed after it."""
        run = self._run
        life = run.start()
        async with self.erasing(), run.driver.sending(life.ready):
            assert await life.until_ready(), life.written()
            async with asyncio.timeout(_ERASED_WITHIN_S):
                await self._erased.wait()
            run.launcher.signal(life, signal.SIGKILL)
            await life.until_ended()
        run.count(life, "random")

    @asynccontextmanager
    async def erasing(self) -> AsyncIterator[None]:
        """Erase one after the other until the block ends; they go on writing."""
        worker = asyncio.create_task(self._erase_all())
        try:
            yield
        finally:
            worker.cancel()
            for ended in await asyncio.gather(worker, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    def age(self) -> None:
        """Put webhooks of long ago into the database while no server is there, each time the first of all rows."""
        at = int((self._run.clock.now() - _OLD).timestamp() * 1_000_000)
        rows = [(number, APP_ID, f"old:{number}", at, at, at, at) for number in range(1, _OLD_ROWS + 1)]
        with closing(sqlite3.connect(self._run.database)) as connection, connection:
            connection.executemany(
                "INSERT OR REPLACE INTO inbox (id, app, dedup, kind, state, written_at, received_at, ready_at, settled_at, raw)"
                " VALUES (?, ?, ?, 'inbound', 'ignored', ?, ?, ?, ?, x'7b7d')",
                rows,
            )

    async def restore(self) -> None:
        """Back up, then be killed at each point of the way back; the last one arrives. Nothing may be open meanwhile."""
        run = self._run
        backup = self._next_backup()
        await self._whole("backup", backup)
        for point in run.dice.sample(RESTORING, len(RESTORING)):
            life = run.launch("restore", backup=str(backup), crash=point)
            assert await life.until_ended(), f"A restore did not end. It wrote:\n{life.written()}"
            run.count(life, point)
            self._look_through(run.database, f"The database after a death at {point}")
        await self._whole("restore", backup)

    async def _erase_all(self) -> None:
        run = self._run
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), headers=self._headers) as session:
            while True:
                identity = run.dice.choice(run.driver.identities)
                run.driver.erased.add(identity)
                url = f"http://127.0.0.1:{run.environment['PORT']}/v1/contacts/%2B{identity}"
                await self._ask(session, url)
                await asyncio.sleep(_AGAIN_S)

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.delete(url) as answer:
                told: Mapping[str, object] = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return  # killed meanwhile, or not there yet
        assert answer.status in _ANSWERED, (answer.status, told)
        if answer.status == 200:
            self._erased.set()

    async def _kill_backup(self, point: str) -> None:
        """A backup beside a server at work is killed; the next one is whole; then the server is killed."""
        run = self._run
        life = run.start()
        killed, whole = self._next_backup(), self._next_backup()
        async with run.driver.sending(life.ready):
            assert await life.until_ready(), life.written()
            copying = run.launch("backup", backup=str(killed), crash=point)
            assert await copying.until_ended(), f"A backup did not end. It wrote:\n{copying.written()}"
            run.count(copying, point)
            if killed.exists():
                self.broken.append(f"A backup that died at {point} left {killed.name} as if it were whole.")
            await self._whole("backup", whole)
            run.launcher.signal(life, signal.SIGKILL)
            await life.until_ended()
        run.count(life, "random")
        self._look_through(whole, f"The backup after a death at {point}")
        for path in run.folder.glob("backup-*"):
            path.unlink()

    async def _whole(self, what: str, backup: Path) -> None:
        life = self._run.launch(what, backup=str(backup))
        assert await life.until_ended(), f"A {what} did not end. It wrote:\n{life.written()}"
        assert life.status == 0, f"A {what} ended with {life.status}. It wrote:\n{life.written()}"

    def _look_through(self, database: Path, name: str) -> None:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            damage = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            told = [*audit(connection), *([] if damage == "ok" else [damage])]
        self.broken += [f"{name}: {sentence}" for sentence in told]

    def _next_backup(self) -> Path:
        self._backups += 1
        return self._run.folder / f"backup-{self._backups}.db"
