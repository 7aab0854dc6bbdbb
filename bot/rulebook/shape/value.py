"""Single values: words, numbers, yes and no, durations, names, lists. Each function tells what is wrong and then answers None."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, TypeVar

from bot.rulebook.node import Fields, Items, Node, Scalar, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.notes import Scope
from bot.rulebook.traps import quote

_UNITS: Final = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400,
    "w": 604800, "week": 604800,
}  # fmt: skip
NAME: Final = re.compile(r"[a-z0-9_]{1,64}")
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
    scope.error(node.place, f"{what} must be written as keys with values. For example: {example}")
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
    scope.error(node.place, f"{what} must be a list. For example: {example}")
    return ()


def words(node: Node | None, what: str, scope: Scope) -> tuple[str, ...]:
    """One text or a list of texts."""
    found = (word(item, what, scope) for item in items(node))
    return tuple(text for text in found if text is not None)


def name(node: Node | None, what: str, scope: Scope) -> str | None:
    """A name of ours: up to 64 of ``[a-z0-9_]``, so that signed button ids fit into WhatsApp's."""
    text = word(node, what, scope)
    if text is None or node is None or NAME.fullmatch(text):
        return text
    tidy = re.sub(r"[^a-z0-9_]", "", canonical(text))[:64]
    cure = f'For example "{tidy}".' if tidy else 'For example "opening_hours".'
    scope.error(node.place, f'{what} "{text}" may have small letters a to z, digits and _ only, at most 64. {cure}')
    return None


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
    scope.error(node.place, f'{what} must be true or false, not "{text}". Write true or false.')
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
    found = re.fullmatch(r"(\d{1,6})\s*([a-z]+?)", text.lower())
    unit = found.group(2) if found else ""
    seconds = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if found and seconds and int(found.group(1)):
        return timedelta(seconds=int(found.group(1)) * seconds)
    scope.error(
        node.place,
        f'{what} must be a time such as "10 minutes", "4 hours" or "2 days", not "{text}". Write a number and a unit.',
    )
    return None


def day(text: str) -> date | None:
    """An ISO date."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None
