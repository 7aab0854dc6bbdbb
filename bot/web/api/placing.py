"""From the body of a message to its row in the outbox, or to the refusal.

What can be told at once is told at once: who opted out, a closed window, an unknown template. The gate before each attempt asks the
same again, as a person may say STOP a moment later.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, TypeVar

import orjson
from aiohttp import web

from bot.core.conversation import Conversation, Person, Window
from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.language import language_of
from bot.core.reply import OmniTemplateReply, Reply, TemplateReply, is_template
from bot.core.scene import Scene
from bot.errors import Refused
from bot.store.units import Ask, Order, Origin, OtherBody, Placed, Standing
from bot.web.api.address import check_number, contact_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import ClosedBody, MessageBody
from bot.web.api.problem import Invalid
from bot.web.api.replies import reply_of
from bot.web.api.templates import template_of
from bot.web.api.times import send_time, told

IDEMPOTENCY_KEY_MAX = 255

T = TypeVar("T")


def idempotency_of(request: web.Request, key_id: int, content: object) -> tuple[int, str, str] | None:
    """What makes a repeated request the same one: API key, ``Idempotency-Key``, digest of the body's content (not of its spaces)."""
    all_given = request.headers.getall("Idempotency-Key", ())
    if not all_given:
        return None
    given = all_given[0]
    if len(all_given) > 1:
        cure = "Send the header once, with one key for each message."
        raise Refused("There is more than one Idempotency-Key.", "bad-idempotency-key", cure, 422)
    if not 1 <= len(given) <= IDEMPOTENCY_KEY_MAX or not given.isprintable():
        raise Refused(
            f"The Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} printable characters.",
            "bad-idempotency-key",
            "Use a UUID, or your own number of the order.",
            422,
        )
    try:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise Invalid([("reply", "This is nested too deep.")]) from None
    return key_id, given, hashlib.sha256(canonical).hexdigest()


async def place(
    body: MessageBody, backend: Backend, author: str = "", idempotency: tuple[int, str, str] | None = None
) -> Placed:
    """Commit the message to the outbox. Raises ``Refused`` (409 or 422) where it may not leave, with the reason and the cure, and
    ``Overloaded`` where too many wait to leave."""
    now = backend.now()
    check_shape(body)
    contact = contact_of(body.to, backend.app_id)
    make = partial(_order, body, contact, backend, author, now)
    backend.check_message()
    [placed] = await backend.store.place([Ask(contact, make, idempotency)], now)
    if isinstance(placed, Refused):
        raise placed
    backend.wake_outbox()
    return same_request(placed)


def same_request(made: T | OtherBody, what: str = "message") -> T:
    """What was made. Raises ``Refused`` where the key was used for something else."""
    if isinstance(made, OtherBody):
        raise Refused(
            "This Idempotency-Key was used before with another body.",
            "idempotency-key-reused",
            f"Use a new key for a new {what}, and the same body when you repeat one.",
            422,
        )
    return made


def _order(
    body: MessageBody, contact: ContactKey, backend: Backend, author: str, now: datetime, standing: Standing
) -> Order | Refused:
    """The order, as the person stands; within the transaction that places it."""
    try:
        return order_of(body, contact, backend, author, now, standing)
    except Refused as refused:
        return refused


def order_of(
    body: MessageBody, contact: ContactKey, backend: Backend, author: str, now: datetime, standing: Standing
) -> Order:
    """What is placed for ``body``. Raises ``Refused`` where it may not leave."""
    if not standing.known:
        check_number(body.to)
    send_at = send_time(body.send_at, now)
    check_times(send_at, body.not_after, now)
    scene = scene_of(contact, standing, backend, now)
    reply = _reply(body, scene)
    if_closed = _if_closed(body, scene)
    category = _category(body, reply, if_closed)
    _check_consent(standing, category, scene)
    if if_closed == "fail" and not is_template(reply):
        check_window(standing.window, backend.margin, send_at, now)
    return Order(
        contact=contact,
        reply=reply,
        if_closed=if_closed,
        origin=Origin.API,
        category=category,
        reference=body.reference,
        not_before=send_at,
        not_after=body.not_after,
        at_most_once=body.at_most_once,
        version=scene.rulebook.version,
        author=author,
    )


def check_shape(body: MessageBody) -> None:
    """Raises ``Invalid`` where the fields do not go together."""
    if (body.reply is None) == (body.template is None):
        raise Invalid([("reply", "Send either reply or template, and one of them only.")])
    if body.template is not None and body.if_closed != "refuse":
        raise Invalid([("if_closed", "A template may leave with the window closed; leave if_closed out.")])


def check_times(send_at: datetime | None, not_after: datetime | None, now: datetime) -> None:
    """Raises ``Invalid`` where the message could never leave."""
    if not_after is None:
        return
    if not_after <= now:
        raise Invalid([("not_after", "not_after is in the past; the message could never leave.")])
    if send_at is not None and not_after <= send_at:
        raise Invalid([("not_after", "not_after is not after send_at; the message could never leave.")])


def scene_of(contact: ContactKey, standing: Standing, backend: Backend, now: datetime) -> Scene:
    """What placeholders of a message to this person see."""
    rulebook = backend.rulebook()
    person = Person(standing.person_id, standing.language, fields=standing.fields)
    conversation = Conversation(contact, person, standing.window, standing.consent)
    return Scene(
        rulebook=rulebook,
        conversation=conversation,
        now=now,
        language=language_of(conversation, rulebook.settings),
        window_open=standing.window.is_open(now, backend.margin),
        fields=standing.fields,
    )


def _reply(body: MessageBody, scene: Scene) -> Reply:
    return template_of(body.template, scene) if body.template is not None else reply_of(body.reply or {}, scene)


def _if_closed(body: MessageBody, scene: Scene) -> Reply | Literal["wait", "fail"]:
    if isinstance(body.if_closed, ClosedBody):
        return template_of(body.if_closed.template, scene)
    return "wait" if body.if_closed == "wait" else "fail"


def _category(body: MessageBody, reply: Reply, if_closed: Reply | Literal["wait", "fail"]) -> str:
    """As asked for, but never milder than what WhatsApp approved the template as."""
    approved = [each for each in (reply, if_closed) if isinstance(each, TemplateReply | OmniTemplateReply)]
    if body.category is None:
        return "marketing" if any(each.category == "marketing" for each in approved) else _first(approved)
    for template in approved:
        if template.category == "marketing" != body.category:
            raise Refused(
                f'The template is a marketing template, so the message cannot be "{body.category}".',
                "wrong-category",
                'Leave category out, or write "marketing".',
                422,
            )
    return body.category


def _first(approved: list[TemplateReply | OmniTemplateReply]) -> str:
    return approved[0].category if approved else "utility"


def _check_consent(standing: Standing, category: str, scene: Scene) -> None:
    consent, words = standing.consent, scene.rulebook.consent
    if consent.stopped:
        raise Refused(
            "The person said STOP.",
            "opted-out",
            "Only the person can change that: by writing START, or by agreeing anew, told with proof by PUT /v1/contacts/…/consent.",
        )
    policy = Policy(marketing=words.marketing)
    never_agreed = policy.marketing == "opted_in" and consent.marketing != "opted_in"
    if category == "marketing" and (consent.marketing == "stopped" or never_agreed):
        raise Refused(
            "The person did not agree to marketing.",
            "no-marketing-consent",
            "Ask for it first and tell of it by PUT /v1/contacts/…/consent, or send what is not marketing under its own category.",
        )


def check_window(window: Window, margin: timedelta, send_at: datetime | None, now: datetime) -> None:
    """Raises ``Refused`` (409) where a free-form message that names nothing instead would find the window closed when it is to leave."""
    at = now if send_at is None else max(send_at, now)
    if not window.is_open(at, margin):
        raise Refused(
            _closed(window, at, now),
            "window-closed",
            'Send a template, or add "if_closed": {"template": {"name": …, "values": {…}}} or "if_closed": "wait".',
        )


def _closed(window: Window, at: datetime, now: datetime) -> str:
    closes_at = window.closes_at
    if closes_at is None:
        return "The person never wrote to us, so WhatsApp takes approved templates only."
    if at > now and closes_at > now:
        return f"The 24-hour window closes at {told(closes_at)}, before send_at; then WhatsApp takes approved templates only."
    since = f"since {told(closes_at)}" if closes_at <= now else "now"
    return f"The 24-hour window is closed {since}; WhatsApp takes approved templates only."
