"""What people write: MESSAGE_INBOUND with every kind of ``contact_message``.

A kind is known by its key; keys whose value is null count as absent. What we cannot read is still a message of a person
who waits for an answer, so it becomes ``Unreadable`` and never an error. Source: Sinch Conversation API,
MESSAGE_INBOUND.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.core.event import (
    Content,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    Order,
    OrderItem,
    Tap,
    Text,
    Unreadable,
    Unsupported,
)
from bot.sinch.wire.envelope import Envelope, Malformed
from bot.sinch.wire.fields import Json, flat, inner, number, objects, read_object, text
from bot.sinch.wire.media import media_kind

_QUANTITY_MAX = 10**9
_KIND_MAX = 80


def inbound_message(envelope: Envelope, message: Json) -> InboundMessage | Unsupported:
    """What a person sent; raises ``Malformed`` without an id or a sender."""
    message_id = text(message, "id")
    if not message_id:
        raise Malformed("a message without id")
    contact = envelope.contact(message)
    if contact is None:
        raise Malformed("a message without sender")
    dedup = envelope.dedup("in", message_id)
    if text(message, "direction") == "TO_CONTACT":
        return Unsupported(dedup, "message", "a message to the person", envelope.received_at, contact)
    written = inner(message, "contact_message")
    return InboundMessage(
        dedup,
        contact,
        message_id,
        content_of(written),
        envelope.written_at(message),
        envelope.received_at,
        text(message, "contact_id"),
        text(inner(written, "reply_to"), "message_id") if "reply_to" in written else "",
        message.get("injected") is True,
        text(message, "metadata"),
    )


def content_of(written: Json) -> Content:
    """The one kind that a ``contact_message`` holds."""
    words = written.get("text_message")
    if isinstance(words, dict):
        return Text(text(words, "text"))
    for name, read in _KINDS.items():
        found = written.get(name)
        if isinstance(found, dict):
            return read(found)
    unknown = (name for name, value in written.items() if value is not None and name != "reply_to")
    name = next(unknown, "")
    return Unreadable(f"unknown:{name[:_KIND_MAX]}" if name else "empty")


def _media(found: Json) -> Content:
    url, filename = text(found, "url"), text(found, "filename_override")
    if not url:
        return Unreadable("media without address")
    return Media(url, media_kind(url, filename), text(found, "caption"), filename)


def _location(found: Json) -> Content:
    place = inner(found, "coordinates")
    latitude, longitude = number(place, "latitude"), number(place, "longitude")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return Unreadable("location without coordinates")
    return Location(latitude, longitude, text(found, "title"), text(found, "label"))


def _tap(found: Json) -> Content:
    return Tap(text(found, "postback_data"), text(found, "message_id"))


def _order(found: Json) -> Content:
    items = tuple(_order_item(item) for item in objects(found, "products"))
    return Order(text(found, "catalog_id"), text(found, "title"), items)


def _order_item(item: Json) -> OrderItem:
    quantity = number(item, "quantity") or 0
    price = number(item, "item_price") or 0.0
    return OrderItem(text(item, "id"), int(max(0, min(quantity, _QUANTITY_MAX))), price, text(item, "currency"))


def _channel_specific(found: Json) -> Content:
    kind = text(found, "message_type")
    if kind != "nfm_reply":
        return Unreadable(f"unknown:{kind[:_KIND_MAX]}")
    answer = inner(inner(found, "message"), "nfm_reply")
    return FlowAnswer(text(answer, "name"), _flow_fields(text(answer, "response_json")))


def _flow_fields(response: str) -> dict[str, str]:
    """WhatsApp hands a flow's answer over as JSON within a text; other text stays whole under ``response``."""
    answer = read_object(response.encode())
    if answer is not None:
        return flat(answer)
    return {"response": response} if response else {}


def _fallback(found: Json) -> Content:
    return Unreadable(text(inner(found, "reason"), "code") or "fallback")


_KINDS: dict[str, Callable[[Json], Content]] = {
    "choice_response_message": _tap,
    "media_message": _media,
    "media_card_message": _media,
    "location_message": _location,
    "product_response_message": _order,
    "channel_specific_message": _channel_specific,
    "fallback_message": _fallback,
}
