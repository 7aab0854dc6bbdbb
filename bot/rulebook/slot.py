"""What a slot in a pattern may catch: its kinds by the name staff write, and the stretch of the message that is its value.

A value is kept as written. Kinds look at that spelling; digits of any script count.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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


_PLAIN = {
    "−": "-",
    "‐": "-",
    "‑": "-",
    "–": "-",
    "：": ":",
    "．": ".",
    "，": ",",
    "＋": "+",
    "／": "/",
    "＠": "@",
    "٫": ".",
    "٬": ",",
}
_NUMBER = re.compile(r"[+-]?(\d{1,3}(?:([ .,'’\u00a0\u202f])\d{3}(?:\2\d{3})*)|\d+)(?:[.,](\d+))?")
_NUMBER_RANGE = re.compile(r"number (-?\d+) ?(?:-|–|to) ?(-?\d+)")
_DIGITS = re.compile(r"(\d{1,3})(?: ?(?:-|–|to) ?(\d{1,3}))? digits?")
_EMAIL = re.compile(r"[^\s@<>()\",;:]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}")
_PHONE = re.compile(r"\+?\(?\d(?:[ ./()\u00a0-]{0,2}\d){6,14}")
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DATE = re.compile(r"(\d{1,2})([./ -])(\d{1,2})(?:\2(\d{4}|\d{2}))?")
_TIME = re.compile(r"(?:[01]?\d|2[0-4])[:.h]([0-5]\d)(?:[:.][0-5]\d)?|(?:[01]?\d|2[0-3]) ?h")
_TIME_12 = re.compile(r"(?:0?[1-9]|1[0-2])(?:[:.][0-5]\d)? ?[ap]\.? ?m\.?", re.IGNORECASE)


def plain_digits(value: str) -> str:
    """The value with digits of every script as 0 to 9, and wide signs as the usual ones."""
    if value.isascii():
        return value
    return "".join(str(unicodedata.digit(char)) if char.isdecimal() else _PLAIN.get(char, char) for char in value)


def read_number(value: str) -> float | None:
    """The number a person wrote, with a comma or a point, thousands in groups of three; None where it is no number.

    A single point or comma before exactly three digits groups thousands ("1.000"), unless a lone 0 stands before it.
    """
    written = plain_digits(value)
    found = _NUMBER.fullmatch(written)
    if found is None:
        return None
    whole, group, fraction = found.groups()
    if group in (".", ",") and fraction is None and re.fullmatch(rf"0\{group}\d{{3}}", whole):
        number = float(whole.replace(group, "."))
    else:
        number = float(re.sub(r"\D", "", whole) + "." + (fraction or "0"))
    return -number if written.startswith("-") else number


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
    written = plain_digits(value)
    if iso := _ISO_DATE.fullmatch(written):
        return _is_day(*map(int, iso.groups()))
    found = _DATE.fullmatch(written)
    if found is None:
        return False
    year = int(found[4] or 2000)
    return _is_day(year + 2000 if year < 100 else year, int(found[3]), int(found[1]))


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _fits_time(value: str) -> bool:
    """24 hours with minutes ("18:30", "18.30", "18h30", "24:00"), "18 h", or 12 hours with am or pm."""
    written = plain_digits(value)
    if _TIME_12.fullmatch(written):
        return True
    found = _TIME.fullmatch(written)
    return found is not None and (not written.startswith("24") or re.fullmatch(r"24\D00(\D00)?", written) is not None)


TEXT = SlotKind("text", lambda value: True, 4096, ("anything", "1", "two words"))
_KINDS = {
    kind.name: kind
    for kind in (
        TEXT,
        SlotKind(
            "number", _fits_number(float("-inf"), float("inf")), 10, ("0", "-1", "1,5", "1 000 000"), figures=True
        ),
        SlotKind("email", _fits_shape(_EMAIL), 24, ("a@b.example",), holds="@"),
        SlotKind("phone", _fits_shape(_PHONE), 15, ("+46701234567", "0701234567"), figures=True),
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
