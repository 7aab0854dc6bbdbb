"""``test``: plays the conversations of the ``tests`` sections, and shows where one comes out differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.junit import write_junit
from bot.cli.output import ERRORS_FOUND, aside, json_out, line
from bot.cli.recording import record_one
from bot.cli.rules import Folder, Format, folder_of
from bot.config import read_config
from bot.core.rulebook import Rulebook
from bot.rulebook.load import Reading, load
from bot.rulebook.problem import Problem, counted
from bot.rulebook.suite import Test, TestResult, run_tests
from bot.rulebook.suite.test import Miss

HOW_TO: Final = """\
There are no tests yet. Write one into any file of the rules, for example:
tests:
  - name: hello
    steps:
      - {says: hi, expect: {rule: welcome}}\
"""


def play(
    folder: Folder = None,
    only: Annotated[str, typer.Option("-k", metavar="NAME", help="Only tests with this in their name.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Failures and the count alone.")] = False,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write the results as JUnit XML, for build servers."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="text for people, or json.")] = Format.TEXT,
    recorded: Annotated[
        str,
        typer.Option(
            "--record", metavar="MESSAGE_ID", help="Print a stored conversation as a test; or a phone number's."
        ),
    ] = "",
) -> None:
    """Play the tests of the rules on a clock of their own, and show which came out differently, and why."""
    if recorded:
        if folder or only or junit or format is Format.JSON:
            raise typer.BadParameter("this plays no test; give it alone.", param_hint="--record")
        record_one(read_config(), recorded)
        return
    reading = load(folder_of(folder))
    tests = _chosen(reading.tests, only)
    errors = [each for each in reading.problems if each.severity == "error"]
    results = run_tests(reading.rulebook, tests) if reading.rulebook is not None else ()
    if junit is not None:
        write_junit(junit, results, errors)
    if format is Format.JSON:
        json_out(_plain(reading, results))
    else:
        _tell(reading, errors, results, quiet)
    if errors or not all(result.passed for result in results):
        raise typer.Exit(ERRORS_FOUND)


def _chosen(tests: Sequence[Test], only: str) -> Sequence[Test]:
    found = [each for each in tests if only.casefold() in each.name.casefold()]
    if only and tests and not found:
        raise typer.BadParameter(f'no test has "{only}" in its name.', param_hint="-k")
    return found


# --- for people -----------------------------------------------------------------------------------------------------------


def _tell(reading: Reading, errors: Sequence[Problem], results: Sequence[TestResult], quiet: bool) -> None:
    if reading.rulebook is None:
        for problem in errors:
            line(str(problem))
        aside(f"{counted(len(errors), 'error')} in the rules, so no test was run. Correct them first.")
        return
    for result in results:
        if not result.passed:
            _tell_failure(result)
        elif not quiet:
            line(f"✓ {result.test.name}")
    aside(_summary(reading.rulebook, results) if reading.tests else HOW_TO)


def _tell_failure(result: TestResult) -> None:
    line(f"✗ {result.test.name}")
    for _, misses in groupby(result.misses, key=lambda miss: miss.step):
        _tell_step(list(misses))


def _tell_step(misses: Sequence[Miss]) -> None:
    first = misses[0]
    line(f"    step {first.step}: {first.did}  ({first.place.file}:{first.place.line})")
    for miss in misses:
        line(f"      expected  {miss.expected}")
        line(f"      got       {miss.got}")
    line(f"      {first.taken_by}")


def _summary(rulebook: Rulebook, results: Sequence[TestResult]) -> str:
    failed = sum(not result.passed for result in results)
    passed = len(results) - failed
    examples = sum(len(rule.examples_match) + len(rule.examples_no_match) for rule in rulebook.rules)
    told = f"{counted(passed, 'test')} passed, {failed} failed" if failed else f"{counted(passed, 'test')} passed"
    return f"{told}; {counted(examples, 'example')} of rules hold." if examples else f"{told}."


# --- for programs ---------------------------------------------------------------------------------------------------------


def _plain(reading: Reading, results: Iterable[TestResult]) -> dict[str, object]:
    told = list(results)
    return {
        "ok": reading.rulebook is not None and all(result.passed for result in told),
        "problems": [each.as_plain() for each in reading.problems],
        "tests": [_result(each) for each in told],
    }


def _result(result: TestResult) -> dict[str, object]:
    place = result.test.place
    where = {"name": result.test.name, "file": place.file, "line": place.line}
    return {
        **where,
        "passed": result.passed,
        "took_s": round(result.took_s, 6),
        "failures": [_miss(miss) for miss in result.misses],
    }


def _miss(miss: Miss) -> dict[str, object]:
    return {
        "file": miss.place.file,
        "line": miss.place.line,
        "column": miss.place.column,
        "step": miss.step,
        "did": miss.did,
        "expected": miss.expected,
        "got": miss.got,
        "taken_by": miss.taken_by,
    }
