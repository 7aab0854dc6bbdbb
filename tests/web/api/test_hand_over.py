"""Handing over by the API: taking over and giving back, what a colleague writes, who waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from bot.core.decision import HandOver
from bot.core.reply import TemplateReply, TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.store.privacy import Walk
from bot.store.units import Lane, Origin, Settled
from bot.web.api.address import contact_of
from bot.web.api.keys import make_key
from bot.web.api.routes import api_app
from bot.work.inbox import Deciding, decide_lane
from bot.work.stored_events import reader
from tests.web.api.conftest import ANNA, APP, BEA, Bench

TEAMS = ("support", "sales")
TEMPLATE = {"name": "order_shipped", "values": {"first_name": "Åsa", "order_number": "7"}}


class Desk:
    """The API, with somebody who decides what it recorded."""

    def __init__(self, bench: Bench, rulebook: Rulebook) -> None:
        self.bench = bench
        self._deciding = Deciding(reader(APP), lambda: Rulebooks(rulebook), b"k" * 32)
        self.teams: list[str] = []  # what HandOver told, in order

    async def decides(self) -> None:
        now = self.bench.clock[0]
        await self.bench.store.decide_ready(100, now, self._decide)

    def _decide(self, lane: Lane) -> Sequence[Settled]:
        found = decide_lane(self._deciding, self.bench.clock[0], lane)
        for one in found:
            assert one.decision is not None, one.dead
            self.teams += [effect.team for effect in one.decision.effects if isinstance(effect, HandOver)]
        return found

    async def act(self, what: str, to: str = ANNA, **body: Any) -> ClientResponse:
        return await self.bench.post(f"/v1/contacts/{to}/{what}", body)

    async def taken(self, to: str = ANNA, team: str = "support", **body: Any) -> None:
        answer = await self.act("hand-over", to, team=team, **body)
        assert answer.status == 202, await answer.text()
        await self.decides()

    async def write(self, to: str = ANNA, text: str = "Ida here", headers: Any = None, **body: Any) -> ClientResponse:
        what = {"who": "Ida", "reply": {"text": text}, **body}
        given = {name: value for name, value in what.items() if value is not None}
        return await self.bench.post(f"/v1/contacts/{to}/messages", given, **(headers or {}))

    async def waiting(self, more: str = "") -> list[tuple[str, str | None]]:
        answer = await self.bench.get(f"/v1/contacts?waiting=true{more}")
        assert answer.status == 200, await answer.text()
        return [(each["to"], each["team"]) for each in (await answer.json())["contacts"]]


@pytest.fixture
async def desk(
    bench: Bench,
    rulebook: Rulebook,
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
) -> Desk:
    rules = replace(rulebook, teams=TEAMS)
    app = web.Application()
    app.add_subapp("/v1", api_app(replace(bench.backend, rulebook=lambda: rules)))
    bench.client = await aiohttp_client(app)
    return Desk(bench, rules)


async def refused(answer: ClientResponse, status: int, code: str) -> dict[str, Any]:
    document = await answer.json(content_type=None)
    assert (answer.status, document["type"]) == (status, f"urn:parley:problem:{code}"), document
    return dict(document)


# --- taking over and giving back ----------------------------------------------------------------------------------------


async def test_a_team_takes_over_and_gives_back(desk: Desk) -> None:
    await desk.bench.writes()
    answer = await desk.act("hand-over", team="support", give_back_after="12 hours", note="VIP")
    assert (answer.status, await answer.json()) == (202, {"to": ANNA, "team": "support"})
    assert desk.bench.woken == ["inbox"]
    await desk.decides()
    answer = await desk.act("give-back", who="Ida")
    assert (answer.status, await answer.json()) == (202, {"to": ANNA, "team": None})
    await desk.decides()
    assert desk.teams == ["support", ""]


async def test_it_is_given_back_after_the_time_that_was_asked_for(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken(give_back_after="2 hours")
    desk.bench.later(hours=1, minutes=59)
    assert (await desk.write()).status == 202
    desk.bench.later(hours=1, minutes=59)
    await desk.decides()
    assert (await desk.write()).status == 202, "the time counts from the last message"
    await desk.decides()
    desk.bench.later(hours=2)
    await refused(await desk.write(), 409, "not-handed-over")


async def test_a_number_that_nobody_used_can_be_handed_over(desk: Desk) -> None:
    await desk.taken(BEA)
    assert await desk.waiting() == [(BEA, "support")]
    await refused(await desk.act("hand-over", "0701", team="support"), 422, "bad-recipient")
    await refused(await desk.act("give-back", "+46701740699"), 404, "not-found")
    await refused(await desk.act("close", "nobody"), 404, "not-found")


async def test_a_team_must_be_one_of_the_rules(desk: Desk, bench: Bench, rulebook: Rulebook) -> None:
    document = await refused(await desk.act("hand-over", team="legal"), 422, "unknown-team")
    assert document["cure"] == "The teams are: support, sales."
    await refused(await desk.write(take_over=True, team="legal"), 422, "unknown-team")
    assert not (await bench.store.standing(contact_of(ANNA, APP))).known


async def test_rules_without_teams_say_how_to_declare_one(bench: Bench) -> None:
    document = await refused(
        await bench.post(f"/v1/contacts/{ANNA}/hand-over", {"team": "support"}), 422, "unknown-team"
    )
    assert document["cure"] == "The rules declare none yet: write teams: [support] there."


@pytest.mark.parametrize("after", ["soon", "", "0 hours", "366 days", "999999 weeks", "12", "2 fortnights", "-1 hours"])
async def test_a_time_that_is_none_is_told(desk: Desk, after: str) -> None:
    document = await refused(await desk.act("hand-over", team="support", give_back_after=after), 422, "invalid-body")
    assert document["errors"][0]["field"] == "give_back_after"
    assert "such as" in document["errors"][0]["detail"]


@pytest.mark.parametrize("after", ["1 minute", "20 minutes", "3 hours", "2 days", "90 s", "1h", "365 days"])
async def test_times_are_written_as_in_the_rules(desk: Desk, after: str) -> None:
    assert (await desk.act("hand-over", team="support", give_back_after=after)).status == 202


# --- what a colleague writes --------------------------------------------------------------------------------------------


async def test_a_colleague_writes_in_a_conversation_that_a_team_has(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken()
    desk.bench.woken.clear()
    answer = await desk.write(reference="ticket 7")
    placed = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (202, f"/v1/messages/{placed['id']}")
    assert sorted(desk.bench.woken) == ["inbox", "outbox"]
    message = await desk.bench.store.message(placed["id"])
    assert message is not None
    assert (message.origin, message.author, message.reply) == (Origin.PERSON, "Ida", TextReply("Ida here"))
    assert (message.reference, message.category) == ("ticket 7", "utility")
    assert await desk.waiting() != []
    await desk.decides()
    assert await desk.waiting() == [], "the person was answered"


async def test_right_after_the_hand_over_a_colleague_may_write(desk: Desk) -> None:
    await desk.bench.writes()
    assert (await desk.act("hand-over", team="support")).status == 202
    assert (await desk.write()).status == 202
    assert (await desk.act("give-back")).status == 202
    await refused(await desk.write(), 409, "not-handed-over")


async def test_what_a_colleague_did_long_ago_is_not_told_as_the_persons(desk: Desk) -> None:
    await desk.taken()
    desk.bench.later(days=100)
    long_ago = desk.bench.clock[0] - timedelta(days=90)
    await desk.bench.store.privacy.forget_bodies(Walk(), long_ago, long_ago, 500)
    told = await (await desk.bench.get(f"/v1/contacts/{ANNA}/conversation")).json()
    assert [(each["who"], each.get("did")) for each in told["entries"]] == [("colleague", "gone")]


async def test_a_conversation_of_the_bot_must_be_taken_over(desk: Desk) -> None:
    await desk.bench.writes()
    document = await refused(await desk.write(), 409, "not-handed-over")
    assert '"take_over": true' in document["cure"]
    await refused(await desk.write(take_over=True), 422, "invalid-body")
    await refused(await desk.write(team="support"), 422, "invalid-body")
    await refused(await desk.write(give_back_after="1 hour"), 422, "invalid-body")
    assert (await desk.write(take_over=True, team="sales", give_back_after="1 hour")).status == 202
    await desk.decides()
    assert desk.teams == ["sales"]
    assert (await desk.write(take_over=True)).status == 202, "a team has it already"
    await desk.decides()
    assert desk.teams == ["sales"]
    desk.bench.later(hours=1)
    await refused(await desk.write(), 409, "not-handed-over")


async def test_who_said_stop_cannot_be_written_to(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken()
    await desk.bench.stops()
    for more in ({}, {"take_over": True, "team": "sales"}, {"reply": None, "template": TEMPLATE}):
        document = await refused(await desk.write(**more), 409, "opted-out")
        assert document["detail"] == "The person said STOP, so colleagues cannot write either."


async def test_with_the_window_closed_only_a_template_leaves(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken(give_back_after="3 days")
    desk.bench.later(hours=25)
    document = await refused(await desk.write(), 409, "window-closed")
    assert "if_closed" not in document["cure"]
    answer = await desk.write(reply=None, template=TEMPLATE)
    assert answer.status == 202
    message = await desk.bench.store.message((await answer.json())["id"])
    assert message is not None
    assert isinstance(message.reply, TemplateReply)


async def test_a_marketing_template_needs_consent_from_colleagues_too(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken()
    await refused(await desk.write(reply=None, template={"name": "spring_sale"}), 409, "no-marketing-consent")


async def test_a_message_is_either_a_reply_or_a_template(desk: Desk) -> None:
    await desk.taken()
    await refused(await desk.write(template=TEMPLATE), 422, "invalid-body")
    await refused(await desk.write(reply=None), 422, "invalid-body")
    await refused(await desk.write(who=None), 422, "invalid-body")
    await refused(await desk.write("what"), 422, "bad-recipient")
    await refused(await desk.write("what", take_over=True, team="support"), 422, "bad-recipient")


async def test_two_hundred_equal_keys_are_one_message_and_one_event(desk: Desk) -> None:
    await desk.bench.writes()
    await desk.taken()
    key = {"Idempotency_Key": "k-1"}
    answers = await asyncio.gather(*(desk.write(headers=key) for _ in range(200)))
    assert {answer.status for answer in answers} == {202}
    assert len({(await answer.json())["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    now = desk.bench.clock[0]
    assert (await desk.bench.store.decide_ready(100, now, desk._decide)).settled == 1
    await refused(await desk.write(text="Other", headers=key), 422, "idempotency-key-reused")


async def test_a_key_of_one_conversation_says_nothing_about_another(desk: Desk) -> None:
    for to in (ANNA, BEA):
        await desk.bench.writes(to)
        await desk.taken(to)
    key = {"Idempotency_Key": "k-1"}
    assert (await desk.write(headers=key)).status == 202
    await refused(await desk.write(BEA, headers=key), 422, "idempotency-key-reused")


# --- who waits ----------------------------------------------------------------------------------------------------------


async def test_who_waits_is_listed_page_by_page(desk: Desk) -> None:
    numbers = [f"+4670174060{digit}" for digit in range(5)]
    for number in numbers:
        await desk.taken(number, "sales" if number.endswith("3") else "support")
        desk.bench.later(minutes=1)
    assert await desk.waiting() == [(number, "sales" if number.endswith("3") else "support") for number in numbers]
    assert await desk.waiting("&team=sales") == [(numbers[3], "sales")]
    seen, more = [], ""
    while True:
        page = await (await desk.bench.get(f"/v1/contacts?waiting=true&limit=2{more}")).json()
        seen.append([each["to"] for each in page["contacts"]])
        if page["next"] is None:
            break
        more = f"&cursor={page['next']}"
    assert seen == [numbers[:2], numbers[2:4], numbers[4:]]
    assert (await (await desk.bench.get("/v1/contacts?waiting=true&limit=5")).json())["next"] is None
    await desk.act("close", numbers[0])
    await desk.decides()
    assert [to for to, _ in await desk.waiting()] == numbers[1:]


async def test_a_line_tells_since_when_and_until_when(desk: Desk) -> None:
    await desk.bench.writes()
    desk.bench.later(hours=1)
    await desk.taken(give_back_after="2 hours")
    answer = await desk.bench.get("/v1/contacts?waiting=true")
    assert (await answer.json()) == {
        "contacts": [
            {
                "to": ANNA,
                "since": "2026-01-05T10:00:00+00:00",
                "team": "support",
                "gives_back_at": "2026-01-05T12:00:00+00:00",
                "window_closes_at": "2026-01-06T09:00:00+00:00",
                "opted_out": False,
                "language": "sv",
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    "query",
    ["", "?waiting=false", "?waiting=true&limit=0", "?waiting=true&limit=201", "?waiting=true&limit=x",
     "?waiting=true&cursor=x", "?waiting=true&cursor=99999999999999999-1", "?waiting=true&waiting=true", "?waiting=true&x=1"],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(desk: Desk, query: str) -> None:
    answer = await desk.bench.get(f"/v1/contacts{query}")
    if answer.status == 200:
        assert await answer.json() == {"contacts": [], "next": None}
        assert "cursor=9" in query
    else:
        await refused(answer, 422, "invalid-body")


async def test_the_scopes_are_kept(desk: Desk) -> None:
    reads = await make_key(desk.bench.store, "reads", ["read"], desk.bench.clock[0])
    sends = await make_key(desk.bench.store, "sends", ["send"], desk.bench.clock[0])
    path = f"/v1/contacts/{ANNA}/hand-over"
    await refused(await desk.bench.post(path, {"team": "support"}, reads), 403, "forbidden")
    desk.bench.key = sends
    await refused(await desk.bench.get("/v1/contacts?waiting=true"), 403, "forbidden")


@pytest.mark.parametrize("identity", ["%00", "%ED%A0%80", "a%0Ab", "9" * 300, "+", "%2F", "é", "%F0%9F%98%80"])
async def test_odd_identities_are_refused_and_harm_nothing(desk: Desk, identity: str) -> None:
    for what, body in (
        ("hand-over", {"team": "support"}),
        ("give-back", {}),
        ("close", {}),
        ("messages", {"who": "Ida", "reply": {"text": "x"}, "take_over": True, "team": "support"}),
    ):
        answer = await desk.bench.post(f"/v1/contacts/{identity}/{what}", body)
        assert answer.status in (404, 422), await answer.text()
