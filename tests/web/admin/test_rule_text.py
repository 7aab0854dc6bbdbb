"""Rule files as pages show them: the right lines belong to a rule, carets stand under what is wrong, nothing hides."""

from __future__ import annotations

import pytest

from bot.core.rule import Place
from bot.rulebook.graph import STYLE
from bot.rulebook.load import load_files
from bot.rulebook.problem import Problem
from bot.web.admin.rule_text import WINDOW, Source, pieces, quoted, shown, source_of, sources, visible, wrongs
from bot.web.site.pages import STATIC

TEXT = """\
rules:
  - name: one
    when: {says: [a]}
    reply: {text: A}

  # about two
  - name: two
    when: {says: [b]}
    reply: {text: B}

tests:
  - name: t
    steps:
      - {says: a, expect: {rule: one}}
"""


def shop() -> Source:
    reading = load_files({"rules/a.yaml": TEXT.encode()})
    assert reading.rulebook is not None, reading.problems
    return sources(reading.rulebook.rules, reading.files)["rules/a.yaml"]


def test_a_rule_ends_before_what_is_about_the_next() -> None:
    assert shop().span_of("one") == range(2, 5)


def test_the_last_rule_ends_where_the_list_does() -> None:
    assert shop().span_of("two") == range(7, 10)


@pytest.mark.parametrize(("line", "name"), [(1, ""), (2, "one"), (4, "one"), (7, "two"), (9, "two")])
def test_each_line_belongs_to_the_rule_above_it(line: int, name: str) -> None:
    assert shop().rule_at(line) == name


def test_the_caret_stands_under_the_column() -> None:
    (found,) = wrongs([Problem(Place("rules/a.yaml", 3, 11), "Wrong.")], {"rules/a.yaml": TEXT.encode()}, "/x?file=")
    assert found.excerpt == "when: {says: [a]}"
    assert found.excerpt[len(found.caret)] == "{"
    assert TEXT.splitlines()[2][len(found.below)] == "{"
    assert found.href == "/x?file=rules%2Fa.yaml&line=3#L3"


def test_a_long_line_is_shown_around_the_column() -> None:
    text = "a" * 5000 + "X" + "b" * 5000
    (found,) = wrongs([Problem(Place("f", 1, 5001), "Wrong.")], {"f": text.encode()}, "")
    assert len(found.excerpt) < 250
    assert found.excerpt[len(found.caret)] == "X"


def test_a_problem_of_no_line_has_no_excerpt() -> None:
    (found,) = wrongs([Problem(Place("gone", 9, 9), "Wrong.")], {}, "")
    assert (found.excerpt, found.place) == ("", "gone:9:9")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("åäö 🎉 ‍", "åäö 🎉 ‍"),
        ("a\u202eb", "a⟨202E⟩b"),
        ("\x00\x1b[31m", "⟨0000⟩⟨001B⟩[31m"),
        ("\udcff", "⟨DCFF⟩"),
        ("a\tb", "a b"),
    ],
)
def test_nothing_hides(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_a_name_of_any_bytes_can_be_linked_to() -> None:
    assert quoted("rules/\udcff&.yaml") == "rules%2F%FF%26.yaml"


@pytest.mark.parametrize("line", [*TEXT.splitlines(), "", 'a: "x # y" # note', "'it''s'", "- {a: 1, b: [c]}", "  #"])
def test_coloured_parts_are_the_line(line: str) -> None:
    assert "".join(part for _, part in pieces(line)) == line


def test_what_is_quoted_is_no_note() -> None:
    assert [(kind, text) for kind, text in pieces('a: "x # y" # note') if kind] == [
        ("key", "a"),
        ("words", '"x # y"'),
        ("note", "# note"),
    ]


def test_a_long_file_is_shown_around_the_chosen_line() -> None:
    source = source_of(b"x\n" * 5000)
    text = shown(source, range(0), {}, 2500)
    assert len(text.lines) == WINDOW
    assert text.first < 2500 < text.last
    assert shown(source, range(0), {}, 5000).last == 5000


def test_the_stylesheet_of_graphs_is_theirs() -> None:
    assert (STATIC / "graph.css").read_text(encoding="utf-8") == STYLE
