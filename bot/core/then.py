"""What a rule does after its reply: tags, fields, reminders, backends told, hand-over."""

from __future__ import annotations

from datetime import timedelta

from bot.core.decision import SetTimer, TellBackend
from bot.core.draft import Draft
from bot.core.filling import Unsayable, fill_optional, wording
from bot.core.rule import LocalText, Placeholder, Rule
from bot.core.scene import Scene

FIELD_MAX = 1000  # characters of a contact field


def carry_out(draft: Draft, rule: Rule) -> None:
    """Everything under ``then`` but where it goes on."""
    then, scene = rule.then, draft.scene
    if then.tag or then.untag:
        scene.tags = scene.tags.union(then.tag).difference(then.untag)
    if then.set:
        _set_fields(draft, rule)
    if then.forget:
        scene.fields = {name: "" if name in then.forget else value for name, value in scene.fields.items()}
    if then.tell_backend:
        draft.tells += (TellBackend(then.tell_backend, _known(draft, rule)),)
    if then.remind is not None:
        name = f"remind:{rule.name}"
        values = {"goes_to": then.remind.goes_to, "since": scene.now.isoformat()}
        draft.timers += (SetTimer(name, scene.now + then.remind.after, values),)
        draft.reminders = tuple(dict.fromkeys((*draft.reminders, name)))


def hand_over(draft: Draft, team: str, give_back_after: timedelta) -> None:
    """A team has the conversation from now on; an open question ends."""
    draft.in_charge, draft.in_charge_for = team, give_back_after
    draft.in_charge_until = draft.scene.now + give_back_after
    draft.handed_over = draft.excused = True
    if draft.question is not None:
        draft.note(f"The question for {draft.question.slot} is dropped: a colleague takes over.")
        draft.question = None
    draft.note(f"Team {team} has the conversation now.")


def _known(draft: Draft, rule: Rule) -> dict[str, str]:
    scene = draft.scene
    return {**scene.given, **scene.slots, **scene.answers, **scene.results, "rule": rule.name}


def _set_fields(draft: Draft, rule: Rule) -> None:
    scene = draft.scene
    for name, text in rule.then.set.items():
        try:
            value = fill_optional(text, scene, FIELD_MAX, f"field {name}")
        except Unsayable as why:
            draft.note(f"Rule {rule.name} could not set {name}. {why}")
            continue
        if not value and _is_missing(text, scene):
            draft.note(f"Rule {rule.name} leaves {name} as it is: nothing is known to set it to.")
        elif name == "language":
            _set_language(draft, rule, value)
        else:
            scene.fields = {**scene.fields, name: value}


def _is_missing(text: LocalText, scene: Scene) -> bool:
    """Whether ``text`` is empty for want of a value, not because staff wrote it so."""
    return any(isinstance(part, Placeholder) and part.default is None for part in wording(text, scene))


def _set_language(draft: Draft, rule: Rule, value: str) -> None:
    if value in draft.scene.rulebook.settings.languages:
        draft.scene.language = draft.language = value
    else:
        draft.note(f'Rule {rule.name} sets the language to "{value}", which this rulebook does not speak.')
