"""Calls: made once, one a person, answered by an event that comes before all that was held for it."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.conversation import State
from bot.core.event import CallAnswered, MediaKind
from bot.core.own_events import own_event_from_raw
from bot.store.port import Store
from bot.store.sqlite import audit, open_store
from bot.store.units import InboxKind, Lane, Settled, StartedCall
from tests.store.making import ANNA, BO, CALL, WAIT_S, Seen, answers, asks, at, calling, held, settled, told, wrote

POST = replace(CALL, method="POST", body={"order_number": "1"})


async def called(store: Store, call: object = CALL, texts: tuple[str, ...] = ("track",)) -> StartedCall:
    """Anna wrote, which led to a call; what she wrote after it is held. The call has started."""
    await store.record([wrote(text, when=at(n / 10)) for n, text in enumerate(texts)], at(1))
    await store.decide_ready(10, at(1), asks(call, 1))  # type: ignore[arg-type]
    (started,) = await store.start_calls(10, at(2))
    return started


async def test_a_call_is_handed_out_once_as_it_was_decided(store: Store) -> None:
    await store.record([wrote("track")], at(1))
    progress = await store.decide_ready(10, at(1), asks(seconds=1))
    assert progress.calls == 1
    (started,) = await store.start_calls(10, at(2))
    assert (started.call, started.contact, started.started_at) == (CALL, ANNA, at(2))
    assert await store.start_calls(10, at(2)) == []
    assert await store.start_calls(10, at(60)) == []


async def test_a_decision_without_a_call_tells_of_none(store: Store) -> None:
    await store.record([wrote("hi")], at(1))
    progress = await store.decide_ready(10, at(1), answers("hello"))
    assert (progress.calls, progress.timer_at) == (0, None)


async def test_the_answer_is_an_event_of_the_calls_own_time(store: Store) -> None:
    started = await called(store)
    await store.finish_call(told(started, status="on its way"), at(5))
    seen = Seen()
    progress = await store.decide_ready(10, at(5), seen)
    assert (progress.settled, seen.kinds) == (1, [InboxKind.CALL_RESULT])
    (event,) = seen.events
    assert isinstance(event, CallAnswered)
    assert (event.dedup, event.values) == (f"call:{started.outbox_id}", {"status": "on its way"})


async def test_the_answer_is_read_again_from_its_bytes(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    done = told(await called(store), "failed")
    await store.finish_call(done, at(5))
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    seen = Seen()
    await store.decide_ready(10, at(6), seen)
    assert seen.events == [None]
    assert own_event_from_raw(seen.raws[0], done.event.received_at) == done.event
    await store.close()


async def test_one_call_a_person_and_people_side_by_side(store: Store) -> None:

    def two_calls(lane: Lane) -> list[Settled]:
        return [
            settled(one.inbox_id, replace(CALL, key=f"k{n}"), state=calling()) for n, one in enumerate(lane.pending)
        ]

    await store.record([wrote("one"), wrote("two", when=at(0.5)), wrote("other", BO)], at(1))
    await store.decide_ready(10, at(1), two_calls)
    first = await store.start_calls(10, at(2))
    assert {(started.contact, started.call.key) for started in first} == {(ANNA, "k0"), (BO, "k0")}
    assert len(await store.start_calls(10, at(3))) == 0
    (of_anna,) = [started for started in first if started.contact == ANNA]
    await store.finish_call(told(of_anna), at(3))
    assert [started.call.key for started in await store.start_calls(10, at(4))] == ["k1"]


async def test_a_limit_is_kept_and_the_oldest_comes_first(store: Store) -> None:
    await store.record([wrote("track"), wrote("track", BO)], at(1))
    await store.decide_ready(1, at(1), asks(seconds=1))
    await store.decide_ready(1, at(2), asks(seconds=2))
    first = await store.start_calls(1, at(3))
    second = await store.start_calls(1, at(3))
    assert len(first) == len(second) == 1
    assert first[0].outbox_id < second[0].outbox_id


async def test_what_is_left_of_the_time_is_the_calls_limit(store: Store) -> None:
    await store.record([wrote("track")], at(1))
    await store.decide_ready(10, at(1), asks(seconds=1))
    (started,) = await store.start_calls(10, at(1 + WAIT_S - 1))
    assert started.call.timeout_s == 1.0


async def test_a_call_whose_time_is_over_has_no_time_left(store: Store) -> None:
    await store.record([wrote("track")], at(1))
    await store.decide_ready(10, at(1), asks(seconds=1))
    (started,) = await store.start_calls(10, at(100))
    assert started.call.timeout_s == 0


async def test_an_attempt_ends_once(store: Store) -> None:
    started = await called(store)
    await store.finish_call(told(started), at(5))
    await store.finish_call(told(started, "failed"), at(6))
    seen = Seen()
    await store.decide_ready(10, at(7), seen)
    assert [event.outcome for event in seen.events if isinstance(event, CallAnswered)] == ["found"]


# --- what is held -------------------------------------------------------------------------------------------------------


async def test_what_is_held_waits_without_a_try_or_a_trace_until_the_call_is_over(store: Store) -> None:
    started = await called(store, texts=("track", "hello?", "anybody?"))
    progress = await store.decide_ready(10, at(2), Seen())
    assert (progress.settled, progress.next_at) == (0, at(1 + WAIT_S))
    assert (await store.counts()).inbox_pending == 2
    await store.finish_call(told(started), at(3))
    seen = Seen()
    progress = await store.decide_ready(10, at(3), seen)
    assert (seen.kinds, progress.next_at) == ([InboxKind.CALL_RESULT], at(3))
    await store.decide_ready(10, at(3), seen)
    assert seen.raws[1:] == [b"hello?", b"anybody?"]
    assert [one.try_number for one in seen.claimed] == [1, 1, 1]


async def test_what_is_held_is_handed_over_again_when_its_time_has_come(store: Store) -> None:
    await called(store, texts=("track", "hello?"))
    assert (await store.decide_ready(10, at(1 + WAIT_S - 0.1), Seen())).settled == 0
    seen = Seen()
    progress = await store.decide_ready(10, at(1 + WAIT_S), seen)
    assert (seen.raws, progress.next_at) == ([b"hello?"], None)


async def test_a_stop_passes_what_is_held_however_much_it_is(store: Store) -> None:
    await called(store, texts=("track", *(f"hello {n}?" for n in range(20))))
    for second in range(2, 5):
        await store.decide_ready(10, at(second), hold)
    await store.record([wrote("STOP", when=at(5))], at(5))
    seen = Seen()
    progress = await store.decide_ready(10, at(5), seen)
    assert (seen.raws, progress.settled, progress.next_at) == ([b"STOP"], 1, at(5))
    for _ in range(3):
        await store.decide_ready(10, at(5), seen)
    assert seen.raws[1:] == [f"hello {n}?".encode() for n in range(20)]


def hold(lane: Lane) -> list[Settled]:
    return [held(one.inbox_id, lane.conversation.state) for one in lane.pending]


async def test_a_stop_in_the_same_claim_lets_go_of_what_was_held_before_it(store: Store) -> None:
    await store.record([wrote("track"), wrote("hello?", when=at(0.1)), wrote("STOP", when=at(0.2))], at(1))

    def decide(lane: Lane) -> list[Settled]:
        first, second, third = (one.inbox_id for one in lane.pending)
        return [settled(first, CALL, state=calling()), held(second, calling()), settled(third)]

    assert (await store.decide_ready(10, at(1), decide)).next_at == at(1)
    seen = Seen()
    await store.decide_ready(10, at(1), seen)
    assert seen.raws == [b"hello?"]


async def test_the_answer_comes_before_what_was_held_whatever_the_persons_own_time_says(store: Store) -> None:
    """The call is made at second 1, the message after it was written at 0.1, and both are looked at only when all is over."""
    started = await called(store, texts=("track", "hello?"))
    await store.finish_call(told(started), at(100))
    seen = Seen()
    await store.decide_ready(10, at(100), seen)
    assert seen.kinds == [InboxKind.CALL_RESULT, InboxKind.INBOUND]


async def test_the_kind_of_a_file_that_is_held_comes_too_late(store: Store) -> None:
    await called(store, texts=("track", "file"))
    assert not await store.tell_media("APP", wrote("file", when=at(0.1)).event.dedup, MediaKind.IMAGE, at(2))
    assert (await store.decide_ready(10, at(2), Seen())).settled == 0


async def test_a_new_call_goes_on_holding(store: Store) -> None:
    started = await called(store, texts=("track", "hello?"))
    await store.finish_call(told(started), at(3))
    again = replace(CALL, key="k2")
    progress = await store.decide_ready(10, at(3), asks(again, 3))
    assert progress.next_at == at(1 + WAIT_S)  # it is asked again then, and held again
    seen: list[bytes] = []

    def hold(lane: Lane) -> list[Settled]:
        seen.extend(one.raw for one in lane.pending)
        return [held(one.inbox_id, lane.conversation.state) for one in lane.pending]

    assert (await store.decide_ready(10, at(1 + WAIT_S), hold)).next_at == at(3 + WAIT_S)
    assert seen == [b"hello?"]


async def test_a_retry_behind_what_is_held_is_waited_for_once(store: Store) -> None:
    """Nobody looks again and again at a lane of which nothing can be claimed."""
    await called(store, texts=("track", "hello?"))
    await store.record([wrote("bad", when=at(0.05))], at(2))
    fails = lambda lane: [Settled(lane.pending[0].inbox_id, again_at=at(30))]  # noqa: E731 short
    assert (await store.decide_ready(10, at(2), fails)).next_at == at(30)
    assert (await store.decide_ready(10, at(20), Seen())).next_at == at(30)
    seen = Seen()
    await store.decide_ready(10, at(30), seen)
    assert seen.raws == [b"bad", b"hello?"]


async def test_what_is_behind_a_retry_wakes_nobody_while_something_is_held(store: Store) -> None:
    await called(store, texts=("track", "hello?"))
    await store.record([wrote("bad", when=at(0.5)), wrote("after", when=at(0.6))], at(2))
    fails = lambda lane: [Settled(lane.pending[0].inbox_id, again_at=at(30))]  # noqa: E731 short
    assert (await store.decide_ready(10, at(2), fails)).next_at == at(1 + WAIT_S)


async def test_a_held_event_that_fails_later_holds_back_what_came_after_it(store: Store) -> None:
    await called(store, texts=("track", "bad", "after"))
    fails = lambda lane: [Settled(lane.pending[0].inbox_id, again_at=at(30))]  # noqa: E731 short
    assert (await store.decide_ready(10, at(1 + WAIT_S), fails)).next_at == at(30)
    assert (await store.decide_ready(10, at(29), Seen())).settled == 0
    seen = Seen()
    await store.decide_ready(10, at(30), seen)
    assert seen.raws == [b"bad", b"after"]
    assert [one.try_number for one in seen.claimed] == [2, 1]


# --- a process that died ------------------------------------------------------------------------------------------------


async def test_a_get_that_a_process_died_with_is_made_once_more_inside_its_time(store: Store) -> None:
    first = await called(store)
    assert await store.recover_calls(at(3)) == 1
    (again,) = await store.start_calls(10, at(3))
    assert (again.outbox_id, again.call.url) == (first.outbox_id, CALL.url)
    await store.finish_call(told(first), at(4))  # of the process that is no more
    assert (await store.decide_ready(10, at(4), Seen())).settled == 0
    assert await store.recover_calls(at(5)) == 1
    assert await store.start_calls(10, at(5)) == []
    assert await outcomes(store) == ["failed"]


@pytest.mark.parametrize(("call", "seconds"), [(POST, 3), (CALL, 1 + WAIT_S)], ids=["a POST", "no time left"])
async def test_any_other_call_that_a_process_died_with_has_failed(store: Store, call: object, seconds: float) -> None:
    await called(store, call)
    assert await store.recover_calls(at(seconds)) == 1
    assert await store.start_calls(10, at(seconds)) == []
    assert await store.recover_calls(at(seconds)) == 0
    seen = Seen()
    await store.decide_ready(10, at(seconds), seen)
    (event,) = seen.events
    assert isinstance(event, CallAnswered)
    assert (event.outcome, event.why) == ("failed", "The server stopped while it was asking orders.")


async def test_a_call_that_was_not_begun_is_made_after_a_restart(store: Store) -> None:
    await store.record([wrote("track")], at(1))
    await store.decide_ready(10, at(1), asks(POST, 1))
    assert await store.recover_calls(at(2)) == 0
    assert len(await store.start_calls(10, at(2))) == 1


async def test_recovering_messages_leaves_calls_alone(store: Store) -> None:
    started = await called(store)
    assert await store.recover(at(3), at(33)) == 0
    assert await store.doubtful(10, at(100)) == []
    await store.finish_call(told(started), at(4))
    assert await outcomes(store) == ["found"]


async def outcomes(store: Store) -> list[str]:
    seen = Seen()
    await store.decide_ready(10, at(50), seen)
    return [event.outcome for event in seen.events if isinstance(event, CallAnswered)]


@pytest.mark.parametrize(
    ("status", "may_have_arrived", "kept"),
    [(503, True, ("sent", 1)), (0, True, ("unknown", 1)), (0, False, ("failed", 0))],
)
async def test_what_may_have_arrived_counts_as_made(
    tmp_path: Path, status: int, may_have_arrived: bool, kept: tuple[str, int]
) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    done = told(await called(store, POST), "failed")
    await store.finish_call(replace(done, status=status, may_have_arrived=may_have_arrived), at(5))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        question = "SELECT a.outcome, o.submissions FROM attempt a JOIN outbox o ON o.seq = a.outbox"
        assert connection.execute(question).fetchall() == [kept]
        assert list(audit.broken(connection)) == []


async def test_a_call_is_no_message(store: Store) -> None:
    started = await called(store)
    assert await store.message(started.outbox_id) is None
    await store.record([wrote("STOP", when=at(3))], at(3))
    await store.finish_call(told(started), at(4))  # a STOP is for messages; decide drops what is not waited for
    assert await outcomes(store) == ["found"]


async def test_who_is_asked_something_and_by_which_rulebook(store: Store) -> None:
    assert await store.asking() == {}
    await called(store)
    await store.record([wrote("track", BO)], at(3))
    await store.decide_ready(10, at(3), lambda lane: [settled(lane.pending[0].inbox_id, state=calling(version=7))])
    assert await store.asking() == {1: {"track": 1}, 7: {"track": 1}}
    await store.record([wrote("never mind", BO, at(4))], at(4))
    await store.decide_ready(10, at(4), lambda lane: [settled(lane.pending[0].inbox_id, state=State())])
    assert await store.asking() == {1: {"track": 1}}
