"""What follows from a delivery receipt beyond its climbing: a window that WhatsApp says is closed, and messages that surely failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.core.conversation import Conversation
from bot.core.decide import decide
from bot.core.decision import Because, Decision, Send
from bot.core.event import DeliveryReceipt, SendFailed
from bot.core.ledger import told_by_receipt
from bot.core.reply import is_template
from bot.core.rulebook import Rulebooks
from bot.store.units import Claimed, Settled, Submission
from bot.work.trace import settled

_OUTSIDE_WINDOW = "OUTSIDE_ALLOWED_SENDING_WINDOW"
_OUTSIDE_WINDOW_AT_META = "131047"


def decide_receipt(
    claimed: Claimed, receipt: DeliveryReceipt, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Settled:
    """Most receipts only climb. A free-form message refused as outside the window closes it and is replaced once by its ``if_closed``;
    any other failure that is final is an event for the rules. Any failure may tell that the person wants no marketing."""
    submission = claimed.submission
    if submission is None:
        return _climbs(claimed, receipt, conversation)
    closes = _is_outside_window(receipt) and not is_template(submission.reply)
    sends = _replacement(submission) if closes else ()
    if sends:
        note = "WhatsApp says that the 24-hour window is closed."
        because = Because("receipt", receipt.status, path=(submission.rule,), notes=(note,))
        decision = Decision(conversation.state, sends, because)
        return Settled(claimed.inbox_id, decision, replaces=submission.outbox_id, closes_window=True)
    # What a failure led to may fail in its turn, and must not lead there again.
    is_news = submission.is_final and not submission.after_failure
    if is_news and not (closes and submission.if_closed == "skip"):
        decision = decide(failure_of(receipt, submission), conversation, rulebooks, now)
        return replace(settled(claimed, decision, conversation, rulebooks, now), closes_window=closes)
    if told_by_receipt(receipt) is not None:
        decision = decide(receipt, conversation, rulebooks, now)
        told = settled(claimed, decision, conversation, rulebooks, now, is_plain_receipt=True)
        return replace(told, closes_window=closes)
    return replace(_climbs(claimed, receipt, conversation), closes_window=closes)


def failure_of(receipt: DeliveryReceipt, submission: Submission) -> SendFailed:
    """The event that the final failure of a message is."""
    return SendFailed(
        receipt.dedup,
        submission.contact,
        submission.rule,
        submission.outbox_id,
        receipt.at,
        receipt.received_at,
        receipt.reason,
    )


def _climbs(claimed: Claimed, receipt: DeliveryReceipt, conversation: Conversation) -> Settled:
    because = Because(layer="receipt", text=receipt.status)
    return Settled(claimed.inbox_id, Decision(conversation.state, (), because))


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
