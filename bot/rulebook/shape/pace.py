"""How often a rule may answer one person (``at_most``), and when it starts nothing (``not_between``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.core.rule import AtMost, QuietTime
from bot.rulebook.node import Fields, Items, Node, Scalar
from bot.rulebook.problem import closest
from bot.rulebook.shape.hours import read_span, span_meant
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import NUMBERS
from bot.rulebook.shape.value import closest_unit, seconds_of, word

COUNTS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MONTH_S: Final = 30 * 86400
_AT_MOST: Final = re.compile(
    r"(?P<count>[^\W\d_]+|\d{1,4})(?: ?(?:times?|x))? (?:a|an|per|every|each|in|within)(?: (?P<stretch>\d{1,4}))? (?P<unit>[^\W\d_]+)"
)
_LOOSE: Final = re.compile(r"(?P<count>[^\W\d_]+|\d{1,4})\W*(?:\w+\W+)*?(?P<unit>[^\W\d_]+)")
_DAILY: Final = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}


def at_most(node: Node | None, scope: Scope) -> AtMost | None:
    """``once a day``, ``3 per hour``, ``twice a week``, ``once every 2 days``; a month is 30 days."""
    text = word(node, "at_most", scope)
    if text is None or node is None:
        return None
    found = _AT_MOST.fullmatch(" ".join(text.lower().split()))
    count = _count(found["count"]) if found else None
    seconds = _seconds(found["unit"]) if found else 0
    if found is None or count is None or not seconds:
        scope.error(node.place, f'at_most cannot be "{text}". {_meant(text)}')
        return None
    if not count:
        scope.error(node.place, "at_most with 0 would never answer. Write enabled: false to switch the rule off.")
        return None
    stretch = int(found["stretch"] or 1)
    if not stretch:
        scope.error(node.place, f'at_most cannot be "{text}". Write a stretch of time, for example once a day.')
        return None
    return AtMost(count, timedelta(seconds=seconds * stretch))


def _count(written: str) -> int | None:
    if written.isdecimal():
        return int(written)
    plain = {"once": "one", "twice": "two"}.get(written, written)
    return COUNTS.index(plain) + 1 if plain in COUNTS else None


def _seconds(unit: str) -> int:
    return _MONTH_S if unit.removesuffix("s") == "month" else seconds_of(unit) if len(unit) > 1 else 0


def _meant(text: str) -> str:
    """What somebody probably meant who wrote ``1/day`` or ``3 gånger per timme``, as a cure."""
    plain = text.lower().strip()
    if re.fullmatch(r"\d{1,4}", plain):
        return f"It needs a stretch of time too. Write {_often(int(plain))} a day, or whatever you mean."
    if plain in _DAILY:
        return f'Did you mean "once a {_DAILY[plain]}"?'
    if re.match(r"(?:once|one|1)\b(?!.*\d)", plain) and re.search(
        r"once$|ever$|person|contact|conversation|customer", plain
    ):
        return "For once and never again, tag the person: then: {tag: told} here, and if: {no_tag: told}."
    found = _LOOSE.fullmatch(plain)
    guess = _unit_meant(found["unit"]) if found else ""
    if found is None or not guess:
        return 'Write how often and in what time, for example "once a day", "3 per hour" or "twice a week".'
    count = NUMBERS.get(found["count"]) or _count(found["count"]) or _count(closest(found["count"], COUNTS)) or 1
    return f'Did you mean "{_often(count)} {"an" if guess == "hour" else "a"} {guess}"?'


def _unit_meant(written: str) -> str:
    if written in _DAILY:
        return _DAILY[written]
    return "month" if written.startswith("mon") else closest_unit(written) or {"h": "hour", "d": "day"}.get(written, "")


def _often(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, str(count))


def not_between(node: Node | None, scope: Scope) -> QuietTime | None:
    """``21:00-08:00``."""
    if isinstance(node, Items | Fields):
        times = [item.text for item in _parts(node) if isinstance(item, Scalar)]
        span = "-".join(times) if len(times) == 2 else "21:00-08:00"
        scope.error(node.place, f'not_between is one span of time, written as one text. Write not_between: "{span}".')
        return None
    text = word(node, "not_between", scope)
    if text is None or node is None:
        return None
    found = read_span(text)
    if found is None:
        meant = span_meant(text)
        cure = f'Did you mean "{meant}"?' if meant and "," not in meant else 'Write it like "21:00-08:00".'
        scope.error(node.place, f'not_between: "{text}" is not a span of time. {cure}')
        return None
    if found.opens == found.closes:
        scope.error(
            node.place, f'not_between: "{text}" leaves no time at all. Write a shorter span, such as "21:00-08:00".'
        )
        return None
    return QuietTime(found.opens, found.closes)


def _parts(node: Items | Fields) -> Sequence[Node]:
    return node.items if isinstance(node, Items) else [entry.value for entry in node.entries]
