"""One function for each kind of message, for programs that send one at a time; the outbox sends whole replies through the client.

Sizes and shapes are those of ``bot.core.reply``; nothing is checked here, and Sinch turns what WhatsApp cannot show into plain text.
Source: Sinch Conversation API, messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

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
    Section,
    TemplateReply,
    TextReply,
)
from bot.sinch.client import SinchClient, To
from bot.sinch.outcome import SendOutcome
from bot.sinch.wire.render import ButtonIds

MediaKind = Literal["image", "video", "audio", "document", "sticker"]


async def send_text(client: SinchClient, to: To, text: str) -> SendOutcome:
    """Words alone, up to 4,096 characters."""
    return await client.send(to, TextReply(text), _no_buttons)


async def send_buttons(
    client: SinchClient,
    to: To,
    text: str,
    buttons: Sequence[Button],
    button_ids: ButtonIds,
    *,
    header: str = "",
    footer: str = "",
    media_url: str = "",
) -> SendOutcome:
    """Words with one to three buttons; ``button_ids`` gives what a tap sends back, up to 229 characters."""
    return await client.send(to, ButtonsReply(text, tuple(buttons), header, footer, media_url), button_ids)


async def send_list(
    client: SinchClient,
    to: To,
    text: str,
    menu: str,
    sections: Sequence[Section],
    button_ids: ButtonIds,
    *,
    header: str = "",
    footer: str = "",
) -> SendOutcome:
    """Words with a button named ``menu`` that opens up to ten rows."""
    return await client.send(to, ListReply(text, menu, tuple(sections), header, footer), button_ids)


async def send_media(
    client: SinchClient, to: To, kind: MediaKind, url: str, *, caption: str = "", filename: str = ""
) -> SendOutcome:
    """A file at a public address; sound and stickers have no caption."""
    return await client.send(to, MediaReply(kind, url, caption, filename), _no_buttons)


async def send_location(
    client: SinchClient, to: To, latitude: float, longitude: float, title: str, label: str = ""
) -> SendOutcome:
    """A place on the map, in degrees."""
    return await client.send(to, LocationReply(latitude, longitude, title, label), _no_buttons)


async def send_contact(
    client: SinchClient, to: To, name: str, phone: str, *, email: str = "", company: str = ""
) -> SendOutcome:
    """A contact card."""
    return await client.send(to, ContactReply(name, phone, email, company), _no_buttons)


async def send_link(client: SinchClient, to: To, text: str, title: str, url: str) -> SendOutcome:
    """Words with one button that opens an address."""
    return await client.send(to, LinkReply(text, title, url), _no_buttons)


async def send_flow(
    client: SinchClient,
    to: To,
    text: str,
    flow_id: str,
    cta: str,
    *,
    header: str = "",
    footer: str = "",
    screen: str = "",
) -> SendOutcome:
    """Words with a button that opens a published WhatsApp Flow, at ``screen`` where one is named."""
    return await client.send(to, FlowReply(text, flow_id, cta, header, footer, screen), _no_buttons)


async def send_template(
    client: SinchClient,
    to: To,
    name: str,
    language: str,
    parameters: Mapping[str, str],
    *,
    buttons: Sequence[Button] = (),
    button_ids: ButtonIds | None = None,
) -> SendOutcome:
    """A template approved at WhatsApp, also outside the window; ``language`` as in ``en_US``, ``parameters`` as ``body[1]text``."""
    reply = TemplateReply(name, language, parameters, buttons=tuple(buttons))
    return await client.send(to, reply, button_ids or _no_buttons)


async def send_omni_template(
    client: SinchClient, to: To, template_id: str, language: str, parameters: Mapping[str, str], version: str = "latest"
) -> SendOutcome:
    """A template kept at Sinch, ``language`` as in ``en-US``; outside the window it needs an override for WhatsApp."""
    return await client.send(to, OmniTemplateReply(template_id, language, parameters, version=version), _no_buttons)


def _no_buttons(button: Button) -> str:
    """A tap on it comes back with its label."""
    return button.label
