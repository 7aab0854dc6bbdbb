"""From what a rule says to a reply ready to leave: one language, values filled in, WhatsApp's limits kept."""

from __future__ import annotations

from typing import assert_never

from bot.core.filling import Unsayable, fill, fill_optional, fill_url, fill_whole
from bot.core.reply import (
    BODY_MAX,
    BUTTON_MAX,
    CAPTION_MAX,
    FOOTER_MAX,
    HEADER_MAX,
    ROW_DESCRIPTION_MAX,
    ROW_TITLE_MAX,
    SECTION_MAX,
    TEXT_MAX,
    Button,
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    Reply,
    Section,
    TextReply,
)
from bot.core.rule import (
    ButtonSpec,
    Say,
    SayButtons,
    SayContact,
    SayFlow,
    SayLink,
    SayList,
    SayLocation,
    SayMedia,
    SayTemplate,
    SayText,
)
from bot.core.scene import Scene
from bot.core.templates import template_reply

FILENAME_MAX = 240
TITLE_MAX = 1000  # names of places and people: WhatsApp tells no limit, this keeps them sane

__all__ = ["Unsayable", "say"]


def say(what: Say, scene: Scene) -> Reply:
    """The reply that ``what`` becomes in ``scene``; notes about values cut or missing go to ``scene.notes``.

    Raises ``Unsayable`` where it cannot be sent: a title, URL or template value too long, or nothing left to say.
    """
    match what:
        case SayText(text=text):
            return TextReply(fill(text, scene, TEXT_MAX, "text"))
        case SayButtons():
            return _buttons(what, scene)
        case SayList():
            return _list(what, scene)
        case SayMedia():
            return _media(what, scene)
        case SayLocation():
            title = fill(what.title, scene, TITLE_MAX, "name of the place")
            return LocationReply(
                what.latitude, what.longitude, title, fill_optional(what.label, scene, TITLE_MAX, "address")
            )
        case SayContact():
            name = fill(what.name, scene, TITLE_MAX, "name of the contact")
            return ContactReply(name, what.phone, what.email, what.company)
        case SayLink():
            return LinkReply(
                fill(what.text, scene, BODY_MAX, "text"),
                fill_whole(what.title, scene, BUTTON_MAX, "title of the link"),
                fill_url(what.url, scene, "address of the link"),
            )
        case SayFlow():
            return _flow(what, scene)
        case SayTemplate():
            return template_reply(what, scene)
        case _:
            assert_never(what)


def _buttons(spec: SayButtons, scene: Scene) -> ButtonsReply:
    return ButtonsReply(
        fill(spec.text, scene, BODY_MAX, "text"),
        tuple(
            Button(fill_whole(each.label, scene, BUTTON_MAX, "button title"), each.goes_to, option)
            for option, each in enumerate(spec.buttons)
        ),
        fill_optional(spec.header, scene, HEADER_MAX, "header"),
        fill_optional(spec.footer, scene, FOOTER_MAX, "footer"),
        "" if spec.image is None else fill_url(spec.image, scene, "address of the image"),
    )


def _list(spec: SayList, scene: Scene) -> ListReply:
    sections: list[Section] = []
    option = 0
    for section in spec.sections:
        rows = tuple(_row(each, option + at, scene) for at, each in enumerate(section.rows))
        sections.append(Section(fill_optional(section.title, scene, SECTION_MAX, "section title"), rows))
        option += len(rows)
    return ListReply(
        fill(spec.text, scene, BODY_MAX, "text"),
        fill_whole(spec.menu, scene, BUTTON_MAX, "button of the list"),
        tuple(sections),
        fill_optional(spec.header, scene, HEADER_MAX, "header"),
        fill_optional(spec.footer, scene, FOOTER_MAX, "footer"),
    )


def _row(spec: ButtonSpec, option: int, scene: Scene) -> Button:
    label = fill_whole(spec.label, scene, ROW_TITLE_MAX, "row title")
    return Button(
        label, spec.goes_to, option, fill_optional(spec.description, scene, ROW_DESCRIPTION_MAX, "row description")
    )


def _media(spec: SayMedia, scene: Scene) -> MediaReply:
    return MediaReply(
        spec.kind,
        fill_url(spec.url, scene, f"address of the {spec.kind}"),
        fill_optional(spec.caption, scene, CAPTION_MAX, "caption"),
        fill_optional(spec.filename, scene, FILENAME_MAX, "file name"),
    )


def _flow(spec: SayFlow, scene: Scene) -> FlowReply:
    return FlowReply(
        fill(spec.text, scene, BODY_MAX, "text"),
        spec.flow_id,
        fill_whole(spec.cta, scene, BUTTON_MAX, "button of the flow"),
        fill_optional(spec.header, scene, HEADER_MAX, "header"),
        fill_optional(spec.footer, scene, FOOTER_MAX, "footer"),
        spec.screen,
    )
