"""Pages made of templates, and the files they need. Nothing comes from another server, nothing is written inline (CSP).

values -> template (autoescaped) -> HTML with headers
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.web.site import words

WEB: Final = Path(__file__).parents[1]
TEMPLATES: Final = WEB / "pages"
STATIC: Final = WEB / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Nothing from elsewhere, nothing inline, no frame around it; forms go to where the page came from.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def environment() -> Environment:
    """Templates with the words of ``bot.web.site.words`` as filters; a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=words.moment,
        until=words.until,
        exact=words.exact,
        span=words.span,
        number=words.number,
        counted=words.counted,
        masked=words.masked,
        coded=words.coded,
        path=words.path,
    )
    made.globals["static"] = address
    return made


def rendered(template: str, values: Mapping[str, object]) -> str:
    """The template's text; whatever words the values hold, they are only words. Half a character, which nobody can send, becomes ``?``."""
    text = environment().get_template(template).render(values)
    return text.encode("utf-8", "replace").decode()


def html(text: str, status: int = 200) -> web.Response:
    """A page, or a part of one."""
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


@cache
def _file(name: str) -> tuple[bytes, str]:
    body = (STATIC / name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:12]


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir() if path.suffix in _TYPES)


def address(name: str) -> str:
    """Where a file of ``static`` is; a changed file has another address, so that nobody's browser keeps the old one."""
    return f"/static/{name}?v={_file(name)[1]}"


def warm() -> None:
    """Read what pages are made of, so that no request waits for the disk. Blocks: call it from a thread."""
    for name in _names():
        address(name)
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _names():
        raise web.HTTPNotFound(headers=HEADERS)
    body, version = _file(name)
    kept = "public, max-age=31536000, immutable" if request.query.get("v") == version else "no-cache"
    headers = {**HEADERS, "Cache-Control": kept}
    return web.Response(body=body, content_type=_TYPES[Path(name).suffix], charset="utf-8", headers=headers)


def static_routes() -> list[web.RouteDef]:
    """Styles and scripts, for everybody: they hold nothing of anybody."""
    return [web.get("/static/{name}", _static)]
