"""All proofs, in the order of the table in ``docs/guarantees.md``. One that measures time runs last, with nothing beside it."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from tests.prove.proof import Proof

NAMES: Final = (
    "kills",
    "stories",
    "sending",
    "power",
    "fuzz",
    "disk",
    "reloads",
    "api",
    "privacy",
    "sabotage",
    "flood",
)


def proof_of(name: str) -> Proof:
    """The proof of that name. Raises ``KeyError`` for a name that is none."""
    if name not in NAMES:
        raise KeyError(name)
    proof = import_module(f"tests.prove.{name}").PROOF
    assert isinstance(proof, Proof)
    assert proof.name == name
    return proof
