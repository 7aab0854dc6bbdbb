"""Who may call: tokens it issued itself, Basic, and requests signed with an application key."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import datetime, timedelta

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, ok
from bot.sinch.emulator.clock import Clock
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.signatures import application_signature

_EXPIRED = 'Bearer error="invalid_token", error_description="The access token expired"'
_UNKNOWN = 'Bearer error="invalid_token", error_description="The access token is not valid"'
_MISSING = 'Bearer realm="sinch"'


class Door:
    """Checks credentials; any will do unless the settings pin a key."""

    def __init__(self, settings: EmulatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._pinned = bool(settings.key_id and settings.key_secret)
        self._expires_at: dict[str, datetime] = {}
        self.tokens_issued = 0

    def token(self, authorization: str, grant_type: str) -> web.Response:
        """The answer of the token endpoint (Sinch, OAuth2 client credentials)."""
        if grant_type != "client_credentials":
            return ok({"error": "unsupported_grant_type", "error_description": "Use client_credentials."}, 400)
        if not self._basic_is_right(authorization):
            return ok({"error": "invalid_client", "error_description": "Client authentication failed."}, 401)
        token = "emulated." + secrets.token_urlsafe(32)
        life_s = self._settings.token_life_s
        self._expires_at[token] = self._clock.now() + timedelta(seconds=life_s)
        self.tokens_issued += 1
        return ok({"access_token": token, "token_type": "bearer", "expires_in": life_s, "scope": ""})

    def expire_tokens(self) -> None:
        """Every token issued so far has expired as of now."""
        now = self._clock.now()
        self._expires_at = dict.fromkeys(self._expires_at, now)

    def forget_tokens(self) -> None:
        """Every token issued so far is unknown, which is answered 401 without the word that SDKs refresh at."""
        self._expires_at.clear()

    async def admit(self, request: web.Request) -> None:
        """Let a request in. Raises Rejected with 401."""
        authorization = request.headers.get("Authorization", "")
        scheme, _, rest = authorization.partition(" ")
        match scheme:
            case "Bearer":
                self._admit_token(rest)
                return
            case "Basic":
                is_right = self._basic_is_right(authorization)
            case "Application":
                is_right = await self._signature_is_right(request, rest)
            case _:
                is_right = False
        if not is_right:
            raise Rejected("The request has no valid credentials.", 401, {"WWW-Authenticate": _MISSING})

    def _admit_token(self, token: str) -> None:
        expires_at = self._expires_at.get(token)
        if expires_at is None:
            raise Rejected("The access token is not valid.", 401, {"WWW-Authenticate": _UNKNOWN})
        if self._clock.now() >= expires_at:
            raise Rejected("The access token expired.", 401, {"WWW-Authenticate": _EXPIRED})

    def _basic_is_right(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        key_id, colon, secret = given.partition(b":")
        if scheme != "Basic" or not (key_id and colon and secret):
            return False
        right = f"{self._settings.key_id}:{self._settings.key_secret}".encode()
        return not self._pinned or hmac.compare_digest(given, right)

    async def _signature_is_right(self, request: web.Request, rest: str) -> bool:
        key_id, colon, signature = rest.partition(":")
        if not (key_id and colon and signature and request.headers.get("x-timestamp")):
            return False
        if not self._pinned:
            return True
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        secret = self._settings.key_secret
        expected = application_signature(secret, request.method, request.rel_url.path, headers, body)
        return key_id == self._settings.key_id and hmac.compare_digest(signature.encode(), expected.encode())
