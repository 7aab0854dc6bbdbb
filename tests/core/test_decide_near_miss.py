"""Messages that nearly say STOP."""

from dataclasses import replace

import pytest

from bot.core.reply import ButtonsReply
from tests.core.build import (
    DIGITS_8,
    MISSED,
    ask,
    book,
    consent_words,
    item,
    local,
    outcome,
    replies,
    rule,
    says,
)
from tests.core.talking import Talk

OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")
BLUE = rule("blue", says("blue one"), reply="Blue!")
ASKED = "Do you want no more messages from us?"
SHOP = book(BLUE, OTHERWISE)


@pytest.mark.parametrize("said", ["stpo", "please stop", "unsubscrib"])
def test_is_asked(said: str) -> None:
    talk = Talk(SHOP)
    assert talk.says(said) == [ASKED]
    assert talk.decision.because.layer == "near_miss"
    (reply,) = replies(talk.decision)
    assert isinstance(reply, ButtonsReply)
    assert [each.label for each in reply.buttons] == ["Yes", "No"]


@pytest.mark.parametrize("said", ["Yes", "yes please!", "1"])
def test_yes_stops(said: str) -> None:
    talk = Talk(SHOP)
    talk.says("stpo")
    assert talk.says(said) == ["You get no more messages."]
    assert talk.conversation.consent.stopped
    assert talk.says("blue one") == []


def test_a_tap_on_yes_stops_however_late() -> None:
    talk = Talk(SHOP)
    talk.says("stpo")
    asked = talk.decision
    talk.says("blue one")
    talk.decision = asked
    assert talk.taps(0) == ["You get no more messages."]


def test_no_changes_nothing() -> None:
    talk = Talk(SHOP)
    talk.says("stpo")
    assert talk.taps(1) == ["All right, nothing changes."]
    assert not talk.conversation.consent.stopped


def test_anything_else_closes_it_silently_and_it_is_asked_once() -> None:
    talk = Talk(SHOP)
    talk.says("stpo")
    assert talk.says("blue one") == ["Blue!"]
    assert talk.says("yes") == ["Sorry?"]
    talk.says("stpo")
    assert talk.says("stpo") == ["Sorry?"]


def test_more_words_meet_the_rules() -> None:
    assert Talk(SHOP).says("stop sending me the blue one") == ["Blue!"]


def test_a_rules_phrase_is_no_near_miss() -> None:
    bus = rule("bus", says("bus stop", "stpo"), reply="Over there.")
    assert Talk(book(bus, OTHERWISE)).says("stpo") == ["Over there."]


def test_it_can_be_switched_off_and_worded() -> None:
    assert Talk(book(OTHERWISE, consent=consent_words(near_misses="ignore"))).says("stpo") == ["Sorry?"]
    worded = consent_words(near_miss_text=local("Stop everything?"))
    assert Talk(book(OTHERWISE, consent=worded)).says("stpo") == ["Stop everything?"]


def test_its_place_in_a_question() -> None:
    number = rule(
        "track", says("track"), ask=(ask("n", DIGITS_8, "Number?"),), reply=[outcome("answered", "ok"), item("x")]
    )
    talk = Talk(book(number, BLUE, OTHERWISE))
    talk.says("track")
    assert talk.says("please stop") == [ASKED]
    assert talk.asked == "track"
    assert talk.says("12345678") == ["ok"], "the question stayed open"
    words = replace(number, ask=(ask("n", "text", "What?"),), reply=(outcome("answered", "{{n}}"), item("x")))
    talk = Talk(book(words, BLUE, OTHERWISE))
    talk.says("track")
    assert talk.says("please stop") == ["please stop"], "never in the middle of free words"
