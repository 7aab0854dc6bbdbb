"""How quickly stored messages are decided again: ``python -m tests.bench.replaying`` prints messages a second of one core.

The traffic is real webhook bodies, recorded and decided through the real store under three hundred rules.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bot.work.replay import Report
from bot.work.replay_jobs import Job, replay_part, replayed
from tests.bench.machine import machine
from tests.sinch.payloads import APP
from tests.work.traffic import START, traffic_in

MESSAGES = 40_000
PEOPLE = 3000
KEYWORDS = 300
AT_ONCE = 500


def rules(edited: bool = False) -> str:
    """A rule a keyword, and one for all the rest; ``edited`` answers one keyword in a hundred differently."""
    lines = ["settings: {time_zone: Europe/Stockholm}", "rules:"]
    for number in range(KEYWORDS):
        text = "edited" if edited and number % 100 == 0 else f"answer {number}"
        lines.append(f"  - {{name: rule_{number}, when: {{says: [word{number}]}}, reply: {{text: {text}}}}}")
    lines.append("  - {name: otherwise, when: {nothing_matched: true}, reply: {text: Pardon}}")
    return "\n".join(lines)


async def store_traffic(path: Path) -> None:
    """Forty thousand messages of three thousand people."""
    dice = random.Random(1)
    async with traffic_in(path, rules()) as traffic:
        for _ in range(MESSAGES // AT_ONCE):
            traffic.now += timedelta(seconds=20)
            people = [f"4670{dice.randrange(PEOPLE):07}" for _ in range(AT_ONCE)]
            await traffic.write([(who, f"hello, about word{dice.randrange(KEYWORDS + 20)} please") for who in people])
            await traffic.decide()


def main() -> int:
    """0 when the unchanged rules gave the same to the byte, 1 otherwise."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        path = Path(name) / "parley.db"
        print(machine(Path(name)).sentence())
        asyncio.run(store_traffic(path))
        report = _one_core("unchanged", _job(path, rules()))
        _one_core("edited", _job(path, rules(edited=True)))
        began = time.perf_counter()
        both = replayed(_job(path, rules()), 2, lambda done, of: None)
        took = time.perf_counter() - began
        print(f"two processes, their start included: {both.decided / took:,.0f} a second by the clock")
    return int(report.same != report.decided)


def _job(path: Path, text: str) -> Job:
    return Job(path, APP, {"rules/shop.yaml": text.encode()}, START - timedelta(days=1), START + timedelta(days=30))


def _one_core(what: str, job: Job) -> Report:
    best, clock, report = 0.0, 1.0, Report()
    for _ in range(3):
        began, cpu = time.perf_counter(), time.process_time()
        report = replay_part(job, 0, 1)
        best = max(best, report.decided / (time.process_time() - cpu))
        clock = time.perf_counter() - began
    changed = len(report.differences)
    print(
        f"{what}: {best:,.0f} messages a second of one core ({report.decided / clock:,.0f} by the clock), {changed} differ"
    )
    return report


if __name__ == "__main__":
    raise SystemExit(main())
