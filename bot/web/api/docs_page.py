"""``GET /docs``: the API's documentation as one page, made here of the OpenAPI document. It asks no other server for anything.

openapi document -> view -> template -> bytes, once; only the server's own address differs by who asks
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import Final

from aiohttp import web

from bot.web.api.docs_view import ORIGIN, View
from bot.web.api.openapi import document
from bot.web.site.pages import TEMPLATES
from bot.web.site.pages import rendered as page_of

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_FILES: Final = {"style.css": "text/css", "docs.js": "text/javascript"}
# Nothing from elsewhere, nothing inline, no frame around it, no form.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def page() -> str:
    """The page for a server at ``ORIGIN``."""
    return rendered(View(document()))


def rendered(view: View) -> str:
    """The view as HTML; whatever words it holds, they are only words."""
    return page_of("docs.html", {"view": view})


@cache
def file(name: str) -> bytes:
    """The style sheet or the script."""
    return (TEMPLATES / name).read_bytes()


async def _page(request: web.Request) -> web.Response:
    text = await asyncio.to_thread(page)  # reads files the first time
    return web.Response(text=text.replace(ORIGIN, _origin(request)), content_type="text/html", headers=HEADERS)


def _origin(request: web.Request) -> str:
    """Where the server is for whoever asks; a host that is none is not repeated into lines that people paste."""
    return f"{request.scheme}://{request.host}" if _HOST.fullmatch(request.host) else ORIGIN


async def _file(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _FILES:
        raise web.HTTPNotFound(headers=HEADERS)
    body = await asyncio.to_thread(file, name)
    return web.Response(body=body, content_type=_FILES[name], charset="utf-8", headers=HEADERS)


def docs_routes() -> list[web.RouteDef]:
    """The page, its style and its script, without a key."""
    return [web.get("/docs", _page), web.get("/docs/{name}", _file)]
