"""A backup: one file, written beside a running server, that was looked through before it got its name.

``VACUUM INTO`` reads one snapshot through a connection of its own; the writer goes on, only its log grows meanwhile. The copy holds no
unused bytes, so nothing of what was erased before.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.crash import reach
from bot.errors import Misconfigured, Refused
from bot.store.sqlite.connection import migrations, schema_version
from bot.store.sqlite.disk import fsync
from bot.store.sqlite.exporting import beside


@dataclass(frozen=True, slots=True)
class Checked:
    """A database file that was looked through and found sound."""

    schema: int
    people: int
    messages: int
    size: int
    key: bytes


def back_up(database: Path, target: Path) -> Checked:
    """Write a checked copy of ``database``, which a server may be using, to ``target``; only this user may read it.

    Raises ``Refused`` where ``target`` is there already, ``Misconfigured`` where it cannot be written or the copy is not sound. A crash
    leaves at most a file beside the target whose name ends in ``.partial``.
    """
    if target.exists():
        raise Refused(f"{target} is there already.", "file-exists", "Name a new file, or move that one away.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(beside(database)) as connection:
            connection.execute(
                "PRAGMA query_only=OFF"
            )  # it is opened read-only; the pragma forbids another file as well
            connection.execute("VACUUM INTO ?", (str(partial.absolute()),))
        reach("backup.copied")
        checked = check(partial)
        fsync(partial)
        reach("backup.checked")
        os.link(partial, target)  # unlike renaming, it takes nobody's place
        fsync(target.parent)
    except FileExistsError:
        raise Refused(f"{target} is there already.", "file-exists", "Name a new file, or move that one away.") from None
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Misconfigured(
            f"The backup {target} cannot be written ({why}); check that its folder exists, may be written and has room."
        ) from None
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return checked


def check(path: Path) -> Checked:
    """Look a database file through that nobody is using. Raises ``Misconfigured`` with what is wrong with it."""
    if not path.is_file():
        raise Misconfigured(f"{path} is no file; name one that `backup` wrote.")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return _checked(path, connection)
    except sqlite3.Error as error:
        raise Misconfigured(f"{path} cannot be read as a database ({error}); take another backup.") from None


def _checked(path: Path, connection: sqlite3.Connection) -> Checked:
    told = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if told != "ok":
        raise Misconfigured(f"{path} is damaged ({told}); take another backup.")
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise Misconfigured(f"{path} is damaged: a row of {broken[0]} points to nothing; take another backup.")
    schema, newest = schema_version(connection), migrations()[-1][0]
    if not schema:
        raise Misconfigured(f"{path} is no database of Parley's; name a file that `backup` has written.")
    if schema > newest:
        raise Misconfigured(
            f"{path} has schema {schema}, and this Parley knows up to {newest}; use the newer Parley that wrote it."
        )
    key = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    if key is None:
        raise Misconfigured(f"{path} lacks the installation's key; take another backup.")
    people, messages = connection.execute(
        "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM outbox WHERE kind = 'message')"
        " + (SELECT count(*) FROM inbox WHERE kind = 'inbound')"
    ).fetchone()
    return Checked(schema, people, messages, path.stat().st_size, bytes(key[0]))
