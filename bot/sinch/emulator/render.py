"""What WhatsApp would show of a message, and where Sinch quietly turns buttons or lists into plain text.

The rules are those of Sinch's WhatsApp channel documentation and Meta's limits; lengths count Unicode code points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sinch.emulator.fields import Json, object_in, objects_in, text_in

BODY_MAX = 1024
BUTTONS_MAX = 3
BUTTON_MAX = 20
POSTBACK_MAX = 229
HEADER_MAX = FOOTER_MAX = 60
ROWS_MAX = 10
ROW_MAX = SECTION_MAX = 24
ROW_DESCRIPTION_MAX = 72
ROW_POSTBACK_MAX = 173
_MARKDOWN = re.compile(r"([*_~`])\S(?:.*\S)?\1")


@dataclass(frozen=True, slots=True)
class Option:
    """Something to tap: its words and what a tap sends back."""

    title: str
    postback: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it appears.

    ``kind`` is text, buttons, list, link, media, location, contact, products, flow, template or raw.
    ``degraded`` says why choices became plain text, empty where nothing was lost.
    """

    kind: str
    text: str = ""
    options: tuple[Option, ...] = ()
    header: str = ""
    footer: str = ""
    menu: str = ""
    url: str = ""
    degraded: str = ""

    def resource(self) -> Json:
        """As JSON, empty parts left out."""
        parts: Json = {"kind": self.kind, "text": self.text}
        for name in ("header", "footer", "menu", "url", "degraded"):
            if value := getattr(self, name):
                parts[name] = value
        if self.options:
            parts["options"] = [
                {"title": one.title, "postback": one.postback, "description": one.description} for one in self.options
            ]
        return parts


def show(message: Json, message_id: str) -> Shown:
    """What the person sees of any kind but a template."""
    if text := object_in(message, "text_message"):
        return Shown("text", text_in(text, "text"))
    if choice := object_in(message, "choice_message"):
        return _choice(choice, message_id)
    if listed := object_in(message, "list_message"):
        return _list(listed, message_id)
    if media := object_in(message, "media_message"):
        return Shown("media", text_in(media, "filename_override"), url=text_in(media, "url"))
    if card := object_in(message, "card_message"):
        return _card(card, message_id)
    if carousel := object_in(message, "carousel_message"):
        return _carousel(carousel)
    if place := object_in(message, "location_message"):
        return Shown("location", _lines(text_in(place, "title"), text_in(place, "label")))
    if contact := object_in(message, "contact_info_message"):
        return _contact(contact)
    if special := object_in(object_in(message, "channel_specific_message"), "WHATSAPP"):
        return _special(special)
    return Shown("raw")


def template_shown(name: str, language: str, wording: str, parameters: Mapping[str, str], titles: list[str]) -> Shown:
    """A template: its words where they are known, else its name and parameters, and its quick replies."""
    text = wording or f"{name} ({language}) " + ", ".join(f"{key}: {value}" for key, value in parameters.items())
    payloads = {
        int(found[1]): value
        for key, value in parameters.items()
        if (found := re.fullmatch(r"button\[(\d+)\]quick_reply\[1\]payload", key))
    }
    options = [
        Option(titles[index] if index < len(titles) else f"Button {index + 1}", payload)
        for index, payload in sorted(payloads.items())
    ]
    return Shown("template", text.strip(), tuple(options))


def _choice(choice: Json, message_id: str) -> Shown:
    body = text_in(object_in(choice, "text_message"), "text")
    choices = objects_in(choice, "choices")
    properties = object_in(choice, "message_properties")
    if len(choices) == 1 and (link := object_in(choices[0], "url_message")):
        return _link(body, link)
    options = _options(choices, message_id)
    footer = text_in(properties, "whatsapp_footer")
    why = _buttons_fault(choices, options, body) or _too_long(footer, FOOTER_MAX, "the footer")
    if why:
        return _as_text(body, options, why)
    return Shown("buttons", body, tuple(options), footer=footer)


def _link(body: str, link: Json) -> Shown:
    title, url = text_in(link, "title"), text_in(link, "url")
    why = _too_long(title, BUTTON_MAX, "the link's title") or _too_long(body, BODY_MAX, "the text")
    if why or not body:
        return Shown("text", _lines(body, f"{title}: {url}"), degraded=why or "there is no text")
    return Shown("link", body, (Option(title, ""),), url=url)


def _card(card: Json, message_id: str) -> Shown:
    words = _lines(text_in(card, "title"), text_in(card, "description"))
    url = text_in(object_in(card, "media_message"), "url")
    header = "" if url else text_in(object_in(card, "message_properties"), "whatsapp_header")
    choices = objects_in(card, "choices")
    options = _options(choices, message_id)
    why = _too_long(header, HEADER_MAX, "the header")
    if choices:
        why = _buttons_fault(choices, options, words) or why
        if not why:
            return Shown("buttons", words, tuple(options), header=header, url=url)
    words = _as_text(words, options, "").text
    return Shown("media" if url else "text", words, url=url, degraded=why)


def _carousel(carousel: Json) -> Shown:
    cards = [_lines(text_in(card, "title"), text_in(card, "description")) for card in objects_in(carousel, "cards")]
    return Shown("text", "\n\n".join(cards), degraded="WhatsApp has no carousels outside templates")


def _list(listed: Json, message_id: str) -> Shown:
    properties = object_in(listed, "message_properties")
    body = _lines(text_in(listed, "title"), text_in(listed, "description"))
    header = text_in(properties, "whatsapp_header")
    menu = text_in(properties, "menu") or "Options"
    sections = objects_in(listed, "sections")
    if any(object_in(item, "product") for section in sections for item in objects_in(section, "items")):
        return Shown("products", body, menu=menu, header=header)
    rows = [object_in(item, "choice") for section in sections for item in objects_in(section, "items")]
    options = [_row(row, message_id) for row in rows]
    why = _rows_fault(sections, options) or _too_long(body, BODY_MAX, "the text")
    why = why or _too_long(menu, BUTTON_MAX, "the menu") or _too_long(header, HEADER_MAX, "the header")
    if why:
        return _as_text(body, options, why)
    return Shown("list", body, tuple(options), header=header, menu=menu)


def _row(row: Json, message_id: str) -> Option:
    title = text_in(row, "title")
    return Option(title, text_in(row, "postback_data") or f"{message_id}_{title}", text_in(row, "description"))


def _rows_fault(sections: list[Json], rows: list[Option]) -> str:
    if not 1 <= len(rows) <= ROWS_MAX:
        return f"{len(rows)} rows"
    titles = [text_in(section, "title") for section in sections]
    if len(sections) > 1 and not all(titles):
        return "a section without a title"
    longest = max(len(title) for title in titles)
    if longest > SECTION_MAX:
        return "a section's title is too long"
    for row in rows:
        if not row.title or len(row.title) > ROW_MAX or len(row.description) > ROW_DESCRIPTION_MAX:
            return f"the row '{row.title}' is empty or too long"
        if len(row.postback) > ROW_POSTBACK_MAX:
            return f"the postback of '{row.title}' is too long"
    return ""


def _buttons_fault(choices: list[Json], options: list[Option], body: str) -> str:
    """Why these are no native reply buttons; empty when they are."""
    if not all(object_in(choice, "text_message") for choice in choices):
        return "a choice that is not text"
    if not 1 <= len(options) <= BUTTONS_MAX:
        return f"{len(options)} buttons"
    if len({option.title for option in options}) < len(options):
        return "two buttons with the same words"
    for option in options:
        if not option.title or len(option.title) > BUTTON_MAX or _MARKDOWN.search(option.title):
            return f"the button '{option.title}' is empty, too long or has markdown"
        if len(option.postback) > POSTBACK_MAX:
            return f"the postback of '{option.title}' is too long"
    return _too_long(body, BODY_MAX, "the text") if body else "there is no text"


def _options(choices: list[Json], message_id: str) -> list[Option]:
    options = []
    for choice in choices:
        title = _choice_title(choice)
        options.append(Option(title, text_in(choice, "postback_data") or f"{message_id}_{title}"))
    return options


def _choice_title(choice: Json) -> str:
    if text := object_in(choice, "text_message"):
        return text_in(text, "text")
    if link := object_in(choice, "url_message"):
        return f"{text_in(link, 'title')}: {text_in(link, 'url')}"
    if call := object_in(choice, "call_message"):
        return f"{text_in(call, 'title')}: {text_in(call, 'phone_number')}"
    for key in ("location_message", "share_location_message", "calendar_message"):
        if other := object_in(choice, key):
            return _lines(text_in(other, "title"), text_in(other, "fallback_url"))
    return ""


def _contact(contact: Json) -> Shown:
    numbers = [text_in(number, "phone_number") for number in objects_in(contact, "phone_numbers")]
    return Shown("contact", _lines(text_in(object_in(contact, "name"), "full_name"), *numbers))


def _special(special: Json) -> Shown:
    message = object_in(special, "message")
    kind = "flow" if text_in(special, "message_type") == "FLOWS" else "raw"
    footer = text_in(object_in(message, "footer"), "text")
    header = text_in(object_in(message, "header"), "text")
    text = text_in(object_in(message, "body"), "text")
    return Shown(kind, text, header=header, footer=footer, menu=text_in(message, "flow_cta"))


def _as_text(body: str, options: list[Option], why: str) -> Shown:
    numbered = [f"{number}. {option.title}" for number, option in enumerate(options, 1)]
    return Shown("text", _lines(body, *numbered), degraded=why)


def _too_long(text: str, limit: int, what: str) -> str:
    return f"{what} is longer than {limit} characters" if len(text) > limit else ""


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
