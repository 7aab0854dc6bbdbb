"""Somebody asks to be erased while the workshop is busy and its own system is down: nothing writes them back, in no file and no line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.journeys.shop import Guest, Shop
from tests.journeys.test_subscriptions import Listener, Office, listener, office, shop

__all__ = ["listener", "office", "shop"]  # fixtures
CANARY = "46709876543"
WORDS = ("the-canary-sings", "the-canary-hears", "the-canary-field", "the-canary-reference", CANARY)


def left(shop: Shop) -> set[tuple[str, str]]:
    folder: Path = shop.app.path.parent  # where the emulator has its own file, too
    files = {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if each.is_file() and each.name.startswith(shop.app.path.name)
    }
    return {(name, word) for name, content in files.items() for word in WORDS if word.encode() in content}


async def asks(shop: Shop, office: Office, method: str, path: str, body: object = None) -> int:
    async with shop.session.request(
        method, f"{shop.url}/v1/contacts/+{CANARY}{path}", json=body, headers={"Authorization": f"Bearer {office.key}"}
    ) as answer:
        assert answer.status in {200, 409}, await answer.text()
        return answer.status


async def test_who_is_erased_stays_erased(
    shop: Shop, office: Office, listener: Listener, ben: Guest, capfd: pytest.CaptureFixture[str]
) -> None:
    await listener.closes()
    canary = shop.guest(CANARY)
    await canary.says("the-canary-sings")
    await shop.sends(CANARY, "the-canary-hears", reference="the-canary-reference")
    assert await asks(shop, office, "PATCH", "", {"fields": {"address": "the-canary-field"}}) == 200
    await shop.rests()
    assert {word for _, word in left(shop)} == set(WORDS)
    kept = f"SELECT id FROM outbox WHERE kind = 'message' AND identity = '{CANARY}'"
    shop.erased = {str(row[0]) for row in shop.rows(kept)}
    busy = asyncio.create_task(_talks(ben))
    status = 409
    while status == 409:
        status = await asks(shop, office, "DELETE", "")
    await busy
    await shop.rests()
    assert left(shop) == set()
    await listener.opens()
    await shop.restarts()
    await shop.rests()
    assert left(shop) == set()
    for guest in shop.guests.values():
        while guest.unread():
            await guest.reads()
    assert not [word for word in WORDS for text in capfd.readouterr() if word in text]


async def _talks(guest: Guest) -> None:
    for _ in range(20):
        await guest.says("opening hours?")
