"""Replies as JSON-ready values and back: what the outbox stores."""

from __future__ import annotations

from typing import assert_never

from bot.core.plain import Plain, Unreadable, decimal, items, mapping, number, text, texts
from bot.core.plain import without_blanks as kept
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
    Section,
    TemplateReply,
    TextReply,
)


def reply_to_plain(reply: Reply) -> Plain:
    """``reply`` with its kind under ``kind``."""
    plain: Plain
    match reply:
        case TextReply(text=words):
            return {"kind": "text", "text": words}
        case ButtonsReply():
            return kept(
                {
                    "kind": "buttons",
                    "text": reply.text,
                    "buttons": [_button_to_plain(each) for each in reply.buttons],
                    "header": reply.header,
                    "footer": reply.footer,
                    "media": reply.media_url,
                }
            )
        case ListReply():
            return kept(
                {
                    "kind": "list",
                    "text": reply.text,
                    "menu": reply.menu,
                    "sections": [_section_to_plain(each) for each in reply.sections],
                    "header": reply.header,
                    "footer": reply.footer,
                }
            )
        case MediaReply():
            plain = {"kind": "media", "media": reply.kind, "url": reply.url}
            return kept(plain | {"caption": reply.caption, "filename": reply.filename})
        case LocationReply(latitude=latitude, longitude=longitude, title=title, label=label):
            plain = {"kind": "location", "at": [latitude, longitude], "title": title}
            return plain | {"label": label} if label else plain
        case ContactReply():
            plain = {"kind": "contact", "name": reply.name, "phone": reply.phone}
            return kept(plain | {"email": reply.email, "company": reply.company})
        case LinkReply():
            return {"kind": "link", "text": reply.text, "title": reply.title, "url": reply.url}
        case FlowReply():
            plain = {"kind": "flow", "text": reply.text, "flow": reply.flow_id, "cta": reply.cta}
            return kept(plain | {"header": reply.header, "footer": reply.footer, "screen": reply.screen})
        case TemplateReply() | OmniTemplateReply():
            return _template_to_plain(reply)
        case _:
            assert_never(reply)


def _template_to_plain(reply: TemplateReply | OmniTemplateReply) -> Plain:
    plain: Plain = {
        "kind": "template",
        "name": reply.name if isinstance(reply, TemplateReply) else reply.template_id,
        "language": reply.language,
        "parameters": dict(reply.parameters),
        "category": reply.category,
    }
    if isinstance(reply, TemplateReply):
        return kept(plain | {"buttons": [_button_to_plain(each) for each in reply.buttons], "text": reply.text})
    return kept(plain | {"kind": "omni", "version": reply.version})


def _button_to_plain(button: Button) -> list[object]:
    plain: list[object] = [button.label, button.rule, button.option]
    return [*plain, button.description] if button.description else plain


def _section_to_plain(section: Section) -> list[object]:
    return [section.title, [_button_to_plain(row) for row in section.rows]]


def reply_from_plain(value: object) -> Reply:
    """The reply that ``reply_to_plain`` wrote."""
    plain = mapping(value)
    kind = text(plain.get("kind"))
    words = text(plain.get("text"))
    header, footer = text(plain.get("header")), text(plain.get("footer"))
    match kind:
        case "text":
            return TextReply(words)
        case "buttons":
            return ButtonsReply(words, _buttons(plain.get("buttons")), header, footer, text(plain.get("media")))
        case "list":
            sections = tuple(_section(each) for each in items(plain.get("sections")))
            return ListReply(words, text(plain.get("menu")), sections, header, footer)
        case "media":
            url, media = text(plain.get("url")), text(plain.get("media"))
            return MediaReply(media, url, text(plain.get("caption")), text(plain.get("filename")))
        case "location":
            latitude, longitude = map(decimal, items(plain.get("at")))
            return LocationReply(latitude, longitude, text(plain.get("title")), text(plain.get("label")))
        case "contact":
            name, phone = text(plain.get("name")), text(plain.get("phone"))
            return ContactReply(name, phone, text(plain.get("email")), text(plain.get("company")))
        case "link":
            return LinkReply(words, text(plain.get("title")), text(plain.get("url")))
        case "flow":
            flow, cta = text(plain.get("flow")), text(plain.get("cta"))
            return FlowReply(words, flow, cta, header, footer, text(plain.get("screen")))
        case "template" | "omni":
            name, language = text(plain.get("name")), text(plain.get("language"))
            parameters, category = texts(plain.get("parameters")), text(plain.get("category"))
            if kind == "omni":
                return OmniTemplateReply(name, language, parameters, category, text(plain.get("version")))
            return TemplateReply(name, language, parameters, category, _buttons(plain.get("buttons")), words)
        case _:
            raise Unreadable("a kind of reply", kind)


def _buttons(value: object) -> tuple[Button, ...]:
    return tuple(_button(each) for each in items(value))


def _button(value: object) -> Button:
    label, rule, option, *rest = items(value)
    return Button(text(label), text(rule), number(option), text(rest[0]) if rest else "")


def _section(value: object) -> Section:
    title, rows = items(value)
    return Section(text(title), _buttons(rows))
