"""A webhook that ends whoever reads it is kept unread, and what comes beside it is recorded."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import orjson

from bot.store.sqlite import open_store
from bot.store.sqlite.last_body import LastBody
from tests.cli.conftest import ROOT
from tests.journeys.shop import APP
from tests.web.dying import BODIES

LOST = -11  # SIGSEGV


async def test_a_body_that_ends_the_process_is_kept_unread_once_it_did_so_twice(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    command = [sys.executable, "-m", "tests.web.dying", str(path)]
    told = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    lives = [orjson.loads(line) for line in told.stdout.splitlines()]
    assert [life["status"] for life in lives] == [LOST] * 4 + [0], "two processes for each of the two"
    assert [each for life in lives for each in life["answered"]] == [
        ["hello", 200],
        ["poison one", 200],
        ["poison two", 200],
    ]
    store = await open_store(path, app=APP)
    bodies = await store.trouble.refused(10)
    assert {body.raw for body in bodies} == {BODIES["poison one"], BODIES["poison two"]}
    assert {body.why for body in bodies} == {"Reading it ended the server 2 times, so it was kept unread."}
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT raw FROM inbox").fetchall() == [(BODIES["hello"],)]


def died_with(path: Path, body: bytes) -> None:
    LastBody(path).begins(body)


def test_only_whoever_died_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    died_with(path, b"one")
    note = LastBody(path)
    assert (note.begins(b"two"), note.begins(b"one")) == (0, 1)
    note.ends()
    assert LastBody(path).begins(b"one") == 1, "the end of the process, after the reading's"
    assert LastBody(path).begins(b"one") == 2


def test_bodies_that_take_turns_do_not_make_each_other_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    for _ in range(2):
        for number in range(8):
            died_with(path, b"%d" % number)
    assert [LastBody(path).begins(b"%d" % number) for number in (0, 7)] == [2, 2]
    for number in range(8, 20):
        died_with(path, b"%d" % number)
    assert LastBody(path).begins(b"0") == 0
    assert LastBody(path).begins(b"19") == 1


def test_without_room_nothing_is_noted(tmp_path: Path) -> None:
    note = LastBody(tmp_path / "missing")
    assert note.begins(b"one") == 0
    note.ends()
