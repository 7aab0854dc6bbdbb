"""What is made behind the scenes is made once, remembered, and made anew when it is old."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bot.errors import Failed
from bot.web.admin.later import AGAIN_AFTER, Later

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Maker:
    """Makes a number, when it is let."""

    def __init__(self) -> None:
        self.now = NOON
        self.made = self.touched = 0
        self.go, self.news = asyncio.Event(), asyncio.Event()
        self.trouble = False

    async def make(self) -> int:
        await self.go.wait()
        if self.trouble:
            raise Failed("Not today.")
        self.made += 1
        return self.made

    def touch(self) -> None:
        self.touched += 1
        self.news.set()

    async def tells(self) -> None:
        """Return once it told of something new, since the last time."""
        await asyncio.wait_for(self.news.wait(), 10)
        self.news.clear()


def later(maker: Maker, fresh_for: timedelta | None = None, most: int = 16) -> Later[int]:
    return Later(lambda: maker.now, maker.touch, most, fresh_for)


async def test_nobody_waits_long_and_nothing_is_made_twice() -> None:
    maker = Maker()
    values = later(maker)
    first, second = await asyncio.gather(values.wanted("a", maker.make, 0.01), values.wanted("a", maker.make, 0.01))
    assert first.value is second.value is None
    maker.go.set()
    assert (await values.wanted("a", maker.make, 5.0)).value == 1
    assert (await values.wanted("a", maker.make)).value == 1
    assert (maker.made, maker.touched) == (1, 1)


async def test_what_is_old_is_shown_until_there_is_something_newer() -> None:
    maker = Maker()
    maker.go.set()
    values = later(maker, timedelta(seconds=1))
    assert (await values.wanted("a", maker.make, 5.0)).value == 1
    await maker.tells()
    maker.now += timedelta(seconds=60)
    assert (await values.wanted("a", maker.make)).value == 1
    await maker.tells()
    known = await values.wanted("a", maker.make)
    assert (known.value, known.as_of) == (2, maker.now)


async def test_what_fails_is_told_and_tried_again_later() -> None:
    maker = Maker()
    maker.go.set()
    maker.trouble = True
    values = later(maker)
    known = await values.wanted("a", maker.make, 5.0)
    assert (known.value, known.trouble) == (None, "Not today.")
    await maker.tells()
    maker.trouble = False
    assert (await values.wanted("a", maker.make)).trouble, "not at once"
    maker.now += AGAIN_AFTER * 2
    await values.wanted("a", maker.make)
    await maker.tells()
    assert (await values.wanted("a", maker.make)).value == 1


async def test_what_nobody_asks_for_is_forgotten() -> None:
    maker = Maker()
    maker.go.set()
    values = later(maker, most=2)
    for key in "abac":
        await values.wanted(key, maker.make, 5.0)
    assert (await values.wanted("a", maker.make, 5.0)).value == 1
    assert (await values.wanted("b", maker.make, 5.0)).value == 4


async def test_at_the_end_nothing_is_made_any_more() -> None:
    maker = Maker()
    values = later(maker)
    await values.wanted("a", maker.make)
    await values.stop()
    maker.go.set()
    assert (await values.wanted("b", maker.make, 5.0)).value == 1


async def test_what_was_asked_for_while_it_was_new_is_made_anew_by_itself() -> None:
    maker = Maker()
    maker.go.set()
    values = later(maker, timedelta(seconds=0.05))
    assert (await values.wanted("a", maker.make, 5.0)).value == 1
    await maker.tells()
    assert (await values.wanted("a", maker.make)).value == 1
    await maker.tells()
    assert (await values.wanted("a", maker.make)).value == 2
