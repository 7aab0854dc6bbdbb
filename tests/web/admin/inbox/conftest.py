"""The inbox over a real store on a file and real rules, asked as browsers ask; what is recorded is decided when it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from bot.core.event import ContactKey
from bot.store.units import InboxKind
from bot.store.users import Role
from bot.web.admin.desk import Desk
from bot.web.admin.routes import admin_app
from bot.web.api.backend import Backend
from bot.web.health import Health
from bot.web.intake import Intake
from bot.web.site.access import Access, Visitor
from bot.web.site.live import Pulse
from bot.web.site.pages import static_routes
from bot.work.clock import RunningClock
from bot.work.live import LiveRules
from bot.work.reload import Reloader
from bot.work.stored_events import reader
from tests.sinch.payloads import APP
from tests.work.traffic import Traffic, traffic_in

ANNA = "46701740605"
BEN = "447700900123"
ROLES: tuple[Role, ...] = ("view", "answer", "operate")
OURS = {"Sec-Fetch-Site": "same-origin"}
RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv], language_of_prefix: {"46": sv}}
teams: [support, sales]
canned:
  moment: {en: "One moment, {{first_name|please}}.", sv: "Ett ögonblick, {{first_name|tack}}."}
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    category: utility
    parameters: [first_name, order_number]
    body: {en: "Hi {{first_name}}, {{order_number}} is coming", sv: "Hej {{first_name}}, {{order_number}} kommer"}
rules:
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply: {text: {en: Hi there, sv: Hej du}}
  - name: person
    when: {says: {en: [human], sv: [människa]}}
    reply: {text: {en: A colleague comes, sv: En kollega kommer}}
    then: {hand_over: support, give_back_after: 12 hours}
  - name: shipped
    when: {event: order.shipped}
    reply: {text: {en: It left, sv: Den har gått}}
    if_closed: skip
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""


@dataclass
class Office:
    """Colleagues at the inbox. ``traffic`` is what happens outside; ``reader`` is who looks."""

    traffic: Traffic
    desk: Desk
    clients: dict[Role, TestClient[web.Request, web.Application]]
    role: Role = "answer"

    @property
    def client(self) -> TestClient[web.Request, web.Application]:
        return self.clients[self.role]

    async def person(self, identity: str = ANNA) -> int:
        number = await self.traffic.store.conversations.person(ContactKey(APP, "WHATSAPP", identity))
        assert number is not None
        return number

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path, allow_redirects=False)
        text = await answer.text()
        assert answer.status == status, text
        return text

    async def opens(self, identity: str = ANNA, query: str = "", status: int = 200) -> str:
        return await self.page(f"/admin/conversations/{await self.person(identity)}{query}", status)

    async def posts(self, act: str, identity: str = ANNA, **form: Any) -> ClientResponse:
        """A form that is sent, and what followed decided."""
        path = f"/admin/conversations/{await self.person(identity)}/{act}"
        answer = await self.client.post(path, data=form, headers=OURS, allow_redirects=False)
        await self.traffic.decide()
        return answer

    async def sent(self, identity: str = ANNA) -> list[str]:
        """What colleagues wrote, oldest first."""
        exchange = await self.traffic.store.contacts.exchange(ContactKey(APP, "WHATSAPP", identity), 100)
        assert exchange is not None
        messages = [each.message for each in exchange.entries if hasattr(each, "message")]
        texts = [getattr(each.reply, "text", "") for each in messages if each.origin.value == "person"]
        return texts[::-1]


@pytest.fixture
async def office(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[Office]:
    async with traffic_in(tmp_path / "parley.db", RULES) as traffic:
        live = LiveRules(traffic.rulebooks.live)
        pulse = Pulse(traffic.store.conversations.turn)

        backend = Backend(traffic.store, lambda: traffic.rulebooks.live, lambda: traffic.now, APP)
        access = Access(traffic.store.users, traffic.store.installation_key, lambda: traffic.now)
        desk = Desk(
            backend=backend,
            access=access,
            pulse=pulse,
            rules=live,
            reloader=Reloader(tmp_path, traffic.store, live, RunningClock(lambda: traffic.now)),
            health=Health(traffic.store, list),
            database=tmp_path / "parley.db",
            rules_dir=tmp_path,
            intake=Intake(lambda body, at: reader(APP)(InboxKind.INBOUND, body, at), lambda: live.live.consent, None),
        )
        clients = {}
        for role in ROLES:
            guest = Visitor(f"{role}er", role)
            entered = Access(traffic.store.users, traffic.store.installation_key, lambda: traffic.now, "", guest)
            app = web.Application()
            app.add_routes(static_routes())
            app.add_subapp("/admin", admin_app(replace(desk, access=entered)))
            clients[role] = await aiohttp_client(app)
        yield Office(traffic, desk, clients)
        pulse.stop()


def later(office: Office, **by: float) -> None:
    """Time passes."""
    office.traffic.now += timedelta(**by)
