"""Losses of power, in full size."""

from __future__ import annotations

from tests.faults.power import IMAGES_A_LIFE, lose_power
from tests.prove.proof import Proof

PROOF = Proof(
    name="power",
    title="Power loss: images of synced plus a random part of unsynced writes",
    aim="0 acknowledged rows lost, nothing half done, no byte of the erased back",
    unit="losses of power",
    full=10_000,
    share=10 * IMAGES_A_LIFE,
    run=lose_power,
    must_happen={
        "checkpoints": 100,
        "people erased": 20,
        "losses of power with something not synced": 5_000,
        "losses of power in the middle of a commit that counts all the same": 100,
        "losses of power after an erasure": 1_000,
        "starts after a loss of power": 100,
    },
)
