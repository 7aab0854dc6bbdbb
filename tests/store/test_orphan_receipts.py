"""A receipt that names no message of ours counts as soon as we learn whose it is, however we learn it."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.event import DeliveryReceipt, Reason
from bot.store.port import Store
from bot.store.sqlite import audit
from bot.store.units import Accepted, Unknown, Verdict
from tests.store.making import POLICY, answers, at, receipt, wrote


@pytest.mark.parametrize("learnt", ["the answer", "the listing", "another receipt"])
async def test_a_receipt_that_came_before_its_message_was_known_counts(
    store: Store, tmp_path: Path, learnt: str
) -> None:
    await store.record([wrote("hi")], at(0))
    await store.decide_ready(10, at(1), answers("Hello"))
    (started,) = await store.start(10, at(2), POLICY)
    if learnt == "the listing":
        await store.finish([Unknown(started.attempt_id, at(33), 0, "No answer came.")], at(3))
    await store.record([receipt("DELIVERED", "", "M1")], at(4))
    if learnt == "the listing":
        await store.reconcile([Verdict(started.outbox_id, message_id="M1")], at(34))
    elif learnt == "another receipt":  # and one that counts for nothing after DELIVERED, decided in the same turn
        named = [receipt(status, started.outbox_id, "M1") for status in ("QUEUED_ON_CHANNEL", "FAILED")]
        await store.record(named, at(5))
        await store.decide_ready(10, at(6), answers("Hello"))
    else:
        await store.finish([Accepted(started.attempt_id, "M1")], at(34))
    message = await store.message(started.outbox_id)
    assert message is not None
    assert message.status == "delivered"
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []


async def test_a_receipt_of_nobody_keeps_its_codes_and_no_words(store: Store, tmp_path: Path) -> None:
    told = receipt("FAILED", "", "M7")
    assert isinstance(told.event, DeliveryReceipt)
    why = Reason("RECIPIENT_NOT_REACHABLE", "+46701740605 has no WhatsApp", "NONE", "131026")
    await store.record([replace(told, event=replace(told.event, reason=why))], at(0))
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        kept = connection.execute("SELECT message_id, status, reason FROM receipt").fetchall()
    assert kept == [("M7", "FAILED", '["RECIPIENT_NOT_REACHABLE","","NONE","131026"]')]
