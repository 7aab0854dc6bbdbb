"""Numbers are counted where and when things happen: once each, with their transaction or not at all, and of nobody by name."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import get_args

import pytest

from bot.core.conversation import State
from bot.core.decision import Because, Decision, Effect, Send
from bot.core.event import ContactKey, DeliveryReceipt, InboundMessage, Reaction, Reason
from bot.core.histogram import quantile
from bot.core.reply import TextReply
from bot.errors import Refused
from bot.store.sqlite import SqliteStore, open_store
from bot.store.tallies import DELAY_STEPS, Kind, Tally, Total
from bot.store.units import (
    Accepted,
    Decide,
    InboxKind,
    Incoming,
    Lane,
    NotAccepted,
    Rejected,
    Settled,
    Started,
    Unknown,
    Verdict,
)
from tests.store.making import (
    ANNA,
    BO,
    CALL,
    NOON,
    POLICY,
    answers,
    asks,
    at,
    calling,
    order,
    receipt,
    told,
    wrote,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def counted(store: SqliteStore, *kinds: Kind) -> dict[str, int]:
    """All that was counted of these kinds, added up; by kind, and by kind and name where it has one."""
    found: dict[str, int] = {}
    for each in await store.tallies.series(kinds or KINDS, NOON - 400 * DAY, NOON + 400 * DAY):
        key = f"{each.kind} {each.name}" if each.name else each.kind
        found[key] = found.get(key, 0) + each.count
    return found


def by(rule: str, *effects: Effect, layer: str = "rules") -> Callable[[int], Settled]:
    """A decision that ``rule`` (none if empty) made."""
    path = (rule,) if rule else ()
    decision = Decision(State(last_rule=rule), effects, Because(layer, path=path))
    return lambda inbox_id: Settled(inbox_id, decision, version=1, inputs=b"{}", digest="d")


def each(*made: Callable[[int], Settled]) -> Decide:
    """A decide that answers the pending events one after the other."""
    return lambda lane: [make(one.inbox_id) for make, one in zip(made, lane.pending, strict=False)]


def says(text: str = "hi", who: ContactKey = ANNA, rule: str = "rule", **more: object) -> Send:
    return replace(Send(TextReply(text), who, rule, 0), **more)  # type: ignore[arg-type]


async def started(store: SqliteStore, seconds: float = 0) -> Started:
    [one] = await store.start(10, at(seconds), POLICY)
    return one


async def answered(store: SqliteStore, seconds: float = 0) -> Started:
    """Anna wrote, and the answer is on its way."""
    await store.record([wrote(f"at {seconds}", when=at(seconds))], at(seconds))
    await store.decide_ready(10, at(seconds), answers("hello"))
    return await started(store, seconds)


# --- decisions ------------------------------------------------------------------------------------------------------------------


async def test_messages_of_people_are_counted_once_and_nothing_else(store: SqliteStore) -> None:
    message = wrote("hello")
    written = wrote("copied in").event
    assert isinstance(written, InboundMessage)
    injected = replace(written, injected=True)
    reaction = Reaction("re:1", ANNA, "M1", "👍", NOON, NOON)
    others = [Incoming(event, InboxKind.INBOUND, b"{}") for event in (injected, reaction)]
    await store.record([message, message, wrote("me too", BO), *others], NOON)
    await store.record([message], at(1))
    assert await counted(store) == {"received": 2}


async def test_answered_are_the_messages_that_a_message_answers(store: SqliteStore) -> None:
    await store.record([wrote("one"), wrote("two", when=at(1)), wrote("three", when=at(2))], at(2))
    two_messages = (says("a"), says("b", position=1))
    silent = by("quiet")
    await store.decide_ready(10, at(2), each(by("talks", *two_messages), silent, by("tells", says(answers=False))))
    assert await counted(store, "answered", "matched") == {
        "answered": 1, "matched talks": 1, "matched quiet": 1, "matched tells": 1,
    }  # fmt: skip


async def test_what_is_held_for_a_backend_counts_when_it_is_decided(store: SqliteStore) -> None:
    await store.record([wrote("track it"), wrote("and?", when=at(1))], at(1))
    await store.decide_ready(10, at(1), asks(seconds=1))
    assert await counted(store) == {"received": 2, "matched rule": 1}
    [call] = await store.start_calls(10, at(2))
    await store.finish_call(told(call), at(2))
    found = by("track", says("it is here"), layer="call")
    await store.decide_ready(10, at(2), each(found, by("rule", says("yes?", position=1))))
    assert await counted(store, "answered", "matched") == {"answered": 1, "matched rule": 1, "matched track": 1}
    await store.decide_ready(10, at(3), each(by("rule", says("yes?"))))
    assert await counted(store, "answered", "matched") == {"answered": 2, "matched rule": 2, "matched track": 1}


async def test_what_is_held_counts_for_nothing_yet(store: SqliteStore) -> None:
    await store.record([wrote("track it"), wrote("and?", when=at(1))], at(1))

    def decide(lane: Lane) -> Sequence[Settled]:
        first, second = lane.pending
        waits = Decision(calling(), (says(),), Because("nothing_matched", path=("rule",)), "held")
        return [by("track")(first.inbox_id), Settled(second.inbox_id, waits, 1, b"{}", "d")]

    await store.decide_ready(10, at(1), decide)
    assert await counted(store) == {"received": 2, "matched track": 1}


async def test_a_message_that_is_passed_on_to_a_backend_is_answered_once(store: SqliteStore) -> None:
    await store.record([wrote("track it")], NOON)
    first = Decision(calling(), (says("one moment"), CALL), Because("rules", path=("track",)))
    await store.decide_ready(10, NOON, lambda lane: [Settled(lane.pending[0].inbox_id, first, 1, b"{}", "d")])
    assert "answered" not in await counted(store)
    [call] = await store.start_calls(10, at(2))
    await store.finish_call(told(call), at(2))
    await store.decide_ready(10, at(2), each(by("track", says("it is here"), layer="call")))
    assert await counted(store, "answered", "led_to", "matched") == {"answered": 1, "matched track": 2}


async def test_rules_lead_to_one_another(store: SqliteStore) -> None:
    await store.record([wrote(str(n), when=at(n)) for n in range(6)], at(5))
    goes_on = by("hours", says(position=1), layer="question")
    await store.decide_ready(
        10, at(5), each(by("hello"), by("hours"), goes_on, by("hours"), by("", layer="person"), by("bye"))
    )
    assert await counted(store, "led_to") == {"led_to hello > hours": 1, "led_to hours > hours": 1}
    await store.record([wrote("later", when=at(60))], at(60))
    await store.decide_ready(10, at(60), each(by("hello")))
    assert (await counted(store, "led_to"))["led_to bye > hello"] == 1


async def test_what_no_rule_understood(store: SqliteStore) -> None:
    await store.record([wrote("gibberish"), wrote("hello", when=at(1))], at(1))
    await store.decide_ready(10, at(1), each(by("", layer="nothing_matched"), by("hello")))
    assert await counted(store, "unmatched") == {"unmatched": 1}


async def test_names_are_cut_and_those_of_the_machine_left_out(store: SqliteStore) -> None:
    await store.record([wrote("a"), wrote("b", when=at(1)), wrote("c", when=at(2))], at(2))
    await store.decide_ready(10, at(2), each(by("_stop"), by("x" * 150), by("y" * 300)))
    assert await counted(store, "matched", "led_to") == {
        "matched " + "x" * 150: 1, "matched " + "y" * 200: 1, "led_to " + "x" * 150 + " > " + "y" * 47: 1,
    }  # fmt: skip


async def test_a_group_that_is_rolled_back_counts_nothing(store: SqliteStore) -> None:
    await store.record([wrote("hello")], NOON)

    def broken(lane: Lane) -> Sequence[Settled]:
        two = says(who=ContactKey("APP", "WHATSAPP", "46700000001"), reply=object())
        return [by("broken", two)(lane.pending[0].inbox_id)]

    with pytest.raises(Exception):  # noqa: B017,PT011 whatever writing that reply raises
        await store.decide_ready(10, NOON, broken)
    assert await counted(store) == {"received": 1}
    await store.decide_ready(10, NOON, answers("hello"))
    assert await counted(store, "matched", "answered") == {"matched rule": 1, "answered": 1}


# --- messages -------------------------------------------------------------------------------------------------------------------


async def test_messages_that_sinch_accepted_and_how_long_it_took(store: SqliteStore) -> None:
    one = await answered(store)
    await store.finish([Accepted(one.attempt_id, "M1")], at(0.120))
    assert await counted(store, "sent", "delay") == {"sent": 1, "delay 130": 1}
    await store.finish([Accepted(one.attempt_id, "M1")], at(1))
    await store.record([receipt("DELIVERED", one.outbox_id)], at(2))
    await store.decide_ready(10, at(2), answers())
    assert await counted(store, "sent", "delay") == {"sent": 1, "delay 130": 1}


async def test_each_delay_is_within_its_step(store: SqliteStore) -> None:
    for n, (seconds, step) in enumerate(
        [(0.005, 5), (0.0051, 10), (0.006, 10), (3600, 3_600_000), (90_000, 3_600_000)]
    ):
        begun = n * 100_200
        one = await answered(store, begun)
        await store.finish([Accepted(one.attempt_id, f"M{n}")], at(begun + seconds))
        series = await store.tallies.series(["delay"], at(begun), at(begun + 99_000))
        assert [(tally.name, tally.count) for tally in series] == [(str(step), 1)]


async def test_what_does_not_answer_a_person_at_once_has_no_delay(store: SqliteStore) -> None:
    await store.record([wrote("hello")], NOON)
    await store.decide_ready(
        10, NOON, each(by("rule", says("tells", answers=False), says("second", position=1), says("late", position=2, not_before=at(60))))
    )  # fmt: skip
    await store.place([order("asked for")], NOON)
    for n in range(4):
        [one] = await store.start(10, at(60 + n), POLICY)
        await store.finish([Accepted(one.attempt_id, f"M{n}")], at(60 + n))
    assert await counted(store, "sent", "delay") == {"sent": 4}


async def test_what_was_to_leave_later_has_no_delay_however_often_it_is_tried(store: SqliteStore) -> None:
    await store.record([wrote("hello")], NOON)
    await store.decide_ready(10, NOON, each(by("rule", says(not_before=at(60)))))
    one = await started(store, 60)
    await store.finish([NotAccepted(one.attempt_id, at(61), 503, "UNAVAILABLE", "down")], at(60))
    two = await started(store, 61)
    await store.finish([Accepted(two.attempt_id, "M1")], at(61))
    assert await counted(store, "sent", "delay") == {"sent": 1}


async def test_what_was_held_for_a_backend_has_no_delay(store: SqliteStore) -> None:
    await store.record([wrote("track it"), wrote("and?", when=at(1))], at(1))
    await store.decide_ready(10, at(1), asks(seconds=1))
    [call] = await store.start_calls(10, at(2))
    await store.finish_call(told(call), at(30))
    await store.decide_ready(10, at(30), answers("here"))
    await store.decide_ready(10, at(31), answers("here"))
    one = await started(store, 31)
    await store.finish([Accepted(one.attempt_id, "M1")], at(31))
    assert await counted(store, "sent", "delay") == {"sent": 1}


async def test_refusals_for_going_too_fast_and_those_that_are_final(store: SqliteStore) -> None:
    one = await answered(store)
    await store.finish([NotAccepted(one.attempt_id, at(1), 429, "RESOURCE_EXHAUSTED", "too fast")], at(0))
    two = await started(store, 1)
    await store.finish([NotAccepted(two.attempt_id, at(2), 503, "UNAVAILABLE", "down")], at(1))
    three = await started(store, 2)
    await store.finish([Rejected(three.attempt_id, 400, "INVALID_ARGUMENT", "No.")], at(2))
    assert await counted(store, "throttled", "sent", "failed", "reason", "undelivered") == {
        "throttled": 1, "failed": 1, "reason INVALID_ARGUMENT": 1, "undelivered rule": 1,
    }  # fmt: skip


async def test_a_code_that_might_be_an_address_is_not_kept(store: SqliteStore) -> None:
    for n, (status, code) in enumerate([(400, "46700000001"), (400, "not to +46700000001"), (413, "")]):
        one = await answered(store, n)
        await store.finish([Rejected(one.attempt_id, status, code, "No.")], at(n))
    assert await counted(store, "reason") == {"reason other": 2, "reason http_413": 1}


STATUSES = ("QUEUED_ON_CHANNEL", "FAILED", "DELIVERED")


@pytest.mark.parametrize("statuses", list(permutations(STATUSES)))
async def test_a_message_fails_once_or_not_at_all(store: SqliteStore, statuses: Sequence[str]) -> None:
    one = await answered(store)
    await store.finish([Accepted(one.attempt_id, "M1")], NOON)
    for n, status in enumerate(statuses):
        twice = [receipt(status, one.outbox_id, reason="DELIVERY_FAILURE", when=at(n))] * 2
        await store.record(twice, at(n))
        await store.decide_ready(10, at(n), answers())
    failed = statuses.index("FAILED") < statuses.index("DELIVERED")
    expected = {"failed": 1, "undelivered rule": 1, "reason DELIVERY_FAILURE": 1} if failed else {}
    assert await counted(store, "failed", "undelivered", "reason") == expected


async def test_whatsapps_code_counts_before_sinchs_word(store: SqliteStore) -> None:
    one = await answered(store)
    failed = receipt("FAILED", one.outbox_id)
    assert isinstance(failed.event, DeliveryReceipt)
    reason = Reason("CHANNEL_FAILURE", "", "UNSPECIFIED_SUB_CODE", "131026")
    early = replace(failed, event=replace(failed.event, reason=reason))
    await store.record([early], NOON)  # before Sinch's own answer
    await store.decide_ready(10, NOON, answers())
    await store.finish([Accepted(one.attempt_id, "M1")], at(1))
    assert await counted(store, "failed", "reason", "sent") == {"failed": 1, "reason 131026": 1, "sent": 1}


async def test_a_receipt_that_nobody_knew_counts_when_its_message_is_known(store: SqliteStore) -> None:
    one = await answered(store)
    await store.record([receipt("FAILED", "", "M1", reason="UNKNOWN")], NOON)
    await store.finish([Accepted(one.attempt_id, "M1")], at(1))
    assert await counted(store, "failed", "sent") == {"failed": 1, "sent": 1}


async def test_a_message_sent_twice_fails_with_the_last_of_both(store: SqliteStore) -> None:
    one = await answered(store)
    await store.finish([Unknown(one.attempt_id, at(1), 0, "timed out")], at(0))
    await store.reconcile([Verdict(one.outbox_id, resend=True)], at(1))
    two = await started(store, 2)
    await store.finish([Accepted(two.attempt_id, "M2")], at(2))
    for n, (status, id_, failed) in enumerate(
        [("FAILED", "M1", 0), ("QUEUED_ON_CHANNEL", "M2", 0), ("FAILED", "M2", 1), ("FAILED", "M2", 1)]
    ):
        await store.record([receipt(status, one.outbox_id, id_, at(n), reason=f"R{n}")], at(3 + n))
        await store.decide_ready(10, at(3 + n), answers())
        assert (await counted(store, "failed")).get("failed", 0) == failed, (n, status, id_)
    assert await counted(store, "sent", "undelivered") == {"sent": 1, "undelivered rule": 1}


async def test_a_message_that_is_to_be_sent_again_has_not_failed_yet(store: SqliteStore) -> None:
    one = await answered(store)
    await store.finish([Unknown(one.attempt_id, at(1), 0, "timed out")], at(0))
    await store.reconcile([Verdict(one.outbox_id, resend=True)], at(1))
    await store.record([receipt("FAILED", one.outbox_id)], at(1))
    await store.decide_ready(10, at(1), answers())
    two = await started(store, 2)
    await store.finish([Accepted(two.attempt_id, "M2")], at(2))
    await store.record([receipt("DELIVERED", one.outbox_id, "M2")], at(3))
    await store.decide_ready(10, at(3), answers())
    assert await counted(store, "sent", "failed") == {"sent": 1}


async def test_a_message_fails_once_even_where_sinch_contradicts_itself(store: SqliteStore) -> None:
    """It tells of a failure, and then that it never took the message."""
    one = await answered(store)
    await store.record([receipt("FAILED", one.outbox_id)], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.finish([NotAccepted(one.attempt_id, at(1), 429, "RESOURCE_EXHAUSTED", "too fast")], at(0))
    two = await started(store, 1)
    await store.finish([Accepted(two.attempt_id, "M2")], at(2))
    for n, status in enumerate(("QUEUED_ON_CHANNEL", "FAILED")):
        await store.record([receipt(status, one.outbox_id, "M2")], at(3 + n))
        await store.decide_ready(10, at(3 + n), answers())
    assert await counted(store, "failed", "sent") == {"failed": 1, "sent": 1}


async def test_a_receipt_that_came_before_doubt_leaves_none(store: SqliteStore) -> None:
    one = await answered(store)
    await store.record([receipt("DELIVERED", one.outbox_id)], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.finish([Unknown(one.attempt_id, at(1), 0, "timed out")], at(0))
    assert await counted(store, "sent", "delay") == {"sent": 1}


@pytest.mark.parametrize("settle", ["listed", "receipt", "crash"])
async def test_a_message_in_doubt_is_sent_once_it_is_settled(tmp_path: Path, settle: str) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    one = await answered(store)
    if settle != "crash":
        await store.finish([Unknown(one.attempt_id, at(1), 0, "timed out")], at(0))
        assert "sent" not in await counted(store)
    if settle == "listed":
        await store.reconcile([Verdict(one.outbox_id, "M1")] * 2, at(1))
    else:
        await store.record([receipt("QUEUED_ON_CHANNEL", one.outbox_id), receipt("DELIVERED", one.outbox_id)], at(1))
        await store.decide_ready(10, at(1), answers())
    if settle == "crash":
        await store.close()
        store = await open_store(tmp_path / "parley.db", app="APP")
        await store.recover(at(2), at(3))
        await store.recover(at(2), at(3))
    assert await counted(store, "sent", "delay") == {"sent": 1}
    await store.close()


async def test_what_a_person_must_decide_did_not_surely_fail(store: SqliteStore) -> None:
    one = await answered(store)
    await store.finish([Unknown(one.attempt_id, at(1), 0, "timed out")], at(0))
    await store.reconcile([Verdict(one.outbox_id)], at(1))
    assert await counted(store, "failed", "sent") == {}


async def test_what_never_left(store: SqliteStore) -> None:
    """Outside the window, crowded out while waiting, and waited for in vain."""
    await store.record([wrote("hello")], NOON)
    await store.decide_ready(10, NOON, answers())
    late = 2 * 86_400.0
    await store.place([order("own words")], at(late))
    await store.start(10, at(late), POLICY)
    assert await counted(store, "failed", "reason") == {"failed": 1, "reason window_closed": 1}
    for n in range(4):
        await store.place([replace(order(f"waits {n}"), if_closed="wait")], at(late + n))
        await store.start(10, at(late + n), POLICY)
    assert await counted(store, "reason") == {"reason window_closed": 1, "reason crowded": 1}
    assert await store.expire(at(late + 8 * 86_400)) == 3
    assert await store.expire(at(late + 8 * 86_400)) == 0
    assert await counted(store, "failed", "reason", "undelivered") == {
        "failed": 5, "reason window_closed": 1, "reason crowded": 1, "reason did_not_write": 3,
    }  # fmt: skip


async def test_what_waits_for_its_person_and_leaves_in_the_end_is_no_failure_and_no_delay(store: SqliteStore) -> None:
    await store.record([wrote("hello")], NOON)
    late = 2 * 86_400.0
    await store.decide_ready(10, at(late), each(by("rule", says(waits=True, if_closed="wait"))))
    await store.record([wrote("again", when=at(late + 60))], at(late + 60))
    one = await started(store, late + 60)
    await store.finish([Accepted(one.attempt_id, "M1")], at(late + 60))
    assert await counted(store, "sent", "failed", "delay") == {"sent": 1}


async def test_what_was_cancelled_did_not_fail(store: SqliteStore) -> None:
    [placed] = await store.place([order()], NOON)
    assert not isinstance(placed, Refused)
    await store.record([wrote("STOP", when=at(1))], at(1))
    await store.start(10, at(1), POLICY)
    view = await store.message(placed.outbox_id)  # type: ignore[union-attr]
    assert view is not None
    assert view.status == "cancelled"
    assert await counted(store, "failed", "reason") == {}


# --- reading and forgetting ------------------------------------------------------------------------------------------------------


async def test_numbers_are_kept_by_five_minutes_and_by_the_hour(store: SqliteStore) -> None:
    for seconds in (0, 299, 300, 3599, 3600):
        await store.record([wrote(f"at {seconds}", when=at(seconds))], at(seconds))
        await store.decide_ready(10, at(seconds), each(by("rule")))
    series = await store.tallies.series(["received", "matched"], NOON, at(3600))
    assert list(series) == [
        Tally("matched", NOON, "rule", 4),
        Tally("received", NOON, "", 2),
        Tally("received", at(300), "", 1),
        Tally("received", at(3300), "", 1),
    ]
    assert list(await store.tallies.series([], NOON, at(7200))) == []


async def test_totals_tell_the_most_frequent_first(store: SqliteStore) -> None:
    for n, rule in enumerate(["b", "a", "c", "c"]):
        await store.record([wrote(str(n), when=at(n * 3600))], at(n * 3600))
        await store.decide_ready(10, at(n * 3600), each(by(rule)))
    assert list(await store.tallies.totals("matched", NOON, NOON + DAY)) == [
        Total("c", 2),
        Total("a", 1),
        Total("b", 1),
    ]
    assert list(await store.tallies.totals("matched", at(3600), at(3 * 3600))) == [Total("a", 1), Total("c", 1)]


async def test_old_numbers_are_forgotten_a_few_at_a_time(store: SqliteStore) -> None:
    for n in range(3):
        await store.record([wrote(str(n), when=at(n * 3600))], at(n * 3600))
        await store.decide_ready(10, at(n * 3600), each(by(f"rule {n}")))
    assert await store.tallies.forget(NOON + 32 * DAY, 100) == 0
    assert await store.tallies.forget(NOON + 33 * DAY, 2) == 2
    assert await store.tallies.forget(NOON + 33 * DAY, 2) == 1
    assert await counted(store, "received") == {}
    assert len(await store.tallies.totals("matched", NOON, NOON + DAY)) == 3
    assert await store.tallies.forget(NOON + 400 * DAY + 2 * HOUR, 100) == 3
    assert await counted(store) == {"matched rule 2": 1, "led_to rule 1 > rule 2": 1}


async def test_a_group_adds_its_numbers_with_one_statement(store: SqliteStore, tmp_path: Path) -> None:
    asked: list[str] = []
    await store._database.alone(lambda c: c.set_trace_callback(asked.append))
    await store.record([wrote("hello", ContactKey("APP", "WHATSAPP", f"467{n:08}")) for n in range(100)], NOON)
    await store.decide_ready(100, NOON, answers("hi"))
    begun = await store.start(100, NOON, POLICY)
    await store.finish([Accepted(one.attempt_id, f"M{n}") for n, one in enumerate(begun)], NOON)
    assert sum("INTO tally" in statement for statement in asked) == 3  # starting counts nothing
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        rows = connection.execute("SELECT kind, count FROM tally ORDER BY kind").fetchall()
    assert rows == [("answered", 100), ("delay", 100), ("matched", 100), ("received", 100), ("sent", 100)]


def test_a_quantile_is_the_step_that_so_much_lies_within() -> None:
    assert quantile({}, 0.99) is None
    assert quantile({5: 0, 10: 0}, 0.99) is None
    assert quantile({5: 99, 400: 1}, 0.99) == 5
    assert quantile({400: 2, 5: 98}, 0.99) == 400
    assert quantile({5: 1, 10: 1}, 0.5) == 5
    assert [quantile({5: 1, 10: 1}, part) for part in (0, 1)] == [5, 10]
    assert quantile(dict.fromkeys(range(1, 101), 1), 0.07) == 7


def test_the_steps_ascend() -> None:
    assert list(DELAY_STEPS) == sorted(set(DELAY_STEPS))
