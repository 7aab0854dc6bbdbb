"""The inbox in a browser: reading, writing, keys, widths, and what strangers wrote."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import NARROW, Check, Shot
from tests.browser.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LIVE = "html[data-live=yes]"


async def arrives(demo: Demo, identity: str, *texts: str, **fields: str) -> None:
    """Somebody writes, and is answered each time."""
    for number, text in enumerate(texts, 1):
        await demo.say(identity, text)
        await demo.bubbles(identity, number)
    if fields:
        await demo.api("PATCH", f"/contacts/+{identity}", {"fields": fields})


async def opens(demo: Demo, page: Page, name: str, query: str = "") -> None:
    await page.goto(f"{demo.url}/admin/{query}")
    await page.locator("a.line", has_text=name).click()
    await expect(page.get_by_role("heading", level=2, name=name)).to_be_visible()
    await page.wait_for_selector(LIVE)


def words_of(page: Page) -> Locator:
    """Where one writes."""
    return page.get_by_role("textbox", name="Message", exact=True)


async def test_who_writes_appears_within_a_second_and_can_be_found(
    demo: Demo, page: Page, shot: Shot, axe: Check
) -> None:
    await page.goto(f"{demo.url}/admin/")
    await page.wait_for_selector(LIVE)
    await arrives(demo, "447700900201", "hi", first_name="Cleo", last_name="Vance")
    await expect(page.locator("a.line", has_text="Cleo Vance")).to_be_visible()
    await demo.say("447700900201", "Can I talk to a human?")
    row = page.locator("a.line", has_text="Cleo Vance")
    await expect(row.get_by_text("needs a person")).to_be_visible()
    await page.get_by_role("link", name=re.compile("Needs a person")).click()
    await expect(row).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("vance")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"q=vance"))
    await expect(page.locator("a.line")).to_have_count(1)
    await page.get_by_label("Search").fill("nobody at all")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nobody fits")).to_be_visible()
    await page.goto(f"{demo.url}/admin/")
    await axe(page)
    await shot(page, "inbox-list", both=True)


async def test_a_message_arrives_in_the_open_conversation_within_a_second_and_the_draft_stays(
    demo: Demo, page: Page
) -> None:
    await arrives(demo, "447700900202", "hi", name="Dora Lind")
    await opens(demo, page, "Dora Lind")
    await words_of(page).fill("half a sen")
    await page.locator(".timeline").get_by_text("rule welcome").click()
    await expect(page.get_by_text("A rule heard it.")).to_be_visible()
    await demo.say("447700900202", "when are you open?")
    await expect(page.locator(".said.them", has_text="when are you open?")).to_be_visible(timeout=1500)
    await expect(page.locator("#announce")).to_have_text("Dora Lind: when are you open?")
    await expect(page.locator(".said.us", has_text=re.compile("open", re.IGNORECASE)).last).to_be_visible()
    await expect(words_of(page)).to_have_value("half a sen")
    await expect(page.get_by_text("A rule heard it.")).to_be_visible()  # what was unfolded stays so
    await expect(page.locator("a.line[aria-current].is-unread")).to_have_count(0)
    await expect(page.locator("a.line", has_text="Dora Lind")).not_to_have_class(re.compile("is-unread"))
    await page.reload()
    await expect(words_of(page)).to_have_value("half a sen")


async def test_taking_over_answering_and_giving_back(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await arrives(demo, "447700900203", "hi", "help", "find you", "Can I talk to a human?", first_name="Eva")
    await opens(demo, page, "Eva")
    await page.get_by_role("button", name="Give back").click()
    await expect(page.locator("#head")).to_contain_text("the bot answers")
    box = words_of(page)
    await box.fill("Hello Eva, this is Ida.")
    await expect(page.get_by_label(re.compile("Take it over from the bot first"))).to_be_checked()
    await box.press("Control+Enter")
    await expect(page.locator(".said.us", has_text="Hello Eva, this is Ida.")).to_have_count(1)
    await expect(page.locator("#head")).to_contain_text("team support")
    await expect(box).to_have_value("")
    bubbles = await demo.bubbles("447700900203", 6)
    assert sum("this is Ida" in str(each) for each in bubbles) == 1
    await expect(page.locator(".said.us", has_text="this is Ida").locator(".ticks")).to_be_visible()
    await page.locator(".canned summary").click()
    await page.get_by_role("button", name="Thank you, I am looking into it").click()
    await expect(box).to_have_value("Thank you, I am looking into it. One moment, please.")
    await box.fill("")
    await axe(page)
    await shot(page, "inbox-conversation", both=True)
    await page.get_by_role("button", name="Give back").click()
    await expect(page.locator("#head")).to_contain_text("the bot answers")


async def test_a_double_click_sends_once(demo: Demo, page: Page) -> None:
    await arrives(demo, "447700900204", "hi", name="Finn")
    await opens(demo, page, "Finn")
    await words_of(page).fill("only once")
    await page.get_by_role("button", name="Send", exact=True).dblclick()
    await expect(page.locator(".said.us", has_text="only once")).to_have_count(1)
    await expect(words_of(page)).to_have_value("")
    await words_of(page).fill("and another")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".said.us", has_text="and another")).to_have_count(1)
    await expect(page.locator(".said.us", has_text="only once")).to_have_count(1)


async def test_what_may_not_have_arrived_is_sent_again_and_counts_once(demo: Demo, context: BrowserContext) -> None:
    identity = "447700900219"
    page = await context.new_page()  # whose console may tell of the connection that breaks here
    await arrives(demo, identity, "hi", name="Ivo Kern")
    await opens(demo, page, "Ivo Kern")
    await page.route("**/send*", lambda route: route.abort(), times=1)
    await words_of(page).fill("Only once, please")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("send again, it counts once")

    async def loses(route: Route) -> None:
        """It gets to the server; the answer does not get back."""
        await route.fetch()
        await route.abort()

    await page.route("**/send*", loses, times=1)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".said.us", has_text="Only once, please")).to_have_count(1)
    await expect(words_of(page)).to_have_value("Only once, please")
    await page.get_by_role("button", name="Send").click()
    await expect(words_of(page)).to_have_value("")
    texts = [each["text"] for each in await demo.bubbles(identity, 2) if each["from"] == "business"]
    assert texts.count("Only once, please") == 1


async def test_what_is_refused_is_said_and_the_words_stay(demo: Demo, page: Page) -> None:
    await arrives(demo, "447700900205", "hi", name="Gus")
    await opens(demo, page, "Gus")
    await words_of(page).fill("for nobody")
    await page.get_by_label(re.compile("Take it over")).uncheck()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Tick the box that takes it over first.")
    await expect(words_of(page)).to_have_value("for nobody")


async def test_with_the_window_closed_a_template_is_filled_in_and_seen_before_it_leaves(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    await arrives(demo, "447700900206", "hi", first_name="Hanna")
    await demo.later(hours=25)
    await opens(demo, page, "Hanna")
    await expect(page.get_by_text("The 24-hour window closed")).to_be_visible()
    await expect(page.get_by_text("WhatsApp takes approved templates only")).to_be_visible()
    await page.get_by_label("Template").select_option("order_confirmed")
    await expect(page.get_by_label("first name")).to_have_value("Hanna")
    await page.get_by_label("order number").fill("4711")
    await page.get_by_label("total").fill("10 EUR")
    await expect(page.locator("#preview")).to_contain_text("Thank you Hanna! We got your order 4711 of 10 EUR.")
    await page.locator("#template").get_by_label("Language").select_option("sv")
    await expect(page.locator("#preview")).to_contain_text("Tack Hanna! Vi har fått din order 4711 på 10 EUR.")
    await axe(page)
    await shot(page, "inbox-template", both=True)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".said.us", has_text="Tack Hanna!")).to_have_count(1)
    await demo.say("447700900206", "thanks")
    await expect(words_of(page)).to_be_visible()  # the window is open again


async def test_a_message_that_failed_says_why_and_what_to_do(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    who = "447700900213"
    await arrives(demo, who, "help", name="Kim")
    [_, menu] = await demo.bubbles(who, 1)
    await demo.tap(who, menu["message_id"], 0)
    await demo.control("react", identity=who, message_id=menu["message_id"], emoji="❤️")
    await demo.control("media", identity=who, url="https://files.example/shoes.jpg", caption="my shoes")
    await demo.bubbles(who, 3)
    fault = {"kind": "failed", "code": "RECIPIENT_NOT_REACHABLE", "channel_code": "131026", "times": 1}
    await demo.control("faults", script=[fault])
    await demo.api("POST", "/messages", {"to": f"+{who}", "reply": {"text": "Will not arrive"}})
    await opens(demo, page, "Kim", "?show=failed")
    failed = page.locator(".said.us", has_text="Will not arrive")
    await expect(failed.locator(".failed strong")).to_be_visible()
    await expect(failed.locator(".way .bad")).to_have_text("failed")
    await expect(page.get_by_role("link", name="Failed 1")).to_be_visible()
    await expect(page.locator(".said.them", has_text="Track order")).to_contain_text("tapped")
    await expect(page.locator(".reactions")).to_contain_text("❤️")
    await expect(page.get_by_role("link", name="open")).to_have_attribute("href", "https://files.example/shoes.jpg")
    await axe(page)
    await shot(page, "inbox-failed", both=True)


async def test_erasing_asks_for_the_number(demo: Demo, page: Page) -> None:
    await arrives(demo, "447700900207", "hi", name="Ivo Erased")
    await opens(demo, page, "Ivo Erased")
    await page.get_by_text("Erase this person").click()
    await page.get_by_label(re.compile("Type .447700900207 to go on")).fill("+447700900207")
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_text("nothing is kept of that person")).to_be_visible()
    await expect(page.locator("a.line", has_text="Ivo Erased")).to_have_count(0)


async def test_keys_move_open_reply_and_go_back(demo: Demo, page: Page) -> None:
    for number in (8, 9):
        await arrives(demo, f"44770090020{number}", "hi", name=f"Key {number}")
    await page.goto(f"{demo.url}/admin/?q=Key")
    await page.wait_for_selector(LIVE)
    await page.keyboard.press("j")
    await expect(page.locator("a.line").first).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator("a.line").nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/admin/conversations/\d+\?q=Key"))
    await page.keyboard.press("r")
    await expect(words_of(page)).to_be_focused()
    await page.keyboard.type("jk")
    await expect(words_of(page)).to_have_value("jk")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{demo.url}/admin/?q=Key")


async def test_on_a_narrow_screen_one_pane_is_shown_at_a_time(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await arrives(demo, "447700900210", "hi", name="Nora Narrow")
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    await opens(demo, page, "Nora Narrow")
    await expect(page.locator(".pane.list")).to_be_hidden()
    await expect(page.locator(".pane.beside")).to_be_hidden()
    await page.get_by_role("link", name="About the person").click()
    await expect(page.locator(".pane.beside")).to_be_visible()
    await expect(page.locator(".pane.conversation")).to_be_hidden()
    await shot(page, "inbox-about-narrow")
    await axe(page)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    await page.get_by_role("link", name="To the conversation").click()
    await expect(words_of(page)).to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    await page.get_by_role("link", name="Back to the list").click()
    await expect(page.locator("a.line", has_text="Nora Narrow")).to_be_visible()


async def test_what_strangers_write_stays_text(demo: Demo, page: Page) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    identity = "447700900211"
    await arrives(demo, identity, f"{EVIL} \u202e hello", name=f"Mal {EVIL}", note=EVIL)
    await demo.api("PATCH", f"/contacts/+{identity}", {"tags": [EVIL[:60]]})
    await page.goto(f"{demo.url}/admin/?q=Mal")
    await page.wait_for_selector(LIVE)
    await page.locator("a.line", has_text="Mal").click()
    await expect(page.locator(".said.them .words")).to_contain_text("<script>alert(2)</script>")
    await page.wait_for_selector(LIVE)
    await demo.say(identity, EVIL * 50)
    await expect(page.locator(".said.them", has_text="other")).to_be_visible()
    assert await page.locator("main img, main script").count() == 0
    assert dialogs == []
