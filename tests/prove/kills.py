"""A real server is killed again and again, at each named crash point and at any moment; see ``tests/kill/hops.py``. A share is one stretch
of the road, by its seed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.crash import OF_DATA, POINTS
from tests.kill.hops import killed_cold, killed_on
from tests.kill.run import ASKED
from tests.prove.proof import Proof, Share

TURNS: Final = ("record", "decide", "send", "calls", "data", "cold", "timers", "send", "reload", "business")
COLD: Final = 12  # of a share of them
AT_LEAST: Final = 10


async def kills(seed: int, size: int, folder: Path) -> Share:
    """About ``size`` kills on the stretch whose turn it is, then the oracle."""
    turn = TURNS[seed % len(TURNS)]
    if turn == "cold":
        found = await killed_cold(seed, min(COLD, size), size, folder)
    else:
        found = await killed_on(turn, seed, size, folder)
    broken = tuple(f"{turn}: {sentence}" for sentence in found.broken)
    return Share(found.kills, broken, found.killed, {"points_not_reached_kills": float(len(found.missed))})


PROOF: Final = Proof(
    name="kills",
    title="SIGKILL at each named point and at random moments, restart, same database",
    aim="0 lost, 0 decided or sent twice, 0 out of order",
    unit="kills",
    full=10_000,
    share=200,
    run=kills,
    must_happen={**dict.fromkeys((*POINTS, *OF_DATA, ASKED), AT_LEAST), "random": 1_000, "cold": 20},
)
