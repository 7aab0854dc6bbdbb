"""Buttons and the rows and sections of lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.core.reply import BUTTONS_MAX, LIST_ROWS_MAX
from bot.core.rule import ButtonSpec, SectionSpec
from bot.rulebook.node import Entry, Fields, Node, Scalar
from bot.rulebook.problem import closest
from bot.rulebook.shape.keys import Keys, joined
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import key_meant
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import fields, listing, mention_name
from bot.rulebook.traps import quote

_EXAMPLE: Final = "buttons: [{label: Opening hours, goes_to: hours}]"


def buttons(node: Node | None, scope: Scope, *, rows: bool) -> tuple[ButtonSpec, ...]:
    """Buttons as written; ``rows`` where they become rows of a list, which may have descriptions."""
    nodes = joined(_listed(node, scope), "label", ("goes_to", "description"), "a button", scope)
    found = (_button(item, scope, rows) for item in nodes)
    return tuple(button for button in found if button is not None)


def leads_to_page(url: str) -> str:
    """The sentence for an address where a rule's name belongs."""
    return (
        "A button leads to a rule, not to a page. To open a page write, beside the text and in place of buttons, "
        f"link: {{title: Our shop, url: {quote(url)}}}."
    )


def _listed(node: Node | None, scope: Scope) -> Sequence[Node]:
    if isinstance(node, Fields) and node.entries and all(isinstance(entry.value, Scalar) for entry in node.entries):
        example = (
            _EXAMPLE if node.entry("label") or node.entry("goes_to") else f"buttons: [{_pair(node.entries[0])}, ...]"
        )
        scope.error(node.place, f"buttons must be a list. Write it like {example}.")
        return ()
    return listing(node, "buttons", _EXAMPLE, scope)


def _pair(entry: Entry) -> str:
    target = entry.value.text if isinstance(entry.value, Scalar) else ""
    return f"{{label: {entry.written}, goes_to: {target or 'a_rule'}}}"


def _odd_button(node: Node) -> str:
    """The sentence for a button that is a word alone, or ``Bye: bye``; empty for others."""
    if isinstance(node, Scalar) and node.text.strip():
        return f"This button does not say where it leads. Write {{label: {node.text.strip()}, goes_to: the name of a rule}}."
    if isinstance(node, Fields) and len(node.entries) == 1 and isinstance(node.entries[0].value, Scalar):
        entry = node.entries[0]
        known = ("label", "goes_to", "description", "url", "phone", "value")
        if entry.key not in known and not key_meant(entry.written, known) and not closest(entry.written, known):
            return f"A button has two keys, its words and where it leads. Write {_pair(entry)}."
    return ""


def _button(node: Node, scope: Scope, rows: bool) -> ButtonSpec | None:
    if odd := _odd_button(node):
        scope.error(node.place, odd)
        return None
    mapping = fields(node, "A button", "{label: Opening hours, goes_to: hours}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "A button", scope)
    label = local_text(keys.need("label", "label: the words on it"), "A button's label", scope)
    target = keys.need("goes_to", "goes_to: the name of a rule")
    if isinstance(target, Scalar) and re.match(r"(?:https?://|www\.)", target.text):
        scope.error(target.place, leads_to_page(target.text))
        return None
    goes_to = mention_name(target, "goes_to", scope)
    description = local_text(keys.take("description"), "A row's description", scope)
    if keys.has("url") and not keys.has("goes_to"):
        url = mapping.entry("url")
        keys.also("url", "goes_to")
        scope.error(
            keys.place_of("url"),
            leads_to_page(url.value.text if url and isinstance(url.value, Scalar) else "https://..."),
        )
        return None
    keys.later("url", "phone", "value")
    keys.finish()
    if description is not None and not rows:
        scope.error(
            keys.place_of("description"),
            "Only rows of a list have a description. Delete it, or name the list's button with menu: ...",
        )
    if label is None or goes_to is None or target is None:
        return None
    scope.mention("rule", goes_to, target.place, "button")
    return ButtonSpec(label, goes_to, mapping.place, description)


def refuse_count(node: Node, count: int, menu: bool, scope: Scope, what: str = "buttons") -> bool:
    """Tell about too many buttons (or what becomes some); whether any were refused."""
    if count > LIST_ROWS_MAX:
        scope.error(
            node.place,
            f"There are {count} {what}; WhatsApp shows at most {LIST_ROWS_MAX} in a list. Delete {count - LIST_ROWS_MAX}.",
        )
        return True
    if count > BUTTONS_MAX and not menu:
        scope.error(
            node.place,
            f"There are {count} {what}; WhatsApp shows at most {BUTTONS_MAX}{'' if what == 'buttons' else ' as buttons'}. "
            f"Delete {count - BUTTONS_MAX}, "
            "or make it a list by naming the list's button, for example menu: Choose.",
        )
        return True
    return False


def sections(node: Node | None, scope: Scope) -> tuple[SectionSpec, ...]:
    """``sections`` with ``title`` and ``rows``."""
    found: list[SectionSpec] = []
    example = "sections: [{title: Orders, rows: [{label: Track, goes_to: track_order}]}]"
    for item in listing(node, "sections", example, scope):
        mapping = fields(item, "A section", "{title: Orders, rows: [...]}", scope)
        if mapping is None:
            continue
        keys = Keys(mapping, "A section", scope)
        title = local_text(keys.take("title"), "A section's title", scope)
        rows = buttons(keys.need("rows", "rows: [{label: ..., goes_to: ...}]"), scope, rows=True)
        keys.finish()
        if rows:
            found.append(SectionSpec(title, rows))
    if node is not None and len(found) > 1 and any(section.title is None for section in found):
        scope.error(node.place, "With several sections each needs a title. Add title: ... to every section.")
    return tuple(found)
