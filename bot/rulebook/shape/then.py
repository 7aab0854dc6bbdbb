"""``then``: what happens after the reply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bot.core.rule import NO_THEN, LocalText, Remind, Then
from bot.rulebook.node import Node, canonical
from bot.rulebook.problem import listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import yes_no_meant
from bot.rulebook.shape.reply import goes_to_of
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import EVENT, NAME, duration, fields, mention_name, value_names, whole_number, word, words

_EXAMPLE: Final = "then: {tag: asked_for_hours}"


def then(node: Node | None, scope: Scope) -> Then:
    """Tags, fields, hand-over and where to go on."""
    mapping = fields(node, "then", _EXAMPLE, scope)
    if mapping is None:
        return NO_THEN
    keys = Keys(mapping, "then", scope)
    count, target = _misses(keys.take("after_misses"), scope)
    found = Then(
        goes_to=goes_to_of(keys.take("goes_to"), "then", scope),
        tag=words(keys.take("tag"), "tag", scope),
        untag=words(keys.take("untag"), "untag", scope),
        set=_set(keys.take("set"), scope),
        misses_count=count,
        misses_goes_to=target,
        hand_over=_team(keys.take("hand_over"), scope),
        give_back_after=duration(keys.take("give_back_after"), "give_back_after", scope) or timedelta(hours=24),
        forget=value_names(keys.take("forget"), "forget", scope),
        remind=_remind(keys.take("remind"), scope),
        tell_backend=_tell(keys.take("tell_backend"), scope),
    )
    if keys.has("give_back_after") and not keys.has("hand_over"):
        scope.error(
            keys.place_of("give_back_after"),
            "give_back_after belongs to hand_over. Add hand_over: a team, or delete it.",
        )
    keys.finish()
    return found


def _team(node: Node | None, scope: Scope) -> str:
    team = mention_name(node, "hand_over", scope)
    if team is None or node is None:
        return ""
    if not NAME.fullmatch(team) or yes_no_meant(team) or team in ("true", "yes", "on"):
        known = scope.notes.names("team")
        cure = f"Write {listed(known, 'or')}." if known else "Write hand_over: support, and declare teams: [support]."
        scope.error(node.place, f'hand_over names the team that takes over, which cannot be "{team}". {cure}')
        return ""
    scope.mention("team", team, node.place, "hand_over")
    return team


def _misses(node: Node | None, scope: Scope) -> tuple[int, str]:
    mapping = fields(node, "after_misses", "after_misses: {count: 2, goes_to: person}", scope)
    if mapping is None:
        return 0, ""
    keys = Keys(mapping, "after_misses", scope)
    count = whole_number(keys.need("count", "count: 2"), "count", scope, 1, 20)
    target = goes_to_of(keys.need("goes_to", "goes_to: the name of a rule"), "misses", scope)
    keys.finish()
    return (count, target) if count and target else (0, "")


def _remind(node: Node | None, scope: Scope) -> Remind | None:
    """``{after: 3 hours, goes_to: rule}``."""
    mapping = fields(node, "remind", "remind: {after: 3 hours, goes_to: still_there}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "remind", scope)
    after = duration(keys.need("after", "after: 3 hours"), "after", scope)
    target = goes_to_of(keys.need("goes_to", "goes_to: the name of a rule"), "remind", scope)
    keys.finish()
    return Remind(after, target) if after and target else None


def _tell(node: Node | None, scope: Scope) -> str:
    """The name under which the backend is told, as an event's is written."""
    text = word(node, "tell_backend", scope)
    if text and node and not EVENT.fullmatch(text):
        scope.error(
            node.place,
            f'tell_backend: "{text}" may have small letters, digits, dots, - and _ only. For example order.cancelled.',
        )
        return ""
    return text or ""


def _set(node: Node | None, scope: Scope) -> Mapping[str, LocalText]:
    mapping = fields(node, "set", "set: {delivery: home}", scope)
    found: dict[str, LocalText] = {}
    for entry in mapping.entries if mapping else ():
        text = local_text(entry.value, f"The value of {entry.written}", scope, names=True)
        if text is not None:
            found[canonical(entry.written)] = text
            scope.notes.contact_fields.add(canonical(entry.written))
    return found
