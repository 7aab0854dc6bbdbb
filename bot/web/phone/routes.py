"""Every page under ``/phone``, which only the demo has."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.sinch.emulator.server import Emulator
from bot.web.admin.desk import Desk
from bot.web.phone import changing, doing, page
from bot.web.phone.booth import BOOTH, PULSE, Booth
from bot.web.phone.held import held
from bot.web.phone.known import KnownReasons
from bot.web.phone.newcomers import suggested
from bot.web.site.frame import site_app
from bot.web.site.guard import Page, guarded
from bot.web.site.live import Pulse

FIRST_CONTACTS: Final = 3  # one of each of the rules' first languages, so that a newcomer finds somebody to be

LOOK_S: Final = 0.08

PAGES: Final = (
    Page("GET", "/", page.show),
    Page("GET", "/live", page.follow, is_part=True),
    Page("GET", "/file/{file}", held, is_part=True),
    Page("POST", "/say", doing.doing(doing.say), role="answer"),
    Page("POST", "/tap", doing.doing(doing.tap), role="answer"),
    Page("POST", "/react", doing.doing(doing.react), role="answer"),
    Page("POST", "/place", doing.doing(doing.place), role="answer"),
    Page("POST", "/card", doing.doing(doing.card), role="answer"),
    Page("POST", "/form", doing.doing(doing.fill_in), role="answer"),
    Page("POST", "/add", doing.add, role="answer"),
    Page("POST", "/close", doing.close, role="answer"),
    Page("POST", "/clock", changing.move_clock, role="operate"),
    Page("POST", "/fault", changing.switch, role="operate"),
)


def phone_app(desk: Desk, emulator: Emulator) -> web.Application:
    """The application to mount at ``/phone``. ``emulator`` is the one that the bot of ``desk`` talks to, in this process."""
    app_id = desk.backend.app_id
    booth = Booth(desk, emulator, KnownReasons(desk.database, app_id), desk.rules.live.version)
    for each in suggested(booth.rulebook, (), ())[:FIRST_CONTACTS]:
        booth.person(each.identity).phone.name = each.name
    app = site_app(desk.access, "/admin")
    app[BOOTH], app[PULSE] = booth, Pulse(booth.turn, LOOK_S)
    app.add_routes(guarded(desk.access, PAGES, "/admin"))

    async def stop(_: web.Application) -> None:
        app[PULSE].stop()

    app.on_shutdown.append(stop)
    return app
