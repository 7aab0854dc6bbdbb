"""The books that a story is held against: what must be so, from what was asked and answered alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.store.units import Started
from tests.store.talk import Standing, Talk

FAILED = 9
RANKS = {"QUEUED_ON_CHANNEL": 1, "DELIVERED": 2, "READ": 3, "FAILED": FAILED}


@dataclass
class Placed:
    """A message of the API, as it was asked for. ``upto``: its not_after."""

    who: str
    at: datetime | None
    upto: datetime | None
    gone: bool = False


@dataclass
class Written:
    """A message that a person wrote."""

    who: str
    text: str
    at: datetime


@dataclass
class Books:
    """What must be so, from what was answered alone."""

    words: dict[str, list[tuple[str, str, datetime]]] = field(default_factory=dict)
    own_words: set[tuple[str, str, datetime]] = field(
        default_factory=set
    )  # of those, by whom, purpose and time, that the person wrote
    turned_by: dict[str, str] = field(default_factory=dict)  # the message that stopped or started each
    closes: dict[str, datetime] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)
    keys: dict[str, tuple[object, str, datetime]] = field(default_factory=dict)
    event_ids: set[tuple[str, str, str]] = field(default_factory=set)  # name, id, to whom
    flying: dict[str, Started] = field(default_factory=dict)  # by identity
    taken: list[tuple[Started, str]] = field(default_factory=list)  # with Sinch's id
    status: dict[int, str] = field(default_factory=dict)
    told: int = 0
    written: dict[str, Written] = field(default_factory=dict)  # by Sinch's id
    talks: dict[str, Talk] = field(default_factory=dict)
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)  # rows of the inbox to come: kind, whose
    seen: int = 0  # the newest row of the inbox that is on the books
    answered: int = 0  # the newest row of the outbox that is
    line: dict[str, list[str]] = field(
        default_factory=dict
    )  # what each person is to get, as it was decided or asked for
    too_late: set[str] = field(default_factory=set)  # answers to messages that came after their own window
    tries: Counter[str] = field(default_factory=Counter)  # submissions of a message
    ranks: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # of each message: of each of Sinch's ids, how far it is
    heard_receipts: dict[str, tuple[str, str, int]] = field(default_factory=dict)  # key -> message, Sinch's id, rank
    known_ids: set[str] = field(default_factory=set)  # of Sinch's, which we know to be of one of our messages
    came: dict[str, int] = field(default_factory=dict)  # receipts by their key: the row of the inbox
    orphans: dict[str, dict[str, int]] = field(default_factory=dict)  # receipts by Sinch's id, while nobody knows it
    fired: set[tuple[str, str, datetime]] = field(default_factory=set)  # timers, by person, name and when they were due
    called: set[str] = field(default_factory=set)  # calls that have their answer

    def says(self, who: str, purpose: str, state: str, at: datetime, by: str = "") -> None:
        before = self.counts(who, "all") == "stopped"
        if by and state == "stopped" and purpose == "all" and not before:
            at = self.after_what_others_gave(who, at)
        self.words.setdefault(who, []).append((purpose, state, at))
        if by:
            self.own_words.add((who, purpose, at))
        if (self.counts(who, "all") == "stopped") != before:
            self.turned_by[who] = by

    def after_what_others_gave(self, who: str, at: datetime) -> datetime:
        """A person's STOP comes after an opt-in by others that is dated up to an hour later: whose clock is right is not known."""
        newest = max((at for purpose, _, at in self.words.get(who, ()) if purpose == "all"), default=at)
        is_in_doubt = newest - at <= timedelta(hours=1) and (who, "all", newest) not in self.own_words
        return max(at, newest) if is_in_doubt else at

    def counts(self, who: str, purpose: str) -> str:
        """The newest word by the person's own time; of the same time a stop."""
        rows = [(at, state == "stopped") for kind, state, at in self.words.get(who, ()) if kind == purpose]
        return "" if not rows else "stopped" if max(rows)[1] else "opted_in"

    def standing(self, who: str) -> Standing:
        newest = max((at for purpose, _, at in self.words.get(who, ()) if purpose == "all"), default=None)
        marketing = self.counts(who, "marketing") == "opted_in"
        return Standing(self.counts(who, "all") == "stopped", self.turned_by.get(who, ""), marketing, newest)

    def talk(self, who: str) -> Talk:
        return self.talks.setdefault(who, Talk(who))

    def gets_receipt(self, outbox_id: str, message_id: str, status: str, named: bool) -> bool:
        """Whether it is known at once what this new receipt speaks of; else it waits for whoever learns Sinch's id."""
        rank, key = RANKS[status], f"rcpt:{message_id}:{status}:WHATSAPP"
        if not named and message_id not in self.known_ids:
            self.orphans.setdefault(message_id, {})[key] = rank
            return False
        self.heard_receipts[key] = (outbox_id, message_id, rank)
        return True

    def accepted(self, outbox_id: str, message_id: str) -> None:
        """Sinch told its id of the message."""
        self.known_ids.add(message_id)
        for rank in self.orphans.pop(message_id, {}).values():
            self.climbs(outbox_id, message_id, rank)

    def looked_for(self, outbox_id: str) -> None:
        """A message in doubt: its newest receipt tells Sinch's id of it, also before that had its turn, and so whose the others are."""
        told = {key: id_ for key, (of, id_, _) in self.heard_receipts.items() if of == outbox_id}
        keys = [key for key, id_ in told.items() if id_ not in self.known_ids]
        if keys:
            self.accepted(outbox_id, told[max(keys, key=self.came.__getitem__)])

    def receipts_count(self, keys: Iterable[str]) -> None:
        """Those of one turn, with all whose message they tell of, in the order in which they came."""
        heard = {key: self.heard_receipts[key] for key in keys if key in self.heard_receipts}
        for outbox_id, message_id, _ in list(heard.values()):
            orphans = self.orphans.pop(message_id, {})
            heard |= {key: (outbox_id, message_id, rank) for key, rank in orphans.items()}
        for key in sorted(heard, key=self.came.__getitem__):
            self.climbs(*heard[key])

    def climbs(self, outbox_id: str, message_id: str, rank: int) -> None:
        """A receipt counts: higher than what was there, and FAILED before DELIVERED alone."""
        self.known_ids.add(message_id)
        ranks = self.ranks.setdefault(outbox_id, {})
        before = ranks.get(message_id, 0)
        if before != FAILED and rank > before and (rank != FAILED or before < RANKS["DELIVERED"]):
            ranks[message_id] = rank

    def shown(self, outbox_id: str) -> set[int]:
        """What a message may show: the best of its submissions; one that failed, and one that is merely queued, are equally good."""
        ranks = self.ranks.get(outbox_id, {}).values()
        best = max((rank for rank in ranks if rank != FAILED), default=0)
        if best >= RANKS["DELIVERED"] or FAILED not in ranks:
            return {best}
        return {FAILED, best} if len(ranks) > 1 else {FAILED}

    def quiet(self, who: str) -> None:
        """The person is to be erased, once what is under way to them has ended: nothing more is decided or fired."""
        talk = self.talk(who)
        talk.pending = [event for event in talk.pending if event.kind == "receipt"]
        talk.is_quiet = talk.asked is not None

    def forget(self, who: str, at: datetime) -> None:
        stopped = [purpose for purpose in ("all", "marketing") if self.counts(who, purpose) == "stopped"]
        self.words[who] = [(purpose, "stopped", at) for purpose in stopped]
        self.own_words = {each for each in self.own_words if each[0] != who}
        self.turned_by.pop(who, None)
        self.closes.pop(who, None)
        gone = {id_ for id_, each in self.placed.items() if each.who == who}
        gone |= {started.outbox_id for started, _ in self.taken if started.contact.identity == who}
        self.placed = {id_: each for id_, each in self.placed.items() if each.who != who}
        self.taken = [(started, id_) for started, id_ in self.taken if started.contact.identity != who]
        self.keys = {key: kept for key, kept in self.keys.items() if kept[1] in self.placed}
        self.event_ids = {each for each in self.event_ids if each[2] != who}
        self.ranks = {id_: ranks for id_, ranks in self.ranks.items() if id_ not in gone}
        self.heard_receipts = {key: kept for key, kept in self.heard_receipts.items() if kept[0] not in gone}
        self.fired = {each for each in self.fired if each[0] != who}
        self.talks.pop(who, None)
        self.line.pop(who, None)
