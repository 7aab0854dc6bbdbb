"""How a campaign went over time: each message counts once for each place it got to, when it got there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.reply import TemplateReply
from bot.store.campaigns import NewCampaign, NewRecipient, Say
from bot.store.sqlite import SqliteStore, open_store
from bot.store.tallies import CAMPAIGN_KINDS
from bot.store.units import Accepted, Started
from tests.store.making import NOON, TEMPLATE, answers, at, order, receipt

POLICY = Policy(marketing="not_stopped")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def begun(store: SqliteStore, people: int) -> list[Started]:
    """A campaign whose messages are under way."""
    contacts = [ContactKey("APP", "WHATSAPP", f"4670000{n:04}") for n in range(people)]
    new = NewCampaign("Spring", "news", "d", "marketing", "", {}, 0.0, "", NOON, "webshop")
    await store.campaigns.create(new, [NewRecipient(n, each) for n, each in enumerate(contacts, 1)], NOON)
    say = Say(TemplateReply("news", "en_US", {}), 1)
    await store.campaigns.take_turns(1, people, lambda due: [say for _ in due], NOON)
    return list(await store.start(people, NOON, POLICY))


async def numbers(store: SqliteStore) -> dict[str, dict[int, int]]:
    """By kind, by the minute after noon that the five minutes begin at."""
    found: dict[str, Counter[int]] = {}
    for each in await store.tallies.series(CAMPAIGN_KINDS, NOON, at(86_400)):
        assert each.name == "1"
        found.setdefault(each.kind.removeprefix("campaign_"), Counter())[
            int((each.at - NOON).total_seconds() // 60)
        ] += each.count
    return {kind: dict(counts) for kind, counts in found.items()}


async def test_each_place_is_counted_once_when_it_was_reached(store: SqliteStore) -> None:
    first, second, third = await begun(store, 3)
    await store.finish([Accepted(each.attempt_id, f"M-{each.outbox_id}") for each in (first, second, third)], at(60))

    async def told(status: str, of: Started, minute: int) -> None:
        event = receipt(
            status,
            of.outbox_id,
            f"M-{of.outbox_id}",
            at(minute * 60),
            "UNKNOWN" if status == "FAILED" else "",
            of.contact,
        )
        await store.record([event], at(minute * 60))
        await store.decide_ready(10, at(minute * 60), answers())

    await told("DELIVERED", first, 2)
    await told("READ", first, 11)
    await told("READ", second, 12)  # without a word of being delivered
    await told("DELIVERED", second, 13)  # late: it counted already
    await told("FAILED", third, 14)
    assert await numbers(store) == {
        "sent": {0: 3},
        "delivered": {0: 1, 10: 1},
        "read": {10: 2},
        "failed": {10: 1},
    }


async def test_messages_of_others_count_for_no_campaign(store: SqliteStore) -> None:
    await store.place([replace(order(), reply=TEMPLATE)], NOON)
    (started,) = await store.start(1, NOON, POLICY)
    await store.finish([Accepted(started.attempt_id, "M")], NOON)
    assert await numbers(store) == {}
