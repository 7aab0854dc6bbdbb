"""The API as a sub-application: who may ask, what they ask, and how every refusal looks."""

from __future__ import annotations

from functools import partial

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.errors import Refused, Retry
from bot.web.api import campaigns, consents, contacts, conversation, events, hand_over, messages, privacy, subscriptions
from bot.web.api.backend import BACKEND, Backend
from bot.web.api.keys import Doorkeeper, TooMany
from bot.web.api.operation import Operation, carry_out
from bot.web.api.problem import problem, refusal, try_later
from bot.web.api.tries import FailedTries

log = structlog.get_logger()
_DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)

# In the order in which they are documented.
OPERATIONS: tuple[Operation, ...] = (
    *messages.OPERATIONS,
    *events.OPERATIONS,
    *contacts.OPERATIONS,
    *consents.OPERATIONS,
    *conversation.OPERATIONS,
    *hand_over.OPERATIONS,
    *campaigns.OPERATIONS,
    *subscriptions.OPERATIONS,
    *privacy.OPERATIONS,
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
    except web.HTTPException as error:
        return _of_aiohttp(error, request)
    except ConnectionError:
        raise  # nobody is there to answer
    except Exception:
        log.exception("api_broke", method=request.method, path=_route(request))
        cure = "Tell the operator; the log says more. Should you send it again, use the same Idempotency-Key or id."
        return problem(500, "internal-error", "Parley made a mistake; it is not your request's.", cure)


def _route(request: web.Request) -> str:
    """The path as it is declared, as the one that was asked for holds people's numbers."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _of_aiohttp(error: web.HTTPException, request: web.Request) -> web.Response:
    """What the server itself refuses, in our words."""
    if isinstance(error, web.HTTPNotFound):
        return problem(404, "not-found", f"There is nothing at {request.path}.", "Check the address.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"{request.method} is not possible here."
        return problem(405, "method-not-allowed", sentence, f"Use {allowed}.", headers={"Allow": allowed})
    raise error
