"""A disk so small that it can be filled: memory mounted in a namespace of its own, where the system lets a plain user do that.

``python -m tests.faults.disk_small SEED CYCLES DISK BESIDE TALK`` is what runs in there; it prints a share as JSON.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Final

import orjson

from tests.faults.disk import ASKING, FAULTS, ORDERING, Talk, fail_writing, on_small_disk
from tests.prove.proof import Share

ROOT: Final = Path(__file__).parents[2]
SIZE: Final = "48m"  # the database, and a log of 16 MB
_ALONE: Final = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
_MOUNT: Final = f'mount -t tmpfs -o size={SIZE} parley "$0" && exec "$@"'
_BESIDE: Final = ("truth.jsonl", "emulator.log")  # Sinch has a disk of its own


@cache
def why_not() -> str:
    """Why this system does not let us have a small disk; empty where it does."""
    try:
        tried = subprocess.run([*_ALONE, _MOUNT, "/mnt", "true"], capture_output=True, text=True, timeout=20)
    except FileNotFoundError as missing:
        return f"{missing.filename} is not installed"
    return "" if tried.returncode == 0 else tried.stderr.strip() or f"unshare ended with {tried.returncode}"


async def cannot_write(seed: int, cycles: int, folder: Path, talk: Talk = ORDERING) -> Share:
    """``fail_writing`` with every fault that this system lets us make: on a small disk, which is also filled, where we can have one."""
    if why_not():
        return await fail_writing(seed, cycles, folder, FAULTS, talk)
    disk, beside = folder / "disk", folder / "beside"
    for each in (disk, beside):
        each.mkdir()
    order = (str(seed), str(cycles), str(disk), str(beside), "asking" if talk is ASKING else "ordering")
    return await _in_a_namespace(disk, order)


async def _in_a_namespace(disk: Path, order: Sequence[str]) -> Share:
    process = await asyncio.create_subprocess_exec(
        *_ALONE,
        _MOUNT,
        str(disk),
        sys.executable,
        "-m",
        __name__,
        *order,
        cwd=ROOT,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, f"the run on a small disk ended with {process.returncode}"
    told = orjson.loads(written.splitlines()[-1])
    return Share(told["done"], tuple(told["broken"]), told["happened"])


def _in_there(seed: str, cycles: str, disk: str, beside: str, talk: str) -> Share:
    for name in _BESIDE:
        Path(disk, name).symlink_to(Path(beside, name))
    kinds = ASKING if talk == "asking" else ORDERING
    return asyncio.run(fail_writing(int(seed), int(cycles), Path(disk), on_small_disk(), kinds))


if __name__ == "__main__":
    found = _in_there(*sys.argv[1:])
    sys.stdout.write(orjson.dumps(asdict(found)).decode() + "\n")
