"""A message as the API tells it."""

from __future__ import annotations

from typing import Any, Literal

from bot.core.codec import reply_to_plain
from bot.core.reply import OmniTemplateReply, Reply, TemplateReply
from bot.store.messages import Status
from bot.store.units import AttemptView, MessageView, ReceiptView
from bot.web.api.operation import Moment, Told
from bot.work import next_steps


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


class NextStep(Told):
    """What is amiss: its cause, what Parley did by itself, and what is to do, by whom."""

    cause: str
    done: str
    who: Literal["nobody", "person", "staff", "developer", "operator"]
    todo: str


class Message(Told):
    """One message with its attempts and receipts."""

    id: str
    to: str
    status: Status
    reason: str | None
    next_step: NextStep | None
    why: str | None
    origin: Literal["rule", "api", "campaign", "person", "timer"]
    author: str | None
    rule: str | None
    category: str
    reference: str | None
    language: str | None
    reply: dict[str, Any]
    created_at: Moment
    send_at: Moment | None
    not_after: Moment | None
    attempts: list[Attempt]
    receipts: list[Receipt]


def told(message: MessageView, why: str = "") -> Message:
    """A stored message in the API's words; ``why`` it was allowed to leave, or is, where that was looked up."""
    return Message(
        id=message.outbox_id,
        to=to_of(message.contact.identity),
        status=message.status,  # type: ignore[arg-type] # the view's word is one of them
        reason=message.reason or None,
        next_step=next_step_of(message),
        why=why or None,
        origin=message.origin.value,
        author=message.author or None,
        rule=message.rule or None,
        category=message.category,
        reference=message.reference or None,
        language=language_of_reply(message.reply),
        reply=dict(reply_to_plain(message.reply)),
        created_at=message.created_at,
        send_at=message.not_before,
        not_after=message.not_after,
        attempts=[_attempt(each) for each in message.attempts],
        receipts=[_receipt(each) for each in message.receipts],
    )


def to_of(identity: str) -> str:
    """An identity as people write it: a phone number with its ``+``."""
    return f"+{identity}" if identity.isdecimal() else identity


def language_of_reply(reply: Reply) -> str | None:
    """The language that a template leaves in, as WhatsApp or Sinch name it; free words do not tell theirs."""
    return reply.language if isinstance(reply, TemplateReply | OmniTemplateReply) else None


def next_step_of(message: MessageView) -> NextStep | None:
    """What is amiss with a message and who does what; None where nothing is."""
    step = next_steps.next_step_of(message)
    return None if step is None else NextStep(cause=step.cause, done=step.done, who=step.who, todo=step.todo)


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
