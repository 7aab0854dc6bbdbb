"""From the body of a campaign to its rows in the database, or to everything that is wrong with it.

list -> rows -> checked against the template -> who is known -> who gets it -> stored whole, or refused whole

What takes long for a large list runs beside the loop, so that nobody who writes meanwhile waits for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.core.conversation import Consent, Window
from bot.core.rulebook import Template
from bot.core.templates import one_line
from bot.errors import Refused
from bot.rulebook.problem import counted, did_you_mean, listed
from bot.store.campaigns import (
    BAD_ROW,
    DUPLICATE,
    RED_WHY,
    Created,
    DueRecipient,
    NewCampaign,
    NewRecipient,
    Running,
    Say,
)
from bot.store.units import Standing
from bot.web.api.address import check_number, contact_of
from bot.web.api.backend import Backend
from bot.web.api.placing import same_request
from bot.web.api.problem import Invalid
from bot.work.campaigns import Turns, declaration, policy_of
from bot.work.recipients import (
    Form,
    Mistake,
    Readers,
    Row,
    Table,
    bad_rows,
    checked,
    decode,
    language_in,
    read_table,
    readers,
)

MISTAKES_TOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A campaign as it was asked for; ``people`` are rows, or a CSV as it came. ``not_between`` is checked, or empty."""

    name: str
    template: str
    language: str
    values: Mapping[str, str]
    people: Sequence[Row] | bytes
    rate: float
    not_between: str
    starts_at: datetime
    skip_bad: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes of it: who gets it, how many are skipped for which reason, what the first of them reads.

    ``mistakes`` are those that ``skip_bad`` forgave; ``starts_paused`` says why it would wait, or is empty.
    """

    total: int
    going: int
    skipped: Mapping[str, int]
    mistakes: Sequence[Mistake]
    first: tuple[str, str] | None
    starts_paused: str


class BadRows(Invalid):
    """Rows that cannot be sent to; ``errors`` lists them with their lines, the first thousand. ``is_whole`` False: the list itself is
    wrong, so that no row of it can be left out alone."""

    def __init__(self, mistakes: Sequence[Mistake], is_table: bool, is_whole: bool = True) -> None:
        where = "line" if is_table else "recipient"
        first = mistakes[0]
        others = len(mistakes) - 1
        more = f" {counted(others, 'more mistake')} follow{'s' if others == 1 else ''}." if others else ""
        sentence = f"Nothing was sent: {where} {first.line}: {first.sentence}{more}"
        skip = ", or leave those rows out with skip_bad" if is_whole else ""
        cure = f"Mend what errors lists and send it again{skip}."
        super(Invalid, self).__init__(sentence, "bad-rows", cure, 422)
        self.errors = tuple((f"{where} {each.line}", each.sentence) for each in mistakes[:MISTAKES_TOLD])


async def plan(
    wanted: Wanted, backend: Backend, author: str, idempotency: tuple[int, str, str] | None = None
) -> Plan | Created:
    """Check it whole and store it; a dry run tells what would come of it instead. Raises ``Refused`` with all that is wrong."""
    now = backend.now()
    if idempotency is not None and (seen := await backend.store.campaigns.seen(idempotency, now)) is not None:
        return same_request(seen, "campaign")
    template = _template(wanted, backend)
    form = _form(wanted, template, backend)
    people, mistakes = await _people(wanted, form, backend, now)
    if not people.going:
        why = f"{_told(_all_skipped(people, mistakes))}."
        raise Refused("Nobody would get it.", "nobody-to-send-to", why, 422)
    paused = await _paused(template, backend)
    if wanted.dry_run:
        return _plan(people, mistakes, wanted, form, backend, now, paused)
    everybody = await asyncio.to_thread(_everybody, people, mistakes, form)
    new = _new(wanted, template, form, author, idempotency, paused)
    backend.check_message()
    created = same_request(await backend.store.campaigns.create(new, everybody, now), "campaign")
    backend.wake_campaigns()
    return created


def _everybody(people: Readers, mistakes: Sequence[Mistake], form: Form) -> list[NewRecipient]:
    """Those who are skipped for a mistake among the others, by line."""
    return sorted([*people.recipients, *bad_rows(mistakes, form.contact)], key=lambda each: each.line)


# --- the template -------------------------------------------------------------------------------------------------------


def _template(wanted: Wanted, backend: Backend) -> Template:
    declared = backend.rulebook().templates
    template = declared.get(wanted.template)
    if template is None:
        guess = did_you_mean(wanted.template, list(declared)).strip()
        known = f"Declared under templates in the rules: {', '.join(declared) or 'none yet'}."
        raise Refused(f'There is no template "{wanted.template}".', "unknown-template", guess or known, 422)
    return template


def _form(wanted: Wanted, template: Template, backend: Backend) -> Form:
    language = language_in(template, wanted.language) if wanted.language else ""
    if language is None:
        raise Refused(
            f'The template {template.name} is not declared in "{wanted.language}".',
            "unknown-language",
            f"It is declared in {listed([f'{ours} ({theirs})' for ours, theirs in template.languages.items()])}.",
            422,
        )
    for name, value in wanted.values.items():
        if name not in template.parameters or not one_line(value):
            what = "is empty" if name in template.parameters else "is none of this template's"
            guess = did_you_mean(name, template.parameters) if name not in template.parameters else ""
            takes = f"It takes {listed(template.parameters)}." if template.parameters else "It takes no values."
            raise Refused(f"The value {name} {what}.{guess}", "wrong-values", takes, 422)
    return Form(template, wanted.values, language, lambda to: contact_of(to, backend.app_id), _fault)


def _fault(to: str) -> str | None:
    """What is wrong with a number of whom nothing is known."""
    try:
        check_number(to)
    except Refused as refused:
        if "E+" in to.upper():
            return f"{refused} A spreadsheet shortened it: format the column as text."
        lost = " A spreadsheet takes the + away: format the column as text." if to[:1] in tuple("123456789") else ""
        return f"{refused} {refused.cure}{lost}"
    return None


# --- the people ---------------------------------------------------------------------------------------------------------


async def _people(wanted: Wanted, form: Form, backend: Backend, now: datetime) -> tuple[Readers, Sequence[Mistake]]:
    """Who gets it, and the rows with mistakes. Raises ``BadRows`` where there are any and none may be skipped."""
    table = await asyncio.to_thread(_table, wanted, form)
    is_table = isinstance(wanted.people, bytes)
    if not table.is_whole:
        raise BadRows(table.mistakes, is_table, is_whole=False)
    right, mistakes = await asyncio.to_thread(checked, table.rows, form)
    contacts = await asyncio.to_thread(lambda: [form.contact(row.to) for row in right])
    known = await backend.store.campaigns.known(contacts)
    policy = policy_of(backend.rulebook(), backend.margin)
    people = await asyncio.to_thread(readers, right, known, form, policy, now)
    found = sorted([*table.mistakes, *mistakes, *people.mistakes], key=lambda each: each.line)
    if found and not wanted.skip_bad:
        raise BadRows(found, is_table)
    return people, found


def _table(wanted: Wanted, form: Form) -> Table:
    if isinstance(wanted.people, bytes):
        return read_table(decode(wanted.people), form.template.parameters, form.common)
    return Table(wanted.people, ())


def _skipped(recipients: Sequence[NewRecipient]) -> dict[str, int]:
    """How many for which reason; duplicates are one reason."""
    reasons = Counter(each.skipped for each in recipients if each.skipped)
    told: Counter[str] = Counter()
    for reason, count in reasons.items():
        told[DUPLICATE if reason.startswith(DUPLICATE) else reason] += count
    return dict(told.most_common())


def _all_skipped(people: Readers, mistakes: Sequence[Mistake]) -> dict[str, int]:
    """The same, with the rows that have mistakes."""
    bad = len({each.line for each in mistakes})
    return _skipped(people.recipients) | ({BAD_ROW: bad} if bad else {})


def _told(skipped: Mapping[str, int]) -> str:
    return " ".join(f"{reason.rstrip('.')} ({count})." for reason, count in skipped.items()).rstrip(".")


async def _paused(template: Template, backend: Backend) -> str:
    """Why it waits for somebody to resume it, or empty."""
    is_red = template.category == "marketing" and await backend.store.campaigns.rating() == "RED"
    return RED_WHY if is_red else ""


# --- what comes of it ---------------------------------------------------------------------------------------------------


def _plan(
    people: Readers,
    mistakes: Sequence[Mistake],
    wanted: Wanted,
    form: Form,
    backend: Backend,
    now: datetime,
    paused: str,
) -> Plan:
    skipped = _all_skipped(people, mistakes)
    total = len(people.recipients) + skipped.get(BAD_ROW, 0)
    return Plan(total, people.going, skipped, mistakes, _first(people, wanted, form, backend, now), paused)


def _first(people: Readers, wanted: Wanted, form: Form, backend: Backend, now: datetime) -> tuple[str, str] | None:
    """Who gets it first, and the words, where the rules know them."""
    one = next(each for each in people.recipients if not each.skipped)
    like = Running(
        0, "", form.template.name, "", form.language, wanted.values, "utility", 0, "", now, None, False, 0
    )  # fmt: skip
    standing = Standing(False, Consent(), Window())
    due = DueRecipient(one.line, one.contact, one.language, one.time_zone, one.values, standing)
    (turn,) = Turns.of(like, backend.rulebook(), now)([due])
    text = getattr(turn.reply, "text", "") if isinstance(turn, Say) else ""
    return one.contact.identity, text


def _new(
    wanted: Wanted,
    template: Template,
    form: Form,
    author: str,
    idempotency: tuple[int, str, str] | None,
    paused: str,
) -> NewCampaign:
    return NewCampaign(
        name=wanted.name or template.name,
        template=template.name,
        declared=declaration(template),
        category=template.category,
        language=form.language,
        values=wanted.values,
        rate=wanted.rate,
        quiet=wanted.not_between,
        starts_at=wanted.starts_at,
        author=author,
        idempotency=idempotency,
        paused=paused,
    )
