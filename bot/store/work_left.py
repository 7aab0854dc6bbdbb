"""What is still to be done, at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

COUNTED_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class WorkLeft:
    """Numbers that stop at ``COUNTED_MOST``, so that nobody waits for the counting; one more than that says that there are more.

    ``queued``: messages that leave as soon as they may; ``due`` are the people of whom one may leave now, ``due_since`` since when the
    first of them may. ``waiting``: until their person writes; ``unknown``: it is not known whether Sinch took them; ``held``: a colleague
    must look. ``people``: who wait for a colleague, the first since ``people_since``. ``undecided``: events that no rule was asked about
    yet. ``callbacks``: what subscribed backends are still to be told.
    """

    queued: int
    due: int
    due_since: datetime | None
    in_flight: int
    waiting: int
    unknown: int
    held: int
    people: int
    people_since: datetime | None
    undecided: int
    callbacks: int
