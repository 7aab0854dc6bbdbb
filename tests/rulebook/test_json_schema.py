"""The schema says what the reader takes: every key at its place, in all files that have no mistake, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.rulebook.json_schema import schema
from bot.rulebook.load import load_files
from bot.rulebook.shape.keys import Keys
from tests.pages import PAGES, README, RULES_PAGE, blocks

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WHOLE = HERE / "whole_language.yaml"
SCHEMA = schema()
CHECK = Draft202012Validator(SCHEMA)
DEFS: Mapping[str, object] = SCHEMA["$defs"]  # type: ignore[assignment]
FILES = [*sorted((ROOT / "rules").glob("**/*.yaml")), HERE / "language_sample.yaml", WHOLE]


class AsEditorsRead(yaml.CSafeLoader):
    """YAML 1.2's core types, which editors use: ``yes`` and ``12:30`` are texts, ``true`` and ``5`` are not."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 as PyYAML has it


AsEditorsRead.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), None)
AsEditorsRead.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), None)
AsEditorsRead.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+$"), None)
AsEditorsRead.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(|~|null)$"), None)


def read(text: str) -> object:
    return yaml.load(text, AsEditorsRead)  # noqa: S506 a safe loader with fewer types


def faults(document: object) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in CHECK.iter_errors(document)]


def examples_of_pages() -> Iterator[tuple[str, str]]:
    """The rules that pages show; pieces of a rule are not whole files, so they are left to the page's own test."""
    for page in PAGES:
        for block in blocks(page):
            if block.info == "yaml" and (page in (RULES_PAGE, README)):
                text = block.text if not block.text.lstrip().startswith("- ") else f"rules:\n{block.text}"
                if not text.lstrip().startswith("when:"):
                    yield str(block), text


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_without_mistake_is_valid(file: Path) -> None:
    assert faults(read(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(("place", "text"), list(examples_of_pages()))
def test_what_the_pages_show_is_valid(place: str, text: str) -> None:
    assert faults(read(text)) == [], place


def test_the_pages_show_a_good_number() -> None:
    assert len(list(examples_of_pages())) >= 20


def with_unknown_keys() -> list[Path]:
    told = re.compile(
        r"unknown key|There is no section|belongs under|is part of a rule|is not available in this version"
    )
    return [file for file in sorted((HERE / "bad").glob("*.yaml")) if told.search(file.with_suffix(".txt").read_text())]


@pytest.mark.parametrize("file", with_unknown_keys(), ids=lambda file: file.stem)
def test_a_key_that_nobody_knows_is_not_valid(file: Path) -> None:
    assert faults(read(file.read_text(encoding="utf-8"))) != []


def test_there_are_files_with_unknown_keys() -> None:
    assert len(with_unknown_keys()) >= 5


# --- the same keys as the reader ----------------------------------------------------------------------------------------

PLACES = {
    r"Rule \w+|This rule|A rule": "rule",
    r"Template \w+": "template",
    r"Template \w+: a button": "template_button",
    r"Connection \w+": "connection",
    r"Question \w+": "question",
    r"settings": "settings",
    r"consent": "consent",
    r"when": "when",
    r"if": "if",
    r"then": "then",
    r"remind": "remind",
    r"after_misses": "after_misses",
    r"A reply": "reply_item",
    r"A message": "message",
    r"A button": "button",
    r"A section": "section",
    r"list": "list",
    r"link": "link",
    r"flow": "flow",
    r"location": "location",
    r"contact": "contact",
    r"template": "template_use",
    r"if_closed": "if_closed",
    r"must_be": "must_be",
    r"This text|This question|if_wrong|cancel_text": "any_of",
    r"examples": "examples",
    r"image|video|audio|sticker": "file",
    r"document": "document",
    r"A test": "test",
    r"A step": "step",
    r"given": "given",
    r"expect": "expect",
}


def place_of(what: str) -> str:
    found = [place for pattern, place in PLACES.items() if re.fullmatch(pattern, what)]
    assert len(found) == 1, f"no place in the schema is known for {what!r}"
    return found[0]


@pytest.fixture(scope="module")
def asked() -> Mapping[str, set[str]]:
    """The keys that the reader asks for while it reads the whole language, by place."""
    made: list[Keys] = []
    before = Keys.__init__

    def recording(self: Keys, *given: object) -> None:
        before(self, *given)  # type: ignore[arg-type]
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keys, "__init__", recording)
        load_files({f"rules/{file.name}": file.read_bytes() for file in (WHOLE,)})
    found: dict[str, set[str]] = {}
    for keys in made:
        found.setdefault(place_of(keys._what), set()).update(keys._known)
    return found


def keys_of(place: str) -> set[str]:
    form = DEFS[place]
    assert isinstance(form, dict)
    inside = [form, *form.get("anyOf", ())]
    return {key for each in inside for key in each.get("properties", ())}


# The reader knows it there to say where it belongs.
REFUSED = {"reply_item": {"caption"}, "message": {"caption"}}


@pytest.mark.parametrize("place", sorted(set(PLACES.values())))
def test_the_reader_asks_for_the_same_keys(place: str, asked: Mapping[str, set[str]]) -> None:
    assert asked.get(place, set()) - REFUSED.get(place, set()) == keys_of(place)


def test_every_mapping_of_the_schema_is_compared() -> None:
    assert {place for place in DEFS if keys_of(place)} == set(PLACES.values())


# --- plain words --------------------------------------------------------------------------------------------------------


def every_key(form: object, path: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    if isinstance(form, dict):
        for name, each in form.get("properties", {}).items() if isinstance(form.get("properties"), dict) else ():
            yield f"{path}.{name}", each
        for name, each in form.items():
            yield from every_key(each, f"{path}.{name}")
    if isinstance(form, list):
        for at, each in enumerate(form):
            yield from every_key(each, f"{path}.{at}")


def test_every_key_is_described_in_a_sentence_and_its_examples_are_valid() -> None:
    keys = dict(every_key(SCHEMA))
    assert len(keys) > 150
    for path, form in keys.items():
        assert re.fullmatch(r"\S.{8,}\.", str(form.get("description", ""))), path
        examples = form.get("examples", [])
        assert isinstance(examples, list)
        rule = {"$schema": SCHEMA["$schema"], "$defs": DEFS, **form}
        for example in examples:
            found = [each.message for each in Draft202012Validator(rule).iter_errors(example)]
            assert found == [], f"{path}: {example!r}"


def test_the_whole_language_is_shown_in_the_file_that_tells_it() -> None:
    written: set[str] = set()

    def look(node: object) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            written.add(str(key))
            look(value)
        for value in node if isinstance(node, list) else ():
            look(value)

    look(read(WHOLE.read_text(encoding="utf-8")))
    assert {path.rpartition(".")[2] for path, _ in every_key(SCHEMA)} - written == set()
