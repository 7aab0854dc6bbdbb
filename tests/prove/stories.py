"""Stories: whatever people, backends, colleagues, the network, the clock and the power switch do, against books of their own."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import ClassVar, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test

from tests.prove.proof import Proof, Share
from tests.store.stories import Stories
from tests.store.story import POINTS

STEPS: Final = 50
BEGUN_ANEW_MOST: Final = 5  # of a share


async def run(seed_: int, size: int, folder: Path) -> Share:
    """Tell so many stories, on files in ``folder``; the first that breaks a promise ends the share."""
    return await asyncio.to_thread(tell, seed_, size, STEPS, folder)  # a story has a loop of its own


def tell(seed_: int, size: int, steps: int, folder: Path) -> Share:
    """The same, in this thread.

    Stories that begin alike should go on alike. Where one does not, since something in it goes by ids that are drawn at random, hypothesis
    gives up; nothing is broken by that, and the rest is told with other dice.
    """

    class Told(Stories):
        happened: ClassVar[Counter[str]] = Counter()
        failures: ClassVar[list[BaseException]] = []
        within = folder

        def teardown(self) -> None:
            self.note(sys.exc_info()[1])
            try:
                super().teardown()
            except BaseException as error:
                self.note(error)
                raise

        def note(self, error: BaseException | None) -> None:
            if error is not None and not type(error).__module__.startswith("hypothesis."):
                self.failures.append(error)

    begun_anew = 0
    while (told := Told.happened["story"]) < size:
        error = _told(Told, seed_ + begun_anew * 10**9, size - told, steps)
        if error is not None and (
            Told.failures or not isinstance(error, FlakyStrategyDefinition) or begun_anew == BEGUN_ANEW_MOST
        ):
            return Share(told, (_sentence(error),), dict(Told.happened))
        begun_anew += error is not None
    return Share(size, (), dict(Told.happened), {"stories_not_told_twice_alike": float(begun_anew)})


def _told(stories: type[Stories], seed_: int, size: int, steps: int) -> Exception | None:
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
        run_state_machine_as_test(seed(seed_)(stories), settings=told)
    except Exception as error:  # whatever it is, it is what this share found
        sys.stderr.write("\n".join([*getattr(error, "__notes__", ()), ""]))
        return error
    return None


def _sentence(error: Exception) -> str:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    line = "" if where is None else f" ({Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno})"
    return f"{type(error).__name__}: {str(error)[:500]}{line}"


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
