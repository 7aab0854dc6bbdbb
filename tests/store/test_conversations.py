"""Conversations as colleagues look through them: what moves them, in which order they come, and what is found."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from bot.core.conversation import State
from bot.core.event import BusinessEvent, ContactKey, Event, InboundMessage, Reaction, Text, TimerFired
from bot.errors import StoreUnavailable
from bot.store.contacts import Came, Left, PersonChange
from bot.store.conversations import LIST_MAX, ListCursor, Listed, Show, Wanted
from bot.store.port import Store
from bot.store.sqlite import SqliteStore, conversation_list, conversation_search, open_store
from bot.store.sqlite.forgetting import NO_LONGER_KEPT
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.recording import Own, record_own
from bot.store.units import Accepted, InboxKind, Incoming, Lane, Rejected, Settled
from tests.store.making import ANNA, BO, NOON, POLICY, Seen, answers, at, order, receipt, settled, wrote
from tests.store.test_colleagues import CLEO, acted, really, writing

DORA = ContactKey("APP", "WHATSAPP", "46700000004")
WAITS = State(waiting=True, last_rule="rule")
ALL = Wanted()


async def comes(store: Store, *who: ContactKey, since: float = 0) -> None:
    """Each writes, a second after the other."""
    for seconds, each in enumerate(who):
        await store.record([wrote("hi", each, at(since + seconds))], at(since + seconds))


async def numbers(store: Store, *who: ContactKey) -> list[int | None]:
    return [await store.conversations.person(each) for each in who]


async def listed(store: Store, wanted: Wanted = ALL, seconds: float = 100) -> Listed:
    return await store.conversations.listed("APP", wanted, at(seconds))


async def seen(store: Store, wanted: Wanted = ALL) -> list[str]:
    """The last digit of everybody in the list, page by page, one a page."""
    found: list[str] = []
    wanted = replace(wanted, limit=1)
    for _ in range(20):
        page = await listed(store, wanted)
        found += [row.contact.identity[-1] for row in page.rows]
        if page.next is None:
            return found
        wanted = replace(wanted, after=page.next)
    raise AssertionError("it goes on for ever")


async def sees(store: Store, who: ContactKey, seconds: float) -> None:
    await store.conversations.seen("APP", (await numbers(store, who))[0] or 0, at(seconds))


async def known(store: Store, who: ContactKey, **fields: str) -> None:
    """Somebody who never wrote."""
    await store.contacts.change(who, PersonChange(fields=fields), NOON)


# --- what moves a conversation ----------------------------------------------------------------------------------------------------


async def test_what_moved_last_comes_first_and_who_never_wrote_at_the_end(store: Store) -> None:
    await known(store, DORA)
    await comes(store, ANNA, BO, CLEO)
    await store.record([wrote("again", ANNA, at(9))], at(9))
    assert await seen(store) == ["1", "3", "2", "4"]
    rows = (await listed(store)).rows
    assert [row.moved_at for row in rows] == [at(9), at(2), at(1), None]
    assert [row.unread for row in rows] == [True, True, True, False]
    assert [row.closes_at is None for row in rows] == [False, False, False, True]


async def test_a_page_holds_no_more_than_asked_for_and_never_more_than_the_most(store: Store) -> None:
    await store.record([wrote("hi", ContactKey("APP", "WHATSAPP", str(10**9 + n))) for n in range(LIST_MAX + 5)], NOON)
    page = await listed(store, Wanted(limit=1000))
    assert len(page.rows) == LIST_MAX
    rest = await listed(store, Wanted(limit=1000, after=page.next))
    assert (len(rest.rows), rest.next) == (5, None)
    assert not {row.person for row in page.rows} & {row.person for row in rest.rows}


async def test_what_others_do_moves_no_conversation(store: Store) -> None:
    await comes(store, BO, ANNA)
    copied = InboundMessage("in:copied", BO, "copied", Text("copied"), at(5), at(5), injected=True)
    event = BusinessEvent("ev", BO, "paid", {}, at(6), at(6))
    await store.record([Incoming(copied, InboxKind.INBOUND, b"x"), Incoming(event, InboxKind.API, b"x")], at(6))
    await store.place([order("hello", BO)], at(7))
    (started,) = await store.start(5, at(8), POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], at(8))
    await store.record([receipt("READ", started.outbox_id, when=at(9))], at(9))
    assert await seen(store) == ["1", "2"]
    assert (await listed(store)).rows[1].moved_at == NOON


async def test_a_timer_moves_no_conversation(store: SqliteStore) -> None:
    await comes(store, BO, ANNA)
    [bo] = await numbers(store, BO)
    own = Own(InboxKind.TIMER, bo or 0, 0, TimerFired("t", BO, "question", NOON, {}, at(9)))
    memory: Memory = store._memory
    await store._database.write(lambda c: record_own(memory, c, [own], at(9)))
    assert await seen(store) == ["1", "2"]


async def test_a_reaction_moves_a_conversation(store: Store) -> None:
    await comes(store, BO, ANNA)
    event: Event = Reaction("r", BO, "M1", "👍", at(5), at(5))
    await store.record([Incoming(event, InboxKind.INBOUND, b"x")], at(5))
    assert await seen(store) == ["2", "1"]


async def test_a_colleague_moves_a_conversation_and_has_seen_it(store: Store) -> None:
    await comes(store, ANNA, BO)
    await store.record([acted("took_over", "support", ANNA, 5)], at(5))
    rows = (await listed(store)).rows
    assert [(row.contact, row.moved_at, row.unread) for row in rows] == [(ANNA, at(5), False), (BO, at(1), True)]
    assert await seen(store, Wanted("unread")) == ["2"]
    await store.decide_ready(10, at(5), really(5))
    await store.colleagues.write(writing(seconds=7), at(7))
    assert (await listed(store)).rows[0].moved_at == at(7)


async def test_what_comes_while_a_colleague_acts_is_unread(store: Store) -> None:
    await comes(store, ANNA)
    await asyncio.gather(
        store.record([acted("took_over", "support", ANNA, 5)], at(5)), store.record([wrote("wait", ANNA, at(5))], at(5))
    )
    assert (await listed(store)).rows[0].unread


async def test_what_came_until_a_colleague_looked_is_read(store: Store) -> None:
    await comes(store, ANNA, BO)
    await sees(store, ANNA, 3)
    assert await seen(store, Wanted("unread")) == ["2"]
    await store.record([wrote("more", ANNA, at(4))], at(4))
    assert await seen(store, Wanted("unread")) == ["1", "2"]
    await sees(store, ANNA, 3)
    assert await seen(store, Wanted("unread")) == ["1", "2"]
    await store.conversations.seen("OTHER", 1, at(9))
    assert await seen(store, Wanted("unread")) == ["1", "2"]


async def test_looking_again_writes_nothing(store: Store) -> None:
    await comes(store, ANNA)
    await sees(store, ANNA, 3)
    turn = await store.conversations.turn()
    await sees(store, ANNA, 4)
    assert await store.conversations.turn() == turn


# --- rows -----------------------------------------------------------------------------------------------------------------------------


async def test_a_row_tells_what_was_said_last(store: Store) -> None:
    await store.record([wrote("hi", id_="one")], NOON)
    [row] = (await listed(store)).rows
    assert isinstance(row.last, Came)
    assert (row.last.raw, row.last.inbox_id) == (b"hi", 1)
    await store.decide_ready(5, at(1), answers("first", "second"))
    [row] = (await listed(store)).rows
    assert isinstance(row.last, Left)
    assert "second" in str(row.last.message.reply)


async def test_what_was_only_copied_to_us_is_not_what_was_said_last(store: Store) -> None:
    await store.record([wrote("hi", id_="one")], NOON)
    await store.record([acted("took_over", "support", ANNA, 1)], at(1))
    reaction: Event = Reaction("r", ANNA, "M1", "👍", at(5), at(5))
    await store.record([Incoming(reaction, InboxKind.INBOUND, b"x")], at(5))
    [row] = (await listed(store)).rows
    assert isinstance(row.last, Came)
    assert row.last.raw == b"hi"


async def test_what_is_kept_no_longer_is_not_shown(store: SqliteStore) -> None:
    await store.record([wrote("hi")], NOON)
    await store._database.write(lambda c: c.execute("UPDATE inbox SET raw = NULL"))
    assert (await listed(store)).rows[0].last is None
    await store.place([order(NO_LONGER_KEPT)], at(1))
    assert (await listed(store)).rows[0].last is None


async def test_a_row_tells_who_has_the_conversation(store: Store) -> None:
    await comes(store, ANNA, BO)
    await store.record([acted("took_over", "support", ANNA, 5)], at(5))
    await store.decide_ready(10, at(5), really(5))
    row = (await listed(store)).rows[0]
    assert (row.team, row.waiting_since) == ("support", at(5))
    row = (await listed(store, seconds=90_000)).rows[0]
    assert (row.team, row.waiting_since) == ("", at(5))
    assert await seen(store, Wanted(team="support")) == ["1"]
    assert await seen(store, Wanted(team="sales")) == []


async def test_who_was_handed_over_without_ever_writing_is_of_the_team_too(store: Store) -> None:
    event = BusinessEvent("ev", BO, "paid", {}, NOON, NOON)
    await comes(store, ANNA)
    await store.record([acted("took_over", "support", ANNA, 5)], at(5))
    await store.record([Incoming(event, InboxKind.API, b"x")], NOON)
    given = really(5)

    def decide(lane: Lane) -> Sequence[Settled]:
        if lane.conversation.contact == ANNA:
            return given(lane)
        return [settled(one.inbox_id, state=State(in_charge="support")) for one in lane.pending]

    await store.decide_ready(10, at(5), decide)
    assert await seen(store, Wanted(team="support")) == ["1", "2"]


async def test_the_address_that_wrote_last_counts(store: SqliteStore) -> None:
    await comes(store, ANNA, BO)
    await store._database.write(lambda c: c.execute("UPDATE identity SET person = 1"))
    assert await store.conversations.address("APP", 1) == BO
    assert [row.contact for row in (await listed(store)).rows] == [BO]  # the other has no address any more
    assert await store.conversations.address("APP", 2) is None
    assert await store.conversations.address("OTHER", 1) is None
    assert await store.conversations.person(CLEO) is None


async def test_conversations_of_another_app_are_not_shown(store: Store) -> None:
    other = ContactKey("OTHER", "WHATSAPP", "46700000009")
    await comes(store, ANNA, other)
    await store.record([wrote("STOP", other, at(5))], at(5))
    for show in ("all", "unread", "stopped"):
        assert "9" not in await seen(store, Wanted(show))
    assert await seen(store, Wanted(search="4670000")) == ["1"]
    assert (await store.conversations.totals("APP")).unread == 1


def leaves(state: State) -> Callable[[Lane], Sequence[Settled]]:
    """A decide that leaves every conversation so."""
    return lambda lane: [settled(one.inbox_id, state=state) for one in lane.pending]


# --- filters --------------------------------------------------------------------------------------------------------------------------


async def fails(store: Store, who: ContactKey, seconds: float) -> None:
    await store.place([order(f"x{seconds}", who)], at(seconds))
    (started,) = await store.start(1, at(seconds), POLICY)
    assert started.contact == who
    await store.finish([Rejected(started.attempt_id, 400, "INVALID_ARGUMENT", "no")], at(seconds))
    await store.decide_ready(10, at(seconds), Seen())


async def dies(store: Store, who: ContactKey, seconds: float) -> None:
    await store.record([wrote(f"poison {seconds}", who, at(seconds))], at(seconds))
    await store.decide_ready(
        10, at(seconds), lambda lane: [Settled(one.inbox_id, dead="It failed.") for one in lane.pending]
    )


async def test_who_waits_longest_comes_first(store: Store) -> None:
    for seconds, who in enumerate((BO, ANNA, CLEO)):
        await store.record([wrote("help", who, at(seconds))], at(seconds))
        await store.decide_ready(5, at(seconds), leaves(State() if who is CLEO else WAITS))
    await store.record([wrote("please", BO, at(9))], at(9))
    assert await seen(store, Wanted("needs_person")) == ["2", "1"]
    assert await seen(store, Wanted("needs_person", search="700000002")) == ["2"]
    assert await seen(store, Wanted("needs_person", search="467000000")) == ["2", "1"]
    assert (await store.conversations.totals("APP")).needs_person == 2


async def test_what_failed_last_comes_first_each_person_once(store: Store) -> None:
    await comes(store, ANNA, BO, CLEO, DORA)
    await store.decide_ready(10, at(4), Seen())
    await fails(store, ANNA, 10)
    await fails(store, BO, 11)
    await dies(store, CLEO, 12)
    await dies(store, CLEO, 13)
    await dies(store, BO, 14)
    await fails(store, ANNA, 15)
    assert await seen(store, Wanted("failed")) == ["1", "2", "3"]
    assert {row.contact for row in (await listed(store)).rows if row.failed} == {ANNA, BO, CLEO}
    await dies(store, DORA, 16)
    await fails(store, DORA, 17)
    assert await seen(store, Wanted("failed")) == ["4", "1", "2", "3"]
    assert (await store.conversations.totals("APP")).failed == 4
    await store.place([order("this time", ANNA)], at(20))
    assert await seen(store, Wanted("failed")) == ["4", "2", "3"]
    assert await seen(store, Wanted("failed", search="00000002")) == ["2"]
    assert await seen(store, Wanted("failed", search="poison")) == []
    assert await seen(store, Wanted("failed", team="support")) == []


async def test_a_message_that_a_receipt_says_failed_has_failed_and_a_cancelled_one_has_not(store: Store) -> None:
    await comes(store, ANNA, BO, CLEO)
    await store.decide_ready(10, NOON, Seen())
    await store.place([order("a", ANNA), order("b", BO)], NOON)
    for started in await store.start(5, NOON, POLICY):
        if started.contact == ANNA:
            await store.finish([Accepted(started.attempt_id, "M1")], NOON)
            await store.record([receipt("FAILED", started.outbox_id, reason="X")], at(1))
    await store.place([order("c", CLEO)], NOON)
    await store.record([wrote("STOP", CLEO, at(2))], at(2))
    await store.decide_ready(10, at(2), Seen())
    assert await seen(store, Wanted("failed")) == ["1"]


async def test_failures_beyond_what_one_page_looks_at_come_with_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await comes(store, ANNA, BO, CLEO)
    await store.decide_ready(10, at(4), Seen())
    for seconds, who in enumerate((ANNA, BO, BO, BO, BO, CLEO)):
        await fails(store, who, 10 + seconds)
    monkeypatch.setattr(conversation_list, "LOOK_FAILED", 2)
    assert await seen(store, Wanted("failed")) == ["3", "2", "1"]


async def test_who_said_stop_is_found_whether_few_or_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await comes(store, ANNA, BO, CLEO, DORA)
    for seconds, who in ((5, BO), (6, ANNA)):
        await store.record([wrote("STOP", who, at(seconds))], at(seconds))
    assert await seen(store, Wanted("stopped")) == ["1", "2"]
    monkeypatch.setattr(conversation_list, "FEW_STOPPED", 1)
    assert await seen(store, Wanted("stopped")) == ["1", "2"]
    monkeypatch.setattr(conversation_list, "LOOK", 1)
    assert await seen(store, Wanted("stopped")) == ["1", "2"]
    assert (await store.conversations.totals("APP")).stopped == 2


async def test_totals_stop_counting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_list, "COUNTED", 2)
    await comes(store, ANNA, BO, CLEO)
    totals = await store.conversations.totals("APP")
    assert (totals.unread, totals.most) == (2, 2)


# --- search ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def named(store: Store) -> Store:
    await known(store, ANNA, name="Anna Åkerlund", note='says "hi" 100%')
    await store.contacts.change(BO, PersonChange(fields={"name": "Bo"}, tags_added=frozenset({"Café_Club"})), NOON)
    await comes(store, CLEO)
    return store


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("700000001", "1"),
        ("+46 70-000 00 02", "2"),
        ("070 000 00 03", "3"),
        ("00", "1"),  # of 100%, and too short for a number
        ("åkerLUND", "1"),
        ("ANNA  å", "1"),
        ("ikerlund", ""),
        ("name", ""),
        ("café_c", "2"),
        ("caféxc", ""),
        ('"HI"', "1"),
        ("100%", "1"),
        ("1%0", ""),
        ("nobody", ""),
        ("   ", "321"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
async def test_a_part_of_a_number_a_field_or_a_tag_finds(
    named: Store, search: str, found: str, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: where they are too many to be read at once, by looking at those who moved last."""
    if many:
        monkeypatch.setattr(conversation_search, "found", lambda *_: None)
        monkeypatch.setattr(conversation_list, "found", lambda *_: None)
    assert await seen(named, Wanted(search=search)) == list(found)


async def test_too_many_are_not_read_at_once(named: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await comes(named, ANNA, BO, DORA, since=10)
    monkeypatch.setattr(conversation_search, "FEW", 2)
    monkeypatch.setattr(conversation_list, "LOOK", 2)
    assert await seen(named, Wanted(search="4670000000")) == ["4", "2", "1", "3"]
    monkeypatch.setattr(conversation_search, "LOOK", 0)
    monkeypatch.setattr(conversation_list, "NEAR", 0)
    assert await seen(named, Wanted(search="a")) == ["2", "1"]


async def test_whoever_is_looked_at_in_vain_hides_nobody(named: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite takes any letter for one that is not of ASCII."""
    await named.contacts.change(DORA, PersonChange(fields={"name": "ikerlund"}), NOON)
    await comes(named, ANNA, DORA, since=10)
    monkeypatch.setattr(conversation_list, "found", lambda *_: None)
    monkeypatch.setattr(conversation_list, "RAW", 1)
    assert await seen(named, Wanted(search="åkerlund")) == ["1"]


async def test_a_message_finds_its_conversation(store: Store) -> None:
    await store.record([wrote("hi", BO, id_="01HABC")], NOON)
    await comes(store, ANNA)
    [placed] = await store.place([replace(order("x", ANNA), reference="order-7")], NOON)
    (started,) = await store.start(1, NOON, POLICY)
    await store.finish([Accepted(started.attempt_id, "01HSENT")], NOON)
    for search, found in (("01habc", "2"), ("order-7", "1"), ("01HSENT", "1"), (started.outbox_id.upper(), "1")):
        assert await seen(store, Wanted(search=search)) == [found]
    for search in ("01HAB", "order", "01HSENT2"):
        assert await seen(store, Wanted(search=search)) == []
    assert placed is not None


# --- one conversation -----------------------------------------------------------------------------------------------------------------


async def test_an_exchange_by_number_is_that_by_address(store: Store) -> None:
    await comes(store, ANNA)
    await store.decide_ready(5, at(1), answers("one", "two"))
    by_number = await store.conversations.exchange("APP", 1, 2)
    assert by_number == await store.contacts.exchange(ANNA, 2)
    assert by_number is not None
    assert by_number.next is not None
    older = await store.conversations.exchange("APP", 1, 2, by_number.next)
    assert older is not None
    assert len(older.entries) == 1
    assert await store.conversations.exchange("OTHER", 1, 2) is None
    assert await store.conversations.exchange("APP", 7, 2) is None


async def test_a_mark_differs_with_everything_that_happens_and_not_by_looking(store: Store) -> None:
    await comes(store, ANNA, BO)
    marks = [await store.conversations.mark("APP", 1)]

    async def differs() -> None:
        mark = await store.conversations.mark("APP", 1)
        assert mark not in marks
        marks.append(mark)

    await store.decide_ready(5, at(1), answers("one"))
    await differs()
    (started, _) = await store.start(5, at(1), POLICY)
    await differs()
    await store.finish([Accepted(started.attempt_id, "M1")], at(2))
    await differs()
    for status in ("READ", "DELIVERED"):  # the later one changes nothing but what was told
        await store.record([receipt(status, started.outbox_id, when=at(3))], at(3))
        await store.decide_ready(
            5, at(3), lambda lane: [replace(settled(one.inbox_id), inputs=b"") for one in lane.pending]
        )
        await differs()
    await store.contacts.change(ANNA, PersonChange(fields={"name": "Anna"}), at(4))
    await differs()
    await store.record([acted("took_over", "support", ANNA, 5)], at(5))
    await differs()
    await store.record([wrote("STOP", ANNA, at(6))], at(6))
    await differs()
    await store.record([wrote("hi", BO, at(7))], at(7))
    await sees(store, ANNA, 9)
    assert await store.conversations.mark("APP", 1) == marks[-1]
    assert await store.conversations.mark("OTHER", 1) == await store.conversations.mark("APP", 9) == ""


async def test_a_turn_differs_after_every_commit_alone(store: Store) -> None:
    first = await store.conversations.turn()
    assert await store.conversations.turn() == first
    await comes(store, ANNA)
    second = await store.conversations.turn()
    await store.decide_ready(5, at(1), Seen())
    third = await store.conversations.turn()
    assert len({first, second, third}) == 3
    await listed(store)
    assert await store.conversations.turn() == third


async def test_a_slow_page_keeps_only_pages_waiting(store: SqliteStore) -> None:
    await comes(store, ANNA)
    go = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: sqlite3.Connection) -> None:
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)

    page = asyncio.create_task(store._database.browse(slow))
    await store.record([wrote("more", ANNA, at(1))], at(1))
    assert (await store.standing(ANNA)).known
    assert not page.done()
    go.set()
    await page


async def test_pages_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store._database.browse(lambda c: c.execute("DELETE FROM lane"))


# --- staying right --------------------------------------------------------------------------------------------------------------------


async def test_who_was_erased_is_listed_no_more(store: Store) -> None:
    await comes(store, ANNA, BO)
    await store.privacy.erase(ANNA, at(5))
    assert await seen(store) == ["2"]
    await comes(store, ANNA, since=10)
    assert await seen(store) == ["1", "2"]


PAGES = resources.files("bot.store.migrations").joinpath("sqlite", "0004_pages.sql").read_text()


async def test_an_older_database_lists_by_who_wrote_last_and_nothing_is_unread(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    await comes(store, BO, ANNA)
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("UPDATE lane SET active_at = NULL, seen_at = NULL")
        for line in PAGES.splitlines():
            if line.startswith("UPDATE lane"):
                connection.execute(line)
        connection.commit()
    store = await open_store(path, app="APP")
    assert await seen(store) == ["1", "2"]
    assert await seen(store, Wanted("unread")) == []
    await store.close()


# --- by which way -------------------------------------------------------------------------------------------------------------------


def plan(connection: sqlite3.Connection, statement: str, values: dict[str, object]) -> str:
    """How SQLite goes about it, a step a line."""
    return "\n".join(str(step[3]) for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))


@pytest.mark.parametrize("search", ["", "anna"])
@pytest.mark.parametrize("show", ["all", "unread", "needs_person", "stopped"])
async def test_every_page_goes_along_its_index(store: Store, tmp_path: Path, show: Show, search: str) -> None:
    what = conversation_search.sought(search)
    question = conversation_list.Question("APP", Wanted(show, team="support"), what, 51, 9)
    values: dict[str, object] = {**question.values, "first": 0, "second": 0}
    walks = (conversation_list.WAITING,) if show == "needs_person" else (
        conversation_list.ACTIVE, conversation_list.SILENT, conversation_list.ACTIVE_OF_TEAM, conversation_list.SILENT_OF_TEAM
    )  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        for walk in walks:
            for statement in (walk.statement(question), walk.floor(question)):
                steps = plan(connection, statement, values)
                assert (
                    f"SEARCH l USING INDEX {walk.index}" in steps
                    or f"SEARCH l USING COVERING INDEX {walk.index}" in steps
                )
                assert "TEMP B-TREE" not in steps, steps
                assert_no_scan(steps, "w")


async def test_failures_go_along_their_indexes(store: Store, tmp_path: Path) -> None:
    question = conversation_list.Question("APP", Wanted("failed", team="support"), None, 51, 9)
    values: dict[str, object] = {**question.values, "first": 0, "second": 0}
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        for statement, index in (
            (conversation_list.amiss_statement(question), "outbox_amiss (seq<?)"),
            (conversation_list.dead_statement(question), "inbox_dead (id<?)"),
        ):
            steps = plan(connection, statement, values)
            assert index in steps, steps
            assert "outbox_person (person=?" in steps, steps
            assert "inbox_dead_person (person=?" in steps, steps
            assert "TEMP B-TREE" not in steps, steps
            assert_no_scan(steps, "o", "d")


def assert_no_scan(steps: str, *but: str) -> None:
    """Nothing is read whole but what was found already."""
    scans = [step for step in steps.splitlines() if step.startswith("SCAN")]
    few = (*but, "(subquery-")
    assert all(step.split()[1].startswith(few) or "VIRTUAL TABLE" in step or "CONSTANT" in step for step in scans), (
        steps
    )


def test_a_cursor_is_two_numbers() -> None:
    assert ListCursor(1, 2) == ListCursor(*(int(each) for each in "1-2".split("-")))


async def test_a_probe_really_writes(store: Store) -> None:
    """Else a server whose disk is full would be told to be ready."""
    await store.probe()  # the first one of a database writes a row
    turn = await store.conversations.turn()
    await store.probe()
    assert await store.conversations.turn() != turn
