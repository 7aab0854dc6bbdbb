"""Zeros where no cell is: what SQLite leaves behind in the unused middle of pages.

With ``secure_delete`` a deleted row is overwritten where it lies, and a freed page is zeroed. One remainder stays: when a page is split or
balanced, the cells that move to another page leave copies in what is now the page's unallocated middle (of 300 people deleted one or two
had such a copy). Only VACUUM is documented to take them away, and it would keep the writer for as long as the whole file takes to be
written. So the middles are zeroed in place. No program reads them: they lie between the end of a page's cell pointers and the start of
its cell content (SQLite, database file format, b-tree pages).

It is done while the log is empty (just checkpointed) and nobody can write to it, and the writer keeps no page of before in memory, so what
is zeroed stays so. A crash in between leaves some middles zeroed and others not, and both are sound.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_HEADER: Final = {
    0x02: 12,
    0x05: 12,
    0x0A: 8,
    0x0D: 8,
}  # a b-tree page by its first byte; an overflow page begins with 0 below 64 GB
_CHUNK: Final = 1 << 20
_AT_ONCE: Final = 2000  # pages a lock, which is some milliseconds

Page = tuple[int, int]  # the offset of a page in the file, and its size


def file_of(connection: sqlite3.Connection) -> Path:
    """The file of a connection's database."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def wal_of(path: Path) -> Path:
    """The log beside a database file."""
    return path.with_name(path.name + "-wal")


def remains(descriptor: int) -> list[Page]:
    """The pages whose unused middle holds something. Only to be trusted while nobody writes; else a hint where to look."""
    size = _page_size(descriptor)
    found: list[Page] = []
    offset = 0
    while chunk := os.pread(descriptor, _CHUNK - _CHUNK % size, offset):
        for start in range(0, len(chunk) - size + 1, size):
            page = memoryview(chunk)[start : start + size]
            if offset + start and (middle := _middle(page)) and bytes(page[middle]).strip(b"\0"):
                found.append((offset + start, size))
        offset += len(chunk)
    return found


def sweep(connection: sqlite3.Connection, descriptor: int, pages: Sequence[Page]) -> bool:
    """Zero the unused middles of ``pages``. False, and nothing happened, where the log is not empty.

    ``connection`` is the writer's, outside a transaction; ``descriptor`` is open on its file, and is not to be closed while SQLite has the
    file open in this process: that would let go of SQLite's own locks.
    """
    for part in _parts(pages):
        connection.execute("PRAGMA shrink_memory")
        connection.execute("BEGIN IMMEDIATE")
        try:
            wal = wal_of(file_of(connection))
            if wal.exists() and wal.stat().st_size:
                return False
            for page in part:
                _zero(descriptor, page)
            os.fsync(descriptor)
        finally:
            connection.execute("ROLLBACK")
    return True


def _parts(pages: Sequence[Page]) -> Iterator[Sequence[Page]]:
    for start in range(0, len(pages), _AT_ONCE):
        yield pages[start : start + _AT_ONCE]


def _zero(descriptor: int, page: Page) -> None:
    offset, size = page
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
