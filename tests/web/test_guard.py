"""What holds for every answer."""

import gzip
from collections.abc import Awaitable, Callable

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient

from bot.web.guard import hide_server, runner_of


async def test_no_answer_names_the_server(
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
) -> None:
    async def fine(request: web.Request) -> web.Response:
        return web.Response(text="fine")

    inner = web.Application()
    inner.router.add_get("/", fine)
    app = web.Application()
    app.add_subapp("/v1", inner)
    hide_server(app)
    client = await aiohttp_client(app)
    for path in ("/v1/", "/v1/nowhere", "/nowhere"):
        assert "Server" not in (await client.get(path)).headers


async def test_no_body_is_unpacked() -> None:
    """A packed megabyte is a gigabyte of zeros, and unpacking it keeps the whole server busy for seconds, whoever sent it."""
    packed = gzip.compress(b"0" * 5_000_000)

    async def told(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = web.Application()
    app.router.add_post("/", told)
    runner = runner_of(app, 1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with (
            ClientSession() as session,
            session.post(url, data=packed, headers={"Content-Encoding": "gzip"}) as answer,
        ):
            assert await answer.read() == packed
    finally:
        await runner.cleanup()
