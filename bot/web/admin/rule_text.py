"""Rule files as pages show them: lines with numbers, the chosen rule marked, each problem under its line with a caret."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from bot.core.rule import Rule
from bot.rulebook.problem import Problem

WINDOW: Final = 300  # lines of a long file that are shown at a time
LINE_MOST: Final = 500
_BEFORE: Final = 20  # lines shown above the chosen one
_EXCERPT: Final = 100  # characters before the caret
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Piece = tuple[Literal["", "key", "words", "note"], str]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem, its line as it stands in the file, and how far in the caret is: below the ``excerpt`` (empty: there is no such line), and
    below the whole line."""

    file: str
    line: int
    column: int
    sentence: str
    is_error: bool
    excerpt: str
    caret: str
    below: str
    href: str

    @property
    def place(self) -> str:
        """``rules/shop.yaml:12:7``"""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file. ``rule``: the name of the rule that begins here."""

    number: int
    pieces: tuple[Piece, ...]
    chosen: bool
    rule: str
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a file: lines ``first`` to ``last`` of ``total``."""

    lines: tuple[Line, ...]
    first: int
    last: int
    total: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file's lines, and where its rules begin, from top to bottom."""

    lines: tuple[str, ...]
    starts: tuple[tuple[int, str], ...]

    def rule_at(self, line: int) -> str:
        """The rule that this line belongs to; empty above the first one."""
        return next((name for start, name in reversed(self.starts) if start <= line), "")

    def span_of(self, rule: str) -> range:
        """The rule's lines without what stands between it and the next."""
        for at, (start, name) in enumerate(self.starts):
            if name == rule:
                end = self.starts[at + 1][0] if at + 1 < len(self.starts) else len(self.lines) + 1
                return range(start, self._trimmed(start, end))
        return range(0)

    def _trimmed(self, start: int, end: int) -> int:
        column = _indent(self.lines[start - 1]) if start <= len(self.lines) else 0
        stop = next((at for at in range(start + 1, end) if self._leaves(at, column)), end)
        while stop - 1 > start and (not self.lines[stop - 2].strip() or self.lines[stop - 2].lstrip().startswith("#")):
            stop -= 1
        return stop

    def _leaves(self, number: int, column: int) -> bool:
        """Whether the line is of what comes after the list of rules."""
        text = self.lines[number - 1]
        return bool(text.strip()) and not text.lstrip().startswith("#") and _indent(text) < column


def source_of(content: bytes, starts: Sequence[tuple[int, str]] = ()) -> Source:
    """The lines of a file; what is not UTF-8 is replaced."""
    return Source(tuple(content.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()), tuple(starts))


def sources(rules: Sequence[Rule], files: Mapping[str, bytes]) -> dict[str, Source]:
    """All files with where their rules begin."""
    starts: dict[str, list[tuple[int, str]]] = {}
    for rule in rules:
        starts.setdefault(rule.place.file, []).append((rule.place.line, rule.name))
    return {name: source_of(content, sorted(starts.get(name, ()))) for name, content in files.items()}


def shown(source: Source, chosen: range, wrong: Mapping[int, Sequence[Wrong]], around: int) -> Shown:
    """The part of the file around a line, all of it where it is short."""
    total = len(source.lines)
    first = 1 if total <= WINDOW else max(1, min(around - _BEFORE, total - WINDOW + 1))
    last = min(total, first + WINDOW - 1)
    names = dict(source.starts)
    lines = tuple(
        Line(
            number,
            tuple(pieces(visible(source.lines[number - 1])[:LINE_MOST])),
            number in chosen,
            names.get(number, ""),
            tuple(wrong.get(number, ())),
        )
        for number in range(first, last + 1)
    )
    return Shown(lines, first, last, total)


def wrongs(problems: Iterable[Problem], files: Mapping[str, bytes], link: str) -> list[Wrong]:
    """Problems with the lines they are about. ``link``: what leads to the file's text, up to ``file=``."""
    lines: dict[str, tuple[str, ...]] = {}
    found: list[Wrong] = []
    for each in problems:
        place = each.place
        if place.file not in lines and place.file in files:
            lines[place.file] = source_of(files[place.file]).lines
        text = lines.get(place.file, ())
        line = text[place.line - 1] if place.line <= len(text) else ""
        excerpt, caret = _pointed(line, place.column)
        below = " " * min(_wide(visible(line[: place.column - 1])), LINE_MOST)
        href = f"{link}{quoted(place.file)}&line={place.line}#L{place.line}"
        is_error = each.severity == "error"
        sentence = visible(each.sentence)
        found.append(
            Wrong(visible(place.file), place.line, place.column, sentence, is_error, excerpt, caret, below, href)
        )
    return found


def by_line(found: Iterable[Wrong], file: str) -> dict[int, list[Wrong]]:
    """Those of one file, by their line."""
    lines: dict[int, list[Wrong]] = {}
    for each in found:
        if each.file == visible(file):
            lines.setdefault(each.line, []).append(each)
    return lines


def _pointed(text: str, column: int) -> tuple[str, str]:
    """The line, or the part of it that shows the column, and the spaces before the caret."""
    start = max(min(_indent(text), column - 1), column - 1 - _EXCERPT)
    before = visible(text[start : column - 1])
    after = visible(text[column - 1 : column - 1 + _EXCERPT])
    lead = "…" if start > _indent(text) else ""
    return f"{lead}{before}{after}{'…' if len(text) > column - 1 + _EXCERPT else ''}", " " * (_wide(lead + before))


def _wide(text: str) -> int:
    """How many columns it takes."""
    return sum(
        2 if unicodedata.east_asian_width(sign) in "WF" else 0 if unicodedata.combining(sign) else 1 for sign in text
    )


def visible(text: str) -> str:
    """``text`` with everything that would hide, or show other words in another order, written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(sign) for sign in text)


def _sign(sign: str) -> str:
    if sign == "\t":
        return " "
    if sign in _BIDI or unicodedata.category(sign) in ("Cc", "Cs"):
        return f"⟨{ord(sign):04X}⟩"
    return sign


def quoted(text: str) -> str:
    """For a query, whatever bytes a file's name was made of."""
    try:
        return quote(text.encode("utf-8", "surrogateescape"), safe="")
    except UnicodeEncodeError:  # half a character, which no name of a file has
        return quote(text.encode("utf-8", "replace"), safe="")


_PIECES: Final = re.compile(
    r"""(?P<words>"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?P<note>(?:^|(?<=\s))\#.*$)|(?P<key>(?:^|(?<=[\s{,]))[\w.-]+(?=:(?:\s|$)))""",
    re.VERBOSE,
)


def pieces(text: str) -> Iterator[Piece]:
    """A line of YAML in coloured parts; only for the eye."""
    at = 0
    for found in _PIECES.finditer(text):
        if found.start() > at:
            yield "", text[at : found.start()]
        if found.lastgroup == "words":
            yield "words", found[0]
        elif found.lastgroup == "note":
            yield "note", found[0]
        else:
            yield "key", found[0]
        at = found.end()
    if at < len(text) or not text:
        yield "", text[at:]


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
