"""A server that says exactly the bytes it was told to, or hangs up, to see what a client makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

ANSWERED = b'{"message_id": "M1"}'


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP answer in full."""
    lines = [f"HTTP/1.1 {status} Odd", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Odd:
    """``answers`` are used up one a request; None hangs up without a word, ``SILENCE`` never answers, the last one stays."""

    SILENCE = b"\0silence"

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.keeps_open = False  # also where an answer promised more than it said
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.requests.append(await read_request(reader))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said is None:
            return False
        if said == self.SILENCE:
            await reader.read()
            return False
        writer.write(said)
        await writer.drain()
        head, _, body = said.partition(b"\r\n\r\n")
        return self.keeps_open or f"Content-Length: {len(body)}".encode() in head  # else it breaks off


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers by lower-case name, body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return first, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def sequence(*values: float) -> Callable[[], float]:
    """A source of these numbers, the last one for ever."""
    left = list(values)
    return lambda: left.pop(0) if len(left) > 1 else left[0]
