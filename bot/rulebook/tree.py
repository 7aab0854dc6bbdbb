"""From the bytes of one file to a tree: libyaml's events, no type guessing, every mistake with its place.

libyaml is required: the pure parser of PyYAML refuses an unquoted ``?`` before ``,`` ``]`` ``}`` (``{en: Sure?, sv: Visst?}``), which
staff write daily, and is ten times slower. Events instead of composed nodes show anchors, aliases and tags, and keep a deeply nested
file from exhausting the C stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from bot.core.rule import Place
from bot.errors import Misconfigured
from bot.rulebook.foreign_marks import foreign_list
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical
from bot.rulebook.pasted import decoded, straightened
from bot.rulebook.problem import Problems
from bot.rulebook.stop import Slip
from bot.rulebook.traps import explain, quote, value_at

BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 20
_OTHER_BREAKS: Final = dict.fromkeys((0x85, 0x2028, 0x2029), " ")  # libyaml would count these as lines, editors do not
_LONG_LISTS: Final = ("rules", "tests")
_CUT: Final = re.compile(r"[ ]+#[^\s#!]")


@dataclass(frozen=True, slots=True)
class Tree:
    """One file as read; ``root`` is None for an empty file, ``whole`` False when a syntax error stopped the parser."""

    file: str
    root: Node | None
    whole: bool = True


def require_libyaml() -> None:
    """Raise ``Misconfigured`` where PyYAML was built without libyaml."""
    if not getattr(yaml, "__with_libyaml__", False) or not hasattr(yaml, "CSafeLoader"):
        raise Misconfigured(
            "PyYAML on this machine was built without libyaml, which reading the rules needs. "
            "Install a PyYAML wheel from the package index (pip install --force-reinstall pyyaml)."
        )


def read_tree(file: str, content: bytes, problems: Problems) -> Tree:
    """The tree of one file. What cannot be read is told to ``problems``, and ``whole`` is False."""
    require_libyaml()
    seen = Problems()
    try:
        return Tree(file, _read(file, content, seen))
    except Slip as slip:
        # What else was noted on that line is the same mistake seen half.
        seen.found = [problem for problem in seen if problem.place.line != slip.line]
        seen.error(Place(file, slip.line, slip.column), slip.sentence)
        return Tree(file, None, whole=False)
    finally:
        problems.found.extend(seen)


def _read(file: str, content: bytes, problems: Problems) -> Node | None:
    if len(content) > BYTES_MAX:
        raise Slip(
            1, 1, f"This file is larger than {BYTES_MAX:,} bytes, the most that is read. Split it into several files."
        )
    text = straightened(file, decoded(content).translate(_OTHER_BREAKS), problems)
    try:
        return _Builder(file, text, problems).read()
    except yaml.YAMLError as error:
        raise explain(error, text.split("\n")) from None


class _Builder:
    """Walks libyaml's events of one file."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._lines = text.split("\n")
        self._problems = problems
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def read(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise self._slip(
                    event, 'A second document starts here with "---". Delete that line; one file is one document.'
                )
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, 1)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise self._slip(
                event, f"This is nested more than {DEPTH_MAX} steps deep. Check the indentation of the lines above."
            )
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._look_at_marks(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, depth)
        return self._fields(event, depth)

    def _alias(self, event: Any) -> Scalar:
        self._problem(event, self._starts_with(event, "*", "a reference"))
        return Scalar(value_at(self._line(event), event.start_mark.column), self._place(event), quoted=True)

    def _look_at_marks(self, event: Any) -> None:
        if event.anchor is not None:
            self._problem(event, self._starts_with(event, "&", "an anchor"))
        elif event.tag is not None:
            self._problem(event, self._starts_with(event, "!", "a tag"))

    def _starts_with(self, event: Any, sign: str, meaning: str) -> str:
        value = value_at(self._line(event), event.start_mark.column)
        return f'"{sign}" at the start of a text means {meaning} to YAML. Put the whole text in quotes: {quote(value)}.'

    def _scalar(self, event: Any) -> Scalar:
        text, quoted = str(event.value), bool(event.style) or event.tag is not None
        if quoted:
            return Scalar(text, self._place(event), quoted=True)
        self._look_for_cut(event)
        told = self._look_for_lists(event)
        lines = 1 if told else event.end_mark.line - event.start_mark.line + 1
        return Scalar(text, self._place(event), lines=lines, comment="" if text else self._comment(event))

    def _look_for_lists(self, event: Any) -> bool:
        first, last = event.start_mark.line, event.end_mark.line
        if last > first and not self._lines[first][: event.start_mark.column].strip():
            sentence = foreign_list(self._lines[first : last + 1])
            if sentence:
                self._problem(event, sentence)
                return True
        return False

    def _comment(self, event: Any) -> str:
        """What is written after ``key:`` as a comment, where nothing else is."""
        line = str(self._lines[event.end_mark.line]) if event.end_mark.line < len(self._lines) else ""
        found = re.match(r" +(#[^\s#!].*)$", line[event.end_mark.column :])
        return found[1].rstrip() if found else ""

    def _look_for_cut(self, event: Any) -> None:
        line = str(self._lines[event.end_mark.line]) if event.end_mark.line < len(self._lines) else ""
        if event.value and _CUT.match(line, event.end_mark.column):
            whole = (event.value + line[event.end_mark.column :]).rstrip()
            self._problem(
                event,
                f'This text is cut short at " #", which starts a comment. Put it in quotes: {quote(whole)}; '
                'a real comment needs a space after "#".',
            )

    def _items(self, start: Any, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Items(tuple(items), self._place(start), self._raw(start, event))

    def _fields(self, start: Any, depth: int) -> Node:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_event = event
            key = self._node(key_event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                return self._braces(start, key_event, next(self._events))
            self._add(entries, Entry(canonical(key.text), key.text, key.place, value))
        return Fields(tuple(entries.values()), self._place(start), self._raw(start, event))

    def _add(self, entries: dict[str, Entry], entry: Entry) -> None:
        first = entries.setdefault(entry.key, entry)
        if (
            first is not entry
            and entry.key in _LONG_LISTS
            and isinstance(first.value, Items)
            and isinstance(entry.value, Items)
        ):
            self._problems.error(
                entry.place,
                f'"{entry.written}:" is written on line {first.place.line} already. Delete this line; the list below it goes on there.',
            )
            entries[entry.key] = replace(first, value=replace(first.value, items=first.value.items + entry.value.items))
        elif first is not entry:
            self._problems.error(
                entry.place,
                f'"{entry.written}" is written twice here, first on line {first.place.line} (column {first.place.column}). '
                "Keep one of the two.",
            )

    def _braces(self, start: Any, key: Any, end: Any) -> Node:
        """``{{name}}`` alone: a mapping whose key is a mapping."""
        raw = self._raw(start, end) if isinstance(end, yaml.MappingEndEvent) else ""
        if not raw.startswith("{{"):
            raise self._slip(
                key, "Before a colon YAML expects one word, not a list or a mapping. Put the whole text in quotes."
            )
        whole = value_at(self._line(start), start.start_mark.column)
        self._problem(
            start, f"YAML takes a text that starts with {{{{ for a mapping. Put it in quotes: {quote(whole)}."
        )
        return Scalar(whole, self._place(start), quoted=True)

    def _raw(self, start: Any, end: Any) -> str:
        if not start.flow_style or start.start_mark.line != end.end_mark.line:
            return ""
        first, last = int(start.start_mark.column), int(end.end_mark.column)
        return self._line(start)[first:last]

    def _line(self, event: Any) -> str:
        line: int = event.start_mark.line
        return self._lines[line]

    def _place(self, event: Any) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, event: Any, sentence: str) -> None:
        self._problems.error(self._place(event), sentence)

    def _slip(self, event: Any, sentence: str) -> Slip:
        return Slip(event.start_mark.line + 1, event.start_mark.column + 1, sentence)
