"""Rules as far as the shape stage takes them, for tests that look at what staff's words become before anything is judged as a whole."""

from __future__ import annotations

from bot.core.rule import Rule
from bot.rulebook.problem import Problems, in_order
from bot.rulebook.shape.book import Draft, draft
from bot.rulebook.tree import read_tree

HELLO = "rules:\n  - name: a\n    when: {says: hello}\n"


def shaped(text: str) -> tuple[Draft, list[str]]:
    """The draft of one file, and its problems as ``check`` prints them."""
    problems = Problems()
    found = draft([read_tree("rules/x.yaml", text.encode(), problems)], problems)
    return found, [str(problem) for problem in in_order(problems)]


def good(text: str) -> Draft:
    """The draft of a file without problems."""
    found, problems = shaped(text)
    assert problems == []
    return found


def rule(body: str, above: str = "") -> Rule:
    """The only rule of a file without problems, which hears hello."""
    return good(f"{above}{HELLO}{body}\n").rules[0]


def fault(body: str, above: str = "") -> str:
    """The one problem of such a rule, without its place."""
    _, problems = shaped(f"{above}{HELLO}{body}\n")
    assert len(problems) == 1, problems
    return problems[0].split(": ", 1)[1]
