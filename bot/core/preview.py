"""A reply in lines of plain text: what a person would read, for terminals and pages that show no picture of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

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
    TemplateReply,
    TextReply,
    buttons_of,
)


def preview(reply: Reply) -> list[str]:
    """The reply as lines of text."""
    return [*_words(reply), *(_button_line(at, each) for at, each in enumerate(buttons_of(reply), 1))]


def _words(reply: Reply) -> list[str]:
    match reply:
        case TextReply(text=text):
            return text.splitlines()
        case ButtonsReply():
            picture = [f"[picture] {reply.media_url}"] if reply.media_url else []
            return [*picture, *_framed(reply.header, reply.text, reply.footer)]
        case ListReply():
            return [*_framed(reply.header, reply.text, reply.footer), f"[list] {reply.menu}"]
        case MediaReply():
            return [f"[{reply.kind}] {reply.url}", *reply.caption.splitlines()]
        case LocationReply():
            return [f"[place] {reply.title} ({reply.latitude}, {reply.longitude})", *reply.label.splitlines()]
        case ContactReply():
            return [f"[contact] {reply.name}, {reply.phone}"]
        case LinkReply():
            return [*reply.text.splitlines(), f"[link] {reply.title}: {reply.url}"]
        case FlowReply():
            return [*_framed(reply.header, reply.text, reply.footer), f"[flow] {reply.cta}"]
        case TemplateReply():
            return [f"[template] {reply.name} ({reply.language})", *_template_words(reply)]
        case OmniTemplateReply():
            return [f"[template] {reply.template_id} ({reply.language})", *_values(reply.parameters.items())]
        case _:
            assert_never(reply)


def _template_words(reply: TemplateReply) -> list[str]:
    return reply.text.splitlines() or _values(reply.parameters.items())


def _values(values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name}: {value}" for name, value in values]


def _framed(header: str, text: str, footer: str) -> list[str]:
    return [*header.splitlines(), *text.splitlines(), *footer.splitlines()]


def _button_line(at: int, button: Button) -> str:
    described = f" - {button.description}" if button.description else ""
    leads = f"  -> {button.rule}" if button.rule else ""
    return f"  {at}) {button.label}{described}{leads}"
