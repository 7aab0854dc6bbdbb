"""Replies ready to leave: final words in one language, with WhatsApp's limits.

These are what ``decide`` produces, what the outbox stores and what ``bot.sinch.wire`` renders. The sizes are WhatsApp's
(Meta's Cloud API reference and Sinch's channel documentation); lengths are counted in Unicode code points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.value import quick

TEXT_MAX = 4096
BODY_MAX = 1024  # text of a message that carries buttons, a list or a link
CAPTION_MAX = 1024
BUTTON_MAX = 20
BUTTONS_MAX = 3
HEADER_MAX = FOOTER_MAX = 60
LIST_ROWS_MAX = 10
ROW_TITLE_MAX = 24
ROW_DESCRIPTION_MAX = 72
SECTION_MAX = 24
BUTTON_ID_MAX = 229  # what Sinch leaves of WhatsApp's 256 for reply buttons
ROW_ID_MAX = 173  # what Sinch leaves of WhatsApp's 200 for list rows
TEMPLATE_BODY_MAX = 1024


@quick
@dataclass(frozen=True, slots=True)
class Button:
    """A reply button or list row. ``rule`` is where a tap leads, ``option`` its position in the reply that shows it."""

    label: str
    rule: str
    option: int
    description: str = ""


@quick
@dataclass(frozen=True, slots=True)
class TextReply:
    """Words alone."""

    text: str


@quick
@dataclass(frozen=True, slots=True)
class ButtonsReply:
    """Words with one to three buttons, and optionally a picture, video or document (``media_url``) above them."""

    text: str
    buttons: tuple[Button, ...]
    header: str = ""
    footer: str = ""
    media_url: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of list rows."""

    title: str
    rows: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class ListReply:
    """Words with a button named ``menu`` that opens up to ten rows."""

    text: str
    menu: str
    sections: tuple[Section, ...]
    header: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True)
class MediaReply:
    """A file by URL. ``kind`` is image, video, audio, document or sticker."""

    kind: str
    url: str
    caption: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class LocationReply:
    """A place on the map; degrees."""

    latitude: float
    longitude: float
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ContactReply:
    """A contact card."""

    name: str
    phone: str
    email: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class LinkReply:
    """Words with one button that opens a URL."""

    text: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class FlowReply:
    """Words with a button that opens a WhatsApp Flow."""

    text: str
    flow_id: str
    cta: str
    header: str = ""
    footer: str = ""
    screen: str = ""


@dataclass(frozen=True, slots=True)
class TemplateReply:
    """A template approved at WhatsApp, allowed outside the window.

    ``language`` is WhatsApp's form (``en_US``). ``parameters`` are Sinch's keys to values, such as ``body[1]text``; ``category``
    is utility, marketing or authentication. ``buttons`` are all its quick replies, ``option`` their index on the template; a button whose
    ``rule`` is empty leads nowhere and carries no id of ours.
    ``text`` is what a person would read, where the body is known; for pages and terminals only.
    """

    name: str
    language: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    category: str = "utility"
    buttons: tuple[Button, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class OmniTemplateReply:
    """A Sinch-managed template by its id, with named parameters; ``language`` in Sinch's form (``en-US``)."""

    template_id: str
    language: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    category: str = "utility"
    version: str = "latest"


Reply = (
    TextReply
    | ButtonsReply
    | ListReply
    | MediaReply
    | LocationReply
    | ContactReply
    | LinkReply
    | FlowReply
    | TemplateReply
    | OmniTemplateReply
)


def is_template(reply: Reply) -> bool:
    """Whether WhatsApp takes this outside the customer service window."""
    return isinstance(reply, TemplateReply | OmniTemplateReply)


def category_of(reply: Reply) -> str:
    """WhatsApp's category of a template; what is none counts as utility."""
    return reply.category if isinstance(reply, TemplateReply | OmniTemplateReply) else "utility"


def buttons_of(reply: Reply) -> tuple[Button, ...]:
    """Every button or row in the order a person sees them, so that a typed number can find its option."""
    match reply:
        case ButtonsReply(buttons=buttons) | TemplateReply(buttons=buttons):
            return buttons
        case ListReply(sections=sections):
            return tuple(row for section in sections for row in section.rows)
        case _:
            return ()
