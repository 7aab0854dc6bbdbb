"""What a figure was measured on; without it no figure means anything."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, as far as it decides the figures. ``fsync_us``: the median of one fsync of 4 KiB where the database lies."""

    processor: str
    cores: int
    system: str
    python: str
    sqlite: str
    filesystem: str
    fsync_us: float
    load_before: float

    def sentence(self) -> str:
        """All of it in one line."""
        return (
            f"{self.cores} cores of {self.processor}, {self.system}, Python {self.python}, SQLite {self.sqlite}, "
            f"database on {self.filesystem} (fsync {self.fsync_us:.0f} µs), load before {self.load_before:.2f}"
        )


def machine(folder: Path) -> Machine:
    """This machine, with the database in ``folder``."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        filesystem=_filesystem(folder),
        fsync_us=_fsync_us(folder),
        load_before=os.getloadavg()[0],
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(folder: Path) -> str:
    mounts = [line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for _, point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda one: len(one[0]))[1] if holding else "an unknown filesystem"


def _fsync_us(folder: Path) -> float:
    path = folder / "fsync"
    taken: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(taken) * 1e6
