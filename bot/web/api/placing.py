"""From the body of a message to its row in the outbox, or to the refusal.

What can be told at once is told at once: who opted out, a closed window, an unknown template. The gate before each attempt asks the
same again, as a person may say STOP a moment later.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from typing import Literal

import orjson
from aiohttp import web

from bot.core.conversation import Conversation, Person
from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.language import language_of
from bot.core.reply import OmniTemplateReply, Reply, TemplateReply
from bot.core.scene import Scene
from bot.errors import Refused
from bot.store.units import Ask, Order, Origin, OtherBody, Placed, Standing
from bot.web.api.address import check_number, contact_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import ClosedBody, MessageBody
from bot.web.api.problem import Invalid
from bot.web.api.replies import reply_of
from bot.web.api.templates import template_of

IDEMPOTENCY_KEY_MAX = 255


def idempotency_of(request: web.Request, key_id: int, content: object) -> tuple[int, str, str] | None:
    """What makes a repeated request the same one: API key, ``Idempotency-Key``, digest of the body's content (not of its spaces)."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not 1 <= len(given) <= IDEMPOTENCY_KEY_MAX or not given.isprintable():
        raise Refused(
            f"The Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} printable characters.",
            "bad-idempotency-key",
            "Use a UUID, or your own number of the order.",
            422,
        )
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return key_id, given, digest


async def place(
    body: MessageBody, backend: Backend, author: str = "", idempotency: tuple[int, str, str] | None = None
) -> Placed:
    """Commit the message to the outbox. Raises ``Refused`` (409 or 422) where it may not leave, with the reason and the cure."""
    now = backend.now()
    _check_shape(body)
    contact = contact_of(body.to, backend.app_id)
    make = partial(_order, body, contact, backend, author, now)
    [placed] = await backend.store.place([Ask(contact, make, idempotency)], now)
    if isinstance(placed, Refused):
        raise placed
    backend.wake_outbox()
    return _same(placed)


def _same(placed: Placed | OtherBody) -> Placed:
    if isinstance(placed, OtherBody):
        raise Refused(
            "This Idempotency-Key was used before with another body.",
            "idempotency-key-reused",
            "Use a new key for a new message, and the same body when you repeat one.",
            422,
        )
    return placed


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
    if body.not_after is not None and body.not_after <= now:
        raise Invalid([("not_after", "not_after is in the past; the message could never leave.")])
    scene = _scene(contact, standing, backend, now)
    reply = _reply(body, scene)
    if_closed = _if_closed(body, scene)
    category = _category(body, reply, if_closed)
    _check_consent(standing, category, scene)
    _check_window(standing, reply, body, backend, now)
    return Order(
        contact=contact,
        reply=reply,
        if_closed=if_closed,
        origin=Origin.API,
        category=category,
        reference=body.reference,
        not_after=body.not_after,
        at_most_once=body.at_most_once,
        version=scene.rulebook.version,
        author=author,
    )


def _check_shape(body: MessageBody) -> None:
    if (body.reply is None) == (body.template is None):
        raise Invalid([("reply", "Send either reply or template, and one of them only.")])
    if body.template is not None and body.if_closed != "refuse":
        raise Invalid([("if_closed", "A template may leave with the window closed; leave if_closed out.")])


def _scene(contact: ContactKey, standing: Standing, backend: Backend, now: datetime) -> Scene:
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
        raise Refused("The person said STOP.", "opted-out", "Only the person can change that, by writing START.")
    policy = Policy(marketing=words.marketing)
    never_agreed = policy.marketing == "opted_in" and consent.marketing != "opted_in"
    if category == "marketing" and (consent.marketing == "stopped" or never_agreed):
        raise Refused(
            "The person did not agree to marketing.",
            "no-marketing-consent",
            "Ask for it first, or send what is not marketing under its own category.",
        )


def _check_window(standing: Standing, reply: Reply, body: MessageBody, backend: Backend, now: datetime) -> None:
    free_form = not isinstance(reply, TemplateReply | OmniTemplateReply)
    if free_form and body.if_closed == "refuse" and not standing.window.is_open(now, backend.margin):
        closed_at = standing.window.closes_at
        since = f"since {closed_at:%Y-%m-%d %H:%M} UTC" if closed_at and closed_at <= now else "now"
        never = "The person never wrote to us, so WhatsApp takes approved templates only."
        raise Refused(
            never
            if closed_at is None
            else f"The 24-hour window is closed {since}; WhatsApp takes approved templates only.",
            "window-closed",
            'Send a template, or add "if_closed": {"template": {"name": …, "values": {…}}} or "if_closed": "wait".',
        )
