"""What is around the chat: contacts, clock, faults, saved rules, who is let in."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from aiohttp import ClientSession, CookieJar

from bot.cli.running import running
from bot.web.api.bodies import EventBody
from bot.web.api.events import record_event
from bot.web.site.words import day
from tests.web.phone.conftest import ANNA, BEA, RULES, Booth, part, words

STOCKHOLM = ZoneInfo("Europe/Stockholm")


async def test_contacts_are_added_closed_and_come_back(booth: Booth) -> None:
    there = await booth.post("add", {"number": "+49 (171) 39-200 124", "name": "Lena", "language": "sv"})
    assert there == "/phone/?c=4917139200124"
    page = words(await booth.page(c="4917139200124"))
    assert "Lena Svenska" in page
    await booth.says("hej", identity="4917139200124")
    assert booth.theirs("4917139200124")[-1].shown.text == "Hej där"
    assert await booth.post("close", {"c": "4917139200124", "here": BEA}) == f"/phone/?c={BEA}"
    assert "Lena" not in words(await booth.page())
    await booth.demo.emulator.person("4917139200124").says("hej")
    assert "Lena" in words(await booth.page())
    await booth.answered(2, "4917139200124")  # what comes later would open the tab again
    assert await booth.post("close", {"c": BEA, "here": BEA}) == "/phone/?"
    assert "You are Anna" in words(await booth.page())
    await booth.post("close", {"c": ANNA, "here": ANNA})
    await booth.post("close", {"c": "4917139200124", "here": ANNA})
    assert "Nobody" in words(await booth.page())


async def test_a_number_must_be_one(booth: Booth) -> None:
    for number in ("", "abc", "+46", "0701740605", "1" * 16, "<script>"):
        assert "no telephone number" in await booth.post("add", {"number": number}, 422)


async def test_time_passes_for_bot_and_phone(booth: Booth) -> None:
    await booth.says("hello")
    before = booth.demo.emulator.clock.now()
    assert await booth.post("clock", {"by": "25h", "c": BEA}) == f"/phone/?c={BEA}"
    assert (booth.demo.emulator.clock.now() - before).total_seconds() >= 25 * 3600
    assert abs((booth.demo.app.clock.now() - booth.demo.emulator.clock.now()).total_seconds()) < 5
    page = words(await booth.page(c=BEA))
    assert "window closed: templates only" in page
    assert day(before.astimezone(STOCKHOLM), booth.demo.emulator.clock.now().astimezone(STOCKHOLM)) in page
    await booth.post("clock", {"by": "opening"})
    assert (await booth.says("open")).shown.text == "We are open"
    await booth.post("clock", {"by": "yesterday"}, 422)


async def test_a_template_outside_the_window(booth: Booth) -> None:
    await booth.says("hello")
    await booth.post("clock", {"by": "25h"})
    event = EventBody(name="order.shipped", to=f"+{BEA}", data={"order_number": "77"})
    await record_event(event, booth.demo.app.backend())
    bubble = await booth.answered(2)
    assert bubble.shown.kind == "template"
    page = await booth.page(c=BEA)
    assert 'class="mark"' in page
    assert "77 is coming" in page
    assert ">Track</button>" in page
    assert "Event order.shipped" in words(page)
    await booth.post("tap", {"c": BEA, "message": bubble.message_id, "choice": "0"})
    assert (await booth.answered(3)).shown.text.startswith("We are")


async def test_faults_are_switched_and_counted(booth: Booth) -> None:
    assert "all well" in part(await booth.page(), "faults")
    await booth.post("fault", {"name": "duplicates", "on": "1", "c": BEA, "tab": "send"})
    await booth.says("hello")
    faults = part(await booth.page(), "faults")
    assert "1 is on" in faults
    assert re.search(r"Every webhook twice</b><span[^>]*>\d+ times", faults)
    assert len(booth.theirs()) == 1
    await booth.post("fault", {"name": "duplicates", "on": "0"})
    assert "all well" in part(await booth.page(), "faults")
    await booth.post("fault", {"name": "earthquake", "on": "1"}, 422)


async def test_a_failed_message_says_why(booth: Booth) -> None:
    await booth.post("fault", {"name": "undeliverable", "on": "1"})
    await booth.post("say", {"c": BEA, "text": "hello"})
    phone = booth.demo.emulator.person(BEA).phone
    async with asyncio.timeout(10):
        while not any(each.failed for each in phone.bubbles()):
            await phone.anything.after(phone.anything.count)
    page = words(await booth.page())
    assert "not delivered" in page
    assert "131026" in page


async def test_saved_rules_are_told(booth: Booth) -> None:
    state = booth.demo.app.reloader
    (booth.rules / "rules.yaml").write_text(RULES.replace("Hi there", "Hi again"), encoding="utf-8")
    await asyncio.wait_for(state.next_outcome(), 30)
    assert "Rules saved: 8 rules answer now." in words(await booth.page())
    assert (await booth.says("hello")).shown.text == "Hi again"
    assert "Rulebook 2" in words(await booth.page())
    (booth.rules / "rules.yaml").write_text(RULES + "  - <b>\n", encoding="utf-8")
    await asyncio.wait_for(state.next_outcome(), 30)
    page = await booth.page()
    assert "not live; those before go on answering" in words(page)
    assert "rules.yaml:" in part(page, "saved")


async def test_the_page_is_told_of_what_changes(booth: Booth) -> None:
    async with booth.session.get(f"{booth.demo.url}/phone/live?c={BEA}") as stream:
        first = await _news(stream.content.readline)
        assert set(first) == {"contacts", "head", "chat", "why", "clock", "faults", "saved"}
        await booth.post("say", {"c": BEA, "text": "hello"})
        changed: dict[str, str] = {}
        async with asyncio.timeout(10):
            while "Hi there" not in changed.get("chat", "") or "Rule welcome" not in changed.get("why", ""):
                changed |= await _news(stream.content.readline)
        assert "faults" not in changed


async def _news(readline: object) -> dict[str, str]:
    assert callable(readline)
    async with asyncio.timeout(10):
        while True:
            line: bytes = await readline()
            if line.startswith(b"data: "):
                found = orjson.loads(line[6:])
                return dict(found["fragments"])


async def test_dots_while_an_answer_may_come_and_not_for_a_silent_rule(booth: Booth) -> None:
    await booth.post("fault", {"name": "late_webhooks", "on": "1"})
    await booth.post("say", {"c": BEA, "text": "hello"})
    assert "The bot is writing" in words(await booth.page())
    await booth.post("fault", {"name": "late_webhooks", "on": "0"})
    booth.demo.emulator.advance(seconds=31)
    await booth.answered(1)
    assert "The bot is writing" not in words(await booth.page())
    await booth.post("say", {"c": BEA, "text": "thanks"})
    async with booth.session.get(f"{booth.demo.url}/phone/live?c={BEA}") as stream:
        chat = (await _news(stream.content.readline))["chat"]
        async with asyncio.timeout(5):  # the dots themselves would last ten seconds
            while "The bot is writing" in chat:
                chat = (await _news(stream.content.readline)).get("chat", chat)
    assert "thanks" in chat


async def test_with_a_password_one_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.yaml").write_text(RULES, encoding="utf-8")
    async with (
        running(rules, tmp_path / "demo.db", 0, 0) as demo,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as session,
    ):
        async with session.get(f"{demo.url}/phone/?c=1", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/admin/login?next=/phone/%3Fc%3D1")
        for method, path in (("GET", "live"), ("GET", "file/x"), ("POST", "say"), ("POST", "clock")):
            headers = {"Sec-Fetch-Site": "same-origin"}
            async with session.request(method, f"{demo.url}/phone/{path}", headers=headers) as response:
                assert response.status == 401
        fields = {"name": "admin", "password": "correct horse battery", "next": "/phone/"}
        async with session.post(
            f"{demo.url}/admin/login", data=fields, headers={"Sec-Fetch-Site": "same-origin"}
        ) as response:
            assert response.status == 200
            assert "You are Bea" in words(await response.text())


async def test_the_address_alone_leads_to_the_phone(booth: Booth) -> None:
    for path in ("/", "/phone"):
        async with booth.session.get(f"{booth.demo.url}{path}") as response:
            assert response.url.path == "/phone/"
