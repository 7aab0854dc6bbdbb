"""Lives of a webhook's receiver that dies where it reads a body with the word poison, as of a fault within a C library.

``python -m tests.web.dying DATABASE``: in each life Sinch sends what was not acknowledged yet, poison last. Prints a JSON line of each: how
it ended, and what was answered to whom.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import orjson
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.event import Event
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from bot.sinch.signature import Verifier
from bot.sinch.wire.events import parse_event
from bot.store.sqlite import open_store
from bot.web.intake import Intake
from bot.web.webhook import Webhook
from bot.work.clock import RunningClock
from tests.core.build import consent_words
from tests.journeys.shop import APP, SECRET
from tests.store.dying import in_a_child

LIVES_MOST = 6
BODIES = {name: orjson.dumps({"app_id": APP, "event": name}) for name in ("hello", "poison one", "poison two")}


def parse(body: bytes, at: datetime) -> Event:
    if b"poison" in body:
        ctypes.string_at(0)
    return parse_event(body, at, APP)


async def live(path: Path, left: list[str], told: int) -> None:
    store = await open_store(path, app=APP)
    verifier = Verifier("sinch", (SECRET,), timedelta(minutes=5))
    clock, intake = RunningClock(), Intake(parse, consent_words, None)
    webhook = Webhook(verifier, intake, store, clock, lambda: None, lambda _: None)
    application = web.Application()
    application.router.add_post("/", webhook.receive)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        for name in left:
            timestamp = str(int(clock.now().timestamp()))
            headers = callback_headers("sinch", SECRET, BODIES[name], new_nonce(), timestamp)
            async with session.post(server.make_url("/"), data=BODIES[name], headers=headers) as answer:
                os.write(told, orjson.dumps([name, answer.status]) + b"\n")
    await store.close()


def main() -> None:
    faulthandler.disable()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    left = list(BODIES)
    for _ in range(LIVES_MOST):
        status, told = in_a_child(partial(live, Path(sys.argv[1]), left))
        answered = [orjson.loads(line) for line in told.splitlines()]
        sys.stdout.write(orjson.dumps({"status": status, "answered": answered}).decode() + "\n")
        left = [name for name in left if [name, 200] not in answered]
        left = [*left[1:], *left[:1]]  # the others first, next time
        if not left:
            break


if __name__ == "__main__":
    main()
