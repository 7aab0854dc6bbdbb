"""``/v1/contacts/{identity}``: what is known of a person, and changing it."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from bot.core.consent_reasons import allowed_because
from bot.core.conversation import Window
from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.then import FIELD_MAX
from bot.errors import Refused
from bot.store.contacts import ContactView, IdentityView, PersonChange
from bot.web.api.address import IDENTITY_MAX, check_digits, contact_of
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body, printable
from bot.web.api.messages import to_of
from bot.web.api.operation import Answer, Asked, Moment, Operation, Told
from bot.web.api.problem import Invalid

AT_ONCE_MOST: Final = 50  # fields or tags in one request
TAG_MAX: Final = 64
_DIGITS: Final = re.compile(r"[0-9]{4,20}")


# --- what is asked and told ---------------------------------------------------------------------------------------------


def _words(value: str) -> str:
    """Lines are fine; what no screen shows is not."""
    printable(value.replace("\n", "").replace("\t", ""))
    return value


# As a placeholder in the rules names it.
FieldName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
FieldValue = Annotated[str, Field(max_length=FIELD_MAX), AfterValidator(_words)]
Tag = Annotated[str, Field(min_length=1, max_length=TAG_MAX), AfterValidator(printable)]
Tags = Annotated[list[Tag], Field(max_length=AT_ONCE_MOST)]


class ContactBody(Body):
    """``PATCH /v1/contacts/{identity}``: what is not named stays as it is; null takes it away."""

    fields: Annotated[dict[FieldName, FieldValue | None], Field(max_length=AT_ONCE_MOST)] = Field(default_factory=dict)
    tags: Tags | None = None
    tags_added: Tags = Field(default_factory=list)
    tags_removed: Tags = Field(default_factory=list)
    language: Annotated[str, Field(max_length=20)] | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = None


class WindowTold(Told):
    """The customer service window of one address. ``left_s``: how long our own words may still leave, 0 where it is closed."""

    open: bool
    closes_at: Moment | None
    left_s: int


class Identity(Told):
    """One address of the person."""

    identity: str
    channel: str
    window: WindowTold
    last_wrote: Moment | None


class ConsentTold(Told):
    """What the consent ledger adds up to, the newest row that made it so, and why a message is allowed or refused now."""

    stopped: bool
    opted_in: bool
    since: Moment | None
    source: str | None
    sentence: str
    marketing: Literal["unknown", "opted_in", "stopped"]
    marketing_since: Moment | None
    marketing_source: str | None
    marketing_sentence: str


class InCharge(Told):
    """Who has the conversation: ``in_charge`` is a team, null the bot. ``waiting``: a colleague must look."""

    in_charge: str | None
    until: Moment | None
    waiting: bool


class Contact(Told):
    """A person. ``question``: the rule whose question is open, null where none is."""

    identity: str
    identities: list[Identity]
    language: str | None
    time_zone: str | None
    fields: dict[str, str]
    tags: list[str]
    consent: ConsentTold
    conversation: InCharge
    question: str | None
    first_seen: Moment
    last_wrote: Moment | None


# --- addresses in a path ------------------------------------------------------------------------------------------------


def contact_in(asked: Asked) -> ContactKey:
    """Whom the path means: a phone number with or without ``+``, or another identity. Nobody need have it."""
    identity = asked.part("identity")
    if len(identity) > IDENTITY_MAX or not identity.isprintable():
        raise unknown()
    return contact_of(identity, asked.backend.app_id)


async def contact_to_make(asked: Asked) -> ContactKey:
    """The same; raises ``Refused`` (422) where it is neither somebody's nor a phone number with its country."""
    contact = contact_in(asked)
    if not (await asked.backend.store.standing(contact)).known:
        check_digits(asked.part("identity"))
    return contact


def unknown(identity: str = "") -> Refused:
    """Nobody, or somebody of another app: they look the same. Digits that can be no whole number are told as such."""
    if _DIGITS.fullmatch(identity):
        try:
            check_digits(identity)
        except Refused as fault:
            return Refused(str(fault), "not-found", fault.cure, 404)
    cure = "Check the number; PATCH makes a contact of a phone number that never wrote."
    return Refused("Nobody of this identity is known.", "not-found", cure, 404)


# --- telling ------------------------------------------------------------------------------------------------------------


def told(view: ContactView, asked_for: ContactKey, backend: Backend) -> Contact:
    """A person in the API's words."""
    now, person, state = backend.now(), view.person, view.state
    has_team = bool(state.in_charge) and (state.in_charge_until is None or now < state.in_charge_until)
    return Contact(
        identity=to_of(asked_for.identity),
        identities=[_identity(each, backend, now) for each in view.identities],
        language=person.language or None,
        time_zone=person.time_zone or None,
        fields=dict(sorted(person.fields.items())),
        tags=sorted(person.tags),
        consent=consent_told(view, backend),
        conversation=InCharge(
            in_charge=state.in_charge if has_team else None,
            until=state.in_charge_until if has_team else None,
            waiting=state.waiting,
        ),
        question=state.question.rule if state.question is not None else None,
        first_seen=view.first_seen,
        last_wrote=view.last_wrote,
    )


def _identity(each: IdentityView, backend: Backend, now: datetime) -> Identity:
    return Identity(
        identity=to_of(each.contact.identity),
        channel=each.contact.channel,
        window=window_told(each.window, backend, now),
        last_wrote=each.wrote_at,
    )


def window_told(window: Window, backend: Backend, now: datetime) -> WindowTold:
    """A window as it stands at ``now``; our own words stop leaving a little before WhatsApp closes it."""
    is_open = window.is_open(now, backend.margin)
    left = int((window.closes_at - backend.margin - now).total_seconds()) if is_open and window.closes_at else 0
    return WindowTold(open=is_open, closes_at=window.closes_at, left_s=left)


def consent_told(view: ContactView, backend: Backend) -> ConsentTold:
    """What counts, and in a sentence why a message would be allowed or refused now."""
    rulebook, rows = backend.rulebook(), {row.purpose: row for row in view.counting}
    policy = Policy(backend.margin, rulebook.consent.after_stop == "answer", rulebook.consent.marketing)
    zone = ZoneInfo(rulebook.settings.time_zone)
    plain, marketing = (
        allowed_because(view.counting, category, view.last_wrote, False, backend.now(), policy, zone).sentence
        for category in ("utility", "marketing")
    )
    all_, of_marketing = rows.get("all"), rows.get("marketing")
    return ConsentTold(
        stopped=view.consent.stopped,
        opted_in=view.consent.opted_in,
        since=all_.at if all_ else None,
        source=all_.source if all_ else None,
        sentence=plain,
        marketing=view.consent.marketing,  # type: ignore[arg-type] # a CHECK of the table
        marketing_since=of_marketing.at if of_marketing else None,
        marketing_source=of_marketing.source if of_marketing else None,
        marketing_sentence=marketing,
    )


# --- handlers -----------------------------------------------------------------------------------------------------------


async def get_contact(asked: Asked) -> Answer:
    """Everything known of one person."""
    contact = contact_in(asked)
    view = await asked.backend.store.contacts.contact(contact)
    if view is None:
        raise unknown(asked.part("identity"))
    return Answer(told(view, contact, asked.backend))


async def patch_contact(asked: Asked) -> Answer:
    """The person as changed."""
    body: ContactBody = asked.body
    change = change_of(body, asked.backend)
    contact = await contact_to_make(asked)
    view = await asked.backend.store.contacts.change(contact, change, asked.backend.now())
    return Answer(told(view, contact, asked.backend))


def change_of(body: ContactBody, backend: Backend) -> PersonChange:
    """The change that ``body`` asks for. Raises ``Invalid`` with every fault."""
    faults: list[tuple[str, str]] = []
    languages = backend.rulebook().settings.languages
    if body.language and body.language not in languages:
        faults.append(
            ("language", f'language: the rules speak {", ".join(languages)}; "{body.language}" is none of them.')
        )
    if body.time_zone and body.time_zone not in _time_zones():
        faults.append(
            ("time_zone", f'time_zone: "{body.time_zone}" is no time zone; write one such as Europe/Stockholm.')
        )
    if "language" in body.fields:
        faults.append(("fields.language", "fields.language: the language is no field; use language."))
    if body.tags is not None and (body.tags_added or body.tags_removed):
        faults.append(("tags", "tags: it replaces all tags, so leave tags_added and tags_removed out."))
    if both := sorted(set(body.tags_added) & set(body.tags_removed)):
        faults.append(("tags_removed", f'tags_removed: "{both[0]}" is in tags_added as well.'))
    if faults:
        raise Invalid(faults)
    named = body.model_fields_set
    return PersonChange(
        language=(body.language or "") if "language" in named else None,
        time_zone=(body.time_zone or "") if "time_zone" in named else None,
        fields={name: value or None for name, value in body.fields.items()},
        tags=None if body.tags is None else frozenset(body.tags),
        tags_added=frozenset(body.tags_added),
        tags_removed=frozenset(body.tags_removed),
    )


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


OPERATIONS = (
    Operation(
        "GET",
        "/contacts/{identity}",
        "getContact",
        "Contacts",
        "What is known of a person: window, consent, language, fields, tags, who has the conversation.",
        "read",
        get_contact,
        {200: Contact},
        refusals=("not-found",),
    ),
    Operation(
        "PATCH",
        "/contacts/{identity}",
        "changeContact",
        "Contacts",
        "Change fields, tags, language or time zone; a phone number that never wrote becomes a contact.",
        "send",
        patch_contact,
        {200: Contact},
        body=ContactBody,
        refusals=("not-found", "bad-recipient", "too-many-values"),
    ),
)
