"""A colleague's message and its event are one commit, and who waits for a colleague is known in the order of waiting."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.conversation import State
from bot.core.decide import decide
from bot.core.event import Act, ColleagueActed, ContactKey
from bot.core.own_events import own_event_from_raw, raw_of
from bot.core.reply import TextReply
from bot.core.rulebook import Rulebooks
from bot.errors import Refused
from bot.store.colleagues import WaitingCursor, Writing
from bot.store.port import Store
from bot.store.sqlite import colleagues
from bot.store.units import Accepted, InboxKind, Incoming, Lane, Order, Origin, OtherBody, Placed, Settled, Standing
from tests.core.build import book
from tests.store.making import ANNA, BO, NOON, POLICY, Seen, answers, at, order, settled, wrote

CLEO = ContactKey("APP", "WHATSAPP", "46700000003")
RULES = Rulebooks(book())


def acted(what: Act, team: str = "", who: ContactKey = ANNA, seconds: float = 0, **more: timedelta) -> Incoming:
    event = ColleagueActed(
        f"{what}:{who.identity}:{seconds}", who, what, team, "Ida", more.get("after"), at(seconds), at(seconds)
    )
    return Incoming(event, InboxKind.OPERATOR, raw_of(event))


def really(seconds: float) -> Callable[[Lane], Sequence[Settled]]:
    """Decide what colleagues did as it is decided, and leave all else as it is."""

    def decided(lane: Lane) -> Sequence[Settled]:
        found, conversation = [], lane.conversation
        for one in lane.pending:
            event = one.event or own_event_from_raw(one.raw, one.received_at)
            decision = decide(event, conversation, RULES, at(seconds))
            conversation = replace(conversation, state=decision.state)
            found.append(Settled(one.inbox_id, decision, 1, b"{}", "d"))
        return found

    return decided


def writing(
    text: str = "Ida here", who: ContactKey = ANNA, key: str = "", body: str = "b", team: str = "", seconds: float = 0
) -> Writing:
    """A message that is made where a team has the conversation, or takes over with it."""

    def make(standing: Standing, in_charge: str) -> Order | Refused:
        if not (team or in_charge):
            return Refused("The bot has it.", "not-handed-over")
        return replace(order(f"{text} ({team or in_charge})", who), origin=Origin.PERSON, author="Ida")

    event = ColleagueActed("", who, "wrote", team, "Ida", None, at(seconds), at(seconds))
    return Writing(event, make, (1, key, body) if key else None)


async def made_key(store: Store) -> None:
    await store.keys.create("desk", frozenset({"send"}), b"hash", NOON)


async def test_a_message_comes_with_its_event(store: Store) -> None:
    await store.record([acted("took_over", "support")], NOON)
    await store.decide_ready(10, NOON, really(0))
    placed = await store.colleagues.write(writing(), at(1))
    assert isinstance(placed, Placed)
    seen = Seen()
    await store.decide_ready(10, at(2), seen)
    (event,) = seen.events
    assert isinstance(event, ColleagueActed)
    assert (event.what, event.dedup, seen.kinds) == ("wrote", f"wrote:{placed.outbox_id}", [InboxKind.OPERATOR])
    assert own_event_from_raw(seen.raws[0], event.received_at) == event
    message = await store.message(placed.outbox_id)
    assert message is not None
    assert (message.origin, message.author, message.reply) == (Origin.PERSON, "Ida", TextReply("Ida here (support)"))


async def test_what_is_refused_leaves_nothing(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers())
    refused = await store.colleagues.write(writing(), at(1))
    assert isinstance(refused, Refused)
    assert refused.code == "not-handed-over"
    assert (await store.decide_ready(10, at(1), Seen())).settled == 0
    assert await store.start(10, at(1), POLICY) == []


async def test_a_repeated_key_writes_once_and_tells_of_it_once(store: Store) -> None:
    await made_key(store)
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers())
    first = await store.colleagues.write(writing(key="k", team="support"), NOON)
    again = await store.colleagues.write(writing(key="k", team="support"), at(1))
    assert isinstance(first, Placed)
    assert again == Placed(first.outbox_id, first.created_at, replayed=True)
    assert isinstance(await store.colleagues.write(writing(key="k", body="other"), at(2)), OtherBody)
    assert (await store.decide_ready(10, at(3), really(3))).settled == 1
    assert len(await store.start(10, at(3), POLICY)) == 1


async def test_a_repetition_is_answered_as_before_though_it_would_be_refused_now(store: Store) -> None:
    await made_key(store)
    await store.record([acted("took_over", "support")], NOON)
    first = await store.colleagues.write(writing(key="k"), at(1))
    await store.record([acted("gave_back", seconds=2)], at(2))
    again = await store.colleagues.write(writing(key="k"), at(3))
    assert isinstance(first, Placed)
    assert isinstance(again, Placed)
    assert (again.outbox_id, again.replayed) == (first.outbox_id, True)


async def test_what_colleagues_did_counts_before_it_is_decided(store: Store) -> None:
    await store.record([acted("took_over", "support")], NOON)
    assert isinstance(await store.colleagues.write(writing(), at(1)), Placed)
    await store.record([acted("gave_back", seconds=2)], at(2))
    assert isinstance(await store.colleagues.write(writing(), at(3)), Refused)
    assert isinstance(await store.colleagues.write(writing(team="sales"), at(4)), Placed)
    assert isinstance(await store.colleagues.write(writing(), at(5)), Placed)


async def test_a_team_whose_time_is_over_has_it_no_more(store: Store) -> None:
    await store.record([acted("took_over", "support", after=timedelta(hours=1))], NOON)
    await store.decide_ready(10, NOON, really(0))
    assert isinstance(await store.colleagues.write(writing(seconds=3599), at(3599)), Placed)
    assert isinstance(await store.colleagues.write(writing(seconds=3601), at(3601)), Placed), "the hour began anew"
    await store.decide_ready(10, at(3602), really(3602))
    assert isinstance(await store.colleagues.write(writing(), at(3601 + 3599)), Placed)
    assert isinstance(await store.colleagues.write(writing(), at(3601 + 3601)), Refused)


async def test_somebody_never_seen_is_made_by_the_message(store: Store) -> None:
    assert isinstance(await store.colleagues.write(writing(team="support"), NOON), Placed)
    assert (await store.standing(ANNA)).known
    await store.decide_ready(10, at(1), really(1))
    assert isinstance(await store.colleagues.write(writing(), at(2)), Placed)


async def test_nothing_overtakes_in_either_direction(store: Store) -> None:
    await store.record([wrote("hi"), acted("took_over", "support", seconds=1)], at(1))
    await store.decide_ready(10, at(1), answers("one", "two"))
    await store.colleagues.write(writing("three", team="support"), at(2))
    await store.place([order("four")], at(3))
    left = []
    for second in range(4, 8):
        (started,) = await store.start(10, at(second), POLICY)
        left.append(getattr(started.reply, "text", ""))
        assert await store.start(10, at(second), POLICY) == []
        await store.finish([Accepted(started.attempt_id, f"M{second}")], at(second))
    assert left == ["one", "two", "three (support)", "four"]


# --- who waits ----------------------------------------------------------------------------------------------------------


def leaves(state: State) -> Callable[[Lane], Sequence[Settled]]:
    """A decide that leaves this state behind."""
    return lambda lane: [settled(one.inbox_id, state=state) for one in lane.pending]


async def test_who_waits_longest_comes_first(store: Store) -> None:
    await store.record([wrote("first of all", CLEO)], NOON)
    await store.decide_ready(10, NOON, leaves(State()))
    for seconds, who in ((0, BO), (1, ANNA), (2, CLEO)):
        await store.record([wrote("help", who, at(seconds))], at(seconds))
        await store.decide_ready(10, at(seconds), leaves(State(waiting=True)))
    await store.record([wrote("hello?", BO, at(5))], at(5))
    await store.decide_ready(10, at(5), leaves(State(waiting=True)))
    found = await store.colleagues.waiting(10)
    assert [(each.contact, each.since) for each in found] == [(BO, NOON), (ANNA, at(1)), (CLEO, at(2))]
    first, second = await store.colleagues.waiting(2)
    assert [each.contact for each in (first, second)] == [BO, ANNA]
    (last,) = await store.colleagues.waiting(2, WaitingCursor(second.since, second.person))
    assert last.contact == CLEO
    assert await store.colleagues.waiting(2, WaitingCursor(last.since, last.person)) == []


async def test_those_who_wait_since_the_same_moment_are_each_on_one_page(store: Store) -> None:
    await store.record([wrote("help", who) for who in (BO, ANNA, CLEO)], NOON)
    await store.decide_ready(10, NOON, leaves(State(waiting=True)))
    seen, after = [], None
    while page := await store.colleagues.waiting(1, after):
        seen += [each.contact for each in page]
        after = WaitingCursor(page[-1].since, page[-1].person)
    assert seen == [BO, ANNA, CLEO]


async def test_who_was_answered_waits_no_more_and_begins_anew(store: Store) -> None:
    for second, waits in ((0, True), (1, False), (2, True)):
        await store.record([wrote(str(second), when=at(second))], at(second))
        await store.decide_ready(10, at(second), leaves(State(waiting=waits)))
        assert bool(await store.colleagues.waiting(10)) is waits
    assert (await store.colleagues.waiting(10))[0].since == at(2)


async def test_a_page_tells_what_a_colleague_must_know(store: Store) -> None:
    await store.record([wrote("help"), wrote("help", BO)], NOON)
    await store.record([acted("took_over", "support", after=timedelta(hours=2)), acted("took_over", "sales", BO)], NOON)
    await store.decide_ready(10, NOON, _only_colleagues)
    (waiting,) = await store.colleagues.waiting(10, team="support")
    assert (waiting.contact, waiting.team, waiting.since) == (ANNA, "support", NOON)
    assert waiting.in_charge_until == at(7200)
    assert waiting.closes_at == at(86400)
    assert (waiting.stopped, waiting.language) == (False, "")
    assert {each.contact for each in await store.colleagues.waiting(10)} == {ANNA, BO}
    assert await store.colleagues.waiting(10, team="it's") == []
    await store.record([acted("closed", seconds=3), wrote("STOP", BO, at(3))], at(3))
    await store.decide_ready(10, at(3), _only_colleagues)
    (bo,) = await store.colleagues.waiting(10)
    assert (bo.contact, bo.stopped) == (BO, True)


def _only_colleagues(lane: Lane) -> Sequence[Settled]:
    found, conversation = [], lane.conversation
    for one in lane.pending:
        if one.kind is InboxKind.OPERATOR and one.event is not None:
            decision = decide(one.event, conversation, RULES, NOON)
            conversation = replace(conversation, state=decision.state)
            found.append(Settled(one.inbox_id, decision, 1, b"{}", "d"))
        else:
            found.append(settled(one.inbox_id, state=conversation.state))
    return found


@pytest.mark.parametrize("crowd", [1, 30])
async def test_many_write_at_once(store: Store, crowd: int) -> None:
    await made_key(store)
    await store.record([acted("took_over", "support")], NOON)
    placed = await asyncio.gather(*(store.colleagues.write(writing(key="same"), at(1)) for _ in range(crowd)))
    assert len({each.outbox_id for each in placed if isinstance(each, Placed)}) == 1
    assert sum(isinstance(each, Placed) and not each.replayed for each in placed) == 1
    assert (await store.decide_ready(10, at(2), really(2))).settled == 2


async def test_a_message_without_its_event_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await made_key(store)
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers())
    with monkeypatch.context() as broken:
        broken.setattr(colleagues, "record", _breaks)
        with pytest.raises(RuntimeError, match="lost"):
            await store.colleagues.write(writing(key="k", team="support"), at(1))
    assert await store.start(10, at(1), POLICY) == []
    placed = await store.colleagues.write(writing(key="k", team="support"), at(2))
    assert isinstance(placed, Placed)
    assert not placed.replayed
    assert (await store.decide_ready(10, at(3), really(3))).settled == 1


def _breaks(*_: object) -> None:
    raise RuntimeError("the database was lost")
