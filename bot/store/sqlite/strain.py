"""How much room is left, on SQLite: counted along partial indexes up to the limits, and asked of the file system."""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from bot.core.event import ContactKey
from bot.store.sqlite.sweeping import file_of, wal_of
from bot.store.strain import Most, Strain

COUNTS: Final = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE state = 'pending' LIMIT ?)),
        (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE kind = 'message' AND state = 'queued' LIMIT ?))
"""
CROWDED: Final = """
    SELECT i.app, i.channel, i.identity FROM (SELECT person FROM inbox WHERE state = 'pending' GROUP BY person HAVING count(*) > ?) c
    JOIN identity i ON i.person = c.person
"""


def strain(connection: sqlite3.Connection, most: Most) -> Strain:
    """What ``bot.store.port`` says."""
    undecided, queued = connection.execute(COUNTS, (most.undecided + 1, most.queued + 1)).fetchone()
    crowded: frozenset[ContactKey] = frozenset()
    if undecided > most.of_one:
        crowded = frozenset(ContactKey(*row) for row in connection.execute(CROWDED, (most.of_one,)))
    path = file_of(connection)
    disk = os.statvfs(path.parent)
    free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    try:
        log = wal_of(path).stat().st_size
    except FileNotFoundError:
        log = 0
    return Strain(undecided, queued, crowded, log, free, whole)
