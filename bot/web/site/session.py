"""Signed cookies: who logged in, since when, and with which password. The server keeps nothing; the cookie is worth nothing elsewhere.

name, since, issued, fingerprint -> JSON -> base64 "." HMAC-SHA256 under a key made of the installation's
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

COOKIE: Final = "parley_session"
IDLE: Final = timedelta(hours=12)  # without a page, one is logged out
LONGEST: Final = timedelta(days=7)
RENEW: Final = timedelta(minutes=10)
_LENGTH_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Session:
    """``fingerprint`` changes with the password, so that a new one ends all sessions of the old. ``issued_at`` moves on with use."""

    name: str
    since: datetime
    issued_at: datetime
    fingerprint: str

    def is_alive(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.issued_at <= now + RENEW and now < self.issued_at + IDLE and now < self.since + LONGEST


class Sealer:
    """Makes and reads cookies; ``key`` is the installation's."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"session cookies", hashlib.sha256)

    def fingerprint(self, secret: str) -> str:
        """Of a password, or of its hash: tells a change, and nothing else."""
        return hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def seal(self, session: Session) -> str:
        """The cookie's value."""
        content = [session.name, session.since.timestamp(), session.issued_at.timestamp(), session.fingerprint]
        body = urlsafe_b64encode(orjson.dumps(content))
        return f"{body.decode()}.{self._signature(body)}"

    def open(self, cookie: str) -> Session | None:
        """Any text in; the session if we made it, else None."""
        body, dot, signature = cookie.rpartition(".")
        if not dot or len(cookie) > _LENGTH_MAX or not cookie.isascii():
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(body.encode()).encode()):
            return None
        name, since, issued_at, fingerprint = orjson.loads(urlsafe_b64decode(body))
        return Session(name, datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(issued_at, UTC), fingerprint)

    def _signature(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()
