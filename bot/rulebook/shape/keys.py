"""The keys of one mapping: each is asked for by name, and what nobody asked for is a problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.core.rule import Place
from bot.rulebook.node import Entry, Fields, Node, Scalar, canonical, is_missing, seen
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import foreign_key, key_meant, language_meant
from bot.rulebook.traps import quote


class Keys:
    """A mapping being shaped. Call ``finish`` last."""

    def __init__(self, node: Fields, what: str, scope: Scope) -> None:
        self._node = node
        self._what = what
        self._scope = scope
        self._known: list[str] = []
        self._later: list[str] = []
        self._needed: list[tuple[str, str]] = []

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
        entry = self._node.entry(key) or self._foreign(key)
        if entry is None:
            return None
        if is_missing(entry.value):
            self._scope.error(entry.place, _nothing(key, entry.value))
            return None
        return entry.value

    def _foreign(self, key: str) -> Entry | None:
        """The key in another language, which is told by ``finish``; what stands under it is read all the same."""
        return next((entry for entry in self._node.entries if foreign_key(entry.key) == key), None)

    def need(self, key: str, example: str) -> Node | None:
        """The value of ``key``; its absence is told, with ``example`` as the cure."""
        if not self.has(key) and self._foreign(key) is None:
            self._known.append(key)
            self._needed.append((key, example))
            return None
        return self.take(key)

    def later(self, *keys: str) -> None:
        """Keys of the language that this version cannot do yet."""
        self._later.extend(keys)

    def also(self, *keys: str) -> None:
        """Keys that somebody else takes care of."""
        self._known.extend(keys)

    def finish(self) -> bool:
        """Tell about every key that nobody asked for, and about needed ones that none of these was meant to be; whether all was well."""
        known = set(self._known)
        strange = [entry for entry in self._node.entries if entry.key not in known]
        meant = {self._meant(entry) for entry in strange}
        for key, example in self._needed:
            if key not in meant and not any(entry.key in self._later for entry in strange):
                self._scope.error(self.place, f'{self._what} has no "{key}". Add: {example.removesuffix(" ...")}.')
        for position, entry in enumerate(self._node.entries):
            if entry.key not in known:
                before = self._node.entries[position - 1] if position else None
                self._scope.error(entry.place, self._unknown(entry, before))
        return not strange

    def _unknown(self, entry: Entry, before: Entry | None) -> str:
        if entry.key in self._later:
            return f'"{entry.key}" is not available in this version. Take it out; it comes with a later one.'
        known = list(dict.fromkeys(self._known))
        trap = comma_trap(entry, before) or glued_trap(entry) or _no_colon(entry, known)
        if trap:
            return trap
        if key_meant(entry.written, ("nothing_matched",)) and "goes_to" in known and "during" in known:
            return f'"{entry.written}" is no condition. A last reply without a condition stands for all other cases: - {{text: ...}}.'
        if "text" in known and _is_text_in_a_language(entry.key, self._scope):
            return f'{self._what} has one "text" with all its languages inside. Write text: {{en: ..., sv: ...}}.'
        guess = self._meant(entry)
        cure = f'Did you mean "{guess}"?' if guess else f"It may have {listed(sorted(known))}."
        return f'{self._what} has an unknown key "{entry.written}". {cure}'

    def _meant(self, entry: Entry) -> str:
        free = [key for key in dict.fromkeys(self._known) if not self.has(key)]
        return key_meant(entry.written, free) or closest(entry.written, dict.fromkeys(self._known))


def _is_text_in_a_language(key: str, scope: Scope) -> bool:
    """``text_sv``, ``text på svenska``."""
    start, _, language = key.rpartition("_")
    return start.partition("_")[0] == "text" and (language in scope.notes.languages or bool(language_meant(language)))


def _nothing(key: str, value: Node) -> str:
    if isinstance(value, Scalar) and value.comment:
        cure = (
            'Delete the "#"'
            if re.match(r"#+[\[{]", value.comment)
            else f"Put the text in quotes: {key}: {quote(value.comment)}"
        )
        return f'"{key}" has nothing after its colon, as "#" starts a comment. {cure}.'
    return f'"{key}" has nothing after its colon. Write its value, or delete the line.'


def _no_colon(entry: Entry, known: Sequence[str]) -> str:
    """``reply = ...`` and ``reply：...`` where a colon further on made the whole beginning a key."""
    found = re.match(r"([\w -]+?)\s*(=>?|->|→|：)\s*(.*)", seen(entry.written))
    if found is None or not closest(found[1], known):
        return ""
    return f'Between a key and its value stands a colon and a space, not "{found[2]}". Write "{found[1]}: ...".'


def joined(nodes: Sequence[Node], first: str, rest: Sequence[str], what: str, scope: Scope) -> list[Node]:
    """A list in which a dash before every line made several items of one: told once, and put together again.

    ``first`` is the key that each item starts with, ``rest`` those that follow it.
    """
    found: list[Node] = []
    told = None
    for node in nodes:
        last = found[-1] if found else None
        if isinstance(node, Fields) and isinstance(last, Fields) and _belongs(node, last, first, rest):
            if told is not last.place:
                key = node.entries[0].written
                cure = f'Delete the one before "{key}", and line it up with "{first}".'
                scope.error(node.place, f"Only the first line of {what} has a dash. {cure}")
            told = last.place
            found[-1] = replace(last, entries=last.entries + node.entries)
        else:
            found.append(node)
    return found


def _belongs(node: Fields, last: Fields, first: str, rest: Sequence[str]) -> bool:
    keys = [entry.key for entry in node.entries]
    return (
        bool(keys)
        and all(key in rest for key in keys)
        and last.entry(first) is not None
        and not any(last.entry(key) for key in keys)
    )


def comma_trap(entry: Entry, before: Entry | None) -> str:
    """``{en: Hi, you}``: YAML ends an unquoted text in braces at the comma."""
    if not is_missing(entry.value) or before is None or not isinstance(before.value, Scalar) or before.value.quoted:
        return ""
    if entry.place.line != before.place.line or not before.value.text:
        return ""
    glue = "," if entry.place.column == before.value.place.column + len(before.value.text) + 1 else ", "
    whole = f"{before.value.text}{glue}{entry.written}"
    return f"In braces a comma ends a text, so this is cut in two. Put the text in quotes: {before.written}: {quote(whole)}."


_SEPARATORS: Final = {
    "comma": r"[,，、]",
    "semicolon": r"[;；]",
    "slash": r"(?<!\d)\s*/\s*(?!\d)",
    "bar": r"\|",
}
_OR: Final = r"\s+(?:or|oder|eller|ou)\s+"


def doubt_comma(text: str, place: Place, scope: Scope, alone: bool = False) -> None:
    """One phrase with a comma in it is more often several, written without the brackets of a list; so is one ``alone`` with an or."""
    bare = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}", "", text)
    separators = (
        {**_SEPARATORS, f'"{found[0].strip()}"': _OR} if alone and (found := re.search(_OR, bare)) else _SEPARATORS
    )
    sign = next((sign for sign, pattern in separators.items() if re.search(pattern, bare)), "")
    if sign:
        parts = ", ".join(part.strip() for part in re.split(separators[sign], text) if part.strip())
        scope.warning(
            place,
            f"{quote(text)} is one phrase with {_one(sign)} in it. If these are several, write a list: [{parts}].",
        )


def _one(sign: str) -> str:
    return f"an {sign}" if sign.startswith(('"o', '"e')) else f"a {sign}"


def glued_trap(entry: Entry) -> str:
    """``{text:hello}``: without a space after the colon YAML sees one word."""
    left, colon, right = entry.written.partition(":")
    if not colon or not right or not is_missing(entry.value):
        return ""
    return _glued(left, right)


def glued_text(node: Node, known: Sequence[str] = ()) -> str:
    """The same where nothing else follows: ``text:Hello`` is one text, and stands where keys are wanted."""
    if not isinstance(node, Scalar) or node.quoted:
        return ""
    found = re.match(r"([A-Za-z_]+)([:：=])\s*(?!//)(\S.*)", seen(node.text), re.DOTALL)
    return _glued(found[1], found[3]) if found and (not known or found[1] in known) else ""


def _glued(left: str, right: str) -> str:
    return f'A space is missing after the colon. Write "{canonical(left)}: {seen(right).strip()}".'
