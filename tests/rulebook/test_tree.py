"""Reading YAML: every scalar is text, every value has its place, and nothing surprises."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from bot.errors import Misconfigured
from bot.rulebook.node import Fields, Items, Node, Scalar
from bot.rulebook.problem import Problems
from bot.rulebook.tree import BYTES_MAX, read_tree

LANGUAGE_PAGE = Path(__file__).parent / "language_sample.yaml"


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    problems = Problems()
    tree = read_tree("rules/x.yaml", text.encode() if isinstance(text, str) else text, problems)
    return tree.root, [str(problem) for problem in problems]


def good(text: str | bytes) -> Fields:
    root, problems = read(text)
    assert problems == []
    assert isinstance(root, Fields)
    return root


def plain(node: Node) -> object:
    match node:
        case Scalar(text=text):
            return text
        case Items(items=items):
            return [plain(item) for item in items]
        case Fields(entries=entries):
            return {entry.written: plain(entry.value) for entry in entries}


@pytest.mark.parametrize(
    "written", ["yes", "no", "on", "007", "12:30", "+46700123456", "1.50", "~", "null", "0x1F", "2026-01-05"]
)
def test_every_scalar_arrives_as_typed(written: str) -> None:
    assert plain(good(f"a: {written}")) == {"a": written}


def test_nothing_written_differs_from_an_empty_text() -> None:
    root = good('a:\nb: ""\n')
    assert [entry.value for entry in root.entries if isinstance(entry.value, Scalar) and entry.value.quoted] == [
        root.entries[1].value
    ]


@pytest.mark.parametrize("written", ["goes to", "Goes-To", "GOES_TO", "goes  to"])
def test_keys_are_forgiving(written: str) -> None:
    assert good(f"{written}: x").entries[0].key == "goes_to"


def test_a_question_mark_needs_no_quotes_in_braces_and_brackets() -> None:
    assert plain(good("a: {en: Sure?, sv: Visst?}\nb: [Really?, What?]")) == {
        "a": {"en": "Sure?", "sv": "Visst?"},
        "b": ["Really?", "What?"],
    }


def test_places_count_from_one_in_characters() -> None:
    root = good("å: {ö: hej}\nb:\n  - x\n")
    inner = root.entries[0].value
    assert isinstance(inner, Fields)
    assert str(inner.entries[0].value.place) == "rules/x.yaml:1:8"
    listed = root.entries[1].value
    assert isinstance(listed, Items)
    assert str(listed.items[0].place) == "rules/x.yaml:3:5"


def test_windows_line_ends_and_byte_order_mark_change_nothing() -> None:
    text = "a: {b: [one]}\nc:\n  - two\n"
    windows = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    assert good(windows) == good(text)


def test_a_lone_carriage_return_and_a_line_separator_keep_the_lines_of_the_editor() -> None:
    _, problems = read("a: one\u2028two\rb: &x y\r")
    assert problems[0].startswith("rules/x.yaml:2:4: ")


def test_an_empty_file_is_fine() -> None:
    assert read("") == (None, [])
    assert read("# only a comment\n") == (None, [])


def test_one_document_may_begin_with_dashes() -> None:
    assert plain(good("---\na: b\n")) == {"a": "b"}


def test_too_large_a_file_is_refused() -> None:
    _, problems = read(b"# " + b"x" * BYTES_MAX)
    assert len(problems) == 1
    assert problems[0].startswith("rules/x.yaml:1:1: This file is larger than 1,048,576 bytes")


@pytest.mark.parametrize("content", ["a: é".encode("latin-1"), "a: é".encode("utf-16")])
def test_other_encodings_are_named(content: bytes) -> None:
    _, problems = read(content)
    assert len(problems) == 1
    assert "UTF-8" in problems[0]


def test_deep_nesting_is_refused_before_it_hurts() -> None:
    _, problems = read("a: " + "[" * 100_000)
    assert problems == [
        "rules/x.yaml:1:23: This is nested more than 20 steps deep. Check the indentation of the lines above."
    ]


def test_a_comment_is_not_taken_for_a_cut_text() -> None:
    assert plain(good("a: one # a comment\nb: two   # another\nc: 'x' #tight\n")) == {"a": "one", "b": "two", "c": "x"}


def test_what_precedes_a_syntax_error_is_told_too() -> None:
    _, problems = read("a: &x one\nb: two\nb: three\nc: 'it's'\n")
    assert [problem.split(": ")[0] for problem in problems] == [
        "rules/x.yaml:1:4",
        "rules/x.yaml:3:1",
        "rules/x.yaml:4:4",
    ]


def test_the_sample_of_the_language_is_read_whole() -> None:
    root, problems = read(LANGUAGE_PAGE.read_bytes())
    assert problems == []
    assert isinstance(root, Fields)
    assert [entry.key for entry in root.entries] == [
        "settings", "hours", "holidays", "teams", "templates", "connections", "consent", "rules", "tests",
    ]  # fmt: skip
    rules = root.entries[7].value
    assert isinstance(rules, Items)
    assert len(rules.items) == 8


def test_start_refuses_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    with pytest.raises(Misconfigured, match="libyaml"):
        read("a: b")


def test_no_text_makes_it_raise() -> None:
    """Files with pieces put in, taken out and moved: each is read or told about, with a place in it."""
    die = random.Random(20260105)
    pieces = [*"{}[]:,-#*&!%@\"'|>?\n ", "{{", "}}", ": ", "- ", "“", "\u00a0", "\t", "~", "en", "goes_to"]
    sources = [
        LANGUAGE_PAGE.read_text(),
        *(file.read_text() for file in sorted((Path(__file__).parent / "bad").glob("*.yaml"))),
    ]
    for _ in range(1500):
        text = die.choice(sources)[:3000]
        for _ in range(die.randint(1, 4)):
            at = die.randrange(len(text) + 1)
            text = text[:at] + die.choice(pieces) + text[at + die.randint(0, 3) :]
        root, problems = read(text)
        assert root is not None or problems or all(line.lstrip()[:1] in ("", "#") for line in text.split("\n"))
