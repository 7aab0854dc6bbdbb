"""``rules``: which rules answered when, going back to earlier ones, and how they stand now."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from bot.cli.database import ask_running, database_file, own_store
from bot.cli.output import ERRORS_FOUND, line, run
from bot.config import Config, read_config
from bot.rulebook.difference import Difference, difference
from bot.rulebook.load import load
from bot.rulebook.problem import listed
from bot.store.port import Archive
from bot.store.sqlite.archive import no_database, open_archive
from bot.store.units import Release
from bot.work.reload import RulesState, state_of, stored_rulebook

rules = typer.Typer(no_args_is_help=True, help="Which rules answer, and which did before.")

NAMED_MOST: Final = 8


@rules.callback()
def group() -> None:
    """Which rules answer, and which did before."""


@rules.command()
def history(limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 10) -> None:
    """List which rulebook went live when, who saved it, and what it changed."""
    path = database_file(read_config())
    with closing(open_archive(path)) as archive:
        releases = archive.releases(limit + 1)
        if not releases:
            line("No rules have been live yet.")
        for each in _told(archive, releases, limit):
            line(each)


@rules.command()
def rollback(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=2**31 - 1, help="The rulebook's number in the history.")
    ],
) -> None:
    """Let an earlier rulebook answer again, until a rule file is saved."""
    config = read_config()
    replaced = run(lambda: _rollback(config, number))
    line(f"Rulebook {number} is live again, in place of {replaced}. It stays until a rule file is changed.")


@rules.command()
def status() -> None:
    """Tell which rules are live, what keeps the folder's from it, and who is in the middle of a question."""
    config = read_config()
    state = run(lambda: _state(config))
    for each in _standing(state):
        line(each)
    if any(problem["severity"] == "error" for problem in state["problems"]):
        raise typer.Exit(ERRORS_FOUND)


# --- history ------------------------------------------------------------------------------------------------------------


def _told(archive: Archive, releases: Sequence[Release], limit: int) -> Iterator[str]:
    files: dict[int, Mapping[str, bytes]] = {}

    def files_of(release: Release) -> Mapping[str, bytes]:
        if release.number not in files:
            stored = archive.rulebook(release.number)
            files[release.number] = stored.files if stored is not None else {}
        return files[release.number]

    for position, release in enumerate(releases[:limit]):
        yield _headline(release)
        if position + 1 == len(releases):
            yield "      the first rules"
        else:
            yield from _changes(difference(files_of(releases[position + 1]), files_of(release)))


def _headline(release: Release) -> str:
    what = f"rolled back from {release.rolled_back_from}" if release.rolled_back_from else release.why
    parts = (_moment(release.live_from), release.who, what)
    return f"{release.number:4}  {'  '.join(part for part in parts if part)}"


def _changes(found: Difference) -> Iterator[str]:
    for what, names in (
        ("files", found.files),
        ("rules added", found.added),
        ("rules changed", found.changed),
        ("rules removed", found.removed),
    ):
        if names:
            yield f"      {what}: {_some(names)}"
    if found.reordered:
        yield "      the rules come in another order"


def _some(names: Sequence[str]) -> str:
    if len(names) <= NAMED_MOST:
        return listed(names)
    return f"{', '.join(names[:NAMED_MOST])} and {len(names) - NAMED_MOST} more"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


# --- rollback -----------------------------------------------------------------------------------------------------------


async def _rollback(config: Config, number: int) -> int:
    """The number that was live before."""
    who = os.environ.get("SUDO_USER") or getpass.getuser()
    answer = await ask_running(config, {"command": "rules.rollback", "number": number, "who": who})
    if answer is not None:
        return int(str(answer["replaced"]))
    if not (path := database_file(config)).exists():
        raise no_database(path)
    async with own_store(config) as store:
        last = await store.last_good_rulebook()
        live = last.number if last is not None else 0
        await stored_rulebook(store, number, live)
        await store.go_back(number, who, datetime.now(UTC))
        return live


# --- status -------------------------------------------------------------------------------------------------------------


async def _state(config: Config) -> Mapping[str, Any]:
    answer = await ask_running(config, {"command": "rules.status"})
    if answer is not None:
        return answer
    problems = load(config.rules_dir).problems
    if not database_file(config).exists():  # which looking must not make
        return {**RulesState(0, None, "", 0, problems, {}).as_plain(), "stopped": True}
    async with own_store(config) as store:
        return {**(await state_of(store, problems)).as_plain(), "stopped": True}


def _standing(state: Mapping[str, Any]) -> Iterator[str]:
    if state.get("stopped"):
        yield "The server is not running."
    yield _live(state)
    problems: Sequence[Mapping[str, Any]] = state["problems"]
    errors = sum(problem["severity"] == "error" for problem in problems)
    if errors:
        yield "What the folder holds is not live:" if state["version"] else "What the folder holds cannot go live:"
    for problem in problems:
        warning = "Warning: " if problem["severity"] == "warning" else ""
        yield f"  {problem['file']}:{problem['line']}:{problem['column']}: {warning}{problem['sentence']}"
    yield from _people(state)


def _live(state: Mapping[str, Any]) -> str:
    if not state["version"]:
        return "No rules have been live yet."
    since = _moment(datetime.fromisoformat(state["live_from"]))
    who = f" by {state['who']}" if state["who"] else ""
    back = f", rolled back from {state['rolled_back_from']}" if state["rolled_back_from"] else ""
    return f"Rulebook {state['version']} is live since {since}{who}{back}."


def _people(state: Mapping[str, Any]) -> Iterator[str]:
    """Who is in the middle of a question: rule by rule, the live version's first."""
    versions = sorted(state["people"].items(), key=lambda each: (int(each[0]) != state["version"], -int(each[0])))
    for version, asked in versions:
        for rule, count in sorted(asked.items()):
            people = "1 person is" if count == 1 else f"{count} people are"
            older = "" if int(version) == state["version"] else f" of rulebook {version}"
            yield f"{people} in the middle of rule {rule}{older}."
