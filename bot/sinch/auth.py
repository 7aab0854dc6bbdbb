"""How a request to Sinch proves who sends it: OAuth2 (the default), Basic, or a signature.

Source: Sinch Conversation API, authentication; Sinch, application signed requests.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from multidict import CIMultiDict, istr

from bot.sinch.request_signature import sign_request
from bot.sinch.token import Tokens

Headers = CIMultiDict[str]

JSON_TYPE = "application/json"
AUTHORIZATION = istr("Authorization")
CONTENT_TYPE = istr("Content-Type")
TIMESTAMP = istr("x-timestamp")


class Auth(Protocol):
    """Makes the headers of one request: the proof, and the content type where there is a body."""

    async def headers(self, method: str, path: str, body: bytes) -> Headers:
        """Headers for a request of ``body`` (JSON, or empty) to ``path`` (decoded). Raises ``Retry`` or ``Failed``: nothing was sent."""
        ...

    async def after_401(self, refused: Headers) -> bool:
        """Whether to send once more, with new ``headers``, what Sinch answered 401 to. Raises as ``headers``."""
        ...

    def worked(self, headers: Headers) -> None:
        """Sinch answered anything but 401 to them."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


def basic(key_id: str, key_secret: str) -> str:
    """The value of a Basic ``Authorization`` header."""
    return "Basic " + b64encode(f"{key_id}:{key_secret}".encode()).decode()


class OAuth:
    """OAuth2: a token in every request, replaced once when Sinch refuses it."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._token = ""
        self._with_body = self._without_body = Headers()
        self._proved = False

    async def headers(self, method: str, path: str, body: bytes) -> Headers:
        token = await self._tokens.current()
        if token != self._token:
            self._token, self._proved = token, False
            self._without_body = Headers({AUTHORIZATION: f"Bearer {token}"})
            self._with_body = Headers({AUTHORIZATION: f"Bearer {token}", CONTENT_TYPE: JSON_TYPE})
        return self._with_body if body else self._without_body

    async def after_401(self, refused: Headers) -> bool:
        token = refused[AUTHORIZATION].removeprefix("Bearer ")
        return await self._tokens.instead_of(token) is not None

    def worked(self, headers: Headers) -> None:
        if not self._proved and (headers is self._with_body or headers is self._without_body):
            self._proved = True
            self._tokens.worked(self._token)

    async def close(self) -> None:
        await self._tokens.close()


class Basic:
    """The key itself in every request: for trying things out, as Sinch limits its rate heavily."""

    def __init__(self, key_id: str, key_secret: str) -> None:
        self._without_body = Headers({AUTHORIZATION: basic(key_id, key_secret)})
        self._with_body = Headers({AUTHORIZATION: basic(key_id, key_secret), CONTENT_TYPE: JSON_TYPE})

    async def headers(self, method: str, path: str, body: bytes) -> Headers:
        return self._with_body if body else self._without_body

    async def after_401(self, refused: Headers) -> bool:
        return False

    def worked(self, headers: Headers) -> None:
        return None

    async def close(self) -> None:
        return None


class Signed:
    """A signature over each request; ``wall`` is the machine's own clock. Raises ``Misconfigured`` for a secret that is not Base64."""

    def __init__(self, key: str, secret: str, wall: Callable[[], datetime]) -> None:
        sign_request(key, secret, "GET", "/", "", "", b"")  # a wrong secret shows now, not with the first message
        self._key = key
        self._secret = secret
        self._wall = wall

    async def headers(self, method: str, path: str, body: bytes) -> Headers:
        content_type = JSON_TYPE if body else ""
        timestamp = self._wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        proof = sign_request(self._key, self._secret, method, path, content_type, timestamp, body)
        headers = Headers({AUTHORIZATION: proof, TIMESTAMP: timestamp})
        if body:
            headers[CONTENT_TYPE] = content_type
        return headers

    async def after_401(self, refused: Headers) -> bool:
        return False

    def worked(self, headers: Headers) -> None:
        return None

    async def close(self) -> None:
        return None
