"""Stands between a sender and its store: sees what was known when each attempt was allowed, and can be cut as if it had died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.reply import is_template
from bot.errors import StoreUnavailable
from bot.sinch.admin import SinchAdmin
from bot.sinch.wire.admin import SinchApp
from bot.sinch.wire.answers import ListedMessage
from bot.store.port import Store
from bot.store.units import Doubtful, Outcome, Started, Unknown, Verdict

WINDOW = timedelta(hours=24)
MARGIN = timedelta(minutes=2)


@dataclass
class Witness:
    """What was known to our side, by outbox id or person, and a sentence for each attempt that should not have been.

    ``heard``: a receipt is recorded; ``failed``: one that says nobody got it; ``listed``: a listing showed it; ``lost``: how many attempts
    ended unknown; ``once``: sent at most once; ``open``: attempts under way; ``stopped``: who said STOP; ``wrote_at``: when they wrote.
    """

    heard: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    stopped: set[ContactKey] = field(default_factory=set)
    wrote_at: dict[ContactKey, datetime] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    once: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    open: dict[int, Started] = field(default_factory=dict)

    def wrote(self, who: ContactKey, at: datetime) -> None:
        """They wrote at ``at``."""
        self.wrote_at[who] = max(at, self.wrote_at.get(who, at))

    def phase(self, request: bytes) -> str:
        """Which try of its message a request to ``messages:send`` is."""
        body = orjson.loads(request.partition(b"\r\n\r\n")[2])
        return "second try" if self.lost[body["message_metadata"]] else "first try"

    def died(self) -> int:
        """The process is no more, and what it had open is of unknown outcome; how many that was."""
        count = len(self.open)
        self.lost.update(each.outbox_id for each in self.open.values())
        self.open.clear()
        return count

    def allowed(self, each: Started, now: datetime, proved: set[str], stopped: set[ContactKey]) -> None:
        """Judge an attempt by what was known before it was asked for."""
        what = f"attempt {each.number} of {each.outbox_id} to {each.contact.identity} was allowed"
        if each.outbox_id in proved:
            self.broken.append(f"I9: {what}, though it was known that Sinch had the message.")
        if each.contact in stopped:
            self.broken.append(f"I7: {what} after their STOP was recorded.")
        if self.lost[each.outbox_id] >= (1 if each.outbox_id in self.once else 2):
            self.broken.append(f"I9: {what} after {self.lost[each.outbox_id]} that may have been accepted.")
        if not is_template(each.reply):
            self._free_form(each, now, what)
        self.open[each.attempt_id] = each

    def _free_form(self, each: Started, now: datetime, what: str) -> None:
        wrote_at = self.wrote_at.get(each.contact)
        if wrote_at is None or now >= wrote_at + WINDOW - MARGIN:
            self.broken.append(f"I6: {what} at {now}, and they wrote last at {wrote_at}.")
        elif each.ttl_s is None or timedelta(seconds=each.ttl_s) > wrote_at + WINDOW - now:
            self.broken.append(f"I6: {what} with {each.ttl_s} seconds to live, which is longer than their window.")


class Line:
    """One life's way to the store: after ``cut`` nothing comes through, and what was on its way arrives at nobody."""

    def __init__(self, store: Store, witness: Witness) -> None:
        self._store = store
        self._witness = witness
        self._is_cut = False

    def cut(self) -> None:
        """The process is no more."""
        self._is_cut = True

    async def start(self, limit: int, now: datetime, policy: Policy) -> Sequence[Started]:
        self._look()
        known = self._witness
        proved, stopped = (known.heard | known.listed) - known.failed, set(known.stopped)
        started = await self._store.start(limit, now, policy)
        for each in started:
            known.allowed(each, now, proved, stopped)
        self._look()
        return started

    async def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        self._look()
        await self._store.finish(outcomes, now)
        for outcome in outcomes:
            started = self._witness.open.pop(outcome.attempt_id, None)
            if isinstance(outcome, Unknown) and started is not None:
                self._witness.lost[started.outbox_id] += 1
        self._look()

    async def next_send(self, now: datetime) -> datetime | None:
        self._look()
        return await self._store.next_send(now)

    async def doubtful(self, limit: int, now: datetime) -> Sequence[Doubtful]:
        self._look()
        return await self._store.doubtful(limit, now)

    async def reconcile(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        self._look()
        await self._store.reconcile(verdicts, now)

    async def expire(self, now: datetime) -> int:
        self._look()
        return await self._store.expire(now)

    def _look(self) -> None:
        if self._is_cut:
            raise StoreUnavailable("This process is no more.")


class SeenListing:
    """Sinch's listing; what it told goes to the witness."""

    def __init__(self, admin: SinchAdmin, witness: Witness) -> None:
        self._admin = admin
        self._witness = witness

    async def app(self) -> SinchApp:
        return await self._admin.app()

    async def list_messages(
        self, contact: ContactKey, contact_id: str, since: datetime, is_dispatch: bool
    ) -> Sequence[ListedMessage]:
        found = await self._admin.list_messages(contact, contact_id, since, is_dispatch)
        self._witness.listed.update(each.outbox_id for each in found if each.direction != "TO_APP")
        return found
