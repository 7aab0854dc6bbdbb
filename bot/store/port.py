"""What every store promises, in whole units of work.

Each method is one transaction, or part of a group that commits together; nobody is handed a cursor or a transaction. A method
returns after its commit is durable (``synchronous=FULL``, ``synchronous_commit=on``). It raises ``StoreUnavailable`` when nothing of it
was committed and ``Overloaded`` when too much is waiting already. Callers may be cancelled: the unit then still happens wholly or not at
all. Time is always a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.core.consent_reasons import LedgerRow
from bot.core.conversation import Conversation
from bot.core.delivery import Policy
from bot.core.event import ContactKey, MediaKind
from bot.errors import Refused
from bot.store.amiss import Amiss
from bot.store.campaigns import Campaigns
from bot.store.colleagues import Colleagues
from bot.store.contacts import Contacts, ExportedRow
from bot.store.conversations import Conversations
from bot.store.keys import Keys
from bot.store.messages import Filter, Messages, Page
from bot.store.privacy import Privacy
from bot.store.strain import Most, Strain
from bot.store.subscriptions import Subscriptions
from bot.store.tallies import Tallies
from bot.store.trouble import Trouble
from bot.store.units import (
    Ask,
    CallDone,
    Counts,
    Decide,
    Doubtful,
    Fired,
    Incoming,
    MessageView,
    Order,
    OtherBody,
    Outcome,
    Placed,
    Progress,
    Release,
    Standing,
    Started,
    StartedCall,
    StoredRulebook,
    Struck,
    TraceView,
    Verdict,
)
from bot.store.users import Users
from bot.store.work_left import WorkLeft


class Store(Protocol):
    """One database, used by the server's parts alone; see the module for what every method promises."""

    @property
    def installation_key(self) -> bytes:
        """32 random bytes made at first start; sign button ids and cookies with it."""
        ...

    async def close(self) -> None:
        """Commit what is waiting and let go. Nothing may be called afterwards."""
        ...

    async def lost(self) -> None:
        """Raises ``StoreUnavailable`` once nothing can be written any more until a restart; returns once it is closed."""
        ...

    async def probe(self) -> None:
        """Write something of no meaning and commit it: raises ``StoreUnavailable`` where recording would."""
        ...

    # parts with promises of their own
    @property
    def contacts(self) -> Contacts: ...

    @property
    def colleagues(self) -> Colleagues: ...

    @property
    def messages(self) -> Messages: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def subscriptions(self) -> Subscriptions: ...

    @property
    def campaigns(self) -> Campaigns: ...

    @property
    def privacy(self) -> Privacy: ...

    @property
    def conversations(self) -> Conversations: ...

    @property
    def trouble(self) -> Trouble: ...

    @property
    def users(self) -> Users: ...

    @property
    def tallies(self) -> Tallies: ...

    # the inbox
    async def record(self, events: Sequence[Incoming], now: datetime) -> Sequence[bool]:
        """Insert events; True where it is new, False where its key was seen before. Consent words take effect in this commit."""
        ...

    async def record_request(
        self, key: str, digest: str, events: Sequence[Incoming], now: datetime
    ) -> Sequence[bool] | OtherBody:
        """The same for a request that may be repeated: the keys of ``events`` begin with ``key`` and ``digest``, each before a colon.
        ``OtherBody``, and nothing is recorded, where there are events of this ``key`` with another ``digest``."""
        ...

    async def refuse(self, raw: bytes, why: str, now: datetime) -> None:
        """Keep an authentic body that was not read, stale for example, for re-driving."""
        ...

    def reading_begins(self, body: bytes) -> int:
        """This body is being read now, until ``reading_ends``: a note that outlives the process, at next to no cost. Returns how many
        earlier processes died while they read it. One body at a time; for one thread."""
        ...

    def reading_ends(self) -> None:
        """No body is."""
        ...

    async def tell_media(self, app: str, dedup: str, kind: MediaKind, now: datetime) -> bool:
        """Store what kind of file the event of this key brings, and let it be decided at once. False, and nothing changes, where deciding
        it has begun, or where its kind was told before."""
        ...

    async def decide_ready(self, limit: int, now: datetime, decide: Decide) -> Progress:
        """Claim up to ``limit`` lanes with something pending, decide each (pure, must not block) and settle, all in one transaction.

        Lanes are taken longest-waiting first; one lane's events are handed over in the person's order.
        """
        ...

    # timers and calls
    async def fire_timers(self, limit: int, now: datetime) -> Fired:
        """Turn up to ``limit`` timers that are due into inbox events, of people with nothing older pending; each fires once."""
        ...

    async def start_calls(self, limit: int, now: datetime) -> Sequence[StartedCall]:
        """Open up to ``limit`` attempts of calls, one a person, oldest first."""
        ...

    async def finish_call(self, done: CallDone, now: datetime) -> None:
        """End a call's attempt and record its answer as an event of the time the call was made, so that what was held comes after it."""
        ...

    async def recover_calls(self, now: datetime) -> int:
        """At start: a call that a process died with has failed, save a GET that is tried once more inside its time. Returns how many."""
        ...

    # the outbox
    async def start(self, limit: int, now: datetime, policy: Policy) -> Sequence[Started]:
        """Open up to ``limit`` attempts: one a person, oldest message first, each passed by ``core.delivery.gate`` in this transaction."""
        ...

    async def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """End attempts; a receipt that came first is taken into account."""
        ...

    async def doubtful(self, limit: int, now: datetime) -> Sequence[Doubtful]:
        """Messages of unknown outcome whose time to look has come."""
        ...

    async def reconcile(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """Settle messages of unknown outcome; one that a receipt settled meanwhile stays as the receipt says."""
        ...

    async def expire(self, now: datetime) -> int:
        """End messages that waited for their person to write until their time was over. Returns how many."""
        ...

    async def recover_events(self, now: datetime, most_tries: int) -> Struck | None:
        """At start: the event that a process died with while it was being decided has lost a try, and is tried later; with its last one it
        is a dead letter. What was pending besides has lost nothing. None where none was being decided."""
        ...

    async def set_back(self, now: datetime) -> int:
        """At start, and when the clock was set back: no event and no message waits for its next try by the time that was wrong. Returns how
        many waited so."""
        ...

    async def recover(self, now: datetime, look_at: datetime) -> int:
        """At start: attempts of a process that died are of unknown outcome, to be looked at from ``look_at``. Returns how many."""
        ...

    async def next_send(self, now: datetime) -> datetime | None:
        """When the next message may leave, never before ``now``; None: nothing waits for its time alone."""
        ...

    async def place(self, asked: Sequence[Order | Ask], now: datetime) -> Sequence[Placed | OtherBody | Refused]:
        """Commit orders to the outbox with their idempotency rows; a known key gives the old answer or ``OtherBody``. What ``Ask.make``
        refuses is answered as it says, and leaves no trace."""
        ...

    # reading
    async def standing(self, contact: ContactKey) -> Standing:
        """Consent and window as committed; an unknown identity is unknown with no window, stopped if it was erased as stopped."""
        ...

    async def message(self, outbox_id: str) -> MessageView | None:
        """One message with its attempts and receipts."""
        ...

    async def trace(self, inbox_id: int) -> TraceView | None:
        """The inputs of one decision."""
        ...

    async def last_trace(self, contact: ContactKey) -> TraceView | None:
        """The inputs of the newest decision about the person of this identity."""
        ...

    async def trace_of(self, message_id: str) -> TraceView | None:
        """The inputs of the decision that a message is about: one that came (Sinch's id), or one of ours (our id or Sinch's)."""
        ...

    async def counts(self) -> Counts:
        """Open work, for readiness and the operator."""
        ...

    async def work_left(self, now: datetime) -> WorkLeft:
        """Open work in more detail, for pages; never counts for long."""
        ...

    async def strain(self, most: Most) -> Strain:
        """How much is held and how much room is left, for whoever must refuse more in time. A log that is over its limit is put in its
        place, where nobody reads it any more."""
        ...

    # rulebooks
    async def save_rulebook(self, digest: str, files: Mapping[str, bytes], now: datetime, who: str = "") -> int:
        """Store a checked rulebook and mark it live; the same files that are live already keep their number."""
        ...

    async def go_back(self, number: int, who: str, now: datetime) -> None:
        """Mark a stored rulebook live again, in place of the one that is; ``Refused`` where there is none of that number."""
        ...

    async def releases(self, limit: int) -> Sequence[Release]:
        """Which rulebook went live when, newest first."""
        ...

    async def asking(self) -> Mapping[int, Mapping[str, int]]:
        """The rulebooks that open questions and calls are pinned to: for each version how many people each of its rules holds."""
        ...

    async def last_good_rulebook(self) -> StoredRulebook | None:
        """The one marked live last."""
        ...

    async def rulebook(self, number: int) -> StoredRulebook | None:
        """A stored rulebook by its number."""
        ...


class Archive(Protocol):
    """What is committed, read without waiting for the loop and beside a running server; it can write nothing."""

    @property
    def installation_key(self) -> bytes:
        """As the store's."""
        ...

    def close(self) -> None:
        """Let go. Nothing may be called afterwards."""
        ...

    def rulebooks(self) -> Sequence[StoredRulebook]:
        """Every stored rulebook, by number."""
        ...

    def rulebook(self, number: int) -> StoredRulebook | None:
        """A stored rulebook by its number."""
        ...

    def releases(self, limit: int = 100) -> Sequence[Release]:
        """Which rulebook went live when, newest first."""
        ...

    def trace_of(self, message_id: str) -> TraceView | None:
        """As the store's."""
        ...

    def last_trace(self, contact: ContactKey) -> TraceView | None:
        """As the store's."""
        ...

    def people(self, since: datetime, until: datetime) -> Sequence[int]:
        """The numbers of the people about whom something was decided from ``since`` on and before ``until``, ascending."""
        ...

    def traces(
        self, since: datetime, until: datetime, bucket: tuple[int, int] = (0, 1), limit: int | None = None
    ) -> Iterator[TraceView]:
        """What was decided from ``since`` on and before ``until``, person by person, each person's in the order of the inbox.

        ``bucket`` (index, of) takes every ``of``-th person, so that processes can share the work; at most ``limit`` traces. Reads a part
        at a time, so that a long look keeps no writer from tidying up.
        """
        ...

    def unmatched(self, since: datetime, until: datetime, limit: int) -> Sequence[TraceView]:
        """The newest ``limit`` messages that no rule understood, decided from ``since`` on and before ``until``, in the order of the inbox.
        Reads those alone, however much else is stored."""
        ...

    def answered_by(self, rule: str, limit: int, looked_at: int) -> Sequence[TraceView]:
        """The newest decisions, up to ``limit``, that ``rule`` answered, among the ``looked_at`` newest of all; newest first."""
        ...

    def conversation_of(self, who: ContactKey | int) -> Conversation | None:
        """The conversation as it stands, of an address or of a person's number; None where nobody is known by it."""
        ...

    def message(self, outbox_id: str) -> MessageView | None:
        """As the store's."""
        ...

    def messages(self, app: str, wanted: Filter) -> Page:
        """As the store's ``messages.listed``."""
        ...

    def amiss(self, app: str, since: datetime) -> Sequence[Amiss]:
        """Messages of ``app`` that ended amiss since then, and all that are being refused now, counted by why."""
        ...

    def consent_of(self, contact: ContactKey) -> Sequence[LedgerRow]:
        """All rows of the consent ledger about a person in the order they were recorded; none for nobody."""
        ...

    def consent_rows(self, app: str, after: int, limit: int) -> Sequence[ExportedRow]:
        """Up to ``limit`` rows about everybody of ``app`` with a greater number than ``after``, in the order they were recorded."""
        ...
