"""Campaigns at work: each person once, in their own language and day, just ahead of the sender, and no further than WhatsApp likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.core.event import ContactKey, DeliveryReceipt, Reason
from bot.core.reply import TemplateReply
from bot.core.rulebook import Rulebook
from bot.errors import StoreUnavailable
from bot.rulebook.load import load_files
from bot.store.campaigns import Created, NewCampaign, NewRecipient
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Incoming, Order, Origin, Placed, Started
from bot.work.campaigns import AHEAD_MOST, RESTRICTED_WHY, CampaignWorker, declaration
from bot.work.rate import Rate
from tests.store.making import POLICY, answers
from tests.store.test_campaigns import rated
from tests.work.still import StillClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = """
settings: {time_zone: Asia/Tokyo, languages: [en, sv], language_of_prefix: {"46": sv}}
templates:
  shipped:
    languages: {en: en_US, sv: sv_SE}
    category: CATEGORY
    parameters: [first_name]
    body: {en: "Hi {{first_name}}", sv: "Hej {{first_name}}"}
rules:
  - {name: otherwise, when: {nothing_matched: true}, reply: {text: {en: What?, sv: Va?}}}
"""


def rules(text: str = RULES, category: str = "utility") -> Rulebook:
    reading = load_files({"rules/rules.yaml": text.replace("CATEGORY", category).encode()})
    assert reading.rulebook is not None, [str(problem) for problem in reading.problems]
    return replace(reading.rulebook, version=7)


BOOK = rules()
DECLARED = declaration(BOOK.templates["shipped"])

EVENING, NIGHT = datetime(2026, 1, 5, 20, 30, tzinfo=UTC), "21:00-08:00"


# --- the worker ---------------------------------------------------------------------------------------------------------


@dataclass
class Works:
    """The worker over a real store, on a clock of ours; ``book`` is the live rulebook."""

    store: Store
    send_rate: float
    clock: StillClock = field(default_factory=lambda: StillClock(NOON))
    book: Rulebook = BOOK
    placed: int = 0
    worker: CampaignWorker = field(init=False)
    task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.worker = CampaignWorker(self.store.campaigns, lambda: self.book, self.send_rate, self.clock, self._placed)
        self.task = asyncio.create_task(self.worker.run())

    def _placed(self) -> None:
        self.placed += 1

    async def start(self, count: int, category: str = "utility", rate: float = 0, **changes: object) -> int:
        new = NewCampaign("spring", "shipped", DECLARED, category, "", {}, rate, "", self.clock.now(), "webshop")
        people = [
            NewRecipient(line, ContactKey("APP", "WHATSAPP", f"4670{line:07d}"), values={"first_name": "A"})
            for line in range(2, count + 2)
        ]
        created = await self.store.campaigns.create(replace(new, **changes), people, self.clock.now())  # type: ignore[arg-type]
        assert isinstance(created, Created)
        self.worker.wake()
        return created.id

    async def idle(self) -> datetime:
        async with asyncio.timeout(10):
            return await self.clock.until_waiting()

    async def passes(self, seconds: float, step: float = 0.05) -> None:
        """Time passes, in steps at which the worker may look."""
        for _ in range(round(seconds / step)):
            await self.idle()
            self.clock.advance(step)
        await self.idle()

    async def counts(self, id_: int) -> dict[str, int]:
        view = await self.store.campaigns.view(id_)
        assert view is not None
        return {status: count for status, count in view.counts.items() if count}

    async def state(self, id_: int) -> tuple[str, str]:
        view = await self.store.campaigns.view(id_)
        assert view is not None
        return view.state, view.why

    async def send(self, limit: int) -> list[Started]:
        """What the sender would do now: start, and hear that Sinch took it."""
        started = list(await self.store.start(limit, self.clock.now(), POLICY))
        await self.store.finish(
            [Accepted(each.attempt_id, f"M{each.attempt_id}") for each in started], self.clock.now()
        )
        return started

    async def stop(self) -> None:
        self.worker.stop()
        async with asyncio.timeout(10):
            await self.task


Open = Callable[[float], Awaitable[Works]]


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Open]:
    opened: list[Works] = []

    async def open_(send_rate: float) -> Works:
        opened.append(Works(await open_store(tmp_path / "parley.db", app="APP"), send_rate))
        return opened[-1]

    yield open_
    for each in opened:
        with suppress(asyncio.CancelledError):
            await each.stop()
        await each.store.close()


async def test_everybody_gets_it_once_and_then_it_is_done(works: Open) -> None:
    at = await works(0)
    with capture_logs() as logs:
        id_ = await at.start(700)
        assert await at.idle() > NOON
        assert await at.counts(id_) == {"queued": AHEAD_MOST, "pending": 700 - AHEAD_MOST}
        sent: list[str] = []
        for _ in range(200):
            sent += [each.contact.identity for each in await at.send(64)]
            await at.passes(0.05)
        await at.passes(2)
    assert len(sent) == len(set(sent)) == 700
    assert await at.counts(id_) == {"sent": 700}
    assert (await at.state(id_))[0] == "done"
    assert [each["event"] for each in logs] == ["campaign_running", "campaign_done"]
    assert at.placed >= 2


async def test_who_writes_meanwhile_waits_no_longer_than_a_second(works: Open) -> None:
    at = await works(20)
    rate = Rate(20)

    async def leaves() -> list[str]:
        limit = min(64, rate.available(at.clock.now()))
        started = await at.send(limit) if limit else []
        rate.take(len(started))
        return [each.contact.identity for each in started]

    id_ = await at.start(1000)
    await at.passes(3)  # nothing leaves, as when Sinch asks for patience
    assert (await at.counts(id_))["queued"] == 20
    rate.available(at.clock.now())
    rate.take(19)  # nor may it all leave at once then
    person = ContactKey("APP", "WHATSAPP", "447700900123")
    asked_at = at.clock.now()
    reply = Order(person, TemplateReply("shipped", "en_US", {"body[1]text": "A"}), "fail", Origin.API, "utility")
    (placed,) = await at.store.place([reply], asked_at)
    assert isinstance(placed, Placed)
    ahead = 0
    while person.identity not in (gone := await leaves()):
        ahead += len(gone)
        await at.passes(0.05)
        assert at.clock.now() - asked_at < timedelta(seconds=2)
    assert at.clock.now() - asked_at <= timedelta(seconds=1.1)
    assert ahead + len(gone) == 21  # all that was placed before it, and nothing that was placed after


async def test_a_campaign_keeps_its_own_pace(works: Open) -> None:
    at = await works(0)
    id_ = await at.start(100, rate=5)
    for _ in range(100):  # ten seconds
        await at.send(64)
        await at.passes(0.1)
    counts = await at.counts(id_)
    assert 45 <= counts["sent"] <= 56  # five a second, and a second's worth at once in the beginning


async def test_quality_yellow_slows_it_down(works: Open) -> None:
    at = await works(0)
    await at.store.record([rated("YELLOW")], NOON)
    id_ = await at.start(100, rate=20)
    for _ in range(40):
        await at.send(64)
        await at.passes(0.1)
    assert 18 <= (await at.counts(id_))["sent"] <= 26


async def test_several_share_what_the_sender_can_do(works: Open) -> None:
    at = await works(20)
    first, second = await at.start(200), await at.start(200)
    for _ in range(100):
        await at.send(1)
        await at.passes(0.05)
    counts = [await at.counts(id_) for id_ in (first, second)]
    assert sum(each["queued"] for each in counts) <= 20
    assert all(each["sent"] > 25 for each in counts)


async def test_red_pauses_marketing_and_the_log_says_so(works: Open) -> None:
    at = await works(20)
    at.book = rules(category="marketing")
    declared = declaration(at.book.templates["shipped"])
    with capture_logs() as logs:
        id_ = await at.start(5, "marketing", declared=declared, starts_at=NOON + timedelta(seconds=5))
        await at.idle()
        await at.store.record([rated("RED")], NOON)
        at.worker.wake()
        await asyncio.sleep(0)
        await at.idle()
    state, why = await at.state(id_)
    assert state == "paused"
    assert "RED" in why
    assert [(each["event"], each.get("why")) for each in logs] == [("campaign_running", None), ("campaign_paused", why)]


async def test_a_restricted_number_pauses_all_of_them(works: Open) -> None:
    at = await works(2)
    id_ = await at.start(50)
    await at.passes(0.5)
    (sent,) = await at.send(1)
    why = Reason("CHANNEL_FAILURE", "spam", "", "131048")
    event = DeliveryReceipt("r", sent.contact, f"M{sent.attempt_id}", sent.outbox_id, "FAILED", NOON, NOON, why)
    await at.store.record([Incoming(event, InboxKind.RECEIPT, b"{}")], NOON)
    await at.store.decide_ready(10, NOON, answers())
    await at.passes(1.5)
    assert await at.state(id_) == ("paused", RESTRICTED_WHY)
    assert await at.counts(id_) == {"failed": 1, "pending": 49}
    await at.store.campaigns.resume(id_, DECLARED, at.clock.now())
    at.worker.wake()
    await at.passes(2.5)
    assert (await at.state(id_))[0] == "running"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (RULES.replace("Hi {{", "Bye {{"), "was changed in the rules since the list was checked"),
        (RULES.replace("  shipped:", "  shipping:"), "is no more in the rules"),
    ],
)
async def test_a_template_that_changed_pauses_it(works: Open, text: str, what: str) -> None:
    at = await works(20)
    at.book = rules(text)
    id_ = await at.start(5)
    await at.passes(0.1)
    state, why = await at.state(id_)
    assert state == "paused"
    assert what in why
    assert await at.counts(id_) == {"pending": 5}


async def test_quiet_people_wait_and_the_others_do_not(works: Open) -> None:
    at = await works(0)
    at.clock.advance((EVENING - NOON).total_seconds())
    people = [
        NewRecipient(line, ContactKey("APP", "WHATSAPP", identity), values={"first_name": "A"})
        for line, identity in enumerate(["46701740605", "447700900123", "46701740606"], 2)
    ]
    new = NewCampaign("x", "shipped", DECLARED, "utility", "", {}, 0, NIGHT, at.clock.now(), "")
    created = await at.store.campaigns.create(new, people, at.clock.now())
    assert isinstance(created, Created)
    at.worker.wake()
    await at.passes(0.2)
    assert await at.counts(created.id) == {"queued": 1, "pending": 2}
    at.clock.jump(10.5 * 3600)
    await at.passes(0.2)
    assert await at.counts(created.id) == {"queued": 3}


async def test_a_planned_one_begins_at_its_time(works: Open) -> None:
    at = await works(0)
    id_ = await at.start(3, starts_at=NOON + timedelta(hours=1))
    assert await at.idle() == NOON + timedelta(seconds=30)
    at.clock.jump(3600)
    await at.passes(0.1)
    assert await at.counts(id_) == {"queued": 3}


async def test_a_database_that_cannot_be_written_is_tried_again(works: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = await works(0)
    await at.idle()
    whole = at.store.campaigns.take_turns

    async def broken(*_: object) -> None:
        raise StoreUnavailable("no")

    monkeypatch.setattr(at.store.campaigns, "take_turns", broken)
    with capture_logs() as logs:
        id_ = await at.start(3)
        assert await at.idle() == NOON + timedelta(seconds=1)
    assert "campaigns_store_unavailable" in [each["event"] for each in logs]
    monkeypatch.setattr(at.store.campaigns, "take_turns", whole)
    at.clock.advance(1)
    await at.passes(0.1)
    assert await at.counts(id_) == {"queued": 3}
