"""A node as a card: what is written in it, where, and how large it becomes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from bot.rulebook.graph.layout import Box
from bot.rulebook.graph.model import Exit, Node

WIDTH: Final = 248.0
ENTRY: Final = 19.0  # ways enter at the height of the title
PADDING: Final = 12.0
TITLE: Final = 13.0
SMALL: Final = 11.5
_HEAD: Final = 32.0
_LINE: Final = 16.0
_WAY: Final = 25.0
_LINES_MAX: Final = 2  # so often is one line of text broken
_NARROW: Final = "ijlI.,:;'|!()[]/ ftr-"
_WIDE: Final = "mwMW@%—…"

Style = Literal["title", "line", "reply", "step", "dead"]


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text at ``y`` (its baseline) below the card's top; ``whole`` is what it would say with more room."""

    text: str
    y: float
    style: Style
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A way on, drawn as a row whose middle is ``y`` below the card's top."""

    exit: Exit
    text: str
    y: float


@dataclass(frozen=True, slots=True)
class Card:
    """A node with its texts and rows placed."""

    node: Node
    height: float
    words: tuple[Words, ...]
    rows: tuple[Row, ...]

    @property
    def box(self) -> Box:
        """What there is to place."""
        return Box(self.node.id, WIDTH, self.height, min(ENTRY, self.height / 2))


def card_of(node: Node) -> Card:
    """The card of ``node``."""
    words = [Words(_fitted(node.title, TITLE * 1.08, WIDTH - 2 * PADDING - 18), 21.0, "title", node.title)]
    y = _HEAD
    for text, style in _texts(node):
        for part in _broken(text):
            words.append(Words(part, y + 12.0, style, text))
            y += _LINE
    if len(words) > 1:
        y += 8.0
    rows: list[Row] = []
    for way in node.exits if node.kind not in ("event", "moment") else ():
        label = f"{way.label}  ✕ {way.dead}" if way.dead else way.label
        rows.append(Row(way, _fitted(label, SMALL, WIDTH - 2 * PADDING - 26), y + _WAY / 2))
        y += _WAY
    return Card(node, y + (6.0 if not rows else 2.0), tuple(words), tuple(rows))


def _texts(node: Node) -> Iterator[tuple[str, Style]]:
    for line in node.lines:
        yield line, "line"
    for step in node.steps:
        yield f"{'asks' if step.kind == 'question' else 'calls'} {step.text}", "step"
    if node.reply:
        yield node.reply, "reply"
    if node.off:
        yield "switched off", "line"
    if node.dead:
        yield f"✕ {node.dead}", "dead"


def _broken(text: str) -> list[str]:
    """``text`` in lines that fit, the last with an ellipsis where there is more."""
    room = WIDTH - 2 * PADDING
    lines: list[str] = []
    now = ""
    for word in text.split():
        longer = f"{now} {word}".strip()
        if now and width_of(longer, SMALL) > room:
            lines.append(now)
            now = word
        else:
            now = longer
    lines.append(now)
    if len(lines) > _LINES_MAX:
        lines = [*lines[: _LINES_MAX - 1], " ".join(lines[_LINES_MAX - 1 :])]
    return [_fitted(line, SMALL, room) for line in lines]


def _fitted(text: str, size: float, room: float) -> str:
    """``text``, or as much of it as fits."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def width_of(text: str, size: float) -> float:
    """About how wide ``text`` is drawn: nobody knows here which font a reader has."""
    return sum(_em(sign) for sign in text) * size


def _em(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in ("W", "F"):
        return 1.05
    if sign in _NARROW:
        return 0.38
    if sign in _WIDE:
        return 1.0
    return 0.72 if sign.isupper() else 0.62
