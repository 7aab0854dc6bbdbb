"""The script that all pages share, in a real browser, on small pages of our own: what stays while parts are made anew, streams that come
back, times that go on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import BrowserContext, Page, expect

from bot.web.site import words
from tests.browser.small_site import NOW, Site, focused, is_same, mark, opened, put, rows

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "after",
    [
        "new a b c d",
        "b c d",
        "a c d",
        "c",
        "d c b a",
        "b c d a",
        "d a b c",
        "a new b c new2 d",
        "x c y",
        "c b",
        "a b c d",
    ],
)
async def test_what_one_looks_at_stays_where_it_is_while_others_come_and_go(site: Site, page: Page, after: str) -> None:
    await opened(site, page, rows("a", "b", "c", "d"))
    await page.get_by_text("more of c").click()
    await page.locator("#row-c a").focus()
    await mark(page, "#row-c", "#row-c a", "#row-c details")
    await put(site, page, list=rows(*after.split(), more=" anew"))
    assert (
        await page.locator("#list > li").evaluate_all("(all) => all.map((each) => each.dataset.key).join(' ')") == after
    )
    assert await page.locator("#list > li > a").all_text_contents() == [f"{each} anew" for each in after.split()]
    assert (
        await page.evaluate("() => [...document.querySelector('#list').childNodes].length")
        == 2 * len(after.split()) + 1
    )
    assert await is_same(page, "#row-c")
    assert await is_same(page, "#row-c a")
    assert await focused(page) == "c anew"
    assert await page.locator("#row-c details").get_attribute("open") is not None


async def test_what_the_person_closed_stays_closed(site: Site, page: Page) -> None:
    part = '<details id="part" open><summary>why</summary>text {}</details>'
    await opened(site, page, part.format(1))
    await page.get_by_text("why").click()
    await put(site, page, part=part.format(2))
    assert await page.locator("#part").get_attribute("open") is None
    assert await page.locator("#part").evaluate("(each) => each.textContent") == "whytext 2"


async def test_a_form_that_is_half_written_is_the_persons(site: Site, page: Page) -> None:
    part = (
        '<div id="part"><p>{now}</p><form data-kept="{kept}"><label>Answer <textarea name="text">{text}</textarea></label>'
        "<button>{send}</button></form></div>"
    )
    await opened(site, page, part.format(now="1", kept="open", text="", send="Send"))
    box = page.get_by_label("Answer")
    await box.fill("Half a sentence")
    await box.evaluate("(each) => each.setSelectionRange(5, 6)")
    await put(site, page, part=part.format(now="2", kept="open", text="x", send="Other"))
    assert await page.locator("#part p").text_content() == "2"
    assert await box.input_value() == "Half a sentence"
    assert await box.evaluate(
        "(each) => [each.selectionStart, each.selectionEnd, document.activeElement === each]"
    ) == [5, 6, True]
    assert await page.get_by_role("button", name="Send").count() == 1
    await put(site, page, part=part.format(now="3", kept="closed", text="", send="Choose a template"))
    await expect(page.get_by_role("button", name="Choose a template")).to_be_visible()
    assert await box.input_value() == "Half a sentence", "what was typed is not thrown away"


async def test_words_that_are_marked_stay_marked(site: Site, page: Page) -> None:
    part = '<div id="part"><p id="kept">To be copied</p><p>{}</p></div>'
    await opened(site, page, part.format(1))
    await page.evaluate("() => getSelection().selectAllChildren(document.getElementById('kept'))")
    await put(site, page, part=part.format(2))
    assert await page.evaluate("() => getSelection().toString()") == "To be copied"


async def test_who_reads_further_up_is_not_pulled_down_and_who_is_at_the_end_stays_there(
    site: Site, page: Page
) -> None:
    def box(count: int) -> str:
        lines = "".join(f'<p data-key="{at}">line {at}</p>' for at in range(count))
        return f'<pre id="part" data-scroll="end" class="tall">{lines}</pre>'

    await opened(site, page, box(50))
    await page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("#part { height: 200px; overflow-y: scroll; }");
      document.adoptedStyleSheets = [sheet];
    }""")
    at_end = """() => {
      const box = document.getElementById("part");
      return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
    }"""
    await page.evaluate("() => { const box = document.getElementById('part'); box.scrollTop = box.scrollHeight; }")
    await put(site, page, part=box(60))
    assert await page.evaluate(at_end)
    await page.evaluate("() => { document.getElementById('part').scrollTop = 300; }")
    await put(site, page, part=box(70))
    assert await page.evaluate("() => document.getElementById('part').scrollTop") == 300


async def test_whatever_strangers_wrote_runs_nowhere(site: Site, page: Page) -> None:
    await opened(site, page, '<p id="part">1</p>')
    made = '<p id="part">&lt;script&gt;window.evil = 1&lt;/script&gt; \u202e\u0000 😀</p>'
    await put(site, page, part=made)
    assert await page.evaluate("() => window.evil") is None
    assert "<script>" in str(await page.locator("#part").text_content())


async def test_a_server_that_comes_back_is_found_again(site: Site, context: BrowserContext) -> None:
    page = await context.new_page()  # which may well tell that there was no connection
    await opened(site, page, '<p id="part">before</p>')
    await put(site, page, part='<p id="part">first</p>')
    port = int(site.url.rpartition(":")[2])
    await site.stop()
    await expect(page.locator("#connection")).to_be_visible()
    await expect(page.locator("#connection")).to_contain_text("Not up to date")
    await site.start(port)
    async with asyncio.timeout(20):
        await site.listening.wait()
    await put(site, page, part='<p id="part">after</p>')
    await expect(page.locator("#part")).to_have_text("after")
    await expect(page.locator("#connection")).to_be_hidden()


async def test_a_stream_that_is_refused_is_asked_for_again(site: Site, page: Page) -> None:
    site.refusing = 503
    site.body = '<div data-live="/live"><p id="part">before</p></div>'
    await page.goto(site.url)
    await expect(page.locator("#connection")).to_be_visible()
    site.refusing = 0
    async with asyncio.timeout(20):
        await site.listening.wait()
    await put(site, page, part='<p id="part">after</p>')
    await expect(page.locator("#connection")).to_be_hidden()
    assert site.shown == 1


@pytest.mark.parametrize("how", ["over", "401"])
async def test_who_is_logged_out_is_led_to_the_login(site: Site, context: BrowserContext, how: str) -> None:
    page = await context.new_page()
    await opened(site, page, '<p id="part">secret</p>')
    site.body = "<p>log in</p>"
    if how == "over":
        await site.tell_over()
    else:
        site.refusing = 401
        await site.break_off()
    await expect(page.get_by_text("log in")).to_be_visible()
    await expect(page.locator("#part")).to_have_count(0)


async def test_a_page_that_nobody_sees_holds_no_stream(site: Site, page: Page) -> None:
    await opened(site, page, '<p id="part">1</p>')
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await page.evaluate(hide, True)
    await page.wait_for_function("() => !site.streams[0].source")
    await site.break_off()
    await page.evaluate(hide, False)
    async with asyncio.timeout(15):
        await site.listening.wait()
    await put(site, page, part='<p id="part">2</p>')
    assert len(site.streams) == 1


async def test_times_are_told_as_the_server_tells_them(site: Site, page: Page) -> None:
    day = 86_400
    steps = [
        0,
        1,
        59,
        60,
        61,
        3599,
        3600,
        43_199,
        43_200,
        day,
        5 * day,
        6 * day - 1,
        6 * day,
        40 * day,
        70 * day,
        400 * day,
    ]
    past = [NOW - timedelta(seconds=each) for each in steps]
    ahead = [NOW + timedelta(seconds=each) for each in (1, 59, 60, 3599, day - 1, day, 60 * day)]
    spans = [0, 1, 59, 60, 3599, 3600, 3660, 86_399, 86_400, 90_000, 86_400 * 3 + 7200]
    await opened(site, page, "")
    told = await page.evaluate(
        """({ now, times, spans }) => {
          site.now = () => new Date(now);
          return [times.map((each) => site.ago(new Date(each))), spans.map((each) => site.span(each))];
        }""",
        {"now": NOW.isoformat(), "times": [each.isoformat() for each in (*past, *ahead)], "spans": spans},
    )
    assert told[0] == [words.ago(each, NOW) for each in (*past, *ahead)]
    assert told[1] == [words.span(timedelta(seconds=each)) for each in spans]


async def test_times_go_on_by_themselves_on_the_servers_clock(site: Site, page: Page) -> None:
    closes, came = NOW + timedelta(minutes=2), NOW - timedelta(minutes=4)
    body = f'<p id="part">{words.until(closes, NOW)}</p><p id="ago">{words.moment(came, NOW)}</p>'
    await opened(site, page, body)
    assert await page.locator("#ago time").text_content() == "4 min"
    assert await page.locator("#part time").text_content() in ("2 min", "1 min")
    later = NOW + timedelta(minutes=1, seconds=30)
    await site.put(later, other="")  # the demo's clock was moved
    await expect(page.locator("#part time")).to_contain_text(" s")
    before = str(await page.locator("#part time").text_content())
    await expect(page.locator("#part time")).not_to_have_text(before)
