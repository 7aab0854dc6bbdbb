"""What holds for every client and every answer, whoever asks."""

from __future__ import annotations

import asyncio
import resource
from typing import Any, Final

from aiohttp import web

from bot.web.connection import Connection
from bot.web.crowd import Crowd, Limits

_SPARE: Final = 256  # files that the program has open besides connections: the database, rules, requests of its own
_READ_BYTES: Final = 64 * 1024  # of a body that nobody reads twice as much is kept


class GuardedServer(web.Server):
    """aiohttp's server, with our connections."""

    def __init__(self, app_server: web.Server, crowd: Crowd, **settings: Any) -> None:
        super().__init__(app_server.request_handler, request_factory=app_server.request_factory)
        self._crowd = crowd
        self._settings = settings

    def __call__(self) -> web.RequestHandler:
        return Connection(self, self._crowd, asyncio.get_running_loop(), **self._settings)


class Runner(web.AppRunner):
    """What serves an application within ``limits``. Bodies stay as they were sent: nobody's packed megabyte is unpacked while the others
    wait."""

    def __init__(self, app: web.Application, shutdown_timeout: float, limits: Limits) -> None:
        super().__init__(app, shutdown_timeout=shutdown_timeout)
        self.crowd = Crowd(limits)

    async def _make_server(self) -> web.Server:
        limits = self.crowd.limits
        self.crowd.start()
        return GuardedServer(
            await super()._make_server(),
            self.crowd,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=limits.idle_s,
            lingering_time=limits.linger_s,
            max_headers=limits.headers,
            max_line_size=limits.line_bytes,
            max_field_size=limits.line_bytes,
            read_bufsize=_READ_BYTES,
        )

    async def _cleanup_server(self) -> None:
        self.crowd.stop()
        await super()._cleanup_server()


def runner_of(app: web.Application, shutdown_timeout: float, limits: Limits | None = None) -> Runner:
    """What serves ``app``; ``limits`` other than usual in tests."""
    return Runner(app, shutdown_timeout, limits or Limits())


def limits_here() -> Limits:
    """The usual limits, with no more connections than this process may open files. Asks the system for as many files as are needed."""
    usual = Limits()
    wanted = usual.connections + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return usual
    return Limits(connections=max(1, soft - _SPARE))


def give_time(request: web.BaseRequest) -> None:
    """Its client is known: what it sends may take a minute. Strangers have five seconds."""
    if isinstance(request.protocol, Connection):
        request.protocol.give_time()


def hang_up(request: web.BaseRequest) -> None:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()


def hide_server(app: web.Application) -> None:
    """Tell nobody which server and version answers: that helps attackers only."""
    app.on_response_prepare.append(_unbranded)


async def _unbranded(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.popall("Server", None)
