"""A campaign as it is told: how far it is, who got it, and why others did not."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

from bot.core.failures import LastAttempt, next_step_of_message, next_step_of_skipped
from bot.errors import Refused
from bot.store.campaigns import CampaignState, CampaignView, Failure, RecipientView
from bot.web.api.backend import Backend
from bot.web.api.message_view import NextStep
from bot.web.api.messages import to_of
from bot.web.api.operation import Answer, Asked, Moment, PageQuery, Told
from bot.work.campaigns import pace_of

Status = Literal["pending", "queued", "sent", "delivered", "read", "failed", "expired", "cancelled", "held", "skipped"]


class RecipientsQuery(PageQuery):
    """A page, by line."""

    status: Status | None = None


class FailureTold(Told):
    """So many did not get it for this reason; ``next_step`` says who must do what."""

    status: Status
    reason: str
    code: str | None
    channel_code: str | None
    count: int
    next_step: NextStep | None


class CampaignTold(Told):
    """A campaign and its report. ``rate`` as it was asked for (0: none of its own), ``rate_now`` what it has now (null: no limit);
    ``estimated_end`` null: nobody can tell."""

    id: str
    name: str
    template: str
    language: str | None
    category: str
    state: CampaignState
    why: str | None
    author: str | None
    rate: float
    rate_now: float | None
    quality: Literal["GREEN", "YELLOW", "RED"] | None
    not_between: str | None
    starts_at: Moment
    created_at: Moment
    ended_at: Moment | None
    estimated_end: Moment | None
    total: int
    counts: dict[Status, int]
    failures: list[FailureTold]


class CampaignList(Told):
    """A page, newest first, without reasons of failures; ``next`` null: there are no older ones."""

    campaigns: list[CampaignTold]
    next: str | None


class RecipientTold(Told):
    """One recipient; ``message_id`` null while there is no message, ``reason`` null where nothing is amiss."""

    line: int
    to: str
    status: Status
    reason: str | None
    message_id: str | None


class RecipientList(Told):
    """A page by line; ``next`` null: there are no more."""

    recipients: list[RecipientTold]
    next: str | None


def id_of(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise _unknown()
    return int(text)


def _unknown() -> Refused:
    return Refused(
        "There is no campaign of this id.", "not-found", "GET /v1/campaigns and `broadcast list` tell of all.", 404
    )


async def view_of(id_: int, backend: Backend) -> CampaignView:
    view = await backend.store.campaigns.view(id_)
    if view is None:
        raise _unknown()
    return view


async def told_of(id_: int, backend: Backend) -> CampaignTold:
    return _told(await view_of(id_, backend), await backend.store.campaigns.rating(), backend)


def _told(view: CampaignView, rating: str, backend: Backend) -> CampaignTold:
    pace = pace_of(view.rate, backend.send_rate, rating)
    return CampaignTold(
        id=str(view.id),
        name=view.name,
        template=view.template,
        language=view.language or None,
        category=view.category,
        state=view.state,
        why=view.why or None,
        author=view.author or None,
        rate=view.rate,
        rate_now=pace or None,
        quality=rating or None,  # type: ignore[arg-type] # one of them, or empty
        not_between=view.quiet or None,
        starts_at=view.starts_at,
        created_at=view.created_at,
        ended_at=view.ended_at,
        estimated_end=_end_of(view, pace, backend.now()),
        total=view.total,
        counts=dict(view.counts),  # type: ignore[arg-type] # its names are those
        failures=[_failure(each) for each in view.failures],
    )


def _end_of(view: CampaignView, pace: float, now: datetime) -> datetime | None:
    """At its pace, or as fast as it went until now; never before the last quiet time is over."""
    left = view.counts["pending"] + view.counts["queued"]
    if view.state != "running" or not left:
        return None
    begins = max(now, view.starts_at, view.next_due or now)
    done, since = view.total - left - view.counts["skipped"], (now - view.starts_at).total_seconds()
    pace = pace or (done / since if done > 0 and since > 0 else 0.0)
    if not pace:
        return None
    try:
        return max(begins + timedelta(seconds=left / pace), view.last_due or begins)
    except OverflowError:
        return None


def _failure(failure: Failure) -> FailureTold:
    reason = failure.reason
    step = next_step_of_skipped(failure.sentence) if failure.status == "skipped" else None
    if failure.state is not None:
        attempt = LastAttempt("failed", failure.http_status, failure.http_code) if failure.http_status else None
        step = next_step_of_message(failure.state, failure.status, failure.sentence, reason, attempt, is_template=True)
    return FailureTold(
        status=failure.status,  # type: ignore[arg-type] # the store's word is one of them
        reason=failure.sentence,
        code=(reason.code if reason is not None else failure.http_code) or None,
        channel_code=(reason.channel_code or None) if reason is not None else None,
        count=failure.count,
        next_step=None if step is None else NextStep(cause=step.cause, done=step.done, who=step.who, todo=step.todo),
    )


async def list_campaigns(asked: Asked) -> Answer:
    """A page, newest first."""
    return Answer(await page_of(asked.query, asked.backend))


async def page_of(query: PageQuery, backend: Backend) -> CampaignList:
    before = None if query.cursor is None else int(query.cursor)
    views = await backend.store.campaigns.listed(before, query.limit + 1)
    rating = await backend.store.campaigns.rating()
    page = views[: query.limit]
    return CampaignList(
        campaigns=[_told(each, rating, backend) for each in page],
        next=str(page[-1].id) if len(views) > query.limit else None,
    )


async def get_campaign(asked: Asked) -> Answer:
    """One, with its report."""
    return Answer(await told_of(id_of(asked.part("id")), asked.backend))


async def list_recipients(asked: Asked) -> Answer:
    """A page of them, by line."""
    return Answer(await recipients_of(id_of(asked.part("id")), asked.query, asked.backend))


async def recipients_of(id_: int, query: RecipientsQuery, backend: Backend) -> RecipientList:
    await view_of(id_, backend)
    after = 0 if query.cursor is None else int(query.cursor)
    views = await backend.store.campaigns.recipients(id_, query.status, after, query.limit + 1)
    page = views[: query.limit]
    return RecipientList(
        recipients=[_recipient(each) for each in page],
        next=str(page[-1].line) if len(views) > query.limit else None,
    )


def _recipient(view: RecipientView) -> RecipientTold:
    return RecipientTold(
        line=view.line,
        to=to_of(view.identity),
        status=view.status,  # type: ignore[arg-type] # the store's word is one of them
        reason=view.reason or None,
        message_id=view.message_id or None,
    )
