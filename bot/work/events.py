"""Business events of backends, between the API and the inbox: JSON bytes that say all there is, readable for as long as they are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import orjson

from bot.core.event import BusinessEvent, ContactKey

VERSION: Final = 1


def raw_of(event: BusinessEvent) -> bytes:
    """What the inbox keeps of ``event``; ``business_event_from_raw`` reads it back."""
    contact = event.contact
    return orjson.dumps(
        {
            "v": VERSION,
            "dedup": event.dedup,
            "app": contact.app,
            "channel": contact.channel,
            "identity": contact.identity,
            "name": event.name,
            "data": dict(event.data),
            "at": event.at.isoformat(),
        }
    )


def business_event_from_raw(raw: bytes, received_at: datetime) -> BusinessEvent:
    """The event that ``raw_of`` wrote, received at ``received_at``. Raises ``ValueError`` when the bytes are not one."""
    kept = orjson.loads(raw)
    if not isinstance(kept, dict) or kept.get("v") != VERSION:
        raise ValueError("These bytes are not a business event that this program wrote.")
    return BusinessEvent(
        dedup=kept["dedup"],
        contact=ContactKey(kept["app"], kept["channel"], kept["identity"]),
        name=kept["name"],
        data=kept["data"],
        at=datetime.fromisoformat(kept["at"]),
        received_at=received_at,
    )
