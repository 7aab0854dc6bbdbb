"""The reasons of a decision in sentences, with file and line, and the trace that keeps everything."""

import json

from bot.core.codec import conversation_from_plain, effects_digest
from bot.core.conversation import Consent
from bot.core.event import Media, MediaKind
from bot.core.reasons import explain
from bot.core.rule import Condition, Then
from bot.core.rulebook import Rulebooks
from bot.core.trace import event_to_plain, trace_plain
from tests.core.build import ANSWERED_AT, MISSED, NOW, answer, book, item, rule, says, talk, wrote

BOOK = book(
    rule("vip", says("parcel"), condition=Condition(tag="vip"), line=3),
    rule("parcel", says("my parcel"), reply=[item(goes_to="menu")], line=7),
    rule("menu", line=11),
    rule("person", says("human"), then=Then(hand_over="support"), line=14),
    rule("otherwise", MISSED, line=19),
    version=5,
)


def test_each_candidate_has_its_place_and_the_condition_that_failed() -> None:
    lines = explain(answer(BOOK, "Where is my parcel?"), BOOK)
    assert lines == (
        'Heard "where is my parcel"; window open, consent unknown, language en.',
        "A rule took it.",
        'Rule vip (rules/shop.yaml:1) was asked because of "parcel", and did not answer: the person has no tag vip.',
        'Rule parcel (rules/shop.yaml:1) was asked because of "my parcel", and took it.',
        'Rule menu (rules/shop.yaml:11) was asked because of "goes_to of parcel", and took it.',
        "Rule parcel went on to rule menu (rules/shop.yaml:11).",
        "Rule menu answered with reply 1 of 1 (rules/shop.yaml:1).",
        "1 message to send.",
    )


def test_rules_that_were_not_asked_say_why_on_request() -> None:
    lines = explain(answer(BOOK, "human"), BOOK, every_rule=True)
    assert "Rule otherwise (rules/shop.yaml:19) was not asked: nothing in its when speaks to the message." in lines
    assert not any(line.startswith("Rule person (") and "not asked" in line for line in lines)
    assert "Team support has the conversation." in lines
    stopped = explain(answer(BOOK, "human", talk(consent=Consent(True))), BOOK, every_rule=True)
    assert "Rule person (rules/shop.yaml:14) was not asked: the layer consent comes before the rules." in stopped
    assert stopped[-1] == "No message to send."


def test_a_miss_says_that_nobody_took_it() -> None:
    lines = explain(answer(book(), ""), book())
    assert lines[:2] == ("Heard no words; window open, consent unknown, language en.", "Nothing answers this.")
    assert "Nobody answered this message; a person must look." in lines


def test_the_trace_holds_all_inputs_and_is_json() -> None:
    event, conversation = wrote("my parcel"), talk()
    decision = answer(BOOK, event, conversation)
    trace = json.loads(
        json.dumps(trace_plain(event, conversation, Rulebooks(BOOK, {2: book(version=2)}), NOW + ANSWERED_AT, decision))
    )
    assert conversation_from_plain(trace["conversation"]) == conversation
    assert trace["rulebooks"] == {"5": "digest-5", "2": "digest-2"}
    assert trace["live"] == 5
    assert trace["now"] == "2026-01-05T09:00:01+00:00"
    assert trace["digest"] == effects_digest(decision)
    assert trace["effects"][0]["reply"] == {"kind": "text", "text": "menu"}
    assert trace["because"]["path"] == ["parcel", "menu"]
    assert trace["because"]["considered"][0]["failed"] == "the person has no tag vip"
    assert trace["event"]["content"] == {"is": "Text", "text": "my parcel"}


def test_events_are_written_down_whole() -> None:
    plain = event_to_plain(wrote(Media("https://x.example/a", MediaKind.VOICE)))
    assert plain["is"] == "InboundMessage"
    assert plain["written_at"] == "2026-01-05T09:00:00+00:00"
    assert plain["content"] == {
        "is": "Media",
        "url": "https://x.example/a",
        "kind": "voice",
        "caption": "",
        "filename": "",
    }
