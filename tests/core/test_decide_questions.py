"""Questions: asked in order, answered, left, given up, and kept on the rulebook that asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.decision import DropTimer, SetTimer
from bot.core.event import FlowAnswer, Media, MediaKind, Tap
from bot.core.reply import ButtonsReply, ListReply, buttons_of
from bot.core.rule import Condition, Phrase, SayFlow, Then, ValueTest
from bot.core.rulebook import Settings
from tests.core.build import (
    DIGITS_8,
    MISSED,
    PLACE,
    WAIT,
    ask,
    book,
    buttons,
    effects_of,
    happened,
    item,
    local,
    one_of,
    outcome,
    replies,
    rule,
    says,
    taps,
)
from tests.core.talking import Talk

ORDER = ask(
    "order_number",
    DIGITS_8,
    "Your order number?",
    if_wrong=local("That is not 8 digits."),
    no_answer_after=timedelta(minutes=20),
)
TRACK = rule(
    "track",
    says("track"),
    ask=(ORDER,),
    reply=[
        outcome("answered", "Order {{order_number}} is on its way."),
        outcome("given_up", goes_to="person"),
        outcome("no_answer", "Still there?"),
    ],
)
PERSON = rule(
    "person", says("agent", "person"), reply="A colleague comes.", anytime=True, then=Then(hand_over="support")
)
HOURS = rule("hours", says("opening hours"), reply="9 to 18.", anytime=True)
HELLO = rule("hello", says("hello"), reply="Hi!")
OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")
SETTINGS = Settings("Europe/Stockholm", ("en",), cancel_words=frozenset({"cancel", "never mind"}))
SHOP = book(TRACK, PERSON, HOURS, HELLO, OTHERWISE, settings=SETTINGS)


def test_a_question_is_asked_answered_and_over() -> None:
    talk = Talk(SHOP)
    assert talk.says("track") == ["Your order number?"]
    assert talk.state.question is not None
    assert talk.says("12345678") == ["Order 12345678 is on its way."]
    assert talk.state.question is None
    assert talk.decision.because.layer == "question"
    assert talk.says("12345678") == ["Sorry?"]


def test_a_value_in_a_sentence_is_an_answer_where_it_would_be_wrong() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("it is 12345678, thanks!") == ["Order 12345678 is on its way."]


def test_what_the_sentence_filled_is_not_asked() -> None:
    track = replace(TRACK, triggers=(says("track {order_number: 8 digits}", "track"),))
    assert Talk(book(track, PERSON)).says("track 12345678") == ["Order 12345678 is on its way."]


def test_wrong_answers_are_told_and_the_third_gives_up() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("1234567") == ["That is not 8 digits."]
    assert talk.says("no idea") == ["That is not 8 digits."]
    assert talk.says("no idea") == ["A colleague comes."]
    assert talk.state.in_charge == "support"
    assert talk.state.question is None


def test_without_if_wrong_the_question_is_repeated() -> None:
    talk = Talk(
        book(rule("name", says("name"), ask=(ask("n", DIGITS_8),), reply=[outcome("answered", "ok"), item("gave up")]))
    )
    talk.says("name")
    assert talk.says("x") == ["n?"]


def test_nobody_answers_in_time() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.waits(timedelta(minutes=19)) == []
    assert talk.waits(timedelta(minutes=2)) == ["Still there?"]
    assert talk.state.question is None
    assert talk.says("12345678") == ["Sorry?"]


def test_the_time_starts_again_at_each_message() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    talk.waits(timedelta(minutes=15))
    assert talk.says("no idea") == ["That is not 8 digits."]
    assert talk.waits(timedelta(minutes=15)) == []
    assert talk.says("12345678") == ["Order 12345678 is on its way."]
    assert effects_of(talk.decision, DropTimer) == [DropTimer("question")]


def test_no_answer_is_silent_where_nobody_says_what_then() -> None:
    quiet = replace(TRACK, reply=TRACK.reply[:2])
    talk = Talk(book(quiet, PERSON))
    talk.says("track")
    assert talk.waits(timedelta(minutes=30)) == []
    assert talk.state.question is None
    assert not talk.state.waiting


def test_an_answer_written_after_the_deadline_is_none() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("12345678", later=timedelta(minutes=21)) == ["Sorry?"]
    assert any("after its time" in note for note in talk.decision.because.notes)


def test_a_question_without_deadline_is_forgotten_after_some_hours() -> None:
    endless = replace(TRACK, ask=(replace(ORDER, no_answer_after=None),))
    talk = Talk(book(endless, PERSON, OTHERWISE))
    talk.says("track")
    assert talk.says("12345678", later=timedelta(hours=4, minutes=1)) == ["Sorry?"]


def test_cancel_words_leave_a_question_and_are_ordinary_words_otherwise() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("Never mind!") == ["All right, we leave it there."]
    assert talk.state.question is None
    assert talk.says("cancel") == ["Sorry?"]


def test_stop_in_the_middle_drops_the_question() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("STOP") == ["You get no more messages."]
    assert talk.state.question is None
    assert talk.waits(timedelta(hours=1)) == []


# --- digressions --------------------------------------------------------------------------------------------------------


def test_an_anytime_rule_is_answered_and_the_question_asked_again() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("opening hours") == ["9 to 18.", "Your order number?"]
    assert talk.says("what are your opening hours please") == ["9 to 18.", "Your order number?"]
    assert talk.says("12345678") == ["Order 12345678 is on its way."]


def test_tries_are_not_counted_by_a_digression() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    talk.says("1")
    talk.says("opening hours")
    assert talk.says("2") == ["That is not 8 digits."]
    assert talk.says("3") == ["A colleague comes."]


def test_a_hand_over_in_the_middle_drops_the_question() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("agent") == ["A colleague comes."]
    assert talk.state.question is None
    assert talk.says("12345678") == []


def test_a_rules_phrase_as_the_whole_message_leaves_the_question() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("hello there") == ["That is not 8 digits."], "ordinary rules need the whole message"
    assert talk.says("Hello!") == ["Hi!"]
    assert talk.state.question is None


def test_a_rules_example_as_the_whole_message_leaves_it_too() -> None:
    hello = replace(HELLO, examples_match=(Phrase("hello my friends", "", PLACE),))
    talk = Talk(book(TRACK, PERSON, hello))
    talk.says("track")
    assert talk.says("hello my friends") == ["Hi!"]


def test_another_tap_is_answered_first() -> None:
    menu = rule("menu", says("menu"), reply=buttons("What?", ("Hours", "hours"), ("Track", "track")))
    talk = Talk(book(TRACK, PERSON, HOURS, menu, rule("promo", taps("Sale"), reply="50 %")))
    talk.says("menu")
    menu_decision = talk.decision
    talk.says("track")
    talk.decision = menu_decision
    assert talk.taps(0) == ["9 to 18.", "Your order number?"]
    assert talk.says(Tap("Sale")) == ["50 %", "Your order number?"]


def test_a_digression_that_asks_takes_the_place_of_the_question() -> None:
    book_a_table = rule("table", says("table"), ask=(ask("people", "number"),), reply="ok", anytime=True)
    talk = Talk(book(TRACK, PERSON, book_a_table))
    talk.says("track")
    assert talk.says("table") == ["people?"]
    assert talk.asked == "table"
    assert talk.says("4") == ["ok"]


def test_free_words_are_an_answer_even_with_an_anytime_word_in_them() -> None:
    complain = rule(
        "complain", says("complaint"), ask=(ask("what"),), reply=[outcome("answered", "Noted: {{what}}"), item("x")]
    )
    talk = Talk(book(complain, PERSON, HOURS, HELLO))
    talk.says("complaint")
    assert talk.says("the delivery person was rude") == ["Noted: the delivery person was rude"]
    talk.says("complaint")
    assert talk.says("hello") == ["Noted: hello"]
    talk.says("complaint")
    assert talk.says("person") == ["A colleague comes."], "an anytime phrase that is the whole message"


def test_events_leave_an_open_question_open_and_an_events_question_replaces_it() -> None:
    ready = rule("ready", happened("ready"), reply="Ready!")
    rate = rule(
        "rate",
        happened("rate"),
        ask=(ask("stars", "number"),),
        reply=[outcome("answered", "{{stars}}!"), item("x")],
        if_closed=WAIT,
    )
    talk = Talk(book(TRACK, PERSON, ready, rate))
    talk.says("track")
    assert talk.event("ready") == ["Ready!"]
    assert talk.asked == "track"
    assert talk.event("rate") == ["stars?"]
    assert talk.says("5") == ["5!"]


# --- choices ------------------------------------------------------------------------------------------------------------

DELIVER = rule(
    "deliver",
    says("deliver"),
    ask=(
        ask(
            "where",
            one_of(("home", {"en": "At home", "sv": "Hemma"}), ("shop", {"en": "In the shop", "sv": "I butiken"})),
            "Where?",
        ),
        ask("sure", "yes_or_no", "Sure?"),
    ),
    reply=[
        item("We come.", condition=Condition(outcome="answered", values=(ValueTest("answer", "where", ("home",)),))),
        item("You come: {{where}}, {{sure}}."),
    ],
)


@pytest.mark.parametrize("said", ["at home", "AT HOME!", "1", "home", "hemma"])
def test_a_choice_is_typed_in_words_or_by_number(said: str) -> None:
    talk = Talk(book(DELIVER))
    assert talk.says("deliver") == ["Where?"]
    assert [each.label for each in buttons_of(replies(talk.decision)[0])] == ["At home", "In the shop"]
    assert talk.says(said) == ["Sure?"]
    assert talk.says("yes please") == ["We come."]


def test_a_title_wins_over_a_cancel_word_and_an_anytime_rule() -> None:
    which = ask("which", one_of("Cancel", "Hours"), "Which?")
    pick = rule("pick", says("pick"), ask=(which,), reply=[outcome("answered", "{{which}}!"), item("x")])
    talk = Talk(book(pick, rule("hours", says("hours"), reply="9 to 18.", anytime=True), settings=SETTINGS))
    talk.says("pick")
    assert talk.says("cancel") == ["Cancel!"]
    talk.says("pick")
    assert talk.says("hours") == ["Hours!"]


def test_silence_is_not_answered_by_a_reply_without_a_condition() -> None:
    last = replace(TRACK, reply=(outcome("answered", "ok"), item("anything else")))
    talk = Talk(book(last, PERSON))
    talk.says("track")
    assert talk.waits(timedelta(minutes=30)) == []
    assert talk.decision.because.layer == "timer"


def test_choices_are_tapped() -> None:
    talk = Talk(book(DELIVER))
    talk.says("deliver")
    assert talk.taps(1) == ["Sure?"]
    assert talk.taps(1) == ["You come: shop, no."]


def test_an_old_option_of_an_earlier_question_starts_the_rule_anew() -> None:
    talk = Talk(book(DELIVER))
    talk.says("deliver")
    first = talk.decision
    talk.taps(0)
    talk.decision = first
    assert talk.taps(1) == ["Where?"]


def test_more_than_three_choices_are_a_list() -> None:
    pick = rule(
        "pick",
        says("pick"),
        ask=(ask("which", one_of("A", "B", "C", "D")),),
        reply=[outcome("answered", "{{which}}"), item("x")],
    )
    talk = Talk(book(pick))
    talk.says("pick")
    (reply,) = replies(talk.decision)
    assert isinstance(reply, ListReply)
    assert reply.menu == "Choose"
    assert talk.says("4") == ["D"]


def test_files_answer_questions_for_files() -> None:
    photo = rule(
        "photo", says("photo"), ask=(ask("picture", "image"),), reply=[outcome("answered", "{{picture}}"), item("x")]
    )
    talk = Talk(book(photo))
    talk.says("photo")
    assert talk.says("here it is") == ["picture?"]
    assert talk.says(Media("https://x.example/a.jpg", MediaKind.IMAGE)) == ["https://x.example/a.jpg"]


# --- versions, windows, flows -------------------------------------------------------------------------------------------


def test_a_question_goes_on_in_the_rulebook_that_asked() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    edited = replace(
        TRACK,
        reply=(outcome("answered", "Edited: {{order_number}}"), item("x")),
        ask=(replace(ORDER, if_wrong=local("Edited.")),),
    )
    talk.edit(book(edited, PERSON, replace(HOURS, reply=(item("10 to 19."),)), settings=SETTINGS, version=2))
    assert talk.says("x") == ["That is not 8 digits."]
    assert talk.decision.because.pinned == 1
    assert talk.says("opening hours") == ["10 to 19.", "Your order number?"], "other rules are today's"
    assert talk.says("12345678") == ["Order 12345678 is on its way."]
    assert talk.says("track") == ["Your order number?"]
    assert talk.says("12345678") == ["Edited: 12345678"]


def test_a_question_whose_rulebook_is_no_longer_held_and_whose_rule_is_gone_is_over() -> None:
    talk = Talk(SHOP)
    talk.says("track")
    talk.rulebooks = replace(talk.rulebooks, live=book(PERSON, OTHERWISE, version=2))
    assert talk.says("12345678") == ["Sorry?"]
    assert talk.state.question is None


def test_an_event_does_not_ask_into_a_closed_window() -> None:
    rate = rule("rate", happened("rate"), ask=(ask("stars", "number"),), reply=[item("x")], if_closed=WAIT)
    talk = Talk(book(rate))
    talk.waits(timedelta(hours=30))
    assert talk.event("rate") == ["stars?"]
    assert talk.state.question is None, "the text only waits, so nothing is open"


def test_the_answer_of_a_flow_goes_on_in_its_rule() -> None:
    shown = SayFlow(local("Book a time."), "77", local("Book"), results=("day",))
    booking = rule("booking", says("book"), reply=[outcome("answered", "See you on {{day}}."), item(shown)])
    talk = Talk(book(booking, OTHERWISE))
    assert talk.says("book") == ["Book a time."]
    assert talk.says("hm") == ["Sorry?"], "a flow holds nobody up"
    assert talk.says(FlowAnswer("flow", {"day": "Monday"})) == ["See you on Monday."]
    assert talk.says(FlowAnswer("flow", {"day": "Monday"})) == ["Sorry?"]


def test_a_question_is_shown_with_its_buttons() -> None:
    talk = Talk(book(DELIVER))
    talk.says("deliver")
    assert isinstance(replies(talk.decision)[0], ButtonsReply)
    assert effects_of(talk.decision, SetTimer) == [], "no deadline, no timer"
