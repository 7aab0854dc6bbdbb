"""``POST /v1/messages`` and ``GET /v1/messages/{id}``.

What can be told at once is told at once: who opted out, a closed window, an unknown template. The gate before each attempt asks the
same again, as a person may say STOP a moment later.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import orjson
from aiohttp import web

from bot.core.codec import reply_to_plain
from bot.core.conversation import Conversation, Person
from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.language import language_of
from bot.core.reply import OmniTemplateReply, Reply, TemplateReply
from bot.core.scene import Scene
from bot.errors import Refused
from bot.store.units import AttemptView, MessageView, Order, Origin, OtherBody, Placed, ReceiptView, Standing
from bot.web.api.address import address_of
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


async def place(body: MessageBody, backend: Backend, idempotency: tuple[int, str, str] | None = None) -> Placed:
    """Commit the message to the outbox. Raises ``Refused`` (409 or 422) where it may not leave, with the reason and the cure."""
    if idempotency is not None and (known := await backend.store.placed(idempotency)) is not None:
        return _same(known)
    order = await _order(body, backend, idempotency)
    [placed] = await backend.store.place([order], backend.now())
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


async def _order(body: MessageBody, backend: Backend, idempotency: tuple[int, str, str] | None) -> Order:
    now = backend.now()
    _check_shape(body, now)
    contact, standing = await address_of(body.to, backend.app_id, backend.store)
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
        idempotency=idempotency,
    )


def _check_shape(body: MessageBody, now: datetime) -> None:
    if (body.reply is None) == (body.template is None):
        raise Invalid([("reply", "Send either reply or template, and one of them only.")])
    if body.template is not None and body.if_closed != "refuse":
        raise Invalid([("if_closed", "A template may leave with the window closed; leave if_closed out.")])
    if body.not_after is not None and body.not_after <= now:
        raise Invalid([("not_after", "not_after is in the past; the message could never leave.")])


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


def placed_plain(placed: Placed) -> dict[str, object]:
    """The answer of 202; the same for every repetition."""
    return {"id": placed.outbox_id, "status": "queued", "created_at": placed.created_at.isoformat()}


async def view(outbox_id: str, backend: Backend) -> dict[str, object]:
    """The message as the API tells it. Raises ``Refused`` (404) where it is absent or another app's, which look the same."""
    message = await backend.store.message(outbox_id)
    if message is None or message.contact.app != backend.app_id:
        raise Refused("There is no message of this id.", "not-found", "Use an id that POST /v1/messages answered.", 404)
    return _message_plain(message)


def _message_plain(message: MessageView) -> dict[str, object]:
    return {
        "id": message.outbox_id,
        "to": _to(message.contact.identity),
        "status": message.status,
        "reason": message.reason or None,
        "reference": message.reference or None,
        "reply": reply_to_plain(message.reply),
        "created_at": message.created_at.isoformat(),
        "attempts": [_attempt_plain(attempt) for attempt in message.attempts],
        "receipts": [_receipt_plain(receipt) for receipt in message.receipts],
    }


def _to(identity: str) -> str:
    return f"+{identity}" if identity.isdecimal() else identity


def _attempt_plain(attempt: AttemptView) -> dict[str, object]:
    return {
        "number": attempt.number,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at.isoformat() if attempt.ended_at else None,
        "outcome": attempt.outcome or None,
        "http_status": attempt.status or None,
        "detail": attempt.sentence or None,
        "sinch_message_id": attempt.message_id or None,
    }


def _receipt_plain(receipt: ReceiptView) -> dict[str, object]:
    reason = receipt.reason
    return {
        "status": receipt.status,
        "at": receipt.at.isoformat(),
        "reason": None
        if reason is None
        else {
            "code": reason.code,
            "description": reason.description,
            "sub_code": reason.sub_code,
            "channel_code": reason.channel_code,
        },
    }
