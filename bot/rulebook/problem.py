"""What is wrong with the rules, said to the person who wrote them.

A sentence names the fault and the cure; the place says where. An error keeps the rulebook from going live, a warning does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rapidfuzz import fuzz, process

from bot.core.rule import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault at one place. ``str(problem)`` is the line that ``check`` prints."""

    place: Place
    sentence: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.place}: {'Warning: ' if self.severity == 'warning' else ''}{self.sentence}"

    def as_plain(self) -> dict[str, str | int]:
        """The JSON form: file, line and column (from 1), severity, sentence."""
        return {
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "severity": self.severity,
            "sentence": self.sentence,
        }


@dataclass(slots=True)
class Problems:
    """Collects problems while the rules are read, so that all are told at once."""

    found: list[Problem] = field(default_factory=list)

    def error(self, place: Place, sentence: str) -> None:
        """Note a fault that keeps the rules from going live."""
        self.found.append(Problem(place, sentence))

    def warning(self, place: Place, sentence: str) -> None:
        """Note something that goes live all the same."""
        self.found.append(Problem(place, sentence, "warning"))

    @property
    def errors(self) -> int:
        """How many of what was found so far keep the rules from going live."""
        return sum(problem.severity == "error" for problem in self.found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file, line and column, each problem once."""
    return tuple(
        sorted(dict.fromkeys(problems), key=lambda problem: (problem.place, problem.severity, problem.sentence))
    )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`` Did you mean "x"?`` with a leading space for the closest of ``known``, or nothing when none is close."""
    found = closest(word, known)
    return f' Did you mean "{found}"?' if found else ""


def closest(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` that ``word`` is most likely a slip of, or empty."""
    by_plain = {_plain(name): name for name in known}
    plain = _plain(word)
    if len(plain) < 2:
        return ""
    if plain in by_plain:
        return by_plain[plain]
    best = process.extractOne(plain, list(by_plain), scorer=fuzz.ratio, score_cutoff=70 if len(plain) > 3 else 60)
    return by_plain[best[0]] if best else ""


def listed(words: Sequence[str], joint: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def counted(number: int, noun: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def seen_from(here: Place, there: Place) -> str:
    """Where ``there`` is, for a reader at ``here``: ``line 12``, or the whole place when it is in another file."""
    return f"line {there.line}" if here.file == there.file else str(there)


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")
