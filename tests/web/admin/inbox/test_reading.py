"""The list and one conversation, looked at."""

from __future__ import annotations

import re

import orjson
import pytest

from bot.core.event import ContactKey
from bot.store.contacts import PersonChange
from tests.sinch.payloads import APP
from tests.web.admin.inbox.conftest import ANNA, BEN, Office, later

EVIL = "<script>alert(1)</script>\u202e\x00 &amp; \"'"


async def known(office: Office, identity: str = ANNA, tags: frozenset[str] = frozenset(), **fields: str) -> None:
    contact = ContactKey(APP, "WHATSAPP", identity)
    await office.traffic.store.contacts.change(contact, PersonChange(fields=fields, tags=tags), office.traffic.now)


def names(page: str) -> list[str]:
    return re.findall(r'<span class="name"><bdi>(.*?)</bdi>', page)


def counts(page: str) -> dict[str, str]:
    return dict(re.findall(r'href="/admin/\?show=(\w+)[^>]*>[^<]*<b [^>]*>([^<]+)</b>', page))


async def test_an_empty_inbox_says_what_will_appear(office: Office) -> None:
    page = await office.page("/admin/")
    assert "What people write to your WhatsApp number appears here" in page
    assert "Nobody waits for a colleague." in await office.page("/admin/?show=needs_person")
    assert "Nobody fits" in await office.page("/admin/?q=nobody+here")


async def test_the_list_names_people_masks_numbers_and_tells_who_said_the_last_thing(office: Office) -> None:
    await office.traffic.says("hello", who=BEN)
    await office.traffic.says("hej")
    await known(office, ANNA, first_name="Anna")
    page = await office.page("/admin/")
    assert names(page) == ["Anna", "+44 … 123"]
    assert BEN not in page
    assert "<bdi>Bot</bdi>:</span> <bdi>Hej du</bdi>" in page


async def test_filters_are_links_with_counts_and_the_list_keeps_them(office: Office) -> None:
    await office.traffic.says("human", who=BEN)
    await office.traffic.says("stop")
    page = await office.page("/admin/")
    assert counts(page) == {"unread": "2", "needs_person": "1", "stopped": "1"}
    page = await office.page("/admin/?show=needs_person&q=447")
    assert names(page) == ["+44 … 123"]
    assert 'class="badge warn">needs a person' in page
    assert f'href="/admin/conversations/{await office.person(BEN)}?show=needs_person&amp;q=447"' in page
    opened = await office.opens(BEN, "?show=needs_person&q=447")
    assert 'value="447"' in opened
    assert names(opened) == ["+44 … 123"]
    assert names(await office.page("/admin/?show=stopped")) == ["+46 … 605"]
    assert names(await office.page("/admin/?team=support")) == ["+44 … 123"]


async def test_older_conversations_follow_by_cursor(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.admin.inbox.list_of.__defaults__", (None, 2))
    for number in range(5):
        await office.traffic.says("hello", who=f"4477009000{number:02}")
    seen, path = [], "/admin/"
    for _ in range(3):
        page = await office.page(path)
        seen += names(page)
        following = re.search(r'<a href="([^"]+)">Older ones', page)
        path = following[1] if following else ""
    assert path == ""
    assert len(set(seen)) == 5


async def test_opening_marks_it_seen_for_who_may_answer_and_not_for_who_may_look(office: Office) -> None:
    await office.traffic.says("hej")
    office.role = "view"
    await office.opens()
    assert counts(await office.page("/admin/"))["unread"] == "1"
    office.role = "answer"
    await office.opens()
    assert "unread" not in counts(await office.page("/admin/"))
    later(office, minutes=1)
    await office.traffic.says("hello?")
    assert counts(await office.page("/admin/"))["unread"] == "1"
    answer = await office.posts("seen")
    assert answer.status == 200
    assert "unread" not in counts(await office.page("/admin/"))


async def test_nobody_of_another_number_is_a_page_that_says_so(office: Office) -> None:
    for number in ("7", "x", "9" * 30):
        assert "There is no such conversation." in await office.page(f"/admin/conversations/{number}", 404)


async def test_the_timeline_tells_messages_events_colleagues_and_consent(office: Office) -> None:
    await office.traffic.says("hej")
    await office.traffic.event("order.shipped", order_number="7711")
    await office.traffic.colleague("took_over", "sales")
    await office.traffic.says("stop")
    page = await office.opens()
    for words in ("Hej du", "Backend event order.shipped", "order_number: 7711", "Ida gave the conversation to team sales",
                  "All messages: opted out", "rule welcome", "of shop.yaml", "+46701740605", "opted out"):  # fmt: skip
        assert words in page, words
    order = [page.index(words) for words in ("Hej du", "Backend event", "to team sales", "All messages: opted out")]
    assert order == sorted(order)


async def test_older_messages_are_a_page_of_their_own_and_nothing_is_shown_twice(office: Office) -> None:
    for number in range(40):
        await office.traffic.says(f"hej {number}")
        if number % 10 == 0:
            await office.traffic.event("order.shipped", order_number=f"order-{number}")
    found: list[str] = []
    query = ""
    for _ in range(10):
        page = await office.opens(query=query)
        found += re.findall(r'data-key="((?:in|out|word)-[^"]+)"', page)
        older = re.search(r'<a href="[^"?]+(\?[^"]*)">Older messages', page)
        query = older[1] if older else ""
        if not query:
            break
    assert len(found) == len(set(found)) == 40 + 40 + 4 + 4


async def test_why_unfolds_with_layers_and_candidates_and_belongs_to_its_person(office: Office) -> None:
    await office.traffic.says("hej")
    await office.traffic.says("hello", who=BEN)
    page = await office.opens()
    path = re.search(r'data-why="([^"]+)"', page)
    assert path is not None
    why = await office.page(f"{path[1]}?part=1")
    assert why.startswith('<div class="reasons')
    for words in (
        "A rule heard it.",
        'aria-current="step">rules',
        "/admin/rules?rule=welcome&amp;file=",
        "answers",
        "Rulebook",
        '<dd dir="auto">sv',
    ):
        assert words in why, words
    assert "Why it came out so" in await office.page(path[1])
    other = path[1].replace(str(await office.person()), str(await office.person(BEN)), 1)
    assert "No decision of that number" in await office.page(other, 404)
    for number in ("0", "x", "9" * 30):
        await office.page(f"/admin/conversations/{await office.person()}/why/{number}", 404)


async def test_what_strangers_write_stays_text(office: Office) -> None:
    await office.traffic.says("hej")
    await office.traffic.colleague("took_over", "sales")  # so that theirs is the last word
    await office.traffic.says(EVIL + " hej")
    await known(
        office,
        ANNA,
        frozenset({EVIL[:60].replace("\x00", "")}),
        name=EVIL.replace("\x00", ""),
        note=EVIL.replace("\x00", "") * 50,
    )
    office.role = "operate"
    for page in (await office.page("/admin/"), await office.opens(), await office.page("/admin/?q=" + "%3Cscript%3E")):
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


async def test_the_stream_brings_each_part_of_the_page(office: Office) -> None:
    await office.traffic.says("hej")
    number = await office.person()
    for path, parts in (
        ("/admin/live", {"filters", "rows"}),
        (
            f"/admin/conversations/{number}/live",
            {"filters", "rows", "head", "timeline", "composer", "context", "announce"},
        ),
    ):
        async with office.client.get(path) as answer:
            assert answer.content_type == "text/event-stream"
            while not (line := await answer.content.readline()).startswith(b"data: {"):
                assert line
            fragments = orjson.loads(line[6:])["fragments"]
            assert set(fragments) == parts
            assert all(f'id="{name}"' in text[:60] for name, text in fragments.items())


async def test_a_viewer_sees_no_forms_and_an_answerer_none_of_the_operators(office: Office) -> None:
    await office.traffic.says("hej")
    office.role = "view"
    page = await office.opens()
    assert "You may look, and not write." in page
    assert re.findall(r'<form method="post" action="([^"]+)"', page) == ["/admin/logout"]
    office.role = "answer"
    page = await office.opens()
    assert "/take-over" in page
    assert "/erase" not in page
    office.role = "operate"
    assert "/erase" in await office.opens()
