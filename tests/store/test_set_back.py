"""A clock that was an hour ahead and more: what waits for its next try waits by the right time, and nothing else moves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.store.port import Store
from bot.store.units import Lane, NotAccepted, Settled, Unknown
from tests.store.making import ANNA, BO, NOON, POLICY, answers, at, order, wrote

AHEAD_S = 7200.0


def fails(lane: Lane) -> Sequence[Settled]:
    """Each event is tried again in two seconds, by the clock that is ahead."""
    return [Settled(each.inbox_id, again_at=at(AHEAD_S + 2)) for each in lane.pending]


async def test_an_event_that_waits_for_its_next_try_is_decided_now(store: Store) -> None:
    await store.record([wrote("hello")], at(AHEAD_S))
    await store.decide_ready(10, at(AHEAD_S), fails)
    assert (await store.decide_ready(10, at(60), answers())).settled == 0
    assert await store.set_back(at(60)) == 1
    assert (await store.decide_ready(10, at(60), answers())).settled == 1
    assert await store.set_back(at(60)) == 0


async def test_an_event_that_waits_by_the_right_time_goes_on_waiting(store: Store) -> None:
    await store.record([wrote("hello")], at(AHEAD_S))
    await store.decide_ready(10, at(AHEAD_S), fails)
    assert await store.set_back(at(AHEAD_S)) == 0
    assert (await store.decide_ready(10, at(AHEAD_S), answers())).settled == 0


async def test_a_message_that_waits_for_its_next_try_leaves_now(store: Store) -> None:
    await store.record([wrote("hello")], NOON)
    await store.decide_ready(10, NOON, answers("one", "two"))
    (first,) = await store.start(10, at(1), POLICY)
    await store.finish([NotAccepted(first.attempt_id, at(AHEAD_S), 503, "down", "Later.")], at(2))
    assert await store.start(10, at(60), POLICY) == []
    assert await store.set_back(at(60)) == 1
    assert await store.next_send(at(60)) == at(60)
    (again,) = await store.start(10, at(60), POLICY)
    assert again.outbox_id == first.outbox_id


async def test_a_message_in_doubt_is_looked_up_now(store: Store) -> None:
    await store.record([wrote("hello")], NOON)
    await store.decide_ready(10, NOON, answers("one"))
    (first,) = await store.start(10, at(1), POLICY)
    await store.finish([Unknown(first.attempt_id, at(AHEAD_S), 0, "No answer.")], at(2))
    assert await store.doubtful(10, at(60)) == []
    assert await store.set_back(at(60)) == 1
    assert len(await store.doubtful(10, at(60))) == 1


async def test_what_is_planned_for_later_stays_planned(store: Store) -> None:
    await store.record([wrote("hello", BO), wrote("hello", ANNA)], NOON)
    await store.decide_ready(10, NOON, answers())
    later = NOON + timedelta(hours=5)
    await store.place([replace(order("later", BO), not_before=later)], NOON)
    assert await store.set_back(NOON) == 0
    assert await store.next_send(NOON) == later
