"""What the writer remembers between groups: only what is committed, and forgotten whenever a group is rolled back."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.core.conversation import State
from bot.core.decision import Send
from bot.core.event import ContactKey, Event
from bot.store.sqlite.counting import Counting
from bot.store.sqlite.last_event import LastEvent

PEOPLE_HELD = 100_000
EVENTS_HELD = 20_000
EVENT_BYTES_HELD = 4096  # of a larger one the body is read again: twenty thousand of them must not fill the memory
STATES_HELD = 20_000
SENDS_HELD = 20_000


@dataclass(slots=True)
class Memory:
    """Next numbers, which person an address belongs to, and events that were just recorded, so that they need not be read again.

    Lives on the connection's thread. With one writer a file, nobody else can make any of it untrue.
    """

    owner: str
    installation_key: bytes
    people: OrderedDict[ContactKey, int] = field(default_factory=OrderedDict)
    events: OrderedDict[int, tuple[Event, bytes, datetime]] = field(default_factory=OrderedDict)
    states: OrderedDict[int, tuple[str, State]] = field(default_factory=OrderedDict)  # true only of that very text
    sends: OrderedDict[int, Send] = field(default_factory=OrderedDict)  # by outbox seq, until first started
    next_ids: dict[str, int] = field(default_factory=dict)
    someone_erased: bool | None = None
    counting: Counting = field(default_factory=Counting)  # of the group that is being written
    last_event: LastEvent = field(default_factory=LastEvent)

    def forget(self) -> None:
        """After a rollback nothing remembered can be trusted."""
        self.people.clear()
        self.events.clear()
        self.states.clear()
        self.sends.clear()
        self.next_ids.clear()
        self.someone_erased = None
        self.counting.clear()

    def remember(self, id_: int, event: Event, raw: bytes, received_at: datetime) -> None:
        """An event that is pending, and about to be decided."""
        if len(raw) <= EVENT_BYTES_HELD:
            self.events[id_] = (event, raw, received_at)

    def number(self, connection: sqlite3.Connection, table: str, how_many: int) -> int:
        """The first of ``how_many`` fresh numbers for ``table``."""
        first = self.next_ids.get(table)
        if first is None:
            column = "seq" if table == "outbox" else "id"
            first = connection.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}").fetchone()[0]  # noqa: S608 our own names
        self.next_ids[table] = first + how_many
        return int(first)

    def trim(self) -> None:
        """Keep to the limits, oldest out first."""
        limits: tuple[tuple[OrderedDict[Any, Any], int], ...] = (
            (self.people, PEOPLE_HELD),
            (self.events, EVENTS_HELD),
            (self.states, STATES_HELD),
            (self.sends, SENDS_HELD),
        )
        for held, most in limits:
            while len(held) > most:
                held.popitem(last=False)
