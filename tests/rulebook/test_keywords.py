"""Words that are no keywords, or not where they stand: consent words, greetings above other rules, several phrases in one."""

from __future__ import annotations

import pytest

from tests.rulebook.lines import rules, says, told

GREETED = 'Rule a takes "{}" for a greeting; rule b (line {}) would have answered the rest'


@pytest.mark.parametrize(
    ("phrases", "rest", "example"),
    [
        ("menu, hi", "where is my order", "hi, where is my order"),
        ("Hej, hallå", "öppettider", "Hej, öppettider"),
        ('"(hi|hello) [there]"', '"track {n: 8 digits}"', "hi there, track 00000000"),
        ("guten Tag", "Lieferung", "guten Tag, Lieferung"),
        ("你好", "订单", "你好, 订单"),
    ],
)
def test_a_greeting_above_a_rule_is_told_once(phrases: str, rest: str, example: str) -> None:
    found = told(rules(says("a", phrases), says("b", rest), says("c", "something else")))
    assert len(found) == 1
    assert GREETED.format(example, 3) in found[0]
    assert found[0].endswith("Move a below b and the other rules, or use says_exactly for its greetings.")


def test_the_greeting_that_is_heard_in_any_company_is_named() -> None:
    (line,) = told(
        rules("{name: a, when: {says_exactly: hi, starts_with: hello}, reply: {text: x}}", says("b", "order"))
    )
    assert 'takes "hello, order" for a greeting' in line


@pytest.mark.parametrize(
    "lines",
    [
        (says("b", "order"), says("a", "hi")),
        (says("a", "hi, hello"), says("b", "thanks, tack, bye")),
        ("{name: a, when: {says_exactly: hi}, reply: {text: x}}", says("b", "order")),
        (says("a", "hi", "if: {first_contact: true}, "), says("b", "order")),
        (says("a", "menu, high street"), says("b", "order")),
        (says("a", "hi"), "{name: b, when: {starts_with: order}, reply: {text: x}}"),
        (says("a", "hi", "enabled: no, "), says("b", "order")),
    ],
)
def test_greetings_that_harm_nobody_are_left_alone(lines: tuple[str, str]) -> None:
    assert told(rules(*lines)) == []


def test_a_stop_word_is_no_title_and_a_start_word_may_be_a_keyword() -> None:
    (line,) = told(rules("{name: a, when: {taps: [Start, Stop!]}, reply: {text: x}}", says("b", "start, subscribe")))
    assert line == (
        'rules/x.yaml:2:36: "stop" is a consent word: it stops all messages before any rule sees it. Take it out of rule a.'
    )
    thai = "settings: {languages: [th]}\n" + rules(says("a", "ยกเลิก การสมัคร"))
    assert "is a consent word" in told(thai)[0]


def test_a_comma_inside_one_phrase_is_doubted_in_every_list() -> None:
    for written in ('"hi, order"', '{en: "hi, order"}', '{en: [x, "hi, order"]}'):
        for how in ("says", "says_exactly", "starts_with"):
            found = told(rules(f"{{name: a, when: {{{how}: {written}}}, reply: {{text: x}}}}"))
            assert any("one phrase with a comma" in line for line in found), (how, written)


def test_a_comma_inside_one_word_of_a_word_list_is_doubted() -> None:
    """The word would be heard only by those who write both."""
    words = "settings: {cancel_words: [quit it, 'leave, go']}\nconsent: {stop_words: 'halt, enough'}\n"
    found = told(words + rules(says("a", "order")))
    assert [line.split("Warning: ")[0] for line in found] == ["rules/x.yaml:1:36: ", "rules/x.yaml:2:23: "]
    assert found[1].endswith("one phrase with a comma in it. If these are several, write a list: [halt, enough].")
