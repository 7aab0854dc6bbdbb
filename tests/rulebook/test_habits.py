"""How people write who have never seen our language: what they paste, which words they use, and every line they are answered with.

``habits/x.yaml`` is the file as they save it, in any encoding; ``habits/x.txt`` all that is told about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.rule import SayText
from bot.core.rulebook import Rulebook
from bot.rulebook.load import Reading, load_files
from tests.rulebook.lines import rules

HABITS = Path(__file__).parent / "habits"
FILES = sorted(HABITS.glob("*.yaml"))
SHOP = {
    f"rules/{path.name}": path.read_bytes() for path in sorted((Path(__file__).parents[2] / "rules").glob("*.yaml"))
}


def read(file: Path) -> Reading:
    return load_files({f"rules/{file.name}": file.read_bytes()})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_habit_is_answered_with_place_fault_and_cure(file: Path) -> None:
    assert [str(problem) for problem in read(file).problems] == file.with_suffix(".txt").read_text().splitlines()


def test_there_are_many_and_each_has_its_answer() -> None:
    assert len(FILES) >= 70
    assert {file.stem for file in FILES} == {file.stem for file in HABITS.glob("*.txt")}
    assert all(file.with_suffix(".txt").read_text() for file in FILES)
    assert not {file.stem for file in FILES} & {file.stem for file in (HABITS.parent / "bad").glob("*.yaml")}


def test_every_line_starts_with_its_place_and_is_a_whole_sentence() -> None:
    for file in FILES:
        for line in file.with_suffix(".txt").read_text().splitlines():
            assert re.fullmatch(rf"rules/{file.stem}\.yaml:\d+:\d+: .+[.?]", line), line


def test_no_mistake_is_told_more_than_four_times_over() -> None:
    """A file may hold several mistakes; a line of it hardly does."""
    for file in FILES:
        told = [problem.place.line for problem in read(file).problems]
        assert all(told.count(line) <= 4 for line in told), file.stem


# --- what is read as meant, without a word ----------------------------------------------------------------------------------

PLAIN = rules('{name: hours, when: {says: [opening hours]}, reply: {text: "We are open"}, if_closed: skip}')
SAME = [
    PLAIN.replace("\n", "\r\n"),
    PLAIN.replace("\n", "\r"),
    "\ufeff" + PLAIN,
    PLAIN.replace("rules:\n", "rules:\n\ufeff"),
    PLAIN.replace("reply", "re\u200bply"),
    PLAIN.replace("if_closed", "if\u00a0closed"),
    PLAIN.replace("if_closed", "If-Closed"),
    PLAIN.replace("name: hours", "name: ho\u00adurs"),
    PLAIN.replace("reply:", "reply :"),
    PLAIN.replace("rules:", "rules:\u200b"),
    PLAIN.replace("if_closed: skip}", "if_closed: skip,}"),
]


@pytest.mark.parametrize("text", SAME)
def test_what_nobody_sees_changes_nothing(text: str) -> None:
    reading = load_files({"rules/x.yaml": text.encode()})
    assert reading.problems == ()
    assert meaning(reading.rulebook) == meaning(load_files({"rules/x.yaml": PLAIN.encode()}).rulebook)


@pytest.mark.parametrize(
    "written", ["Horaires\u00a0: 9\u00a0h", "a\u200db", "می\u200cخواهم", "“Hi”, she said", "’til nine"]
)
@pytest.mark.parametrize("quote", ['"', ""])
def test_a_text_keeps_what_belongs_to_it(written: str, quote: str) -> None:
    written = written if quote else written.replace(": ", " ")
    text = f"rules:\n  - name: a\n    when: {{says: [b]}}\n    reply:\n      text: {quote}{written}{quote}\n"
    rulebook = load_files({"rules/x.yaml": text.encode()}).rulebook
    assert rulebook is not None
    [said] = rulebook.rules[0].reply[0].says
    assert isinstance(said, SayText)
    assert said.text.in_language("en") == (written,)


def test_a_tab_in_a_text_is_sent_as_a_space() -> None:
    reading = load_files({"rules/x.yaml": PLAIN.replace("We are", "We\tare").encode()})
    assert [problem.severity for problem in reading.problems] == ["warning"]
    assert meaning(reading.rulebook) == meaning(load_files({"rules/x.yaml": PLAIN.encode()}).rulebook)


def meaning(rulebook: Rulebook | None) -> str:
    """Everything the rulebook says, without where it was written."""
    assert rulebook is not None
    return re.sub(r"Place\([^)]*\)", "", repr(replace(rulebook, digest="", matcher=None)))  # type: ignore[arg-type]


# --- the shop's own files, changed by a habit -------------------------------------------------------------------------------


@cache
def shop() -> str:
    return meaning(load_files(SHOP).rulebook)


QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
PAIRS = ("“”", "””", "„“", "„”", "«»", "＂＂")
Pick = Callable[[int], int]
Habit = Callable[[str, Pick], str]


def other_quotes(text: str, pick: Pick) -> str:
    """One text of many in quotes that are not straight."""
    found = [each for each in QUOTED.finditer(text) if re.fullmatch(r"[^\\“”„«»'#]+", each[1])]
    if not found:
        return text
    chosen, pair = found[pick(len(found))], PAIRS[pick(len(PAIRS))]
    return text[: chosen.start()] + pair[0] + chosen[1] + pair[1] + text[chosen.end() :]


def somewhere(pattern: str, new: str) -> Habit:
    """One of the places that match, outside comments, written otherwise."""

    def change(text: str, pick: Pick) -> str:
        found = [each for each in re.finditer(pattern, text, re.MULTILINE) if not _is_comment(text, each.start())]
        if not found:
            return text
        chosen = found[pick(len(found))]
        return text[: chosen.start()] + chosen.expand(new) + text[chosen.end() :]

    return change


def _is_comment(text: str, at: int) -> bool:
    return "#" in text[text.rfind("\n", 0, at) + 1 : text.find("\n", at)]


KEY = r"^( *(?:- )?)(\w+):"
HARMLESS: tuple[Habit, ...] = (
    other_quotes,
    somewhere(r"^  (?= *\S)", "\u00a0\u00a0"),
    somewhere(KEY + " ", "\\1\\2:\u00a0"),
    somewhere(KEY + " ", "\\1\\2:\t"),
    somewhere(KEY + " ", "\\1\\2:\u200b "),
    somewhere(KEY, "\\1\\2 :"),
    somewhere(KEY, "\\1\u200b\\2:"),
    somewhere(r"^( *(?:- )?\w)(\w+:)", "\\1\u00ad\\2"),
    somewhere(r"^( *(?:- )?[a-z]+)_([a-z]+:)", r"\1 \2"),
    somewhere(r"^( *)- ", "\\1-\u00a0"),
    somewhere(r"$", "   "),
    somewhere(r"$", "\t"),
    lambda text, pick: text.replace("\n", "\r\n"),
    lambda text, pick: text.replace("\n", "\r"),
    lambda text, pick: "\ufeff" + text,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_harmless_habit_leaves_the_rulebook_as_it_is(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SHOP)))
    habit = data.draw(st.sampled_from(HARMLESS))
    changed = habit(SHOP[name].decode(), lambda most: data.draw(st.integers(0, most - 1)))
    reading = load_files({**SHOP, name: changed.encode()})
    assert [str(problem) for problem in reading.problems if problem.severity == "error"] == []
    assert meaning(reading.rulebook) == shop()


HARMFUL: tuple[Habit, ...] = (
    *HARMLESS,
    somewhere(r"^ ", ""),
    somewhere(r"^", " "),
    somewhere(r"^", "    "),
    somewhere(r"^  ", "\t"),
    somewhere(r"^( *)- ", r"\1• "),
    somewhere(r"^( *)- ", r"\1-"),
    somewhere(r"^( *)- ", r"\g<1>1. "),
    somewhere(r": ", ":"),
    somewhere(r": ", "："),
    somewhere(r": ", " = "),
    somewhere(r'"', "”"),
    somewhere(r'"', ""),
    somewhere(r'"', "'"),
    somewhere(r"[{}\[\]]", ""),
    somewhere(r"([{}\[\]])", r"\1\1"),
    somewhere(r", ", "; "),
    somewhere(r",", ""),
    somewhere(r"$", ","),
    somewhere(r" (?=\w)", " #"),
    somewhere(r"^", "> "),
    somewhere(r"^", "// "),
    somewhere(r"^.*\n", ""),
    somewhere(r"^(.*\n)", r"\1\1"),
    somewhere(r"\{\{(\w+)", r"{\1"),
    somewhere(r"\w(\w+)", r"\1"),
    somewhere(KEY, r"\1antwort:"),
    somewhere(KEY, r"\1:"),
    somewhere(r" (\w+)", " \0"),
    somewhere(r" ", "\ufffd"),
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_people_do_to_a_file_it_is_answered(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SHOP)))
    text = SHOP[name].decode()
    for habit in data.draw(st.lists(st.sampled_from(HARMFUL), min_size=1, max_size=3)):
        text = habit(text, lambda most: data.draw(st.integers(0, most - 1)))
    encoding = data.draw(st.sampled_from(["utf-8"] * 6 + ["utf-16", "latin-1", "cp1252"]))
    reading = load_files({**SHOP, name: text.encode(encoding, "replace")})
    assert (reading.rulebook is None) == any(problem.severity == "error" for problem in reading.problems)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in reading.problems:
        assert problem.sentence[-1] in ".?", problem
        assert "\n" not in problem.sentence
        if problem.place.file == name:
            assert 1 <= problem.place.line <= len(lines)
