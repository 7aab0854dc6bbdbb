"""The sample shop answers as its examples say: the real decision, not only the matcher."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.conversation import Conversation, Person, Window
from bot.core.decide import decide
from bot.core.decision import Decision, Send
from bot.core.event import BusinessEvent, ContactKey, InboundMessage, Text
from bot.core.reply import OmniTemplateReply, TemplateReply, TextReply
from bot.core.rule import FirstContact
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load

NOON = datetime(2026, 1, 5, 11, tzinfo=UTC)
ANN = ContactKey("app", "WHATSAPP", "46701234567")


def shop() -> Rulebook:
    rulebook = load(Path(__file__).parents[2] / "rules").rulebook
    assert rulebook is not None
    return rulebook


SHOP = shop()
EXAMPLES = [(rule.name, phrase.pattern) for rule in SHOP.rules for phrase in rule.examples_match]
COUNTER = [(rule.name, phrase.pattern) for rule in SHOP.rules for phrase in rule.examples_no_match]


def written(text: str, first_contact: bool = False) -> Decision:
    event = InboundMessage("d", ANN, "m", Text(text), NOON, NOON)
    conversation = Conversation(ANN, Person(1), Window(NOON + timedelta(hours=24)), first_contact=first_contact)
    return decide(event, conversation, Rulebooks(SHOP), NOON)


def happened(name: str, data: dict[str, str], window: Window) -> list[Send]:
    event = BusinessEvent("d", ANN, name, data, NOON, NOON)
    decision = decide(event, Conversation(ANN, Person(1, language="sv"), window), Rulebooks(SHOP), NOON)
    return [effect for effect in decision.effects if isinstance(effect, Send)]


@pytest.mark.parametrize(("rule", "text"), EXAMPLES)
def test_an_example_is_answered_by_its_rule(rule: str, text: str) -> None:
    first = any(isinstance(trigger, FirstContact) for trigger in SHOP.rules[SHOP.by_name[rule]].triggers)
    assert written(text, first).because.path[:1] == (rule,)


@pytest.mark.parametrize(("rule", "text"), COUNTER)
def test_a_counter_example_is_not(rule: str, text: str) -> None:
    assert written(text).because.path[:1] != (rule,)


def test_there_are_examples_of_both_kinds() -> None:
    assert len(EXAMPLES) >= 20
    assert len(COUNTER) >= 7


def test_an_order_shipped_leaves_as_text_inside_the_window_and_as_template_outside() -> None:
    data = {"first_name": "Åsa", "order_number": "12345678"}
    inside = happened("order.shipped", data, Window(NOON + timedelta(hours=5)))
    assert len(inside) == 1
    assert not isinstance(inside[0].reply, TemplateReply)
    outside = happened("order.shipped", data, Window())
    assert len(outside) == 1
    template = outside[0].reply
    assert isinstance(template, TemplateReply)
    assert (template.language, dict(template.parameters)) == (
        "sv_SE",
        {"body[1]text": "Åsa", "body[2]text": "12345678"},
    )


def test_the_omni_template_takes_its_default() -> None:
    reply = happened("order.ready", {"order_number": "12345678"}, Window())[0].reply
    assert isinstance(reply, OmniTemplateReply)
    assert dict(reply.parameters) == {"order_number": "12345678", "shelf": "1"}


def test_a_swedish_number_is_answered_in_swedish() -> None:
    sends = [effect for effect in written("qwerty").effects if isinstance(effect, Send)]
    assert [send.reply for send in sends] == [TextReply('Jag förstod inte. Prova "meny".')]
