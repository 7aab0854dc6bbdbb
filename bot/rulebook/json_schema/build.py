"""The few forms that a schema of the rules is made of."""

from __future__ import annotations

Schema = dict[str, object]


def ref(name: str) -> Schema:
    """What is defined once under ``$defs``."""
    return {"$ref": f"#/$defs/{name}"}


def key(meaning: str, form: Schema, *examples: object) -> Schema:
    """A key's value: what it means in plain words, what it may look like, and examples to copy."""
    return {"description": meaning, **form, **({"examples": list(examples)} if examples else {})}


def mapping(meaning: str, keys: dict[str, Schema], *needs: str) -> Schema:
    """Keys with values, no others; ``needs`` must be there."""
    found: Schema = {"description": meaning, "type": "object", "properties": keys, "additionalProperties": False}
    return found | ({"required": list(needs)} if needs else {})


def named(meaning: str, form: Schema, names: str = "^[A-Za-z0-9][A-Za-z0-9_ -]*$") -> Schema:
    """Keys that staff choose themselves, each with a value of the same form."""
    return {
        "description": meaning,
        "type": "object",
        "patternProperties": {names: form},
        "additionalProperties": False,
    }


def either(*forms: Schema) -> Schema:
    """Any of these forms."""
    return {"anyOf": list(forms)}


def listing(form: Schema, least: int = 1, most: int | None = None) -> Schema:
    """A list."""
    found: Schema = {"type": "array", "items": form, "minItems": least}
    return found | ({"maxItems": most} if most is not None else {})


def one_or_more(form: Schema) -> Schema:
    """A value, or a list of such values."""
    return either(form, listing(form))


def choice(*options: str) -> Schema:
    """One of these words; spaces, hyphens and capitals are forgiven by ``check``, an editor offers the plain spelling."""
    return {"type": "string", "enum": list(options)}
