"""Webhooks, apps and template listings through the management API."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, OmniTemplate, Template, TemplateButton
from bot.sinch.emulator.fields import Json, objects_in, text_in
from tests.sinch.emulator.caller import ANN, APP, PROJECT, Caller
from tests.sinch.emulator.conftest import Start
from tests.sinch.emulator.sink import Sink

HOOK: Json = {
    "app_id": APP,
    "target": "https://bot.example.org/sinch/webhook",
    "target_type": "HTTP",
    "secret": "long",
    "triggers": ["MESSAGE_INBOUND", "MESSAGE_DELIVERY"],
}


async def test_webhook_from_creation_to_deletion(caller: Caller, emulator: Emulator, sink: Sink) -> None:
    made = await caller.call("POST", "webhooks", HOOK | {"target": sink.url + "/made", "secret": ""})
    assert made.status == 200
    path = f"webhooks/{made.json['id']}"
    assert (await caller.call("GET", path)).json == made.json
    await emulator.person(ANN, APP).says("one")
    assert sorted(each.path for each in sink.received) == ["/webhook", "/webhook/made"]
    changed = await caller.call("PATCH", f"{path}?update_mask=triggers", {"triggers": ["OPT_OUT"], "secret": "unasked"})
    assert (changed.json["triggers"], changed.json["secret"]) == (["OPT_OUT"], "")
    changed = await caller.call("PATCH", path, {"secret": "asked"})
    assert (changed.json["triggers"], changed.json["secret"]) == (["OPT_OUT"], "asked")
    listed = (await caller.call("GET", f"apps/{APP}/webhooks")).json
    assert listed == {"webhooks": [changed.json]}
    await emulator.person(ANN, APP).says("two")
    assert len(sink.received) == 3
    await caller.call("PATCH", path, {"triggers": ["MESSAGE_INBOUND"]})
    await emulator.callback("message", {"id": "before"}, APP)
    assert (await caller.call("DELETE", path)).status == 200
    assert (await caller.call("GET", path)).status == 404
    await emulator.person(ANN, APP).says("three")
    assert sorted(each.path for each in sink.received[3:]) == ["/webhook", "/webhook", "/webhook/made"]


async def test_dismissed_webhook_is_mute(caller: Caller, emulator: Emulator, sink: Sink) -> None:
    await caller.call("POST", "webhooks", HOOK | {"target": sink.url + "/mute", "target_type": "DISMISS"})
    await emulator.person(ANN, APP).says("hi")
    assert [each.path for each in sink.received] == ["/webhook"]


@pytest.mark.parametrize(
    "change",
    [
        {"target": ""},
        {"target": "bot.example.org"},
        {"target": "https://x/" + "y" * 742},
        {"target": "https://conversation-api.prod.sinch.com/x"},
        {"target_type": "CARRIER_PIGEON"},
        {"triggers": ["UNSPECIFIED_TRIGGER"]},
        {"triggers": ["MESSAGE_INBOUND", "MESSAGE_INBOUND"]},
    ],
)
async def test_bad_webhook_is_refused(caller: Caller, change: dict[str, Any]) -> None:
    answer = await caller.call("POST", "webhooks", HOOK | change)
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")


async def test_five_webhooks_with_different_targets(caller: Caller) -> None:
    statuses = [
        (await caller.call("POST", "webhooks", HOOK | {"target": f"https://bot.example.org/{number}"})).status
        for number in (1, 1, 2, 3, 4, 5, 6)
    ]
    assert statuses == [200, 400, 200, 200, 200, 200, 400]
    other = await caller.call("POST", "webhooks", HOOK | {"app_id": "OTHER", "target": "https://bot.example.org/1"})
    assert other.status == 200


async def test_target_stays_unique_when_changed(caller: Caller) -> None:
    await caller.call("POST", "webhooks", HOOK)
    second = await caller.call("POST", "webhooks", HOOK | {"target": "https://bot.example.org/2"})
    path = f"webhooks/{second.json['id']}"
    assert (await caller.call("PATCH", path, {"target": HOOK["target"]})).status == 400
    assert (await caller.call("PATCH", path, {"target": "https://bot.example.org/2"})).status == 200
    assert (await caller.call("PATCH", f"{path}?update_mask=colour", {"colour": "red"})).status == 400


async def test_app_changes_its_mode_and_retention(caller: Caller, emulator: Emulator, sink: Sink) -> None:
    assert text_in((await caller.call("GET", f"apps/{APP}")).json, "processing_mode") == "DISPATCH"
    changed = await caller.call("PATCH", f"apps/{APP}?update_mask=processing_mode", {"processing_mode": "CONVERSATION"})
    assert changed.json["processing_mode"] == "CONVERSATION"
    await emulator.person(ANN, APP).says("hi")
    assert b'"contact_id":""' not in sink.received[0].body
    policy = {"dispatch_retention_policy": {"ttl_days": 8}}
    assert (await caller.call("PATCH", f"apps/{APP}", policy)).status == 400
    assert (await caller.call("PATCH", f"apps/{APP}", {"processing_mode": "X"})).status == 400


async def test_app_resource(caller: Caller) -> None:
    app = (await caller.call("GET", f"apps/{APP}")).json
    (credential,) = objects_in(app, "channel_credentials")
    assert (credential["channel"], credential["state"]) == ("WHATSAPP", {"status": "ACTIVE", "description": ""})
    assert app["queue_stats"] == {"outbound_size": 0, "outbound_limit": 500_000}
    assert app["rate_limits"] == {"inbound": 25, "outbound": 25, "webhooks": 25}


async def test_template_listings(start: Start, session: ClientSession) -> None:
    shipped = Template(
        "shipped", body="Hi {{1}}", header="News", footer="Bye", buttons=(TemplateButton("quick_reply", "Stop"),)
    )
    picture = Template("picture", "sv_SE", body="x", header="image", media_header=True)
    omni = (
        OmniTemplate("update", text="Hi ${name}", whatsapp=shipped, mappings={"body[1]text": "name"}),
        OmniTemplate("update", "sv-SE", text="Hej ${name}"),
    )
    caller = Caller(await start(EmulatorSettings(templates=(shipped, picture), omni_templates=omni)), session)
    listed = (await caller.call("GET", "whatsapp/templates")).json
    first, second = objects_in(listed, "templates")
    assert (listed["totalSize"], first["name"], first["language"]) == (2, "shipped", "EN_US")
    assert first["details"] == {
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "News"},
            {"type": "BODY", "text": "Hi {{1}}"},
            {"type": "FOOTER", "text": "Bye"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop"}]},
        ]
    }
    assert second["details"] == {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "x"}]}
    path = f"/v2/projects/{PROJECT}/templates"
    (update,) = objects_in((await caller.call("GET", path)).json, "templates")
    assert [one["language_code"] for one in objects_in(update, "translations")] == ["en-US", "sv-SE"]
    assert (await caller.call("GET", f"{path}/update")).json == update
    assert (await caller.call("GET", f"{path}/nosuch")).status == 404
