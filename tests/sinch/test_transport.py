"""The connections that sends go over: kept, bounded, dropped in time, and telling the same as aiohttp's session would."""

import asyncio
import gzip
import inspect
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import BaseConnector, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from bot.sinch import transport
from bot.sinch.auth import Headers
from bot.sinch.client import ClientSettings, SinchClient, open_session
from bot.sinch.outcome import Accepted, Refused, SendOutcome, Unknown
from bot.sinch.transport import ANSWER_MAX, BROKEN, FITS, IDLE_MOST, USED, Answer, NotConnected, SendConnections
from tests.sinch.odd import ANSWERED, Odd, answer, read_request

PROOF = Headers({"Authorization": "Bearer T", "Content-Type": "application/json"})
BODY = b'{"a": 1}'
PATH = "/v1/projects/p/messages:send"


class Call:
    """The server's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def request(self) -> tuple[str, dict[str, str], bytes]:
        return await asyncio.wait_for(read_request(self._reader), 5)

    async def says(self, said: bytes) -> None:
        """Answer the next request."""
        await self.request()
        self.writer.write(said)

    async def hung_up(self) -> None:
        """Return when the other side has ended the connection, having said nothing more."""
        try:
            rest = await asyncio.wait_for(self._reader.read(), 5)
        except ConnectionError:
            rest = b""
        assert rest == b""


class Peer:
    """A server whose every word is said by the test; its connections come in their order."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self.calls: list[Call] = []
        self.url = ""

    async def listen(self, stack: AsyncExitStack, tls: ssl.SSLContext | None = None) -> None:
        server = await asyncio.start_server(self._called, "127.0.0.1", 0, ssl=tls)
        stack.push_async_callback(server.wait_closed)
        stack.callback(self._hang_up)
        stack.callback(server.close)
        scheme, name = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{name}:{server.sockets[0].getsockname()[1]}{PATH}"

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = Call(reader, writer)
        self.calls.append(call)
        self._calls.put_nowait(call)

    def _hang_up(self) -> None:
        for call in self.calls:
            call.writer.transport.abort()

    async def called(self) -> Call:
        return await asyncio.wait_for(self._calls.get(), 5)


Open = Callable[..., SendConnections]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def peer(stack: AsyncExitStack) -> Peer:
    listening = Peer()
    await listening.listen(stack)
    return listening


@pytest.fixture
async def connect(stack: AsyncExitStack) -> Open:
    """Opens connections to an address; ``more`` is for the connector."""

    def opened(url: str, timeout_s: float = 5.0, connect_s: float = 5.0, **more: object) -> SendConnections:
        connector = TCPConnector(**more)  # type: ignore[arg-type]
        stack.push_async_callback(connector.close)
        made = SendConnections(connector, URL(url, encoded=True), {"Accept": "a/b"}, timeout_s, connect_s)
        stack.callback(made.close)
        return made

    return opened


@pytest.fixture
async def sends(connect: Open, peer: Peer) -> SendConnections:
    return connect(peer.url)


def post(sends: SendConnections, body: bytes = BODY) -> asyncio.Task[Answer]:
    return asyncio.create_task(sends.post(PROOF, body))


YES = answer(200, ANSWERED)


# --- requests -----------------------------------------------------------------------------------------------------------


async def test_a_request_is_written_as_the_session_would_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Odd(YES)
    async with odd.listening() as url:
        direct = await outcome(url)
        monkeypatch.setattr("bot.sinch.client.FITS", False)
        assert await outcome(url) == direct == Accepted("M1")
    assert odd.requests[0] == odd.requests[1]
    assert odd.requests[0][0] == f"POST {PATH} HTTP/1.1"
    assert odd.requests[0][1]["user-agent"] == "Parley"


async def test_a_new_proof_is_a_new_head(sends: SendConnections, peer: Peer) -> None:
    asked = [asyncio.create_task(sends.post(Headers({"Authorization": proof}), BODY)) for proof in ("one", "two")]
    heads = [(await (await peer.called()).request())[1] for _ in asked]
    assert {head["authorization"] for head in heads} == {"one", "two"}
    assert [(head["accept"], head["content-length"]) for head in heads] == [("a/b", "8")] * 2
    for call in peer.calls:
        call.writer.write(YES)
    await asyncio.gather(*asked)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "\ud83d"])
async def test_a_header_cannot_break_out_of_its_line(sends: SendConnections, peer: Peer, value: str) -> None:
    with pytest.raises(ValueError, match="no header may have"):
        await sends.post(Headers({"Authorization": value}), BODY)
    assert peer.calls == [], "it did not even connect"


# --- answers ------------------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = gzip.compress(b"hello")
KEPT = {
    "plain": (YES, 200, ANSWERED),
    "empty": (answer(200), 200, b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "chunked": (CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, b"hello"),
    "chunked, trailer": (CHUNKED + b"5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n", 200, b"hello"),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + YES, 200, ANSWERED),
    "103 first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + YES, 200, ANSWERED),
    "zipped": (answer(200, ZIPPED, "Content-Encoding: gzip"), 200, b"hello"),
    "1.0, kept": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "redirect": (answer(302, b"x", "Location: /elsewhere"), 302, b"x"),
}
DROPPED = {
    "close": (answer(200, b"hello", "Connection: close"), 200, b"hello"),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "a second answer": (YES + answer(200, b"stray"), 200, ANSWERED),
    "upgrade": (b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 101, b""),
    "too large": (answer(200, b"x" * 4 * ANSWER_MAX), 200, b""),
    "too large, chunked": (CHUNKED + b"%x\r\n%b\r\n" % (4 * ANSWER_MAX, b"x" * 4 * ANSWER_MAX), 200, b""),
}
NO_ANSWER = {
    "garbage": b"banana\r\n\r\n",
    "garbage after": YES + b"banana\r\n\r\n",
    "huge header": HEAD + b"X: " + b"x" * 10_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "bad chunk": CHUNKED + b"2\r\nhe\r\nzz\r\n",
    "many headers": HEAD + b"X: y\r\n" * 1000 + b"Content-Length: 0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
}


@pytest.mark.parametrize(("said", "status", "body"), KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("pieces", [1, 7], ids=["whole", "in pieces"])
async def test_after_a_whole_answer_the_connection_is_kept(
    sends: SendConnections, peer: Peer, said: bytes, status: int, body: bytes, pieces: int
) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.request()
    for start in range(0, len(said), size := -(-len(said) // pieces)):
        call.writer.write(said[start : start + size])
        for _ in range(4):
            await asyncio.sleep(0)  # so that each piece is read by itself
    assert (found := await asked).status == status
    assert found.body == body
    again = post(sends)
    await call.says(YES)
    assert (await again).body == ANSWERED
    assert len(peer.calls) == 1


@pytest.mark.parametrize(("said", "status", "body"), DROPPED.values(), ids=DROPPED)
async def test_after_these_answers_the_connection_is_dropped(
    sends: SendConnections, peer: Peer, said: bytes, status: int, body: bytes
) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(said)
    found = await asked
    assert (found.status, found.body) == (status, body)
    await call.hung_up()


async def test_a_body_without_a_length_ends_with_the_connection(sends: SendConnections, peer: Peer) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\nhel")
    call.writer.write(b"lo")
    call.writer.write_eof()
    assert (await asked).body == b"hello"
    await call.hung_up()


@pytest.mark.parametrize("said", NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_is_no_answer_is_none_and_the_connection_is_dropped(
    sends: SendConnections, peer: Peer, said: bytes
) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(said)
    with pytest.raises(BROKEN, match="no HTTP answer"):
        await asked
    await call.hung_up()


@pytest.mark.parametrize("said", [b"", YES[:20]], ids=["before the answer", "within its head"])
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_connection_that_breaks_is_no_answer(sends: SendConnections, peer: Peer, said: bytes, how: str) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(said)
    getattr(call.writer.transport, how)()
    with pytest.raises(BROKEN):
        await asked


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_body_that_breaks_off_is_empty(sends: SendConnections, peer: Peer, how: str) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(YES[:-3])
    getattr(call.writer.transport, how)()
    found = await asked
    assert (found.status, found.body) == (200, b"")


# --- keeping connections ------------------------------------------------------------------------------------------------


async def both(sends: SendConnections, peer: Peer) -> tuple[Call, Call]:
    """Two connections, the second used last."""
    asked = [post(sends), post(sends)]
    calls = await peer.called(), await peer.called()
    first, second = (await calls[0].request(), await calls[1].request())
    assert first == second
    for call in calls:
        call.writer.write(YES)
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        asked = [task for task in asked if not task.done()]
    return calls


async def test_the_connection_used_last_is_used_first(sends: SendConnections, peer: Peer) -> None:
    _, last = await both(sends, peer)
    for _ in range(3):
        again = post(sends)
        await last.says(YES)
        assert (await again).status == 200
    assert len(peer.calls) == 2


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_connection_that_ended_while_it_was_idle_is_passed_over(
    sends: SendConnections, peer: Peer, how: str
) -> None:
    first, last = await both(sends, peer)
    getattr(last.writer.transport, how)()
    await last.writer.wait_closed()
    again = post(sends)
    await first.says(YES)
    assert (await again).status == 200


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_an_end_that_the_loop_has_not_heard_of_is_seen_all_the_same(
    sends: SendConnections, peer: Peer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(transport, "DOZE_S", 0.0)
    first, last = await both(sends, peer)
    getattr(last.writer.transport, how)()
    await asyncio.sleep(0)  # the socket is closed in this turn of the loop; what it reads was asked for before
    again = post(sends)
    await first.says(YES)
    assert (await again).status == 200


@pytest.mark.parametrize("stray", [answer(408), YES[:20], b"banana"], ids=["answer", "half an answer", "garbage"])
async def test_a_connection_on_which_somebody_spoke_unasked_is_dropped(
    sends: SendConnections, peer: Peer, monkeypatch: pytest.MonkeyPatch, stray: bytes
) -> None:
    monkeypatch.setattr(transport, "DOZE_S", 0.0)
    first, last = await both(sends, peer)
    last.writer.write(stray)
    again = post(sends)
    await first.says(YES)
    assert (await again).body == ANSWERED
    await last.hung_up()


async def test_half_an_answer_from_before_is_never_part_of_the_next(sends: SendConnections, peer: Peer) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.says(YES + b"HTTP/1.1 200 OK\r\nX-Smuggled: ")
    assert (await asked).body == ANSWERED
    again = post(sends)
    await call.says(YES)
    found = await again
    assert "X-Smuggled" not in found.headers
    assert found.body == ANSWERED


async def test_no_more_than_some_are_kept(sends: SendConnections, peer: Peer) -> None:
    asked = [post(sends) for _ in range(IDLE_MOST + 3)]
    for _ in asked:
        await (await peer.called()).says(YES)
    await asyncio.gather(*asked)
    ends = {asyncio.create_task(call.hung_up()): call for call in peer.calls}
    ended = iter(asyncio.as_completed(ends))
    for _ in range(3):
        await next(ended)
    kept = [call for end, call in ends.items() if not end.done()]
    for end in ends:
        end.cancel()
    await asyncio.wait(ends)
    asked = [post(sends) for _ in kept]
    for call in kept:
        await call.says(YES)
    await asyncio.gather(*asked)
    assert (len(kept), len(peer.calls)) == (IDLE_MOST, IDLE_MOST + 3)


async def test_an_idle_connection_is_closed_in_time(connect: Open, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "KEEP_ALIVE_S", 0.05)
    sends = connect(peer.url, timeout_s=0.2)
    asked = post(sends)
    await (call := await peer.called()).says(YES)
    await asked
    began = time.monotonic()
    await call.hung_up()
    assert time.monotonic() - began < 1.0


async def test_what_was_idle_for_too_long_is_not_used_even_where_the_timer_is_late(
    sends: SendConnections, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "KEEP_ALIVE_S", 0.0)
    for _ in range(2):
        asked = post(sends)
        await (await peer.called()).says(YES)
        await asked
    assert len(peer.calls) == 2


async def test_after_the_end_nothing_is_kept(sends: SendConnections, peer: Peer) -> None:
    asked = [post(sends), post(sends)]
    idle, busy = await peer.called(), await peer.called()
    await idle.says(YES)
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    sends.close()
    await idle.hung_up()
    await busy.says(YES)
    assert [found.status for found in await asyncio.gather(*asked)] == [200, 200]
    await busy.hung_up()


# --- limits and time ----------------------------------------------------------------------------------------------------


async def test_the_connectors_limit_holds_and_who_waits_gets_the_next_free_one(connect: Open, peer: Peer) -> None:
    sends = connect(peer.url, limit=2)
    asked = [post(sends, b"%d" % number) for number in range(5)]
    calls = [await peer.called(), await peer.called()]
    for number in range(5):
        await calls[number % 2].says(YES)
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        asked = [task for task in asked if not task.done()]
    assert (asked, len(peer.calls)) == ([], 2)


async def test_waiting_for_a_connection_ends_in_time_and_nothing_has_left(connect: Open, peer: Peer) -> None:
    sends = connect(peer.url, connect_s=0.1, limit=1)
    first = post(sends)
    call = await peer.called()
    with pytest.raises(NotConnected, match="in time"):
        await sends.post(PROOF, BODY)
    await call.says(YES)
    assert (await first).status == 200


async def test_where_nobody_listens_nothing_has_left(connect: Open, unused_tcp_port: int) -> None:
    with pytest.raises(NotConnected, match="Connect call failed"):
        await connect(f"http://127.0.0.1:{unused_tcp_port}{PATH}").post(PROOF, BODY)


async def test_a_connector_that_was_closed_connects_to_nobody(peer: Peer) -> None:
    connector = TCPConnector()
    sends = SendConnections(connector, URL(peer.url), {}, 5.0, 5.0)
    await connector.close()
    with pytest.raises(NotConnected):
        await sends.post(PROOF, BODY)


async def test_to_who_spoke_first_nothing_is_said(stack: AsyncExitStack, peer: Peer) -> None:
    connector, url = TCPConnector(), URL(peer.url)
    stack.push_async_callback(connector.close)
    request = ClientRequest("POST", url, loop=asyncio.get_running_loop())
    connection = await connector.connect(request, [], ClientTimeout())
    call, protocol = await peer.called(), connection.protocol
    assert protocol is not None
    call.writer.write(YES)
    connection.release()
    async with asyncio.timeout(5):
        while not protocol.should_close:  # noqa: ASYNC110 - aiohttp tells nobody when it has read
            await asyncio.sleep(0)
    with pytest.raises(NotConnected, match="spoke first"):
        await SendConnections(connector, url, {}, 5.0, 5.0).post(PROOF, BODY)
    await call.hung_up()


@pytest.mark.parametrize("said", [b"", YES[:20], b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["silence", "half", "100"])
async def test_an_answer_that_does_not_come_in_time_is_none(connect: Open, peer: Peer, said: bytes) -> None:
    asked = post(connect(peer.url, timeout_s=0.1))
    call = await peer.called()
    await call.says(said)
    with pytest.raises(TimeoutError, match=r"within 0\.1 seconds"):
        await asked
    await call.hung_up()


@pytest.mark.parametrize("head", [CHUNKED + b"5\r\n", HEAD + b"Content-Length: 9\r\n\r\n", HEAD + b"\r\n"])
async def test_a_body_that_does_not_end_in_time_is_empty(connect: Open, peer: Peer, head: bytes) -> None:
    asked = post(connect(peer.url, timeout_s=0.1))
    call = await peer.called()
    await call.says(head + b"hello")
    found = await asked
    assert (found.status, found.body) == (200, b"")
    await call.hung_up()


async def test_a_body_that_turns_into_garbage_is_empty(connect: Open, peer: Peer) -> None:
    asked = post(connect(peer.url, timeout_s=0.2))
    call = await peer.called()
    await call.says(CHUNKED + b"2\r\nhe\r\n")
    await asyncio.wait({asked}, timeout=0.02)  # for the head to be read by itself
    call.writer.write(b"zz\r\n")
    found = await asked
    assert (found.status, found.body) == (200, b"")
    await call.hung_up()


async def test_no_connection_within_the_time_of_the_whole_is_none(connect: Open, peer: Peer) -> None:
    sends = connect(peer.url, timeout_s=0.2, limit=1)
    first, second = post(sends), post(sends)
    with pytest.raises(TimeoutError):
        await first
    with pytest.raises(NotConnected):
        await second


async def test_connecting_counts_towards_the_time_of_the_whole(connect: Open, peer: Peer) -> None:
    sends = connect(peer.url, timeout_s=0.5, limit=1)
    began = time.monotonic()
    first, second = post(sends), post(sends)
    call = await peer.called()
    await asyncio.wait({second}, timeout=0.4)
    await call.says(YES)
    assert (await first).status == 200
    with pytest.raises(TimeoutError):
        await second
    assert time.monotonic() - began < 0.8


async def test_who_gives_up_waiting_leaves_no_connection_behind(sends: SendConnections, peer: Peer) -> None:
    asked = post(sends)
    call = await peer.called()
    await call.request()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await call.hung_up()
    again = post(sends)
    await (await peer.called()).says(YES)
    assert (await again).status == 200


# --- the same as the session --------------------------------------------------------------------------------------------


async def outcome(url: str, timeout_s: float = 10.0) -> SendOutcome:
    settings = ClientSettings("p", "APP", "KEY", "SECRET", url, auth="basic", timeout_s=timeout_s)
    async with open_session(settings) as session:
        client = SinchClient(settings, session)
        try:
            return await client.post(BODY)
        finally:
            await client.close()


SAID: dict[str, bytes | None] = {
    **{name: said for name, (said, _, _) in {**KEPT, **DROPPED}.items()},
    **NO_ANSWER,
    "silence": Odd.SILENCE,
    "hung up": None,
    "cut head": YES[:30],
    "cut body": YES[:-3],
    "408": answer(408),
    "429": answer(429, b"{}", "Retry-After: 3"),
    "503 page": answer(503, b"<html>"),
    "400": answer(400, b'{"error": {"code": 400, "message": "No.", "status": "INVALID", "details": []}}'),
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
async def test_the_session_would_have_told_the_same(monkeypatch: pytest.MonkeyPatch, said: bytes | None) -> None:
    timeout_s = 0.3 if said == Odd.SILENCE else 10.0
    async with Odd(said).listening() as url:
        direct = await outcome(url, timeout_s)
        monkeypatch.setattr("bot.sinch.client.FITS", False)
        by_session = await outcome(url, timeout_s)
    if isinstance(direct, Unknown) and isinstance(by_session, Unknown):
        assert direct.status == by_session.status  # the reasons are told in other words
    else:
        assert direct == by_session


async def test_no_connection_is_told_the_same(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    direct = await outcome(f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setattr("bot.sinch.client.FITS", False)
    assert direct == await outcome(f"http://127.0.0.1:{unused_tcp_port}")
    assert isinstance(direct, Refused)


# --- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so there is no certificate to test with")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run([*made.split(), *names], check=True, capture_output=True)
    return paths


@pytest.fixture
async def tls_peer(stack: AsyncExitStack, certificate: tuple[Path, Path]) -> Peer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    listening = Peer()
    await listening.listen(stack, context)
    return listening


async def test_over_tls_connections_are_kept_and_their_end_is_seen(
    connect: Open, tls_peer: Peer, certificate: tuple[Path, Path]
) -> None:
    sends = connect(tls_peer.url, ssl=ssl.create_default_context(cafile=str(certificate[0])))
    asked = post(sends)
    call = await tls_peer.called()
    for _ in range(3):
        await call.says(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
        assert (await asked).body == b"hello"
        asked = post(sends)
    call.writer.close()
    with pytest.raises(BROKEN):
        await asked
    asked = post(sends)
    await (await tls_peer.called()).says(YES)
    assert (await asked).body == ANSWERED


async def test_to_a_stranger_nothing_is_said(connect: Open, tls_peer: Peer) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it is meant that the server's handshake fails
    with pytest.raises(NotConnected, match="certificate"):
        await connect(tls_peer.url).post(PROOF, BODY)
    assert tls_peer.calls == []


# --- what we use of aiohttp ---------------------------------------------------------------------------------------------


def test_aiohttp_still_has_what_sends_use() -> None:
    assert FITS
    assert {name for name in USED if not hasattr(ResponseHandler, name)} == set()
    parameters = inspect.signature(ResponseHandler.set_response_params).parameters
    assert parameters["read_until_eof"].default is False
    assert (parameters["auto_decompress"].default, parameters["skip_payload"].default) == (True, False)
    assert list(inspect.signature(BaseConnector.connect).parameters) == ["self", "req", "traces", "timeout"]
    assert isinstance(inspect.getattr_static(Connection, "protocol"), property)


def test_nothing_else_of_a_protocol_is_used() -> None:
    code = inspect.getsource(transport)
    names = {part.split("(")[0].split()[0].strip(":,)") for part in code.split("protocol.")[1:]}
    assert names == USED
