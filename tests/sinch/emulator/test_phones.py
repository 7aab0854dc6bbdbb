"""Phones: bubbles, ticks that only climb, and turns to follow them by."""

from __future__ import annotations

from bot.sinch.emulator import Bubble, Phone
from bot.sinch.emulator.render import Shown


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
