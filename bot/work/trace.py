"""The stored form of a decision's inputs: enough to decide again, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import orjson

from bot.core.codec import as_it_is, conversation_to_plain, effects_digest
from bot.core.conversation import Conversation
from bot.core.decision import Decision
from bot.core.rulebook import Rulebooks
from bot.store.units import Claimed, Settled

PLAIN_RECEIPT: Final = "plain_receipt"


def inputs_of(conversation: Mapping[str, object], now: datetime, **more: object) -> bytes:
    """``conversation`` is what ``core.codec.conversation_to_plain`` gave. The event itself is the inbox row's raw bytes."""
    return orjson.dumps({"now": now, "conversation": conversation, **more})  # orjson writes a time as isoformat does


def settled(
    claimed: Claimed,
    decision: Decision,
    conversation: Conversation,
    rulebooks: Rulebooks,
    now: datetime,
    is_plain_receipt: bool = False,
) -> Settled:
    """``decision`` with all that it takes to make it again. ``is_plain_receipt``: a receipt was decided as such, not as a failure."""
    more = {PLAIN_RECEIPT: True} if is_plain_receipt else {}
    inputs = inputs_of(conversation_to_plain(conversation, as_it_is), now, **more)
    version, pinned = rulebooks.live.version, decision.because.pinned
    return Settled(claimed.inbox_id, decision, version, inputs, effects_digest(decision), pinned=pinned)
