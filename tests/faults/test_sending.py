"""The sender through the fault proxy: every fault in every phase, and what Sinch's side says was accepted.

Real client, real store, real HTTP; only time stands still and is moved by the test.
"""

import os
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.delivery import OutboxState
from bot.sinch.emulator import EmulatorSettings
from tests.faults.proxy import (
    EVERY,
    LISTING,
    LOST,
    REFUSALS,
    SLOW,
    TAKEN,
    TOKEN,
    UNKNOWN,
    UNPROVED,
    Blurts,
    Cut,
    Fault,
    Says,
)
from tests.faults.road import Road, person, road_in
from tests.faults.storms import storms
from tests.store.making import TEMPLATE, answers, order, wrote

FINE = "200 without an id after it arrived"  # for a listing it is an empty one
BUSY = next(fault for fault in REFUSALS if fault.name == "503 of Sinch")


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))


@pytest.fixture
def kept_days() -> int:
    """For how long Sinch keeps messages that it could list."""
    return 0


@pytest.fixture
async def road(tmp_path: Path, kept_days: int) -> AsyncIterator[Road]:
    settings = EmulatorSettings(dispatch_retention_days=kept_days)
    async with road_in(tmp_path, settings=settings) as made:
        yield made


def named(faults: Sequence[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[fault.name.replace(" ", "-") for fault in faults])


async def test_where_receipts_come_everybody_gets_exactly_one(road: Road) -> None:
    for number, fault in enumerate(EVERY):
        road.proxy.script(fault)
        ids = await road.place(person(2 * number), person(2 * number + 1))
        views = await road.until_final(ids)
        assert [road.accepted[each] for each in ids] == [1, 1], fault.name
        assert [view.state for view in views] == [OutboxState.SENT, OutboxState.SENT], fault.name
        assert (road.proxy.happened[fault.name], road.proxy.outstanding) == (1, 0)


@pytest.mark.parametrize("kept_days", [1])
async def test_where_sinch_lists_everybody_gets_exactly_one_without_receipts(road: Road, kept_days: int) -> None:
    road.ear.is_deaf = True
    for number, fault in enumerate(UNKNOWN):
        road.proxy.script(fault)
        [outbox_id] = await road.place(person(number))
        [view] = await road.until_final([outbox_id])
        assert (road.accepted[outbox_id], view.state) == (1, OutboxState.SENT), fault.name
        assert road.proxy.happened[fault.name] == 1


@pytest.mark.parametrize("kept_days", [1])
async def test_a_listing_that_breaks_off_is_no_empty_one(road: Road, kept_days: int) -> None:
    road.ear.is_deaf = True
    faults = [fault for fault in UNKNOWN if isinstance(fault.shown, Says | Cut | Blurts) and fault.name != FINE]
    for number, fault in enumerate(faults):
        road.proxy.script(TAKEN[0])
        road.proxy.chance(1.0, [fault], LISTING)
        [outbox_id] = await road.place(person(number))
        await road.steps(4)
        road.proxy.chance(0.0, [], LISTING)
        [view] = await road.until_final([outbox_id])
        assert (road.accepted[outbox_id], view.state) == (1, OutboxState.SENT), fault.name
        assert road.proxy.met["listing", fault.name] >= 1


async def test_with_neither_there_are_two_submissions_at_most(road: Road) -> None:
    road.ear.is_deaf = True
    for number, fault in enumerate(UNKNOWN):
        road.proxy.script(fault, fault)
        [outbox_id] = await road.place(person(number))
        [view] = await road.until_final([outbox_id])
        assert view.state is OutboxState.HELD, fault.name
        assert [attempt.outcome for attempt in view.attempts] == ["unknown", "unknown"], fault.name
        assert road.accepted[outbox_id] == (2 if fault.arrives == "all" else 0), fault.name
        assert road.proxy.happened[fault.name] == 2


@named([*LOST[:1], *TAKEN[:1]])
async def test_at_most_once_is_submitted_once(road: Road, fault: Fault) -> None:
    road.ear.is_deaf = True
    road.proxy.script(fault)
    asked = replace(order("", person(1)), reply=TEMPLATE, at_most_once=True)
    [outbox_id] = await road.ask([asked])
    [view] = await road.until_final([outbox_id])
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


async def test_however_many_are_refused_with_one_token_one_new_one_is_fetched(road: Road) -> None:
    road.proxy.chance(1.0, SLOW, TOKEN)
    await road.until_final(await road.place(person(1)))
    road.proxy.script(*[UNPROVED[0]] * 20)
    ids = await road.place(*(person(number) for number in range(2, 22)))
    await road.until_final(ids)
    assert [road.accepted[each] for each in ids] == [1] * 20
    assert (road.proxy.met["token", "late"], road.proxy.outstanding) == (2, 0)


async def test_storms_of_everything_break_nothing(tmp_path: Path, seed: int) -> None:
    share = await storms(seed, 150, tmp_path)
    assert not share.broken, "\n".join((f"seed {seed}", *share.broken))
    phases = {name.partition(":")[0] for name in share.happened}
    assert phases >= {"first try", "second try", "listing", "death of the sender"}, f"seed {seed}"
    assert phases & {"token", "connecting"}, f"seed {seed}"  # rarer: in full size each must happen
    assert sum(share.happened.values()) > 100, f"seed {seed}"


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
    road.proxy.script(BUSY, LOST[0], TAKEN[0])
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
    road.proxy.chance(1.0, [BUSY])
    road.sender.wake()
    await road.steps(5, seconds=60)
    assert road.proxy.happened["503 of Sinch"] >= 2
    road.clock.advance(24 * 3600)
    road.proxy.chance(0.0, [])
    await road.steps(5)
    assert road.accepted == {}
    assert road.proxy.passed == 0
