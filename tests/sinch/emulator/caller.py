"""A bot that only calls: bare requests with a token, so that a test sees what really comes back."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator
from bot.sinch.emulator.fields import Json, object_in, text_in

APP = "01HAPPWA00000000000000TEST"
PROJECT = "11111111-2222-3333-4444-555555555555"
ANN = "48500100200"


def basic(key_id: str = "key", key_secret: str = "secret") -> str:
    return "Basic " + base64.b64encode(f"{key_id}:{key_secret}".encode()).decode()


def text_to(identity: str, text: str = "Hello", **more: object) -> Json:
    """A send body."""
    return send_to(identity, {"text_message": {"text": text}}, **more)


def send_to(identity: str, message: Json, **more: object) -> Json:
    """A send body of any kind."""
    recipient = {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": identity}]}}
    return {"app_id": APP, "recipient": recipient, "message": message, "channel_priority_order": ["WHATSAPP"], **more}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        value = orjson.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> Json:
        return object_in(self.json, "error")


class Caller:
    """Calls one emulator, with Basic credentials unless told otherwise."""

    def __init__(self, emulator: Emulator, session: ClientSession) -> None:
        self._url = emulator.url
        self._session = session

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, raw: bytes = b""
    ) -> Answer:
        """``path`` from the root, or within the project where it has no leading slash."""
        url = self._url + (path if path.startswith("/") else f"/v1/projects/{PROJECT}/{path}")
        content = raw or (b"" if body is None else orjson.dumps(body))
        given = {"Authorization": basic(), "Content-Type": "application/json"} if headers is None else headers
        async with self._session.request(method, url, data=content or None, headers=given) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, found, await answer.read())

    async def send(self, body: Json) -> str:
        """Send; the message's id."""
        answer = await self.call("POST", "messages:send", body)
        assert answer.status == 200, answer.body
        return text_in(answer.json, "message_id")

    async def token(self, authorization: str = "") -> Answer:
        headers = {"Authorization": authorization or basic(), "Content-Type": "application/x-www-form-urlencoded"}
        return await self.call("POST", "/oauth2/token", headers=headers, raw=b"grant_type=client_credentials")
