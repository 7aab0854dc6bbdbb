"""What is measured: the real server on its whole road, and the floor, each started afresh and asked by the same load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tests.bench.asking import ask, free_port
from tests.bench.children import Broken, Child, Cores, busy_s, child, wait_until_ready
from tests.bench.events import APP_ID, PROJECT_ID, SECRET, WEBHOOK_PATH
from tests.bench.figures import Figures, figures
from tests.bench.load import Order, Sent
from tests.bench.sides import Side, counter, emulator

RULES = Path(__file__).parent / "rules"

_WARM_UP_S = 2.0
_MADE_READY_A_SECOND = 4000  # more than any server here takes; what is not used costs a moment before the measurement
_WITH_RECEIPTS = Order(seconds=60, connections=64, at_most=2000)  # the emulator remembers a bounded truth
_PEOPLE_OF_THE_EMULATOR = 500


@dataclass(frozen=True, slots=True)
class Bench:
    """How to measure: on which cores, in which folder (the database's), for how long, with how many people writing."""

    cores: Cores
    folder: Path
    seconds: float
    connections: int
    people: int

    def saturated(self) -> Order:
        """As much as the server takes."""
        return Order(self.seconds, self.connections)

    def offered(self, rate: float) -> Order:
        """So many a second, come what may."""
        return Order(self.seconds, self.connections, rate)


class Load:
    """The load generator's process."""

    def __init__(self, process: Child) -> None:
        self.process = process

    def make_ready(self, order: Order) -> None:
        """Let the webhooks of an order be built and signed."""
        expected = order.seconds * (order.rate * 1.1 if order.rate else _MADE_READY_A_SECOND)
        self._ask({"make_ready": min(int(expected), order.at_most or int(expected))})

    def carry_out(self, order: Order) -> Sent:
        """Let an order be carried out."""
        return Sent(**orjson.loads(self._ask(asdict(order))))

    def _ask(self, what: dict[str, object]) -> bytes:
        self.process.tell(orjson.dumps(what))
        return self.process.hear()


def measure_floor(bench: Bench, order: Order) -> Figures:
    """The floor under this load."""
    with TemporaryDirectory(dir=bench.folder) as name, counter(bench.cores.others, Path(name)) as side:
        arguments = ["-m", "tests.bench.floor", f"http://127.0.0.1:{side.port}"]
        with child("floor", arguments, bench.cores.server, Path(name)) as server:
            return _measure(bench, server, server.port(), side, order, Path(name))


def measure_road(bench: Bench, order: Order) -> Figures:
    """The real server under this load, its database fresh and every event synced to disk before its 200."""
    with (
        TemporaryDirectory(dir=bench.folder) as name,
        counter(bench.cores.others, Path(name)) as side,
        _server(bench, side, Path(name)) as (server, port),
    ):
        return _measure(bench, server, port, side, order, Path(name))


def measure_with_emulator(bench: Bench) -> Figures:
    """The real server between load and emulator, which sends three receipts for every reply; until the last of them is in."""
    bench = Bench(bench.cores, bench.folder, bench.seconds, bench.connections, _PEOPLE_OF_THE_EMULATOR)
    with TemporaryDirectory(dir=bench.folder) as name, emulator(bench.cores.others, Path(name)) as side:
        side.introduce(bench.people)
        with _server(bench, side, Path(name)) as (server, port):
            side.register(f"http://127.0.0.1:{port}{WEBHOOK_PATH}")
            warm_up = Order(_WARM_UP_S, bench.connections, at_most=200)
            return _measure(bench, server, port, side, _WITH_RECEIPTS, Path(name), warm_up)


def environment_of(side: Side, folder: Path, port: int) -> dict[str, str]:
    """All settings of a server whose Sinch is ``side`` and whose database is in ``folder``."""
    sinch = f"http://127.0.0.1:{side.port}"
    return {
        "SINCH_PROJECT_ID": PROJECT_ID,
        "SINCH_APP_ID": APP_ID,
        "SINCH_KEY_ID": "bench",
        "SINCH_KEY_SECRET": "bench",
        "SINCH_REGION": "eu",
        "SINCH_WEBHOOK_SECRET": SECRET,
        "SINCH_API_URL": sinch,
        "SINCH_AUTH_URL": sinch,
        "SINCH_AUTH": "oauth2",
        "WEBHOOK_SCHEME": "sinch",
        "DATABASE_URL": f"sqlite:///{folder.resolve() / 'parley.db'}",
        "RULES_DIR": str(RULES),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SEND_RATE": "0",
        "LOG_LEVEL": "info",
    }


@contextmanager
def _server(bench: Bench, side: Side, folder: Path) -> Iterator[tuple[Child, int]]:
    """``run.py serve`` as an operator starts it, all settings from the environment, ready to take webhooks."""
    port = free_port()
    environment = environment_of(side, folder, port)
    with child("server", ["run.py", "serve"], bench.cores.server, folder, environment, speaks=False) as server:
        wait_until_ready(server, lambda: ask(port, "GET", "/readyz")[0] == 200)
        yield server, port


def _measure(
    bench: Bench, server: Child, port: int, side: Side, order: Order, folder: Path, warm_up: Order | None = None
) -> Figures:
    """Warm up, measure, and wait for the last reply. Raises Broken where nothing came through at all."""
    warm_up = warm_up or Order(_WARM_UP_S, order.connections, order.rate)
    arguments = ["-m", "tests.bench.load", "127.0.0.1", str(port), str(bench.people), "1"]
    with child("load generator", arguments, bench.cores.others, folder) as process:
        load = Load(process)
        load.make_ready(warm_up)
        warm = load.carry_out(warm_up).status.count(200)
        side.wait_for(warm)
        if not warm or not side.arrived().serials:
            raise server.broken(f"acknowledged {warm} webhooks while warming up, and no reply arrived")
        load.make_ready(order)
        watched = {"server": server, "counter": side.process, "load": process}
        before_s = _used_s(bench, watched)
        sent = load.carry_out(order)
        side.wait_for(warm + sent.status.count(200))
        used_s = {name: used - before_s[name] for name, used in _used_s(bench, watched).items()}
        if not server.is_running:
            raise server.broken("ended while it was measured")
        if not sent.status.count(200):
            raise Broken("Not one webhook was acknowledged while measuring.")
        return figures(sent, side.arrived(), used_s)


def _used_s(bench: Bench, watched: Mapping[str, Child]) -> dict[str, float]:
    """Seconds so far: of CPU of each process and, as noise, of all strangers on the server's cores; and by the clock."""
    used = {name: one.cpu_s() for name, one in watched.items()}
    ours = used["server"] if bench.cores.are_pinned else sum(used.values())
    return {**used, "noise": busy_s(bench.cores.server) - ours, "passed": time.monotonic()}
