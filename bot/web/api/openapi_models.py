"""The JSON Schemas (2020-12) of what the API takes and tells, out of the models themselves and of the rules' own language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bot.rulebook.json_schema import schema as rules_schema
from bot.web.api.field_words import words_of
from bot.web.api.operation import Operation
from bot.web.api.problem import TYPE

Schema = dict[str, Any]
AT: Final = "#/components/schemas/"
REPLY: Final = "Reply"
_OF_RULES: Final = "Rules_"
RULES_WORDS: Final = (REPLY, _OF_RULES)  # what the names of schemas of the rules' language begin with

PROBLEM: Final[Schema] = {
    "title": "Problem",
    "description": "What was refused and why, and what to do (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "pattern": f"^{TYPE}[a-z0-9-]+$",
            "description": "Never changes its meaning; programs look at this.",
        },
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What is wrong, for people. It may be worded otherwise tomorrow."},
        "cure": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "description": "Every field or parameter that is wrong.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "description": "Such as `template.values.name` or `to[3]`."},
                    "detail": {"type": "string", "description": "What is wrong with it."},
                },
                "required": ["field", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


class Models:
    """The schemas of all models of the operations, each under its name in ``components``."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        asked, told, queries = _models(operations)
        self._places, definitions = models_json_schema([*asked, *told], ref_template=AT + "{model}")
        self._queries = {model: model.model_json_schema(ref_template=AT + "{model}") for model in queries}
        for model, schema in self._queries.items():
            _worded(model.__name__, schema)
        self.components: dict[str, Schema] = {"Problem": PROBLEM, **definitions.get("$defs", {})}
        for schema in self._queries.values():
            self.components.update(schema.pop("$defs", {}))
        for name, schema in self.components.items():
            _plain(schema)
            _worded(name, schema)
        if self._say_how_replies_look(model for model, _ in asked):
            self.components.update(_reply_schemas())

    def taken(self, model: type[BaseModel]) -> Schema:
        """A reference to the schema of a body."""
        return dict(self._places[model, "validation"])

    def told(self, model: type[BaseModel]) -> Schema:
        """A reference to the schema of an answer."""
        return dict(self._places[model, "serialization"])

    def query(self, model: type[BaseModel]) -> Schema:
        """The schema of a query as one object."""
        return self._queries[model]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema itself where it is a reference."""
        while "$ref" in schema:
            schema = self.components[str(schema["$ref"]).removeprefix(AT)]
        return schema

    def _say_how_replies_look(self, bodies: Iterable[type[BaseModel]]) -> bool:
        """A body's ``reply`` is read by the code that reads the rules, so it has their schema. Whether any has one."""
        found = False
        for model in bodies:
            properties = self.resolved(self.taken(model)).get("properties", {})
            if "reply" in properties:
                forms = [{"$ref": AT + REPLY}, {"type": "null"}]
                properties["reply"] = {
                    "description": properties["reply"]["description"],
                    "anyOf": forms,
                    "default": None,
                }
                found = True
        return found


_Asked = tuple[type[BaseModel], JsonSchemaMode]


def _models(operations: Iterable[Operation]) -> tuple[list[_Asked], list[_Asked], list[type[BaseModel]]]:
    asked: dict[_Asked, None] = {}
    told: dict[_Asked, None] = {}
    queries: dict[type[BaseModel], None] = {}
    for operation in operations:
        if operation.body is not None:
            asked[operation.body, "validation"] = None
        if operation.query is not None:
            queries[operation.query] = None
        told.update({(model, "serialization"): None for model in operation.answers.values() if model is not None})
    return list(asked), list(told), list(queries)


def _reply_schemas() -> dict[str, Schema]:
    """One message in the rules' words, and all that it needs, each under a name that says where it comes from."""
    rules = orjson.loads(orjson.dumps(rules_schema()["$defs"]))  # a copy in which no part is shared
    found: dict[str, Schema] = {}
    waiting = ["message"]
    while waiting:
        name = waiting.pop()
        if _named(name) not in found:
            found[_named(name)] = schema = rules[name]
            waiting += _moved(schema)
    message = found[_named("message")]
    message["description"] = "One message in the words of the rules: its text, and what else it carries."
    return dict(sorted(found.items()))


def _named(rules_name: str) -> str:
    return REPLY if rules_name == "message" else _OF_RULES + rules_name


def _moved(part: object) -> list[str]:
    """Point the references of a schema of the rules to where they are here; the names that they meant."""
    if isinstance(part, list):
        return [name for each in part for name in _moved(each)]
    if not isinstance(part, dict):
        return []
    names = [name for value in part.values() for name in _moved(value)]
    if isinstance(reference := part.get("$ref"), str):
        name = reference.removeprefix("#/$defs/")
        part["$ref"] = AT + _named(name)
        names.append(name)
    return names


def _plain(part: object) -> None:
    """Without the titles that only repeat the names of fields, and with the first paragraph of a docstring."""
    if isinstance(part, list):
        for each in part:
            _plain(each)
    elif isinstance(part, dict):
        for schema in part.get("properties", {}).values():
            if isinstance(schema, dict):
                schema.pop("title", None)
        if isinstance(told := part.get("description"), str):
            part["description"] = " ".join(told.replace("``", "`").split())
        for each in part.values():
            _plain(each)


def _worded(model: str, schema: Schema) -> None:
    """Each field with its sentence, where the model says none itself."""
    for name, field in schema.get("properties", {}).items():
        if not field.get("description") and (words := words_of(model, name)):
            field["description"] = words
