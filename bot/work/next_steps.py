"""What is amiss with messages, and who does what about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.core.event import Reason
from bot.core.failures import LastAttempt, next_step_of_message
from bot.core.next_step import NextStep, Who
from bot.core.reply import is_template
from bot.store.amiss import Amiss
from bot.store.units import MessageView

_FAILED: Final = "FAILED"
_FIRST: Final[tuple[Who, ...]] = ("operator", "developer", "staff", "person", "nobody")


def next_step_of(message: MessageView) -> NextStep | None:
    """The row of the table of failures that fits ``message``; None while nothing is amiss with it."""
    attempt = message.attempts[-1] if message.attempts else None
    return next_step_of_message(
        message.state,
        message.status,
        message.reason,
        _reason_of(message),
        None if attempt is None else LastAttempt(attempt.outcome, attempt.status, attempt.code),
        is_template(message.reply),
    )


def _reason_of(message: MessageView) -> Reason | None:
    """Of the last receipt that tells of a failure."""
    failed = [receipt.reason for receipt in message.receipts if receipt.status == _FAILED]
    return failed[-1] if failed else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Messages that failed for one cause. ``codes`` are those that they came with, ``example`` the id of the last of them."""

    step: NextStep
    count: int
    last_at: datetime
    codes: tuple[str, ...]
    example: str


def by_cause(found: Iterable[Amiss]) -> list[Failure]:
    """One failure a cause: those first about which somebody must do something, the most frequent first."""
    causes: dict[NextStep, list[Amiss]] = {}
    for each in found:
        step = _step_of(each)
        if step is not None:
            causes.setdefault(step, []).append(each)
    failures = [_failure(step, alike) for step, alike in causes.items()]
    return sorted(failures, key=lambda each: (_FIRST.index(each.step.who), -each.count, each.step.cause))


def _step_of(each: Amiss) -> NextStep | None:
    attempt = LastAttempt(each.outcome, each.status, each.code) if each.outcome else None
    told = "failed" if each.has_failed_receipt else each.state.value
    return next_step_of_message(each.state, told, each.sentence, each.reason, attempt, each.is_template)


def _failure(step: NextStep, alike: list[Amiss]) -> Failure:
    last = max(alike, key=lambda each: each.last_at)
    codes = sorted({code for each in alike if (code := _code_of(each))})
    return Failure(step, sum(each.count for each in alike), last.last_at, tuple(codes), last.example)


def _code_of(each: Amiss) -> str:
    """The code that ``messages explain-code`` knows."""
    if each.reason is not None:
        return each.reason.channel_code or each.reason.code
    if each.outcome in ("failed", "retry"):
        return f"HTTP {each.status}" if each.status else each.code
    return ""
