"""What stands in Sinch's place during a measurement, and how it is asked which replies have arrived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import orjson

from tests.bench.asking import ask, free_port
from tests.bench.children import Broken, Child, child, wait_until_ready
from tests.bench.events import APP_ID, PROJECT_ID, SECRET, SERIAL_IN_A_REPLY, identity_of
from tests.bench.figures import Arrived

RECEIPTS = 3  # QUEUED_ON_CHANNEL, DELIVERED, READ: what the emulator sends for each message unless told otherwise

_REPLIES_WITHIN_S = 60.0
_ASK_AGAIN_S = 0.2


class Side(Protocol):
    """One in Sinch's place."""

    port: int
    process: Child

    def wait_for(self, replies: int) -> None:
        """Return when that many different messages have their reply and nothing more is under way, or give up after a minute."""

    def arrived(self) -> Arrived:
        """Every reply so far."""


class Counter:
    """The lean counter-side."""

    def __init__(self, process: Child) -> None:
        self.process = process
        self.port = process.port()

    def wait_for(self, replies: int) -> None:
        ask(self.port, "GET", f"/bench/replies?at_least={replies}", wait_s=_REPLIES_WITHIN_S)

    def arrived(self) -> Arrived:
        status, body = ask(self.port, "GET", "/bench/arrivals", wait_s=_REPLIES_WITHIN_S)
        if status != 200:
            raise self.process.broken("did not tell what had arrived")
        told = orjson.loads(body)
        if told["strange"]:
            requests = ", ".join(sorted(set(told["strange"])))
            raise Broken(f"The server asked the counter-side for what it does not know: {requests}.")
        return Arrived(told["serials"], told["at_ns"])


class Emulator:
    """The emulator, with receipts; what arrived is read from the truth it keeps."""

    def __init__(self, process: Child, port: int) -> None:
        self.process = process
        self.port = port
        self._last = 0
        self._serials: list[int] = []
        self._at_ns: list[int] = []
        self._receipts = 0
        self._to_monotonic_ns = time.monotonic_ns() - time.time_ns()

    def introduce(self, people: int) -> None:
        """Let everybody write once before anyone listens, so that the emulator, too, holds their windows open."""
        for number in range(people):
            said = {"identity": identity_of(number), "text": "hi", "app_id": APP_ID}
            self._want(ask(self.port, "POST", "/emulator/say", said))

    def register(self, target: str) -> None:
        """Let receipts go to ``target``, through the API as a bot's owner would."""
        webhook = {"app_id": APP_ID, "target": target, "secret": SECRET, "triggers": ["MESSAGE_DELIVERY"]}
        self._want(ask(self.port, "POST", f"/v1/projects/{PROJECT_ID}/webhooks", webhook))

    def wait_for(self, replies: int) -> None:
        until = time.monotonic() + _REPLIES_WITHIN_S
        while not self._has_all(replies) and time.monotonic() < until:
            time.sleep(_ASK_AGAIN_S)

    def arrived(self) -> Arrived:
        self._read_on()
        return Arrived(self._serials, self._at_ns)

    def _has_all(self, replies: int) -> bool:
        self._read_on()
        return len(set(self._serials)) >= replies and self._receipts >= RECEIPTS * len(self._serials)

    def _read_on(self) -> None:
        for entry in orjson.loads(self._want(ask(self.port, "GET", f"/emulator/truth?after={self._last}")))["entries"]:
            if entry["n"] != self._last + 1 and self._last:
                raise Broken("The emulator forgot entries of its truth before they were read; send it fewer events.")
            self._last = entry["n"]
            if entry["kind"] == "failed":
                raise Broken(f"The emulator failed a message: {entry['description']}")
            if entry["kind"] == "acknowledged":
                self._receipts += 1
            elif entry["kind"] == "accepted":
                self._note(entry)

    def _note(self, entry: dict[str, object]) -> None:
        found = SERIAL_IN_A_REPLY.search(orjson.dumps(entry["request"]))
        at_ns = int(datetime.fromisoformat(str(entry["at"])).timestamp() * 1e9)
        self._serials.append(int(found[1]) if found else 0)
        self._at_ns.append(at_ns + self._to_monotonic_ns)

    def _want(self, answer: tuple[int, bytes]) -> bytes:
        if answer[0] != 200:
            raise self.process.broken(f"answered {answer[0]}: {answer[1][:300].decode(errors='replace')}")
        return answer[1]


@contextmanager
def counter(on: frozenset[int], folder: Path) -> Iterator[Counter]:
    """A fresh counter-side."""
    with child("counter-side", ["-m", "tests.bench.counter"], on, folder) as process:
        yield Counter(process)


@contextmanager
def emulator(on: frozenset[int], folder: Path) -> Iterator[Emulator]:
    """A fresh emulator, started as anybody would."""
    port = free_port()
    with child("emulator", ["run.py", "emulate", "--port", str(port)], on, folder, speaks=False) as process:
        wait_until_ready(process, lambda: ask(port, "GET", "/emulator/clock")[0] == 200)
        yield Emulator(process, port)
