"""A disk that can lose its power: all that is done to the files of one folder, in order, and what may be left of it at any moment.

What a sync was asked for is there. Of what was done since, each sector of 512 bytes, each page or each write as a whole may be there or
not, whatever came after it; so may each change of a file's length. A file's name is there once the folder was synced, and before that
perhaps. Bytes that nobody wrote keep their values, also within a sector of which a part was written: SQLite relies on that as well, and
calls it powersafe overwrite.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

SECTOR: Final = 512
PAGE: Final = 4096
_SURVIVES: Final = (0.0, 0.1, 0.5, 0.9, 1.0)  # how likely a piece that was not synced is there all the same


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes of a file. Files go by number: one that was deleted and made anew is another."""

    file: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file's length was set."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """The disk has all of this file."""

    file: int


@dataclass(frozen=True, slots=True)
class Name:
    """From now on the folder knows this file, or None, by that name."""

    name: str
    file: int | None


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """The disk has all names."""


Step = Write | Truncate | Sync | Name | SyncFolder


class Disk:
    """What was done, step by step. Files that are there already are not known: begin with an empty folder."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._files: dict[str, int] = {}
        self._count = 0

    def opened(self, name: str) -> int:
        """The number of the file of that name, which is made where there is none."""
        file = self._files.get(name)
        if file is None:
            self._count += 1
            file = self._files[name] = self._count
            self.steps.append(Name(name, file))
        return file

    def knows(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return name in self._files

    def deleted(self, name: str, synced: bool) -> None:
        """There is none of that name any more."""
        if self._files.pop(name, None) is not None:
            self.steps.append(Name(name, None))
        if synced:
            self.steps.append(SyncFolder())


@dataclass
class Remains:
    """What the disk surely has after the first ``position`` steps, and what was done since it last synced."""

    position: int = 0
    _contents: dict[int, bytearray] = field(default_factory=dict)
    _unsynced: dict[int, list[Write | Truncate]] = field(default_factory=dict)
    _names: dict[str, int | None] = field(default_factory=dict)
    _unsynced_names: list[Name] = field(default_factory=list)

    def go_on(self, step: Step) -> None:
        """One step further."""
        self.position += 1
        match step:
            case Write() | Truncate():
                self._unsynced.setdefault(step.file, []).append(step)
            case Sync(file):
                content = self._contents.setdefault(file, bytearray())
                for each in self._unsynced.pop(file, ()):
                    _apply(content, each)
            case Name():
                self._unsynced_names.append(step)
            case SyncFolder():
                for name in self._unsynced_names:
                    self._names[name.name] = name.file
                self._unsynced_names.clear()
            case _:
                assert_never(step)

    def image(self, dice: random.Random) -> dict[str, bytes]:
        """What may be found when the power comes back, by name."""
        likely, piece = dice.choice(_SURVIVES), dice.choice((SECTOR, PAGE, 0))
        names = dict(self._names)
        for each in self._unsynced_names:
            if dice.random() < likely:
                names[each.name] = each.file
        return {name: bytes(self._left(file, likely, piece, dice)) for name, file in names.items() if file is not None}

    @property
    def unsynced(self) -> int:
        """How many steps a loss of power now can undo."""
        return sum(map(len, self._unsynced.values())) + len(self._unsynced_names)

    def _left(self, file: int, likely: float, piece: int, dice: random.Random) -> bytearray:
        content = bytearray(self._contents.get(file, b""))
        for step in self._unsynced.get(file, ()):
            for each in _pieces(step, piece):
                if dice.random() < likely:
                    _apply(content, each)
        return content


def _pieces(step: Write | Truncate, size: int) -> Iterator[Write | Truncate]:
    """The parts that arrive each for itself, cut where sectors or pages of the file begin; with 0 it is all one."""
    if isinstance(step, Truncate) or not size:
        yield step
        return
    begin, end = step.offset, step.offset + len(step.content)
    while begin < end:
        until = min(end, begin - begin % size + size)
        yield Write(step.file, begin, step.content[begin - step.offset : until - step.offset])
        begin = until


def _apply(content: bytearray, step: Write | Truncate) -> None:
    match step:
        case Write(_, offset, written):
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(written)] = written
        case Truncate(_, size):
            del content[size:]
            content.extend(bytes(size - len(content)))


def moments(steps: Sequence[Step], favourites: Sequence[int], count: int, dice: random.Random) -> list[int]:
    """Positions at which the power goes, in order: half of them right at a favourite, where an answer was just given."""
    chosen = [dice.choice(favourites) if dice.random() < 0.5 else dice.randint(0, len(steps)) for _ in range(count)]
    return sorted(chosen)
