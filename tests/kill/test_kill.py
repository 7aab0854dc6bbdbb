"""Nothing acknowledged is lost, nothing is decided or sent twice, whenever the server dies; and a server that breaks this is found out.

Real processes, a real database file, a real emulator that writes its truth before it answers. ``PARLEY_KILL_SEED`` repeats a run's dice,
``PARLEY_KILL_ROUNDS`` makes the runs longer.
"""

import os
import random
from pathlib import Path

import pytest

from bot.crash import POINTS
from tests.kill import sabotage
from tests.kill.run import Run, kill_run

ROUNDS = int(os.environ.get("PARLEY_KILL_ROUNDS", "4"))
RANDOM_MOMENTS = 2  # a round

HOPS = {
    "record": ("receive.body", "record.in_transaction", "record.committed", "webhook.answered"),
    "decide": ("decide.inside", "settle.in_transaction", "settle.committed"),
    "send": (
        "start.in_transaction",
        "start.committed",
        "send.written",
        "send.answered",
        "finish.in_transaction",
        "finish.committed",
        "receipt.in_transaction",
    ),
    "reconcile": ("reconcile.in_transaction",),
}
LATEST_VISIT = {"record": 8, "decide": 4, "send": 4, "reconcile": 1}
LONGEST_LIFE_S = 0.6


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))


async def kill_rounds(run: Run, hop: str) -> None:
    for _ in range(ROUNDS):
        for point in run.dice.sample(HOPS[hop], len(HOPS[hop])):
            if hop == "reconcile":  # what was committed and never left is what reconciling has to find
                await run.kill_at("start.committed")
            await run.kill_at(point, run.dice.randint(1, LATEST_VISIT[hop]))
        for _ in range(RANDOM_MOMENTS):
            await run.kill_any_moment(run.dice.random() * LONGEST_LIFE_S)


def test_every_crash_point_is_killed_at() -> None:
    assert {"migrate.in_transaction", *(point for hop in HOPS.values() for point in hop)} == set(POINTS)


@pytest.mark.parametrize("hop", HOPS)
async def test_kills_lose_nothing_and_double_nothing(
    hop: str, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    async with kill_run(tmp_path, seed) as run:
        await run.kill_at("migrate.in_transaction")
        await kill_rounds(run, hop)
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    request.node.add_report_section("call", "kill run", f"{story}; accepted twice: {judgement.twice}")
    assert not judgement.broken, "\n".join((story, *judgement.broken))
    assert not run.missed, story
    assert len(run.driver.acknowledged) > run.kills, story


async def test_a_server_started_as_an_operator_does_loses_nothing_either(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    async with kill_run(tmp_path, seed, speed=1.0) as run:
        for point in ("record.committed", "settle.committed", "send.answered"):
            await run.kill_cold_at(point, run.dice.randint(1, 4))
        run.hurry()
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    request.node.add_report_section("call", "kill run", story)
    assert not judgement.broken, "\n".join((story, *judgement.broken))
    assert not run.missed, story


@pytest.mark.parametrize(
    ("fault", "crashes", "found"),
    [
        ("start before commit", ["send.answered:1", "send.answered:2"] * 2, "I5: Sinch accepted "),
        ("acknowledge before commit", ["webhook.answered:6"] * 4, "was acknowledged and is not in the inbox"),
        ("duplicates known in memory", ["webhook.answered:6"] * 4, "is in the inbox 2 times"),
    ],
)
async def test_a_server_that_breaks_a_promise_is_found_out(
    fault: str, crashes: list[str], found: str, tmp_path: Path, seed: int
) -> None:
    async with kill_run(tmp_path, seed, sabotage=fault) as run:
        for crash in crashes:
            point, _, visit = crash.partition(":")
            await run.kill_at(point, int(visit))
        judgement = await run.finish()
        story = f"seed {seed}: {run.story()}"
    assert not run.missed, story
    assert any(found in sentence for sentence in judgement.broken), "\n".join((story, *judgement.broken))


def test_every_fault_is_tried() -> None:
    assert set(sabotage.FAULTS) == {"start before commit", "acknowledge before commit", "duplicates known in memory"}
