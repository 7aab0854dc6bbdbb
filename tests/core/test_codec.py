"""What is stored comes back as it was, also from an older program, and nothing else is taken for it."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.codec import (
    conversation_from_plain,
    conversation_to_plain,
    effect_to_plain,
    effects_digest,
    reply_from_plain,
    reply_to_plain,
    state_from_plain,
    state_to_plain,
)
from bot.core.conversation import Conversation, Echo, State
from bot.core.decision import Because, Decision, Effect, HandOver, Send, TellBackend
from bot.core.plain import Unreadable
from bot.core.reply import Button, ButtonsReply, ContactReply, Reply, TemplateReply, TextReply
from tests.core import values
from tests.core.build import ANN, NOW


def through_json(plain: object) -> object:
    """As it comes back from the database."""
    return json.loads(json.dumps(plain))


@settings(deadline=None)
@given(values.replies)
def test_replies_come_back(reply: Reply) -> None:
    assert reply_from_plain(through_json(reply_to_plain(reply))) == reply


@settings(deadline=None)
@given(values.states)
def test_states_come_back(state: State) -> None:
    assert state_from_plain(through_json(state_to_plain(state))) == state


@settings(deadline=None)
@given(values.conversations)
def test_conversations_come_back(conversation: Conversation) -> None:
    assert conversation_from_plain(through_json(conversation_to_plain(conversation))) == conversation


@settings(deadline=None)
@given(values.effects)
def test_effects_are_json(effect: Effect) -> None:
    plain = effect_to_plain(effect)
    assert through_json(plain) == plain


def test_the_stored_form_of_a_state_is_fixed() -> None:
    """Rows written by this version must be read by every later one; change STATE_VERSION and add a step, never this text."""
    stored = {
        "v": 1,
        "misses": 2,
        "missed_at": "2026-01-05T09:00:00+00:00",
        "rule": "track",
        "options": [["track", 0, "track order"]],
        "options_v": 3,
        "hint": "sv",
        "question": {
            "rule": "track",
            "slot": "order_number",
            "version": 3,
            "asked_at": "2026-01-05T09:00:00+00:00",
            "deadline": None,
            "tries": 1,
            "answers": {"a": "b"},
        },
        "team": ["support", None, 7200.0],
        "echo": ["00ff", "2026-01-05T09:00:00+00:00", 4],
        "waiting": True,
    }
    state = state_from_plain(stored)
    stored.pop("echo")
    assert state_to_plain(state) == {**stored, "v": 2, "echoes": [["00ff", *["2026-01-05T09:00:00+00:00"] * 4]]}
    assert state.echoes == (Echo("00ff", (datetime(2026, 1, 5, 9, tzinfo=UTC),) * 4),)


def test_the_stored_form_of_exchanges_is_fixed() -> None:
    """As above, of version 2."""
    first, last = "2026-01-05T09:00:00+00:00", "2026-01-05T09:00:07+00:00"
    stored = {"v": 2, "echoes": [["00ff", first, first, last], ["01ff", last]]}
    state = state_from_plain(stored)
    assert state_to_plain(state) == stored
    assert [len(echo.times) for echo in state.echoes] == [3, 1]


def test_somebody_new_has_next_to_nothing_stored() -> None:
    assert state_to_plain(State()) == {"v": 2}
    assert state_from_plain({"v": 1}) == state_from_plain({"v": 2}) == state_from_plain({}) == State()


@pytest.mark.parametrize(
    "stored",
    [{"v": 3}, {"v": 0, "misses": 1}, [], "x", None, {"v": 1, "misses": "two"}, {"v": 1, "missed_at": "soon"},
     {"v": 1, "missed_at": "2026-01-05T09:00:00"}, {"v": 1, "waiting": 1}, {"v": 1, "options": {"a": 1}}],
)  # fmt: skip
def test_a_state_that_no_program_of_ours_wrote_is_refused(stored: object) -> None:
    with pytest.raises(Unreadable):
        state_from_plain(stored)


@pytest.mark.parametrize("stored", [{}, {"kind": "poem"}, {"kind": "text", "text": 1}, None])
def test_a_reply_that_no_program_of_ours_wrote_is_refused(stored: object) -> None:
    with pytest.raises(Unreadable):
        reply_from_plain(stored)


def test_replies_are_short() -> None:
    reply = ButtonsReply("Hi", (Button("Track", "track", 0),))
    assert reply_to_plain(reply) == {"kind": "buttons", "text": "Hi", "buttons": [["Track", "track", 0]]}


def decision(*effects: Effect) -> Decision:
    return Decision(State(), effects, Because("none"))


def test_the_digest_tells_effects_apart_and_nothing_else() -> None:
    first, second = Send(TextReply("Hi"), ANN, "hi", 0), HandOver("support")
    digest = effects_digest(decision(first, second))
    assert len(digest) == 64
    assert digest == effects_digest(Decision(State(misses=1), (first, second), Because("rules")))
    assert digest != effects_digest(decision(second, first))
    assert digest != effects_digest(decision(Send(TextReply("Ho"), ANN, "hi", 0), second))
    assert digest != effects_digest(decision(Send(TextReply("Hi"), ANN, "hi", 0, not_after=NOW), second))


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text(), min_size=2))
def test_the_digest_does_not_depend_on_the_order_of_a_mapping(data: dict[str, str]) -> None:
    backwards = dict(reversed(data.items()))
    assert effects_digest(decision(TellBackend("x", data))) == effects_digest(decision(TellBackend("x", backwards)))
    forth, back = (Send(TemplateReply("t", "en", each), ANN, "hi", 0) for each in (data, backwards))
    assert effects_digest(decision(forth)) == effects_digest(decision(back))
    assert effects_digest(decision(replace(forth, reply=TextReply("Hi"), if_closed=forth.reply))) == effects_digest(
        decision(replace(back, reply=TextReply("Hi"), if_closed=back.reply))
    )


@settings(deadline=None)
@given(st.lists(values.effects, max_size=3), st.lists(values.effects, max_size=3))
def test_what_is_written_alike_and_nothing_else_has_one_digest(left: list[Effect], right: list[Effect]) -> None:
    mine, yours = (json.dumps([effect_to_plain(each) for each in side], sort_keys=True) for side in (left, right))
    assert (effects_digest(decision(*left)) == effects_digest(decision(*right))) is (mine == yours)


def test_every_field_of_a_send_is_in_the_digest() -> None:
    send = Send(TextReply("Hi"), ANN, "hi", 0)
    others: dict[str, Send] = {
        "reply": replace(send, reply=ContactReply("Hi", "")),
        "contact": replace(send, contact=replace(ANN, channel="SMS")),
        "rule": replace(send, rule="ho"),
        "position": replace(send, position=1),
        "category": replace(send, category="marketing"),
        "if_closed": replace(send, if_closed=TextReply("fail")),
        "not_after": replace(send, not_after=NOW + timedelta(microseconds=1)),
        "waits": replace(send, waits=True),
        "confirms_stop": replace(send, confirms_stop=True),
        "answers": replace(send, answers=False),
        "not_before": replace(send, not_before=NOW),
    }
    assert set(others) == {each.name for each in fields(Send)}
    digests = {effects_digest(decision(each)) for each in (send, replace(send, not_after=NOW), *others.values())}
    assert len(digests) == len(others) + 2


def test_the_digest_of_a_reply_is_fixed() -> None:
    """What was stored by an earlier program is compared with what this one decides."""
    digest = effects_digest(decision(Send(TextReply("Hej då 👋"), ANN, "hi", 0, not_after=NOW), HandOver("support")))
    assert digest == "fd164126b2c56bf3de7893d3eabc184e6a1baa3f57ba301e0a16b0b08378213a"
