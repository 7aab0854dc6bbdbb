"""What the load consists of: people asking for their orders, as the webhooks that Sinch would send, signed."""

from __future__ import annotations

import hmac
import random
import re
from base64 import b64encode
from collections import deque
from datetime import UTC, datetime

import orjson

from tests.sinch.payloads import texted

PROJECT_ID = "bench-project"
APP_ID = "01BENCHAPP0000000000000000"
SECRET = "only-for-measuring-on-this-machine"
TOKEN = "bench-token"
WEBHOOK_PATH = "/webhooks/sinch"

FIRST_SERIAL = (
    10_000_000  # eight digits: the serial number is the order number that the person asks for and the reply repeats
)
SERIAL_IN_A_REPLY = re.compile(rb'"text"\s*:\s*"[^"]*?(?<!\d)(\d{8})(?!\d)')

_ONCE_MORE = 0.2  # how often a person writes again at once, before anybody else does


def identity_of(number: int) -> str:
    """The phone number of the person with this number, as WhatsApp identities are written."""
    return f"4670{number:07d}"


class Webhooks:
    """An endless supply of signed HTTP requests to ``POST /webhooks/sinch``, each with a serial number and message id of its own.

    ``people`` is how many different ones write; a fifth of all messages follow another of the same person at once. The same ``seed``
    gives the same people in the same order. Signatures are fresh for five minutes from when they are made.
    """

    def __init__(self, host: str, people: int, seed: int, first_serial: int = FIRST_SERIAL) -> None:
        self._people = people
        self._dice = random.Random(seed)
        self._serial = first_serial
        self._person = 0
        self._ready: deque[tuple[int, bytes]] = deque()
        self._head = (
            f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            "Content-Type: application/json\r\n"
        )

    def make_ready(self, count: int) -> None:
        """Build and sign this many ahead of their time."""
        self._ready.extend(self._make() for _ in range(count - len(self._ready)))

    def next(self) -> tuple[int, bytes]:
        """The next serial number and its whole request; made now where none is ready."""
        return self._ready.popleft() if self._ready else self._make()

    def _make(self) -> tuple[int, bytes]:
        serial, self._serial = self._serial, self._serial + 1
        if self._dice.random() >= _ONCE_MORE:
            self._person = self._dice.randrange(self._people)
        now = datetime.now(UTC)
        body = inbound_text(serial, identity_of(self._person), f"Where is order {serial}?", now)
        return serial, self._signed(body, f"01BENCHNONCE{serial:014d}", str(int(now.timestamp())))

    def _signed(self, body: bytes, nonce: str, timestamp: str) -> bytes:
        mac = hmac.digest(SECRET.encode(), body + f".{nonce}.{timestamp}".encode(), "sha256")
        head = (
            f"{self._head}x-sinch-webhook-signature-timestamp: {timestamp}\r\n"
            f"x-sinch-webhook-signature-nonce: {nonce}\r\n"
            "x-sinch-webhook-signature-algorithm: HmacSHA256\r\n"
            f"x-sinch-webhook-signature: {b64encode(mac).decode()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def inbound_text(serial: int, identity: str, text: str, now: datetime) -> bytes:
    """A MESSAGE_INBOUND callback with a text, as the Sinch Conversation API sends it in DISPATCH mode."""
    return orjson.dumps(
        texted(f"01BENCHMESSAGE{serial:012d}", identity, text, now, app_id=APP_ID, project_id=PROJECT_ID)
    )
