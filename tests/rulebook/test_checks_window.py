"""Which replies can meet a closed window: from what sets a rule off, through the time that others let pass."""

from __future__ import annotations

import pytest

from bot.rulebook.load import load_files

NUMBER = 'number: {text: "Your number?", must_be: 8 digits'


def told(text: str) -> list[str]:
    return [str(problem) for problem in load_files({"rules/x.yaml": text.encode()}).problems]


def rules(*rests: str, more: str = "") -> str:
    """Rules ``a``, ``b`` … with these keys."""
    return (
        more
        + "rules:\n"
        + "".join(f"  - {{name: {name}, {rest}}}\n" for name, rest in zip("abcdef", rests, strict=False))
    )


def closed(text: str) -> list[int]:
    """The numbers of the rules that are told to lack ``if_closed``, counted from 0; nothing else may be told."""
    problems = [
        problem for problem in load_files({"rules/x.yaml": text.encode()}).problems if problem.severity == "error"
    ]
    assert all("WhatsApp then accepts templates only" in problem.sentence for problem in problems), problems
    first = text.split("\n").index("rules:") + 2
    return [problem.place.line - first for problem in problems]


def when(trigger: str, rest: str = 'reply: {text: "Hi"}') -> str:
    return f"when: {{{trigger}}}, {rest}"


def remind(after: str, to: str) -> str:
    return f"then: {{remind: {{after: {after}, goes_to: {to}}}}}"


@pytest.mark.parametrize(
    ("trigger", "may_be_closed"),
    [
        ("says: hi", False),
        ("matches: hi", False),
        ("sends: image", False),
        ("taps: Yes", False),
        ("first_contact: true", False),
        ("nothing_matched: true", False),
        ("silent_for: 3 hours", False),
        ("silent_for: 1437 minutes", False),
        ("silent_for: 1438 minutes", True),
        ("silent_for: 3 days", True),
        ("window_closes_in: 3 minutes", False),
        ("event: order.shipped", True),
        ("opts_in: true", True),
        ("delivery_failed: true", True),
        ("sends: [image, reaction]", True),
    ],
)
def test_what_sets_a_rule_off_tells_whether_the_window_can_be_closed(trigger: str, may_be_closed: bool) -> None:
    text = rules(
        when(trigger, 'reply: {text: "Hi"}, examples: [hi]' if "matches" in trigger else 'reply: {text: "Hi"}')
    )
    assert closed(text) == ([0] if may_be_closed else [])
    for cure in ("if_closed: skip", "if_closed: wait", "if: {window: open}"):
        assert closed(text.replace("}, reply", f"}}, {cure}, reply")) == []


def test_one_of_several_triggers_is_enough() -> None:
    assert closed(rules(when("says: hi, event: order.shipped"))) == [0]


@pytest.mark.parametrize(("minutes", "too_late"), [(1, True), (2, True), (3, False)])
def test_the_margin_before_the_end_is_kept(minutes: int, too_late: bool) -> None:
    text = rules(when(f"window_closes_in: {minutes} minutes"))
    assert ("too late to send" in "".join(told(text))) == too_late
    assert told(text.replace('{text: "Hi"}', '{text: "Hi", if_closed: skip}')) == []


@pytest.mark.parametrize(
    ("silence", "quiet", "may_be_closed"),
    [(12, "21:00-08:00", False), (13, "21:00-08:00", True), (13, "21:00-22:00", False)],
)
def test_quiet_hours_may_outlast_the_window(silence: int, quiet: str, may_be_closed: bool) -> None:
    text = rules(when(f"silent_for: {silence} hours", f'not_between: "{quiet}", reply: {{text: "Hi"}}'))
    assert closed(text) == ([0] if may_be_closed else [])


def test_quiet_hours_hold_no_answer_back() -> None:
    assert closed(rules(when("says: hi", 'not_between: "00:00-23:59", reply: {text: "Hi"}'))) == []


def test_reminders_add_up() -> None:
    last = 'reply: {text: "Bye"}'
    for hours, expected in ((11, []), (12, [2])):
        text = rules(
            when("says: hi", f'reply: {{text: "Hi"}}, {remind(f"{hours} hours", "b")}'),
            f'reply: {{text: "Still?"}}, {remind("12 hours", "c")}',
            last,
        )
        assert closed(text) == expected


def test_a_reminder_of_a_rule_that_may_run_closed_may_too() -> None:
    shipped = when("event: order.shipped", f'reply: {{text: "Hi", if_closed: skip}}, {remind("1 hour", "b")}')
    assert closed(rules(shipped, 'reply: {text: "Still?"}')) == [1]
    assert "rule a reminds of it" in told(rules(shipped, 'reply: {text: "Still?"}'))[0]


def test_goes_to_hands_the_silence_on_through_several_rules() -> None:
    chain = rules(when("silent_for: 2 days", "reply: {goes_to: b}"), "reply: {goes_to: c}", 'reply: {text: "Hi"}')
    assert closed(chain) == [2]
    assert "(rule a goes to it)" in told(chain)[0]
    assert closed(chain.replace("{goes_to: b}", "[{window: open, goes_to: b}, {say_nothing: true}]")) == []
    assert closed(chain.replace("b, reply", "b, if: {window: open}, reply")) == []


def test_a_question_to_somebody_silent_needs_a_way_out_as_well() -> None:
    ask = f"ask: {{{NUMBER}}}}}"
    items = "[{if: given_up, say_nothing: true}, {template: t}]"
    templates = "templates: {t: {languages: {en: en_US}, category: utility}}\n"
    assert closed(rules(when("event: x", f"{ask}, reply: {items}"), more=templates)) == [0]
    assert closed(rules(when("says: x", f"{ask}, reply: {items}"), more=templates)) == []


def test_an_answer_opens_the_window() -> None:
    items = '[{if: given_up, goes_to: b}, {text: "Thanks"}]'
    asks = when("event: x", f"ask: {{{NUMBER}}}}}, if_closed: skip, reply: {items}")
    assert closed(rules(asks, 'reply: {text: "Sorry"}')) == []


def test_an_answer_that_the_event_brings_opens_nothing() -> None:
    asks = when("event: x, needs: [number]", f"ask: {{{NUMBER}}}}}, if_closed: skip, reply: {{goes_to: b}}")
    assert closed(rules(asks, 'reply: {text: "Thanks"}')) == [1]


def test_a_call_opens_nothing() -> None:
    orders = 'connections: {orders: {url: "https://erp.example/orders"}}\n'
    items = '[{if: failed, goes_to: b}, {text: "It is there", if_closed: skip}]'
    for trigger, expected in (("event: x", [1]), ("says: x", [])):
        calls = when(trigger, f"call: orders, reply: {items}")
        assert closed(rules(calls, 'reply: {text: "Sorry"}', more=orders)) == expected


@pytest.mark.parametrize(("waits", "expected"), [("23 hours", []), ("24 hours", [0])])
def test_nobody_answering_lets_the_window_close(waits: str, expected: list[int]) -> None:
    ask = f"ask: {{{NUMBER}, no_answer_after: {waits}}}}}"
    items = '[{if: no_answer, text: "Still?"}, {text: "Thanks"}]'
    settings = "settings: {forget_answers_after: 3 days}\n"
    assert closed(rules(when("says: x", f"{ask}, reply: {items}"), more=settings)) == expected


def test_a_window_that_was_open_when_a_question_was_asked_may_close() -> None:
    ask = f"if: {{window: open}}, ask: {{{NUMBER}, no_answer_after: 30 hours}}}}"
    items = '[{if: no_answer, text: "Still?"}, {text: "Thanks"}]'
    settings = "settings: {forget_answers_after: 3 days}\n"
    assert closed(rules(when("event: x", f"{ask}, reply: {items}"), more=settings)) == [0]


def test_nobody_answering_is_counted_from_where_the_question_was_asked() -> None:
    offer = when("says: x", f'reply: {{text: "Hi"}}, {remind("22 hours", "b")}')
    ask = f"ask: {{{NUMBER}, no_answer_after: 3 hours}}}}"
    text = rules(offer, f'{ask}, reply: [{{if: no_answer, text: "Still?"}}, {{text: "Thanks"}}]')
    assert closed(text) == [1]
    assert "This reply can be due" in told(text)[0]


def test_what_a_flow_brings_is_an_answer() -> None:
    items = '[{if: answered, goes_to: b}, {text: "Book", flow: {id: "1", cta: Book, results: [day]}}]'
    assert closed(rules(when("event: x", f"reply: {items}, if_closed: skip"), 'reply: {text: "Thanks"}')) == []


def test_reminders_in_a_circle_are_told_once() -> None:
    circle = when("says: x", f'reply: {{text: "Hi"}}, {remind("20 hours", "a")}')
    assert [problem.split(": ")[1] for problem in told(rules(circle))] == [
        "These reminders never end while the person is silent"
    ]
