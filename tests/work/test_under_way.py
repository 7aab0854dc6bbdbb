"""Tasks have a number of places, tell of their end and of what went wrong, and are waited for or given up."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.work.under_way import UnderWay

A_MISTAKE = ValueError("a mistake")


class Tasks:
    """Each waits for ``gate``. What they tell is noted in its order."""

    def __init__(self, at_once: int = 3) -> None:
        self.told: list[object] = []
        self.ended = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.under_way = UnderWay("task", at_once, self._end, self.told.append)

    def _end(self) -> None:
        self.told.append("end")
        self.ended.release()

    def begin(self, fault: BaseException | None = None) -> None:
        self.under_way.begin(self._work(fault))

    async def _work(self, fault: BaseException | None) -> None:
        await self.gate.wait()
        self.told.append("done")
        if fault is not None:
            raise fault


async def test_there_are_so_many_places_and_the_end_of_one_makes_room() -> None:
    tasks = Tasks(at_once=2)
    tasks.begin()
    assert (len(tasks.under_way), tasks.under_way.free) == (1, 1)
    tasks.begin()
    assert tasks.under_way.free == 0
    tasks.begin()  # whoever does not ask gets none, and none is owed
    assert (len(tasks.under_way), tasks.under_way.free) == (3, 0)
    tasks.gate.set()
    async with asyncio.timeout(5):
        for _ in range(3):
            await tasks.ended.acquire()
    assert (len(tasks.under_way), tasks.under_way.free) == (0, 2)


async def test_what_one_raises_is_told_before_its_end() -> None:
    tasks = Tasks()
    tasks.begin(A_MISTAKE)
    tasks.gate.set()
    async with asyncio.timeout(5):
        await tasks.ended.acquire()
    assert tasks.told == ["done", A_MISTAKE, "end"]


async def test_without_somebody_to_tell_the_event_loop_reports_it() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    async def work() -> None:
        raise A_MISTAKE

    ended = asyncio.Event()
    UnderWay("task", 1, ended.set).begin(work())
    await asyncio.wait_for(ended.wait(), 5)
    await asyncio.sleep(0)
    assert [each.get("exception") for each in told] == [A_MISTAKE]


async def test_a_drain_waits_for_all() -> None:
    tasks = Tasks()
    tasks.begin()
    tasks.begin()
    draining = asyncio.create_task(tasks.under_way.drain(5))
    await asyncio.sleep(0)
    assert not draining.done()
    tasks.gate.set()
    await draining
    assert (sorted(map(str, tasks.told)), len(tasks.under_way)) == (["done", "done", "end", "end"], 0)


async def test_a_drain_waits_for_what_is_still_begun_meanwhile() -> None:
    tasks, begun = Tasks(), asyncio.Event()
    draining = asyncio.create_task(tasks.under_way.drain(5, after=_once(begun)))
    await asyncio.sleep(0)
    tasks.begin()
    begun.set()
    await asyncio.sleep(0)
    tasks.gate.set()
    await draining
    assert tasks.told == ["done", "end"]


async def test_what_takes_too_long_is_given_up_and_raises_nothing() -> None:
    tasks = Tasks()
    tasks.begin()
    async with asyncio.timeout(5):
        await tasks.under_way.drain(0)
    assert (tasks.told, len(tasks.under_way)) == (["end"], 0)


async def test_tasks_are_given_up_where_what_comes_first_takes_too_long() -> None:
    tasks = Tasks()
    tasks.begin()
    async with asyncio.timeout(5):
        await tasks.under_way.drain(0.01, after=_once(asyncio.Event()))
    assert (tasks.told, len(tasks.under_way)) == (["end"], 0)


async def test_giving_up_waits_for_what_a_task_does_at_last() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            told.append("stored")

    under_way = UnderWay("task", 1)
    under_way.begin(work())
    await asyncio.sleep(0)
    await under_way.give_up()
    assert told == ["stored"]


async def test_without_any_there_is_nothing_to_wait_for() -> None:
    under_way = UnderWay("task", 1)
    async with asyncio.timeout(5):
        await under_way.drain(60)
        await under_way.give_up()
    assert len(under_way) == 0


async def _once(event: asyncio.Event) -> None:
    await event.wait()
