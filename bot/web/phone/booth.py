"""What the phone needs of the running demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.core.event import ContactKey
from bot.core.hours import zone
from bot.core.rulebook import Rulebook
from bot.sinch.emulator.person import Person
from bot.sinch.emulator.phones import Phone
from bot.sinch.emulator.server import Emulator
from bot.web.admin.desk import Desk
from bot.web.api.address import CHANNEL
from bot.web.phone.known import KnownReasons
from bot.web.site.live import Pulse


@dataclass(slots=True)
class Booth:
    """``closed``: contacts whose tab was closed, with where their phone stood then; one that gets something new opens again.
    ``opening``: the rulebook that answered when the demo started."""

    desk: Desk
    emulator: Emulator
    reasons: KnownReasons
    opening: int
    closed: dict[str, int] = field(default_factory=dict)
    changed: int = 0

    @property
    def rulebook(self) -> Rulebook:
        """The live one."""
        return self.desk.rules.live

    @property
    def zone(self) -> ZoneInfo:
        """Where the shop is: opening hours are told in its time, so the phone shows that time as well."""
        return zone(self.rulebook.settings.time_zone)

    def now(self) -> datetime:
        """The demo's present moment."""
        return self.emulator.clock.now()

    def person(self, identity: str) -> Person:
        """Somebody on WhatsApp, whose phone is there from now on."""
        return self.emulator.person(identity, self.desk.backend.app_id)

    def phones(self) -> dict[str, Phone]:
        """Every phone whose tab is open."""
        every = self.emulator.phones_of(self.desk.backend.app_id)
        return {name: phone for name, phone in every.items() if self.closed.get(name, -1) < phone.turn}

    def key(self, identity: str) -> ContactKey:
        """The person as the bot knows them."""
        return ContactKey(self.desk.backend.app_id, CHANNEL, identity)

    def close(self, identity: str) -> None:
        """Close a tab."""
        self.closed[identity] = self.person(identity).phone.turn
        self.changed += 1

    def open(self, identity: str) -> Person:
        """Open a tab."""
        self.closed.pop(identity, None)
        self.changed += 1
        return self.person(identity)

    async def turn(self) -> int:
        """Differs as soon as anything changed that the phone shows."""
        now, phones = self.now(), self.phones()
        dots = sum(phone.dots_until is not None and now < phone.dots_until for phone in phones.values())
        switches, rules = self.emulator.switches, self.desk.rules
        marks = (
            tuple((name, phone.anything.count) for name, phone in phones.items()),
            (dots, self.changed, switches.changes.count, sum(each.happened for each in switches.all())),
            (rules.live.version, tuple(map(str, rules.problems))),
            await self.desk.backend.store.conversations.turn(),
        )
        return hash(marks)


BOOTH: web.AppKey[Booth] = web.AppKey("booth", Booth)
PULSE: web.AppKey[Pulse] = web.AppKey("pulse", Pulse)
