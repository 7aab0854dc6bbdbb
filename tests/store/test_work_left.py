"""Open work at a glance: each number is of its own kind, counting stops, and no whole table is read for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.event import ContactKey
from bot.store.messages import Filter
from bot.store.sqlite import SqliteStore, open_store
from bot.store.sqlite import work_left as module
from bot.store.units import Accepted, NotAccepted, Unknown
from bot.store.work_left import COUNTED_MOST
from tests.store.making import NOON, POLICY, TEMPLATE, answers, at, order, receipt, wrote

FIVE = timedelta(minutes=5)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


def who(number: int) -> ContactKey:
    return ContactKey("APP", "WHATSAPP", f"4670{number:07}")


async def sends(store: SqliteStore, number: int) -> int:
    """A message under way; its attempt."""
    await store.place([replace(order(who=who(number)), reply=TEMPLATE)], NOON)
    (started,) = await store.start(1, NOON, POLICY)
    return started.attempt_id


async def test_each_kind_of_work_is_counted(store: SqliteStore) -> None:
    await sends(store, 1)
    await store.finish([Unknown(await sends(store, 2), at(30), 0, "No answer.")], NOON)
    await store.finish([NotAccepted(await sends(store, 3), at(60), 429, "", "Too fast.")], NOON)
    await store.place([replace(order(who=who(4)), if_closed="wait")], NOON)
    await store.start(1, NOON, POLICY)  # the window is closed, so it waits
    await store.record([wrote("hi", who(5), at(1))], at(1))
    left = await store.work_left(at(2))
    assert (left.in_flight, left.unknown, left.queued, left.waiting, left.undecided) == (1, 1, 1, 1, 1)
    assert (left.due, left.due_since, left.people, left.held, left.callbacks) == (0, None, 0, 0, 0)
    later = await store.work_left(at(90))
    assert (later.due, later.due_since) == (1, at(60))


async def test_counting_stops(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = module.WORK_LEFT.replace(str(COUNTED_MOST + 1), "3")
    assert limited != module.WORK_LEFT
    monkeypatch.setattr(module, "WORK_LEFT", limited)
    await store.record([wrote("hi", who(n)) for n in range(9)], NOON)
    assert (await store.work_left(NOON)).undecided == 3


async def test_no_table_is_read_whole(store: SqliteStore) -> None:
    rows = await store._database.read(
        lambda c: c.execute(f"EXPLAIN QUERY PLAN {module.WORK_LEFT}", {"now": 0}).fetchall()
    )
    tables = [row[3] for row in rows if re.match(r"(SCAN|SEARCH) (outbox|lane|inbox)\b", row[3])]
    assert len(tables) == 11
    assert [each for each in tables if "INDEX" not in each] == []


async def test_what_went_amiss_is_listed_whatever_its_status(store: SqliteStore) -> None:
    await store.finish([Accepted(await sends(store, 1), "M1")], NOON)
    attempt = await sends(store, 2)
    await store.finish([Accepted(attempt, "M2")], NOON)
    (other, failed) = [each.outbox_id for each in reversed((await store.messages.listed("APP", Filter())).messages)]
    await store.record([receipt("FAILED", failed, "M2", reason="UNKNOWN", who=who(2))], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.place([order(who=who(3))], NOON)
    (third,) = (await store.messages.listed("APP", Filter(contact=who(3)))).messages
    await store.messages.cancel("APP", third.outbox_id, "Taken back.", NOON)
    page = await store.messages.listed("APP", Filter(amiss=True))
    assert [each.outbox_id for each in page.messages] == [third.outbox_id, failed]
    assert other not in {each.outbox_id for each in page.messages}
    await store.place([replace(order(who=who(4)), reference="r"), replace(order(who=who(5)), reference="r")], NOON)
    (fourth,) = (await store.messages.listed("APP", Filter(contact=who(4)))).messages
    await store.messages.cancel("APP", fourth.outbox_id, "Taken back.", NOON)
    of_reference = await store.messages.listed("APP", Filter(reference="r", amiss=True))
    assert [each.outbox_id for each in of_reference.messages] == [fourth.outbox_id]


async def test_numbers_are_added_up_by_the_step(store: SqliteStore) -> None:
    for minute in (0, 4, 5, 61):
        when = at(minute * 60)
        await store.record([wrote(str(minute), who(1), when)], when)
    hour = timedelta(hours=1)
    found = await store.tallies.series(["received"], NOON, at(7200), hour)
    assert [(each.at, each.count) for each in found] == [(NOON, 3), (NOON + hour, 1)]
    shifted = await store.tallies.series(["received"], NOON - FIVE, at(7200), hour)
    assert [(each.at, each.count) for each in shifted] == [(NOON - FIVE, 3), (NOON - FIVE + hour, 1)]


async def test_what_became_of_an_event_is_told_by_number_and_by_key(store: SqliteStore) -> None:
    event = wrote("hello", who(1))
    await store.record([event], NOON)
    waiting = await store.trouble.fate("APP", event.event.dedup)
    assert waiting is not None
    assert (waiting.state.value, waiting.rule) == ("pending", "")
    await store.decide_ready(10, NOON, answers("hi"))
    decided = await store.trouble.fate("APP", waiting.inbox_id)
    assert decided is not None
    assert (decided.state.value, decided.layer, decided.rule) == ("decided", "rules", "rule")
    assert await store.trouble.fate("OTHER", waiting.inbox_id) is None
    assert await store.trouble.fate("APP", "in:nothing") is None
