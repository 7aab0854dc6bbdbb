"""A rule as its author wrote it, cut from its file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from bot.core.rule import Place
from bot.web.why import rule_page

LINES_MOST: Final = 120


@dataclass(frozen=True, slots=True)
class Line:
    """``marked``: it is what spoke to the message, or what was answered."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A rule's lines. ``is_cut``: there are more of them than shown."""

    rule: str
    place: Place
    lines: tuple[Line, ...]
    is_cut: bool
    address: str


def excerpt(files: Mapping[str, bytes], rule: str, place: Place, marked: Collection[Place]) -> Excerpt:
    """The rule that begins at ``place``: down to where something else begins that is not further in."""
    text = files.get(place.file, b"").decode("utf-8", "replace").splitlines()
    first = place.line - 1
    numbers = {each.line for each in marked if each.file == place.file}
    rows = _block(text, first)
    lines = tuple(Line(first + at + 1, row, first + at + 1 in numbers) for at, row in enumerate(_outdented(rows)))
    return Excerpt(rule, place, lines[:LINES_MOST], len(lines) > LINES_MOST, rule_page(rule, place))


def _block(text: list[str], first: int) -> list[str]:
    if first >= len(text):
        return []
    depth, end = _indent(text[first]), first + 1
    while end < len(text) and (not text[end].strip() or _indent(text[end]) > depth):
        end += 1
    while end > first + 1 and not text[end - 1].strip():
        end -= 1
    return text[first:end]


def _outdented(rows: list[str]) -> list[str]:
    depth = min((_indent(row) for row in rows if row.strip()), default=0)
    return [row[depth:] for row in rows]


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))
