"""``hours`` and ``holidays``: when somebody is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time
from itertools import pairwise
from typing import Final

from bot.core.rule import Place
from bot.core.rulebook import Hours, Span
from bot.rulebook.node import Entry, Node, Scalar, canonical
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import CLOSED_WORDS, SPANS_OF_DAYS, WEEKDAYS
from bot.rulebook.shape.value import day, day_meant, fields, items, name, word

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?")
_AFTER_NOON: Final = re.compile(
    r"(?:kl\.?|klockan|um|at|från|von|from|de)?\s*(\d{1,2})(?:\s*[:.h]?\s*(\d{2}))?\s*(?:([ap])\.?m\.?|uhr|h|o'clock|:-)?"
)
_EXAMPLE: Final = 'shop: {mon-fri: "09:00-18:00", sat: "10:00-14:00"}'


def hours(sections: Sequence[Node], scope: Scope) -> dict[str, Hours]:
    """All named opening hours."""
    found: dict[str, Hours] = {}
    for section in sections:
        mapping = fields(section, "hours", f"hours: {{{_EXAMPLE}}}", scope)
        for entry in mapping.entries if mapping else ():
            called = name(Scalar(entry.key, entry.place), "The name of opening hours", scope)
            if called is not None:
                scope.notes.define("hours", called, entry.place)
            week = fields(entry.value, f"The hours {entry.written}", _week_meant(entry), scope)
            if called is None or week is None:
                continue
            found.setdefault(called, Hours(called, _week(week.entries, scope), entry.place))
    return found


def _week_meant(entry: Entry) -> str:
    """``shop: 24/7`` with the days written out, as an example."""
    meant = span_meant(entry.value.text) if isinstance(entry.value, Scalar) else ""
    return f'{entry.key}: {{daily: "{meant}"}}' if meant else _EXAMPLE


def holidays(sections: Sequence[Node], scope: Scope) -> dict[str, tuple[Span, ...]]:
    """Days that differ, by ISO date; no spans means closed."""
    found: dict[str, tuple[Span, ...]] = {}
    for section in sections:
        mapping = fields(section, "holidays", 'holidays: {"2026-12-25": closed}', scope)
        for entry in mapping.entries if mapping else ():
            date = day(entry.written.strip())
            spans = _spans(entry.value, f"The holiday {entry.written}", scope)
            if date is None:
                scope.error(entry.place, f'"{entry.written}" is not a date. {day_meant(entry.written)}')
            elif spans is not None:
                scope.notes.define("holiday", date.isoformat(), entry.place)
                found.setdefault(date.isoformat(), spans)
    return found


def _week(entries: Sequence[Entry], scope: Scope) -> Mapping[int, tuple[Span, ...]]:
    week: dict[int, tuple[Span, ...]] = {}
    for entry in entries:
        spans = _spans(entry.value, f"The hours of {entry.written}", scope)
        for weekday in _weekdays(entry.written, entry.place, scope):
            if weekday in week:
                scope.error(entry.place, f"{_FULL[weekday].capitalize()} has hours twice. Keep one of the two.")
            week[weekday] = spans or ()
    return week


def _weekdays(written: str, place: Place, scope: Scope) -> list[int]:
    if canonical(written) in ("every_day", "daily", "all_days"):
        return list(range(7))
    found: list[int] = []
    for part in re.split(r"\s*,\s*", written.strip().lower()):
        ends = [_weekday(text) for text in re.split(r"\s*(?:-|–|\bto\b)\s*", part)]
        if None in ends and (elsewhere := _weekdays_elsewhere(part)):
            first, last = elsewhere
            said = _DAYS[first] if first == last else f"{_DAYS[first]}-{_DAYS[last]}"
            scope.warning(
                place, f'"{written}" is read as {said}. Write it like that, so that everybody reads it the same.'
            )
            ends = [first, last]
        if None in ends or len(ends) > 2:
            scope.error(
                place, f'"{written}" is not a day. Write mon, tue, wed, thu, fri, sat, sun, or a span such as mon-fri.'
            )
            return []
        first, last = ends[0] or 0, ends[-1] or 0
        found += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return found


def _weekdays_elsewhere(part: str) -> tuple[int, int] | None:
    """First and last day in German, Swedish, French or Spanish, or of ``weekdays``; None for what is no day there either."""
    if found := SPANS_OF_DAYS.get(canonical(part)):
        return found
    ends = [WEEKDAYS.get(text) for text in re.split(r"\s*[-–—]\s*|\s+(?:bis|till|à|au|a)\s+", part)]
    first, last = ends[0], ends[-1]
    return (first, last) if first is not None and last is not None and len(ends) <= 2 else None


def _weekday(text: str) -> int | None:
    for names in (_DAYS, _FULL):
        if text in names:
            return names.index(text)
    return next((number for number, full in enumerate(_FULL) if len(text) >= 3 and full.startswith(text)), None)


def _spans(node: Node, what: str, scope: Scope) -> tuple[Span, ...] | None:
    found: list[Span] = []
    for item in items(node):
        text = word(item, what, scope)
        if text is None:
            return None
        if text.lower() == "closed":
            continue
        if text.lower() in CLOSED_WORDS:
            scope.warning(item.place, f'{what}: "{text}" is read as closed. Write closed.')
            continue
        for part in re.split(r"\s*,\s*", text):
            span = _span(part, item.place, what, scope)
            if span is None:
                return None
            found.append(span)
    found.sort(key=lambda span: span.opens)
    for early, late in pairwise(found):
        if late.opens < early.closes or early.closes <= early.opens:
            scope.error(node.place, f"{what} overlap: {_said(early)} and {_said(late)}. Write them as one span.")
    return tuple(found)


def _span(text: str, place: Place, what: str, scope: Scope) -> Span | None:
    span = read_span(text)
    if span is None:
        meant = span_meant(text)
        cure = f'Did you mean "{meant}"?' if meant else 'Write it like "09:00-18:00", or closed.'
        scope.error(place, f'{what}: "{text}" is not a span of time. {cure}')
        return None
    if span.opens == span.closes and span.opens != time(0):
        scope.error(place, f'{what}: "{text}" starts and ends at the same time. For the whole day write "00:00-24:00".')
        return None
    return span


def read_span(text: str) -> Span | None:
    """``09:00-18:00``, ``9 to 18``; None for what is no span of time."""
    ends = [_clock(part) for part in re.split(r"\s*(?:-|–|—|to|and)\s*", text.lower())]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return Span(ends[0], ends[1])


def span_meant(text: str) -> str:
    """How ``kl 9-17``, ``9 Uhr bis 17.30 Uhr``, ``9am to 6pm``, ``0900-1800``, ``24/7`` and two such in one text are written here.

    Empty where that is unclear."""
    if re.fullmatch(
        r"24 ?/ ?7|24 ?(?:h|hours|stunden|timmar)|all day|always|rund um die uhr|dygnet runt", text.lower().strip()
    ):
        return "00:00-24:00"
    found = [
        _plain_span(part) for part in re.split(r"\s*(?:/|;|&|\+|\band\b|\bund\b|\boch\b|\bet\b|,)\s*", text.lower())
    ]
    return ", ".join(found) if all(found) else ""


def _plain_span(text: str) -> str:
    ends = [
        _AFTER_NOON.fullmatch(end.strip())
        for end in re.split(r"\s*(?:-|–|—|\bto\b|\bbis\b|\btill\b|\buntil\b|\bà\b)\s*", text)
    ]
    if len(ends) != 2 or None in ends:
        return ""
    times = [_clock_meant(end) for end in ends if end]
    return "-".join(times) if all(times) else ""


def _clock_meant(end: re.Match[str]) -> str:
    hour = (
        int(end[1])
        + (12 if end[3] == "p" and int(end[1]) < 12 else 0)
        - (12 if end[3] == "a" and end[1] == "12" else 0)
    )
    return f"{hour:02}:{end[2] or '00'}" if hour <= 24 and int(end[2] or 0) < 60 else ""


def _clock(text: str) -> time | None:
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return None
    hour, minute = int(found.group(1)), int(found.group(2) or 0)
    if (hour, minute) == (24, 0):
        return time(0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _said(span: Span) -> str:
    return f"{span.opens:%H:%M}-{span.closes:%H:%M}"
