"""The whole way of a message: store, sender, client, a faulty network, Sinch, and the receipts' way back.

Everything is real and goes over HTTP; only time stands still and is moved by whoever drives it. Sinch shares that time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from bot.core.delivery import OutboxState, Policy
from bot.core.event import ContactKey, DeliveryReceipt, Event, InboundMessage, Text
from bot.errors import StoreUnavailable
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import ClientSettings, SinchClient, open_session
from bot.sinch.emulator import Emulator, EmulatorSettings, WebhookSettings
from bot.sinch.wire.events import parse_event
from bot.sinch.wire.render import render_send
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming, MessageView, Order, Placed, Started
from bot.work.outbox import RECEIPT_WAIT, Sender
from bot.work.rate import Rate
from bot.work.reconcile import Reconciler
from tests.faults import proxy
from tests.faults.proxy import FaultProxy, place_of
from tests.faults.witness import Line, SeenListing, Witness
from tests.store.making import TEMPLATE, answers, order, wrote
from tests.work.still import StillClock

APP, PROJECT = "APP", "emulated-project"
FINAL = {OutboxState.SENT, OutboxState.FAILED, OutboxState.EXPIRED, OutboxState.CANCELLED, OutboxState.HELD}
TIMEOUT_S = 0.3
IDLE_WITHIN_S = 30.0


def person(number: int) -> ContactKey:
    """One of ten thousand."""
    return ContactKey(APP, "WHATSAPP", f"4670000{number:04}")


@dataclass(frozen=True)
class SharedTime:
    """The emulator's clock, which is the test's. Nobody sleeps by it: receipts follow one another at once, and callbacks are taken."""

    still: StillClock

    def now(self) -> datetime:
        return self.still.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def advance(self, by: timedelta) -> None:
        self.still.advance(by.total_seconds())


class Ear:
    """Where Sinch's callbacks go. What people say is recorded and decided at once; receipts as ``delay`` says: so many seconds later.

    ``delay`` is asked for each; None loses it, and Sinch is told so. Deaf, it loses all. While ``is_away`` all of them wait.
    """

    def __init__(self, clock: StillClock, witness: Witness, delay: Callable[[], float | None] = lambda: 0.0) -> None:
        self.store: Store
        self.is_deaf = self.is_away = False
        self.hesitates: Callable[[], bool] = lambda: False
        self.late = 0
        self._clock = clock
        self._witness = witness
        self._delay = delay
        self._kept: list[tuple[datetime, bytes]] = []

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            return await self._take(body)
        except StoreUnavailable:  # it has died meanwhile, so Sinch comes again
            self._kept.append((self._clock.now(), body))
            return web.Response()

    async def _take(self, body: bytes) -> web.Response:
        if self.is_away:
            raise StoreUnavailable("Nobody is there.")
        if isinstance(parse_event(body, self._clock.now(), APP), DeliveryReceipt):
            return await self._in_time(body)
        await self._record([body])
        return web.Response()

    async def deliver(self, everything: bool = False) -> None:
        """What has waited for its time, in any order; and what was recorded is decided."""
        now = self._clock.now()
        due = [body for at, body in self._kept if everything or at <= now]
        self._kept = [] if everything else [kept for kept in self._kept if kept[0] > now]
        random.Random(len(due)).shuffle(due)
        await self._record(due)
        await self._decide()

    async def _in_time(self, body: bytes) -> web.Response:
        delay_s = None if self.is_deaf else self._delay()
        if delay_s is None:
            return web.Response(status=404)  # which Sinch does not try again
        if delay_s == 0:
            await self._record([body])
        else:
            self.late += 1
            self._kept.append((self._clock.now() + timedelta(seconds=delay_s), body))
        return web.Response()

    async def _record(self, bodies: Sequence[bytes]) -> None:
        if not bodies:
            return
        now = self._clock.now()
        events = [parse_event(body, now, APP) for body in bodies]
        await self.store.record([_incoming(*each) for each in zip(events, bodies, strict=True)], now)
        for event in events:
            self._note(event)
        if not self.hesitates():
            await self._decide()

    def _note(self, event: Event) -> None:
        if isinstance(event, DeliveryReceipt):
            known = self._witness.failed if event.status == "FAILED" else self._witness.heard
            known.add(event.outbox_id)
        elif isinstance(event, InboundMessage) and event.content == Text("STOP"):
            self._witness.stopped.add(event.contact)

    async def _decide(self) -> None:
        await self.store.decide_ready(256, self._clock.now(), answers("Here you are."))


def _incoming(event: Event, body: bytes) -> Incoming:
    if isinstance(event, InboundMessage) and isinstance(event.content, Text):
        said = wrote(event.content.text, event.contact, when=event.written_at)
        return replace(said, event=event, raw=body)
    return Incoming(event, InboxKind.RECEIPT if isinstance(event, DeliveryReceipt) else InboxKind.INBOUND, body)


class Road:
    """From the outbox to the emulator, with the proxy between."""

    def __init__(
        self, folder: Path, clock: StillClock, ear: Ear, emulator: Emulator, witness: Witness, seed: int
    ) -> None:
        self.clock, self.ear, self.emulator, self.witness = clock, ear, emulator, witness
        self.database = folder / "parley.db"
        self.proxy = FaultProxy(emulator.url, seed, self._phase)
        self.store: Store
        self.sender: Sender
        self.reconciler: Reconciler
        self._line: Line
        self._works: asyncio.Task[None]
        self._jitter = random.Random(seed).random
        self._timeout_s = TIMEOUT_S
        self._life = AsyncExitStack()

    async def begin(self, timeout_s: float = TIMEOUT_S) -> None:
        """Everything stands, and the sender works."""
        self._timeout_s = timeout_s
        await self.proxy.start()
        await self._live()
        await self.store.save_rulebook("digest", {"rules/shop.yaml": b"rules: []"}, self.clock.now())

    async def end(self) -> None:
        """Nothing is left."""
        await self._life.aclose()
        await self.proxy.stop()

    async def restart(self) -> int:
        """The process dies as it stands and the next one begins; how many attempts were open."""
        self._line.cut()
        self.ear.is_away = True
        await self._life.aclose()
        count = self.witness.died()
        await self._live()
        self.ear.is_away = False
        return count

    async def _live(self) -> None:
        life = self._life = AsyncExitStack()
        self.store = self.ear.store = await open_store(self.database, app=APP)
        life.push_async_callback(self.store.close)
        await self.store.recover(self.clock.now(), self.clock.now() + RECEIPT_WAIT)
        settings = ClientSettings(
            PROJECT, APP, "KEY", "SECRET", self.proxy.url, self.proxy.url, timeout_s=self._timeout_s
        )
        session = await life.enter_async_context(open_session(settings))
        client = SinchClient(settings, session, self._seconds)
        life.push_async_callback(client.close)
        self._line = Line(self.store, self.witness)
        self.sender = Sender(self._line, client, render, Policy, Rate(0), self.clock, self._jitter)
        listing = SeenListing(SinchAdmin(client, self.emulator.url), self.witness)
        self.reconciler = Reconciler(self._line, listing, self.clock, self.sender.wake)
        self._works = asyncio.create_task(self.sender.run())
        life.push_async_callback(asyncio.wait, [self._works])
        life.push_async_callback(self._drain)

    async def _drain(self) -> None:
        await self.sender.drain(0)

    def _phase(self, request: bytes) -> str:
        match place_of(request):
            case proxy.SEND:
                return self.witness.phase(request)
            case proxy.TOKEN:
                return "token"
            case _:
                return "listing"

    def _seconds(self) -> float:
        return self.clock.now().timestamp()

    async def place(self, *people: ContactKey) -> list[str]:
        """A template to each."""
        return await self.ask([replace(order("", who), reply=TEMPLATE) for who in people])

    async def ask(self, orders: Sequence[Order]) -> list[str]:
        """The outbox ids of these orders."""
        placed = await self.store.place(orders, self.clock.now())
        ids = [each.outbox_id for each in placed if isinstance(each, Placed)]
        self.witness.once.update(id_ for id_, asked in zip(ids, orders, strict=True) if asked.at_most_once)
        self.sender.wake()
        return ids

    async def idle(self) -> datetime:
        """Nothing is under way; what the sender waits for."""
        try:
            async with asyncio.timeout(IDLE_WITHIN_S):
                while True:
                    moment = await self.clock.until_waiting()
                    if not self.sender.in_flight:
                        await self.emulator.settled()
                        return moment
                    await self.clock.until_waiting_anew()
        except TimeoutError:
            raise AssertionError(f"The sender does not come to rest: {self._works}.") from None

    async def steps(self, count: int, seconds: float = 16) -> None:
        """Let time pass, with a look at what is in doubt after each step."""
        await self.idle()
        for _ in range(count):
            self.clock.advance(seconds)
            await self.idle()
            await self.ear.deliver()
            await self.reconciler.look()
            await self.idle()

    async def until_final(self, ids: Sequence[str], most: int = 200) -> list[MessageView]:
        """Let time pass until these have ended."""
        views: list[MessageView] = []
        for _ in range(most):
            await self.steps(1)
            views = [await self.view(each) for each in ids]
            if all(view.state in FINAL for view in views):
                return views
        raise AssertionError(f"not final after {most} steps: {Counter(view.state for view in views)}")

    async def view(self, outbox_id: str) -> MessageView:
        """One message as it stands."""
        view = await self.store.message(outbox_id)
        assert view is not None
        return view

    @property
    def accepted(self) -> Counter[str]:
        """How often Sinch took each of our messages."""
        return Counter(str(entry["metadata"]) for entry in self.emulator.truth.of("accepted"))


def render(started: Started) -> bytes:
    """The body of an attempt."""
    return render_send(
        APP, started.contact, started.contact_id, started.reply, started.outbox_id, started.ttl_s, lambda button: "b"
    )


@asynccontextmanager
async def road_in(
    folder: Path,
    seed: int = 0,
    delay: Callable[[], float | None] = lambda: 0.0,
    settings: EmulatorSettings | None = None,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[Road]:
    """A road whose files are in ``folder``. ``settings`` are Sinch's, but for what the road decides itself."""
    clock, witness = StillClock(datetime.now(UTC)), Witness()
    ear = Ear(clock, witness, delay)
    async with AsyncExitStack() as stack:
        url = await _listening(ear, stack)
        emulator = Emulator(
            replace(
                settings or EmulatorSettings(),
                app_id=APP,
                webhooks=(WebhookSettings(url, "secret"),),
                truth_path=folder / "truth.jsonl",
            ),
            clock=SharedTime(clock),
        )
        await emulator.start()
        stack.push_async_callback(emulator.stop)
        road = Road(folder, clock, ear, emulator, witness, seed)
        await road.begin(timeout_s)
        stack.push_async_callback(road.end)
        yield road


async def _listening(ear: Ear, stack: AsyncExitStack) -> str:
    application = web.Application()
    application.router.add_post("/", ear.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/"
