"""Test results as JUnit XML, the form that build servers read.

Element and attribute names are those of Ant's JUnit task, as Jenkins, GitLab and GitHub's actions read them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from bot.errors import Misconfigured
from bot.rulebook.problem import Problem
from bot.rulebook.suite import TestResult

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


def write_junit(path: Path, results: Sequence[TestResult], errors: Sequence[Problem]) -> None:
    """One test case for each test, and one with an error for each of ``errors``. Raises ``Misconfigured`` where it cannot be written."""
    failed = sum(not result.passed for result in results)
    counts = {"tests": str(len(results) + len(errors)), "failures": str(failed), "errors": str(len(errors))}
    counts["time"] = f"{sum(result.took_s for result in results):.6f}"
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "parley", **counts})
    for problem in errors:
        _error(suite, problem)
    for result in results:
        _case(suite, result)
    ElementTree.indent(suites)
    try:
        ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written ({error.strerror}). Name a file in a folder that is there."
        ) from None


def _error(suite: ElementTree.Element, problem: Problem) -> None:
    place = problem.place
    where = {"classname": place.file, "name": _clean(str(place)), "file": place.file, "line": str(place.line)}
    case = ElementTree.SubElement(suite, "testcase", {**where, "time": "0"})
    ElementTree.SubElement(case, "error", {"message": _clean(problem.sentence)}).text = _clean(str(problem))


def _case(suite: ElementTree.Element, result: TestResult) -> None:
    place, name = result.test.place, _clean(result.test.name)
    where = {"classname": place.file, "name": name, "file": place.file, "line": str(place.line)}
    case = ElementTree.SubElement(suite, "testcase", {**where, "time": f"{result.took_s:.6f}"})
    problems = result.problems()
    if problems:  # one failure for each case: readers of this form know no more
        told = "\n".join(str(problem) for problem in problems)
        ElementTree.SubElement(case, "failure", {"message": _clean(problems[0].sentence)}).text = _clean(told)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
