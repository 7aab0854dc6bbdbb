"""Pages declared once: path, what makes them, and who may ask. Every request to them passes here.

visitor -> role -> from our own page? (for what changes something) -> handler -> refusals as a page
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDictProxy

from bot.errors import ParleyError, Refused, Retry
from bot.store.users import Role
from bot.web.guard import give_time
from bot.web.site.access import Access, Visitor
from bot.web.site.live import WHO
from bot.web.site.origin import is_from_here, is_our_own
from bot.web.site.pages import HEADERS, html, rendered

log = structlog.get_logger()

Handler = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]
NEEDS: Final[dict[Role, str]] = {
    "view": "look at these pages",
    "answer": "answer people",
    "operate": "operate the bot",
}
NEXT_MAX: Final = 1000  # characters of an address to go on to after logging in; longer ones lead to the inbox
LOGGED_OUT: Final = "You are not logged in, or no longer. Log in and repeat it; nothing was done."
# What aiohttp raises where a form is none, a part of it has broken headers, or is packed in a way that nobody knows.
UNREADABLE: Final = (ValueError, LookupError, RuntimeError, AssertionError, HttpProcessingError, zlib.error)
MISTAKE: Final = "Parley made a mistake; it is not yours."


@dataclass(frozen=True, slots=True)
class Page:
    """``path`` is below the application's own. ``role``: the least that a visitor must have. ``is_part``: asked for by the page's script,
    so that who is not logged in gets 401 and not the login page."""

    method: Literal["GET", "POST"]
    path: str
    handle: Handler
    role: Role = "view"
    is_part: bool = False


def guarded(access: Access, pages: Sequence[Page], root: str) -> list[web.RouteDef]:
    """The routes of ``pages``, which stand under ``root`` (such as ``/admin``). ``bot.web.site.frame`` must be around their application."""
    made = {"GET": web.get, "POST": web.post}  # with GET comes HEAD
    shown = frozenset(page.path for page in pages if page.method == "GET" and not page.is_part)
    return [made[page.method](page.path, _guard(access, page, root, shown)) for page in pages]


def _guard(
    access: Access, page: Page, root: str, shown: Set[str]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        visitor = await access.visitor(request)
        if visitor is None:
            return stranger(request, root, page.is_part)
        try:
            _admit(request, visitor, page)
            request[WHO] = visitor.name
            if page.method == "POST":
                await _read_form(request)
            response = await page.handle(request, visitor)
        except ParleyError as trouble:
            back = _conversation(request) or came_from(request) or _above(request, shown)
            response = refusal(trouble, visitor, back)
        if not response.prepared:
            access.renew(request, response)
        return response

    return handle


def _admit(request: web.Request, visitor: Visitor, page: Page) -> None:
    """Raises ``Refused`` where the visitor, or where the request comes from, must not have this."""
    if page.method == "POST" and not is_our_own(request):
        log.warning("access_denied", who=visitor.name, page=route(request), why="not from one of our pages")
        raise Refused(
            "This was not sent by one of our pages, so nothing was done.",
            "foreign",
            "Open the page again and repeat it there.",
            403,
        )
    if not visitor.may(page.role):
        log.warning("access_denied", who=visitor.name, page=route(request), why=f"the role is {visitor.role}")
        raise Refused(
            f"{visitor.name} may not {NEEDS[page.role]}.",
            "role",
            f'Ask whoever runs the bot for the role "{page.role}".',
            403,
        )


async def _read_form(request: web.Request) -> None:
    """Have ``await request.post()`` be what was sent, or refuse it: handlers need not fear what is no form. Uploads they read
    themselves."""
    if request.content_type.startswith("multipart/"):
        give_time(request)
        return
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise _unreadable()
    await posted(request)


async def posted(request: web.Request) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """``await request.post()``, refused where it is no form, also one of several parts that is broken."""
    try:
        return await request.post()
    except UNREADABLE:
        raise _unreadable() from None


def _unreadable() -> Refused:
    return Refused("The form could not be read.", "bad-form", "Open the page again and repeat it.", 400)


def stranger(request: web.Request, root: str, is_part: bool = False) -> web.StreamResponse:
    """Nothing of the page, not even whether it is there."""
    if is_part or request.method not in ("GET", "HEAD"):
        values = {"visitor": None, "title": "Logged out", "sentence": LOGGED_OUT, "cure": ""}
        return html(rendered("refused.html", values), 401)
    wanted = request.path_qs if len(request.path_qs) <= NEXT_MAX else f"{root}/"
    return see_other(f"{root}/login?next={quote(wanted, safe='/')}")


def _conversation(request: web.Request) -> str:
    """Where a form of a conversation was sent from, so that one gets back to it; else nothing."""
    before, _, _ = request.path.rpartition("/")
    return before if request.method == "POST" and "/conversations/" in before else ""


def came_from(request: web.Request) -> str:
    """The page of ours that a form was on, or that led here; empty where none is known. Only a path: it leads nowhere else."""
    told = request.headers.get("Referer", "")
    if len(told) > NEXT_MAX or not is_from_here(request, told):
        return ""
    where = urlsplit(told)
    top = _top(request)  # whatever else answers under our name is no page
    is_ours = where.path.startswith(f"{top}/") and where.path != f"{top}/login"
    if not is_ours or (where.path == request.path and request.method != "POST"):
        return ""
    return f"{where.path}?{where.query}" if where.query else where.path


def _top(request: web.Request) -> str:
    """Where the application is mounted, such as ``/admin``."""
    return f"/{request.path.split('/')[1]}"


def _above(request: web.Request, shown: Set[str]) -> str:
    """The nearest of the pages ``shown`` that the address is below; of what was posted it may be the same address."""
    top = _top(request)
    path = request.path.removeprefix(top)
    if request.method != "POST":
        path = path.rpartition("/")[0]
    while path and path not in shown:
        path = path.rpartition("/")[0]
    return f"{top}{path}" if path else ""


def refusal(trouble: Exception, visitor: Visitor | None, back: str = "") -> web.Response:
    """A page that says what is wrong and what to do. ``back``: the address of the page to go on from."""
    match trouble:
        case Refused():
            status, cure = trouble.status, trouble.cure
        case Retry():
            status, cure = 503, "Nothing was done. Try again in a moment."
        case _:
            log.error("page_broke", exc_info=trouble)
            return refused_page(visitor, 500, "Not done", MISTAKE, "Tell the operator; the log says more.")
    return refused_page(visitor, status, "Not done", str(trouble), cure, back)


def refused_page(
    visitor: Visitor | None, status: int, title: str, sentence: str, cure: str = "", back: str = ""
) -> web.Response:
    """What stands in a page's place."""
    values = {"visitor": visitor, "title": title, "sentence": sentence, "cure": cure, "back": back}
    return html(rendered("refused.html", values), status)


def see_other(location: str) -> web.Response:
    """To the page that shows what was done, so that reloading it does nothing again."""
    return web.Response(status=303, headers={**HEADERS, "Location": location})


def route(request: web.Request) -> str:
    """The path as it is declared, as the one that was asked for may name somebody."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
