"""The sender: hands committed attempts to Sinch and their outcomes back to the store.

    store.start -> attempt committed -> send -> outcome -> store.finish
         ^                                                     |
         `---- the person's next message, or a retry ----------'

One loop talks to the store, so that ends and starts go into one commit; each attempt is a task of its own. Nothing here decides whether a
message may leave: the gate runs inside ``store.start``. What may have been accepted is never sent again from here, see ``reconcile``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, assert_never

import structlog

from bot.core.delivery import Policy, back_off
from bot.crash import reach
from bot.errors import Failed, Retry
from bot.sinch import outcome as sinch
from bot.store.units import Accepted, NotAccepted, Outcome, Rejected, Started, Unknown
from bot.work.clock import Clock
from bot.work.masking import masked
from bot.work.rate import Circuit, Rate
from bot.work.under_way import UnderWay

IN_FLIGHT = 64
RECEIPT_WAIT = timedelta(seconds=30)  # how long an attempt of unknown outcome waits for a receipt
STALE_AFTER = timedelta(
    seconds=60
)  # an attempt not begun by then is not begun: this process was frozen, and the world went on
PAUSE_MOST = timedelta(seconds=30)  # how long Retry-After holds back everybody else's messages
STORE_PAUSE = timedelta(seconds=1)
ASK_EVERY = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=30)
CLOCK_WAIT = timedelta(seconds=30)
DOWN = "Sinch cannot be reached, or fails at everything: messages wait, and one is tried every 30 seconds. See status.sinch.com."

log = structlog.get_logger()


class Attempts(Protocol):
    """What the sender needs of the store; see ``bot.store.port``."""

    async def start(self, limit: int, now: datetime, policy: Policy) -> Sequence[Started]: ...

    async def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None: ...

    async def next_send(self, now: datetime) -> datetime | None: ...


class Skew(Protocol):
    """Whether our clock can be trusted; free-form messages leave only while it can."""

    @property
    def seconds(self) -> float: ...

    @property
    def is_too_large(self) -> bool: ...


class Client(Protocol):
    """What the sender needs of Sinch; see ``bot.sinch.client``."""

    @property
    def clock_skew(self) -> Skew: ...

    async def check_clock(self) -> None: ...

    async def post(self, body: bytes) -> sinch.SendOutcome: ...


class Sender:
    """Sends what is ready, at most ``in_flight`` at once and no faster than ``rate``.

    ``render`` makes the body of an attempt and raises ``Failed`` where there is none. ``policy`` is asked anew for every start. ``jitter``
    gives numbers in [0, 1), ``receipt_wait`` is how long what may have been accepted waits for a receipt; ``on_rejected`` is called after
    a commit that ended messages for good, which may be an event for the rules. Run ``run`` as a task; it ends after ``drain``, and raises
    only what no retry can mend.
    """

    def __init__(
        self,
        store: Attempts,
        client: Client,
        render: Callable[[Started], bytes],
        policy: Callable[[], Policy],
        rate: Rate,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        in_flight: int = IN_FLIGHT,
        receipt_wait: timedelta = RECEIPT_WAIT,
        on_rejected: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._client = client
        self._render = render
        self._policy = policy
        self._rate = rate
        self._clock = clock
        self._jitter = jitter
        self._receipt_wait = receipt_wait
        self._on_rejected = on_rejected
        self._circuit = Circuit()
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._over.set()
        self._under_way = UnderWay("send", in_flight, on_end=self._wake.set)
        self._ended: list[Outcome] = []
        self._more = False
        self._draining = False
        self._abandoned = False
        self._paused_until = self._store_until = self._seen_at = clock.now()
        self._due: datetime | None = None  # as the store said when last asked
        self._retry_at: datetime | None = None  # the next of our own, known without asking
        self._asked_at: datetime | None = None
        self._told_at: datetime | None = None

    @property
    def is_down(self) -> bool:
        """Whether Sinch counts as down and is only probed."""
        return self._circuit.is_open

    def remarks(self) -> list[str]:
        """What an operator should know."""
        return [DOWN] if self.is_down else []

    @property
    def in_flight(self) -> int:
        """Attempts between their commit and their answer."""
        return len(self._under_way)

    def wake(self) -> None:
        """Something may be ready to leave."""
        self._wake.set()

    async def run(self) -> None:
        """Send until drained."""
        self._over.clear()
        try:
            while not self._is_over():
                self._wake.clear()
                await self._turn()
                if not self._wake.is_set() and not self._is_over():
                    await self._clock.wait_until(await self._next_look(), self._wake)
        finally:
            self._over.set()

    async def drain(self, limit_s: float) -> None:
        """Start nothing more; return when what is in flight has ended and is stored, or after ``limit_s`` real seconds.

        What is still in flight then is of unknown outcome, and what could not be stored is found so at the next start.
        """
        self._draining = True
        self._wake.set()
        try:
            async with asyncio.timeout(limit_s):
                await self._over.wait()
        except TimeoutError:
            await self._cut_off()

    async def _cut_off(self) -> None:
        await self._under_way.give_up()
        self._abandoned = True
        self._wake.set()
        await self._over.wait()

    def _is_over(self) -> bool:
        if not self._draining or self.in_flight:
            return False
        return not self._ended or (self._abandoned and self._store_until > self._clock.now())

    async def _turn(self) -> None:
        now = self._clock.now()
        if now < self._seen_at:
            self._set_back(now)
        self._seen_at = now
        if now < self._store_until:
            return
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
        limit = self._limit(now)
        started = await self._finish_and_start(limit, now)
        # All that was asked for: there may be more. None was asked for: whoever woke us may have had something.
        self._more = len(started) == limit
        if started:
            reach("start.committed")
            self._rate.take(len(started))
            self._circuit.let_through(now)
            if self._more:
                self._wake.set()
        for attempt in started:
            self._launch(attempt, now)

    def _set_back(self, now: datetime) -> None:
        """The clock was set back: no pause may last longer for it."""
        self._paused_until = self._store_until = now
        self._circuit.set_back(now)
        self._asked_at = self._told_at = None

    def _limit(self, now: datetime) -> int:
        if self._draining or now < self._paused_until:
            return 0
        return min(self._under_way.free, self._rate.available(now), self._circuit.most(now))

    async def _finish_and_start(self, limit: int, now: datetime) -> Sequence[Started]:
        if not self._ended:
            return await self._start(limit, now)
        # Both at once, so that the store can write them as one group: what ends makes room for what starts.
        _, started = await asyncio.gather(self._finish(now), self._start(limit, now))
        return started

    async def _finish(self, now: datetime) -> None:
        ended, self._ended = self._ended, []
        try:
            await self._store.finish(ended, now)
        except Retry as trouble:
            self._ended = ended + self._ended
            self._hold_store(now, trouble)
        else:
            reach("finish.committed")
            if any(isinstance(outcome, Rejected) for outcome in ended):
                self._on_rejected()

    async def _start(self, limit: int, now: datetime) -> Sequence[Started]:
        if limit <= 0:
            return ()
        try:
            return await self._store.start(limit, now, self._policy())
        except Retry as trouble:
            self._hold_store(now, trouble)
            return ()

    def _hold_store(self, now: datetime, trouble: Retry) -> None:
        self._store_until = now + STORE_PAUSE
        log.error("sender_store_unavailable", reason=str(trouble))

    async def _next_look(self) -> datetime:
        now = self._clock.now()
        if now < self._store_until:
            return self._store_until
        latest = now + LOOK_EVERY
        if self._draining or not self._under_way.free:
            return latest  # the end of an attempt wakes us
        free_at = max(self._rate.next_at(now), self._circuit.next_at(now), self._paused_until)
        if self._more:
            return min(latest, free_at)
        if self._asked_at is not None and timedelta() <= now - self._asked_at < ASK_EVERY:
            latest = self._asked_at + ASK_EVERY
        else:
            self._asked_at = now
            self._due = await self._ask_due(now)
        # What is due already and was not started just now is another worker's, or held back.
        dues = [due if due > now else now + ASK_EVERY for due in (self._due, self._retry_at) if due is not None]
        return min([latest, *(max(due, free_at) for due in dues)])

    async def _ask_due(self, now: datetime) -> datetime | None:
        try:
            return await self._store.next_send(now)
        except Retry as trouble:
            self._hold_store(now, trouble)
            return self._store_until

    def _launch(self, started: Started, at: datetime) -> None:
        if self._draining:
            sentence = "The server is stopping; it leaves after the next start."
            self._ended.append(NotAccepted(started.attempt_id, at, 0, "stopping", sentence))
            self._wake.set()
            return
        self._under_way.begin(self._attempt(started, at))

    async def _attempt(self, started: Started, at: datetime) -> None:
        try:
            held = await self._held_back(started, at)
            outcome = held or self._judge(started, await self._post(started))
            self._ended.append(
                outcome
            )  # looked up after the wait: the list of before it may have been handed to the store
        except asyncio.CancelledError:
            self._ended.append(self._unknown(started, 0, "The server stopped before Sinch answered."))
        except Exception as fault:  # whatever it is, the request may have left
            log.exception("send_broke", outbox_id=started.outbox_id)
            self._ended.append(self._unknown(started, 0, f"Sending broke off: {type(fault).__name__}."))

    async def _post(self, started: Started) -> sinch.SendOutcome:
        try:
            body = self._render(started)
        except Failed as failed:
            return sinch.Rejected(0, failed.code, str(failed))
        return await self._client.post(body)

    async def _held_back(self, started: Started, at: datetime) -> NotAccepted | None:
        now = self._clock.now()
        if now - at > STALE_AFTER:
            return NotAccepted(
                started.attempt_id, now, 0, "stale", "It was late to leave, so it is checked again first."
            )
        skew = self._client.clock_skew
        if started.ttl_s is None or not skew.is_too_large:
            return None
        await self._client.check_clock()
        skew = self._client.clock_skew
        return self._wrong_clock(started, skew.seconds) if skew.is_too_large else None

    def _wrong_clock(self, started: Started, ahead_s: float) -> NotAccepted:
        now = self._clock.now()
        if self._told_at is None or now - self._told_at >= CLOCK_WAIT:
            self._told_at = now
            log.error("clock_wrong", ahead_s=round(ahead_s))
        sentence = (
            f"This machine's clock is {abs(ahead_s):.0f} seconds {'ahead of' if ahead_s > 0 else 'behind'} Sinch's, "
            "so it cannot tell whether the window is open; set the clock."
        )
        return self._again(started, now + CLOCK_WAIT, 0, "clock_wrong", sentence)

    def _judge(self, started: Started, result: sinch.SendOutcome) -> Outcome:
        now = self._clock.now()
        match result:
            case sinch.Accepted(message_id):
                self._circuit.answered()
                return Accepted(started.attempt_id, message_id)
            case sinch.Refused():
                return self._refused(started, result, now)
            case sinch.Rejected(status, code, sentence):
                if status:
                    self._circuit.answered()
                said = masked(sentence, started.reply)
                log.warning("send_rejected", outbox_id=started.outbox_id, status=status, code=code, said=said)
                return Rejected(started.attempt_id, status, code, sentence)
            case sinch.Unknown(status, sentence):
                self._circuit.failed(now)
                return self._unknown(started, status, sentence)
            case _:
                assert_never(result)

    def _refused(self, started: Started, result: sinch.Refused, now: datetime) -> NotAccepted:
        if result.status == 429:
            self._circuit.answered()
            wait = timedelta(seconds=1.0 if result.after_s is None else result.after_s)
            self._paused_until = max(self._paused_until, now + min(wait, PAUSE_MOST))
        else:
            self._circuit.failed(now)
        said = masked(result.sentence, started.reply)
        log.warning("send_refused", outbox_id=started.outbox_id, status=result.status, code=result.code, said=said)
        wait = max(back_off(started.number, self._jitter()), timedelta(seconds=result.after_s or 0.0))
        return self._again(started, now + wait, result.status, result.code, result.sentence)

    def _again(self, started: Started, at: datetime, status: int, code: str, sentence: str) -> NotAccepted:
        self._retry_at = at if self._retry_at is None else min(self._retry_at, at)
        return NotAccepted(started.attempt_id, at, status, code, sentence)

    def _unknown(self, started: Started, status: int, sentence: str) -> Unknown:
        log.warning("send_unknown", outbox_id=started.outbox_id, status=status)
        return Unknown(started.attempt_id, self._clock.now() + self._receipt_wait, status, sentence)
