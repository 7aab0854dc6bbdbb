"""Every page under ``/admin``."""

from __future__ import annotations

from aiohttp import web

from bot.web.admin import (
    acts,
    campaigns_page,
    conversation,
    dead_letters,
    failed_messages,
    inbox,
    operations,
    rules,
    rules_history,
    rules_replay,
    rules_worked_out,
)
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.rules_desk import RULES, RulesDesk
from bot.web.site.frame import site_app
from bot.web.site.guard import Page, guarded
from bot.web.site.login import Login

PAGES: list[Page] = [
    *inbox.PAGES,
    *conversation.PAGES,
    *acts.PAGES,
    *operations.PAGES,
    *dead_letters.PAGES,
    *failed_messages.PAGES,
    *campaigns_page.PAGES,
    *rules.PAGES,
    *rules_history.PAGES,
    *rules_worked_out.PAGES,
    *rules_replay.PAGES,
]


def admin_app(desk: Desk) -> web.Application:
    """The application to mount at ``/admin``."""
    app = site_app(desk.access, "/admin")
    app[DESK] = desk
    app[RULES] = RulesDesk(desk)
    app.add_routes(Login(desk.access).routes())
    app.add_routes(guarded(desk.access, PAGES, "/admin"))

    async def stop(_: web.Application) -> None:
        desk.pulse.stop()
        await app[RULES].stop()

    app.on_shutdown.append(stop)
    return app
