"""``then``: what happens after the reply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bot.core.rule import LocalText, Then
from bot.rulebook.node import Node, canonical
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.reply import goes_to_of
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import duration, fields, mention_name, whole_number, words

LATER: Final = ("remind", "tell_backend", "forget")
_EXAMPLE: Final = "then: {tag: asked_for_hours}"


def then(node: Node | None, scope: Scope) -> Then:
    """Tags, fields, hand-over and where to go on."""
    mapping = fields(node, "then", _EXAMPLE, scope)
    if mapping is None:
        return Then()
    keys = Keys(mapping, "then", scope)
    count, target = _misses(keys.take("after_misses"), scope)
    team_node = keys.take("hand_over")
    team = mention_name(team_node, "hand_over", scope) or ""
    if team and team_node:
        scope.mention("team", team, team_node.place, "hand_over")
    found = Then(
        goes_to=goes_to_of(keys.take("goes_to"), "then", scope),
        tag=words(keys.take("tag"), "tag", scope),
        untag=words(keys.take("untag"), "untag", scope),
        set=_set(keys.take("set"), scope),
        misses_count=count,
        misses_goes_to=target,
        hand_over=team,
        give_back_after=duration(keys.take("give_back_after"), "give_back_after", scope) or timedelta(hours=24),
    )
    if keys.has("give_back_after") and not keys.has("hand_over"):
        scope.error(
            keys.place_of("give_back_after"),
            "give_back_after belongs to hand_over. Add hand_over: a team, or delete it.",
        )
    keys.later(*LATER)
    keys.finish()
    return found


def _misses(node: Node | None, scope: Scope) -> tuple[int, str]:
    mapping = fields(node, "after_misses", "after_misses: {count: 2, goes_to: person}", scope)
    if mapping is None:
        return 0, ""
    keys = Keys(mapping, "after_misses", scope)
    count = whole_number(keys.need("count", "count: 2"), "count", scope, 1, 20)
    target = goes_to_of(keys.need("goes_to", "goes_to: the name of a rule"), "misses", scope)
    keys.finish()
    return (count, target) if count and target else (0, "")


def _set(node: Node | None, scope: Scope) -> Mapping[str, LocalText]:
    mapping = fields(node, "set", "set: {delivery: home}", scope)
    found: dict[str, LocalText] = {}
    for entry in mapping.entries if mapping else ():
        text = local_text(entry.value, f"The value of {entry.written}", scope, names=True)
        if text is not None:
            found[canonical(entry.written)] = text
            scope.notes.contact_fields.add(canonical(entry.written))
    return found
