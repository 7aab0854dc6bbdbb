"""One run: the same database through many lives of the server, each ended by SIGKILL, then a last one that finishes everything."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.kill.backend import Backend, backend
from tests.kill.clock import FastClock
from tests.kill.driver import APP_ID, ORDERS, SECRET, Driver
from tests.kill.edits import Staff
from tests.kill.lives import Launcher, Life, cold_start, launcher, quiet_port
from tests.kill.settings import RULES, environment, write_config
from tests.log_watch import naming
from tests.oracle import Judgement, accepted_in, judge
from tests.oracle_later import Witness

SPEED = 60.0
PEOPLE = 40
ASKED = "call.sent"  # no place of ours: the backend has the whole request in its hands, so it is the one that tells

RELOADING = ("reload.approved", "reload.stored", "reload.swapped")

_LIFE_S = 8.0  # at most; a crash point that was not reached by then is told as missed
_DRAIN_S = 45.0

_UNFINISHED = """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
         + (SELECT count(*) FROM outbox WHERE state IN ('queued', 'waiting', 'sending', 'unknown'))
         + (SELECT count(*) FROM outbox WHERE state = 'sent' AND kind = 'message' AND delivery < 3)
         + (SELECT count(*) FROM timer) + (SELECT count(*) FROM recipient WHERE state = 'pending')
         + (SELECT count(*) FROM news)
"""


@dataclass
class Run:
    """``killed`` counts lives that ended at each crash point, ``random`` those ended at any moment, ``cold`` those of an operator's own
    start; ``missed`` names points not reached."""

    folder: Path
    clock: FastClock
    driver: Driver
    launcher: Launcher
    backend: Backend
    staff: Staff
    environment: dict[str, str]
    dice: random.Random
    sabotage: str = ""
    has_served: bool = False
    started_at: list[datetime] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    cold: int = 0

    @property
    def database(self) -> Path:
        """The one that outlives every server."""
        return self.folder / "parley.db"

    @property
    def truth(self) -> Path:
        """What the emulator accepted."""
        return self.folder / "truth.jsonl"

    @property
    def kills(self) -> int:
        """How many so far."""
        return self.killed.total()

    async def kill_at(self, point: str, visit: int = 1) -> None:
        """A life that ends at the ``visit``-th time it comes by a crash point; at any moment, where it does not come by in time."""
        if point in RELOADING and self.has_served and self.dice.random() < 0.5:
            self.staff.save_unsound()  # it starts with the last good one, and hears of a sound one when it is there
        life = self.start("" if point == ASKED else f"{point}:{visit}")
        if point == ASKED:
            self.backend.at(visit, lambda: self.launcher.signal(life, signal.SIGKILL))
        async with self.driver.sending(life.ready):
            if await life.until_ready():
                self.has_served = True
                if point in RELOADING:
                    self.staff.save()
            if not await life.until_ended(_LIFE_S):
                self.missed.append(f"{point}:{visit}")
                self.launcher.signal(life, signal.SIGKILL)
                await life.until_ended()
                point = "random"
        self.backend.answer_again()
        self.count(life, point)

    async def kill_any_moment(self, after_s: float) -> None:
        """A life that ends so many seconds after it began, ready or not."""
        life = self.start()
        async with self.driver.sending(life.ready):
            await life.until_ended(after_s)
            self.launcher.signal(life, signal.SIGKILL)
            await life.until_ended()
        self.count(life, "random")

    async def kill_cold_at(self, point: str, visit: int = 1) -> None:
        """The same as ``kill_at``, with a server started as an operator would."""
        self.started_at.append(self.clock.now())
        cold = await cold_start(self.folder, self.environment, f"{point}:{visit}")
        try:
            async with self.driver.sending(cold.life.ready):
                await cold.life.until_ready()
                if not await cold.life.until_ended(_LIFE_S):
                    self.missed.append(f"{point}:{visit}")
                    point = "random"
        finally:
            await cold.close()
        self.count(cold.life, point)
        self.cold += 1

    async def finish(self, drain_s: float = _DRAIN_S, last: Life | None = None) -> Judgement:
        """A last life: everything that was said is acknowledged, everything drains, SIGTERM ends it well; then both sides are compared.

        ``last``: the one that lives already.
        """
        life = last or self.start()
        assert await life.until_ready(), life.written()
        await self.driver.finish()
        await self._drained(life, drain_s)
        self.launcher.signal(life, signal.SIGTERM)
        assert await life.until_ended(), f"SIGTERM did not end it. It wrote:\n{life.written()}"
        assert life.status == 0, f"SIGTERM ended it with {life.status}. It wrote:\n{life.written()}"
        named = naming(life.lines())
        assert not named, f"These lines of the log may name somebody: {named[:3]}"
        witness = Witness(self.backend.asked, self.started_at, self.staff.unsound)
        return judge(self.database, self.truth, self.driver.told(), witness)

    def hurry(self) -> None:
        """From here on time runs fast for the server and the driver, so that a wait for receipts is short."""
        self.clock = self.driver.clock = FastClock(datetime.now(UTC), SPEED)

    async def _drained(self, life: Life, drain_s: float) -> None:
        until = time.monotonic() + drain_s
        while left := unfinished(self.database):
            assert time.monotonic() < until, (
                f"{left} rows are unfinished after {drain_s:.0f} s. It wrote:\n{life.written()}"
            )
            await asyncio.sleep(0.05)

    def start(self, crash: str = "") -> Life:
        """A life of the server, to die at ``crash``."""
        self.started_at.append(self.clock.now())
        return self.launch("server", environment=self.environment, crash=crash, sabotage=self.sabotage)

    def launch(self, what: str, **order: object) -> Life:
        """Start one of this run's processes; see ``tests.kill.launcher.Order``."""
        origin, speed = self.clock.origin.isoformat(), self.clock.speed
        return self.launcher.start(what, self.folder, origin=origin, speed=speed, **order)

    def count(self, life: Life, point: str) -> None:
        """It was killed there."""
        assert life.status == -signal.SIGKILL, (
            f"{point}: it ended with {life.status} by itself. It wrote:\n{life.written()}"
        )
        self.killed[point] += 1

    def story(self) -> str:
        """What happened, for a person who reads a red run."""
        told = [
            f"{self.kills} kills: {dict(sorted(self.killed.items()))}",
            f"missed {self.missed}",
            f"{len(self.driver.acknowledged)} messages acknowledged",
            f"{len(accepted_in(self.truth))} sends accepted",
            f"{len(self.backend.asked)} requests to the backend",
            f"{self.staff.saves} saves, {len(self.staff.unsound)} of them unsound",
            f"{len(self.driver.stopped)} people said STOP",
        ]
        return "; ".join(told)


def unfinished(database: Path) -> int:
    """How many rows still have to go on, or have receipts to come."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        found: int = connection.execute(_UNFINISHED).fetchone()[0]
        return found


@asynccontextmanager
async def kill_run(
    folder: Path,
    seed: int,
    sabotage: str = "",
    speed: float = SPEED,
    kinds: Mapping[str, int] = ORDERS,
    parent: Launcher | None = None,
) -> AsyncIterator[Run]:
    """A run in ``folder``; everything random in it comes from ``seed``, but for the moments that the machine itself deals.

    ``kinds``: what people say, see ``Driver``. ``parent``: one that is warm already; the run leaves no child of it behind.
    """
    dice = random.Random(seed)
    clock = FastClock(datetime.now(UTC), speed)
    port = quiet_port()
    url = f"http://127.0.0.1:{port}/webhooks/sinch"
    driver = Driver(url, clock, PEOPLE, dice, kinds)
    async with backend(dice) as shop, AsyncExitStack() as ending:
        started = parent if parent is not None else await ending.enter_async_context(launcher())
        ending.push_async_callback(started.end_all)
        write_config(folder, shop.url.removeprefix("http://"))
        staff = Staff(folder / "shop", RULES, shop.url)
        emulator = started.start(
            "emulator",
            folder,
            origin=clock.origin.isoformat(),
            speed=speed,
            port=quiet_port(),
            app_id=APP_ID,
            webhook=url,
            secret=SECRET,
            seed=seed,
        )
        assert await emulator.until_ready(), emulator.written()
        await _introduce(emulator.address, driver.identities)
        settings = environment(folder, port, emulator.address)
        yield Run(folder, clock, driver, started, shop, staff, settings, dice, sabotage)


async def _introduce(sinch: str, identities: list[str]) -> None:
    """Everybody wrote once before, so that the emulator, too, holds their windows open."""
    async with aiohttp.ClientSession() as session:
        for identity in identities:
            said = {"identity": identity, "text": "hi", "app_id": APP_ID}
            async with session.post(
                f"{sinch}/emulator/say", json=said, headers={"Authorization": "Basic a2lsbDpraWxs"}
            ) as answer:
                assert answer.status == 200, await answer.text()
