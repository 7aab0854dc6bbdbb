"""A business on one database file: the real store, the real deciding and the API's own handlers, without HTTP; time is told to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
from aiohttp import web
from multidict import CIMultiDict

from bot.core.conversation import Consent
from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.ledger import consent_change
from bot.core.rulebook import Rulebooks
from bot.rulebook.load import load_files
from bot.store.keys import ApiKey
from bot.store.sqlite import open_store
from bot.store.sqlite.audit import broken
from bot.store.sqlite.store import SqliteStore
from bot.store.subscriptions import CallbackDone
from bot.store.units import InboxKind, Incoming, Started
from bot.web.api.backend import Backend
from bot.web.api.bodies import parse
from bot.web.api.operation import Asked, Operation
from bot.work.inbox import Deciding, decide_lane
from bot.work.payloads import Composer
from bot.work.stored_events import reader
from tests.sinch.payloads import APP, reason, receipt, texted, whatsapp

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WITHIN = timedelta(seconds=30)  # until a message of unknown outcome is looked at

RULES = b"""
settings: {languages: [en], time_zone: UTC}
teams: [support]
templates:
  shipped: {languages: {en: en_US}, category: utility, parameters: [number]}
  sale: {languages: {en: en_US}, category: marketing, parameters: [number]}
rules:
  - name: hello
    when: {says: [hello]}
    reply: {text: "Hello!"}
    then: {remind: {after: 2 hours, goes_to: there}}
  - name: there
    when: {silent_for: 3 hours}
    reply: {text: "Still there?"}
  - name: number
    when: {says: [number]}
    ask:
      digits: {text: "Which one?", must_be: 4 digits, no_answer_after: 30 minutes}
    reply:
      - {if: answered, text: "Noted."}
      - {text: "Never mind."}
  - name: agent
    when: {says: [agent]}
    reply: {text: "One moment."}
    then: {hand_over: support}
  - name: ready
    when: {event: order.ready}
    reply: {text: "It is ready.", if_closed: wait}
  - name: sale
    when: {event: sale.begins}
    reply: {template: sale, values: {number: "7"}}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "I did not get that."}
"""

SALE = {"name": "sale", "values": {"number": "7"}}
SHIPPED = {"name": "shipped", "values": {"number": "7"}}
CONTENTS: list[dict[str, object]] = [
    {"reply": {"text": "Yours is ready."}},
    {"reply": {"text": "Yours is ready."}, "if_closed": "wait"},
    {"reply": {"text": "Yours is ready."}, "if_closed": {"template": SHIPPED}},
    {"reply": {"text": "Buy!"}, "if_closed": {"template": SALE}},
    {"template": SHIPPED},
    {"template": SALE},
    {"template": SHIPPED, "at_most_once": True},
]


class Business:
    """Opened by ``open``; everything happens when it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = START
        self.key = ApiKey(1, "shop", frozenset({"send", "read", "admin"}))
        self.store: SqliteStore
        self._rulebooks: Rulebooks
        self._read = reader(APP)
        self._count = 0

    async def open(self) -> None:
        """As a server starts: what was under way when it ended is found again."""
        self.store = await open_store(self.path, app=APP)
        self._beside = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)
        files = {"rules/shop.yaml": RULES}
        reading = load_files(files)
        assert reading.rulebook is not None, "\n".join(map(str, reading.problems))
        number = await self.store.save_rulebook(reading.rulebook.digest, files, self.now)
        self._rulebooks = Rulebooks(replace(reading.rulebook, version=number))
        self._deciding = Deciding(self._read, lambda: self._rulebooks, self.store.installation_key)
        self.backend = Backend(self.store, lambda: self._rulebooks.live, lambda: self.now, APP)
        await self.store.recover(self.now, self.now + WITHIN)
        await self.store.subscriptions.recover(self.now)

    async def begin(self) -> None:
        """A fresh database with a key, and a backend that wants to be told everything."""
        await self.open()
        made = await self.store.keys.create("shop", self.key.scopes, b"h", self.now)
        self.key = replace(self.key, id=made.id)
        await self.store.subscriptions.create("https://shop.example/hook", ["*"], "shop", "whsec_MTIz", self.now)

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def close(self) -> None:
        self._beside.close()
        await self.store.close()

    # --- what comes in --------------------------------------------------------------------------------------------------

    async def hears(self, raw: bytes) -> bool:
        """A webhook; whether it is new."""
        kind = InboxKind.RECEIPT if b"message_delivery_report" in raw else InboxKind.INBOUND
        event = self._read(kind, raw, self.now)
        asked = None
        if kind is InboxKind.INBOUND:
            asked = consent_change(event, None, self._rulebooks.live.consent, Consent())
        (new,) = await self.store.record([Incoming(event, kind, raw, asked)], self.now)
        return new

    def written(self, who: str, text: str, at: datetime) -> bytes:
        """The webhook of a person's message."""
        return orjson.dumps(texted(self.id(), who, text, at))

    def receipt(self, started: Started, message_id: str, status: str, channel_code: str = "") -> bytes:
        """The webhook of a delivery receipt."""
        stamp = self.now.isoformat().replace("+00:00", "Z")
        why = {"reason": reason("CHANNEL_FAILURE", channel_code)} if status == "FAILED" else {}
        metadata, to = started.outbox_id, whatsapp(started.contact.identity)
        body = receipt(message_id, status, metadata=metadata, channel_identity=to, **why)
        return orjson.dumps({**body, "event_time": stamp, "accepted_time": stamp})

    def id(self) -> str:
        """Sinch's next id of a message."""
        self._count += 1
        return f"01HM{self._count:022}"

    async def decide(self) -> None:
        work = partial(decide_lane, self._deciding, self.now)
        while (await self.store.decide_ready(64, self.now, work)).settled:
            pass

    # --- the API --------------------------------------------------------------------------------------------------------

    async def ask(
        self, operation: Operation, body: Mapping[str, object] | None = None, key: str | None = None, **path: str
    ) -> Any:
        """What an operation answers. Raises ``Refused`` as the handler does."""
        headers = CIMultiDict({} if key is None else {"Idempotency-Key": key})
        request = cast(web.Request, SimpleNamespace(headers=headers, match_info=path))
        model = parse(operation.body, body) if operation.body is not None else None
        answer = await operation.handle(Asked(request, self.key, self.backend, model, None, body))
        return answer.content

    # --- what leaves ----------------------------------------------------------------------------------------------------

    async def starts(self, limit: int = 10) -> Sequence[Started]:
        return await self.store.start(limit, self.now, Policy())

    async def publish(self) -> list[tuple[int, dict[str, Any]]]:
        """All news become callbacks, and those are taken; (person, body) in the order in which they were."""
        while (await self.store.subscriptions.publish(16, Composer(self._deciding), self.now)).news:
            pass
        taken: list[tuple[int, dict[str, Any]]] = []
        while started := (await self.store.subscriptions.start(16, self.now)).started:
            for each in started:
                await self.store.subscriptions.finish(CallbackDone(each.attempt_id, "taken", 200), self.now)
                body = orjson.loads(each.body)
                taken.append((body["data"]["person"]["id"] if "person" in body["data"] else 0, body))
        return taken

    # --- what is kept ---------------------------------------------------------------------------------------------------

    def rows(self, question: str, *values: object) -> list[Any]:
        """Read beside the store, as anybody could."""
        return self._beside.execute(question, values).fetchall()

    def broken(self) -> list[str]:
        """What the audit says."""
        return list(broken(self._beside))


def contact(who: str) -> ContactKey:
    """The address of a number."""
    return ContactKey(APP, "WHATSAPP", who)
