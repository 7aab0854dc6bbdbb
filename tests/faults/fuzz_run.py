"""A real server that is sent bent webhooks, correctly signed, over kept connections; then: is everything there, and all of it decided?

In Sinch's place stands the benchmark's counter-side, which takes whatever is sent.
"""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from bot.sinch.wire.events import parse_event
from bot.store.sqlite.audit import broken as audit
from tests.bench.asking import ask, free_port
from tests.bench.children import ROOT, Child, child, cores, wait_until_ready
from tests.bench.events import SECRET, WEBHOOK_PATH
from tests.bench.load import Order, Run
from tests.bench.road import environment_of
from tests.bench.sides import Side, counter
from tests.faults.fuzz_bodies import Bodies
from tests.faults.fuzz_heads import send_heads
from tests.log_watch import naming
from tests.sinch.payloads import APP

CONNECTIONS = 24
WARM_UP = 0.5  # the part of the bodies after which the server holds what it always holds: its caches, its connections
DRAIN_S = 60.0
BODIES_A_HEAD = 20

_NOTHING_ELSE = ("decided", "ignored", "dead")
_TROUBLE = ('"level": "error"', '"level":"error"', "Traceback", "ERROR ")


@dataclass
class Served:
    """A server process with its database, and what stands in Sinch's place."""

    server: Child
    port: int
    side: Side
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "parley.db"

    def trouble(self) -> list[str]:
        """What its log tells of errors, and of anybody's number."""
        lines = (self.folder / "server.log").read_text(errors="replace").splitlines()
        return [line[:400] for line in lines if any(word in line for word in _TROUBLE)] + naming(lines)

    def rows(self, question: str) -> list[tuple[object, ...]]:
        """What the database holds."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(question).fetchall()


@contextmanager
def served(folder: Path, rules: Path = ROOT / "rules", app_id: str = APP) -> Iterator[Served]:
    """``run.py serve`` with those rules, in an empty folder, until the block ends."""
    on = cores(pin=False).server
    with counter(on, folder) as side:
        port = free_port()
        wanted = {"SINCH_APP_ID": app_id, "RULES_DIR": str(rules), "LOG_LEVEL": "error"}
        environment = {**environment_of(side, folder, port), **wanted}
        with child("server", ["run.py", "serve"], on, folder, environment, speaks=False) as server:
            wait_until_ready(server, lambda: ask(port, "GET", "/readyz")[0] == 200)
            yield Served(server, port, side, folder)


class Supply:
    """Signs each body as Sinch would, and remembers it."""

    def __init__(self, bodies: Bodies, port: int) -> None:
        self.sent: list[bytes] = []
        self._bodies = bodies
        self._key = SECRET.encode()
        self._head = (
            f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "x-sinch-webhook-signature-algorithm: HmacSHA256\r\n"
        )

    def next(self) -> tuple[int, bytes]:
        body = self._bodies.next()
        self.sent.append(body)
        serial, stamp = len(self.sent), int(time.time())
        mac = hmac.digest(self._key, body + b".n%d.%d" % (serial, stamp), "sha256")
        head = (
            f"{self._head}x-sinch-webhook-signature-timestamp: {stamp}\r\nx-sinch-webhook-signature-nonce: n{serial}\r\n"
            f"x-sinch-webhook-signature: {b64encode(mac).decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return serial, head.encode() + body


@dataclass
class Fuzzed:
    """What came of one run. ``ends``: how many bodies ended in each state, and how many were one that was there before. ``heads``: how
    often a bent head was answered with each status."""

    broken: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    heads: Counter[int] = field(default_factory=Counter)
    grown_mb: float = 0.0
    memory_mb: float = 0.0
    rate: float = 0.0


async def fuzz(run: Served, seed: int, count: int) -> Fuzzed:
    """Send ``count`` bodies and some heads, wait until all are decided, and look at what is kept."""
    supply = Supply(Bodies(seed, datetime.now(UTC)), run.port)
    found = Fuzzed()
    began = time.monotonic()
    warm = int(count * WARM_UP)
    answers = await _send(run, supply, warm, seed)
    before = run.server.memory_mb()
    answers += await _send(run, supply, count - warm, seed)
    found.memory_mb = run.server.memory_mb()
    found.grown_mb = found.memory_mb - before
    found.rate = count / (time.monotonic() - began)
    found.broken += [f"{times} bodies were answered {status}." for status, times in answers.items() if status != 200]
    found.heads, guilty = await send_heads(seed, count // BODIES_A_HEAD, run.port)
    found.broken += [f"This head was answered {max(found.heads)}: {request[:2000]!r}" for request in guilty[:5]]
    found.broken += await _decided(run)
    found.ends, lost = _kept(run, supply.sent)
    found.broken += lost
    found.broken += [f"The server logged: {line}" for line in run.trouble()[:10]]
    return found


async def _send(run: Served, supply: Supply, count: int, seed: int) -> Counter[int]:
    sent = await Run(Order(600, CONNECTIONS, at_most=count), supply, seed).carry_out("127.0.0.1", run.port)
    return Counter(sent.status)


async def _decided(run: Served) -> list[str]:
    """Nothing is left pending, and the server is well."""
    until = time.monotonic() + DRAIN_S
    while left := run.rows("SELECT id, kind, tries FROM inbox WHERE state = 'pending' LIMIT 5"):
        if time.monotonic() > until:
            return [f"These rows (id, kind, tries) are still pending after {DRAIN_S:.0f} s: {left}."]
        await asyncio.sleep(0.1)
    status, told = await asyncio.to_thread(ask, run.port, "GET", "/readyz")
    failed = run.rows("SELECT id, why FROM inbox WHERE why LIKE 'Deciding it failed%' LIMIT 5")
    return [
        *([f"/readyz answers {status}: {told.decode(errors='replace')}"] if status != 200 else []),
        *(f"inbox row {id_}: {why}" for id_, why in failed),
    ]


def _kept(run: Served, sent: list[bytes]) -> tuple[Counter[str], list[str]]:
    """How each body ended, and a sentence for each that is not there."""
    by_digest: dict[bytes, str] = {}
    known: dict[str, str] = {}
    with closing(sqlite3.connect(f"{run.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        for dedup, state, raw in connection.execute("SELECT dedup, state, raw FROM inbox"):
            known[dedup] = state
            if raw is not None:
                by_digest[_digest(raw)] = state
        lost = [f"audit: {sentence}" for sentence in audit(connection)]
    ends: Counter[str] = Counter()
    now = datetime.now(UTC)
    for body in sent:
        state = by_digest.get(_digest(body))
        if state is None:  # one of the same key came before it, or it is a receipt of nobody, whose body is not kept
            is_known = parse_event(body, now, APP).dedup in known
            state = "seen before" if is_known else "lost"
        ends[state] += 1
    odd = set(ends) - {*_NOTHING_ELSE, "seen before"}
    return ends, lost + [f"{ends[state]} bodies ended as {state}." for state in odd]


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=12).digest()
