"""After a loss of power everything acknowledged is there; a database that syncs less, or not at all, is found out. See ``power``.

``PARLEY_POWER_SEED`` repeats a run, ``PARLEY_POWER_IMAGES`` is how often the power goes.
"""

import os
import random
from pathlib import Path

import pytest

from bot.store.sqlite import open_store
from tests.faults.power import lose_power
from tests.faults.power_disk import Disk, Name, Remains, Step, Sync, SyncFolder, Truncate, Write
from tests.faults.power_sqlite import on
from tests.store.making import ANNA, at, wrote
from tests.store.test_backups import opened, put_back

IMAGES = int(os.environ.get("PARLEY_POWER_IMAGES", "300"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("PARLEY_POWER_SEED") or random.SystemRandom().randrange(2**32))


async def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    share = await lose_power(seed, IMAGES, tmp_path)
    story = f"seed {seed}: {dict(share.happened)}"
    assert not share.broken, "\n".join((story, *share.broken))
    assert share.done == IMAGES
    for what in ("checkpoints", "people erased", "losses of power in the middle of a commit that counts all the same",
                 "losses of power after an erasure", "starts after a loss of power"):  # fmt: skip
        assert share.happened[what], story
    assert share.happened["losses of power with something not synced"] > IMAGES // 3, story


async def test_less_than_a_sync_with_each_commit_loses_what_was_acknowledged(tmp_path: Path, seed: int) -> None:
    share = await lose_power(seed, 40, tmp_path, synchronous="NORMAL", deeds=40)
    assert any("was acknowledged and is not there" in sentence for sentence in share.broken), f"seed {seed}: {share}"


async def test_no_sync_at_all_leaves_half_done_things(tmp_path: Path, seed: int) -> None:
    share = await lose_power(seed, 60, tmp_path, synchronous="OFF", deeds=40)
    halves = ("no commit", "malformed", "not a database")
    assert any(half in sentence for sentence in share.broken for half in halves), f"seed {seed}: {share}"


# --- who was erased -----------------------------------------------------------------------------------------------------


async def erased(folder: Path) -> tuple[bytes, Remains]:
    """Anna came, said STOP and was erased: a copy of the database before her STOP, and what the disk has once it was reported."""
    disk, contents = Disk(), list[bytes]()
    with on(disk, folder, lambda connection: contents.append(connection.serialize("main")), {}):
        store = await open_store(folder / "parley.db", app="APP")
        await store.record([wrote("hi", ANNA, at(0))], at(0))
        before = contents[-1]
        await store.record([wrote("STOP", ANNA, at(1))], at(1))
        await store.privacy.erase(ANNA, at(10))
        remains = Remains()
        for step in tuple(disk.steps):
            remains.go_on(step)
        await store.close()
    return before, remains


@pytest.mark.parametrize("database_is_lost", [False, True])
async def test_who_stopped_and_was_erased_is_stopped_after_a_restore_too(
    tmp_path: Path, database_is_lost: bool
) -> None:
    """The power goes right after an erasure was reported; then a backup from before the STOP is restored over what is left."""
    before, remains = await erased(tmp_path)
    for seed in range(12):
        (here := tmp_path / str(seed)).mkdir()
        for name, content in remains.image(random.Random(seed)).items():
            (here / name).write_bytes(content)
        if database_is_lost:
            (here / "parley.db").unlink()
            (here / "parley.db-wal").unlink(missing_ok=True)
        (here / "backup.db").write_bytes(before)
        restored = await put_back(here / "backup.db", here / "parley.db")
        async with opened(here / "parley.db") as store:
            standing = await store.standing(ANNA)
        assert (restored.erased, standing.known, standing.consent.stopped) == (1, False, True), f"seed {seed}"


# --- the disk itself ----------------------------------------------------------------------------------------------------


def images(steps: list[Step], count: int = 1000) -> list[dict[str, bytes]]:
    remains, dice = Remains(), random.Random(1)
    for step in steps:
        remains.go_on(step)
    return [remains.image(dice) for _ in range(count)]


def test_what_was_synced_is_there_always() -> None:
    done: list[Step] = [Name("a", 1), Write(1, 0, b"old"), Sync(1), SyncFolder()]
    assert {image["a"] for image in images(done)} == {b"old"}
    found = {image["a"] for image in images([*done, Write(1, 1, b"new"), Truncate(1, 2)])}
    assert found == {b"old", b"onew", b"ol", b"on"}


def test_a_write_is_torn_where_sectors_begin() -> None:
    done: list[Step] = [Name("a", 1), Write(1, 0, bytes(1500)), Sync(1), SyncFolder()]
    found = {image["a"] for image in images([*done, Write(1, 100, b"x" * 1000)])}
    parts = [range(100, 512), range(512, 1024), range(1024, 1100)]
    assert {tuple(content[part.start : part.stop] == b"x" * len(part) for part in parts) for content in found} == {
        (first, second, third) for first in (False, True) for second in (False, True) for third in (False, True)
    }
    assert {content[:100] + content[1100:] for content in found} == {bytes(500)}


def test_a_name_is_there_for_sure_once_the_folder_is_synced() -> None:
    made: list[Step] = [Name("a", 1), Write(1, 0, b"x"), Sync(1)]
    assert {"a" in image for image in images(made)} == {True, False}
    assert {image["a"] for image in images([*made, SyncFolder()])} == {b"x"}
    deleted: list[Step] = [*made, SyncFolder(), Name("a", None), Name("a", 2), Write(2, 0, b"y"), Sync(2)]
    assert {image.get("a") for image in images(deleted)} == {b"x", b"y", None}


def test_a_file_that_was_deleted_and_made_again_is_another() -> None:
    disk = Disk()
    first = disk.opened("a")
    assert disk.opened("a") == first
    disk.deleted("a", synced=True)
    assert disk.opened("a") != first
