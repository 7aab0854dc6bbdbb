"""How what Sinch posts becomes an event to record: the same for a webhook that comes now and for one that is driven again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from bot.core.conversation import Consent
from bot.core.event import DeliveryReceipt, Event, Unsupported
from bot.core.ledger import consent_change
from bot.core.rulebook import ConsentWords
from bot.store.units import InboxKind, Incoming

_NOBODY = Consent()

log = structlog.get_logger()


class Media(Protocol):
    """Who finds out what kind of file somebody sent; see ``bot.work.media``."""

    def waits_until(self, event: Event, now: datetime) -> datetime | None: ...

    def ask(self, event: Event, until: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Intake:
    """``parse`` reads a body that came at that moment, ``consent_words`` are those of the live rules. ``media`` None: nobody is asked, and
    a file of unknown kind is a mere file."""

    parse: Callable[[bytes, datetime], Event]
    consent_words: Callable[[], ConsentWords]
    media: Media | None

    def incoming(self, body: bytes, now: datetime) -> Incoming:
        """The event with what its words ask for, so that a STOP counts from the commit that records it."""
        event = self.parse(body, now)
        kind = InboxKind.RECEIPT if isinstance(event, DeliveryReceipt) else InboxKind.INBOUND
        asked = consent_change(event, None, self.consent_words(), _NOBODY)
        waits_until = None if self.media is None else self.media.waits_until(event, now)
        return Incoming(event, kind, body, asked, waits_until)

    def recorded(self, incoming: Incoming) -> None:
        """It is recorded, and was new: ask what is to be asked about it. Returns at once."""
        event = incoming.event
        if isinstance(event, Unsupported) and event.dead:
            log.warning("event_unreadable", dedup=event.dedup)
        if self.media is not None and incoming.ready_at is not None:
            self.media.ask(incoming.event, incoming.ready_at)
