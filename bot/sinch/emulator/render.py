"""What WhatsApp would show of a message, and where Sinch quietly turns buttons or lists into plain text.

The rules are those of Sinch's WhatsApp channel documentation and Meta's limits; lengths count Unicode code points.
"""

from __future__ import annotations

import re

from bot.sinch.emulator.fields import Json, number_in, object_in, objects_in, text_in
from bot.sinch.emulator.media import kind_of_name
from bot.sinch.emulator.shown import Card, File, Form, Option, Place, Product, Section, Shown

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


def show(message: Json, message_id: str) -> Shown:
    """What the person sees of any kind but a template."""
    if text := object_in(message, "text_message"):
        return Shown("text", text_in(text, "text"))
    if choice := object_in(message, "choice_message"):
        return _choice(choice, message_id)
    if listed := object_in(message, "list_message"):
        return _list(listed, message_id)
    if media := object_in(message, "media_message"):
        file = file_at(text_in(media, "url"), text_in(media, "filename_override"))
        return Shown("media", file.name, url=file.url, file=file)
    if card := object_in(message, "card_message"):
        return _card(card, message_id)
    if carousel := object_in(message, "carousel_message"):
        return _carousel(carousel)
    if place := object_in(message, "location_message"):
        return Shown("location", _lines(text_in(place, "title"), text_in(place, "label")), place=place_of(place))
    if contact := object_in(message, "contact_info_message"):
        return _contact(contact)
    if special := object_in(object_in(message, "channel_specific_message"), "WHATSAPP"):
        return _special(special)
    return Shown("raw")


def file_at(url: str, name: str = "", caption: str = "") -> File:
    """A file by its address, its kind guessed from how the name or the address ends."""
    return File(kind_of_name(name, url), url, name, caption)


def place_of(location: Json) -> Place:
    """The place of a location message."""
    point = object_in(location, "coordinates")
    title, label = text_in(location, "title"), text_in(location, "label")
    return Place(number_in(point, "latitude"), number_in(point, "longitude"), title, label)


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
    file = file_at(url) if url else None
    choices = objects_in(card, "choices")
    options = _options(choices, message_id)
    why = _too_long(header, HEADER_MAX, "the header")
    if choices:
        why = _buttons_fault(choices, options, words) or why
        if not why:
            return Shown("buttons", words, tuple(options), header=header, url=url, file=file)
    words = _as_text(words, options, "").text
    file = file_at(url, caption=words) if url else None
    return Shown("media" if url else "text", words, url=url, degraded=why, file=file)


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
        catalog_id = text_in(properties, "catalog_id")
        return Shown("products", body, menu=menu, header=header, products=_products(sections), catalog_id=catalog_id)
    parts = [_section(section, message_id) for section in sections]
    options = [option for part in parts for option in part.options]
    why = _rows_fault(sections, options) or _too_long(body, BODY_MAX, "the text")
    why = why or _too_long(menu, BUTTON_MAX, "the menu") or _too_long(header, HEADER_MAX, "the header")
    if why:
        return _as_text(body, options, why)
    return Shown("list", body, tuple(options), header=header, menu=menu, sections=tuple(parts))


def _products(sections: list[Json]) -> tuple[Product, ...]:
    return tuple(
        Product(text_in(product, "id"), text_in(product, "marketplace"), text_in(section, "title"))
        for section in sections
        for item in objects_in(section, "items")
        if (product := object_in(item, "product"))
    )


def _section(section: Json, message_id: str) -> Section:
    rows = [object_in(item, "choice") for item in objects_in(section, "items")]
    return Section(text_in(section, "title"), tuple(_row(row, message_id) for row in rows))


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
    phones = _texts(contact, "phone_numbers", "phone_number")
    card = Card(
        name=text_in(object_in(contact, "name"), "full_name"),
        phones=phones,
        emails=_texts(contact, "email_addresses", "email_address"),
        addresses=tuple(_address(each) for each in objects_in(contact, "addresses")),
        urls=_texts(contact, "urls", "url"),
        company=text_in(object_in(contact, "organization"), "company"),
        birthday=text_in(contact, "birthday"),
    )
    return Shown("contact", _lines(card.name, *phones), card=card)


def _texts(source: Json, key: str, name: str) -> tuple[str, ...]:
    return tuple(text_in(each, name) for each in objects_in(source, key))


def _address(address: Json) -> str:
    parts = [text_in(address, name) for name in ("street", "zip", "city", "state", "country")]
    return ", ".join(part for part in parts if part)


def _special(special: Json) -> Shown:
    message = object_in(special, "message")
    footer = text_in(object_in(message, "footer"), "text")
    header = text_in(object_in(message, "header"), "text")
    text = text_in(object_in(message, "body"), "text")
    if text_in(special, "message_type") != "FLOWS":
        return Shown("raw", text, header=header, footer=footer)
    form = _form(message)
    return Shown("flow", text, header=header, footer=footer, menu=form.cta, form=form)


def _form(message: Json) -> Form:
    header, first = object_in(message, "header"), object_in(message, "flow_action_payload")
    link = text_in(object_in(header, text_in(header, "type")), "link")
    return Form(
        flow_id=text_in(message, "flow_id"),
        cta=text_in(message, "flow_cta"),
        screen=text_in(first, "screen"),
        token=text_in(message, "flow_token"),
        action=text_in(message, "flow_action"),
        mode=text_in(message, "flow_mode"),
        header_file=File(text_in(header, "type"), link) if link else None,
        values=object_in(first, "data"),
    )


def _as_text(body: str, options: list[Option], why: str) -> Shown:
    numbered = [f"{number}. {option.title}" for number, option in enumerate(options, 1)]
    return Shown("text", _lines(body, *numbered), degraded=why)


def _too_long(text: str, limit: int, what: str) -> str:
    return f"{what} is longer than {limit} characters" if len(text) > limit else ""


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
