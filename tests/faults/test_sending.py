"""The sender through the fault proxy: every fault in every phase, and what Sinch's side says was accepted.

Real client, real store, real HTTP; only time stands still and is moved by the test.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.delivery import OutboxState, Policy
from bot.core.event import ContactKey, DeliveryReceipt
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import ClientSettings, SinchClient, open_session
from bot.sinch.emulator import Emulator, EmulatorSettings, WebhookSettings
from bot.sinch.wire.events import parse_event
from bot.sinch.wire.render import render_send
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming, MessageView, Placed, Started
from bot.work.outbox import Sender
from bot.work.rate import Rate
from bot.work.reconcile import Reconciler
from tests.faults.proxy import EVERY, LOST, REFUSALS, TAKEN, UNKNOWN, Fault, FaultProxy
from tests.store.making import TEMPLATE, answers, order, wrote
from tests.work.still import StillClock

APP, PROJECT = "APP", "emulated-project"
FINAL = {OutboxState.SENT, OutboxState.FAILED, OutboxState.EXPIRED, OutboxState.CANCELLED, OutboxState.HELD}


class Ear:
    """Where the emulator's callbacks go: recorded and decided at once. Deaf, it keeps none."""

    def __init__(self, store: Store, clock: StillClock) -> None:
        self._store = store
        self._clock = clock
        self.is_deaf = False

    async def receive(self, request: web.Request) -> web.Response:
        body, now = await request.read(), self._clock.now()
        if not self.is_deaf:
            event = parse_event(body, now, APP)
            kind = InboxKind.RECEIPT if isinstance(event, DeliveryReceipt) else InboxKind.INBOUND
            await self._store.record([Incoming(event, kind, body)], now)
            await self._store.decide_ready(64, now, answers())
        return web.Response()


class Road:
    """From the outbox to the emulator, with the proxy between."""

    def __init__(self, store: Store, clock: StillClock, ear: Ear, emulator: Emulator, proxy: FaultProxy) -> None:
        self.store, self.clock, self.ear, self.emulator, self.proxy = store, clock, ear, emulator, proxy
        self.sender: Sender
        self.reconciler: Reconciler

    async def begin(self, stack: AsyncExitStack) -> None:
        settings = ClientSettings(PROJECT, APP, "KEY", "SECRET", self.proxy.url, self.emulator.url, timeout_s=0.5)
        session = await stack.enter_async_context(open_session(settings))
        client = SinchClient(settings, session)
        stack.push_async_callback(client.close)
        jitter = random.Random(1).random
        self.sender = Sender(self.store, client, render, Policy, Rate(0), self.clock, jitter)
        admin = SinchAdmin(client, self.emulator.url)
        self.reconciler = Reconciler(self.store, admin, self.clock, self.sender.wake)
        task = asyncio.create_task(self.sender.run())
        stack.push_async_callback(asyncio.wait, [task])
        stack.push_async_callback(self.sender.drain, 5)

    async def place(self, *people: ContactKey) -> list[str]:
        placed = await self.store.place([replace(order("", who), reply=TEMPLATE) for who in people], self.clock.now())
        self.sender.wake()
        return [each.outbox_id for each in placed if isinstance(each, Placed)]

    async def idle(self) -> datetime:
        while True:
            moment = await self.clock.until_waiting()
            if not self.sender.in_flight:
                await self.emulator.settled()
                return moment
            await asyncio.sleep(0)

    async def steps(self, count: int, seconds: float = 16) -> None:
        """Let time pass, with a look at what is in doubt after each step."""
        await self.idle()
        for _ in range(count):
            self.clock.advance(seconds)
            await self.idle()
            await self.reconciler.look()
            await self.idle()

    async def until_final(self, ids: Sequence[str], most: int = 200) -> list[MessageView]:
        for _ in range(most):
            await self.steps(1)
            views = [await self.view(each) for each in ids]
            if all(view.state in FINAL for view in views):
                return views
        raise AssertionError(f"not final after {most} steps")

    async def view(self, outbox_id: str) -> MessageView:
        view = await self.store.message(outbox_id)
        assert view is not None
        return view

    @property
    def accepted(self) -> Counter[str]:
        """How often Sinch took each of our messages."""
        return Counter(str(entry["metadata"]) for entry in self.emulator.truth.of("accepted"))


def render(started: Started) -> bytes:
    return render_send(
        APP, started.contact, started.contact_id, started.reply, started.outbox_id, started.ttl_s, lambda button: "b"
    )


def person(number: int) -> ContactKey:
    return ContactKey(APP, "WHATSAPP", f"4670000{number:04}")


@pytest.fixture
def kept_days() -> int:
    """For how long Sinch keeps messages that it could list."""
    return 0


@pytest.fixture
async def road(tmp_path: Path, kept_days: int, request: pytest.FixtureRequest) -> AsyncIterator[Road]:
    async with AsyncExitStack() as stack:
        store = await open_store(tmp_path / "parley.db", app=APP)
        stack.push_async_callback(store.close)
        clock = StillClock(datetime.now(UTC))
        ear = Ear(store, clock)
        url = await listening(ear, stack)
        emulator = Emulator(
            EmulatorSettings(app_id=APP, dispatch_retention_days=kept_days, webhooks=(WebhookSettings(url, "secret"),))
        )
        await emulator.start()
        stack.push_async_callback(emulator.stop)
        proxy = FaultProxy(emulator.url, seed=getattr(request, "param", 0))
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        made = Road(store, clock, ear, emulator, proxy)
        await made.begin(stack)
        yield made


async def listening(ear: Ear, stack: AsyncExitStack) -> str:
    application = web.Application()
    application.router.add_post("/", ear.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/"


def named(faults: Sequence[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[fault.name.replace(" ", "-") for fault in faults])


@named(EVERY)
async def test_where_receipts_come_everybody_gets_exactly_one(road: Road, fault: Fault) -> None:
    road.proxy.script(fault)
    ids = await road.place(person(1), person(2))
    views = await road.until_final(ids)
    assert road.accepted == dict.fromkeys(ids, 1)
    assert [view.state for view in views] == [OutboxState.SENT, OutboxState.SENT]
    assert (road.proxy.happened[fault.name], road.proxy.outstanding) == (1, 0)


@pytest.mark.parametrize("kept_days", [1])
@named(UNKNOWN)
async def test_where_sinch_lists_everybody_gets_exactly_one_without_receipts(
    road: Road, fault: Fault, kept_days: int
) -> None:
    road.ear.is_deaf = True
    road.proxy.script(fault)
    [outbox_id] = await road.place(person(1))
    [view] = await road.until_final([outbox_id])
    assert (road.accepted, view.state) == ({outbox_id: 1}, OutboxState.SENT)
    assert road.proxy.happened[fault.name] == 1


@named(UNKNOWN)
async def test_with_neither_there_are_two_submissions_at_most(road: Road, fault: Fault) -> None:
    road.ear.is_deaf = True
    road.proxy.chance(1.0, [fault])
    [outbox_id] = await road.place(person(1))
    [view] = await road.until_final([outbox_id])
    assert view.state is OutboxState.HELD
    assert [attempt.outcome for attempt in view.attempts] == ["unknown", "unknown"]
    assert road.accepted[outbox_id] == (2 if fault.arrives == "all" else 0)
    assert road.proxy.happened[fault.name] == 2


@named([*LOST[:1], *TAKEN[:1]])
async def test_at_most_once_is_submitted_once(road: Road, fault: Fault) -> None:
    road.ear.is_deaf = True
    road.proxy.script(fault)
    asked = replace(order("", person(1)), reply=TEMPLATE, at_most_once=True)
    [placed] = await road.store.place([asked], road.clock.now())
    assert isinstance(placed, Placed)
    road.sender.wake()
    [view] = await road.until_final([placed.outbox_id])
    assert view.state is OutboxState.HELD
    assert (len(view.attempts), road.proxy.passed) == (1, 0)


@named(REFUSALS)
async def test_refusals_repeat_within_bounds_and_submit_nothing(road: Road, fault: Fault) -> None:
    road.proxy.chance(1.0, [fault])
    [outbox_id] = await road.place(person(1))
    await road.steps(60, seconds=30)
    tries = road.proxy.happened[fault.name]
    assert 2 <= tries <= 16, "half an hour of doubling from 1 s to 5 min"
    assert road.accepted == {}
    road.proxy.chance(0.0, [])
    [view] = await road.until_final([outbox_id])
    assert (view.state, road.accepted) == (OutboxState.SENT, {outbox_id: 1})
    assert {attempt.outcome for attempt in view.attempts} == {"retry", "sent"}


async def test_refused_connections_repeat_and_submit_nothing(road: Road) -> None:
    [outbox_id] = await road.place(person(1))
    async with road.proxy.refusing():
        road.sender.wake()
        await road.steps(10)
    [view] = await road.until_final([outbox_id])
    assert (view.state, road.accepted) == (OutboxState.SENT, {outbox_id: 1})
    assert [a.status for a in view.attempts if a.outcome == "retry"].count(0) >= 2


@pytest.mark.parametrize("road", range(4), indirect=True, ids=lambda seed: f"seed-{seed}")
async def test_in_a_storm_of_everything_nobody_gets_two(road: Road) -> None:
    road.proxy.chance(0.5, EVERY)
    ids: list[str] = []
    for number in range(40):
        ids += await road.place(person(number % 25))
        if number == 20:
            async with road.proxy.refusing():
                await road.steps(2)
    await road.steps(10)
    road.proxy.chance(0.0, [])
    views = await road.until_final(ids)
    taken = road.accepted
    assert set(taken.values()) == {1}
    for view in views:
        lost = [attempt for attempt in view.attempts if attempt.outcome == "unknown"]
        assert view.state is (OutboxState.SENT if taken[view.outbox_id] else OutboxState.HELD)
        assert taken[view.outbox_id] or len(lost) == 2, "held only after two tries that nobody ever heard of"
    assert len(road.proxy.happened) >= 5


@pytest.mark.parametrize("road", range(2), indirect=True, ids=lambda seed: f"seed-{seed}")
async def test_a_deaf_storm_never_submits_three_times_and_keeps_the_order(road: Road) -> None:
    road.ear.is_deaf = True
    road.proxy.chance(0.6, EVERY)
    ids: list[str] = []
    for _ in range(6):
        ids += await road.place(*(person(number) for number in range(6)))
    await road.until_final(ids)
    assert max(road.accepted.values()) <= 2
    arrived = [str(entry["metadata"]) for entry in road.emulator.truth.of("accepted")]
    for number in range(6):
        mine = [each for each in arrived if each in ids[number::6]]
        assert mine == sorted(mine, key=ids.index), "one person's messages arrive in order, whatever happens between"


async def test_nothing_leaves_after_a_stop_whatever_was_pending(road: Road) -> None:
    road.ear.is_deaf = True
    road.proxy.script(REFUSALS[6], LOST[0], TAKEN[0])
    ids = await road.place(*(person(number) for number in range(3)))
    await road.idle()
    before = sum(road.accepted.values())
    stops = [wrote("STOP", person(number), when=road.clock.now()) for number in range(3)]
    await road.store.record(stops, road.clock.now())
    await road.steps(30, seconds=20)
    assert sum(road.accepted.values()) == before == 1
    assert {(await road.view(each)).state for each in ids} == {OutboxState.CANCELLED}
    assert sum(road.proxy.happened.values()) == 3


async def test_no_free_form_leaves_after_its_window(road: Road) -> None:
    who = person(1)
    await road.store.record([wrote("hi", who, when=road.clock.now())], road.clock.now())
    await road.store.decide_ready(10, road.clock.now(), answers("one", "two"))
    road.proxy.chance(1.0, [REFUSALS[6]])
    road.sender.wake()
    await road.steps(5, seconds=60)
    assert road.proxy.happened["503 of Sinch"] >= 2
    road.clock.advance(24 * 3600)
    road.proxy.chance(0.0, [])
    await road.steps(5)
    assert road.accepted == {}
    assert road.proxy.passed == 0
