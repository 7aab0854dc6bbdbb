"""Nothing acknowledged is lost, nothing is decided or sent twice, whenever the server dies; and a server that breaks this is found out.

Real processes, a real database file, a real emulator that writes its truth before it answers. ``PARLEY_KILL_SEED`` repeats a run's dice,
``PARLEY_KILL_TIMES`` makes the runs longer; ``make prove PROVE=kills`` does ten thousand.
"""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.crash import OF_DATA, POINTS
from tests.kill import sabotage
from tests.kill.driver import ORDERS
from tests.kill.hops import AT_START, HOPS, Found, killed_cold, killed_on
from tests.kill.lives import Launcher, launcher
from tests.kill.run import ASKED, SPEED, kill_run
from tests.prove import kills

TIMES = int(os.environ.get("PARLEY_KILL_TIMES", "1"))
# Together with the cold ones about 300.
KILLS = {
    "record": 44,
    "decide": 44,
    "send": 42,
    "timers": 20,
    "calls": 40,
    "reload": 13,
    "data": 31,
    "business": 12,
}
COLD = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parent() -> AsyncIterator[Launcher]:
    """One warmed parent for all runs: to warm it takes longer than many kills."""
    async with launcher() as started:
        yield started


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    found = int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))
    request.node.add_report_section("setup", "seed", f"PARLEY_KILL_SEED={found} repeats this run's dice.")
    return found


def test_every_crash_point_is_killed_at() -> None:
    assert {AT_START, *(point for hop in HOPS.values() for point in hop.points)} == {*POINTS, *OF_DATA, ASKED}
    assert {*kills.TURNS} == {*HOPS, "cold"} == {*KILLS, "cold"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("hop", HOPS)
async def test_kills_lose_nothing_and_double_nothing(
    hop: str, parent: Launcher, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    found = await killed_on(hop, seed, KILLS[hop] * TIMES, tmp_path, parent)
    sound(found, KILLS[hop], request)
    missing = set(HOPS[hop].points) - found.killed.keys()
    assert not missing, found.story


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_started_as_an_operator_does_loses_nothing_either(
    parent: Launcher, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    found = await killed_cold(seed, COLD * TIMES, 0, tmp_path, parent)
    sound(found, COLD, request)
    assert found.killed["cold"] == COLD * TIMES, found.story


def sound(found: Found, least: int, request: pytest.FixtureRequest) -> None:
    """Nothing is broken, and it was killed as often as was asked for."""
    request.node.add_report_section("call", "kill run", found.story)
    assert not found.broken, "\n".join((found.story, *found.broken))
    assert not found.missed, found.story
    assert found.kills >= least, found.story


FOUND_OUT = [
    ("start before commit", ["send.answered:1", "send.answered:2"] * 2, "I5: Sinch accepted "),
    ("acknowledge before commit", ["webhook.answered:6"] * 4, "was acknowledged and is not in the inbox"),
    ("duplicates known in memory", ["webhook.answered:6"] * 4, " times, as rows ["),
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
