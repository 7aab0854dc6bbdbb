"""What pydantic finds wrong with a body or with parameters, in the words of whoever sent them: fields and JSON, never our classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bot.rulebook.problem import did_you_mean

_KINDS: Final = {
    "dict_type": "must be an object, in { }",
    "model_type": "must be an object, in { }",
    "model_attributes_type": "must be an object, in { }",
    "list_type": "must be a list, in [ ]",
    "string_type": "must be text, in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "missing": "this field is required",
}
_MAY_BE: Final = "must be "


def faults_of(error: ValidationError, model: type[BaseModel]) -> Sequence[tuple[str, str]]:
    """``(field, sentence)`` of each field that is wrong. A field that may be of several kinds is told once, with all of them; where
    what is inside it is wrong, that alone."""
    found: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False, include_input=False):
        found.setdefault(_field(fault["loc"]), []).append(_words(fault, model))
    return [
        (field, f"{field}: {each}{'' if each.endswith('?') else '.'}")
        for field, told in found.items()
        if not _is_told_inside(field, told, found)
        for each in _joined(told)
    ]


def _is_told_inside(field: str, told: Sequence[str], found: Mapping[str, Sequence[str]]) -> bool:
    return all(each.startswith(_MAY_BE) for each in told) and any(
        other.startswith((f"{field}.", f"{field}[")) for other in found
    )


def _joined(told: Sequence[str]) -> Sequence[str]:
    """Each sentence once; those that say what a field must be become one."""
    kinds = [each.removeprefix(_MAY_BE) for each in dict.fromkeys(told) if each.startswith(_MAY_BE)]
    others = [each for each in dict.fromkeys(told) if not each.startswith(_MAY_BE)]
    return [*([_MAY_BE + ", or ".join(kinds)] if kinds else []), *others]


def _field(location: Sequence[int | str]) -> str:
    """``to``, ``template.values.name``, ``to[3]``; pydantic's names of union members are left out."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _names_a_type(part):
            path += f".{part}" if path else part
    return path


def _names_a_type(part: str) -> bool:
    return "[" in part or "(" in part or part in ("str", "ClosedBody", "RelativeBody", "literal")


def _words(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, bounds = fault["type"], fault.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return _no_such_field(fault["loc"], model)
        case "value_error":
            return str(bounds["error"])
        case "literal_error":
            return f"must be {bounds['expected']}"
        case "greater_than_equal":
            return f"must be at least {bounds['ge']:g}"
        case "less_than_equal":
            return f"must be at most {bounds['le']:g}"
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {bounds['max_length']} characters"
        case "too_long":
            return f"must have at most {bounds['max_length']} entries"
        case "string_pattern_mismatch":
            return _form(fault["loc"], bounds["pattern"])
        case _:
            message = str(fault["msg"])
            return _KINDS.get(kind, message[:1].lower() + message[1:])


def _no_such_field(location: Sequence[int | str], model: type[BaseModel]) -> str:
    guess = did_you_mean(str(location[0]), list(model.model_fields)) if len(location) == 1 else ""
    return f"there is no such field.{guess}" if guess else "there is no such field"


def _form(location: Sequence[int | str], pattern: str) -> str:
    if location[-1] == "[key]":
        return "a name has small letters, digits and _, begins with a letter, and has at most 64 of them"
    if location[-1] == "cursor":
        return "must be the next of the page before, as it was told"
    return f"must match the pattern {pattern}"
