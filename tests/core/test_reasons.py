"""The reasons of a decision in sentences, with file and line."""

from bot.core.conversation import Consent
from bot.core.reasons import reasons
from bot.core.rule import Condition, Then
from tests.core.build import MISSED, answer, book, item, rule, says, talk

BOOK = book(
    rule("vip", says("parcel"), condition=Condition(tag="vip"), line=3),
    rule("parcel", says("my parcel"), reply=[item(goes_to="menu")], line=7),
    rule("menu", line=11),
    rule("person", says("human"), then=Then(hand_over="support"), line=14),
    rule("otherwise", MISSED, line=19),
    version=5,
)


def test_each_candidate_has_its_place_and_the_condition_that_failed() -> None:
    assert reasons(answer(BOOK, "Where is my parcel?"), BOOK) == [
        "A rule heard it.",
        "rules/shop.yaml:1:1: rule vip (parcel) does not answer: the person has no tag vip.",
        "rules/shop.yaml:1:1: rule parcel (my parcel) answers.",
        "rules/shop.yaml:11:5: rule menu (goes_to of parcel) answers.",
        "It went on from rule parcel to menu.",
        'Read as "where is my parcel".',
        "Language en, window open, consent unknown.",
    ]


def test_rules_that_were_not_asked_say_why_on_request() -> None:
    lines = reasons(answer(BOOK, "human"), BOOK, every_rule=True)
    assert "rules/shop.yaml:19:5: rule otherwise was not asked: nothing in its when speaks to the message." in lines
    assert not any("rule person was not asked" in line for line in lines)
    assert "The team support has the conversation now." in lines
    stopped = reasons(answer(BOOK, "human", talk(consent=Consent(True))), BOOK, every_rule=True)
    assert "rules/shop.yaml:14:5: rule person was not asked: the layer consent comes before the rules." in stopped


def test_a_miss_says_that_nobody_took_it() -> None:
    lines = reasons(answer(book(), ""), book())
    assert lines[0] == "No rule heard it."
    assert "Note: Nobody answered this message; a person must look." in lines
