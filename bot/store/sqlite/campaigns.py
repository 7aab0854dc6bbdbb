"""One template to many people, on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

import orjson

from bot.core.event import ContactKey
from bot.store.campaigns import (
    AtWork,
    CampaignState,
    CampaignView,
    Created,
    KnownContact,
    NewCampaign,
    NewRecipient,
    Rating,
    RecipientView,
    Restricted,
    Running,
    TakeTurns,
    TurnsTaken,
)
from bot.store.sqlite import campaign_views as views
from bot.store.sqlite.campaign_turns import call_off, pause_where, take_turns
from bot.store.sqlite.database import Database
from bot.store.sqlite.ordering import KEYS_LIVE
from bot.store.sqlite.people import stops_of_the_erased
from bot.store.sqlite.quality import rating_of
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import OtherBody

PIECE: Final = 2000  # recipients written or looked up at once, so that others need not wait for all of them
RESTRICTED: Final = "131048"  # WhatsApp: too many people blocked or reported our number

T = TypeVar("T")


class SqliteCampaigns:
    """See ``bot.store.campaigns.Campaigns``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._storing = asyncio.Lock()  # one list at a time; it also keeps equal keys apart

    async def known(self, contacts: Sequence[ContactKey]) -> Mapping[ContactKey, KnownContact]:
        found: dict[ContactKey, KnownContact] = {}
        key = self._database.memory.installation_key
        for piece in _pieces(contacts):
            found.update(await self._database.read(lambda c, piece=piece: _known(c, piece, key)))  # type: ignore[misc]
        return found

    async def seen(self, idempotency: tuple[int, str, str], now: datetime) -> Created | OtherBody | None:
        return await self._database.read(lambda c: _seen(c, self._database.app, idempotency, now))

    async def create(
        self, campaign: NewCampaign, recipients: Sequence[NewRecipient], now: datetime
    ) -> Created | OtherBody:
        async with self._storing:
            if campaign.idempotency is not None and (seen := await self.seen(campaign.idempotency, now)) is not None:
                return seen
            id_ = await self._database.write(lambda c: _begin(c, self._database.app, campaign, len(recipients), now))
            try:
                for piece in _pieces(recipients):
                    await self._database.write(lambda c, piece=piece: _add(c, id_, piece))  # type: ignore[misc]
                await self._database.write(lambda c: _begin_to_run(c, id_, campaign.paused))
            except BaseException:
                await self._remove(id_)
                raise
            return Created(id_)

    async def recover(self) -> int:
        found = await self._database.read(
            lambda c: c.execute("SELECT id FROM campaign WHERE state = 'storing'").fetchall()
        )
        for (id_,) in found:
            await self._remove(id_)
        return len(found)

    async def _remove(self, id_: int) -> None:
        """Take away what was being stored, in pieces."""
        while await self._database.write(lambda c: _remove(c, id_)):
            pass

    async def listed(self, before: int | None, limit: int) -> Sequence[CampaignView]:
        return await self._database.read(lambda c: views.listed(c, self._database.app, before, limit))

    async def view(self, id_: int) -> CampaignView | None:
        return await self._database.read(lambda c: views.view(c, self._database.app, id_))

    async def recipients(self, id_: int, status: str | None, after: int, limit: int) -> Sequence[RecipientView]:
        return await self._database.read(lambda c: views.recipients(c, id_, status, after, limit))

    async def pause(self, id_: int, why: str, now: datetime) -> CampaignState:
        return await self._database.write(lambda c: _pause(c, id_, why))

    async def resume(self, id_: int, declared: str, now: datetime) -> CampaignState:
        return await self._database.write(lambda c: _resume(c, id_, declared))

    async def cancel(self, id_: int, why: str, now: datetime) -> CampaignState:
        return await self._database.write(lambda c: _cancel(c, id_, why, to_us(now)))

    async def at_work(self) -> AtWork:
        return await self._database.read(lambda c: _at_work(c, self._database.app))

    async def take_turns(self, id_: int, limit: int, take: TakeTurns, now: datetime) -> TurnsTaken:
        return await self._database.write(lambda c: take_turns(self._database.memory, c, id_, limit, take, now))

    async def end(self, id_: int, now: datetime) -> bool:
        return await self._database.write(lambda c: _end(c, id_, to_us(now)))

    async def restricted(self, since: int | None) -> Restricted:
        return await self._database.read(lambda c: _restricted(c, since))

    async def pause_all(self, why: str, now: datetime) -> Sequence[int]:
        return await self._database.write(lambda c: pause_where(c, "app = ?", (self._database.app,), why))

    async def rating(self) -> Rating | Literal[""]:
        return await self._database.read(lambda c: rating_of(c, self._database.app))


def _pieces(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[at : at + PIECE] for at in range(0, len(things), PIECE)]


# --- who is known -------------------------------------------------------------------------------------------------------


def _known(
    connection: sqlite3.Connection, contacts: Sequence[ContactKey], key: bytes
) -> dict[ContactKey, KnownContact]:
    rows = connection.execute(
        "SELECT i.app, i.channel, i.identity, i.person, p.stopped, p.marketing FROM json_each(?) j JOIN identity i"
        " ON i.app = json_extract(j.value, '$[0]') AND i.channel = json_extract(j.value, '$[1]')"
        " AND i.identity = json_extract(j.value, '$[2]') JOIN person p ON p.id = i.person",
        (json_array((contact.app, contact.channel, contact.identity) for contact in contacts),),
    ).fetchall()
    found = {ContactKey(*row[:3]): KnownContact(row[3], bool(row[4]), row[5]) for row in rows}
    if connection.execute("SELECT 1 FROM erased WHERE stopped > 0 LIMIT 1").fetchone() is not None:
        found.update(_erased(connection, [contact for contact in contacts if contact not in found], key))
    return found


def _erased(
    connection: sqlite3.Connection, contacts: Sequence[ContactKey], key: bytes
) -> dict[ContactKey, KnownContact]:
    """Those that were erased after they had stopped something."""
    stops = stops_of_the_erased(connection, key, contacts)
    return {contact: KnownContact(0, stop.all, stop.consent.marketing) for contact, stop in stops.items()}


# --- storing ------------------------------------------------------------------------------------------------------------


def _seen(
    connection: sqlite3.Connection, app: str, idempotency: tuple[int, str, str], now: datetime
) -> Created | OtherBody | None:
    api_key, key, digest = idempotency
    row = connection.execute(
        "SELECT id, body_hash FROM campaign WHERE app = ? AND api_key = ? AND key = ? AND created_at > ? AND state <> 'storing'"
        " ORDER BY created_at DESC LIMIT 1",
        (app, api_key, key, to_us(now - KEYS_LIVE)),
    ).fetchone()
    if row is None:
        return None
    return Created(row[0], replayed=True) if row[1] == digest else OtherBody()


def _begin(connection: sqlite3.Connection, app: str, new: NewCampaign, total: int, now: datetime) -> int:
    api_key, key, digest = new.idempotency or (None, "", "")
    row = connection.execute(
        "INSERT INTO campaign (app, name, template, declared, language, content, category, rate, quiet, total, state, author,"
        " api_key, key, body_hash, starts_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'storing', ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            app, new.name, new.template, new.declared, new.language, _json(new.values), new.category, new.rate, new.quiet,
            total, new.author, api_key, key, digest, to_us(new.starts_at), to_us(now),
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


def _add(connection: sqlite3.Connection, id_: int, recipients: Sequence[NewRecipient]) -> None:
    insert_many(
        connection,
        "INSERT INTO recipient (campaign, line, channel, identity, language, time_zone, content, state, why) VALUES",
        [
            (
                id_, each.line, each.contact.channel, each.contact.identity, each.language, each.time_zone,
                _json(each.values), "skipped" if each.skipped else "pending", each.skipped,
            )
            for each in recipients
        ],
    )  # fmt: skip


def _json(values: Mapping[str, str]) -> str:
    return orjson.dumps(values).decode() if values else "{}"


def _begin_to_run(connection: sqlite3.Connection, id_: int, paused: str) -> None:
    connection.execute(
        "UPDATE campaign SET state = ?, why = ? WHERE id = ?", ("paused" if paused else "running", paused, id_)
    )


def _remove(connection: sqlite3.Connection, id_: int) -> bool:
    """Whether there is more of it."""
    gone = connection.execute(
        "DELETE FROM recipient WHERE campaign = ?1 AND line IN (SELECT line FROM recipient WHERE campaign = ?1 LIMIT ?2)",
        (id_, PIECE),
    ).rowcount
    if gone:
        return True
    connection.execute("DELETE FROM campaign WHERE id = ? AND state = 'storing'", (id_,))
    return False


# --- pausing and ending -------------------------------------------------------------------------------------------------


def _state(connection: sqlite3.Connection, id_: int) -> CampaignState:
    row: tuple[CampaignState] = connection.execute("SELECT state FROM campaign WHERE id = ?", (id_,)).fetchone()
    return row[0]


def _pause(connection: sqlite3.Connection, id_: int, why: str) -> CampaignState:
    pause_where(connection, "id = ?", (id_,), why)
    return _state(connection, id_)


def _resume(connection: sqlite3.Connection, id_: int, declared: str) -> CampaignState:
    connection.execute(
        "UPDATE campaign SET state = 'running', why = '', declared = ? WHERE id = ? AND state = 'paused'",
        (declared, id_),
    )
    return _state(connection, id_)


def _cancel(connection: sqlite3.Connection, id_: int, why: str, at: int) -> CampaignState:
    ended = connection.execute(
        "UPDATE campaign SET state = 'cancelled', why = ?, ended_at = ? WHERE id = ? AND state IN ('running', 'paused')",
        (why, at, id_),
    ).rowcount
    if ended:
        call_off(connection, id_, why, at)
    return _state(connection, id_)


_OPEN: Final = (
    "EXISTS (SELECT 1 FROM outbox o WHERE o.origin = 'campaign' AND o.origin_id = CAST(c.id AS TEXT)"
    " AND o.state IN ('queued', 'waiting', 'sending', 'unknown'))"
)
_PENDING: Final = "FROM recipient r WHERE r.campaign = c.id AND r.state = 'pending'"


def _end(connection: sqlite3.Connection, id_: int, at: int) -> bool:
    ended = connection.execute(
        "UPDATE campaign AS c SET state = 'done', ended_at = ? WHERE id = ? AND state = 'running'"  # noqa: S608 our own words
        f" AND NOT EXISTS (SELECT 1 {_PENDING}) AND NOT {_OPEN}",
        (at, id_),
    ).rowcount
    return bool(ended)


# --- what there is to do ------------------------------------------------------------------------------------------------

_AT_WORK: Final = f"""
    SELECT c.id, c.name, c.template, c.declared, c.language, c.content, c.category, c.rate, c.quiet, c.starts_at,
        (SELECT min(r.due_at) {_PENDING}), {_OPEN},
        (SELECT count(*) FROM outbox q WHERE q.origin = 'campaign' AND q.state = 'queued' AND q.origin_id = CAST(c.id AS TEXT))
    FROM campaign c WHERE c.state = 'running' AND c.app = ? ORDER BY c.id
"""  # noqa: S608 our own words


def _at_work(connection: sqlite3.Connection, app: str) -> AtWork:
    rows = connection.execute(_AT_WORK, (app,)).fetchall()
    return AtWork(tuple(map(_running, rows)), rating_of(connection, app) if rows else "")


def _running(row: Sequence[Any]) -> Running:
    id_, name, template, declared, language, content, category, rate, quiet, starts_at, next_due, is_open, queued = row
    return Running(
        id_, name, template, declared, language, orjson.loads(content), category, rate, quiet,
        from_us(starts_at), from_us_or_none(next_due), bool(is_open), queued,
    )  # fmt: skip


def _restricted(connection: sqlite3.Connection, since: int | None) -> Restricted:
    (newest,) = connection.execute("SELECT coalesce(max(inbox), 0) FROM receipt").fetchone()
    if since is None or newest <= since:
        return Restricted(False, newest)
    found = connection.execute(
        "SELECT 1 FROM receipt WHERE inbox > ? AND inbox <= ? AND status = 'FAILED' AND reason LIKE ? LIMIT 1",
        (since, newest, f'%"{RESTRICTED}"]'),
    ).fetchone()
    return Restricted(found is not None, newest)
