"""News: written as things happen, by triggers of the schema and by ``tell``; taken out and turned into callbacks by ``publish``."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from bot.core.callbacks import TRY_FOR
from bot.core.codec import reply_from_plain
from bot.core.event import ContactKey, MediaKind
from bot.core.reply import Reply
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.subscriptions import EVERYTHING, Compose, News, Published
from bot.store.units import InboxKind, Origin

# Asked by an index of a few rows, so that nothing is written, and hardly anything asked, while nobody listens.
_TELL: Final = """
    INSERT INTO news (kind, person, at, inbox, content) SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM subscription
        WHERE revoked_at IS NULL AND (instr(events, '"' || ?1 || '"') OR instr(events, '"*"')))
"""


def tell(
    connection: sqlite3.Connection, kind: str, person: int, inbox: int, content: Mapping[str, object], now: datetime
) -> None:
    """News of ``kind`` that came of an event, if anybody listens for it."""
    connection.execute(_TELL, (kind, person, to_us(now), inbox, orjson.dumps(content).decode()))


def watch(connection: sqlite3.Connection, on_news: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
    """Call ``on_news`` on ``loop`` when this connection writes news.

    It is called while the transaction is under way, and what it asks of the writer comes after that one. The trigger is this
    connection's own: other programs that open the file know nothing of the function.
    """

    def written() -> None:
        with suppress(RuntimeError):  # the loop is closed: whoever starts next looks by itself
            loop.call_soon_threadsafe(on_news)

    connection.create_function("parley_news", 0, written)
    connection.execute(
        "CREATE TEMP TRIGGER IF NOT EXISTS news_watched AFTER INSERT ON main.news BEGIN SELECT parley_news(); END"
    )


# The address it is about: of the message of ours, else the one that the person wrote from last.
_NEWS: Final = """
    SELECT n.id, n.kind, n.person, n.at, n.content, i.kind, i.raw, i.received_at, i.media_kind, coalesce(o.id, ''),
        coalesce(o.reference, ''), p.app, (SELECT json_array(app, channel, identity, closes_at) FROM
            (SELECT i.*, i.identity = o.identity AS meant FROM identity i WHERE i.person = n.person)
            ORDER BY meant DESC, wrote_at DESC LIMIT 1)
    FROM (SELECT * FROM news ORDER BY id LIMIT ?) n JOIN person p ON p.id = n.person LEFT JOIN inbox i ON i.id = n.inbox
        LEFT JOIN outbox o ON o.seq = n.outbox
    ORDER BY n.id
"""


def publish(memory: Memory, connection: sqlite3.Connection, limit: int, compose: Compose, now: datetime) -> Published:
    """What ``bot.store.subscriptions`` says. Whatever app a person is of, its own subscriptions alone are told."""
    rows = connection.execute(_NEWS, (limit,)).fetchall()
    if not rows:
        return Published(0, 0)
    listening = connection.execute(
        "SELECT id, app, events FROM subscription WHERE revoked_at IS NULL ORDER BY id"
    ).fetchall()
    wants = {(id_, app): frozenset(orjson.loads(events)) for id_, app, events in listening}
    told: list[tuple[int, str, News, str]] = []
    for row in rows:
        takers = [who for who, kinds in wants.items() if who[1] == row[11] and (row[1] in kinds or EVERYTHING in kinds)]
        news = _news(connection, row, now)
        body = compose(news) if takers else None
        if body is not None:
            told.extend((id_, app, news, body) for id_, app in takers)
    _queue(memory, connection, told, now)
    connection.execute(
        "DELETE FROM news WHERE id IN (SELECT value FROM json_each(?))", (json_array(r[0] for r in rows),)
    )
    return Published(len(rows), len(told))


def _news(connection: sqlite3.Connection, row: Sequence[Any], now: datetime) -> News:
    number, kind, person, at, content, inbox_kind, raw, received_at, media_kind, outbox_id, reference, _, address = row
    *contact, closes_at = (None, None) if address is None else orjson.loads(address)

    def sent(message_id: str) -> Reply | None:
        found = connection.execute(
            "SELECT o.payload FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE a.message_id = ?"
            " AND a.message_id <> '' AND o.kind = 'message'",
            (message_id,),
        ).fetchone()
        return None if found is None else reply_from_plain(orjson.loads(found[0]))

    return News(
        number=number,
        kind=kind,
        person=person,
        at=now if at is None else from_us(at),
        content=orjson.loads(content),
        contact=None if address is None else ContactKey(*contact),
        closes_at=from_us_or_none(closes_at),
        inbox_kind=InboxKind(inbox_kind) if inbox_kind else None,
        raw=bytes(raw or b""),
        received_at=from_us_or_none(received_at),
        media_kind=MediaKind(media_kind) if media_kind else None,
        message_id=outbox_id,
        reference=reference,
        sent=sent,
    )


def _queue(
    memory: Memory, connection: sqlite3.Connection, told: Sequence[tuple[int, str, News, str]], now: datetime
) -> None:
    at, first = to_us(now), memory.number(connection, "outbox", len(told)) if told else 0
    until = at + TRY_FOR // timedelta(microseconds=1)
    rows: list[tuple[Value, ...]] = []
    for seq, (subscription, app, news, body) in enumerate(told, first):
        contact = news.contact
        channel, identity = ("", "") if contact is None else (contact.channel, contact.identity)
        rows.append(
            (
                seq, new_id(at), "callback", Origin.API.value, f"news:{news.number}", subscription, news.person, app,
                channel, identity, "queued", body, "utility", subscription, at, until, at,
            )
        )  # fmt: skip
    insert_many(
        connection,
        "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,"
        " category, subscription, created_at, not_after, due_at) VALUES",
        rows,
    )
