"""What stored messages tell about rules: what a rule answered lately, and what nobody understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.core.rulebook import Rulebook
from bot.errors import Failed
from bot.rulebook.load import load_stored
from bot.store.sqlite.archive import open_archive
from bot.work.replay import heard_in, keep
from bot.work.replay_jobs import deciding_of
from bot.work.unmatched import Group, grouped, missed, rule_for

LOOKED_AT: Final = 3000  # decisions, newest first, for what a rule answered lately
LATELY_MOST: Final = 5
MISSED_MOST: Final = 10_000  # messages that are put into groups
GROUPS_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Lately:
    """A message that a rule answered, and of which person."""

    heard: str
    person: int
    at: datetime


def lately(database: Path, app_id: str, rulebook: Rulebook, rule: str) -> list[Lately]:
    """What the rule answered lately, newest first; nothing where that was long ago. Quick, but blocks: call it from a thread."""
    with closing(open_archive(database)) as archive:
        deciding = deciding_of(app_id, rulebook, archive.installation_key)
        kept = [keep(trace, deciding) for trace in archive.answered_by(rule, LATELY_MOST, LOOKED_AT, app_id)]
        return [Lately(heard_in(each.event), each.trace.person, each.trace.decided_at) for each in kept if each]


@dataclass(frozen=True, slots=True)
class Alike:
    """Messages that are alike and that no rule understood, with a rule that would. ``texts``: the most frequent ones, how often each."""

    count: int
    people: int
    language: str
    texts: tuple[tuple[str, int], ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Missed:
    """The groups, the most frequent first. ``messages``: how many were looked at; ``is_cut``: there are older ones in the period. ``more``:
    groups that are left out."""

    groups: tuple[Alike, ...]
    messages: int
    is_cut: bool
    more: int


def not_understood(database: Path, app_id: str, files: Mapping[str, bytes], since: datetime, until: datetime) -> Missed:
    """What fell to ``nothing_matched`` then, with rules in the manner of ``files``. Takes long: see ``bot.work.beside``."""
    rulebook = load_stored(files)
    if rulebook is None:
        raise Failed("The live rules cannot be read any more, so no rule can be proposed.", "unreadable")
    with closing(open_archive(database)) as archive:
        deciding = deciding_of(app_id, rulebook, archive.installation_key)
        traces = archive.unmatched(since, until, MISSED_MOST, app_id)
        found = grouped(missed(traces, deciding), rulebook)
    groups = tuple(_alike(group, rulebook) for group in found[:GROUPS_MOST])
    return Missed(groups, len(traces), len(traces) == MISSED_MOST, len(found) - len(groups))


def _alike(group: Group, rulebook: Rulebook) -> Alike:
    texts: Sequence[tuple[str, int]] = group.texts.most_common(5)
    return Alike(group.count, len(group.people), group.language, tuple(texts), rule_for(group, rulebook))
