"""``if: found``: the outcome of a rule's questions or call, as a word in a reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.rulebook.node import Scalar, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.notes import Scope

OUTCOMES: Final = ("answered", "given_up", "no_answer", "found", "not_found", "failed")
_MEANT: Final[Mapping[str, str]] = {
    "timeout": "no_answer", "timed_out": "no_answer", "silent": "no_answer", "no_reply": "no_answer", "wrong": "given_up",
    "invalid": "given_up", "error": "failed", "failure": "failed", "missing": "not_found", "success": "found", "ok": "found",
    "done": "answered", "valid": "answered", "else": "", "otherwise": "", "default": "",
}  # fmt: skip


def outcome(node: Scalar, scope: Scope) -> str:
    """The outcome that the word names; empty where it names none, which is told."""
    plain = canonical(node.text)
    if plain in OUTCOMES:
        return plain
    scope.error(node.place, f'"{node.text}" is no outcome. {_cure(plain, scope)}')
    return ""


def _cure(plain: str, scope: Scope) -> str:
    if plain in _MEANT:
        meant = _MEANT[plain]
        return (
            f'Did you mean "{meant}"?'
            if meant
            else "The last reply of a list needs no if to stand for all other cases; delete it."
        )
    if plain in scope.notes.names("hours"):
        return f"To ask for opening hours, write during: {plain}."
    if plain in scope.notes.languages:
        return f"To ask for a language, write language: {plain}."
    guess = closest(plain, OUTCOMES)
    if guess:
        return f'Did you mean "{guess}"?'
    return f"Write {listed(OUTCOMES, 'or')}, or a condition such as if: {{during: shop}}."
