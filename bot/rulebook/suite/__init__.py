"""The ``tests`` of the rules: conversations as staff write them, what they expect, and whether it comes true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.rulebook import Rulebook
from bot.rulebook.problem import Problem, in_order
from bot.rulebook.suite.run import run_tests
from bot.rulebook.suite.test import Test, TestResult

__all__ = ["Test", "TestResult", "failed_tests", "run_tests"]


class Read(Protocol):
    """What came of reading the rules; see ``bot.rulebook.load.Reading``."""

    @property
    def rulebook(self) -> Rulebook | None: ...

    @property
    def tests(self) -> Sequence[Test]: ...


def failed_tests(reading: Read) -> tuple[Problem, ...]:
    """An error for each expectation that does not come true, by place; none where there is no rulebook to ask."""
    if reading.rulebook is None:
        return ()
    results = run_tests(reading.rulebook, reading.tests)
    return in_order(problem for result in results for problem in result.problems())
