"""API keys as stored: the hash alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A backend's key. ``rate``: the most requests it may make in a second, 0 for no limit."""

    id: int
    name: str
    scopes: frozenset[str]
    rate: int = 0
    created_at: datetime | None = None
    revoked_at: datetime | None = None


PAGES_KEY: Final = 0  # whose idempotency keys those of our own pages are; the database is made with it


class Keys(Protocol):
    """Who may use the API. See ``bot.store.port`` for what every method promises."""

    async def create(self, name: str, scopes: frozenset[str], key_hash: bytes, now: datetime, rate: int = 0) -> ApiKey:
        """Store a key's SHA-256; ``Refused`` when a key that was not revoked has that name."""
        ...

    async def find(self, key_hash: bytes) -> ApiKey | None:
        """The key of that hash unless it was revoked. Asked for every request, so it is quick."""
        ...

    async def listed(self) -> Sequence[ApiKey]:
        """Every key, oldest first, also those that were revoked."""
        ...

    async def revoke(self, name: str, now: datetime) -> ApiKey:
        """From this commit on it opens nothing; ``Refused`` where no such key is in use."""
        ...
