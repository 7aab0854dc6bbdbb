"""People who write, and Sinch who carries it: signed webhooks over real HTTP, in any order, each until it is acknowledged.

A third of the messages come again after that, as Sinch's do now and then. The others never do: a second delivery would heal a loss.
"""

from __future__ import annotations

import asyncio
import hmac
import random
from base64 import b64encode
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import aiohttp
import orjson

from tests.kill.clock import FastClock
from tests.oracle import Acknowledged
from tests.sinch.payloads import texted

APP_ID = "01KILLAPP00000000000000000"
PROJECT_ID = "kill-project"
SECRET = "only-for-killing-on-this-machine"

ORDERS = {"Order": 1}
# By the word before the number, how often it is said; without a word it is a bare code, perhaps an answer.
EVERYTHING = {"Order": 34, "Parcel": 14, "Buy": 14, "Claim": 18, "": 20}

_POSTS_AT_ONCE = 6
_PAUSE_S = 0.02  # at most, between two posts of one worker: a load that a server can answer, with its receipts
_OPEN_MOST = 20  # said and not acknowledged: as many as wait while a server is down, and the choice that reorders them
_STOP_EVERY = 60  # messages
_COMES_AGAIN_EVERY = 3
_REPEATED = 50  # messages, the newest
_ALL_WITHIN_S = 30.0
_CODE_DIGITS = 6
_AGAIN = 0.1  # how often a post is one of those once more


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a person, and what must be in its only reply (nothing: it need not have one)."""

    message_id: str
    identity: str
    answer: str
    body: bytes
    comes_again: bool


class Driver:
    """Keeps sending while the server lives; ``acknowledged`` is what it was answered 200.

    ``kinds``: what they say, such as ``EVERYTHING``. Some people end by saying STOP; whatever they wrote before may stay unanswered then.
    """

    def __init__(
        self, url: str, clock: FastClock, people: int, dice: random.Random, kinds: Mapping[str, int] = ORDERS
    ) -> None:
        self.acknowledged: list[Said] = []
        self.stopped: set[str] = set()
        self.erased: set[str] = set()  # of whom it was asked, at any time: what they wrote until then is gone
        self.answers: Counter[int] = Counter()  # by their status
        self.clock = clock
        self._url = url
        self._dice = dice
        self._kinds = kinds
        self._identities = [f"4670{number:07d}" for number in range(people)]
        self._open: list[Said] = []
        self._repeatable: deque[Said] = deque(maxlen=_REPEATED)
        self._serial = 10_000_000
        self._may_say_more = True
        self._none_open = asyncio.Event()

    @property
    def identities(self) -> list[str]:
        """Everybody who writes."""
        return self._identities

    def told(self) -> list[Acknowledged]:
        """What was acknowledged, for the oracle."""
        return [
            Acknowledged(
                said.message_id, said.identity, "" if said.identity in self.stopped | self.erased else said.answer
            )
            for said in self.acknowledged
        ]

    @asynccontextmanager
    async def sending(self, ready: asyncio.Event | None = None) -> AsyncIterator[None]:
        """Send from several connections at once until the block ends, from when ``ready`` is set: before, nobody is there to refuse it."""
        async with _session() as session:
            workers = [asyncio.create_task(self._work(session, ready)) for _ in range(_POSTS_AT_ONCE)]
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                for ended in await asyncio.gather(*workers, return_exceptions=True):
                    if isinstance(ended, Exception):
                        raise ended

    def go_on(self) -> None:
        """After ``finish``: say more."""
        self._may_say_more = True

    async def finish(self) -> None:
        """Say nothing new, and return when all that was said is acknowledged, and what comes again has come again."""
        self._may_say_more = False
        if not self._open:
            self._none_open.set()
        async with self.sending():
            async with asyncio.timeout(_ALL_WITHIN_S):
                await self._none_open.wait()
        async with _session() as session:
            for said in self._repeatable:
                await self._post(session, said)

    async def _work(self, session: aiohttp.ClientSession, ready: asyncio.Event | None) -> None:
        if ready is not None:
            await ready.wait()
        while True:
            said = self._next()
            if said is not None:
                await self._post(session, said)
            await asyncio.sleep(self._dice.random() * _PAUSE_S)

    def _next(self) -> Said | None:
        if self._repeatable and self._dice.random() < _AGAIN:
            return self._dice.choice(self._repeatable)
        if self._may_say_more and len(self._open) < _OPEN_MOST:
            self._open.append(self._say())
            self._none_open.clear()
        return self._dice.choice(self._open) if self._open else None

    async def _post(self, session: aiohttp.ClientSession, said: Said) -> None:
        try:
            async with session.post(self._url, data=said.body, headers=self._signed(said.body)) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return  # killed meanwhile: not acknowledged, so Sinch sends it again
        if answer.status not in (200, 503):
            raise AssertionError(f"An authentic webhook was answered {answer.status}: {text}")
        if answer.status == 503 and "Retry-After" not in answer.headers:
            raise AssertionError(f"A webhook was answered 503 without Retry-After: {text}")
        self.answers[answer.status] += 1
        if answer.status == 200 and said in self._open:
            self._open.remove(said)
            self.acknowledged.append(said)
            if said.comes_again:
                self._repeatable.append(said)
            if not self._open:
                self._none_open.set()

    def _say(self) -> Said:
        self._serial += 1
        identity = self._dice.choice(self._identities)
        kind = self._dice.choices(list(self._kinds), list(self._kinds.values()))[0]
        answer = str(self._serial) if kind else str(self._serial)[-_CODE_DIGITS:]
        text = f"{kind} {answer}".strip()
        may_stop = identity not in self.stopped and len(self.stopped) < len(self._identities) // 2
        if self._serial % _STOP_EVERY == 0 and may_stop:
            self.stopped.add(identity)
            text = "STOP"
        message_id = f"01KILLMESSAGE{self._serial:013d}"
        body = _inbound(message_id, identity, text, self.clock.now())
        return Said(message_id, identity, answer, body, comes_again=self._serial % _COMES_AGAIN_EVERY == 0)

    def _signed(self, body: bytes) -> dict[str, str]:
        nonce, timestamp = f"{self._dice.getrandbits(64):016x}", str(int(self.clock.now().timestamp()))
        mac = hmac.digest(SECRET.encode(), body + f".{nonce}.{timestamp}".encode(), "sha256")
        return {
            "Content-Type": "application/json",
            "x-sinch-webhook-signature-timestamp": timestamp,
            "x-sinch-webhook-signature-nonce": nonce,
            "x-sinch-webhook-signature-algorithm": "HmacSHA256",
            "x-sinch-webhook-signature": b64encode(mac).decode(),
        }


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))


def _inbound(message_id: str, identity: str, text: str, now: datetime) -> bytes:
    """A MESSAGE_INBOUND callback with a text, as the Sinch Conversation API sends it."""
    return orjson.dumps(texted(message_id, identity, text, now, app_id=APP_ID, project_id=PROJECT_ID))
