"""What has been proved so far: one line a share, in a file that outlives an interrupted run. Shares of another program, or of another
attack than the proof now makes, count no more."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from tests.prove.proof import Proof, Share
from tests.prove.sources import sources

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "artefacts" / "proof"
_PROGRAM: Final = ("bot/**/*", "rules/**/*", "config.yaml", "run.py", "requirements-dev.lock")
_ATTACKS: Final = (
    "tests/**/*"  # oracle, loads, faults; of what pytest collects, proofs run what sabotage is caught by alone
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A share that ended. ``code``: digest of the program and of the attack it ran with. ``at``: when it ended,
    ISO 8601. ``seconds``: what it took.
    ``again``: it found something broken, and is to be done once more with the same dice. ``revision``: the commit it ran at."""

    proof: str
    seed: int
    size: int
    share: Share
    seconds: float
    code: str
    at: str
    again: bool = False
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """All shares of one proof taken together."""

    done: int
    broken: Sequence[str]
    happened: Mapping[str, int]
    figures: Mapping[str, float]
    seconds: float
    seeds: Sequence[int]


class CodeChanged(Exception):
    """What ran is not what is there any more, so nobody knows what was proved."""


class Ledger:
    """The file. ``digest`` gives that of a proof by its name; only entries of the code as it was at first count."""

    def __init__(self, path: Path, digest: Callable[[str], str]) -> None:
        self._path = path
        self._digest = digest
        self._codes: dict[str, str] = {}
        self.entries: list[Entry] = []
        self._again: list[Entry] = []
        self._earlier: list[Entry] = []
        for entry in _read(path):
            if entry.code == self.code(entry.proof):
                self._keep(entry)
            else:
                self._earlier.append(entry)

    def code(self, proof: str) -> str:
        """The digest of the program and of what this proof attacks it with, as they were when they were first asked for."""
        return self._codes.setdefault(proof, self._digest(proof))

    def of(self, proof: Proof) -> list[Entry]:
        """Its shares, in the order of their seeds."""
        return sorted((entry for entry in self.entries if entry.proof == proof.name), key=lambda entry: entry.seed)

    def earlier(self, proof: Proof) -> list[Entry]:
        """Its shares with the last code before the one that there is now, in the order of their seeds. They count for nothing any more."""
        entries = [entry for entry in self._earlier if entry.proof == proof.name]
        last = max(entries, key=lambda entry: entry.at, default=None)
        same = [entry for entry in entries if last is not None and entry.code == last.code and not entry.again]
        return sorted(same, key=lambda entry: entry.seed)

    def again(self, proof: Proof) -> list[Entry]:
        """Those of its shares that are to be done once more."""
        return [entry for entry in self._again if entry.proof == proof.name]

    def add(self, entry: Entry) -> None:
        """Keep it, on disk before this returns. Raises ``CodeChanged`` where the program is another by now."""
        if self._digest(entry.proof) != self.code(entry.proof):
            raise CodeChanged
        self._keep(entry)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(orjson.dumps(asdict(entry)) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, proofs: Iterable[Proof], broken_only: bool) -> None:
        """Leave out the shares of these proofs; or those alone that found something broken, which are to be done again then."""
        names = {proof.name for proof in proofs}
        gone = [e for e in self.entries if e.proof in names and (e.share.broken or not broken_only)]
        self.entries = [entry for entry in self.entries if entry not in gone]
        if broken_only:
            self._again += [replace(entry, share=Share(0), again=True) for entry in gone]
        else:
            self._again = [entry for entry in self._again if entry.proof not in names]
        kept = (*self._earlier, *self.entries, *self._again)
        lines = [orjson.dumps(asdict(entry)) + b"\n" for entry in kept]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(b"".join(lines))

    def next_seeds(self, proof: Proof) -> tuple[int, int]:
        """The first seed of a proof, drawn once, and the one after the last that was used."""
        seeds = [entry.seed for entry in (*self.of(proof), *self.again(proof))]
        if not seeds:
            first = random.SystemRandom().randrange(10**6) * 1000
            return first, first
        return min(seeds), max(seeds) + 1

    def _keep(self, entry: Entry) -> None:
        self._again = [each for each in self._again if (each.proof, each.seed) != (entry.proof, entry.seed)]
        (self._again if entry.again else self.entries).append(entry)


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


def code_digest(proof: str, root: Path = ROOT) -> str:
    """A digest of the program and of the files a proof is made of: it speaks of the code that it was run with and of no other."""
    digest = hashlib.sha256()
    for path in (*_program(root), *sources(f"tests.prove.{proof}", root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def revision(root: Path = ROOT) -> str:
    """The commit, with a word where the tree holds more than it."""
    command = ["git", "describe", "--always", "--dirty=, with changes"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _program(root: Path) -> Iterator[Path]:
    for pattern in _PROGRAM:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file() and "__pycache__" not in path.parts)


def _read(path: Path) -> list[Entry]:
    """All whole lines. A last one that was broken off is cut away, since the next would go on in it."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        os.truncate(path, path.stat().st_size - len(lines.pop()))
    return [_entry(orjson.loads(line)) for line in lines]


def _entry(told: dict[str, object]) -> Entry:
    share = told.pop("share")
    assert isinstance(share, dict)
    share["broken"] = tuple(share["broken"])
    return Entry(share=Share(**share), **told)  # type: ignore[arg-type]  # our own lines
