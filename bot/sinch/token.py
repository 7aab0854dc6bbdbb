"""The access token of OAuth2 client credentials: fetched once for all, renewed before it ends, replaced when Sinch refuses it.

Source: Sinch Conversation API, authentication; OAuth 2.0 (RFC 6749), client credentials.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from bot.errors import Failed, ParleyError, Retry
from bot.sinch.wire.answers import Token

REFRESH_SHARE = 0.85  # of a token's life; until its end the old one is used while the new one is on its way
SPARE_S = 5.0  # a token this near its end could end on the way
PAUSE_S = 1.0  # after a failure that says nothing of when to come back
REFUSED_PAUSE_S = 5.0  # after Sinch refused the key itself, and before a token that never worked is replaced

log = structlog.get_logger()


class Tokens:
    """One token for all callers.

    ``fetch`` asks the token endpoint once; it raises ``Retry`` or ``Failed``. While it fails, callers get that failure at once and the
    endpoint is left alone for as long as it said, or a second.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Token]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._flight: asyncio.Task[str] | None = None
        self._failure: ParleyError | None = None
        self._closed_until = -math.inf
        self._fetched_at = -math.inf
        self._forget()

    async def current(self) -> str:
        """A token to use now. Raises ``Retry`` or ``Failed`` where there is none to be had; nothing was sent then."""
        now = self._monotonic()
        if now < self._refresh_at:
            return self._token
        if now < self._expires_at:
            if now >= self._closed_until:
                _ = self._launch()  # for whoever comes later
            return self._token
        return await self._fetched()

    async def instead_of(self, refused: str) -> str | None:
        """A token to try after Sinch answered 401 to ``refused``; None where another would not help. Raises as ``current``.

        However many callers were refused with one token, one new token is fetched. A token that never worked is not replaced within
        seconds: then it is the key that is wrong.
        """
        if self._token == refused:
            if not self._worked and self._monotonic() - self._fetched_at < REFUSED_PAUSE_S:
                return None
            self._forget()
        return self._token or await self._fetched()

    def worked(self, token: str) -> None:
        """Sinch took ``token``."""
        if token == self._token:
            self._worked = True

    async def close(self) -> None:
        """Give up a fetch under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _forget(self) -> None:
        self._token = ""
        self._worked = False
        self._refresh_at = self._expires_at = -math.inf

    async def _fetched(self) -> str:
        left_s = self._closed_until - self._monotonic()
        if self._flight is None and self._failure is not None and left_s > 0:
            raise _again(self._failure, left_s)
        return await asyncio.shield(self._launch())

    def _launch(self) -> asyncio.Task[str]:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly(), name="sinch-token")
            self._flight.add_done_callback(self._landed)
        return self._flight

    async def _fly(self) -> str:
        asked_at = self._monotonic()
        token = await self._fetch()
        self._token, self._worked, self._failure = token.access_token, False, None
        self._fetched_at = self._monotonic()
        self._refresh_at = asked_at + token.expires_in_s * REFRESH_SHARE
        self._expires_at = max(self._refresh_at, asked_at + token.expires_in_s - SPARE_S)
        return token.access_token

    def _landed(self, flight: asyncio.Task[str]) -> None:
        self._flight = None
        failure = None if flight.cancelled() else flight.exception()
        if failure is None:
            return
        if not isinstance(failure, ParleyError):
            log.error("token_refresh_failed", exc_info=failure)
            return
        pause_s = failure.after_s if isinstance(failure, Retry) else REFUSED_PAUSE_S
        self._failure = failure
        self._closed_until = self._monotonic() + (PAUSE_S if pause_s is None else pause_s)
        log.warning("token_refresh_failed", reason=str(failure))


def _again(failure: ParleyError, left_s: float) -> ParleyError:
    return Failed(str(failure), failure.code) if isinstance(failure, Failed) else Retry(str(failure), left_s)
