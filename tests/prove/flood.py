"""A hundred thousand messages of 500 people at 500 a second, and ten thousand of one who floods meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.bench.events import APP_ID
from tests.bench.road import RULES
from tests.faults.flood_run import flood
from tests.faults.fuzz_run import served
from tests.prove.proof import Proof, Share

_RATE: Final = 500.0


async def _run(seed: int, size: int, folder: Path) -> Share:
    with served(folder, RULES, APP_ID) as run:
        found = await flood(run, seed, size, _RATE)
    happened = {"people who said STOP": found.stopped, "replies": found.replies}
    figures = {
        "p99 acknowledge ms": round(found.ack_p99, 1),
        "p99 delay of the others ms": round(found.delay_p99, 1),
        "memory MB": round(found.memory_mb, 1),
    }
    return Share(found.done, tuple(found.broken), happened, figures)


PROOF: Final = Proof(
    name="flood",
    title="Flood: 100,000 messages of 500 people and 10,000 of one",
    aim="p99 acknowledge under 100 ms at 500/s, others' delay p99 under 2 s, memory under 300 MB, STOP at once",
    unit="messages",
    full=110_000,
    share=110_000,
    run=_run,
    must_happen={"people who said STOP": 50, "replies": 70_000},
    limits={"p99 acknowledge ms": 100.0, "p99 delay of the others ms": 2_000.0, "memory MB": 300.0},
    alone=True,
)
