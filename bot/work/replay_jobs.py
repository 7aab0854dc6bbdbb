"""A replay over a whole database, side by side in as many processes as there are cores: no person's events are split between two."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.core.rulebook import Rulebook, Rulebooks
from bot.errors import Failed
from bot.rulebook.load import digest_of, load_stored
from bot.store.sqlite.archive import open_archive
from bot.work.inbox import Deciding
from bot.work.replay import Replay, Report
from bot.work.rulebook_shelf import Shelf
from bot.work.stored_events import reader

FEWEST_PEOPLE = 500  # of whom processes side by side are worth their start
PARTS_A_PROCESS = 4  # so that progress shows and no process is left with all the talkative people


@dataclass(frozen=True, slots=True)
class Job:
    """What to replay: ``files`` are the rules to try, as read, of which the caller knows that they are sound."""

    database: Path
    app_id: str
    files: Mapping[str, bytes]
    since: datetime
    until: datetime
    limit: int | None = None


def replayed(job: Job, processes: int, progress: Callable[[int, int], None]) -> Report:
    """The report on ``job``; ``progress`` is told how many of how many parts are done. ``limit`` is shared by one process alone."""
    if processes <= 1 or job.limit is not None or _is_small(job):
        report = replay_part(job, 0, 1)
        progress(1, 1)
        return report
    parts = processes * PARTS_A_PROCESS
    whole = Report()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        with _deaf_to_ctrl_c():
            futures = [pool.submit(replay_part, job, index, parts) for index in range(parts)]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                whole.add(future.result())
                progress(done, parts)
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    whole.differences.sort(key=lambda each: (each.at, each.inbox_id))
    return whole


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started meanwhile do not hear a Ctrl-C, which goes to the whole terminal: they are ended by this one."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _is_small(job: Job) -> bool:
    """Whether starting processes would take longer than deciding."""
    with closing(open_archive(job.database)) as archive:
        return len(archive.people(job.since, job.until)) < FEWEST_PEOPLE


def replay_part(job: Job, index: int, of: int) -> Report:
    """One part of the people, in this process. Raises ``Failed`` where the rules cannot be read."""
    with closing(open_archive(job.database)) as archive:
        edited = _built(job.files)
        deciding = deciding_of(job.app_id, edited, archive.installation_key)
        replay = Replay(edited, Shelf(archive.rulebook), deciding)
        return replay.over(archive.traces(job.since, job.until, (index, of), job.limit, job.app_id))


def deciding_of(app_id: str, rulebook: Rulebook, key: bytes) -> Deciding:
    """What reading stored events takes."""
    return Deciding(read=reader(app_id), rulebooks=lambda: Rulebooks(rulebook), button_key=key)


_BUILT: dict[str, Rulebook] = {}


def _built(files: Mapping[str, bytes]) -> Rulebook:
    """Built once a process, whatever number of parts it does."""
    name = digest_of(files)
    if name not in _BUILT:
        found = load_stored(files)
        if found is None:
            raise Failed("The rules to try cannot be read.", "unreadable")
        _BUILT.clear()
        _BUILT[name] = found
    return _BUILT[name]
