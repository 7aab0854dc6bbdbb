"""Backends that listen, and what they are told, on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from bot.core.callbacks import SECRETS_OVERLAP
from bot.errors import Refused
from bot.store.sqlite import callbacks, news
from bot.store.sqlite.database import Database
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.subscriptions import (
    MOST,
    CallbackDone,
    Change,
    Compose,
    DeadLetters,
    Published,
    Starting,
    Subscription,
    Target,
)

_SELECT: Final = """
    SELECT id, url, name, events, created_at, paused, paused_why, failures, last_failure, resume_at, last_success_at,
        (SELECT count(*) FROM outbox WHERE kind = 'callback' AND state = 'queued' AND subscription = s.id)
            + (SELECT count(*) FROM outbox WHERE kind = 'callback' AND state IN ('sending', 'unknown') AND subscription = s.id),
        (SELECT count(*) FROM outbox WHERE kind = 'callback' AND state = 'failed' AND subscription = s.id)
    FROM subscription s WHERE app = ? AND revoked_at IS NULL
"""


class SqliteSubscriptions:
    """See ``bot.store.subscriptions.Subscriptions``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app = database.app

    async def create(self, url: str, events: Sequence[str], name: str, secret: str, now: datetime) -> Subscription:
        return await self._database.write(lambda c: _create(c, self._app, url, events, name, secret, now))

    async def listed(self) -> Sequence[Subscription]:
        return await self._database.read(lambda c: _listed(c, self._app))

    async def get(self, id_: int) -> Subscription | None:
        return await self._database.read(lambda c: _get(c, self._app, id_))

    async def change(self, id_: int, change: Change) -> Subscription | None:
        return await self._database.write(lambda c: _change(c, self._app, id_, change))

    async def delete(self, id_: int, now: datetime) -> bool:
        return await self._database.write(lambda c: _delete(c, self._app, id_, now))

    async def rotate(self, id_: int, secret: str, now: datetime) -> Subscription | None:
        return await self._database.write(lambda c: _rotate(c, self._app, id_, secret, now))

    async def target(self, id_: int, now: datetime) -> Target | None:
        return await self._database.read(lambda c: _target(c, self._app, id_, now))

    async def watch(self, on_news: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        await self._database.write(lambda c: news.watch(c, on_news, loop))

    async def publish(self, limit: int, compose: Compose, now: datetime) -> Published:
        return await self._database.write(lambda c: news.publish(self._database.memory, c, limit, compose, now))

    async def start(self, limit: int, now: datetime) -> Starting:
        return await self._database.write(lambda c: callbacks.start(self._database.memory, c, self._app, limit, now))

    async def finish(self, done: CallbackDone, now: datetime) -> None:
        await self._database.write(lambda c: callbacks.finish(c, done, now))

    async def recover(self, now: datetime) -> int:
        return await self._database.write(lambda c: callbacks.recover(c, now))

    async def give_up(self, now: datetime) -> int:
        return await self._database.write(lambda c: callbacks.give_up(c, now))

    async def dead_letters(self, id_: int, limit: int, after: int = 0) -> DeadLetters:
        return await self._database.read(lambda c: callbacks.dead_letters(c, id_, limit, after))

    async def redrive(self, id_: int, ids: Sequence[str] | None, now: datetime) -> int:
        return await self._database.write(lambda c: callbacks.redrive(c, id_, ids, now))

    async def tidy(self, before: datetime, limit: int) -> int:
        return await self._database.write(lambda c: callbacks.tidy(c, before, limit))


def _create(
    connection: sqlite3.Connection,
    app: str,
    url: str,
    events: Sequence[str],
    name: str,
    secret: str,
    now: datetime,
) -> Subscription:
    count = connection.execute(
        "SELECT count(*) FROM subscription WHERE app = ? AND revoked_at IS NULL", (app,)
    ).fetchone()[0]
    if count >= MOST:
        raise Refused(f"There are {MOST} subscriptions already.", "too-many-subscriptions", "Delete one of them.")
    wanted = tuple(dict.fromkeys(events))
    id_ = connection.execute(
        "INSERT INTO subscription (app, url, secret, events, name, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (app, url, secret, _events_text(wanted), name, to_us(now)),
    ).fetchone()[0]
    return Subscription(id_, url, name, wanted, now)


def _events_text(events: Sequence[str]) -> str:
    return orjson.dumps(list(dict.fromkeys(events))).decode()


def _listed(connection: sqlite3.Connection, app: str) -> list[Subscription]:
    return [_subscription(row) for row in connection.execute(f"{_SELECT} ORDER BY id", (app,))]


def _get(connection: sqlite3.Connection, app: str, id_: int) -> Subscription | None:
    row = connection.execute(f"{_SELECT} AND id = ?", (app, id_)).fetchone()
    return None if row is None else _subscription(row)


def _subscription(row: Sequence[Any]) -> Subscription:
    id_, url, name, events, created_at, paused, paused_why, failures, last_failure, resume_at, success, queued, dead = (
        row
    )
    return Subscription(
        id=id_,
        url=url,
        name=name,
        events=tuple(orjson.loads(events)),
        created_at=from_us(created_at),
        paused=bool(paused),
        paused_why=paused_why,
        failures=failures,
        last_failure=last_failure,
        resume_at=from_us_or_none(resume_at),
        last_success_at=from_us_or_none(success),
        queued=queued,
        dead=dead,
    )


_NOW_FAILS_NOT: Final = "failures = 0, resume_at = NULL, last_failure = ''"


def _change(connection: sqlite3.Connection, app: str, id_: int, change: Change) -> Subscription | None:
    if _get(connection, app, id_) is None:
        return None
    sets: list[str] = []
    values: list[str | int] = []
    for column, value in (
        ("url", change.url),
        ("events", None if change.events is None else _events_text(change.events)),
        ("name", change.name),
    ):
        if value is not None:
            sets.append(f"{column} = ?")
            values.append(value)
    if change.url is not None or change.paused is False:
        sets.append(_NOW_FAILS_NOT)
    if change.paused is not None:
        sets.append("paused = ?, paused_why = ?")
        values.extend([int(change.paused), change.paused_why if change.paused else ""])
    if sets:
        connection.execute(f"UPDATE subscription SET {', '.join(sets)} WHERE id = ?", (*values, id_))  # noqa: S608 our own words
    return _get(connection, app, id_)


def _delete(connection: sqlite3.Connection, app: str, id_: int, now: datetime) -> bool:
    changed = connection.execute(
        "UPDATE subscription SET revoked_at = ?, secret = '', old_secret = '' WHERE app = ? AND id = ? AND revoked_at IS NULL",
        (to_us(now), app, id_),
    ).rowcount
    if changed:
        callbacks.drop(connection, id_, now)
    return bool(changed)


def _rotate(connection: sqlite3.Connection, app: str, id_: int, secret: str, now: datetime) -> Subscription | None:
    connection.execute(
        "UPDATE subscription SET old_secret = secret, old_secret_until = ?, secret = ?"
        " WHERE app = ? AND id = ? AND revoked_at IS NULL",
        (to_us(now + SECRETS_OVERLAP), secret, app, id_),
    )
    return _get(connection, app, id_)


def _target(connection: sqlite3.Connection, app: str, id_: int, now: datetime) -> Target | None:
    row = connection.execute(
        "SELECT id, url, secret, old_secret, old_secret_until FROM subscription"
        " WHERE app = ? AND id = ? AND revoked_at IS NULL",
        (app, id_),
    ).fetchone()
    return None if row is None else callbacks.target_of_row(row, to_us(now))
