"""``POST /v1/events``: a backend tells that something happened to somebody, and a rule may answer.

Each recipient is an event of its own on the one road: recorded, committed, then 202.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from bot.core.event import BusinessEvent, ContactKey
from bot.core.rule import Happened
from bot.core.rulebook import Rulebook
from bot.errors import Refused
from bot.store.units import InboxKind, Incoming, Standing
from bot.web.api.address import address_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import EventBody
from bot.web.api.operation import Answer, Asked, Operation, Told
from bot.web.api.placing import idempotency_of, same_request
from bot.web.api.problem import Invalid
from bot.work.events import raw_of


class EventRecipient(Told):
    """What became of an event for one of its recipients. ``remark``: why nothing will leave to them whatever the rules say, null where
    nothing is known against it."""

    to: str
    status: Literal["recorded", "seen_before"]
    remark: str | None


class EventRecorded(Told):
    """An event that is recorded, under the caller's id or a fresh one."""

    id: str
    recipients: list[EventRecipient]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an event for one recipient; not ``new``: its id was seen before, and nothing more happens. ``stopped``: they said
    STOP."""

    to: str
    new: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """The event's id (the caller's, or a fresh one) and its recipients, in the order given."""

    id: str
    recipients: tuple[Recorded, ...]

    @property
    def is_replayed(self) -> bool:
        """Whether nothing of it was new."""
        return not any(each.new for each in self.recipients)

    def told(self) -> EventRecorded:
        """The answer of 202."""
        return EventRecorded(
            id=self.id,
            recipients=[
                EventRecipient(
                    to=each.to,
                    status="recorded" if each.new else "seen_before",
                    remark=STOPPED if each.stopped else None,
                )
                for each in self.recipients
            ],
        )


STOPPED: Final = "The person said STOP, so nothing that rules send because of this event leaves."
Request = tuple[int, str, str]  # the API key's number, the caller's Idempotency-Key, SHA-256 of the body


async def record_event(body: EventBody, backend: Backend, request: Request | None = None) -> Recording:
    """Commit the event for everybody it is for, or for nobody. Raises ``Refused`` (422) naming what is unknown or missing.

    Without an id of its own, ``request`` makes a repetition the same event; another body under the same key is refused (422).
    """
    _check_name(body, backend.rulebook())
    backend.check_event()
    found = await _contacts(body, backend)
    contacts = [contact for contact, _ in found]
    if body.id is None and request is not None:
        event_id, new = request[1], await _record_once(body, contacts, request, backend)
    else:
        event_id = body.id or uuid.uuid4().hex
        new = await backend.store.record(
            _incoming(body, f"event:{body.name}:{event_id}", contacts, backend), backend.now()
        )
    backend.wake_inbox()
    stopped = [standing.consent.stopped for _, standing in found]
    return Recording(event_id, tuple(map(Recorded, body.recipients, new, stopped)))


async def _record_once(
    body: EventBody, contacts: Sequence[ContactKey], request: Request, backend: Backend
) -> Sequence[bool]:
    api_key, given, digest = request
    key = f"request:{api_key}:{sha256(given.encode()).hexdigest()}"
    incoming = _incoming(body, f"{key}:{digest}", contacts, backend)
    recorded = await backend.store.record_request(key, digest, incoming, backend.now())
    return same_request(recorded, "event")


def _incoming(body: EventBody, event: str, contacts: Sequence[ContactKey], backend: Backend) -> list[Incoming]:
    """For each contact; ``event`` is what all their keys begin with."""
    now = backend.now()
    events = [
        BusinessEvent(f"{event}:{each.channel}:{each.identity}", each, body.name, dict(body.data), now, now)
        for each in contacts
    ]
    return [Incoming(each, InboxKind.API, raw_of(each)) for each in events]


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


async def _contacts(body: EventBody, backend: Backend) -> Sequence[tuple[ContactKey, Standing]]:
    contacts: list[tuple[ContactKey, Standing]] = []
    faults: list[tuple[str, str]] = []
    for at, to in enumerate(body.recipients):
        try:
            contacts.append(await address_of(to, backend.app_id, backend.store))
        except Refused as refused:
            faults.append(("to" if isinstance(body.to, str) else f"to[{at}]", f"{refused} {refused.cure}".strip()))
    if faults:
        raise Invalid(faults)
    return contacts


async def post_event(asked: Asked) -> Answer:
    """202 once the event is recorded for every recipient; the same ``Idempotency-Key`` and body, or the same id, is the same event."""
    request = idempotency_of(asked.request, asked.key.id, asked.content)
    recording = await record_event(asked.body, asked.backend, request)
    is_repeated = request is not None and recording.is_replayed
    return Answer(recording.told(), 202, {"Idempotency-Replayed": "true"} if is_repeated else {})


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
        takes_idempotency_key=True,
    ),
)
