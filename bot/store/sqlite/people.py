"""Who an address belongs to, and what is known of a person."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from bot.core.conversation import Consent, Person
from bot.core.event import ContactKey
from bot.core.ledger import ERASED_AS_STOPPED, ERASED_WITHOUT_MARKETING
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import from_us_or_none, to_us

PERSON_COLUMNS = (
    "p.id, p.language, p.time_zone, p.fields, p.tags, p.stopped, p.opted_in, p.marketing, p.consent_at, p.consent_by"
)


def person_of_row(row: Sequence[Any]) -> tuple[Person, Consent]:
    """A person and their consent from ``PERSON_COLUMNS``."""
    id_, language, time_zone, fields, tags, stopped, opted_in, marketing, consent_at, consent_by = row
    person = Person(
        id=id_,
        language=language,
        time_zone=time_zone,
        fields={} if fields == "{}" else orjson.loads(fields),
        tags=frozenset() if tags == "[]" else frozenset(orjson.loads(tags)),
    )
    return person, consent_of_row((stopped, opted_in, marketing, consent_at, consent_by))


def consent_of_row(row: Sequence[Any]) -> Consent:
    """Consent from stopped, opted_in, marketing, consent_at, consent_by."""
    stopped, opted_in, marketing, consent_at, consent_by = row
    return Consent(
        stopped=bool(stopped),
        changed_at=from_us_or_none(consent_at),
        marketing=marketing,
        opted_in=bool(opted_in),
        changed_by=consent_by,
    )


def person_at(connection: sqlite3.Connection, contact: ContactKey) -> int | None:
    """The number of the person with this address."""
    row = connection.execute(
        "SELECT person FROM identity WHERE app = ? AND channel = ? AND identity = ?",
        (contact.app, contact.channel, contact.identity),
    ).fetchone()
    return None if row is None else int(row[0])


def people_of(
    connection: sqlite3.Connection, memory: Memory, contacts: Iterable[ContactKey], now: datetime
) -> dict[ContactKey, int]:
    """The person of each address; an address never seen becomes a new person with a lane, stopped if it was erased as stopped."""
    found: dict[ContactKey, int] = {}
    unknown: list[ContactKey] = []
    for contact in contacts:
        person = memory.people.get(contact)
        if person is not None:
            found[contact] = person
        elif contact not in found:
            unknown.append(contact)
    if unknown:
        found.update(_look_up(connection, unknown))
        new = list(dict.fromkeys(contact for contact in unknown if contact not in found))
        if new:
            found.update(_make(connection, memory, new, now))
        memory.people.update(found)
    return found


def _look_up(connection: sqlite3.Connection, contacts: list[ContactKey]) -> dict[ContactKey, int]:
    rows = connection.execute(
        "SELECT i.app, i.channel, i.identity, i.person FROM json_each(?) j JOIN identity i"
        " ON i.app = json_extract(j.value, '$[0]') AND i.channel = json_extract(j.value, '$[1]')"
        " AND i.identity = json_extract(j.value, '$[2]')",
        (json_array((contact.app, contact.channel, contact.identity) for contact in contacts),),
    ).fetchall()
    return {ContactKey(app, channel, identity): person for app, channel, identity, person in rows}


def _make(
    connection: sqlite3.Connection, memory: Memory, contacts: list[ContactKey], now: datetime
) -> dict[ContactKey, int]:
    first = memory.number(connection, "person", len(contacts))
    made = {contact: first + position for position, contact in enumerate(contacts)}
    stops = erased_stops(connection, memory, contacts)
    erased = {contact: stop.at for contact, stop in stops.items() if stop.all}
    unwanted = {contact: stop.at for contact, stop in stops.items() if stop.marketing}
    at = to_us(now)
    insert_many(
        connection,
        "INSERT INTO person (id, app, stopped, marketing, consent_at, consent_by, created_at) VALUES",
        [
            (
                person,
                contact.app,
                int(contact in erased),
                "stopped" if contact in unwanted else "unknown",
                erased.get(contact),
                "",
                at,
            )
            for contact, person in made.items()
        ],
    )
    insert_many(
        connection,
        "INSERT INTO identity (app, channel, identity, person) VALUES",
        [(contact.app, contact.channel, contact.identity, person) for contact, person in made.items()],
    )
    insert_many(connection, "INSERT INTO lane (person) VALUES", [(person,) for person in made.values()])
    insert_many(
        connection,
        "INSERT INTO consent (person, purpose, state, source, at, recorded_at) VALUES",
        [
            (made[contact], purpose, "stopped", source, since, at)
            for purpose, source, whom in (
                ("all", ERASED_AS_STOPPED, erased),
                ("marketing", ERASED_WITHOUT_MARKETING, unwanted),
            )
            for contact, since in whom.items()
        ],
    )
    return made


def identity_hmac(key: bytes, contact: ContactKey) -> bytes:
    """What is kept of an erased address: nobody without the installation key can tell whose it was."""
    text = f"{contact.app}\0{contact.channel}\0{contact.identity}"
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class ErasedStop:
    """What an erased person had stopped, and when (microseconds) they were erased: a START since then is newer."""

    all: bool
    marketing: bool
    at: int

    @property
    def consent(self) -> Consent:
        """How somebody stands of whom only this is known."""
        changed_at = from_us_or_none(self.at if self.all else None)
        return Consent(self.all, changed_at, "stopped" if self.marketing else "unknown")


def erased_stops(
    connection: sqlite3.Connection, memory: Memory, contacts: list[ContactKey]
) -> dict[ContactKey, ErasedStop]:
    """Those of addresses nobody has that were erased after their person had stopped something."""
    if not someone_erased(connection, memory):
        return {}
    return stops_of_the_erased(connection, memory.installation_key, contacts)


def stops_of_the_erased(
    connection: sqlite3.Connection, key: bytes, contacts: Iterable[ContactKey]
) -> dict[ContactKey, ErasedStop]:
    """The same, without asking first whether anybody was ever erased."""
    by_hash = {identity_hmac(key, contact): contact for contact in contacts}
    marks = ",".join("?" * len(by_hash))
    question = f"SELECT identity_hmac, stopped, erased_at FROM erased WHERE stopped > 0 AND identity_hmac IN ({marks})"  # noqa: S608 marks only
    rows = connection.execute(question, list(by_hash))
    return {by_hash[bytes(digest)]: ErasedStop(bool(bits & 1), bool(bits & 2), at) for digest, bits, at in rows}


def someone_erased(connection: sqlite3.Connection, memory: Memory) -> bool:
    """Whether anybody was ever erased, which most databases answer from memory with no."""
    if memory.someone_erased is None:
        memory.someone_erased = connection.execute("SELECT 1 FROM erased LIMIT 1").fetchone() is not None
    return memory.someone_erased
