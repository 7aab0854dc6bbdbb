"""What was said both ways with a person, newest first."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from bot.core.event import MediaKind
from bot.store.contacts import Came, Exchange, Left, Place
from bot.store.sqlite.reading import MESSAGE, messages_of_rows
from bot.store.sqlite.times import from_us
from bot.store.units import InboxKind

# What ``came_of_row`` reads, of inbox ``i`` and its trace ``t``.
CAME: Final = (
    "i.id, i.kind, i.raw, i.written_at, i.received_at, i.media_kind, coalesce(t.layer, ''), coalesce(t.rule, '')"
)
_CAME: Final = (
    f"SELECT {CAME} FROM inbox i LEFT JOIN trace t ON t.inbox = i.id WHERE i.person = ? AND i.kind = '{{}}' AND i.id < ?"
    " ORDER BY i.id DESC LIMIT ?"
)


def exchange(connection: sqlite3.Connection, person: int, limit: int, before: Place) -> Exchange:
    """What ``bot.store.contacts`` says, of a person by number."""
    came: list[Came] = []
    for kind in (InboxKind.INBOUND, InboxKind.OPERATOR):  # each has an index of its own
        rows = connection.execute(_CAME.format(kind.value), (person, before[0], limit + 1))
        came += [came_of_row(row) for row in rows]
    came.sort(key=lambda each: each.inbox_id, reverse=True)
    rows = connection.execute(
        f"SELECT {MESSAGE}, origin_id FROM outbox WHERE person = ? AND kind = 'message' AND seq < ? ORDER BY seq DESC LIMIT ?",
        (person, before[1], limit + 1),
    )
    return _merged(came, left_of_rows(connection, rows.fetchall()), limit, before)


_HAPPENED: Final = (
    f"SELECT {CAME} FROM trace t CROSS JOIN inbox i ON i.id = t.inbox WHERE t.person = ? AND t.inbox > ? AND t.inbox < ?"
    " AND (i.kind IN ('api', 'timer', 'call_result') OR (i.kind = 'receipt' AND t.rule <> '')) ORDER BY t.inbox DESC LIMIT 300"
)


def happened(connection: sqlite3.Connection, person: int, after: int, before: int) -> list[Came]:
    """What ``bot.store.conversations`` says, of a person by number."""
    return [came_of_row(row) for row in connection.execute(_HAPPENED, (person, after, before))]


def _merged(came: list[Came], left: list[tuple[int, Left]], limit: int, before: Place) -> Exchange:
    """Newest first; an answer comes after what it answers, also where both are of the same moment."""
    entries: list[Came | Left] = []
    inbox, outbox = before
    more = len(came) + len(left) > limit
    came.reverse()
    left.reverse()
    while (came or left) and len(entries) < limit:
        if left and (not came or left[-1][1].message.created_at >= came[-1].received_at):
            outbox, message = left.pop()
            entries.append(message)
        else:
            inbox = came[-1].inbox_id
            entries.append(came.pop())
    return Exchange(tuple(entries), (inbox, outbox) if more else None)


def came_of_row(row: Sequence[Any]) -> Came:
    """From the columns ``CAME``."""
    id_, kind, raw, written_at, received_at, media, layer, rule = row
    return Came(
        id_,
        InboxKind(kind),
        bytes(raw or b""),
        from_us(written_at),
        from_us(received_at),
        MediaKind(media) if media else None,
        layer,
        rule,
    )


def left_of_rows(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[tuple[int, Left]]:
    """From the columns ``reading.MESSAGE`` and then ``origin_id``; each with its number."""
    messages = messages_of_rows(connection, [row[:-1] for row in rows])
    return [(row[0], Left(message, row[-1])) for row, message in zip(rows, messages, strict=True)]
