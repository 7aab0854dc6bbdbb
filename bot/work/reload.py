"""Going live: a save is noticed, approved in a child process, stored, and answers from then on; or the last good rulebook stays.

What is saved while a save is being approved takes its place. One child at a time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from watchfiles import Change, awatch

from bot.core.rulebook import Rulebook
from bot.crash import reach
from bot.errors import Refused, Retry
from bot.rulebook.approval import Approval, approve, approve_stored
from bot.rulebook.load import digest_of, is_rule_file, read_folder, rule_files
from bot.rulebook.problem import Problem, Problems
from bot.store.port import Store
from bot.work.affected import affected
from bot.work.clock import Clock
from bot.work.live import LiveRules, rolled_back

QUIET_S: Final = 0.25  # a save, or a pull of many files, is over when nothing has changed for so long
MOST_WAIT_S: Final = 5.0  # and is looked at all the same after so long
LOOK_EVERY_S: Final = 2.0  # for what the system does not tell of: a folder that was replaced, a network drive
MOST_RESTLESS: Final = 5
STORE_PAUSE: Final = timedelta(seconds=1)
CHILD_PAUSE: Final = timedelta(
    minutes=5
)  # until the same files are tried again, where the child failed and not the rules

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RulesState:
    """How the rules stand. ``problems`` are of the folder as last tried: with an error among them it is not live. ``people``: how many
    are in the middle of a question of each rule, by version."""

    version: int
    live_from: datetime | None
    who: str
    rolled_back_from: int
    problems: tuple[Problem, ...]
    people: Mapping[int, Mapping[str, int]]

    @property
    def on_older(self) -> int:
        """How many people older versions still ask."""
        return sum(sum(rules.values()) for version, rules in self.people.items() if version != self.version)

    def as_plain(self) -> dict[str, object]:
        """The JSON form; ``problems`` as lines of ``check``."""
        return {
            "version": self.version,
            "live_from": self.live_from.isoformat() if self.live_from is not None else "",
            "who": self.who,
            "rolled_back_from": self.rolled_back_from,
            "problems": [problem.as_plain() for problem in self.problems],
            "people": {str(version): dict(rules) for version, rules in self.people.items()},
            "on_older": self.on_older,
        }


async def state_of(store: Store, problems: tuple[Problem, ...]) -> RulesState:
    """How the rules stand by what the database knows, and by ``problems`` of the folder."""
    releases, people = await store.releases(1), await store.asking()
    if not releases:
        return RulesState(0, None, "", 0, problems, people)
    last = releases[0]
    return RulesState(last.number, last.live_from, last.who, last.rolled_back_from, problems, people)


class Reloader:
    """The task that takes saves live: from then on ``live`` answers by them."""

    def __init__(self, folder: Path, store: Store, live: LiveRules, clock: Clock) -> None:
        self._folder = folder
        self._store = store
        self._live = live
        self._clock = clock
        self._saved = asyncio.Event()
        self._ended = asyncio.Event()
        self._changing = asyncio.Lock()  # by a save, or by a rollback
        self._tried = ""  # digest of the files that were refused last
        self._restless = 0  # tries in a row during which the folder changed
        self._remarks: tuple[Problem, ...] = ()
        self._outcome = asyncio.Event()  # something was tried that ``next_outcome`` has not told of
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Look at the folder now."""
        self._saved.set()

    def stop(self) -> None:
        """End ``run``. What is being approved is dropped: the next start finds it in the folder."""
        self._ended.set()
        for task in self._tasks:
            task.cancel()

    async def run(self) -> None:
        """Take every save live that may go live, until stopped."""
        if self._ended.is_set():
            return
        self._saved.set()  # what was saved since the start
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._work())]
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            if not self._ended.is_set():
                raise
        finally:
            if not self._ended.is_set():
                self.stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def state(self) -> RulesState:
        """How the rules stand now, with what the database knows of it."""
        return await state_of(self._store, (*self._live.problems, *self._remarks))

    async def next_outcome(self) -> RulesState:
        """How the rules stand once the next save went live, was refused, or was taken back. For one listener."""
        await self._outcome.wait()
        self._outcome.clear()
        return await self.state()

    async def roll_back(self, number: int, who: str) -> int:
        """Let a stored rulebook answer again, until the folder holds something else than now. Returns which one it replaces; ``Refused``
        where it cannot."""
        async with self._changing:
            from_number = self._live.live.version
            rulebook, problems = await stored_rulebook(self._store, number, from_number)
            asking = await self._people()
            await self._store.go_back(number, who, self._clock.now())
            await self._swap(replace(rulebook, version=number), problems, asking)
            log.warning("rules_rolled_back", version=number, rolled_back_from=from_number, who=who)
            return from_number

    # --- noticing -------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Wake ``_work`` on every change, however the folder comes and goes."""
        told = ""
        while not self._ended.is_set():
            try:
                await self._watch_one(await asyncio.to_thread(_inode, self._folder))
                told = ""
            except OSError as trouble:
                if told != trouble.strerror:
                    told = str(trouble.strerror)
                    log.warning("rules_unwatched", folder=str(self._folder), reason=told)
                await _wait(self._ended, LOOK_EVERY_S)
            self.wake()

    async def _watch_one(self, inode: tuple[int, int]) -> None:
        """Until there is another folder of this name. Every so often it is looked at without having been told to."""
        seen = await asyncio.to_thread(_signature, self._folder)
        changes = awatch(
            self._folder,
            watch_filter=_matters,
            debounce=int(QUIET_S * 1000),
            stop_event=self._ended,
            rust_timeout=int(LOOK_EVERY_S * 1000),
            yield_on_timeout=True,
        )
        async with aclosing(changes):
            async for found in changes:
                now = await asyncio.to_thread(_signature, self._folder)
                if found or now != seen:
                    seen = now
                    self.wake()
                if await asyncio.to_thread(_inode, self._folder) != inode:
                    return

    async def _quiet(self) -> None:
        """Return once the files have not changed for a moment: half of a pull is no rulebook."""
        until = asyncio.get_running_loop().time() + MOST_WAIT_S
        before = None
        while (now := await asyncio.to_thread(_signature, self._folder)) != before:
            before = now
            if asyncio.get_running_loop().time() >= until:
                return
            await asyncio.sleep(QUIET_S)

    # --- going live -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._ended.is_set():
            await self._saved.wait()
            await self._quiet()
            self._saved.clear()
            try:
                async with self._changing:
                    pause = await self._reload()
            except Retry as trouble:
                log.error("rules_store_unavailable", reason=str(trouble))
                pause = STORE_PAUSE
            if pause is not None:
                await self._clock.wait_until(self._clock.now() + pause, self._saved)
                self._saved.set()

    async def _reload(self) -> timedelta | None:
        """Try what the folder holds; returns when to try the same again, or None."""
        if not await self._is_news(await asyncio.to_thread(_digest, self._folder)):
            return None
        approval = await approve(self._folder)
        if approval.rulebook is None:
            self._refuse(approval)
            return None if approval.digest else CHILD_PAUSE
        if await self._was_saved_meanwhile(approval.digest):
            self._saved.set()
        elif await self._is_news(approval.digest):
            await self._go_live(approval, approval.rulebook)
        return None

    async def _was_saved_meanwhile(self, digest: str) -> bool:
        """Whether the folder holds something else by now: then what was approved may be half of a save, which the next try sees whole.

        Somebody who saves without a pause is not waited for for ever.
        """
        changed = await asyncio.to_thread(_digest, self._folder) != digest
        self._restless = self._restless + 1 if changed else 0
        return 0 < self._restless <= MOST_RESTLESS

    async def _is_news(self, digest: str) -> bool:
        if digest == self._live.live.digest or digest in await rolled_back(self._store):
            if self._live.problems:
                self._outcome.set()
            self._live.problems, self._tried = (), ""
            return False
        return digest != self._tried

    def _refuse(self, approval: Approval) -> None:
        errors = tuple(problem for problem in approval.problems if problem.severity == "error")
        self._live.problems, self._tried = errors, approval.digest
        self._outcome.set()
        log.error("rules_refused", errors=len(errors), serving=self._live.live.version)

    async def _go_live(self, approval: Approval, rulebook: Rulebook) -> None:
        asking = await self._people()
        reach("reload.approved")
        number = await self._store.save_rulebook(approval.digest, approval.files, self._clock.now(), approval.who)
        reach("reload.stored")
        self._live.problems, self._tried = (), ""
        await self._swap(replace(rulebook, version=number), approval.problems, asking)
        reach("reload.swapped")
        warnings = sum(problem.severity == "warning" for problem in approval.problems)
        self._outcome.set()
        log.info("rules_live", version=number, warnings=warnings, who=approval.who)

    async def _swap(
        self, rulebook: Rulebook, problems: Sequence[Problem], asking: Mapping[int, Mapping[str, int]]
    ) -> None:
        """Let what was approved and stored answer from now on."""
        held = {**self._live.rulebooks.older, self._live.live.version: self._live.live}
        changed = tuple(affected(held, rulebook, asking))
        del held
        self._remarks = (*changed, *(each for each in problems if each.severity == "warning"))
        for steps in self._live.swap(rulebook, asking):
            for _ in steps:  # freed at once, a large rulebook would hold everybody up
                await asyncio.sleep(0)
        if changed:
            log.warning("rules_question_changed", version=rulebook.version, rules=len(changed))

    async def _people(self) -> Mapping[int, Mapping[str, int]]:
        """Who is in the middle of a question, with the versions of all of them at hand."""
        asking = await self._store.asking()
        await self._hold(asking)
        return asking

    async def _hold(self, versions: Iterable[int]) -> None:
        """Have at hand all versions that people are in the middle of."""
        for version in sorted({*versions} - {self._live.live.version, *self._live.rulebooks.older}):
            stored = await self._store.rulebook(version)
            approval = await approve_stored(stored.files) if stored is not None else None
            if approval is None or approval.rulebook is None:
                log.warning("rules_version_unusable", version=version)
            else:
                self._live.hold(replace(approval.rulebook, version=version))


async def stored_rulebook(store: Store, number: int, live: int) -> tuple[Rulebook, Sequence[Problem]]:
    """A stored rulebook that is to answer again, in place of ``live``, with what is to be said of it. ``Refused`` where it cannot."""
    stored = await store.rulebook(number)
    if stored is None:
        raise Refused(f"There is no rulebook {number}.", "unknown_rulebook", "`rules history` lists them.", 404)
    if number == live:
        raise Refused(f"Rulebook {number} is live already.", "rulebook_is_live", "`rules history` lists the others.")
    approval = await approve_stored(stored.files)
    if approval.rulebook is None:
        first = next(each for each in approval.problems if each.severity == "error")
        raise Refused(f"Rulebook {number} cannot go live any more: {first}", "rulebook_unsound", "Choose another one.")
    return approval.rulebook, approval.problems


def _matters(change: Change, path: str) -> bool:
    """Whether it may be a rule file or a folder; editors' own files are neither."""
    name = os.path.basename(path)
    return is_rule_file(name) or "." not in name.strip(".")


def _signature(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What tells one state of the files from another without reading them."""
    found: list[tuple[str, int, int, int]] = []
    for path in rule_files(folder):
        try:
            status = path.stat()
        except OSError:
            continue  # just deleted, or not to be seen: reading it will tell
        found.append((str(path), status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _digest(folder: Path) -> str:
    return digest_of(read_folder(folder, Problems()))


def _inode(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
