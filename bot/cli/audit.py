"""``doctor --audit``: does the database keep every promise, and who was left without an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.cli.database import database_file
from bot.cli.output import ERRORS_FOUND, json_out, out, safe, stop
from bot.config import read_config
from bot.errors import Misconfigured, ParleyError
from bot.rulebook.load import digest_of, load_stored
from bot.rulebook.problem import counted
from bot.store.sqlite.archive import open_archive
from bot.store.sqlite.audit import (
    FAULT,
    FORGIVEN,
    LISTED_FOR,
    QUESTIONS,
    SHOWN_MOST,
    Finding,
    Looked,
    OnQuestion,
    Unanswered,
    Why,
    look,
    look_through,
)
from bot.store.units import StoredRulebook

_UNREADABLE = (
    "This Parley cannot read it any more, so what depends on it goes on with today's rules. Save the rules anew, or run "
    "the Parley that they were made with."
)
_RESTORE = "Stop the server, keep the file and its log (-wal) as they are, and restore the newest backup."
_WHY: Mapping[Why, str] = {
    "dead": "it could not be decided, three times: mend the cause, then `events redrive {id}`",
    "lost": "its reply did not arrive: `messages failures` tells why; write to them",
    "nothing": "no rule answered it, and no colleague was told: add a rule, and write to them",
}


def audit(as_json: bool) -> None:
    """Print what was found; exits with 1 where that is anything."""
    try:
        config = read_config()
        path = database_file(config)
        with _progress() as on_question:
            unread = _unread(path)
            after_stop, unreadable = _rulebooks(path)
            looked = look(path, QUESTIONS, datetime.now(UTC), after_stop, config.window_margin, on_question)
    except ParleyError as error:
        raise stop(error) from None
    except sqlite3.Error as error:
        raise stop(Misconfigured(f"The database could not be read to its end ({error}). {_RESTORE}")) from None
    findings = [*looked.findings, *unreadable]
    if as_json:
        json_out(_plain(looked, findings, unread))
    else:
        _print(looked, findings, unread)
    if findings:
        raise typer.Exit(ERRORS_FOUND)


def _unread(path: Path) -> tuple[str, ...]:
    """The tables whose pages are too many to be looked through. Raises ``Misconfigured`` where one is damaged."""
    found = look_through(path)
    if found.damage:
        raise Misconfigured(f"The database {path} is damaged ({found.damage}). {_RESTORE}")
    return found.unread


def _rulebooks(path: Path) -> tuple[bool, list[Finding]]:
    """Whether rules that went live ever said ``after_stop: answer``: then what was answered after a STOP broke no promise. And what is
    wrong with what is stored."""
    after_stop, findings = False, list[Finding]()
    with closing(open_archive(path)) as archive:
        live = next((release.number for release in archive.releases(1)), None)
        for stored in archive.rulebooks():
            after_stop = after_stop or answers_after_stop(stored)
            findings += _amiss(stored, stored.number == live)
    return after_stop, findings


def answers_after_stop(stored: StoredRulebook) -> bool:
    """Whether it says so. Of one that this program cannot read, nobody knows, so it counts as if it did."""
    if not any(b"after_stop" in content for content in stored.files.values()):
        return False
    rulebook = load_stored(stored.files)
    return rulebook is None or rulebook.consent.after_stop == "answer"


def _amiss(stored: StoredRulebook, is_live: bool) -> Iterator[Finding]:
    which = f"the live rulebook {stored.number}" if is_live else f"rulebook {stored.number}"
    if digest_of(stored.files) != stored.digest:
        yield Finding("I11", f"{which} is not the one that was checked.", FAULT)
    elif is_live and load_stored(stored.files) is None:
        yield Finding("I11", f"{which} cannot be read.", _UNREADABLE)


@contextmanager
def _progress() -> Iterator[OnQuestion]:
    """A bar on a terminal's stderr; nothing where somebody pipes."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Looking", total=None)

        def told(asked: int, of: int, promise: str) -> None:
            bar.update(task, completed=asked, total=of, description=f"Looking at {promise}")

        yield told


def _plain(looked: Looked, findings: list[Finding], unread: tuple[str, ...]) -> object:
    return {
        "looked_at": looked.rows,
        "questions": looked.asked,
        "seconds": round(looked.seconds, 1),
        "states": looked.states,
        "findings": [{"promise": each.promise, "sentence": _sentence(each), "todo": each.todo} for each in findings],
        "more": list(looked.cut),
        "unread": list(unread),
        "unanswered": [
            {
                "event": each.inbox_id,
                "person": each.person,
                "received_at": each.received_at,
                "why": each.why,
                "todo": _WHY[each.why].format(id=each.inbox_id),
            }
            for each in looked.waiting
        ],
    }


def _print(looked: Looked, findings: list[Finding], unread: tuple[str, ...]) -> None:
    rows = ", ".join(f"{count} {name}" for name, count in looked.rows.items())
    out.print(f"Looked at {rows}.")
    asked = ", ".join(f"{promise} {count}" for promise, count in looked.asked.items())
    states = "one state" if looked.states == 1 else f"{looked.states} states"
    out.print(
        f"Asked {counted(sum(looked.asked.values()), 'question')} ({asked}) of {states} of the database, in "
        f"{looked.seconds:.1f} s. What is younger than {FORGIVEN.seconds} s was left out as being under way."
    )
    if unread:
        out.print(
            f"[yellow]![/] Not all pages of {', '.join(unread)} were looked at, as that takes too long beside a server: "
            "`backup` looks at all of them."
        )
    for each in findings:
        out.print(f"[red]✗[/] [bold]{each.promise}[/]: {safe(_sentence(each))}")
        out.print(f"    {safe(each.todo)}")
    for promise in looked.cut:
        out.print(f"[red]✗[/] [bold]{promise}[/]: there are more of the same kind than these {SHOWN_MOST}.")
    if not findings:
        out.print("[green]✓[/] Every promise is kept, as far as the database can tell.")
    _print_waiting(looked.waiting)


def _print_waiting(waiting: tuple[Unanswered, ...]) -> None:
    if not waiting:
        out.print(f"[green]✓[/] Nobody who wrote in the last {LISTED_FOR.days} days was left without an answer.")
        return
    out.print(f"[yellow]![/] {counted(len(waiting), 'message')} of the last {LISTED_FOR.days} days ended in nothing:")
    for each in waiting[:SHOWN_MOST]:
        why = _WHY[each.why].format(id=each.inbox_id)
        out.print(
            f"    {each.received_at:%Y-%m-%d %H:%M} UTC, person {each.person}, event {each.inbox_id}: {safe(why)}."
        )
    if len(waiting) > SHOWN_MOST:
        out.print(f"    and {len(waiting) - SHOWN_MOST} more, which --format json lists.")


def _sentence(finding: Finding) -> str:
    return f"{finding.sentence[:1].upper()}{finding.sentence[1:]}"
