"""Zeros where no cell is: what SQLite leaves behind in the unused middle of pages.

With ``secure_delete`` a deleted row is overwritten where it lies, and a freed page is zeroed. One remainder stays: when a page is split or
balanced, the cells that move to another page leave copies in what is now the page's unallocated middle (of 300 people deleted one or two
had such a copy). Only VACUUM is documented to take them away, and it would keep the writer for as long as the whole file takes to be
written. So the middles are zeroed in place. No program reads them: they lie between the end of a page's cell pointers and the start of
its cell content (SQLite, database file format, b-tree pages).

Why nothing is missed, while others go on writing: ``freeze`` writes the log back, cuts it to nothing and begins a read transaction of the
file alone. As long as that is open nobody may write to the file, so ``remains`` sees every page as it was then; and what is written
meanwhile stays in the log, which names its pages. A middle comes to another page only with a page that is written. So what was found
and what the log names is all there can be.

Why it is safe: a page is zeroed with the log empty and the writer locked out, as the page then says where its middle is; the writer keeps
no page of before in memory. Bytes outside of a middle are not written, so whatever part of it a loss of power leaves undone, each page is
sound: old and new differ only where nobody looks. That a disk harms no byte beside those written is what SQLite expects of it as well
(SQLite, powersafe overwrite). In the end the disk is asked to keep both: the zeros, and that the log was cut.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.crash import reach
from bot.errors import Misconfigured
from bot.store.sqlite.disk import fsync

_HEADER: Final = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}  # of a b-tree page, by its first byte
_CHUNK: Final = 1 << 20
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
AT_ONCE: Final = 2000  # pages a lock, which is some milliseconds
# From there on an overflow page, which begins with the number of the next, may look like a b-tree page.
_MOST_PAGES: Final = 0x02000000

Page = tuple[int, int]  # the offset of a page in the file, and its size


def file_of(connection: sqlite3.Connection) -> Path:
    """The file of a connection's database."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def wal_of(path: Path) -> Path:
    """The log beside a database file."""
    return path.with_name(path.name + "-wal")


def remains(descriptor: int) -> list[Page]:
    """The pages whose unused middle holds something. Only to be trusted while nobody writes; else a hint where to look.

    Raises ``Misconfigured`` where a page does not tell by its first byte what it is.
    """
    size = _page_size(descriptor)
    if os.fstat(descriptor).st_size // size >= _MOST_PAGES or os.pread(descriptor, 4, 52) != bytes(4):
        raise Misconfigured(
            "Everything about the person is erased, but this database is too large, or keeps its pages in a way, for unused bytes to be "
            "zeroed in place; stop the server and run `VACUUM` on it with the sqlite3 program."
        )
    found: list[Page] = []
    offset = 0
    while chunk := os.pread(descriptor, _CHUNK - _CHUNK % size, offset):
        for start in range(0, len(chunk) - size + 1, size):
            page = memoryview(chunk)[start : start + size]
            if offset + start and (middle := _middle(page)) and bytes(page[middle]).strip(b"\0"):
                found.append((offset + start, size))
        offset += len(chunk)
    return found


@dataclass(frozen=True, slots=True)
class Frozen:
    """A time in which nobody writes to the database file, but to its log alone; until ``reader`` is closed."""

    reader: sqlite3.Connection
    path: Path

    def written(self) -> set[int]:
        """The offsets of the pages that were written since."""
        try:
            log = wal_of(self.path).read_bytes()
        except FileNotFoundError:
            return set()
        size = int.from_bytes(log[8:12], "big")
        starts = range(_LOG_HEADER, len(log) - _FRAME_HEADER, size + _FRAME_HEADER)
        return {(int.from_bytes(log[start : start + 4], "big") - 1) * size for start in starts}


def freeze(connection: sqlite3.Connection) -> Frozen | None:
    """Begin such a time; None where somebody still reads what is in the log. ``connection`` is the writer's, outside a transaction."""
    if not truncate(connection):
        return None
    path = file_of(connection)
    reader = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not _is_empty(wal_of(path)):  # another program wrote in between
            reader.close()
            return None
    except BaseException:
        reader.close()
        raise
    return Frozen(reader, path)


def truncate(connection: sqlite3.Connection) -> bool:
    """Write the log back and cut it to nothing; False where somebody still reads it."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def finish(connection: sqlite3.Connection, descriptor: int, pages: Sequence[Page], frozen: Frozen) -> bool:
    """Sweep all that ``remains`` found in the time of ``frozen``, and what was written since. ``frozen`` ends with it."""
    with closing(frozen.reader):
        written = frozen.written()
    size = _page_size(descriptor)
    return sweep(connection, descriptor, [*pages, *((offset, size) for offset in written)])


def sweep(connection: sqlite3.Connection, descriptor: int, pages: Sequence[Page]) -> bool:
    """Zero the unused middles of ``pages``. False, and nothing happened, where the log cannot be written back.

    ``connection`` is the writer's, outside a transaction; ``descriptor`` is open on its file, and is not to be closed while SQLite has the
    file open in this process: that would let go of SQLite's own locks. The disk has it after an fsync of ``descriptor``.
    """
    if not truncate(connection):
        return False
    connection.execute("PRAGMA shrink_memory")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_empty(wal_of(file_of(connection))):
            return False
        for page in pages:
            _zero(descriptor, page)
        reach("erase.sweeping")
    finally:
        connection.execute("ROLLBACK")
    return True


def sync_log(path: Path) -> None:
    """Return when the disk has the length that the log beside ``path`` was cut to.

    SQLite does not sync that (a log that comes back is written into the database once more and harms nothing), but then a loss of power
    could bring back what was erased: the words in the log, and with its pages those in their unused middles.
    """
    with suppress(FileNotFoundError):
        fsync(wal_of(path))


def _is_empty(wal: Path) -> bool:
    return not wal.exists() or not wal.stat().st_size


def _zero(descriptor: int, page: Page) -> None:
    offset, size = page
    if not offset:  # it begins with the file's own header, and lists tables, not people
        return
    middle = _middle(memoryview(os.pread(descriptor, size, offset)))
    if middle is not None:
        os.pwrite(descriptor, bytes(middle.stop - middle.start), offset + middle.start)


def _middle(page: memoryview) -> slice | None:
    """Where no cell and no pointer lies; None where the page is no b-tree page or leaves nothing free."""
    header = _HEADER.get(page[0]) if len(page) > 100 else None
    if header is None:
        return None
    cells, content = int.from_bytes(page[3:5], "big"), int.from_bytes(page[5:7], "big") or 65536
    start = header + 2 * cells
    return slice(start, content) if start < content <= len(page) else None


def _page_size(descriptor: int) -> int:
    size = int.from_bytes(os.pread(descriptor, 2, 16), "big")
    return 65536 if size == 1 else size
