"""Rules that can never answer: what is told, and that it is true. Golden cases stand in never/x.yaml and never/x.txt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.rule import Phrase, Place
from bot.rulebook.checks.expansions import Expansion, expander
from bot.rulebook.load import load_files
from tests.rulebook.lines import rules, says, told

CASES = sorted((Path(__file__).parent / "never").glob("*.yaml"))
PLACE = Place("rules/x.yaml", 1, 1)


# --- what is told -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_golden_case_is_told_line_by_line(file: Path) -> None:
    found = load_files({f"rules/{file.name}": file.read_bytes()}).problems
    assert [str(problem) for problem in found] == file.with_suffix(".txt").read_text().splitlines()


def test_there_are_twenty_golden_cases_of_rules_that_can_never_answer() -> None:
    cases = [file for file in CASES if " can never answer: " in file.with_suffix(".txt").read_text()]
    assert len(cases) >= 20
    assert sum(re.search(r'"[^"]*[\[({][^"]*"', file.read_text()) is not None for file in cases) >= 12


def test_another_file_is_named_with_where_to_move_it() -> None:
    (line,) = told(rules(says("b", "my order")), a=rules(says("a", "order")))
    assert line == (
        'rules/x.yaml:2:5: Rule b can never answer: rule a (rules/a.yaml:2:5) takes every message with "order", '
        'for example "my order". Move b above a, into rules/a.yaml.'
    )


@pytest.mark.parametrize(
    "upper",
    [
        says("a", "order", "enabled: no, "),
        says("a", "order", "at_most: once a day, "),
        says("a", "order", "if: {tag: vip}, "),
        "{name: a, when: {says_exactly: my order}, reply: {text: x}}",
        "{name: a, when: {starts_with: my order}, reply: {text: x}}",
        '{name: a, when: {says: [your order, orders, "my {n: number} order"]}, reply: {text: x}}',
        "{name: a, when: {taps: my order}, reply: {text: x}}",
    ],
)
def test_what_may_pass_a_message_on_takes_none(upper: str) -> None:
    assert [line for line in told(rules(upper, says("b", "my order"))) if "rule a" in line] == []


def test_a_button_keeps_a_rule_alive_but_not_its_phrases() -> None:
    button = "{name: c, when: {says: other}, reply: {text: x, buttons: [{label: B, goes_to: b}]}}"
    (line,) = told(rules(says("a", "order"), says("b", "my order"), button))
    assert line == (
        'rules/x.yaml:3:29: Warning: "my order" in rule b is never heard there: rule a (line 2) takes every message with "order", '
        'for example "my order". Move b above a, or delete the phrase.'
    )


def test_a_condition_that_names_a_rule_does_not_lead_to_it() -> None:
    after = says("c", "other", "if: {after_rule: b}, ")
    assert "Rule b can never answer" in told(rules(says("a", "order"), says("b", "my order"), after))[0]


def test_the_first_of_those_who_take_it_is_named() -> None:
    (line,) = told(rules(says("a", "order"), says("b", "my"), says("c", "my order")))
    assert line.endswith('rule a (line 2) takes every message with "order", for example "my order". Move c above a.')


@pytest.mark.parametrize(
    "uppers",
    [
        ("{says_exactly: order}", '{says_exactly: "{x} order"}', '{says_exactly: "order {x}"}'),
        ("{says_exactly: order}", '{says_exactly: "{x} order"}', '{says_exactly: "{x} order {y}"}'),
        ("{starts_with: order}", '{says_exactly: "{x} order"}'),
    ],
)
def test_company_that_nobody_takes_is_left(uppers: tuple[str, ...]) -> None:
    made = [f"{{name: a{at}, when: {upper}, reply: {{text: x}}}}" for at, upper in enumerate(uppers)]
    assert told(rules(*made, says("b", "order"))) == []


@pytest.mark.parametrize(
    ("uppers", "lower", "is_dead"),
    [
        (("6 digits", "8 digits"), "6-8 digits", False),
        (("6-7 digits", "8 digits"), "6-8 digits", True),
        (("number 1-5", "number 6-10"), "number 1-10", False),
        (("number 1-6", "number 5-10"), "number 1-10", True),
        (("8 digits",), "number 10000000-20000000", False),
        (("number",), "phone", False),
    ],
)
def test_values_inside_a_kind_count_too(uppers: tuple[str, ...], lower: str, is_dead: bool) -> None:
    made = [says(f"a{at}", f'"order {{n: {upper}}} now"') for at, upper in enumerate(uppers)]
    found = told(rules(*made, says("b", f'"order {{n: {lower}}} now"')))
    assert any("Rule b can never answer" in line for line in found) == is_dead


@pytest.mark.parametrize(("first", "second"), [("", ""), ("typos: 1, ", ""), ("", "typos: 1, ")])
def test_slips_in_all_long_words_at_once_count_too(first: str, second: str) -> None:
    """With a slip in each word neither is heard, unless the rule above forgives its own."""
    made = (says("a", "return", first), says("b", "orders", second), says("c", "return my orders", "typos: 1, "))
    assert any("can never answer" in line for line in told(rules(*made))) == bool(first or second)


def test_values_that_conditions_look_at_must_be_the_same_ones() -> None:
    upper = says("a", '"send {n: number}"', 'if: {slot: {n: "1"}}, ')
    same = says("b", '"send {n: number} now"', 'if: {slot: {n: "1"}}, ')
    other = says("b", '"send {m: number} to {n: number}"', 'if: {slot: {n: "1"}}, ')
    assert "Rule b can never answer" in told(rules(upper, same))[0]
    assert not any("never" in line for line in told(rules(upper, other)))


def test_phrases_that_one_phrase_takes_are_told_together() -> None:
    lower = says("b", "my order, your order, order it, order now, return")
    (line,) = told(rules(says("a", "order"), lower))
    assert line == (
        'rules/x.yaml:3:29: Warning: "my order", "your order" and 2 more phrases in rule b are never heard there: rule a (line 2) takes '
        'every message with "order", for example "my order". Move b above a, or delete the phrases.'
    )


def test_the_same_phrase_twice_is_told_with_both_places() -> None:
    (line,) = told(rules(says("a", "Order, order back"), says("b", "return, order")))
    assert line == (
        'rules/x.yaml:3:37: Warning: "order" stands in rule a (line 2) too, which comes first and answers. '
        "Keep it in one of the two rules."
    )


def test_a_rule_of_more_sentences_than_are_tried_says_so() -> None:
    lower = says("b", '"' + "order " + " ".join(f"(a{n}|b{n}|c{n})" for n in range(6)) + '"')
    (line,) = told(rules(says("a", "order"), lower))
    assert line.endswith("Move b above a. (Of its 729 sentences 500 were tried.)")


def test_a_sample_reaches_from_the_first_to_the_last() -> None:
    phrase = Phrase(" ".join(f"(a{n}|b{n}|c{n})" for n in range(6)), "", PLACE)
    made = expander([]).of(phrase)
    again = expander([]).of(phrase)
    assert made == again
    assert (len(set(made.tried)), made.total) == (500, 729)
    assert (made.tried[0].parts[0], made.tried[-1].parts[-1]) == ("a0", "c5")


def test_words_stand_as_they_were_written() -> None:
    (line,) = told(rules(says("a", '"Öppet"'), says("b", '"[när] Har Ni Öppet", "Öppet {x} Åsa"')))
    assert 'for example "när Har Ni Öppet"' in line
    assert (
        Expansion(Phrase("(我的|你的) 订单", "", PLACE), ("我", "的", "订", "单")).shown("我 的 订 单 please")
        == "我的订单 please"
    )
