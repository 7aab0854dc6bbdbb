"""The reference pages say what the program says: every setting, command, option and log word, and none that does not exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import typer.main

from bot.cli import app
from bot.config import default_of, settings
from tests import pages
from tests.pages import PAGES, ROOT

DOCS = ROOT / "docs"
# Not settings: what a command or a test reads by itself.
OTHER_VARIABLES = {"PARLEY_KEY", "PARLEY_CRASH"}
NAME_OF_A_VARIABLE = re.compile(r"\b(?:SINCH|PARLEY|DATABASE|RULES|SEND|WEBHOOK|ADMIN|LOG)_[A-Z_]+\b")


def tables(text: str) -> list[list[tuple[str, ...]]]:
    """The rows of each table."""
    return [rows for _, rows in pages.tables(text)]


def section(page: str, title: str) -> str:
    """What stands under a heading, up to the next one."""
    heading = re.search(rf"^## {re.escape(title)}$", page, re.MULTILINE)
    assert heading is not None, f"there is no ## {title}"
    return page[heading.end() :].partition("\n## ")[0]


def quoted(text: str) -> str:
    return f"`{text}`" if text else ""


# --- settings -----------------------------------------------------------------------------------------------------------


def test_every_setting_is_described_with_its_names_default_and_meaning() -> None:
    [rows] = tables((DOCS / "settings.md").read_text(encoding="utf-8"))
    assert rows == [
        (quoted(each.env), quoted(each.path), quoted(default_of(name)), each.help) for name, each in settings().items()
    ]


def test_every_variable_is_in_the_example_file_and_no_other() -> None:
    written = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?([A-Z][A-Z_]*)=", written, re.MULTILINE)
    assert sorted(names) == sorted(each.env for each in settings().values() if each.env)


def test_every_setting_of_the_file_exists_and_its_values_are_the_defaults() -> None:
    written = (ROOT / "config.yaml").read_text(encoding="utf-8")
    group, found = "", {}
    for indent, name, value in re.findall(r"^(?:# )?( *)(?:# )?([a-z_]+):(?: +([^#\n]*))?", written, re.MULTILINE):
        group = group if indent else name
        if value:
            found[f"{group}.{name}" if indent else name] = value.strip()
    defaults = {each.path: default_of(name) for name, each in settings().items()}
    assert found.keys() <= defaults.keys()
    plain = {path: value for path, value in found.items() if not value.startswith(("${", "http"))}
    assert plain == {path: defaults[path] for path in plain}
    assert len(plain) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_variable_that_is_named_exists(page: Path) -> None:
    known = {each.env for each in settings().values()} | OTHER_VARIABLES
    assert set(NAME_OF_A_VARIABLE.findall(page.read_text(encoding="utf-8"))) <= known


def test_the_other_variables_are_read_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    assert {name for name in OTHER_VARIABLES if name in source} == OTHER_VARIABLES


# --- commands -----------------------------------------------------------------------------------------------------------


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command by what one types."""
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*words, name))
    if not hasattr(command, "commands"):
        yield " ".join(words), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_command_is_listed_with_its_own_sentence() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = tables(page)[0]
    assert rows == [(f"[`{name}`](#{name.replace(' ', '-')})", each.help) for name, each in COMMANDS.items()]
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_in_the_programs_own_words(name: str) -> None:
    told = [row for table in tables(section((DOCS / "commands.md").read_text(encoding="utf-8"), name)) for row in table]
    assert told == [(quoted(_name(each)), each.help) for each in COMMANDS[name].params]


def _name(parameter: Any) -> str:
    """``--to`` for an option, ``TEXT`` for an argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(parameter.opts[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


# --- log words ----------------------------------------------------------------------------------------------------------


def _is_log_line(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether it is ``log.warning("word", …)`` or its like."""
    callee = node.func if isinstance(node, ast.Call) else None
    return isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.value.id == "log"


def logged() -> dict[str, set[str]]:
    """The words that are logged, each with the levels it is logged at."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if _is_log_line(node):
                words = [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)]
                assert words, f"{path.name}:{node.lineno} logs no fixed word"
                level = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                for word in words:
                    found.setdefault(str(word), set()).add("error" if level == "exception" else level)
    return found


def test_every_log_word_is_described_with_its_level_and_no_other() -> None:
    [rows] = tables((DOCS / "logs.md").read_text(encoding="utf-8"))
    assert {word: set(levels.split(", ")) for word, levels, _ in rows} == {
        quoted(word): levels for word, levels in logged().items()
    }
    assert [word for word, _, _ in rows] == sorted(word for word, _, _ in rows)
    assert all(meaning.endswith(".") for _, _, meaning in rows)
