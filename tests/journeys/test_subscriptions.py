"""The workshop's own systems listen: they verify what they are told, and miss nothing however badly they feel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks.webhooks
from aiohttp import web
from standardwebhooks import Webhook

from bot.web.api.keys import make_key
from tests.journeys.backend import Backend
from tests.journeys.conftest import Open
from tests.journeys.shop import ANNA, BEN, PATIENCE_S, Guest, Shop


@dataclass(slots=True)
class Listener:
    """Takes events at ``/told``, once their signature holds; ``answers`` is the status it gives, ``told`` what it took, ``tries`` counts.

    While ``may_answer`` is clear nobody is answered.
    """

    secret: str = ""
    place: str = ""
    answers: int = 204
    told: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tries: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    runner: web.ServerRunner | None = None

    async def opens(self) -> None:
        """It listens, at the same place as before."""
        host, _, port = (self.place or "127.0.0.1:0").partition(":")
        self.runner = web.ServerRunner(web.Server(self._hear), shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, host, int(port)).start()
        self.place = "{}:{}".format(*self.runner.addresses[0])

    async def closes(self) -> None:
        """Nobody is there."""
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _hear(self, request: web.BaseRequest) -> web.StreamResponse:
        document = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        self.tries += 1
        async with self.came:
            self.came.notify_all()
        await self.may_answer.wait()
        if 200 <= self.answers < 300:
            self.told.append(document)
            self.ids.append(request.headers["webhook-id"])
        async with self.came:
            self.came.notify_all()
        return web.Response(status=self.answers)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once it is so."""
        async with asyncio.timeout(PATIENCE_S), self.came:
            await self.came.wait_for(holds)

    async def hears(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of all it was told, once these kinds are what it was told in order of their numbers."""
        await self.until(lambda: len(self.told) >= len(kinds))
        in_order = sorted(self.told, key=lambda each: int(each["sequence"]))
        assert [each["type"] for each in in_order] == list(kinds)
        return [each["data"] for each in in_order]


@dataclass(slots=True)
class Office:
    """Who may subscribe."""

    shop: Shop
    key: str

    async def asks(self, method: str, path: str, body: object = None) -> Any:
        async with self.shop.session.request(
            method,
            f"{self.shop.url}/v1/subscriptions{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
        ) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json(content_type=None)

    async def becomes(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The subscription once it is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(found := await self.asks("GET", "/1")):
                pass
        return dict(found)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    listener.may_answer.set()
    await listener.opens()
    yield listener
    listener.may_answer.set()
    await listener.closes()


@pytest.fixture
async def shop(workshop_rules: Path, backend: Backend, listener: Listener, opened: Open) -> Shop:
    return await opened(rules=workshop_rules, allowed_hosts=(backend.place, listener.place))


@pytest.fixture
async def office(shop: Shop, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Everything is told to the listener, whose clock is the workshop's."""

    class Today(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Today:
            return cls.fromtimestamp(shop.time.now().timestamp(), tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Today)
    office = Office(shop, await make_key(shop.app.store, "office", ["admin"], shop.time.now()))
    made = await office.asks("POST", "", {"url": f"http://{listener.place}/told", "events": ["*"]})
    listener.secret = made["secret"]
    return office


async def test_a_day_is_told_from_the_first_word_to_the_last_receipt(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await ben.asks("complain")
    await listener.hears("message.received", "message.status", *["message.status"] * 2)
    listener.told.clear()
    await ben.asks("The brakes squeak.")
    received, told, *statuses = await listener.hears("message.received", "rule.told", *["message.status"] * 3)
    assert received["content"] == {"kind": "text", "text": "The brakes squeak."}
    assert received["person"] == told["person"] == {"id": 1, "channel": "WHATSAPP", "identity": f"+{BEN}"}
    assert (told["name"], told["rule"], told["values"]) == ("complaint", "complaint", {"story": "The brakes squeak."})
    assert [each["status"] for each in statuses] == ["sent", "delivered", "read"]
    assert (await shop.message(statuses[0]["id"]))["status"] == "read"
    listener.told.clear()
    await ben.asks("mechanic")
    kinds = ("message.received", "conversation.handed_over", *["message.status"] * 3)
    _, handed_over, *_ = await listener.hears(*kinds)
    assert (handed_over["team"], handed_over["rule"], handed_over["who"]) == ("mechanics", "person", None)
    listener.told.clear()
    await ben.asks("STOP")
    _, consent, *_ = await listener.hears("message.received", "consent.changed", *["message.status"] * 3)
    assert (consent["purpose"], consent["state"]) == ("all", "stopped")
    assert len(set(listener.ids)) == len(listener.ids)


async def test_a_tap_is_told_by_the_words_on_the_button(
    shop: Shop, office: Office, listener: Listener, ben: Guest, backend: Backend
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received", "message.unmatched"]})
    backend.answer = (404, "no such repair")
    await ben.says("repair 111111")
    await ben.taps(await ben.reads(), "Try again")
    _, tap = await listener.hears("message.received", "message.received")
    assert tap["content"] == {"kind": "tap", "title": "Try again", "rule": "repair_status", "postback": None}


async def test_what_a_message_of_the_office_comes_to_is_told_with_its_reference(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await ben.asks("opening hours")
    await listener.hears("message.received", *["message.status"] * 3)
    listener.told.clear()
    sent = await shop.sends(BEN, "Your bike is ready.", reference="bike-7")
    await ben.reads()
    statuses = await listener.hears(*["message.status"] * 3)
    assert {(each["id"], each["reference"]) for each in statuses} == {(sent, "bike-7")}


async def test_a_backend_that_is_down_for_hours_gets_everything_afterwards(
    shop: Shop, office: Office, listener: Listener, ben: Guest, anna: Guest
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    await listener.closes()
    for word in ("opening hours", "tip"):
        await ben.asks(word)
        await anna.asks(word)
    failing = await shop.passing(office.becomes(lambda found: found["failures"] > 3))
    assert (failing["queued"], failing["paused"]) == (4, False)
    assert "cannot be reached" in failing["last_failure"]
    shop.later(hours=5)
    await listener.opens()
    await shop.passing(listener.until(lambda: len(listener.told) == 4))
    assert {each["data"]["person"]["identity"] for each in listener.told} == {f"+{ANNA}", f"+{BEN}"}
    found = await office.becomes(lambda found: found["queued"] == 0)
    assert (found["failures"], found["dead"]) == (0, 0)


async def test_one_that_answers_500_is_told_again_under_the_same_id(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    listener.answers = 500
    await ben.asks("opening hours")
    await shop.passing(listener.until(lambda: listener.tries >= 3))
    listener.answers = 204
    await shop.passing(listener.until(lambda: len(listener.told) == 1))
    (trace,) = shop.rows("SELECT group_concat(DISTINCT o.id) FROM outbox o WHERE kind = 'callback'")
    assert (listener.ids,) == ([trace[0]],)


async def test_one_that_wants_no_more_is_paused_until_it_does(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    listener.answers = 410
    await ben.asks("opening hours")
    paused = await office.becomes(lambda found: bool(found["paused"]))
    assert "410" in paused["paused_why"]
    await ben.asks("tip")
    shop.later(hours=1)
    await shop.rests()
    assert listener.tries == 1
    listener.answers = 200
    await office.asks("PATCH", "/1", {"paused": False})
    await listener.until(lambda: len(listener.told) == 3)  # with what the last guest wrote


async def test_one_that_answers_nothing_holds_up_nobody_else(
    shop: Shop, office: Office, listener: Listener, ben: Guest, anna: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.work.callbacks.TIMEOUT_S", 0.2)
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    listener.may_answer.clear()
    await ben.asks("opening hours")
    await anna.asks("opening hours")
    found = await office.becomes(lambda found: found["failures"] > 0)
    assert "did not answer within" in found["last_failure"]
    listener.may_answer.set()
    await shop.passing(listener.until(lambda: {each["data"]["person"]["id"] for each in listener.told} == {1, 2}))


async def test_after_three_days_it_is_a_dead_letter_until_it_is_driven_again(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    listener.answers = 500
    await ben.asks("opening hours")
    await office.becomes(lambda found: found["failures"] > 0)
    shop.later(hours=77)
    await shop.passing(office.becomes(lambda found: found["dead"] == 1))
    (letter,) = (await office.asks("GET", "/1/dead-letters"))["dead_letters"]
    assert letter["event"]["data"]["content"]["text"] == "opening hours"
    listener.answers = 200
    assert await office.asks("POST", "/1/redrive", {"ids": [letter["id"]]}) == {"redriven": 1}
    await shop.passing(listener.until(lambda: letter["id"] in listener.ids))
    assert json.dumps(listener.told[listener.ids.index(letter["id"])]) == json.dumps(letter["event"])


async def test_another_process_goes_on_telling(shop: Shop, office: Office, listener: Listener, ben: Guest) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    await listener.closes()
    await ben.asks("opening hours")
    await office.becomes(lambda found: found["failures"] > 0)
    await shop.restarts()
    await listener.opens()
    await shop.passing(listener.until(lambda: len(listener.told) == 1))


async def test_a_new_secret_is_used_at_once_and_the_old_one_for_a_day(
    shop: Shop, office: Office, listener: Listener, ben: Guest
) -> None:
    await office.asks("PATCH", "/1", {"events": ["message.received"]})
    new = (await office.asks("POST", "/1/rotate"))["secret"]
    await ben.asks("opening hours")
    await listener.hears("message.received")  # it verifies with the old one
    listener.secret = new
    await ben.asks("tip")
    await listener.hears("message.received", "message.received")
    assert await office.asks("POST", "/1/test") == {"taken": True, "status": 204, "detail": None}
    assert listener.told[-1]["type"] == "ping"
