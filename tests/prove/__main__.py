"""``make prove``, or ``python -m tests.prove [NAME ...]``: every proof in full size, about an hour on two cores.

What is done is kept: a run that was interrupted goes on where it was, and one with other code begins anew. Ends with 1 unless all holds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tests.bench.machine import machine
from tests.prove.ledger import FOLDER, CodeChanged, Entry, Ledger, code_digest, missing, tally
from tests.prove.proof import Proof
from tests.prove.proofs import NAMES, proof_of
from tests.prove.report import PAGE, page, result
from tests.prove.running import Told, run_all

out = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """0 when every proof asked for is whole and holds, 1 otherwise, 130 when it was interrupted."""
    asked = _arguments()
    ledger = Ledger(FOLDER / "ledger.jsonl", code_digest)
    proofs = [proof_of(name) for name in NAMES if name in (asked.names or NAMES)]
    if asked.fresh or asked.again:
        ledger.forget(proofs, broken_only=not asked.fresh)
    try:
        interrupted = not asked.report and _prove(proofs, ledger, asked.jobs)
    except BaseExceptionGroup as errors:  # of the shares that ran at once
        if errors.subgroup(CodeChanged) is None:
            raise
        out.print(
            "The program or what attacks it was changed meanwhile, so nothing more is proved. Run it again: it begins anew."
        )
        return 1
    _tell(proofs, ledger)
    everything = [proof_of(name) for name in NAMES]
    if asked.report or not (interrupted or asked.names):
        FOLDER.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(everything, ledger, machine(FOLDER)))
        out.print(f"Written: {PAGE.relative_to(PAGE.parents[1])}")
    if interrupted:
        out.print("Interrupted. The same command goes on from here.")
        return 130
    return int(any(missing(proof, tally(ledger.of(proof))) for proof in proofs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(NAMES)}")
    jobs = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=jobs, help=f"how many shares run at once (default {jobs})")
    parser.add_argument("--fresh", action="store_true", help="forget what was done, and begin anew")
    parser.add_argument("--again", action="store_true", help="do those shares again that found something broken")
    parser.add_argument("--report", action="store_true", help="run nothing; write docs/proof.md of what is done")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"There is no proof named {', '.join(unknown)}; there are {', '.join(NAMES)}.")
    if asked.jobs < 1:
        parser.error("--jobs must be at least 1.")
    return asked


def _prove(proofs: Sequence[Proof], ledger: Ledger, jobs: int) -> bool:
    """Run what is missing; True where a signal ended it before its time."""
    with _bars() as bars:
        lines = {proof.name: _line(bars, proof, ledger) for proof in proofs}

        def told(entry: Entry) -> None:
            bars.advance(lines[entry.proof], entry.share.done)
            if not out.is_terminal:
                first, last = ledger.next_seeds(proof_of(entry.proof))
                so_far = tally(ledger.of(proof_of(entry.proof)))
                out.print(
                    f"{entry.proof}: {so_far.done:,} in {last - first} shares, {entry.seconds:.0f} s for the last"
                )
            for sentence in entry.share.broken:
                out.print(f"BROKEN {entry.proof}, seed {entry.seed}, size {entry.size}: {sentence}", markup=False)

        return asyncio.run(_until_signalled(proofs, ledger, jobs, told))


async def _until_signalled(proofs: Sequence[Proof], ledger: Ledger, jobs: int, told: Told) -> bool:
    work = asyncio.create_task(run_all(proofs, ledger, jobs, told))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work
        return False
    return True


def _bars() -> Progress:
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out, disable=not out.is_terminal)


def _line(bars: Progress, proof: Proof, ledger: Ledger) -> TaskID:
    return bars.add_task(proof.name, total=proof.full, completed=tally(ledger.of(proof)).done)


def _tell(proofs: Sequence[Proof], ledger: Ledger) -> None:
    for proof in proofs:
        so_far = tally(ledger.of(proof))
        out.print(
            f"{proof.name:<9} {so_far.done:>9,} {proof.unit:<10} {result(proof, so_far).replace('**', '')}",
            markup=False,
        )
        for sentence in missing(proof, so_far)[1:]:
            out.print(f"          {sentence}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
