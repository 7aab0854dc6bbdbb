"""What could not be dealt with is listed, and driven again as if it had just come: in order, once, and with what it means for consent."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.event import Unsupported
from bot.errors import Refused
from bot.store.port import Store
from bot.store.sqlite import SqliteStore, audit, trouble
from bot.store.units import InboxKind, InboxState, Incoming, Lane, Settled
from tests.store.making import ANNA, BO, NOON, Seen, answers, at, settled, wrote
from tests.store.test_conversations import plan

LATER = at(100)


def fails(lane: Lane) -> Sequence[Settled]:
    return [Settled(one.inbox_id, dead="It failed.") for one in lane.pending]


async def dead(store: Store, *texts: str, seconds: float = 0) -> None:
    """Events of Anna that were given up."""
    for more, text in enumerate(texts):
        await store.record([wrote(text, when=at(seconds + more))], at(seconds + more))
        await store.decide_ready(5, at(seconds + more), fails)


async def letters(store: Store, limit: int = 50, before: int | None = None) -> list[tuple[int, bytes]]:
    return [(each.inbox_id, each.raw) for each in await store.trouble.dead_letters("APP", limit, before)]


def nobodys(n: int = 1) -> Incoming:
    return Incoming(Unsupported(f"dead:{n}", "", "It is not JSON.", NOON, dead=True), InboxKind.INBOUND, b"not JSON")


# --- dead letters ---------------------------------------------------------------------------------------------------------------------


async def test_dead_letters_are_listed_newest_first_page_by_page(store: Store) -> None:
    await dead(store, "one", "two")
    await store.record([nobodys()], at(5))
    await store.record([wrote("fine", BO)], at(6))
    await store.decide_ready(5, at(6), Seen())
    assert await letters(store) == [(3, b"not JSON"), (2, b"two"), (1, b"one")]
    assert await letters(store, 1, 3) == [(2, b"two")]
    newest, two, _ = await store.trouble.dead_letters("APP", 50)
    assert (newest.person, newest.why) == (None, "It is not JSON.")
    assert (two.kind, two.person, two.received_at, two.died_at, two.tries, two.why) == (
        InboxKind.INBOUND, 1, at(1), at(1), 1, "It failed.",
    )  # fmt: skip
    assert await store.trouble.counts("APP") == (3, 0)
    assert await store.trouble.counts("OTHER") == (1, 0)  # what concerns nobody


async def test_a_dead_letter_that_is_driven_again_is_decided_once(store: Store, tmp_path: Path) -> None:
    await dead(store, "one")
    assert await store.trouble.drive("APP", 1, LATER)
    assert await letters(store) == []
    seen = Seen()
    assert (await store.decide_ready(5, LATER, seen)).settled == 1
    assert (seen.raws, [one.try_number for one in seen.claimed]) == ([b"one"], [1])
    assert (await store.decide_ready(5, at(9999), seen)).settled == 0
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []
    with pytest.raises(Refused, match="no dead letter"):
        await store.trouble.drive("APP", 1, LATER)


async def test_what_is_driven_again_has_tries_of_its_own_and_may_die_again(store: Store) -> None:
    await dead(store, "one")
    await store.trouble.drive("APP", 1, LATER)
    await store.decide_ready(5, LATER, lambda lane: [Settled(1, again_at=at(200))])
    seen = Seen()
    assert (await store.decide_ready(5, at(150), seen)).settled == 0
    await store.decide_ready(5, at(201), fails)
    assert [(each.tries, each.died_at) for each in await store.trouble.dead_letters("APP", 5)] == [(2, at(201))]


async def test_what_is_driven_again_comes_before_what_was_written_after_it(store: Store) -> None:
    await dead(store, "one")
    await store.record([wrote("three", when=at(3))], at(3))
    await store.trouble.drive("APP", 1, at(4))
    seen = Seen()
    await store.decide_ready(5, at(5), seen)
    assert seen.raws == [b"one", b"three"]


async def test_what_is_driven_again_waits_behind_what_was_written_before_it(store: Store) -> None:
    await dead(store, "two", seconds=2)
    await store.record([wrote("one", when=at(1))], at(3))
    await store.decide_ready(5, at(3), lambda lane: [Settled(one.inbox_id, again_at=at(50)) for one in lane.pending])
    await store.trouble.drive("APP", 1, at(4))
    seen = Seen()
    assert (await store.decide_ready(5, at(10), seen)).settled == 0
    await store.decide_ready(5, at(50), seen)
    assert seen.raws == [b"one", b"two"]


async def test_a_stop_counted_when_it_came_and_counts_on(store: Store) -> None:
    await dead(store, "STOP")
    assert (await store.standing(ANNA)).consent.stopped
    await store.trouble.drive("APP", 1, LATER)
    await store.decide_ready(5, LATER, Seen())
    assert (await store.standing(ANNA)).consent.stopped
    assert len(await store.contacts.ledger_rows(ANNA)) == 1


async def test_its_bytes_are_read_again_whatever_they_were_taken_for(store: Store) -> None:
    unread = Unsupported("in:1", "message", "It could not be read.", NOON, ANNA, dead=True)
    await store.record([wrote("hi", id_="2")], NOON)
    await store.record([Incoming(unread, InboxKind.INBOUND, b"the bytes")], NOON)
    await store.decide_ready(5, NOON, Seen())
    await store.trouble.drive("APP", 2, LATER)
    seen = Seen()
    await store.decide_ready(5, LATER, seen)
    assert (seen.raws, seen.events) == ([b"the bytes"], [None])


async def test_what_was_decided_of_it_before_is_gone(store: SqliteStore) -> None:
    """As a hand that mended the database may have left it."""
    await store.record([wrote("one")], NOON)
    await store.decide_ready(5, NOON, answers())
    await store._database.write(lambda c: c.execute("UPDATE inbox SET state = 'dead'"))
    await store.trouble.drive("APP", 1, LATER)
    assert (await store.decide_ready(5, LATER, answers())).settled == 1
    assert await store.trace(1) is not None


@pytest.mark.parametrize(
    ("app", "inbox_id", "why"),
    [
        ("APP", 1, "concerns nobody"),
        ("APP", 2, "kept no longer"),
        ("APP", 3, "no dead letter"),
        ("APP", 9, "no dead letter"),
        ("OTHER", 2, "no dead letter"),
    ],
)
async def test_what_cannot_be_driven_again_says_why(store: SqliteStore, app: str, inbox_id: int, why: str) -> None:
    await store.record([nobodys()], NOON)
    await dead(store, "old")
    await store.record([wrote("fine", BO)], NOON)
    await store._database.write(lambda c: c.execute("UPDATE inbox SET raw = NULL WHERE id = 2"))
    with pytest.raises(Refused, match=why):
        await store.trouble.drive(app, inbox_id, LATER)
    assert await store.trouble.counts("APP") == (2, 0)


async def test_dead_letters_are_found_by_their_index(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        steps = plan(connection, trouble.DEAD_LETTERS, ("APP", 9, 1))  # type: ignore[arg-type]
    assert steps == "SEARCH inbox USING INDEX inbox_dead (id<?)"


# --- refused webhooks -------------------------------------------------------------------------------------------------------------------


async def refused(store: Store, *bodies: bytes) -> None:
    for seconds, body in enumerate(bodies):
        await store.refuse(body, "Its signature is too old.", at(seconds))


async def test_refused_webhooks_are_listed_newest_first(store: Store) -> None:
    await refused(store, b"one", b"two")
    two, one = await store.trouble.refused(5)
    assert (two.id, two.raw, two.received_at, two.why, two.driven_at, two.driven_by) == (
        2, b"two", at(1), "Its signature is too old.", None, "",
    )  # fmt: skip
    assert await store.trouble.refused(5, 2) == [one]
    assert await store.trouble.refused(1) == [two]
    assert await store.trouble.counts("APP") == (0, 2)


async def test_a_refused_webhook_that_is_taken_is_as_one_that_just_came(store: Store) -> None:
    await refused(store, b"one")
    assert await store.trouble.take_refused(1, wrote("STOP"), "Ida", LATER)
    standing = await store.standing(ANNA)
    assert standing.consent.stopped
    assert standing.window.closes_at is not None
    seen = Seen()
    await store.decide_ready(5, LATER, seen)
    assert seen.raws == [b"STOP"]
    [one] = await store.trouble.refused(5)
    assert (one.driven_at, one.driven_by) == (LATER, "Ida")
    assert await store.trouble.counts("APP") == (0, 0)


async def test_a_refused_webhook_that_came_another_way_is_no_second_time(store: Store) -> None:
    await refused(store, b"one")
    await store.record([wrote("hi", id_="1")], NOON)
    assert not await store.trouble.take_refused(1, wrote("hi", id_="1"), "Ida", LATER)
    assert [one.driven_by for one in await store.trouble.refused(5)] == ["Ida"]
    seen = Seen()
    await store.decide_ready(5, LATER, seen)
    assert len(seen.raws) == 1


async def test_a_refused_webhook_is_taken_once(store: Store) -> None:
    await refused(store, b"one")
    await store.trouble.take_refused(1, wrote("hi", id_="1"), "Ida", LATER)
    with pytest.raises(Refused, match="by Ida"):
        await store.trouble.take_refused(1, wrote("hi", id_="2"), "Bo", LATER)
    with pytest.raises(Refused, match="no refused webhook 2"):
        await store.trouble.take_refused(2, wrote("hi", id_="3"), "Bo", LATER)
    assert [one.driven_by for one in await store.trouble.refused(5)] == ["Ida"]
    seen = Seen()
    await store.decide_ready(5, LATER, seen)
    assert len(seen.raws) == 1


async def test_who_was_erased_does_not_come_back_by_a_refused_webhook(store: Store) -> None:
    await store.record([wrote("hi", id_="1")], NOON)
    await store.privacy.erase(ANNA, at(1))
    await refused(store, b"another")
    assert not await store.trouble.take_refused(1, wrote("hi", id_="1"), "Ida", LATER)
    assert not (await store.standing(ANNA)).known


async def test_old_refused_webhooks_are_forgotten_driven_or_not(store: Store) -> None:
    await refused(store, b"one", b"two", b"three")
    await store.trouble.take_refused(1, wrote("hi"), "Ida", at(1))
    assert await store.privacy.forget_refused(at(1.5), 10) == 2
    assert [one.raw for one in await store.trouble.refused(5)] == [b"three"]


async def test_what_became_of_an_event_is_told(store: Store) -> None:
    await dead(store, "one")
    fate = await store.trouble.fate("APP", 1)
    assert fate is not None
    assert (fate.inbox_id, fate.state, fate.person, fate.why) == (1, InboxState.DEAD, 1, "It failed.")
    await store.trouble.drive("APP", 1, LATER)
    assert (await store.trouble.fate("APP", 1)) == replace(fate, state=InboxState.PENDING, why="")
    await store.decide_ready(5, LATER, lambda lane: [settled(one.inbox_id) for one in lane.pending])
    key = wrote("one").event.dedup
    assert (await store.trouble.fate("APP", key)) == replace(
        fate, state=InboxState.DECIDED, why="", layer="rules", rule="rule"
    )
    assert await store.trouble.fate("APP", 9) is None
