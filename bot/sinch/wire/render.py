"""Replies as bodies of ``messages:send``.

Sinch answers 200 to nearly anything and turns what WhatsApp cannot show into plain text without a word, so each shape
here is the one that stays native. Source: Sinch Conversation API, messages; its pages on each message type, section
WhatsApp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import orjson

from bot.core.event import ContactKey
from bot.core.reply import (
    Button,
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    Section,
    TemplateReply,
    TextReply,
)
from bot.errors import Failed
from bot.sinch.wire.envelope import WHATSAPP
from bot.sinch.wire.fields import Json
from bot.sinch.wire.templates import approved_template, omni_template

ButtonIds = Callable[[Button], str]


def render_send(
    app_id: str,
    contact: ContactKey,
    contact_id: str | None,
    reply: Reply,
    outbox_id: str,
    ttl_s: int | None,
    button_ids: ButtonIds,
) -> bytes:
    """The JSON body that sends ``reply``.

    ``outbox_id`` comes back in every receipt. ``ttl_s`` is whole seconds of at least 3, or None where Sinch may keep
    trying. ``contact_id`` is used where the contact has no identity. ``button_ids`` gives what a tap on a button sends
    back. Raises ``Failed`` for a contact with neither identity nor id, and for words that are no text (halves of
    surrogate pairs).
    """
    body: Json = {
        "app_id": app_id,
        "recipient": _recipient(contact, contact_id),
        "message": _message(reply, outbox_id, button_ids),
        "channel_priority_order": [contact.channel or WHATSAPP],  # or Sinch falls back to SMS where the app has it
        "message_metadata": outbox_id,
    }
    if ttl_s is not None:
        body["ttl"] = f"{ttl_s}s"
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise Failed(
            f"Message {outbox_id} holds characters that are no text; write its words anew.", "bad_text"
        ) from None


def _recipient(contact: ContactKey, contact_id: str | None) -> Json:
    if contact.identity:
        identity = {"channel": contact.channel or WHATSAPP, "identity": contact.identity}
        return {"identified_by": {"channel_identities": [identity]}}
    if contact_id:
        return {"contact_id": contact_id}
    raise Failed("The contact has neither an identity nor Sinch's contact id, so nothing can be sent.", "no_address")


def _message(reply: Reply, outbox_id: str, button_ids: ButtonIds) -> Json:
    match reply:
        case TextReply(text=text):
            return {"text_message": {"text": text}}
        case ButtonsReply():
            return _buttons(reply, button_ids)
        case ListReply():
            return {"list_message": _list(reply, button_ids)}
        case MediaReply():
            return _media(reply)
        case LocationReply():
            return {"location_message": _location(reply)}
        case ContactReply():
            return {"contact_info_message": _contact_card(reply)}
        case LinkReply(text=text, title=title, url=url):
            link = {"url_message": {"title": title, "url": url}}
            return {"choice_message": {"text_message": {"text": text}, "choices": [link]}}
        case FlowReply():
            return _flow(reply, outbox_id)
        case TemplateReply():
            return approved_template(reply, button_ids)
        case OmniTemplateReply():
            return omni_template(reply)
        case _:
            assert_never(reply)


def _buttons(reply: ButtonsReply, button_ids: ButtonIds) -> Json:
    choices = [_choice(button, button_ids) for button in reply.buttons]
    if not reply.media_url and not reply.header:
        body: Json = {"text_message": {"text": reply.text}, "choices": choices}
        if reply.footer:
            body["message_properties"] = {"whatsapp_footer": reply.footer}
        return {"choice_message": body}
    # A choice message has no place for a header, so this one is a card. WhatsApp shows a card's title (up to 1024) as
    # the text and its description (up to 60) as the footer; with more in the description the whole card becomes plain
    # text.
    card: Json = {"title": reply.text, "choices": choices}
    if reply.footer:
        card["description"] = reply.footer
    if reply.media_url:
        card["media_message"] = {"url": reply.media_url}  # WhatsApp has room for one header: the file wins
    else:
        card["message_properties"] = {"whatsapp_header": reply.header}
    return {"card_message": card}


def _choice(button: Button, button_ids: ButtonIds) -> Json:
    return {"text_message": {"text": button.label}, "postback_data": button_ids(button)}


def _list(reply: ListReply, button_ids: ButtonIds) -> Json:
    properties = {"menu": reply.menu}
    if reply.header:
        properties["whatsapp_header"] = reply.header
    body: Json = {
        "title": reply.text,
        "sections": [_section(section, button_ids) for section in reply.sections],
        "message_properties": properties,
    }
    if reply.footer:
        body["description"] = reply.footer
    return body


def _section(section: Section, button_ids: ButtonIds) -> Json:
    items = [{"choice": _row(row, button_ids)} for row in section.rows]
    return {"title": section.title, "items": items} if section.title else {"items": items}


def _row(row: Button, button_ids: ButtonIds) -> Json:
    choice: Json = {"title": row.label, "postback_data": button_ids(row)}
    if row.description:
        choice["description"] = row.description
    return choice


def _media(reply: MediaReply) -> Json:
    media = {"url": reply.url}
    if reply.filename:
        media["filename_override"] = reply.filename
    # A media message has no caption. A card without choices arrives as the file with its title as caption; a document
    # may arrive as the words with a link, so that nothing is lost. WhatsApp knows no caption for sound and stickers,
    # and a card would make them a link.
    if reply.caption and reply.kind not in ("audio", "sticker"):
        return {"card_message": {"title": reply.caption, "media_message": media}}
    return {"media_message": media}


def _location(reply: LocationReply) -> Json:
    place: Json = {
        "title": reply.title,
        "coordinates": {"latitude": reply.latitude, "longitude": reply.longitude},
    }
    if reply.label:
        place["label"] = reply.label
    return place


def _contact_card(reply: ContactReply) -> Json:
    first, _, last = reply.name.partition(" ")
    name = {"full_name": reply.name, "first_name": first}  # WhatsApp refuses a card that has the full name alone
    if last:
        name["last_name"] = last
    card: Json = {"name": name, "phone_numbers": [{"phone_number": reply.phone}]}
    if reply.email:
        card["email_addresses"] = [{"email_address": reply.email}]
    if reply.company:
        card["organization"] = {"company": reply.company}
    return card


def _flow(reply: FlowReply, outbox_id: str) -> Json:
    flow: Json = {
        "body": {"text": reply.text},
        "flow_id": reply.flow_id,
        "flow_token": outbox_id,
        "flow_mode": "published",
        "flow_cta": reply.cta,
    }
    if reply.header:
        flow["header"] = {"type": "text", "text": reply.header}
    if reply.footer:
        flow["footer"] = {"text": reply.footer}
    if reply.screen:
        flow["flow_action"] = "navigate"
        flow["flow_action_payload"] = {"screen": reply.screen}
    return {"channel_specific_message": {WHATSAPP: {"message_type": "FLOWS", "message": flow}}}
