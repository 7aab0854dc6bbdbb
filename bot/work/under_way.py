"""Tasks that are under way: each takes its own time, and at the end all are waited for or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class UnderWay:
    """Tasks of one name, for which there are ``at_once`` places; whoever begins one looks at ``free`` first.

    ``on_end`` is called after the end of each, whatever it was. What one raises is told ``on_fault`` before; where there is none the
    event loop reports it. A task that was given up raises nothing.
    """

    def __init__(
        self,
        name: str,
        at_once: int,
        on_end: Callable[[], None] = lambda: None,
        on_fault: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._name = name
        self._at_once = at_once
        self._on_end = on_end
        self._on_fault = on_fault
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def free(self) -> int:
        """How many more have a place."""
        return max(0, self._at_once - len(self._tasks))

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Let ``work`` run by itself. Returns at once."""
        task = asyncio.create_task(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def drain(self, limit_s: float, after: Awaitable[None] | None = None) -> None:
        """Wait for ``after``, which may begin more until it returns, then for all tasks; give up what is not over within ``limit_s``
        real seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                if after is not None:
                    await after
                if self._tasks:
                    await asyncio.wait(self._tasks)
        await self.give_up()

    async def give_up(self) -> None:
        """Cancel all; returns once they have ended."""
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._on_fault is not None and not task.cancelled():
            fault = task.exception()
            if fault is not None:
                self._on_fault(fault)
        self._on_end()


async def unless(until: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What ``work`` comes to, or None where ``until`` is set first: then it is given up, and has ended."""
    task, over = asyncio.create_task(work), asyncio.create_task(until.wait())
    try:
        await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        if not task.done():
            task.cancel()
        await asyncio.wait((task,))
    return None if task.cancelled() else task.result()
