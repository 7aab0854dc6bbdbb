"""GET /messages: only what Sinch keeps, filtered and in pages."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings
from bot.sinch.emulator.fields import objects_in, text_in
from tests.sinch.emulator.caller import ANN, APP, Caller, text_to
from tests.sinch.emulator.conftest import Start

BOB = "48500100201"
DISPATCHED = "messages_source=DISPATCH_SOURCE"


async def listed(caller: Caller, query: str) -> list[str]:
    answer = await caller.call("GET", f"messages?{query}")
    assert answer.status == 200, answer.body
    return [text_in(message, "id") for message in objects_in(answer.json, "messages")]


@pytest.fixture
async def kept(start: Start) -> Emulator:
    return await start(EmulatorSettings(dispatch_retention_days=2))


async def test_nothing_is_kept_without_retention(emulator: Emulator, caller: Caller) -> None:
    message_id = await caller.send(text_to(ANN))
    assert await listed(caller, DISPATCHED) == []
    assert (await caller.call("GET", f"messages/{message_id}?{DISPATCHED}")).status == 404


async def test_dispatched_messages_are_only_in_their_source(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    message_id = await caller.send(text_to(ANN))
    assert await listed(caller, "") == []
    assert await listed(caller, DISPATCHED) == [message_id]
    assert (await caller.call("GET", f"messages/{message_id}")).status == 404
    assert (await caller.call("GET", f"messages/{message_id}?{DISPATCHED}")).json["id"] == message_id


async def test_retention_ends(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    message_id = await caller.send(text_to(ANN))
    kept.advance(hours=47)
    assert await listed(caller, DISPATCHED) == [message_id]
    kept.advance(hours=1)
    assert await listed(caller, DISPATCHED) == []


async def test_filters(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    said = await kept.person(ANN, APP).says("hi")
    kept.advance(hours=1)
    to_ann = await caller.send(text_to(ANN))
    to_bob = await caller.send(text_to(BOB))
    expected = {
        "": [to_bob, to_ann, said],
        "direction=TO_APP": [said],
        "direction=TO_CONTACT": [to_bob, to_ann],
        "only_recipient_originated=true": [said],
        f"channel_identity=%2B{ANN}": [to_ann, said],
        "channel=SMS": [],
        f"app_id={APP}": [to_bob, to_ann, said],
        "app_id=OTHER": [],
        "contact_id=nobody": [],
        "start_time=2026-11-20T11:15:30Z": [to_bob, to_ann],
        "end_time=2026-11-20T11:15:30Z": [said],
        "page_size=2": [to_bob, to_ann],
    }
    assert {query: await listed(caller, f"{DISPATCHED}&{query}") for query in expected} == expected


async def test_pages(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    sent = [await caller.send(text_to(ANN)) for _ in range(12)]
    first = (await caller.call("GET", f"messages?{DISPATCHED}")).json
    assert [message["id"] for message in objects_in(first, "messages")] == sent[:1:-1]
    await caller.send(text_to(ANN))
    second = (await caller.call("GET", f"messages?{DISPATCHED}&page_token={first['next_page_token']}")).json
    assert [message["id"] for message in objects_in(second, "messages")] == sent[1::-1]
    assert second["next_page_token"] == ""


async def test_metadata_and_the_view(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    await caller.send(text_to(ANN, message_metadata="ref"))
    shown = (await caller.call("GET", f"messages?{DISPATCHED}")).json
    hidden = (await caller.call("GET", f"messages?{DISPATCHED}&view=WITHOUT_METADATA")).json
    assert [text_in(objects_in(page, "messages")[0], "metadata") for page in (shown, hidden)] == ["ref", ""]


@pytest.mark.parametrize(
    "query", ["page_size=0", "page_size=1001", "page_size=x", "messages_source=X", "start_time=now"]
)
async def test_nonsense_is_refused(caller: Caller, query: str) -> None:
    assert (await caller.call("GET", f"messages?{query}")).status == 400


async def test_patch_and_delete(kept: Emulator, session: ClientSession) -> None:
    caller = Caller(kept, session)
    message_id = await caller.send(text_to(ANN))
    path = f"messages/{message_id}?{DISPATCHED}"
    assert (await caller.call("PATCH", path, {"metadata": "new"})).json["metadata"] == "new"
    assert (await caller.call("PATCH", path, {"metadata": "m" * 1025})).status == 400
    assert (await caller.call("DELETE", path)).json == {}
    assert await listed(caller, DISPATCHED) == []
    assert (await caller.call("DELETE", path)).status == 404
