"""Rules that wait for the same as one above them: an event, a kind of file, a tap, an occasion. The first that can answer does, so the
other never will."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from bot.core.rule import (
    DeliveryFailed,
    FirstContact,
    Happened,
    NothingMatched,
    OptsIn,
    OptsOut,
    Rule,
    Sent,
    Tapped,
    Trigger,
)
from bot.core.text import normalise
from bot.rulebook.checks.precedence import takes_from
from bot.rulebook.problem import listed, seen_from
from bot.rulebook.shape.book import Draft

_FILES: Final = frozenset(("image", "video", "voice", "audio", "document", "sticker", "file"))
_OCCASIONS: Final[dict[type[Trigger], str]] = {
    FirstContact: "first contact",
    NothingMatched: "message that nothing matched",
    OptsIn: "opt-in",
    OptsOut: "opt-out",
    DeliveryFailed: "failed delivery",
}


def check_shadowed(draft: Draft) -> None:
    """An error where nothing is left to a rule and nothing leads to it; a warning where something is, or does."""
    led_to = {each.name for each in draft.notes.mentions if each.kind == "rule" and each.how != "after_rule"}
    takers: dict[str, list[Rule]] = {}
    for rule in draft.rules:
        if not rule.enabled:
            continue
        taken = [(trigger, *found) for trigger in rule.triggers if (found := _taken(trigger, rule, takers))]
        is_dead = len(taken) == len(rule.triggers) and rule.name not in led_to
        for _trigger, what, taker in taken:
            where = seen_from(rule.place, taker.place)
            tell = draft.notes.problems.error if is_dead else draft.notes.problems.warning
            tell(rule.place, _sentence(rule, what, taker, where, is_dead=is_dead))
        for waits_for in (each for trigger in rule.triggers for each in _waited_for(trigger)):
            takers.setdefault(waits_for, []).append(rule)


def _sentence(rule: Rule, what: str, taker: Rule, where: str, *, is_dead: bool) -> str:
    if is_dead:
        verdict = f"Rule {rule.name} can never answer: rule {taker.name} ({where}) takes every {what}."
    else:
        verdict = f"Rule {rule.name} gets no {what}: rule {taker.name} ({where}) takes every one."
    return f"{verdict} Put both into one rule, or give one of them an if."


def _taken(trigger: Trigger, rule: Rule, takers: dict[str, list[Rule]]) -> tuple[str, Rule] | None:
    """What of it earlier rules take wholly, in words, and the first that does."""
    wanted = list(_waited_for(trigger))
    by_each = [_taker(each, trigger, rule, takers) for each in wanted]
    if not wanted or None in by_each:
        return None
    first = next(each for each in by_each if each is not None)
    return listed([_named(each) for each in wanted]), first


def _taker(waits_for: str, trigger: Trigger, rule: Rule, takers: dict[str, list[Rule]]) -> Rule | None:
    for key in _also(waits_for):
        for earlier in takers.get(key, ()):
            if takes_from(rule, earlier) and earlier.at_most is None and _needs_no_more(earlier, trigger):
                return earlier
    return None


def _needs_no_more(earlier: Rule, trigger: Trigger) -> bool:
    """An event without what the earlier rule needs is left to the later one."""
    if not isinstance(trigger, Happened):
        return True
    mine: Collection[str] = trigger.needs
    needed: Sequence[str] = next(
        (each.needs for each in earlier.triggers if isinstance(each, Happened) and each.event == trigger.event), ()
    )
    return set(needed) <= set(mine)


def _waited_for(trigger: Trigger) -> Iterator[str]:
    """What a trigger waits for, by a key that equal ones share."""
    match trigger:
        case Happened(event=event):
            yield f"event {event}"
        case Sent(kinds=kinds):
            yield from (f"sends {kind}" for kind in sorted(kinds))
        case Tapped(titles=titles):
            yield from (f"taps {normalise(title.pattern).plain}" for title in titles)
        case _ if type(trigger) in _OCCASIONS:
            yield f"occasion {_OCCASIONS[type(trigger)]}"
        case _:
            return


def _also(waits_for: str) -> Iterator[str]:
    """The key itself, and that of what includes it."""
    yield waits_for
    if waits_for.removeprefix("sends ") in _FILES:
        yield "sends media"


def _named(waits_for: str) -> str:
    kind, _, what = waits_for.partition(" ")
    match kind:
        case "taps":
            return f'tap on "{what}"'
        case "event":
            return waits_for
        case _:
            return what
