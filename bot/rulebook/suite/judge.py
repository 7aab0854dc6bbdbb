"""Whether a step brought what was expected of it, and in plain words what it brought instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final, assert_never

from bot.core.conversation import Conversation
from bot.core.decision import Decision
from bot.core.rulebook import Rulebook
from bot.rulebook.problem import counted, listed
from bot.rulebook.simulation import Simulation, Step
from bot.rulebook.suite.phone import body_of, template_of, titles_of, words_of
from bot.rulebook.suite.test import Act, Gives, Happens, Helps, Key, Miss, Passes, Says, Taps, TestStep, Wanted
from bot.rulebook.traps import quote


class Outcome:
    """What a step led to, as expectations ask about it."""

    def __init__(self, before: Conversation, person: Simulation, seen: Step) -> None:
        self.before = before
        self.now = person.conversation
        self.seen = seen
        self.rulebook = person.rulebooks.live
        self.decisions = [each.decision for each in seen.decided]
        state = self.now.state
        over = state.in_charge_until is not None and person.now >= state.in_charge_until
        self.team = "" if over else state.in_charge

    @property
    def rules(self) -> list[str]:
        """The rules that answered, in order."""
        return [decision.because.path[-1] for decision in self.decisions if decision.because.path]

    @property
    def language(self) -> str:
        """The language of the last answer."""
        told = [decision.because.language for decision in self.decisions if decision.because.language]
        return told[-1] if told else ""

    @property
    def question(self) -> str:
        """``open``, ``dropped`` or ``none``."""
        before, now = self.before.state.question, self.now.state.question
        if now is not None and (before is None or before.rule == now.rule):
            return "open"
        left = before is not None and not any(_finished(decision, before.rule) for decision in self.decisions)
        return "dropped" if left else "open" if now is not None else "none"


def _finished(decision: Decision, rule: str) -> bool:
    """Whether ``rule`` went on to its outcome: its question was answered, given up, or waited for in vain."""
    return decision.because.layer in ("question", "timer", "call") and decision.because.path[:1] == (rule,)


def misses_of(number: int, step: TestStep, before: Conversation, person: Simulation, seen: Step) -> Iterator[Miss]:
    """Every expectation of ``step`` that did not come true."""
    outcome = Outcome(before, person, seen)
    for each in step.wanted:
        fulfilled, got = _JUDGES[each.key](each, outcome)
        if not fulfilled and step.act is not None:
            took = taken_by(seen, outcome.rulebook)
            yield Miss(each.place, number, done(step.act), expected(each), got, took)


def done(act: Act) -> str:
    """What somebody did, as half a sentence."""
    match act:
        case Says(texts=texts):
            return f"says {listed([quote(text) for text in texts])}"
        case Taps(what=what):
            return f"taps {quote(what)}"
        case Gives(kind=kind):
            return f"sends {kind}"
        case Happens(name=name):
            return f"event {name}"
        case Helps(does=does):
            return f"colleague {does}"
        case Passes(by=by):
            return f"later {span(by)}"
        case _:
            assert_never(act)


def span(by: timedelta) -> str:
    """A time as staff write it: ``50 hours``, ``90 seconds``."""
    seconds = int(by.total_seconds())
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % length == 0 and seconds >= length and (unit != "day" or seconds >= 3 * length):
            return counted(seconds // length, unit)
    return counted(seconds, "second")


# --- who took it ----------------------------------------------------------------------------------------------------------


def taken_by(seen: Step, rulebook: Rulebook) -> str:
    """Which rule and line answered last, with the phrase that heard it; or why no rule did."""
    told = [each.decision for each in seen.decided]
    if not told:
        return "Nothing happened that a rule could take."
    decision = next((each for each in reversed(told) if each.because.path), told[-1])
    because = decision.because
    name = because.path[-1] if because.path else ""
    rule = rulebook.rule(name)
    if rule is None:
        notes = " ".join(because.notes) or f"It was a matter of {because.layer.replace('_', ' ')}."
        return f"No rule took it. {notes}"
    way = f", by way of {listed(because.path[:-1])}" if len(because.path) > 1 else ""
    return f"Rule {name} ({rule.place}) took it{_heard(decision)}{way}."


def _heard(decision: Decision) -> str:
    took = next((each for each in decision.because.considered if not each.failed), None)
    if took is None or not took.heard:
        return ""
    return f" because of {took.heard} ({took.place})" if took.rule == decision.because.path[0] else ""


# --- what was expected ------------------------------------------------------------------------------------------------------

_EXPECTED: Final[dict[Key, str]] = {
    "rule": "rule {}",
    "asks": "the question {}",
    "text": "the text {}",
    "text_contains": "a text with {}",
    "buttons": "the buttons {}",
    "template": "template {}",
    "language": "an answer in {}",
    "tags": "the tags {}",
}


def expected(wanted: Wanted) -> str:
    """One expectation, as half a sentence."""
    values = wanted.values
    if wanted.key == "buttons" and not values:
        return "no buttons"
    if values == ("none",) and wanted.key in ("rule", "template"):
        return f"no {wanted.key}"
    if wanted.key in ("text", "text_contains", "buttons"):
        return _EXPECTED[wanted.key].format(listed([quote(value) for value in values]))
    if wanted.key in _EXPECTED:
        return _EXPECTED[wanted.key].format(listed(values))
    said = values[0]
    match wanted.key:
        case "opted_out":
            return "an opt-out" if said == "yes" else "no opt-out"
        case "question":
            return {"open": "an open question", "dropped": "a dropped question"}.get(said, "no open question")
        case "handed_over":
            return {"yes": "a team in charge", "no": "the bot in charge"}.get(said, f"team {said} in charge")
        case _:
            return "no message"


# --- one judge for each key: whether it came true, and what came ---------------------------------------------------------------

Judged = tuple[bool, str]


def _rule(wanted: Wanted, outcome: Outcome) -> Judged:
    if wanted.values == ("none",):
        return not outcome.rules, listed([f"rule {name}" for name in outcome.rules])
    return set(wanted.values) <= set(outcome.rules), listed([f"rule {name}" for name in outcome.rules]) or "no rule"


def _asks(wanted: Wanted, outcome: Outcome) -> Judged:
    question = outcome.now.state.question
    asked = question is not None and question.slot in wanted.values and bool(outcome.seen.shown)
    return asked, "no question" if question is None else f"the question {question.slot}"


def _text(wanted: Wanted, outcome: Outcome) -> Judged:
    shown = [_tidy(body_of(each.reply)) for each in outcome.seen.shown]
    return all(_tidy(text) in shown for text in wanted.values), _shown(outcome)


def _text_contains(wanted: Wanted, outcome: Outcome) -> Judged:
    shown = [_tidy(" ".join(words_of(each.reply))).casefold() for each in outcome.seen.shown]
    parts = [_tidy(part).casefold() for part in wanted.values]
    return all(any(part in text for text in shown) for part in parts), _shown(outcome)


def _buttons(wanted: Wanted, outcome: Outcome) -> Judged:
    found = [titles for each in outcome.seen.shown if (titles := titles_of(each.reply))]
    last = found[-1] if found else ()
    return last == wanted.values, listed([quote(title) for title in last]) if last else "no buttons"


def _template(wanted: Wanted, outcome: Outcome) -> Judged:
    names = [name for each in outcome.seen.shown if (name := template_of(each.reply, outcome.rulebook))]
    if wanted.values == ("none",):
        return not names, f"template {listed(names)}"
    return set(wanted.values) <= set(names), f"template {listed(names)}" if names else _shown(outcome)


def _language(wanted: Wanted, outcome: Outcome) -> Judged:
    return outcome.language in wanted.values, f"an answer in {outcome.language}" if outcome.language else "no answer"


def _opted_out(wanted: Wanted, outcome: Outcome) -> Judged:
    stopped = outcome.now.consent.stopped
    return ("yes" if stopped else "no") in wanted.values, "an opt-out" if stopped else "no opt-out"


def _question(wanted: Wanted, outcome: Outcome) -> Judged:
    said = outcome.question
    state = outcome.now.state.question
    open_ = "no open question" if state is None else f"the open question {state.slot} of rule {state.rule}"
    matches = said in wanted.values or (wanted.values == ("none",) and state is None)
    return matches, f"a dropped question, and {open_}" if said == "dropped" else open_


def _handed_over(wanted: Wanted, outcome: Outcome) -> Judged:
    team = outcome.team
    got = f"team {team} in charge" if team else "the bot in charge"
    return (team or "no") in wanted.values or (bool(team) and wanted.values == ("yes",)), got


def _tags(wanted: Wanted, outcome: Outcome) -> Judged:
    tags = outcome.now.person.tags
    return set(wanted.values) <= tags, f"the tags {listed(sorted(tags))}" if tags else "no tags"


def _nothing(wanted: Wanted, outcome: Outcome) -> Judged:
    return not outcome.seen.shown, _shown(outcome)


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _shown(outcome: Outcome) -> str:
    """What the person saw; where that is nothing, what became of what should have left."""
    shown: Sequence[str] = [quote(_tidy(" ".join(words_of(each.reply)))) for each in outcome.seen.shown]
    if shown:
        return listed(shown)
    return f"no message ({' '.join(each.reason for each in outcome.seen.lost)})" if outcome.seen.lost else "no message"


_JUDGES: Final[dict[Key, Callable[[Wanted, Outcome], Judged]]] = {
    "rule": _rule,
    "asks": _asks,
    "text": _text,
    "text_contains": _text_contains,
    "buttons": _buttons,
    "template": _template,
    "language": _language,
    "opted_out": _opted_out,
    "question": _question,
    "handed_over": _handed_over,
    "tags": _tags,
    "nothing": _nothing,
}
