"""From a campaign's list to the outbox, and back: each recipient is in exactly one of them, as both change in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, assert_never

import orjson

from bot.core.codec import reply_to_plain
from bot.core.conversation import Consent, Window
from bot.core.event import ContactKey
from bot.crash import reach
from bot.store.campaigns import DueRecipient, Later, Say, Skip, TakeTurns, TurnsTaken
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import PERSON_COLUMNS, ErasedStop, erased_stops, people_of, person_of_row
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import from_us_or_none, to_us
from bot.store.units import Standing


def take_turns(
    memory: Memory, connection: sqlite3.Connection, id_: int, limit: int, take: TakeTurns, now: datetime
) -> TurnsTaken:
    """See ``bot.store.campaigns.Campaigns``."""
    campaign = connection.execute(
        "SELECT app, category, author FROM campaign WHERE id = ? AND state = 'running' AND starts_at <= ?",
        (id_, to_us(now)),
    ).fetchone()
    if campaign is None:
        return TurnsTaken()
    due = _due(memory, connection, id_, campaign[0], limit, now)
    taken = _Taken(id_, *campaign)
    for recipient, turn in zip(due, take(due) if due else (), strict=True):
        match turn:
            case Say():
                taken.said.append((recipient, turn))
            case Skip(why):
                taken.skipped.append((recipient.line, why[:1000]))
            case Later(at):
                taken.later.append((recipient.line, to_us(at)))
            case _:
                assert_never(turn)
    taken.write(memory, connection, now)
    reach("campaign.placed")
    return TurnsTaken(len(taken.said), len(taken.skipped), len(taken.later))


_DUE: Final = f"""
    SELECT r.line, r.channel, r.identity, r.language, r.time_zone, r.content, i.closes_at, {PERSON_COLUMNS}
    FROM (SELECT * FROM recipient WHERE campaign = ? AND state = 'pending' AND due_at <= ? ORDER BY due_at, line LIMIT ?) r
    LEFT JOIN identity i ON i.app = ? AND i.channel = r.channel AND i.identity = r.identity
    LEFT JOIN person p ON p.id = i.person ORDER BY r.due_at, r.line
"""  # noqa: S608 our own words


def _due(
    memory: Memory, connection: sqlite3.Connection, id_: int, app: str, limit: int, now: datetime
) -> list[DueRecipient]:
    rows = connection.execute(_DUE, (id_, to_us(now), limit, app)).fetchall()
    strangers = [ContactKey(app, row[1], row[2]) for row in rows if row[7] is None]
    erased = erased_stops(connection, memory, strangers) if strangers else {}
    return [_recipient(row, ContactKey(app, row[1], row[2]), erased) for row in rows]


def _recipient(row: Sequence[Any], contact: ContactKey, erased: Mapping[ContactKey, ErasedStop]) -> DueRecipient:
    line, _, _, language, time_zone, content, closes_at = row[:7]
    if row[7] is None:
        stop = erased.get(contact)
        standing = Standing(False, Consent() if stop is None else stop.consent, Window())
    else:
        person, consent = person_of_row(row[7:])
        window = Window(from_us_or_none(closes_at))
        standing = Standing(True, consent, window, person.language, person.fields, person.id, person.time_zone)
    return DueRecipient(line, contact, language, time_zone, orjson.loads(content), standing)


class _Taken:
    """Turns of one batch, written in a few statements over sets."""

    def __init__(self, id_: int, app: str, category: str, author: str) -> None:
        self._id = id_
        self._category = category
        self._author = author
        self.said: list[tuple[DueRecipient, Say]] = []
        self.skipped: list[tuple[int, str]] = []
        self.later: list[tuple[int, int]] = []

    def write(self, memory: Memory, connection: sqlite3.Connection, now: datetime) -> None:
        if self.said:
            self._place(memory, connection, now)
        if self.skipped:
            connection.execute(
                f"UPDATE recipient SET state = 'skipped', why = j.said FROM ({_PAIRS}) j WHERE {_OF_PAIR}",  # noqa: S608
                (json_array(self.skipped), self._id),
            )
        if self.later:
            connection.execute(
                f"UPDATE recipient SET due_at = j.said FROM ({_PAIRS}) j WHERE {_OF_PAIR}",  # noqa: S608 our own words
                (json_array(self.later), self._id),
            )

    def _place(self, memory: Memory, connection: sqlite3.Connection, now: datetime) -> None:
        at = to_us(now)
        people = people_of(connection, memory, [recipient.contact for recipient, _ in self.said], now)
        first = memory.number(connection, "outbox", len(self.said))
        insert_many(
            connection,
            _INSERT,
            [
                self._row(seq, recipient, say, people[recipient.contact], at)
                for seq, (recipient, say) in enumerate(self.said, first)
            ],
        )
        connection.execute(
            "UPDATE recipient SET state = 'placed' WHERE campaign = ? AND line IN (SELECT value FROM json_each(?))",
            (self._id, json_array(recipient.line for recipient, _ in self.said)),
        )
        due_sends(connection, {people[recipient.contact] for recipient, _ in self.said})

    def _row(self, seq: int, recipient: DueRecipient, say: Say, person: int, at: int) -> tuple[Value, ...]:
        contact = recipient.contact
        return (
            seq, new_id(at), "message", "campaign", str(self._id), recipient.line, person, contact.app, contact.channel,
            contact.identity, "queued", orjson.dumps(reply_to_plain(say.reply)).decode(), self._category, say.version, 1,
            at, at, self._author,
        )  # fmt: skip


_PAIRS: Final = "SELECT json_extract(value, '$[0]') AS line, json_extract(value, '$[1]') AS said FROM json_each(?)"
_OF_PAIR: Final = "recipient.campaign = ? AND recipient.line = j.line"
_INSERT: Final = (
    "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload, category,"
    " version, at_most_once, created_at, due_at, author) VALUES"
)

# What was placed and of which no byte can have left.
_UNTOUCHED: Final = (
    "SELECT seq, position, person FROM outbox WHERE origin = 'campaign' AND origin_id = ?"
    " AND state IN ('queued', 'waiting') AND attempts = 0"
)


def take_back(connection: sqlite3.Connection, id_: int) -> None:
    """What was placed and never attempted is pending again."""
    rows = connection.execute(_UNTOUCHED, (str(id_),)).fetchall()
    if not rows:
        return
    connection.execute(
        "UPDATE recipient SET state = 'pending' WHERE campaign = ? AND line IN (SELECT value FROM json_each(?))",
        (id_, json_array(row[1] for row in rows)),
    )
    connection.execute(
        "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", (json_array(row[0] for row in rows),)
    )
    due_sends(connection, {row[2] for row in rows})


def call_off(connection: sqlite3.Connection, id_: int, why: str, at: int) -> None:
    """What was placed and never attempted is cancelled."""
    rows = connection.execute(_UNTOUCHED, (str(id_),)).fetchall()
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = ? WHERE seq IN (SELECT value FROM json_each(?))",
        (at, why, json_array(row[0] for row in rows)),
    )
    due_sends(connection, {row[2] for row in rows})


def pause_where(connection: sqlite3.Connection, condition: str, values: tuple[Value, ...], why: str) -> list[int]:
    """Pause the running campaigns of which ``condition`` (our own words) is true; which those are."""
    found = connection.execute(
        f"SELECT id FROM campaign WHERE state = 'running' AND {condition}",  # noqa: S608 our own words
        values,
    ).fetchall()
    for (id_,) in found:
        connection.execute("UPDATE campaign SET state = 'paused', why = ? WHERE id = ?", (why, id_))
        take_back(connection, id_)
    return [id_ for (id_,) in found]
