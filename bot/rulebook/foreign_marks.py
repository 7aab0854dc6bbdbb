"""Signs from other ways of writing, where YAML wants its own: bullets and numbers for dashes, ``//`` for ``#``, arrows for colons."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

BULLETS: Final = "•·●○▪◦‣–—*"
_ITEM: Final = re.compile(rf"( *)([{BULLETS}]|\d{{1,3}}[.)])\s+(\S.*)")
_GLUED: Final = re.compile(r"( *)-([^\s-].*)")
_WIDE_COLON: Final = re.compile(r"( *(?:- +)*)([\w -]{1,40}?)\s*：\s*(.*)")
_ARROW: Final = re.compile(r"( *(?:- +)*)(\w+) *(?:=>?|->|→) *(\S.*)")


def foreign_mark(line: str) -> tuple[int, str] | None:
    """Column from 0 and sentence for the sign with which ``line`` starts, or that stands in a colon's place; None where there is none."""
    return next((found for look in _LOOKS if (found := look(line)) is not None), None)


def foreign_list(lines: Sequence[str]) -> str:
    """The sentence for lines that all start like a list elsewhere, and that YAML reads as one text; empty for others."""
    for pattern in (_ITEM, _GLUED):
        found = [pattern.fullmatch(line.rstrip()) for line in lines]
        if len(found) > 1 and found[0] is not None and all(found):
            sign = f'"{found[0][2]}"' if pattern is _ITEM else "a dash without a space"
            return (
                f"These {len(found)} lines start with {sign}, which makes no list in YAML but one long text. "
                f'Start each with a dash and a space: "- {found[0][found[0].re.groups]}". '
                'For a text of several lines write "|" after the colon.'
            )
    return ""


def _fence(line: str) -> tuple[int, str] | None:
    if not line.lstrip().startswith("```"):
        return None
    return _at(line), "Three backticks come along from a chat or a web page. Delete this line, and the one at the end."


def _comment(line: str) -> tuple[int, str] | None:
    found = re.match(r"\s*(//|<!--|/\*)\s*(.*?)\s*(?:-->|\*/)?$", line)
    return (_at(line), f'A comment starts with "#", not with "{found[1]}". Write "# {found[2]}".') if found else None


def _mail(line: str) -> tuple[int, str] | None:
    if not re.match(r"> ?\S*:|> ", line):
        return None
    return 0, 'This line starts with ">", as in a quoted mail. Delete the ">" at the start of every line.'


def _item(line: str) -> tuple[int, str] | None:
    found = _ITEM.fullmatch(line.rstrip())
    if found is None:
        return None
    return _at(line), f'A list item starts with a dash and a space, not with "{found[2]}". Write "- {found[3]}".'


def _glued(line: str) -> tuple[int, str] | None:
    found = _GLUED.fullmatch(line.rstrip())
    return (_at(line), f'A space is missing after the dash. Write "- {found[2]}".') if found else None


def _wide_colon(line: str) -> tuple[int, str] | None:
    found = _WIDE_COLON.fullmatch(line.rstrip())
    if found is None:
        return None
    return len(
        found[1]
    ), f'The colon after "{found[2]}" is a wide one. Write an ordinary one and a space: "{_said(found)}".'


def _arrow(line: str) -> tuple[int, str] | None:
    found = _ARROW.fullmatch(line.rstrip())
    if found is None:
        return None
    return len(found[1]), f'Between a key and its value stands a colon and a space. Write "{_said(found)}".'


def _said(found: re.Match[str]) -> str:
    return f"{found[2]}: {found[3]}".strip()


def _at(line: str) -> int:
    return len(line) - len(line.lstrip())


_LOOKS: Final[tuple[Callable[[str], tuple[int, str] | None], ...]] = (
    _fence, _comment, _mail, _item, _glued, _wide_colon, _arrow,
)  # fmt: skip
