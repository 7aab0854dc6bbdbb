"""Who may see the pages.

A page is asked for -> the cookie's session -> the user in use, with the same password as then -> the role is enough. Where a request
that changes something comes from is looked at in ``bot.web.site.origin``.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from bot.errors import Overloaded, Refused
from bot.store.users import Role, Users
from bot.web.api.tries import FailedTries
from bot.web.site.origin import is_https, is_local, masked_address
from bot.web.site.passwords import PASSWORD_MAX, as_typed, hashed, verified
from bot.web.site.session import COOKIE, LONGEST, RENEW, Sealer, Session

ADMIN: Final = "admin"  # whose password is ADMIN_PASSWORD
NAME_MAX: Final = 64
CHECKED_AT_ONCE: Final = 2  # each takes 64 MiB and a core for a moment
WAITING_MOST: Final = 20  # to be checked; who comes then is told to come back
TRIES_OF_A_NAME: Final = 10  # wrong ones in a minute from one address
TRIES_OF_AN_ADDRESS: Final = 100
_RANKS: Final[dict[Role, int]] = {"view": 0, "answer": 1, "operate": 2}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page."""

    name: str
    role: Role
    is_guest: bool = False  # of the demo, which asks nobody to log in
    phone: str = ""  # where the demo's phone is; elsewhere there is none

    def may(self, role: Role) -> bool:
        """Whether their role is at least that."""
        return _RANKS[self.role] >= _RANKS[role]


class Access:
    """Lets people in. ``admin_password`` empty: there is no user ``admin``. In the demo, ``guest`` is who everybody on this machine is
    (None: they log in), and ``phone`` where the phone is."""

    def __init__(
        self,
        users: Users,
        installation_key: bytes,
        now: Callable[[], datetime],
        admin_password: str = "",
        guest: Visitor | None = None,
        phone: str = "",
    ) -> None:
        self._users = users
        self._sealer = Sealer(installation_key)
        self._now = now
        self._admin = as_typed(admin_password)
        self._guest = replace(guest, phone=phone) if guest is not None else None
        self.phone = phone
        self._by_name = FailedTries(now, TRIES_OF_A_NAME)  # of one address and name
        self._by_address = FailedTries(now, TRIES_OF_AN_ADDRESS)
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def visitor(self, request: web.Request) -> Visitor | None:
        """Who asks; None: nobody we know."""
        if self._guest is not None:
            return self._guest if is_local(request) else None
        session = self._session(request)
        if session is None:
            return None
        found = await self._holder(session.name)
        if found is None or not hmac.compare_digest(found[1], session.fingerprint):
            return None
        return found[0]

    def still_in(self, request: web.Request) -> Callable[[], Awaitable[bool]]:
        """Asks, as often as it is called, whether whoever sent ``request`` may look on."""

        async def may_go_on() -> bool:
            return await self.visitor(request) is not None

        return may_go_on

    async def has_anybody(self) -> bool:
        """Whether anybody could log in at all."""
        return bool(self._admin) or any(user.revoked_at is None for user in await self._users.listed())

    async def log_in(self, name: str, password: str, address: str) -> str:
        """The cookie's value. ``Refused`` with a sentence for the person; whether the name or the password was wrong is not told.
        ``Overloaded`` where too many try at once."""
        name = name[:NAME_MAX]
        self._look_at_tries(name, address)
        if self._waiting >= WAITING_MOST:
            raise Overloaded("Too many people are logging in at this moment.")
        self._waiting += 1
        try:
            async with self._checking:
                self._look_at_tries(name, address)  # many may have come at once, before the first was found wrong
                return await self._log_in(name, password, address)
        finally:
            self._waiting -= 1

    def renew(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let a session in use go on: a cookie that is some minutes old is made anew."""
        session = self._session(request)
        if session is not None and self._now() - session.issued_at > RENEW:
            renewed = Session(session.name, session.since, self._now(), session.fingerprint)
            set_cookie(request, response, self._sealer.seal(renewed))

    def _session(self, request: web.Request) -> Session | None:
        """The one of the request's cookie, if we made it and it still counts; whether its user does is not looked at."""
        session = self._sealer.open(request.cookies.get(COOKIE, ""))
        return session if session is not None and session.is_alive(self._now()) else None

    def _look_at_tries(self, name: str, address: str) -> None:
        wait_s = max(self._by_name.wait_s(f"{address} {name}"), self._by_address.wait_s(address))
        if wait_s:
            raise Refused("There were too many wrong passwords.", "too-many-tries", f"Wait {wait_s} seconds.", 429)

    async def _log_in(self, name: str, password: str, address: str) -> str:
        holder = await self._holder(name)
        if not await self._is_right(name, password) or holder is None:
            self._by_name.failed(f"{address} {name}")
            self._by_address.failed(address)
            # What nobody is called may be a password in the wrong field.
            log.warning("login_failed", name=name if holder is not None else "", network=masked_address(address))
            raise Refused("That name and password do not belong together.", "wrong-password", "Try again.", 401)
        now = self._now()
        await self._users.logged_in(name, now)
        log.info("login", name=name, role=holder[0].role, network=masked_address(address))
        return self._sealer.seal(Session(name, now, now, holder[1]))

    async def _holder(self, name: str) -> tuple[Visitor, str] | None:
        """The user in use of that name, and the fingerprint of their password."""
        if name == ADMIN:
            return (
                (Visitor(ADMIN, "operate", phone=self.phone), self._sealer.fingerprint(self._admin))
                if self._admin
                else None
            )
        user = await self._users.find(name) if name else None
        return (
            None
            if user is None
            else (Visitor(user.name, user.role, phone=self.phone), self._sealer.fingerprint(user.password))
        )

    async def _is_right(self, name: str, password: str) -> bool:
        """Takes as long for a name nobody has as for any other."""
        if len(password) > PASSWORD_MAX:
            return False
        user = await self._users.find(name) if name and name != ADMIN else None
        if self._nobody is None:
            self._nobody = await asyncio.to_thread(hashed, "nobody's password")
        matches = await asyncio.to_thread(verified, user.password if user is not None else self._nobody, password)
        if name == ADMIN and self._admin:
            typed = self._sealer.fingerprint(as_typed(password))
            return hmac.compare_digest(typed, self._sealer.fingerprint(self._admin))
        return matches and user is not None


def set_cookie(request: web.Request, response: web.StreamResponse, value: str) -> None:
    """For this site alone, out of reach of scripts; over HTTPS never without it."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_https(request),
    )
