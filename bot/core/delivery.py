r"""From a decided message to a delivered one: outbox states, the gate before each attempt, receipt ranks, retry policy.

    queued --start--> sending --sent-----> sent --receipts--> (delivery: on_channel < delivered < read | failed)
      ^  \                |  \--retry---> queued (later)
      |   \               |  \--failed--> failed
      |    \-> expired    |   \-unknown-> unknown --receipt or listing--> sent
      |    \-> cancelled  |                   \--neither--> queued (once more) or held (at_most_once)
    waiting (for the person to write)

``queued``, ``waiting``, ``sending`` and ``unknown`` are open; the others are final, save that a receipt may still turn ``sent`` into a
delivery of ``failed``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from bot.core.conversation import MARGIN, Consent, Window
from bot.core.event import ContactKey
from bot.core.reply import Reply, category_of, is_template
from bot.core.value import quick


class OutboxState(StrEnum):
    """Where a message is; see the drawing above."""

    QUEUED = "queued"
    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    HELD = "held"


RECEIPT_RANK = {"QUEUED": 0, "QUEUED_ON_CHANNEL": 1, "SWITCHING_CHANNEL": 1, "DELIVERED": 2, "READ": 3}
FAILED_RANK = 9  # final: after FAILED nothing counts

BACKOFF_FIRST = timedelta(seconds=1)
BACKOFF_MOST = timedelta(minutes=5)
RETRY_FOR = timedelta(hours=24)
WAIT_FOR = timedelta(days=7)  # what may wait for the person to write does so no longer
RETRY_AFTER_MOST_S = 900.0


def climbs(old_rank: int, status: str) -> int | None:
    """The new rank of a submission after a receipt of ``status``, or None when the receipt changes nothing.

    Receipts only climb; FAILED counts before DELIVERED alone, and after FAILED nothing does. Unknown statuses change nothing.
    """
    if old_rank == FAILED_RANK:
        return None
    if status == "FAILED":
        return FAILED_RANK if old_rank < RECEIPT_RANK["DELIVERED"] else None
    rank = RECEIPT_RANK.get(status)
    return rank if rank is not None and rank > old_rank else None


def delivery_name(rank: int) -> str:
    """The word for a rank as the API and pages say it: sent, delivered, read or failed."""
    return {2: "delivered", 3: "read", FAILED_RANK: "failed"}.get(rank, "sent")


def back_off(refusals: int, jitter: float) -> timedelta:
    """How long to wait after the ``refusals``-th refusal in a row (from 1).

    Doubles from 1 s to 5 min, times 0.5 to 1 by ``jitter`` in [0, 1].
    """
    doublings: int = 2 ** min(refusals - 1, 20)
    return min(BACKOFF_FIRST * doublings, BACKOFF_MOST) * (0.5 + 0.5 * jitter)


@quick
@dataclass(frozen=True, slots=True)
class Outgoing:
    """An outbox message as the gate sees it. ``not_before``: it was asked for a later time."""

    id: str
    contact: ContactKey
    reply: Reply
    category: str
    if_closed: Reply | Literal["wait", "skip", "fail"]
    created_at: datetime
    not_after: datetime | None = None
    confirms_stop: bool = False
    answers: bool = False
    not_before: datetime | None = None

    @property
    def due_since(self) -> datetime:
        """From when on it is tried, which is when the time that it has begins."""
        return self.created_at if self.not_before is None else max(self.created_at, self.not_before)


@quick
@dataclass(frozen=True, slots=True)
class Go:
    """It may start, with these words; free-form carries ``ttl_s``, the seconds until its window closes (None for templates)."""

    reply: Reply
    ttl_s: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """It waits until the person writes again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """It never leaves; ``state`` says how it ends and ``reason`` is a sentence for a person."""

    state: Literal[OutboxState.EXPIRED, OutboxState.CANCELLED, OutboxState.FAILED]
    reason: str


Verdict = Go | Stay | Drop


@dataclass(frozen=True, slots=True)
class Policy:
    """What the gate needs from settings. ``margin``: how long before its end a window counts as closed."""

    margin: timedelta = MARGIN
    answer_after_stop: bool = False
    marketing: Literal["opted_in", "not_stopped"] = "opted_in"


def gate(message: Outgoing, consent: Consent, window: Window, now: datetime, policy: Policy) -> Verdict:
    """Whether ``message`` may start now. Runs inside the transaction that commits the attempt, so a committed STOP always counts."""
    refused = _consent_refusal(message, consent, policy)
    if refused is not None:
        return refused
    most = WAIT_FOR if message.if_closed == "wait" else RETRY_FOR
    if message.not_after is None and now >= message.due_since + most:
        return Drop(OutboxState.EXPIRED, f"It could not be sent within {'7 days' if most == WAIT_FOR else '24 hours'}.")
    if message.not_after is not None and now >= message.not_after:
        return Drop(OutboxState.EXPIRED, "Its time was over before it could be sent.")
    if is_template(message.reply):
        return Go(message.reply, None)
    if window.is_open(now, policy.margin) and window.closes_at is not None:
        return Go(message.reply, max(3, int((window.closes_at - now).total_seconds())))
    return _when_closed(message, consent, policy)


def _consent_refusal(message: Outgoing, consent: Consent, policy: Policy) -> Drop | None:
    if consent.stopped and not message.confirms_stop and not (policy.answer_after_stop and message.answers):
        return Drop(OutboxState.CANCELLED, "The person said STOP.")
    if message.category != "marketing":
        return None
    if consent.marketing == "stopped":
        return Drop(OutboxState.CANCELLED, "The person wants no marketing.")
    if policy.marketing == "opted_in" and consent.marketing != "opted_in":
        return Drop(OutboxState.CANCELLED, "The person never agreed to marketing.")
    return None


def _when_closed(message: Outgoing, consent: Consent, policy: Policy) -> Verdict:
    match message.if_closed:
        case "wait":
            return Stay("The window is closed; it leaves when the person writes again.")
        case "skip":
            return Drop(OutboxState.EXPIRED, "The window is closed, and the rule says to skip it then.")
        case "fail":
            return Drop(OutboxState.FAILED, "The 24-hour window is closed, and nothing says what to send instead.")
        case template:
            refused = _consent_refusal(replace(message, category=category_of(template)), consent, policy)
            return refused or Go(template, None, note="The window is closed; the template leaves instead.")
