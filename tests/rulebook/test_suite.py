"""Tests as they are played: every expectation comes true where it should and fails where it should, in plain words."""

import time

import pytest

from bot.rulebook.load import Reading, load_files
from bot.rulebook.suite import failed_tests, run_tests
from bot.rulebook.suite.test import Miss, TestResult

RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv], language_of_prefix: {"46": sv}}
hours: {shop: {mon-fri: "09:00-18:00"}}
teams: [support, sales]
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    category: utility
    parameters: [order_number]
    body: {en: "Order {{order_number}} is coming", sv: "Order {{order_number}} kommer"}
    buttons: [{quick_reply: Track, goes_to: track_order}]
  sale: {omni: 01ABC, languages: {en: en-US, sv: sv-SE}, category: marketing, parameters: [percent]}
connections:
  orders: {url: "https://erp.example/{{order_number}}", results: [status], may_give: [eta]}
rules:
  - name: hours
    anytime: true
    when: {says: {en: [open], sv: [öppet]}}
    reply:
      - {during: shop, text: {en: "Open until {{closing_time}}.", sv: "Öppet till {{closing_time}}."}}
      - {outside: shop, text: {en: Closed now., sv: Stängt nu.}}
  - name: track_order
    when: {says: {en: [track], sv: [spåra]}}
    ask:
      order_number:
        text: {en: "Your order number? (8 digits)", sv: "Ditt ordernummer? (8 siffror)"}
        must_be: 8 digits
        if_wrong: {en: That is not 8 digits., sv: Det är inte 8 siffror.}
        no_answer_after: 20 minutes
    call: orders
    reply:
      - {if: found, text: {en: "Order {{order_number}}: {{status}}.", sv: "Order {{order_number}}: {{status}}."}}
      - {if: not_found, text: {en: I cannot find it., sv: Jag hittar den inte.}}
      - {if: no_answer, text: {en: Still there?, sv: Är du kvar?}}
      - {if: failed, goes_to: person}
      - {if: given_up, goes_to: person}
  - name: person
    anytime: true
    when: {says: {en: [human], sv: [människa]}}
    reply: {text: {en: A colleague will answer., sv: En kollega svarar.}}
    then: {tag: [wants_a_person, patient], hand_over: support, give_back_after: 12 hours}
  - name: order_shipped
    when: {event: order.shipped, needs: [order_number]}
    reply: {text: {en: "{{order_number}} has left", sv: "{{order_number}} har gått"}}
    if_closed: {template: order_shipped}
  - name: sale
    when: {event: sale}
    category: marketing
    reply: {template: sale, values: {percent: "20"}}
  - name: named
    when: {says: {en: [my name], sv: [mitt namn]}}
    if: {tag: vip}
    reply: {text: {en: "You are {{first_name|nobody}}.", sv: "Du är {{first_name|ingen}}."}}
  - name: pictures
    when: {sends: image}
    reply: {text: {en: A picture!, sv: En bild!}}
  - name: hearts
    when: {sends: reaction}
    reply: {text: {en: Thank you!, sv: Tack!}}
    if_closed: skip
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply:
      text: {en: How can we help?, sv: Vad gäller det?}
      buttons:
        - {label: {en: Opening hours, sv: Öppettider}, goes_to: hours}
        - {label: {en: Track order, sv: Spåra order}, goes_to: track_order}
  - name: first_words
    when: {first_contact: true}
    reply: {text: {en: Welcome!, sv: Välkommen!}}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
    then: {after_misses: {count: 2, goes_to: person}}
"""
LOADED: dict[str, Reading] = {}


def read(tests: str) -> Reading:
    files = {"rules/a.yaml": RULES.encode(), "rules/tests.yaml": tests.encode()}
    reading = LOADED.setdefault(tests, load_files(files))
    assert reading.rulebook is not None, "\n".join(str(each) for each in reading.problems)
    return reading


def played(steps: str, given: str = "", calls: str = "") -> TestResult:
    """The result of one test whose steps are written in braces, one a line."""
    lines = "".join(f"      - {step.strip()}\n" for step in steps.strip().splitlines())
    more = (f"    given: {given}\n" if given else "") + (f"    calls: {calls}\n" if calls else "")
    reading = read(f"tests:\n  - name: a test\n{more}    steps:\n{lines}")
    assert reading.rulebook is not None
    [result] = run_tests(reading.rulebook, reading.tests)
    return result


def only_miss(result: TestResult) -> Miss:
    [miss] = result.misses
    return miss


HELLO = "says: hello"
OPEN = "says: when are you open"
KNOWN = "{orders: {status: shipped}}"

# What happens (steps before the last are played without expectations); what comes true of the last; what does not, and what is said of it.
EXPECTATIONS = [
    (HELLO, "rule: welcome", "rule: hours", "expected rule hours, but got rule welcome."),
    (HELLO, "rule: welcome", "rule: none", "expected no rule, but got rule welcome."),
    ("says: stop", "rule: none", "rule: welcome", "expected rule welcome, but got no rule. No rule took it."),
    (HELLO, "text: How can  we help?", "text: How can we", 'the text "How can we", but got "How can we help?"'),
    (HELLO, "text_contains: how CAN", "text_contains: [How, 'No']", 'a text with "How" and "No", but got "How can'),
    (HELLO, "buttons: [Opening hours, Track order]", "buttons: [Track order, Opening hours]", 'but got "Opening hours" and'),
    (OPEN, "buttons: none", "buttons: [Hi]", 'the buttons "Hi", but got no buttons'),
    (HELLO, "language: en", "language: sv", "an answer in sv, but got an answer in en"),
    ("says: hej", "language: sv", "language: en", "an answer in en, but got an answer in sv"),
    (HELLO, "opted_out: no", "opted_out: yes", "expected an opt-out, but got no opt-out"),
    ("says: STOP", "opted_out: true", "opted_out: false", "expected no opt-out, but got an opt-out"),
    ("says: track", "asks: order_number", "rule: hours", "rule hours, but got rule track_order"),
    (HELLO, "question: none", "asks: order_number", "the question order_number, but got no question"),
    ("says: track", "question: open", "question: none", "no open question, but got the open question order_number of rule"),
    ("says: track | says: stop", "question: dropped", "question: open", "an open question, but got a dropped question"),
    ("says: track | says: human", "question: dropped", "handed_over: no", "the bot in charge, but got team support in charge"),
    ("says: track | says: open", "question: open", "question: dropped", "a dropped question, but got the open question"),
    ("says: track | says: my name please", "question: open", "question: none", "no open question, but got the open question"),
    ("says: track | says: hello", "question: dropped", "question: open", "an open question, but got a dropped question, and no open"),
    ("says: track | says: '12345678'", "question: none", "question: dropped", "a dropped question, but got no open question"),
    ("says: human", "handed_over: support", "handed_over: sales", "team sales in charge, but got team support in charge"),
    ("says: human", "handed_over: yes", "handed_over: no", "the bot in charge, but got team support"),
    ("says: human | later: 13 hours", "handed_over: no", "handed_over: support", "team support in charge, but got the bot in charge"),
    (HELLO, "handed_over: none", "handed_over: yes", "a team in charge, but got the bot in charge"),
    ("says: human", "tags: patient", "tags: [patient, vip]", "the tags patient and vip, but got the tags patient and wants_a_person"),
    (HELLO, "text_contains: help", "tags: vip", "the tags vip, but got no tags"),
    (HELLO, "template: none", "template: order_shipped", 'template order_shipped, but got "How can we help?"'),
    ("event: sale", "nothing: true", "template: sale", "template sale, but got no message"),
    (HELLO, "rule: welcome", "nothing: true", 'no message, but got "How can we help?"'),
    ("says: human | says: hello", "nothing: true", "text: Hi", 'the text "Hi", but got no message. No rule took it. Team support has'),
]  # fmt: skip


@pytest.mark.parametrize(("does", "good", "bad", "told"), EXPECTATIONS)
def test_each_expectation_comes_true_and_fails(does: str, good: str, bad: str, told: str) -> None:
    *before, last = does.split(" | ")
    steps = "\n".join(f"{{{step}}}" for step in before)
    assert played(f"{steps}\n{{{last}, expect: {{{good}}}}}", calls=KNOWN).misses == ()
    miss = only_miss(played(f"{steps}\n{{{last}, expect: {{{bad}}}}}", calls=KNOWN))
    assert told in miss.sentence
    assert (miss.step, miss.place.line) == (len(before) + 1, 5 + len(before))


def test_a_failure_names_the_step_and_the_rule_and_line_that_took_it() -> None:
    [problem] = played("{says: hello}\n{says: When do you open?, expect: {rule: welcome}}").problems()
    assert str(problem) == (
        'rules/tests.yaml:5:44: Test "a test", step 2 (says "When do you open?") expected rule welcome, but got rule hours. '
        "Rule hours (rules/a.yaml:16:5) took it because of open (rules/a.yaml:18:24). "
        "Change the rules, or what the test expects."
    )


def test_every_expectation_of_every_step_is_looked_at() -> None:
    result = played("""
        {says: hello, expect: {rule: hours, text: Hi}}
        {says: open, expect: {rule: hours}}
        {says: open, expect: {buttons: [x]}}
    """)
    assert [(miss.step, miss.expected) for miss in result.misses] == [
        (1, "rule hours"),
        (1, 'the text "Hi"'),
        (3, 'the buttons "x"'),
    ]


# --- given ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("{language: sv}", "{says: qwerty, expect: {text: Va?}}"),
        ("{tags: [vip], fields: {first_name: Åsa}}", "{says: my name, expect: {text: You are Åsa.}}"),
        ("{tags: [vip]}", "{says: my name, expect: {text: You are nobody.}}"),
        ("{now: '19:00'}", "{says: open, expect: {text: Closed now.}}"),
        ("{now: 2026-01-10}", "{says: open, expect: {text: Closed now.}}"),  # a Saturday
        ("{first_contact: true}", "{says: qwerty, expect: {rule: first_words}}"),
        ("{first_contact: true}", "{event: {order.shipped: {order_number: 7}}, expect: {template: order_shipped}}"),
        ("{window: closed}", "{event: {order.shipped: {order_number: 7}}, expect: {text: Order 7 is coming}}"),
        ("{window: open}", "{event: {order.shipped: {order_number: 7}}, expect: {text: 7 has left, template: none}}"),
        ("{consent: stopped}", "{says: hello, expect: {nothing: true}}"),
        ("{consent: opted_in}", "{event: sale, expect: {template: sale}}"),
        ("{consent: unknown}", "{event: sale, expect: {nothing: true}}"),
    ],
)
def test_what_is_given_holds(given: str, step: str) -> None:
    assert played(step, given).problems() == ()


# --- what can happen ------------------------------------------------------------------------------------------------------


def test_a_button_is_tapped_by_title_number_or_rule() -> None:
    for what in ("Opening hours", "öppettider", "'1'", "hours"):
        assert played(f"{{says: hello}}\n{{taps: {what}, expect: {{rule: hours}}}}").passed, what


def test_a_button_that_is_not_there_ends_the_test() -> None:
    result = played("{says: hello}\n{taps: '3', expect: {rule: hours}}\n{says: hello, expect: {rule: hours}}")
    miss = only_miss(result)
    assert miss.step == 2
    assert miss.taken_by == "There is no button 3; the last message with buttons has 2."


def test_a_template_goes_out_when_the_window_has_closed_and_its_button_can_be_tapped() -> None:
    assert played("""
        {says: hej}
        {later: 25 hours}
        {event: {order.shipped: {order_number: 7}}, expect: {template: order_shipped, language: sv, buttons: [Track]}}
        {taps: Track, expect: {rule: track_order, asks: order_number, language: sv}}
    """).passed


def test_pictures_and_reactions() -> None:
    assert played("{sends: {image: look}, expect: {rule: pictures}}").passed
    assert played("{says: hello}\n{sends: {reaction: ❤}, expect: {text: Thank you!}}").passed


def test_steps_are_moments_apart_and_bubbles_of_one_step_are_not() -> None:
    assert played("{says: qwerty, expect: {text: What?}}\n{says: asdf, expect: {rule: person}}").passed
    assert played("{says: [qwerty, asdf], expect: {text: What?, handed_over: no}}").passed


def test_stop_and_start_without_a_word_on_time() -> None:
    assert played("{says: stop, expect: {opted_out: yes}}\n{says: start, expect: {opted_out: no}}").passed


def test_another_person_is_another_person() -> None:
    assert played(
        """
        {person: Ann, says: human, expect: {handed_over: support}}
        {person: Ben, says: my name, expect: {rule: otherwise, handed_over: no}}
        {person: Ann, says: hello, expect: {nothing: true}}
        {later: 13 hours}
        {says: my name, expect: {rule: named}}
        {person: "+46701740605", says: qwerty, expect: {language: sv}}
        """,
        given="{tags: [vip]}",
    ).passed


def test_time_passes_for_everybody() -> None:
    assert played("""
        {person: Ann, says: track, expect: {asks: order_number}}
        {person: Ben, later: 21 minutes, expect: {nothing: true}}
        {person: Ann, says: "12345678", expect: {rule: otherwise}}
    """).passed


# --- questions and calls --------------------------------------------------------------------------------------------------


def test_a_question_a_wrong_answer_and_a_call() -> None:
    assert played(
        """
        {says: track, expect: {asks: order_number, text_contains: 8 digits}}
        {says: "1234567", expect: {text_contains: not 8 digits, question: open}}
        {says: "12345678", expect: {rule: track_order, text: "Order 12345678: shipped.", question: none}}
        """,
        calls=KNOWN,
    ).passed


def test_a_question_that_nobody_answers() -> None:
    assert played("""
        {says: track}
        {later: 19 minutes, expect: {nothing: true, question: open}}
        {later: 1 minute, expect: {text: Still there?, question: none}}
    """).passed


def test_each_step_may_answer_calls_in_its_own_way() -> None:
    assert played(
        """
        {says: track}
        {says: "12345678", calls: {orders: not_found}, expect: {text: I cannot find it.}}
        {says: track}
        {says: "12345678", expect: {handed_over: support}}
        """,
        calls="{orders: failed}",
    ).passed


def test_a_call_that_nobody_mocked_ends_the_test() -> None:
    miss = only_miss(
        played('{says: track}\n{says: "12345678", expect: {rule: track_order}}\n{says: x, expect: {rule: hours}}')
    )
    assert miss.step == 2
    assert miss.expected == "an answer of connection orders"
    assert "Add calls: {orders: {status: ...}} or calls: {orders: not_found} to this test." in miss.taken_by


# --- all of them ----------------------------------------------------------------------------------------------------------


def test_failed_tests_are_errors_by_place() -> None:
    reading = read("""
tests:
  - {name: b, steps: [{says: hello, expect: {rule: hours}}]}
  - {name: a, steps: [{says: hello, expect: {rule: welcome}}]}
  - {name: c, steps: [{says: hello, expect: {text: x, rule: hours}}]}
""")
    found = failed_tests(reading)
    assert [(each.severity, each.place.line, each.place.column) for each in found] == [
        ("error", 3, 46),
        ("error", 5, 46),
        ("error", 5, 55),
    ]


def test_the_same_tests_give_the_same_results() -> None:
    reading = read("tests: [{name: a, steps: [{says: qwerty, expect: {rule: hours}}]}]\n")
    assert reading.rulebook is not None
    assert run_tests(reading.rulebook, reading.tests) == run_tests(reading.rulebook, reading.tests)


def test_two_hundred_conversations_take_well_under_a_second() -> None:
    one = """
  - name: test {}
    calls: {{orders: {{status: shipped}}}}
    steps:
      - {{says: hello, expect: {{rule: welcome}}}}
      - {{taps: Track order, expect: {{asks: order_number}}}}
      - {{says: "1234567", expect: {{text_contains: not 8 digits}}}}
      - {{says: "12345678", expect: {{text_contains: shipped}}}}
      - {{later: 50 hours}}
      - {{event: {{order.shipped: {{order_number: "12345678"}}}}, expect: {{template: order_shipped}}}}
"""
    reading = read("tests:" + "".join(one.format(number) for number in range(200)))
    assert reading.rulebook is not None
    began = time.process_time()
    results = run_tests(reading.rulebook, reading.tests)
    took = time.process_time() - began
    assert all(result.passed for result in results)
    assert took < 1.0


def test_colleagues_take_part_in_a_test() -> None:
    steps = """
        {says: track, expect: {asks: order_number}}
        {colleague: {takes_over: sales}, expect: {handed_over: sales, question: dropped, nothing: true}}
        {says: human, expect: {nothing: true}}
        {later: 20 hours}
        {colleague: writes, expect: {handed_over: sales, nothing: true}}
        {later: 23 hours}
        {says: open, expect: {nothing: true, handed_over: sales}}
        {colleague: gives_back, expect: {handed_over: no}}
        {says: open, expect: {rule: hours}}
        {colleague: {takes_over: support}, expect: {handed_over: support}}
        {colleague: closes, expect: {handed_over: no}}
    """
    assert played(steps).misses == ()
    result = played("{colleague: {takes_over: sales}, expect: {handed_over: support}}")
    assert [miss.did for miss in result.misses] == ["colleague takes_over"]
