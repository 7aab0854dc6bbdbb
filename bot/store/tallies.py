"""How often things happened: numbers kept in the transaction in which they happened, so that a chart never counts rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

FINE: Final = timedelta(minutes=5)
COARSE: Final = timedelta(hours=1)
KEPT_FINE: Final = timedelta(days=32)
KEPT_COARSE: Final = timedelta(days=400)

# Every five minutes, without a name:
#   received    messages that people sent        answered  of those, the ones that the bot answered with a message, where it asked a
#               backend first: once that has answered
#   unmatched   messages that no rule understood sent      messages that Sinch accepted
#   failed      messages that surely never arrived (refused by Sinch, failed by WhatsApp, expired, never sent)
#   throttled   answers 429 from Sinch
#   delay       how long it took from receiving a message to Sinch's accepting the reply (the first message of it, where it was to leave
#               at once): name is the upper bound in milliseconds of the step of DELAY_STEPS that it fell into
# Every hour, by name:
#   matched     decisions that rule NAME answered
#   led_to      name "FROM > TO": the same person was answered by rule TO next after rule FROM (not where FROM just goes on with its
#               question or call)
#   undelivered messages of rule NAME that surely never arrived
#   reason      failures by name, see bot.core.failure_names: WhatsApp's number, Sinch's word, or ours
# Every five minutes, by the number of the campaign, and kept as long as what is counted by the hour:
#   campaign_sent, campaign_delivered, campaign_read, campaign_failed   its messages, when they got so far; one that was read was delivered
Kind = Literal[
    "received",
    "answered",
    "unmatched",
    "sent",
    "failed",
    "throttled",
    "delay",
    "matched",
    "led_to",
    "undelivered",
    "reason",
    "campaign_sent",
    "campaign_delivered",
    "campaign_read",
    "campaign_failed",
]
CAMPAIGN_KINDS: Final[tuple[Kind, ...]] = ("campaign_sent", "campaign_delivered", "campaign_read", "campaign_failed")

# What is counted every five minutes; all else every hour.
FINE_KINDS: Final[frozenset[Kind]] = frozenset(
    {"received", "answered", "unmatched", "sent", "failed", "throttled", "delay"}
)

# Milliseconds; what took longer counts as the last.
DELAY_STEPS: Final = (
    5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 320, 400, 500, 650, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_200,
    4_000, 5_000, 6_500, 8_000, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 120_000, 300_000, 900_000, 3_600_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """``count`` things of ``kind`` (and ``name``) from ``at`` on, for ``FINE`` or ``COARSE``."""

    kind: Kind
    at: datetime
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many of one name in a whole period."""

    name: str
    count: int


class Tallies(Protocol):
    """Numbers by time. See ``bot.store.port`` for what every method promises."""

    async def series(
        self, kinds: Sequence[Kind], since: datetime, until: datetime, step: timedelta | None = None
    ) -> Sequence[Tally]:
        """What was counted in the periods that begin from ``since`` on and before ``until``, in the order of time; periods of nothing are
        left out. Round ``since`` down to the period, or the first one is missing. ``step``: added up for each such stretch from
        ``since`` on, whole periods long."""
        ...

    async def totals(self, kind: Kind, since: datetime, until: datetime) -> Sequence[Total]:
        """The same periods, added up by name, the most frequent first."""
        ...

    async def forget(self, now: datetime, limit: int) -> int:
        """Take away up to ``limit`` rows of what is older than it is kept; returns how many."""
        ...
