"""Events as they are kept, read back: whoever made the bytes of an inbox row can also read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.core.event import Event
from bot.core.own_events import is_own, own_event_from_raw
from bot.sinch.wire.events import parse_event
from bot.store.units import InboxKind
from bot.work.events import business_event_from_raw


def reader(app_id: str) -> Callable[[InboxKind, bytes, datetime], Event]:
    """Turns an inbox row's bytes back into the event they were. What cannot be read raises."""

    def read(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
        match kind:
            case InboxKind.API:
                return business_event_from_raw(raw, received_at)
            case InboxKind.TIMER | InboxKind.CALL_RESULT | InboxKind.OPERATOR:
                return own_event_from_raw(raw, received_at)
            case InboxKind.RECEIPT if is_own(raw):
                return own_event_from_raw(raw, received_at)
            case _:
                return parse_event(raw, received_at, app_id)

    return read
