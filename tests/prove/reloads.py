"""Saves and saves, a third of them broken, under traffic; see ``tests/faults/reload_storm.py``."""

from __future__ import annotations

from typing import Final

from tests.faults.reload_storm import FAULTS, reload_storm
from tests.prove.proof import Proof

PROOF: Final = Proof(
    name="reloads",
    title="Reload storm",
    aim="no decision with an unchecked rulebook, no event missed",
    unit="saves",
    full=1_000,
    share=100,
    run=reload_storm,
    must_happen={
        "saved in place": 50,
        "saved in two halves": 50,
        "saved by a rename": 50,
        "saved with a copy kept beside": 50,
        "pulled with many files": 50,
        "folder replaced": 50,
        "folder deleted, and back": 50,
        **{f"saved with {fault}": 20 for fault in FAULTS},
        "server killed while one went live": 25,
        "went live": 60,
        "messages answered": 5_000,
    },
)
