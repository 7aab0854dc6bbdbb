"""What may run with the 24-hour window closed says what leaves then.

A reply to what a person just wrote is inside the window by nature. How long somebody may have been silent when a rule runs is followed
from what sets it off through all rules that it goes on to, and through the time that reminders, questions and quiet hours take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from bot.core.conversation import MARGIN, WINDOW
from bot.core.rule import (
    DeliveryFailed,
    Happened,
    OptsIn,
    QuietTime,
    ReplyItem,
    Rule,
    SayTemplate,
    Sent,
    SilentFor,
    Trigger,
    WindowCloses,
)
from bot.rulebook.checks.outcomes import SILENT, WITH_ANSWERS, outcomes_met
from bot.rulebook.checks.steps import Step
from bot.rulebook.checks.values import Known
from bot.rulebook.shape.book import Draft

CLOSED: Final = WINDOW - MARGIN
_EVER: Final = timedelta(days=36_500)  # whatever comes after the window counts as this
_CURE: Final = 'Add "if_closed: {template: ...}" or "if_closed: skip".'


@dataclass(frozen=True, slots=True)
class Silence:
    """How long the person may have been silent, at most, and through which rule or by what that came to be."""

    lasted: timedelta = timedelta()
    because: str = ""

    @property
    def closes(self) -> bool:
        """Whether the window may be closed by then."""
        return self.lasted >= CLOSED

    def after(self, time: timedelta, because: str) -> Silence:
        """The silence so much later; what closes the window is the reason."""
        if self.closes or not time:
            return self
        return Silence(self.lasted + time, because)


def check_window(draft: Draft, steps: Mapping[str, Sequence[Step]], known: Mapping[str, Known]) -> None:
    """A free-form reply that can meet a closed window needs ``if_closed``."""
    silences = _silences(draft, steps, known)
    for rule in draft.rules:
        if rule.name in draft.notes.broken or rule.if_closed is not None:
            continue
        _check_rule(rule, silences.get(rule.name, Silence()), known[rule.name], draft)


def _check_rule(rule: Rule, silence: Silence, known: Known, draft: Draft) -> None:
    tell = draft.notes.problems.error
    quiet = silence.after(_longest(rule.not_between) if silence.lasted else timedelta(), "not_between holds it back")
    if _comes_too_late(rule) and _speaks(rule):
        tell(rule.place, _too_late(rule))
        return
    open_items = [item for item in rule.reply if _needs(item)]
    closed = {id(item): met for item in open_items if (met := _at_item(rule, item, quiet, known)).closes}
    if (rule.ask and quiet.closes) or (closed and len(closed) == len(open_items)):
        because = quiet.because if quiet.closes else next(iter(closed.values())).because
        tell(rule.place, f"Rule {rule.name} can run {_when(because)}; WhatsApp then accepts templates only. {_CURE}")
        return
    for item in open_items:
        if id(item) in closed:
            tell(
                item.place,
                f"This reply can be due {_when(closed[id(item)].because)}; WhatsApp then accepts templates only. {_CURE}",
            )
        elif "closed" in (item.condition.window, rule.condition.window):
            tell(
                item.place,
                "This reply is for a closed window, and WhatsApp then accepts templates only. "
                'Write it as "template: ...", or add "if_closed: wait".',
            )


def _when(because: str) -> str:
    return f"when the person has been silent for over 24 hours{f' ({because})' if because else ''}"


def _needs(item: ReplyItem) -> bool:
    free_form = any(not isinstance(say, SayTemplate) for say in item.says)
    return free_form and item.if_closed is None and item.condition.window != "open"


def _speaks(rule: Rule) -> bool:
    return bool(rule.ask) or any(_needs(item) for item in rule.reply)


# --- how long somebody has been silent ----------------------------------------------------------------------------------


def _silences(draft: Draft, steps: Mapping[str, Sequence[Step]], known: Mapping[str, Known]) -> dict[str, Silence]:
    """The longest silence in which each rule may run; rules that only run at once are missing."""
    rules = {rule.name: rule for rule in draft.rules}
    found: dict[str, Silence] = {}
    for rule in draft.rules:
        longest = max((_of_trigger(trigger) for trigger in rule.triggers), key=_lasted, default=Silence())
        if longest.lasted and rule.condition.window != "open":
            found[rule.name] = longest
    waiting = [*found, *(name for name in steps if name not in found)]
    while waiting:
        name = waiting.pop()
        for step in steps.get(name, ()):
            then = _handed_on(step, rules[name], found.get(name, Silence()), known[name])
            target = rules.get(step.target)
            if target is None or target.condition.window == "open":
                continue
            if then.lasted > found.get(step.target, Silence()).lasted:
                found[step.target] = then
                waiting.append(step.target)
    return found


def _lasted(silence: Silence) -> timedelta:
    return silence.lasted


def _of_trigger(trigger: Trigger) -> Silence:
    match trigger:
        case Happened():
            return Silence(_EVER)
        case SilentFor(after=after):
            return _capped(Silence(after, f"it waits for {_said(after)} of silence"))
        case WindowCloses(before=before):
            return Silence(max(WINDOW - before, timedelta(minutes=1)), "it runs just before the window closes")
        case DeliveryFailed():
            return Silence(_EVER, "a failure may be told days later")
        case OptsIn():
            return Silence(_EVER, "WhatsApp may tell that they opted in though they wrote nothing")
        case Sent(kinds=kinds) if "reaction" in kinds:
            return Silence(_EVER, "a reaction opens no window")
        case _:
            return Silence()


def _capped(silence: Silence) -> Silence:
    return Silence(_EVER, silence.because) if silence.closes else silence


def _handed_on(step: Step, rule: Rule, silence: Silence, known: Known) -> Silence:
    """The silence in which the target of ``step`` runs; how it came about is told by the first rule of the way."""
    met = _at_outcomes(rule, step.outcomes, silence, known)
    if step.item is not None and step.item.condition.window == "open":
        met = Silence(min(met.lasted, CLOSED - timedelta(seconds=1)), met.because)
    if met.closes:
        how = "reminds of it" if step.how == "remind" else "goes to it"
        return Silence(_EVER, met.because if met.because.startswith("rule ") else f"rule {rule.name} {how}")
    return _capped(met.after(step.after, f"rule {rule.name} reminds of it after {_said(step.after)}"))


def _at_item(rule: Rule, item: ReplyItem, silence: Silence, known: Known) -> Silence:
    return _at_outcomes(rule, outcomes_met(rule, item), silence, known)


def _at_outcomes(rule: Rule, outcomes: frozenset[str], silence: Silence, known: Known) -> Silence:
    """The longest silence at any of ``outcomes``: an answer ends it, and so does a wrong one; nobody answering prolongs it."""
    unasked = all(question.slot in known.entry.guaranteed | known.entry.slots for question in rule.ask)
    longest = Silence()
    for outcome in outcomes:
        met = silence
        if outcome == SILENT:
            waits = max(
                (each.no_answer_after for each in rule.ask if each.no_answer_after is not None), default=timedelta()
            )
            met = silence.after(waits, f"its question waits for {_said(waits)}")
        elif (
            outcome == "given_up"
            or (outcome in WITH_ANSWERS and not unasked)
            or (outcome == "answered" and not rule.ask)
        ):
            met = Silence()
        longest = max(longest, met, key=_lasted)
    return longest


# --- times --------------------------------------------------------------------------------------------------------------


def _comes_too_late(rule: Rule) -> bool:
    return any(isinstance(trigger, WindowCloses) and trigger.before <= MARGIN for trigger in rule.triggers)


def _too_late(rule: Rule) -> str:
    minutes = int(MARGIN.total_seconds() // 60)
    return (
        f"Rule {rule.name} runs when it is too late to send: we stop {minutes} minutes before the window closes. "
        f"Write window_closes_in: {minutes + 3} minutes or more, or add if_closed."
    )


def _longest(quiet: QuietTime | None) -> timedelta:
    """How long ``not_between`` may hold a message back."""
    if quiet is None:
        return timedelta()
    day = date(2026, 1, 5)
    length = datetime.combine(day, quiet.ends) - datetime.combine(day, quiet.starts)
    return length if length > timedelta() else length + timedelta(days=1)


def _said(time: timedelta) -> str:
    """``3 hours``, ``90 minutes``, ``2 days``: in the largest unit of which it is a whole number."""
    seconds = int(time.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0 and (unit != "day" or seconds > size):
            return f"{seconds // size} {unit}{'s' if seconds != size else ''}"
    return f"{seconds} seconds"
