"""Deciding again what was decided before, from its trace, to tell why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson

from bot.core.codec import conversation_from_plain
from bot.core.decide import decide
from bot.core.decision import Decision
from bot.core.rulebook import Rulebooks
from bot.errors import Failed
from bot.store.units import Claimed, TraceView
from bot.work.inbox import Deciding, read_event


def decide_again(trace: TraceView, deciding: Deciding, rulebooks: Rulebooks) -> Decision:
    """The decision of ``trace`` with the rulebooks given. Raises ``Failed`` where its event can no longer be read."""
    claimed = Claimed(trace.inbox_id, trace.kind, trace.raw, trace.received_at, 1, media_kind=trace.media_kind)
    event = read_event(deciding, claimed)
    if isinstance(event, Exception):
        raise Failed("What the person sent is no longer kept, so the decision cannot be looked at.", "gone")
    inputs: Mapping[str, object] = orjson.loads(trace.inputs)
    now = datetime.fromisoformat(str(inputs["now"]))
    return decide(event, conversation_from_plain(inputs["conversation"]), rulebooks, now)
