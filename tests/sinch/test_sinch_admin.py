"""Apps, webhooks, templates and listings, asked of the emulator over real HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.event import ContactKey
from bot.errors import Failed, Retry
from bot.sinch import admin
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import ClientSettings, SinchClient, To, open_session
from bot.sinch.emulator import Emulator, EmulatorSettings, OmniTemplate, Template
from bot.sinch.kinds import send_text
from bot.sinch.outcome import Accepted
from bot.sinch.wire.template_list import parse_omni_templates
from tests.sinch.odd import Odd, answer

APP, PROJECT = "01EMULATEDAPP0000000000000", "emulated-project"
ANNA, BO = (ContactKey(APP, "WHATSAPP", identity) for identity in ("46700000001", "46700000002"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    running = Emulator(getattr(request, "param", EmulatorSettings(dispatch_retention_days=1)))
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


@pytest.fixture
def sinch(client: SinchClient, emulator: Emulator) -> SinchAdmin:
    return SinchAdmin(client, emulator.url)


async def test_the_app_tells_its_state(sinch: SinchAdmin) -> None:
    app = await sinch.app()
    assert (app.id, app.processing_mode, app.keeps_messages) == (APP, "DISPATCH", True)
    assert app.whatsapp is not None
    assert app.whatsapp.state == "ACTIVE"


async def test_a_webhook_is_made_and_made_to_match(sinch: SinchAdmin) -> None:
    await sinch.create_webhook("https://bot.example.org/webhooks/sinch", "first-secret")
    [made] = await sinch.webhooks()
    assert (made.target, made.secret) == ("https://bot.example.org/webhooks/sinch", "first-secret")
    await sinch.update_webhook(made.id, "https://bot.example.org/moved", "second-secret", ("MESSAGE_INBOUND",))
    [matched] = await sinch.webhooks()
    assert (matched.id, matched.target, matched.secret) == (made.id, "https://bot.example.org/moved", "second-secret")
    assert matched.triggers == ("MESSAGE_INBOUND",)


async def test_the_same_target_twice_is_refused_with_the_cause(sinch: SinchAdmin) -> None:
    await sinch.create_webhook("https://bot.example.org/webhooks/sinch", "secret")
    with pytest.raises(Failed, match="wrong as it stands"):
        await sinch.create_webhook("https://bot.example.org/webhooks/sinch", "secret")


BOTH = [EmulatorSettings(dispatch_retention_days=1), EmulatorSettings(processing_mode="CONVERSATION")]


@pytest.mark.parametrize("emulator", BOTH, indirect=True, ids=["dispatch", "conversation"])
async def test_messages_are_listed_by_contact_with_our_ids(client: SinchClient, sinch: SinchAdmin) -> None:
    is_dispatch = (await sinch.app()).processing_mode == "DISPATCH"
    sent = [await send_text(client, To(who, f"outbox-{n}"), "hi") for n, who in enumerate([ANNA, BO, ANNA])]
    listed = await sinch.list_messages(ANNA, "", LONG_AGO, is_dispatch)
    assert [message.outbox_id for message in listed] == ["outbox-2", "outbox-0"]
    assert [Accepted(message.message_id) for message in listed] == [sent[2], sent[0]]
    assert await sinch.list_messages(ANNA, "", datetime.now(UTC) + timedelta(hours=1), is_dispatch) == ()
    assert await sinch.list_messages(ANNA, "", LONG_AGO, not is_dispatch) == ()


async def test_every_page_is_read(client: SinchClient, sinch: SinchAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "PAGE", 2)
    for number in range(5):
        await send_text(client, To(ANNA, f"outbox-{number}"), "hi")
    listed = await sinch.list_messages(ANNA, "", LONG_AGO, is_dispatch=True)
    assert [message.outbox_id for message in listed] == [f"outbox-{number}" for number in (4, 3, 2, 1, 0)]
    monkeypatch.setattr(admin, "PAGES_MOST", 2)
    with pytest.raises(Retry, match="too many"):
        await sinch.list_messages(ANNA, "", LONG_AGO, is_dispatch=True)


async def test_a_gateways_page_is_no_empty_list() -> None:
    async with Odd(answer(200, b"<html></html>")).listening() as url:
        settings = ClientSettings(PROJECT, APP, "KEY", "SECRET", url, auth="basic")
        async with open_session(settings) as session:
            sinch = SinchAdmin(SinchClient(settings, session), url)
            with pytest.raises(Retry):
                await sinch.list_messages(ANNA, "", LONG_AGO, is_dispatch=True)
            with pytest.raises(Failed, match="SINCH_API_URL"):
                await sinch.templates()


OMNI = EmulatorSettings(
    omni_templates=(
        OmniTemplate("order_update", "en-US", "Hi", whatsapp=Template("order_shipped")),
        OmniTemplate("order_update", "sv-SE", "Hej"),
    )
)


@pytest.mark.parametrize("emulator", [OMNI], indirect=True, ids=["omni"])
async def test_templates_are_listed(sinch: SinchAdmin) -> None:
    [template] = await sinch.templates()
    assert (template.id, template.languages, template.whatsapp_languages) == (
        "order_update",
        ("en-US", "sv-SE"),
        ("en-US",),
    )


def test_templates_tell_where_they_can_leave_outside_the_window() -> None:
    override = b'{"WHATSAPP": {"template_reference": {"template_id": "shipped"}}}'
    body = (
        b'{"templates": [{"id": "T", "description": "d", "default_translation": "en-US", "translations": ['
        b'{"language_code": "en-US", "channel_template_overrides": ' + override + b'}, {"language_code": "sv-SE"},'
        b'{"language_code": "sv-SE"}]}, {"no": "id"}]}'
    )
    [template] = parse_omni_templates(body)
    assert (template.id, template.default_language) == ("T", "en-US")
    assert (template.languages, template.whatsapp_languages) == (("en-US", "sv-SE"), ("en-US",))
