"""``backup`` and ``restore``: a checked copy of everything, and its way back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.database import database_file
from bot.cli.output import json_out, line
from bot.config import read_config
from bot.rulebook.problem import counted
from bot.store.sqlite.archive import no_database
from bot.store.sqlite.backing_up import Checked, back_up, check
from bot.store.sqlite.connection import take_lock
from bot.store.sqlite.restoring import Restored
from bot.store.sqlite.restoring import restore as put_back

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write everything into one checked file, also while a server runs."""
    database = database_file(read_config())
    if not database.is_file():
        raise no_database(database)
    began = time.monotonic()
    checked = back_up(database, file)
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        json_out(_plain(file, checked, seconds))
    else:
        line(
            f"{file}: {checked.size / 1_000_000:.1f} MB, schema {checked.schema}, {counted(checked.people, 'contact')} and "
            f"{counted(checked.messages, 'message')}, checked, in {seconds} s."
        )
        line("It holds what people wrote, keys and secrets: keep it as safe as the database.")


def _plain(file: Path, checked: Checked, seconds: float) -> dict[str, object]:
    return {
        "file": str(file),
        "bytes": checked.size,
        "schema": checked.schema,
        "contacts": checked.people,
        "messages": checked.messages,
        "seconds": seconds,
    }


def restore(
    file: BackupFile,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put a backup in the database's place; erasures and STOPs since are applied to it, and nothing leaves twice."""
    database = database_file(read_config())
    if not yes:
        os.close(take_lock(database))  # nobody is asked what a running server forbids
        checked = check(file)
        typer.confirm(
            f"Put {file} ({counted(checked.people, 'contact')}, {counted(checked.messages, 'message')}) in the place of {database}?",
            abort=True,
        )
    for each in told(put_back(file, database, datetime.now(UTC)), file, database):
        line(each)


def told(restored: Restored, file: Path, database: Path) -> Iterator[str]:
    """What came of it, in lines."""
    yield f"{database} is now what {file} holds."
    if restored.aside is not None:
        yield f"The database of before is kept as {restored.aside}; delete it when you need it no more, for it holds personal data."
    if restored.unreadable:
        yield (
            f"STOPs since the backup are not known, because {restored.unreadable}: whoever said STOP since would be written to. Look at "
            "Sinch's dashboard, or ask, before you send anything."
        )
        yield (
            "API keys and subscriptions that were revoked since the backup work again: look through `keys list` and "
            "`GET /v1/subscriptions`. Planned messages that were cancelled since leave at their time."
        )
    if restored.other_key:
        yield (
            "The backup is of another installation: buttons that were sent since it was made are no longer known, and erasures of "
            "people it does not hold cannot be recognised."
        )
    if restored.unmatched:
        yield (
            f"{counted(restored.unmatched, 'erasure')} listed beside the database could not be applied: their installation's key is lost."
        )
    yield f"Erased again: {restored.erased}. Consent newer than the backup, carried over: {counted(restored.stops, 'contact')}."
    yield (
        f"Planned messages that go on: {restored.planned}. Keys and subscriptions revoked since the backup, and revoked again: "
        f"{restored.revoked}."
    )
    yield (
        f"Held, so that nothing leaves twice: {counted(restored.held, 'message')}. Dead letters: "
        f"{counted(restored.dead, 'event')}. Dropped timers and calls {restored.dropped}. Paused: "
        f"{counted(restored.paused, 'campaign')}."
    )
