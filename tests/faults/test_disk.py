"""A server whose database cannot be written says so and keeps what it acknowledged; once it can be written the same process goes on.

``PARLEY_DISK_SEED`` repeats the dice of a run, ``PARLEY_DISK_CYCLES`` is how often it cannot.
"""

import asyncio
import os
import random
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from bot.cli.logs import start_logging
from bot.errors import StoreUnavailable
from bot.store.sqlite import open_store
from bot.store.sqlite.sweeping import wal_of
from bot.store.sqlite.writer import run_on
from tests.faults.disk import FAULTS, on_small_disk
from tests.faults.disk_small import ROOT, cannot_write, why_not
from tests.store.making import ANNA, NOON, wrote

CYCLES = int(os.environ.get("PARLEY_DISK_CYCLES", "10"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_DISK_SEED") or random.SystemRandom().randrange(2**32))


async def test_what_is_acknowledged_is_there_however_often_it_cannot_be_written(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    share = await cannot_write(seed, CYCLES, tmp_path)
    story = f"seed {seed}: {dict(share.happened)}"
    request.node.add_report_section("call", "disk", f"{story} {why_not() and f'No small disk: {why_not()}.'}")
    assert not share.broken, "\n".join((story, *share.broken))
    assert share.done == CYCLES
    assert all(share.happened.get(name, 0) for name in (FAULTS if why_not() else on_small_disk())), story
    assert share.happened["webhooks refused"] >= CYCLES, story
    assert share.happened["messages refused"] >= CYCLES, story


# --- a file that is no longer where it was ------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["database", "log"])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_nothing_is_written_to_a_file_that_nobody_would_find(tmp_path: Path, whose: str, how: str) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    try:
        assert await store.record([wrote("hi")], NOON) == [True]
        lost = path if whose == "database" else wal_of(path)
        kept = lost.rename(tmp_path / "kept")
        if how == "replaced":
            lost.write_bytes(kept.read_bytes())
        for write in (store.record([wrote("lost?")], NOON), store.probe()):
            with pytest.raises(StoreUnavailable) as refused:
                await write
            assert str(refused.value) == (
                f"The database file {lost} was deleted or replaced while the server was running, so nothing is written to it any more; "
                "put it back where it was, or restart the server."
            )
        kept.rename(lost)
        assert await store.record([wrote("lost?")], NOON) == [True]
        assert (await store.counts()).inbox_pending == 2
    finally:
        await store.close()


async def test_a_file_that_cannot_be_read_is_trouble_that_passes(tmp_path: Path) -> None:
    """A worker takes another turn then; whatever else is raised would end it for good."""
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    try:
        await run_on(store._reading, lambda c: c.execute("PRAGMA busy_timeout=0"))
        await run_on(store._writing, lambda c: c.execute("ALTER TABLE lane RENAME TO elsewhere"))
        with pytest.raises(StoreUnavailable, match=r"The database could not be read: no such table: lane\."):
            await store.next_send(NOON)
        path.rename(aside := tmp_path / "aside")
        with pytest.raises(StoreUnavailable, match=r"could not be read: unable to open database file\."):
            await store.privacy.export(ANNA)
        aside.rename(path)
        await run_on(store._writing, lambda c: c.execute("ALTER TABLE elsewhere RENAME TO lane"))
        assert await store.next_send(NOON) is None
    finally:
        await store.close()


ENDS_FULL = """
import asyncio, pathlib, resource, sys
from bot.store.sqlite import open_store
from tests.store.making import NOON, wrote

async def main():
    store = await open_store(pathlib.Path(sys.argv[1]), app="APP")
    assert await store.record([wrote("hi")], NOON) == [True]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    await store.close()

asyncio.run(main())
"""


async def test_a_server_that_ends_while_the_disk_is_full_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", ENDS_FULL, str(path), cwd=ROOT, stderr=PIPE)
    _, said = await ended.communicate()
    assert (ended.returncode, said) == (0, b"")
    store = await open_store(path, app="APP")
    try:
        assert (await store.counts()).inbox_pending == 1
    finally:
        await store.close()


def test_a_line_that_cannot_be_logged_is_lost_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    start_logging("warning")
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        structlog.get_logger().error("webhook_not_recorded")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
