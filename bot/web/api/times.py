"""``send_at``: when a message is to leave, told as a time or from another one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.core.rule import Place
from bot.rulebook.node import Scalar
from bot.rulebook.problem import Problems
from bot.rulebook.shape.notes import Notes, Scope
from bot.rulebook.shape.value import duration
from bot.web.api.bodies import RelativeBody
from bot.web.api.problem import Invalid

AHEAD_MOST: Final = timedelta(days=366)
PAST_MOST: Final = timedelta(minutes=1)  # a clock that is behind ours, a request that took its time


def send_time(
    send_at: datetime | RelativeBody | None, now: datetime, at_once: str = "Leave it out to send at once."
) -> datetime | None:
    """The moment that ``send_at`` means, None without one. Raises ``Invalid`` for one that is past, or over a year ahead; ``at_once`` is
    the cure of one that is past."""
    if send_at is None:
        return None
    at = send_at if isinstance(send_at, datetime) else _relative(send_at, now)
    if at < now - PAST_MOST:
        raise Invalid([("send_at", f"send_at means {told(at)}, which is past. {at_once}")])
    if at > now + AHEAD_MOST:
        raise Invalid([("send_at", f"send_at means {told(at)}, which is over a year ahead. Send it later.")])
    return at


def told(at: datetime) -> str:
    """A time as sentences tell it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _relative(send_at: RelativeBody, now: datetime) -> datetime:
    if (send_at.after is None) == (send_at.before is None):
        raise Invalid([("send_at", "send_at takes either after or before, and one of them only.")])
    if send_at.before is not None and send_at.time is None:
        sentence = "send_at.time: before needs it, as what the message comes before, such as the time of a visit."
        raise Invalid([("send_at.time", sentence)])
    base = send_at.time or now
    try:
        if send_at.before is not None:
            return base - _length(send_at.before, "send_at.before")
        return base + _length(send_at.after or "", "send_at.after")
    except OverflowError:
        raise Invalid([("send_at", "send_at means a time that no calendar has.")]) from None


def _length(text: str, field: str) -> timedelta:
    """A duration as the rules write it, read by the same code."""
    problems = Problems()
    found = duration(Scalar(text, Place(field, 1, 1), quoted=True), field, Scope(Notes(problems)))
    if found is None:
        raise Invalid([(field, each.sentence) for each in problems])
    return found
