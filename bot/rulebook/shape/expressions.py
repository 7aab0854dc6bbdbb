"""RE2 expressions, under ``matches`` and as the ``pattern`` of an answer."""

from __future__ import annotations

from collections.abc import Sequence

from bot.rulebook.expression import Expression, ascii_only, compile_expression
from bot.rulebook.node import Node
from bot.rulebook.problem import listed
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.value import word

_KNOWS_MORE = {
    "\\w": "[\\pL\\pN_]", "\\W": "[^\\pL\\pN_]", "\\d": "\\pN", "\\D": "\\PN", "\\b": "(?:^|[^\\pL\\pN])", "\\s": "[\\s\\pZ]",
    "\\S": "[^\\s\\pZ]",
}  # fmt: skip


def _known_to(signs: Sequence[str]) -> str:
    if set(signs) <= {"\\d", "\\D"}:
        return "the digits 0 to 9 only, not those of Arabic or Hindi"
    return "the letters a to z and digits 0 to 9 only, not å, ü or я"


def expression(node: Node | None, what: str, scope: Scope) -> Expression | None:
    """The expression, compiled alone; signs that know ASCII letters only are doubted."""
    text = word(node, what, scope)
    if text is None or node is None:
        return None
    found = compile_expression(text)
    if isinstance(found, str):
        scope.error(node.place, f"{what} cannot be read. {found}")
        return None
    signs = [sign for sign in ascii_only(text) if sign not in ("\\s", "\\S")]
    if signs:
        offers = listed([f"{_KNOWS_MORE[sign]} for {sign}" for sign in signs if sign in _KNOWS_MORE])
        cure = f"Write {offers} to hear every script." if offers else "Write the letters out, such as [^\\pL]."
        scope.warning(
            node.place,
            f"In {what[0].lower()}{what[1:]} {listed(signs)} {'knows' if len(signs) == 1 else 'know'} {_known_to(signs)}. {cure}",
        )
    return found
