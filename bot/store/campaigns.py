"""One template to many people: what a campaign is, who gets it, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from bot.core.delivery import OutboxState
from bot.core.event import ContactKey, Reason
from bot.core.reply import OmniTemplateReply, TemplateReply
from bot.store.units import OtherBody, Standing

CampaignState = Literal["running", "paused", "done", "cancelled"]
Rating = Literal["GREEN", "YELLOW", "RED"]

# What a recipient can be: not yet handed to the sender, never to be (``skipped``), or as its message is.
RECIPIENT_STATUSES: Final = (
    "pending", "queued", "sent", "delivered", "read", "failed", "expired", "cancelled", "held", "skipped",
)  # fmt: skip

# How what is skipped for a reason of its own begins; the report counts those together.
DUPLICATE: Final = "The same person as an earlier line"
BAD_ROW: Final = "A mistake in the list"
RED_WHY: Final = (
    "WhatsApp rates the quality of our messages RED, so marketing stops. Resume it once the rating is better and it is known what"
    " people disliked."
)


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """Somebody who is to get it, by the line of the list; ``skipped`` says in a sentence why not after all."""

    line: int
    contact: ContactKey
    language: str = ""
    time_zone: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What is stored of a campaign that was checked. ``template`` is our name of it, ``declared`` a digest of its declaration.

    ``rate``: at most so many a second, 0 for no limit of its own. ``quiet``: ``21:00-08:00`` or empty. ``values`` are those that all
    share. ``idempotency`` is as in an ``Order``. ``paused``: a sentence that says why it does not begin by itself, or empty.
    """

    name: str
    template: str
    declared: str
    category: str
    language: str
    values: Mapping[str, str]
    rate: float
    quiet: str
    starts_at: datetime
    author: str
    idempotency: tuple[int, str, str] | None = None
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """The campaign's number; ``replayed``: it was there before, under the same key with the same body."""

    id: int
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class KnownContact:
    """Somebody whose address we have. ``marketing`` is unknown, opted_in or stopped."""

    person: int
    stopped: bool
    marketing: str


@dataclass(frozen=True, slots=True)
class Failure:
    """So many recipients ended with this ``status`` for one reason: a sentence of ours, or a receipt's ``reason``.

    ``state`` is that of their messages, None where there was none; ``http_status`` and ``http_code`` are how Sinch refused them.
    """

    status: str
    sentence: str
    count: int
    reason: Reason | None = None
    state: OutboxState | None = None
    http_status: int = 0
    http_code: str = ""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as it stands. ``counts``: recipients by their status, all of RECIPIENT_STATUSES. ``next_due``: when the next of those
    who are pending may get it, ``last_due`` the last; ``why`` says why it does not run."""

    id: int
    name: str
    template: str
    declared: str
    language: str
    category: str
    rate: float
    quiet: str
    state: CampaignState
    why: str
    author: str
    starts_at: datetime
    created_at: datetime
    ended_at: datetime | None
    total: int
    counts: Mapping[str, int]
    failures: Sequence[Failure] = ()
    next_due: datetime | None = None
    last_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecipientView:
    """One recipient. ``status`` is one of RECIPIENT_STATUSES; ``message_id`` is empty while there is no message."""

    line: int
    identity: str
    status: str
    reason: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign at work, as its worker needs it. ``next_due``: when the next pending recipient may get it; None: nobody is pending.

    ``open``: messages that were handed over and have not ended; ``queued``: those of them that have not left.
    """

    id: int
    name: str
    template: str
    declared: str
    language: str
    values: Mapping[str, str]
    category: str
    rate: float
    quiet: str
    starts_at: datetime
    next_due: datetime | None
    open: bool
    queued: int


@dataclass(frozen=True, slots=True)
class AtWork:
    """Every running campaign, oldest first, and what WhatsApp thinks of our sender (empty: it never said)."""

    campaigns: Sequence[Running]
    rating: Rating | Literal[""]


@dataclass(frozen=True, slots=True)
class DueRecipient:
    """Somebody whose turn it is, and how that person stands at this moment."""

    line: int
    contact: ContactKey
    language: str
    time_zone: str
    values: Mapping[str, str]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Say:
    """It goes to the outbox, rendered by rulebook ``version``."""

    reply: TemplateReply | OmniTemplateReply
    version: int


@dataclass(frozen=True, slots=True)
class Skip:
    """This person does not get it; ``why`` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Later:
    """It is quiet there until ``at``."""

    at: datetime


Turn = Say | Skip | Later
TakeTurns = Callable[[Sequence[DueRecipient]], Sequence[Turn]]


@dataclass(frozen=True, slots=True)
class TurnsTaken:
    """How many of those whose turn it was were placed, skipped, put off."""

    placed: int = 0
    skipped: int = 0
    delayed: int = 0

    @property
    def all(self) -> int:
        """All whose turn it was."""
        return self.placed + self.skipped + self.delayed


@dataclass(frozen=True, slots=True)
class Restricted:
    """WhatsApp failed a message since the last look because it restricts our number (131048); ``upto`` is where to look from next."""

    found: bool
    upto: int


class Campaigns(Protocol):
    """One template to many people. See ``bot.store.port`` for what every method promises."""

    async def known(self, contacts: Sequence[ContactKey]) -> Mapping[ContactKey, KnownContact]:
        """Those of ``contacts`` whose address we have; an erased one that had said STOP is known as person 0. Up to 2,000 at a time."""
        ...

    async def seen(self, idempotency: tuple[int, str, str], now: datetime) -> Created | OtherBody | None:
        """The campaign that this key made within seven days, ``OtherBody`` where it was another one, None where there is none."""
        ...

    async def create(
        self, campaign: NewCampaign, recipients: Sequence[NewRecipient], now: datetime
    ) -> Created | OtherBody:
        """Store it whole, or after a crash not at all; nobody sees it before. In pieces, so that nobody waits for it. A known idempotency
        key answers the campaign that it made."""
        ...

    async def recover(self) -> int:
        """At start: take away what a process that died was storing. Returns how many campaigns that were."""
        ...

    async def listed(self, before: int | None, limit: int) -> Sequence[CampaignView]:
        """Newest first, from those with a number below ``before``; without the reasons of failures."""
        ...

    async def view(self, id_: int) -> CampaignView | None:
        """One campaign with the reasons of what failed and was skipped."""
        ...

    async def recipients(self, id_: int, status: str | None, after: int, limit: int) -> Sequence[RecipientView]:
        """Recipients by line, from those after line ``after``; all, or of one status."""
        ...

    async def pause(self, id_: int, why: str, now: datetime) -> CampaignState:
        """Place no more, and take back what was placed and never attempted. The state it is in then: one that is over stays so."""
        ...

    async def resume(self, id_: int, declared: str, now: datetime) -> CampaignState:
        """Go on, with the template as ``declared``. The state it is in then."""
        ...

    async def cancel(self, id_: int, why: str, now: datetime) -> CampaignState:
        """End it for everybody who has not got it; what was placed and never attempted is cancelled."""
        ...

    async def at_work(self) -> AtWork:
        """What there is to do."""
        ...

    async def take_turns(self, id_: int, limit: int, take: TakeTurns, now: datetime) -> TurnsTaken:
        """Up to ``limit`` recipients whose time has come leave the list, and those that ``take`` has something to say to are in the outbox:
        one transaction, so each is in it once, whatever happens. ``take`` is pure and must not block. Nothing where it does not run."""
        ...

    async def end(self, id_: int, now: datetime) -> bool:
        """It is done, unless somebody is pending or a message is open, or it does not run."""
        ...

    async def restricted(self, since: int | None) -> Restricted:
        """Whether WhatsApp restricts our number, by the receipts after ``since`` (None: only where to look from next)."""
        ...

    async def pause_all(self, why: str, now: datetime) -> Sequence[int]:
        """Pause every running campaign; which those are."""
        ...

    async def rating(self) -> Rating | Literal[""]:
        """What WhatsApp thinks of our sender, as it told last."""
        ...
