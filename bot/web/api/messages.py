"""``/v1/messages``: what a backend sends, and what became of it."""

from __future__ import annotations

from typing import Any, Literal

from bot.core.codec import reply_to_plain
from bot.errors import Refused
from bot.store.units import AttemptView, MessageView, ReceiptView
from bot.web.api.backend import Backend
from bot.web.api.bodies import MessageBody
from bot.web.api.operation import Answer, Asked, Moment, Operation, Told
from bot.web.api.placing import idempotency_of, place


class MessagePlaced(Told):
    """A message that is stored and will be sent; the same for every repetition of its key."""

    id: str
    status: Literal["queued"] = "queued"
    created_at: Moment


class Attempt(Told):
    """One try to hand the message to Sinch; ``outcome`` null while it runs."""

    number: int
    started_at: Moment
    ended_at: Moment | None
    outcome: Literal["sent", "retry", "failed", "unknown"] | None
    http_status: int | None
    detail: str | None
    sinch_message_id: str | None


class ReceiptReason(Told):
    """Why Sinch or WhatsApp failed it; ``channel_code`` is WhatsApp's number."""

    code: str
    description: str
    sub_code: str
    channel_code: str


class Receipt(Told):
    """A delivery receipt of Sinch's, as it came."""

    status: str
    at: Moment
    reason: ReceiptReason | None


Status = Literal["queued", "sent", "delivered", "read", "failed", "expired", "cancelled", "held"]


class Message(Told):
    """One message with its attempts and receipts."""

    id: str
    to: str
    status: Status
    reason: str | None
    reference: str | None
    reply: dict[str, Any]
    created_at: Moment
    attempts: list[Attempt]
    receipts: list[Receipt]


async def view(outbox_id: str, backend: Backend) -> Message:
    """The message as the API tells it. Raises ``Refused`` (404) where it is absent or another app's, which look the same."""
    message = await backend.store.message(outbox_id)
    if message is None or message.contact.app != backend.app_id:
        raise Refused("There is no message of this id.", "not-found", "Use an id that POST /v1/messages answered.", 404)
    return told(message)


def told(message: MessageView) -> Message:
    """A stored message in the API's words."""
    return Message(
        id=message.outbox_id,
        to=to_of(message.contact.identity),
        status=message.status,  # type: ignore[arg-type] # the view's word is one of them
        reason=message.reason or None,
        reference=message.reference or None,
        reply=dict(reply_to_plain(message.reply)),
        created_at=message.created_at,
        attempts=[_attempt(each) for each in message.attempts],
        receipts=[_receipt(each) for each in message.receipts],
    )


def to_of(identity: str) -> str:
    """An identity as people write it: a phone number with its ``+``."""
    return f"+{identity}" if identity.isdecimal() else identity


def _attempt(attempt: AttemptView) -> Attempt:
    return Attempt(
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome or None,  # type: ignore[arg-type] # a CHECK of the table
        http_status=attempt.status or None,
        detail=attempt.sentence or None,
        sinch_message_id=attempt.message_id or None,
    )


def _receipt(receipt: ReceiptView) -> Receipt:
    reason = receipt.reason
    return Receipt(
        status=receipt.status,
        at=receipt.at,
        reason=None
        if reason is None
        else ReceiptReason(
            code=reason.code,
            description=reason.description,
            sub_code=reason.sub_code,
            channel_code=reason.channel_code,
        ),
    )


async def post_message(asked: Asked) -> Answer:
    """202 once the message is committed; the same answer for the same ``Idempotency-Key`` and body."""
    idempotency = idempotency_of(asked.request, asked.key.id, asked.content)
    placed = await place(asked.body, asked.backend, asked.key.name, idempotency)
    headers = {"Location": f"/v1/messages/{placed.outbox_id}"}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Answer(MessagePlaced(id=placed.outbox_id, created_at=placed.created_at), 202, headers)


async def get_message(asked: Asked) -> Answer:
    """One message with its attempts and receipts."""
    return Answer(await view(asked.part("id"), asked.backend))


OPERATIONS = (
    Operation(
        "POST",
        "/messages",
        "sendMessage",
        "Messages",
        "Send one message: our own words, or an approved template.",
        "send",
        post_message,
        {202: MessagePlaced},
        body=MessageBody,
        refusals=(
            "opted-out",
            "no-marketing-consent",
            "window-closed",
            "bad-recipient",
            "unknown-template",
            "unknown-language",
            "wrong-values",
            "wrong-category",
            "bad-idempotency-key",
            "idempotency-key-reused",
        ),
        takes_idempotency_key=True,
    ),
    Operation(
        "GET",
        "/messages/{id}",
        "getMessage",
        "Messages",
        "What became of a message.",
        "read",
        get_message,
        {200: Message},
        refusals=("not-found",),
    ),
)
