"""A rulebook on its way from the process that read it to the one that answers: in pieces, so that nobody waits while it arrives.

Pickle takes a whole rulebook in one go, and the loop of the process that does so stands still meanwhile. Here every row and mapping
that is large travels in parcels of its own, and what holds it names it by a number.

Parcels are pickles: unpack only those of a process of our own.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from bot.core.rulebook import Rulebook
from bot.rulebook.expression import Expression, Together
from bot.rulebook.matcher import PhraseMatcher

_MOST_BYTES = 10_000  # taken in within about a millisecond
# Expressions are compiled where they arrive: one of their instructions takes as long as so many bytes.
_BYTES_OF_AN_INSTRUCTION = 25
# Rows with more items than the first travel alone; where a parcel is too large even so, those with more than the next.
_MOST_ITEMS = (64, 16, 4)
_PARTS_IN_A_STEP = 200


@dataclass(frozen=True, slots=True)
class _Row:
    """The next items of a row: pairs where it ``becomes`` a dict; ``is_last`` where no more follow."""

    number: int
    becomes: str
    items: Sequence[Any]
    is_last: bool


def pack(rulebook: Rulebook) -> Iterator[bytes]:
    """The rulebook as parcels, to be unpacked in this order; each is taken in within about two milliseconds.

    Raises what pickle raises for a value that cannot leave its process.
    """
    shelf = _Shelf()
    shelf.put((rulebook,))
    yield from shelf.parcels


def unpack(parcels: Iterable[bytes]) -> Iterator[Rulebook | None]:
    """None after each small step, and at the end the rulebook that ``pack`` was given, equal to it in all it does.

    Raises ValueError where the last parcels are missing.
    """
    rows: dict[int, object] = {}
    for parcel in parcels:
        row = _Unpacker(parcel, rows).load()
        if not isinstance(row, _Row):
            break
        _take_in(row, rows)
        if row.number == 0:
            (rulebook,) = row.items
            if isinstance(rulebook, Rulebook):
                yield rulebook
                return
        yield None
    raise ValueError("The rulebook has not arrived whole. Pack it and send it once more.")


def let_go(rulebook: Rulebook) -> Iterator[None]:
    """Steps to take once nobody else needs the rulebook any more: dropped at once, a large one takes some ten milliseconds to be
    freed. Until the last step nothing in it changes."""
    parts: list[object] = [*rulebook.rules]
    if isinstance(rulebook.matcher, PhraseMatcher):
        parts += rulebook.matcher.parts()
    return _let_go(parts)


def _let_go(parts: list[object]) -> Iterator[None]:
    while parts:
        del parts[-_PARTS_IN_A_STEP:]
        yield None


def _take_in(row: _Row, rows: dict[int, object]) -> None:
    so_far = rows.setdefault(row.number, {} if row.becomes == "dict" else [])
    if isinstance(so_far, dict):
        so_far.update(row.items)
    elif isinstance(so_far, list):
        so_far.extend(row.items)
        if row.is_last and row.becomes != "list":
            rows[row.number] = tuple(so_far) if row.becomes == "tuple" else frozenset(so_far)


_ROWS = (tuple, list, dict, frozenset)


def _items(row: object) -> Sequence[object]:
    if isinstance(row, dict):
        return list(row.items())
    return list(row) if isinstance(row, tuple | list | frozenset) else ()


def _fields(kind: type) -> tuple[str, ...]:
    """The fields that make an object of a dataclass; none where it says itself how it is pickled, or is no dataclass."""
    if (
        not is_dataclass(kind)
        or kind.__reduce__ is not object.__reduce__
        or not all(each.init for each in fields(kind))
    ):
        return ()
    return tuple(each.name for each in fields(kind))


class _Unpacker(pickle.Unpickler):
    def __init__(self, parcel: bytes, rows: dict[int, object]) -> None:
        super().__init__(io.BytesIO(parcel))
        self.rows = rows

    def persistent_load(self, number: int) -> object:
        return self.rows[number]


@dataclass(slots=True)
class _Shelf:
    """The parcels so far, and the rows that are in them. Rows are kept, so that no other object gets the identity of one."""

    parcels: list[bytes] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)
    fields: dict[type, tuple[str, ...]] = field(default_factory=dict)

    def put(self, row: object, most: int = _MOST_ITEMS[0]) -> int:
        """The number of a row, which lies on the shelf from then on."""
        if id(row) not in self.numbers:
            self.numbers[id(row)] = number = len(self.kept)
            self.kept.append(row)
            self._lay(number, row, most)
        return self.numbers[id(row)]

    def _lay(self, number: int, row: object, most: int) -> None:
        """The items of a row, in parcels of about the right size: as many items as filled the last one, or fewer."""
        items, at, count = _items(row), 0, 16
        while at < len(items):
            part = _Row(number, type(row).__name__, items[at : at + count], at + count >= len(items))
            packed = _Packer(self, part, most)
            if packed.weight > _MOST_BYTES and count > 1:
                count = max(1, count * _MOST_BYTES // (packed.weight + 1))
                continue
            if packed.weight > _MOST_BYTES:
                packed = self._smaller(part, packed)
            self.parcels.append(packed.bytes())
            at += count
            count = max(count, count * _MOST_BYTES // (packed.weight + 1) - 1)

    def _smaller(self, part: _Row, packed: _Packer) -> _Packer:
        """One item that is too large as it is: with more of its rows in parcels of their own."""
        for most in _MOST_ITEMS[1:]:
            if packed.weight > _MOST_BYTES:
                packed = _Packer(self, part, most)
        return packed


class _Packer(pickle.Pickler):
    """Pickles one object; rows in it of more than ``most`` items are put on the shelf, and named by their number."""

    def __init__(self, shelf: _Shelf, packed: object, most: int) -> None:
        self.buffer = io.BytesIO()
        super().__init__(self.buffer, pickle.HIGHEST_PROTOCOL)
        self.shelf, self.most, self.instructions = shelf, most, 0
        self.whole = packed.items if isinstance(packed, _Row) else None
        self.dump(packed)

    @property
    def weight(self) -> int:
        """How long it takes to take in, in bytes."""
        return self.buffer.tell() + self.instructions * _BYTES_OF_AN_INSTRUCTION

    def bytes(self) -> bytes:
        return self.buffer.getvalue()

    def persistent_id(self, each: object) -> int | None:
        if not isinstance(each, _ROWS) or len(each) <= self.most or each is self.whole or type(each) not in _ROWS:
            return None
        return self.shelf.put(each, self.most)

    def reducer_override(self, each: Any) -> Any:
        """Dataclasses by their fields in order: made so in half the time of the usual way, which sets field by field."""
        if isinstance(each, Expression | Together):
            self.instructions += each.size
        kind = type(each)
        names = self.shelf.fields.get(kind)
        if names is None:
            names = self.shelf.fields[kind] = _fields(kind)
        return (kind, tuple(getattr(each, name) for name in names)) if names else NotImplemented
