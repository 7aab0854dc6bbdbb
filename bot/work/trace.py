"""The stored form of a decision's inputs: enough to decide again, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson


def inputs_of(conversation: Mapping[str, object], now: datetime) -> bytes:
    """``conversation`` is what ``core.codec.conversation_to_plain`` gave. The event itself is the inbox row's raw bytes."""
    return orjson.dumps({"now": now, "conversation": conversation})  # orjson writes a time as isoformat does
