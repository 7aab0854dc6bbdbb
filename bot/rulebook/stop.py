"""Where reading a file stopped, and the sentence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OWN_DISK: Final = (
    "This file is on a computer of your own, where nobody else can fetch it. Put it on your web site and write its address here, "
    "https://..."
)


class Slip(Exception):
    """What stopped the parser: line and column from 1, and the sentence for the writer."""

    def __init__(self, line: int, column: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line, self.column, self.sentence = line, column, sentence


@dataclass(frozen=True, slots=True)
class Stop:
    """Where libyaml stopped (``line`` and ``column`` from 0) and what it was at."""

    lines: list[str]
    line: int
    column: int
    problem: str
    context: str
    from_line: int
    from_column: int

    @property
    def text(self) -> str:
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def left(self) -> str:
        return self.text[: self.column]

    @property
    def right(self) -> str:
        return self.text[self.column :]

    def slip(self, column: int, sentence: str, line: int | None = None) -> Slip:
        return Slip((self.line if line is None else line) + 1, column + 1, sentence)
