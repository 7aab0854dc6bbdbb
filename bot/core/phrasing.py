"""Words as staff wrote them: where they stand, their holes, and their languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: path relative to the rules folder's parent, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """``{{name}}`` or ``{{name|default}}``; without a default the value is guaranteed at that point."""

    name: str
    default: str | None = None


Phrasing = tuple[str | Placeholder, ...]


@dataclass(frozen=True, slots=True)
class LocalText:
    """One text in each language; the key ``""`` counts for every language that has no text of its own.

    ``others`` are further wordings of the same (``any_of``), complete texts in themselves; they have no others.
    """

    by_language: Mapping[str, Phrasing]
    place: Place
    others: tuple[LocalText, ...] = ()

    def in_language(self, language: str) -> Phrasing:
        """The text for ``language``; checked rulebooks have one for each of their languages."""
        found = self.by_language.get(language)
        return found if found is not None else self.by_language[""]

    def wordings(self) -> tuple[LocalText, ...]:
        """Every wording, this one first."""
        return (self, *self.others)

    def wording(self, pick: int) -> LocalText:
        """The wording that the number ``pick`` chooses: equal numbers choose the same."""
        return self if not self.others else self.wordings()[pick % (1 + len(self.others))]
