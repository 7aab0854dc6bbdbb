"""The page: contacts, one chat, why the bot said what it said, the clock, the faults; whole as a page, and live in parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from bot.core.hours import opens_next
from bot.rulebook.problem import counted
from bot.sinch.emulator.phones import Bubble, Phone
from bot.sinch.emulator.traffic import Delivery
from bot.store.contacts import ContactView
from bot.web.phone.booth import BOOTH, PULSE, Booth
from bot.web.phone.bubbles import views
from bot.web.phone.looking import Looking, looking
from bot.web.phone.newcomers import language_name, language_of_number, suggested
from bot.web.phone.trying import to_try
from bot.web.phone.why import Why, why_of
from bot.web.phone.wire import sends, webhooks
from bot.web.phone.written import printable
from bot.web.site.access import Visitor
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered

PARTS: Final = {
    "contacts": "phone_contacts.html",
    "head": "phone_head.html",
    "chat": "phone_chat.html",
    "why": "phone_why.html",
    "clock": "phone_clock.html",
    "faults": "phone_faults.html",
    "saved": "phone_saved.html",
}
EMOJI: Final = ("👍", "❤️", "😂", "😮", "😢", "🙏")
_WINDOW: Final = timedelta(hours=24)
_PROBLEMS_SHOWN: Final = 3
BETWEEN_S: Final = 0.08  # a chat goes quickly, and the demo has few who look


@dataclass(frozen=True, slots=True)
class Tab:
    """A contact's tab. ``turn`` tells the page's script whether anything is new on it."""

    identity: str
    name: str
    speaks: str
    initial: str
    address: str
    is_here: bool
    turn: int


@dataclass(frozen=True, slots=True)
class Window:
    """WhatsApp's 24 hours: ``left`` is per cent of them, ``closes_at`` None: the person never wrote."""

    closes_at: datetime | None
    left: float
    is_open: bool


async def show(request: web.Request, visitor: Visitor) -> web.Response:
    """The whole page."""
    booth, here = request.app[BOOTH], looking(request.query)
    return html(printable(rendered("phone.html", await values(booth, here, visitor))))


async def follow(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The parts of the page that change, as they change."""
    booth, here = request.app[BOOTH], looking(request.query)

    async def fragments() -> Mapping[str, str]:
        found = await values(booth, here, visitor)
        return {name: printable(rendered(template, found)) for name, template in PARTS.items()}

    may_go_on = booth.desk.access.still_in(request)
    return await stream(request, request.app[PULSE], fragments, may_go_on, booth.now, BETWEEN_S)


async def values(booth: Booth, here: Looking, visitor: Visitor) -> dict[str, object]:
    """What the templates need."""
    phones, now = booth.phones(), booth.now()
    if here.contact not in phones:
        here = Looking(next(iter(phones), ""), tab=here.tab, sheet=here.sheet if here.sheet == "add" else "")
    phone = phones.get(here.contact)
    bubbles = phone.bubbles() if phone is not None else []
    selected = _selected(bubbles, here.message)
    view = await booth.desk.backend.store.contacts.contact(booth.key(here.contact))
    language = _language(booth, here.contact, view)
    return {
        "visitor": visitor,
        "here": "Phone",
        "now": now,
        "looking": here,
        "tabs": await _tabs(booth, phones, here),
        "name": _name(here.contact, phone),
        "language": language,
        "speaks": language_name(language),
        "is_stopped": view is not None and view.consent.stopped,
        "team": view.state.in_charge if view is not None else "",
        "window": _window(booth, here.contact, now),
        "phone": phone,
        "is_typing": phone is not None and await _is_typing(booth, here.contact, phone, now),
        "bubbles": views(
            bubbles, booth.emulator.files, booth.rulebook, booth.zone, now, selected.message_id if selected else ""
        ),
        "suggestions": to_try(booth.rulebook, language) if not bubbles else (),
        "emoji": EMOJI,
        "selected": selected,
        "is_followed": not here.message,
        "why": await _why(booth, selected) if here.tab == "why" and selected else None,
        "calls": await _calls(booth, here, selected),
        "person": await booth.desk.backend.store.conversations.person(booth.key(here.contact)),
        "shop_time": now.astimezone(booth.zone),
        "zone": booth.rulebook.settings.time_zone,
        "opening": next_opening(booth, now),
        "switches": booth.emulator.switches.all(),
        "saved": _saved(booth),
        "newcomers": suggested(booth.rulebook, _every(booth), [_name(name, each) for name, each in phones.items()]),
    }


def _every(booth: Booth) -> list[str]:
    return list(booth.emulator.phones_of(booth.desk.backend.app_id))


async def _tabs(booth: Booth, phones: Mapping[str, Phone], here: Looking) -> list[Tab]:
    found = []
    for identity, phone in phones.items():
        name = _name(identity, phone)
        view = await booth.desk.backend.store.contacts.contact(booth.key(identity))
        speaks = language_name(_language(booth, identity, view))
        address = Looking(identity).address()
        found.append(
            Tab(identity, name, speaks, name.lstrip("+")[:1].upper(), address, identity == here.contact, phone.turn)
        )
    return found


def _name(identity: str, phone: Phone | None) -> str:
    """What they call themselves, else their number."""
    own = printable(phone.name) if phone is not None else ""
    return own or (f"+{identity}" if identity.isdecimal() else printable(identity))


def _language(booth: Booth, identity: str, view: ContactView | None) -> str:
    """As the bot would answer them now."""
    settings = booth.rulebook.settings
    if view is not None and view.person.language in settings.languages:
        return view.person.language
    return language_of_number(identity, settings)


def _selected(bubbles: list[Bubble], wanted: str) -> Bubble | None:
    """The bubble asked for, else the newest of the bot, else the newest."""
    by_id = {each.message_id: each for each in bubbles}
    if wanted in by_id:
        return by_id[wanted]
    theirs = [each for each in bubbles if not each.mine]
    newest = theirs or bubbles
    return newest[-1] if newest else None


def _window(booth: Booth, identity: str, now: datetime) -> Window:
    closes_at = booth.person(identity).window_closes_at if identity else None
    if closes_at is None:
        return Window(None, 0.0, False)
    left = max(timedelta(), min(closes_at - now, _WINDOW))
    return Window(closes_at, round(100 * (left / _WINDOW), 1), closes_at > now)


async def _is_typing(booth: Booth, identity: str, phone: Phone, now: datetime) -> bool:
    """Whether an answer may still come: the phone waits for one, and the bot has not decided to keep silent."""
    if phone.dots_until is None or now >= phone.dots_until:
        return False
    view = await booth.desk.backend.store.contacts.contact(booth.key(identity))
    mine = [each for each in phone.bubbles() if each.mine]
    if view is None or not mine:
        return True
    known = await booth.reasons.of(mine[-1].message_id, "")
    return known.explained is None or bool(known.explained.decision.effects)


async def _why(booth: Booth, selected: Bubble) -> Why:
    return why_of(await booth.reasons.of(selected.message_id, _outbox_id(booth, selected)), selected.mine)


def _outbox_id(booth: Booth, bubble: Bubble) -> str:
    """What the bot calls a message of its own."""
    message = booth.emulator.world.messages.remembered(bubble.message_id)
    return message.metadata if message is not None and not bubble.mine else ""


async def _calls(booth: Booth, here: Looking, selected: Bubble | None) -> list[object]:
    """The requests that the tab shows: of a message of the bot also the webhook that led to it."""
    if selected is None or here.tab == "why":
        return []
    seen = booth.emulator.traffic(selected.message_id)
    if here.tab == "send":
        return [*sends(seen.sends)]
    led: tuple[Delivery, ...] = ()
    if not selected.mine:
        known = await booth.reasons.of(selected.message_id, _outbox_id(booth, selected))
        event = known.explained.kept.event if known.explained is not None else None
        led = booth.emulator.traffic(getattr(event, "message_id", "")).deliveries
    return [*webhooks((*led, *seen.deliveries))]


def next_opening(booth: Booth, now: datetime) -> datetime | None:
    """When a shop of the rules opens next."""
    found = (opens_next(booth.rulebook, name, now) for name in booth.rulebook.hours)
    return min((each for each in found if each is not None), default=None)


def _saved(booth: Booth) -> tuple[str, tuple[str, ...]]:
    """What came of the last save: a sentence, and what is wrong; both empty where nothing was saved since the start."""
    problems = [each for each in booth.desk.rules.problems if each.severity == "error"]
    if problems:
        more = [f"… and {len(problems) - _PROBLEMS_SHOWN} more"] if len(problems) > _PROBLEMS_SHOWN else []
        shown = [str(each) for each in problems[:_PROBLEMS_SHOWN]]
        return "The rules as saved are not live; those before go on answering.", (*shown, *more)
    if booth.rulebook.version == booth.opening:
        return "", ()
    return f"Rules saved: {counted(len(booth.rulebook.rules), 'rule')} answer now.", ()
