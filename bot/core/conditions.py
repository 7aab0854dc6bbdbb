"""Whether an ``if`` holds, and in words which part of it does not."""

from __future__ import annotations

from bot.core.conversation import Consent
from bot.core.hours import is_open, local_time
from bot.core.rule import ALWAYS, Condition, ValueTest
from bot.core.scene import Scene
from bot.core.text import normalise


def failure(condition: Condition, scene: Scene) -> str:
    """The first part of ``condition`` that does not hold, as half a sentence; empty when all hold."""
    if condition is ALWAYS:
        return ""
    return (
        _hours_failure(condition, scene)
        or _person_failure(condition, scene)
        or _window_failure(condition, scene)
        or _days_failure(condition, scene)
        or _values_failure(condition, scene)
    )


def consent_word(consent: Consent) -> str:
    """``stopped``, ``opted_in`` or ``unknown``, as ``if: consent`` and the reasons say it."""
    if consent.stopped:
        return "stopped"
    return "opted_in" if consent.opted_in else "unknown"


def _hours_failure(condition: Condition, scene: Scene) -> str:
    if condition.during and not is_open(scene.rulebook, condition.during, scene.now):
        return f"it holds during {condition.during} only, and that is closed now"
    if condition.outside and is_open(scene.rulebook, condition.outside, scene.now):
        return f"it holds outside {condition.outside} only, and that is open now"
    return ""


def _person_failure(condition: Condition, scene: Scene) -> str:
    if condition.languages and scene.language not in condition.languages:
        return f"it is for language {', '.join(sorted(condition.languages))}, and this is {scene.language}"
    if condition.tag and condition.tag not in scene.tags:
        return f"the person has no tag {condition.tag}"
    if condition.no_tag and condition.no_tag in scene.tags:
        return f"the person has the tag {condition.no_tag}"
    consent = scene.conversation.consent
    if condition.consent and condition.consent != consent_word(consent):
        return f"it is for consent {condition.consent}, and this person's is {consent_word(consent)}"
    first = scene.conversation.first_contact
    if condition.first_contact is not None and condition.first_contact != first:
        return "it is for a first contact only" if condition.first_contact else "it is not for a first contact"
    return ""


def _window_failure(condition: Condition, scene: Scene) -> str:
    if not condition.window or (condition.window == "open") == scene.window_open:
        return ""
    return f"it needs the window {condition.window}, and it is {'open' if scene.window_open else 'closed'}"


def _days_failure(condition: Condition, scene: Scene) -> str:
    if condition.after_rule and scene.conversation.state.last_rule != condition.after_rule:
        last = scene.conversation.state.last_rule
        return f"it comes after rule {condition.after_rule}, and {f'rule {last} answered last' if last else 'no rule answered yet'}"
    if condition.starts_on is None and condition.ends_on is None:
        return ""
    today = local_time(scene.rulebook, scene.now).date()
    if condition.starts_on is not None and today < condition.starts_on:
        return f"it holds from {condition.starts_on}, and today is {today}"
    if condition.ends_on is not None and today > condition.ends_on:
        return f"it held until {condition.ends_on}, and today is {today}"
    return ""


def _values_failure(condition: Condition, scene: Scene) -> str:
    for test in condition.values:
        value = _tested(test, scene)
        if not _passes(test, value):
            return f"{test.source} {test.name} is {_shown(value)}, not {_wanted(test)}"
    if condition.outcome and condition.outcome != scene.outcome:
        came = f"it came out as {scene.outcome}" if scene.outcome else "nothing was asked yet"
        return f"it is for the outcome {condition.outcome}, and {came}"
    return ""


def _tested(test: ValueTest, scene: Scene) -> str:
    match test.source:
        case "contact":
            return scene.fields.get(test.name, "")
        case "event":
            return scene.given.get(test.name, "")
        case "slot":
            return scene.slots.get(test.name, "")
        case "answer":
            return scene.answers.get(test.name, "")
        case "result":
            return scene.results.get(test.name, "")


def _passes(test: ValueTest, value: str) -> bool:
    if test.at_least is None and test.at_most is None:
        return bool(value) and normalise(value).plain in test.anyof
    number = _number(value)
    if number is None:
        return False
    return (test.at_least is None or number >= test.at_least) and (test.at_most is None or number <= test.at_most)


def _number(value: str) -> float | None:
    """A number as people write it, with comma or point; None for anything else, infinities included."""
    plain = value.strip().replace(" ", "").replace("\u00a0", "").replace(",", ".")
    if not plain.lstrip("+-").replace(".", "", 1).isdecimal():
        return None
    return float(plain) if plain.count("+") + plain.count("-") <= 1 else None


def _shown(value: str) -> str:
    return f'"{value}"' if value else "not given"


def _wanted(test: ValueTest) -> str:
    limits = [f"at least {test.at_least:g}"] if test.at_least is not None else []
    limits += [f"at most {test.at_most:g}"] if test.at_most is not None else []
    return " and ".join(limits) or " or ".join(test.anyof)
