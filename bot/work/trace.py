"""The stored form of a decision's inputs: enough to decide again, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson

from bot.core.codec import as_it_is, conversation_to_plain, effects_digest
from bot.core.conversation import Conversation
from bot.core.decision import Decision
from bot.core.rulebook import Rulebooks
from bot.store.units import Claimed, Settled


def inputs_of(conversation: Mapping[str, object], now: datetime) -> bytes:
    """``conversation`` is what ``core.codec.conversation_to_plain`` gave. The event itself is the inbox row's raw bytes."""
    return orjson.dumps({"now": now, "conversation": conversation})  # orjson writes a time as isoformat does


def settled(
    claimed: Claimed, decision: Decision, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Settled:
    """``decision`` with all that it takes to make it again."""
    inputs = inputs_of(conversation_to_plain(conversation, as_it_is), now)
    version, pinned = rulebooks.live.version, decision.because.pinned
    return Settled(claimed.inbox_id, decision, version, inputs, effects_digest(decision), pinned=pinned)
