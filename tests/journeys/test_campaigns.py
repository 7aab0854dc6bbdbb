"""A campaign on the whole road: from the list to the phones, beside people who write."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.journeys.shop import ANNA, BEN, PATIENCE_S, Guest, Shop

REMINDER = {"template": {"name": "appointment_reminder", "values": {"time": "today"}}, "not_between": ""}


def people(*numbers: str) -> list[dict[str, Any]]:
    return [{"to": f"+{number}", "values": {"first_name": f"P{at}"}} for at, number in enumerate(numbers)]


async def report(shop: Shop, id_: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {shop.key}"}
    async with shop.session.get(f"{shop.url}/v1/campaigns/{id_}", headers=headers) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def done(shop: Shop, id_: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while (found := await report(shop, id_))["state"] != "done":
            pass
    return found


async def test_everybody_reads_it_once_in_their_language_but_who_said_stop(shop: Shop, anna: Guest, ben: Guest) -> None:
    other = shop.guest("4915112345678")
    await other.says("stop")
    assert (await other.reads()).shown.text
    status, begun = await shop.post(
        "/v1/campaigns", {**REMINDER, "recipients": people(ANNA, BEN, "4915112345678", BEN)}
    )
    assert (status, begun["total"]) == (201, 4)
    assert "vi ses today" in (await anna.reads()).shown.text
    assert "seeing you today" in (await ben.reads()).shown.text
    found = await done(shop, begun["id"])
    await shop.rests()
    assert (anna.unread(), ben.unread(), other.unread()) == ([], [], [])
    assert found["counts"]["skipped"] == 2
    assert {each["reason"] for each in found["failures"]} == {
        "The person said STOP.",
        "The same person as an earlier line",
    }


async def test_a_restart_in_the_middle_sends_nothing_twice(shop: Shop) -> None:
    numbers = [f"4670200{number:04d}" for number in range(120)]
    status, begun = await shop.post("/v1/campaigns", {**REMINDER, "recipients": people(*numbers), "rate": 100})
    assert status == 201
    first = shop.guest(numbers[0])
    await first.reads()
    assert (await report(shop, begun["id"]))["state"] == "running"
    await shop.restarts()
    found = await done(shop, begun["id"])
    await shop.emulator.settled()
    assert found["counts"]["queued"] == found["counts"]["pending"] == 0
    got = [shop.guest(number).unread() for number in numbers[1:]]
    assert [len(each) for each in got] == [1] * len(got)
    for number in numbers[1:]:
        await shop.guest(number).reads()
    assert first.unread() == []
