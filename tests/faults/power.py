"""Loss of power while a business is at work: whatever the disk is left with, everything acknowledged is there, and nothing half done.

The load is run once, on a disk that writes down each step. Then the power goes at many of its moments, and what may be left is opened with
the system's own SQLite. Every commit leaves a state, and the store's content has to be one of them to the last byte: the newest that was
acknowledged, or the one that was being committed. (Bytes between the cells of a page are nobody's, and erasing zeroes them in place.)
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from bisect import bisect_right
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from bot.store.sqlite import SqliteStore, open_store
from bot.store.sqlite.audit import broken
from bot.store.sqlite.connection import migrations
from bot.store.sqlite.sweeping import _middle
from tests.faults.power_disk import Disk, Remains, Sync, moments
from tests.faults.power_load import Load
from tests.faults.power_sqlite import on
from tests.prove.proof import Share
from tests.sinch.payloads import APP
from tests.store.business import START, WITHIN, Business

DEEDS: Final = 120
IMAGES_A_LIFE: Final = 250
_OPENED_EVERY: Final = 25
_MOST_TOLD: Final = 20
_EMPTY: Final = hashlib.blake2b(b"").digest()
_OFTEN: Final = {"PRAGMA wal_autocheckpoint=4000": "PRAGMA wal_autocheckpoint=60"}


class _Place:
    """The business's database, of which nothing is read beside the store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: SqliteStore | None = None

    async def open(self, app: str) -> SqliteStore:
        self._store = await open_store(self._path, app=app)
        return self._store

    async def close(self) -> None:
        assert self._store is not None
        await self._store.close()

    async def left(self) -> None:
        raise NotImplementedError

    def rows(self, question: str, *values: object) -> list[Any]:
        raise NotImplementedError

    def broken(self) -> list[str]:
        raise NotImplementedError


@dataclass
class Life:
    """A load that was run. ``states`` are digests of what each commit left, ``known_at`` how many steps the disk had been told then."""

    disk: Disk = field(default_factory=Disk)
    states: list[bytes] = field(default_factory=lambda: [_EMPTY])
    known_at: list[int] = field(default_factory=lambda: [0])
    load: Load | None = None

    def committed(self, connection: apsw.Connection) -> None:
        """A statement has ended that wrote, and no transaction is open."""
        state = _state(connection.serialize("main"))
        if state != self.states[-1]:
            self.states.append(state)
            self.known_at.append(len(self.disk.steps))

    async def run(self, folder: Path, dice: random.Random, deeds: int, synchronous: str) -> Load:
        """The whole load, on a new database in ``folder``."""
        said = {**_OFTEN, "PRAGMA synchronous=FULL": f"PRAGMA synchronous={synchronous}"}
        place = _Place(folder / "parley.db")
        self.load = Load(Business(place), self.disk, dice)
        with on(self.disk, folder, self.committed, said):
            await self.load.run(deeds)
            before = len(self.disk.steps)
            await place.close()
        del self.disk.steps[before:]  # the power went before
        return self.load


def _state(content: bytes) -> bytes:
    """A digest of all pages, but for what lies between their cells. Without a table there is nothing to lose, so that is one state."""
    size = int.from_bytes(content[16:18], "big")
    if len(content) <= size:
        return _EMPTY
    pages = bytearray(content)
    for start in range(size, len(pages), size):
        if middle := _middle(memoryview(pages)[start : start + size]):
            pages[start + middle.start : start + middle.stop] = bytes(middle.stop - middle.start)
    return hashlib.blake2b(pages).digest()


@dataclass
class Judge:
    """Opens images of one life in ``folder``."""

    folder: Path
    life: Life
    load: Load
    broken: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _sound: set[int] = field(default_factory=set)
    _facts_seen: dict[int, int] = field(default_factory=dict)

    async def look(self, remains: Remains, dice: random.Random) -> None:
        """One loss of power."""
        image = remains.image(dice)
        path = self._lay_out(image, dice)
        self.happened["losses of power with something not synced"] += bool(remains.unsynced)
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=OFF")
                self._judge(connection, remains.position)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where it wants to say what is broken
            self._tell(remains.position, f"it cannot be read: {error}")
        self._look_for_the_erased(image, remains.position)
        if dice.randrange(_OPENED_EVERY) == 0 and not self.broken:
            await self._open(self._lay_out(image, dice), remains.position)

    def _lay_out(self, image: dict[str, bytes], dice: random.Random) -> Path:
        for each in self.folder.iterdir():
            each.unlink()
        for name, content in image.items():
            (self.folder / name).write_bytes(content)
        if dice.random() < 0.3:  # the log's index is never synced: whatever it holds
            (self.folder / "parley.db-shm").write_bytes(dice.randbytes(32768))
        return self.folder / "parley.db"

    def _judge(self, connection: sqlite3.Connection, position: int) -> None:
        least = bisect_right(self.life.known_at, position) - 1
        try:
            number = self.life.states.index(_state(_content(connection)), least)
        except ValueError:
            self._unknown(connection, position, least)
            return
        if number > least + 1:
            self._tell(position, f"it is at commit {number}, which was not begun yet; acknowledged was {least}")
        self.happened["losses of power in the middle of a commit that counts all the same"] += number > least
        if number not in self._sound:
            self._sound.add(number)
            self._check(connection, position)
        self._check_facts(connection, position, number)

    def _unknown(self, connection: sqlite3.Connection, position: int, least: int) -> None:
        """The content is none that was committed from the newest acknowledged commit on."""
        content = _state(_content(connection))
        if content in self.life.states:
            older = self.life.states.index(content)
            self._tell(position, f"acknowledged was commit {least}, and it is at commit {older}")
            if older:
                self._check_facts(connection, position, older)
        else:
            rows = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            self._tell(position, f"its content is that of no commit; the integrity check says {rows[:3]}")

    def _check(self, connection: sqlite3.Connection, position: int) -> None:
        """The state itself is sound; asked once of each."""
        rows = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if rows != ["ok"]:
            self._tell(position, f"the integrity check says {rows[:3]}")
        if connection.execute("PRAGMA user_version").fetchone()[0] == migrations()[-1][0]:
            for sentence in broken(connection):
                self._tell(position, sentence)

    def _check_facts(self, connection: sqlite3.Connection, position: int, number: int) -> None:
        """What callers were told, in words; those asked of this state before are not asked again."""
        facts = self.load.facts
        seen = self._facts_seen.get(number, 0)
        due = bisect_right(facts, position, key=lambda fact: fact.position)
        for fact in facts[seen:due]:
            if self.load.until.get(fact, position + 1) <= position:
                continue
            if connection.execute(fact.question, fact.values).fetchone() is None:
                self._tell(position, f"{fact.sentence} was acknowledged and is not there")
        self._facts_seen[number] = max(seen, due)

    def _look_for_the_erased(self, image: dict[str, bytes], position: int) -> None:
        for gone in self.load.gone:
            if gone.position > position:
                continue
            self.happened["losses of power after an erasure"] += 1
            for name, content in image.items():
                if gone.word in content:
                    self._tell(position, f"{name} holds what was erased: {gone.word.decode()}")
            if gone.mark not in image.get("parley.db.erased", b""):
                self._tell(position, f"the list of erasures has no line for {gone.word.decode()}")

    async def _open(self, path: Path, position: int) -> None:
        """As a server that starts."""
        store = await open_store(path, app=APP)
        try:
            await store.recover(START, START + WITHIN)
            await store.recover_calls(START)
            await store.campaigns.recover()
            await store.subscriptions.recover(START)
            await store.probe()
        finally:
            await store.close()
        with closing(sqlite3.connect(path)) as connection:
            for sentence in broken(connection):
                self._tell(position, f"after a start: {sentence}")
        self.happened["starts after a loss of power"] += 1

    def _tell(self, position: int, what: str) -> None:
        if len(self.broken) < _MOST_TOLD:
            self.broken.append(f"Power lost after step {position}: {what}.")


async def lose_power(seed: int, images: int, folder: Path, synchronous: str = "FULL", deeds: int = DEEDS) -> Share:
    """So many losses of power, a new load every ``IMAGES_A_LIFE``. ``synchronous`` is what the database is told instead of ours."""
    dice, done = random.Random(seed), 0
    told: list[str] = []
    happened: Counter[str] = Counter()
    while done < images and not told:
        here = _room(folder, done)
        count = min(IMAGES_A_LIFE, images - done)
        judge = await _one_life(here, count, dice, synchronous, deeds)
        done += count
        happened += judge.happened
        told += judge.broken
    return Share(done, tuple(told), dict(happened))


def _room(folder: Path, number: int) -> Path:
    room = folder.resolve() / f"life{number}"
    (room / "image").mkdir(parents=True)
    return room


async def _one_life(folder: Path, images: int, dice: random.Random, synchronous: str, deeds: int) -> Judge:
    life = Life()
    load = await life.run(folder, random.Random(dice.random()), deeds, synchronous)
    judge = Judge(folder / "image", life, load)
    judge.happened["commits"] = len(life.states) - 1
    judge.happened["checkpoints"] = checkpoints(life.disk)
    judge.happened["people erased"] = len(load.gone)
    remains, steps = Remains(), iter(life.disk.steps)
    for position in moments(life.disk.steps, [*life.known_at, *(gone.position for gone in load.gone)], images, dice):
        while remains.position < position:
            remains.go_on(next(steps))
        await judge.look(remains, dice)
    return judge


def checkpoints(disk: Disk) -> int:
    """How often pages of the log were brought into the database and synced there."""
    database = disk.opened("parley.db")
    return sum(isinstance(step, Sync) and step.file == database for step in disk.steps)


def _content(connection: sqlite3.Connection) -> bytes:
    """All pages; none of a file that was only just made."""
    return connection.serialize() if connection.execute("PRAGMA page_count").fetchone()[0] else b""
