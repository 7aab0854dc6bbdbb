"""Operations in a real browser: a dead letter driven again ends as a reply on the phone, and numbers come by themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from playwright.async_api import Page, expect

from bot.core.event import ContactKey, InboundMessage, Text
from bot.sinch.emulator import EmulatorSettings
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming, Settled
from tests.browser.conftest import NARROW, Check, Shot
from tests.browser.demo import Demo
from tests.sinch.payloads import PAYLOADS

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANNA, BEN, CAROL = "46701740605", "447700900123", "447700900124"
TEMPLATE = {"name": "order_shipped", "values": {"first_name": "Åsa", "order_number": "12345678"}}
EVIL = "<script>document.title='broken'</script>"


async def with_a_dead_letter(database: Path) -> None:
    """A database in which a greeting of Ben's was given up, and one of Carol's came too late."""
    app = EmulatorSettings().app_id
    store = await open_store(database, app=app)
    now, who = datetime.now(UTC), ContactKey(app, "WHATSAPP", BEN)
    event = InboundMessage("in:dead", who, "dead", Text("hi"), now, now)
    await store.record([Incoming(event, InboxKind.INBOUND, webhook(app, BEN, "dead"))], now)
    await store.decide_ready(1, now, lambda lane: [Settled(each.inbox_id, dead=EVIL) for each in lane.pending])
    await store.refuse(webhook(app, CAROL, "late"), "Its signature is too old, or from the future.", now)
    await store.close()


def webhook(app: str, who: str, message_id: str) -> bytes:
    """What Sinch posts when somebody greets."""
    body = orjson.loads(PAYLOADS["text"])
    body["app_id"] = app
    body["accepted_time"] = body["event_time"] = body["message"]["accept_time"] = datetime.now(UTC).isoformat()
    body["message"]["id"] = message_id
    body["message"]["contact_message"] = {"text_message": {"text": "hi"}}
    body["message"]["channel_identity"]["identity"] = who
    return orjson.dumps(body)


async def test_each_page_reads_well_at_every_width_and_in_both_themes(
    demo: Demo, page: Page, shot: Shot, axe: Check
) -> None:
    await demo.say(ANNA, "hi")
    await demo.bubbles(ANNA, 1)
    for name, path in (
        ("", ""),
        ("-messages", "/messages"),
        ("-campaigns", "/campaigns"),
        ("-dead", "/dead-letters"),
        ("-journal", "/journal"),
    ):
        await page.goto(f"{demo.url}/admin/operations{path}")
        await axe(page)
        await shot(page, f"operations{name}", both=True, full_page=True)
        await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


async def test_numbers_come_by_themselves(demo: Demo, page: Page) -> None:
    await page.goto(f"{demo.url}/admin/operations")
    received = page.locator("[data-key=received] .figure")
    before = int((await received.inner_text()).replace(",", ""))
    await demo.say(BEN, "hi")
    await expect(received).to_have_text(str(before + 1))


async def test_a_dead_letter_driven_again_ends_as_a_reply(
    own_demo: Callable[..., Awaitable[Demo]], tmp_path: Path, page: Page, shot: Shot, axe: Check
) -> None:
    await with_a_dead_letter(tmp_path / "parley.db")
    demo = await own_demo("--db", str(tmp_path / "parley.db"))
    for who in (BEN, CAROL):  # WhatsApp lets a business answer only those who wrote
        await demo.say(who, "opening hours")
        await demo.bubbles(who, 1)
    await page.goto(f"{demo.url}/admin/operations")
    await page.get_by_role("link", name="Dead letters").last.click()
    await expect(page.get_by_text(EVIL)).to_be_visible()
    await page.get_by_text("Body").first.click()
    await expect(page.get_by_label("Body of 1")).to_contain_text('"text": "hi"')
    await axe(page)
    await shot(page, "operations-dead-letters", both=True, full_page=True)
    await page.get_by_role("button", name="Drive 1 again").click()
    await expect(page.locator("#driven")).to_contain_text(re.compile(r"1: It was decided by rule \w+\."))
    assert (await demo.bubbles(BEN, 2))[-1]["from"] == "business"
    await page.get_by_role("button", name="Drive w1 again").click()
    await expect(page.locator("#driven")).to_contain_text(re.compile(r"w1: It was decided by rule \w+\."))
    assert (await demo.bubbles(CAROL, 2))[-1]["from"] == "business"
    await shot(page, "operations-driven", full_page=True)
    await page.goto(f"{demo.url}/admin/operations")
    await expect(page.locator("[data-key=deeds]")).to_contain_text("redrive: webhook 1")
    assert await page.title() != "broken"


async def test_a_campaign_is_followed_and_paused(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    people = [{"to": f"+4670174{n:04}"} for n in range(700, 740)]
    made = await demo.api(
        "POST",
        "/campaigns",
        {"name": f"Spring {EVIL}", "template": TEMPLATE, "recipients": people, "rate": 5, "not_between": ""},
    )
    await page.goto(f"{demo.url}/admin/operations/campaigns")
    await page.get_by_role("link", name="Spring").click()
    await expect(page.get_by_role("heading", name=f"Spring {EVIL}")).to_be_visible()
    done = page.locator("#campaign-numbers .figure").first
    await expect(done).not_to_have_text("0")
    first = int(await done.inner_text())
    await expect(done).not_to_have_text(str(first))  # it goes on by itself
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused by", exact=False)).to_be_visible()
    await axe(page)
    await shot(page, "operations-campaign", both=True, full_page=True)
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("#campaign-state")).to_contain_text("cancelled")
    assert (await demo.api("GET", f"/campaigns/{made['id']}"))["state"] == "cancelled"
    assert await page.title() != "broken"


async def test_why_messages_failed_leads_to_them(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await page.goto(f"{demo.url}/admin/operations")
    fault = {"kind": "failed", "code": "RECIPIENT_NOT_REACHABLE", "channel_code": "131026"}
    await demo.control("faults", script=[fault])
    await demo.say(CAROL, "hi")
    reason = page.locator("[data-key='131026']")
    await expect(reason).to_contain_text("WhatsApp cannot deliver to this number")  # by itself
    await reason.get_by_role("link").click()
    await expect(page.locator(".message-row")).to_have_count(1)
    await expect(page.locator(".message-row")).to_contain_text("Check the number with the person")
    await axe(page)
    await shot(page, "operations-failed", both=True, full_page=True)
    await page.get_by_role("link", name=re.compile(r"\+44 … \d+")).click()
    await expect(page).to_have_url(re.compile(r"/admin/conversations/\d+"))
