"""People and what is known of them: who they are, what they agreed to, and what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from bot.core.consent_reasons import LedgerRow
from bot.core.conversation import Consent, Person, State, Window
from bot.core.decision import ChangeConsent
from bot.core.event import ContactKey, MediaKind
from bot.core.ledger import Judgement
from bot.store.units import InboxKind, MessageView

FIELDS_MOST = 200  # of a person
TAGS_MOST = 200


@dataclass(frozen=True, slots=True)
class IdentityView:
    """One address of a person. ``wrote_at`` None: they never wrote from it."""

    contact: ContactKey
    window: Window
    wrote_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactView:
    """A person as committed. ``identities``: the one that wrote last first. ``counting``: the rows of the ledger that made ``consent``,
    at most one a purpose. ``first_seen``: when we first heard of them."""

    person: Person
    consent: Consent
    counting: tuple[LedgerRow, ...]
    identities: tuple[IdentityView, ...]
    state: State
    first_seen: datetime

    @property
    def last_wrote(self) -> datetime | None:
        """When the person last wrote, from any address."""
        return max((each.wrote_at for each in self.identities if each.wrote_at is not None), default=None)


@dataclass(frozen=True, slots=True)
class PersonChange:
    """New values of a person: ``language`` and ``time_zone`` None leave them, a field of None is removed.

    ``tags`` replaces all of them; None leaves them to ``tags_added`` and ``tags_removed``.
    """

    language: str | None = None
    time_zone: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    tags: frozenset[str] | None = None
    tags_added: frozenset[str] = frozenset()
    tags_removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LedgerView:
    """One row of the ledger with its number."""

    id: int
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class Came:
    """What a person wrote or a colleague did, as recorded. ``raw`` is empty where it is kept no longer. ``layer`` and ``rule`` tell what
    answered (empty: nothing was decided yet, or no rule)."""

    inbox_id: int
    kind: InboxKind
    raw: bytes
    at: datetime
    received_at: datetime
    media_kind: MediaKind | None
    layer: str
    rule: str


@dataclass(frozen=True, slots=True)
class Left:
    """A message of ours. ``origin_id`` is the number or key of whoever asked for it, such as the campaign's."""

    message: MessageView
    origin_id: str


Place = tuple[int, int]  # where a page ended: the number of the inbox row and of the outbox row
FROM_THE_END: Place = ((1 << 63) - 1, (1 << 63) - 1)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A part of what was said both ways, newest first. ``next``: where the older part begins; None at the beginning of all."""

    entries: tuple[Came | Left, ...]
    next: Place | None


@dataclass(frozen=True, slots=True)
class BroughtRow:
    """A row of a file for the ledger. ``known_only``: its address is no phone number, so it must be somebody's already."""

    contact: ContactKey
    change: ChangeConsent
    proof: str
    known_only: bool = False


Brought = Judgement | Literal["unknown"]  # "counts": written, or would be


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A row of the ledger for a file. ``identity`` empty: the person has no address any more."""

    id: int
    identity: str
    row: LedgerRow


class Contacts(Protocol):
    """People and what is known of them. See ``bot.store.port`` for what every method promises."""

    async def contact(self, contact: ContactKey) -> ContactView | None:
        """Everything known of the person with this address; None where nobody has it."""
        ...

    async def change(self, contact: ContactKey, change: PersonChange, now: datetime) -> ContactView:
        """Change a person, who is made where nobody has the address; what rules decide at the same time is not lost.

        ``Refused`` (422) where they would have more than ``FIELDS_MOST`` fields or ``TAGS_MOST`` tags.
        """
        ...

    async def set_consent(
        self, contact: ContactKey, asked: ChangeConsent, proof: str, by: str, now: datetime
    ) -> Judgement:
        """Add a row to the ledger where it counts, and act on it; the person is made where nobody has the address."""
        ...

    async def ledger(self, contact: ContactKey, limit: int, before: int | None = None) -> Sequence[LedgerView] | None:
        """Up to ``limit`` rows about a person, newest first, those of smaller number than ``before``. None: nobody has the address."""
        ...

    async def ledger_rows(self, contact: ContactKey) -> Sequence[LedgerRow]:
        """All rows about a person in the order they were recorded, for ``core.consent_reasons``; none for nobody."""
        ...

    async def exchange(self, contact: ContactKey, limit: int, before: Place = FROM_THE_END) -> Exchange | None:
        """Up to ``limit`` of what was said both ways and of what colleagues did, newest first. None: nobody has the address."""
        ...

    async def bring_in(self, rows: Sequence[BroughtRow], now: datetime, dry_run: bool) -> Sequence[Brought]:
        """Add rows of a file in the order given, those that count; what became of each, or would become where ``dry_run``."""
        ...
