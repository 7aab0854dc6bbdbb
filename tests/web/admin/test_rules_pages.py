"""The rules pages: what is live and what it did, what keeps a save from it, going back, trying out; and strangers' words stay words."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from functools import partial
from html import unescape
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from aiohttp import FormData

from bot.core.conversation import Consent
from bot.core.event import ContactKey
from bot.core.ledger import consent_change
from bot.core.phrasing import Place
from bot.rulebook.problem import Problem
from bot.store.units import InboxKind, Incoming
from bot.web.admin.rules_desk import RulesDesk
from bot.work.inbox import Deciding, decide_lane
from bot.work.stored_events import reader
from tests.journeys.shop import APP
from tests.sinch.payloads import texted
from tests.web.admin.office import HERE, Office, office

RULES_PAGE = "/admin/rules"
EVIL = '<img src=x onerror=alert(1)>"\u202e'
BOOK = """
settings: {time_zone: UTC, languages: [en]}
rules:
  - name: welcome
    when: {says: [hello]}
    reply: {text: "Hi <script>alert(2)</script>", buttons: [{label: "Hours <b>", goes_to: hours}]}
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 5"}
  - name: old
    when: {says: [bargain]}
    reply: {text: No}
    enabled: false
  - name: otherwise   # \u202e evil
    when: {nothing_matched: true}
    reply: {text: Pardon?}
tests:
  - name: "hours <b>are</b> told"
    steps:
      - {says: opening hours, expect: {rule: hours, text: "9 to 5"}}
"""
WITHIN_S = 60.0


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, book=BOOK) as opened:
        yield opened


@pytest.fixture
async def looking(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, role="view", book=BOOK) as opened:
        yield opened


async def hears(desk: Office, *texts: str, who: str = "46701740605", app: str = APP) -> None:
    """A person writes, and the bot decides."""
    read, store = reader(APP), desk.app.store
    deciding = Deciding(read, lambda: desk.app.rules.rulebooks, store.installation_key)
    for text in texts:
        now = desk.now()
        raw = orjson.dumps(texted(f"01HM{abs(hash((text, who, now))):022}", who, text, now, app_id=app))
        event = read(InboxKind.INBOUND, raw, now)
        asked = consent_change(event, None, desk.app.rules.live.consent, Consent())
        await store.record([Incoming(event, InboxKind.INBOUND, raw, asked)], now)
        while (await store.decide_ready(64, now, partial(decide_lane, deciding, now))).settled:
            pass


async def saves(desk: Office, text: str, file: str = "shop.yaml") -> None:
    """Somebody saves a file; returns when it is live or refused."""
    path = desk.app.config.rules_dir / file
    await asyncio.to_thread(path.write_text, text, "utf-8")
    desk.app.reloader.wake()
    async with asyncio.timeout(WITHIN_S):
        await desk.app.reloader.next_outcome()


async def comes(desk: Office, path: str, words: str) -> str:
    """The part of a live page that has these words, once it has."""
    async with asyncio.timeout(WITHIN_S), desk.page.get(path) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if line.startswith(b"data:"):
                for text in orjson.loads(line[5:]).get("fragments", {}).values():
                    if words in unescape(text):
                        return str(text)
    raise AssertionError(f"{path} ended without {words!r}")


def is_harmless(page: str) -> bool:
    """Whether no word of a stranger became part of the page, nor turns what stands after it."""
    return not re.search(r"<img(?! class=\"sign\")|<script>alert|<b>", page) and "\u202e" not in page


# --- the page of the rules ---------------------------------------------------------------------------------------------------


async def test_rules_stand_in_their_order_with_what_they_did(desk: Office) -> None:
    await hears(desk, "hello", "opening hours", "opening hours", "qwerty")
    page = await desk.text(RULES_PAGE)
    rows = re.findall(r'<span class="name">(\w+)</span><span class="number">(\d+)', page)
    assert rows == [("welcome", "1"), ("hours", "2"), ("old", "0"), ("otherwise", "1")]
    assert 'class="part" width="100.0"' in page
    assert 'class="part" width="50.0"' in page
    assert is_harmless(page)


async def test_a_rule_is_shown_with_its_text_ways_and_week(desk: Office) -> None:
    await hears(desk, "hello", "opening hours", f"opening hours {EVIL}")
    page = await desk.text(f"{RULES_PAGE}?rule=hours")
    chosen = re.findall(r'<li id="L(\d+)" class="its', page)
    assert chosen == ["7", "8", "9"]
    assert "When somebody writes “opening hours”" in page
    assert 'href="/admin/rules?rule=welcome">welcome</a>' in page, "what leads here"
    assert "button · Hours &lt;b&gt;" in page
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="parley-graph"' in page
    assert "opening hours &lt;img" in page, "what it answered lately"
    assert re.search(r'<a href="/admin/rules\?rule=hours">hours</a><span class="number">1<', page), "what came after it"
    assert is_harmless(page)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("show=never", ["welcome", "hours", "otherwise"]),
        ("show=off", ["old"]),
        ("q=OPENING", ["hours"]),
        ("q=9+to+5", ["hours"]),
        ("q=%3Cb%3E", []),
        ("show=nonsense", ["welcome", "hours", "old", "otherwise"]),
        ("q=%ED%A0%80%00", []),
    ],
)
async def test_the_list_is_what_the_address_says(desk: Office, query: str, names: list[str]) -> None:
    page = await desk.text(f"{RULES_PAGE}?{query}")
    assert re.findall(r'<span class="name">(\w+)</span>', page) == names
    assert is_harmless(page)


async def test_a_line_chooses_its_rule(desk: Office) -> None:
    page = await desk.text(f"{RULES_PAGE}?file=rules/shop.yaml&line=8")
    assert re.search(r'aria-current="true">\s*<span class="name">hours', page)


@pytest.mark.parametrize(
    "query", ["rule=nobody", "file=../../etc/passwd", "file=x&line=99999999999", "rule=%00&line=-1"]
)
async def test_what_is_not_there_is_no_trouble(desk: Office, query: str) -> None:
    page = await desk.text(f"{RULES_PAGE}?{query}", 404)
    assert "This week" in page
    assert is_harmless(page)


# --- a save that is not live ---------------------------------------------------------------------------------------------


async def test_what_keeps_a_save_from_going_live_is_shown_first(desk: Office) -> None:
    await saves(desk, BOOK.replace("nothing_matched", "nothing_matches"))
    page = await desk.text(RULES_PAGE)
    assert page.index("is not live: 1 problem") < page.index('id="rules-list"')
    assert "Version 1, the earlier rules, goes on answering" in page
    assert "rules/shop.yaml:15:12" in page
    caret = re.search(r"<pre class=\"pointed\"[^>]*>(.*?)\n<span class=\"caret\">( *)\^", page)
    assert caret is not None
    assert unescape(caret[1])[len(caret[2]) :].startswith("nothing_matches")
    assert "as saved, not live" in page
    assert re.search(r'<li id="L15" class="[^"]*wrong', page)
    live = await desk.text(f"{RULES_PAGE}?rule=otherwise")
    assert "as live" in live
    assert "nothing_matched" in live


async def test_names_of_files_and_what_is_in_them_stay_text(desk: Office) -> None:
    await saves(desk, f"rules: {EVIL}\n", "<img src=x onerror=alert(1)>.yaml")
    page = await desk.text(RULES_PAGE)
    assert "&lt;img src=x onerror=alert(1)&gt;.yaml" in page
    assert "⟨202E⟩" in page
    assert is_harmless(page)


async def test_an_open_page_learns_of_a_save_by_itself(desk: Office) -> None:
    seen = asyncio.create_task(comes(desk, f"{RULES_PAGE}/live", "is not live: 1 problem"))
    await saves(desk, BOOK.replace("nothing_matched", "nothing_matches"))
    await seen
    mended = asyncio.create_task(comes(desk, f"{RULES_PAGE}/live", "Version 2"))
    await saves(desk, BOOK.replace("Pardon?", "Sorry?"))
    assert "is not live" not in await mended


async def test_a_refused_save_wakes_open_pages_at_once(desk: Office) -> None:
    desk.app.reloader.stop()  # which would find the folder sound
    made = desk.app.desk()
    watching = asyncio.create_task(RulesDesk(made).watch())
    await asyncio.sleep(0)
    seen = made.pulse.now
    desk.app.rules.problems = (Problem(Place("rules/shop.yaml", 1, 1), "Wrong."),)
    assert await made.pulse.beyond(seen, 10.0) > seen
    watching.cancel()


# --- history -----------------------------------------------------------------------------------------------------------------


async def test_versions_are_told_by_what_they_changed_and_compared(desk: Office) -> None:
    await saves(desk, BOOK.replace("Pardon?", "Sorry <i>?"))
    listed = await comes(desk, f"{RULES_PAGE}/history/live", "rules changed")
    assert re.search(r"rules changed</dt><dd><a [^>]*>otherwise</a>", listed)
    assert "The first rules." in listed
    compared = await comes(desk, f"{RULES_PAGE}/diff/live?one=1&other=2", "Sorry")
    assert re.search(r"<li class=\"removed\">.*?−<span class=\"spoken\"> removed.*?Pardon\?", compared)
    assert re.search(r"<li class=\"added\">.*?\+<span class=\"spoken\"> added.*?Sorry &lt;i&gt;\?", compared)
    assert is_harmless(compared)
    assert "There is no version 9." in await desk.text(f"{RULES_PAGE}/diff?one=1&other=9", 404)
    assert "named by its number" in await desk.text(f"{RULES_PAGE}/diff?one=x&other=9", 422)


async def test_going_back_is_done_and_written_down(desk: Office) -> None:
    await saves(desk, BOOK.replace("Pardon?", "Sorry?"))
    assert desk.app.rules.live.version == 2
    assert await desk.posts(f"{RULES_PAGE}/rollback", number="1") == f"{RULES_PAGE}/history"
    assert desk.app.rules.live.version == 1
    deed = (await desk.app.store.users.deeds(1))[0]
    assert (deed.who, deed.what, deed.subject) == ("ola", "rules_rolled_back", "rulebook 1 in place of 2")
    page = await desk.text(f"{RULES_PAGE}/history")
    assert "↶ rolled back" in page
    assert "rolled back from 2" in await desk.text(RULES_PAGE)
    assert "is live already" in await desk.posts(f"{RULES_PAGE}/rollback", 409, number="1")


async def test_who_only_looks_may_change_nothing(looking: Office) -> None:
    await looking.posts(f"{RULES_PAGE}/rollback", 403, number="1")
    await looking.posts(f"{RULES_PAGE}/replay", 403, which="saved")
    await looking.posts(f"{RULES_PAGE}/replay/x/cancel", 403)
    assert "Only who operates the bot may run a replay" in await looking.text(f"{RULES_PAGE}/replay")


# --- tests, graph, what nobody understood ------------------------------------------------------------------------------------


async def test_tests_are_run_and_told(desk: Office) -> None:
    part = await comes(desk, f"{RULES_PAGE}/tests/live", "1 test passed")
    assert "hours &lt;b&gt;are&lt;/b&gt; told" in part
    await saves(desk, BOOK.replace('reply: {text: "9 to 5"}', 'reply: {text: "10 to <b>4"}'))
    failed = await comes(desk, f"{RULES_PAGE}/tests/live", "1 test failed")
    assert re.search(r"expected</dt><dd>the text &#34;9 to 5&#34;", failed)
    assert re.search(r"got</dt><dd>&#34;10 to &lt;b&gt;4&#34;", failed)
    assert is_harmless(failed)


async def test_the_graph_is_drawn_once_and_told_as_a_list(desk: Office) -> None:
    part = await comes(desk, f"{RULES_PAGE}/graph/live", "parley-graph")
    assert 'href="/admin/rules?rule=hours"' in part
    assert "Hours &lt;b&gt; → hours" in part
    assert is_harmless(part)
    near = await desk.text(f"{RULES_PAGE}/graph?rule=hours")
    assert "Around hours" in near
    assert ">old<" not in near


async def test_what_nobody_understood_comes_with_a_rule(desk: Office) -> None:
    await hears(desk, "do you have gift cards", f"gift cards {EVIL}", who="46701740605")
    await hears(desk, "gift cards", who="447700900123")
    part = await comes(desk, f"{RULES_PAGE}/unmatched/live?days=7", "gift cards")
    assert re.search(r"<strong>3 messages</strong>.*?in 2 groups", part, re.DOTALL)
    assert "of 2 people" in part
    assert "“gift cards &lt;img" in part
    snippet = re.search(r'<pre id="snippet-1"[^>]*>(.*?)</pre>', part, re.DOTALL)
    assert snippet is not None
    assert unescape(snippet[1]).startswith('  - name: gift_cards\n    when: {says: ["gift cards"]}\n')
    assert is_harmless(part)


# --- replay ------------------------------------------------------------------------------------------------------------------


async def uploads(desk: Office, files: Mapping[str, bytes], status: int = 303) -> str:
    """Sends files as the form does; where it leads, or what it says."""
    form = FormData({"days": "7"}, quote_fields=False)
    for name, content in files.items():
        form.add_field("files", BytesIO(content), filename=name, content_type="application/octet-stream")
    async with desk.page.post(f"{RULES_PAGE}/replay", data=form(), headers=HERE, allow_redirects=False) as response:
        assert response.status == status, await response.text()
        return response.headers["Location"] if status == 303 else await response.text()


def packed(files: Mapping[str, str]) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return body.getvalue()


async def test_an_uploaded_folder_is_replayed_side_by_side(desk: Office) -> None:
    await hears(desk, "hello", "opening hours", f"opening hours {EVIL}")
    edited = BOOK.replace("says: [opening hours]", "says: [closing time]").split("tests:")[0]
    where = await uploads(desk, {"rules.zip": packed({"rules/shop.yaml": edited})})
    part = await comes(desk, f"{where}/live", "Understood no more")
    assert part.count("✕ is missed") == part.count("✕ loses its answer") == 1
    assert re.search(r"Events decided again</dt><dd>3<", part)
    assert re.search(
        r"before <strong class=\"other\">hours</strong>.*?9 to 5.*?now <strong class=\"other\">otherwise",
        part,
        re.DOTALL,
    )
    assert is_harmless(part)
    assert "1 difference<" in await desk.text(f"{where}?show=is_missed")
    assert "No difference is like that" in await desk.text(f"{where}?show=other")
    assert "2 differences<" in await desk.text(f"{where}?show=nonsense&page=99999")
    assert "1 difference<" in await desk.text(f"{where}?q=img")
    assert "1 uploaded file" in await desk.text(f"{RULES_PAGE}/replay")
    assert desk.app.rules.live.version == 1, "nothing was saved"


async def test_the_words_of_somebody_erased_are_shown_no_more(desk: Office) -> None:
    """Also what was worked out before, and is kept in memory."""
    await hears(desk, "opening hours violet", "violet gift cards")
    await comes(desk, f"{RULES_PAGE}/unmatched/live?days=7", "violet gift cards")
    edited = BOOK.replace("says: [opening hours]", "says: [closing time]").split("tests:")[0]
    where = await uploads(desk, {"shop.yaml": edited.encode()})
    await comes(desk, f"{where}/live", "opening hours violet")
    assert "opening hours violet" in await desk.text(f"{RULES_PAGE}?rule=hours")
    await desk.app.store.privacy.erase(ContactKey(APP, "WHATSAPP", "46701740605"), desk.now())
    assert "violet" not in await desk.text(f"{RULES_PAGE}/unmatched?days=7")
    assert "until somebody is erased" in await desk.text(where, status=404)
    assert "None yet." in await desk.text(f"{RULES_PAGE}/replay")
    assert "violet" not in await desk.text(f"{RULES_PAGE}?rule=hours")
    assert "violet" not in await comes(desk, f"{RULES_PAGE}/unmatched/live?days=7", "was understood")


async def test_people_of_another_app_in_the_same_database_are_not_shown(desk: Office) -> None:
    await hears(desk, "opening hours", "gift cards")
    await hears(desk, "opening hours violet", "violet gift cards", who="447700900123", app="01ANOTHER00000000000000APP")
    assert "violet" not in await comes(desk, f"{RULES_PAGE}/unmatched/live?days=7", "gift cards")
    assert "violet" not in await desk.text(f"{RULES_PAGE}?rule=hours")
    edited = BOOK.replace("says: [opening hours]", "says: [closing time]").split("tests:")[0]
    where = await uploads(desk, {"shop.yaml": edited.encode()})
    assert "violet" not in await comes(desk, f"{where}/live", "Understood no more")


async def test_rules_with_errors_are_shown_and_not_replayed(desk: Office) -> None:
    where = await uploads(desk, {f"{EVIL[:28]}.yaml": b"rules:\n  - nam: x\n", "b.yaml": b"rules: []\n"})
    part = await comes(desk, f"{where}/live", "could not go live")
    assert "nam" in part
    assert is_harmless(part)


async def test_the_saved_folder_gives_the_same(desk: Office) -> None:
    await hears(desk, "hello")
    form = FormData({"which": "saved", "days": "1"}, default_to_multipart=True)
    async with desk.page.post(f"{RULES_PAGE}/replay", data=form(), headers=HERE, allow_redirects=False) as response:
        where = response.headers["Location"]
    assert "Nothing would come out differently" in await comes(desk, f"{where}/live", "Events decided again")


async def test_there_is_one_replay_at_a_time_and_it_can_be_cancelled(desk: Office) -> None:
    where = await uploads(desk, {"shop.yaml": BOOK.encode()})
    assert "one at a time" in await uploads(desk, {"shop.yaml": BOOK.encode()}, 409)
    assert await desk.posts(f"{where}/cancel") == where
    assert "It was cancelled" in await desk.text(where)
    await uploads(desk, {"shop.yaml": BOOK.encode()})


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({}, 422, "no rule file"),
        ({"a.txt": b"x"}, 422, "no rule file"),
        ({"../a.yaml": b"rules: []"}, 422, "leads out of its folder"),
        ({"a.zip": packed({"../../a.yaml": "rules: []"})}, 422, "leads out of its folder"),
        ({"a.zip": b"nonsense"}, 422, "damaged"),
        ({"a.yaml": b"x" * 9_000_000}, 413, "larger than 8 MiB"),
    ],
)
async def test_a_bad_upload_is_refused(desk: Office, files: dict[str, bytes], status: int, words: str) -> None:
    assert words in unescape(await uploads(desk, files or {"": b""}, status))


async def test_only_our_own_page_may_upload(desk: Office) -> None:
    async with desk.page.post(f"{RULES_PAGE}/replay", data={"which": "saved"}) as response:
        assert response.status == 403
    assert "not remembered any more" in await desk.text(f"{RULES_PAGE}/replay/nothing", 404)
