"""The ``tests`` section as it is written: what it becomes, and what is said of each mistake."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.rulebook.load import Reading, load_files
from bot.rulebook.simulation import Answered
from bot.rulebook.suite.run import starts_at
from bot.rulebook.suite.test import Given, Gives, Happens, Helps, Passes, Says, Taps

RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv]}
teams: [support]
templates:
  order_shipped: {languages: {en: en_US, sv: sv_SE}, category: utility, parameters: [order_number]}
connections:
  orders: {url: "https://erp.example/{{order_number}}", results: [status], may_give: [eta]}
rules:
  - name: track_order
    when: {says: {en: [track], sv: [spåra]}}
    ask:
      order_number: {text: {en: Which?, sv: Vilken?}, must_be: 8 digits, if_wrong: {en: Wrong., sv: Fel.}}
    call: orders
    reply:
      - {if: found, text: {en: "It is {{status}}", sv: "Den är {{status}}"}}
      - {text: {en: Sorry, sv: Tyvärr}}
  - name: order_shipped
    when: {event: order.shipped, needs: [order_number]}
    reply: {text: {en: "{{order_number}} has left", sv: "{{order_number}} har gått"}}
    if_closed: {template: order_shipped}
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply: {text: {en: Hi, sv: Hej}}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""


def read(tests: str) -> Reading:
    return load_files({"rules/a.yaml": RULES.encode(), "rules/tests.yaml": ("tests:\n" + tests).encode()})


def test_the_rules_of_this_file_are_sound() -> None:
    assert [str(each) for each in read("  []\n").problems] == []


def test_everything_that_can_be_written() -> None:
    reading = read("""
  - name: all of it
    given:
      {language: sv, consent: opted_in, fields: {first_name: Åsa}, tags: [vip], now: "2026-12-24 18:00", window: closed, first_contact: yes}
    calls: {orders: {status: on its way, eta: soon}}
    steps:
      - {says: hello, expect: {rule: welcome}}
      - {says: [one, two]}
      - {taps: "2"}
      - {sends: voice}
      - {sends: {image: look at this}}
      - {sends: {flow: {Date: 2026-01-07}}}
      - {event: {order.shipped: {order_number: "12345678"}}}
      - {colleague: {takes over: support}}
      - {colleague: gives back}
      - {later: 50 hours}
      - {person: Ben, says: track 12345678, calls: {orders: not_found}, expect: {Text Contains: Sorry, buttons: none, handed-over: no}}
""")
    assert [str(each) for each in reading.problems] == []
    [test] = reading.tests
    assert test.given == Given(
        "sv", "opted_in", {"first_name": "Åsa"}, ("vip",), datetime.fromisoformat("2026-12-24T18:00"), "closed", True
    )
    assert test.calls[0].answered == Answered("found", {"status": "on its way", "eta": "soon"})
    acts = [step.act for step in test.steps]
    assert acts[:6] == [
        Says(("hello",)),
        Says(("one", "two")),
        Taps("2"),
        Gives("voice"),
        Gives("image", "look at this"),
        Gives("flow", fields={"Date": "2026-01-07"}),
    ]
    assert isinstance(acts[6], Happens)
    assert (acts[6].name, acts[6].data) == ("order.shipped", {"order_number": "12345678"})
    assert isinstance(acts[7], Helps)
    assert (acts[7].does, acts[7].team) == ("takes_over", "support")
    assert acts[8:] == [Helps("gives_back"), Passes(timedelta(hours=50)), Says(("track 12345678",))]
    last = test.steps[-1]
    assert (last.person, last.calls[0].answered.outcome) == ("Ben", "not_found")
    assert [(each.key, each.values) for each in last.wanted] == [
        ("text_contains", ("Sorry",)),
        ("buttons", ()),
        ("handed_over", ("no",)),
    ]
    assert last.wanted[0].place.line == 18


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("", datetime(2026, 1, 5, 9, tzinfo=UTC)),  # 10:00 in Stockholm
        ("now: 2026-07-01", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ('now: "18:30"', datetime(2026, 1, 5, 17, 30, tzinfo=UTC)),
        ('now: "2026-12-24T18:00"', datetime(2026, 12, 24, 17, tzinfo=UTC)),
        ('now: "2026-12-24 18:00+05:00"', datetime(2026, 12, 24, 13, tzinfo=UTC)),
    ],
)
def test_the_clock_starts_where_it_is_told(now: str, start: datetime) -> None:
    reading = read(f"  - {{name: a, given: {{{now}}}, steps: [{{says: hello, expect: {{rule: welcome}}}}]}}\n")
    assert reading.rulebook is not None, reading.problems
    assert starts_at(reading.tests[0].given, reading.rulebook) == start


MISTAKES = [
    ("{name: a}", 'A test has no "steps". Add: steps: [{says: hi, expect: {rule: welcome}}]'),
    ("{steps: [{says: hi, expect: {rule: welcome}}]}", 'A test has no "name".'),
    ("{name: a, stages: [{says: hi}]}", 'A test has an unknown key "stages". Did you mean "steps"?'),
    ("{name: a, steps: [STOP]}", "A step must be written as keys with values."),
    ("{name: a, steps: {says: hi}}", "steps must be a list."),
    ("{name: a, given: {langage: sv}, steps: []}", 'given has an unknown key "langage". Did you mean "language"?'),
    ("{name: a, given: {language: fi}, steps: []}", '"fi" is not one of the languages in settings. Write en or sv.'),
    ("{name: a, given: {now: noon}, steps: []}", 'now must be a day and a time such as "2026-12-24 18:00"'),
    ('{name: a, given: {now: "2026-02-30"}, steps: []}', "now must be a day and a time"),
    ("{name: a, given: {window: shut}, steps: []}", 'window cannot be "shut". Write open or closed.'),
    ("{name: a, calls: {order: failed}, steps: []}", 'There is no connection "order". Did you mean "orders"?'),
    ("{name: a, calls: {orders: broken}, steps: []}", 'The answer of orders cannot be "broken".'),
    ("{name: a, calls: {orders: {statsu: x}}, steps: []}", 'never gives "statsu". Did you mean "status"?'),
    ("{name: a, calls: {orders: {eta: soon}}, steps: []}", "Connection orders always gives status. Add status: ..."),
]
STEPS = [
    ("{says: hi, taps: x}", 'A step does one thing, and this one has "says" and "taps". Make two steps.'),
    ("{expect: {rule: welcome}}", "In this step nothing happens. Add says, taps, sends, event, colleague or later."),
    ("{person: Ben, expect: {rule: welcome}}", "Being another person shows nothing yet."),
    ("{says: hi, rule: welcome}", '"rule" belongs under "expect". Write expect: {rule: ...}.'),
    ("{says: hi, expects: {rule: welcome}}", 'A step has an unknown key "expects". Did you mean "expect"?'),
    ("{says: hi, expect: welcome}", "expect must be written as keys with values."),
    ("{says: hi, expect: {rules: welcome}}", 'expect has an unknown key "rules". Did you mean "rule"?'),
    ("{says: hi, expect: {rule: wellcome}}", 'There is no rule "wellcome". Did you mean "welcome"?'),
    ("{says: hi, expect: {asks: ordernumber}}", 'There is no question "ordernumber". Did you mean "order_number"?'),
    ("{says: hi, expect: {template: order_shiped}}", 'There is no template "order_shiped". Did you mean'),
    ("{says: hi, expect: {handed_over: suport}}", 'There is no team "suport". Did you mean "support"?'),
    ("{says: hi, expect: {language: fi}}", '"fi" is not one of the languages in settings. Write en or sv.'),
    ("{says: hi, expect: {question: closed}}", 'question cannot be "closed". Write open, dropped or none.'),
    ("{says: hi, expect: {opted_out: perhaps}}", "opted_out must be true or false"),
    ("{says: hi, expect: {nothing: false}}", "nothing can only be true."),
    ("{says: hi, expect: {nothing: true, text: Hi}}", 'A step that shows nothing has no "text". Keep one of the two.'),
    ("{later: soon}", 'later must be a time such as "10 minutes"'),
    ("{sends: picture}", 'sends cannot be "picture". Write image, video,'),
    ("{sends: {voice: hello}}", "Nobody can write words below voice. Write sends: voice."),
    ("{sends: {image: a, video: b}}", "sends has one kind."),
    ("{event: order.shiped}", 'No rule waits for an event "order.shiped". Did you mean "order.shipped"?'),
    ("{event: {order.shipped: {ordernumber: 7}}}", 'The event order.shipped needs order_number. Did you mean "order_number"?'),
    ("{event: {order.shipped: soon}}", "The values of order.shipped must be written as keys with values."),
    ("{event: {a: {}, b: {}}}", "A step has one event."),
    ("{colleague: answers}", 'colleague cannot be "answers". Write writes, gives_back or closes.'),
    (
        "{colleague: takes over}",
        "Who takes over is a team. Write colleague: {takes_over: support}, or colleague: writes, gives_back or closes.",
    ),
    ("{colleague: {writes: hello}}", "Who takes over is a team."),
    ("{colleague: {takes_over: suport}}", 'There is no team "suport". Did you mean "support"?'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "sentence"), [*MISTAKES, *((f"{{name: a, steps: [{step}]}}", told) for step, told in STEPS)]
)
def test_every_mistake_is_an_error_with_its_cure(written: str, sentence: str) -> None:
    reading = read(f"  - {written}\n")
    errors = [each for each in reading.problems if each.severity == "error"]
    assert reading.rulebook is None
    assert any(sentence in each.sentence for each in errors), [str(each) for each in reading.problems]
    assert all((each.place.file, each.place.line) == ("rules/tests.yaml", 2) for each in errors)


def test_all_mistakes_are_told_at_once_and_each_once() -> None:
    steps = "\n".join(f"      - {step}" for step, _ in STEPS)
    reading = read(f"  - name: a\n    steps:\n{steps}\n")
    lines = [each.place.line for each in reading.problems if each.severity == "error"]
    assert sorted(set(lines)) == list(range(4, 4 + len(STEPS)))
    assert len(lines) == len(set(reading.problems))


def test_two_tests_of_one_name_are_shown_both() -> None:
    one = "  - {name: a, steps: [{says: hello, expect: {rule: welcome}}]}\n"
    [problem] = read(one + one).problems
    assert str(problem) == (
        'rules/tests.yaml:3:5: There is another test "a" (line 2). Give one of the two another name.'
    )


def test_a_test_that_expects_nothing_is_a_warning() -> None:
    reading = read("  - {name: a, steps: [{says: hello}]}\n")
    [problem] = reading.problems
    assert reading.rulebook is not None
    assert str(problem).startswith('rules/tests.yaml:2:5: Warning: Test "a" expects nothing.')


def test_a_rule_that_only_a_test_mentions_is_still_a_lonely_one() -> None:
    lonely = "rules: [{name: alone, reply: {text: {en: Hi, sv: Hej}}}]\n"
    test = "tests: [{name: a, steps: [{says: hi, expect: {rule: alone}}]}]\n"
    found = load_files({"rules/a.yaml": RULES.encode(), "rules/b.yaml": (lonely + test).encode()})
    assert any("Rule alone has no when" in str(each) for each in found.problems)
