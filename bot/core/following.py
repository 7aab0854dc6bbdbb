"""Following a rule: its reply, what it does then, and where it goes to."""

from __future__ import annotations

from datetime import timedelta

from bot.core.conditions import failure
from bot.core.decision import Considered
from bot.core.draft import Draft, speak
from bot.core.filling import Unsayable, fill_optional
from bot.core.rule import ALWAYS, Happened, Rule
from bot.core.scene import Scene

MOST_HOPS = 10  # goes_to in one decision
FIELD_MAX = 1000  # characters of a contact field


def fit(rule: Rule, scene: Scene) -> tuple[int, str]:
    """Which reply item of ``rule`` holds (-1: it has none at all), and why the rule cannot answer (empty: it can).

    ``when`` is not asked: what led here is the caller's reason.
    """
    if not rule.enabled:
        return -1, "it is switched off"
    if rule.condition is not ALWAYS:
        failed = failure(rule.condition, scene)
        if failed:
            return -1, failed
    if not rule.reply:
        return -1, ""
    for case, item in enumerate(rule.reply):
        if item.condition is ALWAYS or not failure(item.condition, scene):
            return case, ""
    return -1, "none of its replies holds now"


def missing_needs(rule: Rule, event: str, scene: Scene) -> str:
    """The values that an event must bring for ``rule`` and did not, as half a sentence; empty when all are there."""
    for trigger in rule.triggers:
        if isinstance(trigger, Happened) and trigger.event == event:
            missing = [name for name in trigger.needs if not scene.given.get(name, "").strip()]
            return f"the event brought no {', '.join(missing)}" if missing else ""
    return ""


def follow(draft: Draft, rule: Rule, case: int) -> None:
    """Answer with item ``case`` of ``rule``, then do what it says under ``then``."""
    draft.path.append(rule.name)
    draft.case = case
    draft.scene.hours = _hours_of(rule, case, draft.scene)
    if case >= 0:
        item = rule.reply[case]
        if item.goes_to:
            go_to(draft, item.goes_to, rule)
        else:
            speak(draft, rule, item)
    _then(draft, rule)


def go_to(draft: Draft, name: str, source: Rule) -> None:
    """Go on with the rule of that name; where it refuses and nobody has answered yet, ``nothing_matched`` does."""
    if len(draft.path) > MOST_HOPS:
        draft.in_trouble = True
        draft.note(
            f"Rule {source.name} goes to {name}, but {MOST_HOPS} rules went on to another before it. Break the circle."
        )
        return
    target = draft.scene.rulebook.rule(name)
    case, refused = fit(target, draft.scene) if target is not None else (-1, "there is no such rule")
    place = source.place if target is None else target.place
    draft.considered.append(Considered(name, place, f"goes_to of {source.name}", refused))
    if target is not None and not refused:
        follow(draft, target, case)
        return
    draft.note(f"Rule {source.name} goes to {name}, which cannot answer: {refused}.")
    fall_back(draft)


def fall_back(draft: Draft) -> None:
    """What we wanted to answer cannot be: say what ``nothing_matched`` says, once, and only to a person who got no answer yet."""
    if not draft.answers or draft.sends or draft.fell_back or draft.excused:
        return
    draft.fell_back = True
    scene = draft.scene
    for position in scene.rulebook.on_nothing_matched:
        rule = scene.rulebook.rules[position]
        case, refused = fit(rule, scene)
        draft.considered.append(Considered(rule.name, rule.place, "nothing_matched", refused))
        if not refused:
            follow(draft, rule, case)
            return


def _hours_of(rule: Rule, case: int, scene: Scene) -> str:
    """The hours that a reply speaks of: those of its own condition, else the rule's, else the first in the rulebook."""
    own = rule.reply[case].condition if case >= 0 else rule.condition
    named = own.during or own.outside or rule.condition.during or rule.condition.outside
    return named or next(iter(scene.rulebook.hours), "")


def _then(draft: Draft, rule: Rule) -> None:
    then, scene = rule.then, draft.scene
    if then.tag or then.untag:
        scene.tags = scene.tags.union(then.tag).difference(then.untag)
    if then.set:
        _set_fields(draft, rule)
    if then.goes_to:
        go_to(draft, then.goes_to, rule)
    if then.hand_over:
        _hand_over(draft, then.hand_over, then.give_back_after)


def _set_fields(draft: Draft, rule: Rule) -> None:
    scene = draft.scene
    for name, text in rule.then.set.items():
        try:
            value = fill_optional(text, scene, FIELD_MAX, f"field {name}")
        except Unsayable as why:
            draft.note(f"Rule {rule.name} could not set {name}. {why}")
            continue
        if name == "language":
            _set_language(draft, rule, value)
        else:
            scene.fields = {**scene.fields, name: value}


def _set_language(draft: Draft, rule: Rule, value: str) -> None:
    if value in draft.scene.rulebook.settings.languages:
        draft.scene.language = draft.language = value
    else:
        draft.note(f'Rule {rule.name} sets the language to "{value}", which this rulebook does not speak.')


def _hand_over(draft: Draft, team: str, give_back_after: timedelta) -> None:
    draft.in_charge, draft.in_charge_for = team, give_back_after
    draft.in_charge_until = draft.scene.now + give_back_after
    draft.handed_over = draft.excused = True
    draft.note(f"Team {team} has the conversation now.")
