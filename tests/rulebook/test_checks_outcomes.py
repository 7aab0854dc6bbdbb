"""What comes of a rule that asks, calls or shows a flow: every outcome has its reply, and nothing goes round for ever."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from random import Random

import pytest

from bot.core.asking import Choice, MustBe, Question
from bot.core.conditions import failure
from bot.core.conversation import State
from bot.core.phrasing import LocalText
from bot.core.rule import Condition, Place, ReplyItem, Rule, SayFlow, SayText, ValueTest
from bot.core.scene import Scene
from bot.core.text import normalise
from bot.rulebook.checks.cases import implies
from bot.rulebook.checks.outcomes import meets, outcomes_met, outcomes_of
from bot.rulebook.checks.questions import options_of
from bot.rulebook.load import load_files
from tests.core import build

HERE = Place("rules/x.yaml", 1, 1)
WORDS = LocalText({"": ("Hello",)}, HERE)
ORDERS = 'connections: {orders: {url: "https://erp.example/orders", results: [status], may_give: [eta]}}\n'
NUMBER = 'ask: {number: {text: "Your number?", must_be: 8 digits}}'
HOW = 'ask: {how: {text: "How?", must_be: {one_of: [home, shop]}}}'


def told(text: str) -> list[str]:
    return [str(problem) for problem in load_files({"rules/x.yaml": text.encode()}).problems]


def rule(rest: str, name: str = "a") -> str:
    return f"  - {{name: {name}, when: {{says: {name}}}, {rest}}}\n"


def question(kind: str = "text", **values: object) -> Question:
    return Question("x", WORDS, MustBe(kind, kind, **values), HERE)  # type: ignore[arg-type] # a kind, by its use


# --- outcomes -----------------------------------------------------------------------------------------------------------


def made(asks: bool, calls: bool, waits: bool = False, flows: bool = False, items: tuple[str, ...] = ("",)) -> Rule:
    asked = Question("x", WORDS, MustBe("text", "text"), HERE, no_answer_after=timedelta(hours=1) if waits else None)
    flow = SayFlow(WORDS, "1", WORDS, results=("day",))
    reply = tuple(
        ReplyItem(Condition(outcome=each), (flow if flows and not at else SayText(WORDS),), HERE)
        for at, each in enumerate(items)
    )
    return Rule("a", HERE, (), reply, ask=(asked,) if asks else (), call="orders" if calls else "")


@pytest.mark.parametrize(
    ("asks", "calls", "waits", "flows", "outcomes"),
    [
        (False, False, False, False, {""}),
        (True, False, False, False, {"answered", "given_up"}),
        (True, False, True, False, {"answered", "given_up", "no_answer"}),
        (False, True, False, False, {"found", "not_found", "failed"}),
        (True, True, True, False, {"found", "not_found", "failed", "given_up", "no_answer"}),
        (False, False, False, True, {"", "answered"}),
        (True, False, False, True, {"answered", "given_up"}),
    ],
)
def test_the_outcomes_that_can_occur(asks: bool, calls: bool, waits: bool, flows: bool, outcomes: set[str]) -> None:
    assert set(outcomes_of(made(asks, calls, waits, flows))) == outcomes


def test_a_reply_is_for_the_outcomes_that_those_above_leave() -> None:
    found = made(True, True, True, items=("found", "no_answer", "", ""))
    assert [outcomes_met(found, item) for item in found.reply[:3]] == [
        {"found"},
        {"no_answer"},
        {"not_found", "failed", "given_up"},
    ]


def test_a_flow_is_not_answered_with_the_flow_again() -> None:
    found = made(False, False, flows=True, items=("", "answered"))
    assert [meets(found, item, "answered") for item in found.reply] == [False, True]
    assert [meets(found, item, "") for item in found.reply] == [True, False]


@pytest.mark.parametrize(
    "replies",
    [
        '{text: "Thank you!"}',
        '[{if: answered, text: "Thank you!"}, {if: given_up, say_nothing: true}]',
        '[{if: given_up, text: "Sorry"}, {text: "Thank you!"}]',
        '[{if: given_up, during: shop, text: "Call us"}, {if: given_up, outside: shop, text: "Sorry"}, {if: answered, text: "Thanks"}]',
    ],
)
def test_replies_for_every_outcome_are_fine(replies: str) -> None:
    assert told('hours: {shop: {mon-fri: "09:00-18:00"}}\nrules:\n' + rule(f"{NUMBER}, reply: {replies}")) == []


def test_nobody_answering_may_be_silent() -> None:
    ask = NUMBER.replace("8 digits", "8 digits, no_answer_after: 20 minutes")
    both = '{if: answered, text: "Thanks"}, {if: given_up, text: "Sorry"}'
    assert told("rules:\n" + rule(f"{ask}, reply: [{both}]")) == []
    assert told("rules:\n" + rule(f'{ask}, reply: [{both}, {{if: no_answer, text: "Hello?"}}]')) == []
    assert "never chosen" in told("rules:\n" + rule(f'{ask}, reply: [{both}, {{text: "Hello?"}}]'))[0]


def test_a_call_needs_a_reply_for_each_of_its_outcomes() -> None:
    items = [
        '{if: found, text: "A"}',
        '{if: not_found, text: "B"}',
        '{if: failed, text: "C"}',
        '{if: given_up, text: "D"}',
    ]
    assert told(ORDERS + "rules:\n" + rule(f"{NUMBER}, call: orders, reply: [{', '.join(items)}]")) == []
    for missing in ("found", "not_found", "failed", "given_up"):
        kept = ", ".join(item for item in items if f"if: {missing}," not in item)
        [problem] = told(ORDERS + "rules:\n" + rule(f"{NUMBER}, call: orders, reply: [{kept}]"))
        assert f"answers nothing for the outcome {missing}." in problem


def test_answers_of_choices_are_covered_one_by_one() -> None:
    shop, home = '{answer: {how: shop}, text: "A"}', '{answer: {how: [home]}, text: "B"}'
    given_up = '{if: given_up, text: "C"}'
    assert told("rules:\n" + rule(f"{HOW}, reply: [{given_up}, {shop}, {home}]")) == []
    assert "answer how is home" in told("rules:\n" + rule(f"{HOW}, reply: [{given_up}, {shop}]"))[0]
    assert "for the outcome given_up" in told("rules:\n" + rule(f"{HOW}, reply: [{shop}, {home}]"))[0]


def test_yes_and_no_are_all_the_answers() -> None:
    ask = 'ask: {sure: {text: "Sure?", must_be: yes_or_no}}'
    items = '{if: given_up, text: "C"}, {answer: {sure: yes}, text: "A"}, {answer: {sure: no}, text: "B"}'
    assert told("rules:\n" + rule(f"{ask}, reply: [{items}]")) == []


def test_an_answer_in_words_is_never_covered_by_naming_some() -> None:
    ask = 'ask: {colour: {text: "Which?", must_be: text}}'
    items = '{if: given_up, text: "C"}, {answer: {colour: red}, text: "A"}, {answer: {colour: blue}, text: "B"}'
    assert "answer colour is something else" in told("rules:\n" + rule(f"{ask}, reply: [{items}]"))[0]


def test_numbers_are_covered_up_to_their_bounds() -> None:
    ask = 'ask: {n: {text: "How many?", must_be: number 1-9}}'
    items = '{{if: given_up, text: "C"}}, {{answer: {{n: at most 4}}, text: "A"}}, {{answer: {{n: at least {}}}, text: "B"}}'
    assert told("rules:\n" + rule(f"{ask}, reply: [{items.format(4)}]")) == []
    assert "answer n is 4.5" in told("rules:\n" + rule(f"{ask}, reply: [{items.format(5)}]"))[0]


def test_options_are_compared_as_conditions_are() -> None:
    big = Choice("Extra Large", WORDS)
    assert options_of(question("one_of", choices=(big,))) == (normalise("Extra Large").plain,)
    assert options_of(question("yes_or_no")) == ("yes", "no")
    assert options_of(question()) == ()


def test_days_that_follow_each_other_leave_nothing_open() -> None:
    items = '{until: 2026-12-24, text: "A"}, {from: 2026-12-25, until: 9999-12-31, text: "B"}'
    assert told("rules:\n" + rule(f"reply: [{items}]")) == []
    assert "on 2026-12-25" in told("rules:\n" + rule(f"reply: [{items.replace('12-25', '12-26')}]"))[0]


def test_another_rule_may_have_answered_last() -> None:
    other = rule('reply: {text: "B"}', "b")
    assert "after another rule" in told("rules:\n" + rule('reply: [{after_rule: b, text: "A"}]') + other)[0]
    assert told("rules:\n" + rule('reply: [{after_rule: b, text: "A"}, {text: "C"}]') + other) == []


def test_an_outcome_is_no_condition_of_the_rule_itself() -> None:
    assert (
        "comes after rule a began" in told("rules:\n" + rule(f'if: answered, {NUMBER}, reply: {{text: "Thanks"}}'))[0]
    )


# --- implies ------------------------------------------------------------------------------------------------------------

DAYS = (None, date(2026, 1, 1), date(2026, 6, 1))
TESTS = (
    ValueTest("slot", "n", ("1",)),
    ValueTest("slot", "n", ("1", "5")),
    ValueTest("slot", "n", at_least=3),
    ValueTest("slot", "n", at_least=5),
    ValueTest("slot", "n", at_least=2, at_most=6),
    ValueTest("slot", "n", at_most=4),
    ValueTest("slot", "n", at_most=2),
    ValueTest("answer", "n", ("1",)),
)


def some_condition(chance: Random) -> Condition:
    return Condition(
        outcome=chance.choice(("", "found", "failed")),
        starts_on=chance.choice(DAYS),
        ends_on=chance.choice(DAYS),
        after_rule=chance.choice(("", "b")),
        tag=chance.choice(("", "vip")),
        values=tuple(chance.sample(TESTS, chance.choice((0, 0, 1, 2)))),
    )


def scenes() -> list[Scene]:
    found = []
    for day, outcome, last, value in product((1, 90, 200, 400), ("", "found"), ("", "b"), ("1", "3", "5")):
        conversation = build.talk(state=State(last_rule=last))
        now = build.NOW.replace(year=2025, month=12, day=1) + timedelta(days=day)
        scene = Scene(build.book(), conversation, now, "en", True, slots={"n": value}, answers={"n": "1"})
        scene.outcome, scene.tags = outcome, frozenset({"vip"} if value == "1" else ())
        found.append(scene)
    return found


def test_what_is_implied_holds_whenever_the_narrower_does() -> None:
    chance, every = Random(3), scenes()
    implied = 0
    for _ in range(4000):
        narrow, wide = some_condition(chance), some_condition(chance)
        if implies(narrow, wide):
            implied += not wide.is_empty
            assert all(failure(wide, scene) == "" for scene in every if failure(narrow, scene) == "")
    assert implied > 100


def test_every_pair_of_tests_and_of_days_is_judged_rightly() -> None:
    every = scenes()
    conditions = [Condition(values=(test,)) for test in TESTS]
    conditions += [Condition(starts_on=first, ends_on=last) for first, last in product(DAYS, DAYS)]
    for narrow, wide in product(conditions, conditions):
        holds = all(failure(wide, scene) == "" for scene in every if failure(narrow, scene) == "")
        assert holds or not implies(narrow, wide)


def test_a_condition_implies_itself_and_what_asks_for_less() -> None:
    chance = Random(4)
    for _ in range(300):
        condition = some_condition(chance)
        assert implies(condition, condition)
        assert implies(
            condition, Condition(tag=condition.tag, after_rule=condition.after_rule, ends_on=condition.ends_on)
        )
    assert not implies(Condition(), Condition(after_rule="b"))
    assert implies(Condition(values=(TESTS[3],)), Condition(values=(TESTS[2],)))
    assert not implies(Condition(values=(TESTS[2],)), Condition(values=(TESTS[3],)))


# --- circles ------------------------------------------------------------------------------------------------------------


def test_an_answer_that_leads_elsewhere_is_no_circle() -> None:
    asks = rule(f"{NUMBER}, reply: [{{if: given_up, goes_to: b}}, {{goes_to: b}}]")
    assert told("rules:\n" + asks + rule('reply: {text: "B", buttons: [{label: Again, goes_to: a}]}', "b")) == []


def test_a_flow_or_a_file_is_asked_for_anew_each_time() -> None:
    flow = 'reply: [{if: answered, goes_to: a}, {text: "Book", flow: {id: "1", cta: Book, results: [day]}}]'
    assert told("rules:\n" + rule(flow)) == []
    photo = 'ask: {photo: {text: "A photo?", must_be: image}}, reply: [{if: given_up, text: "Sorry"}, {goes_to: a}]'
    assert told("rules:\n" + rule(photo)) == []
    assert "not asked again" in told("rules:\n" + rule(photo.replace("image", "text")))[0]


def test_a_reminder_that_asks_ends_when_nobody_answers() -> None:
    offer = rule('reply: {text: "Here"}, then: {remind: {after: 1 hour, goes_to: b}}')
    asks = (
        '{{ask: {{sure: {{text: "Sure?", must_be: yes_or_no, no_answer_after: 1 hour}}}}, reply: [{}, {{goes_to: a}}]}}'
    )
    quiet = rule(asks.format('{if: given_up, text: "Sorry"}')[1:-1], "b")
    assert told("rules:\n" + offer + quiet) == []
    restless = rule(asks.format('{if: given_up, text: "Sorry"}, {if: no_answer, goes_to: a}')[1:-1], "b")
    assert "reminders never end while the person is silent: a to b to a" in told("rules:\n" + offer + restless)[0]


def test_a_rule_that_reminds_of_itself_after_an_answer_ends_in_silence() -> None:
    ask = NUMBER.replace("8 digits", "8 digits, no_answer_after: 1 hour")
    again = "then: {remind: {after: 1 hour, goes_to: a}}"
    assert told("rules:\n" + rule(f'{ask}, reply: {{text: "Thanks"}}, {again}')) == []
    nobody = '{if: no_answer, text: "Hello?"}, {text: "Thanks"}'
    assert "reminders never end" in told("rules:\n" + rule(f"{ask}, reply: [{nobody}], if_closed: skip, {again}"))[0]


def test_without_any_reply_silence_leads_on_as_well() -> None:
    ask = NUMBER.replace("8 digits", "8 digits, no_answer_after: 1 hour")
    offer = rule('reply: {text: "Here"}, then: {remind: {after: 1 hour, goes_to: b}}')
    assert "reminders never end" in told("rules:\n" + offer + rule(f"{ask}, then: {{goes_to: a}}", "b"))[0]


def test_a_long_chain_is_no_circle_and_quick() -> None:
    chain = "".join(rule(f"reply: {{goes_to: r{n + 1}}}", f"r{n}") for n in range(120)) + rule(
        'reply: {text: "X"}', "r120"
    )
    assert not [problem for problem in told("rules:\n" + chain) if "circle" in problem]
