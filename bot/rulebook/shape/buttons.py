"""Buttons and the rows and sections of lists."""

from __future__ import annotations

from typing import Final

from bot.core.reply import BUTTONS_MAX, LIST_ROWS_MAX
from bot.core.rule import ButtonSpec, SectionSpec
from bot.rulebook.node import Node
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import fields, listing, mention_name

_EXAMPLE: Final = "buttons: [{label: Opening hours, goes_to: hours}]"


def buttons(node: Node | None, scope: Scope, *, rows: bool) -> tuple[ButtonSpec, ...]:
    """Buttons as written; ``rows`` where they become rows of a list, which may have descriptions."""
    found = (_button(item, scope, rows) for item in listing(node, "buttons", _EXAMPLE, scope))
    return tuple(button for button in found if button is not None)


def _button(node: Node, scope: Scope, rows: bool) -> ButtonSpec | None:
    mapping = fields(node, "A button", "{label: Opening hours, goes_to: hours}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "A button", scope)
    label = local_text(keys.need("label", "label: the words on it"), "A button's label", scope)
    target = keys.need("goes_to", "goes_to: the name of a rule")
    goes_to = mention_name(target, "goes_to", scope)
    description = local_text(keys.take("description"), "A row's description", scope)
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


def refuse_count(node: Node, count: int, menu: bool, scope: Scope) -> bool:
    """Tell about too many buttons; whether any were refused."""
    if count > LIST_ROWS_MAX:
        scope.error(
            node.place,
            f"There are {count} buttons; WhatsApp shows at most {LIST_ROWS_MAX} in a list. Delete {count - LIST_ROWS_MAX}.",
        )
        return True
    if count > BUTTONS_MAX and not menu:
        scope.error(
            node.place,
            f"There are {count} buttons; WhatsApp shows at most {BUTTONS_MAX}. Delete {count - BUTTONS_MAX}, "
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
