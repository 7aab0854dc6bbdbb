"""What a person does on their phone, as a browser or another process asks for it."""

from __future__ import annotations

from io import BytesIO

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, Template, TemplateButton
from bot.sinch.emulator.fields import Json, object_in, text_in
from bot.sinch.emulator.files import FILE_MAX
from tests.sinch.emulator.caller import ANN, APP, Answer, Caller, send_to
from tests.sinch.emulator.conftest import Start
from tests.sinch.emulator.sink import Sink

LINK: Json = {
    "choice_message": {
        "text_message": {"text": "Your parcel"},
        "choices": [{"url_message": {"title": "Open", "url": "https://example.org/t/1"}}],
    }
}
FORM: Json = {"body": {"text": "Slot?"}, "flow_id": "123", "flow_cta": "Book", "flow_token": "tok"}
FLOW: Json = {"channel_specific_message": {"WHATSAPP": {"message_type": "FLOWS", "message": FORM}}}


async def act(caller: Caller, path: str, body: Json, status: int = 200) -> Json:
    answer = await caller.call("POST", f"/emulator/{path}", {"identity": ANN, "app_id": APP} | body, {})
    assert answer.status == status, answer.body
    return answer.json


async def upload(caller: Caller, query: str, body: bytes, content_type: str) -> Answer:
    return await caller.call("POST", f"/emulator/files{query}", headers={"Content-Type": content_type}, raw=body)


def content(sink: Sink) -> Json:
    """The content of the last inbound message."""
    return object_in(object_in(sink.received[-1].json, "message"), "contact_message")


async def test_a_voice_note(emulator: Emulator, caller: Caller, sink: Sink, session: ClientSession) -> None:
    kept = (await upload(caller, "?voice=1&name=note.webm", b"sound", "audio/webm;codecs=opus")).json
    url = f"{emulator.url}/emulator/files/{kept['id']}"
    assert kept == {
        "id": kept["id"],
        "url": url,
        "kind": "voice",
        "content_type": "audio/ogg",
        "name": "note.webm",
        "size": 5,
    }
    await act(caller, "media", {"file_id": kept["id"]})
    assert content(sink) == {"media_message": {"url": url, "thumbnail_url": "", "filename_override": ""}}
    async with session.head(url) as told:
        assert told.headers["Content-Type"] == "audio/ogg"
    async with session.get(url) as served:
        assert await served.read() == b"sound"
    bubble = emulator.person(ANN, APP).phone.bubbles()[-1].resource()
    assert bubble["file"] == {"kind": "voice", "url": url, "name": "note.webm", "caption": ""}


@pytest.mark.parametrize(
    ("content_type", "name", "disposition"),
    [
        ("image/png", "", "inline"),
        ("application/pdf", 'Å "1";.pdf', "inline; filename*=UTF-8''%C3%85%20%221%22%3B.pdf"),
        ("text/html", "x.html", "attachment; filename*=UTF-8''x.html"),
        ("image/svg+xml", "", "attachment"),
    ],
)
async def test_files_do_no_harm(
    emulator: Emulator, caller: Caller, session: ClientSession, content_type: str, name: str, disposition: str
) -> None:
    file = emulator.files.keep(b"<script>", content_type, emulator.clock.now(), name)
    async with session.get(emulator.url + file.path) as served:
        assert served.headers["Content-Type"] == content_type
        assert served.headers["Content-Disposition"] == disposition
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        assert served.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_a_document_keeps_its_name(caller: Caller, sink: Sink) -> None:
    kept = (await upload(caller, "?name=order.pdf", b"%PDF", "application/pdf")).json
    await act(caller, "media", {"file_id": kept["id"], "reply_to": "M1"})
    assert object_in(content(sink), "media_message")["filename_override"] == "order.pdf"
    assert object_in(content(sink), "reply_to") == {"message_id": "M1"}
    await act(caller, "media", {"url": "https://example.org/a.jpg", "caption": "look"})
    assert content(sink) == {"media_card_message": {"url": "https://example.org/a.jpg", "caption": "look"}}


async def test_files_as_large_as_allowed(emulator: Emulator, session: ClientSession) -> None:
    for size, status in ((FILE_MAX, 200), (FILE_MAX + 1, 413), (2 * FILE_MAX, 413)):
        headers = {"Content-Type": "video/mp4"}
        async with session.post(f"{emulator.url}/emulator/files", data=BytesIO(b"x" * size), headers=headers) as kept:
            assert kept.status == status
            told = await kept.json()  # also where it is more than is read at all
        if status == 200:
            async with session.get(told["url"]) as served:
                assert len(await served.read()) == size


async def test_files_that_are_refused(caller: Caller) -> None:
    assert (await upload(caller, "", b"x", "nonsense")).status == 400
    assert (await caller.call("GET", "/emulator/files/nosuch")).status == 404
    await act(caller, "media", {"file_id": "nosuch"}, 404)
    await act(caller, "media", {"url": "file:///etc/passwd"}, 400)


async def test_location(caller: Caller, sink: Sink) -> None:
    await act(caller, "location", {"latitude": 59.25, "longitude": 18.5, "title": "Cafe", "label": "Main st"})
    point: Json = {"latitude": 59.25, "longitude": 18.5}
    assert content(sink) == {"location_message": {"title": "Cafe", "label": "Main st", "coordinates": point}}
    await act(caller, "location", {"latitude": 91, "longitude": 0}, 400)


async def test_contact_card(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await act(caller, "contact", {"name": "Bo Ek", "phones": ["+46701740605"], "email": "bo@example.org"})
    raw = text_in(object_in(content(sink), "fallback_message"), "raw_message")
    assert raw == (
        '{"type":"contacts","contacts":[{"name":{"formatted_name":"Bo Ek"},"phones":[{"phone":"+46701740605"}],'
        '"emails":[{"email":"bo@example.org"}]}]}'
    )
    card = emulator.person(ANN, APP).phone.bubbles()[-1].shown.card
    assert card is not None
    assert (card.name, card.emails) == ("Bo Ek", ("bo@example.org",))
    await act(caller, "contact", {"name": "Bo Ek"}, 400)


async def test_order_and_what_sinch_cannot_map(caller: Caller, sink: Sink) -> None:
    product: Json = {"id": "sku1", "quantity": 1}
    await act(caller, "order", {"products": [product], "catalog_id": "cat1"})
    assert object_in(content(sink), "product_response_message")["products"] == [product]
    await act(caller, "other", {"raw": '{"type":"poll"}'})
    assert text_in(object_in(content(sink), "fallback_message"), "raw_message") == '{"type":"poll"}'
    await act(caller, "order", {}, 400)
    await act(caller, "other", {}, 400)


async def test_opening_a_link_tells_nobody(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("hi")
    link = await caller.send(send_to(ANN, LINK))
    await emulator.settled()
    count = len(sink.received)
    assert await act(caller, "open", {"message_id": link}) == {"leads_to": "https://example.org/t/1"}
    assert len(sink.received) == count
    await act(caller, "open", {"message_id": link, "choice": 1}, 409)
    await act(caller, "open", {"message_id": "nosuch"}, 409)


async def test_opening_what_a_template_leads_to(start: Start, session: ClientSession) -> None:
    buttons = (
        TemplateButton("quick_reply", "Stop"),
        TemplateButton("url", "Go", "https://x/{{1}}"),
        TemplateButton("phone_number", "Call", phone="+46"),
    )
    emulator = await start(EmulatorSettings(templates=(Template("t", body="Hi", buttons=buttons),)))
    caller = Caller(emulator, session)
    parameters = {"button[0]quick_reply[1]payload": "p", "button[1]url[1]text": "1"}
    reference: Json = {"template_id": "t", "language_code": "en_US", "parameters": parameters}
    sent = await caller.send(send_to(ANN, {"template_message": {"channel_template": {"WHATSAPP": reference}}}))
    assert await act(caller, "open", {"message_id": sent, "choice": 1}) == {"leads_to": "https://x/1"}
    assert await act(caller, "open", {"message_id": sent, "choice": 2}) == {"leads_to": "+46"}
    await act(caller, "open", {"message_id": sent, "choice": 0}, 409)


async def test_filling_in_a_form(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("hi")
    form, link = await caller.send(send_to(ANN, FLOW)), await caller.send(send_to(ANN, LINK))
    await emulator.settled()
    await act(caller, "form", {"message_id": form, "answers": {"slot": "9:00"}})
    special = object_in(content(sink), "channel_specific_message")
    reply = object_in(object_in(special, "message"), "nfm_reply")
    assert reply["response_json"] == '{"slot":"9:00","flow_token":"tok"}'
    assert object_in(content(sink), "reply_to") == {"message_id": form}
    await act(caller, "form", {"message_id": link, "answers": {}}, 409)


async def test_profile(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    told = await act(caller, "profile", {"name": " Ann ", "read_receipts": False})
    assert (told["name"], told["read_receipts"]) == ("Ann", False)
    assert await act(caller, "profile", {}) == told
    await emulator.person(ANN, APP).says("hi")
    await caller.send(send_to(ANN, LINK))
    await emulator.settled()
    assert sink.statuses() == ["QUEUED_ON_CHANNEL", "DELIVERED"]
    phone = (await caller.call("GET", f"/emulator/phones/{ANN}?app_id={APP}")).json
    assert (phone["name"], phone["waiting_since"]) == ("Ann", None)
