"""What is stored comes back as it was, also from an older program, and nothing else is taken for it."""

import json
from datetime import UTC, datetime

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
from bot.core.reply import Button, ButtonsReply, Reply, TextReply
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
    assert state_to_plain(state) == stored
    assert state.echo == Echo("00ff", datetime(2026, 1, 5, 9, tzinfo=UTC), 4)


def test_somebody_new_has_next_to_nothing_stored() -> None:
    assert state_to_plain(State()) == {"v": 1}
    assert state_from_plain({"v": 1}) == state_from_plain({}) == State()


@pytest.mark.parametrize(
    "stored",
    [{"v": 2}, {"v": 0, "misses": 1}, [], "x", None, {"v": 1, "misses": "two"}, {"v": 1, "missed_at": "soon"},
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
