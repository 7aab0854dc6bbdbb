"""Work in a process of its own: its answer, its troubles, its progress; and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

import pytest

from bot.core.rule import Place
from bot.errors import Failed, Refused
from bot.rulebook.load import digest_of
from bot.work.beside import beside


def refuses() -> None:
    raise Refused("Not today.", "closed")


def dies() -> None:
    os._exit(3)


def counts(to: int, tell: Callable[[object], None]) -> int:
    for number in range(to):
        tell(number)
    return to


def sleeps(tell: Callable[[object], None]) -> None:
    tell(os.getpid())
    time.sleep(600)


async def test_it_answers_from_another_process() -> None:
    assert await beside(os.getpid) != os.getpid()
    assert await beside(digest_of, {"a": b"b"}) == digest_of({"a": b"b"})
    assert await beside(Place, "a", 1, 2) == Place("a", 1, 2)


async def test_it_tells_how_far_it_is() -> None:
    told: list[object] = []
    assert await beside(counts, 3, told=told.append) == 3
    assert told == [0, 1, 2]


async def test_what_it_refuses_comes_as_a_sentence() -> None:
    with pytest.raises(Failed, match=r"Not today\."):
        await beside(refuses)


async def test_that_it_died_is_told() -> None:
    with pytest.raises(Failed, match="broke off"):
        await beside(dies)


async def test_cancelled_it_leaves_no_process_behind() -> None:
    began: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(beside(sleeps, told=began.set_result))
    pid = await asyncio.wait_for(began, 30)
    assert isinstance(pid, int)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(Failed, match=r"within 0\.2 seconds"):
        await beside(time.sleep, 600, within_s=0.2)
