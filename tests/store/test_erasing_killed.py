"""Killed while somebody is erased: they are there whole, or gone; asked again, they are gone, and the STOP is remembered."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.sqlite import audit, open_store
from bot.store.sqlite.erasing import noted
from tests.store.making import ANNA, BO, NOON, answers, at, wrote

ROOT = Path(__file__).parents[2]
_ERASE = """
import asyncio, sys
from pathlib import Path
from bot.store.sqlite import open_store
from tests.store.making import ANNA, at
async def erase():
    store = await open_store(Path(sys.argv[1]), app="APP")
    await store.privacy.erase(ANNA, at(60))
asyncio.run(erase())
"""


def killed(point: str, path: Path) -> None:
    command = [sys.executable, "-c", _ERASE, str(path)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "PARLEY_CRASH": point}, check=False)
    assert ended.returncode == -signal.SIGKILL


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("point", ["erase.noted", "erase.in_transaction", "erase.committed"])
async def test_killed_while_erasing(tmp_path: Path, point: str) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    await store.record([wrote("STOP"), wrote("hello", BO)], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.close()
    await asyncio.to_thread(killed, point, path)
    assert len(noted(path)) == 1
    store = await open_store(path, app="APP")
    standing = await store.standing(ANNA)
    assert (standing.known, standing.consent.stopped) == (point != "erase.committed", True)
    assert (await store.privacy.erase(ANNA, at(90))).stopped
    standing = await store.standing(ANNA)
    assert (standing.known, standing.consent.stopped, (await store.standing(BO)).known) == (False, True, True)
    assert ANNA.identity.encode() not in content(tmp_path)
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert list(audit.broken(connection)) == []
