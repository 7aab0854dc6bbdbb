"""A YAML file as a tree in which every value is text and knows where it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from bot.core.rule import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text. ``quoted`` tells ``""`` from nothing written at all; ``lines`` over how many lines one without quotes goes; ``comment``
    is what follows right behind it as a comment."""

    text: str
    place: Place
    quoted: bool = False
    lines: int = field(default=1, compare=False)
    comment: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value``. ``key`` is canonical (``goes_to``), ``written`` is as typed (``Goes-To``)."""

    key: str
    written: str
    place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping. ``raw`` is its source where it was written on one line in braces, else empty."""

    entries: tuple[Entry, ...]
    place: Place
    raw: str = ""

    def entry(self, key: str) -> Entry | None:
        """The entry of that canonical key."""
        return next((entry for entry in self.entries if entry.key == key), None)


@dataclass(frozen=True, slots=True)
class Items:
    """A list. ``raw`` is its source where it was written on one line in brackets, else empty."""

    items: tuple[Node, ...]
    place: Place
    raw: str = ""


_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
Node = Scalar | Fields | Items


def seen(text: str) -> str:
    """``text`` without what no editor shows: soft hyphens, joiners and marks of direction, which come along when text is pasted."""
    return _UNSEEN.sub("", text)


def canonical(key: str) -> str:
    """``snake_case``, forgiving spaces, hyphens, capitals and what nobody sees."""
    return "_".join(seen(key).strip().lower().replace("-", " ").split())


def is_missing(node: Node | None) -> bool:
    """Whether nothing was written: no key, or a key with nothing after it."""
    return node is None or (isinstance(node, Scalar) and not node.quoted and not node.text)
