"""What follows from a message that surely never arrived: once, and never in a circle."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.delivery import Policy
from bot.core.effect_codec import effects_digest
from bot.core.event import Event
from bot.core.reply import Reply, TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Placed, Started
from bot.work.explain import decide_again
from bot.work.inbox import Deciding, decide_lane
from tests.store.making import ANNA, NOON, TEMPLATE, at, order, receipt, wrote

RULES = b"""
settings: {time_zone: Europe/Stockholm, languages: [en]}
templates:
  back: {languages: {en: en_US}, category: utility, parameters: []}
rules:
  - name: plain
    when: {says: plain}
    reply: {text: Plain words}
  - name: skips
    when: {says: skips}
    reply: {text: Skipped words}
    if_closed: skip
  - name: waits
    when: {says: waits}
    reply: {text: Waiting words}
    if_closed: wait
  - name: sorry
    when: {delivery_failed: true}
    reply: {goes_to: other_way}
  - name: other_way
    when: {says: another way}
    reply: {text: "Did you get that?"}
    if_closed: {template: back}
"""
OUTSIDE = "OUTSIDE_ALLOWED_SENDING_WINDOW"


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    reading = load_files({"rules/shop.yaml": RULES})
    assert reading.rulebook is not None, reading.problems
    return replace(reading.rulebook, version=1)


def read(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
    raise AssertionError("events are at hand")


class Road:
    """A store, and what decides and sends there; each step a second later."""

    def __init__(self, store: Store, rulebook: Rulebook) -> None:
        self.store = store
        self.deciding = Deciding(read, lambda: Rulebooks(rulebook), b"k" * 32)
        self._second = 0
        self._sent = 0

    def now(self) -> datetime:
        """A second later each time."""
        self._second += 1
        return at(self._second)

    async def says(self, text: str) -> list[Started]:
        """Anna writes; what leaves."""
        now = self.now()
        await self.store.record([wrote(text, when=now)], now)
        return await self.leaves()

    async def fails(self, started: Started, reason: str = "UNREACHABLE", status: str = "FAILED") -> list[Started]:
        """Sinch took it, and tells that it failed; what leaves then."""
        self._sent += 1
        await self.store.finish([Accepted(started.attempt_id, f"M{self._sent}")], self.now())
        return await self.told(status, started.outbox_id, reason)

    async def told(self, status: str, outbox_id: str, reason: str = "") -> list[Started]:
        now = self.now()
        await self.store.record([receipt(status, outbox_id, f"M{self._sent}", now, reason)], now)
        return await self.leaves()

    async def leaves(self) -> list[Started]:
        now = self.now()
        await self.store.decide_ready(10, now, lambda lane: decide_lane(self.deciding, now, lane))
        return list(await self.store.start(10, now, Policy()))


@pytest.fixture
async def road(tmp_path: Path, rulebook: Rulebook) -> AsyncIterator[Road]:
    store = await open_store(tmp_path / "parley.db", app="APP")
    yield Road(store, rulebook)
    await store.close()


def words(started: list[Started]) -> list[Reply]:
    return [each.reply for each in started]


async def test_a_failed_message_of_a_rule_is_an_event_for_the_rules(road: Road) -> None:
    (plain,) = await road.says("plain")
    assert words(await road.fails(plain)) == [TextReply("Did you get that?")]


async def test_what_that_led_to_may_fail_and_leads_to_nothing(road: Road) -> None:
    """The rule for failures goes on to another, which is no rule for failures itself."""
    (plain,) = await road.says("plain")
    (sorry,) = await road.fails(plain)
    assert await road.fails(sorry) == []


async def test_a_failure_counts_once_and_only_where_nothing_arrived(road: Road) -> None:
    (plain,) = await road.says("plain")
    assert await road.fails(plain, status="DELIVERED", reason="") == []
    assert await road.told("FAILED", plain.outbox_id, "UNREACHABLE") == []


async def test_a_message_of_a_backend_counts_as_well(road: Road) -> None:
    await road.says("qwerty")  # opens the window
    (placed,) = await road.store.place([order("from a backend")], NOON)
    assert isinstance(placed, Placed)
    (started,) = await road.leaves()
    assert words(await road.fails(started)) == [TextReply("Did you get that?")]


async def test_what_is_replaced_has_not_failed(road: Road) -> None:
    (waits,) = await road.says("waits")
    assert await road.fails(waits, OUTSIDE) == []
    assert words(await road.says("qwerty")) == [TextReply("Waiting words")]


async def test_what_is_skipped_has_not_failed(road: Road) -> None:
    (skips,) = await road.says("skips")
    assert await road.fails(skips, OUTSIDE) == []
    assert not (await road.store.standing(ANNA)).window.is_open(at(20))


async def test_outside_the_window_the_rule_for_failures_has_to_use_its_template(road: Road) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await road.fails(plain, OUTSIDE)
    assert type(sorry.reply) is type(TEMPLATE)


async def test_a_failure_is_decided_again_from_its_trace(road: Road, rulebook: Rulebook) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await road.fails(plain)
    trace = await road.store.trace_of(sorry.outbox_id)
    assert trace is not None
    assert (trace.kind, trace.layer, trace.version) == (InboxKind.RECEIPT, "event", 1)
    failed = receipt("FAILED", plain.outbox_id, "M1", trace.received_at, "UNREACHABLE")
    reading = replace(road.deciding, read=lambda kind, raw, received_at: failed.event)
    again = decide_again(trace, reading, Rulebooks(rulebook))
    assert again.because.path == ("sorry", "other_way")
    assert effects_digest(again) == trace.digest
