"""A business on one database: the real store, the real deciding and the API's own handlers, without HTTP; time is told to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal, cast

import orjson
from aiohttp import web
from multidict import CIMultiDict

from bot.core.conversation import Consent
from bot.core.delivery import Policy
from bot.core.event import CallAnswered, ContactKey, Event
from bot.core.ledger import consent_change
from bot.core.rulebook import Rulebooks
from bot.store.keys import ApiKey
from bot.store.port import Store
from bot.store.subscriptions import CallbackDone
from bot.store.units import CallDone, InboxKind, Incoming, Progress, Started, StartedCall
from bot.web.api.backend import Backend
from bot.web.api.bodies import parse
from bot.web.api.operation import Asked, Operation
from bot.work.campaigns import Turns
from bot.work.clock import RunningClock
from bot.work.inbox import Deciding, decide_lane, recover
from bot.work.payloads import Composer
from bot.work.stored_events import reader
from tests.sinch.payloads import APP, reason, receipt, texted, whatsapp
from tests.store.editions import edition_of, files_of, rulebook_of
from tests.store.places import Place

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WITHIN = timedelta(seconds=30)  # until a message of unknown outcome is looked at

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
    """Everything happens when it is told to."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.wall = START  # as the machine's clock shows it
        self._clock = RunningClock(lambda: self.wall)
        self.key = ApiKey(1, "shop", frozenset({"send", "read", "admin"}))
        self.store: Store
        self.editions: dict[int, str] = {}  # by the number of the rulebook
        self._rulebooks: Rulebooks
        self._read = reader(APP)
        self._count = 0
        self.rows = place.rows
        self.broken = place.broken

    @property
    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def passes(self, stretch: timedelta) -> None:
        """Time goes on, or the clock is set back."""
        self.wall = (self.now if stretch > timedelta() else self.wall) + stretch

    async def open(self) -> None:
        """As a server starts: with the rules that were live last, and what was under way when it ended is found again."""
        self._clock = RunningClock(lambda: self.wall)
        self.store = await self.place.open(APP)
        kept = await self.store.last_good_rulebook()
        await self.reload("A" if kept is None else edition_of(kept.files), {})
        older = {}
        for version in (await self.store.asking()).keys() - {self._rulebooks.live.version}:
            stored = await self.store.rulebook(version)
            assert stored is not None, f"rulebook {version} is pinned and not stored"
            older[version] = replace(rulebook_of(edition_of(stored.files)), version=version)
        self._rulebooks = Rulebooks(self._rulebooks.live, older)
        self._deciding = Deciding(self._read, lambda: self._rulebooks, self.store.installation_key)
        self.backend = Backend(self.store, lambda: self._rulebooks.live, lambda: self.now, APP)
        await recover(self.store, self.now)
        await self.store.recover(self.now, self.now + WITHIN)
        await self.store.recover_calls(self.now)
        await self.store.campaigns.recover()
        await self.store.subscriptions.recover(self.now)

    async def reload(self, edition: str, older: Mapping[int, Any] | None = None) -> None:
        """Another edition is saved; whoever is in the middle of a question goes on with theirs."""
        number = await self.store.save_rulebook(rulebook_of(edition).digest, files_of(edition), self.now)
        held = self._held() if older is None else older
        self._rulebooks = Rulebooks(replace(rulebook_of(edition), version=number), held)
        self.editions[number] = edition

    def _held(self) -> Mapping[int, Any]:
        live = self._rulebooks.live
        return {**self._rulebooks.older, live.version: live}

    @property
    def edition(self) -> str:
        """The live one."""
        return self.editions[self._rulebooks.live.version]

    async def begin(self) -> None:
        """A fresh database with a key, and a backend that wants to be told everything."""
        await self.open()
        made = await self.store.keys.create("shop", self.key.scopes, b"h", self.now)
        self.key = replace(self.key, id=made.id)
        await self.store.subscriptions.create("https://shop.example/hook", ["*"], "shop", "whsec_MTIz", self.now)

    async def restart(self) -> None:
        """An orderly one."""
        await self.place.close()
        await self.open()

    async def crash(self) -> None:
        """It dies here, and is started again."""
        await self.place.left()
        await self.open()

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

    def reads(self, kind: str, raw: bytes) -> Event:
        """The event that an inbox row is of."""
        return self._read(InboxKind(kind), raw, self.now)

    def written(self, who: str, text: str, at: datetime) -> bytes:
        """The webhook of a person's message."""
        return orjson.dumps(texted(self.id(), who, text, at))

    def receipt(
        self, started: Started, message_id: str, status: str, channel_code: str = "", named: bool = True
    ) -> bytes:
        """The webhook of a delivery receipt, which tells our own id of the message unless it is not ``named``."""
        stamp = self.now.isoformat().replace("+00:00", "Z")
        why = {"reason": reason("CHANNEL_FAILURE", channel_code)} if status == "FAILED" else {}
        metadata, to = started.outbox_id if named else "", whatsapp(started.contact.identity)
        body = receipt(message_id, status, metadata=metadata, channel_identity=to, **why)
        return orjson.dumps({**body, "event_time": stamp, "accepted_time": stamp})

    def id(self) -> str:
        """Sinch's next id of a message."""
        self._count += 1
        return f"01HM{self._count:022}"

    @property
    def last_id(self) -> str:
        """The id that was given last."""
        return f"01HM{self._count:022}"

    async def decide(self) -> Progress:
        """One turn: of each lane that is ready as many events as are taken at once."""
        return await self.store.decide_ready(64, self.now, partial(decide_lane, self._deciding, self.now))

    async def answers(self, started: StartedCall, outcome: Literal["found", "not_found", "failed"]) -> None:
        """The connection answers a call."""
        values = {"status": "on its way"} if outcome == "found" else {}
        call = started.call
        event = CallAnswered(
            started.answer_dedup, started.contact, call.key, call.connection, outcome, values, self.now, self.now
        )
        await self.store.finish_call(CallDone(started.attempt_id, event, 0 if outcome == "failed" else 200), self.now)

    async def campaigns(self) -> int:
        """Each campaign hands over those whose turn it is; how many were placed."""
        placed = 0
        for campaign in (await self.store.campaigns.at_work()).campaigns:
            turns = Turns.of(campaign, self._rulebooks.live, self.now)
            placed += (await self.store.campaigns.take_turns(campaign.id, 64, turns, self.now)).placed
            await self.store.campaigns.end(campaign.id, self.now)
        return placed

    # --- the API --------------------------------------------------------------------------------------------------------

    async def ask(
        self, operation: Operation, body: Mapping[str, object] | None = None, key: str | None = None, **path: str
    ) -> Any:
        """What an operation answers. Raises ``Refused`` as the handler does."""
        headers = CIMultiDict({} if key is None else {"Idempotency-Key": key})
        request = cast(web.Request, SimpleNamespace(headers=headers, match_info=path, query={}))
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


def contact(who: str) -> ContactKey:
    """The address of a number."""
    return ContactKey(APP, "WHATSAPP", who)
