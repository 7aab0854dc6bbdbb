"""What a person reads of a reply: its words, its titles, its template."""

from __future__ import annotations

from typing import assert_never

from bot.core.reply import (
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    TemplateReply,
    TextReply,
    buttons_of,
)
from bot.core.rulebook import Rulebook


def body_of(reply: Reply) -> str:
    """The words that are the message itself; empty where it has none, or where only WhatsApp knows them."""
    match reply:
        case TextReply(text=text) | ButtonsReply(text=text) | ListReply(text=text) | LinkReply(text=text):
            return text
        case FlowReply(text=text) | TemplateReply(text=text):
            return text
        case MediaReply(caption=caption):
            return caption
        case LocationReply(title=title):
            return title
        case ContactReply(name=name):
            return name
        case OmniTemplateReply():
            return ""
        case _:
            assert_never(reply)


def words_of(reply: Reply) -> tuple[str, ...]:
    """All words that the person sees, buttons aside."""
    match reply:
        case ButtonsReply() | ListReply() | FlowReply():
            found: tuple[str, ...] = (reply.header, reply.text, reply.footer)
        case MediaReply():
            found = (reply.caption, reply.filename or reply.url)
        case LocationReply():
            found = (reply.title, reply.label)
        case ContactReply():
            found = (reply.name, reply.phone, reply.email, reply.company)
        case LinkReply():
            found = (reply.text, reply.url)
        case TemplateReply():
            found = (reply.text,) if reply.text else (reply.name, *reply.parameters.values())
        case OmniTemplateReply():
            found = (reply.template_id, *reply.parameters.values())
        case TextReply():
            found = (reply.text,)
        case _:
            assert_never(reply)
    return tuple(each for each in found if each)


def titles_of(reply: Reply) -> tuple[str, ...]:
    """The titles of everything that can be tapped, in order."""
    match reply:
        case LinkReply(title=title):
            return (title,)
        case FlowReply(cta=cta):
            return (cta,)
        case _:
            return tuple(button.label for button in buttons_of(reply))


def template_of(reply: Reply, rulebook: Rulebook) -> str:
    """The name under which the rules declare it; empty for what is no template."""
    match reply:
        case TemplateReply(name=name):
            return name
        case OmniTemplateReply(template_id=omni):
            return next((each.name for each in rulebook.templates.values() if each.omni == omni), omni)
        case _:
            return ""
