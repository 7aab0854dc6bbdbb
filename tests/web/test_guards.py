"""Clients that are slow, silent, too many or too large: each is turned away, and everybody else is served meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.web.connection import BROKEN, LATE, MISTAKE
from bot.web.crowd import Limits
from bot.web.guard import give_time, runner_of
from tests.web.raw import FINE, WITHIN_S, Raw, Served, connected, served, status, told, until

SHORT = 0.2
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[EventDict]]:
    """What the program logged: no mistake but the one it is asked for; a library must log nothing, least of all a traceback."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as entries:
        yield entries
    mistakes = [each for each in entries if each["event"] == "request_broke"]
    assert all("a secret of ours" in repr(each["exc_info"]) for each in mistakes), mistakes
    assert [each.message for each in caplog.records if each.name != "asyncio"] == []


@asynccontextmanager
async def somebody_else(port: int) -> AsyncIterator[None]:
    """A good client, all the time; none of its requests may fail or take long."""
    slowest = 0.0

    async def ask() -> None:
        nonlocal slowest
        async with ClientSession() as session:
            while True:
                began = time.monotonic()
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    assert (answer.status, await answer.text()) == (200, "fine")
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)

    asking = asyncio.create_task(ask())
    try:
        yield
        assert not asking.done(), asking.exception()
        assert 0 < slowest < 4
    finally:
        asking.cancel()
        await asyncio.wait([asking])


async def drip(raw: Raw, byte: bytes) -> None:
    """One byte after another, for as long as the server takes them."""
    try:
        while not raw.writer.is_closing():
            raw.send(byte)
            await raw.writer.drain()
            await asyncio.sleep(0.01)
    except ConnectionError:
        return


async def ended(raw: Raw, byte: bytes) -> bytes:
    """What was said to somebody who drips."""
    dripping = asyncio.create_task(drip(raw, byte))
    try:
        return await raw.rest()
    finally:
        dripping.cancel()
        await asyncio.wait([dripping])


# --- slow and silent


async def test_who_says_nothing_is_left() -> None:
    async with served(Limits(silent_s=SHORT)) as server, connected(server.port) as silent:
        began = time.monotonic()
        assert await silent.rest() == b""
        assert time.monotonic() - began >= SHORT
        assert server.crowd.refused == {"silent": 1}


@pytest.mark.parametrize("kept", [False, True])
async def test_a_head_has_its_time_in_whole_however_often_a_byte_comes(kept: bool) -> None:
    async with served(Limits(head_s=SHORT)) as server, somebody_else(server.port), connected(server.port) as raw:
        if kept:
            raw.send(FINE)
            assert await raw.answer() == (200, b"fine")
        raw.send(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert await ended(raw, b"z") == b""
        assert server.crowd.refused == {"slow_head": 1}


async def test_a_body_has_its_time_in_whole() -> None:
    async with served(Limits(body_s=SHORT)) as server, somebody_else(server.port), connected(server.port) as raw:
        raw.send(HEAD)
        said = await ended(raw, b"z")
        assert status(said) == 408
        assert said.endswith(LATE.encode())
        assert b"Connection: close" in said
        assert server.crowd.refused == {"slow_body": 1}


async def test_a_body_in_chunks_has_its_time_in_whole() -> None:
    async with served(Limits(body_s=SHORT)) as server, connected(server.port) as raw:
        raw.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert status(await ended(raw, b"1\r\nz\r\n")) == 408


async def test_a_body_that_nobody_wants_is_not_waited_for() -> None:
    async with served(Limits(body_s=SHORT)) as server, connected(server.port) as raw:
        raw.send(HEAD.replace(b"/echo", b"/nowhere"))
        assert status(await ended(raw, b"z")) == 404


async def test_who_is_known_may_take_longer() -> None:
    arrived = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        give_time(request)
        arrived.set()
        return web.Response(text=str(len(await request.read())))

    app = web.Application()
    app.router.add_post("/echo", take)
    runner = runner_of(app, 1.0, Limits(body_s=SHORT))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with connected(runner.addresses[0][1]) as raw:
            raw.send(HEAD)
            await arrived.wait()
            await asyncio.sleep(3 * SHORT)  # the limit that must not hold
            raw.send(bytes(1000))
            assert await raw.answer() == (200, b"1000")
    finally:
        await runner.cleanup()


async def test_a_kept_connection_is_kept_for_its_time() -> None:
    async with served(Limits(idle_s=SHORT, silent_s=60)) as server, connected(server.port) as raw:
        raw.send(FINE)
        assert await raw.answer() == (200, b"fine")
        began = time.monotonic()
        assert await raw.rest() == b""
        assert time.monotonic() - began >= SHORT / 2
        assert server.crowd.refused == {}


@pytest.mark.parametrize("size", [200_000, 900_000])
async def test_a_large_body_that_waits_for_us_is_not_late(size: int) -> None:
    """Reading pauses while nobody takes it; going on needs no more bytes from the client."""
    async with served(Limits(body_s=1.5 * SHORT)) as server, connected(server.port) as raw:
        raw.send(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
        await server.at_work.acquire()
        await asyncio.sleep(2 * SHORT)  # the limit that must not hold
        server.go_on.set()
        assert await raw.answer() == (200, b"%d" % size)
        await asyncio.sleep(2 * SHORT)
        raw.send(FINE)
        assert await raw.answer() == (200, b"fine")
        assert server.crowd.refused == {}


async def test_a_body_that_breaks_off_into_nonsense_is_refused_at_once() -> None:
    async with served(Limits(body_s=60)) as server, connected(server.port) as raw:
        raw.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await half_a_body(server)
        raw.send(b"zebra\r\n")
        said = await raw.rest()
        assert status(said) == 400
        assert said.endswith(BROKEN.encode())
        assert said.count(b"HTTP/1.") == 1


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    async with (
        served(Limits(write_s=SHORT)) as server,
        somebody_else(server.port),
        connected(server.port, window=1024) as raw,
    ):
        raw.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.until("slow_reader")
        assert len(await raw.rest()) < 16 * 1024 * 1024


async def test_an_answer_that_is_taken_slowly_arrives() -> None:
    limits = Limits(write_s=0.5, write_bytes=1024)
    async with served(limits) as server, connected(server.port, window=64 * 1024) as raw:
        raw.send(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        size, began = 0, time.monotonic()
        while chunk := await raw.reader.read(256 * 1024):
            size += len(chunk)
            await asyncio.sleep(0.02)
        assert size > 16 * 1024 * 1024
        assert time.monotonic() - began > 2 * limits.write_s
        assert server.crowd.refused == {}


# --- too many


async def test_two_thousand_at_once_leave_room_for_others() -> None:
    async with served(Limits()) as server, AsyncExitStack() as stack:
        async with somebody_else(server.port):
            for _ in range(20):
                await asyncio.gather(*(stack.enter_async_context(connected(server.port)) for _ in range(100)))
                assert len(server.crowd) <= 1000
            async with connected(server.port) as late:
                late.send(FINE)
                assert await late.answer() == (200, b"fine")
        assert server.crowd.refused["crowded_out"] >= 1000


async def test_kept_connections_go_last_and_those_at_work_never() -> None:
    async with (
        served(Limits(connections=3)) as server,
        connected(server.port) as working,
        connected(server.port) as kept,
        connected(server.port) as silent,
    ):
        working.send(FINE.replace(b"/", b"/wait", 1))
        kept.send(FINE)
        assert await kept.answer() == (200, b"fine")
        await server.at_work.acquire()
        async with connected(server.port) as fourth:
            assert await silent.rest() == b""
            fourth.send(FINE.replace(b"/", b"/wait", 1))
            await server.at_work.acquire()
            async with connected(server.port) as fifth:
                assert await kept.rest() == b""
                fifth.send(FINE.replace(b"/", b"/wait", 1))
                await server.at_work.acquire()
                async with connected(server.port) as sixth:
                    assert await sixth.rest() == b""
                server.go_on.set()
                for each in (working, fourth, fifth):
                    assert await each.answer() == (200, b"0")
        assert server.crowd.refused == {"crowded_out": 2, "full": 1}


async def test_unfinished_requests_share_one_store_of_bytes() -> None:
    half = HEAD.replace(b"1000", b"400000") + bytes(300_000)
    async with (
        served(Limits(held_bytes=1_000_000)) as server,
        somebody_else(server.port),
        AsyncExitStack() as stack,
    ):
        for count in range(1, 11):
            (await stack.enter_async_context(connected(server.port))).send(half)
            await server.until("crowded_out", max(0, count - 3))
        async with connected(server.port) as good:
            good.send(HEAD + bytes(1000))
            assert await good.answer() == (200, b"1000")


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked")
        + b"1;",  # a chunk's extension, without end
        HEAD.replace(b"1000", b"900000000"),
    ],
)
async def test_one_who_sends_without_end_pushes_nobody_out(head: bytes) -> None:
    async with (
        served(Limits(held_bytes=6_000_000)) as server,
        connected(server.port) as good,
        connected(server.port) as greedy,
    ):
        good.send(HEAD + bytes(500))
        await until(lambda: server.crowd._held > 0)
        greedy.send(head + b"x" * 16_000_000)
        await server.until("crowded_out", 1)
        good.send(bytes(500))
        assert await good.answer() == (200, b"1000")
        assert server.crowd.refused["crowded_out"] == 1


async def test_answers_that_nobody_takes_share_one_store_of_bytes() -> None:
    async with served(Limits(held_bytes=40_000_000)) as server, AsyncExitStack() as stack:
        for _ in range(6):
            raw = await stack.enter_async_context(connected(server.port, window=1024))
            raw.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.until("slow_reader", 3)


async def test_what_is_gone_is_not_counted_any_more() -> None:
    async with served(Limits(body_s=SHORT)) as server:
        async with connected(server.port) as raw:
            raw.send(HEAD + b"z")
            await ended(raw, b"z")
        async with connected(server.port) as raw:
            raw.send(HEAD + b"z" * 10)
        await until(lambda: not len(server.crowd))
        assert server.crowd._held == 0
        assert not server.crowd._stuck


# --- too large


def head_of(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", *lines, b"", b""])


@pytest.mark.parametrize(
    "head",
    [
        head_of(*(b"X-%d: 1" % number for number in range(64))),  # 65 with Host
        head_of(b"X: " + b"z" * 9000),
        head_of(b"X" * 9000 + b": 1"),
        head_of(*(b"X-%d: " % number + b"z" * 7000 for number in range(10))),
        FINE.replace(b"/ ", b"/" + b"z" * 9000 + b" "),
        FINE.replace(b"/ ", b"/?" + b"z" * 100_000 + b" "),
    ],
    ids=["65 headers", "a long value", "a long name", "many long ones", "a long path", "a long query"],
)
@pytest.mark.parametrize("at_a_time", [1_000_000, 5000])
async def test_a_head_that_is_too_large_is_refused(head: bytes, at_a_time: int) -> None:
    async with served(Limits()) as server, connected(server.port) as raw:
        for start in range(0, len(head), at_a_time):
            raw.send(head[start : start + at_a_time])
            await asyncio.sleep(0)
        said = await raw.rest()
        assert status(said) in (431, 0)  # 0: it was still sending when the answer was on its way
        assert b"zzz" not in said
        assert b"Server:" not in said
        assert server.crowd.refused == {"head_too_large": 1}


async def test_a_head_at_its_limit_is_taken() -> None:
    async with served(Limits()) as server, connected(server.port) as raw:
        for head in (
            head_of(*(b"X-%d: 1" % number for number in range(63))),
            head_of(*(b"X-%d: " % number + b"z" * 7000 for number in range(4))),
        ):
            raw.send(head)
            assert await raw.answer() == (200, b"fine")


async def test_a_head_without_end_is_refused_also_behind_another_request() -> None:
    async with served(Limits()) as server, connected(server.port) as raw:
        raw.send(FINE.replace(b"/", b"/wait", 1))
        await server.at_work.acquire()
        raw.send(b"GET / HTTP/1.1\r\n")
        for number in range(10):
            raw.send(b"X-%d: " % number + b"z" * 7000 + b"\r\n")
            await raw.writer.drain()
        await asyncio.sleep(0.05)
        raw.send(b"\r\n")
        await asyncio.sleep(0.05)
        server.go_on.set()
        said = await raw.rest()
        assert (status(said), said.count(b"HTTP/1.0 431"), said.count(b"HTTP/1.")) == (200, 1, 2)


async def test_half_a_head_behind_another_request_has_its_time() -> None:
    async with served(Limits(head_s=SHORT)) as server, connected(server.port) as raw:
        raw.send(FINE.replace(b"/", b"/wait", 1))
        await server.at_work.acquire()
        raw.send(b"GET / HTTP/1.1\r\nX: ")
        await asyncio.sleep(SHORT)  # no time runs while we are at work
        server.go_on.set()
        assert await raw.answer() == (200, b"0")
        assert await raw.rest() == b""
        assert server.crowd.refused == {"slow_head": 1}


async def test_a_large_body_in_one_piece_is_no_large_head() -> None:
    async with served(Limits(head_s=SHORT)) as server, connected(server.port) as raw:
        for _ in range(3):
            raw.send(HEAD.replace(b"1000", b"100000") + bytes(100_000))
            assert await raw.answer() == (200, b"100000")
            await asyncio.sleep(2 * SHORT)  # it is idle, and no head is awaited
        assert server.crowd.refused == {}


async def test_requests_one_behind_the_other_are_answered_in_turn() -> None:
    async with served(Limits()) as server, connected(server.port) as raw:
        raw.send(FINE * 100)
        for _ in range(100):
            assert await raw.answer() == (200, b"fine")
        raw.send(FINE.replace(b"/", b"/wait", 1))
        await server.at_work.acquire()
        raw.send(b"nonsense\r\n\r\n")
        server.go_on.set()
        said = await raw.rest()
        assert (status(said), said.count(b"HTTP/1.0 400"), said.count(b"HTTP/1.")) == (200, 1, 2)


# --- what is told and logged


async def test_attacks_are_one_line_in_the_log(logged: list[EventDict]) -> None:
    async with served(Limits(write_s=0.05)) as server:  # which lets it look often
        for _ in range(50):
            said = await told(server.port, b"zebra\x00 /zebra HTTP/1.1\r\nzebra: 1\r\n\r\n")
            assert status(said) == 400
            assert b"zebra" not in said
            assert b"Server:" not in said
    assert sum(int(each["unreadable"]) for each in logged) == 50
    assert {each["event"] for each in logged} == {"clients_refused"}
    assert len(logged) <= 2  # the other one at the end
    assert "zebra" not in str(logged)


async def test_a_mistake_of_ours_is_logged_and_not_told(logged: list[EventDict]) -> None:
    async with served(Limits()) as server:
        said = await told(server.port, FINE.replace(b"/", b"/broken", 1))
    assert status(said) == 500
    assert said.endswith(MISTAKE.encode())
    assert b"Server:" not in said
    assert [each["event"] for each in logged] == ["request_broke"]
    assert "a secret of ours" in repr(logged[0]["exc_info"])


async def test_who_leaves_in_the_middle_is_not_a_mistake(logged: list[EventDict]) -> None:
    async with served(Limits()) as server:
        for sent in (b"GET / HT", HEAD, HEAD + b"half", FINE.replace(b"/", b"/large", 1)):
            async with connected(server.port) as raw:
                raw.send(sent)
                await raw.writer.drain()
        await until(lambda: not len(server.crowd))
    assert logged == []


# --- the end of the server


async def test_at_the_end_open_requests_finish_and_no_connection_is_kept() -> None:
    async with (
        served(Limits()) as server,
        connected(server.port) as working,
        connected(server.port) as sending,
        connected(server.port) as idle,
    ):
        idle.send(FINE)
        assert await idle.answer() == (200, b"fine")
        working.send(FINE.replace(b"/", b"/wait", 1))
        await server.at_work.acquire()
        sending.send(HEAD + bytes(10))
        await half_a_body(server)
        ending = asyncio.create_task(server.runner.cleanup())
        assert await idle.rest() == b""
        with pytest.raises(ConnectionError):
            async with connected(server.port):
                pass
        sending.send(bytes(990))
        said = await sending.rest()
        assert status(said) == 200
        assert said.endswith(b"\r\n\r\n1000")
        assert b"Connection: close" in said
        server.go_on.set()
        said = await working.rest()
        assert status(said) == 200
        assert b"Connection: close" in said
        await ending


async def half_a_body(server: Served) -> None:
    """Until the server has seen the beginning of one."""
    await until(lambda: server.crowd._held > 0)


async def test_the_end_does_not_wait_for_a_slow_body() -> None:
    async with served(Limits(body_s=SHORT), shutdown_s=60) as server, connected(server.port) as raw:
        raw.send(HEAD + bytes(10))
        await half_a_body(server)
        async with asyncio.timeout(WITHIN_S):
            await server.runner.cleanup()
        assert status(await raw.rest()) == 408


# --- what we rely on


def test_aiohttp_is_still_built_as_our_connection_needs() -> None:
    """Where this fails after an update, read aiohttp's web_protocol.py and ``bot/web/connection.py`` side by side."""
    parts = {part for each in web.RequestHandler.__mro__ for part in getattr(each, "__slots__", ())}
    assert {"_messages", "_waiter", "_request_count", "_close", "_loop"} <= parts
    for name in ("finish_response", "handle_error", "log_exception", "close", "shutdown", "data_received"):
        assert callable(getattr(web.RequestHandler, name))
    assert callable(web.Response._prepare_headers)
