"""``consent``: the ledger of what people agreed to, of one person, out to a file, and in from one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.cli.consent_file import ReadFile, ReadRow, head, read_rows, written
from bot.cli.database import ask_running, database_file, own_store
from bot.cli.output import ERRORS_FOUND, aside, line, run
from bot.config import Config, read_config
from bot.core.consent_reasons import LedgerRow, allowed_because
from bot.core.conversation import WINDOW
from bot.core.delivery import Policy
from bot.errors import Failed, Misconfigured
from bot.rulebook.problem import counted
from bot.store.port import Archive
from bot.store.sqlite.archive import open_archive
from bot.web.api.address import contact_of
from bot.web.api.consents import row_to_plain
from bot.work.rulebook_shelf import Shelf

PART: Final = 500  # rows in one transaction: others wait meanwhile
PAGE: Final = 2000
LISTED_MOST: Final = 50

Bring = Callable[[Sequence[ReadRow], bool], Awaitable[Sequence[str]]]

consent = typer.Typer(no_args_is_help=True, help="What people agreed to: the ledger, out to a file and in from one.")


@consent.callback()
def group() -> None:
    """What people agreed to: the ledger, out to a file and in from one."""


# --- show ---------------------------------------------------------------------------------------------------------------


@consent.command()
def show(
    identity: Annotated[str, typer.Argument(metavar="IDENTITY", help="A phone number, or another known identity.")],
) -> None:
    """Tell what one person agreed to, every word of it, and whether a message would be allowed now."""
    config = read_config(needs=("app_id",))
    with closing(open_archive(database_file(config))) as archive:
        contact = contact_of(identity.strip(), config.app_id)
        conversation = archive.conversation_of(contact)
        if conversation is None:
            raise Misconfigured(f'Nobody of the identity "{identity}" is known. Check the number.')
        rows, now, policy = archive.consent_of(contact), datetime.now(UTC), _policy(archive)
        closes_at = conversation.window.closes_at
        wrote_at = None if closes_at is None else closes_at - WINDOW
        for what, category in (("messages", "utility"), ("marketing", "marketing")):
            found = allowed_because(rows, category, wrote_at, answers=False, at=now, policy=policy)
            line(f"{what}: {found.sentence}")
        for row in reversed(rows):
            line(_told(row))


def _policy(archive: Archive) -> Policy:
    """As the live rules say."""
    releases = archive.releases(1)
    if not releases:
        return Policy()
    words = Shelf(archive.rulebook).rulebook(releases[0].number).consent
    return Policy(answer_after_stop=words.after_stop == "answer", marketing=words.marketing)


def _told(row: LedgerRow) -> str:
    proof = f" (proof: {row.proof})" if row.proof else ""
    return f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}  {row.purpose:9}  {row.state:8}  {row.source}{proof}"


# --- export -------------------------------------------------------------------------------------------------------------


@consent.command("export")
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A new file; standard output when left out.")
    ] = None,
) -> None:
    """Write everybody's consent as CSV, also while the server runs; `consent import` reads it back."""
    config = read_config(needs=("app_id",))
    with closing(open_archive(database_file(config))) as archive:
        pages = _pages(archive, config.app_id)
        if file is None:
            for page in pages:
                line(page.rstrip("\n"))
            return
        if file.exists():  # it may be the list that somebody meant to import
            raise Misconfigured(f"{file} is there already; name a new file, or move that one away.")
        _write(file, pages)
    aside(f"Written to {file}. It holds people's numbers; keep it as safe as the database.")


def _pages(archive: Archive, app: str) -> Iterator[str]:
    yield head()
    after = 0
    while rows := archive.consent_rows(app, after, PAGE):
        if text := written(rows):
            yield text
        after = rows[-1].id


def _write(file: Path, pages: Iterator[str]) -> None:
    """Whole or not at all. A spreadsheet knows by the mark at its beginning that it is UTF-8."""
    part = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8-sig", newline="") as out:
            out.writelines(pages)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Misconfigured(f"{file} cannot be written ({error.strerror}); name another file.") from None


# --- import -------------------------------------------------------------------------------------------------------------


@consent.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with identity, purpose, state, source, proof, at.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be imported.")] = False,
) -> None:
    """Add the rows of a CSV file to the ledger; with one bad row nothing is imported. Safe to repeat."""
    config = read_config(needs=("app_id",))
    try:
        read = read_rows(file.read_bytes(), config.app_id, datetime.now(UTC))
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read ({error.strerror}); name another file.") from None
    except Failed as failed:
        raise Failed(f"{file}: {failed}", failed.code) from None
    if not read.rows and not read.faults:
        aside(f"{file} has no rows.")
        return
    faults, outcomes = run(lambda: _import(config, read, dry_run))
    if faults:
        _list(faults)
        aside(
            f"{counted(len(faults), 'row')} of {file} cannot be imported, so nothing was. Mend them and import again."
        )
        raise typer.Exit(ERRORS_FOUND)
    line(_summary(outcomes, dry_run))


async def _import(config: Config, read: ReadFile, dry_run: bool) -> tuple[list[tuple[int, str]], Counter[str]]:
    """The faults, or what became of the rows."""
    # A person's rows stand together, in the order in which they count.
    rows = sorted(
        read.rows, key=lambda each: (each.row.contact, each.row.change.at, each.row.change.state == "stopped")
    )
    async with _door(config) as bring:
        checked = await _through(rows, bring, "Checking", dry_run=True)
        faults = [*read.faults, *_faults(rows, checked)]
        if faults or dry_run:
            return sorted(faults), Counter(checked)
        return [], Counter(await _through(rows, bring, "Importing", dry_run=False))


def _faults(rows: Sequence[ReadRow], outcomes: Sequence[str]) -> Iterator[tuple[int, str]]:
    for each, outcome in zip(rows, outcomes, strict=True):
        if outcome == "unknown":
            yield each.line, each.doubt
        elif outcome == "needs_proof":
            yield each.line, "proof: the person said STOP, so an opt-in needs a proof."


async def _through(rows: Sequence[ReadRow], bring: Bring, title: str, dry_run: bool) -> list[str]:
    """Part by part, so that a server answers others in between."""
    outcomes: list[str] = []
    with _bar(title, len(rows)) as advance:
        for part in _parts(rows):
            outcomes += await bring(part, dry_run)
            advance(len(part))
    return outcomes


def _parts(rows: Sequence[ReadRow]) -> Iterator[Sequence[ReadRow]]:
    """Of about ``PART`` rows, never between two rows of one person."""
    begin = 0
    while begin < len(rows):
        end = min(begin + PART, len(rows))
        while end < len(rows) and rows[end].row.contact == rows[end - 1].row.contact:
            end += 1
        yield rows[begin:end]
        begin = end


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr; nothing where somebody pipes."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)


@asynccontextmanager
async def _door(config: Config) -> AsyncIterator[Bring]:
    """Into the ledger: through the running server, else into the file itself."""
    if await ask_running(config, {"command": "status"}) is not None:
        yield lambda rows, dry_run: _ask(config, rows, dry_run)
        return
    async with own_store(config) as store:
        yield lambda rows, dry_run: store.contacts.bring_in([each.row for each in rows], datetime.now(UTC), dry_run)


async def _ask(config: Config, rows: Sequence[ReadRow], dry_run: bool) -> Sequence[str]:
    request = {"command": "consent.import", "rows": [row_to_plain(each.row) for each in rows], "dry_run": dry_run}
    answer: Any = await ask_running(config, request)
    if answer is None:
        raise Misconfigured("The server has stopped; import the file again, which leaves out what is there already.")
    return [str(each) for each in answer["outcomes"]]


def _list(faults: Sequence[tuple[int, str]]) -> None:
    for number, sentence in faults[:LISTED_MOST]:
        line(f"line {number}: {sentence}")
    if len(faults) > LISTED_MOST:
        line(f"and {len(faults) - LISTED_MOST} more")


def _summary(outcomes: Counter[str], dry_run: bool) -> str:
    parts = [f"{'Would import' if dry_run else 'Imported'} {counted(outcomes['counts'], 'row')}"]
    if outcomes["there_already"]:
        parts.append(f"{outcomes['there_already']} there already")
    if outcomes["older"]:
        parts.append(f"{outcomes['older']} older than what counts")
    late = outcomes["needs_proof"] + outcomes["unknown"]
    if late:  # it was fine when it was checked
        parts.append(f"{late} left out, as the person said STOP meanwhile")
    return "; ".join(parts) + "."
