"""Opening the file: one writer for the whole machine, pragmas, migrations."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import suppress
from importlib import resources
from pathlib import Path

from bot.crash import reach
from bot.errors import Misconfigured

OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=250",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-32000",
    "PRAGMA wal_autocheckpoint=4000",
    "PRAGMA journal_size_limit=67108864",  # what a long reader let the log grow to goes back to the disk
)


def lock_path(path: Path) -> Path:
    """The lock file beside the database: whoever holds it is the one writer."""
    return path.with_name(path.name + ".lock")


def socket_path(path: Path) -> Path:
    """Where the writer listens for commands that want something written."""
    return path.with_name(path.name + ".sock")


def restoring_path(path: Path) -> Path:
    """Where a backup is made fit for use before it takes the database's place."""
    return path.with_name(path.name + ".restoring")


def remove_half_restored(path: Path) -> None:
    """What a killed restore left: it may hold people who were erased since. The caller holds the lock."""
    made = restoring_path(path)
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            made.with_name(made.name + suffix).unlink()


def take_lock(path: Path) -> int:
    """Hold the database for this process; the file descriptor lets go when it is closed or the process dies."""
    try:
        new_file(lock_path(path))
        descriptor = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        lock = lock_path(path)
        what = f"lock {lock} of the database" if lock.exists() else f"database folder {path.parent}"
        raise Misconfigured(
            f"The {what} cannot be written ({error.strerror}); give this user the right to write there, "
            "or set DATABASE_URL to another place."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Misconfigured(
            f"Another Parley is already using the database {path}; stop it first, or set DATABASE_URL to another file."
        ) from None
    return descriptor


def new_file(path: Path) -> None:
    """The file, empty and its owner's alone, unless it is there.

    Made by root it belongs to whom its folder belongs to: a command that root runs must not leave what the service cannot open.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return  # and keeps its owner, since a link to something else may stand there
    try:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


def connect(path: Path) -> sqlite3.Connection:
    """The writing connection: autocommit off by hand (we say BEGIN ourselves), statements cached."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise Misconfigured(
            f"SQLite {sqlite3.sqlite_version} is too old; Parley needs 3.37 or later. Use a newer Python build or system."
        )
    with suppress(OSError):  # SQLite will say what is wrong
        new_file(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error as error:
        cure = "check that its folder exists and can be written"
        if path.is_dir():
            cure = "it is a folder; DATABASE_URL needs a file in it"
        elif isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            cure = "the file is something else; set DATABASE_URL to another file"
        raise Misconfigured(f"The database {path} cannot be opened ({error}); {cure}.") from None
    path.chmod(0o600)
    return connection


def migrations() -> list[tuple[int, str]]:
    """Number and text of every schema step, in order."""
    folder = resources.files("bot.store.migrations") / "sqlite"
    steps = [(int(entry.name[:4]), entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted(steps)


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last step this file went through; 0 when it is new."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the schema up to this program's, one transaction a step; returns how many steps ran.

    Refuses a file that a newer program has written.
    """
    steps = migrations()
    found, newest = schema_version(connection), steps[-1][0]
    if found > newest:
        raise Misconfigured(
            f"The database has schema {found}, and this Parley knows up to {newest}; run the newer Parley that wrote it."
        )
    for number, text in steps[found:]:
        connection.executescript(f"BEGIN IMMEDIATE;\n{text}\nPRAGMA user_version={number};")
        reach("migrate.in_transaction")
        connection.execute("COMMIT")
    return len(steps[found:])


def installation_key(connection: sqlite3.Connection) -> bytes:
    """The 32 random bytes of this installation, made at first sight."""
    connection.execute("INSERT OR IGNORE INTO setting (name, value) VALUES ('installation_key', ?)", (os.urandom(32),))
    row = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    return bytes(row[0])
