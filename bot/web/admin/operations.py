"""``/admin/operations``: how it goes, at a glance, and live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from bot.web.admin import operations_data as data
from bot.web.admin import operations_view as view
from bot.web.admin.desk import DESK, Desk
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered

HERE: Final = "Operations"
CHARTS_AGAIN: Final = timedelta(seconds=10)  # a chart moves slowly, and reads much
HEALTH_AGAIN: Final = timedelta(seconds=20)  # looking writes to the database
DEEDS_A_PAGE: Final = 50

Values = Mapping[str, object]


def page(template: str, visitor: Visitor, desk: Desk, **values: object) -> web.Response:
    """One of the operations pages."""
    shared = {"visitor": visitor, "here": HERE, "now": desk.now(), "may_operate": visitor.may("operate")}
    return html(rendered(template, {**shared, **values}))


class _Look:
    """What one page shows; charts and health are looked at anew only now and then."""

    def __init__(self, desk: Desk, period: view.Period) -> None:
        self._desk = desk
        self._period = period
        self._charts: tuple[datetime, Sequence[view.Chart]] | None = None
        self._health: tuple[datetime, data.Health] | None = None

    async def values(self) -> Values:
        """For the templates of the page and of its parts."""
        now = self._desk.now()
        found = await data.numbers(self._desk, self._period, now)
        return {
            "now": now,
            "found": found,
            "period": self._period,
            "periods": view.PERIODS,
            "charts": await self._drawn(now),
            "health": await self._looked(now),
            "deeds": data.deed_lines(found.deeds),
        }

    async def _drawn(self, now: datetime) -> Sequence[view.Chart]:
        if self._charts is None or not timedelta() <= now - self._charts[0] < CHARTS_AGAIN:
            self._charts = (now, await data.charts(self._desk, self._period, now))
        return self._charts[1]

    async def _looked(self, now: datetime) -> data.Health:
        if self._health is None or not timedelta() <= now - self._health[0] < HEALTH_AGAIN:
            self._health = (now, await data.health(self._desk))
        return self._health[1]

    async def fragments(self) -> Mapping[str, str]:
        """The parts that stay up to date."""
        values = await self.values()
        return {f"operations-{name}": rendered(f"operations_{name}.html", values) for name in PARTS}


PARTS: Final = ("tiles", "charts", "work", "failures", "health", "journal")


def _period(request: web.Request) -> view.Period:
    return view.period_named(request.query.get("period", ""))


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Everything at once."""
    desk = request.app[DESK]
    return page("operations.html", visitor, desk, **await _Look(desk, _period(request)).values())


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The same, as it changes."""
    desk = request.app[DESK]
    return await stream(
        request, desk.pulse, _Look(desk, _period(request)).fragments, desk.access.still_in(request), desk.now
    )


async def journal(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """All that was done here, newest first, a page at a time."""
    desk = request.app[DESK]
    before = number_of(request.query.get("before", ""))
    found = await desk.backend.store.users.deeds(DEEDS_A_PAGE + 1, before)
    older = found[DEEDS_A_PAGE - 1].id if len(found) > DEEDS_A_PAGE else None
    deeds = data.deed_lines(found[:DEEDS_A_PAGE])
    return page("operations_deeds.html", visitor, desk, deeds=deeds, older=older, is_first=before is None)


def number_of(text: str) -> int | None:
    """A number of an address, such as where a page begins; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


PAGES: Final[Sequence[Page]] = (
    Page("GET", "/operations", show),
    Page("GET", "/operations/live", live, is_part=True),
    Page("GET", "/operations/journal", journal),
)
