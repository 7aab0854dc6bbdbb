"""``test``: what it prints, what it writes for build servers, and how it ends."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Command

TESTS = """
tests:
  - name: hello
    steps:
      - {says: hello, expect: {rule: welcome}}
  - name: opening hours
    steps:
      - {says: hello}
      - {taps: Opening hours, expect: {rule: welcome, text: "We are <closed> & gone"}}
      - {says: hello, expect: {nothing: true}}
"""
PASSING = TESTS.replace("rule: welcome, text", "rule: hours, text").replace("We are <closed> & gone", "We are open")
PASSING = PASSING.replace("nothing: true", "rule: welcome")


def write(folder: Path, text: str) -> None:
    (folder / "rules" / "tests.yaml").write_text(text, encoding="utf-8")


def read_xml(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()  # noqa: S314 we wrote it


def test_a_line_for_each_test_that_passes(command: Command, folder: Path) -> None:
    write(folder, PASSING)
    ended = command("test")
    assert (ended.code, ended.out) == (0, "✓ hello\n✓ opening hours\n")
    assert ended.err == "2 tests passed.\n"


def test_quiet_is_quiet(command: Command, folder: Path) -> None:
    write(folder, PASSING)
    ended = command("test", "-q")
    assert (ended.code, ended.out, ended.err) == (0, "", "2 tests passed.\n")


def test_a_failure_shows_step_expected_got_and_who_took_it(command: Command, folder: Path) -> None:
    write(folder, TESTS)
    ended = command("test")
    assert ended.code == 1
    assert ended.out == (
        "✓ hello\n"
        "✗ opening hours\n"
        '    step 2: taps "Opening hours"  (rules/tests.yaml:9)\n'
        "      expected  rule welcome\n"
        "      got       rule hours\n"
        '      expected  the text "We are <closed> & gone"\n'
        '      got       "We are open"\n'
        "      Rule hours (rules/shop.yaml:15:5) took it because of a button (rules/shop.yaml:15:5).\n"
        '    step 3: says "hello"  (rules/tests.yaml:10)\n'
        "      expected  no message\n"
        '      got       "Hi there"\n'
        "      Rule welcome (rules/shop.yaml:10:5) took it because of hello (rules/shop.yaml:11:32).\n"
    )
    assert ended.err == "1 test passed, 1 failed.\n"


def test_some_tests_by_name(command: Command, folder: Path) -> None:
    write(folder, TESTS)
    ended = command("test", "rules", "-k", "HELL")
    assert (ended.code, ended.out) == (0, "✓ hello\n")
    assert command("test", "-k", "nonsense").code == 2


def test_without_tests_it_says_how_to_write_one(command: Command) -> None:
    ended = command("test")
    assert (ended.code, ended.out) == (0, "")
    assert "There are no tests yet." in ended.err
    assert "- {says: hi, expect: {rule: welcome}}" in ended.err


def test_rules_with_errors_are_told_instead(command: Command, folder: Path) -> None:
    write(folder, "tests: [{name: a, steps: [{says: hello, expect: {rule: wellcome}}]}]\n")
    ended = command("test", "--junit", "found.xml")
    assert ended.code == 1
    assert ended.out == 'rules/tests.yaml:1:50: There is no rule "wellcome". Did you mean "welcome"?\n'
    assert ended.err == "1 error in the rules, so no test was run. Correct them first.\n"
    [suite] = read_xml(folder / "found.xml")
    assert suite.attrib | {"time": ""} == {"name": "parley", "tests": "1", "failures": "0", "errors": "1", "time": ""}
    assert [error.get("message") for error in suite.iter("error")] == ['There is no rule "wellcome". Did you mean "welcome"?']  # fmt: skip


def test_junit_holds_every_test(command: Command, folder: Path) -> None:
    write(folder, TESTS.replace("name: hello", 'name: "hello \\a <there>"'))
    assert command("test", "--junit", "found.xml").code == 1
    root = read_xml(folder / "found.xml")
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "2", "1", "0")
    hello, hours = root.iter("testcase")
    assert (hello.get("name"), hello.get("file"), hello.get("line")) == ("hello � <there>", "rules/tests.yaml", "3")
    assert list(hello) == []
    [failure] = hours
    assert failure.tag == "failure"
    assert str(failure.get("message")).startswith('Test "opening hours", step 2 (taps "Opening hours") expected rule')
    assert str(failure.text).count("\n") == 2
    assert float(hours.attrib["time"]) > 0


def test_junit_that_cannot_be_written_is_told(command: Command, folder: Path) -> None:
    write(folder, PASSING)
    ended = command("test", "--junit", "nowhere/found.xml")
    assert ended.code == 1
    assert (
        ended.err
        == "nowhere/found.xml cannot be written (No such file or directory). Name a file in a folder that is there.\n"
    )


def test_json_holds_every_step_that_failed(command: Command, folder: Path) -> None:
    write(folder, TESTS)
    ended = command("test", "--format", "json")
    told = json.loads(ended.out)
    assert (ended.code, told["ok"]) == (1, False)
    assert all(set(each) == {"file", "line", "column", "severity", "sentence"} for each in told["problems"])
    hello, hours = told["tests"]
    assert (hello["name"], hello["passed"], hello["failures"]) == ("hello", True, [])
    assert hours["failures"][0] == {
        "file": "rules/tests.yaml",
        "line": 9,
        "column": 40,
        "step": 2,
        "did": 'taps "Opening hours"',
        "expected": "rule welcome",
        "got": "rule hours",
        "taken_by": "Rule hours (rules/shop.yaml:15:5) took it because of a button (rules/shop.yaml:15:5).",
    }
    write(folder, PASSING)
    assert json.loads(command("test", "--format", "json").out)["ok"] is True


@pytest.mark.parametrize(
    "arguments",
    [("nowhere",), ("--format", "xml"), ("--junit",), ("-k",), ("--nonsense",), ("--record", "1", "-k", "a")],
)
def test_wrong_use_ends_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    ended = command("test", *arguments)
    assert ended.code == 2
    assert "Error" in ended.err
