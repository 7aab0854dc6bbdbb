"""What has been proved so far: one line a share, in a file that outlives an interrupted run. Shares of other code count no more."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from tests.prove.proof import Proof, Share

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "artefacts" / "proof"
_CODE: Final = ("bot", "rules")


@dataclass(frozen=True, slots=True)
class Entry:
    """A share that ended. ``code``: digest of the program it ran with. ``at``: when it ended, ISO 8601. ``seconds``: what it took."""

    proof: str
    seed: int
    size: int
    share: Share
    seconds: float
    code: str
    at: str


@dataclass(frozen=True, slots=True)
class Tally:
    """All shares of one proof taken together."""

    done: int
    broken: Sequence[str]
    happened: Mapping[str, int]
    figures: Mapping[str, float]
    seconds: float
    seeds: Sequence[int]


class Ledger:
    """The file. ``code`` is the digest of the program as it is now; only entries of the same count."""

    def __init__(self, path: Path, code: str) -> None:
        self._path = path
        self.code = code
        self.entries = [entry for entry in _read(path) if entry.code == code]

    def of(self, proof: Proof) -> list[Entry]:
        """Its shares, in the order of their seeds."""
        return sorted((entry for entry in self.entries if entry.proof == proof.name), key=lambda entry: entry.seed)

    def add(self, entry: Entry) -> None:
        """Keep it, on disk before this returns."""
        self.entries.append(entry)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(orjson.dumps(asdict(entry)) + b"\n")

    def forget(self, proofs: Iterable[Proof], broken_only: bool) -> None:
        """Leave out the shares of these proofs, or those alone that found something broken."""
        names = {proof.name for proof in proofs}
        gone = [e for e in self.entries if e.proof in names and (e.share.broken or not broken_only)]
        self.entries = [entry for entry in self.entries if entry not in gone]
        lines = [orjson.dumps(asdict(entry)) + b"\n" for entry in self.entries]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(b"".join(lines))

    def next_seeds(self, proof: Proof) -> tuple[int, int]:
        """The first seed of a proof, drawn once, and the one after the last that was used."""
        seeds = [entry.seed for entry in self.of(proof)]
        if not seeds:
            first = random.SystemRandom().randrange(10**6) * 1000
            return first, first
        return min(seeds), max(seeds) + 1


def tally(entries: Sequence[Entry]) -> Tally:
    """Counts are added up; of figures the largest is kept."""
    happened: dict[str, int] = {}
    figures: dict[str, float] = {}
    for entry in entries:
        for name, count in entry.share.happened.items():
            happened[name] = happened.get(name, 0) + count
        for name, value in entry.share.figures.items():
            figures[name] = max(value, figures.get(name, value))
    return Tally(
        done=sum(entry.share.done for entry in entries),
        broken=[f"{sentence} (seed {entry.seed})" for entry in entries for sentence in entry.share.broken],
        happened=dict(sorted(happened.items())),
        figures=dict(sorted(figures.items())),
        seconds=sum(entry.seconds for entry in entries),
        seeds=[entry.seed for entry in entries],
    )


def missing(proof: Proof, so_far: Tally) -> list[str]:
    """A sentence for each thing that keeps the proof from being whole: broken promises, faults that did not happen, figures too large."""
    found = list(so_far.broken)
    if so_far.done < proof.full:
        found.append(f"{so_far.done:,} of {proof.full:,} {proof.unit} are done.")
        return found
    for name, least in proof.must_happen.items():
        if so_far.happened.get(name, 0) < least:
            found.append(f"{name} happened {so_far.happened.get(name, 0)} times; it shows something from {least} on.")
    for name, most in proof.limits.items():
        if name not in so_far.figures:
            found.append(f"{name} was not measured.")
        elif so_far.figures[name] > most:
            found.append(f"{name} is {so_far.figures[name]:,.1f}; the most is {most:,g}.")
    return found


def code_digest(root: Path = ROOT) -> str:
    """A digest of the program's files: a proof speaks of the code that it was run with and of no other."""
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [_entry(orjson.loads(line)) for line in lines]


def _entry(told: dict[str, object]) -> Entry:
    share = told.pop("share")
    assert isinstance(share, dict)
    share["broken"] = tuple(share["broken"])
    return Entry(share=Share(**share), **told)  # type: ignore[arg-type]  # our own lines
