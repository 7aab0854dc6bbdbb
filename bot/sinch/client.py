"""Talking to Sinch over HTTP: sends with a trustworthy account of what became of them, and every other request.

Source: Sinch Conversation API. aiohttp itself resends idempotent methods on a connection that broke, never a POST, so a send leaves once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

import aiohttp
import structlog
from aiohttp import ClientResponse, ClientSession, ClientTimeout, hdrs
from yarl import URL

from bot.core.event import ContactKey
from bot.core.reply import Reply
from bot.crash import reach
from bot.errors import Failed, OutcomeUnknown, Retry
from bot.sinch.auth import CONTENT_TYPE, JSON_TYPE, Auth, Basic, Headers, OAuth, Signed, basic
from bot.sinch.outcome import Refused, Rejected, SendOutcome, Unknown, outcome_of
from bot.sinch.skew import ClockSkew
from bot.sinch.token import Tokens
from bot.sinch.transport import BROKEN, FITS, KEEP_ALIVE_S, Answer, NotConnected, SendConnections
from bot.sinch.wire.answers import Token, parse_error, parse_token
from bot.sinch.wire.render import ButtonIds, render_send

ANSWER_MAX = 8 * 1024 * 1024
CONNECTIONS = 100
FIXED_HEADERS = {"Accept": JSON_TYPE, "User-Agent": "Parley"}
MEASURE_EVERY_S = 10.0
DOUBT_EVERY_S = 1.0  # while the clocks differ
CHECK_EVERY_S = 30.0

# No byte of the request has left when these are raised. Everything else may have come after it did.
NOT_CONNECTED = (NotConnected, aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

log = structlog.get_logger()


Scheme = Literal["oauth2", "basic", "signed"]


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where Sinch is and who we are there. Addresses have no trailing slash; ``auth_url`` is the host of ``/oauth2/token``.

    ``timeout_s`` bounds one request as a whole, ``connect_s`` finding a connection.
    """

    project_id: str
    app_id: str
    key_id: str
    key_secret: str = field(repr=False)
    api_url: str
    auth_url: str = "https://auth.sinch.com"
    auth: Scheme = "oauth2"
    timeout_s: float = 15.0
    connect_s: float = 5.0


@dataclass(frozen=True, slots=True)
class To:
    """To whom a message goes, and what comes back with its receipts.

    ``contact_id`` is used where the contact has no identity. ``ttl_s`` is whole seconds from 3 on, or None where Sinch may keep trying.
    """

    contact: ContactKey
    outbox_id: str = ""
    ttl_s: int | None = None
    contact_id: str = ""


def open_session(settings: ClientSettings) -> ClientSession:
    """A session tuned for Sinch: connections kept alive, no cookies. Close it after the client."""
    return ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        # No sock_read beside a total of the same size: it would cost two timers more for every request and never end one.
        timeout=ClientTimeout(total=settings.timeout_s, connect=settings.connect_s),
        headers=FIXED_HEADERS,
        skip_auto_headers=(hdrs.ACCEPT_ENCODING,),
    )


class SinchClient:
    """Sinch as one app of one project sees it. ``session`` (see ``open_session``) stays the caller's; tokens age by ``monotonic``.

    Raises ``Misconfigured`` when ``signed`` is asked for with a secret that is not Base64.
    """

    def __init__(
        self, settings: ClientSettings, session: ClientSession, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.app_id = settings.app_id
        self.project_path = f"/v1/projects/{quote(settings.project_id, safe='')}"
        self._api_url = settings.api_url
        self._session = session
        self._auth = _auth(settings, session, monotonic)
        self._send_path = f"/v1/projects/{settings.project_id}/messages:send"
        self._send_url = URL(f"{settings.api_url}{self.project_path}/messages:send", encoded=True)
        self._sends = _send_connections(settings, session, self._send_url)
        self._skew = ClockSkew()
        self._measure_at = 0.0  # by the clock that nobody can set
        self._check: asyncio.Task[None] | None = None
        self._check_at = 0.0

    @property
    def clock_skew(self) -> ClockSkew:
        """How far this machine's clock is from Sinch's."""
        return self._skew

    async def send(self, to: To, reply: Reply, button_ids: ButtonIds) -> SendOutcome:
        """Hand ``reply`` to Sinch, once. Never raises for what Sinch or the network does."""
        try:
            body = render_send(self.app_id, to.contact, to.contact_id, reply, to.outbox_id, to.ttl_s, button_ids)
        except Failed as failed:
            return Rejected(0, failed.code, str(failed))
        return await self.post(body)

    async def post(self, body: bytes) -> SendOutcome:
        """Hand a rendered message to Sinch, once. Never raises for what Sinch or the network does."""
        try:
            headers = await self._auth.headers("POST", self._send_path, body)
            outcome = await self._send_once(headers, body)
            if isinstance(outcome, Refused) and outcome.status == 401 and await self._auth.after_401(headers):
                headers = await self._auth.headers("POST", self._send_path, body)
                outcome = await self._send_once(headers, body)
        except (Retry, Failed) as no_token:
            return _without_token(no_token)
        return outcome

    async def ask(self, method: str, path: str, body: bytes = b"", host: str = "") -> bytes:
        """The body of a 2xx answer to any other request; ``path`` is encoded, with its query, ``host`` another than the API's.

        Raises ``Retry`` where the same may succeed later, ``Failed`` where it will not, and ``OutcomeUnknown`` for a POST that may have
        been carried out.
        """
        url = URL(f"{host or self._api_url}{path}", encoded=True)
        headers = await self._auth.headers(method, url.path, body)
        answer = await self._asked(method, url, headers, body)
        if answer.status == 401 and await self._auth.after_401(headers):
            headers = await self._auth.headers(method, url.path, body)
            answer = await self._asked(method, url, headers, body)
        return _body_of(answer)

    async def check_clock(self) -> None:
        """Measure ``clock_skew`` now, unless that was tried less than half a minute ago. Never raises for what Sinch does."""
        if self._check is None:
            now = time.monotonic()
            if now < self._check_at:
                return
            self._check_at = now + CHECK_EVERY_S
            self._check = asyncio.create_task(self._check_once(), name="sinch-clock")
            self._check.add_done_callback(self._checked)
        await asyncio.shield(self._check)

    async def close(self) -> None:
        """Let go of what the client itself has under way; the session stays open."""
        if self._check is not None:
            self._check.cancel()
            await asyncio.wait([self._check])
        if self._sends is not None:
            self._sends.close()
        await self._auth.close()

    async def _check_once(self) -> None:
        self._measure_at = 0.0
        try:
            await self.ask("GET", f"{self.project_path}/apps/{quote(self.app_id, safe='')}")
        except (Retry, Failed) as trouble:
            log.warning("clock_check_failed", reason=str(trouble))

    def _checked(self, check: asyncio.Task[None]) -> None:
        self._check = None

    async def _send_once(self, headers: Headers, body: bytes) -> SendOutcome:
        try:
            answer = await self._exchange("POST", self._send_url, headers, body)
        except NOT_CONNECTED as trouble:
            return Refused(0, "not_connected", f"Sinch could not be reached: {_reason(trouble)}. It is tried again.")
        except BROKEN as trouble:
            return Unknown(0, f"Sinch gave no answer: {_reason(trouble)}. It may or may not have accepted the message.")
        reach("send.answered")
        return outcome_of(answer.status, answer.headers, answer.body)

    async def _asked(self, method: str, url: URL, headers: Headers, body: bytes) -> Answer:
        try:
            return await self._exchange(method, url, headers, body)
        except BROKEN as trouble:
            if method == "POST" and not isinstance(trouble, NOT_CONNECTED):
                raise OutcomeUnknown(
                    f"Sinch gave no answer: {_reason(trouble)}. Look whether it happened."
                ) from trouble
            raise Retry(f"Sinch could not be reached: {_reason(trouble)}. Try again.") from trouble

    async def _exchange(self, method: str, url: URL, headers: Headers, body: bytes) -> Answer:
        asked_at, since = time.time(), time.monotonic()
        if self._sends is not None and url is self._send_url:
            answer = await self._sends.post(headers, body)
        else:
            answer = await _through_session(self._session, method, url, headers, body)
        if answer.status != 401:
            self._auth.worked(headers)
        if since >= self._measure_at:
            self._measure(answer, asked_at, since)
        return answer

    def _measure(self, answer: Answer, asked_at: float, since: float) -> None:
        was_wrong = self._skew.is_too_large
        # A gateway in trouble, or one that is not Sinch's, may have any clock.
        if answer.status < 300 and self._skew.measure(answer.headers.get("Date", ""), asked_at, time.time()):
            if self._skew.is_too_large and not was_wrong:
                self._check_at = 0.0  # one answer alone proves nothing: whoever depends on it may ask again at once
            self._measure_at = since + (DOUBT_EVERY_S if self._skew.is_too_large else MEASURE_EVERY_S)


def _send_connections(settings: ClientSettings, session: ClientSession, url: URL) -> SendConnections | None:
    connector = session.connector
    if connector is None or not FITS:
        return None
    return SendConnections(connector, url, FIXED_HEADERS, settings.timeout_s, settings.connect_s)


def _auth(settings: ClientSettings, session: ClientSession, monotonic: Callable[[], float]) -> Auth:
    match settings.auth:
        case "oauth2":
            return OAuth(Tokens(lambda: _fetch_token(settings, session), monotonic))
        case "basic":
            return Basic(settings.key_id, settings.key_secret)
        case "signed":
            return Signed(settings.key_id, settings.key_secret, lambda: datetime.now(UTC))


async def _fetch_token(settings: ClientSettings, session: ClientSession) -> Token:
    headers = {
        "Authorization": basic(settings.key_id, settings.key_secret),
        CONTENT_TYPE: "application/x-www-form-urlencoded",
    }
    url = URL(f"{settings.auth_url}/oauth2/token", encoded=True)
    try:
        answer = await _through_session(session, "POST", url, headers, b"grant_type=client_credentials")
    except BROKEN as trouble:
        raise Retry(f"Sinch's token endpoint could not be reached: {_reason(trouble)}.") from trouble
    return parse_token(_body_of(answer))


async def _through_session(
    session: ClientSession, method: str, url: URL, headers: Mapping[str, str], body: bytes
) -> Answer:
    response = await session.request(method, url, data=body or None, headers=headers, allow_redirects=False)
    return Answer(response.status, response.headers, await _whole_body(response))


async def _whole_body(response: ClientResponse) -> bytes:
    """The body, or nothing where it breaks off or is larger than any answer of Sinch."""
    try:
        length = response.content_length
        if length is not None and length <= ANSWER_MAX:
            return await response.read()
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > ANSWER_MAX:
                response.close()
                return b""
        return bytes(body)
    except BROKEN:
        response.close()
        return b""


def _body_of(answer: Answer) -> bytes:
    if 200 <= answer.status < 300:
        return answer.body
    error = parse_error(answer.status, answer.body, answer.headers)
    if error.status in (408, 425, 429) or error.status >= 500:
        raise Retry(error.sentence, error.retry_after_s)
    raise Failed(error.sentence, error.code)


def _without_token(trouble: Retry | Failed) -> Refused:
    """Nothing has left, so the message keeps: once the key is mended it can go."""
    if isinstance(trouble, Retry):
        return Refused(0, "no_token", str(trouble), trouble.after_s)
    return Refused(0, trouble.code, str(trouble))


def _reason(trouble: BaseException) -> str:
    if isinstance(
        trouble, aiohttp.ClientResponseError
    ):  # its words hold the whole address, and that holds whom we asked about
        return "it answered with something that is no HTTP"
    return str(trouble).strip().rstrip(".") or type(trouble).__name__
