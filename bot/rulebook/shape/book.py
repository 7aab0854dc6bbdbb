"""All files together: the sections that may stand in any of them, in any order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.core.rule import LocalText, Rule
from bot.core.rulebook import Connection, ConsentWords, Hours, Settings, Span, Template
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical, is_missing
from bot.rulebook.problem import Problems, closest, listed
from bot.rulebook.shape.connections import connections
from bot.rulebook.shape.consent import consent
from bot.rulebook.shape.hours import holidays, hours
from bot.rulebook.shape.keys import glued_trap, joined
from bot.rulebook.shape.notes import Notes, Scope
from bot.rulebook.shape.other_words import foreign_key, key_meant
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
    """Everything the files hold, typed, not yet checked as a whole. ``tests`` are their sections as they were read."""

    settings: Settings
    hours: Mapping[str, Hours]
    holidays: Mapping[str, tuple[Span, ...]]
    templates: Mapping[str, Template]
    consent: ConsentWords
    teams: tuple[str, ...]
    rules: tuple[Rule, ...]
    notes: Notes
    connections: Mapping[str, Connection]
    canned: Mapping[str, LocalText]
    tests: tuple[Node, ...]


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
        connections=connections(sections["connections"], scope),
        canned=_canned(sections["canned"], scope),
        rules=_rules(sections["rules"], scope),
        notes=notes,
        tests=tuple(sections["tests"]),
    )
    _refuse_words_of_two_kinds(found, sections["settings"], scope)
    return found


def _sections(trees: Sequence[Tree], scope: Scope) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {section: [] for section in SECTIONS}
    for tree in trees:
        for entry in _top(tree.root, scope):
            if re.match(r"\d+[.:]?\s+\S", entry.written):
                scope.error(
                    entry.place,
                    "This line starts with a number that was copied along. Delete the numbers of all lines.",
                )
                break
            if entry.key in PARTS_OF_A_RULE:
                scope.error(
                    entry.place,
                    f'"{entry.written}" is part of a rule. Write "rules:" above it, and "- " before each rule\'s name.',
                )
                break
            section = entry.key if entry.key in found else foreign_key(entry.key)
            if entry.key not in found:
                scope.error(entry.place, _unknown_section(entry))
            if section in found and not is_missing(entry.value):
                found[section].append(entry.value)
    return found


def _top(root: Node | None, scope: Scope) -> Sequence[Entry]:
    if root is None or isinstance(root, Fields) or is_missing(root):
        return root.entries if isinstance(root, Fields) else ()
    if isinstance(root, Items) and any(isinstance(item, Fields) and item.entry("name") for item in root.items):
        scope.error(root.place, 'These rules stand without a heading. Write "rules:" on a line of its own above them.')
    elif isinstance(root, Scalar) and re.search(r";.*;|\S {4,}\S", root.text):
        scope.error(
            root.place,
            "This looks like a table out of a spreadsheet. Write each line of it as a rule: "
            "- {name: hours, when: {says: opening hours}, reply: {text: ...}}, below a line with rules: alone.",
        )
    else:
        scope.error(
            root.place,
            f"A rules file holds sections. Start it with {listed(SECTIONS, 'or')}, each with a colon after it.",
        )
    return ()


def _unknown_section(entry: Entry) -> str:
    if trap := glued_trap(entry):
        return trap
    guess = key_meant(entry.written, SECTIONS) or closest(entry.written, SECTIONS)
    cure = f'Did you mean "{guess}"?' if guess else f"A file may hold {listed(SECTIONS)}."
    return f'There is no section "{entry.written}". {cure}'


def _rules(sections: Sequence[Node], scope: Scope) -> tuple[Rule, ...]:
    example = 'rules: [{name: hello, when: {says: hi}, reply: {text: "Hello!"}}]'
    nodes = [node for section in sections for node in _listed(section, example, scope)]
    nodes = joined(nodes, "name", PARTS_OF_A_RULE, "a rule", scope)
    return tuple(found for node in nodes if (found := rule(node, scope)) is not None)


def _listed(section: Node, example: str, scope: Scope) -> Sequence[Node]:
    """The rules of one section; without dashes each is told how to begin."""
    if not isinstance(section, Fields):
        return listing(section, "rules", example, scope)
    first = section.entries[0] if section.entries else None
    if first is not None and any(section.entry(part) for part in PARTS_OF_A_RULE):
        scope.error(
            first.place, f'Every rule starts with a dash. Write "- {first.written}: ..." and line up the keys below it.'
        )
        return (section,)
    for entry in section.entries:
        scope.error(
            entry.place, f'A rule starts with a dash and its name. Write "- name: {canonical(entry.written)}" here.'
        )
    named = (Entry("name", "name", entry.place, Scalar(entry.key, entry.place)) for entry in section.entries)
    return [
        replace(entry.value, entries=(own, *entry.value.entries))
        for entry, own in zip(section.entries, named, strict=True)
        if isinstance(entry.value, Fields)
    ]


def _teams(sections: Sequence[Node], scope: Scope) -> tuple[str, ...]:
    found: list[str] = []
    for section in sections:
        for node in _team_nodes(section, scope):
            called = name(node, "The name of a team", scope)
            if called:
                scope.notes.define("team", called, node.place)
                found.append(called)
    return tuple(dict.fromkeys(found))


def _team_nodes(section: Node, scope: Scope) -> Sequence[Node]:
    if not isinstance(section, Scalar):
        return listing(section, "teams", "teams: [support]", scope)
    names = [canonical(part) for part in re.split(r"[,;/]", section.text) if part.strip()]
    scope.error(section.place, f"teams must be a list. Write teams: [{', '.join(names)}].")
    return [Scalar(each, section.place) for each in names]


def _canned(sections: Sequence[Node], scope: Scope) -> dict[str, LocalText]:
    """Texts by name that colleagues send with a click."""
    found: dict[str, LocalText] = {}
    for section in sections:
        mapping = fields(section, "canned", "canned: {thanks: {en: Thank you!}}", scope)
        for entry in mapping.entries if mapping else ():
            called = name(Scalar(entry.key, entry.place), "The name of a canned text", scope)
            scope.notes.define("canned", entry.key, entry.place)
            text = local_text(entry.value, f"The canned text {entry.written}", scope)
            if called and text is not None:
                found.setdefault(called, text)
    return found


def _refuse_words_of_two_kinds(found: Draft, sections: Sequence[Node], scope: Scope) -> None:
    """A cancel word that is a consent word would never be heard as one."""
    both = sorted(found.settings.cancel_words & (found.consent.stop | found.consent.start))
    if both:
        entries = (section.entry("cancel_words") for section in sections if isinstance(section, Fields))
        place = next((entry.place for entry in entries if entry is not None), sections[0].place if sections else None)
        if place is not None:
            scope.error(
                place, f'"{both[0]}" is a consent word and is heard as one everywhere. Take it out of cancel_words.'
            )
