"""When a rule runs: what sets it off, which days, how often, and what happens later."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from bot.core.rule import (
    AtMost,
    DeliveryFailed,
    IfClosed,
    Matches,
    OptsIn,
    OptsOut,
    QuietTime,
    Remind,
    SilentFor,
    Then,
    Trigger,
    ValueTest,
    WindowCloses,
)
from tests.rulebook.shaping import fault, good, rule, shaped

REPLY = '    reply: {text: "ok"}'


def triggers(when: str, rest: str = REPLY) -> tuple[Trigger, ...]:
    return good(f"rules:\n  - name: a\n    when: {{{when}}}\n{rest}\n").rules[0].triggers


def trigger_fault(when: str, rest: str = REPLY) -> str:
    _, problems = shaped(f"rules:\n  - name: a\n    when: {{{when}}}\n{rest}\n")
    assert len(problems) == 1, problems
    return problems[0]


def test_what_sets_a_rule_off_without_a_message() -> None:
    assert triggers("silent_for: 3 days") == (SilentFor(timedelta(days=3)),)
    assert triggers("window_closes_in: 2 hours") == (WindowCloses(timedelta(hours=2)),)
    assert triggers("opts_in: true, delivery_failed: yes") == (OptsIn(), DeliveryFailed())
    assert triggers("opts_out: true", "    then: {tag: gone}") == (OptsOut(),)


def test_expressions_are_kept_as_written_with_their_language() -> None:
    found = triggers('matches: {en: ["order (?P<n>[0-9]+)", "x, y"]}, says: z')[1]
    assert isinstance(found, Matches)
    assert [(phrase.pattern, phrase.language) for phrase in found.expressions] == [
        ("order (?P<n>[0-9]+)", "en"),
        ("x, y", "en"),
    ]


def test_a_rule_that_listens_by_matches_alone_needs_examples() -> None:
    assert "only examples show what such an expression hears" in trigger_fault('matches: "x"')
    triggers('matches: "x"', f"{REPLY}\n    examples: [xy]")
    triggers('matches: "x", says: y')


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ('matches: "[A-Z", says: x', 'x.yaml:3:21: The expression cannot be read. A "[" is never closed.'),
        ('matches: "a(?=b)", says: x', "it cannot look ahead or behind."),
        ('matches: "(?P<Order>x)", says: x', '"Order" cannot name a slot.'),
        ('matches: "\\\\bhi\\\\b", says: x', "Warning: In the expression \\b knows the letters a to z"),
        ("silent_for: 3", '"3" has no unit.'),
        ("window_closes_in: 24 hours", "so window_closes_in must be less."),
        ("opts_in: false", "opts_in can only be true."),
        ("match: x", 'Did you mean "matches"?'),
        ("opts_out: true", 'may tag and tell, and never reply. Delete "reply".'),
        ("opts_out: true, says: bye", "opts_out stands alone, because its rule may not reply."),
    ],
)
def test_mistakes_in_when(when: str, sentence: str) -> None:
    assert sentence in trigger_fault(when)


def test_who_said_stop_is_not_talked_to_by_any_road() -> None:
    assert "may tag, set and tell_backend only" in trigger_fault("opts_out: true", "    then: {goes_to: a}")
    triggers("opts_out: true", "    reply: {say_nothing: true}\n    then: {tell_backend: person.left}")


def test_silence_is_natural_where_nobody_wrote() -> None:
    triggers("delivery_failed: true", "    then: {tell_backend: lost}")
    assert "Rule a answers nothing." in trigger_fault("says: x", "    then: {tell_backend: lost}")


@pytest.mark.parametrize(
    ("written", "count", "within"),
    [
        ("once a day", 1, timedelta(days=1)),
        ("Twice a  week", 2, timedelta(weeks=1)),
        ("3 per hour", 3, timedelta(hours=1)),
        ("three times an hour", 3, timedelta(hours=1)),
        ("5 times in 2 days", 5, timedelta(days=2)),
        ("once every 30 minutes", 1, timedelta(minutes=30)),
        ("once a month", 1, timedelta(days=30)),
    ],
)
def test_how_often(written: str, count: int, within: timedelta) -> None:
    assert rule(f"    at_most: {written}\n{REPLY}").at_most == AtMost(count, within)


@pytest.mark.parametrize(
    ("written", "cure"),
    [
        ("1/day", 'Did you mean "once a day"?'),
        ("3/h", 'Did you mean "3 an hour"?'),
        ("twice daily", 'Did you mean "twice a day"?'),
        ("weekly", 'Did you mean "once a week"?'),
        ("1 time pr day", 'Did you mean "once a day"?'),
        ("3", "It needs a stretch of time too. Write 3 a day, or whatever you mean."),
        ("once", "For once and never again, tag the person: then: {tag: told} here, and if: {no_tag: told}."),
        ("seldom", 'Write how often and in what time, for example "once a day", "3 per hour" or "twice a week".'),
        ("once in 0 days", "Write a stretch of time, for example once a day."),
    ],
)
def test_how_often_is_told_with_what_was_meant(written: str, cure: str) -> None:
    assert fault(f"    at_most: {written}\n{REPLY}") == f'at_most cannot be "{written}". {cure}'


def test_never_is_no_frequency() -> None:
    assert "Write enabled: false to switch the rule off." in fault(f"    at_most: 0 a day\n{REPLY}")


@pytest.mark.parametrize("written", ['"21:00-08:00"', "21:00 - 08:00", '"21.00 to 8"', '"21:00 and 08:00"'])
def test_quiet_times(written: str) -> None:
    assert rule(f"    not_between: {written}\n{REPLY}").not_between == QuietTime(time(21), time(8))


@pytest.mark.parametrize(
    ("written", "cure"),
    [
        ("[21:00, 08:00]", 'Write not_between: "21:00-08:00".'),
        ('{from: "21:00", to: "08:00"}', 'Write not_between: "21:00-08:00".'),
        ("night", 'Write it like "21:00-08:00".'),
        ('"25:00-08:00"', 'Write it like "21:00-08:00".'),
        ('"08:00-08:00"', 'leaves no time at all. Write a shorter span, such as "21:00-08:00".'),
    ],
)
def test_mistakes_in_quiet_times(written: str, cure: str) -> None:
    assert fault(f"    not_between: {written}\n{REPLY}").endswith(cure)


def test_anytime_and_typos() -> None:
    found = rule(f"    anytime: yes\n    typos: 1\n{REPLY}")
    assert (found.anytime, found.typos) == (True, 1)
    assert 'or 1, not "2". Write typos: 1.' in fault(f"    typos: 2\n{REPLY}")


def test_days_and_the_rule_before_hold_bare_or_under_if() -> None:
    bare = rule('    reply: [{from: 2026-12-01, until: "2026-12-24", after_rule: A, text: "x"}, {text: "y"}]').reply[0]
    under = rule(
        '    reply: [{if: {from: 2026-12-01, until: 2026-12-24, after_rule: a}, text: "x"}, {text: "y"}]'
    ).reply[0]
    assert bare.condition == under.condition
    assert (bare.condition.starts_on, bare.condition.ends_on) == (date(2026, 12, 1), date(2026, 12, 24))
    assert bare.condition.after_rule == "a"


def test_a_rule_that_is_only_asked_about_is_led_to_by_nobody() -> None:
    notes = good(
        f"rules:\n  - name: a\n    when: {{says: x}}\n    if: {{after_rule: b}}\n{REPLY}\n    then: {{remind: {{after: 1 h, goes_to: c}}}}"
    ).notes
    assert [(mention.name, mention.how) for mention in notes.mentions if mention.kind == "rule"] == [
        ("b", "after_rule"),
        ("c", "remind"),
    ]
    assert notes.led_to() == {"c"}


def test_answers_and_results_are_compared_normalised() -> None:
    found = good(
        "rules:\n  - name: a\n    when: {says: x}\n"
        '    reply: [{answer: {delivery: [Åt mig, home]}, result: {left: at most 2}, text: "x"}]\n'
    )
    assert found.rules[0].reply[0].condition.values == (
        ValueTest("answer", "delivery", ("at mig", "home")),
        ValueTest("result", "left", at_most=2.0),
    )
    assert [(mention.kind, mention.name) for mention in found.notes.mentions] == [
        ("answer", "delivery"),
        ("result", "left"),
    ]


@pytest.mark.parametrize("written", ["not found", "not_found", "Not-Found"])
def test_an_outcome_is_a_bare_word_beside_other_conditions(written: str) -> None:
    condition = rule(f'    reply: [{{if: {written}, window: open, text: "x"}}]').reply[0].condition
    assert (condition.outcome, condition.window) == ("not_found", "open")


@pytest.mark.parametrize(
    ("written", "cure"),
    [
        ("answerd", '"answerd" is no outcome. Did you mean "answered"?'),
        ("timeout", '"timeout" is no outcome. Did you mean "no_answer"?'),
        ("error", '"error" is no outcome. Did you mean "failed"?'),
        ("otherwise", "The last reply of a list needs no if to stand for all other cases; delete it."),
        ("shop", "To ask for opening hours, write during: shop."),
        (
            "sunshine",
            "Write answered, given_up, no_answer, found, not_found or failed, or a condition such as if: {during: shop}.",
        ),
        ("[found, failed]", "For two outcomes write two replies, one for each."),
        ("{outcome: found}", "An outcome is written as a word alone"),
        ("{from: 24.12.2026}", 'Did you mean "2026-12-24"?'),
        ("{until: Christmas}", 'Write year-month-day, for example "2026-12-25".'),
        ("{answer: delivery}", "For example: answer: {name: value}"),
    ],
)
def test_mistakes_in_conditions(written: str, cure: str) -> None:
    assert cure in fault(f'    reply: [{{if: {written}, text: "x"}}]', 'hours: {shop: {mon: "09:00-18:00"}}\n')


def test_what_happens_later() -> None:
    then = rule(
        f"{REPLY}\n    then: {{forget: [Order Number, size], remind: {{after: 3 hours, goes_to: a}}, tell_backend: order.lost}}"
    ).then
    assert then == Then(
        forget=("order_number", "size"), remind=Remind(timedelta(hours=3), "a"), tell_backend="order.lost"
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("remind: {goes_to: a}", 'remind has no "after". Add: after: 3 hours'),
        ("remind: {after: 3 hours}", 'remind has no "goes_to".'),
        ("remind: 3 hours", "For example: remind: {after: 3 hours, goes_to: still_there}"),
        ("tell_backend: Order Lost", 'tell_backend: "Order Lost" may have small letters'),
        ("forget: [a b, a_b]", 'forget "a_b" is written twice.'),
    ],
)
def test_mistakes_in_then(written: str, sentence: str) -> None:
    assert sentence in fault(f"{REPLY}\n    then: {{{written}}}")


def test_what_waits_may_have_an_end() -> None:
    held = rule('    reply: {text: "x"}\n    if_closed: {wait: true, not_after: 2 days}').if_closed
    assert isinstance(held, IfClosed)
    assert (held.how, held.not_after) == ("wait", timedelta(days=2))
    skipped = rule('    reply: {text: "x"}\n    if_closed: {skip: true}').if_closed
    assert isinstance(skipped, IfClosed)
    assert skipped.how == "skip"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{wait: true, not_after: 8 days}", "Write not_after: 7 days or less."),
        ("{wait: 2 days}", "Write if_closed: {wait: true, not_after: 2 days}."),
        ("{not_after: 2 days}", "not_after belongs to wait."),
        ("{skip: true, not_after: 2 days}", "What is skipped never leaves"),
        ("{template: t, not_after: 2 days}", "not_after belongs to wait."),
    ],
)
def test_mistakes_in_what_waits(written: str, sentence: str) -> None:
    assert sentence in fault(f'    reply: {{text: "x"}}\n    if_closed: {written}')
