"""Rules that ask a backend: calls are made side by side, one a person, and each answer goes back to the store as an event.

    store.start_calls -> attempt committed -> request -> found, not_found or failed -> store.finish_call

An answer of 2xx that holds every result is found, 404 is not found, and anything else has failed; the reason is kept in words, and never
holds the secret, nor more of the address than the host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, NoReturn, Protocol

import orjson
import structlog

from bot.core.decision import Call
from bot.core.event import CallAnswered
from bot.crash import reach
from bot.errors import Failed, OutcomeUnknown, ParleyError, Retry
from bot.store.units import CallDone, StartedCall
from bot.work.clock import Clock
from bot.work.loop import Loop, insist
from bot.work.under_way import UnderWay

AT_ONCE: Final = 64
LOOK_EVERY: Final = timedelta(seconds=30)
LONGEST_VALUE: Final = 4096  # characters; WhatsApp takes no longer text

log = structlog.get_logger()


class Calls(Protocol):
    """What calling needs of the store; see ``bot.store.port``."""

    async def start_calls(self, limit: int, now: datetime) -> Sequence[StartedCall]: ...

    async def finish_call(self, done: CallDone, now: datetime) -> None: ...


class HttpAnswer(Protocol):
    """An HTTP answer, whatever its status."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class Backends(Protocol):
    """Reaches connections; see ``bot.net.GuardedClient``."""

    async def request(
        self, method: str, url: str, limit_s: float, headers: Mapping[str, str] = ..., body: bytes = b""
    ) -> HttpAnswer: ...


class Caller:
    """The task that makes calls. ``on_answered`` is called as an answer is being stored, so that deciding joins the commit.

    ``secrets`` is where connections' secrets are found by name. ``run`` ends after ``drain``.
    """

    def __init__(
        self,
        store: Calls,
        backends: Backends,
        clock: Clock,
        on_answered: Callable[[], None],
        secrets: Mapping[str, str] = os.environ,
        at_once: int = AT_ONCE,
    ) -> None:
        self._store = store
        self._backends = backends
        self._clock = clock
        self._on_answered = on_answered
        self._secrets = secrets
        self._loop = Loop(self._start, clock, _store_unavailable)
        # The same person's next call, or one that found no room, may start at the end of one.
        self._under_way = UnderWay("call", at_once, on_end=self._loop.wake, on_fault=_not_stored)

    @property
    def in_flight(self) -> int:
        """Calls between their commit and their answer's."""
        return len(self._under_way)

    def wake(self) -> None:
        """A call may be there to be made."""
        self._loop.wake()

    async def run(self) -> None:
        """Make calls until drained."""
        await self._loop.run()

    async def drain(self, limit_s: float) -> None:
        """Start no more; return when what is under way is stored, or after ``limit_s`` real seconds.

        What is still under way then is found at the next start.
        """
        self._loop.stop()
        await self._under_way.drain(limit_s, after=self._loop.ended())

    async def _start(self) -> datetime:
        """Start what may be; returns when to look again."""
        now = self._clock.now()
        if self._under_way.free:  # else the end of a call wakes us
            for started in await self._store.start_calls(self._under_way.free, now):
                reach("call.started")
                self._under_way.begin(self._make(started))
        return now + LOOK_EVERY

    async def _make(self, started: StartedCall) -> None:
        done = await self._ask(started)
        reach("call.answered")
        await insist(partial(self._finish, done), self._clock, _store_unavailable)

    async def _finish(self, done: CallDone) -> None:
        self._on_answered()
        await self._store.finish_call(done, self._clock.now())
        reach("call.finished")

    async def _ask(self, started: StartedCall) -> CallDone:
        call, status = started.call, 0
        try:
            answer = await self._request(call)
            status = answer.status
            outcome, values = read_answer(call, answer)
        except ParleyError as trouble:
            arrived = status > 0 or isinstance(trouble, OutcomeUnknown) or _was_answered(trouble)
            log.warning("call_failed", outbox_id=started.outbox_id, connection=call.connection, why=str(trouble))
            return self._done(started, "failed", {}, status, arrived, str(trouble))
        except Exception as fault:  # whatever it is, the person must not wait for ever
            log.exception("call_broke", outbox_id=started.outbox_id, connection=call.connection)
            why = f"Asking {call.connection} broke off: {type(fault).__name__}."
            return self._done(started, "failed", {}, status, True, why)
        return self._done(started, outcome, values, status, True)

    async def _request(self, call: Call) -> HttpAnswer:
        if call.timeout_s <= 0:
            raise Failed(f"There was no time left to ask {call.connection}.", "too_late")
        headers = {"Accept": "application/json"}
        if call.secret:
            headers["Authorization"] = f"Bearer {self._secret(call)}"
        body = b""
        if call.method == "POST":
            headers["Content-Type"] = "application/json"
            body = orjson.dumps(dict(call.body))
        return await self._backends.request(call.method, call.url, call.timeout_s, headers, body)

    def _secret(self, call: Call) -> str:
        secret = self._secrets.get(call.secret, "").strip()
        if not secret:
            raise Failed(
                f"Connection {call.connection} needs the secret {call.secret}, which is not in the environment; set it "
                "and restart the server.",
                "no_secret",
            )
        return secret

    def _done(
        self,
        started: StartedCall,
        outcome: Literal["found", "not_found", "failed"],
        values: Mapping[str, str],
        status: int,
        arrived: bool,
        why: str = "",
    ) -> CallDone:
        now, call = self._clock.now(), started.call
        event = CallAnswered(
            started.answer_dedup, started.contact, call.key, call.connection, outcome, values, now, now, why
        )
        return CallDone(started.attempt_id, event, status, arrived)


def _store_unavailable(trouble: Retry) -> None:
    log.error("caller_store_unavailable", reason=str(trouble))


def _not_stored(fault: BaseException) -> None:
    log.error("call_not_stored", exc_info=fault)


def _was_answered(trouble: ParleyError) -> bool:
    return isinstance(trouble, Failed) and trouble.code == "too_large"


# --- what an answer says ------------------------------------------------------------------------------------------------


def read_answer(call: Call, answer: HttpAnswer) -> tuple[Literal["found", "not_found"], Mapping[str, str]]:
    """What ``answer`` gives for ``call``, numbers and booleans as JSON writes them. Raises ``Failed`` where it gives nothing usable."""
    if answer.status == 404:
        return "not_found", {}
    if not 200 <= answer.status < 300:
        raise Failed(f"{call.connection} answered {answer.status}.", "status")
    given = _json_object(call, answer.body)
    missing = [name for name in call.results if given.get(name) is None]
    if missing:
        raise Failed(f"{call.connection} answered without {', '.join(missing)}.", "missing")
    wanted = [name for name in (*call.results, *call.may_give) if given.get(name) is not None]
    return "found", {name: _text(call, name, given[name]) for name in wanted}


def _json_object(call: Call, body: bytes) -> Mapping[str, object]:
    try:
        given = json.loads(body, parse_int=str, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Failed(f"{call.connection} answered with something that is no JSON.", "no_json") from None
    if not isinstance(given, dict):
        raise Failed(f"{call.connection} answered with JSON that is no object.", "no_object")
    return given


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"JSON knows no {word}")


def _text(call: Call, name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _usable(call, name, value)
        case _:
            raise Failed(f"{call.connection} answered with {name} that is neither text nor a number.", "nested")


def _usable(call: Call, name: str, value: str) -> str:
    if len(value) > LONGEST_VALUE:
        raise Failed(f"{call.connection} answered with {name} of over {LONGEST_VALUE} characters.", "too_long")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Failed(f"{call.connection} answered with {name} that is no Unicode text.", "no_text")
    return value
