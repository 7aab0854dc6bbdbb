"""The emulator's own controls, as another process uses them."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientError, ClientSession

from bot.sinch.emulator import Emulator
from bot.sinch.emulator.fields import Json, object_in, objects_in, text_in
from tests.sinch.emulator.caller import ANN, APP, Caller, send_to, text_to
from tests.sinch.emulator.sink import Sink

PHONE = f"/emulator/phones/{ANN}"
BUTTONS: Json = {
    "choice_message": {
        "text_message": {"text": "What next?"},
        "choices": [{"text_message": {"text": "Track"}, "postback_data": "menu:track"}],
    }
}


async def do(caller: Caller, path: str, body: Json) -> Json:
    answer = await caller.call("POST", f"/emulator/{path}", body, {})
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_chat(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await caller.call("GET", f"apps/{APP}")
    said = await do(caller, "say", {"identity": ANN, "text": "hi"})
    assert object_in(sink.received[0].json, "message")["id"] == said["message_id"]
    sent = await caller.send(send_to(ANN, BUTTONS))
    await emulator.settled()
    seen = (await caller.call("GET", PHONE)).json
    mine, theirs = objects_in(seen, "bubbles")
    assert (mine["from"], mine["text"]) == ("person", "hi")
    assert (theirs["from"], theirs["kind"], theirs["ticks"], theirs["message_id"]) == ("business", "buttons", 3, sent)
    assert theirs["options"] == [{"title": "Track", "postback": "menu:track", "description": ""}]
    await do(caller, "tap", {"identity": ANN, "message_id": sent, "choice": 0})
    assert b"menu:track" in sink.received[-1].body
    await do(caller, "react", {"identity": ANN, "message_id": sent, "emoji": "👍"})
    news = (await caller.call("GET", f"{PHONE}?after={seen['turn']}")).json
    assert [(one["text"], one["reaction"]) for one in objects_in(news, "bubbles")] == [
        ("What next?", "👍"),
        ("Track", ""),
    ]
    assert ANN in (await caller.call("GET", "/emulator/phones")).json


async def test_following_a_phone(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    await person.says("hi")
    turn = (await caller.call("GET", f"{PHONE}?app_id={APP}")).json["turn"]
    following = asyncio.ensure_future(caller.call("GET", f"{PHONE}?after={turn}&wait=5&app_id={APP}"))
    await caller.call("GET", "/emulator/clock")
    assert not following.done()
    await caller.send(text_to(ANN, "Hello"))
    (bubble,) = objects_in((await following).json, "bubbles")
    assert bubble["text"] == "Hello"


async def test_the_end_does_not_wait_for_followers(session: ClientSession) -> None:
    emulator = Emulator()
    await emulator.start()
    following = asyncio.ensure_future(Caller(emulator, session).call("GET", f"{PHONE}?wait=60"))
    while not emulator.world.phones.all(emulator.world.settings.app_id):
        await Caller(emulator, session).call("GET", "/emulator/clock")
    async with asyncio.timeout(5):
        await emulator.stop()
        with pytest.raises(ClientError):
            await following


async def test_waiting_in_vain(caller: Caller) -> None:
    answer = await caller.call("GET", f"{PHONE}?wait=0.01")
    assert (answer.json["turn"], answer.json["bubbles"]) == (0, [])


async def test_any_message_event_and_callback(caller: Caller, sink: Sink) -> None:
    contact: Json = {"contacts_message": {"odd": True}}
    await do(caller, "send", {"identity": ANN, "contact_message": contact})
    assert object_in(sink.received[0].json, "message")["contact_message"] == contact
    await do(caller, "send", {"identity": ANN, "event": {"contact_event": {"composing_event": {}}}})
    assert object_in(sink.received[1].json, "event")["contact_event"] == {"composing_event": {}}
    body: Json = {"unsupported_callback": {"id": "U1", "payload": "{}"}}
    await do(caller, "callback", {"body": body})
    assert sink.received[2].json == body


async def test_files_whose_address_tells_nothing(emulator: Emulator, session: ClientSession) -> None:
    url = f"{emulator.url}/emulator/media/"
    types = {kind: await content_type(session, url + kind) for kind in ("image", "voice", "document", "cake")}
    assert types == {
        "image": "image/jpeg",
        "voice": "audio/ogg",
        "document": "application/pdf",
        "cake": "application/json",
    }


async def content_type(session: ClientSession, url: str) -> str:
    async with session.head(url) as response:
        return response.content_type


async def test_the_clock(emulator: Emulator, caller: Caller) -> None:
    assert await do(caller, "clock", {"hours": 25, "seconds": 1}) == {"now": "2026-11-21T11:15:31Z"}
    assert emulator.clock.now().hour == 11
    assert await do(caller, "clock", {"until": "2026-11-22T08:00:00+01:00"}) == {"now": "2026-11-22T07:00:00Z"}
    assert emulator.moved.count == 2


async def test_faults(caller: Caller) -> None:
    script: Json = {"script": [{"kind": "unavailable", "times": 2}, {"kind": "duplicate"}]}
    assert (await do(caller, "faults", script))["outstanding"] == 3
    await do(caller, "faults", {"chance": [{"kind": "html", "status": 500, "where": "events:send", "probability": 1}]})
    statuses = [(await caller.call("POST", "messages:send", text_to(ANN))).status for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert (await caller.call("POST", "events:send", {})).status == 500
    state = (await caller.call("GET", "/emulator/faults")).json
    assert object_in(state, "happened") | {"duplicate": 1} == {"unavailable": 2, "duplicate": 1, "html": 1}
    assert (await caller.call("DELETE", "/emulator/faults")).json["outstanding"] == 0
    assert (await caller.call("POST", "events:send", {})).status == 400


async def test_the_truth(caller: Caller) -> None:
    sent = [await caller.send(text_to(ANN)) for _ in range(2)]
    entries = objects_in((await caller.call("GET", "/emulator/truth?kind=accepted")).json, "entries")
    assert [text_in(entry, "message_id") for entry in entries] == sent
    after = f"/emulator/truth?kind=accepted&after={entries[0]['n']}"
    assert len(objects_in((await caller.call("GET", after)).json, "entries")) == 1


async def test_pages_of_other_sites_are_kept_out(emulator: Emulator, caller: Caller) -> None:
    for origin, status in (
        ("https://example.org", 403),
        ("null", 403),
        (emulator.url, 200),
        (emulator.url.replace("127.0.0.1", "localhost"), 200),
    ):
        headers = {"Origin": origin, "Content-Type": "text/plain"}
        answer = await caller.call("POST", "/emulator/say", {"identity": ANN, "text": "hi"}, headers)
        assert answer.status == status, origin
    assert len(emulator.person(ANN).phone.bubbles()) == 2


async def test_nonsense_is_refused(caller: Caller) -> None:
    refused = [
        ("say", {"text": "who?"}, 400),
        ("say", {"identity": ANN, "text": "hi", "at": "yesterday"}, 400),
        ("tap", {"identity": ANN, "message_id": "M"}, 400),
        ("tap", {"identity": ANN, "message_id": "M", "choice": 1}, 409),
        ("send", {"identity": ANN}, 400),
        ("callback", {"body": {"nonsense": 1}}, 400),
        ("faults", {"script": [{"kind": "nonsense"}]}, 400),
        ("clock", {"until": "2026-11-20T10:15:29Z"}, 400),
        ("clock", {"until": "2026-11-20T10:15:31"}, 400),
        ("clock", {"until": "soon"}, 400),
    ]
    for path, body, status in refused:
        assert (await caller.call("POST", f"/emulator/{path}", body, {})).status == status, path
    assert (await caller.call("GET", f"{PHONE}?after=x")).status == 400
