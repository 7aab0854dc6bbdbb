"""What every API request passes: faults, credentials, the project, and refusals put into Sinch's words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, html, refusal
from bot.sinch.emulator.faults import Fault, FaultKind
from bot.sinch.emulator.world import World

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
            if fault is None:
                return await _answered(handler, request)
            self._world.faults.count(fault.kind)
            self._world.truth.note("fault", {"fault": fault.kind.value, "path": request.path})
            return await self._troubled(fault, handler, request)

        return guarded

    def control(self, handler: Handler) -> Handler:
        """A handler of the emulator's own controls: no faults, no credentials."""

        async def answered(request: web.Request) -> web.StreamResponse:
            return await _answered(handler, request)

        return answered

    async def _troubled(self, fault: Fault, handler: Handler, request: web.Request) -> web.StreamResponse:
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
                return _hung_up(request)
            case FaultKind.LOST_RESPONSE:
                await _answered(handler, request)
                return _hung_up(request)
            case FaultKind.SLOW:
                answer = await _answered(handler, request)
                await self._world.clock.sleep(fault.seconds)
                return answer
            case _:
                return await _answered(handler, request)

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
