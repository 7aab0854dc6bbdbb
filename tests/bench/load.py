"""The load: signed webhooks over kept connections, from a process of its own, each built and signed before its time comes.

Orders are read from stdin and answered on stdout, one JSON object a line: ``{"make_ready": N}`` builds that many webhooks, and an
``Order`` sends some. Times are CLOCK_MONOTONIC nanoseconds, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Protocol

import orjson

from tests.bench.events import Webhooks
from tests.bench.http1 import Messages
from tests.bench.sends import Sends

_LAST_ANSWERS_S = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """Send for ``seconds``, or until ``at_most`` were sent where that is not 0.

    ``rate`` 0 saturates: a closed loop in which every one of the ``connections`` always has a webhook under way. Otherwise that many a
    second are offered, whatever the server does: they come at random (Poisson), and wait for a connection where none is free.
    """

    seconds: float
    connections: int
    rate: float = 0.0
    at_most: int = 0


@dataclass(slots=True)
class Sent:
    """What became of each webhook, column by column: when it was meant to leave, when it left, when and how it was answered.

    Status 0 means that the connection ended, or the time, before there was an answer.
    """

    serial: list[int] = field(default_factory=list)
    meant_ns: list[int] = field(default_factory=list)
    left_ns: list[int] = field(default_factory=list)
    answered_ns: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)


class Supply(Protocol):
    """Where requests come from."""

    def next(self) -> tuple[int, bytes]:
        """A serial number of its own, and the whole request."""
        ...


@dataclass(slots=True)
class UnderWay:
    """A webhook that has left, or waits to."""

    serial: int
    request: bytes
    meant_ns: int
    left_ns: int = 0


class Connection(asyncio.Protocol):
    """One kept connection with at most one webhook under way."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None
        self.under_way: UnderWay | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, one: UnderWay) -> None:
        """Let a webhook leave."""
        assert self._transport is not None
        self.under_way = one
        one.left_ns = time.monotonic_ns()
        self._transport.write(one.request)

    def data_received(self, data: bytes) -> None:
        for head, _ in self._messages.feed(data):
            self._end(int(head[9:12]))
            self._run.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.under_way is not None:
            self._end(0)
        self._run.lost(self)

    def close(self) -> None:
        """Hang up; what is still under way counts as not answered."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, status: int) -> None:
        one, self.under_way = self.under_way, None
        assert one is not None, "an answer came to nothing that was sent"
        self._run.note(one, status)


class Run:
    """One order being carried out."""

    def __init__(self, order: Order, webhooks: Supply, seed: int) -> None:
        self.sent = Sent()
        self._order = order
        self._webhooks = webhooks
        self._dice = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()
        self._queue: deque[UnderWay] = deque()
        self._alive = order.connections
        self._left = order.at_most or sys.maxsize
        self._due_ns = self._end_ns = 0
        self._is_over = False
        self._quiet = asyncio.Event()

    async def carry_out(self, host: str, port: int) -> Sent:
        """Connect, send, and wait until the last webhook is answered."""
        opening = (self._loop.create_connection(lambda: Connection(self), host, port) for _ in range(self._alive))
        connections = [protocol for _, protocol in await asyncio.gather(*opening)]
        self._due_ns = time.monotonic_ns()
        self._end_ns = self._due_ns + int(self._order.seconds * 1e9)
        if self._order.rate:
            self._idle.extend(connections)
            self._offer()
        else:
            for connection in connections:
                self.free(connection)
        with suppress(TimeoutError):  # what has no answer by then counts as not answered, below
            await asyncio.wait_for(self._quiet.wait(), self._order.seconds + _LAST_ANSWERS_S)
        for connection in connections:
            connection.close()
        await asyncio.sleep(0)  # lets connection_lost note what was still under way
        for one in self._queue:
            self.note(one, 0)
        return self.sent

    def free(self, connection: Connection) -> None:
        """A connection has nothing under way: give it the next webhook, if there is one to give."""
        if self._queue:
            connection.send(self._queue.popleft())
            return
        if not self._order.rate and self._may_go_on(time.monotonic_ns()):
            connection.send(self._next(time.monotonic_ns()))
            return
        self._idle.append(connection)
        self._check_quiet()

    def lost(self, connection: Connection) -> None:
        """A connection has ended; the load goes on with the others."""
        self._alive -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._check_quiet()

    def note(self, one: UnderWay, status: int) -> None:
        """A webhook has met its end."""
        sent = self.sent
        sent.serial.append(one.serial)
        sent.meant_ns.append(one.meant_ns)
        sent.left_ns.append(one.left_ns)
        sent.answered_ns.append(time.monotonic_ns())
        sent.status.append(status)

    def _offer(self) -> None:
        """Send what is due, and come back when the next one is."""
        while self._due_ns <= (now := time.monotonic_ns()):
            if not self._may_go_on(self._due_ns):
                self._is_over = True
                self._check_quiet()
                return
            one = self._next(self._due_ns)
            if self._idle:
                self._idle.popleft().send(one)
            else:
                self._queue.append(one)
            self._due_ns += int(self._dice.expovariate(self._order.rate) * 1e9)
        self._loop.call_later((self._due_ns - now) / 1e9, self._offer)

    def _next(self, meant_ns: int) -> UnderWay:
        self._left -= 1
        serial, request = self._webhooks.next()
        return UnderWay(serial, request, meant_ns)

    def _may_go_on(self, at_ns: int) -> bool:
        return self._left > 0 and at_ns < self._end_ns

    def _check_quiet(self) -> None:
        is_over = self._is_over or not self._order.rate
        if is_over and len(self._idle) >= self._alive:
            self._quiet.set()


def main() -> None:
    """``python -m tests.bench.load HOST PORT PEOPLE SEED [KEY]``: with an API key it sends messages, without one webhooks."""
    host, port, people, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    webhooks: Webhooks | Sends = Webhooks(f"{host}:{port}", people, seed)
    if len(sys.argv) > 5:
        webhooks = Sends(f"{host}:{port}", people, sys.argv[5])
    # select() waits in microseconds where epoll rounds up to the next millisecond, which would show in every delay.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        for line in sys.stdin.buffer:
            wanted = orjson.loads(line)
            if "make_ready" in wanted:
                webhooks.make_ready(wanted["make_ready"])
                answer: dict[str, object] = {}
            else:
                answer = asdict(runner.run(_carry_out(Order(**wanted), webhooks, seed, host, port)))
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.buffer.flush()


async def _carry_out(order: Order, webhooks: Webhooks | Sends, seed: int, host: str, port: int) -> Sent:
    return await Run(order, webhooks, seed).carry_out(host, port)


if __name__ == "__main__":
    main()
