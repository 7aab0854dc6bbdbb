"""What takes long to work out about one rulebook or two, for ``bot.work.beside``: checks, tests, picture, changes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bot.rulebook.difference import Difference, difference
from bot.rulebook.graph import graph_of, svg
from bot.rulebook.load import Reading, load_files
from bot.rulebook.problem import Problem, in_order
from bot.rulebook.suite import run_tests
from bot.rulebook.suite.test import Miss
from bot.store.sqlite.archive import open_archive

LINES_MOST: Final = 4_000  # of a comparison: nobody reads more
_AROUND: Final = 3


@dataclass(frozen=True, slots=True)
class Played:
    """One test of the rules and what became of it; ``misses`` are none where it passed."""

    name: str
    file: str
    line: int
    steps: int
    took_s: float
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """``is_sound``: the checks found no error. ``image``: the graph as SVG without its style, empty where there is none.
    ``examples`` are messages of the rules that were tried by the checks."""

    is_sound: bool
    problems: tuple[Problem, ...]
    tests: tuple[Played, ...]
    examples: int
    image: str


def survey(files: Mapping[str, bytes], link: str) -> Survey:
    """All about these files. ``link``: where the rules in the picture lead, their names come after it."""
    reading = load_files(files)
    rulebook = reading.rulebook
    if rulebook is None:
        return Survey(False, reading.problems, (), 0, "")
    tests, failures = _played(reading)
    examples = sum(len(rule.examples_match) + len(rule.examples_no_match) for rule in rulebook.rules)
    image = svg(graph_of(rulebook), styled=False, link=link)
    return Survey(True, in_order((*failures, *reading.problems)), tests, examples, image)


def _played(reading: Reading) -> tuple[tuple[Played, ...], Sequence[Problem]]:
    if reading.rulebook is None:
        return (), ()
    results = run_tests(reading.rulebook, reading.tests)
    played = tuple(
        Played(
            each.test.name,
            each.test.place.file,
            each.test.place.line,
            len(each.test.steps),
            each.took_s,
            each.misses,
        )
        for each in results
    )
    return played, [problem for each in results for problem in each.problems()]


# --- two rulebooks ------------------------------------------------------------------------------------------------------


def changes(database: Path, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Difference]:
    """What each second one of these stored rulebooks changed in the first; left out where one is not stored."""
    with closing(open_archive(database)) as archive:
        files = {number: stored.files for number in {*sum(pairs, ())} if (stored := archive.rulebook(number))}
    return {
        (one, other): difference(files[one], files[other]) for one, other in pairs if one in files and other in files
    }


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison; ``old`` and ``new`` are its numbers on either side, 0 where it is not there. ``gap``: lines were left out."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str
    old: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What one file lost and gained. ``is_cut``: there is more than is shown."""

    name: str
    kind: Literal["changed", "added", "removed"]
    lines: tuple[DiffLine, ...]
    is_cut: bool = False


def compared(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileDiff]:
    """The files that differ, by name, line by line."""
    left = LINES_MOST
    found: list[FileDiff] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        kind: Literal["changed", "added", "removed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        lines = _lines(old or b"", new or b"")
        found.append(FileDiff(name, kind, tuple(lines[:left]), len(lines) > left))
        left = max(0, left - len(lines))
    return found


def _lines(old: bytes, new: bytes) -> list[DiffLine]:
    one, other = (each.decode("utf-8", "replace").splitlines() for each in (old, new))
    found: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, one, other, autojunk=len(one) > 5000).get_grouped_opcodes(_AROUND):
        if found or group[0][1] > 0:
            found.append(DiffLine("gap", ""))
        for what, old_from, old_to, new_from, new_to in group:
            if what == "equal":
                found += [
                    DiffLine("same", one[old_from + at], old_from + at + 1, new_from + at + 1)
                    for at in range(old_to - old_from)
                ]
                continue
            found += [DiffLine("removed", one[at], at + 1) for at in range(old_from, old_to)]
            found += [DiffLine("added", other[at], 0, at + 1) for at in range(new_from, new_to)]
    return found
