"""The rulebooks that answer: the live one, and older ones that people are in the middle of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Final

import structlog

from bot.core.rulebook import Rulebook, Rulebooks
from bot.errors import Misconfigured
from bot.rulebook.approval import Approval, approve
from bot.rulebook.load import digest_of, load_files, load_stored, read_folder
from bot.rulebook.parcel import let_go
from bot.rulebook.problem import Problem, Problems
from bot.rulebook.tree import require_libyaml
from bot.store.port import Store
from bot.store.units import StoredRulebook

_RELEASES_LOOKED_AT: Final = 1000

log = structlog.get_logger()


class LiveRules:
    """What answers now. Replaced whole, by one assignment, so that whoever reads ``rulebooks`` once sees one moment."""

    def __init__(
        self, rulebook: Rulebook, problems: tuple[Problem, ...] = (), older: Mapping[int, Rulebook] | None = None
    ) -> None:
        self.rulebooks = Rulebooks(rulebook, dict(older or {}))
        self.problems = problems  # of the folder as last read, where it could not go live

    @property
    def live(self) -> Rulebook:
        """The live rulebook."""
        return self.rulebooks.live

    def swap(self, rulebook: Rulebook, pinned: Iterable[int]) -> Sequence[Iterator[None]]:
        """From now on ``rulebook`` answers. The one it replaces is kept, for what is being decided at this moment, and so are those of
        ``pinned``; the others are let go: what is returned are the steps in which they are freed, for the caller to take one by one."""
        held = {**self.rulebooks.older, self.live.version: self.live}
        wanted = {*pinned, self.live.version} - {rulebook.version}
        kept = {version: held[version] for version in held.keys() & wanted}
        self.rulebooks = Rulebooks(rulebook, kept)
        return [let_go(held[version]) for version in held.keys() - kept.keys() if held[version] is not rulebook]

    def hold(self, rulebook: Rulebook) -> None:
        """Keep an older version as well: somebody is in the middle of it."""
        self.rulebooks = replace(self.rulebooks, older={**self.rulebooks.older, rulebook.version: rulebook})


async def rules_at_start(folder: Path, store: Store, now: datetime) -> LiveRules:
    """The folder's rulebook if it is sound, which is then stored as the last good one; else the last good one.

    What is not the last good one is approved in a child process, as a save is, since it may be what ends a process that loads it; where
    the child dies the last good one serves, and the folder is tried again by and by. After a rollback the rulebook that was gone back to
    stays, until the folder holds something else than what was rolled back. Whom an earlier process left in the middle of a question keeps
    the version that asked. Cancelled, it leaves no child behind. Raises ``Misconfigured`` with every problem when there is no rulebook
    to serve.
    """
    require_libyaml()
    problems = Problems()
    files = read_folder(folder, problems)
    digest, stored = digest_of(files), await store.last_good_rulebook()
    is_known = stored is not None and digest == stored.digest
    if stored is not None and not is_known and digest in await rolled_back(store):
        kept = load_stored(stored.files)
        if kept is not None:
            return await _with_pinned(LiveRules(replace(kept, version=stored.number)), store)
    known = load_files(files).rulebook if is_known and not problems.errors else None
    approval = Approval(known, (), digest, files) if known is not None else await approve(folder)
    if approval.rulebook is not None:
        number = await store.save_rulebook(approval.digest, approval.files, now, approval.who)
        return await _with_pinned(LiveRules(replace(approval.rulebook, version=number)), store)
    errors = tuple(problem for problem in approval.problems if problem.severity == "error")
    return await _with_pinned(_last_good(folder, stored, errors), store)


def _last_good(folder: Path, stored: StoredRulebook | None, errors: tuple[Problem, ...]) -> LiveRules:
    kept = load_stored(stored.files) if stored is not None else None
    if stored is None or kept is None:
        listed = "\n".join(str(problem) for problem in errors)
        raise Misconfigured(f"The rules in {folder} have errors, and there is no earlier rulebook to serve:\n{listed}")
    log.error("rules_broken", folder=str(folder), problems=len(errors), serving=stored.number)
    return LiveRules(replace(kept, version=stored.number), errors)


async def _with_pinned(rules: LiveRules, store: Store) -> LiveRules:
    """With the versions that open questions are pinned to.

    One that this program cannot read any more is left out: its people go on with the live rulebook, which is told.
    """
    for version in sorted((await store.asking()).keys() - {rules.live.version}):
        stored = await store.rulebook(version)
        kept = load_stored(stored.files) if stored is not None else None
        if kept is None:
            log.warning("rules_version_unusable", version=version)
        else:
            rules.hold(replace(kept, version=version))
    return rules


async def rolled_back(store: Store) -> frozenset[str]:
    """The digests of the rulebooks that were rolled back since the last save: a folder that still holds one of them is not news."""
    releases = await store.releases(_RELEASES_LOOKED_AT)
    back = takewhile(lambda pair: pair[0].rolled_back_from, pairwise(releases))
    return frozenset(replaced.digest for _, replaced in back)
