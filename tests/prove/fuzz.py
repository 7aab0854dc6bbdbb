"""A million correctly signed bodies that nobody should send, and fifty thousand heads, against real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.faults.fuzz_run import fuzz, served
from tests.prove.proof import Proof, Share


async def _run(seed: int, size: int, folder: Path) -> Share:
    with served(folder) as run:
        found = await fuzz(run, seed, size)
    happened = {
        **{f"bodies {end}": times for end, times in found.ends.items()},
        **{f"heads answered {status or 'by hanging up'}": times for status, times in found.heads.items()},
    }
    figures = {"memory growth MB": round(found.grown_mb, 1), "memory MB": round(found.memory_mb, 1)}
    return Share(sum(found.ends.values()), tuple(found.broken), happened, figures)


PROOF: Final = Proof(
    name="fuzz",
    title="Correctly signed fuzzed bodies, header fuzz on raw sockets",
    aim="0 answers 5xx, nothing vanishes, memory flat",
    unit="bodies",
    full=1_000_000,
    share=100_000,
    run=_run,
    must_happen={
        "bodies decided": 100_000,
        "bodies ignored": 100_000,
        "bodies dead": 100_000,
        "heads answered 200": 500,
        "heads answered 400": 1_000,
        "heads answered 401": 1_000,
        "heads answered 431": 100,
    },
    limits={"memory growth MB": 32.0, "memory MB": 300.0},
)
