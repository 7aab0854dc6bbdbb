"""``schema``, ``graph`` and ``explain-rules`` as one types them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.cli.conftest import ROOT, Command
from tests.pages import blocks


def test_the_schema_is_printed_whole(command: Command) -> None:
    ended = command("schema")
    assert (ended.code, ended.err) == (0, "")
    printed = json.loads(ended.out)
    Draft202012Validator.check_schema(printed)
    assert set(printed["properties"]) >= {"rules", "settings", "tests"}


def test_graph_is_mermaid_and_the_count_is_aside(command: Command) -> None:
    ended = command("graph")
    assert ended.code == 0
    assert ended.out.startswith("flowchart LR\n")
    assert '  rule_welcome -->|"#91;Opening hours#93;"| rule_hours\n' in ended.out
    assert ended.err == "4 rules, 0 dead ends.\n"


def test_graph_as_an_image(command: Command) -> None:
    ended = command("graph", "--svg", "rules")
    assert ended.code == 0
    assert ET.fromstring(ended.out).get("aria-label") == "4 rules and where they lead; no dead ends."  # noqa: S314 our own


def test_dead_ends_are_told_with_their_place(folder: Path, command: Command) -> None:
    file = folder / "rules" / "shop.yaml"
    file.write_text(file.read_text().replace("- name: hours\n", "- name: hours\n    enabled: false\n"))
    ended = command("graph", "--rule", "welcome")
    assert ended.code == 0
    assert ended.err == 'rules/shop.yaml:10: Rule welcome, "Opening hours": switched off.\n2 rules, 1 dead end.\n'
    assert "✕ switched off" in ended.out
    assert "order_shipped" not in ended.out


def test_rules_are_read_back_with_file_and_line(command: Command) -> None:
    ended = command("explain-rules")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) == 4
    assert lines[1] == "rules/shop.yaml:15: hours: When somebody writes “open” or “öppet”, it replies “We are open”."
    assert command("explain-rules", "--rule", "hours").out == f"{lines[1]}\n"


def test_a_rule_that_is_not_there_is_told_with_the_one_meant(command: Command) -> None:
    for name in ("graph", "explain-rules"):
        ended = command(name, "--rule", "huors")
        assert (ended.code, ended.out) == (2, "")
        assert 'there is no rule "huors". Did you mean "hours"?' in ended.err


def test_rules_with_a_mistake_are_not_drawn(folder: Path, command: Command) -> None:
    (folder / "rules" / "shop.yaml").write_text("rules: [{name: a, when: {says: hi}, reply: {txt: Hi}}]")
    for name in ("explain-rules", "chat"):
        ended = command(name)
        assert ended.code == 1
        assert 'unknown key "txt"' in ended.out
    drawn = command("graph", "--svg")
    assert (drawn.code, drawn.out) == (1, ""), "what is drawn goes to a file, and problems do not"
    assert 'unknown key "txt"' in drawn.err


def test_the_page_shows_what_is_printed(command: Command) -> None:
    [shown] = [
        block.text for block in blocks(ROOT / "docs" / "commands.md") if "explain-rules" in block_section(block.line)
    ]
    assert command("explain-rules", str(ROOT / "rules"), "--rule", "thanks").out == shown


def block_section(line: int) -> str:
    above = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").splitlines()[:line]
    return next(each for each in reversed(above) if each.startswith("## "))
