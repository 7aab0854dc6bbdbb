"""The caller: what an answer of a connection counts as, and that each call ends, once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from bot.core.decision import Call
from bot.core.event import CallAnswered, ContactKey
from bot.errors import Failed, OutcomeUnknown, Retry, StoreUnavailable
from bot.net import GuardedClient
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import CallDone, StartedCall
from bot.work.calls import Caller, read_answer
from tests.store.making import ANNA, BO, CALL, NOON, Seen, asks, at, wrote
from tests.work.still import StillClock

POST = replace(CALL, method="POST", body={"order_number": "åäö 1"}, secret="ERP_TOKEN")


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b'{"status": "on its way"}'


@dataclass
class Asked:
    method: str
    url: str
    limit_s: float
    headers: Mapping[str, str]
    body: bytes


class Backend:
    """Answers each request with what ``says`` holds for its URL (or for any), once ``gate`` is open."""

    def __init__(self) -> None:
        self.says: dict[str, Answer | Exception] = {}
        self.asked: list[Asked] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Semaphore(0)
        self.at_once = self.most_at_once = 0

    async def request(
        self, method: str, url: str, limit_s: float, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        self.asked.append(Asked(method, url, limit_s, headers, body))
        self.arrived.release()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        said = self.says.get(url, self.says.get("", Answer()))
        if isinstance(said, Exception):
            raise said
        return said


# --- what an answer says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b'{"status": "sent", "more": {"a": 1}}', {"status": "sent"}),
        (b'{"status": 12.50, "eta": -3}', {"status": "12.50", "eta": "-3"}),
        (b'{"status": 1e3, "eta": 12345678901234567890}', {"status": "1e3", "eta": "12345678901234567890"}),
        (b'{"status": true, "eta": false}', {"status": "true", "eta": "false"}),
        (b'{"status": "", "eta": null}', {"status": ""}),
        ('{"status": "på väg 🚚"}'.encode(), {"status": "på väg 🚚"}),
    ],
)
def test_an_answer_with_all_results_is_found(body: bytes, values: dict[str, str]) -> None:
    call = replace(CALL, may_give=("eta",))
    assert read_answer(call, Answer(201, body)) == ("found", values)


def test_404_is_not_found_whatever_it_holds() -> None:
    assert read_answer(CALL, Answer(404, b"<html>")) == ("not_found", {})


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(500), "orders answered 500."),
        (Answer(302), "orders answered 302."),
        (Answer(200, b"{}"), "orders answered without status."),
        (Answer(200, b'{"status": null}'), "orders answered without status."),
        (Answer(200, b""), "orders answered with something that is no JSON."),
        (Answer(200, b"\xff\xfe{}"), "orders answered with something that is no JSON."),
        (Answer(200, b'{"status": NaN}'), "orders answered with something that is no JSON."),
        (Answer(200, b"[" * 100_000), "orders answered with something that is no JSON."),
        (Answer(200, b'["status"]'), "orders answered with JSON that is no object."),
        (Answer(200, b'{"status": {"a": 1}}'), "orders answered with status that is neither text nor a number."),
        (Answer(200, b'{"status": ["a"]}'), "orders answered with status that is neither text nor a number."),
        (Answer(200, b'{"status": "a", "eta": []}'), "orders answered with eta that is neither text nor a number."),
        (Answer(200, b'{"status": "%s"}' % (b"a" * 4097)), "orders answered with status of over 4096 characters."),
        (Answer(200, rb'{"status": "\ud800"}'), "orders answered with status that is no Unicode text."),
    ],
)
def test_anything_else_has_failed(answer: Answer, sentence: str) -> None:
    with pytest.raises(Failed) as failed:
        read_answer(replace(CALL, may_give=("eta",)), answer)
    assert str(failed.value) == sentence


# --- one call -----------------------------------------------------------------------------------------------------------


class Calls:
    """A store's calls: ``ready`` are handed out; ``done`` is what came back. ``trouble`` is raised first."""

    def __init__(self, *ready: StartedCall) -> None:
        self.ready = list(ready)
        self.done: list[CallDone] = []
        self.trouble: list[Exception] = []
        self.limits: list[int] = []
        self.ended = asyncio.Semaphore(0)
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def start_calls(self, limit: int, now: datetime) -> list[StartedCall]:
        self.limits.append(limit)
        self.asked.set()
        await self.gate.wait()
        started, self.ready = self.ready[:limit], self.ready[limit:]
        return started

    async def finish_call(self, done: CallDone, now: datetime) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.done.append(done)
        self.ended.release()


def started(call: Call = CALL, number: int = 1, who: ContactKey = ANNA) -> StartedCall:
    return StartedCall(number, f"O{number}", who, call, NOON)


class Works:
    """A caller at work."""

    def __init__(self, calls: Calls, at_once: int = 64, secrets: Mapping[str, str] | None = None) -> None:
        self.calls = calls
        self.backend = Backend()
        self.clock = StillClock(at(3))
        self.answered = 0
        self.caller = Caller(calls, self.backend, self.clock, self._tell, secrets or {"ERP_TOKEN": "s3cret"}, at_once)
        self.task = asyncio.create_task(self.caller.run())

    def _tell(self) -> None:
        self.answered += 1

    async def result(self) -> CallDone:
        async with asyncio.timeout(5):
            await self.calls.ended.acquire()
        return self.calls.done[-1]

    async def stop(self) -> None:
        async with asyncio.timeout(5):
            await self.caller.drain(1)
            await self.task


async def asked(call: Call, said: Answer | Exception | None = None, **secrets: str) -> tuple[CallDone, list[Asked]]:
    works = Works(Calls(started(call)), secrets=secrets or None)
    if said is not None:
        works.backend.says[""] = said
    done = await works.result()
    assert works.answered == 1
    await works.stop()
    return done, works.backend.asked


async def test_a_get_asks_and_its_answer_is_an_event() -> None:
    done, (request,) = await asked(CALL)
    assert (request.method, request.url, request.limit_s, request.body) == ("GET", CALL.url, 4.0, b"")
    assert "Authorization" not in request.headers
    event = CallAnswered("call:O1", ANNA, "k1", "orders", "found", {"status": "on its way"}, at(3), at(3))
    assert done == CallDone(1, event, 200, True)


async def test_a_post_brings_its_body_as_json_and_its_secret_as_a_bearer() -> None:
    _, (request,) = await asked(POST)
    assert (request.method, request.body.decode()) == ("POST", '{"order_number":"åäö 1"}')
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer s3cret"


async def test_not_found() -> None:
    done, _ = await asked(CALL, Answer(404))
    assert (done.event.outcome, done.status, done.event.why) == ("not_found", 404, "")


@pytest.mark.parametrize(
    ("said", "status", "arrived", "why"),
    [
        (Answer(503), 503, True, "orders answered 503."),
        (OutcomeUnknown("erp did not answer within 4 seconds."), 0, True, "erp did not answer within 4 seconds."),
        (Retry("erp cannot be reached (refused)."), 0, False, "erp cannot be reached (refused)."),
        (Failed("erp has no public address.", "not_public"), 0, False, "erp has no public address."),
        (Failed("erp answers with more than 1 MiB.", "too_large"), 0, True, "erp answers with more than 1 MiB."),
        (ZeroDivisionError("s3cret"), 0, True, "Asking orders broke off: ZeroDivisionError."),
    ],
)
async def test_a_call_that_fails_says_why(said: Answer | Exception, status: int, arrived: bool, why: str) -> None:
    done, _ = await asked(CALL, said)
    assert (done.event.outcome, dict(done.event.values)) == ("failed", {})
    assert (done.status, done.may_have_arrived, done.event.why) == (status, arrived, why)


@pytest.mark.parametrize("secret", ["", "  "])
async def test_without_its_secret_nothing_is_asked(secret: str) -> None:
    done, requests = await asked(POST, None, ERP_TOKEN=secret, OTHER="x")
    assert (requests, done.status, done.may_have_arrived) == ([], 0, False)
    assert done.event.why == (
        "Connection orders needs the secret ERP_TOKEN, which is not in the environment; set it and restart the server."
    )


async def test_without_time_left_nothing_is_asked() -> None:
    done, requests = await asked(replace(CALL, timeout_s=0.0))
    assert (requests, done.event.why) == ([], "There was no time left to ask orders.")


# --- many calls ---------------------------------------------------------------------------------------------------------


async def test_calls_are_made_side_by_side_and_no_more_than_allowed() -> None:
    works = Works(Calls(*(started(number=n) for n in range(1, 6))), at_once=2)
    works.backend.gate.clear()
    for _ in range(2):
        await works.backend.arrived.acquire()
    await works.clock.until_waiting()
    works.caller.wake()
    await works.clock.until_waiting()
    assert (works.caller.in_flight, works.backend.at_once) == (2, 2)
    works.backend.gate.set()
    for _ in range(5):
        await works.result()
    assert sorted(done.attempt_id for done in works.calls.done) == [1, 2, 3, 4, 5]
    assert works.backend.most_at_once == 2
    assert max(works.calls.limits) == 2
    await works.stop()


async def test_it_is_woken_for_a_call() -> None:
    works = Works(Calls())
    await works.clock.until_waiting()
    works.calls.ready.append(started())
    works.caller.wake()
    assert (await works.result()).attempt_id == 1
    await works.stop()


async def test_an_answer_is_kept_until_the_store_takes_it() -> None:
    calls = Calls(started())
    calls.trouble = [StoreUnavailable("The disk is full.")] * 2
    works = Works(calls)
    async with asyncio.timeout(5):
        while not calls.done:
            await asyncio.sleep(0)
            works.clock.advance(1)
    assert len(works.backend.asked) == 1
    await works.stop()


async def test_stopping_waits_for_what_is_under_way() -> None:
    works = Works(Calls(started()))
    works.backend.gate.clear()
    await works.backend.arrived.acquire()
    draining = asyncio.create_task(works.caller.drain(5))
    await asyncio.sleep(0)
    works.calls.ready.append(started(number=2))
    works.backend.gate.set()
    async with asyncio.timeout(5):
        await draining
        await works.task
    assert [done.attempt_id for done in works.calls.done] == [1]


async def test_stopping_waits_for_what_the_store_is_just_handing_out() -> None:
    calls = Calls(started())
    calls.gate.clear()
    works = Works(calls)
    await calls.asked.wait()
    draining = asyncio.create_task(works.caller.drain(5))
    await asyncio.sleep(0)
    calls.gate.set()
    async with asyncio.timeout(5):
        await draining
        assert [done.attempt_id for done in calls.done] == [1]
        await works.task


async def test_stopping_gives_up_what_takes_too_long() -> None:
    works = Works(Calls(started()))
    works.backend.gate.clear()
    await works.backend.arrived.acquire()
    async with asyncio.timeout(5):
        await works.caller.drain(0)
        await works.task
    assert (works.calls.done, works.caller.in_flight) == ([], 0)


# --- on a real store ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def test_from_the_decision_to_the_answers_event(store: Store) -> None:
    answered = _Counted(2)
    backend = Backend()
    backend.says = {"https://erp.example/2": Answer(404)}
    clock = StillClock(NOON)
    caller = Caller(store, backend, clock, answered)
    task = asyncio.create_task(caller.run())
    for who, url in ((ANNA, CALL.url), (BO, "https://erp.example/2")):
        await store.record([wrote("track", who)], NOON)
        await store.decide_ready(1, NOON, asks(replace(CALL, url=url)))
    caller.wake()
    async with asyncio.timeout(5):
        await answered.all.wait()
        await caller.drain(5)
        await task
    seen = Seen()
    await store.decide_ready(10, NOON, seen)
    outcomes = {event.contact: event.outcome for event in seen.events if isinstance(event, CallAnswered)}
    assert outcomes == {ANNA: "found", BO: "not_found"}


async def test_over_real_http(aiohttp_server: AiohttpServer) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer s3cret":
            return web.Response(status=401)
        return web.json_response({"status": (await request.json())["order_number"]})

    application = web.Application()
    application.router.add_post("/orders", answer)
    server = await aiohttp_server(application)
    client = GuardedClient((f"127.0.0.1:{server.port}",))
    url = str(server.make_url("/orders"))
    calls = Calls(
        started(replace(POST, url=url)),
        started(replace(POST, url=f"{url}/none"), 2),
        started(replace(POST, url="x:"), 3),
    )
    caller = Caller(calls, client, StillClock(NOON), lambda: None, {"ERP_TOKEN": "s3cret"})
    task = asyncio.create_task(caller.run())
    async with asyncio.timeout(5):
        for _ in range(3):
            await calls.ended.acquire()
    await caller.drain(5)
    await task
    await client.close()
    by_attempt = {done.attempt_id: done.event for done in calls.done}
    assert [by_attempt[n].outcome for n in (1, 2, 3)] == ["found", "not_found", "failed"]
    assert by_attempt[1].values == {"status": "åäö 1"}
    assert by_attempt[3].why.startswith("The address cannot be called")


class _Counted:
    """Called so often, it sets ``all``."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self.all = asyncio.Event()

    def __call__(self) -> None:
        self._left -= 1
        if not self._left:
            self.all.set()
