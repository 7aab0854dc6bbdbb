"""``/v1/subscriptions``: backends that want to be told of what happens, and what could not be told to them."""

from __future__ import annotations

import base64
import json
import re
import secrets
import uuid
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from bot.errors import Refused
from bot.store.subscriptions import EVERYTHING, Change, DeadLetter, Kind, Subscription
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body, printable
from bot.web.api.operation import Answer, Asked, Moment, Operation, PageQuery, Told

NAME_MAX: Final = 100
URL_MAX: Final = 2048
REDRIVEN_MOST: Final = 1000
_SECRET_BYTES: Final = 32  # Standard Webhooks wants 24 to 64
_ID: Final = re.compile("[0-9]{1,18}")

EventKind = Literal["*", Kind]
Url = Annotated[str, Field(min_length=1, max_length=URL_MAX), AfterValidator(printable)]
Events = Annotated[list[EventKind], Field(min_length=1, max_length=20)]
SubscriptionName = Annotated[str, Field(max_length=NAME_MAX), AfterValidator(printable)]


class SubscriptionBody(Body):
    """``POST /v1/subscriptions``: where to, of what, and a name for people."""

    url: Url
    events: Events
    name: SubscriptionName = ""


class SubscriptionChange(Body):
    """``PATCH /v1/subscriptions/{id}``: what is left out stays. ``paused`` false goes on at once, with all that waited."""

    url: Url | None = None
    events: Events | None = None
    name: SubscriptionName | None = None
    paused: bool | None = None


class RedriveBody(Body):
    """Which dead letters are tried again; all of them without ``ids``."""

    ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=REDRIVEN_MOST)] | None = (
        None
    )


class SubscriptionTold(Told):
    """A subscription. ``failures``: how often in a row nothing was taken; until ``resume_at`` it is left alone."""

    id: str
    name: str
    url: str
    events: list[str]
    created_at: Moment
    paused: bool
    paused_why: str | None
    failures: int
    last_failure: str | None
    resume_at: Moment | None
    last_success_at: Moment | None
    queued: int
    dead: int


class SubscriptionMade(SubscriptionTold):
    """With the secret that signs, which is told this once."""

    secret: str


class SubscriptionList(Told):
    """All subscriptions, oldest first."""

    subscriptions: list[SubscriptionTold]


class PingTold(Told):
    """What came of a ``ping``: the status it was answered with, null without an answer, and why it was not taken."""

    taken: bool
    status: int | None
    detail: str | None


class DeadLetterTold(Told):
    """An event that was given up. ``id`` is its ``webhook-id``, ``event`` what was posted."""

    id: str
    created_at: Moment
    ended_at: Moment
    attempts: int
    reason: str
    event: dict[str, Any]


class DeadLetterList(Told):
    """A page, oldest first; ``next`` null: there are no more."""

    dead_letters: list[DeadLetterTold]
    next: str | None


class Redriven(Told):
    """How many are tried again."""

    redriven: int


def new_secret() -> str:
    """A fresh secret as Standard Webhooks writes it: ``whsec_`` and 256 random bits in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


# --- what is asked ------------------------------------------------------------------------------------------------------


async def post_subscription(asked: Asked) -> Answer:
    """201 with the secret; from then on it is told of what happens."""
    body: SubscriptionBody = asked.body
    _check_url(body.url, asked.backend)
    secret, backend = new_secret(), asked.backend
    made = await backend.store.subscriptions.create(body.url, _wanted(body.events), body.name, secret, backend.now())
    return Answer(
        SubscriptionMade(secret=secret, **told(made).model_dump()), 201, {"Location": f"/v1/subscriptions/{made.id}"}
    )


async def get_subscriptions(asked: Asked) -> Answer:
    """All of them."""
    listed = await asked.backend.store.subscriptions.listed()
    return Answer(SubscriptionList(subscriptions=[told(each) for each in listed]))


async def get_subscription(asked: Asked) -> Answer:
    """One of them."""
    return Answer(told(await _find(asked)))


async def patch_subscription(asked: Asked) -> Answer:
    """As it is now."""
    body: SubscriptionChange = asked.body
    if body.url is not None:
        _check_url(body.url, asked.backend)
    events = None if body.events is None else tuple(_wanted(body.events))
    change = Change(body.url, events, body.name, body.paused)
    if body.paused:
        change = replace(change, paused_why=f'It was paused with the key "{asked.key.name}".')
    changed = _there(await asked.backend.store.subscriptions.change(_id(asked), change))
    asked.backend.deliverer.wake()
    return Answer(told(changed))


async def delete_subscription(asked: Asked) -> Answer:
    """204 once it is told nothing more."""
    if not await asked.backend.store.subscriptions.delete(_id(asked), asked.backend.now()):
        raise _unknown()
    return Answer(None, 204)


async def rotate_secret(asked: Asked) -> Answer:
    """The new secret; the one before signs too, for a day."""
    secret = new_secret()
    rotated = _there(await asked.backend.store.subscriptions.rotate(_id(asked), secret, asked.backend.now()))
    return Answer(SubscriptionMade(secret=secret, **told(rotated).model_dump()))


async def ping_subscription(asked: Asked) -> Answer:
    """What came of a ``ping``, which is posted once, right now, even while it is paused."""
    now = asked.backend.now()
    target = await asked.backend.store.subscriptions.target(_id(asked), now)
    if target is None:
        raise _unknown()
    pinged = await asked.backend.deliverer.ping(target, uuid.uuid4().hex)
    return Answer(PingTold(taken=pinged.taken, status=pinged.status or None, detail=pinged.why or None))


async def get_dead_letters(asked: Asked) -> Answer:
    """A page of what was given up."""
    query: PageQuery = asked.query
    found = await _find(asked)
    after = 0 if query.cursor is None else int(query.cursor)
    page = await asked.backend.store.subscriptions.dead_letters(found.id, query.limit, after)
    letters = [_letter(each) for each in page.letters]
    return Answer(DeadLetterList(dead_letters=letters, next=None if page.cursor is None else str(page.cursor)))


async def redrive(asked: Asked) -> Answer:
    """202 once they are queued again."""
    found, body = await _find(asked), asked.body
    count = await asked.backend.store.subscriptions.redrive(found.id, body.ids, asked.backend.now())
    asked.backend.deliverer.wake()
    return Answer(Redriven(redriven=count), 202)


def told(subscription: Subscription) -> SubscriptionTold:
    """A subscription in the API's words."""
    return SubscriptionTold(
        id=str(subscription.id),
        name=subscription.name,
        url=subscription.url,
        events=list(subscription.events),
        created_at=subscription.created_at,
        paused=subscription.paused,
        paused_why=subscription.paused_why or None,
        failures=subscription.failures,
        last_failure=subscription.last_failure or None,
        resume_at=subscription.resume_at,
        last_success_at=subscription.last_success_at,
        queued=subscription.queued,
        dead=subscription.dead,
    )


def _letter(letter: DeadLetter) -> DeadLetterTold:
    return DeadLetterTold(
        id=letter.id,
        created_at=letter.created_at,
        ended_at=letter.ended_at,
        attempts=letter.attempts,
        reason=letter.reason,
        event=json.loads(letter.body),
    )


def _wanted(events: list[EventKind]) -> list[str]:
    return [EVERYTHING] if EVERYTHING in events else list(events)


def _check_url(url: str, backend: Backend) -> None:
    refused = backend.deliverer.refusal_of(url)
    if refused:
        cure = (
            "Give an https:// address of a host with a public address, or name the host in the setting allowed_hosts."
        )
        raise Refused(refused, "bad-url", cure, 422)


def _id(asked: Asked) -> int:
    """The number in the path. Raises ``Refused`` (404) for what is none."""
    part = asked.part("id")
    if _ID.fullmatch(part) is None:
        raise _unknown()
    return int(part)


async def _find(asked: Asked) -> Subscription:
    return _there(await asked.backend.store.subscriptions.get(_id(asked)))


def _there(subscription: Subscription | None) -> Subscription:
    if subscription is None:
        raise _unknown()
    return subscription


def _unknown() -> Refused:
    return Refused(
        "There is no subscription of this id.", "not-found", "GET /v1/subscriptions tells which there are.", 404
    )


_TAG: Final = "Subscriptions"
OPERATIONS = (
    Operation(
        "POST",
        "/subscriptions",
        "createSubscription",
        _TAG,
        "Be told of what happens, by signed requests to an address of yours.",
        "admin",
        post_subscription,
        {201: SubscriptionMade},
        body=SubscriptionBody,
        refusals=("bad-url", "too-many-subscriptions"),
        example={
            "url": "https://shop.example.com/parley",
            "events": ["message.received", "message.status"],
            "name": "shop",
        },
        location=True,
    ),
    Operation(
        "GET",
        "/subscriptions",
        "listSubscriptions",
        _TAG,
        "All subscriptions.",
        "admin",
        get_subscriptions,
        {200: SubscriptionList},
    ),
    Operation(
        "GET",
        "/subscriptions/{id}",
        "getSubscription",
        _TAG,
        "One subscription, and how well it takes what it is told.",
        "admin",
        get_subscription,
        {200: SubscriptionTold},
        refusals=("not-found",),
    ),
    Operation(
        "PATCH",
        "/subscriptions/{id}",
        "changeSubscription",
        _TAG,
        "Change where, of what, the name; pause it, or let it go on.",
        "admin",
        patch_subscription,
        {200: SubscriptionTold},
        body=SubscriptionChange,
        refusals=("not-found", "bad-url"),
    ),
    Operation(
        "DELETE",
        "/subscriptions/{id}",
        "deleteSubscription",
        _TAG,
        "End it, with all that it was still to be told.",
        "admin",
        delete_subscription,
        {204: None},
        refusals=("not-found",),
    ),
    Operation(
        "POST",
        "/subscriptions/{id}/rotate",
        "rotateSecret",
        _TAG,
        "Make a new secret; the one before signs too for 24 hours.",
        "admin",
        rotate_secret,
        {200: SubscriptionMade},
        refusals=("not-found",),
    ),
    Operation(
        "POST",
        "/subscriptions/{id}/test",
        "testSubscription",
        _TAG,
        "Post a ping now, and tell what came of it.",
        "admin",
        ping_subscription,
        {200: PingTold},
        refusals=("not-found",),
    ),
    Operation(
        "GET",
        "/subscriptions/{id}/dead-letters",
        "listDeadLetters",
        _TAG,
        "Events that were not taken for three days.",
        "admin",
        get_dead_letters,
        {200: DeadLetterList},
        query=PageQuery,
        refusals=("not-found",),
    ),
    Operation(
        "POST",
        "/subscriptions/{id}/redrive",
        "redriveDeadLetters",
        _TAG,
        "Try dead letters again.",
        "admin",
        redrive,
        {202: Redriven},
        body=RedriveBody,
        refusals=("not-found",),
    ),
)
