"""The four uses of README, with its curl lines as they stand, on the sample shop and an emulated Sinch."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.curl import Curl, curls
from tests.journeys.shop import ANNA, Shop, open_shop, starting_at
from tests.pages import README

# README names a day in May 2027, which is at most a year ahead.
NOVEMBER = datetime(2026, 11, 25, 10, tzinfo=UTC)
USES = re.compile(r"^\*\*(?:An order|An appointment|A support|A marketing)", re.MULTILINE)


def lines() -> Iterator[Curl]:
    """The curl lines of the four uses."""
    written = README.read_text(encoding="utf-8")
    assert len(USES.findall(written)) == 4
    return curls(README)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, base=starting_at(NOVEMBER)) as opened:
        yield opened


async def ask(shop: Shop, line: Curl, id_: str) -> tuple[int, dict[str, Any]]:
    """What a line of README is answered; ``id_`` stands for its ID."""
    url = shop.url + line.path.replace("ID", id_)
    headers = {**line.headers, "Authorization": f"Bearer {shop.key}"}
    assert line.headers["Authorization"] == "Bearer KEY", line
    data = line.body.encode() if line.body is not None else None
    async with shop.session.request(line.method, url, data=data, headers=headers) as answer:
        found: dict[str, Any] = await answer.json(content_type=None)
        return answer.status, found


async def test_the_four_uses_are_as_readme_shows(shop: Shop) -> None:
    anna = shop.guest(ANNA)
    assert await anna.asks("öppettider") == "Vi har öppet till 18:00 i dag."
    id_, left = "", list(lines())
    told: list[tuple[str, str, dict[str, Any]]] = []
    for line in left:
        status, answer = await ask(shop, line, id_)
        assert status in (200, 201, 202), (line, answer)
        told.append((line.method, line.path, answer))
        if line.method == "POST":
            id_ = answer.get("id", id_)
    assert {(await anna.reads()).shown.text for _ in range(3)} == {
        "Tack Åsa! Vi har fått din order 12345678 på 499 kr.",
        "Hello, Eva here. I have sent you a new pair today.",
        "Våren är här, Åsa! 20 % på alla skor i veckan. Skriv STOPP om du inte vill ha fler erbjudanden.",
    }
    by_path = {path: answer for _, path, answer in told}
    assert by_path["/v1/messages?reference=order%2012345678"]["messages"][0]["reference"] == "order 12345678"
    [cancelled] = [answer for method, _, answer in told if method == "DELETE"]
    assert cancelled["status"] == "cancelled"
