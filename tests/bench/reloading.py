"""What a save costs: ``python -m tests.bench.reloading`` prints seconds from save to live, and how long the loop was held up meanwhile.

A thousand rules with ten thousand keywords and two hundred conversation tests, saved again and again with one text changed.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.rulebook.load import load
from bot.store.sqlite import open_store
from bot.work.clock import RunningClock
from bot.work.live import rules_at_start
from bot.work.reload import Reloader

RULES = 1000
KEYWORDS = 10_000
TESTS = 200
SAVES = 7
TICK_S = 0.001


def many_rules(rules: int, keywords: int, tests: int) -> str:
    """One file of that many rules, keywords and tests; every tenth rule asks a question."""
    each = keywords // rules
    parts = ["rules:\n"]
    for number in range(rules):
        said = ", ".join(f"{_word(number)} {_word(number * each + at)}" for at in range(each))
        parts.append(f"  - name: rule_{number}\n    when: {{says: [{said}]}}\n    reply: {{text: Answer {number}}}\n")
    parts.append("  - name: otherwise\n    when: {nothing_matched: true}\n    reply: {text: Pardon}\n")
    if tests:
        parts.append("tests:\n")
    for number in range(tests):
        rule = number * rules // tests
        says = f"{_word(rule)} {_word(rule * each)}"
        parts.append(
            f"  - name: test {number}\n    steps:\n"
            f"      - {{says: {says}, expect: {{rule: rule_{rule}, text: Answer {rule}}}}}\n"
            f"      - {{says: nonsense, expect: {{rule: otherwise}}}}\n"
        )
    return "".join(parts)


def _word(number: int) -> str:
    """A word of its own for each number."""
    letters = "bcdfghjklmnprstvz"
    word = ""
    while True:
        number, rest = divmod(number, len(letters))
        word += letters[rest] + "aeiou"[rest % 5]
        if not number:
            return f"{word}x"


@dataclass(slots=True)
class Ticker:
    """Ticks every millisecond and notes the longest time between two ticks since it was last asked."""

    longest_s: float = 0.0
    last: float = field(default_factory=time.perf_counter)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            self.longest_s = max(self.longest_s, now - self.last)
            self.last = now

    def longest(self) -> float:
        """The longest gap so far; counting starts anew."""
        found, self.longest_s = self.longest_s, 0.0
        return found


@dataclass(frozen=True, slots=True)
class Save:
    """One save: seconds until it answered, and the longest gap of the ticker meanwhile."""

    live_s: float
    gap_s: float


async def measure(folder: Path, saves: int = SAVES) -> list[Save]:
    """Save that often in ``folder`` and wait each time until it answers."""
    rules = folder / "rules"
    rules.mkdir()
    text = many_rules(RULES, KEYWORDS, TESTS)
    (rules / "many.yaml").write_text(text, encoding="utf-8")
    store, clock = await open_store(folder / "bench.db"), RunningClock()
    live = await rules_at_start(rules, store, clock.now())
    reloader = Reloader(rules, store, live, clock)
    went_live: asyncio.Queue[str] = asyncio.Queue()

    def note(logger: object, level: str, line: MutableMapping[str, object]) -> str:
        went_live.put_nowait(str(line["event"]))
        raise structlog.DropEvent

    structlog.configure(processors=[note])
    ticker = Ticker()
    tasks = [asyncio.create_task(reloader.run()), asyncio.create_task(ticker.run())]
    found: list[Save] = []
    try:
        for number in range(saves):
            await asyncio.sleep(0.5)
            ticker.longest()
            began = time.perf_counter()
            await asyncio.to_thread(
                (rules / "many.yaml").write_text, text.replace("Pardon", f"Pardon {number}"), "utf-8"
            )
            if (told := await went_live.get()) != "rules_live":
                raise RuntimeError(f"The save did not go live: {told}, {live.problems[:3]}")
            found.append(Save(time.perf_counter() - began, ticker.longest()))
    finally:
        reloader.stop()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()
        structlog.reset_defaults()
    return found


def checking(folder: Path) -> float:
    """Seconds to load and check the folder's rules, the best of three."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        if load(folder / "rules").rulebook is None:
            raise RuntimeError("The rules of the benchmark have errors.")
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        saves = asyncio.run(measure(Path(folder)))
        check_s = checking(Path(folder))
    lives = sorted(save.live_s for save in saves)
    gaps = sorted(save.gap_s for save in saves)
    print(f"{RULES:,} rules, {KEYWORDS:,} keywords, {TESTS} tests, {len(saves)} saves")
    print(f"load and checks: {check_s:.2f} s")
    print(f"save to live:    median {statistics.median(lives):.2f} s, longest {lives[-1]:.2f} s")
    print(f"loop held up:    median {statistics.median(gaps) * 1000:.1f} ms, longest {gaps[-1] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
