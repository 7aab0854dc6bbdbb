"""``{{name}}`` and ``{{name|default}}`` inside a text. Nothing else is a template language."""

from __future__ import annotations

import re
from typing import Final

from bot.core.rule import LocalText, Phrasing, Place, Placeholder
from bot.rulebook.node import canonical
from bot.rulebook.shape.notes import Scope

_HOLE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SINGLE: Final = re.compile(r"(?<!\{)\{([A-Za-z_][\w ]*)\}(?!\})")


def phrasing(text: str, place: Place, scope: Scope) -> Phrasing:
    """``text`` cut at its placeholders; what looks like one and is none is told."""
    if "{" not in text:
        return (text,)
    parts: list[str | Placeholder] = []
    last = 0
    for found in _HOLE.finditer(text):
        hole = _placeholder(found.group(1), place, scope)
        if hole is not None:
            parts += [text[last : found.start()], hole]
            last = found.end()
    parts.append(text[last:])
    _look_for_strays(_HOLE.sub("", text), place, scope)
    return tuple(part for part in parts if part != "")


def placeholders(text: LocalText, language: str) -> tuple[Placeholder, ...]:
    """The holes of ``text`` in ``language``."""
    return tuple(part for part in text.in_language(language) if isinstance(part, Placeholder))


def _placeholder(inside: str, place: Place, scope: Scope) -> Placeholder | None:
    written, bar, default = inside.partition("|")
    name = canonical(written)
    if not _NAME.fullmatch(name):
        scope.error(
            place,
            f'"{{{{{inside}}}}}" is not a placeholder. Write a name of letters, digits and _, such as {{{{first_name}}}}.',
        )
        return None
    return Placeholder(name, default.strip() if bar else None)


def _look_for_strays(rest: str, place: Place, scope: Scope) -> None:
    if "{{" in rest or "}}" in rest:
        scope.error(place, "A placeholder here is not closed. Write both pairs of braces, such as {{first_name}}.")
    elif single := _SINGLE.search(rest):
        name = canonical(single.group(1))
        scope.warning(
            place, f'"{single.group()}" is sent as it stands. If you mean a placeholder, write {{{{{name}}}}}.'
        )
