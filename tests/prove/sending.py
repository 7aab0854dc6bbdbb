"""The sender under every fault in every phase; see ``tests/faults/storms.py``."""

from __future__ import annotations

from typing import Final

from tests.faults.proxy import CONNECTS, LISTINGS, TOKENS
from tests.faults.storms import SEND_FAULTS, storms
from tests.prove.proof import Proof

_AT_LEAST: Final = 2
_PHASES: Final = {
    "first try": SEND_FAULTS,
    "second try": SEND_FAULTS,
    "listing": LISTINGS,
    "token": TOKENS,
    "connecting": CONNECTS,
}
_MEANWHILE: Final = (
    "STOP with something to come",
    "STOP with something in flight",
    "death of the sender",
    "death with attempts open",
    "window that closed before a message left",
    "nobody could connect",
    "receipts that came late",
    "message that left twice",
    "message held for a person",
)

PROOF: Final = Proof(
    name="sending",
    title="Sender through the fault proxy, every fault in every phase",
    aim="never over 2 submissions; 0 duplicates where receipts come; 0 sends after STOP; 0 free-form after the window",
    unit="messages",
    full=20_000,
    share=1_000,
    run=storms,
    must_happen={
        **{f"{phase}: {fault.name}": _AT_LEAST for phase, faults in _PHASES.items() for fault in faults},
        **dict.fromkeys(_MEANWHILE, 30),
    },
)
