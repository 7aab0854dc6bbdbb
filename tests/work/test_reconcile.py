"""Messages of unknown outcome: a receipt, a listing or time decides, and nobody gets a third copy."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.core.delivery import OutboxState
from bot.core.event import ContactKey
from bot.errors import Failed, Retry, StoreUnavailable
from bot.sinch.wire.admin import SinchApp
from bot.sinch.wire.answers import ListedMessage
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import MessageView, Placed, Started, Unknown
from bot.work.reconcile import BETWEEN_LOOKS, EARLIER, LISTING_PATIENCE, LISTING_PAUSE, Reconciler
from tests.store.making import ANNA, NOON, POLICY, TEMPLATE, answers, order, receipt
from tests.work.still import StillClock

WAIT = 30.0
APP = SinchApp("APP", "", "DISPATCH", None, 1, 0, None, None, None, None, None)
KEEPS_NONE = replace(APP, dispatch_retention_days=0)
CONVERSATION = replace(APP, processing_mode="CONVERSATION", dispatch_retention_days=0, retention_days=180)


class Sinch:
    """Lists ``kept``; ``trouble`` is raised instead."""

    def __init__(self) -> None:
        self.kept: list[ListedMessage] = []
        self.asked: list[tuple[ContactKey, datetime, bool]] = []
        self.apps_asked = 0
        self.it = APP
        self.trouble: Exception | None = None

    async def app(self) -> SinchApp:
        self.apps_asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.it

    async def list_messages(
        self, contact: ContactKey, contact_id: str, since: datetime, is_dispatch: bool
    ) -> Sequence[ListedMessage]:
        self.asked.append((contact, since, is_dispatch))
        if self.trouble is not None:
            raise self.trouble
        return self.kept


class Desk:
    """A reconciler over a real store with one message in doubt, sent at noon."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = StillClock(NOON)
        self.sinch = Sinch()
        self.settled = 0
        self.reconciler = Reconciler(store, self.sinch, self.clock, self.count)
        self.outbox_id = ""

    def count(self) -> None:
        self.settled += 1

    async def doubt(self, *, at_most_once: bool = False) -> None:
        asked = replace(order(), reply=TEMPLATE, at_most_once=at_most_once)
        [placed] = await self.store.place([asked], self.clock.now())
        assert isinstance(placed, Placed)
        self.outbox_id = placed.outbox_id
        await self.lose_next()

    async def lose_next(self) -> None:
        [started] = await self.start()
        look_at = self.clock.now() + timedelta(seconds=WAIT)
        await self.store.finish([Unknown(started.attempt_id, look_at, 0, "No answer.")], self.clock.now())

    async def start(self) -> Sequence[Started]:
        return await self.store.start(10, self.clock.now(), POLICY)

    async def look(self, after_s: float) -> None:
        self.clock.advance(after_s)
        await self.reconciler.look()

    async def view(self) -> MessageView:
        view = await self.store.message(self.outbox_id)
        assert view is not None
        return view

    async def state(self) -> OutboxState:
        return (await self.view()).state

    def lists(self, outbox_id: str, direction: str = "TO_CONTACT") -> None:
        self.sinch.kept.append(ListedMessage("M7", outbox_id, direction, NOON))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await open_store(tmp_path / "parley.db", app="APP")
    yield Desk(store)
    await store.close()


async def test_a_receipt_has_half_a_minute_before_anybody_is_asked(desk: Desk) -> None:
    await desk.doubt()
    await desk.look(WAIT - 1)
    assert (await desk.state(), desk.sinch.asked) == (OutboxState.UNKNOWN, [])
    await desk.store.record([receipt("DELIVERED", desk.outbox_id)], desk.clock.now())
    await desk.store.decide_ready(10, desk.clock.now(), answers())
    await desk.look(3600)
    assert (await desk.state(), desk.sinch.asked) == (OutboxState.SENT, [])


async def test_what_sinch_lists_was_sent(desk: Desk) -> None:
    await desk.doubt()
    desk.lists("another")
    desk.lists(desk.outbox_id)
    await desk.look(WAIT)
    view = await desk.view()
    assert (view.state, view.attempts[0].message_id) == (OutboxState.SENT, "M7")
    assert (desk.sinch.asked, desk.settled) == ([(ANNA, NOON - EARLIER, True)], 1)
    assert await desk.start() == []


async def test_two_listings_without_it_send_it_once_more_and_never_a_third_time(desk: Desk) -> None:
    await desk.doubt()
    desk.lists("another")
    desk.lists(desk.outbox_id, "TO_APP")
    await desk.look(WAIT)
    assert await desk.state() is OutboxState.UNKNOWN
    await desk.look(BETWEEN_LOOKS.total_seconds() - 1)
    assert len(desk.sinch.asked) == 1
    await desk.look(1)
    assert (await desk.state(), len(desk.sinch.asked)) == (OutboxState.QUEUED, 2)
    await desk.lose_next()
    for _ in range(4):
        await desk.look(WAIT)
    assert (await desk.state(), len(desk.sinch.asked)) == (OutboxState.HELD, 4)
    desk.clock.advance(3600)
    assert await desk.start() == []


async def test_at_most_once_is_held_for_a_person(desk: Desk) -> None:
    await desk.doubt(at_most_once=True)
    await desk.look(WAIT)
    await desk.look(BETWEEN_LOOKS.total_seconds())
    assert (await desk.state(), len(desk.sinch.asked)) == (OutboxState.HELD, 2)
    assert await desk.start() == []


async def test_where_sinch_keeps_nothing_it_is_not_asked(desk: Desk) -> None:
    desk.sinch.it = KEEPS_NONE
    await desk.doubt()
    await desk.look(WAIT)
    assert (await desk.state(), desk.sinch.asked) == (OutboxState.QUEUED, [])


async def test_in_conversation_mode_the_other_source_is_asked(desk: Desk) -> None:
    desk.sinch.it = CONVERSATION
    await desk.doubt()
    await desk.look(WAIT)
    assert [is_dispatch for _, _, is_dispatch in desk.sinch.asked] == [False]


async def test_a_listing_that_fails_is_no_proof_of_absence(desk: Desk) -> None:
    await desk.doubt()
    desk.sinch.trouble = Retry("Sinch is down.")
    for _ in range(5):
        await desk.look(WAIT)
    assert await desk.state() is OutboxState.UNKNOWN
    desk.sinch.trouble = None
    await desk.look(LISTING_PAUSE.total_seconds())
    await desk.look(BETWEEN_LOOKS.total_seconds())
    assert (await desk.state(), len(desk.sinch.asked)) == (OutboxState.QUEUED, 2)


async def test_a_failing_listing_is_not_asked_again_at_once(desk: Desk) -> None:
    await desk.doubt()
    desk.sinch.trouble = Retry("Sinch is down.")
    await desk.look(WAIT)
    for _ in range(29):
        await desk.look(1)
    assert desk.sinch.apps_asked == 1
    await desk.look(1)
    assert desk.sinch.apps_asked == 2


async def test_nobody_waits_for_ever_for_a_listing_that_never_comes(desk: Desk) -> None:
    await desk.doubt()
    desk.sinch.trouble = Retry("Sinch is down.")
    await desk.look(LISTING_PATIENCE.total_seconds() - 1)
    assert await desk.state() is OutboxState.UNKNOWN
    await desk.look(1)
    assert await desk.state() is OutboxState.QUEUED


async def test_a_refused_listing_counts_as_none(desk: Desk) -> None:
    await desk.doubt()
    desk.sinch.trouble = Failed("The key has no access.", "PERMISSION_DENIED")
    await desk.look(WAIT)
    assert await desk.state() is OutboxState.QUEUED


async def test_the_app_is_asked_for_seldom(desk: Desk) -> None:
    await desk.doubt()
    await desk.look(WAIT)
    await desk.look(BETWEEN_LOOKS.total_seconds())
    assert desk.sinch.apps_asked == 1


async def test_what_a_dead_process_left_is_reconciled_too(desk: Desk) -> None:
    [placed] = await desk.store.place([replace(order(), reply=TEMPLATE)], NOON)
    assert isinstance(placed, Placed)
    desk.outbox_id = placed.outbox_id
    await desk.start()
    assert await desk.store.recover(NOON, NOON + timedelta(seconds=WAIT)) == 1
    await desk.look(WAIT - 1)
    assert desk.sinch.asked == []
    desk.lists(desk.outbox_id)
    await desk.look(1)
    assert await desk.state() is OutboxState.SENT


async def test_the_task_looks_by_itself_and_stops(desk: Desk) -> None:
    await desk.doubt()
    desk.lists(desk.outbox_id)
    task = asyncio.create_task(desk.reconciler.run())
    async with asyncio.timeout(20):
        while desk.settled == 0:
            await desk.clock.until_waiting()
            desk.clock.advance(5)
    assert await desk.state() is OutboxState.SENT
    desk.reconciler.stop()
    await task
    assert desk.clock.now() <= NOON + timedelta(seconds=WAIT + 5)


async def test_the_task_outlives_a_store_in_trouble(desk: Desk) -> None:
    class Broken:
        tries = 0

        async def doubtful(self, limit: int, now: datetime) -> Sequence[object]:
            self.tries += 1
            raise StoreUnavailable("The disk is full.")

        async def expire(self, now: datetime) -> int:
            return 0

    broken = Broken()
    desk.reconciler._store = broken  # type: ignore[assignment]
    task = asyncio.create_task(desk.reconciler.run())
    async with asyncio.timeout(20):
        while broken.tries < 3:
            await desk.clock.until_waiting()
            desk.clock.advance(1)
    desk.reconciler.stop()
    await task


async def test_the_task_ends_what_waited_too_long_for_its_person(desk: Desk) -> None:
    swept: list[datetime] = []

    class Quiet:
        async def doubtful(self, limit: int, now: datetime) -> Sequence[object]:
            return ()

        async def expire(self, now: datetime) -> int:
            swept.append(now)
            return 0

    desk.reconciler._store = Quiet()  # type: ignore[assignment]
    task = asyncio.create_task(desk.reconciler.run())
    async with asyncio.timeout(20):
        while len(swept) < 2:
            await desk.clock.until_waiting()
            desk.clock.advance(5)
    desk.reconciler.stop()
    await task
    assert swept[1] - swept[0] == timedelta(minutes=1)
