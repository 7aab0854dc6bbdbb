"""Waiting for changes."""

from __future__ import annotations

import asyncio

from bot.sinch.emulator.changes import Changes


async def test_everybody_who_waits_hears_of_the_next() -> None:
    changes = Changes()
    waiting = [asyncio.ensure_future(changes.after(0)) for _ in range(5)]
    later = asyncio.ensure_future(changes.after(1))
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    changes.happen()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [1] * 5
        assert not later.done()
        changes.happen()
        assert await later == 2


async def test_what_has_happened_is_not_waited_for() -> None:
    changes = Changes()
    changes.happen()
    changes.happen()
    async with asyncio.timeout(5):
        assert await changes.after(0) == 2
