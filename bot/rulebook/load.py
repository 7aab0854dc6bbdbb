"""A folder of YAML files to a checked ``Rulebook``, or to every problem that keeps it from being one.

Checks come in stages: reading, shape, references, sense. A later stage looks only at what the earlier ones left whole, so that one
mistake is told once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.rule import FirstContact, Happened, NothingMatched, Place, Rule, Sent, Tapped
from bot.core.rulebook import Matcher, Rulebook
from bot.core.text import normalise
from bot.rulebook.checks.cases import check_cases
from bot.rulebook.checks.examples import check_examples
from bot.rulebook.checks.keywords import check_consent_words, check_taken
from bot.rulebook.checks.limits import check_limits
from bot.rulebook.checks.loops import check_loops
from bot.rulebook.checks.names import check_duplicates, check_lonely_rules, check_references
from bot.rulebook.checks.placeholders import check_placeholders, check_template_values
from bot.rulebook.checks.values import values_of_rules
from bot.rulebook.checks.window import check_window
from bot.rulebook.matcher import build_matcher
from bot.rulebook.problem import Problem, Problems, in_order
from bot.rulebook.shape.book import Draft, draft
from bot.rulebook.tree import BYTES_MAX, read_tree, require_libyaml

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading the rules.

    ``rulebook`` is None while there is an error; ``problems`` are all errors and warnings by place. ``files`` are the bytes as read, by
    their name below the folder's parent (``rules/orders.yaml``): ``load_files(files)`` gives the same again.
    """

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    files: Mapping[str, bytes]


def load(folder: Path) -> Reading:
    """Read every ``*.yaml`` and ``*.yml`` of ``folder`` and its subfolders in alphabetical order as one rulebook.

    Dot files and editors' backups are left out. A folder that is missing or holds no rules is a problem like any other.
    Raises ``Misconfigured`` where PyYAML lacks libyaml.
    """
    require_libyaml()
    problems = Problems()
    top = Place(folder.resolve().name, 1, 1)
    if not folder.is_dir():
        problems.error(
            top, f'There is no folder "{folder}". Create it, or set RULES_DIR to the folder that holds the rules.'
        )
        return Reading(None, in_order(problems), {})
    files: dict[str, bytes] = {}
    for path in _rule_files(folder):
        name = f"{top.file}/{path.relative_to(folder).as_posix()}"
        try:
            with path.open("rb") as opened:
                files[name] = opened.read(BYTES_MAX + 1)
        except OSError as error:
            problems.error(Place(name, 1, 1), f"This file cannot be read ({error.strerror}). Check who may read it.")
    if not files:
        problems.error(
            top,
            f'The folder "{folder}" holds no .yaml file. Write the rules into it, for example {top.file}/rules.yaml.',
        )
    return _load(files, problems)


def load_files(files: Mapping[str, bytes]) -> Reading:
    """The same from bytes that were read before; pure."""
    return _load(files, Problems())


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and bytes, in hexadecimal: equal files give equal digests, in whatever order they come."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _rule_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if _is_rule_file(name)]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _is_rule_file(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and not name.startswith((".", "~", "#"))


def _load(files: Mapping[str, bytes], problems: Problems) -> Reading:
    unread = problems.errors > 0
    trees = [read_tree(name, files[name], problems) for name in sorted(files, key=lambda name: name.split("/"))]
    found = draft(trees, problems)
    check_duplicates(found)
    if not unread and all(tree.whole for tree in trees):
        check_references(found)
        check_lonely_rules(found)
    matcher = _check_sense(found, problems)
    rulebook = None if problems.errors or matcher is None else _rulebook(found, matcher, digest_of(files))
    return Reading(rulebook, in_order(problems), dict(files))


def _check_sense(found: Draft, problems: Problems) -> Matcher | None:
    """What single rules mean is judged at once; what takes all rules together waits until each of them is sound."""
    values = values_of_rules(found)
    check_loops(found)
    check_cases(found)
    check_window(found)
    check_placeholders(found, values)
    check_template_values(found, values)
    check_limits(found, values)
    check_consent_words(found)
    if problems.errors:
        return None
    matcher = build_matcher(found.rules)
    check_taken(found, matcher)
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
    )


def _taps(rule: Rule) -> Iterable[str]:
    titles = (title for trigger in rule.triggers if isinstance(trigger, Tapped) for title in trigger.titles)
    return (normalise(title.pattern).plain for title in titles)


def _sent(rule: Rule) -> Iterable[str]:
    return (kind for trigger in rule.triggers if isinstance(trigger, Sent) for kind in trigger.kinds)


def _events(rule: Rule) -> Iterable[str]:
    return (trigger.event for trigger in rule.triggers if isinstance(trigger, Happened))


def _index(rules: tuple[Rule, ...], keys: Callable[[Rule], Iterable[str]]) -> dict[str, tuple[int, ...]]:
    """Positions of rules by key, each once, in rule order."""
    found: dict[str, list[int]] = {}
    for position, rule in enumerate(rules):
        for key in dict.fromkeys(keys(rule)):
            found.setdefault(key, []).append(position)
    return {key: tuple(positions) for key, positions in found.items()}


def _positions(rules: tuple[Rule, ...], trigger: type[FirstContact] | type[NothingMatched]) -> tuple[int, ...]:
    return tuple(
        position for position, rule in enumerate(rules) if any(isinstance(each, trigger) for each in rule.triggers)
    )
