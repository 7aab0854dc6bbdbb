"""The consent ledger as CSV: what a spreadsheet wrote, read row by row with every fault, and rows for a spreadsheet to read.

A cell that begins as a formula would is written after an apostrophe, which reading takes off again: so a phone number comes back as it was,
and nobody's text is run by a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from bot.core.decision import ChangeConsent
from bot.errors import Failed, Refused
from bot.store.contacts import BroughtRow, ExportedRow
from bot.web.api.address import IDENTITY_MAX, check_digits, contact_of
from bot.web.api.bodies import printable
from bot.web.api.consents import PROOF_MAX, SOURCE_MAX
from bot.web.api.messages import to_of
from bot.work.recipients import TO

COLUMNS: Final = ("identity", "purpose", "state", "source", "proof", "at")
_NEEDED: Final = frozenset(COLUMNS) - {"proof"}
_ALIASES: Final = dict.fromkeys(TO, "identity")  # as the lists of campaigns call it
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_SHORTENED: Final = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of the file, ``line`` where it begins. ``doubt`` says what is wrong with its address unless somebody has it already."""

    line: int
    row: BroughtRow
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as read: ``rows`` in its order, and each fault with its line."""

    rows: tuple[ReadRow, ...]
    faults: tuple[tuple[int, str], ...]


# --- reading ------------------------------------------------------------------------------------------------------------


def read_rows(content: bytes, app: str, now: datetime) -> ReadFile:
    """Every row of a CSV file: UTF-8, with commas, semicolons or tabs. Raises ``Failed`` where it is no such file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failed(f'Line {line} is not UTF-8. Save the file as "CSV UTF-8" and import that.', "not-csv") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[ReadRow] = []
    faults: list[tuple[int, str]] = []
    try:
        columns = _columns(next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                try:
                    rows.append(_row(line, dict(zip(columns, cells, strict=False)), app, now))
                    _check_width(cells, columns)
                except ValueError as fault:
                    faults.append((line, str(fault)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise Failed(f"Line {reader.line_num} is no CSV ({error}). Mend or remove it.", "not-csv") from None
    return ReadFile(tuple(rows), tuple(faults))


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max((",", ";", "\t"), key=head.count)


def _columns(head: Sequence[str]) -> list[str]:
    columns = [_ALIASES.get(name.strip().lower(), name.strip().lower()) for name in head]
    wanted = f"The first line must name the columns {', '.join(COLUMNS)} (proof may be left out)"
    missing = sorted(_NEEDED - set(columns), key=COLUMNS.index)
    if missing:
        raise Failed(f"{wanted}; {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there.", "not-csv")
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise Failed(f'{wanted}; there is no column "{unknown[0]}". Take it out.', "not-csv")
    if len(set(columns)) < len(columns):
        raise Failed(f"{wanted}, each once.", "not-csv")
    return columns


def _check_width(cells: Sequence[str], columns: Sequence[str]) -> None:
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise ValueError("There are more cells than columns; put a cell with the separator in it between quotes.")


def _row(line: int, cells: Mapping[str, str], app: str, now: datetime) -> ReadRow:
    """Raises ``ValueError`` with the first thing that is wrong."""
    told = {name: _unguarded(cells.get(name, "").strip()) for name in COLUMNS}
    identity = told["identity"]
    if not identity or len(identity) > IDENTITY_MAX or not identity.isprintable():
        raise ValueError("identity: write a phone number with + and its country, or another known identity.")
    if _SHORTENED.fullmatch(identity):
        raise ValueError(f'identity: "{identity}" was shortened by a spreadsheet; format the column as text.')
    purpose, state = (told[name].lower().replace(" ", "_").replace("-", "_") for name in ("purpose", "state"))
    if purpose not in ("all", "marketing"):
        raise ValueError(f'purpose: "{told["purpose"]}" is neither all nor marketing.')
    if state not in ("opted_in", "stopped"):
        raise ValueError(f'state: "{told["state"]}" is neither opted_in nor stopped.')
    if not told["source"]:
        raise ValueError("source: say how you know, such as form.")
    _check_text("source", told["source"], SOURCE_MAX)
    _check_text("proof", told["proof"], PROOF_MAX)
    change = ChangeConsent(
        "marketing" if purpose == "marketing" else "all",
        "opted_in" if state == "opted_in" else "stopped",
        told["source"],
        _time(told["at"], now),
    )
    doubt = _doubt(identity)
    return ReadRow(line, BroughtRow(contact_of(identity, app), change, told["proof"], known_only=bool(doubt)), doubt)


def _check_text(name: str, text: str, most: int) -> None:
    if len(text) > most:
        raise ValueError(f"{name}: it has over {most} characters.")
    try:
        printable(text)
    except ValueError as fault:
        raise ValueError(f"{name}: it {fault}.") from None


def _time(text: str, now: datetime) -> datetime:
    """A time with its offset, or a day, which begins at midnight UTC."""
    at = _moment(text)
    if at is None:
        raise ValueError(f'at: "{text}" is no time with its offset, such as 2026-11-03T10:00:00+01:00, and no day.')
    if not _EARLIEST <= at <= now + timedelta(minutes=1):
        raise ValueError(f'at: "{text}" is {"in the future" if at > now else "before 1970"}.')
    return min(at, now)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.upper())
        at = at.replace(tzinfo=UTC) if _DAY.fullmatch(text) else at
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@cache
def _doubt(identity: str) -> str:
    """What keeps it from being a phone number; empty where it is one. Spreadsheets lose the ``+``."""
    try:
        check_digits(identity)
    except Refused as refused:
        return f"identity: {refused} {refused.cure}".rstrip()
    return ""


# --- writing ------------------------------------------------------------------------------------------------------------


def head() -> str:
    """The first line."""
    return ",".join(COLUMNS) + "\n"


def written(rows: Iterable[ExportedRow]) -> str:
    """Lines of the file; people without an address are left out, as no import could tell who they are."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_cells(each) for each in rows if each.identity)
    return text.getvalue()


def _cells(each: ExportedRow) -> Iterator[str]:
    row = each.row
    # Where it was recorded, an opt-in may have needed no proof; elsewhere, having been recorded is one.
    proof = row.proof or (f"ledger row {each.id}" if row.state == "opted_in" else "")
    for cell in (to_of(each.identity), row.purpose, row.state, row.source, proof, row.at.isoformat()):
        yield f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
