"""A campaign's list of recipients: read from CSV, and checked whole, before anything is sent.

text -> rows (line, cells) -> Row (to, language, time zone, values) -> checked against the template -> who is known -> who gets it

Every mistake is a sentence with its line; a row with one is told with all of them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from zoneinfo import available_timezones

from bot.core.conversation import Consent, Window
from bot.core.delivery import Drop, Outgoing, Policy, gate
from bot.core.event import ContactKey
from bot.core.reply import TEMPLATE_BODY_MAX, TemplateReply
from bot.core.rulebook import Template
from bot.core.templates import one_line
from bot.errors import Refused
from bot.rulebook.problem import did_you_mean, listed
from bot.store.campaigns import BAD_ROW, DUPLICATE, KnownContact, NewRecipient
from bot.work.zones import zone_named

MOST_ROWS: Final = 200_000
TO: Final = ("to", "phone", "phone_number", "number", "mobile", "recipient")
IDENTITY_MAX: Final = 160
_DELIMITERS: Final = (",", ";", "\t")
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls
_NUMBER: Final = re.compile(r"\+?[0-9 ()-]{6,}")


@dataclass(frozen=True, slots=True)
class Row:
    """One recipient as written. ``line`` counts from 1; of a table it is the line of the file, of a list the position."""

    line: int
    to: str
    language: str = ""
    time_zone: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a line. ``to`` is who stands there, where it could be read."""

    line: int
    sentence: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and what is wrong with lines that gave none. ``is_whole`` is False where the columns are wrong, so that no row counts."""

    rows: Sequence[Row]
    mistakes: Sequence[Mistake]
    is_whole: bool = True


# --- CSV ----------------------------------------------------------------------------------------------------------------


def decode(raw: bytes) -> str:
    """UTF-8 with or without its mark. Raises ``Refused`` naming the line that is something else."""
    if raw.startswith(_WORKBOOKS):
        raise _unreadable("it is a workbook of a spreadsheet, no CSV")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        where = f"line {line} has a letter that is not" if raw[:2] not in (b"\xff\xfe", b"\xfe\xff") else "it is not"
        raise _unreadable(f"{where} UTF-8") from None


def _unreadable(why: str) -> Refused:
    return Refused(f"The list cannot be read: {why}.", "not-utf-8", 'Save it as "CSV UTF-8" in the spreadsheet.', 422)


def read_table(text: str, parameters: Sequence[str], common: Mapping[str, str]) -> Table:
    """The list in ``text``: a line of column names, then a line a recipient. ``common`` are values that need no column."""
    lines, broken = _lines(text)
    if not lines:
        why = broken or Mistake(1, "The list is empty. Its first line names the columns, such as to,first_name.")
        return Table((), (why,), is_whole=False)
    if broken:  # whoever stands below that line would be left out unseen
        return Table((), (broken,), is_whole=False)
    (head_line, names), *rest = lines
    columns, mistakes = _columns(names, parameters, common, head_line)
    if mistakes or not rest:
        return Table((), tuple(_odd_shape(lines, parameters) or mistakes), is_whole=False)
    if len(rest) > MOST_ROWS:
        why = Mistake(
            rest[MOST_ROWS][0], f"A list may have at most {MOST_ROWS:,} recipients. Make several campaigns of it."
        )
        return Table((), (why,), is_whole=False)
    rows = [_row(line, cells, columns) for line, cells in rest]
    found = [each for each in rows if isinstance(each, Mistake)]
    return Table([each for each in rows if isinstance(each, Row)], found)


def _odd_shape(lines: Sequence[tuple[int, list[str]]], parameters: Sequence[str]) -> Sequence[Mistake]:
    """What is wrong with the list as a whole, where its columns are wrong or nobody stands below them."""
    head_line, names = lines[0]
    if any(_NUMBER.fullmatch(name.strip()) for name in names) and len(lines) > 1:
        example = ",".join(("to", *parameters))
        return [Mistake(head_line, f"This is a person already. Write a line of column names above, such as {example}.")]
    if len(lines) > 1:
        return []
    lost = " Has the list lost its line ends? curl keeps them with --data-binary, not with -d."
    return [Mistake(head_line, f"Nobody stands below this line of column names.{lost}")]


def _lines(text: str) -> tuple[list[tuple[int, list[str]]], Mistake | None]:
    """Cells of each line that is not blank, by the line they begin on; what cannot be read on from some line."""
    first, _, rest = text.partition("\n")
    skipped = 0
    delimiter = _delimiter(first)
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # how Excel is told
        delimiter, text, skipped = first.strip()[4], rest, 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[tuple[int, list[str]]] = []
    begun = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((begun + skipped, cells))
            begun = reader.line_num + 1
    except csv.Error as error:
        return found, Mistake(begun + skipped, f'This line cannot be read as CSV ({error}). Look at its quotes (").')
    return found, None


def _delimiter(head: str) -> str:
    """The one that separates most column names."""
    bare = "".join(part for at, part in enumerate(head.split('"')) if at % 2 == 0)
    return max(_DELIMITERS, key=bare.count)


def _columns(
    names: Sequence[str], parameters: Sequence[str], common: Mapping[str, str], line: int
) -> tuple[list[str], list[Mistake]]:
    """What each column is: ``to``, ``language``, ``time_zone``, or ``=name`` for a value."""
    plain = [name.strip() for name in names]
    while plain and not plain[-1]:  # what spreadsheets leave behind
        plain.pop()
    lower = [name.lower().replace(" ", "_") for name in plain]
    to_at = next((lower.index(name) for name in TO if name in lower and (name == "to" or name not in parameters)), -1)
    columns: list[str] = []
    mistakes = [] if to_at >= 0 else [Mistake(line, f"There is no column {listed(TO, 'or')} with the phone numbers.")]
    by_lower = {name.lower(): name for name in parameters}
    for at, name in enumerate(lower):
        if at == to_at:
            columns.append("to")
        elif name in by_lower:
            columns.append(f"={by_lower[name]}")
        elif name in ("language", "time_zone"):
            columns.append(name)
        else:
            columns.append("")
            mistakes.append(Mistake(line, _unknown_column(plain[at], at, parameters)))
    mistakes += [Mistake(line, f'The column "{each}" is there twice.') for each in _twice(plain, columns)]
    lacking = [name for name in parameters if f"={name}" not in columns and not common.get(name, "").strip()]
    mistakes += [Mistake(line, f"There is no column {name}, which the template needs.") for name in lacking]
    return columns, mistakes


def _unknown_column(name: str, at: int, parameters: Sequence[str]) -> str:
    if not name:
        return f"Column {at + 1} has no name. Write one, or delete the column."
    known = ("to", "language", "time_zone", *parameters)
    cure = did_you_mean(name, known) or f" Delete the column, or name it {listed(known, 'or')}."
    return f'The template has no value "{name}".{cure}'


def _twice(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    return [
        name for at, (name, column) in enumerate(zip(names, columns, strict=True)) if column and column in columns[:at]
    ]


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> Row | Mistake:
    beyond = [cell for cell in cells[len(columns) :] if cell.strip()]
    # A spreadsheet keeps text that begins with + by an apostrophe, and `consent export` writes it so.
    to = cells[columns.index("to")].strip().removeprefix("'") if columns.index("to") < len(cells) else ""
    if beyond or len(cells) < len(columns):
        many = f"{len(cells)} cells, and there are {len(columns)} columns"
        why = "A comma within a cell needs quotes around the cell" if beyond else "Is a separator missing"
        return Mistake(line, f"This line has {many}. {why}{'.' if beyond else '?'}", to)
    values: dict[str, str] = {}
    others = {"language": "", "time_zone": ""}
    for column, cell in zip(columns, cells, strict=False):
        if column.startswith("="):
            values[column[1:]] = cell
        elif column in others:
            others[column] = cell.strip()
    return Row(line, to, others["language"], others["time_zone"], values)


# --- against the template -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """What rows are checked against. ``fault`` says what is wrong with a number nobody is known by, or None; ``contact`` is its address.

    ``language`` is the one that all get it in (ours), or empty.
    """

    template: Template
    common: Mapping[str, str]
    language: str
    contact: Callable[[str], ContactKey]
    fault: Callable[[str], str | None]


def language_in(template: Template, asked: str) -> str | None:
    """Ours for ``asked``, which is ours (``sv``) or WhatsApp's (``sv_SE``, ``sv-SE``); None where the template is not declared in it."""
    plain = asked.replace("-", "_").lower()
    for ours, theirs in template.languages.items():
        if plain in (ours.replace("-", "_").lower(), theirs.replace("-", "_").lower()):
            return ours
    return None


def checked(rows: Sequence[Row], form: Form) -> tuple[list[Row], list[Mistake]]:
    """The rows that are right, with our own word for their language, and what is wrong with the others. Numbers are not looked at."""
    right: list[Row] = []
    mistakes: list[Mistake] = []
    check = _Check(form)
    for row in rows:
        found = check.faults(row)
        if found:
            mistakes.append(Mistake(row.line, " ".join(found), row.to))
        else:
            right.append(replace(row, language=check.languages[row.language]) if row.language else row)
    return right, mistakes


class _Check:
    """One list's rows; what many of them share is looked at once."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.languages: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._parameters = frozenset(form.template.parameters)
        by_language = {} if form.template.body is None else form.template.body.by_language
        self._bodies = list(by_language.values())
        # No text can be longer than its words and each value as often as it may stand there.
        self._fixed = max(
            (sum(len(part) for part in body if isinstance(part, str)) for body in self._bodies), default=0
        )
        self._times = max((len(body) for body in self._bodies), default=1)

    def faults(self, row: Row) -> list[str]:
        """All that is wrong with it."""
        found = [] if row.to else ["There is no phone number."]
        if row.language and row.language not in self.languages:
            found += self._language(row.language)
        if row.time_zone:
            found += self._zone(row.time_zone)
        return found + list(self._values(row))

    def _language(self, asked: str) -> list[str]:
        template = self._form.template
        ours = language_in(template, asked)
        if ours is None:
            known = listed([f"{ours} ({theirs})" for ours, theirs in template.languages.items()])
            return [f'The template {template.name} is not declared in "{asked}", only in {known}.']
        self.languages[asked] = ours
        return []

    def _zone(self, name: str) -> list[str]:
        if name not in self._zones:
            is_known = zone_named(name) is not None
            self._zones[name] = "" if is_known else f'There is no time zone "{name}".{_zone_meant(name)}'
        return [self._zones[name]] if self._zones[name] else []

    def _values(self, row: Row) -> Iterator[str]:
        lengths = 0
        for name in self._form.template.parameters:
            written = row.values.get(name, "")
            value = one_line(written) or one_line(self._form.common.get(name, ""))
            lengths += len(value)
            if not value:
                yield f"The value of {name} is missing."
            elif len(value) > TEMPLATE_BODY_MAX:
                yield f"The value of {name} has {len(value)} characters; WhatsApp takes at most {TEMPLATE_BODY_MAX}."
        for name in row.values.keys() - self._parameters:
            known = self._form.template.parameters
            takes = f" It takes {listed(known)}." if known else " It takes none."
            yield f'The template has no value "{name}".{did_you_mean(name, known) or takes}'
        if self._fixed + self._times * lengths > TEMPLATE_BODY_MAX:
            yield from self._whole_text({**self._form.common, **row.values})

    def _whole_text(self, values: Mapping[str, str]) -> Iterator[str]:
        lengths = [
            sum(len(part if isinstance(part, str) else one_line(values.get(part.name, ""))) for part in body)
            for body in self._bodies
        ]
        if max(lengths, default=0) > TEMPLATE_BODY_MAX:
            yield f"The text has {max(lengths)} characters with these values; WhatsApp takes at most {TEMPLATE_BODY_MAX}."


def _zone_meant(name: str) -> str:
    zones = sorted(available_timezones())
    city = next((zone for zone in zones if zone.lower().endswith("/" + name.lower().replace(" ", "_"))), "")
    guess = f' Did you mean "{city}"?' if city else did_you_mean(name, zones)
    return guess or " Write it by area and city, such as Europe/Stockholm."


# --- against whom we know -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Readers:
    """Who is to get it, in the order of the lines, those who are skipped among them, and the rows whose number is none."""

    recipients: Sequence[NewRecipient]
    mistakes: Sequence[Mistake]

    @property
    def going(self) -> int:
        """How many get it."""
        return sum(not each.skipped for each in self.recipients)


def readers(
    rows: Sequence[Row], known: Mapping[ContactKey, KnownContact], form: Form, policy: Policy, now: datetime
) -> Readers:
    """Each person once; who said STOP, or wants no marketing where it is that, is skipped."""
    found: list[NewRecipient] = []
    mistakes: list[Mistake] = []
    first: dict[ContactKey | int, int] = {}
    for row in rows:
        contact = form.contact(row.to)
        person = known.get(contact)
        is_somebody = person is not None and person.person > 0
        fault = None if is_somebody else form.fault(row.to)
        if fault is not None:
            mistakes.append(Mistake(row.line, fault, row.to))
            continue
        who = person.person if person is not None and is_somebody else contact
        earlier = first.setdefault(who, row.line)
        skipped = f"{DUPLICATE}: {earlier}." if earlier != row.line else _refusal(person, contact, form, policy, now)
        found.append(NewRecipient(row.line, contact, row.language or form.language, row.time_zone, row.values, skipped))
    return Readers(found, mistakes)


def _refusal(person: KnownContact | None, contact: ContactKey, form: Form, policy: Policy, now: datetime) -> str:
    """Why this person does not get it, in the words of the gate that is asked again before it leaves."""
    consent = Consent() if person is None else Consent(stopped=person.stopped, marketing=person.marketing)
    reply = TemplateReply(form.template.name, "")
    verdict = gate(Outgoing("", contact, reply, form.template.category, "fail", now), consent, Window(), now, policy)
    return verdict.reason if isinstance(verdict, Drop) else ""


def bad_rows(mistakes: Sequence[Mistake], contact: Callable[[str], ContactKey]) -> list[NewRecipient]:
    """Rows with mistakes as recipients who are skipped, so that the report names them; the first mistake of each line."""
    by_line = {each.line: each for each in reversed(mistakes)}
    return [
        NewRecipient(line, contact(each.to[:IDENTITY_MAX]), skipped=f"{BAD_ROW}: {each.sentence}")
        for line, each in by_line.items()
    ]
