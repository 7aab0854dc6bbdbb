"""``/v1/campaigns``: one template to many people, from a JSON list or a CSV, and how far it is."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

import orjson
from pydantic import AfterValidator, BaseModel, Field

from bot.errors import Refused
from bot.store.campaigns import CampaignView
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body, Name, SendAt, TemplateBody, Values, parse, printable
from bot.web.api.campaign_plan import BadRows, Plan, Wanted, plan
from bot.web.api.campaign_view import (
    CampaignList,
    CampaignTold,
    RecipientList,
    RecipientsQuery,
    get_campaign,
    id_of,
    list_campaigns,
    list_recipients,
    page_of,
    recipients_of,
    told_of,
    view_of,
)
from bot.web.api.messages import to_of
from bot.web.api.operation import Answer, Asked, Operation, PageQuery, Query, Told
from bot.web.api.placing import idempotency_of
from bot.web.api.problem import Invalid
from bot.web.api.times import send_time
from bot.work.campaigns import declaration, quiet_time
from bot.work.recipients import IDENTITY_MAX, MOST_ROWS, Row

CAMPAIGN_MAX: Final = 16 * 1024 * 1024
QUIET: Final = "21:00-08:00"
CSV: Final = "text/csv"
PROBLEMS_TOLD: Final = 1000
SLOWEST: Final = 0.01  # a second: slower ones are scheduled, not paced


def _rate(value: float | None) -> float | None:
    if value and value < SLOWEST:
        raise ValueError(f"must be at least {SLOWEST} a second, or 0 for no limit of its own")
    return value


def _quiet(value: str | None) -> str | None:
    quiet_time(value or "")
    return value


Rate = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False), AfterValidator(_rate)]
Quiet = Annotated[str, Field(max_length=40), AfterValidator(printable), AfterValidator(_quiet)]
Text = Annotated[str, Field(max_length=IDENTITY_MAX), AfterValidator(printable)]


class RecipientBody(Body):
    """Somebody who is to get it: ``values`` are those of the template that differ, ``language`` and ``time_zone`` where they are known."""

    to: Text
    language: Annotated[str, Field(max_length=20)] = ""
    time_zone: Annotated[str, Field(max_length=60)] = ""
    values: Values = Field(default_factory=dict)


class PlanBody(Body):
    """A campaign without its people. ``template.values`` are those that all share; ``rate`` is messages a second."""

    name: Name | None = None
    template: TemplateBody
    rate: Rate | None = None
    not_between: Quiet | None = QUIET
    send_at: SendAt | None = None
    skip_bad: bool = False
    dry_run: bool = False


class CampaignBody(PlanBody):
    """``POST /v1/campaigns``."""

    recipients: Annotated[list[RecipientBody], Field(min_length=1, max_length=MOST_ROWS)]


class CampaignQuery(Query):
    """The same beside a CSV. ``values`` is a JSON object; ``send_at`` a time."""

    name: str | None = None
    template: str | None = None
    language: str | None = None
    values: str | None = None
    rate: float | None = None
    not_between: str | None = None
    send_at: str | None = None
    skip_bad: bool | None = None
    dry_run: bool | None = None


class RowProblem(Told):
    """A mistake in a row that is left out."""

    line: int
    detail: str


class FirstMessage(Told):
    """Who gets it first, and the words, where the rules know the template's."""

    to: str
    text: str | None


class CampaignPlan(Told):
    """What a campaign would be; nothing was stored. ``skipped`` counts by reason."""

    total: int
    going: int
    skipped: dict[str, int]
    problems: list[RowProblem]
    first: FirstMessage | None
    would_wait: str | None


# --- starting -----------------------------------------------------------------------------------------------------------


async def post_campaign(asked: Asked) -> Answer:
    """201 once it is stored whole; 200 with the numbers for a dry run."""
    people: bytes | Sequence[Row]
    if asked.media_type == CSV:
        body, people = _of_query(asked.query), asked.raw
        content: object = {"csv": hashlib.sha256(asked.raw).hexdigest(), "query": dict(asked.request.query)}
    else:
        if asked.request.query:
            raise Invalid([(name, f"{name}: this goes into the body.") for name in asked.request.query])
        body, content = asked.body, asked.content
        people = _rows(asked.body)
    idempotency = idempotency_of(asked.request, asked.key.id, content)
    wanted = _wanted(body, people, asked.backend.now())
    made = await plan(wanted, asked.backend, asked.key.name, None if wanted.dry_run else idempotency)
    if isinstance(made, Plan):
        return Answer(_planned(made))
    headers = {"Location": f"/v1/campaigns/{made.id}"}
    if made.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Answer(await told_of(made.id, asked.backend), 201, headers)


def _of_query(query: CampaignQuery) -> PlanBody:
    """The parameters as the body that they stand for, so that both are checked alike."""
    given = query.model_dump(exclude_none=True)
    template = {"name": given.pop("template", None), "language": given.pop("language", ""), "values": {}}
    if template["name"] is None:
        raise Invalid([("template", "template: name the template.")])
    if (values := given.pop("values", None)) is not None:
        template["values"] = _json(values)
    return parse(PlanBody, {**given, "template": template})


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Invalid([("values", 'values: must be a JSON object, such as {"discount":"20 %"}.')]) from None


def _rows(body: CampaignBody) -> list[Row]:
    return [
        Row(at, each.to, each.language.strip(), each.time_zone.strip(), each.values)
        for at, each in enumerate(body.recipients, 1)
    ]


def _wanted(body: PlanBody, people: Sequence[Row] | bytes, now: datetime) -> Wanted:
    return Wanted(
        name=body.name or "",
        template=body.template.name,
        language=body.template.language,
        values=body.template.values,
        people=people,
        rate=body.rate or 0.0,
        not_between=(body.not_between or "").strip(),
        starts_at=send_time(body.send_at, now) or now,
        skip_bad=body.skip_bad,
        dry_run=body.dry_run,
    )


def _planned(made: Plan) -> CampaignPlan:
    first = made.first
    return CampaignPlan(
        total=made.total,
        going=made.going,
        skipped=dict(made.skipped),
        problems=[RowProblem(line=each.line, detail=each.sentence) for each in made.mistakes[:PROBLEMS_TOLD]],
        first=None if first is None else FirstMessage(to=to_of(first[0]), text=first[1] or None),
        would_wait=made.starts_paused or None,
    )


# --- pausing, going on, ending ------------------------------------------------------------------------------------------


async def change(id_: int, what: str, who: str, backend: Backend) -> CampaignTold:
    """Pause, resume or cancel it; the same again changes nothing. Raises ``Refused`` where it is over, or may not go on."""
    view = await view_of(id_, backend)
    campaigns, now = backend.store.campaigns, backend.now()
    if what == "pause":
        wanted, state = "paused", await campaigns.pause(id_, f"Paused by {who}.", now)
    elif what == "cancel":
        wanted, state = "cancelled", await campaigns.cancel(id_, f"The campaign was cancelled by {who}.", now)
    else:
        wanted, state = "running", await campaigns.resume(id_, await _may_go_on(view, backend), now)
    if state != wanted:
        raise Refused(
            f"The campaign is {state}, and stays so.", "campaign-over", "Start a new one for those who did not get it."
        )
    backend.wake_campaigns()
    return await told_of(id_, backend)


async def _may_go_on(view: CampaignView, backend: Backend) -> str:
    """The digest of its template's declaration now. Raises ``Refused`` where it must not, or cannot, be sent."""
    template = backend.rulebook().templates.get(view.template)
    if template is None:
        raise Refused(
            f"The rules declare the template {view.template} no more.",
            "template-changed",
            "Declare it again, or cancel this campaign.",
        )
    if template.category != view.category:
        raise Refused(
            f"The template {view.template} is {template.category} now, and was {view.category}.",
            "template-changed",
            "Cancel this campaign, and start a new one.",
        )
    if view.state == "paused" and view.category == "marketing" and await backend.store.campaigns.rating() == "RED":
        raise Refused(
            "WhatsApp rates the quality of our messages RED.",
            "quality-red",
            "Wait until it rates it better; the report tells.",
        )
    return declaration(template)


def _changing(what: str) -> Callable[[Asked], Awaitable[Answer]]:
    async def handle(asked: Asked) -> Answer:
        return Answer(await change(id_of(asked.part("id")), what, asked.key.name, asked.backend))

    return handle


# --- the operator's commands ---------------------------------------------------------------------------------------------


def commands(backend: Backend) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
    """``campaigns.start`` takes ``csv`` and ``query``; mistakes in the list are its answer. The others are as the operations."""

    async def start(request: Mapping[str, object]) -> Mapping[str, object]:
        query = request.get("query")
        body = _of_query(parse(CampaignQuery, query if isinstance(query, dict) else {}))
        wanted = _wanted(body, str(request.get("csv", "")).encode(), backend.now())
        try:
            made = await plan(wanted, backend, str(request.get("who", "")))
        except BadRows as bad:
            return {"refused": str(bad), "cure": bad.cure, "errors": [list(each) for each in bad.errors]}
        if isinstance(made, Plan):
            return _plain(_planned(made))
        return _plain(await told_of(made.id, backend))

    async def look(request: Mapping[str, object]) -> Mapping[str, object]:
        return _plain(await told_of(id_of(str(request.get("id", ""))), backend))

    async def all_of_them(request: Mapping[str, object]) -> Mapping[str, object]:
        return _plain(await page_of(parse(PageQuery, request.get("query") or {}), backend))

    async def people(request: Mapping[str, object]) -> Mapping[str, object]:
        query = parse(RecipientsQuery, request.get("query") or {})
        return _plain(await recipients_of(id_of(str(request.get("id", ""))), query, backend))

    def changes(what: str) -> Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]:
        async def carry_out(request: Mapping[str, object]) -> Mapping[str, object]:
            who = str(request.get("who", "")) or "an operator"
            return _plain(await change(id_of(str(request.get("id", ""))), what, who, backend))

        return carry_out

    return {
        "campaigns.start": start,
        "campaigns.show": look,
        "campaigns.list": all_of_them,
        "campaigns.recipients": people,
        **{f"campaigns.{what}": changes(what) for what in CHANGES},
    }


def _plain(model: BaseModel) -> Mapping[str, object]:
    return model.model_dump(mode="json")


CHANGES: Final = ("pause", "resume", "cancel")
_ABOUT: Final = (
    "The whole list is checked first: bad rows refuse the campaign, with their lines, unless `skip_bad`. Each person gets it once,"
    " whatever happens; who said STOP, or wants no marketing where it is that, is skipped. It goes on by itself, at `rate` messages a"
    " second, and never in the quiet time `not_between` where the person is."
)

OPERATIONS = (
    Operation(
        "POST",
        "/campaigns",
        "startCampaign",
        "Campaigns",
        "Send one template to many people, from a list or a CSV.",
        "send",
        post_campaign,
        {201: CampaignTold, 200: CampaignPlan},
        body=CampaignBody,
        query=CampaignQuery,
        refusals=(
            "bad-rows",
            "not-utf-8",
            "nobody-to-send-to",
            "unknown-template",
            "unknown-language",
            "wrong-values",
        ),
        takes_idempotency_key=True,
        body_max=CAMPAIGN_MAX,
        other_bodies={
            CSV: "The people, with a line of column names: `to`, `language`, `time_zone` and the template's values."
        },
        about=_ABOUT,
        location=True,
    ),
    Operation(
        "GET",
        "/campaigns",
        "listCampaigns",
        "Campaigns",
        "List campaigns, the newest first.",
        "read",
        list_campaigns,
        {200: CampaignList},
        query=PageQuery,
    ),
    Operation(
        "GET",
        "/campaigns/{id}",
        "getCampaign",
        "Campaigns",
        "How far a campaign is, and why some did not get it.",
        "read",
        get_campaign,
        {200: CampaignTold},
        refusals=("not-found",),
    ),
    Operation(
        "GET",
        "/campaigns/{id}/recipients",
        "listRecipients",
        "Campaigns",
        "Who got it and who did not, by line.",
        "read",
        list_recipients,
        {200: RecipientList},
        query=RecipientsQuery,
        refusals=("not-found",),
    ),
    *(
        Operation(
            "POST",
            f"/campaigns/{{id}}/{what}",
            f"{what}Campaign",
            "Campaigns",
            summary,
            "send",
            _changing(what),
            {200: CampaignTold},
            refusals=("not-found", "campaign-over", *more),
        )
        for what, summary, more in (
            ("pause", "Hand nothing more to the sender, and take back what has not left.", ()),
            ("resume", "Let a paused campaign go on.", ("template-changed", "quality-red")),
            ("cancel", "End it for everybody who has not got it.", ()),
        )
    ),
)
