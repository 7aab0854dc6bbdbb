"""The floor: the least that a Python server can do to answer a webhook, so that the road can be held against it.

A plain aiohttp server verifies the signature, parses the JSON and posts one text with aiohttp's client over kept connections. It
stores nothing, decides nothing and retries nothing: killed at the wrong moment, it loses messages. It is written as a good engineer
would write it for speed: one session, no cookies, no access log, no middlewares, orjson, the request's unchanging parts made once.

It posts first and answers 200 after. The other order measures the same in CPU, since it needs a task for each webhook, but would have
no bound on what is under way and would lose what it acknowledged; this way the 200s are the replies. The price is a later
acknowledgement, so it is replies a second and CPU that the road is held against, not the time to the 200.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
import time
from binascii import b2a_base64

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from tests.bench.children import until_stopped
from tests.bench.events import APP_ID, SECRET, TOKEN, WEBHOOK_PATH

_MAX_AGE_S = 300
_CONNECTIONS = 100


class Floor:
    """Answers webhooks; ``api_url`` is where messages are sent."""

    def __init__(self, api_url: str, session: aiohttp.ClientSession) -> None:
        self._url = URL(f"{api_url}/v1/projects/p/messages:send", encoded=True)
        self._session = session
        self._key = hmac.new(SECRET.encode(), digestmod="sha256")

    async def receive(self, request: web.Request) -> web.Response:
        """One webhook: verify, parse, post, 200."""
        body = await request.read()
        if not self._is_genuine(request, body):
            return web.Response(status=401)
        event = orjson.loads(body)
        message = event["message"]
        identity = message["channel_identity"]["identity"]
        asked = message["contact_message"]["text_message"]["text"]
        await self._send(identity, f"You asked: {asked}")
        return web.Response()

    def _is_genuine(self, request: web.Request, body: bytes) -> bool:
        headers = request.headers
        nonce = headers.get("x-sinch-webhook-signature-nonce", "")
        timestamp = headers.get("x-sinch-webhook-signature-timestamp", "")
        signature = headers.get("x-sinch-webhook-signature", "")
        mac = self._key.copy()
        mac.update(body)
        mac.update(f".{nonce}.{timestamp}".encode())
        if not hmac.compare_digest(b2a_base64(mac.digest(), newline=False), signature.encode()):
            return False
        return timestamp.isdigit() and abs(time.time() - int(timestamp)) <= _MAX_AGE_S

    async def _send(self, identity: str, text: str) -> str:
        body = orjson.dumps(
            {
                "app_id": APP_ID,
                "recipient": {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": identity}]}},
                "message": {"text_message": {"text": text}},
                "channel_priority_order": ["WHATSAPP"],
            }
        )
        async with self._session.post(self._url, data=body, allow_redirects=False) as answer:
            answer.raise_for_status()
            message_id: str = orjson.loads(await answer.read())["message_id"]
            return message_id


async def serve(api_url: str) -> None:
    """Listen on a free port of this machine, print it, and serve until stopped."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=10),
    ) as session:
        application = web.Application()
        application.router.add_post(WEBHOOK_PATH, Floor(api_url, session).receive)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print("port", runner.addresses[0][1], flush=True)
        await until_stopped()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
