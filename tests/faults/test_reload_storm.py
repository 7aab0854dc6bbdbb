"""Staff who save again and again, a third of it broken, some of it half, while people write: nobody is missed, and only what was approved
ever decides.

A real server process over HTTP, with the emulator. ``PARLEY_STORM_SAVES`` saves (100), from ``PARLEY_KILL_SEED`` where it is given.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.store.sqlite.connection import socket_path
from bot.web.operator import ask_server
from tests.kill import driver
from tests.kill.lives import Life
from tests.kill.run import Run, kill_run

SAVES = int(os.environ.get("PARLEY_STORM_SAVES") or 100)
BROKEN_SHARE = 0.3
WAITS_EVERY = 20  # saves; the others come while an earlier one is being approved
PAUSES_S = (0.05, 0.05, 0.05, 0.8)  # at most, between two saves: a burst, or somebody who reads what they wrote
KILLED_EVERY = 33
GOES_LIVE_S = 1.5  # about so long after it was saved
SETTLES_WITHIN_S = 60.0

SHOP = """
settings: {time_zone: Europe/Stockholm, languages: [en]}
rules:
  - name: order
    when: {says: ["order {order_number: 8 digits}"]}
    reply: {text: "Order {{order_number}} is on its way. (edition EDITION)"}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "I did not get that. (edition EDITION)"}
tests:
  - name: order
    steps:
      - {says: where is order 12345678, expect: {rule: order}}
"""
MORE = "rules:\n  - {name: r_NAME, when: {says: [word_NAME]}, reply: {text: '(edition EDITION)'}}\n"
FAULTS = (
    ("when: {says: [", "when: {say: ["),
    ("{nothing_matched: true}", "{nothing_matched: true"),
    ("expect: {rule: order}", "expect: {rule: otherwise}"),
    ("{{order_number}}", "{{order_numbr}}"),
)


async def moment(seconds: float = 0.02) -> None:
    """Let others go on."""
    await asyncio.sleep(seconds)


@dataclass
class Staff:
    """Saves editions into a folder; ``sound`` and ``broken`` are the numbers of those."""

    folder: Path
    dice: random.Random
    sound: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    ways: Counter[str] = field(default_factory=Counter)
    edition: int = 0

    async def save(self, fault: tuple[str, str] | None = None) -> None:
        """Save the next edition, with that fault, in one of the ways that people and programs have."""
        self.edition += 1
        (self.broken if fault else self.sound).add(self.edition)
        text = SHOP.replace(*fault) if fault else SHOP
        way = self.dice.choice((self._in_place, self._half, self._instead, self._many, self._folder))
        self.ways[way.__name__] += 1
        await way(text.replace("EDITION", str(self.edition)))

    async def _in_place(self, text: str) -> None:
        (self.folder / "shop.yaml").write_text(text, encoding="utf-8")

    async def _half(self, text: str) -> None:
        with (self.folder / "shop.yaml").open("w", encoding="utf-8") as opened:
            for part in (text[: len(text) // 2], text[len(text) // 2 :]):
                opened.write(part)
                opened.flush()
                await asyncio.sleep(self.dice.random() * 0.05)

    async def _instead(self, text: str) -> None:
        beside = self.folder / ".shop.yaml.tmp"
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.folder / "shop.yaml")

    async def _many(self, text: str) -> None:
        shutil.rmtree(self.folder / "more", ignore_errors=True)
        (self.folder / "more").mkdir()
        for number in range(self.dice.randint(1, 40)):
            more = MORE.replace("NAME", f"{number}x").replace("EDITION", str(self.edition))
            (self.folder / "more" / f"{number}.yaml").write_text(more, encoding="utf-8")
        await self._in_place(text)

    async def _folder(self, text: str) -> None:
        fresh = self.folder.with_name("fresh")
        fresh.mkdir()
        (fresh / "shop.yaml").write_text(text, encoding="utf-8")
        gone = self.folder.with_name("gone")
        self.folder.rename(gone)
        await asyncio.sleep(self.dice.random() * 0.02)
        fresh.rename(self.folder)
        shutil.rmtree(gone)


@dataclass
class Storm:
    """A run of the kill loop's server and people, with staff who save."""

    run: Run
    staff: Staff
    kills: int = 0

    async def start(self) -> Life:
        """The server, ready."""
        life = self.run.launcher.start(
            "server",
            self.run.folder,
            origin=self.run.clock.origin.isoformat(),
            speed=self.run.clock.speed,
            environment=self.run.environment,
        )
        assert await life.until_ready(), life.written()
        return life

    async def kill(self, life: Life) -> None:
        """The server is no more, whatever it was about to do."""
        self.run.launcher.signal(life, signal.SIGKILL)
        assert await life.until_ended()
        assert life.status == -signal.SIGKILL, life.written()
        self.kills += 1

    async def status(self) -> Mapping[str, Any]:
        """What the server says of its rules."""
        answer = await ask_server(socket_path(self.run.database), {"command": "rules.status"})
        assert answer is not None
        return answer

    async def until_live(self) -> None:
        """The edition saved last answers."""
        async with asyncio.timeout(SETTLES_WITHIN_S):
            while self.edition_of(int((await self.status())["version"])) != self.staff.edition:
                await moment()

    async def until_refused(self) -> None:
        """The edition saved last is not live, and staff can see why."""
        async with asyncio.timeout(SETTLES_WITHIN_S):
            while not is_refused(status := await self.status()):
                live = self.edition_of(int(status["version"]))
                assert live not in self.staff.broken, f"the broken edition {live} is live"
                await moment()

    def edition_of(self, version: int) -> int:
        """Which edition a stored rulebook is; the files of one rulebook are all of one edition, or it was put together of two saves."""
        [(files,)] = self.rows(f"SELECT files FROM rulebook WHERE number = {version}")
        return int(re.findall(r"edition (\d+)", orjson.loads(files)["rules/shop.yaml"])[0])

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with closing(sqlite3.connect(f"{self.run.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(question).fetchall()

    async def saves(self, count: int, life: Life) -> Life:
        """That many, most of them without waiting for what becomes of them, some with a kill while one goes live; the last is sound and
        goes live. Returns the server's last life."""
        faults = cycle(FAULTS)
        for number in range(1, count):
            if number % WAITS_EVERY == 0:
                await self.staff.save()
                await self.until_live()
                await self.staff.save(next(faults))  # each is found alone at least once
                await self.until_refused()
                continue
            await self.staff.save(self.staff.dice.choice(FAULTS) if self.staff.dice.random() < BROKEN_SHARE else None)
            if number % KILLED_EVERY == 0:
                await moment(self.staff.dice.random() * GOES_LIVE_S)
                await self.kill(life)
                life = await self.start()
            await moment(self.staff.dice.choice(PAUSES_S) * self.staff.dice.random())
        await self.staff.save()
        await self.until_live()
        return life


def is_refused(status: Mapping[str, Any]) -> bool:
    """Whether what the folder holds has errors."""
    return any(problem["severity"] == "error" for problem in status["problems"])


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))


async def test_a_storm_of_saves_misses_nobody_and_lets_nothing_unchecked_decide(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_STOP_EVERY", SAVES * 10)  # most people stay and are answered
    rules = tmp_path / "rules"
    rules.mkdir()
    async with kill_run(tmp_path, seed) as run:
        run.environment["RULES_DIR"] = str(rules)
        storm = Storm(run, Staff(rules, random.Random(seed)))
        await storm.staff.save()
        life = await storm.start()
        async with run.driver.sending():
            life = await storm.saves(SAVES, life)
            await storm.staff.save(FAULTS[0])
            await storm.until_refused()
            last = storm.staff.edition - 1
            await storm.kill(life)  # the folder is broken when it starts again
        judgement = await run.finish()
        editions = {version: storm.edition_of(version) for (version,) in storm.rows("SELECT number FROM rulebook")}
        story = f"seed {seed}: {SAVES} saves {dict(storm.staff.ways)}, {len(editions)} live, {storm.kills} kills; {run.story()}"
    request.node.add_report_section("call", "storm", story)
    assert not judgement.broken, "\n".join((story, *judgement.broken))
    assert len(run.driver.acknowledged) > SAVES, story
    assert len(editions) > SAVES / WAITS_EVERY, story

    assert not set(editions.values()) & storm.staff.broken, story
    decided = storm.rows("SELECT version, count(*) FROM trace GROUP BY version")
    assert {version for version, _ in decided} <= editions.keys(), story
    assert max(editions[version] for version, _ in decided) == last, "the last good one decided, also after the restart"
    said = storm.rows(
        "SELECT t.version, o.payload FROM outbox o JOIN trace t ON t.inbox = CAST(o.origin_id AS INTEGER)"
        " WHERE o.origin = 'rule' AND o.confirms_stop = 0"
    )
    assert len(said) > SAVES, story
    for version, payload in said:
        assert f"(edition {editions[version]})" in payload, story
