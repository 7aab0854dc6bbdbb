"""The keys of one mapping: each is asked for by name, and what nobody asked for is a problem."""

from __future__ import annotations

from bot.core.rule import Place
from bot.rulebook.node import Entry, Fields, Node, Scalar, canonical, is_missing
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.notes import Scope
from bot.rulebook.traps import quote


class Keys:
    """A mapping being shaped. Call ``finish`` last."""

    def __init__(self, node: Fields, what: str, scope: Scope) -> None:
        self._node = node
        self._what = what
        self._scope = scope
        self._known: list[str] = []
        self._later: list[str] = []

    @property
    def place(self) -> Place:
        """Where the mapping starts."""
        return self._node.place

    def has(self, key: str) -> bool:
        """Whether the key is written, with or without a value."""
        return self._node.entry(key) is not None

    def place_of(self, key: str) -> Place:
        """Where the key is written; the mapping's start where it is not."""
        entry = self._node.entry(key)
        return entry.place if entry else self._node.place

    def take(self, key: str) -> Node | None:
        """The value of ``key``, or None: not written, or written with nothing after it, which is told."""
        self._known.append(key)
        entry = self._node.entry(key)
        if entry is None:
            return None
        if is_missing(entry.value):
            self._scope.error(entry.place, f'"{key}" has nothing after its colon. Write its value, or delete the line.')
            return None
        return entry.value

    def need(self, key: str, example: str) -> Node | None:
        """The value of ``key``; its absence is told, with ``example`` as the cure."""
        if not self.has(key):
            self._known.append(key)
            self._scope.error(self.place, f'{self._what} has no "{key}". Add: {example}')
            return None
        return self.take(key)

    def later(self, *keys: str) -> None:
        """Keys of the language that this version cannot do yet."""
        self._later.extend(keys)

    def also(self, *keys: str) -> None:
        """Keys that somebody else takes care of."""
        self._known.extend(keys)

    def finish(self) -> bool:
        """Tell about every key that nobody asked for; whether there was none."""
        known = set(self._known)
        for position, entry in enumerate(self._node.entries):
            if entry.key not in known:
                before = self._node.entries[position - 1] if position else None
                self._scope.error(entry.place, self._unknown(entry, before))
        return all(entry.key in known for entry in self._node.entries)

    def _unknown(self, entry: Entry, before: Entry | None) -> str:
        if entry.key in self._later:
            return f'"{entry.key}" is not available in this version. Take it out; it comes with a later one.'
        trap = comma_trap(entry, before) or glued_trap(entry)
        if trap:
            return trap
        guess = closest(entry.written, dict.fromkeys(self._known))
        cure = f'Did you mean "{guess}"?' if guess else f"It may have {listed(sorted(dict.fromkeys(self._known)))}."
        return f'{self._what} has an unknown key "{entry.written}". {cure}'


def comma_trap(entry: Entry, before: Entry | None) -> str:
    """``{en: Hi, you}``: YAML ends an unquoted text in braces at the comma."""
    if not is_missing(entry.value) or before is None or not isinstance(before.value, Scalar) or before.value.quoted:
        return ""
    if entry.place.line != before.place.line or not before.value.text:
        return ""
    whole = f"{before.value.text}, {entry.written}"
    return f"In braces a comma ends a text, so this is cut in two. Put the text in quotes: {before.written}: {quote(whole)}."


def glued_trap(entry: Entry) -> str:
    """``{text:hello}``: without a space after the colon YAML sees one word."""
    left, colon, right = entry.written.partition(":")
    if not colon or not right or not is_missing(entry.value):
        return ""
    return f"A space is missing after the colon. Write: {canonical(left)}: {right.strip()}"
