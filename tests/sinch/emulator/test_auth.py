"""Who is let in."""

from __future__ import annotations

import base64

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings
from bot.sinch.emulator.signatures import application_signature
from tests.sinch.emulator.caller import ANN, APP, PROJECT, Caller, basic, text_to
from tests.sinch.emulator.conftest import Start

PINNED = EmulatorSettings(key_id="key", key_secret=base64.b64encode(b"own access secret").decode())


async def test_token_has_what_the_sdk_needs(caller: Caller) -> None:
    answer = await caller.token()
    assert sorted(answer.json) == ["access_token", "expires_in", "scope", "token_type"]
    assert answer.json["expires_in"] == 3599
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert (await caller.call("GET", f"apps/{APP}", headers=bearer)).status == 200


async def test_token_expires_on_the_emulators_clock(caller: Caller, emulator: Emulator) -> None:
    token = (await caller.token()).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    emulator.advance(seconds=3598)
    assert (await caller.call("GET", f"apps/{APP}", headers=bearer)).status == 200
    emulator.advance(seconds=1)
    expired = await caller.call("GET", f"apps/{APP}", headers=bearer)
    assert expired.status == 401
    assert "expired" in expired.headers["www-authenticate"]
    assert expired.error["status"] == "UNAUTHENTICATED"


async def test_tokens_can_be_made_to_expire(caller: Caller, emulator: Emulator) -> None:
    bearer = {"Authorization": f"Bearer {(await caller.token()).json['access_token']}"}
    emulator.door.expire_tokens()
    answer = await caller.call("GET", f"apps/{APP}", headers=bearer)
    assert (answer.status, "expired" in answer.headers["www-authenticate"]) == (401, True)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer made-up", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Application k", "Digest x"],
)
async def test_no_credentials(caller: Caller, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = await caller.call("POST", "messages:send", text_to(ANN), headers)
    assert answer.status == 401
    assert "expired" not in answer.headers["www-authenticate"]


async def test_token_errors_have_oauths_shape(start: Start, session: ClientSession) -> None:
    caller = Caller(await start(PINNED), session)
    wrong = await caller.token(basic("key", "wrong"))
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    headers = {"Authorization": basic(), "Content-Type": "application/x-www-form-urlencoded"}
    grant = await caller.call("POST", "/oauth2/token", headers=headers, raw=b"grant_type=password")
    assert (grant.status, grant.json["error"]) == (400, "unsupported_grant_type")


async def test_pinned_basic(start: Start, session: ClientSession) -> None:
    caller = Caller(await start(PINNED), session)
    right = {"Authorization": basic("key", PINNED.key_secret)}
    assert (await caller.call("GET", f"apps/{APP}", headers=right)).status == 200
    assert (await caller.call("GET", f"apps/{APP}", headers={"Authorization": basic("key", "x")})).status == 401
    assert (
        await caller.call("GET", f"apps/{APP}", headers={"Authorization": basic("k", PINNED.key_secret)})
    ).status == 401


@pytest.mark.parametrize(("key", "changed", "status"), [("key", b"", 200), ("key", b" ", 401), ("other", b"", 401)])
async def test_pinned_signed_request(
    start: Start, session: ClientSession, key: str, changed: bytes, status: int
) -> None:
    caller = Caller(await start(PINNED), session)
    body = b'{"app_id":"A"}'
    headers = {"content-type": "application/json", "x-timestamp": "2026-11-20T10:00:00Z"}
    path = f"/v1/projects/{PROJECT}/messages:send"
    signature = application_signature(PINNED.key_secret, "POST", path, headers, body)
    headers["Authorization"] = f"Application {key}:{signature}"
    answer = await caller.call("POST", "messages:send", headers=headers, raw=body + changed)
    assert answer.status == (400 if status == 200 else status)  # let in, and then it has no recipient


async def test_only_this_project_and_app(start: Start, session: ClientSession) -> None:
    settings = EmulatorSettings(app_id=APP, project_id="mine", only_this_app=True, only_this_project=True)
    caller = Caller(await start(settings), session)
    assert (await caller.call("GET", f"/v1/projects/mine/apps/{APP}")).status == 200
    foreign = await caller.call("GET", f"/v1/projects/other/apps/{APP}")
    assert (foreign.status, foreign.error["status"]) == (403, "PERMISSION_DENIED")
    unknown = await caller.call("GET", "/v1/projects/mine/apps/OTHER")
    assert (unknown.status, unknown.error["status"]) == (404, "NOT_FOUND")
