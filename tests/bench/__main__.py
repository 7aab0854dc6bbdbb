"""``make bench``, or ``python -m tests.bench``: everything in one go, a few minutes, on this machine alone."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.bench import report
from tests.bench.children import ROOT, Broken, Cores, cores
from tests.bench.figures import Figures, median
from tests.bench.load import Order
from tests.bench.machine import machine
from tests.bench.road import Bench, measure_floor, measure_road, measure_with_emulator

PARTS = (
    "floor",
    "road",
    "offered",
    "emulator",
    "accepting",
    "campaigning",
    "matching",
    "reloading",
    "replaying",
    "browsing",
)
ALONE = ("accepting", "campaigning", "matching", "reloading", "replaying", "browsing")  # each a program of its own


def main() -> int:
    """0 when nothing was lost, refused or answered twice, 1 otherwise; a figure below what is asked does not fail."""
    asked = _arguments()
    signal.signal(
        signal.SIGTERM, lambda number, frame: sys.exit(128 + number)
    )  # so that what was started is ended as well
    only = set(asked.only or PARTS)
    apart = cores(asked.pin)
    with tempfile.TemporaryDirectory(prefix="parley-bench-", dir=asked.folder) as name:
        bench = Bench(apart, Path(name), asked.seconds, asked.connections, asked.people)
        here = machine(bench.folder)
        print(here.sentence(), _placing(apart), sep="\n", flush=True)
        if here.filesystem in ("tmpfs", "ramfs"):
            print("That is no disk: syncing costs nothing there. Name a folder on one with --folder.")
        try:
            measured = _measure_all(bench, only, asked.rounds, asked.rate)
        except Broken as trouble:
            print(trouble, file=sys.stderr)
            return 1
    share_a_core = not apart.are_pinned or len(apart.others) == 1
    if measured:
        _print_report(measured, asked.rate, share_a_core)
    if asked.json:
        _write_json(asked.json, asdict(here), measured, asked.rate)
    failed = [
        part
        for part in ALONE
        if part in only and subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], cwd=ROOT).returncode
    ]
    return int(report.wrong(measured) or bool(failed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each measurement lasts (default 10)")
    parser.add_argument("--rounds", type=int, default=2, help="how often floor and road take turns (default 2)")
    parser.add_argument("--rate", type=float, default=500.0, help="webhooks a second offered (default 500)")
    parser.add_argument("--connections", type=int, default=64, help="connections of the load (default 64)")
    parser.add_argument("--people", type=int, default=2000, help="how many different people write (default 2000)")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this; may be repeated")
    parser.add_argument("--folder", type=Path, help="where the database goes (default: the system's temporary folder)")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="let processes run on any core")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    return parser.parse_args()


def _placing(apart: Cores) -> str:
    if not apart.are_pinned:
        return "Not pinned: server, load and counter-side share all cores, so each figure includes the others' noise."
    others = ", ".join(map(str, sorted(apart.others)))
    return f"Server alone on core {min(apart.server)}, load and counter-side on {others}."


def _measure_all(bench: Bench, only: set[str], rounds: int, rate: float) -> dict[str, Figures]:
    """Floor and road take turns, so that a slow minute of the machine hits both."""
    parts = {"floor": measure_floor, "road": measure_road}
    names = {"floor": (report.FLOOR, report.OFFERED_FLOOR), "road": (report.ROAD, report.OFFERED)}
    several: dict[str, list[Figures]] = {}
    for _ in range(rounds):
        for part in (part for part in parts if part in only):
            name = names[part][0]
            several.setdefault(name, []).append(_measured(name, parts[part], bench, bench.saturated()))
    for part in parts:
        if "offered" in only:
            name = names[part][1].format(rate=rate)
            several[name] = [_measured(name, parts[part], bench, bench.offered(rate))]
    if "emulator" in only:
        print(f"{report.EMULATOR} ...", flush=True)
        several[report.EMULATOR] = [measure_with_emulator(bench)]
    order = [report.FLOOR, report.ROAD]
    return {
        name: median(several[name])
        for name in sorted(several, key=lambda name: order.index(name) if name in order else 9)
    }


def _measured(name: str, measure: Callable[[Bench, Order], Figures], bench: Bench, order: Order) -> Figures:
    print(f"{name} ...", end=" ", flush=True)
    found = measure(bench, order)
    print(f"{found.replies:.0f} replies/s, CPU {found.cpu_ms:.3f} ms an event", flush=True)
    return found


def _print_report(measured: dict[str, Figures], rate: float, share_a_core: bool) -> None:
    print()
    print(report.table(measured))
    print(
        "Delays in milliseconds, from when a webhook was meant to leave. The floor acknowledges after its reply, the road before.\n"
        "Replies/s and CPU count until the last reply is out. CPU in percent of one core; noise is what strangers used of the server's."
    )
    print()
    for one in report.held(measured, rate):
        print(one.sentence())
    for line in report.troubles(measured, share_a_core):
        print(line)


def _write_json(path: Path, here: dict[str, object], measured: dict[str, Figures], rate: float) -> None:
    held = [asdict(one) | {"is_met": one.is_met} for one in report.held(measured, rate)]
    content = {"machine": here, "measured": {name: asdict(one) for name, one in measured.items()}, "held": held}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    sys.exit(main())
