"""A flood against a real server: everybody is answered once and in order, but who says STOP in its midst, and that counts at once.

``PARLEY_FLOOD_MESSAGES`` messages (5,000). How long anybody waits is asked by ``make prove``, on a machine that does nothing else.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.bench.events import APP_ID
from tests.bench.road import RULES
from tests.faults.flood_run import STOPS_EVERY, flood
from tests.faults.fuzz_run import served

MESSAGES = int(os.environ.get("PARLEY_FLOOD_MESSAGES") or 5_000)
MEMORY_MB = 300


async def test_a_flood_leaves_nobody_out_and_a_stop_counts_at_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    with served(tmp_path, RULES, APP_ID) as run:
        found = await flood(run, seed, MESSAGES, rate=0)
    assert not found.broken, "\n".join((f"seed {seed}: {found}", *found.broken))
    assert found.stopped >= MESSAGES // STOPS_EVERY, found
    assert found.replies > MESSAGES / 2, found
    assert found.memory_mb < MEMORY_MB, found
