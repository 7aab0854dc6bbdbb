"""What colleagues do in the inbox."""

from __future__ import annotations

import re

import orjson
import pytest

from bot.core.event import ContactKey
from tests.sinch.payloads import APP
from tests.web.admin.inbox.conftest import ANNA, Office, later

WHO = ContactKey(APP, "WHATSAPP", ANNA)


@pytest.fixture
async def anna(office: Office) -> Office:
    await office.traffic.says("hej")
    return office


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def team_of(office: Office) -> str:
    view = await office.traffic.store.contacts.contact(WHO)
    assert view is not None
    return view.state.in_charge


async def deeds(office: Office) -> list[tuple[str, str]]:
    return [(each.who, each.what) for each in await office.traffic.store.users.deeds(10)]


# --- writing ------------------------------------------------------------


async def test_a_form_sent_twice_sends_once_and_takes_the_conversation_over(anna: Office) -> None:
    key = key_of(await anna.opens())
    for _ in range(2):
        answer = await anna.posts("send", key=key, text="Hej,\r\nhär är Ida", take_over="1", team="sales")
        assert answer.status == 303, await answer.text()
    assert await anna.sent() == ["Hej,\nhär är Ida"]
    assert await anna.traffic.store.keys.listed() == []
    assert await team_of(anna) == "sales"
    assert "answerer took the conversation over for team sales" in await anna.opens()


async def test_the_same_key_with_other_words_sends_nothing_and_gives_a_new_key(anna: Office) -> None:
    key = key_of(await anna.opens())
    await anna.posts("send", key=key, text="one", take_over="1")
    answer = await anna.posts("send", key=key, text="two")
    page = await answer.text()
    assert answer.status == 422
    assert "This form was sent before, with other words." in page
    assert ">two</textarea>" in page
    assert key_of(page) != key
    assert await anna.sent() == ["one"]


async def test_a_refusal_keeps_the_words_and_the_key(anna: Office) -> None:
    key = key_of(await anna.opens())
    answer = await anna.posts("send", key=key, text="not yet & <b>")
    page = await answer.text()
    assert answer.status == 409
    assert "The bot has this conversation, and no team." in page
    assert "Tick the box that takes it over first." in page
    assert ">not yet &amp; &lt;b&gt;</textarea>" in page
    assert key_of(page) == key
    assert (await anna.posts("send", key=key, text="  ", take_over="1")).status == 422
    assert (await anna.posts("send", key="short", text="x", take_over="1")).status == 400
    assert await anna.sent() == []


async def test_canned_texts_come_filled_in_and_in_the_persons_language_first(anna: Office) -> None:
    await anna.posts("change", new_field="first_name", new_value="Åsa", tags="")
    page = await anna.opens()
    assert re.findall(r'data-canned="([^"]+)"', page) == ["Ett ögonblick, Åsa.", "One moment, Åsa."]


async def test_a_closed_window_leaves_templates_with_a_preview(anna: Office) -> None:
    later(anna, hours=25)
    page = await anna.opens()
    assert "The 24-hour window is closed" in page
    assert '<textarea name="text"' not in page
    path = f"/admin/conversations/{await anna.person()}/template?template=order_shipped&value.first_name=%3Cb%3E&value.order_number=7"
    assert "Hej &lt;b&gt;, 7 kommer" in await anna.page(path)
    assert "Hi &lt;b&gt;, 7 is coming" in await anna.page(path + "&language=en")
    assert "Fill in every value" in await anna.page(path.replace("order_number=7", "order_number="))
    key = key_of(page)
    form = {"key": key, "template": "order_shipped", "language": "sv", "value.first_name": "Åsa", "take_over": "1"}
    answer = await anna.posts("send", **form)
    assert answer.status == 422
    text = await answer.text()
    assert "needs a value for order_number" in text
    assert 'name="value.first_name" value="Åsa"' in text
    assert (await anna.posts("send", **form, **{"value.order_number": "7"})).status == 303
    assert await anna.sent() == ["Hej Åsa, 7 kommer"]
    answer = await anna.posts("send", key=key_of(await anna.opens()), text="free words")
    assert answer.status == 409


async def test_nobody_writes_to_who_opted_out(anna: Office) -> None:
    await anna.traffic.says("stop")
    page = await anna.opens()
    assert "They opted out, so nobody may write to them." in page
    assert "/send" not in page
    answer = await anna.posts("send", key="k" * 20, text="x", take_over="1", team="support")
    assert answer.status == 409
    assert await anna.sent() == []


# --- who has it ------------------------------------------------------------


async def test_taking_over_giving_back_and_closing(anna: Office) -> None:
    assert (await anna.posts("take-over", team="sales")).status == 303
    assert await team_of(anna) == "sales"
    assert "Give back" in await anna.opens()
    assert (await anna.posts("give-back")).status == 303
    assert await team_of(anna) == ""
    await anna.traffic.says("människa")
    assert "needs a person" in await anna.opens()
    assert (await anna.posts("close")).status == 303
    assert "needs a person</span>" not in await anna.opens()
    assert (await anna.posts("take-over", team="nobody")).status == 422
    assert [what for _, what in await deeds(anna)] == ["closed", "gave_back", "took_over"]


# --- consent and what is known ------------------------------------------------------------


async def test_an_opt_in_needs_a_proof_and_the_history_tells_it(anna: Office) -> None:
    assert (await anna.posts("consent", state="opted_in", purpose="marketing")).status == 422
    assert (await anna.posts("consent", state="stopped", purpose="all")).status == 303
    later(anna, minutes=1)
    answer = await anna.posts("consent", state="opted_in", purpose="all")
    assert answer.status == 422
    assert "needs a proof" in await answer.text()
    assert (await anna.posts("consent", state="opted_in", purpose="all", proof="form 4711")).status == 303
    page = await anna.opens()
    assert "form 4711" in page
    assert "colleague answerer" in page
    assert [what for _, what in await deeds(anna)] == ["opted_in", "opted_out"]


async def test_what_is_known_can_be_changed(anna: Office) -> None:
    form = {
        "language": "en",
        "time_zone": "Europe/Oslo",
        "tags": "vip\r\nhas, comma\r\n",
        "new_field": "size",
        "new_value": "42",
    }
    assert (await anna.posts("change", **form)).status == 303
    view = await anna.traffic.store.contacts.contact(WHO)
    assert view is not None
    assert (view.person.language, view.person.time_zone, view.person.tags) == (
        "en",
        "Europe/Oslo",
        frozenset({"vip", "has, comma"}),
    )
    assert view.person.fields == {"size": "42"}
    assert (await anna.posts("change", tags="", **{"field.size": ""})).status == 303
    assert (await anna.posts("change", tags="", time_zone="Mars")).status == 422
    view = await anna.traffic.store.contacts.contact(WHO)
    assert view is not None
    assert (view.person.fields, view.person.tags, view.person.language) == ({}, frozenset(), "en")


# --- data protection ------------------------------------------------------------


async def test_export_is_a_file_for_operators_alone(anna: Office) -> None:
    await anna.opens("46701740605", "/export", 403)
    anna.role = "operate"
    answer = await anna.client.get(f"/admin/conversations/{await anna.person()}/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert orjson.loads(await answer.read())["identities"]


async def test_erasing_asks_for_the_number_exactly(anna: Office) -> None:
    number = await anna.person()
    assert (await anna.posts("erase", number="+46701740605")).status == 403
    anna.role = "operate"
    for typed in ("", "46701740605", "+46701740606"):
        answer = await anna.posts("erase", number=typed)
        assert answer.status == 422
        assert "nothing was erased" in await answer.text()
    answer = await anna.posts("erase", number=" +46701740605 ")
    assert answer.status == 303
    page = await anna.page(answer.headers["Location"])
    assert "nothing is kept of that person" in page
    await anna.page(f"/admin/conversations/{number}", 404)
    assert await deeds(anna) == [("operateer", "erased")]


@pytest.mark.parametrize("act", ["send", "take-over", "give-back", "close", "consent", "change", "seen"])
async def test_a_viewer_may_do_none_of_it_and_no_other_site_may(anna: Office, act: str) -> None:
    anna.role = "view"
    assert (await anna.posts(act)).status == 403
    anna.role = "operate"
    path = f"/admin/conversations/{await anna.person()}/{act}"
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await anna.client.post(path, data={}, headers=headers, allow_redirects=False)).status == 403
    assert await deeds(anna) == []
