"""One conversation as it is shown: bubbles, notes, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.core.next_step import NextStep
from bot.web.admin.said import Said

Side = Literal["them", "us"]
Kind = Literal["person", "backend", "timer", "call", "colleague", "consent", "reaction", "failure", "other"]


@dataclass(frozen=True, slots=True)
class Reasons:
    """What a decision was about, in one line; ``rule`` and ``place`` ("line 34 of orders.yaml") empty where no rule answered."""

    inbox_id: int
    words: str
    rule: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a message of ours."""

    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message. ``status``: of ours alone, a word of the API's. ``who`` is empty for the person. ``quote``: what it answers to."""

    key: str
    side: Side
    at: datetime
    said: Said
    who: str = ""
    status: str = ""
    steps: tuple[Step, ...] = ()
    reason: str = ""
    failure: NextStep | None = None
    quote: str = ""
    reactions: tuple[str, ...] = ()
    why: Reasons | None = None
    leaves_at: datetime | None = None
    by_bot: bool = False
    is_bubble: bool = True
    is_day: bool = False
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened beside the messages, in a sentence."""

    key: str
    kind: Kind
    at: datetime
    words: str
    detail: str = ""
    why: Reasons | None = None
    is_bubble: bool = False
    is_day: bool = False
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across: a new day (``words`` names it), or where the window closed."""

    key: str
    at: datetime
    words: str
    is_closed: bool
    is_bubble: bool = False
    is_day: bool = True


Item = Bubble | Note | Mark


@dataclass(frozen=True, slots=True)
class Timeline:
    """Oldest first. ``older``: the address part of the page before, empty at the beginning of all."""

    items: tuple[Item, ...]
    older: str
    is_latest: bool
    announced: str
