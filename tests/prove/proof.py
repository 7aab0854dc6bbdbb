"""What a proof is: work that can be cut into shares, each with a seed of its own, and what must have come of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Share:
    """What one share of a proof found.

    ``done``: how many of the proof's unit it did. ``broken``: a sentence for each promise that did not hold. ``happened``: how often each
    fault truly happened. ``figures``: what was measured, by a name that ends with its unit; of several shares the largest is kept.
    """

    done: int
    broken: tuple[str, ...] = ()
    happened: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


Run = Callable[[int, int, Path], Awaitable[Share]]


@dataclass(frozen=True, slots=True)
class Proof:
    """One row of the table of proofs.

    ``run(seed, size, folder)`` does ``size`` of the unit in an empty folder of its own, in a process of its own; everything random in it
    comes of ``seed``. It is called with ``share`` at a time until ``full`` are done. ``must_happen``: at least so often over all shares,
    else the proof has shown nothing. ``limits``: the largest that a figure may be. ``alone``: it measures time, so nothing runs beside.
    """

    name: str
    title: str
    aim: str
    unit: str
    full: int
    share: int
    run: Run
    must_happen: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    alone: bool = False
