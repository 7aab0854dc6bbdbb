"""``POST /v1/events``: a backend tells that something happened to somebody, and a rule may answer.

Each recipient is an event of its own on the one road: recorded, committed, then 202.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.core.event import BusinessEvent, ContactKey
from bot.core.rule import Happened
from bot.core.rulebook import Rulebook
from bot.errors import Refused
from bot.store.units import InboxKind, Incoming
from bot.web.api.address import address_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import EventBody
from bot.web.api.operation import Answer, Asked, Operation, Told
from bot.web.api.problem import Invalid
from bot.work.events import raw_of


class EventRecipient(Told):
    """What became of an event for one of its recipients."""

    to: str
    status: Literal["recorded", "seen_before"]


class EventRecorded(Told):
    """An event that is recorded, under the caller's id or a fresh one."""

    id: str
    recipients: list[EventRecipient]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an event for one recipient; not ``new``: its id was seen before, and nothing more happens."""

    to: str
    new: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """The event's id (the caller's, or a fresh one) and its recipients, in the order given."""

    id: str
    recipients: tuple[Recorded, ...]

    def told(self) -> EventRecorded:
        """The answer of 202."""
        return EventRecorded(
            id=self.id,
            recipients=[
                EventRecipient(to=each.to, status="recorded" if each.new else "seen_before") for each in self.recipients
            ],
        )


async def record_event(body: EventBody, backend: Backend) -> Recording:
    """Commit the event for everybody it is for, or for nobody. Raises ``Refused`` (422) naming what is unknown or missing."""
    _check_name(body, backend.rulebook())
    contacts = await _contacts(body, backend)
    event_id, now = body.id or uuid.uuid4().hex, backend.now()
    events = [_event(body, event_id, contact, now) for contact in contacts]
    incoming = [Incoming(event, InboxKind.API, raw_of(event)) for event in events]
    new = await backend.store.record(incoming, now)
    backend.wake_inbox()
    return Recording(event_id, tuple(map(Recorded, body.recipients, new)))


def needs_of(rulebook: Rulebook) -> dict[str, tuple[str, ...]]:
    """The events that rules wait for, each with all values that any of them needs."""
    needs: dict[str, dict[str, None]] = {}
    for rule in rulebook.rules:
        for trigger in rule.triggers:
            if isinstance(trigger, Happened):
                needs.setdefault(trigger.event, {}).update(dict.fromkeys(trigger.needs))
    return {name: tuple(values) for name, values in needs.items()}


def _check_name(body: EventBody, rulebook: Rulebook) -> None:
    known = needs_of(rulebook)
    if body.name not in known:
        raise Refused(
            f'No rule waits for an event "{body.name}".',
            "unknown-event",
            f"Rules wait for: {', '.join(sorted(known)) or 'none yet'}.",
            422,
        )
    missing = [name for name in known[body.name] if not body.data.get(name, "").strip()]
    if missing:
        raise Refused(
            f"The event {body.name} lacks {', '.join(missing)}.",
            "missing-values",
            f"Its data needs {', '.join(known[body.name])}.",
            422,
        )


async def _contacts(body: EventBody, backend: Backend) -> Sequence[ContactKey]:
    contacts: list[ContactKey] = []
    faults: list[tuple[str, str]] = []
    for at, to in enumerate(body.recipients):
        try:
            contacts.append((await address_of(to, backend.app_id, backend.store))[0])
        except Refused as refused:
            faults.append(("to" if isinstance(body.to, str) else f"to[{at}]", f"{refused} {refused.cure}".strip()))
    if faults:
        raise Invalid(faults)
    return contacts


def _event(body: EventBody, event_id: str, contact: ContactKey, now: datetime) -> BusinessEvent:
    dedup = f"event:{body.name}:{event_id}:{contact.channel}:{contact.identity}"
    return BusinessEvent(dedup, contact, body.name, dict(body.data), now, now)


async def post_event(asked: Asked) -> Answer:
    """202 once the event is recorded for every recipient."""
    return Answer((await record_event(asked.body, asked.backend)).told(), 202)


OPERATIONS = (
    Operation(
        "POST",
        "/events",
        "sendEvent",
        "Events",
        "Tell that something happened to one person or several; rules decide what is sent.",
        "send",
        post_event,
        {202: EventRecorded},
        body=EventBody,
        refusals=("unknown-event", "missing-values"),
    ),
)
