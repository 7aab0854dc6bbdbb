"""What a person's own phone shows of what they sent (Sinch Conversation API, contact messages)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from bot.sinch.emulator.fields import Json, number_in, object_in, objects_in, text_in
from bot.sinch.emulator.files import Files
from bot.sinch.emulator.media import MEDIA_TYPES
from bot.sinch.emulator.render import file_at, place_of
from bot.sinch.emulator.shown import Card, File, Form, Product, Shown


def said(content: Json, files: Files) -> Shown:
    """Any contact message; of a file the emulator holds itself, the kind is its own, else the address's ending tells."""
    for key, render in _KINDS.items():
        if source := object_in(content, key):
            return render(source, files)
    return Shown("raw", next(iter(content), ""))


def _text(source: Json, files: Files) -> Shown:
    return Shown("text", text_in(source, "text"))


def _media(source: Json, files: Files) -> Shown:
    url, caption = text_in(source, "url"), text_in(source, "caption")
    file = file_at(url, text_in(source, "filename_override"), caption)
    return Shown("media", caption, url=url, file=_held(file, files))


def _held(file: File, files: Files) -> File:
    stored = files.at(file.url)
    if stored is not None:
        return replace(file, kind=stored.kind, name=file.name or stored.name)
    sample = file.url.partition("/emulator/media/")[2]  # the emulator's samples are named by their kind
    return replace(file, kind=sample) if sample in MEDIA_TYPES else file


def _location(source: Json, files: Files) -> Shown:
    place = place_of(source)
    return Shown("location", place.title or f"{place.latitude:g}, {place.longitude:g}", place=place)


def _tap(source: Json, files: Files) -> Shown:
    return Shown("text", text_in(source, "postback_data"))


def _order(source: Json, files: Files) -> Shown:
    products = tuple(
        Product(
            id=text_in(each, "id"),
            marketplace=text_in(each, "marketplace"),
            quantity=int(number_in(each, "quantity")),
            price=number_in(each, "item_price"),
            currency=text_in(each, "currency"),
        )
        for each in objects_in(source, "products")
    )
    return Shown("products", text_in(source, "title"), products=products, catalog_id=text_in(source, "catalog_id"))


def _flow(source: Json, files: Files) -> Shown:
    reply = object_in(object_in(source, "message"), "nfm_reply")
    answers = _object(text_in(reply, "response_json"))
    token = text_in(answers, "flow_token")
    values = {name: value for name, value in answers.items() if name != "flow_token"}
    return Shown("flow", text_in(reply, "body"), form=Form("", "", token=token, values=values))


def _fallback(source: Json, files: Files) -> Shown:
    raw = text_in(source, "raw_message")
    found = objects_in(_object(raw), "contacts")
    return card_shown(card_of(found[0])) if found else Shown("raw", raw)


def card_of(contact: Json) -> Card:
    """A contact card as WhatsApp itself writes one (Meta Cloud API, contacts object)."""
    return Card(
        name=text_in(object_in(contact, "name"), "formatted_name"),
        phones=tuple(text_in(each, "phone") for each in objects_in(contact, "phones")),
        emails=tuple(text_in(each, "email") for each in objects_in(contact, "emails")),
        company=text_in(object_in(contact, "org"), "company"),
    )


def card_shown(card: Card) -> Shown:
    """A contact card as a bubble."""
    return Shown("contact", "\n".join([card.name, *card.phones]), card=card)


def _object(text: str) -> Json:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


_KINDS: dict[str, Callable[[Json, Files], Shown]] = {
    "text_message": _text,
    "media_message": _media,
    "media_card_message": _media,
    "location_message": _location,
    "choice_response_message": _tap,
    "product_response_message": _order,
    "channel_specific_message": _flow,
    "fallback_message": _fallback,
}
