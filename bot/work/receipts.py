"""What follows from a delivery receipt beyond its climbing: a window that WhatsApp says is closed."""

from __future__ import annotations

from datetime import datetime

from bot.core.conversation import Conversation
from bot.core.decision import Because, Decision, Send
from bot.core.event import DeliveryReceipt
from bot.core.reply import is_template
from bot.store.units import Claimed, Settled, Submission

_OUTSIDE_WINDOW = "OUTSIDE_ALLOWED_SENDING_WINDOW"
_OUTSIDE_WINDOW_AT_META = "131047"


def decide_receipt(claimed: Claimed, receipt: DeliveryReceipt, conversation: Conversation, now: datetime) -> Settled:
    """Most receipts only climb. A free-form message refused as outside the window closes it and is replaced once by its ``if_closed``."""
    submission = claimed.submission
    if submission is None or not _is_outside_window(receipt) or is_template(submission.reply):
        because = Because(layer="receipt", text=receipt.status)
        return Settled(claimed.inbox_id, Decision(conversation.state, (), because))
    sends = _replacement(submission)
    note = "WhatsApp says that the 24-hour window is closed."
    because = Because(layer="receipt", text=receipt.status, path=(submission.rule,) if sends else (), notes=(note,))
    return Settled(
        claimed.inbox_id,
        Decision(conversation.state, sends, because),
        replaces=submission.outbox_id,
        closes_window=True,
    )


def _is_outside_window(receipt: DeliveryReceipt) -> bool:
    reason = receipt.reason
    return (
        receipt.status == "FAILED"
        and reason is not None
        and (reason.code == _OUTSIDE_WINDOW or reason.channel_code == _OUTSIDE_WINDOW_AT_META)
    )


def _replacement(submission: Submission) -> tuple[Send, ...]:
    """The template, or the same words kept until the person writes; never for what is a replacement itself."""
    if submission.replaces or submission.if_closed in ("skip", "fail"):
        return ()
    waits = submission.if_closed == "wait"
    reply = submission.reply if isinstance(submission.if_closed, str) else submission.if_closed
    return (
        Send(
            reply, submission.contact, submission.rule, 0, category=submission.category, waits=waits, if_closed="fail"
        ),
    )
