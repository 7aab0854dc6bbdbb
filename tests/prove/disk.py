"""A database that cannot be written for a while, in full size."""

from __future__ import annotations

from pathlib import Path

from tests.faults.disk import ASKING, DISK_IS_FULL, FAULTS, ORDERING
from tests.faults.disk_small import cannot_write, why_not
from tests.prove.proof import Proof, Share


async def run(seed: int, size: int, folder: Path) -> Share:
    """Every other share with backends that are asked."""
    return await cannot_write(seed, size, folder, ASKING if seed % 2 else ORDERING)


PROOF = Proof(
    name="disk",
    title="Disk full, locked and gone, again and again under one server",
    aim="acknowledged is there, nothing half done, the same process recovers by itself",
    unit="times that nothing could be written",
    full=500,
    share=50,
    run=run,
    must_happen={
        **dict.fromkeys(FAULTS, 40),
        **({} if why_not() else {DISK_IS_FULL: 40}),
        "behind a long reader": 20,
        "webhooks refused": 500,
        "messages refused": 400,
    },
)
