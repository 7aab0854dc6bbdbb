"""The lean counter-side: stands in Sinch's place, answers every send with 200 and notes when which reply arrived.

It has to stay out of the way of what is measured, so it is a bare asyncio protocol that parses no JSON. It sends no receipts. What a
server asks of Sinch besides sending (a token, its app, its webhooks, a listing of messages) is answered with the least that makes
sense; anything else gets 404 and is counted as strange.

For the benchmark itself: ``GET /bench/replies?at_least=N`` answers as soon as N replies to different messages have arrived, and
``GET /bench/arrivals`` gives all of them.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from tests.bench.children import until_stopped
from tests.bench.events import APP_ID, SERIAL_IN_A_REPLY, TOKEN
from tests.bench.http1 import Messages, NotUnderstood, query_number

_BEARER = f"Bearer {TOKEN}".encode()
_APP = {
    "id": APP_ID,
    "display_name": "Benchmark",
    "channel_credentials": [{"channel": "WHATSAPP", "state": {"status": "ACTIVE", "description": ""}}],
    "processing_mode": "DISPATCH",
    "rate_limits": {"inbound": 0, "outbound": 0, "webhooks": 0},
    "dispatch_retention_policy": {"retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": 7},
}


@dataclass(slots=True)
class Arrivals:
    """The replies so far, in the order they came; times are CLOCK_MONOTONIC nanoseconds, which all processes share."""

    serials: list[int] = field(default_factory=list)
    at_ns: list[int] = field(default_factory=list)
    different: set[int] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    waiting: list[tuple[int, asyncio.Transport]] = field(default_factory=list)

    def note(self, body: bytes) -> None:
        """A reply has arrived; one without a serial number counts as number 0."""
        found = SERIAL_IN_A_REPLY.search(body)
        serial = int(found[1]) if found else 0
        self.serials.append(serial)
        self.at_ns.append(time.monotonic_ns())
        self.different.add(serial)
        if self.waiting:
            self.wake()

    def wake(self) -> None:
        """Answer those who wait for a number of replies that has been reached."""
        count = len(self.different)
        for one in [one for one in self.waiting if one[0] <= count]:
            self.waiting.remove(one)
            one[1].write(_answer(orjson.dumps({"replies": count})))

    def resource(self) -> bytes:
        """Everything, as JSON."""
        return orjson.dumps({"serials": self.serials, "at_ns": self.at_ns, "strange": self.strange})


class Connection(asyncio.Protocol):
    """One kept connection; requests that come in one piece are answered in one piece, in their order."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            answers = [self._respond(head, body) for head, body in self._messages.feed(data)]
        except NotUnderstood as trouble:
            self._arrivals.strange.append(str(trouble))
            self._transport.abort()
            return
        if any(answers):
            self._transport.write(b"".join(answers))

    def _respond(self, head: bytes, body: bytes) -> bytes:
        method, path = head.split(b" ", 2)[:2]
        if method == b"POST" and path.endswith(b"/messages:send"):
            return self._send(head, body)
        return self._other(method + b" " + path.partition(b"?")[0], head)

    def _send(self, head: bytes, body: bytes) -> bytes:
        if _BEARER not in head:
            return _answer(
                b'{"error":{"code":401,"message":"No token.","status":"UNAUTHENTICATED"}}', b"401 Unauthorized"
            )
        self._arrivals.note(body)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
        return _answer(
            b'{"message_id":"01BENCHREPLY%014d","accepted_time":"%bZ"}' % (len(self._arrivals.serials), now[:-6])
        )

    def _other(self, request: bytes, head: bytes) -> bytes:
        if request == b"GET /bench/replies":
            assert self._transport is not None
            self._arrivals.waiting.append((query_number(head, "at_least"), self._transport))
            self._arrivals.wake()
            return b""
        if request == b"GET /bench/arrivals":
            return _answer(self._arrivals.resource())
        if request.endswith(b"/oauth2/token"):
            return _json({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3599, "scope": ""})
        if request.startswith(b"GET /v1/") and (found := _listing(request)) is not None:
            return _json(found)
        self._arrivals.strange.append(request.decode("latin-1"))
        return _answer(b'{"error":{"code":404,"message":"Not found.","status":"NOT_FOUND"}}', b"404 Not Found")


def _listing(request: bytes) -> object | None:
    if request.endswith(b"/messages"):
        return {"messages": [], "next_page_token": ""}
    if request.endswith(b"/webhooks"):
        return {"webhooks": []}
    if request.endswith(b"/apps"):
        return {"apps": [_APP]}
    return _APP if b"/apps/" in request else None


def _json(content: object) -> bytes:
    return _answer(orjson.dumps(content))


def _answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


async def serve() -> None:
    """Listen on a free port of this machine, print it, and serve until stopped."""
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    server = await loop.create_server(lambda: Connection(arrivals), "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await until_stopped()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
