"""The API as a sub-application: who may ask, what they ask, and how every refusal looks."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.errors import Refused, Retry
from bot.web.api.backend import BACKEND, Backend
from bot.web.api.bodies import EventBody, MessageBody, parse, read_body
from bot.web.api.events import record_event
from bot.web.api.keys import Doorkeeper, TooManyTries
from bot.web.api.messages import idempotency_of, place, placed_plain, view
from bot.web.api.problem import problem, refusal, try_later
from bot.web.api.tries import FailedTries

_DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)


def api_app(backend: Backend) -> web.Application:
    """The application to mount at ``/v1``."""
    app = web.Application(middlewares=[_refusals])
    app[BACKEND] = backend
    app[_DOORKEEPER] = Doorkeeper(backend.store, FailedTries(backend.now))
    app.add_routes(
        [
            web.post("/messages", post_message),
            web.get("/messages/{id}", get_message),
            web.post("/events", post_event),
        ]
    )
    return app


async def post_message(request: web.Request) -> web.Response:
    """202 once the message is committed; the same answer for the same ``Idempotency-Key`` and body."""
    key = await request.app[_DOORKEEPER].admit(request, "send")
    _, content = await read_body(request)
    body = parse(MessageBody, content)
    placed = await place(body, request.app[BACKEND], idempotency_of(request, key.id, content))
    headers = {"Location": f"/v1/messages/{placed.outbox_id}"}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return _json(placed_plain(placed), 202, headers)


async def get_message(request: web.Request) -> web.Response:
    """One message with its attempts and receipts."""
    await request.app[_DOORKEEPER].admit(request, "read")
    return _json(await view(request.match_info["id"], request.app[BACKEND]), 200)


async def post_event(request: web.Request) -> web.Response:
    """202 once the event is recorded for every recipient."""
    await request.app[_DOORKEEPER].admit(request, "send")
    _, content = await read_body(request)
    recording = await record_event(parse(EventBody, content), request.app[BACKEND])
    return _json(recording.as_plain(), 202)


def _json(content: object, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json", headers=headers)


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as a problem document."""
    try:
        return await handler(request)
    except TooManyTries as refused:
        answer = refusal(refused)
        answer.headers["Retry-After"] = str(refused.wait_s)
        return answer
    except Refused as refused:
        return refusal(refused)
    except Retry as trouble:
        return try_later(trouble)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        cure = f"Use {allowed}."
        return problem(
            405, "method-not-allowed", f"{request.method} is not possible here.", cure, headers={"Allow": allowed}
        )
    except web.HTTPNotFound:
        return problem(404, "not-found", f"There is nothing at {request.path}.", "Check the address.")
