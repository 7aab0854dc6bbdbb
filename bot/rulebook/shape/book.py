"""All files together: the sections that may stand in any of them, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.rule import Rule
from bot.core.rulebook import ConsentWords, Hours, Settings, Span, Template
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, is_missing
from bot.rulebook.problem import Problems, closest, listed
from bot.rulebook.shape.consent import consent
from bot.rulebook.shape.hours import holidays, hours
from bot.rulebook.shape.keys import glued_trap
from bot.rulebook.shape.notes import Notes, Scope
from bot.rulebook.shape.rule import rule
from bot.rulebook.shape.settings import languages_of, refuse_seconds, settings
from bot.rulebook.shape.templates import templates
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import fields, listing, name
from bot.rulebook.tree import Tree

SECTIONS: Final = (
    "settings",
    "hours",
    "holidays",
    "teams",
    "templates",
    "connections",
    "consent",
    "canned",
    "rules",
    "tests",
)
PARTS_OF_A_RULE: Final = ("name", "when", "if", "reply", "then")


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything the files hold, typed, not yet checked as a whole."""

    settings: Settings
    hours: Mapping[str, Hours]
    holidays: Mapping[str, tuple[Span, ...]]
    templates: Mapping[str, Template]
    consent: ConsentWords
    teams: tuple[str, ...]
    rules: tuple[Rule, ...]
    notes: Notes


def draft(trees: Sequence[Tree], problems: Problems) -> Draft:
    """The draft of all ``trees`` in their order; faults are told to ``problems``."""
    notes = Notes(problems)
    scope = Scope(notes)
    sections = _sections(trees, scope)
    refuse_seconds(sections["settings"], "settings", scope)
    refuse_seconds(sections["consent"], "consent", scope, lists=("stop_words", "start_words"))
    notes.languages = languages_of(sections["settings"], scope)
    found = Draft(
        settings=settings(sections["settings"], scope),
        hours=hours(sections["hours"], scope),
        holidays=holidays(sections["holidays"], scope),
        templates=templates(sections["templates"], scope),
        consent=consent(sections["consent"], scope),
        teams=_teams(sections["teams"], scope),
        rules=_rules(sections["rules"], scope),
        notes=notes,
    )
    _look_at_the_rest(sections, scope)
    return found


def _sections(trees: Sequence[Tree], scope: Scope) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {section: [] for section in SECTIONS}
    for tree in trees:
        for entry in _top(tree.root, scope):
            if entry.key in PARTS_OF_A_RULE:
                scope.error(
                    entry.place,
                    f'"{entry.written}" is part of a rule. Write "rules:" above it, and "- " before each rule\'s name.',
                )
                break
            if entry.key not in found:
                scope.error(entry.place, _unknown_section(entry))
            elif not is_missing(entry.value):
                found[entry.key].append(entry.value)
    return found


def _top(root: Node | None, scope: Scope) -> Sequence[Entry]:
    if root is None or isinstance(root, Fields) or is_missing(root):
        return root.entries if isinstance(root, Fields) else ()
    if isinstance(root, Items) and any(isinstance(item, Fields) and item.entry("name") for item in root.items):
        scope.error(root.place, 'These rules stand without a heading. Write "rules:" on a line of its own above them.')
    else:
        scope.error(
            root.place, f"A rules file holds sections. Start it with {listed(SECTIONS, 'or')}, for example rules:"
        )
    return ()


def _unknown_section(entry: Entry) -> str:
    if trap := glued_trap(entry):
        return trap
    guess = closest(entry.written, SECTIONS)
    cure = f'Did you mean "{guess}"?' if guess else f"A file may hold {listed(SECTIONS)}."
    return f'There is no section "{entry.written}". {cure}'


def _rules(sections: Sequence[Node], scope: Scope) -> tuple[Rule, ...]:
    example = 'rules: [{name: hello, when: {says: hi}, reply: {text: "Hello!"}}]'
    nodes = (node for section in sections for node in listing(section, "rules", example, scope))
    return tuple(found for node in nodes if (found := rule(node, scope)) is not None)


def _teams(sections: Sequence[Node], scope: Scope) -> tuple[str, ...]:
    found: list[str] = []
    for section in sections:
        for node in listing(section, "teams", "teams: [support]", scope):
            called = name(node, "The name of a team", scope)
            if called:
                scope.notes.define("team", called, node.place)
                found.append(called)
    return tuple(dict.fromkeys(found))


def _look_at_the_rest(sections: Mapping[str, Sequence[Node]], scope: Scope) -> None:
    """Sections whose use comes with a later version: their form is checked, and nothing relies on them yet."""
    for section in sections["canned"]:
        mapping = fields(section, "canned", "canned: {thanks: {en: Thank you!}}", scope)
        for entry in mapping.entries if mapping else ():
            name(Scalar(entry.key, entry.place), "The name of a canned text", scope)
            local_text(entry.value, f"The canned text {entry.written}", scope)
            scope.notes.define("canned", entry.key, entry.place)
    for section in sections["connections"]:
        mapping = fields(section, "connections", "connections: {orders: {url: https://..., results: [status]}}", scope)
        for entry in mapping.entries if mapping else ():
            fields(entry.value, f"Connection {entry.written}", "orders: {url: https://..., results: [status]}", scope)
            scope.notes.define("connection", entry.key, entry.place)
    for section in sections["tests"]:
        listing(section, "tests", "tests: [{name: hello, steps: [{says: hi, expect: {rule: welcome}}]}]", scope)
        scope.warning(
            section.place, "Tests are not run in this version. Use examples on the rules to have their phrases checked."
        )
