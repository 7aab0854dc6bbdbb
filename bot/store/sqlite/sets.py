"""Statements over sets.

Every step of a statement lets another thread take the interpreter, and waiting for it to come back costs far more than the statement:
so a hundred rows go in by one statement with a hundred value lists, not by a hundred statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache

import orjson

# Rows in one statement. Each size is a prepared statement of its own, and preparing one for many rows is dear: so there are few.
_SIZES = (64, 32, 16, 8, 4, 3, 2, 1)

Value = str | int | float | bytes | None


def insert_many(connection: sqlite3.Connection, head: str, rows: Sequence[tuple[Value, ...]], tail: str = "") -> int:
    """Insert ``rows`` by ``head`` (up to ``VALUES``) and ``tail`` (such as ``ON CONFLICT …``), in as few steps as sizes allow.

    Returns how many were written, without what triggers wrote.
    """
    done = written = 0
    for size in _SIZES:
        while len(rows) - done >= size:
            part = rows[done : done + size]
            statement = _statement(head, size, len(part[0]), tail)
            written += connection.execute(statement, [value for row in part for value in row]).rowcount
            done += size
    return written


@cache
def _statement(head: str, rows: int, columns: int, tail: str) -> str:
    marks = ",".join(["(" + ",".join("?" * columns) + ")"] * rows)
    return f"{head} {marks} {tail}"


def json_array(values: Iterable[object]) -> str:
    """Values for ``json_each(?)``."""
    return orjson.dumps(list(values)).decode()
