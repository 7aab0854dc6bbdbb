"""Bubbles as the page shows them: what the emulator's phone holds, with words made ready to be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.core.failures import next_step
from bot.core.rule import SayFlow
from bot.core.rulebook import Rulebook
from bot.sinch.emulator.files import Files
from bot.sinch.emulator.phones import Bubble
from bot.sinch.emulator.shown import Button, File, Form, Place, Shown
from bot.web.phone.map import Map, drawn
from bot.web.phone.written import folded, is_link, printable, written
from bot.web.site.words import day

_TICKS: Final = ("not sent yet", "sent", "delivered", "read")
_PLAYS: Final = frozenset({"image", "sticker", "video", "audio", "voice"})
_NAMES: Final = {
    "image": "Picture",
    "sticker": "Sticker",
    "video": "Video",
    "audio": "Sound",
    "voice": "Voice note",
    "document": "Document",
    "file": "File",
}


@dataclass(frozen=True, slots=True)
class FileView:
    """``source``: where this server has it; empty where it is elsewhere, which the page does not fetch. ``address`` is a link to it."""

    kind: str
    words: str
    name: str
    host: str
    source: str
    address: str


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A place with its drawing."""

    title: str
    label: str
    map: Map


@dataclass(frozen=True, slots=True)
class LinkView:
    """A template's or a message's button that leads out; ``address`` empty: it cannot be followed here."""

    kind: str
    title: str
    address: str
    told: str


@dataclass(frozen=True, slots=True)
class FormView:
    """A form to fill in; ``fields`` are the answers that the rules want to have."""

    words: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What a bubble answers to."""

    message_id: str
    who: str
    line: str


@dataclass(frozen=True, slots=True)
class BubbleView:
    """One bubble. ``day`` is set on the first one of a day, ``tail`` on the first of a row of one side. ``spoken`` says how it went."""

    id: str
    mine: bool
    shown: Shown
    at: datetime
    clock: str
    day: str
    tail: bool
    ticks: int
    spoken: str
    failed: str
    words: Markup
    rest: Markup
    header: Markup
    footer: Markup
    file: FileView | None
    place: PlaceView | None
    links: tuple[LinkView, ...]
    form: FormView | None
    quoted: QuoteView | None
    reaction: str
    their_reaction: str
    selected: bool
    is_form_answer: bool


def views(
    bubbles: Sequence[Bubble], files: Files, rulebook: Rulebook, zone: ZoneInfo, now: datetime, selected: str
) -> list[BubbleView]:
    """All bubbles of one phone, oldest first."""
    found: list[BubbleView] = []
    last, mine = "", None
    for bubble in bubbles:
        at = datetime.fromisoformat(bubble.at).astimezone(zone)
        name = day(at, now.astimezone(zone))
        is_new = name != last
        found.append(
            _view(bubble, files, rulebook, at, name if is_new else "", is_new or bubble.mine is not mine, selected)
        )
        last, mine = name, bubble.mine
    return found


def _view(
    bubble: Bubble, files: Files, rulebook: Rulebook, at: datetime, day: str, tail: bool, selected: str
) -> BubbleView:
    shown = bubble.shown
    template, file = shown.template, shown.file
    if template is not None:
        file = template.header_file
    elif shown.form is not None:
        file = shown.form.header_file
    words, rest = folded(_words(shown))
    place = template.header_place if template is not None else shown.place
    return BubbleView(
        id=bubble.message_id,
        mine=bubble.mine,
        shown=shown,
        at=at,
        clock=f"{at:%H:%M}",
        day=day,
        tail=tail,
        ticks=bubble.ticks,
        spoken="not delivered" if bubble.failed else _TICKS[min(bubble.ticks, 3)],
        failed=printable(_failure(bubble)),
        words=words,
        rest=rest,
        header=written(template.header if template is not None else shown.header),
        footer=written(template.footer if template is not None else shown.footer),
        file=_file(file, files) if file is not None else None,
        place=_place(place) if place is not None else None,
        links=tuple(_links(shown)),
        form=_form(shown.form, shown, rulebook),
        quoted=_quote(bubble),
        reaction=bubble.reaction,
        their_reaction=bubble.their_reaction,
        selected=bubble.message_id == selected,
        is_form_answer=bubble.mine and shown.kind == "flow",
    )


def _words(shown: Shown) -> str:
    """The words of the bubble itself: of a template its body, of a file its caption, of a place and a card none."""
    if shown.template is not None:
        return shown.template.body or shown.text
    if shown.kind == "media":
        return shown.file.caption if shown.file is not None else shown.text
    return "" if shown.kind in ("location", "contact") and (shown.place or shown.card) else shown.text


def _failure(bubble: Bubble) -> str:
    if not bubble.failed:
        return ""
    code = f"WhatsApp {bubble.failed_channel_code}" if bubble.failed_channel_code else bubble.failed
    cause = next_step(bubble.failed, bubble.failed_channel_code, bubble.shown.template is not None).cause
    return f"Not delivered: {cause.rstrip('.')} ({code})."


def _file(file: File, files: Files) -> FileView:
    held = files.at(file.url)
    host = _host(file.url)
    plays = held is not None and file.kind in _PLAYS
    source = f"file/{quote(held.id)}" if held is not None else ""
    name = file.name or (held.name if held is not None else "") or _last_part(file.url)
    address = source if held is not None else file.url if is_link(file.url) else ""
    words = _NAMES.get(file.kind, "File")
    return FileView(file.kind, words, printable(name), printable(host), source if plays else "", address)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _last_part(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2][:80]


def _place(place: Place) -> PlaceView:
    return PlaceView(printable(place.title), printable(place.label), drawn(place.latitude, place.longitude))


def _links(shown: Shown) -> Iterable[LinkView]:
    if shown.kind == "link":
        title = shown.options[0].title if shown.options else shown.url
        yield LinkView("url", printable(title), shown.url if is_link(shown.url) else "", printable(shown.url))
    for button in shown.template.buttons if shown.template is not None else ():
        if button.kind != "quick_reply":
            yield _button(button)


def _button(button: Button) -> LinkView:
    told = button.url or button.phone or button.code
    return LinkView(button.kind, printable(button.title), button.url if is_link(button.url) else "", printable(told))


def _form(form: Form | None, shown: Shown, rulebook: Rulebook) -> FormView | None:
    """What the rules want to know of this form; one answer where they name none."""
    if form is None:
        return None
    wanted = [
        name
        for rule in rulebook.rules
        for item in rule.reply
        for say in item.says
        if isinstance(say, SayFlow) and say.flow_id == form.flow_id
        for name in say.results
    ]
    return FormView(printable(shown.menu or "Open"), tuple(dict.fromkeys(wanted)) or ("answer",))


def _quote(bubble: Bubble) -> QuoteView | None:
    if bubble.quoted is None:
        return None
    known = bool(bubble.quoted.line)
    who = "You" if bubble.quoted.mine else "The bot"
    line = printable(bubble.quoted.line) if known else "A message that is no longer here"
    return QuoteView(bubble.quoted.message_id, who if known else "", line)
