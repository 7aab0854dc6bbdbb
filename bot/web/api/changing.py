"""Changing and taking back what has not left."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Final

from bot.core.reply import is_template
from bot.errors import Refused
from bot.store.messages import Change, Left, Plan
from bot.store.units import MessageView
from bot.web.api.backend import Backend
from bot.web.api.bodies import ChangeBody
from bot.web.api.placing import check_times, check_window
from bot.web.api.problem import Invalid
from bot.web.api.times import send_time

ID: Final = re.compile(r"[0-9a-f]{32}")


async def change(outbox_id: str, body: ChangeBody, backend: Backend) -> MessageView:
    """The message as it is from now on. Raises ``Refused``: absent, begun to be sent, or it could never leave like that."""
    if not body.model_fields_set:
        raise Invalid([("", "Name what is to change: send_at, not_after or reference.")])
    now = backend.now()
    check_id(outbox_id)
    make = partial(_make, body, backend, now)
    changed = await backend.store.messages.change(backend.app_id, outbox_id, make, now)
    return _done(changed, backend)


async def cancel(outbox_id: str, backend: Backend, author: str) -> MessageView:
    """The message, which never leaves from now on. Raises ``Refused``: absent, begun to be sent, or ended."""
    check_id(outbox_id)
    reason = f'It was cancelled by the API key "{author}".'
    return _done(await backend.store.messages.cancel(backend.app_id, outbox_id, reason, backend.now()), backend)


def check_id(outbox_id: str) -> None:
    """Raises ``Refused`` (404) where it can be no message's id."""
    if ID.fullmatch(outbox_id) is None:
        raise absent()


def absent() -> Refused:
    """No such message, or another app's, which look the same."""
    return Refused("There is no message of this id.", "not-found", "Use an id that POST /v1/messages answered.", 404)


def _done(outcome: MessageView | Left | Refused | None, backend: Backend) -> MessageView:
    match outcome:
        case None:
            raise absent()
        case Refused():
            raise outcome
        case Left():
            raise _too_late(outcome.message)
        case _:
            backend.wake_outbox()  # another may be the next to leave, or this one sooner
            return outcome


def _too_late(message: MessageView) -> Refused:
    ended = message.status if message.status != "queued" else ""
    how = f"it is {ended}" if ended else "Parley began to send it"
    cure = "What left cannot be called back; send another message that puts it right."
    return Refused(f"It is too late to change this message: {how}.", "already-left", cure)


def _make(body: ChangeBody, backend: Backend, now: datetime, plan: Plan) -> Change | Refused:
    """The change, as the message stands; within the transaction that makes it."""
    try:
        return _changed(body, backend, now, plan)
    except Refused as refused:
        return refused


def _changed(body: ChangeBody, backend: Backend, now: datetime, plan: Plan) -> Change:
    named = body.model_fields_set
    moved = "send_at" in named
    send_at = send_time(body.send_at, now, "Make it null to send at once.") if moved else plan.not_before
    if moved and send_at is None and plan.not_before is not None:
        send_at = now  # the time that it has for leaving begins now, however long ago it was asked for
    not_after = body.not_after if "not_after" in named else plan.not_after
    check_times(send_at, not_after, now)
    if moved and plan.if_closed == "fail" and not is_template(plan.reply):
        check_window(plan.window, backend.margin, send_at, now)
    reference = (body.reference or "") if "reference" in named else plan.reference
    return Change(send_at, not_after, reference, moved)
