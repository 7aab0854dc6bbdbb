"""What backends send: messages through the API, each with an Idempotency-Key of its own."""

from __future__ import annotations

from collections import deque

import orjson

from tests.bench.events import FIRST_SERIAL, identity_of

TEMPLATE = "order_packed"


class Sends:
    """An endless supply of HTTP requests to ``POST /v1/messages``: an approved template with its values, to ``people`` in turn."""

    def __init__(self, host: str, people: int, key: str, first_serial: int = FIRST_SERIAL) -> None:
        self._people = people
        self._serial = first_serial
        self._ready: deque[tuple[int, bytes]] = deque()
        self._head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        )

    def make_ready(self, count: int) -> None:
        """Write this many ahead of their time."""
        self._ready.extend(self._make() for _ in range(count - len(self._ready)))

    def next(self) -> tuple[int, bytes]:
        """The next serial number and its whole request."""
        return self._ready.popleft() if self._ready else self._make()

    def _make(self) -> tuple[int, bytes]:
        serial, self._serial = self._serial, self._serial + 1
        values = {"first_name": "Anna", "order_number": str(serial)}
        body = orjson.dumps(
            {
                "to": f"+{identity_of(serial % self._people)}",
                "template": {"name": TEMPLATE, "language": "en", "values": values},
                "reference": f"order {serial}",
            }
        )
        head = f"{self._head}Idempotency-Key: order-{serial}\r\nContent-Length: {len(body)}\r\n\r\n"
        return serial, head.encode() + body
