"""Nothing acknowledged is lost, nothing is decided or sent twice, whenever the server dies; and a server that breaks this is found out.

Real processes, a real database file, a real emulator that writes its truth before it answers. ``PARLEY_KILL_SEED`` repeats a run's dice,
``PARLEY_KILL_ROUNDS`` makes the runs longer.
"""

import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.crash import POINTS
from tests.kill import sabotage
from tests.kill.driver import EVERYTHING, ORDERS
from tests.kill.lives import Launcher, launcher
from tests.kill.points import BUSINESS
from tests.kill.run import ASKED, RELOADING, SPEED, Run, kill_run

ROUNDS = int(os.environ.get("PARLEY_KILL_ROUNDS", "2"))
RANDOM_MOMENTS = 2  # a round
LONGEST_LIFE_S = 0.6


@dataclass(frozen=True, slots=True)
class Hop:
    """Crash points of one stretch of the road, each killed at once a round, at its ``latest_visit``-th visit at the latest.

    ``speed``: how fast time runs; where answers are awaited that backends give in real time it runs slower.
    """

    points: tuple[str, ...]
    latest_visit: int
    speed: float = SPEED


HOPS = {
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
    "reload": Hop(RELOADING, 1),
}
# What is found at the next start alone, once for each that was left behind.
LEFT_AT = {"reconcile.in_transaction": "start.committed", "call.recovered": "call.started"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parent() -> AsyncIterator[Launcher]:
    """One warmed parent for all runs: to warm it takes longer than many kills."""
    async with launcher() as started:
        yield started


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))


async def kill_rounds(run: Run, hop: Hop) -> None:
    for number in range(ROUNDS):
        for point in run.dice.sample(hop.points, len(hop.points)):
            if point in LEFT_AT:
                await run.kill_at(LEFT_AT[point])
                await run.kill_at(point)
            else:
                await run.kill_at(point, run.dice.randint(1, hop.latest_visit))
        run.staff.save() if number % 2 else run.staff.save_unsound()
        for _ in range(RANDOM_MOMENTS):
            await run.kill_any_moment(run.dice.random() * LONGEST_LIFE_S)


def test_every_crash_point_is_killed_at() -> None:
    killed_at = {"migrate.in_transaction", *BUSINESS, *(point for hop in HOPS.values() for point in hop.points)}
    assert killed_at == {*POINTS, ASKED}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("hop", HOPS)
async def test_kills_lose_nothing_and_double_nothing(
    hop: str, parent: Launcher, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    async with kill_run(tmp_path, seed, "", HOPS[hop].speed, EVERYTHING, parent) as run:
        await run.kill_at("migrate.in_transaction")
        await kill_rounds(run, HOPS[hop])
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    request.node.add_report_section("call", "kill run", f"{story}; accepted twice: {judgement.twice}")
    assert not judgement.broken, "\n".join((story, *judgement.broken))
    assert not run.missed, story
    assert len(run.driver.acknowledged) > run.kills, story


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_started_as_an_operator_does_loses_nothing_either(
    parent: Launcher, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    async with kill_run(tmp_path, seed, "", 1.0, EVERYTHING, parent) as run:
        for point in ("record.committed", "settle.committed", "send.answered"):
            await run.kill_cold_at(point, run.dice.randint(1, 4))
        run.hurry()
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    request.node.add_report_section("call", "kill run", story)
    assert not judgement.broken, "\n".join((story, *judgement.broken))
    assert not run.missed, story


FOUND_OUT = [
    ("start before commit", ["send.answered:1", "send.answered:2"] * 2, "I5: Sinch accepted "),
    ("acknowledge before commit", ["webhook.answered:6"] * 4, "was acknowledged and is not in the inbox"),
    ("duplicates known in memory", ["webhook.answered:6"] * 4, "is in the inbox 2 times"),
    ("every call repeated", ["call.sent:3", "call.answered:3", "call.sent:3"], "I9: a backend got the POST of call "),
    ("timers dropped later", ["timers.committed"] * 2, " fired 2 times"),
    ("held rows decided at once", ["call.finished:40"] * 2, "I4: inbound "),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("fault", "crashes", "found"), FOUND_OUT)
async def test_a_server_that_breaks_a_promise_is_found_out(
    fault: str, crashes: list[str], found: str, parent: Launcher, tmp_path: Path, seed: int
) -> None:
    calls = "call" in crashes[0]
    speed, kinds = (20.0, {"Buy": 2, "Order": 1}) if calls else (SPEED, ORDERS)
    async with kill_run(tmp_path, seed, fault, speed, kinds, parent) as run:
        for crash in crashes:
            point, _, visit = crash.partition(":")
            await run.kill_at(point, int(visit or "1"))
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    assert not run.missed, story
    assert any(found in sentence for sentence in judgement.broken), "\n".join((story, *judgement.broken))


def test_every_fault_is_tried() -> None:
    assert {fault for fault, _, _ in FOUND_OUT} == set(sabotage.FAULTS)
