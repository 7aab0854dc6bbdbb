"""Values that people write: numbers, days, times, addresses. Digits of any script count, and so do wide signs.

A day is read with the day first unless told otherwise; ISO always.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, time
from typing import Literal

DateOrder = Literal["day_first", "month_first"]

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
NUMBER = re.compile(r"[+-]?(\d{1,3}(?:([ .,'’\u00a0\u202f])\d{3}(?:\2\d{3})*)|\d+)(?:[.,](\d+))?")
EMAIL = re.compile(r"[^\s@<>()\",;:]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}")
PHONE = re.compile(r"\+?\(?\d(?:[ ./()\u00a0-]{0,2}\d){6,14}")
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DATE = re.compile(r"(\d{1,2})([./ -])(\d{1,2})(?:\2(\d{4}|\d{2}))?")
_TIME = re.compile(r"(?:kl\.? ?)?([01]?\d|2[0-4])[:.h]([0-5]\d)(?:[:.][0-5]\d)?|([01]?\d|2[0-3]) ?h")
_TIME_12 = re.compile(r"(0?[1-9]|1[0-2])(?:[:.]([0-5]\d))? ?([ap])\.? ?m\.?", re.IGNORECASE)


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
    found = NUMBER.fullmatch(written)
    if found is None:
        return None
    whole, group, fraction = found.groups()
    if group in (".", ",") and fraction is None and re.fullmatch(rf"0\{group}\d{{3}}", whole):
        number = float(whole.replace(group, "."))
    else:
        number = float(re.sub(r"\D", "", whole) + "." + (fraction or "0"))
    return -number if written.startswith("-") else number


def read_date(value: str, order: DateOrder, today: date, ahead: bool = False) -> date | None:
    """The day a person wrote, or None where the calendar has none such.

    Without a year it is this year's; with ``ahead`` the next one that is not past.
    """
    written = plain_digits(value)
    if iso := _ISO_DATE.fullmatch(written):
        return _day(*map(int, iso.groups()))
    found = _DATE.fullmatch(written)
    if found is None:
        return None
    day, month = (int(found[1]), int(found[3])) if order == "day_first" else (int(found[3]), int(found[1]))
    if found[4] is not None:
        year = int(found[4])
        return _day(year + 2000 if len(found[4]) == 2 else year, month, day)
    years = range(today.year, today.year + 9)  # 29 February comes at most eight years later
    days = [each for year in years if (each := _day(year, month, day)) is not None and (not ahead or each >= today)]
    return days[0] if days else None


def read_time(value: str) -> time | None:
    """The time of day a person wrote: 18:30, 18.30, 18h30, 18 h, 6 pm; 24:00 is midnight."""
    written = plain_digits(value).strip().lower()
    if twelve := _TIME_12.fullmatch(written):
        hour = int(twelve[1]) % 12 + (12 if twelve[3] == "p" else 0)
        return time(hour, int(twelve[2] or 0))
    found = _TIME.fullmatch(written)
    if found is None:
        return None
    hour, minute = int(found[1] or found[3]), int(found[2] or 0)
    if hour == 24:
        return time(0, 0) if minute == 0 else None
    return time(hour, minute)


def parts_like(shape: re.Pattern[str], text: str) -> Iterator[str]:
    """Stretches of ``text`` of that shape that stand by themselves, not within a longer word or number."""
    for found in shape.finditer(plain_digits(text)):
        before, after = text[: found.start()][-1:], text[found.end() :][:1]
        if not before.isalnum() and not after.isalnum():
            yield text[found.start() : found.end()]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


DATE = re.compile(f"{_ISO_DATE.pattern}|{_DATE.pattern.replace(chr(92) + '2', chr(92) + '5')}")
TIME = re.compile(r"(?:[01]?\d|2[0-4])[:.h][0-5]\d|(?:0?[1-9]|1[0-2])(?:[:.][0-5]\d)? ?[ap]\.? ?m\.?", re.IGNORECASE)
