"""What the documentation page shows, out of the OpenAPI document alone: operations by tag, fields as rows, examples as curl lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from bot.web.api.bodies import JSON
from bot.web.api.openapi_models import AT, RULES_WORDS
from bot.web.api.problem import MEDIA_TYPE, TYPE

Schema = Mapping[str, Any]
ORIGIN: Final = "http://127.0.0.1:8080"
_DEEPEST: Final = 4
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}
_FORMATS: Final[Mapping[str, str]] = {"date-time": "time with offset", "date": "day", "uri": "web address"}


@dataclass(frozen=True, slots=True)
class Row:
    """A field or parameter. ``depth``: how far it is nested; ``where``: path, query or header, of a parameter."""

    name: str
    kind: str
    about: str
    needed: bool
    depth: int = 0
    where: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that succeeded."""

    status: str
    about: str
    media_types: tuple[str, ...]
    rows: tuple[Row, ...]
    headers: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A way to be refused."""

    status: str
    word: str
    means: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation. ``bodies``: the fields of each media type that it takes."""

    id: str
    method: str
    path: str
    summary: str
    about: tuple[str, ...]
    parameters: tuple[Row, ...]
    bodies: tuple[tuple[str, str, tuple[Row, ...]], ...]
    answers: tuple[Told, ...]
    problems: tuple[ProblemRow, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of a tag."""

    name: str
    about: str
    operations: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """A part of the rules' language that bodies use."""

    name: str
    anchor: str
    about: str
    kind: str
    rows: tuple[Row, ...]


class View:
    """The page's content."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._schemas: Schema = document["components"]["schemas"]
        self.info: Schema = document["info"]
        self.groups = tuple(Group(tag["name"], tag["description"], self._of(tag["name"])) for tag in document["tags"])
        self.words = tuple(self._words(name) for name in self._schemas if _is_words(name))

    def _of(self, tag: str) -> tuple[Shown, ...]:
        return tuple(
            self._shown(path, method, operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
            if method in _METHODS and tag in operation["tags"]
        )

    def _shown(self, path: str, method: str, operation: Schema) -> Shown:
        answers = operation["responses"].items()
        return Shown(
            id=operation["operationId"],
            method=method.upper(),
            path=self._document["servers"][0]["url"] + path,
            summary=operation["summary"],
            about=tuple(operation["description"].split("\n\n")),
            parameters=tuple(
                self._parameter(each, each["name"], each["in"]) for each in operation.get("parameters", [])
            ),
            bodies=tuple(
                (media_type, content["schema"].get("description", ""), tuple(self._rows(content["schema"])))
                for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
            ),
            answers=tuple(self._told(status, answer) for status, answer in answers if int(status) < 400),
            problems=tuple(each for status, answer in answers for each in _problems(status, answer)),
            curl=self._curl(path, method, operation),
        )

    def _parameter(self, told: Schema, name: str, where: str) -> Row:
        return Row(name, self._kind(told["schema"]), told.get("description", ""), told.get("required", False), 0, where)

    def _told(self, status: str, answer: Schema) -> Told:
        content = answer.get("content", {})
        return Told(
            status=f"{status} {HTTPStatus(int(status)).phrase}",
            about=answer["description"],
            media_types=tuple(content),
            rows=tuple(self._rows(content[JSON]["schema"])) if JSON in content else (),
            headers=tuple(self._parameter(each, name, "header") for name, each in answer.get("headers", {}).items()),
        )

    def _words(self, name: str) -> Words:
        schema = self._schemas[name]
        rows = tuple(self._rows(schema))
        return Words(
            _title(name), f"words-{name}", schema.get("description", ""), "" if rows else self._kind(schema), rows
        )

    # --- fields ---------------------------------------------------------------------------------------------------------

    def _rows(self, schema: Schema, depth: int = 0, seen: tuple[str, ...] = ()) -> Iterator[Row]:
        """The fields of an object, each followed by its own."""
        schema, seen = self._resolved(schema, seen)
        needed = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            about = field.get("description", "") or self._about(field)
            yield Row(name, self._kind(field), about, name in needed, depth, "", self._link(field))
            if depth < _DEEPEST:
                for inner in self._inner(field, seen):
                    yield from self._rows(inner, depth + 1, seen)

    def _inner(self, schema: Schema, seen: tuple[str, ...]) -> Iterator[Schema]:
        """What has fields of its own within a field: an object, the items of a list, one of several forms."""
        name = _name(schema)
        if name and not _is_words(name) and name not in seen:
            yield schema
        elif "items" in schema:
            yield from self._inner(schema["items"], seen)
        elif "properties" in schema:
            yield schema
        for each in _forms(schema):
            yield from self._inner(each, seen)

    def _resolved(self, schema: Schema, seen: tuple[str, ...] = ()) -> tuple[Schema, tuple[str, ...]]:
        while name := _name(schema):
            schema, seen = self._schemas[name], (*seen, name)
        return schema, seen

    def _about(self, schema: Schema) -> str:
        names = [name for each in (schema, *_forms(schema)) if (name := _name(each))]
        return str(self._schemas[names[0]].get("description", "")) if names else ""

    def _link(self, schema: Schema) -> str:
        forms = (schema, schema.get("items", {}), *_forms(schema))
        names = [name for each in forms if (name := _name(each)) and _is_words(name)]
        return f"words-{names[0]}" if names else ""

    def _kind(self, schema: Schema) -> str:
        """What may stand there, in words."""
        if name := _name(schema):
            return _title(name) if _is_words(name) else self._kind(self._schemas[name])
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if "enum" in schema:
            return _or([json.dumps(each, ensure_ascii=False) for each in schema["enum"]])
        if forms := _forms(schema):
            if schema.get("default", "") is None:  # null says no more than leaving it out
                forms = [each for each in forms if each != {"type": "null"}]
            return _or(list(dict.fromkeys(self._kind(each) for each in forms)))
        kind = schema.get("type", "anything")
        if isinstance(kind, list):
            return _or([_KINDS.get(each, str(each)) for each in kind])
        if kind == "array":
            return f"list of {self._kind(schema.get('items', {}))}{_limits(schema, 'minItems', 'maxItems', '')}"
        if kind == "object":
            return self._object(schema)
        words = _FORMATS.get(schema.get("format", ""), _KINDS.get(kind, str(kind)))
        limits = _limits(schema, "minLength", "maxLength", "characters") + _limits(schema, "minimum", "maximum", "")
        default = (
            f", {json.dumps(schema['default'], ensure_ascii=False)} when left out" if schema.get("default") else ""
        )
        return words + limits + default

    def _object(self, schema: Schema) -> str:
        values = schema.get("additionalProperties")
        if not isinstance(values, dict) or not values:
            return "object"
        return f"object of {self._kind(values)}{_limits(schema, 'minProperties', 'maxProperties', 'entries')}"

    # --- examples -------------------------------------------------------------------------------------------------------

    def _curl(self, path: str, method: str, operation: Schema) -> str:
        """A line for a shell; the key is in ``PARLEY_KEY``."""
        url = ORIGIN + self._document["servers"][0]["url"] + self._filled(path, operation)
        parts = [f"curl {_quoted(url)}" if method in ("get", "post") else f"curl -X {method.upper()} {_quoted(url)}"]
        parts.append('-H "Authorization: Bearer $PARLEY_KEY"')
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", [])):
            parts.append('-H "Idempotency-Key: order-1001"')
        content = operation.get("requestBody", {}).get("content", {})
        if JSON in content:
            example = content[JSON].get("example") or self.sample(content[JSON]["schema"])
            parts += [f'-H "Content-Type: {JSON}"', f"-d {_quoted(json.dumps(example, ensure_ascii=False, indent=2))}"]
        elif content:
            (media_type, *_) = content
            parts += [f'-H "Content-Type: {media_type}"', "--data-binary @file"]
        elif method == "post":
            parts[0] = parts[0].replace("curl ", "curl -X POST ", 1)
        return " \\\n  ".join(parts)

    def _filled(self, path: str, operation: Schema) -> str:
        asked: list[str] = []
        for each in operation.get("parameters", []):
            value = str(each["example"]) if "example" in each else str(self.sample(each["schema"]))
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", quote(value, safe="+"))
            elif each["in"] == "query" and each.get("required"):
                asked.append(f"{each['name']}={quote(value)}")
        return path + (f"?{'&'.join(asked)}" if asked else "")

    def sample(self, schema: Schema) -> Any:
        """A value that the schema takes: what it shows itself, else the least."""
        schema = self._resolved(schema)[0]
        for name in ("examples", "enum"):
            if schema.get(name):
                return schema[name][0]
        if "const" in schema:
            return schema["const"]
        if forms := _forms(schema):
            return self.sample(forms[0])
        match schema.get("type"):
            case "object":
                needed = schema.get("required", [])
                return {
                    name: self.sample(field) for name, field in schema.get("properties", {}).items() if name in needed
                }
            case "array":
                return [self.sample(schema.get("items", {}))]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case _ if schema.get("format") == "date-time":
                return "2030-01-31T18:00:00+01:00"
            case _:
                return "text"


def _problems(status: str, answer: Schema) -> Sequence[ProblemRow]:
    content = answer.get("content", {}).get(MEDIA_TYPE, {})
    return [
        ProblemRow(status, word, example["summary"])
        for word, example in content.get("examples", {}).items()
        if example["value"]["type"] == TYPE + word
    ]


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix(AT)


def _forms(schema: Schema) -> Sequence[Schema]:
    """What it may be one of."""
    forms: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    return forms


def _is_words(name: str) -> bool:
    return name.startswith(RULES_WORDS)


def _title(name: str) -> str:
    return name.removeprefix(RULES_WORDS[1]).replace("_", " ").lower()


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _limits(schema: Schema, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    match low, high:
        case None, None:
            return ""
        case None, _:
            said = f"at most {high}"
        case _, None:
            said = f"at least {low}"
        case _:
            said = f"{low} to {high}"
    return f", {said} {unit}".rstrip()


def _quoted(text: str) -> str:
    """For a shell, as one word."""
    return "'" + text.replace("'", "'\\''") + "'"
