"""Questions that outlive an edit: other languages, other choices, and values that belong to the question alone."""

from dataclasses import replace
from datetime import timedelta

from bot.core.event import OwnTap, Text
from bot.core.rule import Then
from bot.core.rulebook import Settings
from tests.core.build import (
    DIGITS_8,
    MISSED,
    ask,
    book,
    happened,
    local,
    one_of,
    outcome,
    person,
    rule,
    says,
    talk,
)
from tests.core.talking import Talk

OTHERWISE = rule("otherwise", MISSED, reply={"": "Sorry?"})
TRACK = rule(
    "track",
    says("track"),
    ask=(
        ask(
            "number",
            DIGITS_8,
            {"en": "Number?", "sv": "Nummer?"},
            if_wrong=local({"en": "8 digits.", "sv": "8 siffror."}),
            no_answer_after=timedelta(minutes=20),
        ),
    ),
    reply=[
        outcome("answered", {"en": "Thanks.", "sv": "Tack."}),
        outcome("given_up", {"en": "Bye.", "sv": "Hej då."}),
        outcome("no_answer", {"en": "There?", "sv": "Kvar?"}),
    ],
)


def test_the_rulebook_that_asked_speaks_its_own_languages() -> None:
    conversation = Talk(book(TRACK, OTHERWISE))
    conversation.says("track")
    german = Settings("Europe/Berlin", ("de",))
    conversation.edit(book(OTHERWISE, settings=german, version=2))
    assert conversation.says("x") == ["8 digits."]
    assert conversation.waits(timedelta(hours=1)) == ["There?"]
    assert conversation.says("x") == ["Sorry?"]


def test_a_known_language_is_kept_where_the_older_rulebook_speaks_it() -> None:
    conversation = Talk(book(TRACK, OTHERWISE), talk(who=person("sv")))
    assert conversation.says("track") == ["Nummer?"]
    conversation.edit(book(OTHERWISE, settings=Settings("Europe/Berlin", ("de",)), version=2))
    assert conversation.says("12345678") == ["Tack."]


def test_a_button_of_an_older_rulebook_is_no_answer_to_todays_question() -> None:
    where = rule("where", says("deliver"), ask=(ask("where", one_of("home", "shop")),), reply="{{where}}!")
    conversation = Talk(book(where))
    conversation.says("deliver")
    conversation.says("home")
    turned = replace(where, ask=(ask("where", one_of("shop", "home")),))
    conversation.edit(book(turned, version=2))
    conversation.says("deliver")
    assert conversation.says(OwnTap("where", 1, 100, "pb")) == ["where?"], "it said home and would mean shop"
    assert conversation.says(OwnTap("where", 2, 100, "pb")) == ["shop!"]


def test_buttons_carry_the_version_of_the_rulebook_that_asks() -> None:
    where = rule(
        "where",
        says("deliver"),
        ask=(ask("where", one_of("home", "shop")), ask("sure", "yes_or_no")),
        reply="{{where}} {{sure}}",
    )
    conversation = Talk(book(where))
    conversation.says("deliver")
    conversation.edit(book(OTHERWISE, version=2))
    assert conversation.taps(1) == ["sure?"]
    assert conversation.decision.because.pinned == 1
    assert conversation.taps(0) == ["shop yes"]


ORDER = rule(
    "order",
    says("order"),
    ask=(ask("product", one_of("shoes", "socks")), ask("size", "number")),
    reply=[outcome("answered", "ok"), outcome("given_up", "bye")],
)
DELIVERY = rule("delivery", says("delivery"), reply="Delivery of {{product|everything}} is free.", anytime=True)
HELLO = rule("hello", says("hello"), reply="Hi {{product|there}}!", then=Then(tell_backend="hello"))


def test_what_the_question_knows_is_not_another_rules_to_say() -> None:
    conversation = Talk(book(ORDER, DELIVERY, HELLO, OTHERWISE))
    conversation.says("order")
    conversation.says("shoes")
    assert conversation.says("what about the delivery") == ["Delivery of everything is free.", "size?"]
    assert conversation.says("hello") == ["Hi there!"]
    assert conversation.decision.because.pinned == 0


def test_a_rule_that_takes_over_does_not_count_as_the_older_rulebook() -> None:
    conversation = Talk(book(ORDER, HELLO))
    conversation.says("order")
    conversation.edit(book(HELLO, OTHERWISE, version=2))
    assert conversation.says("hello") == ["Hi there!"]
    assert conversation.decision.because.pinned == 0
    assert conversation.asked == ""


def test_an_events_values_stay_with_its_question() -> None:
    rate = rule("rate", happened("rate"), ask=(ask("stars", "number"),), reply="{{stars}} for {{product}}")
    conversation = Talk(book(rate, DELIVERY, OTHERWISE))
    conversation.event("rate", product="shoes")
    assert conversation.says("delivery") == ["Delivery of everything is free.", "stars?"]
    assert conversation.says("5") == ["5 for shoes"]


# --- languages learnt in the middle -------------------------------------------------------------------------------------

OPEN = rule(
    "open",
    says(en=["opening hours"], sv=["öppettider"]),
    reply={"en": "9 to 18.", "sv": "9 till 18."},
    anytime=True,
)
BYE = rule("bye", says(en=["good bye"], sv=["adjö"]), reply={"en": "Bye!", "sv": "Hej då!"})


def test_a_question_is_asked_in_the_language_that_its_own_rules_words_taught() -> None:
    spoken = replace(TRACK, triggers=(says(en=["track"], sv=["spåra"]),))
    conversation = Talk(book(spoken, OPEN))
    assert conversation.says("spåra") == ["Nummer?"]
    assert conversation.conversation.person.language == "sv"


def test_a_digression_teaches_the_language_and_the_question_follows() -> None:
    conversation = Talk(book(TRACK, OPEN, BYE))
    assert conversation.says("track") == ["Number?"]
    assert conversation.says("öppettider") == ["9 till 18.", "Nummer?"]
    assert conversation.conversation.person.language == "sv"
    assert conversation.says("x") == ["8 siffror."]


def test_so_does_a_rule_that_leaves_the_question() -> None:
    conversation = Talk(book(TRACK, OPEN, BYE))
    conversation.says("track")
    assert conversation.says("adjö") == ["Hej då!"]
    assert conversation.conversation.person.language == "sv"


def test_an_answer_between_is_no_second_message_in_another_language() -> None:
    conversation = Talk(book(TRACK, OPEN, BYE), talk(who=person("en")))
    conversation.says("adjö")
    conversation.says("track")
    conversation.says("1")
    assert conversation.says("öppettider") == ["9 to 18.", "Number?"]
    assert conversation.says(Text("öppettider")) == ["9 till 18.", "Nummer?"]
