"""A receipt proves that Sinch has a message, whenever it comes: nothing more is sent of it, and it belongs to the try that it names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.delivery import OutboxState
from bot.store.port import Store
from bot.store.sqlite import audit
from bot.store.units import Accepted, MessageView, NotAccepted, Started, Unknown, Verdict
from tests.store.making import NOON, POLICY, answers, at, receipt, wrote


async def start(store: Store, seconds: float) -> list[Started]:
    return list(await store.start(10, at(seconds), POLICY))


async def waits_for_its_second_try(store: Store) -> str:
    """A message whose first try ended unknown; it may leave once more from 31 on."""
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers("one", "two"))
    [first] = await start(store, 1)
    await store.finish([Unknown(first.attempt_id, at(30), 0, "No answer came.")], at(2))
    await store.reconcile([Verdict(first.outbox_id, resend=True)], at(31))
    return first.outbox_id


async def heard(store: Store, status: str, outbox_id: str, seconds: float, message_id: str = "M1") -> None:
    await store.record([receipt(status, outbox_id, message_id)], at(seconds))
    await store.decide_ready(10, at(seconds), answers())


async def shown(store: Store, outbox_id: str) -> MessageView:
    view = await store.message(outbox_id)
    assert view is not None
    return view


async def test_what_waits_to_be_sent_once_more_is_not(store: Store) -> None:
    outbox_id = await waits_for_its_second_try(store)
    await heard(store, "DELIVERED", outbox_id, 32)
    view = await shown(store, outbox_id)
    assert (view.state, view.status) == (OutboxState.SENT, "delivered")
    assert [each.outbox_id == outbox_id for each in await start(store, 33)] == [False], "the next message leaves"


async def test_nor_where_the_receipt_is_recorded_and_not_decided(store: Store) -> None:
    outbox_id = await waits_for_its_second_try(store)
    await store.record([receipt("DELIVERED", outbox_id)], at(32))
    assert await start(store, 33) == []
    assert (await shown(store, outbox_id)).state is OutboxState.SENT
    assert [each.outbox_id == outbox_id for each in await start(store, 34)] == [False], "the next message leaves"
    await store.decide_ready(10, at(35), answers())
    assert (await shown(store, outbox_id)).status == "delivered"


async def test_what_named_sinchs_id_alone_counts_with_it(store: Store, tmp_path: Path) -> None:
    outbox_id = await waits_for_its_second_try(store)
    await store.record([receipt("READ", "", "M1"), receipt("DELIVERED", outbox_id, "M1")], at(32))
    await start(store, 33)
    assert (await shown(store, outbox_id)).status == "read"
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []


async def test_nor_where_it_came_during_a_second_try_that_was_refused(store: Store) -> None:
    outbox_id = await waits_for_its_second_try(store)
    [second] = await start(store, 32)
    await heard(store, "DELIVERED", outbox_id, 33)
    await store.finish([NotAccepted(second.attempt_id, at(40), 429, "busy", "Slow down.")], at(34))
    assert [each.outbox_id for each in await start(store, 41) if each.outbox_id == outbox_id] == []
    view = await shown(store, outbox_id)
    assert (view.state, view.status) == (OutboxState.SENT, "delivered")


async def test_nor_where_sinch_refused_what_it_had_taken(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers("one"))
    [first] = await start(store, 1)
    await store.finish([NotAccepted(first.attempt_id, at(10), 503, "UNAVAILABLE", "Busy.")], at(2))
    await heard(store, "DELIVERED", first.outbox_id, 3)
    assert await start(store, 11) == []
    view = await shown(store, first.outbox_id)
    assert (view.state, [attempt.outcome for attempt in view.attempts]) == (OutboxState.SENT, ["unknown"])


async def test_what_failed_on_its_way_is_sent_once_more(store: Store) -> None:
    outbox_id = await waits_for_its_second_try(store)
    await heard(store, "FAILED", outbox_id, 32)
    assert [each.outbox_id for each in await start(store, 33)] == [outbox_id]


@pytest.mark.parametrize("first", ["M1", "M2"])
async def test_a_receipt_that_came_while_two_tries_could_be_meant_goes_to_the_one_it_names(
    store: Store, first: str
) -> None:
    outbox_id = await waits_for_its_second_try(store)
    [second] = await start(store, 32)
    for number, message_id in enumerate(sorted(("M1", "M2"), key=lambda each: each != first)):
        await heard(
            store, "DELIVERED" if message_id == "M1" else "QUEUED_ON_CHANNEL", outbox_id, 33 + number, message_id
        )
    await store.finish([Accepted(second.attempt_id, "M2")], at(36))
    await heard(store, "READ", outbox_id, 37, "M1")
    view = await shown(store, outbox_id)
    assert [attempt.message_id for attempt in view.attempts] == ["M1", "M2"]
    assert (view.state, view.status) == (OutboxState.SENT, "read")


async def test_receipts_of_two_tries_that_are_decided_together_are_told_apart(store: Store) -> None:
    outbox_id = await waits_for_its_second_try(store)
    [second] = await start(store, 32)
    both = [receipt("READ", outbox_id, "M1"), receipt("DELIVERED", outbox_id, "M2")]
    await store.record(both, at(33))
    await store.decide_ready(10, at(33), answers())
    await store.finish([Accepted(second.attempt_id, "M2")], at(36))
    view = await shown(store, outbox_id)
    assert [attempt.message_id for attempt in view.attempts] == ["M1", "M2"]
    assert view.status == "read"
