"""What the pages about rules share: what was read once of a rulebook, what is being worked out, and the replays that were tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from aiohttp import web

from bot.core.rulebook import Rulebook
from bot.errors import Failed
from bot.rulebook.difference import Difference
from bot.rulebook.graph import Graph, graph_of
from bot.rulebook.load import digest_of, read_folder
from bot.rulebook.problem import Problem, Problems
from bot.store.tallies import COARSE, Kind, Total
from bot.web.admin.desk import Desk
from bot.web.admin.later import Known, Later
from bot.web.admin.replays import Replays
from bot.web.admin.rule_text import Source, sources
from bot.web.site.charts import floored
from bot.web.site.live import stream
from bot.work.beside import beside
from bot.work.looking import Missed, not_understood
from bot.work.reload import RulesState
from bot.work.survey import FileDiff, Survey, changes, compared, survey

WEEK: Final = timedelta(days=7)
TO_RULE: Final = "/admin/rules?rule="
SOON_S: Final = 0.15  # a page waits so long for what is made for the first time; then it comes by itself
_LOOK_S: Final = 0.25
_BOOKS_KEPT: Final = 6
_RELEASES_LOOKED_AT: Final = 1000

Files = Mapping[str, bytes]
Pair = tuple[int, int]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Book:
    """The live rulebook with its files as stored, and its graph."""

    rulebook: Rulebook
    files: Files
    graph: Graph
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class Week:
    """What rules did in the last seven days, by name: how often they answered, what came next, what never arrived.
    Nothing is known of them before it ``is_counted``."""

    matched: Mapping[str, int]
    led_to: Mapping[str, Sequence[Total]]
    undelivered: Mapping[str, int]
    is_counted: bool = True


class RulesDesk:
    """One for the application; ``stop`` ends what is being worked out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        touch = desk.pulse.touch
        self._books: dict[int, Book] = {}
        self._states: Later[RulesState] = Later(desk.now, touch, most=2, fresh_for=timedelta(seconds=1))
        self._saved: Later[int] = Later(desk.now, touch, most=2, fresh_for=timedelta(seconds=1))
        self._weeks: Later[Week] = Later(desk.now, touch, most=1, fresh_for=timedelta(seconds=1))
        self._surveys: Later[Survey] = Later(desk.now, touch, most=4)
        self._changes: Later[Mapping[Pair, Difference]] = Later(desk.now, touch, most=20)
        self._diffs: Later[list[FileDiff]] = Later(desk.now, touch, most=8)
        self._missed: Later[Missed] = Later(desk.now, touch, most=4, fresh_for=timedelta(seconds=10))
        self._one = asyncio.Lock()  # one process at a time: the bot answers people meanwhile
        self.replays = Replays(desk.now, touch, lambda: desk.backend.store.privacy.erasures)
        self._erasures = 0

    async def stop(self) -> None:
        """End what is being worked out, with its processes."""
        for each in (self._states, self._saved, self._weeks, self._surveys, self._changes, self._diffs, self._missed):
            await each.stop()
        await self.replays.stop()

    # --- the live rulebook ----------------------------------------------------------------------------------------------

    async def book(self) -> Book:
        """The live rulebook. Read once; ``Failed`` where it is not stored, which a running server's always is."""
        rulebook = self._desk.rules.live
        kept = self._books.get(rulebook.version)
        if kept is None:
            files = await self.files(rulebook.version)
            kept = Book(rulebook, files, await asyncio.to_thread(graph_of, rulebook), sources(rulebook.rules, files))
            while len(self._books) >= _BOOKS_KEPT:
                del self._books[next(iter(self._books))]
            self._books[rulebook.version] = kept
        return kept

    async def files(self, version: int) -> Files:
        """A stored rulebook's files."""
        kept = self._books.get(version)
        if kept is not None:
            return kept.files
        stored = await self._desk.backend.store.rulebook(version)
        if stored is None:
            raise Failed(f"Rulebook {version} is not stored.", "unknown_rulebook")
        return stored.files

    async def folder(self) -> Files:
        """What the folder holds at this moment."""
        return await asyncio.to_thread(read_folder, self._desk.rules_dir, Problems())

    def problems(self) -> tuple[Problem, ...]:
        """What keeps the folder's rules from going live; none where nothing does."""
        return self._desk.rules.problems

    async def state(self) -> RulesState:
        """How the rules stand, at most a second old."""
        key = (self._desk.rules.live.version, self.problems())
        known = await self._states.wanted(key, self._desk.reloader.state, within_s=5.0)
        if known.value is None:
            raise Failed(known.trouble or "How the rules stand cannot be told right now. Try again.", "no_state")
        return known.value

    async def saved(self, state: RulesState) -> int:
        """After a rollback, the version that the folder still holds, which is not the one that answers; 0 where it holds that one, or
        something that is to go live yet."""
        if not state.rolled_back_from:
            return 0
        return (await self._saved.wanted(state.version, self._version_of_folder, within_s=1.0)).value or 0

    async def _version_of_folder(self) -> int:
        digest = digest_of(await self.folder())
        if digest == self._desk.rules.live.digest:
            return 0
        releases = await self._desk.backend.store.releases(_RELEASES_LOOKED_AT)
        return next((each.number for each in releases if each.digest == digest), 0)

    async def stream(
        self, request: web.Request, fragments: Callable[[], Awaitable[Mapping[str, str]]]
    ) -> web.StreamResponse:
        """The parts of a page as they change, with commits and with saves."""
        watching = asyncio.create_task(self.watch())
        try:
            access, pulse = self._desk.access, self._desk.pulse
            return await stream(request, pulse, fragments, access.still_in(request), self._desk.now)
        finally:
            watching.cancel()

    async def watch(self) -> None:
        """Tell pages when a save was refused or went live, which not every commit tells. Until cancelled."""
        seen = None
        while True:
            now = (self._desk.rules.live.version, self._desk.rules.problems)
            if seen is not None and now != seen:
                self._desk.pulse.touch()
            seen = now
            await asyncio.sleep(_LOOK_S)

    # --- what is worked out ---------------------------------------------------------------------------------------------

    async def week(self) -> Week:
        """What rules did; counted anew now and then, the more seldom the longer it takes."""
        known = await self._weeks.wanted("week", self._counted, within_s=1.0)
        return known.value or Week({}, {}, {}, is_counted=False)

    async def _counted(self) -> Week:
        until = self._desk.now()
        since = floored(until - WEEK, COARSE)
        kinds: tuple[Kind, Kind, Kind] = ("matched", "led_to", "undelivered")
        matched, led_to, undelivered = [
            await self._desk.backend.store.tallies.totals(kind, since, until) for kind in kinds
        ]
        after: dict[str, list[Total]] = {}
        for each in led_to:
            one, _, other = each.name.partition(" > ")
            after.setdefault(one, []).append(Total(other, each.count))
        return Week(_by_name(matched), after, _by_name(undelivered))

    async def survey(self, files: Files, within_s: float = 0.0) -> Known[Survey]:
        """Checks, tests and picture of these files."""
        return await self._surveys.wanted(
            digest_of(files), partial(self._beside, survey, dict(files), TO_RULE), within_s
        )

    async def changes(self, pairs: Sequence[Pair]) -> Known[Mapping[Pair, Difference]]:
        """What stored rulebooks changed in those before them."""
        work = partial(self._beside, changes, self._desk.database, tuple(pairs))
        return await self._changes.wanted(tuple(pairs), work, SOON_S)

    async def compared(self, one: int, other: int) -> Known[list[FileDiff]]:
        """Two stored rulebooks, line by line."""
        before, after = await self.files(one), await self.files(other)
        return await self._diffs.wanted((one, other), partial(self._beside, compared, before, after), SOON_S)

    async def missed(self, days: int) -> Known[Missed]:
        """What nobody understood in the last days; of whoever is erased, nothing from then on."""
        erasures = self._desk.backend.store.privacy.erasures
        if erasures != self._erasures:
            self._erasures = erasures
            self._missed.forget()
        book = await self.book()
        until = self._desk.now()
        work = partial(
            self._beside,
            not_understood,
            self._desk.database,
            self._desk.backend.app_id,
            dict(book.files),
            until - timedelta(days=days),
            until,
        )
        return await self._missed.wanted((book.rulebook.digest, days, erasures), work, SOON_S)

    async def _beside(self, work: Callable[..., R], *arguments: object) -> R:
        async with self._one:
            return await beside(work, *arguments)


def _by_name(totals: Sequence[Total]) -> dict[str, int]:
    return {each.name: each.count for each in totals}


RULES: web.AppKey[RulesDesk] = web.AppKey("rules", RulesDesk)
