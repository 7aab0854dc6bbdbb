"""The tables of the rule writer's guide are true: keys exist and are all named, phrases hear what is told, answers are kept as told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from bot.core.layers import ORDER
from bot.core.text import normalise
from bot.rulebook.json_schema import schema
from bot.rulebook.load import Reading, load_files
from bot.rulebook.suite import failed_tests
from bot.rulebook.suite.expect import EXPECTATIONS
from bot.rulebook.suite.happening import ACTS
from bot.rulebook.suite.test import Given
from tests.pages import RULES_PAGE, RULES_PAGES, Block, guide, named, prose, spans, tables
from tests.test_docs import section
from tests.test_docs_examples import shop_around

QUESTIONS, TESTING, LIVE, MISTAKES, PEOPLE, TIMING = (
    RULES_PAGE.parent / "rules" / f"{name}.md"
    for name in ("questions", "testing", "live", "mistakes", "people", "timing")
)


def rows(page: Path, title: str, head: str = "") -> list[tuple[str, ...]]:
    """The rows of the tables of a section, of those whose first head is ``head`` (empty: any)."""
    found = tables(section(page.read_text(encoding="utf-8"), title))
    rows_ = [row for names, rows in found if head in ("", names[0].strip("`")) for row in rows]
    assert rows_, f"{page.name} has no such table under {title}"
    return rows_


def test_all_pages_of_the_guide_are_known_here() -> None:
    assert {RULES_PAGE, QUESTIONS, TESTING, LIVE, MISTAKES, PEOPLE, TIMING} == set(RULES_PAGES)


# --- keys ---------------------------------------------------------------------------------------------------------------


def keys_of(page: Path, title: str) -> list[str]:
    """What stands as code in the first column, each a key with a value."""
    return [key for row in rows(page, title, "key") for key in spans(row[0])]


def read(text: str) -> Reading:
    """Rules as read beside the page's first file; names that a key only mentions are there."""
    return load_files(shop_around(Block(RULES_PAGE, "yaml", text, 1)))


# What keys lead to by name.
OTHERS = """
- {name: prices, when: {says_exactly: zprices}, reply: {say_nothing: true}}
- {name: still_there, reply: {say_nothing: true}}
- {name: other, when: {says_exactly: zother}, reply: {text: Hello, buttons: [{label: More, goes_to: still_there}]}}
"""
# The page's first file speaks English alone.
TWO_LANGUAGES = 'settings: {languages: [en, sv]}\nhours: {shop: {mon-fri: "09:00-18:00"}}\nrules:\n'


def errors(text: str) -> list[str]:
    return [str(problem) for problem in read(text).problems if problem.severity == "error"]


def keys_in(part: object) -> Iterator[str]:
    """Every key that the rules' JSON Schema knows, wherever it may stand."""
    if isinstance(part, list):
        for each in part:
            yield from keys_in(each)
    elif isinstance(part, dict):
        properties = part.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for each in part.values():
            yield from keys_in(each)


def test_every_key_of_the_language_is_told() -> None:
    code = [block.text for block in guide("yaml")]
    code += [span for page in RULES_PAGES for span in spans(prose(page))]
    told = set(re.findall(r"\w+", " ".join(code)))
    assert set(keys_in(schema())) - told == set()


def test_the_settings_and_the_parts_of_a_question_are_all_in_their_tables() -> None:
    definitions = schema()["$defs"]
    assert isinstance(definitions, dict)
    assert set(keys_of(RULES_PAGE, "Settings")) == set(definitions["settings"]["properties"])
    told = set(keys_of(QUESTIONS, "ask")) | {"any_of"}
    assert told == set(definitions["question"]["properties"])


@pytest.mark.parametrize("key", keys_of(RULES_PAGE, "when"))
def test_what_can_set_a_rule_off_is_read(key: str) -> None:
    event = "event: order.shipped, " if key.startswith("needs") else ""
    answer = "then: {tag: said_stop}" if key.startswith("opts_out") else "reply: {text: Hello}\n  if_closed: skip"
    examples = "examples: {match: [INV-123456]}\n  " if key.startswith("matches") else ""
    assert read(f"- name: rule\n  when: {{{event}{key}}}\n  {examples}{answer}\n").problems == ()


@pytest.mark.parametrize("key", keys_of(RULES_PAGE, "if"))
def test_a_condition_is_read(key: str) -> None:
    when = "event: order.shipped" if key.startswith("event") else 'says: ["party of {guests: number}"]'
    rule = f"- name: rule\n  when: {{{when}}}\n  if: {{{key}}}\n  reply: {{text: Hello}}\n  if_closed: skip\n"
    assert errors(f"{TWO_LANGUAGES}{rule}{OTHERS}") == []


@pytest.mark.parametrize("key", keys_of(RULES_PAGE, "then"))
def test_what_comes_after_a_reply_is_read(key: str) -> None:
    name = key.partition(":")[0]
    when = "nothing_matched: true" if name == "after_misses" else "says: [hallo]"
    beside = "hand_over: support, " if name == "give_back_after" else ""
    of_the_rule = name in ("enabled", "category", "anytime", "at_most", "not_between", "typos")
    line = key if of_the_rule else f"then: {{{beside}{key}}}"
    assert errors(f"- name: rule\n  when: {{{when}}}\n  reply: {{text: Hello}}\n  {line}\n{OTHERS}") == []


@pytest.mark.parametrize("key", [spans(row[0])[0] for row in rows(RULES_PAGE, "The 24-hour window", "if_closed")])
def test_what_leaves_with_the_window_closed_is_read(key: str) -> None:
    rule = "- name: rule\n  when: {event: order.shipped, needs: [first_name, order_number]}\n  reply: {text: Hello}\n"
    assert errors(f"{rule}  if_closed: {key}\n") == []


# --- phrases ------------------------------------------------------------------------------------------------------------


def phrases() -> Iterator[tuple[str, str, bool]]:
    for title, head in (("Sentences with choices", "write"), ("How words are compared", "phrase")):
        for phrase, hears, misses in rows(RULES_PAGE, title, head):
            yield from ((spans(phrase)[0], message, True) for message in spans(hears))
            yield from ((spans(phrase)[0], message, False) for message in spans(misses))


@pytest.mark.parametrize(("phrase", "message", "is_heard"), list(phrases()))
def test_a_phrase_hears_what_is_told(phrase: str, message: str, is_heard: bool) -> None:
    says = json.dumps([phrase], ensure_ascii=False)
    reading = load_files(
        {"rules/shop.yaml": f"rules: [{{name: rule, when: {{says: {says}}}, reply: {{text: Hello}}}}]".encode()}
    )
    assert reading.rulebook is not None
    assert bool(reading.rulebook.matcher.hits(normalise(message))) is is_heard


@pytest.mark.parametrize(
    ("message", "is_heard"),
    [
        ("retrun it", True),
        ("retur it", True),
        ("returnn it", True),
        ("retuen it", True),
        ("rtern it", False),
        ("sned it back", False),
    ],
)
def test_a_typo_is_forgiven_as_told(message: str, is_heard: bool) -> None:
    block = next(block for block in named(RULES_PAGE, "yaml") if "typos: 1" in block.text)
    rulebook = read(block.text).rulebook
    assert rulebook is not None
    assert bool(rulebook.matcher.hits(normalise(message))) is is_heard


# --- answers ------------------------------------------------------------------------------------------------------------

KEPT = [
    (spans(kind)[0], spans(written)[0], spans(kept)[0] if spans(kept) else kept)
    for kind, written, kept in rows(QUESTIONS, "What counts as an answer", "must_be")
]


def asked(must_be: str, written: str, kept: str) -> str:
    expected = "Wrong." if kept == "wrong" else f"Kept: {kept}"
    return f"""
- name: question
  when: {{says: [ask me]}}
  ask: {{value: {{text: "Well?", must_be: {must_be}, tries: 1}}}}
  reply: [{{if: answered, text: "Kept: {{{{value}}}}"}}, {{if: given_up, text: Wrong.}}]
tests:
- name: answer
  steps:
  - {{person: "+46701740605", says: ask me, expect: {{asks: value}}}}
  - {{says: {json.dumps(written, ensure_ascii=False)}, expect: {{text: {json.dumps(expected, ensure_ascii=False)}}}}}
"""


@pytest.mark.parametrize(("must_be", "written", "kept"), KEPT)
def test_an_answer_is_kept_as_told(must_be: str, written: str, kept: str) -> None:
    reading = read(f"rules:{asked(must_be, written, kept)}")
    assert [str(problem) for problem in (*reading.problems, *failed_tests(reading))] == []


def test_every_kind_of_answer_is_told() -> None:
    page = QUESTIONS.read_text(encoding="utf-8")
    kinds = {kind for kind, _, _ in KEPT}
    assert {kind for kind in kinds if " " not in kind} == {
        "number",
        "date",
        "time",
        "email",
        "phone",
        "yes_or_no",
        "text",
    }
    assert {"8 digits", "6-8 digits", "number 1-10", "future date"} <= kinds
    assert all(f"must_be: {kind}" in page for kind in ("image", "location", "{one_of:", "{pattern:"))


# --- tests --------------------------------------------------------------------------------------------------------------


def test_all_that_a_test_may_hold_is_told_and_is_right() -> None:
    given, steps, expected = (
        [key.partition(":")[0] for key in keys_of(TESTING, title)]
        for title in ("Before the first step", "What a step can be", "What can be expected")
    )
    assert set(given) - {"stopped", "unknown"} == {each.name for each in fields(Given)}
    assert set(steps) == {*ACTS, "person"}
    assert tuple(each for each in expected if each in EXPECTATIONS) == EXPECTATIONS


@pytest.mark.parametrize("key", keys_of(TESTING, "What a step can be"))
def test_a_step_is_read(key: str) -> None:
    beside = ", says: hallo" if key.startswith("person") else ""
    text = f"""
- name: order_shipped
  when: {{event: order.shipped}}
  reply: {{say_nothing: true}}
- name: hours
  when: {{says: [opening hours]}}
  reply: {{text: "9 to 18", buttons: [{{label: Opening hours, goes_to: hours}}]}}
tests: [{{name: step, steps: [{{{key}{beside}, expect: {{opted_out: no}}}}]}}]
"""
    reading = read(f"rules:{text}")
    assert [str(problem) for problem in (*reading.problems, *failed_tests(reading))] == []


# --- the order ----------------------------------------------------------------------------------------------------------


def numbered(page: Path, title: str) -> Sequence[str]:
    lines = section(page.read_text(encoding="utf-8"), title).splitlines()
    return [line for line in lines if line[:1].isdigit()]


def test_the_order_has_as_many_steps_as_the_program() -> None:
    assert len(numbered(RULES_PAGE, "What happens first")) == len(ORDER)
