"""The sender over a real store: what leaves, when, how often, and what is written down of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.delivery import OutboxState
from bot.core.event import ContactKey
from bot.core.reply import TextReply
from bot.errors import Failed, StoreUnavailable
from bot.sinch.outcome import Accepted, Refused, Rejected, SendOutcome, Unknown
from bot.sinch.skew import ClockSkew
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import MessageView, Placed, Started
from bot.work.outbox import Sender
from bot.work.rate import Rate
from tests.store.making import ANNA, NOON, POLICY, TEMPLATE, answers, order, wrote
from tests.work.still import StillClock

DOWN = Refused(503, "UNAVAILABLE", "Sinch is down.")


class Sinch:
    """Answers each send with the next of ``says`` (the last one stays), once ``gate`` is open."""

    def __init__(self) -> None:
        self.says: list[SendOutcome | Exception] = [Accepted("")]
        self.bodies: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Semaphore(0)
        self.clock_skew = ClockSkew()
        self.checks = 0
        self.most_at_once = self._at_once = 0

    async def post(self, body: bytes) -> SendOutcome:
        self.bodies.append(body)
        number = len(self.bodies)
        self.arrived.release()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.gate.wait()
        finally:
            self._at_once -= 1
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return Accepted(f"M{number}") if isinstance(said, Accepted) else said

    async def check_clock(self) -> None:
        self.checks += 1


class Road:
    """A sender at work; ``idle`` waits until there is nothing it could do before some time passes."""

    def __init__(self, store: Store, rate: float, in_flight: int) -> None:
        self.store = store
        self.clock = StillClock(NOON)
        self.sinch = Sinch()
        self.sender = Sender(
            store,
            self.sinch,
            render,
            lambda: POLICY,
            Rate(rate),
            self.clock,
            random.Random(7).random,
            in_flight,
            on_rejected=self.tell,
        )
        self.task: asyncio.Task[None] | None = None
        self.told = 0

    def tell(self) -> None:
        self.told += 1

    def run(self) -> None:
        self.task = asyncio.create_task(self.sender.run())

    async def idle(self) -> datetime:
        async with asyncio.timeout(20):
            while True:
                moment = await self.clock.until_waiting()
                if not self.sender.in_flight:
                    return moment
                await asyncio.sleep(0)

    async def place(self, *texts: str, who: ContactKey = ANNA, **more: object) -> list[str]:
        orders = [replace(order(text, who), **more) for text in texts]  # type: ignore[arg-type]
        placed = await self.store.place(orders, self.clock.now())
        self.sender.wake()
        return [each.outbox_id for each in placed if isinstance(each, Placed)]

    async def people(self, count: int, **more: object) -> list[str]:
        """One template each for so many people."""
        return [(await self.place("", who=person(number), reply=TEMPLATE, **more))[0] for number in range(count)]

    async def view(self, outbox_id: str) -> MessageView:
        view = await self.store.message(outbox_id)
        assert view is not None
        return view


def render(started: Started) -> bytes:
    if started.reply == TextReply("unwritable"):
        raise Failed("It holds no text.", "bad_text")
    return started.reply.text.encode() if isinstance(started.reply, TextReply) else b"template"


def person(number: int) -> ContactKey:
    return ContactKey("APP", "WHATSAPP", f"4670000{number:04}")


Made = Callable[..., Road]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Made]:
    store = await open_store(tmp_path / "parley.db", app="APP")
    roads: list[Road] = []

    def made(rate: float = 0, in_flight: int = 64) -> Road:
        roads.append(Road(store, rate, in_flight))
        return roads[-1]

    yield made
    for road in roads:
        road.sinch.gate.set()
        if road.task is not None:
            await road.sender.drain(5)
            await road.task
    await store.close()


async def wrote_in(road: Road, *texts: str) -> None:
    """Anna wrote, so that her window is open, and was answered."""
    await road.store.record([wrote("hi")], NOON)
    await road.store.decide_ready(10, NOON, answers(*texts))
    road.sender.wake()


async def test_replies_leave_in_order_one_at_a_time(make: Made) -> None:
    road = make()
    await wrote_in(road, "one", "two", "three")
    road.run()
    await road.idle()
    assert road.sinch.bodies == [b"one", b"two", b"three"]
    assert road.sinch.most_at_once == 1


async def test_what_was_accepted_is_sent_under_sinchs_id(make: Made) -> None:
    road = make()
    [outbox_id] = await road.people(1)
    road.run()
    await road.idle()
    view = await road.view(outbox_id)
    assert (view.state, [(a.outcome, a.message_id) for a in view.attempts]) == (OutboxState.SENT, [("sent", "M1")])


async def test_people_do_not_wait_for_each_other(make: Made) -> None:
    road = make(in_flight=8)
    ids = await road.people(20)
    road.sinch.gate.clear()
    road.run()
    for _ in range(8):
        await road.sinch.arrived.acquire()
    assert (road.sinch.most_at_once, road.sender.in_flight, len(road.sinch.bodies)) == (8, 8, 8)
    road.sinch.gate.set()
    await road.idle()
    assert [(await road.view(each)).status for each in ids] == ["sent"] * 20
    assert road.sinch.most_at_once == 8


async def test_the_rate_holds(make: Made) -> None:
    road = make(rate=5)
    await road.people(12)
    road.run()
    await road.idle()
    assert len(road.sinch.bodies) == 5
    left_at: list[float] = []
    while len(road.sinch.bodies) < 12:
        before = len(road.sinch.bodies)
        next_at = await road.idle()
        road.clock.advance((next_at - road.clock.now()).total_seconds())
        await road.idle()
        left_at += [(road.clock.now() - NOON).total_seconds()] * (len(road.sinch.bodies) - before)
    assert left_at == pytest.approx([0.2 * n for n in range(1, 8)], abs=0.001)


async def test_a_refusal_is_tried_again_later_and_ever_later(make: Made) -> None:
    road = make()
    road.sinch.says = [DOWN, DOWN, DOWN, DOWN, Accepted("")]
    [outbox_id] = await road.people(1)
    road.run()
    waits: list[float] = []
    for sent in range(1, 5):
        again_at = await due(road)
        assert len(road.sinch.bodies) == sent
        waits.append((again_at - road.clock.now()).total_seconds())
        road.clock.advance(waits[-1])
        await road.idle()
    for number, wait in enumerate(waits):
        assert 0.5 * 2**number <= wait <= 2**number
    view = await road.view(outbox_id)
    assert [attempt.outcome for attempt in view.attempts] == ["retry"] * 4 + ["sent"]


async def due(road: Road) -> datetime:
    """When the next message is due; the sender waits for no later moment."""
    waits_until = await road.idle()
    at = await road.store.next_send(road.clock.now())
    assert at is not None
    assert waits_until <= at
    return at


@pytest.mark.parametrize(("told", "least"), [(40.0, 40.0), (0.0, 0.5)])
async def test_retry_after_is_a_least_wait_and_zero_is_no_invitation_to_hammer(
    make: Made, told: float, least: float
) -> None:
    road = make()
    road.sinch.says = [Refused(429, "RESOURCE_EXHAUSTED", "Too many.", told), Accepted("")]
    await road.people(1)
    road.run()
    again_at = await due(road)
    assert least <= (again_at - NOON).total_seconds() <= least + 1


async def test_too_many_requests_holds_everybody_back_but_not_for_ever(make: Made) -> None:
    road = make(in_flight=1)
    road.sinch.says = [Refused(429, "RESOURCE_EXHAUSTED", "Too many.", 900.0), Accepted("")]
    await road.people(3)
    road.run()
    await road.idle()
    assert len(road.sinch.bodies) == 1
    road.clock.advance(29)
    await road.idle()
    assert len(road.sinch.bodies) == 1
    road.clock.advance(2)
    await road.idle()
    assert len(road.sinch.bodies) == 3


async def test_a_rejection_ends_the_message_and_lets_the_next_one_go(make: Made) -> None:
    road = make()
    road.sinch.says = [Rejected(404, "NOT_FOUND", "Check SINCH_REGION."), Accepted("")]
    await wrote_in(road, "one", "two")
    road.run()
    await road.idle()
    assert road.sinch.bodies == [b"one", b"two"]
    assert road.told == 1  # of the one that ended, so that rules can answer it at once


async def test_what_cannot_be_written_fails_and_never_leaves(make: Made) -> None:
    road = make()
    await wrote_in(road, "unwritable", "fine")
    road.run()
    await road.idle()
    assert road.sinch.bodies == [b"fine"]


@pytest.mark.parametrize("said", [Unknown(0, "No answer."), RuntimeError("a bug")], ids=["no answer", "a bug"])
async def test_an_unknown_outcome_is_never_sent_again_from_here(make: Made, said: SendOutcome | Exception) -> None:
    road = make()
    road.sinch.says = [said, Accepted("")]
    [outbox_id] = await road.people(1)
    road.run()
    await road.idle()
    for _ in range(5):
        road.clock.advance(600)
        await road.idle()
    view = await road.view(outbox_id)
    assert (view.state, len(road.sinch.bodies)) == (OutboxState.UNKNOWN, 1)
    [doubt] = await road.store.doubtful(10, road.clock.now())
    assert (doubt.outbox_id, doubt.looks, doubt.submissions) == (outbox_id, 0, 1)
    assert await road.store.doubtful(10, NOON) == [], "a receipt has 30 seconds to come first"


async def test_while_sinch_is_down_it_is_probed_and_not_hammered(make: Made) -> None:
    road = make()
    road.sinch.says = [DOWN]
    ids = await road.people(40)
    road.run()
    await road.idle()
    assert (road.sender.is_down, len(road.sinch.bodies)) == (True, 40)
    for _ in range(20):
        road.clock.advance(30)
        await road.idle()
    assert len(road.sinch.bodies) <= 40 + 20
    assert road.sender.is_down
    assert len(road.sender.remarks()) == 1
    road.sinch.says = [Accepted("")]
    for _ in range(12):
        road.clock.advance(30)
        await road.idle()
    assert not road.sender.is_down
    assert road.sender.remarks() == []
    assert {(await road.view(each)).status for each in ids} == {"sent"}


async def test_silence_counts_as_down_so_that_not_everybody_is_left_in_doubt(make: Made) -> None:
    road = make(in_flight=5)
    road.sinch.says = [Unknown(0, "No answer.")]
    await road.people(40)
    road.run()
    await road.idle()
    assert (road.sender.is_down, len(road.sinch.bodies)) == (True, 5)


async def test_a_stop_before_the_retry_keeps_it_back(make: Made) -> None:
    road = make()
    road.sinch.says = [DOWN, Accepted("")]
    await wrote_in(road, "one", "two")
    road.run()
    await road.idle()
    await road.store.record([wrote("STOP", when=NOON)], NOON)
    for _ in range(10):
        road.clock.advance(60)
        await road.idle()
    assert road.sinch.bodies == [b"one"]


async def test_with_a_wrong_clock_free_form_stops_and_templates_go_on(make: Made) -> None:
    road = make()
    road.sinch.clock_skew.seconds = 90.0
    await wrote_in(road, "one", "two")
    [template] = await road.people(1)
    road.run()
    await road.idle()
    assert (await road.view(template)).status == "sent"
    assert road.sinch.bodies == [b"template"]
    assert road.sinch.checks >= 1
    road.sinch.clock_skew.seconds = 0.0
    road.clock.advance(31)
    await road.idle()
    assert road.sinch.bodies == [b"template", b"one", b"two"]


async def test_a_message_with_a_later_time_leaves_then(make: Made) -> None:
    road = make()
    road.run()
    await road.idle()
    await road.people(1, not_before=NOON.replace(hour=13))
    while road.clock.now() < NOON.replace(hour=13):
        assert road.sinch.bodies == []
        next_at = await road.idle()
        assert next_at <= NOON.replace(hour=13)
        road.clock.advance((next_at - road.clock.now()).total_seconds())
    await road.idle()
    assert road.sinch.bodies == [b"template"]


async def test_an_idle_sender_asks_the_store_seldom(make: Made) -> None:
    road = make()
    road.run()
    next_at = await road.idle()
    assert (next_at - road.clock.now()).total_seconds() == 30


class Fragile:
    """A store that fails when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.broken: set[str] = set()
        self.tries = 0

    def __getattr__(self, name: str) -> object:
        if name in self.broken:
            self.tries += 1
            raise StoreUnavailable("The disk is full.")
        return getattr(self._store, name)


async def test_outcomes_outlive_a_store_in_trouble(make: Made) -> None:
    road = make()
    fragile = Fragile(road.store)
    road.sender._store = fragile  # type: ignore[assignment]
    [outbox_id] = await road.people(1)
    fragile.broken = {"finish", "next_send"}
    road.run()
    await road.idle()
    for _ in range(3):
        road.clock.advance(1)
        await road.idle()
    assert fragile.tries >= 3
    assert (await road.view(outbox_id)).state is OutboxState.SENDING
    fragile.broken = set()
    road.clock.advance(1)
    await road.idle()
    assert (await road.view(outbox_id)).status == "sent"
    assert len(road.sinch.bodies) == 1


async def test_a_start_that_fails_is_tried_again(make: Made) -> None:
    road = make()
    fragile = Fragile(road.store)
    road.sender._store = fragile  # type: ignore[assignment]
    fragile.broken = {"start"}
    await road.people(1)
    road.run()
    await road.idle()
    fragile.broken = set()
    road.clock.advance(1)
    await road.idle()
    assert len(road.sinch.bodies) == 1


async def test_a_clock_set_back_ends_every_pause(make: Made) -> None:
    road = make(in_flight=1)
    road.sinch.says = [Refused(429, "RESOURCE_EXHAUSTED", "Too many.", 20.0), Accepted("")]
    await road.people(2)
    road.run()
    await road.idle()
    assert len(road.sinch.bodies) == 1
    road.clock.jump(-3600)
    await road.place("", who=person(9), reply=TEMPLATE)
    await road.idle()
    assert len(road.sinch.bodies) >= 2


async def test_draining_waits_for_what_is_in_flight_and_starts_nothing(make: Made) -> None:
    road = make(in_flight=2)
    ids = await road.people(4)
    road.sinch.gate.clear()
    road.run()
    for _ in range(2):
        await road.sinch.arrived.acquire()
    draining = asyncio.create_task(road.sender.drain(5))
    await asyncio.sleep(0)
    assert not draining.done()
    road.sinch.gate.set()
    await draining
    states = sorted([(await road.view(each)).state for each in ids])
    assert states == [OutboxState.QUEUED, OutboxState.QUEUED, OutboxState.SENT, OutboxState.SENT]
    assert len(road.sinch.bodies) == 2


async def test_what_outlasts_the_drain_is_of_unknown_outcome(make: Made) -> None:
    road = make()
    [outbox_id] = await road.people(1)
    road.sinch.gate.clear()
    road.run()
    await road.sinch.arrived.acquire()
    await road.sender.drain(0.05)
    assert (await road.view(outbox_id)).state is OutboxState.UNKNOWN
    assert road.task is not None
    await road.task


async def test_draining_a_sender_whose_store_is_gone_ends(make: Made) -> None:
    road = make()
    fragile = Fragile(road.store)
    road.sender._store = fragile  # type: ignore[assignment]
    await road.people(1)
    fragile.broken = {"finish", "next_send"}
    road.run()
    await road.idle()
    await road.sender.drain(0.05)
    fragile.broken = set()


async def test_a_sender_that_never_ran_drains_at_once(make: Made) -> None:
    await make().sender.drain(5)


class Slow:
    """A store whose start returns only when the test says so, as when the process was frozen."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.started = asyncio.Event()
        self.gate = asyncio.Event()

    async def start(self, *arguments: object) -> object:
        found = await self._store.start(*arguments)  # type: ignore[arg-type]
        if found:
            self.started.set()
            await self.gate.wait()
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


async def test_a_sender_that_wakes_too_late_checks_again_before_the_first_byte(make: Made) -> None:
    road = make()
    slow = Slow(road.store)
    road.sender._store = slow  # type: ignore[assignment]
    await wrote_in(road, "one")
    road.run()
    await slow.started.wait()
    road.clock.advance(3600)
    await road.store.record([wrote("STOP", when=NOON)], road.clock.now())
    slow.gate.set()
    await road.idle()
    road.clock.advance(60)
    await road.idle()
    assert road.sinch.bodies == []


async def test_a_start_that_comes_back_into_a_drain_does_not_leave(make: Made) -> None:
    road = make()
    slow = Slow(road.store)
    road.sender._store = slow  # type: ignore[assignment]
    [outbox_id] = await road.people(1)
    road.run()
    await slow.started.wait()
    draining = asyncio.create_task(road.sender.drain(5))
    await asyncio.sleep(0)
    slow.gate.set()
    await draining
    view = await road.view(outbox_id)
    assert (view.state, road.sinch.bodies) == (OutboxState.QUEUED, [])


async def test_an_answer_that_comes_after_another_was_stored_is_stored_too(make: Made) -> None:
    """Both are under way at once, and one is written down while the other still waits for Sinch."""
    road = make()
    early, late = asyncio.Event(), asyncio.Event()
    road.run()
    sent: list[str] = []
    for number, gate in enumerate((early, late)):
        road.sinch.gate = gate
        sent += await road.place("", who=person(number), reply=TEMPLATE)
        await road.sinch.arrived.acquire()
    early.set()
    async with asyncio.timeout(10):
        while (await road.view(sent[0])).state is not OutboxState.SENT:
            await road.clock.until_waiting()
    late.set()
    await road.idle()
    assert (await road.view(sent[1])).state is OutboxState.SENT
