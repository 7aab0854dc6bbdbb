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
from bot.rulebook.shape.value import day, fields, items, name, word

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?")
_EXAMPLE: Final = 'shop: {mon-fri: "09:00-18:00", sat: "10:00-14:00"}'


def hours(sections: Sequence[Node], scope: Scope) -> dict[str, Hours]:
    """All named opening hours."""
    found: dict[str, Hours] = {}
    for section in sections:
        mapping = fields(section, "hours", f"hours: {{{_EXAMPLE}}}", scope)
        for entry in mapping.entries if mapping else ():
            called = name(Scalar(entry.key, entry.place), "The name of opening hours", scope)
            week = fields(entry.value, f"The hours {entry.written}", _EXAMPLE, scope)
            if called is None or week is None:
                continue
            scope.notes.define("hours", called, entry.place)
            found.setdefault(called, Hours(called, _week(week.entries, scope), entry.place))
    return found


def holidays(sections: Sequence[Node], scope: Scope) -> dict[str, tuple[Span, ...]]:
    """Days that differ, by ISO date; no spans means closed."""
    found: dict[str, tuple[Span, ...]] = {}
    for section in sections:
        mapping = fields(section, "holidays", 'holidays: {"2026-12-25": closed}', scope)
        for entry in mapping.entries if mapping else ():
            date = day(entry.written.strip())
            spans = _spans(entry.value, f"The holiday {entry.written}", scope)
            if date is None:
                scope.error(
                    entry.place, f'"{entry.written}" is not a date. Write year-month-day, for example "2026-12-25".'
                )
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
        ends = [_weekday(text) for text in re.split(r"\s*(?:-|–|to)\s*", part)]
        if None in ends or len(ends) > 2:
            scope.error(
                place, f'"{written}" is not a day. Write mon, tue, wed, thu, fri, sat, sun, or a span such as mon-fri.'
            )
            return []
        first, last = ends[0] or 0, ends[-1] or 0
        found += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return found


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
    ends = [_clock(part) for part in re.split(r"\s*(?:-|–|—|to)\s*", text)]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        scope.error(place, f'{what}: "{text}" is not a span of time. Write it like "09:00-18:00", or closed.')
        return None
    if ends[0] == ends[1] and ends[0] != time(0):
        scope.error(place, f'{what}: "{text}" starts and ends at the same time. For the whole day write "00:00-24:00".')
        return None
    return Span(ends[0], ends[1])


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
