"""Single values: words, numbers, yes and no, durations, names, lists. Each function tells what is wrong and then answers None."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, TypeVar

from bot.core.rule import Place
from bot.rulebook.node import Fields, Items, Node, Scalar, canonical, seen
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import glued_text
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import NUMBERS, unit_meant, yes_no_meant
from bot.rulebook.traps import quote

_UNITS: Final = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400,
    "w": 604800, "week": 604800,
}  # fmt: skip
NAME: Final = re.compile(r"[a-z0-9_]{1,64}")
SLOT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
EVENT: Final = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,99}")
T = TypeVar("T", bound=str)


def word(node: Node | None, what: str, scope: Scope) -> str | None:
    """One text, trimmed, not empty."""
    if node is None:
        return None
    if not isinstance(node, Scalar):
        scope.error(node.place, not_a_text(node, what))
        return None
    if not node.text.strip():
        scope.error(node.place, f"{what} is empty. Write a text, or delete the line.")
        return None
    return node.text.strip()


def not_a_text(node: Fields | Items, what: str) -> str:
    """What a list or mapping in a text's place was meant to be, and which quotes to add."""
    if node.raw.startswith(("{", "[")):
        return (
            f"YAML takes this for a {'mapping' if node.raw[0] == '{' else 'list'}. Put it in quotes: {quote(node.raw)}."
        )
    if node.raw:
        return f"This text holds a colon followed by a space. Put it in quotes: {quote(node.raw)}."
    kind = "list" if isinstance(node, Items) else "mapping"
    return f"{what} must be one text, and here is a {kind}. Write the text on one line, in quotes."


def fields(node: Node | None, what: str, example: str, scope: Scope) -> Fields | None:
    """A mapping."""
    if node is None or isinstance(node, Fields):
        return node
    scope.error(node.place, glued_text(node) or f"{what} must be written as keys with values. For example: {example}.")
    return None


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; a single value counts as a list of one."""
    if node is None:
        return ()
    return node.items if isinstance(node, Items) else (node,)


def listing(node: Node | None, what: str, example: str, scope: Scope) -> tuple[Node, ...]:
    """The items of what must be a list, even of one."""
    if node is None or isinstance(node, Items):
        return node.items if node is not None else ()
    scope.error(node.place, f"{what} must be a list. For example: {example}.")
    return ()


def words(node: Node | None, what: str, scope: Scope) -> tuple[str, ...]:
    """One text or a list of texts."""
    found = (word(item, what, scope) for item in items(node))
    return tuple(text for text in found if text is not None)


def name(node: Node | None, what: str, scope: Scope) -> str | None:
    """A name of ours: up to 64 of ``[a-z0-9_]``, so that signed button ids fit into WhatsApp's."""
    written = word(node, what, scope)
    text = None if written is None else seen(written)
    if text is None or node is None or (NAME.fullmatch(text) and text[0] != "_"):
        return text
    if NAME.fullmatch(text):
        scope.error(node.place, f'{what} "{text}" begins with _, which is kept for Parley itself. {_without_bar(text)}')
        return None
    tidy = re.sub(r"[^a-z0-9_]", "", canonical(_without_marks(text))).strip("_")[:64]
    cure = f'For example "{tidy}".' if tidy else 'For example "opening_hours".'
    scope.error(node.place, f'{what} "{text}" may have small letters a to z, digits and _ only, at most 64. {cure}')
    return None


def _without_marks(text: str) -> str:
    """``öppettider`` as ``oppettider``."""
    letters = unicodedata.normalize(
        "NFKD", text.translate({ord("ø"): "o", ord("Ø"): "O", ord("ß"): "ss", ord("æ"): "ae"})
    )
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _without_bar(text: str) -> str:
    tidy = text.strip("_")
    return f'Write "{tidy}".' if tidy else "Begin it with a letter."


def value_name(written: str, place: Place, what: str, scope: Scope) -> str | None:
    """A name that placeholders use, such as ``order_number``; spaces, hyphens and capitals are forgiven."""
    name = canonical(written)
    if SLOT.fullmatch(name):
        return name
    scope.error(
        place,
        f'{what} "{written}" must begin with a letter and may have letters a to z, digits and _ only, so that {{{{name}}}} can '
        "stand in a text. For example order_number.",
    )
    return None


def value_names(node: Node | None, what: str, scope: Scope) -> tuple[str, ...]:
    """One such name or a list of them, each once."""
    found: list[str] = []
    for item in items(node):
        text = word(item, what, scope)
        name = value_name(text, item.place, what, scope) if text else None
        if name in found:
            scope.error(item.place, f'{what} "{text}" is written twice. Delete one of the two.')
        elif name:
            found.append(name)
    return tuple(found)


def mention_name(node: Node | None, what: str, scope: Scope) -> str | None:
    """A name that must exist elsewhere; spaces, hyphens and capitals are forgiven."""
    text = word(node, what, scope)
    return None if text is None else canonical(text)


def choice(node: Node | None, what: str, options: Sequence[T], scope: Scope) -> T | None:
    """One of ``options``; spaces, hyphens and capitals are forgiven."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    for option in options:
        if canonical(option) == canonical(text):
            return option
    guess = closest(text, options)
    cure = f'Did you mean "{guess}"?' if guess else f"Write {listed(options, 'or')}."
    scope.error(node.place, f'{what} cannot be "{text}". {cure}')
    return None


def yes_no(node: Node | None, what: str, scope: Scope) -> bool | None:
    """``true``, ``yes`` and ``on``, or ``false``, ``no`` and ``off``."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    meant = yes_no_meant(text)
    cure = f'Did you mean "{meant}"?' if meant else "Write true or false."
    scope.error(node.place, f'{what} must be true or false, not "{text}". {cure}')
    return None


def must_be_true(node: Node | None, what: str, scope: Scope) -> bool:
    """``true``, for keys that mean nothing else."""
    said = yes_no(node, what, scope)
    if said is False and node is not None:
        scope.error(node.place, f"{what} can only be true. Delete the line where you do not want it.")
    return said is True


def whole_number(node: Node | None, what: str, scope: Scope, least: int, most: int) -> int | None:
    """A whole number from ``least`` to ``most``."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    if re.fullmatch(r"\d{1,9}", text) and least <= int(text) <= most:
        return int(text)
    scope.error(node.place, f'{what} must be a whole number from {least} to {most}, not "{text}". For example {least}.')
    return None


def degrees(node: Node | None, what: str, scope: Scope, most: int) -> float | None:
    """A latitude or longitude."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d+)?", text) and abs(float(text)) <= most:
        return float(text)
    scope.error(
        node.place, f'{what} must be degrees from -{most} to {most} with a point, not "{text}". For example 59.3293.'
    )
    return None


def duration(node: Node | None, what: str, scope: Scope) -> timedelta | None:
    """``10 minutes``, ``4 hours``, ``30 s``, ``2 days``."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    found = re.fullmatch(r"(\d{1,6}|an?)\s*([^\W\d_]+)", text.lower())
    count, seconds = (found.group(1), seconds_of(found.group(2))) if found else ("", 0)
    number = 1 if count.startswith("a") else int(count or 0)
    if number and seconds:
        return timedelta(seconds=number * seconds)
    scope.error(node.place, _no_duration(text, what))
    return None


def seconds_of(unit: str) -> int:
    """How long one ``minute``, ``hours``, ``d`` … is; 0 for what is no unit."""
    return _UNITS.get(unit) or (_UNITS.get(unit.removesuffix("s")) if len(unit) > 2 else None) or 0


def closest_unit(written: str) -> str:
    """The unit, as one of it is called, that ``written`` is most likely a slip or another language's word of; empty if none."""
    if meant := unit_meant(written):
        return meant
    return "" if len(written) < 3 else closest(written.lower().rstrip("s"), ("second", "minute", "hour", "day", "week"))


def _no_duration(text: str, what: str) -> str:
    if re.fullmatch(r"\d{1,6}", text):
        return (
            f'{what} must say of what: "{text}" has no unit. Write "{text} minutes", "{text} hours" or "{text} days".'
        )
    found = re.fullmatch(r"(\d{1,6})\s*([^\W\d_]+)", text)
    if found and not int(found.group(1)):
        return f"{what} must be longer than nothing. Write for example 20 minutes."
    half = re.fullmatch(r"(?:(\d{1,3})[.,]5|half (?:an?))\s*(minutes?|hours?|days?|h)", text.lower())
    if half:
        smaller, number = {"m": ("seconds", 60), "h": ("minutes", 60), "d": ("hours", 24)}[half.group(2)[0]]
        return f'{what} is written in whole numbers. Did you mean "{int(half.group(1) or 0) * number + number // 2} {smaller}"?'
    inside = re.search(r"(?<!\w)(\d{1,6}|[^\W\d_]+)\s*([^\W\d_]+)", text.lower())
    count = _number(inside[1]) if inside else 0
    if inside and count and not found and (unit := closest_unit(inside[2])):
        return f'{what} is written as a number and a unit, not "{text}". Did you mean "{count} {unit}{"s" if count > 1 else ""}"?'
    guess = closest_unit(found.group(2)) if found else ""
    if found and guess:
        return f'{what} has no unit "{found.group(2)}". Did you mean "{found.group(1)} {guess}{"s" if int(found.group(1)) > 1 else ""}"?'
    return (
        f'{what} must be a time such as "10 minutes", "4 hours" or "2 days", not "{text}". Write a number and a unit.'
    )


def _number(written: str) -> int:
    return int(written) if written.isdecimal() else NUMBERS.get(written, 0)


def day(text: str) -> date | None:
    """An ISO date."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def iso_day(node: Node | None, what: str, scope: Scope) -> date | None:
    """A day written year-month-day."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    found = day(text)
    if found is None:
        scope.error(node.place, f'{what}: "{text}" is not a date. {day_meant(text)}')
    return found


def day_meant(text: str) -> str:
    """The cure for what is no date: the one that was probably meant, day first, else how to write one."""
    other = re.fullmatch(r"(\d{1,2})[./ -]{1,2}(\d{1,2})[./ -]{1,2}(\d{4})", text.strip())
    meant = day(f"{other[3]}-{int(other[2]):02}-{int(other[1]):02}") if other else None
    return f'Did you mean "{meant}"?' if meant else 'Write year-month-day, for example "2026-12-25".'
