"""The pages over the wired server and a real database; nobody answers where Sinch would be, and the tests decide when time goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, open_app
from bot.core.delivery import Policy
from bot.core.event import ContactKey, DeliveryReceipt, InboundMessage, Reason, Text
from bot.core.reply import Reply, TextReply
from bot.store.units import Accepted, InboxKind, Incoming, Lane, Order, Origin, Placed, Settled
from bot.store.users import Role
from bot.web.site.access import Visitor
from bot.work.clock import RunningClock
from tests.journeys.shop import APP, config_for, starting_at
from tests.sinch.payloads import PAYLOADS

HERE = {"Sec-Fetch-Site": "same-origin"}
NOBODY = "http://127.0.0.1:9"  # the port of discarding, where nothing listens
EVIL = '<script>alert("1")</script>\u202e&amp;\x00'
RULES = """
settings: {time_zone: UTC, languages: [en]}
templates:
  news: {languages: {en: en_US}, category: marketing}
  order: {languages: {en: en_US}, category: utility, parameters: [number]}
rules:
  - name: welcome
    when: {says: [hello]}
    reply: {text: Hi}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: Pardon?}
"""


def posted(text: str, who: int = 1) -> bytes:
    """What Sinch posts when this person writes."""
    body = orjson.loads(PAYLOADS["text"])
    body["app_id"] = APP
    body["message"]["contact_message"] = {"text_message": {"text": text}}
    body["message"]["channel_identity"]["identity"] = person(who).identity
    body["message"]["id"] = f"m{who}{text}"
    return orjson.dumps(body)


Page = TestClient[web.Request, web.Application]


def person(number: int = 1) -> ContactKey:
    """Somebody with a number of their own."""
    return ContactKey(APP, "WHATSAPP", f"4670000{number:04}")


@dataclass
class Office:
    """``page`` asks as somebody on this machine who may do what ``role`` says."""

    app: App
    page: Page
    now: Callable[[], datetime]

    async def text(self, path: str, status: int = 200) -> str:
        """The page at ``path``."""
        async with self.page.get(path) as response:
            assert response.status == status, await response.text()
            return await response.text()

    async def posts(self, path: str, status: int = 303, **form: str | Sequence[str]) -> str:
        """Sends a form; where it leads to, or what it says."""
        fields = [(name, one) for name, each in form.items() for one in ([each] if isinstance(each, str) else each)]
        async with self.page.post(path, data=fields, headers=HERE, allow_redirects=False) as response:
            assert response.status == status, await response.text()
            return response.headers["Location"] if status == 303 else await response.text()

    async def dies(self, text: str = "hello", who: int = 1, why: str = "Deciding it failed 3 times: KeyError.") -> int:
        """A message that the bot gives up; its number."""
        event = InboundMessage(f"in:{who}:{text}", person(who), f"m{who}", Text(text), self.now(), self.now())
        raw = posted(text, who)
        await self.app.store.record([Incoming(event, InboxKind.INBOUND, raw)], self.now())

        def give_up(lane: Lane) -> Sequence[Settled]:
            return [Settled(each.inbox_id, dead=why) for each in lane.pending]

        await self.app.store.decide_ready(10, self.now(), give_up)
        return (await self.app.store.trouble.dead_letters(APP, 1))[0].inbox_id

    async def fails(
        self, code: str, who: int = 1, reference: str = "", reply: Reply | None = None, said: str = ""
    ) -> str:
        """A message of ours that WhatsApp fails with ``code``; its id."""
        order = Order(
            person(who),
            reply or TextReply("Your order"),
            "fail",
            Origin.API,
            "utility",
            reference=reference,
            at_most_once=True,
        )
        event = InboundMessage(f"w{who}{code}", person(who), f"w{who}{code}", Text("hi"), self.now(), self.now())
        await self.app.store.record([Incoming(event, InboxKind.INBOUND, b"{}")], self.now())
        (placed,) = await self.app.store.place([order], self.now())
        assert isinstance(placed, Placed)
        (started,) = await self.app.store.start(1, self.now(), Policy(marketing="not_stopped"))
        await self.app.store.finish([Accepted(started.attempt_id, f"M{who}{code}")], self.now())
        reason = Reason("CHANNEL_FAILURE", said, "", code)
        receipt = DeliveryReceipt(
            f"r{who}{code}", person(who), f"M{who}{code}", placed.outbox_id, "FAILED", self.now(), self.now(), reason
        )
        await self.app.store.record([Incoming(receipt, InboxKind.RECEIPT, b"{}")], self.now())
        await self.app.store.decide_ready(10, self.now(), ignoring)
        return placed.outbox_id


def ignoring(lane: Lane) -> Sequence[Settled]:
    """Decides that nothing is to be answered."""
    from tests.store.making import settled

    return [settled(each.inbox_id) for each in lane.pending]


@asynccontextmanager
async def office(
    folder: Path, role: Role = "operate", workers: bool = False, book: str = RULES, **changes: object
) -> AsyncIterator[Office]:
    """Open for visitors of ``role``. Without ``workers`` nothing is decided or sent by itself. ``book``: the rules."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "shop.yaml").write_text(book, encoding="utf-8")
    clock = RunningClock(starting_at(datetime.fromisoformat("2026-01-07T10:02:00+00:00")))
    app = await open_app(config_for(NOBODY, folder / "parley.db", rules, **changes), clock)
    if not workers:
        await _rests(app)
    client = TestClient(TestServer(app.web(app.desk(Visitor("ola", role, is_guest=True)))))
    await client.start_server()
    try:
        yield Office(app, client, clock.now)
    finally:
        await client.close()
        await app.close()


async def _rests(app: App) -> None:
    app.inbox.stop()
    app.campaigns.stop()
    await app.sender.drain(5.0)
    names: Mapping[str, asyncio.Task[None]] = {task.get_name(): task for task in app.tasks}
    await asyncio.gather(names["inbox"], names["campaigns"])
