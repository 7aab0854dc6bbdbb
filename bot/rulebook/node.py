"""A YAML file as a tree in which every value is text and knows where it was written."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.rule import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text. ``quoted`` tells ``""`` from nothing written at all."""

    text: str
    place: Place
    quoted: bool = False


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


Node = Scalar | Fields | Items


def canonical(key: str) -> str:
    """``snake_case``, forgiving spaces, hyphens and capitals."""
    return "_".join(key.strip().lower().replace("-", " ").split())


def is_missing(node: Node | None) -> bool:
    """Whether nothing was written: no key, or a key with nothing after it."""
    return node is None or (isinstance(node, Scalar) and not node.quoted and not node.text)
