"""The operations pages: the numbers are what happened, what is driven again is decided, and what a stranger wrote stays text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.core.event import InboundMessage, Text
from bot.store.campaigns import NewCampaign, NewRecipient
from bot.store.units import InboxKind, Incoming, Settled
from bot.store.users import Deed
from bot.work.campaigns import declaration
from tests.journeys.shop import APP
from tests.web.admin.office import EVIL, Office, ignoring, office, person, posted

OPERATIONS = "/admin/operations"
DEAD = f"{OPERATIONS}/dead-letters"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as opened:
        yield opened


@pytest.fixture
async def looking(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, role="view") as opened:
        yield opened


def plain(page: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<(script|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)).split())


def of_tile(page: str, key: str) -> str:
    """What a tile says."""
    found = re.search(rf'data-key="{key}">(.*?)</li>', page, re.DOTALL)
    assert found is not None
    return plain(found[1])


def campaign(desk: Office, template: str = "news", name: str = "Spring") -> NewCampaign:
    declared = declaration(desk.app.rules.live.templates[template])
    return NewCampaign(name, template, declared, "marketing", "", {}, 2.0, "", desk.now(), "webshop")


# --- the overview ----------------------------------------------------------------------------------------------------------


async def test_an_empty_bot_says_what_will_be_seen(desk: Office) -> None:
    page = await desk.text(OPERATIONS)
    assert "nobody wrote yet" in of_tile(page, "received") or "messages" in of_tile(page, "received")
    assert plain(page).count("Nothing in the last 24 hours") == 2
    assert "No message failed" in page
    assert "No backend listens" in page


async def test_the_six_numbers_are_what_happened(desk: Office) -> None:
    await desk.fails("131026", who=1)
    await desk.fails("131047", who=2)
    await desk.dies()
    page = await desk.text(OPERATIONS)
    assert of_tile(page, "received").startswith("Received 3")
    assert of_tile(page, "failed").startswith("Failed 2 of 2 sent")
    assert "131026" in page
    assert "WhatsApp cannot deliver to this number" in page
    assert re.search(r'Dead letters</a></dt><dd class="bad">1<', page)


async def test_people_who_wait_for_a_colleague_are_counted(desk: Office) -> None:
    event = InboundMessage("in:1", person(), "m1", Text("help"), desk.now(), desk.now())
    await desk.app.store.record([Incoming(event, InboxKind.INBOUND, b"{}")], desk.now())
    await desk.app.store.decide_ready(10, desk.now(), ignoring)
    await desk.app.store._database.write(  # type: ignore[attr-defined]
        lambda c: c.execute(
            "UPDATE lane SET waiting_since = ?", (int((desk.now() - timedelta(hours=2)).timestamp() * 1e6),)
        )
    )
    tile = of_tile(await desk.text(OPERATIONS), "waiting")
    assert tile.startswith("Waiting 1 person waits for a colleague, for 2 h")


async def test_a_period_is_an_address(desk: Office) -> None:
    page = await desk.text(f"{OPERATIONS}?period=30d")
    assert 'href="/admin/operations?period=30d" aria-current="true"' in page
    assert "in the last 30 days" in page
    assert 'data-live="/admin/operations/live?period=30d"' in page
    assert 'period=24h" aria-current="true"' in await desk.text(f"{OPERATIONS}?period=%00nonsense")


async def test_each_chart_has_its_numbers_in_a_table(desk: Office) -> None:
    await desk.fails("131026")
    page = await desk.text(OPERATIONS)
    found = re.search(r'data-key="throughput">(.*?)</figure>', page, re.DOTALL)
    assert found is not None
    assert "Wed 7 Jan 10:00 1 1" in plain(found[1])


async def test_the_size_of_the_database_is_that_of_all_its_files(desk: Office) -> None:
    file = desk.app.desk().database
    whole = sum(file.with_name(f"{file.name}{ending}").stat().st_size for ending in ("", "-wal"))
    page = await desk.text(OPERATIONS)
    told = re.search(r"Database</dt>\s*<dd[^>]*>(?:<[^>]+>)*([0-9.]+) (KB|MB)", page)
    assert told is not None, page
    assert abs(float(told[1]) * {"KB": 1e3, "MB": 1e6}[told[2]] - whole) < 0.2 * whole
    assert "in the log of what is new, which shrinks by itself" in page


async def test_health_tells_problems_and_remarks(desk: Office) -> None:
    desk.app.health.worker_died("outbox")
    desk.app.health.remarks = lambda: [f"The rules in the folder are not live: {EVIL}"]
    page = await desk.text(OPERATIONS)
    assert "The worker outbox has died; the server ends within a minute." in page
    assert "not ready" in page
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page


async def test_a_database_that_is_gone_is_told_and_not_a_mistake(desk: Office) -> None:
    path = desk.app.path
    path.rename(aside := path.with_name("aside"))
    page = plain(await desk.text(OPERATIONS))
    aside.rename(path)
    assert "was deleted or replaced while the server was running" in page
    assert "Schema unknown" in page


async def test_a_look_that_lasts_asks_the_database_to_write_only_now_and_then(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking whether the database can be written is work for it; each commit is news to every page that is open."""
    asked, problems = [], desk.app.health.problems

    async def counted() -> list[str]:
        asked.append(desk.now())
        return await problems()

    monkeypatch.setattr(desk.app.health, "problems", counted)
    async with desk.page.get(f"{OPERATIONS}/live") as response, asyncio.timeout(20):
        news = 0
        async for line in response.content:
            if line.startswith(b"event: news"):
                news += 1
                if news == 4:
                    break
                await desk.app.store.users.did(Deed(desk.now(), "anna", "looked", f"thing {news}"))
    assert len(asked) == 1


async def test_numbers_come_live(desk: Office) -> None:
    async with desk.page.get(f"{OPERATIONS}/live") as response, asyncio.timeout(10):
        async for line in response.content:
            if not line.startswith(b"data: "):
                continue
            fragments = orjson.loads(line[6:]).get("fragments", {})
            tiles = fragments.get("operations-tiles", "")
            if tiles and of_tile(tiles, "failed").startswith("Failed 1 "):
                break
            if tiles:
                await desk.fails("131026")
        else:
            raise AssertionError("the stream ended")


async def test_the_journal_leads_to_what_was_done(desk: Office) -> None:
    for what, subject in (("take_over", "person 7"), ("paused", "campaign 3"), ("export", EVIL)):
        await desk.app.store.users.did(Deed(desk.now(), "anna", what, subject))
    page = await desk.text(OPERATIONS)
    assert '<a href="/admin/conversations/7">person 7</a>' in page
    assert '<a href="/admin/operations/campaigns/3">campaign 3</a>' in page
    assert "take over" in page
    assert "<script>alert" not in page


async def test_the_whole_journal_is_read_by_pages(desk: Office) -> None:
    for n in range(60):
        await desk.app.store.users.did(Deed(desk.now(), "anna", "looked", f"thing {n}"))
    first = await desk.text(f"{OPERATIONS}/journal")
    assert "thing 59<" in first
    assert "thing 9<" not in first
    found = re.search(r'href="(/admin/operations/journal\?before=\d+)"', first)
    assert found is not None
    second = await desk.text(found[1])
    assert "thing 9<" in second
    assert "thing 10<" not in second


# --- dead letters ------------------------------------------------------------------------------------------------------------


async def test_a_dead_letter_is_told_in_words_with_its_body(desk: Office) -> None:
    number = await desk.dies(why=f"Deciding it failed 3 times: {EVIL}")
    page = await desk.text(DEAD)
    assert "a message or event of a person" in page
    assert re.search(r'href="/admin/conversations/\d+">Person', page)
    assert "&#34;contact_message&#34;: {" in page  # indented, and escaped
    assert "<script>alert" not in page
    assert f'value="{number}"' in page
    assert '"app_id"' in await desk.text(f"{DEAD}/{number}/body")


async def test_a_driven_letter_waits_then_tells_its_rule(desk: Office) -> None:
    number = await desk.dies()
    there = await desk.posts(f"{DEAD}/redrive", name=str(number))
    assert there == f"{DEAD}?driven={number}"
    assert "It waits to be decided." in await desk.text(there)
    await desk.app.store.decide_ready(10, desk.now(), ignoring)
    assert "It was decided by rule rule." in await desk.text(there)
    (deed,) = await desk.app.store.users.deeds(10)
    assert (deed.who, deed.what, deed.subject) == ("ola", "redrive", f"event {number}")
    assert await desk.app.store.trouble.counts(APP) == (0, 0)


async def test_one_that_dies_again_says_so(desk: Office) -> None:
    number = await desk.dies()
    there = await desk.posts(f"{DEAD}/redrive", name=str(number))
    await desk.app.store.decide_ready(
        10, desk.now(), lambda lane: [Settled(x.inbox_id, dead=EVIL) for x in lane.pending]
    )
    page = await desk.text(there)
    assert "It was given up again: &lt;script&gt;" in page


async def test_a_refused_webhook_is_recorded_with_what_its_words_ask_for(desk: Office) -> None:
    await desk.app.store.refuse(posted("STOP"), "Its signature is too old.", desk.now())
    there = await desk.posts(f"{DEAD}/redrive", name="w1")
    assert "It waits to be decided." in await desk.text(there)
    rows = await desk.app.store._database.read(lambda c: c.execute("SELECT stopped FROM person").fetchall())  # type: ignore[attr-defined]
    assert rows == [(1,)]
    page = await desk.text(DEAD)
    assert "ola drove it again." in page
    assert 'value="w1"' not in page
    assert "was driven again already" in await desk.posts(f"{DEAD}/redrive", status=409, name="w1")


async def test_all_that_are_shown_are_driven_at_once(desk: Office) -> None:
    numbers = [str(await desk.dies(who=n)) for n in (1, 2, 3)]
    page = await desk.text(DEAD)
    assert "Drive all 3 again" in page
    there = await desk.posts(f"{DEAD}/redrive", name=numbers)
    assert there.count("driven=") == 3
    assert await desk.app.store.trouble.counts(APP) == (0, 0)


@pytest.mark.parametrize("name", ["999", "w999", "x", "", "1; DROP TABLE inbox", "１２"])
async def test_what_is_no_dead_letter_is_refused_with_a_sentence(desk: Office, name: str) -> None:
    page = await desk.posts(f"{DEAD}/redrive", status=404, name=name)
    assert 'role="alert"' in page


async def test_a_reader_sees_dead_letters_and_drives_none(looking: Office) -> None:
    number = await looking.dies()
    page = await looking.text(DEAD)
    assert re.search(r"<button[^>]*disabled[^>]*>Drive again</button>", page)
    assert "Driving takes the role" in page
    await looking.posts(f"{DEAD}/redrive", status=403, name=str(number))
    assert await looking.app.store.trouble.counts(APP) == (1, 0)


async def test_a_large_or_broken_body_does_no_harm(desk: Office) -> None:
    for raw in (b'{"a":"' + b"x" * 900_000 + b'"}', b"\xff\xfe\x00<script>alert(1)</script>", b'{"a":"\\ud800"}', b""):
        await desk.app.store.refuse(raw, "Its signature is too old.", desk.now())
    page = await desk.text(DEAD)
    assert len(page) < 60_000
    assert f'href="{DEAD}/w1/body"' in page
    assert "<script>alert" not in page
    async with desk.page.get(f"{DEAD}/w2/body") as response:
        assert (response.content_type, response.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")


@pytest.mark.parametrize("depth", [254, 300, 1000, 2000])
async def test_a_body_nested_deeply_is_shown_and_exported_as_it_is(desk: Office, depth: int) -> None:
    raw = b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}"
    event = InboundMessage("in:deep", person(1), "deep", Text("hello"), desk.now(), desk.now())
    await desk.app.store.record([Incoming(event, InboxKind.INBOUND, raw)], desk.now())
    await desk.app.store.decide_ready(10, desk.now(), lambda lane: [Settled(lane.pending[0].inbox_id, dead="Broken.")])
    assert "[[[[" in "".join((await desk.text(DEAD)).split())
    assert "[[[[" in "".join((await desk.text(f"{DEAD}/1/body")).split())
    assert "[[[[" in "".join((await desk.text("/admin/conversations/1/export")).split())


async def test_a_large_nested_body_is_not_blown_up(desk: Office) -> None:
    raw = b"[" * 200 + b",".join([b"1"] * 200_000) + b"]" * 200
    await desk.app.store.refuse(raw, "Its signature is too old.", desk.now())
    assert len(await desk.text(f"{DEAD}/w1/body")) == len(raw)
    assert len(await desk.text(DEAD)) < 60_000


# --- messages ------------------------------------------------------------------------------------------------------------------


async def test_failed_messages_are_found_by_reason_status_and_reference(desk: Office) -> None:
    await desk.fails("131026", who=1, reference="order-1", said=EVIL)
    await desk.fails("131047", who=2, reference=EVIL)
    messages = f"{OPERATIONS}/messages"
    both = await desk.text(messages)
    assert both.count('class="message-row"') == 2
    assert "<script>alert" not in both
    found: Callable[[str], Any] = lambda page: re.findall(r'messages\?reason=(\w+)"', page)  # noqa: E731
    assert found(await desk.text(f"{messages}?reason=131026")) == ["131026"]
    assert found(await desk.text(f"{messages}?reference=order-1")) == ["131026"]
    assert found(await desk.text(f"{messages}?status=held")) == []
    assert "No message like that" in await desk.text(f"{messages}?status=expired")
    assert re.search(r'href="/admin/conversations/\d+"', both)


async def test_all_that_went_amiss_is_read_by_pages(desk: Office) -> None:
    for n in range(55):
        await desk.fails("131026", who=n)
    first = await desk.text(f"{OPERATIONS}/messages")
    assert first.count('class="message-row"') == 50
    older = re.search(r'href="(/admin/operations/messages\?before=\d+)">Older', first)
    assert older is not None
    assert (await desk.text(older[1])).count('class="message-row"') == 5


# --- campaigns -------------------------------------------------------------------------------------------------------------------


async def test_a_campaign_is_paused_resumed_and_cancelled(desk: Office) -> None:
    people = [NewRecipient(n, person(n), skipped="The person said STOP." if n == 2 else "") for n in (1, 2, 3)]
    await desk.app.store.campaigns.create(campaign(desk, name=EVIL), people, desk.now())
    there = f"{OPERATIONS}/campaigns/1"
    listed = await desk.text(f"{OPERATIONS}/campaigns")
    assert "0 of 2, 1 skipped" in plain(listed)
    assert "<script>alert" not in listed
    assert await desk.posts(f"{there}/pause") == there
    page = await desk.text(there)
    assert "Paused by ola." in page
    assert "<script>alert" not in page
    await desk.posts(f"{there}/resume")
    assert "running" in await desk.text(there)
    await desk.posts(f"{there}/cancel")
    assert "It cannot go on afterwards" not in await desk.text(there)
    assert "stays so" in await desk.posts(f"{there}/resume", status=409)
    assert [each.what for each in await desk.app.store.users.deeds(10)] == ["cancelled", "resumed", "paused"]


async def test_recipients_are_told_by_status_with_why(desk: Office) -> None:
    people = [NewRecipient(n, person(n), skipped="The person said STOP." if n == 2 else "") for n in range(1, 61)]
    await desk.app.store.campaigns.create(campaign(desk), people, desk.now())
    there = f"{OPERATIONS}/campaigns/1"
    skipped = await desk.text(f"{there}?status=skipped")
    assert plain(skipped).count("The person said STOP.") == 2  # as a reason, and beside the person
    page = await desk.text(there)
    more = re.search(rf'href="({there}\?after=50)#recipients"', page)
    assert more is not None
    assert (await desk.text(more[1])).count("<tr><td") == 10


async def test_a_reader_changes_no_campaign(looking: Office) -> None:
    await looking.app.store.campaigns.create(campaign(looking), [NewRecipient(1, person())], looking.now())
    there = f"{OPERATIONS}/campaigns/1"
    assert re.search(r"<button disabled[^>]*>Pause</button>", await looking.text(there))
    await looking.posts(f"{there}/pause", status=403)
    view = await looking.app.store.campaigns.view(1)
    assert view is not None
    assert view.state == "running"


@pytest.mark.parametrize("path", ["campaigns/99", "campaigns/99/live", "dead-letters/99/body", "dead-letters/w9/body"])
async def test_what_is_not_there_is_told_so(desk: Office, path: str) -> None:
    told = await desk.text(f"{OPERATIONS}/{path}", status=404)
    assert "/v1/" not in told
    section = path.partition("/")[0]
    assert f'<a href="{OPERATIONS}/{section}" data-back>Back</a>' in told


@pytest.mark.parametrize("path", ["", "/journal", "/dead-letters", "/messages", "/campaigns", "/live"])
async def test_no_stranger_sees_anything(desk: Office, path: str) -> None:
    async with desk.page.get(
        f"{OPERATIONS}{path}", headers={"Host": "evil.example"}, allow_redirects=False
    ) as response:
        assert response.status in (303, 401)
        assert "Received" not in await response.text()
