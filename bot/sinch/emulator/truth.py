"""The truth: what the emulator took in and sent out, written down before it answers.

A checker compares it with what a bot believes, also after either of them was killed. Every entry is a JSON object
with ``n`` (1, 2, 3 …), ``kind``, ``at`` and what belongs to the kind: ``accepted`` a message (``message_id``,
``identity``, ``metadata``, ``shown``, ``request``), ``failed`` a message that WhatsApp refused late, ``event`` an app
event, ``said`` what a person did, ``acknowledged`` a callback answered 2xx, ``dropped`` a callback given up,
``fault`` a fault that happened.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

import orjson

from bot.sinch.emulator.clock import Clock, stamp
from bot.sinch.emulator.fields import Json

Listener = Callable[[Json], None]


class Truth:
    """Entries in memory (the last ``remember``) and, with a path, in a file.

    ``listener`` is told every entry as it is made.
    """

    def __init__(
        self, clock: Clock, path: Path | None, fsync: bool, remember: int, listener: Listener | None = None
    ) -> None:
        self.entries: deque[Json] = deque(maxlen=remember)
        self._clock = clock
        self._path = path
        self._fsync = fsync
        self._listener = listener
        self._count = 0
        self._descriptor = -1
        self._gathered: list[Json] = []
        self._written: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the file; OSError says that it cannot be written."""
        if self._path is not None:
            self._descriptor = await asyncio.to_thread(_open, self._path)

    async def stop(self) -> None:
        """Write what is left and close the file."""
        if self._writer is not None:
            await self._writer
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def of(self, kind: str) -> list[Json]:
        """The remembered entries of one kind, oldest first."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def note(self, kind: str, facts: Json) -> None:
        """Write an entry down soon."""
        self._count += 1
        entry: Json = {"n": self._count, "kind": kind, "at": stamp(self._clock.now()), **facts}
        self.entries.append(entry)
        if self._listener is not None:
            self._listener(entry)
        if self._descriptor >= 0:
            self._gathered.append(entry)
            self._wake_writer()

    async def record(self, kind: str, facts: Json) -> None:
        """Write an entry down; returns only when it is in the file. OSError says that it is not."""
        self.note(kind, facts)
        if self._written is not None:
            await asyncio.shield(self._written)

    def _wake_writer(self) -> None:
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """Write what has gathered as one group, again until nothing has gathered meanwhile."""
        while self._gathered and self._written is not None:
            gathered, self._gathered = self._gathered, []
            written, self._written = self._written, None
            try:
                await asyncio.to_thread(_append, self._descriptor, gathered, self._fsync)
            except OSError as trouble:
                self._take_back(gathered)
                written.set_exception(trouble)
                written.exception()  # entries that were only noted have nobody who awaits it
            else:
                written.set_result(None)

    def _take_back(self, unwritten: list[Json]) -> None:
        """What is not in the file did not happen; memory must not say so."""
        for entry in unwritten:
            if entry in self.entries:
                self.entries.remove(entry)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _append(descriptor: int, entries: list[Json], fsync: bool) -> None:
    rest = memoryview(b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in entries))
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if fsync:
        os.fsync(descriptor)
