"""What one message says, ready to be shown: ours and theirs as the same value, whatever kind they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from bot.core.button import read_button_id
from bot.core.event import (
    Content,
    FlowAnswer,
    Location,
    Media,
    MediaKind,
    Order,
    OwnTap,
    Tap,
    Text,
    Unreadable,
)
from bot.core.hearing import message_text
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
)

LINE_MAX: Final = 120
LONG: Final = 1200  # characters of one text that are shown at once
KINDS: Final[Mapping[str, str]] = {
    "image": "Picture",
    "video": "Video",
    "voice": "Voice note",
    "audio": "Sound",
    "document": "Document",
    "sticker": "Sticker",
    "file": "File",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or a row of a list; ``section`` heads the first row of its group."""

    label: str
    description: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """Something one can open; ``url`` empty where it is no web address."""

    kind: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Said:
    """``mark`` is a small word above ("template order_shipped, sv"), ``facts`` are named values, ``menu`` the word on a list's button.
    ``quiet``: the text is ours about the message, not its own words."""

    text: str = ""
    mark: str = ""
    header: str = ""
    footer: str = ""
    file: File | None = None
    facts: tuple[tuple[str, str], ...] = ()
    menu: str = ""
    choices: tuple[Choice, ...] = ()
    link: File | None = None
    quiet: bool = False

    @property
    def beginning(self) -> str:
        """As much of the text as is shown at once."""
        return self.text if len(self.text) <= LONG else self.text[:LONG]

    @property
    def rest(self) -> str:
        """What is shown when somebody asks for it."""
        return self.text[LONG:]

    @property
    def line(self) -> str:
        """All of it in one short line."""
        file, link = self.file, self.link
        names = (file.name if file else "", link.name if link else "", self.mark, *(value for _, value in self.facts))
        words = next((" ".join(each.split()) for each in (self.text, self.header, *names) if each.strip()), "")
        line = f"{file.kind}: {words}" if file and words else words
        return line if len(line) <= LINE_MAX else f"{line[: LINE_MAX - 1]}…"


def address(url: str) -> str:
    """``url`` where it is one of the web, which alone is made a link; else nothing."""
    return url if url.lower().startswith(("https://", "http://")) else ""


# --- ours ------------------------------------------------------------


def said_by_us(reply: Reply) -> Said:
    """A message of ours, as it left or is to leave."""
    match reply:
        case TextReply(text=text):
            return Said(text)
        case ButtonsReply():
            file = File("File", reply.media_url, address(reply.media_url)) if reply.media_url else None
            choices = tuple(Choice(each.label) for each in reply.buttons)
            return Said(reply.text, header=reply.header, footer=reply.footer, file=file, choices=choices)
        case ListReply():
            return Said(
                reply.text, header=reply.header, footer=reply.footer, menu=reply.menu or "Choose", choices=_rows(reply)
            )
        case MediaReply():
            name = reply.filename or reply.url
            return Said(reply.caption, file=File(KINDS.get(reply.kind, "File"), name, address(reply.url)))
        case LocationReply():
            return _place(reply.latitude, reply.longitude, reply.title, reply.label)
        case ContactReply():
            card = (("Phone", reply.phone), ("Mail", reply.email), ("Company", reply.company))
            return Said(reply.name, mark="contact card", facts=tuple(fact for fact in card if fact[1]))
        case LinkReply():
            return Said(reply.text, link=File("Link", reply.title, address(reply.url)))
        case FlowReply():
            choices = (Choice(reply.cta),)
            mark = f"form {reply.flow_id}"
            return Said(reply.text, mark=mark, header=reply.header, footer=reply.footer, choices=choices)
        case TemplateReply():
            return _template(reply)
        case OmniTemplateReply():
            mark = f"template {reply.template_id}, {reply.language}"
            return Said("", mark=mark, facts=tuple(reply.parameters.items()))
        case _:
            assert_never(reply)


def _rows(reply: ListReply) -> tuple[Choice, ...]:
    return tuple(
        Choice(row.label, row.description, "" if at else section.title)
        for section in reply.sections
        for at, row in enumerate(section.rows)
    )


def _template(reply: TemplateReply) -> Said:
    """With its values where its words are not known here."""
    facts = () if reply.text else tuple(reply.parameters.items())
    choices = tuple(Choice(each.label) for each in reply.buttons)
    return Said(reply.text, mark=f"template {reply.name}, {reply.language}", facts=facts, choices=choices)


def _place(latitude: float, longitude: float, title: str, label: str) -> Said:
    at = f"{latitude:.6g}, {longitude:.6g}"
    url = (
        f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=16/{latitude:.6f}/{longitude:.6f}"
    )
    return Said(label, file=File("Location", title or at, url), facts=(("At", at),) if title else ())


# --- theirs ------------------------------------------------------------

Labels = Mapping[tuple[str, int], str]  # rule and option of a button that was shown -> its label


def said_by_them(content: Content, told_kind: MediaKind | None, button_key: bytes, labels: Labels) -> Said:
    """What a person wrote, tapped or sent. ``told_kind``: of a file, what its server said it is."""
    match content:
        case Text(text=text):
            return Said(text)
        case Media():
            kind = (content.kind or told_kind or MediaKind.FILE).value
            return Said(content.caption, file=File(KINDS[kind], content.filename or "open", address(content.url)))
        case Tap():
            own = read_button_id(button_key, content.postback)
            return (
                _tap(own[0], own[2], labels) if own else Said(message_text(content) or content.postback, mark="tapped")
            )
        case OwnTap(rule=rule, option=option):
            return _tap(rule, option, labels)
        case Location():
            return _place(content.latitude, content.longitude, content.title, content.label)
        case Order():
            lines = tuple((item.id, f"{item.quantity} × {item.item_price:g} {item.currency}") for item in content.items)
            return Said(content.title, mark="order from the catalogue", facts=lines)
        case FlowAnswer():
            return Said("", mark="form filled in", facts=tuple(content.fields.items()))
        case Unreadable(why=why):
            return Said(f"A kind of message that cannot be read here ({why}).", quiet=True)
        case _:
            assert_never(content)


def _tap(rule: str, option: int, labels: Labels) -> Said:
    label = labels.get((rule, option))
    return Said(label, mark="tapped") if label else Said(f"A button that leads to {rule}", mark="tapped", quiet=True)
