"""Phones: bubbles, ticks that only climb, and turns to follow them by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from bot.sinch.emulator import Bubble, Phone, Phones, Quote
from bot.sinch.emulator.shown import Shown
from tests.sinch.emulator.conftest import START


def phone_with(*message_ids: str) -> Phone:
    phone = Phone()
    for message_id in message_ids:
        phone.add(Bubble(message_id, False, Shown("text", "Hi"), "2026-11-20T10:15:30Z", 0))
    return phone


def test_ticks_only_climb() -> None:
    phone = phone_with("A")
    ticks = []
    for status in ("QUEUED_ON_CHANNEL", "READ", "DELIVERED", "FAILED", "READ"):
        phone.tick("A", status)
        ticks.append((phone.bubbles()[0].ticks, phone.turn))
    assert ticks == [(1, 2), (3, 3), (3, 3), (3, 3), (3, 3)]


def test_turns_tell_what_is_new() -> None:
    phone = phone_with("A", "B")
    assert [bubble.message_id for bubble in phone.since(1)] == ["B"]
    phone.tick("A", "READ")
    assert [bubble.message_id for bubble in phone.since(2)] == ["A"]
    phone.tick("nosuch", "READ")
    assert phone.since(3) == []


def test_only_the_last_bubbles_are_kept() -> None:
    phone = phone_with(*(str(number) for number in range(201)))
    assert [bubble.message_id for bubble in phone.bubbles()][:2] == ["1", "2"]
    assert phone.bubble("0") is None


def test_times_of_the_ticks() -> None:
    phone = phone_with("A", "B")
    phone.tick("A", "QUEUED_ON_CHANNEL", "one")
    phone.tick("A", "DELIVERED", "two")
    phone.tick("A", "READ", "three")
    phone.tick("A", "DELIVERED", "four")
    phone.tick("B", "READ", "five")
    times = [(bubble.sent_at, bubble.delivered_at, bubble.read_at) for bubble in phone.bubbles()]
    assert times == [("one", "two", "three"), ("five", "five", "five")]


def test_quotes() -> None:
    phone = phone_with("A")
    for name, reply_to in (("B", "A"), ("C", "gone")):
        phone.add(Bubble(name, True, Shown("text", "Yes"), "", 0, reply_to=reply_to))
    assert [bubble.quoted for bubble in phone.bubbles()] == [None, Quote("A", False, "Hi"), Quote("gone")]
    assert phone.bubbles()[1].resource()["quoted"] == {"message_id": "A", "mine": False, "line": "Hi"}


def test_reactions_of_both() -> None:
    phone = phone_with("A")
    phone.react("A", "👍")
    phone.react("A", "🎉", by_business=True)
    phone.react("gone", "👎")
    bubble = phone.bubbles()[0]
    assert (bubble.reaction, bubble.their_reaction, phone.turn) == ("👍", "🎉", 3)


def test_dots() -> None:
    phone = Phone()
    assert phone.resource()["dots_until"] is None
    phone.waits(START)
    assert (phone.waiting_since, phone.dots_until) == (START, START + timedelta(seconds=10))
    phone.types(START + timedelta(seconds=5))
    assert phone.dots_until == START + timedelta(seconds=30)
    phone.types(None)
    assert phone.dots_until == START + timedelta(seconds=10)
    phone.add(Bubble("A", False, Shown("text", "Hi"), "", 0))
    assert phone.resource()["waiting_since"] is phone.resource()["dots_until"] is None


async def test_anything_that_changes_wakes() -> None:
    phone = phone_with("A")
    seen = phone.anything.count
    changes: list[Callable[[], None]] = [
        lambda: phone.waits(START),
        lambda: phone.types(START),
        lambda: setattr(phone, "name", "Ann"),
        lambda: setattr(phone, "read_receipts", False),
        lambda: phone.react("A", "👍"),
    ]
    for change in changes:
        waiting = asyncio.ensure_future(phone.anything.after(seen))
        await asyncio.sleep(0)
        change()
        async with asyncio.timeout(5):
            seen = await waiting
    assert phone.turn == 2


def test_statuses() -> None:
    phone = Phone()
    assert phone.statuses(("DELIVERED", "READ")) == ("DELIVERED", "READ")
    phone.read_receipts = False
    assert phone.statuses(("DELIVERED", "READ")) == ("DELIVERED",)
    phone.receipts = ("QUEUED_ON_CHANNEL", "READ")
    assert phone.statuses(("DELIVERED", "READ")) == ("QUEUED_ON_CHANNEL",)


def test_a_new_phone_is_told() -> None:
    phones = Phones()
    phones.of("app", "1")
    phones.of("app", "1")
    phones.of("other", "2")
    assert phones.appeared.count == 2
    assert list(phones.all("app")) == ["1"]
