"""Stretches of the road, and runs of many kills on each: the same for the quick size and for the proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.kill.business import OF_A_CAMPAIGN, OTHERS, Business
from tests.kill.data import BACKING_UP, ERASING, FORGETTING, RESTORING, Records, key_of
from tests.kill.driver import EVERYTHING, ORDERS
from tests.kill.lives import Launcher
from tests.kill.office import office
from tests.kill.run import ASKED, RELOADING, SPEED, Run, kill_run
from tests.kill.settings import write_config

LONGEST_LIFE_S: Final = 0.4
_RESTORES_OF: Final = 60  # kills: once for so many everything is restored in the end
_RECIPIENTS: Final = 60  # of a campaign
_DRAIN_S: Final = 120.0
# What is found at the next start alone, once for each that was left behind.
_LEFT_AT: Final = {"reconcile.in_transaction": "start.committed", "call.recovered": "call.started"}


@dataclass(frozen=True, slots=True)
class Hop:
    """Crash points of one stretch, each killed at once a round, at its ``latest_visit``-th visit at the latest.

    ``speed``: how fast time runs; where answers are awaited that backends give in real time it runs slower. ``moments``: how many kills at
    any moment a round has. ``kinds``: what people say. ``edited_every``: in which rounds staff save; a life that finds an unsound folder
    looks it through, which costs more than the life.
    """

    points: tuple[str, ...]
    latest_visit: int = 1
    speed: float = SPEED
    moments: int = 2
    kinds: Mapping[str, int] = field(default_factory=lambda: EVERYTHING)
    edited_every: int = 10


HOPS: Final = {
    "record": Hop(("receive.body", "record.in_transaction", "record.committed", "webhook.answered"), 8),
    "decide": Hop(("decide.inside", "settle.in_transaction", "settle.committed", "question.asked"), 4),
    "send": Hop(
        (
            "start.in_transaction",
            "start.committed",
            "send.written",
            "send.answered",
            "finish.in_transaction",
            "finish.committed",
            "receipt.in_transaction",
            "reconcile.in_transaction",
        ),
        4,
    ),
    "timers": Hop(("timers.in_transaction", "timers.committed"), 2),
    "calls": Hop(
        (
            "call.claimed",
            "call.started",
            ASKED,
            "call.answered",
            "call.in_transaction",
            "call.finished",
            "call.recovered",
            "held.released",
        ),
        3,
        speed=20.0,
    ),
    "reload": Hop(RELOADING, moments=20, edited_every=1),
    "data": Hop((*ERASING, *FORGETTING, *BACKING_UP, *RESTORING), moments=4, kinds=ORDERS),
    "business": Hop((*OF_A_CAMPAIGN, *OTHERS), speed=20.0, kinds=ORDERS),
}
AT_START: Final = "migrate.in_transaction"  # of every run
COLD: Final = ("record.committed", "settle.committed", "send.answered")


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a run. ``killed`` by crash point, ``random`` and ``cold``; ``missed``: crash points that were not come by in time."""

    kills: int
    killed: Mapping[str, int]
    broken: tuple[str, ...]
    missed: tuple[str, ...]
    story: str


Kills = Callable[[], Awaitable[None]]
Afterwards = Callable[[], Awaitable[list[str]]]


async def killed_on(name: str, seed: int, kills: int, folder: Path, parent: Launcher | None = None) -> Found:
    """About so many kills on one stretch, on one database, then what both oracles say; never fewer than one round."""
    hop = HOPS[name]
    async with kill_run(folder, seed, "", hop.speed, hop.kinds, parent) as run, AsyncExitStack() as ending:
        await run.kill_at(AT_START)
        afterwards: Afterwards = _nothing
        if name == "business":
            afterwards = await _business(run, hop, kills, ending)
        elif name == "data":
            afterwards = await _data(run, hop, kills)
        else:
            await _rounds(run, kills, hop, lambda: _each_point(run, hop))
        judgement = await run.finish(_DRAIN_S)
        return _found(run, seed, (*judgement.broken, *await afterwards()))


async def killed_cold(seed: int, cold: int, kills: int, folder: Path, parent: Launcher | None = None) -> Found:
    """First ``cold`` kills of servers that were started as an operator does, then warm ones up to ``kills``."""
    hop = HOPS["record"]
    async with kill_run(folder, seed, "", 1.0, EVERYTHING, parent) as run:
        for number in range(cold):
            await run.kill_cold_at(COLD[number % len(COLD)], run.dice.randint(1, 4))
        run.hurry()
        if kills > cold:
            await _rounds(run, kills, hop, lambda: _each_point(run, hop))
        judgement = await run.finish(_DRAIN_S)
        return _found(run, seed, judgement.broken)


def _found(run: Run, seed: int, broken: tuple[str, ...]) -> Found:
    killed = Counter(run.killed)
    if run.cold:
        killed["cold"] = run.cold
    return Found(run.kills, dict(killed), broken, tuple(run.missed), f"seed {seed}: {run.story()}")


async def _rounds(run: Run, kills: int, hop: Hop, one: Kills) -> None:
    number = 0
    while run.kills < kills:
        await one()
        if edits := number % hop.edited_every == hop.edited_every - 1:
            run.staff.save_unsound()
        for _ in range(hop.moments):
            await run.kill_any_moment(run.dice.random() * LONGEST_LIFE_S)
        if edits:
            run.staff.save()
        number += 1


async def _each_point(run: Run, hop: Hop) -> None:
    for point in run.dice.sample(hop.points, len(hop.points)):
        if point in _LEFT_AT:
            await run.kill_at(_LEFT_AT[point])
            await run.kill_at(point)
        else:
            await run.kill_at(point, run.dice.randint(1, hop.latest_visit))


async def _data(run: Run, hop: Hop, kills: int) -> Afterwards:
    records = Records(run, await key_of(run.database))
    records.age()  # the first of all rows

    async def one() -> None:
        await records.kills()
        async with records.erasing():
            await run.kill_any_moment(run.dice.random() * LONGEST_LIFE_S)

    await _rounds(run, kills - kills // _RESTORES_OF * (len(RESTORING) + 1), hop, one)
    await records.erase()
    return lambda: _restored(run, records, kills)


async def _restored(run: Run, records: Records, kills: int) -> list[str]:
    """Everything has drained: it is restored from a backup of now, goes on, and is judged again."""
    broken: list[str] = []
    for _ in range(max(1, kills // _RESTORES_OF)):
        await records.restore()
        run.driver.go_on()
        await run.kill_any_moment(LONGEST_LIFE_S)
        broken += (await run.finish(_DRAIN_S)).broken
    return [*records.broken, *broken]


async def _business(run: Run, hop: Hop, kills: int, ending: AsyncExitStack) -> Afterwards:
    shop = run.backend.url.removeprefix("http://")
    key = await key_of(run.database)
    told = await ending.enter_async_context(office(f"http://127.0.0.1:{run.environment['PORT']}", key, run.dice))
    write_config(run.folder, shop, told.url.removeprefix("http://").partition("/")[0])
    business = Business(run, told, _RECIPIENTS)
    await business.begin()
    await _rounds(run, kills, hop, business.kills)
    await business.end()

    async def afterwards() -> list[str]:
        return business.broken()

    return afterwards


async def _nothing() -> list[str]:
    return []
