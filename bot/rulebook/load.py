"""A folder of YAML files to a checked ``Rulebook``, or to every problem that keeps it from being one.

Checks come in stages: reading, shape, references, sense. A later stage looks only at what the earlier ones left whole, so that one
mistake is told once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.rule import (
    DeliveryFailed,
    FirstContact,
    Happened,
    NothingMatched,
    OptsIn,
    OptsOut,
    Place,
    Rule,
    Sent,
    SilentFor,
    Tapped,
    Trigger,
    WindowCloses,
)
from bot.core.rulebook import Matcher, Rulebook
from bot.core.text import normalise
from bot.rulebook.checks.cases import check_cases
from bot.rulebook.checks.examples import check_examples
from bot.rulebook.checks.greetings import check_greetings
from bot.rulebook.checks.idle import check_idle
from bot.rulebook.checks.keywords import check_consent_words
from bot.rulebook.checks.limits import check_limits
from bot.rulebook.checks.loops import check_loops
from bot.rulebook.checks.names import check_duplicates, check_lonely_rules, check_references
from bot.rulebook.checks.never import check_never
from bot.rulebook.checks.placeholders import check_connections, check_placeholders, check_template_values
from bot.rulebook.checks.questions import check_questions
from bot.rulebook.checks.shadowed import check_shadowed
from bot.rulebook.checks.steps import steps_of
from bot.rulebook.checks.texts import check_written
from bot.rulebook.checks.values import values_of_rules
from bot.rulebook.checks.window import check_window
from bot.rulebook.matcher import build_matcher
from bot.rulebook.node import Fields, is_missing
from bot.rulebook.problem import Problem, Problems, in_order
from bot.rulebook.shape.book import Draft, draft
from bot.rulebook.shape.notes import Scope
from bot.rulebook.suite.names import check_tests
from bot.rulebook.suite.shape import tests
from bot.rulebook.suite.test import Test
from bot.rulebook.tree import BYTES_MAX, Tree, read_tree, require_libyaml

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading the rules.

    ``rulebook`` is None while there is an error; ``problems`` are all errors and warnings by place. ``files`` are the bytes as read, by
    their name below the folder's parent (``rules/orders.yaml``): ``load_files(files)`` gives the same again. ``tests`` are shaped and their
    names checked; ``bot.rulebook.suite`` runs them.
    """

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    files: Mapping[str, bytes]
    tests: tuple[Test, ...] = ()


def load(folder: Path) -> Reading:
    """Read every ``*.yaml`` and ``*.yml`` of ``folder`` and its subfolders in alphabetical order as one rulebook.

    Dot files and editors' backups are left out. A folder that is missing or holds no rules is a problem like any other.
    Raises ``Misconfigured`` where PyYAML lacks libyaml.
    """
    require_libyaml()
    problems = Problems()
    return _load(read_folder(folder, problems), problems)


def read_folder(folder: Path, problems: Problems) -> dict[str, bytes]:
    """The bytes of the folder's rule files by their name; what cannot be read, or is not there, is told to ``problems``."""
    top = Place(folder.resolve().name, 1, 1)
    if not folder.is_dir():
        problems.error(
            top, f'There is no folder "{folder}". Create it, or set RULES_DIR to the folder that holds the rules.'
        )
        return {}
    files: dict[str, bytes] = {}
    closed: list[OSError] = []
    for path in rule_files(folder, closed.append):
        name = f"{top.file}/{path.relative_to(folder).as_posix()}"
        try:
            if path.exists() and not path.is_file():
                raise OSError(0, "it is no file")  # a pipe, say: reading it could wait for ever
            with path.open("rb") as opened:
                files[name] = opened.read(BYTES_MAX + 1)
        except OSError as error:
            problems.error(Place(name, 1, 1), f"This file cannot be read ({error.strerror}). Check who may read it.")
    for trouble in closed:  # the rules in it must not vanish unnoticed
        where = Path(str(trouble.filename)).relative_to(folder).as_posix()
        name = top.file if where == "." else f"{top.file}/{where}"
        problems.error(Place(name, 1, 1), f"This folder cannot be read ({trouble.strerror}). Check who may read it.")
    if not files and not closed:
        problems.error(
            top,
            f'The folder "{folder}" holds no .yaml file. Write the rules into it, for example {top.file}/rules.yaml.',
        )
    return files


def load_files(files: Mapping[str, bytes]) -> Reading:
    """The same from bytes that were read before; pure."""
    return _load(files, Problems())


def load_stored(files: Mapping[str, bytes]) -> Rulebook | None:
    """The rulebook of files that went live before; None where this program cannot read them at all.

    Nothing is checked again: what was sound when it went live still decides as it did, though today's checks might say more.
    """
    problems = Problems()
    trees = [read_tree(name, files[name], problems) for name in _in_reading_order(files)]
    found = draft(trees, problems)
    return None if problems.errors else _rulebook(found, build_matcher(found.rules), digest_of(files))


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and bytes, in hexadecimal: equal files give equal digests, in whatever order they come."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def rule_files(folder: Path, troubled: Callable[[OSError], None] | None = None) -> list[Path]:
    """Where the folder's rule files are, in alphabetical order; ``troubled`` is told of each folder that cannot be looked into."""
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=troubled):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if is_rule_file(name)]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def is_rule_file(name: str) -> bool:
    """Whether a file of that name is read; dot files and editors' backups are not."""
    return name.lower().endswith(ENDINGS) and not name.startswith((".", "~", "#"))


def _load(files: Mapping[str, bytes], problems: Problems) -> Reading:
    unread = problems.errors > 0
    trees = [read_tree(name, files[name], problems) for name in _in_reading_order(files)]
    is_all_there = not unread and all(tree.whole and files[tree.file].strip() for tree in trees)
    read = len(problems.found)
    found = draft(trees, problems)
    suite = tests(found.tests, Scope(found.notes))
    check_duplicates(found)
    is_judged = is_all_there or any(map(_has_settings, trees))
    if not is_judged:  # the settings may be in what is not there, and without its languages every text looks wrong
        del problems.found[read:]
    _doubt_emptiness(files, trees, found, problems)
    if is_all_there:
        check_references(found)
        check_lonely_rules(found)
        check_tests(found, suite)
    matcher = _check_sense(found, problems) if is_judged else None
    rulebook = None if problems.errors or matcher is None else _rulebook(found, matcher, digest_of(files))
    return Reading(rulebook, in_order(problems), dict(files), suite)


def _in_reading_order(files: Mapping[str, bytes]) -> list[str]:
    return sorted(files, key=lambda name: name.split("/"))


def _has_settings(tree: Tree) -> bool:
    return isinstance(tree.root, Fields) and tree.root.entry("settings") is not None


def _doubt_emptiness(files: Mapping[str, bytes], trees: Sequence[Tree], found: Draft, problems: Problems) -> None:
    """An empty file is one that is being saved right now, or never was; and without rules nobody is answered."""
    for tree in trees:
        sentence = "This file holds nothing. Write the rules into it and save it, or delete it."
        if not files[tree.file].strip():
            problems.error(Place(tree.file, 1, 1), sentence)
        elif tree.whole and is_missing(tree.root):
            problems.warning(Place(tree.file, 1, 1), sentence)
    if any(not is_missing(tree.root) for tree in trees) and not found.rules and not problems.errors:
        problems.warning(
            Place(trees[0].file, 1, 1),
            "There is no rule in any file, so the bot answers nobody. Add rules: with a first rule.",
        )


def _check_sense(found: Draft, problems: Problems) -> Matcher | None:
    """What single rules mean is judged at once; what takes all rules together waits until each of them is sound."""
    steps = steps_of(found)
    known = values_of_rules(found, steps)
    straight = check_loops(found, steps)
    check_questions(found)
    check_cases(found)
    check_window(found, straight, known)
    check_written(found, known)
    check_placeholders(found, known)
    check_connections(found, known)
    check_template_values(found, known)
    check_limits(found, known)
    check_idle(found)
    check_consent_words(found)
    if problems.errors:
        return None
    matcher = build_matcher(found.rules)
    check_never(found, matcher)
    check_shadowed(found)
    check_greetings(found, matcher)
    check_examples(found, matcher)
    return matcher


def _rulebook(found: Draft, matcher: Matcher, digest: str) -> Rulebook:
    rules = found.rules
    return Rulebook(
        version=0,
        digest=digest,
        settings=found.settings,
        hours=found.hours,
        holidays=found.holidays,
        templates=found.templates,
        consent=found.consent,
        rules=rules,
        matcher=matcher,
        by_name={rule.name: position for position, rule in enumerate(rules)},
        by_tap=_index(rules, _taps),
        by_sent=_index(rules, _sent),
        by_event=_index(rules, _events),
        on_first_contact=_positions(rules, FirstContact),
        on_nothing_matched=_positions(rules, NothingMatched),
        teams=found.teams,
        connections=found.connections,
        canned=found.canned,
        by_example=_index(rules, _examples),
        on_silence=_positions(rules, SilentFor),
        on_window_closing=_positions(rules, WindowCloses),
        on_opt_in=_positions(rules, OptsIn),
        on_opt_out=_positions(rules, OptsOut),
        on_delivery_failed=_positions(rules, DeliveryFailed),
    )


def _taps(rule: Rule) -> Iterable[str]:
    titles = (title for trigger in rule.triggers if isinstance(trigger, Tapped) for title in trigger.titles)
    return (normalise(title.pattern).plain for title in titles)


def _sent(rule: Rule) -> Iterable[str]:
    return (kind for trigger in rule.triggers if isinstance(trigger, Sent) for kind in trigger.kinds)


def _events(rule: Rule) -> Iterable[str]:
    return (trigger.event for trigger in rule.triggers if isinstance(trigger, Happened))


def _examples(rule: Rule) -> Iterable[str]:
    return (plain for example in rule.examples_match if (plain := normalise(example.pattern).plain))


def _index(rules: tuple[Rule, ...], keys: Callable[[Rule], Iterable[str]]) -> dict[str, tuple[int, ...]]:
    """Positions of rules by key, each once, in rule order."""
    found: dict[str, list[int]] = {}
    for position, rule in enumerate(rules):
        for key in dict.fromkeys(keys(rule)):
            found.setdefault(key, []).append(position)
    return {key: tuple(positions) for key, positions in found.items()}


def _positions(rules: tuple[Rule, ...], trigger: type[Trigger]) -> tuple[int, ...]:
    return tuple(
        position for position, rule in enumerate(rules) if any(isinstance(each, trigger) for each in rule.triggers)
    )
