"""The deciding worker on a real store: poison stays with its person, receipts that close a window, order."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.event import Event, InboundMessage
from bot.core.reply import TemplateReply, TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Started
from bot.work.clock import RunningClock
from bot.work.inbox import Deciding, Inbox, decide_lane
from tests.store.making import ANNA, BO, NOON, POLICY, at, receipt, wrote

RULES = b"""
settings: {time_zone: Europe/Stockholm, languages: [en]}
templates:
  back: {languages: {en: en_US}, category: utility, parameters: []}
rules:
  - name: hello
    when: {says: hello}
    reply: {text: Hello there}
    if_closed: {template: back}
  - name: plain
    when: {says: plain}
    reply: {text: Plain words}
"""


@pytest.fixture
def rulebook() -> Rulebook:
    reading = load_files({"rules/shop.yaml": RULES})
    assert reading.rulebook is not None, reading.problems
    return reading.rulebook


@pytest.fixture
def deciding(rulebook: Rulebook) -> Deciding:
    return Deciding(_unread, lambda: Rulebooks(rulebook), b"k" * 32)


def _unread(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
    raise ValueError(f"nobody can read {raw!r}")


async def decide(store: Store, deciding: Deciding, seconds: float) -> int:
    now = at(seconds)
    progress = await store.decide_ready(10, now, lambda lane: decide_lane(deciding, now, lane))
    return progress.settled


async def started(store: Store, seconds: float) -> list[Started]:
    return list(await store.start(10, at(seconds), POLICY))


@pytest.fixture
async def reopened(tmp_path: Path) -> Store:
    """A store whose events were recorded by an earlier process: only their bytes are at hand."""
    first = await open_store(tmp_path / "parley.db", app="APP")
    await first.record([wrote("hello"), wrote("hello", BO)], NOON)
    await first.close()
    return await open_store(tmp_path / "parley.db", app="APP")


async def test_an_event_that_cannot_be_decided_is_tried_three_times_and_holds_back_its_person_only(
    reopened: Store, deciding: Deciding, rulebook: Rulebook
) -> None:
    poison = {ANNA.identity}

    def read(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
        event = wrote(raw.decode(), BO).event
        assert isinstance(event, InboundMessage)
        if poison:
            poison.clear()
            raise ValueError("poison")
        return event

    picky = Deciding(read, lambda: Rulebooks(rulebook), b"k" * 32)
    await decide(reopened, picky, 1)
    assert len(await started(reopened, 1)) == 1
    for seconds in (60, 120):
        poison.add("again")
        await decide(reopened, picky, seconds)
    counts = await reopened.counts()
    assert (counts.inbox_pending, counts.inbox_dead) == (0, 1)
    await reopened.close()


async def test_a_refusal_as_outside_the_window_closes_it_and_sends_the_template_once(
    tmp_path: Path, deciding: Deciding
) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.record([wrote("hello")], NOON)
    await decide(store, deciding, 1)
    (first,) = await started(store, 2)
    assert first.reply == TextReply("Hello there")
    await store.finish([Accepted(first.attempt_id, "M1")], at(3))
    refused = [receipt("FAILED", first.outbox_id, "M1", reason="OUTSIDE_ALLOWED_SENDING_WINDOW")]
    await store.record(refused, at(4))
    await decide(store, deciding, 5)
    (second,) = await started(store, 6)
    assert isinstance(second.reply, TemplateReply)
    assert not (await store.standing(ANNA)).window.is_open(at(7))
    await store.finish([Accepted(second.attempt_id, "M2")], at(8))
    again = [receipt("FAILED", second.outbox_id, "M2", reason="OUTSIDE_ALLOWED_SENDING_WINDOW")]
    await store.record(again, at(9))
    await decide(store, deciding, 10)
    assert await started(store, 11) == []
    await store.close()


async def test_without_if_closed_such_a_refusal_is_only_listed(tmp_path: Path, deciding: Deciding) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.record([wrote("plain")], NOON)
    await decide(store, deciding, 1)
    (first,) = await started(store, 2)
    await store.finish([Accepted(first.attempt_id, "M1")], at(3))
    await store.record([receipt("FAILED", first.outbox_id, "M1", reason="OUTSIDE_ALLOWED_SENDING_WINDOW")], at(4))
    await decide(store, deciding, 5)
    assert await started(store, 6) == []
    view = await store.message(first.outbox_id)
    assert view is not None
    assert (view.status, view.reason) == ("failed", "OUTSIDE_ALLOWED_SENDING_WINDOW")
    await store.close()


async def test_the_task_decides_what_it_is_woken_for_and_stops(tmp_path: Path, deciding: Deciding) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    decided = asyncio.Event()
    inbox = Inbox(store, deciding, RunningClock(_fixed(at(1))), decided.set)
    task = asyncio.create_task(inbox.run())
    inbox.wake()
    await store.record([wrote("hello")], NOON)
    async with asyncio.timeout(5):
        await decided.wait()
        inbox.stop()
        await task
    assert (await store.counts()).outbox_open == 1
    await store.close()


def _fixed(now: datetime) -> Callable[[], datetime]:
    return lambda: now
