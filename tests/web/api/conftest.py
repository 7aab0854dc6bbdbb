"""The API over a real store on a file and real rules; only the clock is ours."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from bot.core.decision import ChangeConsent
from bot.core.event import ContactKey, InboundMessage, Text
from bot.core.rulebook import Rulebook
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming
from bot.web.api.backend import Backend
from bot.web.api.keys import make_key
from bot.web.api.routes import api_app

APP = "app"
ANNA = "+46701740605"
BEA = "+447700900123"
RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv], language_of_prefix: {"46": sv}}
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    category: utility
    parameters: [first_name, order_number]
    body: {en: "Hi {{first_name}}, {{order_number}} is coming", sv: "Hej {{first_name}}, {{order_number}} kommer"}
  spring_sale: {languages: {en: en_US}, category: marketing}
rules:
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply: {text: {en: Hi, sv: Hej}}
  - name: order_shipped
    when: {event: order.shipped, needs: [first_name, order_number]}
    reply: {text: {en: "{{first_name}}: {{order_number}}", sv: "{{first_name}}: {{order_number}}"}}
    if_closed: {template: order_shipped}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""


@dataclass
class Bench:
    """The API under test; ``woken`` are the workers that were told of something new."""

    client: TestClient[web.Request, web.Application]
    store: Store
    backend: Backend
    key: str
    clock: list[datetime]
    woken: list[str] = field(default_factory=list)

    async def post(self, path: str, body: object, key: str | None = None, **headers: str) -> ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers={"Authorization": f"Bearer {key or self.key}", **named})

    async def get(self, path: str) -> ClientResponse:
        return await self.client.get(path, headers={"Authorization": f"Bearer {self.key}"})

    async def message(self, **body: Any) -> ClientResponse:
        return await self.post("/v1/messages", {"to": ANNA, "reply": {"text": "Hello"}, **body})

    async def writes(self, to: str = ANNA, text: str = "hej", change: ChangeConsent | None = None) -> None:
        """The person writes now, which opens the window."""
        now = self.clock[0]
        contact = ContactKey(APP, "WHATSAPP", to.removeprefix("+"))
        event = InboundMessage(f"in-{to}-{now.timestamp()}-{text}", contact, "m", Text(text), now, now)
        await self.store.record([Incoming(event, InboxKind.INBOUND, b"{}", change)], now)

    async def stops(self, to: str = ANNA) -> None:
        await self.writes(to, "stop", ChangeConsent("all", "stopped", "the person wrote it", self.clock[0]))

    def later(self, **by: float) -> None:
        self.clock[0] += timedelta(**by)


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    reading = load_files({"rules/rules.yaml": RULES.encode()})
    assert reading.rulebook is not None, [str(problem) for problem in reading.problems]
    return reading.rulebook


@pytest.fixture
async def bench(
    tmp_path: Path,
    rulebook: Rulebook,
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
) -> AsyncIterator[Bench]:
    clock = [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    woken: list[str] = []
    store = await open_store(tmp_path / "parley.db", app=APP)
    backend = Backend(
        store=store,
        rulebook=lambda: rulebook,
        now=lambda: clock[0],
        app_id=APP,
        wake_inbox=lambda: woken.append("inbox"),
        wake_outbox=lambda: woken.append("outbox"),
    )
    app = web.Application()
    app.add_subapp("/v1", api_app(backend))
    key = await make_key(store, "webshop", ["send", "read"], clock[0])
    yield Bench(await aiohttp_client(app), store, backend, key, clock, woken)
    await store.close()
