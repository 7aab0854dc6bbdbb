"""The OpenAPI document: sound by itself, told of every operation, and true of every refusal that the code can make."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from bot.errors import Refused
from bot.web.api.field_words import EXAMPLES, FIELDS
from bot.web.api.openapi import document, openapi_routes, version
from bot.web.api.operation import Answer, Asked, Operation, Query, Told
from bot.web.api.problem import TYPE
from bot.web.api.problems import PROBLEMS, problems_of
from bot.web.api.routes import OPERATIONS
from tests.pages import ROOT

DOCUMENT = document()
STANDARD = {"400", "401", "403", "404", "408", "409", "410", "413", "415", "422", "429", "500", "503"}
METHODS = {"get", "post", "put", "patch", "delete"}
BODILESS = {"401", "403", "422", "429", "500", "503"}  # what every operation can answer


def each_operation() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method.upper(), path, operation


TOLD = [pytest.param(*each, id=each[2]["operationId"]) for each in each_operation()]
told = pytest.mark.parametrize(("method", "path", "operation"), TOLD)


def parts(value: object) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)


def schemas(value: object) -> Iterator[dict[str, Any]]:
    """What stands where a schema is expected."""
    for part in parts(value):
        if isinstance(part.get("schema"), dict):
            yield part["schema"]
    yield from DOCUMENT["components"]["schemas"].values()


def test_every_operation_is_told_once_and_no_other() -> None:
    served = [(each.method, each.path, each.name) for each in OPERATIONS]
    paths = list(dict.fromkeys(path for _, path, _ in served))
    assert [(method, path, told["operationId"]) for method, path, told in each_operation()] == sorted(
        served, key=lambda each: paths.index(each[1])
    )
    assert len({name for _, _, name in served}) == len(served)


def test_every_reference_leads_somewhere() -> None:
    found = {part["$ref"] for part in parts(DOCUMENT) if isinstance(part.get("$ref"), str)}
    assert len(found) > 10
    names = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert found - names == set()
    links = [link["operationId"] for part in parts(DOCUMENT) for link in part.get("links", {}).values()]
    assert links
    assert set(links) <= {told["operationId"] for _, _, told in each_operation()}


def test_every_schema_is_one() -> None:
    found = list(schemas(DOCUMENT))
    assert len(found) > 50
    for schema in found:
        Draft202012Validator.check_schema(schema)


def test_every_name_that_security_or_a_tag_uses_is_explained() -> None:
    for _, _, operation in each_operation():
        [needs] = operation["security"]
        assert set(needs) == set(DOCUMENT["components"]["securitySchemes"])
        assert needs["key"][0] in ("send", "read", "admin")
    tags = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert list(tags) == list(dict.fromkeys(each.tag for each in OPERATIONS))
    assert all(sentence.endswith(".") for sentence in tags.values()), tags


@told
def test_a_parameter_has_its_place_its_form_and_its_sentence(
    method: str, path: str, operation: Mapping[str, Any]
) -> None:
    given = [(each["name"], each["in"]) for each in operation.get("parameters", [])]
    assert len(given) == len(set(given))
    assert [name for name, place in given if place == "path"] == re.findall(r"{(\w+)}", path)
    for each in operation.get("parameters", []):
        assert each["schema"].keys() & {"type", "anyOf", "enum", "$ref"}, each
        assert each["description"].endswith("."), each
        assert each["required"] or each["in"] != "path"


@told
def test_every_answer_has_its_form_and_every_problem_an_example_that_fits(
    method: str, path: str, operation: Mapping[str, Any]
) -> None:
    for status, answer in operation["responses"].items():
        assert answer["description"]
        if int(status) >= 400:
            assert status in STANDARD
            problem = answer["content"]["application/problem+json"]
            check = Draft202012Validator({**problem["schema"], "components": DOCUMENT["components"]})
            assert problem["examples"]
            for word, example in problem["examples"].items():
                assert example["value"]["type"] == TYPE + word
                assert list(check.iter_errors(example["value"])) == []
            assert list(check.iter_errors({**example["value"], "type": f"{TYPE}other"}))
    assert any(int(status) < 300 for status in operation["responses"])
    assert operation["responses"].keys() >= BODILESS
    takes_a_body = "requestBody" in operation
    assert (operation["responses"].keys() >= {"408", "413", "415"}) == takes_a_body


@told
def test_an_example_of_a_body_is_one(method: str, path: str, operation: Mapping[str, Any]) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "example" in content:
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            assert list(Draft202012Validator(schema).iter_errors(content["example"])) == []


@pytest.mark.parametrize("name", [name for name in DOCUMENT["components"]["schemas"] if not name.startswith("Rules_")])
def test_every_field_of_a_model_has_its_sentence(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert re.fullmatch(r"[A-Za-z_]+", name)  # two models of one name would get longer ones
    silent = [field for field, told in schema["properties"].items() if not told.get("description", "").endswith(".")]
    assert silent == []


def test_a_sentence_is_about_a_field_that_there_is() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    queries = {each.query.__name__: each.query.model_fields for each in OPERATIONS if each.query is not None}
    models = {name: schema.get("properties", {}) for name, schema in schemas.items()} | queries
    fields = {f"{model}.{field}" for model, there in models.items() for field in there}
    known = fields | {name.partition(".")[2] for name in fields}
    assert set(FIELDS) - known == set()
    assert set(EXAMPLES) <= {each.name for each in OPERATIONS}


def test_the_version_is_the_projects() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert f'version = "{version()}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert DOCUMENT["info"]["version"] == version()


# --- problems -----------------------------------------------------------------------------------------------------------

SOURCES = (ROOT / "bot" / "web" / "api", ROOT / "bot" / "store")
NO_REQUEST = set(  # of commands, and of the pages for colleagues
    "unknown-scope bad-name bad-rate key-name-taken no-such-key file-exists concerns-nobody driven-already kept-no-longer"
    " no-dead-letter no-such-webhook no-such-user user-name-taken".split()
)


def refusals_in(source: Path) -> Iterator[tuple[str, int | None]]:
    """The words of refusals with their status, where it is written beside them."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [each.value for each in node.args if isinstance(each, ast.Constant)]
        words = [each for each in given if isinstance(each, str) and re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", each)]
        status = next((each for each in given if isinstance(each, int) and 400 <= each < 600), None)
        if status is None and name == "Refused":
            status = Refused("", "").status
        if name in ("Refused", "problem", "TooMany", "__init__"):
            yield from ((word, status) for word in words)


FOUND = sorted(
    {
        (path.relative_to(ROOT).as_posix(), *each)
        for source in SOURCES
        for path in source.rglob("*.py")
        for each in refusals_in(path)
        if each[0] not in NO_REQUEST
    },
    key=str,
)


@pytest.mark.parametrize(("source", "word", "status"), FOUND)
def test_every_refusal_of_the_api_is_in_the_table_with_its_status(source: str, word: str, status: int | None) -> None:
    assert word in PROBLEMS
    assert status in (None, PROBLEMS[word].status)


def test_every_problem_in_the_table_can_be_met() -> None:
    met = {word for operation in OPERATIONS for word in problems_of(operation)}
    assert set(PROBLEMS) - met == {"method-not-allowed"}
    assert len(FOUND) > 20


def test_every_problem_has_a_sentence_and_a_form_that_stays() -> None:
    for word, problem in PROBLEMS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", word)
        assert problem.means.endswith("."), word
        assert problem.title


# --- operations that are not ours ---------------------------------------------------------------------------------------


class Page(Query):
    """A query."""

    limit: int = 20
    status: str | None = None


class Line(Told):
    """One line."""

    id: str


async def nothing(asked: Asked) -> Answer:
    raise Refused("No.", "not-found", "", 404)


UPLOAD = Operation(
    "POST",
    "/lists/{id}/lines",
    "addLines",
    "Lists",
    "Add lines.",
    "admin",
    nothing,
    {201: Line, 204: None},
    query=Page,
    refusals=("window-closed",),
    other_bodies={"text/csv": "One line a person."},
    other_answers={"text/csv": "The same lines."},
    location=True,
)


def test_a_body_that_is_no_json_and_a_query_are_told() -> None:
    made = document([UPLOAD])["paths"]["/lists/{id}/lines"]["post"]
    assert list(made["requestBody"]["content"]) == ["text/csv"]
    assert [(each["name"], each["in"], each["required"]) for each in made["parameters"]] == [
        ("id", "path", True),
        ("limit", "query", False),
        ("status", "query", False),
    ]
    assert made["parameters"][1]["schema"] == {"type": "integer", "default": 20}
    assert made["parameters"][2]["schema"] == {"type": "string"}
    assert list(made["responses"]["201"]["content"]) == ["application/json", "text/csv"]
    assert made["responses"]["201"]["headers"]["Location"]["required"]
    assert "content" not in made["responses"]["204"]
    assert set(made["responses"]) == {
        "201",
        "204",
        "401",
        "403",
        "404",
        "408",
        "409",
        "413",
        "415",
        "422",
        "429",
        "500",
        "503",
    }
    assert made["responses"]["429"]["headers"]["Retry-After"]["required"]
    assert made["security"] == [{"key": ["admin"]}]


# --- serving ------------------------------------------------------------------------------------------------------------


async def test_it_is_served_without_a_key(
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
) -> None:
    app = web.Application()
    app.add_routes(openapi_routes())
    client = await aiohttp_client(app)
    for _ in range(2):
        response = await client.get("/openapi.json")
        assert (response.status, response.content_type) == (200, "application/json")
        assert json.loads(await response.text()) == DOCUMENT
