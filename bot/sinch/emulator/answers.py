"""The bodies Sinch answers with: JSON results, and refusals in the error shape of the Conversation API."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class Rejected(Exception):
    """A request that Sinch turns down, with its HTTP status and a sentence."""

    def __init__(self, sentence: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.headers = dict(headers or {})


def ok(result: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(result), status=status, content_type="application/json")


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error in the shape of Google's RPC status, which is what the Conversation API answers."""
    word = _WORDS.get(status, "UNKNOWN")
    body = orjson.dumps({"error": {"code": status, "message": sentence, "status": word, "details": []}})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def html(status: int) -> web.Response:
    """What a gateway in front of Sinch answers when it is the one in trouble."""
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return web.Response(text=page, status=status, content_type="text/html")
