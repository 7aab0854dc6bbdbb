"""Callbacks are posted to the backends that subscribed, signed as Standard Webhooks says, until they are taken.

    store.start -> attempt committed -> POST -> 2xx: taken; 410: gone, so the subscription is paused; all else is tried again
                                          `-> store.finish

At least once: a server that dies between an answer and its commit posts again, under the same ``webhook-id``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog
from standardwebhooks import Webhook

from bot.crash import reach
from bot.errors import ParleyError, Retry
from bot.sinch.wire.answers import retry_after_s
from bot.store.subscriptions import CallbackDone, StartedCallback, Starting, Target
from bot.work.clock import Clock
from bot.work.loop import Loop, insist
from bot.work.payloads import body_of
from bot.work.under_way import UnderWay

AT_ONCE: Final = 32
TIMEOUT_S: Final = 15.0
LOOK_EVERY: Final = timedelta(seconds=30)
GONE: Final = 410

log = structlog.get_logger()


class Callbacks(Protocol):
    """What delivering needs of the store; see ``bot.store.subscriptions``."""

    async def start(self, limit: int, now: datetime) -> Starting: ...

    async def finish(self, done: CallbackDone, now: datetime) -> None: ...

    async def give_up(self, now: datetime) -> int: ...


class HttpAnswer(Protocol):
    """An HTTP answer, whatever its status."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


class Listeners(Protocol):
    """Reaches backends; see ``bot.net.GuardedClient``."""

    async def request(
        self, method: str, url: str, limit_s: float, headers: Mapping[str, str] = ..., body: bytes = b""
    ) -> HttpAnswer: ...

    def refusal_of(self, url: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Pinged:
    """What came of a ``ping``: an answer of that status, or none (0) and why."""

    status: int
    why: str = ""

    @property
    def taken(self) -> bool:
        """Whether an event would have counted as delivered."""
        return 200 <= self.status < 300


class Deliverer:
    """The task that posts callbacks. ``jitter`` gives numbers in [0, 1]. ``run`` ends after ``drain``."""

    def __init__(
        self,
        store: Callbacks,
        listeners: Listeners,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        at_once: int = AT_ONCE,
    ) -> None:
        self._store = store
        self._listeners = listeners
        self._clock = clock
        self._jitter = jitter
        self._give_up_at = clock.now()
        self._loop = Loop(self._start, clock, _store_unavailable)
        # The same person's next one, or one that found no room, may start at the end of one.
        self._under_way = UnderWay("callback", at_once, on_end=self._loop.wake, on_fault=_not_stored)

    def wake(self) -> None:
        """A callback may be there, or may leave earlier than it was known."""
        self._loop.wake()

    def refusal_of(self, url: str) -> str:
        """Why ``url`` will never be called, as far as it is known by now; empty where nothing is known against it."""
        return self._listeners.refusal_of(url)

    async def ping(self, target: Target, id_: str) -> Pinged:
        """Post a ``ping`` now, once, and tell what came of it."""
        now = self._clock.now()
        body = body_of("ping", now, 0, {"subscription": str(target.subscription)})
        try:
            answer = await self._post(target, id_, body, now)
        except ParleyError as trouble:
            return Pinged(0, str(trouble))
        return Pinged(answer.status)

    async def run(self) -> None:
        """Post callbacks until drained."""
        await self._loop.run()

    async def drain(self, limit_s: float) -> None:
        """Start no more; return when what is under way is stored, or after ``limit_s`` real seconds.

        What is still under way then is posted again at the next start.
        """
        self._loop.stop()
        await self._under_way.drain(limit_s, after=self._loop.ended())

    async def _start(self) -> datetime:
        """Start what may be; returns when to look again."""
        now = self._clock.now()
        look_at = now + LOOK_EVERY
        free = self._under_way.free
        if not free:
            return look_at  # the end of one wakes us
        if now >= self._give_up_at:
            await self._store.give_up(now)
            self._give_up_at = look_at
        starting = await self._store.start(free, now)
        for each in starting.started:
            reach("callback.started")
            self._under_way.begin(self._deliver(each))
        return look_at if starting.next_at is None else min(look_at, starting.next_at)

    async def _deliver(self, started: StartedCallback) -> None:
        done = await self._try(started)
        reach("callback.answered")
        await insist(partial(self._finish, done), self._clock, _store_unavailable)

    async def _finish(self, done: CallbackDone) -> None:
        await self._store.finish(done, self._clock.now())

    async def _try(self, started: StartedCallback) -> CallbackDone:
        target = started.target
        try:
            answer = await self._post(target, started.id, started.body, self._clock.now())
        except ParleyError as trouble:
            return self._refused(started, str(trouble))
        except Exception as fault:  # whatever it is, the others must go on
            log.exception("callback_broke", outbox_id=started.id)
            return self._refused(started, f"Telling it broke off: {type(fault).__name__}.")
        if 200 <= answer.status < 300:
            return CallbackDone(started.attempt_id, "taken", answer.status)
        if answer.status == GONE:
            log.warning("subscription_gone", subscription=target.subscription)
            why = "It answered 410: it wants to be told nothing more."
            return CallbackDone(started.attempt_id, "gone", GONE, why, jitter=self._jitter())
        return self._refused(started, f"It answered {answer.status}.", answer)

    def _refused(self, started: StartedCallback, why: str, answer: HttpAnswer | None = None) -> CallbackDone:
        log.warning("callback_refused", outbox_id=started.id, subscription=started.target.subscription, why=why)
        status = 0 if answer is None else answer.status
        after_s = None if answer is None else retry_after_s(answer.headers)
        return CallbackDone(started.attempt_id, "refused", status, why, after_s, self._jitter())

    async def _post(self, target: Target, id_: str, body: str, now: datetime) -> HttpAnswer:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(id_, now, body) for secret in target.secrets),
        }
        return await self._listeners.request("POST", target.url, TIMEOUT_S, headers, body.encode())


def _store_unavailable(trouble: Retry) -> None:
    log.error("callbacks_store_unavailable", reason=str(trouble))


def _not_stored(fault: BaseException) -> None:
    log.error("callback_not_stored", exc_info=fault)


class NoDeliverer:
    """Where no server runs, as in a command that changes the database by itself."""

    def wake(self) -> None:
        """Nobody listens; the next start finds what is there."""

    def refusal_of(self, url: str) -> str:
        """Nothing is known against any address."""
        return ""

    async def ping(self, target: Target, id_: str) -> Pinged:
        """It cannot."""
        raise Retry("No server runs that could send it.")
