"""Reading JSON that anybody may have shaped: null and a wrong type count as absent, and so does an empty id."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import NoReturn

import orjson

Json = dict[str, object]

FLAT_DEPTH = 8
FLAT_FIELDS = 200
FLAT_TEXT = 4096
FLAT_NAME = 256

_EMPTY: Json = {}
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it, a time is some language's zero, not a time


class NotJson(ValueError):
    """The bytes hold no JSON that we can read; the message says why in a word or two."""


def read_json(body: bytes) -> object:
    """Any JSON value, its texts fit for storing as UTF-8 (no lone surrogates, no NUL). Raises ``NotJson`` alone."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_mended(body)
    # Written out, NUL can stand in JSON as this escape alone. Asking for it costs less than looking into every text.
    return _mended(value) if b"\\u0000" in body else value


def read_object(body: bytes) -> Json | None:
    """The JSON object in a body, or None where there is none."""
    try:
        value = read_json(body)
    except NotJson:
        return None
    return value if isinstance(value, dict) else None


def _read_mended(body: bytes) -> object:
    """For what orjson refuses and a person may well have typed: half an emoji, bytes that are not UTF-8."""
    try:
        value: object = json.loads(body.decode("utf-8", "replace"), parse_constant=_no_constant)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError:  # also numbers of more digits than Python converts
        raise NotJson("not JSON") from None
    return _mended(value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _mended(value: object) -> object:
    try:
        return _mend(value)
    except RecursionError:
        raise NotJson("nested too deeply") from None


def _mend(value: object) -> object:
    match value:
        case str():
            return _mend_text(value)
        case dict():
            return {_mend_text(key): _mend(each) for key, each in value.items()}
        case list():
            return [_mend(each) for each in value]
        case _:
            return value


def _mend_text(text: str) -> str:
    """Without NUL, which no database column takes, and with U+FFFD in place of halves of surrogate pairs."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def text(fields: Json, name: str) -> str:
    """A text, or ``""`` where it is absent, null or no text."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def inner(fields: Json, name: str) -> Json:
    """An object, or an empty one where it is absent, null or no object."""
    value = fields.get(name)
    return value if isinstance(value, dict) else _EMPTY


def objects(fields: Json, name: str) -> list[Json]:
    """The objects of a list, in order; anything else in it is passed over."""
    value = fields.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(fields: Json, name: str) -> float | None:
    """A finite number, also where it is written as text; None where there is none."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def time(fields: Json, name: str) -> datetime | None:
    """An RFC 3339 time in UTC, its 0 to 9 decimals cut to microseconds; None where there is none to read."""
    value = fields.get(name)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is not UTC:
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found >= _OLDEST else None


def flat(fields: Json) -> dict[str, str]:
    """Nested values as text under dotted names, without nulls: at most 200, of 4,096 characters, 8 levels deep."""
    leaves = (leaf for name, value in fields.items() for leaf in _leaves(name, value, FLAT_DEPTH))
    return {name: value[:FLAT_TEXT] for name, value in islice(leaves, FLAT_FIELDS)}


def _leaves(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    name = name[:FLAT_NAME]
    match value:
        case None:
            return
        case dict() | list() if not depth:
            return
        case dict():
            for key, each in value.items():
                yield from _leaves(f"{name}.{key}", each, depth - 1)
        case list() if any(isinstance(each, dict | list) for each in value):
            for position, each in enumerate(value, 1):
                yield from _leaves(f"{name}.{position}", each, depth - 1)
        case list():
            yield name, ", ".join(_as_text(each) for each in value if each is not None)
        case _:
            yield name, _as_text(value)


def _as_text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return str(value)
