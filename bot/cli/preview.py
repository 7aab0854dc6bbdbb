"""Replies and decisions in words: what the person would read, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.core.decision import Decision, Send
from bot.core.preview import preview as preview


def sends_of(decision: Decision) -> Sequence[Send]:
    """The messages of a decision, in order."""
    return [effect for effect in decision.effects if isinstance(effect, Send)]


def spoken_duration(duration: timedelta) -> str:
    """``23 h 59 min``, ``2 d 1 h``, ``40 s``."""
    seconds = int(abs(duration).total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(told) or "0 s"
