"""See ``reload_storm``. ``PARLEY_STORM_SAVES`` saves (100), from ``PARLEY_KILL_SEED`` where it is given."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.reload_storm import reload_storm

SAVES = int(os.environ.get("PARLEY_STORM_SAVES") or 100)


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))


async def test_a_storm_of_saves_misses_nobody_and_lets_nothing_unchecked_decide(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    share = await reload_storm(seed, SAVES, tmp_path)
    story = f"seed {seed}: {dict(share.happened)}"
    request.node.add_report_section("call", "storm", story)
    assert not share.broken, "\n".join((story, *share.broken))
    assert share.done == SAVES, story
    assert share.happened["server killed while one went live"] > SAVES // 50, story
