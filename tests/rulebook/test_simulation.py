"""One person's conversation on a virtual clock: what leaves when, and what is decided about it, as the server would have it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from bot.core.conversation import WINDOW, Conversation, Person, Window
from bot.core.decision import Call
from bot.core.event import CallAnswered, ConsentNotice, ContactKey, InboundMessage, OwnTap, Tap, Text, TimerFired
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.rulebook.simulation import TOO_MANY, Answered, Simulation, Step, nobody
from bot.rulebook.suite.phone import body_of, template_of

RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en]}
templates:
  shipped: {languages: {en: en_US}, category: utility, parameters: [order_number], buttons: [{quick_reply: Thanks}]}
connections:
  orders: {url: "https://erp.example/{{order_number}}", results: [status], timeout: 4 s}
rules:
  - name: track_order
    when: {says: track}
    ask:
      order_number: {text: Which?, must_be: 8 digits, if_wrong: Wrong., no_answer_after: 20 minutes}
    call: orders
    reply:
      - {if: found, text: "It is {{status}}"}
      - {if: failed, text: "The system is down"}
      - {if: no_answer, text: Still there?}
      - {text: Sorry}
  - name: shipped
    when: {event: shipped, needs: [order_number]}
    reply: {text: "{{order_number}} has left"}
    if_closed: {template: shipped}
  - name: news
    when: {event: news, needs: [what]}
    reply: {text: "News: {{what}}"}
    if_closed: wait
  - name: hint
    when: {event: hint}
    reply: {text: A hint}
    if_closed: skip
  - name: quiet
    when: {event: quiet}
    reply: {text: Good morning}
    if_closed: skip
    not_between: "21:00-08:00"
  - name: reminded
    reply: {text: Do you still think about it?}
    if_closed: skip
  - name: think
    when: {says: let me think}
    reply: {text: Sure.}
    then: {remind: {after: 3 hours, goes_to: reminded}}
  - name: first_ping
    when: {event: first_ping}
    reply: {say_nothing: true}
    then: {remind: {after: 1 hour, goes_to: reminded}}
  - name: second_ping
    when: {event: second_ping}
    reply: {say_nothing: true}
    then: {remind: {after: 2 hours, goes_to: reminded}}
  - name: hello
    when: {says: hello}
    reply: {text: Hi, buttons: [{label: Track order, goes_to: track_order}, {label: Later, goes_to: think}]}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: What?}
"""
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CONTACT = ContactKey("test", "WHATSAPP", "447700900123")


@cache
def rulebook() -> Rulebook:
    reading = load_files({"rules/a.yaml": RULES.encode()})
    assert reading.rulebook is not None, "\n".join(str(each) for each in reading.problems)
    return reading.rulebook


def simulation(backends: Callable[[Call], Answered | None] = nobody, wrote: bool = True) -> Simulation:
    """Somebody who wrote just before, or never."""
    window = Window(START + WINDOW) if wrote else Window()
    known = Conversation(CONTACT, Person(1), window, first_contact=not wrote)
    return Simulation(Rulebooks(rulebook()), START, known, backends)


def words(step: Step) -> list[str]:
    return [body_of(each.reply) for each in step.shown]


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


# --- the window, and what waits ---------------------------------------------------------------------------------------------


def test_a_message_opens_the_window_for_a_day() -> None:
    person = simulation(wrote=False)
    assert template_of(person.event("shipped", {"order_number": "7"}).shown[0].reply, rulebook()) == "shipped"
    person.says("hello")
    person.later(hours(23.9))
    assert words(person.event("shipped", {"order_number": "7"})) == ["7 has left"]
    person.later(hours(0.1))
    [shown] = person.event("shipped", {"order_number": "7"}).shown
    assert template_of(shown.reply, rulebook()) == "shipped"


def test_what_waits_leaves_before_the_answer_to_the_next_message() -> None:
    person = simulation(wrote=False)
    assert person.event("news", {"what": "one"}).shown == []
    person.event("news", {"what": "two"})
    assert words(person.says("hello")) == ["News: one", "News: two", "Hi"]
    assert words(person.says("hello")) == ["Hi"]


def test_three_wait_at_most_and_the_oldest_is_lost_visibly() -> None:
    person = simulation(wrote=False)
    for what in ("1", "2", "3"):
        assert person.event("news", {"what": what}).lost == []
    [lost] = person.event("news", {"what": "4"}).lost
    assert (body_of(lost.reply), lost.reason) == ("News: 1", TOO_MANY)
    assert words(person.says("hello")) == ["News: 2", "News: 3", "News: 4", "Hi"]


def test_what_waits_for_over_a_week_is_lost() -> None:
    person = simulation(wrote=False)
    person.event("news", {"what": "old"})
    person.later(timedelta(days=8))
    step = person.says("hello")
    assert words(step) == ["Hi"]
    assert [each.reason for each in step.lost] == ["Its time was over before it could be sent."]


def test_what_is_skipped_never_leaves() -> None:
    person = simulation(wrote=False)
    assert person.event("hint", {}).shown == []
    assert words(person.says("hello")) == ["Hi"]


def test_what_the_bot_starts_is_held_back_at_night_and_then_looked_at_anew() -> None:
    person = simulation()
    person.later(hours(13))  # 23:00 in Stockholm
    person.says("hello")
    assert person.event("quiet", {}).shown == []
    assert words(person.later(hours(8.9))) == []
    step = person.later(hours(0.2))
    assert words(step) == ["Good morning"]
    assert step.shown[0].at == datetime(2026, 1, 6, 7, tzinfo=UTC)


def test_what_is_held_back_until_the_window_has_closed_does_as_if_closed_says() -> None:
    person = simulation()
    person.later(hours(22))  # 08:00: the window is open for two hours more
    person.later(hours(-10))  # 22:00 the evening before
    person.event("quiet", {})
    person.conversation = Conversation(CONTACT, Person(1), Window(START + hours(13)))
    step = person.later(hours(11))
    assert words(step) == []
    assert [each.reason for each in step.lost] == ["The window is closed, and the rule says to skip it then."]


# --- consent ----------------------------------------------------------------------------------------------------------------


def test_stop_counts_from_the_moment_it_is_recorded() -> None:
    person = simulation(wrote=False)
    person.event("news", {"what": "one"})
    step = person.says("STOP")
    assert person.conversation.consent.stopped
    assert len(step.shown) == 1
    assert step.decided[0].conversation.consent.stopped
    assert words(person.says("hello")) == []
    person.later(timedelta(seconds=1))
    assert words(person.says("start")) != []
    assert words(person.says("hello")) == ["Hi"]  # what waited ended with the STOP


def test_a_stop_ends_what_is_held_back_for_later_too() -> None:
    person = simulation()
    person.later(hours(13))
    person.event("quiet", {})
    person.says("STOP")
    person.later(timedelta(seconds=1))
    person.says("start")
    assert words(person.later(hours(10))) == []


def test_a_start_of_somebody_who_never_stopped_is_kept() -> None:
    person = simulation()
    person.says("start")
    assert person.conversation.consent.opted_in


def test_a_notice_of_the_channel_stops_as_well() -> None:
    person = simulation()
    person.happens(ConsentNotice("n", CONTACT, False, True, START, START))
    assert words(person.says("hello")) == []


# --- taps -------------------------------------------------------------------------------------------------------------------


def content_of(step: Step) -> object:
    event = step.decided[0].event
    assert isinstance(event, InboundMessage)
    return event.content


def test_taps_on_what_was_shown() -> None:
    person = simulation()
    person.says("hello")
    assert content_of(person.taps("LATER")) == OwnTap("think", 0, 1, "")
    assert content_of(person.taps("1")) == OwnTap("track_order", 0, 0, "")
    assert content_of(person.taps("think")) == OwnTap("think", 0, 1, "")


def test_a_button_that_nobody_showed_comes_from_the_rules_or_from_a_foreign_template() -> None:
    assert content_of(simulation().taps("Later")) == OwnTap("think", 0, 1, "")
    assert content_of(simulation().taps("Summer sale")) == Tap("Summer sale")


def test_a_button_of_ours_that_leads_nowhere_comes_back_as_its_title() -> None:
    person = simulation(wrote=False)
    person.event("shipped", {"order_number": "7"})
    assert content_of(person.taps("thanks")) == Tap("Thanks")


def test_a_number_needs_a_button() -> None:
    person = simulation()
    with pytest.raises(LookupError, match="no message with buttons was shown"):
        person.taps("1")
    person.says("hello")
    with pytest.raises(LookupError, match="the last message with buttons has 2"):
        person.taps("3")


# --- calls ------------------------------------------------------------------------------------------------------------------


def asked(backends: Callable[[Call], Answered | None] = nobody) -> tuple[Simulation, Step]:
    person = simulation(backends)
    assert words(person.says("track")) == ["Which?"]
    return person, person.says("12345678")


def test_a_backend_that_is_there_answers_at_once() -> None:
    calls: list[Call] = []

    def answers(call: Call) -> Answered:
        calls.append(call)
        return Answered("found", {"status": "shipped"})

    person, step = asked(answers)
    assert words(step) == ["It is shipped"]
    assert [call.url for call in calls] == ["https://erp.example/12345678"]
    assert [type(each.event) for each in step.decided] == [InboundMessage, CallAnswered]
    assert person.open_call is None


def test_what_is_written_meanwhile_waits_for_the_answer() -> None:
    person, step = asked()
    assert words(step) == []
    assert person.open_call is not None
    assert person.says("hello").decided == []
    person.says("qwerty")
    step = person.answers(Answered("found", {"status": "shipped"}))
    assert words(step) == ["It is shipped", "Hi", "What?"]
    assert [each.conversation.next_pending_at is None for each in step.decided[1:]] == [False, True]


def test_stop_does_not_wait_and_the_answer_is_dropped() -> None:
    person, _ = asked()
    assert len(person.says("STOP").shown) == 1
    assert person.open_call is None
    assert person.later(timedelta(minutes=1)).decided == []


def test_a_call_that_nobody_answers_fails_when_its_time_is_over() -> None:
    person, _ = asked()
    person.says("hello")
    assert words(person.later(timedelta(seconds=3.9))) == []
    step = person.later(timedelta(seconds=1))
    assert words(step) == ["The system is down", "Hi"]
    assert step.shown[0].at == START + timedelta(seconds=4)


def test_an_answer_needs_a_call() -> None:
    with pytest.raises(LookupError):
        simulation().answers(Answered("found"))


# --- timers -----------------------------------------------------------------------------------------------------------------


def test_timers_fire_at_their_moment_in_order() -> None:
    person = simulation()
    person.says("let me think")
    person.later(timedelta(hours=2, minutes=30))
    person.event("hint", {})
    step = person.later(hours(5))
    assert words(step) == ["Do you still think about it?"]
    [decided] = [each for each in step.decided if isinstance(each.event, TimerFired)]
    assert decided.at == START + hours(3)
    assert person.now == START + hours(7.5)
    assert words(person.later(hours(5))) == []


def test_a_reminder_is_dropped_when_the_person_writes() -> None:
    person = simulation()
    person.says("let me think")
    person.says("hello")
    assert person.later(hours(5)).decided == []


def test_one_timer_leaves_the_others_alone() -> None:
    person = simulation()
    person.event("second_ping", {})
    person.event("first_ping", {})
    fired = [decided.at - START for decided in person.later(hours(5)).decided]
    assert fired == [hours(1), hours(2)]


def test_a_question_that_nobody_answers_ends() -> None:
    person = simulation()
    person.says("track")
    person.later(timedelta(minutes=19))
    person.says("wrong")  # its time starts again
    assert words(person.later(timedelta(minutes=19))) == []
    assert words(person.later(timedelta(minutes=1))) == ["Still there?"]
    assert person.conversation.state.question is None


# --- always the same --------------------------------------------------------------------------------------------------------


def test_equal_inputs_give_equal_steps() -> None:
    def steps() -> list[Step]:
        person = simulation(lambda call: Answered("failed"))
        return [
            person.says("hello"),
            person.taps("1"),
            person.says("12345678"),
            person.later(hours(30)),
            person.event("shipped", {"order_number": "7"}),
            person.sends(Text("stop")),
        ]

    assert steps() == steps()
    keys = [decided.event.dedup for step in steps() for decided in step.decided]
    assert len(set(keys)) == len(keys)
