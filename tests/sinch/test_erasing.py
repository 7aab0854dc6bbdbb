"""Erasing at Sinch, asked of the emulator over real HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.core.event import ContactKey
from bot.errors import Failed
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import ClientSettings, SinchClient, To, open_session
from bot.sinch.emulator import Emulator, EmulatorSettings
from bot.sinch.kinds import send_text
from bot.sinch.outcome import Accepted
from bot.sinch.wire.admin import parse_contact_ids

APP, PROJECT = "01EMULATEDAPP0000000000000", "emulated-project"
ANNA, BO = (ContactKey(APP, "WHATSAPP", identity) for identity in ("46700000001", "46700000002"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BOTH = [EmulatorSettings(dispatch_retention_days=1), EmulatorSettings(processing_mode="CONVERSATION")]


@pytest.fixture(params=BOTH, ids=["dispatch", "conversation"])
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    running = Emulator(request.param)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[SinchClient]:
    settings = ClientSettings(PROJECT, APP, "KEY", "SECRET", emulator.url, emulator.url)
    async with open_session(settings) as session:
        made = SinchClient(settings, session)
        yield made
        await made.close()


async def sent_to(client: SinchClient, who: ContactKey) -> str:
    sent = await send_text(client, To(who, "outbox"), "hello")
    assert isinstance(sent, Accepted)
    return sent.message_id


async def contacts_at(client: SinchClient, who: ContactKey) -> tuple[str, ...]:
    path = f"{client.project_path}/contacts?channel=WHATSAPP&identity={who.identity}"
    return parse_contact_ids(await client.ask("GET", path))


async def test_a_person_is_erased_with_their_messages_and_nobody_else(client: SinchClient, emulator: Emulator) -> None:
    sinch = SinchAdmin(client, emulator.url)
    message, _ = await sent_to(client, ANNA), await sent_to(client, BO)
    assert (len(await contacts_at(client, ANNA)), len(await contacts_at(client, BO))) == (1, 1)
    assert await sinch.erase([ANNA], [], [message]) == []
    is_dispatch = (await sinch.app()).processing_mode == "DISPATCH"
    assert await sinch.list_messages(ANNA, "", LONG_AGO, is_dispatch) == ()
    assert len(await sinch.list_messages(BO, "", LONG_AGO, is_dispatch)) == 1
    assert (len(await contacts_at(client, ANNA)), len(await contacts_at(client, BO))) == (0, 1)


async def test_what_is_gone_already_counts_as_deleted(client: SinchClient, emulator: Emulator) -> None:
    assert await SinchAdmin(client, emulator.url).erase([ANNA], ["gone"], ["gone"]) == []


async def test_what_sinch_does_not_delete_is_told_and_the_rest_is_deleted(
    client: SinchClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await sent_to(client, ANNA)
    ask = client.ask

    async def forbidden(method: str, path: str, body: bytes = b"", host: str = "") -> bytes:
        if method == "DELETE" and "/messages/" in path:
            raise Failed("The key may not do that.", "PERMISSION_DENIED")
        return await ask(method, path, body, host)

    monkeypatch.setattr(client, "ask", forbidden)
    troubles = await SinchAdmin(client, emulator.url).erase([ANNA], [], [message])
    assert troubles == [f"Sinch did not delete the message {message}: The key may not do that."]
    assert await contacts_at(client, ANNA) == ()


def test_an_answer_that_holds_no_contacts_is_told() -> None:
    with pytest.raises(Failed, match="SINCH_API_URL"):
        parse_contact_ids(b"<html>")
    assert parse_contact_ids(b'{"contacts": [{"id": "A"}, {"no": 1}]}') == ("A",)
