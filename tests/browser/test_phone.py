"""The phone as somebody uses it, in a real browser over a real demo."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import NARROW, WIDE, Check, Shot
from tests.browser.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<script>alert(1)</script>\u202e<img src=x onerror=alert(2)>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c63000100000500010d0a2db4"
    "0000000049454e44ae426082"
)


async def opened(page: Page, demo: Demo, identity: str, speaks: str = "English") -> None:
    """The phone of a contact of one's own, with its live updates on."""
    await page.goto(f"{demo.url}/phone/")
    await page.get_by_role("link", name="Add a contact").click()
    dialog = page.get_by_role("dialog", name="New contact")
    await dialog.get_by_label("Language").select_option(label=speaks)
    await dialog.get_by_label("Number").fill(f"+{identity}")
    await dialog.get_by_label("Name", exact=True).fill(f"P {identity[-3:]}")
    await dialog.get_by_role("button", name="Add").click()
    await expect(page).to_have_url(re.compile(f"c={identity}"))
    await expect(page.locator("html[data-live=yes]")).to_be_attached()


async def says(page: Page, words: str) -> Locator:
    """They write; the bot's newest bubble, once there is one more."""
    before = await page.locator(".line.theirs").count()
    await page.get_by_label("Message", exact=True).fill(words)
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.theirs").nth(before)).to_be_visible()
    return page.locator(".line.theirs").last


def why(page: Page) -> Locator:
    return page.locator("#why")


async def test_a_newcomer_gets_an_answer_and_its_reason_within_ten_seconds(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    started = time.monotonic()
    await page.goto(demo.url)
    await expect(page).to_have_url(f"{demo.url}/phone/")
    await page.locator(".try button").first.click()
    await expect(page.locator(".line.theirs .words")).to_contain_text("How can we help?")
    assert time.monotonic() - started < 10
    await expect(why(page)).to_contain_text("Rule welcome answered, because it heard “hi”.")
    await expect(why(page).locator(".written")).to_contain_text("- name: welcome")
    await expect(page.locator(".line.theirs .ticks.is-read")).to_be_visible()
    await expect(why(page).locator(".written a")).to_have_attribute("href", re.compile("/admin/rules.*shop.yaml"))
    await page.get_by_role("link", name="Inbox").last.click()
    await expect(page).to_have_url(re.compile(r"/admin/conversations/\d+"))
    await page.go_back()
    await expect(page.locator(".line.theirs .words")).to_contain_text("How can we help?")
    await axe(page)
    await shot(page, "phone-first-words", both=True)


async def test_a_chat_with_everything_that_can_be_tapped(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await opened(page, demo, "447700900301")
    bubble = await says(page, "hello")
    await bubble.get_by_role("button", name="Opening hours").click()
    await expect(page.locator(".line.mine").last.locator(".quote")).to_contain_text("How can we help?")
    await expect(page.locator(".line.theirs")).to_have_count(2)
    bubble = await says(page, "help")
    await bubble.get_by_role("link", name="Choose").click()
    sheet = page.get_by_role("dialog", name="Choose")
    await expect(sheet.get_by_role("button", name="Track order")).to_be_visible()
    for _ in range(12):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await bubble.get_by_role("link", name="Choose").click()
    await shot(page, "phone-list")
    await sheet.get_by_role("button", name="Find us").click()
    await expect(sheet).to_be_hidden()
    await expect(page.locator(".place svg")).to_be_visible()
    await expect(page.locator(".line.theirs").last).to_contain_text("Kungsgatan 1, Stockholm")
    bubble = await says(page, "track 12345678")
    link = bubble.get_by_role("link", name="Follow my order")
    await expect(link).to_have_attribute("href", "https://shop.example/orders/12345678")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(link).to_have_attribute("target", "_blank")
    await says(page, "picture")
    await says(page, "phone number")
    await says(page, "I want to return it")
    await expect(page.locator(".file").last).to_contain_text("return-en.pdf")
    await axe(page)
    await shot(page, "phone-chat", both=True)


async def test_why_of_any_bubble_by_mouse_keyboard_and_address(demo: Demo, page: Page) -> None:
    await opened(page, demo, "447700900302")
    await says(page, "hello")
    await says(page, "address")
    await expect(why(page)).to_contain_text("Rule find_us answered")
    await page.locator(".line.theirs").first.get_by_role("link", name="why the bot said this").click()
    await expect(why(page)).to_contain_text("Rule welcome answered")
    await expect(page).to_have_url(re.compile("m="))
    await page.reload()
    await expect(why(page)).to_contain_text("Rule welcome answered")
    await page.locator(".line.theirs").first.focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".line.mine").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(why(page)).to_contain_text("What became of it")
    await page.locator(".line.theirs").first.locator(".words").click()
    await expect(why(page)).to_contain_text("Why did it say that?")
    await says(page, "hours")  # who has just written wants to see what comes of it
    await expect(page).not_to_have_url(re.compile("m="))
    await expect(page.locator(".line.theirs").last).to_have_class(re.compile("is-selected"))


async def test_the_raw_requests_are_one_click_away(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await opened(page, demo, "447700900303")
    await says(page, "hello")
    await why(page).get_by_role("link", name="Webhook").click()
    await expect(why(page)).to_contain_text("x-sinch-webhook-signature-nonce")
    await expect(why(page).locator(".call").first).to_contain_text('"text": "hello"')
    await why(page).get_by_role("link", name="Send").click()
    await expect(why(page)).to_contain_text("Sinch answered 200")
    await expect(why(page)).to_contain_text('"choice_message"')
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await why(page).get_by_role("button", name="Copy the body").first.click()
    assert '"choice_message"' in await page.evaluate("navigator.clipboard.readText()")
    await axe(page)
    await shot(page, "phone-send", both=True)


async def test_a_picture_a_voice_note_a_place_and_a_card(
    demo: Demo, page: Page, tmp_path: Path, shot: Shot, axe: Check
) -> None:
    await opened(page, demo, "447700900304")
    shown, spoken = tmp_path / "our shop.png", tmp_path / "hello.ogg"
    shown.write_bytes(PNG)
    spoken.write_bytes(b"OggS")
    await page.get_by_role("button", name="Attach").click()
    await shot(page, "phone-attach")
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("dialog", name="Send").get_by_role("button", name="Picture").click()
    await (await choosing.value).set_files(shown)
    await expect(page.locator("#chosen img")).to_be_visible()
    await page.get_by_role("button", name="Do not send this file").click()
    await expect(page.locator("#chosen")).to_be_hidden()
    await page.get_by_label("File to send").set_input_files(shown)
    await expect(page.locator("#chosen")).to_contain_text("our shop.png")
    await page.get_by_label("Message", exact=True).fill("our *shop*")
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.mine .picture img")).to_have_js_property("naturalWidth", 1)
    await expect(page.locator(".line.mine .words strong")).to_have_text("shop")
    await expect(page.locator("#chosen")).to_be_hidden()
    await page.get_by_role("button", name="Attach").click()
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("dialog", name="Send").get_by_role("button", name="Voice note").click()
    await (await choosing.value).set_files(spoken)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".line.mine audio")).to_be_visible()
    await page.get_by_role("button", name="Attach").click()
    await page.get_by_role("dialog", name="Send").get_by_role("link", name="Location").click()
    await page.get_by_role("dialog", name="Send a location").get_by_role("button", name="Send").click()
    await expect(page.locator(".line.mine .place")).to_contain_text("Stortorget")
    await page.get_by_role("button", name="Attach").click()
    await page.get_by_role("dialog", name="Send").get_by_role("link", name="Contact").click()
    await page.get_by_role("dialog", name="Send a contact").get_by_role("button", name="Send").click()
    await expect(page.locator(".line.mine .card-person")).to_contain_text("Åsa Ek")
    await axe(page)
    await shot(page, "phone-media", both=True)


async def test_replies_and_reactions(demo: Demo, page: Page, shot: Shot) -> None:
    await opened(page, demo, "447700900305")
    bubble = await says(page, "hello")
    await bubble.hover()
    await bubble.get_by_role("link", name="Reply to this message").click()
    await expect(page.locator("#answering")).to_contain_text("How can we help?")
    await says(page, "address")
    await expect(page.locator(".line.mine").last.locator(".quote")).to_contain_text("How can we help?")
    await expect(page.locator("#answering")).to_be_hidden()
    await page.locator(".line.theirs").first.locator(".bubble").dblclick(position={"x": 20, "y": 10})
    await expect(page.locator("#answering")).to_be_visible()
    await page.get_by_role("link", name="Do not reply to it").click()
    await bubble.hover()
    react = page.locator(".line.theirs").first.locator(".react")
    await react.locator("summary").click()
    await shot(page, "phone-react")
    await react.get_by_role("button", name="React with ❤️").click()
    await expect(page.locator(".line.theirs").first.locator(".reactions")).to_contain_text("❤️")


async def test_several_contacts_and_languages_side_by_side(demo: Demo, page: Page) -> None:
    await opened(page, demo, "46701740630", "Svenska")
    await expect(page.locator("#head")).to_contain_text("Svenska")
    await expect(page.locator(".try button").first).to_have_text("Hej")
    await says(page, "hej")
    await expect(page.locator(".line.theirs .words")).to_contain_text("Vad gäller det?")
    await opened(page, demo, "447700900306")
    await demo.say("46701740630", "adress")
    tab = page.locator(".contact", has_text="P 630")
    await expect(tab.locator(".news")).to_be_visible()
    await tab.get_by_role("link").click()
    await expect(page.locator(".line.theirs").last).to_contain_text("Kungsgatan")
    await expect(tab.locator(".news")).to_be_hidden()
    await page.get_by_role("button", name="Close P 630").click()
    await expect(page.locator(".contact", has_text="P 630")).to_have_count(0)


async def test_unsent_words_survive_what_comes(demo: Demo, page: Page) -> None:
    await opened(page, demo, "447700900307")
    write = page.get_by_label("Message", exact=True)
    await write.fill("half a sen")
    await write.press("Shift+Enter")
    started = time.monotonic()
    await demo.say("447700900307", "hello")
    await expect(page.locator(".line.theirs .words")).to_contain_text("How can we help?", timeout=5000)
    assert time.monotonic() - started < 2  # a second, and what a busy machine takes
    await expect(write).to_have_value("half a sen\n")
    await expect(write).to_be_focused()
    await page.reload()
    await expect(write).to_have_value("half a sen\n")


async def test_the_clock_closes_the_window_and_a_template_leaves(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    await opened(page, demo, "447700900308")
    await says(page, "hello")
    await expect(page.locator("#head")).to_contain_text("window 23 h 59 min")
    await page.get_by_role("button", name="+25 h").click()
    await expect(page.locator("#head")).to_contain_text("window closed: templates only")
    await expect(page.locator(".day").first).not_to_have_text("Today")
    data = {"first_name": "Åsa", "order_number": "12345678"}
    await demo.api("POST", "/events", {"name": "order.shipped", "to": "+447700900308", "data": data})
    bubble = page.locator(".line.theirs").last
    await expect(bubble.locator(".mark")).to_have_text("template")
    await expect(bubble.get_by_role("button", name="Track")).to_be_visible()
    await expect(why(page)).to_contain_text("Event")
    await axe(page)
    await shot(page, "phone-template", both=True)
    await page.get_by_role("button", name="To next opening").click()
    bubble = await says(page, "opening hours")
    await expect(bubble).to_contain_text("We are open until")


async def test_faults_are_switched_on_and_told(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    await opened(page, demo, "447700900309")
    twice = page.get_by_role("switch", name="Every webhook twice")
    await twice.click()
    await expect(twice).to_be_checked()
    await says(page, "hello")
    await expect(page.locator("#faults")).to_contain_text(re.compile(r"\d+ times"))
    await expect(page.locator(".line.theirs")).to_have_count(1)
    await twice.click()
    await expect(twice).not_to_be_checked()
    await page.get_by_role("switch", name="Too many requests").click()
    await page.get_by_label("Message", exact=True).fill("address")
    await page.keyboard.press("Enter")
    await expect(page.locator("#faults li", has_text="Too many requests").locator(".badge")).to_be_visible()
    await expect(page.locator(".typing")).to_be_visible()
    await page.get_by_role("switch", name="Too many requests").click()
    await page.get_by_role("button", name="+5 min").click()
    await expect(page.locator(".line.theirs .place")).to_be_visible()
    await why(page).get_by_role("link", name="Send").click()
    await page.get_by_role("switch", name="Not deliverable").click()
    await page.get_by_label("Message", exact=True).fill("hello")
    await page.keyboard.press("Enter")
    await expect(page.locator(".failed")).to_contain_text("131026")
    await axe(page)
    await shot(page, "phone-faults", both=True)


async def test_saved_rules_answer_and_a_broken_save_is_told(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot
) -> None:
    demo = await own_demo()
    await opened(page, demo, "447700900310")
    shop = demo.rules / "shop.yaml"
    text = shop.read_text(encoding="utf-8")
    flow = """  - name: survey
    when: {says: {en: [feedback form], sv: [enkätformulär]}}
    reply:
      - if: answered
        text: {en: "Thank you for the {{grade}}", sv: "Tack för {{grade}}"}
      - text: {en: Tell us, sv: Berätta}
        flow: {id: "4711", cta: {en: Answer, sv: Svara}, results: [grade]}
"""
    shop.write_text(text.replace("rules:\n", f"rules:\n{flow}", 1), encoding="utf-8")
    await expect(page.locator("#saved")).to_contain_text("rules answer now", timeout=30_000)
    bubble = await says(page, "feedback form")
    await bubble.get_by_role("link", name="Answer").click()
    form = page.get_by_role("dialog", name="Answer")
    await form.get_by_label("grade").fill("ten")
    await shot(page, "phone-form")
    await form.get_by_role("button", name="Send").click()
    await expect(page.locator(".line.theirs").last).to_contain_text("Thank you for the ten")
    shop.write_text(text.replace("goes_to: hours", "goes_to: ours", 1), encoding="utf-8")
    await expect(page.locator("#saved")).to_contain_text("not live", timeout=30_000)
    await expect(page.locator("#saved")).to_contain_text("rules/shop.yaml:")


async def test_whatever_strangers_write_stays_words(demo: Demo, page: Page, tmp_path: Path, axe: Check) -> None:
    for other in range(4):  # more tabs than fit
        await demo.say(f"44770090032{other}", "hello")
    await opened(page, demo, "447700900311")
    await page.evaluate("() => { window.alert = () => { window.broken = true; }; }")
    async with demo.session.post(
        f"{demo.emulator_url}/emulator/profile", json={"identity": "447700900311", "name": HOSTILE[:70]}
    ):
        pass
    for words in (HOSTILE, f"*{HOSTILE}*", "x" * 10_000, "a\x00b", "javascript:alert(1)"):
        await demo.say("447700900311", words)
    await demo.control("location", identity="447700900311", latitude=1, longitude=2, title=HOSTILE, label=HOSTILE)
    card = {"type": "contacts", "contacts": [{"name": {"formatted_name": HOSTILE}, "phones": [{"phone": "<b>"}]}]}
    await demo.control("other", identity="447700900311", raw=json.dumps(card))
    await demo.control("media", identity="447700900311", url="https://x.example/<script>.png", caption=HOSTILE)
    file = tmp_path / "<img src=x onerror=alert(3)>.pdf"
    file.write_bytes(b"%PDF")
    await page.get_by_label("File to send").set_input_files(file)
    await page.get_by_label("Message", exact=True).fill(HOSTILE)
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.mine")).to_have_count(9)
    await expect(page.locator(".line.mine").last).to_contain_text("<script>alert(1)</script>")
    await expect(page.locator("#head h2")).to_contain_text("<script>")
    assert await page.locator(".device script, .side script, .device img[src=x]").count() == 0
    assert await page.evaluate("window.broken === undefined")
    for viewport in (WIDE, NARROW):
        await page.set_viewport_size(viewport)  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.evaluate("document.getElementById('device').getBoundingClientRect().right <= innerWidth")
    await page.locator(".more summary").first.click()
    await axe(page)


async def test_it_works_without_a_script(demo: Demo, page: Page) -> None:
    browser = page.context.browser
    assert browser is not None
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 760})
    plain = await context.new_page()
    try:
        await demo.say("447700900312", "help")
        await demo.bubbles("447700900312", 1)
        await plain.goto(f"{demo.url}/phone/?c=447700900312")
        await plain.get_by_label("Message", exact=True).fill("hello")
        await plain.get_by_role("button", name="Send", exact=True).click()
        await demo.bubbles("447700900312", 2)
        await plain.goto(f"{demo.url}/phone/?c=447700900312")
        await expect(plain.locator("#why")).to_contain_text("Rule welcome answered")
        await plain.get_by_role("link", name="Choose").click()
        await plain.locator("dialog[open]").get_by_role("button", name="Returns").click()
        await expect(plain.locator(".line.mine")).to_have_count(3)
    finally:
        await context.close()
