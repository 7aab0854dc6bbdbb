"""``templates``: what is approved at WhatsApp, as declared by an administrator."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.rulebook import Template, TemplateButton
from bot.rulebook.node import Entry, Fields, Items, Node, canonical
from bot.rulebook.problem import listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code, local_text
from bot.rulebook.shape.value import choice, fields, listing, mention_name, word, words

CATEGORIES = ("utility", "marketing", "authentication")
_EXAMPLE = "order_shipped: {languages: {en: en_US}, category: utility, parameters: [first_name]}"


def templates(sections: Sequence[Node], scope: Scope) -> dict[str, Template]:
    """All declared templates by our name, which is also WhatsApp's."""
    found: dict[str, Template] = {}
    for section in sections:
        mapping = fields(section, "templates", f"templates: {{{_EXAMPLE}}}", scope)
        for entry in mapping.entries if mapping else ():
            node = fields(entry.value, f"Template {entry.written}", _EXAMPLE, scope)
            scope.notes.define("template", entry.key, entry.place)
            template = _template(entry, node, scope) if node else None
            if template is not None:
                found.setdefault(template.name, template)
    return found


def _template(entry: Entry, node: Fields, scope: Scope) -> Template | None:
    what = f"Template {entry.written}"
    if not re.fullmatch(r"[a-z0-9_]{1,512}", entry.key):
        scope.error(entry.place, f"{what} may have small letters, digits and _ only. Write it as WhatsApp shows it.")
    keys = Keys(node, what, scope)
    omni = word(keys.take("omni"), f"{what}: omni", scope) or ""
    languages = _languages(keys.need("languages", "languages: {en: en_US}"), what, bool(omni), scope)
    category = choice(keys.take("category"), f"{what}: category", CATEGORIES, scope) or "utility"
    parameters = _parameters(keys.take("parameters"), what, scope)
    buttons = _buttons(keys.take("buttons"), what, scope)
    body = local_text(keys.take("body"), f"{what}: body", scope)
    keys.later("header", "footer", "image", "video", "document")
    keys.finish()
    if languages is None:
        return None
    return Template(entry.key, languages, category, parameters, entry.place, buttons, omni, body)


def _languages(node: Node | None, what: str, omni: bool, scope: Scope) -> dict[str, str] | None:
    mapping = fields(node, f"{what}: languages", "languages: {en: en_US, sv: sv_SE}", scope)
    if mapping is None:
        return None
    found: dict[str, str] = {}
    for entry in mapping.entries:
        ours, theirs = language_code(entry.written), word(entry.value, f"{what}: the language {entry.written}", scope)
        if ours not in scope.notes.languages:
            known = listed(scope.notes.languages, "or")
            scope.error(
                entry.place,
                f'{what} has "{entry.written}", which is not one of the languages in settings. Write {known}.',
            )
        elif theirs and not re.fullmatch(r"[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*", theirs):
            scope.error(
                entry.value.place,
                f'"{theirs}" is not a language of WhatsApp. Write it as WhatsApp shows it, such as en_US.',
            )
        elif theirs:
            found[ours] = theirs.replace("_", "-") if omni else theirs.replace("-", "_")
    return found


def _parameters(node: Node | None, what: str, scope: Scope) -> tuple[str, ...]:
    found: list[str] = []
    if node is None:
        return ()
    if not isinstance(node, Items):
        scope.error(
            node.place, f"{what}: parameters must be a list in WhatsApp's order. For example: parameters: [first_name]."
        )
        return ()
    for text in words(node, f"{what}: a parameter", scope):
        if canonical(text) in found:
            scope.error(node.place, f'{what} has the parameter "{text}" twice. Give each its own name.')
        found.append(canonical(text))
    return tuple(found)


def _buttons(node: Node | None, what: str, scope: Scope) -> tuple[TemplateButton, ...]:
    found: list[TemplateButton] = []
    for item in listing(node, f"{what}: buttons", "buttons: [{quick_reply: Track, goes_to: track_order}]", scope):
        mapping = fields(item, f"{what}: a button", "{quick_reply: Track, goes_to: track_order}", scope)
        if mapping is None:
            continue
        keys = Keys(mapping, f"{what}: a button", scope)
        title = word(keys.need("quick_reply", "quick_reply: its title at WhatsApp"), f"{what}: quick_reply", scope)
        target = keys.take("goes_to")
        goes_to = mention_name(target, f"{what}: goes_to", scope) or ""
        if goes_to and target:
            scope.mention("rule", goes_to, target.place, "button")
        keys.finish()
        if title:
            found.append(TemplateButton(title, goes_to))
    return tuple(found)
