"""One share of a proof, in a process of its own: ``python -m tests.prove.share NAME SEED [SIZE]`` repeats one that is listed.

Prints what it found as one JSON line, the last one. Its files stay where it found something broken, and it says where.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson

from tests.prove.proof import Proof, Share
from tests.prove.proofs import NAMES, proof_of

_PARENT_DEATH_SIGNAL: Final = 1  # prctl(2)


def main() -> int:
    """0 when nothing is broken, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove.share", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("seed", type=int)
    parser.add_argument("size", type=int, nargs="?", help="how many of the proof's unit (default: its usual share)")
    asked = parser.parse_args()
    _end_with_the_driver()
    proof = proof_of(asked.name)
    # Digits that stand by themselves would be taken for somebody's number where a path is logged.
    folder = Path(tempfile.mkdtemp(prefix=f"parley-{proof.name}-seed{asked.seed}-"))
    share = _run(proof, asked.seed, asked.size or proof.share, folder)
    if share.broken:
        print(f"The files of this share are in {folder}.", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    print(orjson.dumps(asdict(share)).decode())
    return int(bool(share.broken))


def _end_with_the_driver() -> None:
    """Also where it was killed: what goes on here would disturb the next run. On Linux alone, and not where somebody runs one by hand."""
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        signal.signal(signal.SIGHUP, lambda *_: os.killpg(0, signal.SIGKILL))
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGHUP)


def _run(proof: Proof, seed: int, size: int, folder: Path) -> Share:
    try:
        return asyncio.run(_awaited(proof, seed, size, folder))
    except Exception as error:  # a share that ends in an exception has shown nothing, and says so
        traceback.print_exc()
        return Share(0, (f"The share ended with {type(error).__name__}: {str(error)[:500]}",))


async def _awaited(proof: Proof, seed: int, size: int, folder: Path) -> Share:
    return await proof.run(seed, size, folder)


if __name__ == "__main__":
    sys.exit(main())
