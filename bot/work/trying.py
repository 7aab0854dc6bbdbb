"""A replay for somebody who waits at a page: the rules are checked as for a save, then stored traffic is decided again by them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from bot.core.preview import preview
from bot.rulebook.approval import approved
from bot.rulebook.load import load_files
from bot.rulebook.problem import Problem
from bot.work.replay import Difference, Report, Seen
from bot.work.replay_jobs import Job, replayed

SHOWN_MOST: Final = 3000
_LINES_MOST: Final = 40
_TEXT_MOST: Final = 2000

Mark = Literal["", "loses_its_answer", "is_missed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try on whose traffic."""

    database: Path
    app_id: str
    files: Mapping[str, bytes]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Side:
    """What came of an event under one rulebook, in words. ``rule`` empty: none answered, ``layer`` tells what did."""

    rule: str
    layer: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One event that comes out differently. ``would_ask``: connections whose answer nobody knows."""

    at: datetime
    person: int
    identity: str
    heard: str
    before: Side
    now: Side
    mark: Mark
    would_ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. With an error among ``problems`` nothing was replayed. ``rows`` are the differences in the order of time, the grave
    ones before all others where they are too many; ``different`` counts all."""

    problems: tuple[Problem, ...]
    is_sound: bool
    decided: int = 0
    same: int = 0
    people: int = 0
    unreadable: int = 0
    different: int = 0
    people_changed: int = 0
    lost: int = 0
    missed: int = 0
    would_ask: tuple[tuple[str, int], ...] = ()
    timers: tuple[tuple[str, int], ...] = ()
    rows: tuple[Row, ...] = ()


def tried(trial: Trial, tell: Callable[[object], None]) -> Tried:
    """Check and replay; ``tell`` gets how many of how many parts are done. Takes long: see ``bot.work.beside``."""
    is_sound, problems = approved(load_files(trial.files))
    if not is_sound:
        return Tried(problems, False)
    job = Job(trial.database, trial.app_id, trial.files, trial.since, trial.until)
    tell((0, 1))
    report = replayed(job, os.cpu_count() or 1, lambda done, of: tell((done, of)))
    return _told(report, problems)


def _told(report: Report, problems: tuple[Problem, ...]) -> Tried:
    found = report.differences
    grave = [each for each in found if _mark(each)]
    chosen = found
    if len(found) > SHOWN_MOST:
        chosen = [*grave, *(each for each in found if not _mark(each))][:SHOWN_MOST]
    return Tried(
        problems,
        True,
        report.decided,
        report.same,
        report.people,
        report.unreadable,
        len(found),
        len({each.person for each in found}),
        sum(each.loses_its_answer for each in found),
        sum(each.is_missed for each in found),
        tuple(sorted(report.would_ask.items())),
        tuple(sorted(report.timers_set.items())),
        tuple(_row(each) for each in sorted(chosen, key=lambda each: (each.at, each.inbox_id))),
    )


def _mark(each: Difference) -> Mark:
    return "loses_its_answer" if each.loses_its_answer else "is_missed" if each.is_missed else ""


def _row(each: Difference) -> Row:
    return Row(
        each.at,
        each.person,
        each.identity,
        each.heard[:_TEXT_MOST],
        _side(each.before, ()),
        _side(each.now, each.would_ask),
        _mark(each),
        each.would_ask,
    )


def _side(seen: Seen, would_ask: tuple[str, ...]) -> Side:
    lines = [line[:_TEXT_MOST] for reply in seen.replies for line in preview(reply)]
    lines += [f"(would ask {name})" if name in would_ask else f"(asks {name})" for name in seen.asked]
    return Side(seen.rule, seen.layer, tuple(lines[:_LINES_MOST]))
