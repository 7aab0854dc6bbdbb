"""Questions as staff wrote them: what is asked, what counts as an answer, and how long somebody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from bot.core.phrasing import LocalText, Place

AnswerKind = Literal[
    "digits", "number", "date", "future_date", "time", "email", "phone", "yes_or_no", "one_of", "text", "image", "document",
    "location", "pattern",
]  # fmt: skip


class ReadsAnswer(Protocol):
    """Reads a kind of answer that takes more than the standard library."""

    def read(self, text: str, identity: str) -> str | None:
        """The value that ``text`` gives, or None where it gives none. ``identity``: the person's address, for numbers without country."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``one_of``: ``value`` is what is kept, ``label`` what is shown and may be typed."""

    value: str
    label: LocalText


@dataclass(frozen=True, slots=True)
class MustBe:
    """What counts as an answer. ``least`` and ``most`` bound the count of digits, or a number. ``reads`` is there for phone and pattern.

    ``written`` is what staff wrote (``8 digits``); ``menu`` names the button of the list that more than three choices become.
    """

    kind: AnswerKind
    written: str
    least: float | None = None
    most: float | None = None
    choices: tuple[Choice, ...] = ()
    menu: LocalText | None = None
    reads: ReadsAnswer | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One question of ``ask``: the answer is kept as ``slot``. ``tries`` 3: two ``if_wrong``, then given_up."""

    slot: str
    text: LocalText
    must_be: MustBe
    place: Place
    if_wrong: LocalText | None = None
    tries: int = 3
    no_answer_after: timedelta | None = None
