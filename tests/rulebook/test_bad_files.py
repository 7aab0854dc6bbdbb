"""Mistakes that staff make, each with every line it is answered with: bad/x.yaml and bad/x.txt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.rulebook.load import load_files

BAD = Path(__file__).parent / "bad"
FILES = sorted(BAD.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_answered_with_place_fault_and_cure(file: Path) -> None:
    reading = load_files({f"rules/{file.name}": file.read_bytes()})
    assert [str(problem) for problem in reading.problems] == file.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_errors_keep_it_from_going_live(file: Path) -> None:
    reading = load_files({f"rules/{file.name}": file.read_bytes()})
    assert (reading.rulebook is None) == any(problem.severity == "error" for problem in reading.problems)


def test_every_mistake_has_its_answer() -> None:
    assert len(FILES) >= 100
    assert {file.stem for file in FILES} == {file.stem for file in BAD.glob("*.txt")}


def test_every_line_has_the_form_that_is_promised() -> None:
    for file in BAD.glob("*.txt"):
        for line in file.read_text().splitlines():
            assert re.fullmatch(rf"rules/{file.stem}\.yaml:\d+:\d+: .+", line), line


def test_every_place_is_inside_its_file() -> None:
    for file in FILES:
        lines = file.read_text().split("\n")
        for problem in load_files({f"rules/{file.name}": file.read_bytes()}).problems:
            assert 1 <= problem.place.line <= len(lines)
            assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
