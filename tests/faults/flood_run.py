"""Five hundred people write while one pours out messages: who waits how long, who takes turns, and does a STOP count at once?

A real server over kept connections; in Sinch's place stands the benchmark's counter-side, which notes when which reply arrived. Each
message asks for an order of its own number, and the reply repeats it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from sqlite3 import connect

from bot.store.sqlite.audit import broken as audit
from tests.bench.events import Webhooks, identity_of, inbound_text
from tests.bench.figures import percentile
from tests.bench.load import Order, Run, Sent
from tests.faults.fuzz_run import Served

PEOPLE = 500
LOUD = 9_999_999  # the number of the one who floods
FLOOD_PART = 11  # one message in so many is of that one
STOPS_EVERY = 1_000  # a person of the many says STOP once in so many messages
LOUD_STOPS_AT = 0.6  # of what that one writes
UNDER_WAY_S = 1.0  # what had left before the STOP was committed has arrived by then
CONNECTIONS = 64

_FIRST = 10_000_000
_LAST_REPLY_S = 60.0
_LEFT = """
    SELECT 'inbox row ' || id FROM inbox WHERE state = 'pending'
    UNION ALL SELECT 'outbox row ' || id FROM outbox WHERE state IN ('queued', 'sending', 'unknown') LIMIT 1
"""


@dataclass
class Written:
    """What one supply has handed out: who wrote each serial, and which of them were a STOP."""

    who: dict[int, str] = field(default_factory=dict)
    stops: dict[str, int] = field(default_factory=dict)


class Supply(Webhooks):
    """Signed messages of the people in ``people``; some say STOP, and write on all the same. The numbers begin at ``first``."""

    def __init__(self, host: str, people: Sequence[int], seed: int, first: int, stops_at: Iterable[int]) -> None:
        super().__init__(host, len(people), seed, first)
        self.written = Written()
        self._numbers = people
        self._first = first
        self._stops_at = frozenset(stops_at)

    def next(self) -> tuple[int, bytes]:
        serial, self._serial = self._serial, self._serial + 1
        identity = identity_of(self._numbers[self._dice.randrange(self._people)])
        text = f"Where is order {serial}?"
        if serial - self._first in self._stops_at and identity not in self.written.stops:
            text = "STOP"
            self.written.stops[identity] = serial
        self.written.who[serial] = identity
        now = datetime.now(UTC)
        body = inbound_text(serial, identity, text, now)
        return serial, self._signed(body, f"01FLOOD{serial:019d}", str(int(now.timestamp())))


@dataclass
class Flooded:
    """What came of it; times in milliseconds, of the many alone. ``stopped``: people who said STOP."""

    done: int = 0
    broken: list[str] = field(default_factory=list)
    stopped: int = 0
    replies: int = 0
    ack_p99: float = 0.0
    delay_p99: float = 0.0
    memory_mb: float = 0.0


async def flood(run: Served, seed: int, count: int, rate: float) -> Flooded:
    """``count`` messages in sum: the many at ``rate`` a second, or as fast as they are taken where it is 0; the one as fast as it can,
    each message when the one before is acknowledged."""
    loud_count = count // FLOOD_PART
    many_count = count - loud_count
    host = f"127.0.0.1:{run.port}"
    many = Supply(host, range(PEOPLE), seed, _FIRST, range(STOPS_EVERY // 2, many_count, STOPS_EVERY))
    loud = Supply(host, [LOUD], seed, _FIRST + many_count, [int(loud_count * LOUD_STOPS_AT)])
    many_sent, loud_sent = await asyncio.gather(
        _pour(run, many, Order(1200, CONNECTIONS, rate, many_count), seed),
        _pour(run, loud, Order(1200, 1, 0, loud_count), seed),
    )
    found = Flooded(done=count, memory_mb=run.server.peak_mb())
    found.stopped = len(many.written.stops) + len(loud.written.stops)
    found.broken += _unanswered(many_sent) + _unanswered(loud_sent)
    await _all_left(run, found)
    arrived = run.side.arrived()
    at_ns: dict[int, int] = {}
    for serial, at in zip(arrived.serials, arrived.at_ns, strict=True):
        if serial in at_ns and serial:
            found.broken.append(f"The reply to {serial} arrived twice.")
        at_ns.setdefault(serial, at)
    found.replies = len(at_ns)
    for written, sent in ((many.written, many_sent), (loud.written, loud_sent)):
        found.broken += _judged(written, sent, at_ns)
    found.broken += _out_of_order(loud.written, at_ns)
    found.ack_p99, found.delay_p99 = _times(many.written, many_sent, at_ns)
    found.broken += _audited(run)
    found.broken += [f"The server logged: {line}" for line in run.trouble()[:10]]
    return found


async def _pour(run: Served, supply: Supply, order: Order, seed: int) -> Sent:
    return await Run(order, supply, seed).carry_out("127.0.0.1", run.port)


def _unanswered(sent: Sent) -> list[str]:
    odd = [status for status in sent.status if status != 200]
    return [f"{len(odd)} messages were answered {sorted(set(odd))}."] if odd else []


async def _all_left(run: Served, found: Flooded) -> None:
    """Everything is decided, and all that came of it has left."""
    until = time.monotonic() + _LAST_REPLY_S
    while left := run.rows(_LEFT):
        if time.monotonic() > until:
            found.broken.append(f"{left[0][0]} is still to be done after {_LAST_REPLY_S:.0f} s.")
            return
        await asyncio.sleep(0.1)


def _judged(written: Written, sent: Sent, at_ns: dict[int, int]) -> list[str]:
    """Everybody was answered, but who said STOP: nothing answers what they wrote after it was acknowledged, and nothing leaves any more."""
    broken = []
    acknowledged = dict(zip(sent.serial, sent.answered_ns, strict=True))
    left = dict(zip(sent.serial, sent.left_ns, strict=True))
    for serial, identity in written.who.items():
        stop = written.stops.get(identity)
        if stop is None:
            if serial not in at_ns:
                broken.append(f"Message {serial} has no reply.")
        elif serial != stop and serial in at_ns:
            if left[serial] > acknowledged[stop]:
                broken.append(f"Message {serial} was answered, though its person had said STOP before.")
            elif at_ns[serial] > acknowledged[stop] + UNDER_WAY_S * 1e9:
                late_s = (at_ns[serial] - acknowledged[stop]) / 1e9
                broken.append(f"The reply to {serial} left {late_s:.1f} s after its person's STOP was acknowledged.")
    return broken[:10]


def _out_of_order(loud: Written, at_ns: dict[int, int]) -> list[str]:
    """The one writes one message after another, and is answered in that order."""
    arrivals = [at_ns[serial] for serial in sorted(loud.who) if serial in at_ns]
    return [] if arrivals == sorted(arrivals) else ["The replies to the one who floods left in another order."]


def _times(written: Written, sent: Sent, at_ns: dict[int, int]) -> tuple[float, float]:
    """How long the many waited: until they were acknowledged, and until their reply had left."""
    rows = list(zip(sent.serial, sent.meant_ns, sent.answered_ns, strict=True))
    acks = [(answered - meant) / 1e6 for _, meant, answered in rows]
    delays = [(at_ns[serial] - meant) / 1e6 for serial, meant, _ in rows if serial in at_ns]
    return percentile(acks, 99), percentile(delays, 99)


def _audited(run: Served) -> list[str]:
    with closing(connect(f"{run.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return [f"audit: {sentence}" for sentence in audit(connection)]
