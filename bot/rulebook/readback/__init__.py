"""A rule read back as one plain English sentence, so that who wrote it can see whether it says what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from bot.core.rule import AtMost, Rule, Then
from bot.core.rulebook import Rulebook
from bot.rulebook.problem import listed
from bot.rulebook.readback.asking import ask_words
from bot.rulebook.readback.conditions import case
from bot.rulebook.readback.replies import closed_words, reply_words
from bot.rulebook.readback.triggers import trigger_words
from bot.rulebook.readback.words import phrases, quoted, span

_A_DAY_LATER: Final = timedelta(hours=24)  # what give_back_after is where nobody wrote it


def read_back(rule: Rule, rulebook: Rulebook) -> str:
    """The whole rule in one sentence: when, if, ask, call, reply, then. Texts are shortened, in the default language."""
    language = rulebook.settings.languages[0]
    doing = [part for part in _doing(rule, language) if part]
    if after := listed(list(_then(rule, language))):
        doing.append(f"{'then ' if doing else ''}it {after}")
    what = "; ".join([*doing, *_besides(rule, language)])
    return f"{_opening(rule)}, {what or 'nothing happens'}."


def _opening(rule: Rule) -> str:
    sleeps = "" if rule.enabled else "(switched off) "
    when = " or ".join(trigger_words(trigger) for trigger in rule.triggers)
    start = f"When {when}" if when else "When a button or another rule leads here"
    if rule.anytime:
        start += ", also in the middle of a question"
    holds = case(rule.condition)
    return f"{sleeps}{start}" + (f", but only {holds}" if holds else "")


def _doing(rule: Rule, language: str) -> Iterator[str]:
    asked, replied = ask_words(rule.ask, language), reply_words(rule.reply, language)
    yield f"it asks for {asked}" if asked else ""
    yield f"it asks the connection {rule.call}" if rule.call else ""
    yield replied
    yield closed_words(rule.if_closed, language) if rule.if_closed is not None else ""


def _then(rule: Rule, language: str) -> Iterator[str]:
    then = rule.then
    if then.tag:
        yield f"tags the person {listed(then.tag)}"
    if then.untag:
        yield f"takes off the tag {listed(then.untag)}"
    for name, value in then.set.items():
        yield f"keeps {name} = {quoted(value, language)}"
    if then.forget:
        yield f"forgets {listed(then.forget)}"
    if then.tell_backend:
        yield f"tells backends of {then.tell_backend}"
    if then.hand_over:
        back = f", which gives back after {span(then.give_back_after)}" if then.give_back_after != _A_DAY_LATER else ""
        yield f"hands over to the team {then.hand_over}{back}"
    if then.remind is not None:
        yield f"goes on with rule {then.remind.goes_to} after {span(then.remind.after)} without a word"
    yield from _onwards(then)


def _onwards(then: Then) -> Iterator[str]:
    if then.goes_to:
        yield f"goes on with rule {then.goes_to}"
    if then.misses_count:
        yield f"goes on with rule {then.misses_goes_to} at the {_nth(then.misses_count)} such message in a row"


def _besides(rule: Rule, language: str) -> Iterator[str]:
    if rule.at_most is not None:
        yield f"this happens {often(rule.at_most)} to one person"
    if rule.not_between is not None:
        yield f"between {rule.not_between.starts:%H:%M} and {rule.not_between.ends:%H:%M} it waits"
    if rule.typos:
        yield "one slip in a long word is forgiven"
    if rule.category != "utility":
        yield f"it counts as {rule.category}"
    if rule.examples_match:
        yield f"it must answer {phrases(rule.examples_match, 2, 'and')}"
    if rule.examples_no_match:
        yield f"it must not answer {phrases(rule.examples_no_match, 2)}"


def often(limit: AtMost) -> str:
    """``at most once in 1 week``, ``at most 3 times in 1 hour``."""
    times = {1: "once", 2: "twice"}.get(limit.count, f"{limit.count} times")
    return f"at most {times} in {span(limit.within)}"


def _nth(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
