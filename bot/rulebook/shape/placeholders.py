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


# [first_name], <first_name>, %first_name%, $first_name, «first_name», { { first_name } }: how other tools write them.
_OTHER_STYLES: Final = re.compile(
    r"\[(\w+)\]|<(\w+)>|%(\w+)%|\$\{?(\w+)\}?|«\s*(\w+)\s*»|\{\s+\{\s*(\w+)\s*\}\s+\}"
)  # fmt: skip
_LIKE_A_VALUE: Final = re.compile(r"(?:\w+_\w+|(?:\w*name|namn|number|nummer|order|date|datum|today))", re.IGNORECASE)


def phrasing(text: str, place: Place, scope: Scope) -> Phrasing:
    """``text`` cut at its placeholders; what looks like one and is none is told."""
    if found := _OTHER_STYLES.search(text):
        _doubt_style(found, place, scope)
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


def _doubt_style(found: re.Match[str], place: Place, scope: Scope) -> None:
    name = next(group for group in found.groups() if group)
    if _LIKE_A_VALUE.fullmatch(name):
        cure = f"{{{{{canonical(name)}}}}}"
        scope.warning(place, f'"{found.group()}" is sent as it stands. If you mean a placeholder, write {cure}.')


def _meant(inside: str) -> str:
    """The placeholder that was probably meant, as a cure."""
    plain = inside.strip(" {}|")
    parts = re.split(r"\s+(?:or|oder|eller|else|default)\s+|\s*(?:\|+|:|,|/)\s*", plain, maxsplit=1)
    name = canonical(parts[0].rpartition(".")[2])
    if not _NAME.fullmatch(name) or (name == canonical(inside) and len(parts) == 1):
        return "Write a name of letters, digits and _, such as {{first_name}}."
    default = f"|{parts[1]}" if len(parts) > 1 else ""
    return f"Did you mean {{{{{name}{default}}}}}?"


def _placeholder(inside: str, place: Place, scope: Scope) -> Placeholder | None:
    written, bar, default = inside.partition("|")
    name = canonical(written)
    if not _NAME.fullmatch(name) or default.startswith("|") or re.search(r"\s(?:or|oder|eller)\s", written):
        scope.error(place, f'"{{{{{inside}}}}}" is not a placeholder. {_meant(inside)}')
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
