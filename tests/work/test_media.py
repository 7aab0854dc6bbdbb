"""Asking what kind of file somebody sent: what a content type means, how many are asked at once, and what ends up in the store."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.core.event import Content, Event, InboundMessage, Media, MediaKind, OwnTap, Tap, Text
from bot.core.rulebook import Rulebooks
from bot.errors import OutcomeUnknown, StoreUnavailable
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Claimed, InboxKind, Incoming
from bot.work.explain import decide_again
from bot.work.inbox import Deciding, decide_lane, read_event
from bot.work.media import AT_ONCE, MOST_UNANSWERED, PATIENCE, MediaAsker, kind_of
from tests.store.making import ANNA, NOON, POLICY, at, wrote
from tests.work.still import StillClock

FILE = Media("https://files.example/a1", None, caption="look")
RULES = b"""
settings: {time_zone: Europe/Stockholm, languages: [en]}
rules:
  - name: voice
    when: {sends: voice}
    reply: {text: I cannot listen.}
  - name: file
    when: {sends: file}
    reply: {text: What is it?}
"""


def sent(content: Content = FILE, id_: str = "1") -> InboundMessage:
    return InboundMessage(f"in:{id_}", ANNA, id_, content, NOON, NOON)


@dataclass
class Servers:
    """File servers that answer when they are let to."""

    answer: str | Exception | None = "audio/ogg"
    asked: list[tuple[str, float]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    at_once: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def content_type(self, url: str, limit_s: float) -> str | None:
        self.asked.append((url, limit_s))
        self.at_once += 1
        self._changed.set()
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(5):
            while len(self.asked) < times:
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Told:
    """The store's side: what was told, in turn, and how often somebody was woken before it."""

    kinds: list[tuple[str, str, MediaKind, datetime]] = field(default_factory=list)
    woken: int = 0
    trouble: StoreUnavailable | None = None

    async def tell_media(self, app: str, dedup: str, kind: MediaKind, now: datetime) -> bool:
        assert self.woken == len(self.kinds) + 1
        if self.trouble is not None:
            raise self.trouble
        self.kinds.append((app, dedup, kind, now))
        return True

    def wake(self) -> None:
        self.woken += 1


@dataclass
class Desk:
    """An asker with everything around it."""

    servers: Servers = field(default_factory=Servers)
    told: Told = field(default_factory=Told)
    clock: StillClock = field(default_factory=lambda: StillClock(NOON))

    def __post_init__(self) -> None:
        self.asker = MediaAsker(self.told, self.servers, self.clock, self.told.wake)

    def takes(self, event: Event) -> datetime | None:
        """What the webhook does with an event."""
        until = self.asker.waits_until(event, self.clock.now())
        if until is not None:
            self.asker.ask(event, until)
        return until


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.asker.drain(0.0)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/jpeg", MediaKind.IMAGE),
        ("image/webp", MediaKind.STICKER),
        ("video/3gpp", MediaKind.VIDEO),
        ("audio/ogg", MediaKind.VOICE),
        ("audio/opus", MediaKind.VOICE),
        ("application/ogg", MediaKind.VOICE),
        ("audio/mpeg", MediaKind.AUDIO),
        ("application/pdf", MediaKind.DOCUMENT),
        ("text/plain", MediaKind.DOCUMENT),
        ("application/octet-stream", MediaKind.FILE),
        ("binary/octet-stream", MediaKind.FILE),
        ("font/woff2", MediaKind.FILE),
        ("imagery/jpeg", MediaKind.FILE),
        ("nonsense", MediaKind.FILE),
        ("", MediaKind.FILE),
        (None, MediaKind.FILE),
    ],
)
def test_what_a_content_type_tells(content_type: str | None, kind: MediaKind) -> None:
    assert kind_of(content_type) is kind


@pytest.mark.parametrize(
    "event",
    [
        sent(Text("hi")),
        sent(replace(FILE, kind=MediaKind.IMAGE)),
        sent(Tap("x")),
        replace(sent(), injected=True),
        wrote("hi").event,
    ],
)
async def test_there_is_nothing_to_ask_about(desk: Desk, event: Event) -> None:
    assert desk.takes(event) is None
    assert desk.servers.asked == []


async def test_a_file_of_unknown_kind_is_asked_for_and_told(desk: Desk) -> None:
    assert desk.takes(sent()) == NOON + PATIENCE
    await desk.servers.until_asked(1)
    desk.clock.advance(1)
    desk.servers.may_answer.set()
    await desk.asker.drain(5.0)
    assert desk.servers.asked == [(FILE.url, 2.0)]
    assert desk.told.kinds == [("APP", "in:1", MediaKind.VOICE, at(1))]


async def test_a_server_that_fails_makes_it_a_file_at_once(desk: Desk) -> None:
    desk.servers.answer = OutcomeUnknown("files.example did not answer within 2 seconds.")
    desk.servers.may_answer.set()
    with capture_logs() as logged:
        desk.takes(sent())
        await desk.asker.drain(5.0)
    assert [kind for _, _, kind, _ in desk.told.kinds] == [MediaKind.FILE]
    assert [(line["event"], line["message_id"]) for line in logged] == [("media_unknown", "1")]


async def test_sixteen_are_asked_at_once_and_the_others_in_their_turn(desk: Desk) -> None:
    for n in range(AT_ONCE + 2):
        desk.takes(sent(id_=str(n)))
    await desk.servers.until_asked(AT_ONCE)
    assert desk.servers.at_once == AT_ONCE
    desk.clock.advance(1)
    desk.servers.may_answer.set()
    await desk.asker.drain(5.0)
    assert len(desk.told.kinds) == AT_ONCE + 2
    assert {limit_s for _, limit_s in desk.servers.asked[AT_ONCE:]} == {1.5}  # of what is left of their time


async def test_whose_time_is_over_before_its_turn_is_not_asked_for(desk: Desk) -> None:
    for n in range(AT_ONCE + 1):
        desk.takes(sent(id_=str(n)))
    await desk.servers.until_asked(AT_ONCE)
    desk.clock.advance(PATIENCE.total_seconds())
    desk.servers.may_answer.set()
    await desk.asker.drain(5.0)
    assert len(desk.servers.asked) == len(desk.told.kinds) == AT_ONCE


async def test_too_many_at_once_stay_files_without_waiting(desk: Desk) -> None:
    waits = [desk.takes(sent(id_=str(n))) for n in range(MOST_UNANSWERED)]
    assert None not in waits
    with capture_logs() as logged:
        assert desk.takes(sent(id_="one more")) is None
    assert [line["event"] for line in logged] == ["media_not_asked"]
    desk.servers.may_answer.set()
    await desk.asker.drain(5.0)
    assert len(desk.told.kinds) == MOST_UNANSWERED
    assert desk.takes(sent(id_="later")) is not None


async def test_a_store_in_trouble_is_told_and_the_next_is_asked_for(desk: Desk) -> None:
    desk.told.trouble = StoreUnavailable("The database is locked.")
    desk.servers.may_answer.set()
    with capture_logs() as logged:
        desk.takes(sent())
        await desk.asker.drain(5.0)
    assert [line["event"] for line in logged] == ["media_store_unavailable"]


async def test_draining_gives_up_what_does_not_come_in_time(desk: Desk) -> None:
    desk.takes(sent())
    await desk.servers.until_asked(1)
    await desk.asker.drain(0.0)
    assert (desk.servers.at_once, desk.told.kinds) == (0, [])


# --- with a store and the deciding --------------------------------------------------------------------------------------


def read(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
    """Bytes name the message; each brings the file."""
    return sent(id_=raw.decode())


@pytest.fixture
def deciding() -> Deciding:
    rulebook = load_files({"rules/shop.yaml": RULES}).rulebook
    assert rulebook is not None
    return Deciding(read, lambda: Rulebooks(rulebook), b"k" * 32)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def recorded(store: Store, content: Content = FILE) -> None:
    event = sent(content)
    ready_at = NOON + PATIENCE if content == FILE else None
    await store.record([Incoming(event, InboxKind.INBOUND, event.message_id.encode(), ready_at=ready_at)], NOON)


async def rule_that_answered(store: Store, deciding: Deciding, now: datetime) -> str:
    """Which rule did; made again from the trace, and the same again."""
    await store.decide_ready(10, now, lambda lane: decide_lane(deciding, now, lane))
    trace = await store.last_trace(ANNA)
    assert trace is not None
    again = decide_again(trace, deciding, deciding.rulebooks())
    [started] = await store.start(10, now, POLICY)
    assert again.because.path
    assert started.reply == again.effects[0].reply  # type: ignore[union-attr]
    return again.because.path[-1]


async def test_the_kind_that_was_told_decides_now_and_in_the_trace(store: Store, deciding: Deciding) -> None:
    await recorded(store)
    await store.tell_media("APP", "in:1", MediaKind.VOICE, at(1))
    assert await rule_that_answered(store, deciding, at(1)) == "voice"


async def test_without_an_answer_it_is_a_file_when_its_time_is_over(store: Store, deciding: Deciding) -> None:
    await recorded(store)
    assert await rule_that_answered(store, deciding, NOON + PATIENCE) == "file"


async def test_after_a_restart_the_kind_is_read_again_with_the_event(tmp_path: Path, deciding: Deciding) -> None:
    for told, rule in ((MediaKind.VOICE, "voice"), (None, "file")):
        path = tmp_path / f"{rule}.db"
        before = await open_store(path, app="APP")
        await recorded(before)
        if told is not None:
            await before.tell_media("APP", "in:1", told, at(1))
        await before.close()
        store = await open_store(path, app="APP")
        assert await rule_that_answered(store, deciding, at(60)) == rule
        await store.close()


def test_only_a_file_of_unknown_kind_takes_what_was_told(deciding: Deciding) -> None:
    def content(before: Content, told: MediaKind | None = MediaKind.AUDIO) -> object:
        claimed = Claimed(1, InboxKind.INBOUND, b"1", NOON, 1, sent(before), media_kind=told)
        event = read_event(deciding, claimed)
        assert isinstance(event, InboundMessage)
        return event.content

    assert content(FILE) == replace(FILE, kind=MediaKind.AUDIO)
    assert content(FILE, None) == replace(FILE, kind=MediaKind.FILE)
    assert content(replace(FILE, kind=MediaKind.IMAGE)) == replace(FILE, kind=MediaKind.IMAGE)
    assert content(Text("hi")) == Text("hi")
    assert not isinstance(content(Tap("x")), OwnTap)
