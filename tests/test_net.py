"""The guarded client against real servers on this machine, and against addresses that it must leave alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.errors import Failed, OutcomeUnknown, ParleyError, Retry
from bot.net import ANSWER_MAX, GuardedClient, is_public

PLENTY_S = 10.0


@dataclass
class FileServer:
    """A server on this machine; ``place`` is how ``allowed_hosts`` names it."""

    port: int = 0
    asked: list[web.BaseRequest] = field(default_factory=list)
    never: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        match request.path.strip("/").split("/"):
            case ["file", *content_type]:
                return web.Response(body=b"bytes", headers={"Content-Type": "/".join(content_type)})
            case ["status", status]:
                return web.Response(status=int(status), headers={"Content-Type": "image/png"})
            case ["elsewhere"]:
                return web.Response(status=302, headers={"Location": "/file/image/png", "Content-Type": "text/html"})
            case ["cookie"]:
                return web.Response(headers={"Set-Cookie": "who=you; Path=/"})
            case ["bytes", number]:
                return web.Response(body=b"x" * int(number))
            case ["endless"]:
                return await _endless(request)
            case ["squeezed"]:
                return web.Response(body=b"squeezed", headers={"Content-Encoding": "gzip"})
            case ["echo"]:
                return web.Response(text=f"{request.method} {request.headers['X-One']} {await request.text()}")
            case ["hangs-up"]:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case _:
                await self.never.wait()
                return web.Response()


async def _endless(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


Clients = Callable[..., GuardedClient]


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    made = FileServer()
    runner = web.ServerRunner(web.Server(made.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    made.never.set()
    await runner.cleanup()


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:

        def make(*allowed: str) -> GuardedClient:
            client = GuardedClient(allowed)
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
async def client(clients: Clients, server: FileServer) -> GuardedClient:
    return clients(server.place)


async def sentence(call: Awaitable[object], kind: type[ParleyError]) -> str:
    with pytest.raises(kind) as caught:
        await call
    assert type(caught.value) is kind
    assert str(caught.value).endswith(".")
    return str(caught.value)


# --- what it tells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("file/image/jpeg", "image/jpeg"),
        ("file/AUDIO/Ogg; codecs=opus", "audio/ogg"),
        ("status/404", None),
        ("status/405", None),
        ("status/206", "image/png"),
        ("elsewhere", None),
    ],
)
async def test_the_content_type_is_asked_for_without_the_file(
    client: GuardedClient, server: FileServer, path: str, told: str | None
) -> None:
    assert await client.content_type(f"{server.url}/{path}", PLENTY_S) == told
    assert [request.method for request in server.asked] == ["HEAD"]


async def test_a_request_goes_out_whole_and_its_answer_comes_back(client: GuardedClient, server: FileServer) -> None:
    answer = await client.request("POST", f"{server.url}/echo", PLENTY_S, {"X-One": "1"}, "å".encode())
    assert (answer.status, answer.body.decode()) == (200, "POST 1 å")
    [request] = server.asked
    assert (request.headers["User-Agent"], request.headers["Accept-Encoding"]) == ("Parley", "identity")


async def test_redirects_are_told_and_not_followed(client: GuardedClient, server: FileServer) -> None:
    assert (await client.request("GET", f"{server.url}/elsewhere", PLENTY_S)).status == 302
    assert len(server.asked) == 1


async def test_cookies_are_not_kept(client: GuardedClient, server: FileServer) -> None:
    for _ in range(2):
        await client.request("GET", f"{server.url}/cookie", PLENTY_S)
    assert [request.headers.get("Cookie") for request in server.asked] == [None, None]


async def test_what_is_squeezed_stays_so(client: GuardedClient, server: FileServer) -> None:
    assert (await client.request("GET", f"{server.url}/squeezed", PLENTY_S)).body == b"squeezed"


# --- what it leaves alone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "LOCALHOST",
        "0x7f.1",
        "name:word@127.0.0.1",
    ],
)
async def test_an_address_that_is_not_public_is_refused(clients: Clients, server: FileServer, host: str) -> None:
    told = await sentence(clients().content_type(f"http://{host}:{server.port}/file/image/png", PLENTY_S), Failed)
    assert "has no public address" in told
    assert told.endswith("to allowed_hosts.")
    assert "word" not in told
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//127.0.0.1/",
        "ftp://files.example/a",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://a:99999/",
        "http://2130706433/",
        "http://127.1/",
        "http://0/",
        "http://a..b/",
        f"http://{'a' * 70}.example/",
    ],
)
async def test_what_is_no_address_is_refused(clients: Clients, url: str) -> None:
    await sentence(clients().content_type(url, PLENTY_S), Failed)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("198.51.100.7", False),
        ("192.0.0.8", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("fec0::1", False),
        ("4000::1", False),
        ("::127.0.0.1", False),
        ("224.0.1.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_what_a_public_address_is(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("entry", "host"),
    [("localhost:{port}", "localhost"), ("LocalHost:{port}", "LOCALHOST"), ("127.0.0.1:{port}", "127.0.0.1")],
)
async def test_a_host_is_allowed_by_the_name_that_the_address_has(
    clients: Clients, server: FileServer, entry: str, host: str
) -> None:
    client = clients("files.example", entry.format(port=server.port))
    assert await client.content_type(f"http://{host}:{server.port}/file/image/png", PLENTY_S) == "image/png"


async def test_another_port_or_another_name_of_an_allowed_host_is_not_allowed(
    clients: Clients, server: FileServer
) -> None:
    for allowed in ("127.0.0.1", f"127.0.0.1:{server.port + 1}", f"localhost:{server.port}"):
        await sentence(clients(allowed).content_type(f"{server.url}/file/image/png", PLENTY_S), Failed)
    assert server.asked == []


async def test_a_host_without_a_port_stands_for_the_usual_two(clients: Clients) -> None:
    client = clients("localhost", "[::1]")
    for url in ("http://localhost/", "https://localhost/", "http://[::1]/", "https://[::1]:443/"):
        assert not await is_refused(client, url)
    for url in ("http://localhost:8/", "https://localhost:8443/", "http://127.0.0.1/"):
        assert await is_refused(client, url)


async def is_refused(client: GuardedClient, url: str) -> bool:
    """Whoever may listen there, and whatever it may say, is not ours."""
    try:
        await client.content_type(url, 0.5)
    except Failed:
        return True
    except ParleyError:
        return False
    return False


# --- what goes wrong ----------------------------------------------------------------------------------------------------


async def test_where_nobody_listens_nothing_has_happened(client: GuardedClient, server: FileServer) -> None:
    server.never.set()
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    closed = GuardedClient([f"127.0.0.1:{port}"])
    assert "cannot be reached" in await sentence(closed.content_type(f"http://127.0.0.1:{port}/", PLENTY_S), Retry)
    await closed.close()


async def test_a_silent_server_is_given_up_in_time(client: GuardedClient, server: FileServer) -> None:
    told = await sentence(client.content_type(f"{server.url}/silent", 0.05), OutcomeUnknown)
    assert told == "127.0.0.1 did not answer within 0.05 seconds."


async def test_a_server_that_drips_is_given_up_in_time(client: GuardedClient, server: FileServer) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        await server.never.wait()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as dripping:
        place = "{}:{}".format(*dripping.sockets[0].getsockname())
        patient = GuardedClient([place])
        await sentence(patient.request("GET", f"http://{place}/", 0.1), OutcomeUnknown)
        await patient.close()
        server.never.set()


async def test_a_broken_answer_is_of_unknown_outcome(client: GuardedClient, server: FileServer) -> None:
    told = await sentence(client.request("POST", f"{server.url}/hangs-up", PLENTY_S), OutcomeUnknown)
    assert "broke off" in told


async def test_what_is_no_http_is_of_unknown_outcome(clients: Clients) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 hello\r\n" * 10)
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as babbling:
        place = "{}:{}".format(*babbling.sockets[0].getsockname())
        await sentence(clients(place).request("GET", f"http://{place}/", PLENTY_S), OutcomeUnknown)


async def test_an_answer_may_have_a_mebibyte_and_not_a_byte_more(client: GuardedClient, server: FileServer) -> None:
    assert len((await client.request("GET", f"{server.url}/bytes/{ANSWER_MAX}", PLENTY_S)).body) == ANSWER_MAX
    for path in (f"bytes/{ANSWER_MAX + 1}", "endless"):
        told = await sentence(client.request("GET", f"{server.url}/{path}", PLENTY_S), Failed)
        assert told == "127.0.0.1 answers with more than 1 MiB; it must answer with less."


async def test_a_header_that_would_break_out_of_its_line_is_refused(client: GuardedClient, server: FileServer) -> None:
    with pytest.raises(ParleyError):
        await client.request("GET", f"{server.url}/echo", PLENTY_S, {"X-One": "1\r\nX-Two: 2"})
    assert server.asked == []


async def test_every_port_of_a_host_may_be_allowed(server: FileServer) -> None:
    client = GuardedClient(["127.0.0.1:*"])
    try:
        assert client.refusal_of(server.url) == ""
        assert (await client.request("GET", f"{server.url}/file/image/png", PLENTY_S)).status == 200
        assert client.refusal_of("http://127.0.0.2:80") != ""
        assert client.refusal_of("http://localhost:80") != ""
    finally:
        await client.close()


@pytest.mark.parametrize("who", ["user:password@", "user@", ":password@"])
async def test_an_address_with_a_password_is_refused_before_it_is_kept(who: str) -> None:
    client = GuardedClient(["127.0.0.1:*"])
    try:
        for host in ("example.com", "127.0.0.1:9"):
            assert "user name or a password" in client.refusal_of(f"https://{who}{host}/hook")
            assert client.refusal_of(f"https://{host}/hook") == ""
    finally:
        await client.close()
