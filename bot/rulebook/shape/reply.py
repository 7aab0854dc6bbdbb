"""``reply``: one reply, or a list of cases of which the first that holds is sent; and ``if_closed``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from bot.core.rule import IfClosed, ReplyItem, Say, SayTemplate, SayText
from bot.rulebook.node import Fields, Items, Node, Scalar, canonical
from bot.rulebook.shape.buttons import leads_to_page
from bot.rulebook.shape.condition import BARE, condition
from bot.rulebook.shape.keys import Keys, glued_text
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.say import KINDS, PARTS, say, template
from bot.rulebook.shape.text import language_code
from bot.rulebook.shape.value import duration, fields, listing, mention_name, must_be_true
from bot.rulebook.traps import quote

MESSAGES_MAX: Final = 5
_EXAMPLE: Final = 'reply: {text: "Hello!"}'
WAIT_MAX: Final = timedelta(days=7)
_WAIT: Final = "Write if_closed: {wait: true, not_after: 2 days}."
_NOTHING_SAID: Final = "This reply says nothing. Add text: ..., or say_nothing: true if that is meant."
_CONTENT: Final = ("text", "any_of", *KINDS, "messages", "say_nothing", "goes_to")


def reply(node: Node | None, scope: Scope) -> tuple[ReplyItem, ...]:
    """The cases of a reply."""
    if isinstance(node, Scalar):
        scope.error(
            node.place, glued_text(node) or f"A reply says what it is. Write reply: {{text: {quote(node.text)}}}."
        )
        return ()
    if isinstance(node, Items) and len(node.items) > 1 and all(isinstance(item, Scalar) for item in node.items):
        texts = ", ".join(f"{{text: {quote(item.text)}}}" for item in node.items if isinstance(item, Scalar))
        cure = (
            f"To send one of them, write reply: {{any_of: [...]}}; to send all, write reply: {{messages: [{texts}]}}."
        )
        scope.error(node.place, f"These texts do not say how they belong together. {cure}")
        return ()
    if isinstance(node, Items):
        found = (_item(item, scope) for item in node.items)
        return tuple(item for item in found if item is not None)
    item = _item(node, scope) if node is not None else None
    return (item,) if item is not None else ()


def _item(node: Node, scope: Scope) -> ReplyItem | None:
    mapping = fields(node, "A reply", _EXAMPLE, scope)
    if mapping is None:
        return None
    if _is_text_by_language(mapping, scope):
        scope.error(
            mapping.place, "These are texts without the word text. Write reply: {text: {en: ..., sv: ...}} around them."
        )
        return None
    keys = Keys(mapping, "A reply", scope)
    keys.also(*BARE)
    bare_contact = keys.has("contact") and not _is_card(mapping, keys)
    holds = condition(keys.take("if"), keys, scope, contact_is_bare=bare_contact)
    inside = scope.speaking(holds.languages)
    if_closed = closed(keys.take("if_closed"), inside)
    says, goes_to = _content(mapping, keys, bare_contact, inside)
    if keys.finish() and not any(keys.has(key) for key in _CONTENT):
        scope.error(mapping.place, _NOTHING_SAID)
    if says is None:
        return None
    return ReplyItem(holds, says, mapping.place, goes_to, if_closed)


def _is_text_by_language(mapping: Fields, scope: Scope) -> bool:
    return bool(mapping.entries) and all(
        language_code(each.written) in scope.notes.languages for each in mapping.entries
    )


def _is_card(mapping: Fields, keys: Keys) -> bool:
    """``contact`` in a reply is a contact card where it has a phone number or stands alone, else a condition."""
    entry = mapping.entry("contact")
    card = entry is not None and isinstance(entry.value, Fields) and entry.value.entry("phone") is not None
    return card or not any(keys.has(key) for key in _CONTENT if key != "contact")


def _content(mapping: Fields, keys: Keys, bare_contact: bool, scope: Scope) -> tuple[tuple[Say, ...] | None, str]:
    """What is said (None where that is told to be wrong) and where it goes on instead."""
    written = [key for key in _CONTENT if keys.has(key) and not (key == "contact" and bare_contact)]
    alone = [key for key in ("messages", "say_nothing", "goes_to") if key in written]
    keys.also(*_CONTENT, *PARTS)
    if alone and len(written) > 1:
        scope.error(keys.place_of(alone[0]), _not_alone(alone[0], next(key for key in written if key != alone[0])))
        return None, ""
    if not written:
        return None, ""
    match alone:
        case ["messages"]:
            return _messages(keys.take("messages"), scope), ""
        case ["say_nothing"]:
            return ((), "") if must_be_true(keys.take("say_nothing"), "say_nothing", scope) else (None, "")
        case ["goes_to"]:
            target = keys.take("goes_to")
            goes_to = goes_to_of(target, "instead", scope)
            return ((), goes_to) if goes_to else (None, "")
        case _:
            said = say(_without_condition(mapping, scope, bare_contact, keys), scope)
            return ((said,) if said is not None else None), ""


def _without_condition(mapping: Fields, scope: Scope, bare_contact: bool, keys: Keys) -> Keys:
    if not bare_contact:
        return keys
    return Keys(
        Fields(tuple(each for each in mapping.entries if each.key != "contact"), mapping.place), "A reply", scope
    )


def _not_alone(key: str, other: str) -> str:
    if key == "goes_to":
        return f'"goes_to" in a reply stands instead of {other}. To go on after the reply, write it under then: {{goes_to: ...}}.'
    if key == "say_nothing":
        return f'"say_nothing" and {other} cannot both be. Delete one of the two.'
    return f'"messages" holds the whole reply, so {other} must be inside it. Move it into the list.'


def _messages(node: Node | None, scope: Scope) -> tuple[Say, ...] | None:
    nodes = listing(node, "messages", "messages: [{text: One}, {text: Two}]", scope)
    if node is not None and isinstance(node, Items) and not 2 <= len(nodes) <= MESSAGES_MAX:
        scope.error(
            node.place,
            f"messages has {len(nodes)} of them; it takes 2 to {MESSAGES_MAX}. Write a single one as the reply itself.",
        )
    found = [_message(item, scope) for item in nodes]
    for item, said in zip(nodes[:-1], found, strict=False):
        if said is not None and not isinstance(said, SayText | SayTemplate) and _has_buttons(item):
            scope.error(
                item.place, "Only the last of several messages may have buttons. Move the buttons to the last one."
            )
    says = tuple(said for said in found if said is not None)
    return says if says and len(says) == len(nodes) else None


def _message(node: Node, scope: Scope) -> Say | None:
    mapping = fields(node, "A message", "{text: Hello}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "A message", scope)
    if not any(keys.has(key) for key in ("text", "any_of", *KINDS)):
        keys.also(*KINDS, *PARTS)
        if keys.finish():
            scope.error(mapping.place, _NOTHING_SAID)
        return None
    said = say(keys, scope)
    keys.finish()
    return said


def _has_buttons(node: Node) -> bool:
    return isinstance(node, Fields) and any(node.entry(key) for key in ("buttons", "list"))


def goes_to_of(node: Node | None, how: str, scope: Scope) -> str:
    """The rule that ``goes_to`` names; ``how`` says in which way (button, instead, then, misses)."""
    if isinstance(node, Scalar) and re.match(r"(?:https?://|www\.)", node.text):
        scope.error(node.place, leads_to_page(node.text))
        return ""
    name = mention_name(node, "goes_to", scope)
    if name and node:
        scope.mention("rule", name, node.place, how)
    return name or ""


def closed(node: Node | None, scope: Scope) -> IfClosed | None:
    """``if_closed``: ``wait``, ``skip`` or a template."""
    if node is None:
        return None
    if isinstance(node, Scalar):
        match canonical(node.text):
            case "wait":
                return IfClosed("wait", node.place)
            case "skip":
                return IfClosed("skip", node.place)
            case _:
                scope.error(
                    node.place, f'if_closed cannot be "{node.text}". Write wait, skip, or {{template: its_name}}.'
                )
                return None
    mapping = fields(node, "if_closed", "if_closed: {template: order_shipped}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "if_closed", scope)
    if keys.has("wait") or keys.has("skip") or (keys.has("not_after") and not keys.has("template")):
        return _held(keys, node, scope)
    found = template(keys, scope) if keys.has("template") else None
    if not keys.has("template"):
        scope.error(keys.place, "if_closed needs a template. Write if_closed: {template: its_name}, wait or skip.")
    keys.also("values", "template", *(("not_after",) if keys.has("not_after") else ()))
    if keys.has("not_after"):
        scope.error(keys.place_of("not_after"), f"not_after belongs to wait. {_WAIT}")
    keys.finish()
    return IfClosed("template", node.place, found) if found is not None else None


def _held(keys: Keys, node: Node, scope: Scope) -> IfClosed | None:
    """``{wait: true, not_after: 2 days}``, or ``{skip: true}``."""
    stretch = keys.take("wait")
    if isinstance(stretch, Scalar) and stretch.text[:1].isdecimal():
        scope.error(
            stretch.place,
            f"How long to wait stands under not_after. Write if_closed: {{wait: true, not_after: {stretch.text}}}.",
        )
        return None
    waits = must_be_true(stretch, "wait", scope)
    skips = must_be_true(keys.take("skip"), "skip", scope)
    not_after = duration(keys.take("not_after"), "not_after", scope)
    keys.finish()
    if skips and (waits or keys.has("not_after")):
        scope.error(
            keys.place, f"What is skipped never leaves, so nothing else goes with skip. {_WAIT} Or: if_closed: skip."
        )
        return None
    if keys.has("not_after") and not waits:
        scope.error(keys.place_of("not_after"), f"not_after belongs to wait. {_WAIT}")
        return None
    if not_after is not None and not_after > WAIT_MAX:
        scope.error(
            keys.place_of("not_after"), "What waits is kept for 7 days at most. Write not_after: 7 days or less."
        )
        return None
    return IfClosed("wait" if waits else "skip", node.place, not_after=not_after) if waits or skips else None
