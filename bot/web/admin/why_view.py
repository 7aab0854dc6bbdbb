"""Why a decision came out as it did, as it unfolds in the inbox: layers, candidates, circumstances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.web.why import Candidate, Layer, candidates_of, layers_of
from bot.work.explain import Explained


@dataclass(frozen=True, slots=True)
class WhyView:
    """``facts`` are named circumstances, ``notes`` sentences in the order in which things happened."""

    first: str
    layers: tuple[Layer, ...]
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    version: int
    decided_at: datetime


def why_view(found: Explained) -> WhyView:
    """Values for the part that unfolds."""
    because, trace = found.decision.because, found.kept.trace
    told = {f"{each.place}: rule {each.rule}" for each in because.considered}
    notes = [line for line in found.why[1:] if not any(line.startswith(each) for each in told)]
    return WhyView(
        first=found.why[0] if found.why else "",
        layers=layers_of(because),
        candidates=candidates_of(because),
        notes=tuple(_without_circumstances(notes)),
        facts=tuple(_facts(found)),
        version=trace.version,
        decided_at=trace.decided_at,
    )


def _facts(found: Explained) -> Sequence[tuple[str, str]]:
    because = found.decision.because
    if not because.language:
        return ()
    facts = [
        ("Language", because.language),
        ("Window", "open" if because.window_open else "closed"),
        ("Consent", because.consent or "unknown"),
    ]
    return [("Read as", because.text), *facts] if because.text else facts


def _without_circumstances(notes: Sequence[str]) -> Sequence[str]:
    """They are shown as facts."""
    return [each for each in notes if not each.startswith(("Read as ", "Language "))]
