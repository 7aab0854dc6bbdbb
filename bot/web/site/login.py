"""Logging in and out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from bot.errors import ParleyError, Refused
from bot.web.site.access import NAME_MAX, Access, set_cookie
from bot.web.site.guard import see_other
from bot.web.site.origin import address_of, is_our_own
from bot.web.site.pages import html, rendered
from bot.web.site.passwords import PASSWORD_MAX
from bot.web.site.session import COOKIE

FORM_MAX: Final = 8 * 1024  # bytes of the form, which everybody may send
FORM_S: Final = 5.0  # within which it must be here
FORM_TYPE: Final = "application/x-www-form-urlencoded"
_OUR_PATH: Final = re.compile(r"/(admin|phone)([/?][!-\[\]-~]*)?")  # never to another site, however it is spelt

log = structlog.get_logger()


class Login:
    """``GET`` and ``POST`` of the login page, and ``POST`` of logging out."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def routes(self) -> list[web.RouteDef]:
        """Open to everybody."""
        return [
            web.get("/login", self.show),
            web.post("/login", self.log_in),
            web.post("/logout", self.log_out),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form; who is logged in already goes on."""
        target = _target(request.query.get("next", ""))
        if await self._access.visitor(request) is not None:
            return see_other(target)
        return await self._form(target, "", "", 200)

    async def log_in(self, request: web.Request) -> web.Response:
        """Sets the cookie and goes on to where one wanted to."""
        try:
            if not is_our_own(request):  # or another site could have people use this one under its name
                raise Refused("This form was not sent by our page.", "foreign", "Log in here.", 403)
            form = await _form_of(request)
        except Refused as refused:
            return await self._form("/admin/", "", f"{refused} {refused.cure}", refused.status)
        name, password, target = (form.get(each, "") for each in ("name", "password", "next"))
        name, target = name.strip(), _target(target)
        try:
            cookie = await self._access.log_in(name, password[: PASSWORD_MAX + 1], address_of(request))
        except ParleyError as trouble:
            status = trouble.status if isinstance(trouble, Refused) else 503
            cure = trouble.cure if isinstance(trouble, Refused) else "Try again in a moment."
            return await self._form(target, name, f"{trouble} {cure}", status)
        response = see_other(target)
        set_cookie(request, response, cookie)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """Takes the cookie away."""
        response = see_other("/admin/login")
        if is_our_own(request):
            visitor = await self._access.visitor(request)
            if visitor is not None:
                log.info("logout", name=visitor.name)
            response.del_cookie(COOKIE, path="/")
        return response

    async def _form(self, target: str, name: str, trouble: str, status: int) -> web.Response:
        values = {
            "visitor": None,
            "target": target,
            "name": name[:NAME_MAX],
            "trouble": trouble,
            "has_anybody": await self._access.has_anybody(),
        }
        return html(rendered("login.html", values), status)


async def _form_of(request: web.Request) -> Mapping[str, str]:
    """The fields, read with little memory and patience, since nobody is known yet. ``Refused`` where it is no form."""
    if request.content_type != FORM_TYPE:
        raise Refused("This is no form.", "bad-form", "Log in here.", 415)
    body = bytearray()
    try:
        async with asyncio.timeout(FORM_S):
            while len(body) <= FORM_MAX and (chunk := await request.content.readany()):
                body += chunk
    except TimeoutError:
        raise Refused("The form did not arrive.", "slow-form", "Try again.", 408) from None
    if len(body) > FORM_MAX:
        raise Refused("The form is too large.", "bad-form", "Log in here.", 413)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _target(wanted: str) -> str:
    """Where to go on: a page of ours, the inbox where it is none."""
    is_ours = _OUR_PATH.fullmatch(wanted) is not None and "//" not in wanted.partition("?")[0]
    return wanted if is_ours else "/admin/"
