"""The real server at its limits: 503 and when to come again, before any harm; a STOP counts all the same; and it ends by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from bot.app import App
from bot.core.event import ContactKey, InboundMessage, Text
from bot.sinch.emulator import Emulator
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from bot.store.units import InboxKind, Incoming
from bot.web.api.keys import make_key
from bot.work.clock import RunningClock
from bot.work.pressure import Limits
from tests.journeys.shop import APP, BEN, SECRET, config_for, serving
from tests.sinch.payloads import receipt, texted

NOBODYS = "447700900555"


@dataclass
class Gate:
    """The server from outside, and its limits from inside."""

    app: App
    url: str
    session: ClientSession
    key: str
    sent: int = 0

    async def limit(self, **limits: Any) -> None:
        """These limits hold from now on, the others as usual."""
        self.app.pressure.limits = replace(Limits(), **limits)
        await self.app.pressure.look()

    async def says(self, text: str, who: str = BEN) -> int:
        self.sent += 1
        return await self._posted(texted(f"M-{self.sent}", who, text, datetime.now(UTC), app_id=APP))

    async def receipt_comes(self) -> int:
        self.sent += 1
        return await self._posted(receipt(f"M-{self.sent}", "DELIVERED"))

    async def _posted(self, payload: object) -> int:
        body = orjson.dumps(payload)
        headers = callback_headers("sinch", SECRET, body, new_nonce(), str(int(datetime.now(UTC).timestamp())))
        async with self.session.post(f"{self.url}/webhooks/sinch", data=body, headers=headers) as answer:
            assert (answer.status == 503) == (int(answer.headers.get("Retry-After", "0")) >= 1)
            return answer.status

    async def asks(self, path: str, body: object) -> tuple[int, str]:
        """What a backend is answered: status, and the sentence where it is refused."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.post(f"{self.url}/v1{path}", json=body, headers=headers) as answer:
            told = await answer.json()
            if answer.status == 503:
                assert int(answer.headers["Retry-After"]) >= 1
                assert told["type"] == "urn:parley:problem:overloaded"
            return answer.status, str(told.get("detail", ""))

    async def sends(self) -> tuple[int, str]:
        return await self.asks("/messages", {"to": f"+{BEN}", "reply": {"text": "Hello"}, "if_closed": "wait"})

    async def ready(self) -> tuple[int, list[str], list[str]]:
        async with self.session.get(f"{self.url}/readyz") as answer:
            told = await answer.json()
            return answer.status, told["problems"], told["remarks"]

    def has_stopped(self, who: str) -> bool:
        question = "SELECT stopped FROM person p JOIN identity i ON i.person = p.id WHERE i.identity = ?"
        with closing(sqlite3.connect(f"{self.app.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute(question, (who,)).fetchone() == (1,))


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with _open(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def _open(folder: Path) -> AsyncIterator[Gate]:
    emulator = Emulator()
    await emulator.start()
    try:
        config = config_for(emulator.url, folder / "parley.db")
        async with serving(config, RunningClock()) as (app, url), ClientSession() as session:
            key = await make_key(app.store, "webshop", ["send", "read"], app.clock.now())
            yield Gate(app, url, session, key)
    finally:
        await emulator.stop()


async def test_a_disk_that_gets_full_is_left_its_reserve(gate: Gate) -> None:
    assert await gate.says("hi") == 200
    await gate.limit(disk_part=1.0, disk_bytes=1 << 62)
    assert await gate.says("hi") == 503
    assert await gate.receipt_comes() == 200
    assert await gate.says("STOP", NOBODYS) == 200
    assert gate.has_stopped(NOBODYS)
    status, why = await gate.sends()
    assert (status, why.split(", and")[0].rpartition(" has only ")[0]) == (503, "The disk of the database")
    status, problems, remarks = await gate.ready()
    assert (status, problems, remarks) == (503, [why], [])
    await gate.limit()
    assert await gate.says("hi") == 200
    assert (await gate.sends())[0] == 202
    assert (await gate.ready())[0] == 200


async def test_a_log_that_cannot_be_put_in_its_place_is_kept_from_growing(gate: Gate) -> None:
    with closing(sqlite3.connect(gate.app.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inbox").fetchone()
        assert await gate.says("hi") == 200
        await gate.limit(log_bytes=200_000)
        assert await gate.says("hi") == 503
        assert await gate.says("STOP", NOBODYS) == 200
        assert (await gate.sends())[0] == 503
        status, [why], _ = await gate.ready()
        assert (status, why.partition(" to ")[0]) == (503, "The database's log has grown")
        reader.execute("COMMIT")
    await gate.app.pressure.look()
    assert await gate.says("hi") == 200
    assert (await gate.ready())[:2] == (200, [])


async def test_too_much_to_decide_is_refused_but_a_stop(gate: Gate) -> None:
    now = gate.app.clock.now()
    event = InboundMessage("in:later", ContactKey(APP, "WHATSAPP", NOBODYS), "later", Text("hi"), now, now)
    await gate.app.store.record([Incoming(event, InboxKind.INBOUND, b"{}", None, now + timedelta(hours=1))], now)
    await gate.limit(undecided=0)
    assert await gate.says("hi") == 503
    assert await gate.says("STOP", NOBODYS) == 200
    assert gate.has_stopped(NOBODYS)
    assert (await gate.asks("/events", {"name": "order.ready", "to": f"+{BEN}", "data": {"order_number": "7"}}))[
        0
    ] == 503
    assert (await gate.sends())[0] == 202
    status, problems, [remark] = await gate.ready()
    assert (status, problems) == (200, [])
    assert remark == "More than 0 events wait to be decided; new ones are refused until fewer do."
    await gate.limit()
    assert await gate.says("hi") == 200


async def test_one_who_fills_everything_is_refused_alone(gate: Gate) -> None:
    now = gate.app.clock.now()
    contact = ContactKey(APP, "WHATSAPP", NOBODYS)
    events = [InboundMessage(f"in:{n}", contact, f"{n}", Text("hi"), now, now) for n in range(3)]
    later = now + timedelta(hours=1)
    await gate.app.store.record([Incoming(each, InboxKind.INBOUND, b"{}", None, later) for each in events], now)
    await gate.limit(of_one=2)
    assert await gate.says("hi", NOBODYS) == 503
    assert await gate.says("hi") == 200
    assert await gate.says("STOP", NOBODYS) == 200
    assert gate.has_stopped(NOBODYS)


async def test_too_much_to_send_is_refused_to_backends_and_campaigns_and_people_are_still_heard(gate: Gate) -> None:
    assert (
        await gate.asks(
            "/messages",
            {
                "to": f"+{BEN}",
                "template": {"name": "order_shipped", "values": {"first_name": "B", "order_number": "7"}},
                "send_at": {"after": "3 hours"},
            },
        )
    )[0] == 202
    await gate.limit(queued=0)
    status, why = await gate.sends()
    assert (status, why) == (503, "More than 0 messages wait to leave; new ones are refused until fewer do.")
    assert (await gate.asks("/events", {"name": "order.ready", "to": f"+{BEN}", "data": {"order_number": "7"}}))[
        0
    ] == 503
    assert not gate.app.pressure.may_campaign
    assert await gate.says("hi") == 200
    assert (await gate.ready())[0::2] == (200, [why])
    await gate.limit()
    assert (await gate.sends())[0] == 202
