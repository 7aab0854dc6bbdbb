"""What holds for every answer, whoever asked."""

from __future__ import annotations

from aiohttp import web


def hide_server(app: web.Application) -> None:
    """Tell nobody which server and version answers: that helps attackers only."""
    app.on_response_prepare.append(_unbranded)


async def _unbranded(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.popall("Server", None)
