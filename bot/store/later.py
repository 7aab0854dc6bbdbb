"""Units of what comes later: calls whose answers are awaited, and timers that fire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.decision import Call
from bot.core.event import CallAnswered, ContactKey


@dataclass(frozen=True, slots=True)
class StartedCall:
    """A committed attempt of a call to a connection: the first byte may leave now, not before. ``started_at`` is the attempt's.

    ``call.timeout_s`` is what is left for it: less than was asked for where it was made before.
    """

    attempt_id: int
    outbox_id: str
    contact: ContactKey
    call: Call
    started_at: datetime

    @property
    def answer_dedup(self) -> str:
        """The key under which its answer counts once."""
        return f"call:{self.outbox_id}"


@dataclass(frozen=True, slots=True)
class CallDone:
    """What came of a call: the attempt ends and ``event`` is recorded, in one commit. ``status`` 0: nobody answered.

    ``may_have_arrived`` False: the request surely never left.
    """

    attempt_id: int
    event: CallAnswered
    status: int = 0
    may_have_arrived: bool = True


@dataclass(frozen=True, slots=True)
class Fired:
    """How many timers became events, and when the next one is due (None: there is none)."""

    count: int
    next_at: datetime | None
