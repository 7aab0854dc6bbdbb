"""Callbacks: signed, over kept connections, tried again when they fail.

A callback goes to every webhook that wants it, one copy each. 2xx is taken as received; 5xx, 429 and connection
troubles are tried again, doubling from 5 seconds; any other answer drops it, as Sinch's sister products document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

import aiohttp
import orjson

from bot.sinch.emulator.clock import Clock
from bot.sinch.emulator.faults import Fault, FaultKind, Faults
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from bot.sinch.emulator.traffic import BODY_MAX, Delivery, Traffic
from bot.sinch.emulator.truth import Truth
from bot.sinch.emulator.webhooks import Webhook, Webhooks

_HELD_AT_MOST_S = 1.0
_RETRIED = frozenset({429})


@dataclass(frozen=True, slots=True)
class Callback:
    """One copy on its way: the bytes, where to, the words the truth knows it by, and the message it is about."""

    target: str
    secret: str
    body: bytes
    trigger: str
    about: str
    message_id: str
    nonce: str
    timestamp: str


class Callbacks:
    """Sends callbacks; ``start`` and ``stop`` it. ``taken`` is told the id of each message that a webhook took."""

    def __init__(
        self,
        settings: EmulatorSettings,
        clock: Clock,
        webhooks: Webhooks,
        faults: Faults,
        truth: Truth,
        traffic: Traffic,
        taken: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._webhooks = webhooks
        self._faults = faults
        self._truth = truth
        self._traffic = traffic
        self._taken = taken
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._held: list[tuple[Callback, Fault]] = []

    async def start(self) -> None:
        """Open the pool of connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._settings.callback_connections),
            timeout=aiohttp.ClientTimeout(total=self._settings.callback_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def stop(self) -> None:
        """Give up what is under way and close the connections."""
        for task in [*self._under_way, *self._waiting]:
            task.cancel()
        await asyncio.gather(*self._under_way, *self._waiting, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def wanted(self, app_id: str, trigger: str) -> bool:
        """Whether any webhook wants these, so that nobody builds what nobody reads."""
        return bool(self._webhooks.matching(app_id, trigger))

    def later(self, work: Coroutine[None, None, None]) -> None:
        """Let work go on in the background; ``settled`` waits for it."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self, with_retries: bool = False) -> None:
        """Wait until every callback had its first try; with retries, until each was taken or given up."""
        while tasks := (self._under_way | self._waiting if with_retries else self._under_way):
            await asyncio.wait(tasks)

    @property
    def waiting(self) -> int:
        """How many callbacks wait for another try."""
        return len(self._waiting)

    async def deliver(
        self,
        app_id: str,
        trigger: str,
        about: str,
        payload: Json,
        url: str = "",
        secret: str = "",
        message_id: str = "",
    ) -> None:
        """Send a payload to the webhooks that want it, or to ``url`` alone; returns when each was tried once.

        ``about`` is the id the truth names it by, ``message_id`` the message it tells of where that is another one.
        """
        if url:
            targets: tuple[tuple[str, str], ...] = ((url, secret),)
        else:
            targets = tuple((hook.target, hook.secret) for hook in self._webhooks.matching(app_id, trigger))
        if not targets:
            return
        body = orjson.dumps(payload)
        message_id = message_id or about
        copies = [self._signed(target, key, body, trigger, about, message_id) for target, key in targets]
        if len(copies) == 1:
            await self._first(copies[0])
        else:
            await asyncio.gather(*(self._first(copy) for copy in copies))

    async def send_to(self, webhook: Webhook, trigger: str, about: str, body: bytes) -> int:
        """Send these very bytes to one webhook, signed, once; the HTTP status it answered, 0 for none."""
        return await self._post(self._signed(webhook.target, webhook.secret, body, trigger, about, about), 1)

    def _signed(self, target: str, secret: str, body: bytes, trigger: str, about: str, message_id: str) -> Callback:
        timestamp = str(int(self._clock.now().timestamp()))
        return Callback(target, secret, body, trigger, about, message_id, new_nonce(), timestamp)

    def _anew(self, callback: Callback) -> Callback:
        return replace(callback, nonce=new_nonce(), timestamp=str(int(self._clock.now().timestamp())))

    async def _first(self, callback: Callback) -> None:
        fault = self._faults.for_callback(callback.trigger)
        match fault:
            case Fault(kind=FaultKind.DELAY):
                self._faults.count(fault)
                self._wait(self._delayed(callback, fault.seconds))
            # While one is held back, the next overtakes it even if it was to be held back itself.
            case Fault(kind=FaultKind.REORDER) if not self._held:
                self._held.append((callback, fault))
                self._wait(self._released_in_time(callback))
            case Fault(kind=FaultKind.DUPLICATE):
                self._faults.count(fault)
                await asyncio.gather(self._try(callback), self._try(self._anew(callback)))
            case _:
                await self._try(callback)
                if self._held:
                    await self._release_overtaken()

    async def _delayed(self, callback: Callback, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._try(callback)

    async def _release_overtaken(self) -> None:
        held, self._held = self._held, []
        for callback, fault in held:
            self._faults.count(fault)
            await self._try(callback)

    async def _released_in_time(self, callback: Callback) -> None:
        """Nothing came to overtake it: it goes out after all, in order."""
        await self._clock.sleep(_HELD_AT_MOST_S)
        if any(held is callback for held, _ in self._held):
            self._held = [each for each in self._held if each[0] is not callback]
            await self._try(callback)

    async def _try(self, callback: Callback) -> None:
        status = await self._post(callback, 1)
        if not self._is_finished(callback, status, 1):
            self._wait(self._retry(callback))

    async def _retry(self, callback: Callback) -> None:
        pause_s, tries = self._settings.retry_first_s, 1
        while pause_s <= self._settings.retry_last_s:
            await self._clock.sleep(pause_s)
            pause_s, tries = pause_s * 2, tries + 1
            again = callback if self._settings.same_nonce_on_retry else self._anew(callback)
            if self._is_finished(callback, await self._post(again, tries), tries):
                return
        self._note("dropped", callback, 0, tries)

    def _is_finished(self, callback: Callback, status: int, tries: int) -> bool:
        if 200 <= status < 300:
            self._note("acknowledged", callback, status, tries)
            self._taken(callback.about)
            return True
        if status == 0 or status >= 500 or status in _RETRIED:
            return False
        self._note("dropped", callback, status, tries)
        return True

    def _note(self, kind: str, callback: Callback, status: int, tries: int) -> None:
        facts: Json = {"trigger": callback.trigger, "about": callback.about, "status": status, "tries": tries}
        self._truth.note(kind, facts)

    def _wait(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _post(self, callback: Callback, attempt: int) -> int:
        headers = callback_headers(
            self._settings.scheme, callback.secret, callback.body, callback.nonce, callback.timestamp
        )
        headers["Content-Type"] = "application/json"
        at = self._clock.now()
        status = await self._answer_to(callback, headers)
        delivery = Delivery(
            trigger=callback.trigger,
            about=callback.about,
            url=callback.target,
            at=at,
            attempt=attempt,
            headers=headers,
            body=callback.body[:BODY_MAX],
            size=len(callback.body),
            status=status,
        )
        self._traffic.delivered(callback.message_id, delivery)
        return status

    async def _answer_to(self, callback: Callback, headers: dict[str, str]) -> int:
        if self._session is None:
            return 0
        try:
            async with self._session.post(
                callback.target, data=callback.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
