"""Short questions over HTTP to the processes around a measurement."""

from __future__ import annotations

import http.client
import socket
from base64 import b64encode

import orjson

_BASIC = "Basic " + b64encode(b"bench:bench").decode()  # the emulator takes any credentials, but wants some


def ask(port: int, method: str, path: str, body: object = None, wait_s: float = 10.0) -> tuple[int, bytes]:
    """One request to this machine; status and body, or status 0 where nobody answers in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=wait_s)
    headers = {"Authorization": _BASIC, "Content-Type": "application/json"}
    try:
        connection.request(method, path, orjson.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
