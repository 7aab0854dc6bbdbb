"""The rules' language as JSON Schema (draft 2020-12), for editors: it completes keys, tells what each means and underlines slips.

It knows the form of a file, not its sense: names that exist nowhere, texts that are too long and rules that can never answer are found
by ``check``. Keys are in their plain spelling (``goes_to``); ``check`` forgives others.
"""

from __future__ import annotations

from bot.rulebook.json_schema.book import definitions, sections
from bot.rulebook.json_schema.build import Schema, either
from bot.rulebook.json_schema.conditions import conditions
from bot.rulebook.json_schema.replies import replies
from bot.rulebook.json_schema.rules import rules
from bot.rulebook.json_schema.testing import tests
from bot.rulebook.json_schema.values import values


def schema() -> Schema:
    """The schema of one rules file; the same every time."""
    nothing: Schema = {"type": "null"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of Parley",
        "description": "What the bot answers: when this happens, if this holds, reply this, then do that.",
        "type": ["object", "null"],
        "properties": {name: _may_be_empty(section, nothing) for name, section in sections().items()},
        "additionalProperties": False,
        "$defs": definitions() | rules() | conditions() | replies() | tests() | values(),
    }


def _may_be_empty(section: Schema, nothing: Schema) -> Schema:
    """A heading with nothing under it is fine."""
    told: Schema = {name: section[name] for name in ("description", "examples") if name in section}
    form = {name: value for name, value in section.items() if name not in told}
    return told | either(form, nothing)
