"""The files that people sent, from this server, so that the page shows them without asking another one."""

from __future__ import annotations

from aiohttp import web
from aiohttp.helpers import content_disposition_header

from bot.sinch.emulator.media import SAFE_INLINE
from bot.web.phone.booth import BOOTH
from bot.web.site.access import Visitor
from bot.web.site.pages import HEADERS


async def held(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A file as it was recorded. Whatever could run a script in a browser is only handed over for saving."""
    file = request.app[BOOTH].emulator.files.get(request.match_info["file"])
    if file is None:
        raise web.HTTPNotFound
    disposition = "inline" if file.recorded_as in SAFE_INLINE else "attachment"
    headers = {
        **HEADERS,
        "Content-Type": file.recorded_as,
        "Content-Disposition": content_disposition_header(disposition, filename=file.name or file.id),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=3600",
    }
    return web.Response(body=file.body, headers=headers)
