"""``/admin/operations/campaigns``: how far each campaign is, who got it, why others did not; pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, get_args
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from bot.core.event import ContactKey
from bot.errors import Refused
from bot.store.tallies import CAMPAIGN_KINDS, FINE, Tally
from bot.store.users import Deed
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.operations import number_of, page
from bot.web.admin.operations_view import Chart
from bot.web.api.campaign_view import CampaignTold, RecipientsQuery, Status, page_of, recipients_of, told_of
from bot.web.api.campaigns import CHANGES, change
from bot.web.api.operation import PageQuery
from bot.web.site.access import Visitor
from bot.web.site.charts import Part, floored, legend, progress
from bot.web.site.guard import Page, see_other
from bot.web.site.lines import Line, key, lines, lines_rows, table
from bot.web.site.live import stream
from bot.web.site.pages import rendered
from bot.web.site.words import masked

A_PAGE: Final = 10
RECIPIENTS: Final = 50
LIST_AGAIN: Final = timedelta(seconds=0.8)  # counting many large campaigns takes a moment
PATH: Final = "/admin/operations/campaigns"
STEPS: Final = (FINE, 3 * FINE, timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7))
POINTS_MOST: Final = 150
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
CHANNEL: Final = "WHATSAPP"
_TONES: Final = {"running": "good", "paused": "warn", "done": "", "cancelled": "bad"}
_DONE: Final = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A campaign for people. ``done`` of ``all``: those who are to get it and whose message has left, or never will."""

    told: CampaignTold
    tone: str
    bar: Markup
    legend: Markup
    done: int
    all: int

    @property
    def is_open(self) -> bool:
        """Whether anything can still be changed."""
        return self.told.state in ("running", "paused")


def shown(told: CampaignTold) -> Shown:
    """With its bar drawn."""
    counts = told.counts
    ended = counts["failed"] + counts["expired"] + counts["held"]
    parts = [
        Part("read", "read", counts["read"]),
        Part("delivered", "delivered", counts["delivered"]),
        Part("sent", "sent", counts["sent"]),
        Part("failed", "did not arrive", ended),
        Part("pending", "to come", counts["pending"] + counts["queued"]),
        Part("pending", "cancelled", counts["cancelled"]),
        Part("skipped", "skipped", counts["skipped"]),
    ]
    going = told.total - counts["skipped"]
    left = counts["pending"] + counts["queued"] + counts["cancelled"]
    name = told.name or told.template
    return Shown(told, _TONES[told.state], progress(parts, name), legend(parts), going - left, going)


# --- the list -------------------------------------------------------------------------------------------------------------


class _List:
    """A page of campaigns, counted anew now and then."""

    def __init__(self, desk: Desk, before: int | None) -> None:
        self._desk = desk
        self._query = PageQuery(cursor=None if before is None else str(before), limit=A_PAGE)
        self._read: tuple[datetime, Mapping[str, object]] | None = None

    async def values(self) -> Mapping[str, object]:
        """For the page and its part."""
        now = self._desk.now()
        if self._read is None or not timedelta() <= now - self._read[0] < LIST_AGAIN:
            found = await page_of(self._query, self._desk.backend)
            older = f"{PATH}?before={found.next}" if found.next else ""
            self._read = (now, {"campaigns": [shown(each) for each in found.campaigns], "older": older})
        return {**self._read[1], "now": now}

    async def fragments(self) -> Mapping[str, str]:
        """What stays up to date."""
        return {"campaigns": rendered("operations_campaign_list.html", await self.values())}


async def list_all(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The newest first."""
    desk, before = request.app[DESK], number_of(request.query.get("before", ""))
    values = await _List(desk, before).values()
    live_path = f"{PATH}/live" + (f"?before={before}" if before is not None else "")
    return page("operations_campaigns.html", visitor, desk, **values, is_first=before is None, live=live_path)


async def list_live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The same, as it changes."""
    desk = request.app[DESK]
    part = _List(desk, number_of(request.query.get("before", "")))
    return await stream(request, desk.pulse, part.fragments, desk.access.still_in(request), desk.now)


# --- one campaign ------------------------------------------------------------------------------------------------------------


def over_time(tallies: Sequence[Tally], since: datetime, until: datetime, step: timedelta) -> Chart:
    """How many messages had got how far by when: each number is of all until then."""
    labels = ("Sent", "Delivered", "Read", "Failed")
    drawn = [
        Line(label, class_, _running(tallies, kind, since, until, step))
        for label, kind, class_ in zip(labels, CAMPAIGN_KINDS, "bcad", strict=True)
    ]
    says = "Messages of this campaign that had got so far"
    return Chart(
        "campaign-chart",
        "Over time",
        "all messages until then",
        lines(drawn, since, until, step, says),
        key(drawn),
        table(lines_rows(drawn, since, until, step), ("Until", *labels), says),
        not tallies,
    )


def _running(
    tallies: Sequence[Tally], kind: str, since: datetime, until: datetime, step: timedelta
) -> dict[datetime, float]:
    counts = {each.at: each.count for each in tallies if each.kind == kind}
    found, total = dict[datetime, float](), 0
    for n in range((until - since) // step):
        total += counts.get(since + n * step, 0)
        found[since + n * step] = total
    return found


async def _chart(desk: Desk, told: CampaignTold) -> Chart:
    """From its beginning until now, or until its last receipt."""
    since = floored(told.starts_at, FINE)
    until = max(floored(desk.now(), FINE) + FINE, since + FINE)
    name = told.id
    tallies = desk.backend.store.tallies
    if told.ended_at is not None and until - told.ended_at > timedelta(days=2):
        until = floored(told.ended_at, FINE) + timedelta(
            days=2
        )  # whoever reads it later is counted all the same, above
    step = next((each for each in STEPS if (until - since) / each <= POINTS_MOST), STEPS[-1])
    since -= step  # from nothing on
    until = since + -((since - until) // step) * step
    found = await tallies.series(CAMPAIGN_KINDS, since, until, step)
    return over_time([each for each in found if each.name == name], since, until, step)


async def _values(desk: Desk, id_: int) -> Mapping[str, object]:
    told = await told_of(id_, desk.backend)
    return {"campaign": shown(told), "chart": await _chart(desk, told), "now": desk.now()}


@dataclass(frozen=True, slots=True)
class RecipientLine:
    """One recipient; ``person`` None: nobody is known by this address."""

    line: int
    to: str
    status: str
    tone: str
    reason: str
    person: int | None


async def _recipients(
    desk: Desk, id_: int, status: Status | None, after: int | None
) -> tuple[list[RecipientLine], str]:
    """A page of them, and the address of the next one."""
    query = RecipientsQuery(cursor=None if after is None else str(after), limit=RECIPIENTS, status=status)
    found = await recipients_of(id_, query, desk.backend)
    made = []
    for each in found.recipients:
        contact = ContactKey(desk.backend.app_id, CHANNEL, each.to.removeprefix("+"))
        person = await desk.backend.store.conversations.person(contact)
        tone = {"failed": "bad", "held": "bad", "expired": "warn"}.get(each.status, "")
        made.append(RecipientLine(each.line, masked(contact.identity), each.status, tone, each.reason or "", person))
    more = {"status": status, "after": found.next}
    parts = urlencode({name: value for name, value in more.items() if value})
    return made, f"{PATH}/{id_}?{parts}#recipients" if found.next else ""


async def _id(request: web.Request) -> int:
    """``Refused`` where there is none."""
    id_ = int(request.match_info["id"])
    if await request.app[DESK].backend.store.campaigns.view(id_) is None:
        raise Refused(
            f"There is no campaign {id_}.", "unknown_campaign", "The page of all campaigns lists those there are.", 404
        )
    return id_


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """One campaign."""
    desk, id_ = request.app[DESK], await _id(request)
    status = next((each for each in STATUSES if each == request.query.get("status")), None)
    values = await _values(desk, id_)
    people, older = await _recipients(desk, id_, status, number_of(request.query.get("after", "")))
    return page(
        "operations_campaign.html",
        visitor,
        desk,
        **values,
        recipients=people,
        older=older,
        status=status,
        statuses=STATUSES,
    )


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Its numbers, as they change."""
    desk, id_ = request.app[DESK], await _id(request)

    async def fragments() -> Mapping[str, str]:
        values = await _values(desk, id_)
        return {
            "campaign-state": rendered("operations_campaign_state.html", values),
            "campaign-numbers": rendered("operations_campaign_numbers.html", values),
        }

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


async def act(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Pause, resume or cancel it."""
    desk, what = request.app[DESK], request.match_info["what"]
    if what not in CHANGES:
        raise Refused("A campaign can be paused, resumed or cancelled.", "unknown", "Go back to it.", 404)
    id_ = await _id(request)
    await change(id_, what, visitor.name, desk.backend)
    await desk.backend.store.users.did(Deed(desk.now(), visitor.name, _DONE[what], f"campaign {id_}"))
    return see_other(f"{PATH}/{id_}")


PAGES: Final[Sequence[Page]] = (
    Page("GET", "/operations/campaigns", list_all),
    Page("GET", "/operations/campaigns/live", list_live, is_part=True),
    Page("GET", "/operations/campaigns/{id:[0-9]{1,18}}", show),
    Page("GET", "/operations/campaigns/{id:[0-9]{1,18}}/live", live, is_part=True),
    Page("POST", "/operations/campaigns/{id:[0-9]{1,18}}/{what}", act, role="operate"),
)
