"""``docs/proof.md``: what was run, what happened in it, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from tests.bench.machine import Machine
from tests.prove.ledger import ROOT, Entry, Ledger, Tally, missing, tally
from tests.prove.proof import Proof

PAGE: Final = ROOT / "docs" / "proof.md"

_HEAD = """# Proof

What `make prove` found. Every row is an attack on the promises of [guarantees.md](guarantees.md): what was done, which faults truly
happened in it, and what was broken. `make prove` makes this page anew and goes on where it was interrupted; `make prove PROVE=kills`
runs one proof; `python -m tests.prove.share NAME SEED` repeats one share of it, with the same dice. `make test` runs each in a small
size.
"""


def page(proofs: Sequence[Proof], ledger: Ledger, machine: Machine) -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_run(proofs, ledger, machine), "", *_table(proofs, ledger), *_details(proofs, ledger)))


def _run(proofs: Sequence[Proof], ledger: Ledger, machine: Machine) -> Iterator[str]:
    entries = sorted((entry for proof in proofs for entry in _shown(proof, ledger)), key=lambda entry: entry.at)
    if not entries:
        yield "Not run yet."
    else:
        first, last = entries[0].at, entries[-1].at
        yield f"Run from {first} to {last} at revision {_revision(entries)}."
    yield ""
    yield f"Machine: {machine.sentence()}."


def _table(proofs: Sequence[Proof], ledger: Ledger) -> Iterator[str]:
    yield "| proof | aim | done | broken | took | result |"
    yield "|---|---|---|---|---|---|"
    for proof in proofs:
        entries = _shown(proof, ledger)
        so_far = tally(entries)
        took = timedelta(seconds=round(so_far.seconds))
        cells = (
            f"[{proof.title}](#{proof.name})" if so_far.seeds else proof.title,
            proof.aim,
            f"{so_far.done:,} {proof.unit}",
            f"{len(so_far.broken):,}",
            f"{took}",
            _on_one_line(_result(proof, so_far, "" if ledger.of(proof) else _revision(entries))).replace("|", "\\|"),
        )
        yield f"| {' | '.join(cells)} |"


def _shown(proof: Proof, ledger: Ledger) -> list[Entry]:
    """What was run with the code as it is, or with the code before it where nothing was."""
    return ledger.of(proof) or ledger.earlier(proof)


def _revision(entries: Sequence[Entry]) -> str:
    return " and ".join(dict.fromkeys(entry.revision for entry in entries))


def _result(proof: Proof, so_far: Tally, revision: str) -> str:
    told = result(proof, so_far)
    return f"{told} (at revision {revision}; the code has changed since)" if revision else told


def result(proof: Proof, so_far: Tally) -> str:
    """In one word, or with what keeps it from being whole."""
    if not so_far.seeds:
        return "not run"
    gaps = missing(proof, so_far)
    return "**holds**" if not gaps else f"**open**: {gaps[0]}"


def _details(proofs: Sequence[Proof], ledger: Ledger) -> Iterator[str]:
    for proof in proofs:
        entries = _shown(proof, ledger)
        if not entries:
            continue
        so_far = tally(entries)
        yield f"\n## {proof.name}\n"
        yield f"{proof.title}: {len(entries)} shares, seeds {_seeds(entries)}, code {entries[0].code}."
        yield from _counts(so_far)
        yield from (f"- {_on_one_line(sentence)}" for sentence in missing(proof, so_far))


def _on_one_line(sentence: str) -> str:
    return " ".join(sentence.split())


def _seeds(entries: Sequence[Entry]) -> str:
    first, last = entries[0].seed, entries[-1].seed
    return f"{first}" if first == last else f"{first} to {last}"


def _counts(so_far: Tally) -> Iterator[str]:
    if so_far.happened:
        yield "\nHappened: " + ", ".join(f"{name} {count:,}" for name, count in so_far.happened.items()) + "."
    if so_far.figures:
        yield (
            "\nMeasured, the worst of all shares: "
            + ", ".join(f"{name} {value:,.1f}" for name, value in so_far.figures.items())
            + "."
        )
