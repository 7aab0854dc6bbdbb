"""API keys: 256 random bits, shown once, kept as their SHA-256; what a key may do is its scopes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Final

from aiohttp import web

from bot.errors import Refused
from bot.store.keys import ApiKey
from bot.store.port import Store
from bot.web.api.backend import Backend
from bot.web.api.tries import FailedTries
from bot.web.site.origin import address_of
from bot.work.rate import Rate

PREFIX: Final = "parley_"
SCOPES: Final = ("send", "read", "admin")
NAME_MAX: Final = 100
RATE_MAX: Final = 1_000_000
_LONGEST: Final = 200


def new_key() -> str:
    """A fresh key; the prefix lets people and secret scanners recognise it."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> bytes:
    """What is stored of a key. A plain hash is enough, as nobody can guess 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class TooMany(Refused):
    """Too much was asked; ``wait_s`` seconds until more may be."""

    def __init__(self, sentence: str, code: str, cure: str, wait_s: int) -> None:
        super().__init__(sentence, code, cure, 429)
        self.wait_s = wait_s


def too_many_tries(wait_s: int) -> TooMany:
    """An address that failed too often."""
    return TooMany(
        "Too many requests with a wrong key came from this address.",
        "too-many-tries",
        f"Wait {wait_s} seconds, then use a key made with `keys create`.",
        wait_s,
    )


def _no_key(sent: str | None) -> Refused:
    """What is amiss with the header, as far as that tells nobody anything about keys."""
    cure = "Send `Authorization: Bearer KEY` with a key made by `python run.py keys create`."
    if sent is None:
        return Refused("The request has no header Authorization, so no API key.", "unauthorized", cure, 401)
    if sent.partition(" ")[0].lower() != "bearer":
        return Refused("The header Authorization does not begin with the word Bearer.", "unauthorized", cure, 401)
    return Refused(
        "The API key is none of this server's, or was revoked.",
        "unauthorized",
        "Send the whole key as `keys create` printed it; `python run.py keys list` tells which are in use.",
        401,
    )


class Doorkeeper:
    """Knows by its key who asks, what it may do, and how much of it in a second."""

    def __init__(self, store: Store, tries: FailedTries, now: Callable[[], datetime]) -> None:
        self._store = store
        self._tries = tries
        self._now = now
        self._rates: dict[int, Rate] = {}

    async def admit(self, request: web.Request, scope: str) -> ApiKey:
        """The key of the request, which has ``scope`` (``admin`` may everything). Raises ``Refused`` with 401, 403 or 429."""
        address = address_of(request)
        wait_s = self._tries.wait_s(address)
        if wait_s:
            raise too_many_tries(wait_s)
        key = await self._known(request)
        if key is None:
            self._tries.failed(address)
            raise _no_key(request.headers.get("Authorization"))
        if not key.scopes & {scope, "admin"}:
            raise Refused(
                f'The key "{key.name}" may not do this; it needs the scope "{scope}".',
                "forbidden",
                f"Make a key with `python run.py keys create --scope {scope}`.",
                403,
            )
        if key.rate:
            self._count(key)
        return key

    def _count(self, key: ApiKey) -> None:
        rate, now = self._rates.setdefault(key.id, Rate(key.rate)), self._now()
        if rate.available(now) < 1:
            wait_s = max(1, ceil((rate.next_at(now) - now).total_seconds()))
            raise TooMany(
                f'The key "{key.name}" may make {key.rate} requests a second.',
                "too-many-requests",
                f"Send slower, and this one again in {wait_s} s.",
                wait_s,
            )
        rate.take(1)

    async def _known(self, request: web.Request) -> ApiKey | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > _LONGEST:
            return None
        return await self._store.keys.find(hash_of(key))


async def make_key(store: Store, name: str, scopes: Iterable[str], now: datetime, rate: int = 0) -> str:
    """Make and store a key; the key itself, which nobody can look up afterwards. Raises ``Refused``: name taken, unknown scope, no rate."""
    wanted = frozenset(scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown or not wanted:
        raise Refused(
            f'There is no scope "{unknown[0]}".' if unknown else "A key needs a scope.",
            "unknown-scope",
            f"Scopes are {', '.join(SCOPES)}.",
            422,
        )
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused(
            f"The name of a key has 1 to {NAME_MAX} printable characters.", "bad-name", "Choose another name.", 422
        )
    if not 0 <= rate <= RATE_MAX:
        raise Refused(
            f"{rate} is no rate for a key.",
            "bad-rate",
            f"It is 1 to {RATE_MAX} requests a second, or 0 for no limit.",
            422,
        )
    key = new_key()
    await store.keys.create(name, wanted, hash_of(key), now, rate)
    return key


async def listed(store: Store) -> list[dict[str, object]]:
    """Every key as JSON tells it, oldest first: name, scopes, rate, when it was made and revoked."""
    return [_plain(key) for key in await store.keys.listed()]


def _plain(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "scopes": sorted(key.scopes, key=SCOPES.index),
        "rate": key.rate,
        "created_at": _iso(key.created_at),
        "revoked_at": _iso(key.revoked_at),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def commands(
    backend: Backend,
) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
    """What the machine's own operator may have done with keys in the running server."""

    async def create(request: Mapping[str, object]) -> Mapping[str, object]:
        scopes, rate = request.get("scopes"), request.get("rate", 0)
        wanted = [str(scope) for scope in scopes] if isinstance(scopes, list) else []
        asked = rate if isinstance(rate, int) else -1
        return {"key": await make_key(backend.store, str(request.get("name", "")), wanted, backend.now(), asked)}

    async def tell(_: Mapping[str, object]) -> Mapping[str, object]:
        return {"keys": await listed(backend.store)}

    async def revoke(request: Mapping[str, object]) -> Mapping[str, object]:
        return _plain(await backend.store.keys.revoke(str(request.get("name", "")), backend.now()))

    return {"keys.create": create, "keys.list": tell, "keys.revoke": revoke}
