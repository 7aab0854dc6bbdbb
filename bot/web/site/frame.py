"""What is around all pages: headers on every answer, and a page for whatever goes wrong."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.errors import ParleyError
from bot.web.api.problem import problem
from bot.web.site.access import Access, Visitor
from bot.web.site.guard import came_from, refusal, refused_page, stranger
from bot.web.site.pages import HEADERS

log = structlog.get_logger()

_SENTENCES: Final = {
    404: ("Not here", "There is nothing at this address. It may have been deleted, or the address is not whole."),
    405: ("Not possible", "This cannot be done at this address."),
    413: ("Too large", "What was sent is larger than this page takes."),
}


def site_app(access: Access, root: str) -> web.Application:
    """An application for pages under ``root``, to which routes are added. Every answer of it has the headers of pages, also when there
    is no such page, or it breaks; no stranger can tell those from a page that is there. How large a form may be, the server it is mounted
    at decides."""
    app = web.Application(middlewares=[_troubles(access, root)])
    app.on_response_prepare.append(_with_headers)
    return app


async def _with_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _troubles(access: Access, root: str) -> Middleware:
    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return await _in_our_words(error, request, access, root)
        except ConnectionError:
            raise  # nobody is there to answer
        except Exception as error:
            return refusal(error, None)

    return handle


async def _in_our_words(
    error: web.HTTPException, request: web.Request, access: Access, root: str
) -> web.StreamResponse:
    """What the server itself refuses. A stranger is told of it what he is told of any page."""
    try:
        visitor: Visitor | None = await access.visitor(request)
    except ParleyError as trouble:
        return refusal(trouble, None)
    if visitor is None:
        return stranger(request, root)
    title, sentence = _SENTENCES.get(error.status, ("Not done", f"The server answered: {error.reason}."))
    page = refused_page(visitor, error.status, title, sentence, back=came_from(request))
    if isinstance(error, web.HTTPMethodNotAllowed):
        page.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return page


@web.middleware
async def nowhere(request: web.Request, handler: Handler) -> web.StreamResponse:
    """For the whole server: what is at no address is a page for people and a problem document for programs."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if "text/html" in request.headers.get("Accept", ""):
            answer = refused_page(None, 404, *_SENTENCES[404])
        else:
            answer = problem(
                404, "not-found", f"There is nothing at {request.path}.", "Check the address.", headers=HEADERS
            )
        answer.headers["Vary"] = "Accept"
        return answer
