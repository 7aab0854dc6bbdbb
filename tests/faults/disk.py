"""A database that cannot be written for a while, again and again, under a server that lives through all of it.

Real processes and real HTTP: the webhooks of Sinch, an office that sends by the API, and somebody who asks whether the server is ready. A
fault is one of ``FAULTS``; while it lasts the server has to say so, and once it is over to go on by itself. In the end everything that was
acknowledged is there, and nothing was sent that is not recorded: the oracle compares both sides.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import orjson

from bot.store.sqlite import open_store
from bot.store.sqlite.sweeping import wal_of
from bot.web.api.keys import make_key
from tests.kill.driver import APP_ID, EVERYTHING, ORDERS
from tests.kill.lives import Life
from tests.kill.run import Run, kill_run
from tests.prove.proof import Share

Talk = tuple[Mapping[str, int], float]
# What people say and how fast time runs: slower where backends are asked, which answer in real time.
ORDERING: Final[Talk] = (ORDERS, 60.0)
ASKING: Final[Talk] = (EVERYTHING, 20.0)
_SEEN_WITHIN_S: Final = 30.0
_WELL_WITHIN_S: Final = 30.0
_LOOK_S: Final = 0.02

Answer = tuple[int, Mapping[str, str], str]
Look = Callable[[], Awaitable[bool]]


# --- faults -----------------------------------------------------------------------------------------------------------------


@contextmanager
def _no_file_grows(life: Life, database: Path, dice: random.Random) -> Iterator[None]:
    """No file of the process takes a byte: not the database, not its log, not the log lines (EFBIG instead of ENOSPC)."""
    with _largest_file(life, 0):
        yield


@contextmanager
def _log_is_full(life: Life, database: Path, dice: random.Random) -> Iterator[None]:
    """The database's log has room for some pages more, and for a part of the next."""
    _begin_log_anew(database)
    with _largest_file(life, _end_of_log(database) + dice.randrange(20_000)):
        yield


def _begin_log_anew(database: Path) -> None:
    """Leave no room in the log that the disk has given to it already; where somebody reads it, it has none."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=0.2)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _end_of_log(database: Path) -> int:
    """Where its next page goes (SQLite, WAL-mode file format, the index's header)."""
    index = database.with_name(f"{database.name}-shm").read_bytes()[:20]
    return 32 + int.from_bytes(index[16:20], sys.byteorder) * (24 + 4096)


@contextmanager
def _largest_file(life: Life, size: int) -> Iterator[None]:
    """From outside, on the running process; Python ignores the signal, so that writing fails as on a full disk."""
    before = resource.prlimit(life.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(life.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(life.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def _locked(life: Life, database: Path, dice: random.Random) -> Iterator[None]:
    """Another program is in the middle of a transaction that writes."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute(dice.choice(("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE")))
        if dice.random() < 0.5:
            connection.execute("UPDATE setting SET value = x'00' WHERE name = 'probe'")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def _disk_is_full(life: Life, database: Path, dice: random.Random) -> Iterator[None]:
    """Truly, to the last byte or nearly so. Only where the folder is a small disk of its own."""
    _begin_log_anew(database)
    filler = database.with_name("filler")
    with filler.open("wb", buffering=0) as file:
        for piece in (1 << 20, 4096):
            with suppress(OSError):
                while file.write(bytes(piece)) == piece:
                    pass
    os.truncate(filler, max(0, filler.stat().st_size - 4096 * dice.choice((0, 0, 1, 8))))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _moved_away(life: Life, database: Path, dice: random.Random) -> Iterator[None]:
    """Somebody tidies up. What the server would write now, nobody would find again."""
    lost = dice.choice((database, wal_of(database)))
    aside = lost.with_name("aside")
    lost.rename(aside)
    try:
        if dice.random() < 0.5:
            lost.touch()
        yield
    finally:
        aside.rename(lost)


Fault = Callable[[Life, Path, random.Random], AbstractContextManager[None]]
FAULTS: Final[Mapping[str, Fault]] = {
    "no file may grow": _no_file_grows,
    "the log is full": _log_is_full,
    "another program writes": _locked,
    "a file was moved away": _moved_away,
}
DISK_IS_FULL: Final = "the disk is full"
# What /readyz has to say of each.
_WHY: Final = {
    "no file may grow": "disk I/O error",
    "the log is full": "disk I/O error",
    "another program writes": "database is locked",
    "a file was moved away": "was deleted or replaced",
    DISK_IS_FULL: "database or disk is full",
}


def on_small_disk() -> Mapping[str, Fault]:
    """The faults of a folder that is a small disk of its own."""
    return {**FAULTS, DISK_IS_FULL: _disk_is_full}


# --- what callers see -------------------------------------------------------------------------------------------------------


@dataclass
class Callers:
    """Everybody but the driver."""

    url: str
    key: str
    session: aiohttp.ClientSession
    placed: dict[str, str] = field(default_factory=dict)
    _serial: int = 0

    async def readiness(self) -> Answer:
        return await self._answered("GET", "/readyz")

    async def send(self) -> Answer:
        """A message by the API; 202 means that it is there for good."""
        self._serial += 1
        number = f"office-{self._serial}"
        body = {"to": "+46730000001", "template": {"name": "order_packed", "values": {"number": str(self._serial)}}}
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": number}
        answer = await self._answered("POST", "/v1/messages", json=body, headers=headers)
        if answer[0] == 202:
            self.placed[number] = answer[2]
        return answer

    async def _answered(self, method: str, path: str, **more: object) -> Answer:
        async with self.session.request(method, self.url + path, **more) as answer:  # type: ignore[arg-type]
            return answer.status, answer.headers, await answer.text()


@dataclass
class Ordeal:
    """One server and all that is done to its database. ``broken`` tells what callers saw that they should not have."""

    run: Run
    life: Life
    callers: Callers
    faults: Mapping[str, Fault]
    turns: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    async def cycle(self) -> None:
        """One fault, until everybody has heard of it; then until all is well again."""
        self.turns = self.turns or self.run.dice.sample(list(self.faults), len(self.faults))
        name = self.turns.pop()
        reader = _reading(self.run.database) if self.run.dice.random() < 0.2 else nullcontext()
        with reader:
            with self.faults[name](self.life, self.run.database, self.run.dice):
                await self._until(
                    name, "to be refused", _SEEN_WITHIN_S, self._webhook(503), self._unready(name), self._send(503)
                )
            await self._until(name, "to go on", _WELL_WITHIN_S, self._webhook(200), self._ready, self._send(202))
        self.happened[name] += 1
        self.happened["behind a long reader"] += not isinstance(reader, nullcontext)

    async def _until(self, name: str, what: str, within_s: float, *wanted: Look) -> None:
        """Look until each was seen once."""
        left, until = list(wanted), time.monotonic() + within_s
        while left and time.monotonic() < until:
            left = [look for look in left if not await look()]
            await asyncio.sleep(_LOOK_S)
        if left:
            status, _, told = await self.callers.readiness()
            self.broken.append(
                f"{name}: waited {within_s:.0f} s for {what} ({[look.__name__ for look in left]}); /readyz says {status}: {told[:300]}"
            )

    def _webhook(self, status: int) -> Look:
        before = self.run.driver.answers[status]

        async def webhook() -> bool:
            return self.run.driver.answers[status] > before

        return webhook

    def _send(self, wanted: int) -> Look:
        async def send() -> bool:
            status, headers, told = await self.callers.send()
            if status not in (202, 503) or (status == 503 and "Retry-After" not in headers):
                self.broken.append(f"POST /v1/messages was answered {status} {told[:200]}")
            self.happened["messages refused"] += status == 503
            return status == wanted

        return send

    def _unready(self, name: str) -> Look:
        async def readiness() -> bool:
            status, _, told = await self.callers.readiness()
            return status == 503 and any(_WHY[name] in problem for problem in orjson.loads(told)["problems"])

        return readiness

    async def _ready(self) -> bool:
        return (await self.callers.readiness())[0] == 200


@contextmanager
def _reading(database: Path) -> Iterator[None]:
    """Another program reads what was, all the while."""
    with closing(
        sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
    ) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM inbox").fetchone()
        yield


@asynccontextmanager
async def _ordeal(seed: int, folder: Path, faults: Mapping[str, Fault], talk: Talk) -> AsyncIterator[Ordeal]:
    kinds, speed = talk
    async with kill_run(folder, seed, "", speed, kinds) as run:
        key = await _key(run.database)
        life = run.start()
        assert await life.until_ready(), life.written()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            url = f"http://127.0.0.1:{run.environment['PORT']}"
            yield Ordeal(run, life, Callers(url, key, session), faults)


async def _key(database: Path) -> str:
    store = await open_store(database, app=APP_ID)
    try:
        return await make_key(store, "office", ["admin"], datetime.now(UTC))
    finally:
        await store.close()


async def fail_writing(
    seed: int,
    cycles: int,
    folder: Path,
    faults: Mapping[str, Fault] = FAULTS,
    talk: Talk = ORDERING,
) -> Share:
    """So many times one server cannot write, and once more can; in the end both sides are compared. ``talk``: ORDERING or ASKING."""
    done = 0
    async with _ordeal(seed, folder, faults, talk) as ordeal:
        run, life = ordeal.run, ordeal.life
        async with run.driver.sending():
            while done < cycles and not ordeal.broken:
                await ordeal.cycle()
                done += 1
        if not ordeal.broken:
            ordeal.broken += (await run.finish(last=life)).broken
            ordeal.broken += _missing(run.database, ordeal.callers.placed)
        ordeal.broken += _accidents(folder / "server.log")
        ordeal.happened["webhooks refused"] = run.driver.answers[503]
        ordeal.happened["webhooks acknowledged"] = len(run.driver.acknowledged)
    return Share(done, tuple(ordeal.broken), dict(ordeal.happened))


def _missing(database: Path, placed: Mapping[str, str]) -> list[str]:
    """What the API took and the database has not."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        kept = {row[0] for row in connection.execute("SELECT id FROM outbox")}
    ids = {number: orjson.loads(answer)["id"] for number, answer in placed.items()}
    return [f"The API took {number}, and it is not there." for number, id_ in ids.items() if id_ not in kept]


def _accidents(log: Path) -> list[str]:
    """What the server logged that nobody had thought of."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [f"The server logged {line[:1000]}" for line in lines if "Traceback" in line][:5]
