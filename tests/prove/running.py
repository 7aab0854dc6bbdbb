"""Shares as processes, several at once; whatever is still running when this ends is ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from tests.prove.ledger import FOLDER, ROOT, Entry, Ledger, revision, tally
from tests.prove.proof import Proof, Share

LONGEST_S: Final = 1200.0
_ROUNDS: Final = 3
Told = Callable[[Entry], None]
Command = Callable[[Proof, int, int], list[str]]
Order = tuple[Proof, int, int]  # with seed and size


def repeat(proof: Proof, seed: int, size: int) -> list[str]:
    """The command that does one share."""
    return [sys.executable, "-m", "tests.prove.share", proof.name, str(seed), str(size)]


async def run_all(
    proofs: Sequence[Proof], ledger: Ledger, jobs: int, told: Told, folder: Path = FOLDER, command: Command = repeat
) -> None:
    """Run what is missing; ``told`` hears of each share that ended. Those that measure time come last, one at a time.

    ``folder`` keeps what shares wrote that found something broken; ``command`` does one share and prints what it found.
    """

    async def work(orders: Iterator[Order]) -> None:
        for proof, seed, size in orders:
            entry = await _share(proof, seed, size, command(proof, seed, size), folder, ledger.code(proof.name))
            ledger.add(entry)
            told(entry)

    together = [proof for proof in proofs if not proof.alone]
    for _ in range(_ROUNDS):  # a share may do less than it was asked for
        orders = _in_turn([_orders(proof, ledger) for proof in together])
        async with asyncio.TaskGroup() as tasks:  # interrupted, it waits until each has ended what it started
            for _ in range(jobs):
                tasks.create_task(work(orders))
    for proof in proofs:
        if proof.alone:
            await work(_orders(proof, ledger))


def _orders(proof: Proof, ledger: Ledger) -> Iterator[Order]:
    """The shares that are still to do. Seeds follow one another, so that a share may take turns by its seed."""
    _, seed = ledger.next_seeds(proof)
    again = ledger.again(proof)
    left = proof.full - tally(ledger.of(proof)).done - sum(entry.size for entry in again)
    for entry in again:
        yield proof, entry.seed, entry.size
    while left > 0 and not tally(ledger.of(proof)).broken:  # of what is known to be broken, more tells nothing new
        size = min(proof.share, left)
        yield proof, seed, size
        left, seed = left - size, seed + 1


def _in_turn(each: list[Iterator[Order]]) -> Iterator[Order]:
    """One share of each proof after the other: a fault of any shows early."""
    while each:
        for orders in list(each):
            try:
                yield next(orders)
            except StopIteration:
                each.remove(orders)


async def _share(proof: Proof, seed: int, size: int, command: Sequence[str], folder: Path, code: str) -> Entry:
    log = _log(folder, proof, seed)
    began = time.monotonic()
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True
        )
    async with _ended_with_us(process):
        try:
            async with asyncio.timeout(LONGEST_S):
                written, _ = await process.communicate()
            share = _read(written, process.returncode, log)
        except TimeoutError:
            share = Share(0, (f"The share did not end within {LONGEST_S:.0f} s; see {log.name}.",))
    if not share.broken:
        log.unlink()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(proof.name, seed, size, share, round(time.monotonic() - began, 1), code, at, revision=revision())


def _log(folder: Path, proof: Proof, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{proof.name}-{seed}.log"


@asynccontextmanager
async def _ended_with_us(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """The process, and all that it started, do not outlive the block."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _read(written: bytes, status: int | None, log: Path) -> Share:
    """What the share's last line says."""
    lines = written.splitlines()
    try:
        told = orjson.loads(lines[-1])
        return Share(told["done"], tuple(told["broken"]), told["happened"], told["figures"])
    except (IndexError, KeyError, TypeError, orjson.JSONDecodeError):
        return Share(0, (f"The share ended with {status} and told nothing; see {log.name}.",))
