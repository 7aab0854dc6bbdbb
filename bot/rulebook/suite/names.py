"""The names that tests rely on: rules, templates, teams, questions, events and connections must be there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.core.phrasing import Place
from bot.core.rule import Happened, Rule
from bot.core.rulebook import Connection
from bot.rulebook.problem import did_you_mean, listed
from bot.rulebook.shape.book import Draft
from bot.rulebook.suite.test import Happens, Helps, Mock, Test, Wanted

_KINDS = {"rule": "rule", "template": "template", "asks": "question", "handed_over": "team"}


def check_tests(draft: Draft, tests: Sequence[Test]) -> None:
    """Tell each name in ``tests`` that the files give to nothing. What broken rules would have asked or heard is not missed."""
    known = _known(draft)
    whole = not draft.notes.broken
    for test in tests:
        _check_mocks(test.calls, draft)
        for step in test.steps:
            _check_mocks(step.calls, draft)
            for wanted in step.wanted:
                if wanted.key in known and (whole or wanted.key != "asks"):
                    _check_wanted(wanted, known[wanted.key], draft)
            if isinstance(step.act, Happens) and whole:
                _check_event(step.act, step.place, draft)
            elif isinstance(step.act, Helps) and step.act.team and step.act.team not in known["handed_over"]:
                sentence = _unknown("team", step.act.team, known["handed_over"])
                draft.notes.problems.error(step.act.place or step.place, sentence)


def _known(draft: Draft) -> dict[str, list[str]]:
    names = draft.notes.names
    slots = dict.fromkeys(question.slot for rule in draft.rules for question in rule.ask)
    return {"rule": names("rule"), "template": names("template"), "asks": list(slots), "handed_over": names("team")}


def _check_wanted(wanted: Wanted, known: Sequence[str], draft: Draft) -> None:
    also = {"handed_over": ("yes", "no"), "rule": ("none",), "template": ("none",)}.get(wanted.key, ())
    for name in wanted.values:
        if name not in known and name not in also:
            draft.notes.problems.error(wanted.place, _unknown(_KINDS[wanted.key], name, known))


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    guess = did_you_mean(name, known)
    listing = f" There are {listed(known)}." if 0 < len(known) < 9 else ""
    return f'There is no {kind} "{name}".{guess or listing or f" Write the name of a {kind} that is there."}'


# --- events ---------------------------------------------------------------------------------------------------------------


def _check_event(happens: Happens, place: Place, draft: Draft) -> None:
    """As the server would refuse it: an event that no rule waits for, or without what rules need of it."""
    events = _needs(draft.rules)
    at = happens.places.get("", place)
    if happens.name not in events:
        guess = did_you_mean(happens.name, list(events)) or f" Rules wait for {listed(list(events)) or 'none yet'}."
        draft.notes.problems.error(at, f'No rule waits for an event "{happens.name}".{guess}')
        return
    missing = [name for name in events[happens.name] if not happens.data.get(name)]
    if missing:
        guesses = "".join(did_you_mean(name, missing) for name in happens.data if name not in events[happens.name])
        cure = guesses or f" Write {happens.name}: {{{', '.join(f'{name}: ...' for name in events[happens.name])}}}."
        draft.notes.problems.error(at, f"The event {happens.name} needs {listed(missing)}.{cure}")


def _needs(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """Every event that rules wait for, with all values that any of them needs."""
    found: dict[str, list[str]] = {}
    for trigger in (each for rule in rules for each in rule.triggers if isinstance(each, Happened)):
        known = found.setdefault(trigger.event, [])
        known += [name for name in trigger.needs if name not in known]
    return found


# --- connections ----------------------------------------------------------------------------------------------------------


def _check_mocks(mocks: Sequence[Mock], draft: Draft) -> None:
    for mock in mocks:
        connection = draft.connections.get(mock.connection)
        if connection is not None:
            _check_results(mock, connection, draft)
        elif mock.connection not in draft.notes.names("connection"):
            known = draft.notes.names("connection")
            draft.notes.problems.error(mock.place, _unknown("connection", mock.connection, known))


def _check_results(mock: Mock, connection: Connection, draft: Draft) -> None:
    if mock.answered.outcome != "found":
        return
    may = (*connection.results, *connection.may_give)
    for name in mock.answered.values:
        if name not in may:
            cure = did_you_mean(name, may) or f" It gives {listed(may) or 'nothing'}."
            draft.notes.problems.error(mock.place, f'Connection {mock.connection} never gives "{name}".{cure}')
    missing = [name for name in connection.results if name not in mock.answered.values]
    if missing:
        draft.notes.problems.error(
            mock.place,
            f"Connection {mock.connection} always gives {listed(missing)}. Add {', '.join(f'{name}: ...' for name in missing)}, "
            "or write not_found or failed.",
        )
