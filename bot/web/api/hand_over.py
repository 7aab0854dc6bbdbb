"""Colleagues and the systems they work in: who has a conversation, what a colleague writes, who waits for one.

Each act is an event on the one road: recorded, committed, then 202. A colleague's message and its event are one commit.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from bot.core.event import Act, ColleagueActed, ContactKey
from bot.core.own_events import raw_of
from bot.core.rulebook import Rulebook
from bot.errors import Refused
from bot.rulebook.shape.value import seconds_of
from bot.store.colleagues import Waiting, WaitingCursor, Writing
from bot.store.units import InboxKind, Incoming, Order, Origin, Placed, Standing
from bot.web.api.address import address_of, check_number, contact_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import REFERENCE_MAX, Body, MessageBody, Name, TemplateBody
from bot.web.api.messages import MessagePlaced, to_of
from bot.web.api.operation import PAGE, PAGE_MAX, Answer, Asked, Moment, Operation, Query, Told
from bot.web.api.placing import check_shape, idempotency_of, order_of, same_request
from bot.web.api.problem import Invalid

LONGEST: Final = timedelta(days=365)
NOTE_MAX: Final = 1000
_DURATION: Final = re.compile(r"([0-9]{1,6}) ?([a-z]{1,7})")
_CURSOR: Final = re.compile(r"([0-9]{1,17})-([0-9]{1,17})")
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _duration(text: str) -> str:
    """As in the rules: ``20 minutes``, ``12 hours``, ``2 days``."""
    if not timedelta() < stretch_of(text) <= LONGEST:
        raise ValueError('must be a duration of at most 365 days, such as "20 minutes", "12 hours" or "2 days"')
    return text


def stretch_of(text: str) -> timedelta:
    """How long ``text`` says; nothing for what is no duration."""
    found = _DURATION.fullmatch(text)
    return timedelta(seconds=int(found[1]) * seconds_of(found[2])) if found else timedelta()


_EXAMPLE: Final[dict[str, Any]] = {
    "pattern": "^[1-9][0-9]{0,2} (minutes|hours|days)$",
    "examples": ["20 minutes", "12 hours"],
}
Duration = Annotated[str, AfterValidator(_duration), Field(json_schema_extra=_EXAMPLE)]
Note = Annotated[str, Field(max_length=NOTE_MAX)]


# --- what is asked and told ---------------------------------------------------------------------------------------------


class HandOverBody(Body):
    """``POST /v1/contacts/{identity}/hand-over``: a team has the conversation from now on."""

    team: Name
    give_back_after: Duration | None = None
    note: Note = ""
    who: Name | None = None


class GiveBackBody(Body):
    """``POST /v1/contacts/{identity}/give-back`` and ``/close``."""

    note: Note = ""
    who: Name | None = None


class ColleagueMessageBody(Body):
    """``POST /v1/contacts/{identity}/messages``: a colleague writes, either ``reply`` (the keys of a rule's reply) or ``template``."""

    who: Name
    reply: Annotated[dict[str, Any], Field(min_length=1, max_length=20)] | None = None
    template: TemplateBody | None = None
    take_over: bool = False
    team: Name | None = None
    give_back_after: Duration | None = None
    reference: Annotated[str, Field(max_length=REFERENCE_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class Conversation(Told):
    """Who has the conversation from now on; ``team`` null: the bot. It is recorded, and counts before anything written later."""

    to: str
    team: str | None


class WaitingQuery(Query):
    """Who is listed. ``cursor`` is the ``next`` of the page before."""

    waiting: Literal["true"]
    team: str | None = Field(default=None, min_length=1, max_length=128)
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,17}-[0-9]{1,17}$")


class WaitingContact(Told):
    """Somebody who waits for a colleague. ``team`` null: the bot had no answer, and nobody took it over.

    ``gives_back_at``: when the bot answers again if nobody writes until then. ``window_closes_at``: until when free words can reach them.
    """

    to: str
    since: Moment
    team: str | None
    gives_back_at: Moment | None
    window_closes_at: Moment | None
    opted_out: bool
    language: str | None


class WaitingContacts(Told):
    """A page of those who wait, longest first; ``next`` null: there are no more."""

    contacts: list[WaitingContact]
    next: str | None


# --- taking over and giving back ----------------------------------------------------------------------------------------


async def hand_over(asked: Asked) -> Answer:
    """202 once it is recorded that the team has the conversation."""
    body: HandOverBody = asked.body
    check_team(body.team, asked.backend.rulebook())
    contact, _ = await address_of(asked.part("identity"), asked.backend.app_id, asked.backend.store)
    after = None if body.give_back_after is None else stretch_of(body.give_back_after)
    await _record(asked, contact, "took_over", body.team, after)
    return Answer(Conversation(to=to_of(contact.identity), team=body.team), 202)


async def give_back(asked: Asked) -> Answer:
    """202 once it is recorded that the bot has the conversation."""
    return await _give_back(asked, "gave_back")


async def close(asked: Asked) -> Answer:
    """202 once it is recorded that nobody need look any more."""
    return await _give_back(asked, "closed")


async def _give_back(asked: Asked, what: Act) -> Answer:
    backend = asked.backend
    contact = contact_of(asked.part("identity"), backend.app_id)
    if not (await backend.store.standing(contact)).known:
        raise Refused("Nobody of this identity is known.", "not-found", "Check the number.", 404)
    await _record(asked, contact, what)
    return Answer(Conversation(to=to_of(contact.identity), team=None), 202)


async def _record(
    asked: Asked, contact: ContactKey, what: Act, team: str = "", give_back_after: timedelta | None = None
) -> None:
    backend, body = asked.backend, asked.body
    await record_act(backend, contact, what, body.who or asked.key.name, team, give_back_after, body.note)


async def record_act(
    backend: Backend,
    contact: ContactKey,
    what: Act,
    who: str,
    team: str = "",
    give_back_after: timedelta | None = None,
    note: str = "",
) -> None:
    """Record what a colleague did; it is decided with the next events of the person."""
    now, dedup = backend.now(), f"{what}:{uuid.uuid4().hex}"
    event = ColleagueActed(dedup, contact, what, team, who, give_back_after, now, now, note)
    await backend.store.record([Incoming(event, InboxKind.OPERATOR, raw_of(event))], now)
    backend.wake_inbox()


def check_team(team: str, rulebook: Rulebook) -> None:
    if team not in rulebook.teams:
        known = ", ".join(rulebook.teams)
        cure = f"The teams are: {known}." if known else "The rules declare none yet: write teams: [support] there."
        raise Refused(f'The rules know no team "{team}".', "unknown-team", cure, 422)


# --- what a colleague writes --------------------------------------------------------------------------------------------


async def post_message(asked: Asked) -> Answer:
    """202 once the message and its event are committed; the same answer for the same ``Idempotency-Key`` and body."""
    identity, backend = asked.part("identity"), asked.backend
    # The same key and body to somebody else is another message.
    content = {"colleague_to": contact_of(identity, backend.app_id).identity, "body": asked.content}
    idempotency = idempotency_of(asked.request, asked.key.id, content)
    placed = await write(asked.body, identity, backend, idempotency)
    headers = {"Location": f"/v1/messages/{placed.outbox_id}"}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Answer(MessagePlaced(id=placed.outbox_id, created_at=placed.created_at), 202, headers)


async def write(
    body: ColleagueMessageBody, identity: str, backend: Backend, idempotency: tuple[int, str, str] | None
) -> Placed:
    """Commit a colleague's message and its event. Raises ``Refused`` where it may not leave; a known key gives the old answer."""
    _check_take_over(body, backend.rulebook())
    writing = _writing(body, identity, backend, idempotency)
    placed = await backend.store.colleagues.write(writing, writing.event.at)
    if isinstance(placed, Refused):
        raise placed
    placed = same_request(placed)
    backend.wake_inbox()
    backend.wake_outbox()
    return placed


def _check_take_over(body: ColleagueMessageBody, rulebook: Rulebook) -> None:
    if not body.take_over:
        lost = [name for name in ("team", "give_back_after") if getattr(body, name) is not None]
        if lost:
            raise Invalid([(name, f'{name}: it belongs to "take_over": true.') for name in lost])
    elif body.team is not None:
        check_team(body.team, rulebook)


def _writing(
    body: ColleagueMessageBody, identity: str, backend: Backend, idempotency: tuple[int, str, str] | None
) -> Writing:
    now = backend.now()
    message = MessageBody.model_construct(
        to=identity, reply=body.reply, template=body.template, reference=body.reference
    )
    check_shape(message)
    contact = contact_of(identity, backend.app_id)
    after = None if body.give_back_after is None else stretch_of(body.give_back_after)
    event = ColleagueActed("", contact, "wrote", body.team or "", body.who, after, now, now)

    def make(standing: Standing, team: str) -> Order | Refused:
        try:
            _check_may_write(body, identity, standing, team)
            order = order_of(message, contact, backend, body.who, now, standing)
        except Refused as refused:
            return _cured(refused)
        return replace(order, origin=Origin.PERSON)

    return Writing(event, make, idempotency)


def _check_may_write(body: ColleagueMessageBody, identity: str, standing: Standing, team: str) -> None:
    if not standing.known:
        check_number(identity)
    if standing.consent.stopped:
        raise Refused(
            "The person said STOP, so colleagues cannot write either.",
            "opted-out",
            "Only the person can change that, by writing START.",
        )
    if not team and not body.take_over:
        raise Refused(
            "The bot has this conversation, and no team.",
            "not-handed-over",
            'Hand it over first, or send "take_over": true and a team with the message.',
        )
    if not team and body.team is None:
        raise Invalid([("team", "team: say which team takes over.")])


def _cured(refused: Refused) -> Refused:
    """A colleague's message never waits, so the cures that a backend has do not fit."""
    if refused.code != "window-closed":
        return refused
    return Refused(str(refused), refused.code, "Send a template; once the person writes, free words can leave again.")


# --- who waits ----------------------------------------------------------------------------------------------------------


async def get_waiting(asked: Asked) -> Answer:
    """A page of those who wait for a colleague."""
    query: WaitingQuery = asked.query
    found = await asked.backend.store.colleagues.waiting(query.limit + 1, _cursor(query.cursor), query.team or "")
    page = found[: query.limit]
    is_last = len(found) <= query.limit
    return Answer(WaitingContacts(contacts=[_told(each) for each in page], next=None if is_last else _next(page[-1])))


def _cursor(text: str | None) -> WaitingCursor | None:
    found = _CURSOR.fullmatch(text or "")
    if found is None:
        return None
    try:
        return WaitingCursor(_EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))
    except OverflowError:
        raise Invalid([("cursor", "cursor: use the next of the page before.")]) from None


def _next(last: Waiting) -> str:
    return f"{(last.since - _EPOCH) // timedelta(microseconds=1)}-{last.person}"


def _told(waiting: Waiting) -> WaitingContact:
    return WaitingContact(
        to=to_of(waiting.contact.identity),
        since=waiting.since,
        team=waiting.team or None,
        gives_back_at=waiting.in_charge_until,
        window_closes_at=waiting.closes_at,
        opted_out=waiting.stopped,
        language=waiting.language or None,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/contacts",
        "listWaiting",
        "Handing over",
        "Who waits for a colleague, longest first.",
        "read",
        get_waiting,
        {200: WaitingContacts},
        query=WaitingQuery,
    ),
    Operation(
        "POST",
        "/contacts/{identity}/hand-over",
        "handOver",
        "Handing over",
        "Give a conversation to a team; the bot keeps quiet.",
        "send",
        hand_over,
        {202: Conversation},
        body=HandOverBody,
        refusals=("unknown-team", "bad-recipient"),
    ),
    Operation(
        "POST",
        "/contacts/{identity}/give-back",
        "giveBack",
        "Handing over",
        "Give a conversation back to the bot.",
        "send",
        give_back,
        {202: Conversation},
        body=GiveBackBody,
    ),
    Operation(
        "POST",
        "/contacts/{identity}/close",
        "closeConversation",
        "Handing over",
        "The matter is settled: nobody need look any more, and the bot has the conversation.",
        "send",
        close,
        {202: Conversation},
        body=GiveBackBody,
    ),
    Operation(
        "POST",
        "/contacts/{identity}/messages",
        "sendAsColleague",
        "Handing over",
        "Write as a colleague, in a conversation that a team has.",
        "send",
        post_message,
        {202: MessagePlaced},
        body=ColleagueMessageBody,
        refusals=(
            "not-handed-over",
            "unknown-team",
            "opted-out",
            "no-marketing-consent",
            "window-closed",
            "bad-recipient",
            "unknown-template",
            "unknown-language",
            "wrong-values",
        ),
        takes_idempotency_key=True,
        location=True,
    ),
)
