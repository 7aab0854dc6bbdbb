"""Stage "decide": claim lanes, decide, settle; one transaction from the claim to its effects."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from bot.core.codec import state_from_plain
from bot.core.conversation import Conversation, State, Window
from bot.core.event import ContactKey, MediaKind, contact_of
from bot.crash import reach
from bot.store.sqlite.effects import LaneOutcome
from bot.store.sqlite.lanes import READY
from bot.store.sqlite.last_event import is_of
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import PERSON_COLUMNS, person_of_row
from bot.store.sqlite.receipts import submissions_of
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.settling import settle
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import Claimed, Decide, InboxKind, Lane, Progress, Settled, Struck

EVENTS_A_LANE = 8  # a talkative person takes turns with the others
BYTES_AT_ONCE = 16 * 1024 * 1024  # of bodies that are read again: five hundred of the largest would be half a gigabyte


@dataclass(frozen=True, slots=True)
class DecideOrder:
    """What ``decide_ready`` was called with."""

    limit: int
    now: datetime
    decide: Decide


# One JSON text holds every claimed lane with its person, addresses and oldest pending events: one step instead of one a row.
# What is held for a call is passed by, so that a STOP or the call's answer gets through.
_CLAIM = f"""
    SELECT json_group_array(json_array({PERSON_COLUMNS}, l.state, p.first_inbox,
        json((SELECT json_group_array(json_array(i.app, i.channel, i.identity, i.closes_at, i.wrote_at))
              FROM identity i WHERE i.person = l.person)),
        json((SELECT json_group_array(json_array(written_at, id, kind, tries, received_at, ready_at, media_kind))
              FROM (SELECT written_at, id, kind, tries, received_at, ready_at, media_kind FROM inbox
                    WHERE person = l.person AND state = 'pending' AND (held <> 1 OR ready_at <= ?1)
                    ORDER BY written_at, id LIMIT {EVENTS_A_LANE})))))
    FROM (SELECT person, state FROM lane WHERE ready_at <= ?1 ORDER BY ready_at LIMIT ?2) l JOIN person p ON p.id = l.person
"""  # noqa: S608 our own words


def decide_ready(memory: Memory, connection: sqlite3.Connection, orders: Sequence[DecideOrder]) -> list[Progress]:
    """For each order, how far it came."""
    return [_decide_once(connection, memory, order) for order in orders]


def _decide_once(connection: sqlite3.Connection, memory: Memory, order: DecideOrder) -> Progress:
    text = connection.execute(_CLAIM, (to_us(order.now), order.limit)).fetchone()[0]
    settled = _NOTHING if text == "[]" else _decide_lanes(connection, memory, orjson.loads(text), order)
    next_at = connection.execute("SELECT min(ready_at) FROM lane WHERE ready_at IS NOT NULL").fetchone()[0]
    return replace(settled, next_at=from_us_or_none(next_at))


_NOTHING = Progress(0, None)


def _decide_lanes(connection: sqlite3.Connection, memory: Memory, rows: list[Any], order: DecideOrder) -> Progress:
    claimed = _claimed(connection, memory, {row[0]: row[-1] for row in rows}, order.now)
    outcomes = []
    for row in rows:
        person, first_inbox, events = row[0], row[-3], claimed.get(row[0], [])
        state = _state(memory, person, row[-4])
        lane = _lane(row, state, events, memory) if events else None
        settled = _settled(lane, memory, order) if lane is not None else ()
        contact = lane.conversation.contact if lane is not None else None
        outcomes.append(LaneOutcome(person, row[-4], state, contact, tuple(events), settled, first_inbox))
    reach("decide.inside")
    progress = settle(connection, memory, outcomes, order.now)
    reach("settle.in_transaction")
    return progress


def _settled(lane: Lane, memory: Memory, order: DecideOrder) -> tuple[Settled, ...]:
    try:
        return tuple(order.decide(lane))
    finally:
        memory.last_event.ends()


def _state(memory: Memory, person: int, text: str) -> State:
    """The state as read, or the very value that was written as this text."""
    if not text:
        return _FRESH
    known = memory.states.get(person)
    return known[1] if known is not None and known[0] == text else state_from_plain(orjson.loads(text))


def _claimed(
    connection: sqlite3.Connection, memory: Memory, pending: dict[int, list[list[Any]]], now: datetime
) -> dict[int, list[Claimed]]:
    """The oldest events of each lane, up to the first that is not ready yet (a retry holds back what came after it), or whose body is left
    for the next time."""
    raws = _raws(connection, [row[1] for rows in pending.values() for row in rows if row[1] not in memory.events])
    at = to_us(now)
    claimed: dict[int, list[Claimed]] = {}
    for person, rows in pending.items():
        rows.sort()
        for _, id_, kind, tries, received_at, ready_at, media in rows:
            if ready_at > at or (id_ not in raws and id_ not in memory.events):
                break
            event, raw, _ = memory.events.pop(id_, None) or (None, raws[id_], now)
            told = MediaKind(media) if media else None
            one = Claimed(id_, InboxKind(kind), raw, from_us(received_at), tries + 1, event, media_kind=told)
            claimed.setdefault(person, []).append(one)
    return submissions_of(connection, claimed)


def tell_media(connection: sqlite3.Connection, app: str, dedup: str, kind: MediaKind, now: datetime) -> bool:
    """What ``bot.store.port`` says. The lane may turn out to wait for an older event; claiming finds that out."""
    at = to_us(now)
    row = connection.execute(
        "UPDATE inbox SET media_kind = ?, ready_at = min(ready_at, ?) WHERE app = ? AND dedup = ? AND state = 'pending'"
        " AND tries = 0 AND held = 0 AND media_kind = '' RETURNING person",
        (kind.value, at, app, dedup),
    ).fetchone()
    if row is None:
        return False
    connection.execute("UPDATE lane SET ready_at = min(coalesce(ready_at, ?1), ?1) WHERE person = ?2", (at, row[0]))
    return True


def recover(connection: sqlite3.Connection, noted: tuple[int, float], now: datetime, most_tries: int) -> Struck:
    """The event that was noted has lost a try, where it is still pending."""
    number, received_at = noted
    row = connection.execute(
        "SELECT person, tries, received_at FROM inbox WHERE id = ? AND state = 'pending'", (number,)
    )
    person, tries, at = row.fetchone() or (0, 0, None)
    if at is None or not is_of(from_us(at), received_at):
        return Struck(0)
    tries += 1
    if tries >= most_tries:
        connection.execute(
            "UPDATE inbox SET state = 'dead', settled_at = ?, tries = ?, why = ? WHERE id = ?",
            (to_us(now), tries, f"Deciding it ended the server; it was tried {tries} times.", number),
        )
    else:
        # Later, so that everybody else is answered first.
        later = to_us(now + timedelta(seconds=2**tries))
        connection.execute(
            "UPDATE inbox SET tries = ?, ready_at = ?, held = 2 * (held > 0) WHERE id = ?", (tries, later, number)
        )
    connection.execute(f"UPDATE lane SET ready_at = ({READY}) WHERE person = ?", (person,))  # noqa: S608 our own words
    return Struck(number, tries, tries >= most_tries)


def _raws(connection: sqlite3.Connection, ids: list[int]) -> dict[int, bytes]:
    """The bodies of these, up to ``BYTES_AT_ONCE`` of them, and at least one."""
    found: dict[int, bytes] = {}
    if not ids:
        return found
    size = 0
    for id_, raw in connection.execute(
        "SELECT id, raw FROM inbox WHERE id IN (SELECT value FROM json_each(?))", (json_array(ids),)
    ):
        found[id_] = raw or b""
        size += len(found[id_])
        if size > BYTES_AT_ONCE:
            break
    return found


def _lane(row: list[Any], state: State, claimed: list[Claimed], memory: Memory) -> Lane:
    contact, closes_at = _address(row[-2], claimed[0])
    person, consent = person_of_row(row[:-4])
    window = Window(from_us_or_none(closes_at))
    conversation = Conversation(contact, person, window, consent, state, row[-3] is None)
    return Lane(conversation, tuple(claimed), memory.last_event.begins)


def _address(addresses: list[list[Any]], first: Claimed) -> tuple[ContactKey, int | None]:
    """Where answers go, and until when: the address the event came from if the person ever wrote there, else the one that wrote last."""
    if len(addresses) == 1:  # as nearly always
        app, channel, identity, closes_at, _ = addresses[0]
        return ContactKey(app, channel, identity), closes_at
    addresses.sort(key=lambda address: address[4] or 0, reverse=True)
    asked = contact_of(first.event) if first.event is not None else None
    for app, channel, identity, closes_at, _ in addresses:
        contact = ContactKey(app, channel, identity)
        if contact == asked and closes_at is not None:
            return contact, closes_at
    return _address(addresses[:1], first)


_FRESH = State()
