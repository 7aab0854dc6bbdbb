"""What holds for every answer."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.web.guard import hide_server


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
