"""Traffic as the server stores it: real webhook bodies recorded and decided through the real store, without HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import orjson

from bot.core.conversation import Consent
from bot.core.event import Act, BusinessEvent, CallAnswered, ColleagueActed, ContactKey
from bot.core.ledger import consent_change
from bot.core.own_events import raw_of as raw_of_own
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.store.sqlite import open_store
from bot.store.sqlite.store import SqliteStore
from bot.store.units import CallDone, InboxKind, Incoming
from bot.work.events import raw_of
from bot.work.inbox import Deciding, decide_lane
from bot.work.stored_events import reader
from tests.sinch.payloads import APP, texted

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Traffic:
    """A store with one rulebook after another; everything happens when it is told to."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.now = START
        self.rulebooks: Rulebooks
        self._read = reader(APP)
        self._count = 0

    async def live(self, rules: str) -> int:
        """These rules answer from now on; earlier ones are kept for the questions they asked."""
        files = {"rules/shop.yaml": rules.encode()}
        reading = load_files(files)
        assert reading.rulebook is not None, "\n".join(map(str, reading.problems))
        number = await self.store.save_rulebook(reading.rulebook.digest, files, self.now)
        known = getattr(self, "rulebooks", None)
        older: dict[int, Rulebook] = {} if known is None else {**known.older, known.live.version: known.live}
        self.rulebooks = Rulebooks(replace(reading.rulebook, version=number), older)
        return number

    async def says(self, *texts: str, who: str = "46701740605") -> str:
        """A person writes, ten seconds apart, and is answered each time. Returns the id of the last message."""
        message_id = ""
        for text in texts:
            self.now += timedelta(seconds=10)
            message_id = self._id()
            await self.record([self._message(message_id, text, who)])
            await self.decide()
        return message_id

    async def write(self, messages: Sequence[tuple[str, str]]) -> None:
        """Many messages of (person, text) at once, for when only their number counts."""
        await self.record([self._message(self._id(), text, who) for who, text in messages])

    async def event(self, name: str, who: str = "46701740605", **data: str) -> None:
        self.now += timedelta(minutes=1)
        event = BusinessEvent(f"ev-{self._id()}", ContactKey(APP, "WHATSAPP", who), name, data, self.now, self.now)
        await self.store.record([Incoming(event, InboxKind.API, raw_of(event))], self.now)
        await self.decide()

    async def colleague(self, what: Act, team: str = "", who: str = "46701740605") -> None:
        self.now += timedelta(minutes=1)
        contact = ContactKey(APP, "WHATSAPP", who)
        acted = ColleagueActed(f"co-{self._id()}", contact, what, team, "Ida", None, self.now, self.now)
        await self.store.record([Incoming(acted, InboxKind.OPERATOR, raw_of_own(acted))], self.now)
        await self.decide()

    async def call_answers(self, **values: str) -> None:
        """The connection that is asked answers: found with these values, or not_found with none."""
        (started,) = await self.store.start_calls(10, self.now)
        self.now += timedelta(seconds=1)
        outcome: Literal["found", "not_found"] = "found" if values else "not_found"
        answered = CallAnswered(
            f"call:{started.outbox_id}",
            started.contact,
            started.call.key,
            "orders",
            outcome,
            values,
            self.now,
            self.now,
        )
        await self.store.finish_call(CallDone(started.attempt_id, answered, 200), self.now)
        await self.decide()

    async def record(self, incoming: Sequence[Incoming]) -> None:
        await self.store.record(incoming, self.now)

    async def decide(self) -> None:
        deciding = Deciding(self._read, lambda: self.rulebooks, self.store.installation_key)
        while (await self.store.decide_ready(64, self.now, partial(decide_lane, deciding, self.now))).settled:
            pass

    def _message(self, message_id: str, text: str, who: str) -> Incoming:
        raw = orjson.dumps(texted(message_id, who, text, self.now))
        event = self._read(InboxKind.INBOUND, raw, self.now)
        asked = consent_change(event, None, self.rulebooks.live.consent, Consent())
        return Incoming(event, InboxKind.INBOUND, raw, asked)

    def _id(self) -> str:
        self._count += 1
        return f"01HM{self._count:022}"


@asynccontextmanager
async def traffic_in(path: Path, rules: str) -> AsyncIterator[Traffic]:
    """A fresh database with ``rules`` live."""
    store = await open_store(path, app=APP)
    try:
        traffic = Traffic(store)
        await traffic.live(rules)
        yield traffic
    finally:
        await store.close()
