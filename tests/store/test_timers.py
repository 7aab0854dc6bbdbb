"""Timers: set, replaced and dropped by name; each fires once, after what its person wrote before."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.core.conversation import OpenQuestion, State
from bot.core.decision import DropTimer, Effect, SetTimer
from bot.core.event import ContactKey, TimerFired
from bot.core.own_events import own_event_from_raw
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Decide, Fired, InboxKind, Lane, Settled
from tests.store.making import ANNA, BO, Seen, asks, at, calling, held, settled, wrote

CY = ContactKey("APP", "WHATSAPP", "46700000003")


def does(*effects: Effect) -> Decide:
    """A decide that answers every event with these effects."""
    return lambda lane: [settled(one.inbox_id, *effects) for one in lane.pending]


def timer(seconds: float, name: str = "question", **values: str) -> SetTimer:
    return SetTimer(name, at(seconds), values)


async def set_timers(store: Store, *effects: Effect, seconds: float = 0, who: object = ANNA) -> None:
    await store.record([wrote(f"at {seconds}", who, at(seconds))], at(seconds))  # type: ignore[arg-type]
    await store.decide_ready(10, at(seconds), does(*effects))


async def fired(store: Store, seconds: float) -> list[TimerFired]:
    """What fires then, as decide sees it."""
    await store.fire_timers(100, at(seconds))
    seen = Seen()
    await store.decide_ready(10, at(seconds), seen)
    return [event for event in seen.events if isinstance(event, TimerFired)]


async def test_a_timer_fires_once_when_it_is_due(store: Store) -> None:
    await set_timers(store, timer(60, slot="order_number"))
    assert await store.fire_timers(10, at(59)) == Fired(0, at(60))
    assert await store.fire_timers(10, at(60)) == Fired(1, None)
    assert await store.fire_timers(10, at(60)) == Fired(0, None)
    seen = Seen()
    await store.decide_ready(10, at(60), seen)
    dedup = f"timer:1:question:{at(60).timestamp() * 1_000_000:.0f}"
    expected = TimerFired(dedup, ANNA, "question", at(60), {"slot": "order_number"}, at(60))
    assert (seen.kinds, seen.events) == ([InboxKind.TIMER], [expected])


async def test_deciding_tells_when_the_first_timer_it_set_is_due(store: Store) -> None:
    await store.record([wrote("one"), wrote("two", BO)], at(0))
    progress = await store.decide_ready(10, at(0), does(timer(70), timer(60, "remind:a"), DropTimer("silent:b")))
    assert progress.timer_at == at(60)


async def test_the_event_is_read_again_from_its_bytes(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await set_timers(store, timer(60, "remind:later", greeting="Hej Åsa"))
    await store.fire_timers(10, at(61))
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    seen = Seen()
    await store.decide_ready(10, at(62), seen)
    event = own_event_from_raw(seen.raws[0], at(61))
    assert isinstance(event, TimerFired)
    assert (event.contact, event.name, event.due_at) == (ANNA, "remind:later", at(60))
    assert event.values == {"greeting": "Hej Åsa"}
    await store.close()


async def test_setting_a_timer_replaces_the_one_of_that_name(store: Store) -> None:
    await set_timers(store, timer(60, slot="a"), timer(60, "silent:x"))
    await set_timers(store, timer(90, slot="b"), seconds=30)
    assert [event.name for event in await fired(store, 60)] == ["silent:x"]
    assert [dict(event.values) for event in await fired(store, 90)] == [{"slot": "b"}]


async def test_the_last_word_on_a_timer_counts(store: Store) -> None:
    """Two events of one claim, and two effects of one decision."""
    await store.record([wrote("one"), wrote("two", when=at(1))], at(2))

    def decide(lane: Lane) -> Sequence[Settled]:
        first, second = (one.inbox_id for one in lane.pending)
        return [
            settled(first, timer(60), timer(60, "remind:a")),
            settled(second, DropTimer("question"), DropTimer("remind:a"), timer(80, "remind:a")),
        ]

    await store.decide_ready(10, at(2), decide)
    assert await fired(store, 79) == []
    assert [event.name for event in await fired(store, 80)] == ["remind:a"]


async def test_a_dropped_timer_never_fires_and_another_persons_does(store: Store) -> None:
    await set_timers(store, timer(60))
    await set_timers(store, timer(60), who=BO)
    await set_timers(store, DropTimer("question"), DropTimer("never:set"), seconds=30)
    assert [event.contact for event in await fired(store, 61)] == [BO]


async def test_what_was_written_before_the_deadline_is_decided_first(store: Store) -> None:
    await set_timers(store, timer(60))
    await store.record([wrote("12345678", when=at(59))], at(61))
    assert await store.fire_timers(10, at(61)) == Fired(0, at(60))
    await store.decide_ready(10, at(61), does(DropTimer("question")))
    assert await store.fire_timers(10, at(62)) == Fired(0, None)


async def test_what_was_written_after_the_deadline_comes_after_the_timer(store: Store) -> None:
    await set_timers(store, timer(60))
    await store.record([wrote("too late", when=at(61))], at(62))
    await store.fire_timers(10, at(62))
    seen = Seen()
    await store.decide_ready(10, at(62), seen)
    assert seen.kinds == [InboxKind.TIMER, InboxKind.INBOUND]


async def test_another_persons_message_holds_back_nothing(store: Store) -> None:
    await set_timers(store, timer(60))
    await store.record([wrote("hi", BO, at(10))], at(61))
    assert (await store.fire_timers(10, at(61))).count == 1


async def test_a_timer_waits_for_what_is_held(store: Store) -> None:
    await store.record([wrote("track"), wrote("hello?", when=at(0.1))], at(1))

    def decide(lane: Lane) -> Sequence[Settled]:
        first, second = asks(seconds=1)(lane)
        return [settled(first.inbox_id, timer(2, "silent:x"), state=first.decision.state), second]  # type: ignore[union-attr]

    await store.decide_ready(10, at(1), decide)
    assert (await store.fire_timers(10, at(3))).count == 0


async def test_a_limit_is_kept_and_the_oldest_comes_first(store: Store) -> None:
    await set_timers(store, timer(62, "a"), timer(60, "c"), timer(61, "b"))
    assert await store.fire_timers(2, at(100)) == Fired(2, at(62))
    seen = Seen()
    await store.decide_ready(10, at(100), seen)
    assert [event.name for event in seen.events if isinstance(event, TimerFired)] == ["c", "b"]


async def test_what_is_held_has_no_effects(store: Store) -> None:
    await store.record([wrote("hi")], at(0))

    def decide(lane: Lane) -> Sequence[Settled]:
        one = held(lane.pending[0].inbox_id, calling())
        assert one.decision is not None
        return [replace(one, decision=replace(one.decision, effects=(timer(1),)))]

    await store.decide_ready(10, at(0), decide)
    assert await store.fire_timers(10, at(1000)) == Fired(0, None)


async def test_who_is_in_the_middle_of_a_question_and_of_which_rulebook(store: Store) -> None:
    for who, rule, version in ((ANNA, "track", 3), (BO, "track", 3), (CY, "book", 4)):
        question = OpenQuestion(rule, "slot", version, at(0), None, 0, {})
        await store.record([wrote("hi", who)], at(0))
        state = State(question=question)
        await store.decide_ready(1, at(0), lambda lane, state=state: [settled(lane.pending[0].inbox_id, state=state)])  # type: ignore[misc]
    assert await store.asking() == {3: {"track": 2}, 4: {"book": 1}}


async def test_a_question_and_a_call_of_one_person_both_count(store: Store) -> None:
    question = OpenQuestion("track", "slot", 3, at(0), None, 0, {})
    await store.record([wrote("hi")], at(0))
    state = replace(calling(version=5), question=question)
    await store.decide_ready(1, at(0), lambda lane: [settled(lane.pending[0].inbox_id, state=state)])
    assert await store.asking() == {3: {"track": 1}, 5: {"track": 1}}
