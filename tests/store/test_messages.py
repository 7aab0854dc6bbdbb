"""The list of messages: every question begins at an index, and no question looks through more than its share."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.event import ContactKey
from bot.store.messages import Change, Filter, Left, Plan, Status
from bot.store.port import Store
from bot.store.sqlite import message_list, open_store, sending
from bot.store.sqlite.messages import WROTE
from bot.store.units import Accepted, MessageView, Placed, Unknown, Verdict
from tests.store.making import ANNA, BO, NOON, POLICY, TEMPLATE, answers, at, order, receipt, wrote

WITHIN = Filter(since=at(0), until=at(9))


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "parley.db"
    await (await open_store(path, app="APP")).close()
    return path


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(file)
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, statement: str, values: Mapping[str, Any] | tuple[object, ...]) -> str:
    """How SQLite goes about it, a step a line."""
    steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return "\n".join(str(step[3]) for step in steps)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (WITHIN, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (Filter(status="delivered"), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (Filter(contact=ANNA), "outbox_person (person=? AND seq>? AND seq<?)"),
        (replace(WITHIN, contact=ANNA, status="read"), "outbox_person (person=? AND seq>? AND seq<?)"),
        (Filter(contact=ANNA, reference="a"), "outbox_person (person=? AND seq>? AND seq<?)"),
        (Filter(reference="a"), "outbox_reference (reference=? AND seq>? AND seq<?)"),
        (Filter(reference="a", status="failed"), "outbox_reference (reference=? AND seq>? AND seq<?)"),
        (Filter(status="queued"), "outbox_head"),
        (Filter(status="failed"), "outbox_amiss"),
        (replace(WITHIN, status="cancelled"), "outbox_amiss"),
        (Filter(status="expired"), "outbox_amiss"),
        (Filter(status="held"), "outbox_amiss"),
    ],
    ids=str,
)
def test_every_question_begins_at_an_index(connection: sqlite3.Connection, wanted: Filter, index: str) -> None:
    question = message_list.question_of(connection, "APP", wanted, 51)
    for statement in (question.page, question.floor):
        steps = plan(connection, statement, question.values)
        assert index in steps, steps
        assert "TEMP B-TREE" not in steps or wanted.status == "queued", steps
        small = ("outbox_head", "outbox_waiting", "outbox_one_message")
        scans = [step for step in steps.splitlines() if step.startswith("SCAN")]
        assert all(step.endswith(small) for step in scans), steps


def test_when_somebody_wrote_is_found_by_an_index(connection: sqlite3.Connection) -> None:
    steps = plan(connection, WROTE, ("APP", "WHATSAPP", "1", 0))
    assert "inbox_person (person=?)" in steps
    assert "TEMP B-TREE" not in steps
    assert "SCAN" not in steps


def test_what_is_due_is_found_without_going_through_what_was_sent(connection: sqlite3.Connection) -> None:
    """An index for lists must not be taken in place of the small ones of what is open."""
    steps = plan(connection, sending._DUE, {"now": 0, "limit": 1, "known": 0})
    assert "outbox_head (person=?)" in steps
    assert "outbox_person" not in steps
    for state, index in (("queued", "outbox_head"), ("waiting", "outbox_waiting")):
        counting = f"SELECT count(*) FROM outbox WHERE kind = 'message' AND state = '{state}'"
        assert index in plan(connection, counting, ())
        assert f"{index} (person=?)" in plan(connection, f"{counting} AND person = 1", ())


# --- what is looked through ---------------------------------------------------------------------------------------------


async def placed(store: Store, count: int, reference: str = "") -> None:
    """So many templates to Anna, all of one moment."""
    await store.place([replace(order(), reply=TEMPLATE, reference=f"{reference}{n}") for n in range(count)], NOON)


async def seen(store: Store, wanted: Filter) -> tuple[list[str], int]:
    """Everything by pages, and how many there were."""
    found: list[str] = []
    pages = 0
    more = True
    while more:
        page = await store.messages.listed("APP", wanted)
        found += [each.reference for each in page.messages]
        pages += 1
        more = page.next is not None
        wanted = replace(wanted, before=page.next)
    return found, pages


async def test_a_page_looks_through_its_share_and_the_next_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_list, "LOOK", 10)
    await placed(store, 25)
    (started,) = await store.start(1, NOON, POLICY)
    await store.finish([Accepted(started.attempt_id, "m")], NOON)
    page = await store.messages.listed("APP", Filter(status="sent"))
    assert (list(page.messages), page.next) == ([], 16)
    assert await seen(store, Filter(status="sent")) == (["0"], 3)
    assert await seen(store, Filter(limit=4)) == ([str(n) for n in reversed(range(25))], 7)
    assert (await seen(store, Filter(contact=ANNA, status="sent")))[0] == ["0"]
    assert (await seen(store, Filter(contact=BO)))[0] == []


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
async def test_a_page_reads_no_more_than_its_share(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    """Counted in steps of SQLite's machine: one look at a row takes a few."""
    monkeypatch.setattr(message_list, "LOOK", 10)
    await placed(store, 2000)
    steps = [0]

    def stepped() -> None:
        steps[0] += 1

    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        connection.set_progress_handler(stepped, 10)
        message_list.listed(connection, "APP", Filter(status=status))
    assert steps[0] < 200


async def test_nobody_asks_for_more_than_a_page_holds(store: Store) -> None:
    await placed(store, 201)
    assert len((await store.messages.listed("APP", Filter(limit=10_000))).messages) == 200


async def test_callbacks_and_other_apps_are_not_listed(store: Store) -> None:
    await placed(store, 1, "mine")
    stranger = ContactKey("OTHER", "WHATSAPP", ANNA.identity)
    await store.place([replace(order(who=stranger), reference="theirs")], NOON)
    assert (await seen(store, Filter()))[0] == ["mine0"]
    assert [each.reference for each in (await store.messages.listed("OTHER", Filter())).messages] == ["theirs"]


# --- changing -----------------------------------------------------------------------------------------------------------


def moved(minutes: float | None) -> Change:
    when = None if minutes is None else NOON + timedelta(minutes=minutes)
    return Change(when, None, "moved", moved=True)


async def one(store: Store, **more: object) -> str:
    (outcome,) = await store.place([replace(order(), reply=TEMPLATE, **more)], NOON)  # type: ignore[arg-type]
    assert isinstance(outcome, Placed)
    return outcome.outbox_id


async def test_a_change_tells_when_the_lane_is_next_due(store: Store) -> None:
    id_ = await one(store)
    for minutes, due in ((30, 30 * 60), (10, 10 * 60), (None, 60)):
        changed = await store.messages.change("APP", id_, lambda plan, m=minutes: moved(m), at(60))  # type: ignore[misc]
        assert isinstance(changed, MessageView)
        assert await store.next_send(at(60)) == at(due)


async def test_make_sees_the_message_as_it_stands(store: Store) -> None:
    id_ = await one(store, not_before=at(60), not_after=at(90), reference="r", if_closed="wait")
    plans: list[Plan] = []

    def make(plan: Plan) -> Change:
        plans.append(plan)
        return Change(plan.not_before, plan.not_after, plan.reference, moved=False)

    before = await store.message(id_)
    assert await store.messages.change("APP", id_, make, NOON) == before
    (told,) = plans
    assert (told.reply, told.if_closed, told.reference) == (TEMPLATE, "wait", "r")
    assert (told.created_at, told.not_before, told.not_after) == (NOON, at(60), at(90))


async def test_another_apps_message_is_nobodys(store: Store) -> None:
    id_ = await one(store)
    assert await store.messages.change("OTHER", id_, lambda plan: moved(1), NOON) is None
    assert await store.messages.cancel("OTHER", id_, "no", NOON) is None


async def test_a_cancelled_head_lets_the_next_one_leave(store: Store) -> None:
    first, second = await one(store), await one(store)
    await store.messages.cancel("APP", first, "taken back", NOON)
    assert [each.outbox_id for each in await store.start(5, NOON, POLICY)] == [second]


async def test_what_a_stop_ended_is_cancelled_until_a_receipt_tells_that_it_had_left(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    id_ = await one(store)
    [started] = await store.start(5, NOON, POLICY)
    await store.finish([Unknown(started.attempt_id, at(30), 0, "No answer came.")], at(2))
    await store.record([wrote("STOP", when=at(3), id_="S")], at(3))
    await store.reconcile([Verdict(id_, resend=True)], at(31))
    await store.start(5, at(32), POLICY)
    ended = await store.messages.cancel("APP", id_, "taken back", at(33))
    assert isinstance(ended, MessageView)
    assert ended.status == "cancelled"
    await store.record([receipt("DELIVERED", id_, "M1")], at(34))
    await store.decide_ready(10, at(35), answers())
    left = await store.messages.cancel("APP", id_, "taken back", at(36))
    assert isinstance(left, Left)
    assert left.message.status == "delivered"
