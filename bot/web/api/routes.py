"""The API as a sub-application: who may ask, what they ask, and how every refusal looks."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.errors import Refused, Retry
from bot.web.api import events, messages
from bot.web.api.backend import BACKEND, Backend
from bot.web.api.keys import Doorkeeper, TooMany
from bot.web.api.operation import Operation, carry_out
from bot.web.api.problem import problem, refusal, try_later
from bot.web.api.tries import FailedTries

_DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)

# In the order in which they are documented.
OPERATIONS: tuple[Operation, ...] = (
    *messages.OPERATIONS,
    *events.OPERATIONS,
)


def api_app(backend: Backend) -> web.Application:
    """The application to mount at ``/v1``."""
    app = web.Application(middlewares=[_refusals])
    app[BACKEND] = backend
    app[_DOORKEEPER] = Doorkeeper(backend.store, FailedTries(backend.now), backend.now)
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, partial(_serve, operation))
    return app


async def _serve(operation: Operation, request: web.Request) -> web.Response:
    key = await request.app[_DOORKEEPER].admit(request, operation.scope)
    return await carry_out(operation, request, key)


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as a problem document."""
    try:
        return await handler(request)
    except TooMany as refused:
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
