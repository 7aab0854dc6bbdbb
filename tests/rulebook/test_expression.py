"""RE2 expressions: faults in words, what they find, and many of them at once."""

import pickle
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.expression import (
    MOST_INSTRUCTIONS,
    Expression,
    Together,
    ascii_only,
    compile_expression,
    encoded,
    together,
)


def compiled(source: str) -> Expression:
    expression = compile_expression(source)
    assert isinstance(expression, Expression), expression
    return expression


@pytest.mark.parametrize(
    ("source", "text", "slots"),
    [
        ("öppet", "  ÄR NI ÖPPET? ", {}),
        ("^hej$", " HEJ\n", {}),
        ("^hej$", "hej du", None),
        (r"order (?P<n>\d+)", "my ORDER 12 and order 34", {"n": "12"}),
        (r"(?P<who>\pL+) vill", "Åsa vill", {"who": "Åsa"}),
        (r"(?<a>x)(?P<b>y)?(?P<c>z*)", "xq", {"a": "x"}),
        ("👍+", "ok 👍👍", {}),
        ("(?P<half>.)$", "x\ud800y", {"half": "y"}),
        ("x", "", None),
    ],
)
def test_it_finds_what_is_written(source: str, text: str, slots: Mapping[str, str] | None) -> None:
    assert compiled(source).find(text) == slots


def test_a_text_fits_as_a_whole_without_the_spaces_around() -> None:
    expression = compiled("[A-Z]{2}[0-9]{3}|none")
    assert [expression.fits(text) for text in (" ab123 ", "NONE", "ab1234", "xab123", "")] == [True, True, *[False] * 3]


@pytest.mark.parametrize(
    ("source", "slots", "always"),
    [
        ("(?P<b>x)(?<a>y)", ("b", "a"), {"a", "b"}),
        (
            "(?P<a>x)?(?P<b>y)*(?P<c>z){0,2}(?P<d>w){0}(?P<e>v)+(?P<f>u){1,2}",
            ("a", "b", "c", "d", "e", "f"),
            {"e", "f"},
        ),
        ("(?P<a>x)|y", ("a",), set()),
        ("(?:(?P<a>x)|y)(?:(?P<b>z))", ("a", "b"), {"b"}),
        ("(?P<all>(?P<a>x)|y)", ("all", "a"), {"all"}),
        (r"(?P<a>x*)(?P<b>\b)(?P<c>$)(?P<d>(?i)z)", ("a", "b", "c", "d"), {"d"}),
        (r"\((?P<a>[)|]+)\)[]|(](?P<b>\Q|)(\E)", ("a", "b"), {"a", "b"}),
        (r"[[:alpha:]|(](?P<a>\p{Greek})", ("a",), {"a"}),
        ("(((?P<a>x)))(y|z)", ("a",), {"a"}),
        ("x", (), set()),
    ],
)
def test_its_slots_and_those_that_always_catch_something(source: str, slots: tuple[str, ...], always: set[str]) -> None:
    assert (compiled(source).slots, set(compiled(source).always)) == (slots, always)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("(a", '"(" is never closed'),
        ("a)", '")" closes nothing'),
        ("[a", '"[" is never closed'),
        ("*a", '"*" has nothing before it'),
        ("a**", '"**" repeats twice'),
        ("a{2000}", '"{2000}" repeats too often'),
        ("(?=x)", 'does not know "(?="'),
        (r"(a)\1", r'does not know "\1"'),
        ("[b-a]", '"b-a" is no range'),
        (r"\p{Klingon}", r'"\p{Klingon}" is no range'),
        ("a\\", 'ends with "\\"'),
        ("(?P<n", '"(?P<n" is no named group'),
        ("(?P<Name>x)", '"Name" cannot name a slot'),
        ("(?P<>x)", '"" cannot name a slot'),
        ("(?P<n>x)(?P<n>y)", "Slot n stands twice"),
        (r"(?P<x>\C)", "part of a character"),
        (r"\pL{1,40}", "too large"),
        ("(a{500}|b{400})" * 120, "too large"),
        ("x" * 2001, "has 2001 characters"),
    ],
)
def test_a_fault_is_told_in_words_with_a_cure(source: str, words: str) -> None:
    fault = compile_expression(source)
    assert isinstance(fault, str)
    assert words in fault
    assert re.search(r"(?i)(write|split|give) ", fault)
    assert "{about" not in fault


def test_brackets_that_are_no_groups_name_no_slot() -> None:
    assert compiled(r"\(?P<n>x|[(?P<n>]|\Q(?P<n>\E").slots == ()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"\b\w+\d\s\b", ("\\b", "\\w", "\\d", "\\s")),
        (r"\\b \\\w", ("\\w",)),
        (r"[\d-]\W", ("\\d", "\\W")),
        (r"\Q\b\E \pN", ()),
        ("bwds", ()),
    ],
)
def test_signs_that_know_ascii_only(source: str, found: tuple[str, ...]) -> None:
    assert ascii_only(source) == found


def test_an_expression_travels() -> None:
    there = compiled(r"(?P<a>\pL+) (?P<b>x)?")
    here = pickle.loads(pickle.dumps(there))  # noqa: S301 our own
    assert (here, here.slots, here.always) == (there, there.slots, there.always)
    assert here.find("ÅÄÖ x") == there.find("ÅÄÖ x") == {"a": "ÅÄÖ", "b": "x"}


# --- together -----------------------------------------------------------------------------------------------------------

SOURCES = st.lists(
    st.sampled_from(
        [*"a b . a* ^a b$ a.*b (?-i)A å|ä \\p{Greek} \\d+ ^$ \\bab\\b [^a] (?P<x>b)".split(), "(?i) a", "\\Qa\\E"]
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(SOURCES, st.text("abAåÄ1 \n?\ud800", max_size=8))
def test_together_they_find_what_each_finds_alone(sources: list[str], text: str) -> None:
    expressions = [compiled(source) for source in sources]
    expected = [at for at, each in enumerate(expressions) if each.find(text) is not None]
    (group,) = together(expressions, [])
    assert group.is_trusted
    assert [at for at in group.found(encoded(text.strip())) if expressions[at].find(text) is not None] == expected
    again = pickle.loads(pickle.dumps(group))  # noqa: S301 our own
    assert (again, list(again.found(b"ab"))) == (group, list(group.found(b"ab")))


def test_a_set_names_only_those_that_are_there() -> None:
    """It is of use: what cannot be found is not tried."""
    (group,) = together([compiled(each) for each in ("one", "two", "three")], [])
    assert [list(group.found(text)) for text in (b"TWO", b"three two", b"four")] == [[1], [1, 2], []]


class Mute:
    """A Set as RE2 has it when memory runs out: it finds nothing and says nothing."""

    def Match(self, text: bytes) -> list[int] | None:  # noqa: N802 the library's name
        return None


class Blind(Mute):
    """A Set that leaves out one of those that are there."""

    def Match(self, text: bytes) -> list[int] | None:  # noqa: N802 the library's name
        return [2, 0]


def test_a_set_that_gives_up_costs_no_hit() -> None:
    expressions = (compiled("one"), compiled("two"))
    assert list(Together(expressions, True, Mute()).found(b"two")) == [0, 1]  # type: ignore[arg-type]


def test_a_set_that_finds_less_than_each_alone_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.rulebook.expression._set_of", lambda expressions: Blind())
    (group,) = together([compiled("one"), compiled("two")], ["two"])
    assert not group.is_trusted
    assert list(group.found(b"two")) == [0, 1]


def test_groups_stay_small_enough_to_be_compiled_at_once() -> None:
    small = [compiled(f"word{at}") for at in range(300)]
    large = [compiled(rf"\pL+ {at} \pL+") for at in range(6)]
    groups = together([*small, *large], [])
    assert [each for group in groups for each in group.expressions] == [*small, *large]
    assert max(len(group.expressions) for group in groups) <= 128
    assert max(group.size for group in groups) <= 2_500
    assert max(each.size for each in large) < MOST_INSTRUCTIONS
