"""How fast a campaign leaves: ``python -m tests.bench.campaigning`` sends one to 10,000 people against the emulator.

The server stands alone on one core, without a limit of its rate; the emulator, which sends three receipts for each message, has the other.
Counted from the answer to the order until the last message is accepted; the receipts come meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.asking import ask, free_port
from tests.bench.children import ROOT, Broken, child, cores, wait_until_ready
from tests.bench.events import WEBHOOK_PATH, identity_of
from tests.bench.road import Bench, environment_of
from tests.bench.sides import emulator

RECIPIENTS = 10_000
WANTED_A_SECOND = 1000
WITHIN_S = 120.0
LOOK_EVERY_S = 0.1


async def _campaign(port: int, key: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds that ordering took, seconds until everything had left, and the report."""
    people = [
        {"to": f"+{identity_of(number)}", "values": {"order_number": str(number)}} for number in range(RECIPIENTS)
    ]
    order = {
        "name": "bench",
        "template": {"name": "order_packed", "language": "en", "values": {"first_name": "Anna"}},
        "recipients": people,
        "not_between": None,
    }
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        began = time.monotonic()
        async with session.post("/v1/campaigns", json=order) as answer:
            ordered = await answer.json()
            if answer.status not in (201, 202):
                raise Broken(f"The campaign was answered {answer.status}: {ordered}")
        accepted, report = time.monotonic(), {}
        while time.monotonic() < accepted + WITHIN_S:
            async with session.get(f"/v1/campaigns/{ordered['id']}") as answer:
                report = await answer.json()
            if report["state"] == "done":
                return accepted - began, time.monotonic() - accepted, report
            await asyncio.sleep(LOOK_EVERY_S)
    raise Broken(f"The campaign was not over within {WITHIN_S:.0f} seconds: {report}")


def measure(bench: Bench) -> tuple[float, float, float, float, dict[str, Any]]:
    """Seconds of ordering, of sending, of the server's CPU and the emulator's, and the report."""
    with emulator(bench.cores.others, bench.folder) as side:
        port = free_port()
        environment = environment_of(side, bench.folder, port)
        side.register(f"http://127.0.0.1:{port}{WEBHOOK_PATH}")
        made = subprocess.run(
            [sys.executable, "run.py", "keys", "create", "--name", "bench", "--scope", "admin"],
            cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        with child(
            "server", ["run.py", "serve"], bench.cores.server, bench.folder, environment, speaks=False
        ) as server:
            wait_until_ready(server, lambda: ask(port, "GET", "/readyz")[0] == 200)
            cpu_s, around_s = server.cpu_s(), side.process.cpu_s()
            ordering_s, sending_s, report = asyncio.run(_campaign(port, made.stdout.split()[-1]))
            return ordering_s, sending_s, server.cpu_s() - cpu_s, side.process.cpu_s() - around_s, report


def main() -> int:
    """Prints the figures; 1 where somebody was not reached."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        bench = Bench(cores(pin=True), Path(name), seconds=0.0, connections=0, people=RECIPIENTS)
        try:
            ordering_s, sending_s, cpu_s, around_s, report = measure(bench)
        except Broken as trouble:
            print(trouble, file=sys.stderr)
            return 1
    rate = RECIPIENTS / sending_s
    print(
        f"{RECIPIENTS} recipients: checked and stored in {ordering_s:.1f} s, sent in {sending_s:.1f} s,"
        f" CPU {cpu_s:.1f} s of the server and {around_s:.1f} s of the emulator"
    )
    print(
        f"{'ok     ' if rate >= WANTED_A_SECOND else 'NOT MET'}  sends a second: {rate:.0f} (at least {WANTED_A_SECOND})"
    )
    counts = report["counts"]
    print("; ".join(f"{status} {count}" for status, count in counts.items()))
    return int(sum(counts.get(status, 0) for status in ("sent", "delivered", "read")) != RECIPIENTS)


if __name__ == "__main__":
    sys.exit(main())
