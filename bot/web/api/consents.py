"""``/v1/contacts/{identity}/consent``: what somebody agreed to, who says so, and every word on it ever recorded.

The ledger is never rewritten: each word is a row, and the newest by the person's own time counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from bot.core.decision import ChangeConsent, Purpose
from bot.core.event import ContactKey
from bot.errors import Refused
from bot.store.contacts import BroughtRow, ContactView, LedgerView
from bot.web.api.address import CHANNEL
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body, Time, printable
from bot.web.api.contacts import ConsentTold, consent_told, contact_in, contact_to_make, unknown
from bot.web.api.operation import Answer, Asked, Moment, Operation, PageQuery, Told
from bot.web.api.problem import Invalid

SOURCE_MAX: Final = 200
PROOF_MAX: Final = 2000
FAST_CLOCK: Final = timedelta(minutes=1)  # how far ahead a backend's clock may be

State = Literal["opted_in", "stopped"]


class ConsentBody(Body):
    """``PUT /v1/contacts/{identity}/consent``: one word of the person, and how you know. ``at``: when they said it, now without one."""

    purpose: Purpose = "all"
    state: State
    source: Annotated[str, Field(min_length=1, max_length=SOURCE_MAX), AfterValidator(printable)]
    proof: Annotated[str, Field(max_length=PROOF_MAX), AfterValidator(printable)] = ""
    at: Time | None = None


class LedgerEntry(Told):
    """One word. ``at`` is when the person said it, ``recorded_at`` when we learnt it; ``proof`` is yours, or the key of our own event."""

    id: str
    purpose: Purpose
    state: State
    source: str
    proof: str | None
    at: Moment
    recorded_at: Moment


class ConsentSet(Told):
    """How consent stands now. ``changed`` false: this very word was recorded before."""

    changed: bool
    consent: ConsentTold


class LedgerTold(Told):
    """How consent stands, and the words that made it so, newest first; ``next`` null: there are no more."""

    consent: ConsentTold
    ledger: list[LedgerEntry]
    next: str | None


async def put_consent(asked: Asked) -> Answer:
    """The word is in the ledger, or was before; a STOP has ended what waited."""
    body: ConsentBody = asked.body
    backend, now = asked.backend, asked.backend.now()
    change = ChangeConsent(body.purpose, body.state, body.source, _said_at(body.at, now))
    contact = await contact_to_make(asked)
    changed, view = await set_word(contact, change, body.proof, f"api:{asked.key.name}", backend)
    return Answer(ConsentSet(changed=changed, consent=consent_told(view, backend)))


async def set_word(
    contact: ContactKey, change: ChangeConsent, proof: str, by: str, backend: Backend
) -> tuple[bool, ContactView]:
    """Record one word of the person; whether it is new, and how they stand. Raises ``Refused`` where it does not count."""
    judgement = await backend.store.contacts.set_consent(contact, change, proof, by, backend.now())
    view = await _view(contact, backend)
    if judgement == "older":
        raise _newer(view, change.purpose, backend)
    if judgement == "needs_proof":
        raise Refused(
            "The person said STOP, so an opt-in needs a proof.",
            "proof-needed",
            'Add "proof": what shows that they changed their mind, such as the number of the signed form.',
            422,
        )
    return judgement == "counts", view


def _said_at(at: datetime | None, now: datetime) -> datetime:
    """Never later than now, as what is said later counts more."""
    if at is not None and at > now + FAST_CLOCK:
        raise Invalid([("at", "at is in the future; nobody has said it yet.")])
    return now if at is None else min(at, now)


def _newer(view: ContactView, purpose: Purpose, backend: Backend) -> Refused:
    consent = consent_told(view, backend)
    since = consent.since if purpose == "all" else consent.marketing_since
    sentence = (consent.sentence if purpose == "all" else consent.marketing_sentence).partition(": ")[2]
    when = f" ({since.isoformat()})" if since else ""
    cure = "Send the time at which they said it as at, if that was later; leave it out if they say it now."
    return Refused(f"A newer word counts: {sentence}{when}.", "newer-consent", cure)


async def get_consent(asked: Asked) -> Answer:
    """How consent stands, with a page of the ledger."""
    query: PageQuery = asked.query
    contact = contact_in(asked)
    view = await _view(contact, asked.backend)
    before = None if query.cursor is None else int(query.cursor)
    rows = await asked.backend.store.contacts.ledger(contact, query.limit + 1, before) or ()
    page = rows[: query.limit]
    return Answer(
        LedgerTold(
            consent=consent_told(view, asked.backend),
            ledger=[_entry(each) for each in page],
            next=str(page[-1].id) if len(rows) > query.limit else None,
        )
    )


async def _view(contact: ContactKey, backend: Backend) -> ContactView:
    view = await backend.store.contacts.contact(contact)
    if view is None:
        raise unknown(contact.identity)
    return view


def _entry(each: LedgerView) -> LedgerEntry:
    row = each.row
    return LedgerEntry(
        id=str(each.id),
        purpose=row.purpose,
        state=row.state,
        source=row.source,
        proof=row.proof or None,
        at=row.at,
        recorded_at=row.recorded_at,
    )


# --- a part of a file, from the operator's command ----------------------------------------------------------------------


def commands(
    backend: Backend,
) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
    """``consent.import``: ``rows`` as ``row_to_plain`` wrote them, in order; answers what became of each under ``outcomes``."""

    async def bring_in(request: Mapping[str, object]) -> Mapping[str, object]:
        given = request.get("rows")
        rows = [row_from_plain(each, backend.app_id) for each in given] if isinstance(given, list) else []
        dry_run = request.get("dry_run") is True
        return {"outcomes": list(await backend.store.contacts.bring_in(rows, backend.now(), dry_run))}

    return {"consent.import": bring_in}


def row_to_plain(row: BroughtRow) -> list[object]:
    """For the socket."""
    change = row.change
    return [
        row.contact.identity,
        change.purpose,
        change.state,
        change.source,
        change.at.isoformat(),
        row.proof,
        row.known_only,
    ]


def row_from_plain(plain: Sequence[object], app: str) -> BroughtRow:
    """Back from what ``row_to_plain`` wrote."""
    identity, purpose, state, source, at, proof, known_only = plain
    change = ChangeConsent(
        "marketing" if purpose == "marketing" else "all",
        "opted_in" if state == "opted_in" else "stopped",
        str(source),
        datetime.fromisoformat(str(at)),
    )
    return BroughtRow(ContactKey(app, CHANNEL, str(identity)), change, str(proof), known_only is True)


OPERATIONS = (
    Operation(
        "PUT",
        "/contacts/{identity}/consent",
        "setConsent",
        "Contacts",
        "Record that a person opted in or stopped, and how you know; a phone number that never wrote becomes a contact.",
        "send",
        put_consent,
        {200: ConsentSet},
        body=ConsentBody,
        refusals=("not-found", "bad-recipient", "newer-consent", "proof-needed"),
    ),
    Operation(
        "GET",
        "/contacts/{identity}/consent",
        "getConsent",
        "Contacts",
        "How a person's consent stands, and every word on it ever recorded, newest first.",
        "read",
        get_consent,
        {200: LedgerTold},
        query=PageQuery,
        refusals=("not-found",),
    ),
)
