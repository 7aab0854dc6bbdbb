"""``/v1/messages``: what a backend sends, and what became of it."""

from __future__ import annotations

from typing import Literal

from bot.store.messages import Status as Status
from bot.web.api.backend import Backend
from bot.web.api.bodies import ChangeBody, MessageBody
from bot.web.api.changing import absent, cancel, change, check_id
from bot.web.api.message_list import MessageList, MessageQuery, list_messages
from bot.web.api.message_view import Message as Message
from bot.web.api.message_view import to_of as to_of
from bot.web.api.message_view import told as told
from bot.web.api.operation import Answer, Asked, Moment, Operation, Told
from bot.web.api.placing import idempotency_of, place
from bot.web.api.preview import Preview, preview
from bot.web.api.why import why_of


class MessagePlaced(Told):
    """A message that is stored and will be sent; the same for every repetition of its key."""

    id: str
    status: Literal["queued"] = "queued"
    created_at: Moment


async def view(outbox_id: str, backend: Backend) -> Message:
    """The message as the API tells it. Raises ``Refused`` (404) where it is absent or another app's, which look the same."""
    check_id(outbox_id)
    message = await backend.store.message(outbox_id)
    if message is None or message.contact.app != backend.app_id:
        raise absent()
    return told(message, await why_of(message, backend))


async def post_message(asked: Asked) -> Answer:
    """202 once the message is committed; the same answer for the same ``Idempotency-Key`` and body. 200 for a ``dry_run``."""
    body: MessageBody = asked.body
    if body.dry_run:
        return Answer(await preview(body, asked.backend, asked.key.name))
    idempotency = idempotency_of(asked.request, asked.key.id, asked.content)
    placed = await place(body, asked.backend, asked.key.name, idempotency)
    headers = {"Location": f"/v1/messages/{placed.outbox_id}"}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Answer(MessagePlaced(id=placed.outbox_id, created_at=placed.created_at), 202, headers)


async def get_message(asked: Asked) -> Answer:
    """One message with its attempts and receipts."""
    return Answer(await view(asked.part("id"), asked.backend))


async def patch_message(asked: Asked) -> Answer:
    """The message as it is from now on."""
    changed = await change(asked.part("id"), asked.body, asked.backend)
    return Answer(told(changed, await why_of(changed, asked.backend)))


async def delete_message(asked: Asked) -> Answer:
    """The message, cancelled; also where it was before."""
    return Answer(told(await cancel(asked.part("id"), asked.backend, asked.key.name)))


OPERATIONS = (
    Operation(
        "POST",
        "/messages",
        "sendMessage",
        "Messages",
        "Send one message: our own words, or an approved template.",
        "send",
        post_message,
        {202: MessagePlaced, 200: Preview},
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
        ),
        takes_idempotency_key=True,
        about="With `dry_run` nothing is stored or sent: 200 tells whether it may leave, in which words, and what it costs.",
        example={"to": "+46701740605", "reply": {"text": "Your order is ready."}, "if_closed": "wait"},
        location=True,
    ),
    Operation(
        "GET",
        "/messages",
        "listMessages",
        "Messages",
        "Everything that left or is to leave, newest first.",
        "read",
        list_messages,
        {200: MessageList},
        query=MessageQuery,
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
    Operation(
        "PATCH",
        "/messages/{id}",
        "changeMessage",
        "Messages",
        "Change when a message leaves, or what you call it, before it leaves.",
        "send",
        patch_message,
        {200: Message},
        body=ChangeBody,
        refusals=("not-found", "already-left", "window-closed"),
        example={"send_at": {"after": "3 hours"}},
    ),
    Operation(
        "DELETE",
        "/messages/{id}",
        "cancelMessage",
        "Messages",
        "Cancel a message before it leaves.",
        "send",
        delete_message,
        {200: Message},
        refusals=("not-found", "already-left"),
    ),
)
