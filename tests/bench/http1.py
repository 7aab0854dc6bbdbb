"""Just enough HTTP/1.1 to cut a stream of bytes into messages, so that both ends of the measurement cost next to nothing."""

from __future__ import annotations

import re

_LENGTH = re.compile(rb"\r\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:[ \t]*(\d+)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class NotUnderstood(Exception):
    """A message without a content-length that has a body all the same; whoever sends it cannot be measured with this."""


class Messages:
    """Cuts one direction of one connection into messages; several may come in one piece, and one in several."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The messages completed by these bytes, as (head without its empty line, body). Raises NotUnderstood."""
        stream = self._rest + data if self._rest else data
        found: list[tuple[bytes, bytes]] = []
        start = 0
        while (head_end := stream.find(b"\r\n\r\n", start)) >= 0:
            head = stream[start:head_end]
            end = head_end + 4 + _body_length(head)
            if end > len(stream):
                break
            found.append((head, stream[head_end + 4 : end]))
            start = end
        self._rest = stream[start:]
        return found


def _body_length(head: bytes) -> int:
    length = _LENGTH.search(head)
    if length is not None:
        return int(length[1])
    if _CHUNKED.search(head):
        raise NotUnderstood("A message came in chunks; the benchmark reads only messages with a content-length.")
    return 0


def query_number(head: bytes, name: str) -> int:
    """A number from the query of a request's first line, 0 where it is missing."""
    found = re.search(rb"^[^\r]*[?&]%b=(\d+)" % name.encode(), head)
    return int(found[1]) if found else 0
