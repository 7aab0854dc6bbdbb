"""What every API request passes: faults, credentials, the project, and refusals put into Sinch's words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from bot.sinch.emulator.answers import Rejected, html, refusal
from bot.sinch.emulator.faults import Fault, FaultKind
from bot.sinch.emulator.fields import text_in
from bot.sinch.emulator.traffic import BODY_MAX, Exchange, shown_headers
from bot.sinch.emulator.world import World

SEND = "messages:send"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gate:
    """Wraps handlers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def api(self, handler: Handler) -> Handler:
        """A handler behind faults, credentials and the project check."""

        async def admitted(request: web.Request) -> web.StreamResponse:
            await self._world.door.admit(request)
            self._check_project(request.match_info.get("project", ""))
            return await handler(request)

        return self.open(admitted)

    def open(self, handler: Handler) -> Handler:
        """A handler behind faults alone; the token endpoint is one."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            fault = self._world.faults.for_request(request.path)
            if fault is not None:
                self._world.faults.count(fault)
                self._world.truth.note("fault", {"fault": fault.kind.value, "path": request.path})
            answer = await self._answer_to(request, handler, fault)
            if request.path.endswith(SEND):
                await self._keep(request, answer, fault)
            return await self._brought_back(request, answer, fault)

        return guarded

    def control(self, handler: Handler) -> Handler:
        """A handler of the emulator's own controls: no faults, no credentials, but nothing for other sites' pages.

        Browsers name the page behind a POST in ``Origin``; other programs name none.
        """

        async def answered(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if origin is not None and origin not in self._own_origins():
                return refusal(403, f"A page of {origin[:100]} may not use the emulator.")
            return await _answered(handler, request)

        return answered

    def _own_origins(self) -> tuple[str, str]:
        url = self._world.url
        return url, f"http://localhost:{url.rpartition(':')[2]}"

    async def _answer_to(
        self, request: web.Request, handler: Handler, fault: Fault | None
    ) -> web.StreamResponse | None:
        """What is answered; None where the request is not even taken."""
        if fault is None:
            return await _answered(handler, request)
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                return refusal(429, "Too many requests.", headers)
            case FaultKind.UNAVAILABLE:
                return refusal(503, "The service is currently unavailable.", headers)
            case FaultKind.STATUS:
                return refusal(fault.status, "The emulator was told to answer this.", headers)
            case FaultKind.HTML:
                return html(fault.status)
            case FaultKind.REFUSED:
                return None
            case _:
                return await _answered(handler, request)

    async def _brought_back(
        self, request: web.Request, answer: web.StreamResponse | None, fault: Fault | None
    ) -> web.StreamResponse:
        """The answer's way back to the caller, on which it may be lost or take long."""
        if answer is None or (fault is not None and fault.kind is FaultKind.LOST_RESPONSE):
            return _hung_up(request)
        if fault is not None and fault.kind is FaultKind.SLOW:
            await self._world.clock.sleep(fault.seconds)
        return answer

    async def _keep(self, request: web.Request, answer: web.StreamResponse | None, fault: Fault | None) -> None:
        """Keep a send for whoever looks at the message's traffic."""
        body = await request.read()
        said = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
        exchange = Exchange(
            method=request.method,
            path=request.path,
            at=self._world.clock.now(),
            headers=shown_headers(request.headers),
            body=body[:BODY_MAX],
            size=len(body),
            status=0 if answer is None else answer.status,
            answer=said[:BODY_MAX],
            fault="" if fault is None else fault.kind.value,
        )
        metadata, message_id = _text_of(body, "message_metadata"), _text_of(said, "message_id")
        if message_id:
            self._world.traffic.accepted(message_id, metadata, exchange)
        else:
            self._world.traffic.turned_down(metadata, exchange)

    def _check_project(self, project: str) -> None:
        settings = self._world.settings
        if settings.only_this_project and project != settings.project_id:
            raise Rejected(f"The credentials have no access to project {project}.", 403)


async def _answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    try:
        return await handler(request)
    except Rejected as rejected:
        return refusal(rejected.status, rejected.sentence, rejected.headers)
    except OSError as trouble:
        # The truth could not be written, so nothing was accepted.
        return refusal(500, f"The emulator cannot write its truth: {trouble}.")


def _hung_up(request: web.Request) -> web.StreamResponse:
    """The connection ends without an answer, as when a machine on the way dies."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _text_of(body: bytes, key: str) -> str:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return text_in(value, key) if isinstance(value, dict) else ""
