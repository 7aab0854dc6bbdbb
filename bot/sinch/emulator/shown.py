"""What one bubble consists of: words, things to tap, files, places, cards, forms, each with its parts apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from bot.sinch.emulator.fields import Json

LINE_MAX = 100
_STAND_INS = {
    "location": "Location",
    "contact": "Contact",
    "products": "Products",
    "flow": "Form",
    "raw": "Message",
}


@dataclass(frozen=True, slots=True)
class Option:
    """Something to tap: its words and what a tap sends back."""

    title: str
    postback: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a list; its rows are also among ``Shown.options``, in the same order."""

    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file by its address. ``kind``: image, video, audio, voice, document, sticker, or file where nothing tells."""

    kind: str
    url: str
    name: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the map, in degrees, with what it is called."""

    latitude: float
    longitude: float
    title: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Somebody's contact card."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    company: str = ""
    birthday: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A template's button. ``kind``: quick_reply, url, phone_number, copy_code or flow; only what that kind has is set.

    A ``quick_reply`` is also among ``Shown.options``, in the same order.
    """

    kind: str
    title: str
    postback: str = ""
    url: str = ""
    phone: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Approved:
    """A template with its parameters put in; ``body`` is empty where the emulator does not know its words."""

    name: str
    language: str
    category: str = ""
    header: str = ""
    header_file: File | None = None
    header_place: Place | None = None
    body: str = ""
    footer: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A WhatsApp Flow as the message describes it: its fields are at Meta, so no more is known than this.

    ``values`` is what the first screen was given; ``token`` goes back with the answers.
    """

    flow_id: str
    cta: str
    screen: str = ""
    token: str = ""
    action: str = ""
    mode: str = ""
    header_file: File | None = None
    values: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """A product offered or ordered; ``quantity`` and the price only where it was ordered."""

    id: str
    marketplace: str = ""
    section: str = ""
    quantity: int = 0
    price: float = 0.0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it appears.

    ``kind`` is text, buttons, list, link, media, location, contact, products, flow, template, reaction or raw; the parts
    of other kinds are None or empty. ``text`` is all of it in words. ``degraded`` says why choices became plain text,
    empty where nothing was lost. A reaction appears on the message ``about`` instead of as a bubble.
    """

    kind: str
    text: str = ""
    options: tuple[Option, ...] = ()
    header: str = ""
    footer: str = ""
    menu: str = ""
    url: str = ""
    degraded: str = ""
    sections: tuple[Section, ...] = ()
    file: File | None = None
    place: Place | None = None
    card: Card | None = None
    template: Approved | None = None
    form: Form | None = None
    products: tuple[Product, ...] = ()
    catalog_id: str = ""
    about: str = ""

    def resource(self) -> Json:
        """As JSON, empty parts left out."""
        parts: Json = {"kind": self.kind, "text": self.text}
        for name in ("header", "footer", "menu", "url", "degraded", "catalog_id", "about"):
            if value := getattr(self, name):
                parts[name] = value
        for name in ("file", "place", "card", "template", "form"):
            if (part := getattr(self, name)) is not None:
                parts[name] = asdict(part)
        for name in ("options", "sections", "products"):
            if items := getattr(self, name):
                parts[name] = [asdict(item) for item in items]
        return parts

    @property
    def line(self) -> str:
        """It in one short line, for a quote: its first words, or what it is."""
        words = " ".join(self.text.split())
        if not words:
            words = self.file.kind.capitalize() if self.file is not None else _STAND_INS.get(self.kind, "Message")
        return words if len(words) <= LINE_MAX else words[: LINE_MAX - 1] + "…"
