"""What one does as a person, and what the page says of it."""

from __future__ import annotations

import re
from io import BytesIO

from aiohttp import FormData

from bot.sinch.emulator.files import FILE_MAX
from tests.web.phone.conftest import ANNA, BEA, Booth, part, words

HOSTILE = "<script>alert(1)</script>\u202e\"'><img src=x onerror=alert(2)>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c63000100000500010d0a2db4"
    "0000000049454e44ae426082"
)


async def test_an_empty_chat_suggests_what_the_rules_answer(booth: Booth) -> None:
    page = words(await booth.page())
    assert "You are Bea" in page
    assert "window not open yet" in page
    assert "Svenska" in page
    assert re.search(r"What to try Hello Options Open", page)
    assert "Hej Alternativ" in words(await booth.page(c=ANNA))


async def test_a_word_is_answered_and_the_newest_answer_explained(booth: Booth) -> None:
    await booth.says("hello world <b>")
    page = await booth.page()
    shown = words(page)
    assert "Rule welcome answered, because it heard “hello”." in shown
    assert "rules/rules.yaml , line 12" in shown
    assert "- name: welcome" in shown
    assert re.search(r"both line \d+ of rules\.yaml · world does not answer: rule welcome, above it, took", shown), (
        shown
    )
    assert "Language en" in shown
    assert "Window open" in shown
    assert "Rulebook 1" in shown
    assert "Try 1: Sinch took it (200)" in shown
    assert "Receipt READ" in shown
    assert "hello world &lt;b&gt;" in page
    assert "window 23 h 59 min" in shown


async def test_a_bubble_of_ones_own_tells_what_became_of_it(booth: Booth) -> None:
    await booth.says("hello")
    await booth.post("say", {"c": BEA, "text": "thanks"})
    await booth.demo.emulator.settled()
    mine = booth.mine()[-1]
    page = words(await booth.page(c=BEA, m=mine.message_id))
    assert "What became of it" in page
    assert "Rule silent took it and says nothing." in page or "not decided" in page


async def test_a_button_and_a_row_are_tapped(booth: Booth) -> None:
    bubble = await booth.says("hello")
    await booth.post("tap", {"c": BEA, "message": bubble.message_id, "choice": "0"})
    answer = await booth.answered(2)
    assert answer.shown.text in ("We are open", "We are closed")
    listed = await booth.says("options")
    page = await booth.page(c=BEA, sheet=listed.message_id)
    assert f'id="sheet-{listed.message_id}" aria-labelledby="sheet-title-{listed.message_id}" open' in page
    await booth.post("tap", {"c": BEA, "message": listed.message_id, "choice": "0"})
    await booth.answered(4)
    quoted = booth.mine()[-1].quoted
    assert quoted is not None
    assert quoted.line == "Choose one"
    assert "no option 7" in await booth.post("tap", {"c": BEA, "message": listed.message_id, "choice": "7"}, 409)
    assert "number" in await booth.post("tap", {"c": BEA, "message": listed.message_id, "choice": "nan"}, 422)


async def test_a_form_asks_for_what_the_rule_wants(booth: Booth) -> None:
    shown = await booth.says("survey")
    page = await booth.page(c=BEA)
    assert 'name="answer-grade"' in page
    await booth.post("form", {"c": BEA, "message": shown.message_id, "answer-grade": "ten"})
    assert (await booth.answered(2)).shown.text == "Thank you for the ten"


async def test_a_reply_and_a_reaction(booth: Booth) -> None:
    bubble = await booth.says("hello")
    await booth.post("say", {"c": BEA, "text": "open?", "reply_to": bubble.message_id})
    await booth.answered(2)
    quoted = booth.mine()[-1].quoted
    assert quoted is not None
    assert quoted.message_id == bubble.message_id
    assert f'value="{bubble.message_id}"' in await booth.page(c=BEA, reply=bubble.message_id)
    await booth.post("react", {"c": BEA, "message": bubble.message_id, "emoji": "👍"})
    assert bubble.reaction == "👍"
    assert 'aria-label="React with 👍" aria-pressed="true"' in await booth.page(c=BEA)
    await booth.post("react", {"c": BEA, "message": bubble.message_id, "emoji": "👍"})
    assert bubble.reaction == ""
    await booth.post("react", {"c": BEA, "message": "gone", "emoji": "👍"}, 404)


def picture(name: str, content_type: str, body: bytes, caption: str = "", voice: str = "") -> FormData:
    form = FormData({"c": BEA, "text": caption, "voice": voice})
    form.add_field("file", BytesIO(body), filename=name, content_type=content_type)
    return form


async def test_files_are_sent_and_shown_from_this_server(booth: Booth) -> None:
    await booth.post("say", picture("a.png", "image/png", PNG, "look *here*"))
    await booth.answered(1)
    page = await booth.page(c=BEA)
    (source,) = re.findall(r'<img src="(file/[^"]+)"', page)
    assert "look <strong>here</strong>" in page
    async with booth.session.get(f"{booth.demo.url}/phone/{source}") as response:
        assert (await response.read(), response.content_type) == (PNG, "image/png")
        assert response.headers["Content-Disposition"].startswith("inline")
        assert "sandbox" in response.headers["Content-Security-Policy"]
    await booth.post("say", picture("note.webm", "audio/webm", b"sound", voice="1"))
    file = booth.mine()[-1].shown.file
    assert file is not None
    assert file.kind == "voice"
    assert '<audio class="sound" src="file/' in await booth.page(c=BEA)


async def test_a_file_that_could_run_is_only_saved(booth: Booth) -> None:
    await booth.post("say", picture(f"{HOSTILE}.svg", "image/svg+xml", b"<svg onload='alert(1)'/>"))
    (address,) = set(re.findall(r'"(file/[^"]+)"', await booth.page(c=BEA)))
    async with booth.session.get(f"{booth.demo.url}/phone/{address}") as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with booth.session.get(f"{booth.demo.url}/phone/file/none") as response:
        assert response.status == 404


async def test_what_is_refused_says_why(booth: Booth) -> None:
    assert "up to 5 MiB" in await booth.post("say", picture("a", "image/png", b"x" * (FILE_MAX + 1)), 413)
    too_much = picture("a", "image/png", b"x" * (FILE_MAX + 2 * 1024 * 1024))
    assert "up to 5 MiB" in await booth.post("say", too_much, 413)
    assert "file is empty" in await booth.post("say", picture("a", "image/png", b""), 400)
    assert "nothing to send" in await booth.post("say", {"c": BEA, "text": " \n "}, 422)
    assert "no such contact" in await booth.post("say", {"c": "999", "text": "x"}, 404)
    assert "longer than" in await booth.post("say", {"c": BEA, "text": "x" * 70_000}, 413)
    assert "latitude" in await booth.post("place", {"c": BEA, "latitude": "91", "longitude": "1"}, 422)
    assert "a name and a number" in await booth.post("card", {"c": BEA, "name": " ", "phone": ""}, 422)
    assert booth.mine() == []


async def test_a_place_and_a_card(booth: Booth) -> None:
    await booth.post("place", {"c": BEA, "title": "Home", "latitude": "59,3", "longitude": "18.1"})
    await booth.post("card", {"c": BEA, "name": "Åsa", "phone": "+46 1"})
    await booth.answered(1)
    page = words(await booth.page(c=BEA))
    assert "Home 59.3000° N, 18.1000° E" in page
    assert "Åsa" in page


async def test_whatever_strangers_write_stays_words(booth: Booth) -> None:
    await booth.post("add", {"number": "+12025550123", "name": HOSTILE[:80], "language": "en"})
    identity = "12025550123"
    for text in (HOSTILE, "a\x00b", "\u202e" * 50, "x" * 10_000, "javascript:alert(1) https://ok.example"):
        await booth.post("say", {"c": identity, "text": text})
    await booth.post("place", {"c": identity, "title": HOSTILE, "label": HOSTILE, "latitude": "1", "longitude": "1"})
    await booth.post("card", {"c": identity, "name": HOSTILE[:80], "phone": "<img>"})
    form = FormData({"c": identity, "text": HOSTILE})
    form.add_field("file", BytesIO(b"%PDF"), filename=f"{HOSTILE}.pdf", content_type="application/pdf")
    await booth.post("say", form)
    await booth.demo.emulator.person("<script>alert(3)</script>").says(HOSTILE)
    await booth.answered(1, identity)
    mine = booth.mine(identity)
    for tab in ("why", "webhook", "send"):
        for bubble in (*mine, *booth.theirs(identity)):
            page = await booth.page(c=identity, m=bubble.message_id, tab=tab)
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "<img>" not in page
            assert 'href="javascript' not in page
            assert "\x00" not in page
    page = await booth.page(c="<script>alert(3)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(3)" in page


async def test_half_a_character_in_a_form_is_refused_or_replaced(booth: Booth) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    url, body = f"{booth.demo.url}/phone/say", b"c=" + BEA.encode() + b"&text=%ED%A0%80hello"
    async with booth.session.post(url, data=body, headers=headers, allow_redirects=False) as response:
        assert response.status == 303
    await booth.answered(1)
    await booth.page(c=BEA)
    form = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xed\xa0\x80\r\n--x--\r\n'
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    async with booth.session.post(url, data=form, headers=headers) as response:
        assert response.status == 400, await response.text()


async def test_nothing_is_done_for_another_site(booth: Booth) -> None:
    everything = {"c": BEA, "text": "x", "number": "+12025550123", "by": "25h", "name": "sinch_down", "on": "1"}
    before = booth.demo.emulator.clock.now()
    for act in ("say", "tap", "react", "place", "card", "form", "add", "close", "clock", "fault"):
        assert "not sent by one of our pages" in await booth.post(act, everything, 403, site="cross-site")
    assert booth.mine() == []
    assert (booth.demo.emulator.clock.now() - before).total_seconds() < 60
    assert not any(each.is_on for each in booth.demo.emulator.switches.all())


async def test_the_raw_requests_are_one_click_away(booth: Booth) -> None:
    await booth.says("hello")
    webhook = await booth.page(c=BEA, tab="webhook")
    assert "x-sinch-webhook-signature-nonce" in webhook
    assert "the bot answered 200" in webhook
    assert "MESSAGE_INBOUND" in webhook
    assert "MESSAGE_DELIVERY" in webhook
    send = part(await booth.page(c=BEA, tab="send"), "why")
    assert "Sinch answered 200" in send
    assert "message_metadata" in send
    assert "choice_message" in send
    assert "Bearer (hidden)" in send
    mine = booth.mine()[-1].message_id
    assert "You sent this" in await booth.page(c=BEA, m=mine, tab="send")
