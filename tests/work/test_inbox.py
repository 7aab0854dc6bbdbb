"""The deciding worker on a real store: poison stays with its person, receipts that close a window, order."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from bot.core.conversation import Conversation, Person
from bot.core.decision import Because, Decision
from bot.core.event import Event, InboundMessage
from bot.core.reply import TemplateReply, TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, Claimed, InboxKind, Lane, Started
from bot.work import inbox as inbox_module
from bot.work.clock import RunningClock
from bot.work.inbox import Deciding, Inbox, decide_lane
from tests.store.making import ANNA, BO, NOON, POLICY, at, receipt, told, wrote
from tests.store.making import calling as waits_for

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


# --- while a call is under way ------------------------------------------------------------------------------------------

CALLING = b"""
settings: {time_zone: Europe/Stockholm, languages: [en]}
connections:
  orders: {url: "https://erp.example/orders", results: [status], timeout: 4 s}
rules:
  - name: track
    when: {says_exactly: track}
    call: orders
    reply:
      - {if: found, text: "It is {{status}}."}
      - {text: Ask again later.}
  - name: hello
    when: {says_exactly: hello}
    reply: {text: Hello there}
    then: {remind: {after: 3 hours, goes_to: still_there}}
  - name: still_there
    when: {says_exactly: still there}
    reply: {text: Still there?}
    if_closed: skip
"""


@pytest.fixture
def calling() -> Deciding:
    reading = load_files({"rules/shop.yaml": CALLING})
    assert reading.rulebook is not None, reading.problems
    book = Rulebooks(reading.rulebook)
    return Deciding(_unread, lambda: book, b"k" * 32)


async def test_what_is_written_while_a_call_is_under_way_waits_for_its_answer(
    tmp_path: Path, calling: Deciding
) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    reads = replace(calling, read=lambda kind, raw, received_at: wrote(raw.decode(), when=at(0.5)).event)
    await store.record([wrote("track"), wrote("hello", when=at(0.5))], at(1))
    await decide(store, reads, 1)
    (call,) = await store.start_calls(10, at(2))
    assert call.call.url == "https://erp.example/orders"
    assert await started(store, 2) == []
    await store.finish_call(told(call, status="on its way"), at(3))
    replies = []
    for seconds in (3, 4, 5):
        await decide(store, reads, seconds)
        for each in await started(store, seconds):
            replies.append(each.reply)
            await store.finish([Accepted(each.attempt_id, f"M{seconds}")], at(seconds))
    assert replies == [TextReply("It is on its way."), TextReply("Hello there")]
    await store.close()


def test_what_is_held_is_as_if_it_had_not_come_yet(calling: Deciding, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it, a STOP perhaps, meets the conversation as it was before: still the first contact."""
    met: list[Conversation] = []

    def holds_the_first(event: Event, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
        met.append(conversation)
        outcome: Literal["held", "decided"] = "held" if len(met) == 1 else "decided"
        return Decision(waiting, (), Because("none"), outcome)

    waiting = waits_for()
    monkeypatch.setattr(inbox_module, "decide", holds_the_first)
    conversation = Conversation(ANNA, Person(1), state=waiting, first_contact=True)
    events = [wrote("hello").event, wrote("STOP", when=at(1)).event]
    pending = tuple(Claimed(n, InboxKind.INBOUND, b"", NOON, 1, event) for n, event in enumerate(events))
    outcomes = decide_lane(calling, at(1), Lane(conversation, pending))
    assert [each.decision.outcome for each in outcomes if each.decision is not None] == ["held", "decided"]
    assert met[1].first_contact


def test_the_rulebook_that_a_question_goes_on_with_is_kept(calling: Deciding, monkeypatch: pytest.MonkeyPatch) -> None:
    because = Because("question", pinned=7)
    monkeypatch.setattr(
        inbox_module, "decide", lambda event, conversation, *_: Decision(conversation.state, (), because)
    )
    pending = (Claimed(1, InboxKind.INBOUND, b"", NOON, 1, wrote("hello").event),)
    (settled,) = decide_lane(calling, at(1), Lane(Conversation(ANNA, Person(1)), pending))
    assert settled.pinned == 7


async def test_what_is_held_for_nothing_is_a_mistake_that_ends(
    tmp_path: Path, calling: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lambda event, conversation, rulebooks, now: Decision(conversation.state, (), Because("none"), "held")  # noqa: E731 short
    monkeypatch.setattr(inbox_module, "decide", held)
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.record([wrote("track")], NOON)
    reads = replace(calling, read=lambda kind, raw, received_at: wrote(raw.decode()).event)
    for seconds in (1, 60, 120):
        assert await decide(store, reads, seconds) == 1
    assert (await store.counts()).inbox_dead == 1
    await store.close()


async def test_the_task_tells_of_calls_and_of_timers(tmp_path: Path, calling: Deciding) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    called, set_for = asyncio.Event(), asyncio.Queue[datetime]()
    inbox = Inbox(store, calling, RunningClock(_fixed(at(1))), lambda: None, called.set, set_for.put_nowait)
    task = asyncio.create_task(inbox.run())
    async with asyncio.timeout(5):
        await store.record([wrote("hello", BO)], NOON)
        inbox.wake()
        assert await set_for.get() == at(1) + timedelta(hours=3)
        assert not called.is_set()
        await store.record([wrote("track")], NOON)
        inbox.wake()
        await called.wait()
        inbox.stop()
        await task
    await store.close()
