"""What questions, calls and flows bring to the texts after them, and what is warned of around them."""

from __future__ import annotations

import pytest

from bot.rulebook.load import load_files

ORDERS = 'connections: {{orders: {{url: "{}", results: [status], may_give: [eta]}}}}\n'
URL = "https://erp.example/{{number}}"
DIGITS = "must_be: 8 digits"


def told(text: str) -> list[str]:
    return [str(problem) for problem in load_files({"rules/x.yaml": text.encode()}).problems]


def asks(text: str, kind: str = DIGITS, more: str = "") -> str:
    """A rule that asks for ``number`` and says ``text`` when it is answered."""
    ask = f'ask: {{number: {{text: "Your number?", {kind}}}}}'
    return (
        f'rules:\n  - {{name: a, when: {{says: hi}}, {ask}, reply: [{{if: given_up, text: "Sorry"}}, {text}]{more}}}\n'
    )


@pytest.mark.parametrize(
    "text",
    ['{text: "{{number}}"}', '{if: answered, text: "{{number}}"}', '{tag: vip, text: "{{number}}"}, {text: "X"}'],
)
def test_an_answer_is_known_once_it_is_given(text: str) -> None:
    assert told(asks(text)) == []


def test_an_answer_may_be_missing_where_nobody_gave_it() -> None:
    assert "{{number}} may have no value here" in told(asks('{text: "X"}').replace("Sorry", "Sorry {{number}}"))[0]
    assert told(asks('{text: "X"}').replace("Sorry", "Sorry {{number|you}}")) == []


def test_a_reply_for_every_outcome_may_lack_the_answer() -> None:
    every = asks('{text: "X"}').replace('[{if: given_up, text: "Sorry"}, {text: "X"}]', '{text: "{{number}}"}')
    assert "may have no value" in told(every)[0]


@pytest.mark.parametrize(("value", "fine"), [("{{number}}", False), ("{{number|none}}", True)])
def test_then_is_done_whatever_the_outcome(value: str, fine: bool) -> None:
    found = told(asks('{text: "X"}', more=f', then: {{set: {{last: "{value}"}}}}'))
    assert (found == []) == fine


def test_earlier_answers_are_known_to_later_questions() -> None:
    ask = 'ask: {{one: {{text: "One{}?", must_be: text}}, two: {{text: "Two{}?", must_be: text, if_wrong: "Not{}"}}}}'
    line = "rules:\n  - {{name: a, when: {{says: hi}}, {}, reply: {{text: X}}}}\n"
    assert told(line.format(ask.format("", " {{one}}", " {{one}}"))) == []
    for early in (ask.format(" {{two}}", "", ""), ask.format(" {{one}}", "", ""), ask.format("", "", " {{two}}")):
        assert "comes later" in told(line.format(early))[0]


def test_what_the_sentence_always_brings_is_known_to_the_question() -> None:
    heard = (
        asks('{text: "X"}').replace("says: hi", 'says: "track {number} {size}"').replace("Your number?", "A {{size}}?")
    )
    assert told(heard) == []
    assert "may have no value" in told(heard.replace('"track {number} {size}"', '["track {number} {size}", hi]'))[0]


def test_groups_of_an_expression_are_slots() -> None:
    text = 'rules:\n  - {{name: a, when: {{matches: "{}"}}, reply: {{text: "{{{{code}}}}"}}, examples: [ab12]}}\n'
    assert told(text.format("(?P<code>[a-z]+)12")) == []
    assert "may have no value" in told(text.format("(?P<code>[a-z]+)?12"))[0]


def test_answers_and_results_go_along_with_goes_to() -> None:
    target = '  - {name: b, reply: [{slot: {number: "1"}, text: "One"}, {text: "{{number}}"}]}\n'
    assert told(asks("{goes_to: b}") + target) == []
    assert "may have no value" in told(asks("{goes_to: b}", more=", then: {goes_to: b}") + target)[0]
    call = ORDERS.format(URL) + asks("{if: found, goes_to: b}, {text: X}", more=", call: orders")
    assert told(call + '  - {name: b, reply: {text: "{{status}} {{number}} {{eta|soon}}"}}\n') == []


def test_a_reminder_takes_nothing_along() -> None:
    heard = '  - {name: a, when: {says: "track {number}"}, reply: {text: "X"}, then: {remind: {after: 1 hour, goes_to: b}}}\n'
    assert "not a value that is known" in told("rules:\n" + heard + '  - {name: b, reply: {text: "{{number}}"}}\n')[0]


def test_results_are_known_where_something_was_found() -> None:
    text = ORDERS.format(URL) + asks('{if: found, text: "{{status}} {{eta|soon}}"}, {text: "X"}', more=", call: orders")
    assert told(text) == []
    assert "{{eta}} may have no value" in told(text.replace("|soon", ""))[0]
    assert "{{status}} may have no value" in told(text.replace("if: found, ", ""))[0]


def test_a_flow_brings_its_results_and_nothing_else() -> None:
    text = (
        'rules:\n  - {{name: a, when: {{says: "book {{room}}"}}, reply: [{{if: answered, slot: {{day: monday}}, text: "{0}"}}, '
        '{{if: answered, text: "{0}"}}, {{text: "{{{{room}}}}", flow: {{id: "1", cta: Book, results: [day]}}}}]}}\n'
    )
    assert told(text.format("{{day}}")) == []
    assert "{{room}} may have no value" in told(text.format("{{room}}"))[0]


def test_of_two_flows_only_what_both_bring_is_sure() -> None:
    flow = '{{{}text: "Book", flow: {{id: "1", cta: Book, results: [day, {}]}}}}'
    items = f"{{if: answered, text: X}}, {flow.format('tag: vip, ', 'room')}, {flow.format('', 'seat')}"
    text = f"rules:\n  - {{name: a, when: {{says: book}}, reply: [{items}]}}\n"
    assert told(text.replace("text: X", 'text: "{{day}}"')) == []
    assert "may have no value" in told(text.replace("text: X", 'text: "{{room}}"'))[0]


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        ("must_be: 8 digits", 8),
        ("must_be: 4-6 digits", 6),
        ("must_be: date", 10),
        ("must_be: time", 5),
        ("must_be: phone", 16),
        ("must_be: yes_or_no", 3),
        ("must_be: text", 1000),
        ("must_be: {one_of: [home, {warehouse: Store}]}", 9),
    ],
)
def test_how_long_an_answer_can_be(kind: str, length: int) -> None:
    link = '{{text: "X{{{{number}}}}", link: {{title: "{}", url: "https://shop.example"}}}}'
    fits = asks(link.format("T"), kind).replace("X{{", "x" * (1024 - length) + "{{")
    assert told(fits) == []
    assert "can have 1025 characters" in told(fits.replace("xx", "xxx", 1))[0]


@pytest.mark.parametrize("kind", ["must_be: number", "must_be: email", 'must_be: {pattern: "[A-Z]+"}'])
def test_of_other_answers_nobody_knows_the_length(kind: str) -> None:
    link = '{text: "X", link: {title: "No {{number}}", url: "https://shop.example"}}'
    assert "nobody knows how long" in told(asks(link, kind))[0]


# --- calls --------------------------------------------------------------------------------------------------------------


def calling(url: str, before: str = "says: hi", send: str = "") -> list[str]:
    """What is told of a rule that asks ``number`` and calls ``url``."""
    connections = ORDERS.format(url).replace("results:", f"{send}results:")
    return told(connections + asks('{text: "X"}', more=", call: orders").replace("says: hi", before))


def test_an_address_may_use_what_was_asked_and_always_heard() -> None:
    assert calling(URL) == []
    assert calling("https://erp.example/{{size}}", 'says: "track {size}"') == []
    assert calling("https://erp.example/{{today}}/{{first_name|none}}") == []


def test_an_address_needs_what_it_uses() -> None:
    assert "is not a value that is known in rule a" in calling("https://erp.example/{{size}}")[0]
    assert "may have no value in rule a" in calling("https://erp.example/{{size}}", 'says: ["track {size}", hi]')[0]
    assert calling("https://erp.example/{{size|none}}", 'says: ["track {size}", hi]') == []


def test_what_is_sent_may_be_empty_but_must_be_known() -> None:
    assert calling(URL, send="method: POST, send: [number, email], ") == []
    assert "needs size" in calling(URL, send="method: POST, send: [number, size], ")[0]


# --- choices ------------------------------------------------------------------------------------------------------------


def choices(listed: str, languages: str = "[en]") -> list[str]:
    return told(f"settings: {{languages: {languages}}}\n" + asks('{text: "X"}', f"must_be: {{one_of: {listed}}}"))


def test_choices_in_the_order_of_their_numbers_are_fine() -> None:
    assert choices('["1", "2", "3"]') == []
    assert choices('["10", "20", "30"]') == []
    assert "stands at place 2" in choices('["2", "1", "3"]')[1]


def test_a_choice_may_not_stop_everything() -> None:
    assert "consent word" in choices("[go, {halt: Stop}]")[0]
    assert choices("[go, {halt: Start}]") == []


def test_a_choice_that_would_leave_the_question_is_doubted() -> None:
    [problem] = choices("[go, {halt: Never mind!}]")
    assert "Warning" in problem
    assert "word that leaves a question" in problem


def test_titles_of_two_languages_may_not_mean_two_choices() -> None:
    kinds = "[{{a: {{en: {}, sv: Present}}}}, {{b: {{en: Poison, sv: Gift}}}}]"
    assert 'are called "gift"' in "".join(choices(kinds.format("Gift"), "[en, sv]"))
    assert not [problem for problem in choices(kinds.format("Parcel"), "[en, sv]") if "are called" in problem]


def test_the_key_of_a_choice_may_not_be_the_title_of_another() -> None:
    assert 'are called "shop"' in choices("[{home: Shop}, {shop: At home}]")[0]
    assert choices("[{home: At home}, {shop: Shop}]") == []


def test_rows_of_a_list_may_be_longer_than_buttons() -> None:
    long = "A title of 22 letters!"
    assert "at most 20" in choices(f"[{{a: {long}}}, b, c]")[0]
    rows = f"must_be: {{one_of: [{{a: {long}}}, b, c, d]}}, menu: Choose"
    assert told(asks('{text: "X"}', rows)) == []
    assert "at most 24" in told(asks('{text: "X"}', rows.replace(long, long + "!!!")))[0]


@pytest.mark.parametrize(("kind", "most"), [("text", 4096), ("yes_or_no", 1024), ("{one_of: [b, c]}", 1024)])
@pytest.mark.parametrize("place", ["Your number?", "Wrong"])
def test_a_question_with_buttons_is_shorter(kind: str, most: int, place: str) -> None:
    text = asks('{text: "X"}', f'must_be: {kind}, if_wrong: "Wrong"')
    assert told(text.replace(place, "x" * most)) == []
    assert f"has {most + 1} characters" in told(text.replace(place, "x" * (most + 1)))[0]


# --- every wording ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 2])
def test_every_wording_is_checked(at: int) -> None:
    words = ["One", "Two", "Three"]
    line = "rules:\n  - {{name: a, when: {{says: hi}}, reply: {{any_of: [{}]}}}}\n"

    def with_text(text: str) -> str:
        return line.format(", ".join(f'"{text if at == each else word}"' for each, word in enumerate(words)))

    assert told(with_text("Four")) == []
    assert "has 4097 characters" in told(with_text("x" * 4097))[0]
    assert "is not a value that is known" in told(with_text("{{loyalty}}"))[0]


def test_texts_of_no_rule_are_checked_in_every_wording() -> None:
    rule = 'rules:\n  - {name: a, when: {says: hi}, reply: {text: "X"}}\n'
    assert told('settings: {cancel_text: {any_of: ["All right", "Fine, {{first_name|you}}"]}}\n' + rule) == []
    assert (
        "may have no value"
        in told('settings: {cancel_text: {any_of: ["All right", "Fine, {{first_name}}"]}}\n' + rule)[0]
    )
    assert "may have no value" in told('canned: {thanks: "Thanks, {{first_name}}"}\n' + rule)[0]
    assert "4097 characters" in told(f'canned: {{thanks: "{"x" * 4097}"}}\n' + rule)[0]
    assert "1025 characters" in told(f'consent: {{near_miss_text: "{"x" * 1025}"}}\n' + rule)[0]


# --- what does nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["says: hi", "matches: hi", "taps: hi", "sends: voice"])
def test_anytime_is_for_what_a_person_may_write(when: str) -> None:
    assert (
        told(
            f"rules:\n  - {{name: a, anytime: true, when: {{{when}}}, reply: {{text: X}}, examples: [hi]}}\n".replace(
                ", examples: [hi]", "" if "matches" not in when else ", examples: [hi]"
            )
        )
        == []
    )
    led_to = '  - {name: b, anytime: true, reply: {text: "X"}}\n  - {name: c, when: {says: c}, reply: {goes_to: b}}\n'
    assert "no message sets this rule off" in told("rules:\n" + led_to)[0]


def test_quiet_hours_are_for_what_the_bot_starts() -> None:
    quiet = '  - {{name: b, not_between: "21:00-08:00", {}reply: {{text: "X"}}, if_closed: skip}}\n'
    leads = "  - {{name: a, when: {{{}}}, {}}}\n"
    goes = "reply: {goes_to: b}"
    reminds = 'reply: {text: "X"}, if_closed: skip, then: {remind: {after: 1 hour, goes_to: b}}'
    assert "only answers people" in told("rules:\n" + leads.format("says: a", goes) + quiet.format(""))[0]
    assert told("rules:\n" + leads.format("event: a", goes) + quiet.format("")) == []
    assert told("rules:\n" + leads.format("says: a", reminds) + quiet.format("")) == []


def test_the_last_resort_must_not_run_out() -> None:
    last = '  - {{name: {}, when: {{nothing_matched: true}}, {}reply: {{text: "X"}}}}\n'
    limited = last.format("a", "at_most: once a day, ")
    assert "without any answer" in told("rules:\n" + limited)[0]
    assert told("rules:\n" + limited + last.format("b", "")) == []


# --- examples -----------------------------------------------------------------------------------------------------------


def test_examples_are_put_through_expressions_and_slips() -> None:
    rule = "rules:\n  - {{name: a, when: {{{}}}, {}reply: {{text: X}}, examples: {{match: [{}], no_match: [{}]}}}}\n"
    assert told(rule.format('matches: "^[a-z]{2}[0-9]{2}$"', "", "ab12", "abc12")) == []
    assert "is not heard" in told(rule.format('matches: "^[a-z]{2}[0-9]{2}$"', "", "abc12", "x"))[0]
    assert "should not be answered" in told(rule.format('matches: "^[a-z]{2}[0-9]{2}$"', "", "ab12", "cd34"))[0]
    assert told(rule.format("says: returns", "typos: 1, ", "retuns", "rtns")) == []
    assert "is not heard" in told(rule.format("says: returns", "", "retuns", "rtns"))[0]


def test_a_rule_that_may_be_used_up_leaves_examples_to_others() -> None:
    upper = '  - {{name: a, when: {{says: joke}}, {}reply: {{text: "X"}}}}\n'
    lower = '  - {name: b, when: {says: a joke}, reply: {text: "Y"}, examples: [a joke please]}\n'
    assert told("rules:\n" + upper.format("at_most: once a day, ") + lower) == []
    assert "can never answer" in "".join(told("rules:\n" + upper.format("") + lower))


def test_an_example_that_is_nearly_stop_needs_a_phrase() -> None:
    rule = "rules:\n  - {{name: a, when: {{says: [{}]}}, reply: {{text: X}}, examples: [please stopp]}}\n"
    assert "nearly a consent word" in told(rule.format("stopp"))[0]
    assert told(rule.format("please stopp")) == []
