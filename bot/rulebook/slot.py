"""What a slot in a pattern may catch: its kinds by the name staff write, and the stretch of the message that is its value.

A value is kept as written. Kinds look at that spelling; digits of any script count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from bot.core.values import EMAIL, PHONE, plain_digits, read_date, read_number, read_time


@dataclass(frozen=True, slots=True)
class SlotKind:
    """A kind of value. ``fits`` judges a value as written; no value of it has more than ``most_words`` tokens.

    ``edges`` are values that fit and lie at the ends of what does. Three facts spare looking: values of ``figures`` begin with
    a digit, every value holds the sign ``holds``, and values of ``digits`` are one token of nothing but digits. A kind is known
    by its name: equal names are equal kinds.
    """

    name: str
    fits: Callable[[str], bool]
    most_words: int
    edges: tuple[str, ...]
    figures: bool = False
    holds: str = ""
    digits: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlotKind) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """By its name: functions have none of their own that another process would know."""
        return _named, (self.name,)

    @property
    def is_open(self) -> bool:
        """Whether any words fit, so that only what follows in the pattern ends the value."""
        return self is TEXT

    def may_start(self, key: str) -> bool:
        """Whether a value may begin with this token."""
        return not self.figures or key[0].isdigit()


@dataclass(frozen=True, slots=True)
class Slot:
    """A hole in a pattern."""

    name: str
    kind: SlotKind


_NUMBER_RANGE = re.compile(r"number (-?\d+) ?(?:-|–|to) ?(-?\d+)")
_DIGITS = re.compile(r"(\d{1,3})(?: ?(?:-|–|to) ?(\d{1,3}))? digits?")


def _fits_number(low: float, high: float) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        number = read_number(value)
        return number is not None and low <= number <= high

    return fits


def _fits_digits(fewest: int, most: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and fewest <= len(value) <= most


def _fits_shape(shape: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: shape.fullmatch(plain_digits(value)) is not None


def _fits_date(value: str) -> bool:
    """Day first, or ISO; a day that the calendar has (29 February where no year tells otherwise)."""
    return read_date(value, "day_first", _LEAP_YEAR) is not None


def _fits_time(value: str) -> bool:
    return read_time(value) is not None


_LEAP_YEAR = date(2000, 1, 1)

TEXT = SlotKind("text", lambda value: True, 4096, ("anything", "1", "two words"))
_KINDS = {
    kind.name: kind
    for kind in (
        TEXT,
        SlotKind(
            "number", _fits_number(float("-inf"), float("inf")), 10, ("0", "-1", "1,5", "1 000 000"), figures=True
        ),
        SlotKind("email", _fits_shape(EMAIL), 24, ("a@b.example",), holds="@"),
        SlotKind("phone", _fits_shape(PHONE), 15, ("+46701234567", "0701234567"), figures=True),
        SlotKind("date", _fits_date, 3, ("2026-01-01", "31/12/2026", "1.2"), figures=True),
        SlotKind("time", _fits_time, 5, ("00:00", "23:59", "9 am"), figures=True),
    )
}


def read_kind(written: str) -> SlotKind | str:
    """The kind that a name such as ``8 digits``, ``number 1-10`` or ``email`` means, or a sentence on why there is none."""
    name = " ".join(written.split()).lower()
    if name in _KINDS:
        return _KINDS[name]
    if found := _DIGITS.fullmatch(name):
        return _digits(int(found[1]), int(found[2] or found[1]))
    if found := _NUMBER_RANGE.fullmatch(name):
        return _number_between(int(found[1]), int(found[2]))
    return f'"{written.strip()}" is no kind of value. Write one of: {", ".join(_KINDS)}, number 1-10, 8 digits.'


@lru_cache(maxsize=256)
def _named(name: str) -> SlotKind:
    kind = read_kind(name)
    if isinstance(kind, str):  # every kind is made by its name
        raise TypeError(kind)
    return kind


def _digits(fewest: int, most: int) -> SlotKind | str:
    if not 1 <= fewest <= most:
        return (
            f"No value has {fewest} to {most} digits. Write how many there may be, for example 8 digits or 6-8 digits."
        )
    name = f"{fewest} digits" if fewest == most else f"{fewest}-{most} digits"
    return SlotKind(name, _fits_digits(fewest, most), 1, ("0" * fewest, "9" * most), figures=True, digits=True)


def _number_between(low: int, high: int) -> SlotKind | str:
    if low > high:
        return f"No number is at least {low} and at most {high}. Write the smaller one first: number {high}-{low}."
    return SlotKind(f"number {low}-{high}", _fits_number(low, high), 10, (str(low), str(high)), figures=True)


# --- values -------------------------------------------------------------------------------------------------------------


def values(text: str, spans: Sequence[tuple[int, int]], first: int, last: int) -> tuple[str, str, str]:
    """The spellings of tokens ``first`` to before ``last``, the best one first; never empty ones.

    The best takes in what is joined to the words ("+46", "C++") and leaves out punctuation and emoji at the ends. The others
    are for kinds that it does not fit: with the sign of a number ("-5"), and the bare words.
    """
    start, end = spans[first][0], spans[last - 1][1]
    low, high = start, end
    floor = spans[first - 1][1] if first else 0
    ceiling = spans[last][0] if last < len(spans) else len(text)
    while low > floor and not text[low - 1].isspace():
        low -= 1
    while high < ceiling and not text[high].isspace():
        high += 1
    bare = text[start:end]
    if low == start and high == end:
        return bare, bare, bare
    joined = _trimmed(text[low:start], from_left=True) + bare + _trimmed(text[end:high], from_left=False)
    # "-5", but not the 10 of "5-10"
    is_signed = low == start - 1 and text[low] in "-−" and (low == 0 or text[low - 1].isspace())
    signed = text[low:end] if is_signed else joined
    return joined, signed, bare


def _trimmed(beside: str, from_left: bool) -> str:
    """What is joined to a value on one side, without the outer punctuation and pictures; nothing if that is all there is."""
    kept = beside
    while kept and _is_trimmed(kept[0 if from_left else -1]):
        kept = kept[1:] if from_left else kept[:-1]
    return kept


def _is_trimmed(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "PZC" or category in ("So", "Sk", "Mn", "Me")
