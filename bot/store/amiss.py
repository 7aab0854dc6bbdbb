"""What went amiss with messages, counted by why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.delivery import OutboxState
from bot.core.event import Reason


@dataclass(frozen=True, slots=True)
class Amiss:
    """Messages that went amiss in the same way; ``last_at`` is when the last of them ended, and ``example`` is its id.

    ``reason`` is that of a failed receipt (None: they did not fail by one), ``sentence`` what else the outbox keeps, where that is not
    somebody's words about one message; ``outcome``, ``status`` and ``code`` are the last attempt's (empty and 0 without one).
    """

    count: int
    last_at: datetime
    example: str
    state: OutboxState
    has_failed_receipt: bool
    reason: Reason | None
    sentence: str
    outcome: str
    status: int
    code: str
    is_template: bool
