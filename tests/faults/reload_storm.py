"""Staff who save again and again, a third of it broken, some of it half, while people write: nobody is missed, and only what was approved
ever decides.

A real server process over HTTP, with the emulator.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson

from bot.store.sqlite.connection import socket_path
from bot.web.operator import ask_server
from tests.kill import driver
from tests.kill.lives import Life
from tests.kill.run import Run, kill_run
from tests.oracle import Judgement
from tests.prove.proof import Share

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
FAULTS = {
    "an unknown word": ("when: {says: [", "when: {say: ["),
    "a bracket that nobody closes": ("{nothing_matched: true}", "{nothing_matched: true"),
    "a test that fails": ("expect: {rule: order}", "expect: {rule: otherwise}"),
    "a value that nobody gives": ("{{order_number}}", "{{order_numbr}}"),
    "a file torn off in a line": ('(edition EDITION)"}\n  - name: otherwise', "(edition EDITION)"),
    "a byte that is no text": ("I did", "I\udcff did"),
}
SETTLED_PULLS = 200  # files, at most


async def moment(seconds: float = 0.1) -> None:
    """Let others go on."""
    await asyncio.sleep(seconds)


@dataclass
class Staff:
    """Saves editions into a folder; ``sound`` and ``broken`` are the numbers of those, ``pulled`` how many more files came with one."""

    folder: Path
    dice: random.Random
    sound: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    pulled: dict[int, int] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    edition: int = 0

    async def save(self, fault: str = "", way: str = "") -> None:
        """Save the next edition, with that fault, in one of the ways that people and programs have, or in that one."""
        self.edition += 1
        (self.broken if fault else self.sound).add(self.edition)
        text = SHOP.replace(*FAULTS[fault]) if fault else SHOP
        if fault:
            self.happened[f"saved with {fault}"] += 1
        ways = {
            "saved in place": self._in_place,
            "saved in two halves": self._half,
            "saved by a rename": self._instead,
            "saved with a copy kept beside": self._kept,
            "pulled with many files": self._many,
            "folder replaced": self._folder,
            "folder deleted, and back": self._deleted,
        }
        way = way or self.dice.choice(list(ways))
        self.happened[way] += 1
        await ways[way](text.replace("EDITION", str(self.edition)))

    async def _in_place(self, text: str) -> None:
        _write(self.folder / "shop.yaml", text)

    async def _half(self, text: str) -> None:
        with (self.folder / "shop.yaml").open("w", encoding="utf-8", errors="surrogateescape") as opened:
            for part in (text[: len(text) // 2], text[len(text) // 2 :]):
                opened.write(part)
                opened.flush()
                await asyncio.sleep(self.dice.random() * 0.05)

    async def _instead(self, text: str) -> None:
        beside = self.folder / ".shop.yaml.tmp"
        _write(beside, text)
        beside.replace(self.folder / "shop.yaml")

    async def _kept(self, text: str) -> None:
        """As editors do that keep a copy: for a moment there is no such file."""
        (self.folder / "shop.yaml").replace(self.folder / "shop.yaml~")
        await asyncio.sleep(self.dice.random() * 0.02)
        await self._in_place(text)

    async def _many(self, text: str) -> None:
        shutil.rmtree(self.folder / "more", ignore_errors=True)
        (self.folder / "more").mkdir()
        self.pulled[self.edition] = self.dice.choice((1, 10, 40, SETTLED_PULLS))
        for number in range(self.pulled[self.edition]):
            more = MORE.replace("NAME", f"{number}x").replace("EDITION", str(self.edition))
            _write(self.folder / "more" / f"{number}.yaml", more)
        await self._in_place(text)

    async def _folder(self, text: str) -> None:
        fresh = self.folder.with_name("fresh")
        fresh.mkdir()
        _write(fresh / "shop.yaml", text)
        gone = self.folder.with_name("gone")
        self.folder.rename(gone)
        await asyncio.sleep(self.dice.random() * 0.02)
        fresh.rename(self.folder)
        shutil.rmtree(gone)

    async def _deleted(self, text: str) -> None:
        shutil.rmtree(self.folder)
        await asyncio.sleep(self.dice.random() * 0.6)
        self.folder.mkdir()
        await asyncio.sleep(self.dice.random() * 0.02)
        await self._in_place(text)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


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

    def editions(self) -> dict[int, int]:
        """By the number of each stored rulebook, which edition it is."""
        return {version: self.edition_of(version) for (version,) in self.rows("SELECT number FROM rulebook")}

    def torn(self) -> Iterator[str]:
        """What was pulled together went live together."""
        for version, stored in self.rows("SELECT number, files FROM rulebook"):
            more = [
                re.findall(r"edition (\d+)", text)[0] for name, text in orjson.loads(stored).items() if "/more/" in name
            ]
            came = {int(edition) for edition in more}
            if len(came) > 1 or any(len(more) != self.staff.pulled[edition] for edition in came):
                yield f"I11: rulebook {version} holds {len(more)} of the files pulled with editions {sorted(came)}."

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with closing(sqlite3.connect(f"{self.run.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(question).fetchall()

    async def saves(self, until: int, life: Life) -> Life:
        """Up to that edition, most of them without waiting for what becomes of them, some with a kill while one goes live; the last is
        sound and goes live. Returns the server's last life."""
        faults = cycle(self.staff.dice.sample(list(FAULTS), len(FAULTS)))
        for number in count(1):
            if self.staff.edition + 2 >= until:
                break
            if number % WAITS_EVERY == 0:
                await self.staff.save()
                await self.until_live()
                await self.staff.save(next(faults))  # each is found alone at least once
                await self.until_refused()
                continue
            await self.staff.save(
                self.staff.dice.choice(list(FAULTS)) if self.staff.dice.random() < BROKEN_SHARE else ""
            )
            if number % KILLED_EVERY == 0:
                await moment(self.staff.dice.random() * GOES_LIVE_S)
                await self.kill(life)
                life = await self.start()
            await moment(self.staff.dice.choice(PAUSES_S) * self.staff.dice.random())
        while self.staff.edition < until:
            await self.staff.save()
        await self.until_live()
        return life


def is_refused(status: Mapping[str, Any]) -> bool:
    """Whether what the folder holds has errors."""
    return any(problem["severity"] == "error" for problem in status["problems"])


async def reload_storm(seed: int, saves: int, folder: Path) -> Share:
    """So many saves, with people who write all the while; and a last start in a folder that is broken."""
    rules = folder / "rules"
    rules.mkdir(parents=True)
    # Most people stay and are answered.
    with patch.object(driver, "_STOP_EVERY", saves * 10):
        async with kill_run(folder, seed) as run:
            run.environment["RULES_DIR"] = str(rules)
            storm = Storm(run, Staff(rules, random.Random(seed)))
            await storm.staff.save(way="saved in place")  # all others have something there to begin with
            life = await storm.start()
            async with run.driver.sending():
                life = await storm.saves(saves - 1, life)
                await storm.staff.save("an unknown word")
                await storm.until_refused()
                await storm.kill(life)  # the folder is broken when it starts again
            judgement = await run.finish()
            broken = [f"seed {seed}: {sentence}" for sentence in _broken(storm, judgement)]
    happened = storm.staff.happened + Counter(
        {
            "server killed while one went live": storm.kills,
            "went live": len(storm.editions()),
            "messages answered": len(run.driver.acknowledged),
        }
    )
    return Share(storm.staff.edition, tuple(broken), dict(sorted(happened.items())))


def _broken(storm: Storm, judgement: Judgement) -> Iterator[str]:
    yield from judgement.broken
    staff, editions = storm.staff, storm.editions()
    if live := set(editions.values()) & staff.broken:
        yield f"I11: the broken editions {sorted(live)} went live."
    yield from storm.torn()
    decided = {version for (version,) in storm.rows("SELECT DISTINCT version FROM trace")}
    if not decided <= editions.keys():
        yield f"I11: rulebooks {sorted(decided - editions.keys())} decided, and are not stored."
    elif max(editions[version] for version in decided) != staff.edition - 1:
        yield f"I11: the last good edition, {staff.edition - 1}, never decided, also not after the restart."
    said = storm.rows(
        "SELECT t.version, o.payload FROM outbox o JOIN trace t ON t.inbox = CAST(o.origin_id AS INTEGER)"
        " WHERE o.origin = 'rule' AND o.confirms_stop = 0"
    )
    for version, payload in said:
        if f"(edition {editions.get(version)})" not in payload:
            yield f"I11: rulebook {version} is edition {editions.get(version)}, and said {payload}."
    if len(said) <= staff.edition:
        yield f"Only {len(said)} answers were given meanwhile, so it shows nothing."
    if len(editions) <= staff.edition / WAITS_EVERY:
        yield f"Only {len(editions)} editions went live, so it shows nothing."
