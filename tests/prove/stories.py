"""Stories: whatever people, backends, colleagues, the network, the clock and the power switch do, against books of their own."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import ClassVar, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.prove.proof import Proof, Share
from tests.store.stories import Stories
from tests.store.story import POINTS

STEPS: Final = 50


async def run(seed_: int, size: int, folder: Path) -> Share:
    """Tell so many stories, on files in ``folder``; the first that breaks a promise ends the share."""
    return await asyncio.to_thread(tell, seed_, size, STEPS, folder)  # a story has a loop of its own


def tell(seed_: int, size: int, steps: int, folder: Path) -> Share:
    """The same, in this thread."""

    class Told(Stories):
        happened: ClassVar[Counter[str]] = Counter()
        within = folder

    told = settings(
        max_examples=size,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    try:
        run_state_machine_as_test(seed(seed_)(Told), settings=told)
    except Exception as error:  # whatever it is, it is what this share found
        sys.stderr.write("\n".join([*getattr(error, "__notes__", ()), ""]))
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = "" if where is None else f" ({Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno})"
        return Share(
            Told.happened["story"], (f"{type(error).__name__}: {str(error)[:500]}{line}",), dict(Told.happened)
        )
    return Share(size, (), dict(Told.happened))


_OFTEN: Final = (
    "in time", "late", "duplicate", "reordered", "STOP", "START", "event", "send", "send: replayed", "cancelled", "campaign", "call",
    "timer", "handOver", "reload", "clock set back", "killed", "answer lost", "early receipt", "DELIVERED", "READ", "FAILED", "sent",
    "lost", "busy", "bad", "sent again", "erased",
)  # fmt: skip

PROOF: Final = Proof(
    "stories",
    "Stories",
    "recorded once, decided once, in order, nothing after STOP, whatever happens in whatever order",
    "stories",
    full=2_000,
    share=100,
    run=run,
    must_happen={**dict.fromkeys(_OFTEN, 20), **{f"died at {point}": 1 for point in POINTS}},
)
