"""``GET /openapi.json``: the API as an OpenAPI 3.1 document, made of the operations and models that serve it.

operations + models + problems -> paths, components -> one document, built at the first request and kept
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel

from bot.web.api.bodies import JSON
from bot.web.api.field_words import EXAMPLES
from bot.web.api.openapi_models import AT, Models, Schema
from bot.web.api.operation import Operation
from bot.web.api.placing import IDEMPOTENCY_KEY_MAX
from bot.web.api.problem import MEDIA_TYPE, TYPE
from bot.web.api.problems import PROBLEMS, problems_of
from bot.web.api.routes import OPERATIONS

BASE: Final = "/v1"
ABOUT: Final = (
    "With it your own systems start messages on WhatsApp, tell of events that a rule answers, and ask what became of a "
    "message. Parley decides what may leave: nobody who said STOP gets anything, and outside WhatsApp's 24 hours only approved "
    "templates do. It refuses what it knows will fail at once, with the reason and the cure."
)
TAGS: Final[Mapping[str, str]] = {
    "Messages": "Send one message, and ask what became of it.",
    "Handing over": "Let a person answer instead of the bot, speak as one, and give the conversation back.",
    "Contacts": "What is known of a person: the window, consent, language, tags, fields, and what was said.",
    "Subscriptions": "Have events posted to your own systems, signed.",
    "Events": "Tell what happened; the rules decide what people read.",
    "Campaigns": "Send one template to many people, and follow how far it is.",
}
PATH_PARTS: Final[Mapping[str, str]] = {
    "/messages/{id}": "The message's id, as `POST /v1/messages` answered it.",
    "/subscriptions/{id}": "The subscription's id, as `POST /v1/subscriptions` answered it.",
    "/contacts/{identity}": "A phone number with `+` and its country, or another identity of WhatsApp's that is known.",
}
PATH_EXAMPLES: Final[Mapping[str, str]] = {
    "id": "019be1c5a3f04c1d9e7b52a86f1d3c40",
    "identity": "+46701740605",
}


def document(operations: Sequence[Operation] = OPERATIONS) -> Schema:
    """The whole document; the same every time."""
    models = Models(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, operations, models)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley",
            "version": version(),
            "summary": "WhatsApp for your own systems.",
            "description": ABOUT,
        },
        "servers": [{"url": BASE, "description": "Beside this document."}],
        "tags": [
            {"name": tag, "description": TAGS.get(tag, "")} for tag in dict.fromkeys(each.tag for each in operations)
        ],
        "paths": paths,
        "components": {"schemas": models.components, "securitySchemes": {"key": _KEY}},
    }


_KEY: Final[Schema] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key made with `python run.py keys create`, as `Authorization: Bearer KEY`. What it may do is its scopes: "
    "`send`, `read`, or `admin` for everything.",
}


@cache
def version() -> str:
    """The project's version; it runs from its checkout."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def _operation(operation: Operation, all_of_them: Sequence[Operation], models: Models) -> Schema:
    scope = f"Needs a key with the scope `{operation.scope}`."
    told: Schema = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.about}\n\n{scope}".strip(),
        "security": [{"key": [operation.scope]}],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation, models), *_headers(operation)],
        "responses": {**_answers(operation, all_of_them, models), **_refusals(operation)},
    }
    if operation.media_types:
        told["requestBody"] = _body(operation, models)
    return {name: value for name, value in told.items() if value != []}


# --- what is asked ------------------------------------------------------------------------------------------------------


def _path_parameters(path: str) -> list[Schema]:
    found: list[Schema] = []
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            name = part[1:-1].partition(":")[0]
            there = "/".join(parts[: at + 1])
            schema: Schema = {"type": "string", "minLength": 1}
            about = PATH_PARTS.get(there, f"Which of {BASE}{'/'.join(parts[:at])} is meant.")
            parameter: Schema = {"name": name, "in": "path", "required": True, "description": about, "schema": schema}
            found.append(parameter | ({"example": PATH_EXAMPLES[name]} if name in PATH_EXAMPLES else {}))
    return found


def _query_parameters(operation: Operation, models: Models) -> list[Schema]:
    if operation.query is None:
        return []
    query = models.query(operation.query)
    needed = query.get("required", [])
    return [_query_parameter(name, schema, name in needed) for name, schema in query.get("properties", {}).items()]


def _query_parameter(name: str, schema: Mapping[str, Any], needed: bool) -> Schema:
    """A parameter that is left out is no null: there is no null behind a question mark."""
    kinds = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title", "description")}
    if rest.get("default", "") is None:
        del rest["default"]
    bare = {**kinds[0], **rest} if len(kinds) == 1 else {**rest, **({"anyOf": kinds} if kinds else {})}
    parameter: Schema = {"name": name, "in": "query", "required": needed, "schema": bare}
    return parameter | ({"description": schema["description"]} if "description" in schema else {})


def _headers(operation: Operation) -> list[Schema]:
    if not operation.takes_idempotency_key:
        return []
    about = "Makes a repeated request the same one: it counts once, and is answered as before. Such as the number of the order."
    schema = {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": about, "schema": schema}]


def _body(operation: Operation, models: Models) -> Schema:
    content: Schema = {}
    if operation.body is not None:
        content[JSON] = {"schema": models.taken(operation.body)}
        if (example := operation.example or EXAMPLES.get(operation.name)) is not None:
            content[JSON]["example"] = example
    for media_type, about in operation.other_bodies.items():
        content[media_type] = {"schema": {"type": "string", "description": about}}
    return {"required": not operation.is_body_optional, "content": content}


# --- what is answered ---------------------------------------------------------------------------------------------------


def _answers(operation: Operation, all_of_them: Sequence[Operation], models: Models) -> Schema:
    answers: Schema = {}
    for status, model in operation.answers.items():
        answer: Schema = {"description": HTTPStatus(status).phrase}
        if model is not None:
            answer["description"] = models.resolved(models.told(model)).get("description", HTTPStatus(status).phrase)
            answer["content"] = {JSON: {"schema": models.told(model)}}
        if operation.other_answers and status != HTTPStatus.NO_CONTENT:
            others = {
                kind: {"schema": {"type": "string", "description": text}}
                for kind, text in operation.other_answers.items()
            }
            answer["content"] = {**answer.get("content", {}), **others}
        if headers := _answer_headers(operation, status):
            answer["headers"] = headers
        if links := _links(operation, model, all_of_them):
            answer["links"] = links
        answers[str(status)] = answer
    return answers


def _answer_headers(operation: Operation, status: int) -> Schema:
    headers: Schema = {}
    if status not in (201, 202):  # nothing was made
        return headers
    if operation.location:
        about = "Where to ask for it."
        headers["Location"] = {
            "required": True,
            "description": about,
            "schema": {"type": "string", "pattern": f"^{BASE}/"},
        }
    if operation.takes_idempotency_key:
        about = "The same request was answered before, and this is that answer."
        headers["Idempotency-Replayed"] = {"description": about, "schema": {"type": "string", "enum": ["true"]}}
    return headers


def _links(operation: Operation, model: type[BaseModel] | None, all_of_them: Sequence[Operation]) -> Schema:
    """What an answer's ``id`` or ``to`` is good for: the operations on it."""
    fields = model.model_fields if model is not None else {}
    given: dict[str, str] = {}
    if "id" in fields and not operation.path.endswith("}"):
        given["id"] = f"{operation.path}/{{id}}"
    if "to" in fields:
        given["to"] = "/contacts/{identity}"
    return {
        f"{each.name}Of{field.title()}": {
            "operationId": each.name,
            "parameters": {path.rpartition("{")[2][:-1]: f"$response.body#/{field}"},
        }
        for field, path in given.items()
        for each in all_of_them
        if each.path == path or each.path.startswith(f"{path}/")
    }


def _refusals(operation: Operation) -> Schema:
    by_status: dict[int, list[str]] = {}
    for word in problems_of(operation):
        by_status.setdefault(PROBLEMS[word].status, []).append(word)
    return {str(status): _refusal(status, words) for status, words in by_status.items()}


def _refusal(status: int, words: Sequence[str]) -> Schema:
    """Exactly these problems; each is shown as an example."""
    types = [TYPE + word for word in words]
    schema = {
        "allOf": [{"$ref": f"{AT}Problem"}],
        "properties": {"type": {"enum": types}, "status": {"const": status}},
    }
    examples = {word: {"summary": PROBLEMS[word].means, "value": _example(word)} for word in words}
    answer: Schema = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
    if status in (429, 503):
        seconds = {"type": "integer", "minimum": 1}
        answer["headers"] = {"Retry-After": {"required": True, "description": "Seconds to wait.", "schema": seconds}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return answer


def _example(word: str) -> Schema:
    known = PROBLEMS[word]
    told: Schema = {"type": TYPE + word, "title": known.title, "status": known.status, "detail": known.means}
    if word == "invalid-body":
        told["errors"] = [{"field": "txet", "detail": "txet: there is no such field."}]
    return told


# --- serving ------------------------------------------------------------------------------------------------------------


@cache
def served() -> bytes:
    """The document as it leaves."""
    return orjson.dumps(document())


async def _serve(request: web.Request) -> web.Response:
    body = await asyncio.to_thread(served)  # reads a file the first time
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


def openapi_routes() -> list[web.RouteDef]:
    """Beside ``/v1``, without a key."""
    return [web.get("/openapi.json", _serve)]
