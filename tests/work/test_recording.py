"""A stored conversation becomes a test that comes true under the rules of then, and that names nobody's number."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from bot.core.conversation import WINDOW, Conversation, Person, Window
from bot.core.event import ContactKey, Media, MediaKind
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import Reading, load_files
from bot.rulebook.simulation import Answered, Simulation, Step
from bot.rulebook.suite import run_tests
from bot.rulebook.suite.writing import written
from bot.store.units import InboxKind, StoredRulebook, TraceView
from bot.work.recording import Recording, conversation_around, record
from bot.work.replay import Kept
from bot.work.rulebook_shelf import Shelf

RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv], language_of_prefix: {"46": sv}}
teams: [support]
templates:
  shipped: {languages: {en: en_US, sv: sv_SE}, category: utility, parameters: [order_number]}
connections:
  orders: {url: "https://erp.example/{{order_number}}", results: [status]}
rules:
  - name: track_order
    when: {says: {en: [track], sv: [spåra]}}
    ask:
      order_number:
        text: {en: Which?, sv: Vilken?}
        must_be: 8 digits
        if_wrong: {en: Wrong., sv: Fel.}
        no_answer_after: 20 minutes
    call: orders
    reply:
      - {if: found, text: {en: "It is {{status}}", sv: "Den är {{status}}"}}
      - {if: no_answer, text: {en: Still there?, sv: Är du kvar?}}
      - {text: {en: Sorry, sv: Tyvärr}}
  - name: shipped
    when: {event: shipped, needs: [order_number]}
    reply: {text: {en: "{{order_number}} has left", sv: "{{order_number}} har gått"}}
    if_closed: {template: shipped}
  - name: person
    when: {says: {en: [human], sv: [människa]}}
    reply: {text: {en: A colleague will answer., sv: En kollega svarar.}}
    then: {tag: wants_a_person, hand_over: support}
  - name: lucky
    when: {says: {en: [lucky], sv: [tur]}}
    reply: {text: {any_of: [{en: One, sv: Ett}, {en: Two, sv: Två}, {en: Three, sv: Tre}, {en: Four, sv: Fyra}]}}
  - name: pictures
    when: {sends: image}
    reply: {say_nothing: true}
  - name: call_back
    when: {says: "call me at {phone}"}
    reply: {text: {en: "We call {{phone}}.", sv: "Vi ringer {{phone}}."}}
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply: {text: {en: Hi, sv: Hej}, buttons: [{label: {en: Where is it?, sv: Var är den?}, goes_to: track_order}]}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""
FILES = {"rules/a.yaml": RULES.encode()}
START = datetime(2026, 1, 7, 10, 2, 41, tzinfo=UTC)
IDENTITY = "46701234567"


@cache
def rulebook() -> Rulebook:
    reading = load_files(FILES)
    assert reading.rulebook is not None, "\n".join(str(each) for each in reading.problems)
    return reading.rulebook


def person(identity: str = IDENTITY, wrote: bool = True, status: str = "") -> Simulation:
    known = Conversation(
        ContactKey("app", "WHATSAPP", identity),
        Person(1),
        Window(START + WINDOW) if wrote else Window(),
        first_contact=not wrote,
    )
    answered = Answered("found", {"status": status}) if status else Answered("not_found")
    return Simulation(Rulebooks(rulebook()), START, known, lambda call: answered, "stored")


def kept(*steps: Step) -> list[Kept]:
    found: list[Kept] = []
    for decided in (each for step in steps for each in step.decided):
        trace = TraceView(len(found) + 1, 0, InboxKind.INBOUND, b"", decided.at, decided.at, b"", "")
        found.append(Kept(trace, decided.event, decided.conversation, decided.at))
    return found


@cache
def shelf() -> Shelf:
    return Shelf(lambda number: StoredRulebook(number, "", FILES, START, START))


def recorded(*steps: Step) -> tuple[Recording, str]:
    recording = record(kept(*steps), shelf())
    return recording, written(recording.test)


def read(text: str) -> Reading:
    reading = load_files({**FILES, "rules/tests.yaml": text.encode()})
    assert reading.rulebook is not None, "\n".join(str(each) for each in reading.problems)
    return reading


def holds(text: str) -> bool:
    """Whether the recorded test, read from its YAML, comes true."""
    reading = read(text)
    assert reading.rulebook is not None
    [result] = run_tests(reading.rulebook, reading.tests)
    return result.passed


def test_a_conversation_with_everything_in_it() -> None:
    one = person(status="on its way")
    steps = [
        one.says("hello"),
        one.later(timedelta(seconds=31)),
        one.taps("1"),
        one.later(timedelta(seconds=62)),
        one.says("1234567"),
        one.says("12345678"),
        one.later(timedelta(hours=2, seconds=10)),
        one.sends(Media("https://media.example/1.jpg", MediaKind.IMAGE, "look")),
        one.later(timedelta(hours=23, minutes=59)),
        one.event("shipped", {"order_number": "12345678"}),
        one.says("human, please"),
        one.says("STOP"),
    ]
    recording, text = recorded(*steps)
    assert recording.notes == ()
    assert text == EVERYTHING
    assert holds(text)


EVERYTHING = """\
tests:
  - name: "recorded 2026-01-07 11:02"
    given: {now: "2026-01-07 11:02"}
    steps:
      - person: "+46701740699"
        says: hello
        expect: {rule: welcome, text: "Hi", buttons: ["Where is it?"], language: en}
      - taps: "Where is it?"
        expect: {rule: track_order, text: "Which?", asks: order_number}
      - later: 1 minute
      - says: ["1234567", "12345678"]
        calls: {orders: {status: "on its way"}}
        expect: {rule: track_order, text: ["Wrong.", "It is on its way"]}
      - later: 2 hours
      - sends: {image: look}
        expect: {rule: pictures, nothing: true}
      - later: 1439 minutes
      - event: {shipped: {order_number: "12345678"}}
        expect: {rule: shipped, template: shipped}
      - says: ["human, please", "STOP"]
        expect: {rule: person, text: ["A colleague will answer.", "You get no more messages from us. Write START to come back."], handed_over: support, tags: wants_a_person, opted_out: true}
"""  # noqa: E501


def test_what_colleagues_did_is_played_again() -> None:
    one = person()
    steps = [
        one.says("hello"),
        one.colleague("took_over", "support"),
        one.says("where is it?"),
        one.colleague("wrote"),
        one.colleague("gave_back"),
        one.says("hello"),
        one.colleague("wrote", "support"),
        one.colleague("closed"),
        one.colleague("closed"),
    ]
    recording, text = recorded(*steps)
    assert recording.notes == ()
    assert text.count("colleague: {takes_over: support}") == 2
    for does in ("writes", "gives_back", "closes"):
        assert text.count(f"colleague: {does}") == 1, "what changed nothing is left out"
    assert holds(text)


def test_what_a_timer_brought_belongs_to_the_time_that_passed() -> None:
    one = person()
    _, text = recorded(one.says("track"), one.later(timedelta(minutes=30)), one.says("hello"))
    assert '      - later: 20 minutes\n        expect: {rule: track_order, text: "Still there?"}\n' in text
    assert holds(text)


def test_the_language_of_a_prefix_is_kept_without_the_number() -> None:
    _, text = recorded(person().says("qwerty"))
    assert 'person: "+46701740699"' in text
    assert "language: sv" in text
    assert holds(text)
    _, text = recorded(person("447911123456").says("qwerty"))
    assert "person:" not in text
    assert holds(text)


@pytest.mark.parametrize(
    "written_as", ["+46701234567", "46701234567", "0701234567", "070-123 45 67", "+46 70 123 45 67", "+49 30 901820", "0049 30 901820"]
)  # fmt: skip
def test_no_number_of_anybody_is_in_it(written_as: str) -> None:
    one = person()
    _, text = recorded(one.says(f"hello, I am {written_as}"), one.event("shipped", {"order_number": written_as}))
    digits = "".join(each for each in text if each.isdigit())
    assert "1234567" not in digits
    assert "901820" not in digits
    assert "447700900123" in digits
    assert holds(text)


def test_an_order_number_is_no_phone_number() -> None:
    one = person()
    _, text = recorded(one.says("track"), one.says("87654321"))
    assert "87654321" in text


def test_what_cannot_come_out_the_same_is_left_out_and_told() -> None:
    one = person()
    said: Sequence[Step] = [step for _ in range(8) for step in (one.says("lucky"), one.later(timedelta(seconds=40)))]
    recording, text = recorded(*said)
    assert recording.notes
    assert all("step" in note and "played again it gives" in note for note in recording.notes)
    assert "rule: lucky" in text
    assert holds(text)


def test_what_is_known_at_the_start_is_given() -> None:
    one = person(wrote=False)
    one.conversation = Conversation(
        one.conversation.contact,
        Person(1, "sv", fields={"first_name": 'Åsa: "A" #1'}, tags=frozenset({"vip", "old"})),
        first_contact=True,
    )
    _, text = recorded(one.event("shipped", {"order_number": "7"}))
    given = read(text).tests[0].given
    assert (given.language, given.fields, given.tags) == ("sv", {"first_name": 'Åsa: "A" #1'}, ("old", "vip"))
    assert (given.window, given.first_contact) == ("closed", True)
    assert "template: shipped" in text
    assert holds(text)


def test_a_conversation_ends_where_nobody_spoke_for_a_day() -> None:
    one = person()
    first = kept(one.says("hello"), one.says("track"))
    one.later(timedelta(hours=30))
    every = [*first, *kept(one.says("hello"))]
    numbered = [Kept(_numbered(each.trace, n), each.event, each.conversation, each.now) for n, each in enumerate(every)]
    assert list(conversation_around(numbered, 1)) == numbered[:2]
    assert list(conversation_around(numbered, 2)) == numbered[2:]
    assert list(conversation_around(numbered, 9)) == []


def _numbered(trace: TraceView, number: int) -> TraceView:
    return TraceView(number, 0, trace.kind, b"", trace.received_at, trace.decided_at, b"", "")


ODD = [
    "yes",
    "null",
    "a: b",
    "- x",
    "#",
    "'",
    '"',
    "\\",
    'it\'s "so"',
    "two\nlines",
    "a\x85b",
    "a\u2028b",
    "{a}",
    "007",
]
ODD += [" ok ", "é", "👍", "*", "&a", "%", "@", "?", "~", "<<", "=", "\x85"]


@pytest.mark.parametrize("text", ODD)
def test_whatever_people_write_is_read_back(text: str) -> None:
    recording, yaml = recorded(person().says(text))
    [test] = read(yaml).tests
    assert test.steps[0].act == recording.test.steps[0].act
