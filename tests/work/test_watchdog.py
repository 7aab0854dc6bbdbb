"""An event loop that stands still is told of once, with where it stands; afterwards for how long."""

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.work import watchdog as module
from bot.work.watchdog import Watchdog
from tests.store.making import NOON

STUCK_S = 0.05
BEAT_S = 0.01
WITHIN_S = 10.0


@dataclass
class Log:
    """What was told, from whichever thread."""

    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def error(self, event: str, **values: Any) -> None:
        self.errors.append({"event": event, **values})
        self.told.set()

    def warning(self, event: str, **values: Any) -> None:
        self.warnings.append({"event": event, **values})


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    found = Log()
    monkeypatch.setattr(module, "log", found)
    return found


def stands_here(log: Log) -> None:
    """A call that blocks until somebody notices, and a while longer: that is not told of again."""
    secret = "what a person wrote"
    assert log.told.wait(WITHIN_S), f"nobody noticed {secret}"
    threading.Event().wait(4 * STUCK_S)


async def beats(count: int, beaten: asyncio.Semaphore) -> None:
    async with asyncio.timeout(WITHIN_S):
        for _ in range(count):
            await beaten.acquire()


async def test_a_loop_that_stands_still_is_told_once_with_its_place(log: Log) -> None:
    now = [NOON]
    beaten = asyncio.Semaphore(0)
    watchdog = Watchdog(lambda: now[0], beaten.release, STUCK_S, BEAT_S)
    task = asyncio.create_task(watchdog.run())
    await beats(1, beaten)
    stands_here(log)
    await beats(3, beaten)
    task.cancel()
    (told,) = log.errors
    assert told["event"] == "loop_stuck"
    assert told["stuck_s"] >= STUCK_S
    assert any(each.startswith("test_watchdog.py:") and each.endswith(" stands_here") for each in told["where"])
    assert "what a person wrote" not in str(told)
    assert [each["event"] for each in log.warnings] == ["loop_goes_on"]
    assert watchdog.stalls == 1
    (remark,) = watchdog.remarks()
    assert "stood still for 0 s until 12:00:00 UTC, once since it started" in remark
    now[0] += timedelta(hours=1, seconds=1)
    assert watchdog.remarks() == []


async def test_each_time_is_told_of(log: Log) -> None:
    beaten = asyncio.Semaphore(0)
    watchdog = Watchdog(lambda: NOON, beaten.release, STUCK_S, BEAT_S)
    task = asyncio.create_task(watchdog.run())
    for _ in range(2):
        log.told.clear()
        await beats(1, beaten)
        stands_here(log)
    await beats(2, beaten)
    task.cancel()
    assert (watchdog.stalls, len(log.errors)) == (2, 2)
    assert "2 times" in watchdog.remarks()[0]


async def test_a_loop_that_turns_is_not_told_of_and_its_thread_ends(log: Log) -> None:
    beaten = asyncio.Semaphore(0)
    watchdog = Watchdog(datetime.now, beaten.release, WITHIN_S, BEAT_S)
    task = asyncio.create_task(watchdog.run())
    await beats(5, beaten)
    (thread,) = [each for each in threading.enumerate() if each.name == "watchdog"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(thread.join, WITHIN_S)
    assert not thread.is_alive()
    assert (log.errors, log.warnings, watchdog.stalls, watchdog.remarks()) == ([], [], 0, [])
