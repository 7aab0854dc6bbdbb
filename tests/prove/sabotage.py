"""Sabotage: a copy of the program with one deliberate fault, and the tests that must find it. A share is one fault, by its seed."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Final

from tests.prove.faults import FAULTS, CodeFault
from tests.prove.ledger import ROOT
from tests.prove.proof import Proof, Share

TREE: Final = (
    "bot",
    "docs",
    "rules",
    "stubs",
    "tests",
    "README.md",
    "CHANGELOG.md",
    "config.yaml",
    "pyproject.toml",
    "run.py",
)
LONGEST_S: Final = 600.0
_RED, _PASSED = 1, 0  # pytest's exit codes


async def sabotaged(seed: int, size: int, folder: Path) -> Share:
    """``size`` faults, from the ``seed``-th on, round and round."""
    caught: dict[str, int] = {}
    missed = []
    for turn in range(size):
        fault = FAULTS[(seed + turn) % len(FAULTS)]
        missed += await _missed(fault, folder / str(turn))
        caught[fault.name] = 1
    return Share(size, tuple(missed), caught)


async def _missed(fault: CodeFault, copy: Path) -> list[str]:
    """Why the fault was not found, or nothing where a test failed over it."""
    await asyncio.to_thread(_copied, copy)
    sound = await _tested(copy, fault)
    if sound[0] != _PASSED:
        return [f"{fault.name}: its tests fail without it too.\n{sound[1]}"]
    await asyncio.to_thread(damage, copy, fault)
    status, told = await _tested(copy, fault)
    await asyncio.to_thread(shutil.rmtree, copy)
    return [] if status == _RED else [f"{fault.name}: {', '.join(fault.tests)} ended with {status}.\n{told}"]


def _copied(copy: Path) -> None:
    copy.mkdir(parents=True)
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)


def damage(root: Path, fault: CodeFault) -> None:
    """Put the fault into the program under ``root``. Raises ``ValueError`` where its place is not there just once."""
    path = root / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: {fault.file} holds its place {text.count(fault.old)} times.")
    path.write_text(text.replace(fault.old, fault.new))


async def _tested(copy: Path, fault: CodeFault) -> tuple[int, str]:
    """How the fault's tests end there, and the end of what they say."""
    arguments = ["-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *fault.tests]
    environment = {**os.environ, "PARLEY_SABOTAGED": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=copy, env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            written, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        return await process.wait(), f"It did not end within {LONGEST_S:.0f} s."
    return await process.wait(), written.decode(errors="replace")[-1500:]


PROOF: Final = Proof(
    name="sabotage",
    title="Deliberate faults in our own code",
    aim=f"{len(FAULTS)} faults: each found by a test",
    unit="faults",
    full=len(FAULTS),
    share=1,
    run=sabotaged,
    must_happen={fault.name: 1 for fault in FAULTS},
)
