"""A message that Sinch refuses outright is an event for the rules, as a failed receipt is: once, and never in a circle."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.effect_codec import effects_digest
from bot.core.event import SendFailed
from bot.core.reply import TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Rejected, Started, Unknown, Verdict
from bot.work.explain import decide_again
from bot.work.replay import keep
from bot.work.stored_events import reader
from tests.store.making import receipt
from tests.work.test_receipts import RULES, Road, words

SORRY = TextReply("Did you get that?")
WHY = "Sinch answered 400 INVALID_ARGUMENT: no such thing."


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    reading = load_files({"rules/shop.yaml": RULES})
    assert reading.rulebook is not None, reading.problems
    return replace(reading.rulebook, version=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "parley.db", app="APP")
    yield store
    await store.close()


@pytest.fixture
def road(store: Store, rulebook: Rulebook) -> Road:
    return Road(store, rulebook)


async def refused(road: Road, *started: Started) -> list[Started]:
    """Sinch refuses them for good; what leaves then."""
    outcomes = [Rejected(each.attempt_id, 400, "INVALID_ARGUMENT", WHY) for each in started]
    await road.store.finish(outcomes, road.now())
    return await road.leaves()


async def test_it_is_an_event_for_the_rules(road: Road) -> None:
    (plain,) = await road.says("plain")
    assert words(await refused(road, plain)) == [SORRY]
    message = await road.store.message(plain.outbox_id)
    assert message is not None
    assert (message.status, message.reason) == ("failed", WHY)


async def test_what_that_led_to_leads_to_nothing_however_it_fails(road: Road) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await refused(road, plain)
    assert await refused(road, sorry) == []
    (plain,) = await road.says("plain")
    (sorry,) = await refused(road, plain)
    assert await road.fails(sorry) == []


async def test_what_a_failed_receipt_led_to_leads_to_nothing(road: Road) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await road.fails(plain)
    assert await refused(road, sorry) == []


async def test_an_attempt_that_is_ended_twice_tells_once(road: Road) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await refused(road, plain)
    await road.store.finish([Accepted(sorry.attempt_id, "M9")], road.now())
    assert await refused(road, plain) == []


async def test_a_receipt_after_the_refusal_tells_nothing_new(road: Road) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await refused(road, plain)
    await road.store.finish([Accepted(sorry.attempt_id, "M9")], road.now())
    assert await road.told("FAILED", plain.outbox_id, "UNREACHABLE") == []


async def doubted(road: Road) -> Started:
    """The first try may have arrived, and it is sent once more."""
    (plain,) = await road.says("plain")
    now = road.now()
    await road.store.finish([Unknown(plain.attempt_id, now, 500, "Who knows?")], now)
    await road.store.reconcile([Verdict(plain.outbox_id, resend=True)], now)
    (again,) = await road.leaves()
    return again


async def test_while_an_earlier_try_may_have_arrived_nothing_is_told(road: Road) -> None:
    assert await refused(road, await doubted(road)) == []


async def test_the_receipt_of_the_earlier_try_tells_then(road: Road) -> None:
    again = await doubted(road)
    assert await refused(road, again) == []
    assert words(await road.told("FAILED", again.outbox_id, "UNREACHABLE")) == [SORRY]


async def test_where_the_earlier_try_has_failed_already_the_refusal_tells(road: Road) -> None:
    again = await doubted(road)
    now = road.now()
    await road.store.record([receipt("FAILED", again.outbox_id, "M1", now, "UNREACHABLE")], now)
    assert await road.leaves() == []
    assert words(await refused(road, again)) == [SORRY]


async def test_it_is_recorded_in_the_transaction_that_ends_the_message(tmp_path: Path, rulebook: Rulebook) -> None:
    """Nobody decides in between: at the next start the event is still to be decided, from its bytes alone."""
    road = Road(await open_store(tmp_path / "again.db", app="APP"), rulebook)
    (plain,) = await road.says("plain")
    await road.store.finish([Rejected(plain.attempt_id, 400, "INVALID_ARGUMENT", WHY)], road.now())
    await road.store.close()
    road.store = await open_store(tmp_path / "again.db", app="APP")
    road.deciding = replace(road.deciding, read=reader("APP"))
    assert words(await road.leaves()) == [SORRY]
    await road.store.close()


async def test_it_is_decided_again_from_its_trace(road: Road, rulebook: Rulebook) -> None:
    (plain,) = await road.says("plain")
    (sorry,) = await refused(road, plain)
    trace = await road.store.trace_of(sorry.outbox_id)
    assert trace is not None
    assert (trace.kind, trace.layer) == (InboxKind.RECEIPT, "event")
    reading = replace(road.deciding, read=reader("APP"))
    kept = keep(trace, reading)
    assert kept is not None
    assert isinstance(kept.event, SendFailed)
    assert (kept.event.outbox_id, kept.event.rule) == (plain.outbox_id, "plain")
    assert kept.event.reason is not None
    assert kept.event.reason.description == WHY
    assert effects_digest(decide_again(trace, reading, Rulebooks(rulebook))) == trace.digest
