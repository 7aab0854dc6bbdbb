"""Files, places and contact cards in a reply."""

from __future__ import annotations

import re
from typing import Literal

from bot.core.rule import LocalText, SayContact, SayLocation, SayMedia
from bot.rulebook.node import Fields, Node
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code, local_text
from bot.rulebook.shape.value import degrees, fields, word
from bot.rulebook.stop import OWN_DISK
from bot.rulebook.traps import quote

MediaName = Literal["image", "video", "audio", "document", "sticker"]
WITH_CAPTION = ("image", "video", "document")


def media(node: Node | None, kind: MediaName, text: LocalText | None, scope: Scope) -> SayMedia | None:
    """A file: its address alone, one address for each language, or ``{url, caption}``. ``text`` beside it is the caption."""
    if node is None:
        return None
    url, caption, filename = _parts(node, kind, scope)
    if caption is not None and text is not None:
        scope.error(node.place, f"This {kind} has a caption and a text. Keep one of the two.")
    caption = caption or text
    if caption is not None and kind not in WITH_CAPTION:
        scope.error(
            node.place,
            f"WhatsApp shows no words with {_a(kind)}. Use messages: to send a text and the {kind} one after the other.",
        )
        return None
    if url is None or not good_url(url, node, kind, scope):
        return None
    return SayMedia(kind, url, caption, filename)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _parts(node: Node, kind: str, scope: Scope) -> tuple[LocalText | None, LocalText | None, LocalText | None]:
    by_language = isinstance(node, Fields) and any(
        language_code(each.written) in scope.notes.languages for each in node.entries
    )
    if not isinstance(node, Fields) or by_language:
        return local_text(node, kind, scope, names=True), None, None
    keys = Keys(node, kind, scope)
    url = local_text(keys.need("url", "url: https://..."), f"The url of the {kind}", scope, names=True)
    caption = local_text(keys.take("caption"), "caption", scope)
    filename = local_text(keys.take("filename"), "filename", scope, names=True) if kind == "document" else None
    keys.finish()
    return url, caption, filename


def good_url(url: LocalText, node: Node, what: str, scope: Scope) -> bool:
    """Whether every language's address starts with https:// (or a placeholder that brings it)."""
    for phrasing in url.by_language.values():
        first = phrasing[0] if phrasing else ""
        if isinstance(first, str) and not re.match(r"https?://[^\s/]+", first + ("x" if len(phrasing) > 1 else "")):
            scope.error(
                node.place,
                f'The {what} needs an address that starts with https://, not "{first}". {_address_meant(first)}',
            )
            return False
        if spaced := next((part for part in phrasing if isinstance(part, str) and re.search(r"\s", part)), None):
            cure = re.sub(r"\s", "%20", spaced)
            scope.error(node.place, f'An address holds no spaces, and "{spaced}" does. Write {quote(cure)}.')
            return False
    return True


def _address_meant(written: str) -> str:
    if inside := re.search(r"https?://[^\s<>()\[\]]+", written):
        return f"Write {quote(inside[0])} alone."
    if re.match(r"(?:[A-Za-z]:[\\/]|file:|~|/|\\\\)", written):
        return OWN_DISK
    if re.match(r"www\.|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/", written):
        return f"Write {quote('https://' + written)}."
    return "Write the whole address."


def location(node: Node | None, scope: Scope) -> SayLocation | None:
    """``{latitude, longitude, title, label}``."""
    mapping = fields(node, "location", "location: {latitude: 59.3293, longitude: 18.0686, title: Our shop}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "location", scope)
    latitude = degrees(keys.need("latitude", "latitude: 59.3293"), "latitude", scope, 90)
    longitude = degrees(keys.need("longitude", "longitude: 18.0686"), "longitude", scope, 180)
    title = local_text(keys.need("title", "title: Our shop"), "title", scope, names=True)
    label = local_text(keys.take("label"), "label", scope, names=True)
    keys.finish()
    if latitude is None or longitude is None or title is None:
        return None
    return SayLocation(latitude, longitude, title, label)


def contact(node: Node | None, scope: Scope) -> SayContact | None:
    """``{name, phone, email, company}``."""
    mapping = fields(node, "contact", 'contact: {name: Our shop, phone: "+46812345678"}', scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "contact", scope)
    name = local_text(keys.need("name", "name: Our shop"), "name", scope, names=True)
    phone_node = keys.need("phone", 'phone: "+46812345678"')
    phone = word(phone_node, "phone", scope)
    email = word(keys.take("email"), "email", scope) or ""
    company = word(keys.take("company"), "company", scope) or ""
    keys.finish()
    phone = re.sub(r"\(0\)", "", phone) if phone else phone  # a zero that is dialled at home only
    if phone and phone_node and not re.fullmatch(r"\+[1-9][\d ()-]{6,20}", phone):
        meant = re.sub(r"^00|^\+", "+", phone)
        meant = re.sub(r"[^\d+]", "", meant)
        cure = f'Did you mean "{meant}"?' if re.fullmatch(r"\+[1-9]\d{6,14}", meant) else "Write it like +46812345678."
        scope.error(phone_node.place, f'"{phone}" is not a phone number with country code. {cure}')
        return None
    return SayContact(name, re.sub(r"[^\d+]", "", phone), email, company) if name and phone else None
