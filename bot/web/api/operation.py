"""An operation of the API, declared once: its route, its documentation in OpenAPI, and who may ask all come of the same value.

admit (key, scope, rate) -> query -> body -> handle -> answer
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from bot.store.keys import ApiKey
from bot.web.api.backend import BACKEND, Backend
from bot.web.api.bodies import BODY_MAX, JSON, Body, as_content, parse, read_body
from bot.web.api.problem import Invalid

PAGE: Final = 50  # entries, where nobody says how many
PAGE_MAX: Final = 200

Scope = Literal["send", "read", "admin"]
Moment = Annotated[datetime, PlainSerializer(lambda at: at.isoformat(), return_type=str, when_used="json")]


class Query(BaseModel):
    """What may stand behind the question mark: text that pydantic converts; an unknown or repeated name is a mistake."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PageQuery(Query):
    """Which page. ``cursor`` is the ``next`` of the page before."""

    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(default=None, pattern="^[0-9]{1,18}$")


class Told(BaseModel):
    """What all answers share: they are made by us, so nothing is checked when they leave."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was let in and read. ``body`` and ``query`` are of the operation's models, ``content`` the JSON as it came.

    A body of one of the operation's ``other_bodies`` is in ``raw`` alone, ``media_type`` tells which; ``body`` is None then.
    """

    request: web.Request
    key: ApiKey
    backend: Backend
    body: Any = None
    query: Any = None
    content: object = None
    raw: bytes = b""
    media_type: str = ""

    def part(self, name: str) -> str:
        """A named part of the path, decoded."""
        return self.request.match_info[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """``content`` None: nothing but the status. Bytes leave as they are, as ``media_type``."""

    content: BaseModel | bytes | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """``path`` is below ``/v1``. ``answers``: the model of each status it succeeds with. ``refusals``: the words of problems (see
    ``bot.web.api.problems``) that it may answer besides those that any request can meet.

    ``other_bodies`` and ``other_answers``: what it takes and tells besides JSON, a sentence for each media type. ``example``: a body
    that the documentation shows. ``about``: more than the one sentence of ``summary``. ``location``: a 201 or 202 tells where the new
    thing is.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    tag: str
    summary: str
    scope: Scope
    handle: Callable[[Asked], Awaitable[Answer]]
    answers: Mapping[int, type[BaseModel] | None]
    body: type[Body] | None = None
    query: type[Query] | None = None
    refusals: tuple[str, ...] = ()
    takes_idempotency_key: bool = False
    body_max: int = BODY_MAX
    other_bodies: Mapping[str, str] = field(default_factory=dict)
    other_answers: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, object] | None = None
    about: str = ""
    location: bool = False

    @property
    def is_body_optional(self) -> bool:
        """A request that makes something happen, and need say nothing more: no body is an empty one."""
        fields = self.body.model_fields.values() if self.body is not None else ()
        return self.method == "POST" and self.body is not None and not any(each.is_required() for each in fields)

    @property
    def media_types(self) -> tuple[str, ...]:
        """What a body may be called."""
        return ((JSON,) if self.body is not None else ()) + tuple(self.other_bodies)


async def carry_out(operation: Operation, request: web.Request, key: ApiKey) -> web.Response:
    """Read the request as the operation wants it, and answer. Raises ``Refused`` with what is wrong."""
    query = body = content = None
    if operation.query is not None:
        query = read_query(operation.query, request)
    else:
        _take_no_query(request)
    raw, media_type = b"", ""
    if operation.is_body_optional and not request.can_read_body:
        raw, media_type = b"{}", JSON
    elif operation.media_types:
        raw, media_type = await read_body(request, operation.body_max, operation.media_types), request.content_type
    if operation.body is not None and media_type == JSON:
        content = as_content(raw)
        body = parse(operation.body, content)
    asked = Asked(request, key, request.app[BACKEND], body, query, content, raw, media_type)
    return respond(await operation.handle(asked))


def respond(answer: Answer) -> web.Response:
    """As JSON; without content it has no body."""
    if answer.content is None:
        return web.Response(status=answer.status, headers=answer.headers)
    content = answer.content
    body = content if isinstance(content, bytes) else content.__pydantic_serializer__.to_json(content)
    return web.Response(body=body, status=answer.status, content_type=answer.media_type, headers=answer.headers)


def read_query(model: type[Query], request: web.Request) -> Query:
    """The query as ``model``. Raises ``Invalid`` with every fault."""
    names = [name for name, _ in request.query.items()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid([(name, f"{name}: give it once.") for name in twice])
    return parse(model, dict(request.query))


def _take_no_query(request: web.Request) -> None:
    if request.query:
        raise Invalid([(name, f"{name}: there is no such parameter.") for name in request.query])


def as_json(content: object) -> bytes:
    """For answers that are no model."""
    return orjson.dumps(content)


WITHOUT_CONTENT: Final[Mapping[int, type[BaseModel] | None]] = {204: None}
