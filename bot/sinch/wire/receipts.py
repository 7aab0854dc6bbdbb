"""What became of our messages, and people's reactions to them: MESSAGE_DELIVERY and EVENT_INBOUND.

Source: Sinch Conversation API, MESSAGE_DELIVERY and EVENT_INBOUND.
"""

from __future__ import annotations

from bot.core.event import DeliveryReceipt, Reaction, Reason, Unsupported
from bot.sinch.wire.envelope import Envelope, Malformed
from bot.sinch.wire.fields import Json, inner, text


def delivery_receipt(envelope: Envelope, report: Json) -> DeliveryReceipt:
    """A receipt of any status, also one we do not know; raises ``Malformed`` without a message id or a status."""
    message_id, status = text(report, "message_id"), text(report, "status")
    if not message_id or not status:
        raise Malformed("a delivery report without message id or status")
    channel = text(inner(report, "channel_identity"), "channel")
    return DeliveryReceipt(
        envelope.dedup("rcpt", message_id, status, channel),
        envelope.contact(report),
        message_id,
        text(report, "metadata"),  # Sinch gives the send's message_metadata back under this name
        status,
        envelope.at(report),
        envelope.received_at,
        reason_of(report),
        text(report, "contact_id"),
    )


def reason_of(report: Json) -> Reason | None:
    """Why something failed, or None where nothing is told."""
    reason = report.get("reason")
    if not isinstance(reason, dict):
        return None
    return Reason(
        text(reason, "code"), text(reason, "description"), text(reason, "sub_code"), text(reason, "channel_code")
    )


def inbound_event(envelope: Envelope, event: Json) -> Reaction | Unsupported:
    """A reaction, or something else that happened in the chat; raises ``Malformed`` for a reaction of nobody."""
    dedup = envelope.dedup("ev", text(event, "id"))  # older payloads have no id
    contact = envelope.contact(event)
    about_message = inner(event, "contact_message_event")
    reaction = about_message.get("reaction_event")
    if not isinstance(reaction, dict):
        kind = next(iter(about_message or inner(event, "contact_event")), "unknown")
        return Unsupported(dedup, "event", kind[:80], envelope.received_at, contact)
    if contact is None:
        raise Malformed("a reaction without sender")
    emoji = "" if text(reaction, "action") == "REACTION_ACTION_UNREACT" else text(reaction, "emoji")
    return Reaction(
        dedup,
        contact,
        text(reaction, "message_id"),
        emoji,
        envelope.at(event),
        envelope.received_at,
        text(event, "contact_id"),
    )
