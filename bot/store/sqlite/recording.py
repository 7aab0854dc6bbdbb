"""Stage "record": events in, each once, and what their words mean for consent in the same commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from bot.core.conversation import WINDOW
from bot.core.event import (
    CallAnswered,
    ChannelNotice,
    ColleagueActed,
    ConsentNotice,
    ContactKey,
    DeliveryReceipt,
    Event,
    InboundMessage,
    Reaction,
    SendFailed,
    TimerFired,
    Unsupported,
    contact_of,
)
from bot.core.own_events import raw_of
from bot.crash import reach
from bot.store.sqlite.consent import apply_words
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import people_of, someone_erased
from bot.store.sqlite.quality import note_rating
from bot.store.sqlite.receipts import Owner, keep, owners_of
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import to_us
from bot.store.units import InboxKind, InboxState, Incoming, OtherBody


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one webhook call or API request."""

    events: Sequence[Incoming]
    now: datetime


def record(memory: Memory, connection: sqlite3.Connection, batches: Sequence[Batch]) -> list[list[bool]]:
    """For each batch, which of its events are new. Duplicates, within the group too, leave no trace: nor does what comes once more of
    somebody who was erased."""
    known = _of_the_erased(memory, connection, batches)
    if not known:
        return _record(memory, connection, batches)
    others = [replace(batch, events=[e for e in batch.events if _key(e) not in known]) for batch in batches]
    answers = [iter(each) for each in _record(memory, connection, others)]
    return [
        [_key(event) not in known and next(answer) for event in batch.events]
        for batch, answer in zip(batches, answers, strict=True)
    ]


def record_request(
    memory: Memory, connection: sqlite3.Connection, key: str, digest: str, batch: Batch
) -> list[bool] | OtherBody:
    """What ``bot.store.port`` says."""
    apps = sorted({app for app, _ in map(_key, batch.events)})
    question = "SELECT 1 FROM inbox WHERE app = ? AND dedup > ? AND dedup < ? AND substr(dedup, 1, ?) <> ? LIMIT 1"
    start, same = f"{key}:", f"{key}:{digest}:"
    for app in apps:
        # ";" is the sign after ":".
        if connection.execute(question, (app, start, f"{key};", len(same), same)).fetchone() is not None:
            return OtherBody()
    [new] = record(memory, connection, [batch])
    return new


def _of_the_erased(memory: Memory, connection: sqlite3.Connection, batches: Sequence[Batch]) -> frozenset[_Key]:
    """The keys that are kept of nobody any more: their events would make their person anew before they are found to be duplicates."""
    if not someone_erased(connection, memory):
        return frozenset()
    keys = [_key(event) for batch in batches for event in batch.events]
    rows = connection.execute(
        "SELECT i.app, i.dedup FROM json_each(?) j JOIN inbox i ON i.app = json_extract(j.value, '$[0]')"
        " AND i.dedup = json_extract(j.value, '$[1]') AND i.person IS NULL",
        (json_array(keys),),
    )
    return frozenset((app, dedup) for app, dedup in rows)


_Key = tuple[str, str]  # the app, and what makes an event count once


def _key(item: Incoming) -> _Key:
    contact = contact_of(item.event)
    return (contact.app if contact is not None else "", item.event.dedup)


def _record(memory: Memory, connection: sqlite3.Connection, batches: Sequence[Batch]) -> list[list[bool]]:
    now = max(batch.now for batch in batches)
    incoming = [event for batch in batches for event in batch.events]
    receipts = {n: item.event for n, item in enumerate(incoming) if isinstance(item.event, DeliveryReceipt)}
    owners = owners_of(connection, receipts)
    contacts = [None if n in receipts else contact_of(item.event) for n, item in enumerate(incoming)]
    people = people_of(connection, memory, [contact for contact in contacts if contact is not None], now)
    first = memory.number(connection, "inbox", len(incoming))
    rows = [
        _receipt_row(first + n, item, owners.get(n), now)
        if n in receipts
        else _row(first + n, item, contacts[n], people, now)
        for n, item in enumerate(incoming)
    ]
    new = _insert(connection, first, rows)
    if receipts:
        keep(connection, {n: receipts[n] for n in new if n in receipts}, owners, first)
    _open_windows(connection, [incoming[n] for n in new])
    _ready_lanes(connection, [(rows[n], _mover(incoming[n].event)) for n in new])
    for n in new:
        item = incoming[n]
        if rows[n][5] == "pending":
            memory.remember(first + n, item.event, item.raw, now)
        contact = contacts[n]
        if isinstance(item.event, ChannelNotice):
            note_rating(connection, item.event, item.raw)
        if item.consent is not None and contact is not None:
            apply_words(connection, people[contact], item.consent, item.event.dedup, first + n, now)
    _wake_waiting(connection, [incoming[n] for n in new], people, now)
    memory.counting.add("received", to_us(now), count=sum(_is_written(incoming[n]) for n in new))
    reach("record.in_transaction")
    return _split(batches, set(new))


@dataclass(frozen=True, slots=True)
class Own:
    """An event that Parley makes itself, about whom, and as of when (microseconds) it is put in order."""

    kind: InboxKind
    person: int
    written_at: int
    event: TimerFired | CallAnswered | SendFailed


def record_own(memory: Memory, connection: sqlite3.Connection, own: Sequence[Own], now: datetime) -> None:
    """Put them into the inbox; what is there already under the same key stays."""
    first, at = memory.number(connection, "inbox", len(own)), to_us(now)
    rows: list[Row] = []
    for id_, one in enumerate(own, first):
        event = one.event
        rows.append(
            (
                id_, event.contact.app, event.dedup, one.kind.value, one.person, "pending",
                one.written_at, at, at, None, "", raw_of(event),
            )
        )  # fmt: skip
    new = _insert(connection, first, rows)
    _ready_lanes(connection, [(rows[n], None) for n in new])
    for n in new:
        memory.remember(first + n, own[n].event, b"", now)


Row = tuple[int | str | bytes | None, ...]


def _row(id_: int, item: Incoming, contact: ContactKey | None, people: dict[ContactKey, int], now: datetime) -> Row:
    event, received_at = item.event, to_us(now)
    written_at = to_us(event.written_at) if isinstance(event, InboundMessage) else received_at
    if contact is None or isinstance(event, Unsupported):
        dead = isinstance(event, Unsupported) and event.dead
        state = InboxState.DEAD if dead else InboxState.IGNORED
        why = event.why if isinstance(event, Unsupported) else "It concerns no single person."
        person, settled_at = people.get(contact) if contact is not None else None, received_at
    else:
        state, why, person, settled_at = InboxState.PENDING, "", people[contact], None
    app = contact.app if contact is not None else ""
    ready_at = received_at if item.ready_at is None else to_us(item.ready_at)
    return (
        id_, app, event.dedup, item.kind.value, person, state.value,
        written_at, received_at, ready_at, settled_at, why, item.raw,
    )  # fmt: skip


def _receipt_row(id_: int, item: Incoming, owner: Owner | None, now: datetime) -> Row:
    """A receipt goes to the lane of the message it speaks of, whatever address it names. Of one that belongs to nobody no body is kept:
    it names a person, perhaps one who was erased."""
    contact, at = contact_of(item.event), to_us(now)
    app = contact.app if contact is not None else ""
    if owner is None:
        why = "It belongs to no message that we know of."
        return (id_, app, item.event.dedup, item.kind.value, None, "ignored", at, at, at, at, why, None)
    return (id_, app, item.event.dedup, item.kind.value, owner.person, "pending", at, at, at, None, "", item.raw)


def _insert(connection: sqlite3.Connection, first: int, rows: list[Row]) -> list[int]:
    written = insert_many(
        connection,
        "INSERT OR IGNORE INTO inbox (id, app, dedup, kind, person, state, written_at, received_at, ready_at,"
        " settled_at, why, raw) VALUES",
        rows,
    )
    if written == len(rows):
        return list(range(len(rows)))
    return [row[0] - first for row in connection.execute("SELECT id FROM inbox WHERE id >= ? ORDER BY id", (first,))]


def _open_windows(connection: sqlite3.Connection, incoming: list[Incoming]) -> None:
    rows = []
    for item in incoming:
        event = item.event
        if isinstance(event, InboundMessage) and not event.injected:
            contact = event.contact
            written_at = to_us(event.written_at)
            closes_at = to_us(event.written_at + WINDOW)
            rows.append((contact.app, contact.channel, contact.identity, 0, event.contact_id, closes_at, written_at))
    insert_many(
        connection,
        "INSERT INTO identity (app, channel, identity, person, contact_id, closes_at, wrote_at) VALUES",
        rows,
        "ON CONFLICT DO UPDATE SET closes_at = max(coalesce(closes_at, 0), excluded.closes_at),"
        " wrote_at = max(coalesce(wrote_at, 0), excluded.wrote_at),"
        " contact_id = CASE excluded.contact_id WHEN '' THEN contact_id ELSE excluded.contact_id END",
    )


def _mover(event: Event) -> Literal["person", "colleague"] | None:
    """Who moved the conversation by it; None: nobody did."""
    match event:
        case InboundMessage(injected=injected):
            return None if injected else "person"
        case Reaction() | ConsentNotice():
            return "person"
        case ColleagueActed():
            return "colleague"
        case _:
            return None


_READY: Final = "ready_at = min(coalesce(ready_at, excluded.ready_at), excluded.ready_at)"


def _ready_lanes(
    connection: sqlite3.Connection, recorded: list[tuple[Row, Literal["person", "colleague"] | None]]
) -> None:
    """What is pending is looked at. Who acted has seen what was there, save what comes in this very commit."""
    ready, moved = [], []
    wrote = {row[4] for row, mover in recorded if mover == "person"}
    for row, mover in recorded:
        if row[5] == "pending":
            if mover is None:
                ready.append((row[4], row[8]))
            else:
                seen = mover == "colleague" and row[4] not in wrote
                moved.append((row[4], row[8], row[7], row[7] if seen else None))
    insert_many(connection, "INSERT INTO lane (person, ready_at) VALUES", ready, f"ON CONFLICT DO UPDATE SET {_READY}")
    insert_many(
        connection,
        "INSERT INTO lane (person, ready_at, active_at, seen_at) VALUES",
        moved,
        f"ON CONFLICT DO UPDATE SET {_READY}, active_at = max(coalesce(active_at, 0), excluded.active_at),"
        " seen_at = max(coalesce(seen_at, excluded.seen_at), coalesce(excluded.seen_at, seen_at))",
    )


def _wake_waiting(
    connection: sqlite3.Connection, incoming: list[Incoming], people: dict[ContactKey, int], now: datetime
) -> None:
    """What waited for the person to write is due now, oldest first: it is older than any answer to come."""
    wrote = {
        people[item.event.contact]
        for item in incoming
        if isinstance(item.event, InboundMessage) and not item.event.injected
    }
    if not wrote:
        return
    woken = connection.execute(
        "UPDATE outbox SET state = 'queued', due_at = ? WHERE kind = 'message' AND state = 'waiting'"
        " AND person IN (SELECT value FROM json_each(?))",
        (to_us(now), json_array(wrote)),
    ).rowcount
    if woken:
        due_sends(connection, wrote)


def _is_written(item: Incoming) -> bool:
    """Whether a person wrote it to us, just now."""
    return isinstance(item.event, InboundMessage) and not item.event.injected


def _split(batches: Sequence[Batch], new: set[int]) -> list[list[bool]]:
    answers, n = [], 0
    for batch in batches:
        answers.append([n + position in new for position in range(len(batch.events))])
        n += len(batch.events)
    return answers
