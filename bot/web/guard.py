"""What holds for every answer, whoever asked."""

from __future__ import annotations

from aiohttp import web


def runner_of(app: web.Application, shutdown_timeout: float) -> web.AppRunner:
    """What serves ``app``. Bodies stay as they were sent: nobody's packed megabyte is unpacked while the others wait."""
    return web.AppRunner(
        app, access_log=None, keepalive_timeout=75, shutdown_timeout=shutdown_timeout, auto_decompress=False
    )


def hide_server(app: web.Application) -> None:
    """Tell nobody which server and version answers: that helps attackers only."""
    app.on_response_prepare.append(_unbranded)


async def _unbranded(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.popall("Server", None)
