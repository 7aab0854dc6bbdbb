"""Placeholders: each name is known where it stands, and has a default where its value is not guaranteed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.rule import LocalText, Placeholder, Rule, SayTemplate
from bot.rulebook.checks.says import spoken
from bot.rulebook.checks.texts import said_by, texts_of, texts_of_no_rule
from bot.rulebook.checks.values import FIELDS, Known, Values
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.book import Draft
from bot.rulebook.shape.notes import Mention


def check_placeholders(draft: Draft, known: Mapping[str, Known]) -> None:
    """Unknown names, and values that may be missing and have no default; names in conditions and ``forget`` likewise."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for part, values in texts_of(rule, known[rule.name]):
            _check_text(part.text, values, draft)
        for text in rule.then.set.values():
            _check_text(text, known[rule.name].then, draft)
        _check_forget(rule, draft)
    _check_tested(draft, known)
    for part, values in texts_of_no_rule(draft):
        _check_text(part.text, values, draft)


def _check_text(text: LocalText, known: Values, draft: Draft) -> None:
    for wording, language, phrasing in spoken(text):
        for part in phrasing:
            if isinstance(part, Placeholder):
                sentence = _fault(part, known, bool(draft.notes.broken))
                if sentence:
                    draft.notes.problems.error(draft.notes.place_of(wording, language), sentence)


def _fault(hole: Placeholder, known: Values, is_any_broken: bool) -> str:
    """A name like no other is not told while a rule is broken that may bring it."""
    shown = f"{{{{{hole.name}}}}}"
    if hole.name in known.later and hole.name not in known.guaranteed and hole.default is None:
        return f"{shown} is known only once its question is answered, and that comes later. Take it out, or ask for it first."
    if hole.name not in known.possible:
        guess = closest(hole.name, known.possible)
        if not guess and (is_any_broken or (known.foreign and hole.default is not None)):
            return ""
        return f"{shown} is not a value that is known here. " + (
            f"Did you mean {{{{{guess}}}}}?" if guess else _declare(hole.name, known)
        )
    if hole.default is None and hole.name not in known.guaranteed:
        return f"{shown} may have no value here. Add a default after a bar, for example {{{{{hole.name}|{_default(hole.name)}}}}}."
    return ""


def _default(name: str) -> str:
    return {"first_name": "there", "name": "there", "next_opening": "soon", "closing_time": "later"}.get(name, "...")


def _declare(name: str, known: Values) -> str:
    if known.foreign:
        return f"Add it to needs, or give it a default: {{{{{name}|...}}}}."
    return f"A slot brings it, such as {{{name}}} in says; a field of the contact is declared by settings: {{contact_fields: [{name}]}}."


def _check_forget(rule: Rule, draft: Draft) -> None:
    fields = (*FIELDS, *sorted(draft.notes.contact_fields))
    for name in rule.then.forget:
        if name not in fields:
            guess = closest(name, fields)
            if not guess and draft.notes.broken:
                continue  # a rule that is broken may set it
            cure = (
                f'Did you mean "{guess}"?'
                if guess
                else f"Delete it, or declare it by settings: {{contact_fields: [{name}]}}."
            )
            draft.notes.problems.warning(
                rule.place,
                f'Rule {rule.name} forgets "{name}", which is no field of the contact that anything sets. {cure}',
            )


# --- names in conditions ------------------------------------------------------------------------------------------------


def _check_tested(draft: Draft, known: Mapping[str, Known]) -> None:
    """``slot``, ``answer`` and ``result`` in a condition name what the rule catches, asks and is told."""
    rules = {rule.name: rule for rule in draft.rules}
    for mention in draft.notes.mentions:
        rule = rules.get(mention.rule)
        if rule is None or mention.kind not in ("slot", "answer", "result"):
            continue
        names = _testable(mention, rule, known[rule.name], draft)
        if names is not None and mention.name not in names:
            draft.notes.problems.error(mention.place, _untestable(mention, rule, sorted(names), draft))


def _testable(mention: Mention, rule: Rule, known: Known, draft: Draft) -> frozenset[str] | None:
    """The names that the condition may have; None where nobody can tell."""
    match mention.kind:
        case "answer":
            return frozenset(question.slot for question in rule.ask)
        case "result":
            connection = draft.connections.get(rule.call)
            if rule.call and connection is None:
                return None  # a connection that is not there was told already
            return frozenset((*connection.results, *connection.may_give) if connection else ())
        case _:
            slots = known.entry.slots.union(*(values.slots for values in known.items))
            return None if known.entry.foreign else slots


def _untestable(mention: Mention, rule: Rule, names: list[str], draft: Draft) -> str:
    guess = closest(mention.name, names)
    if guess:
        cure = f'Did you mean "{guess}"?'
    elif mention.kind == "slot" and any(question.slot == mention.name for question in rule.ask):
        cure = f"It is a question's answer. Write answer: {{{mention.name}: ...}}."
    elif mention.kind == "answer":
        cure = (
            f"It asks {listed(names)}." if names else "It asks nothing. What another rule asked before is a slot here."
        )
    elif mention.kind == "result":
        gives = (
            f"Connection {rule.call} gives {listed(names) or 'nothing'}." if rule.call else "It calls no connection."
        )
        cure = f"{gives} What another rule was told before is a slot here." if not rule.call else gives
    else:
        cure = f"It has {listed(names)}." if names else "Its phrases have none."
    return f'Rule {mention.rule} has no {mention.kind} "{mention.name}". {cure}'


# --- connections --------------------------------------------------------------------------------------------------------


def check_connections(draft: Draft, known: Mapping[str, Known]) -> None:
    """Each rule that calls knows what its connection needs."""
    places = {mention.rule: mention.place for mention in draft.notes.mentions if mention.how == "call"}
    for rule in draft.rules:
        connection = draft.connections.get(rule.call) if rule.name not in draft.notes.broken else None
        if connection is None:
            continue
        values = known[rule.name].call
        holes = [
            part for _, _, phrasing in spoken(connection.url) for part in phrasing if isinstance(part, Placeholder)
        ]
        needs = {hole.name: hole.default is None for hole in holes} | dict.fromkeys(connection.send, False)
        for name, must_be_there in needs.items():
            sentence = _not_there(name, must_be_there, rule, values)
            if sentence:
                draft.notes.problems.error(places.get(rule.name, rule.place), sentence)


def _not_there(name: str, must_be_there: bool, rule: Rule, values: Values) -> str:
    ask = f"Ask for it: ask: {{{name}: {{text: ..., must_be: ...}}}}"
    if name not in values.possible and not values.foreign:
        guess = closest(name, values.possible)
        cure = f"Did you mean {{{{{guess}}}}} there?" if guess else f"{ask}."
        return f"Connection {rule.call} needs {name}, which is not a value that is known in rule {rule.name}. {cure}"
    if must_be_there and name not in values.guaranteed:
        return (
            f"Connection {rule.call} needs {name}, which may have no value in rule {rule.name}. {ask}, "
            f"or give it a default in the url: {{{{{name}|...}}}}."
        )
    return ""


# --- templates ----------------------------------------------------------------------------------------------------------


def check_template_values(draft: Draft, known: Mapping[str, Known]) -> None:
    """Each template that is sent gets every parameter it needs, in every language that may be spoken."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for said in said_by(rule, known[rule.name]):
            if isinstance(said.say, SayTemplate):
                languages = said.condition.languages or rule.condition.languages or frozenset(draft.settings.languages)
                _check_template(said.say, said.values, languages, draft)
    for template in draft.templates.values():
        if template.body is not None:
            names = frozenset(template.parameters)
            _check_text(template.body, Values(names, names), draft)


def _check_template(say: SayTemplate, known: Values, languages: frozenset[str], draft: Draft) -> None:
    template = draft.templates.get(say.template)
    if template is None:
        return
    tell = draft.notes.problems.error
    missing = [
        language
        for language in draft.settings.languages
        if language in languages and language not in template.languages
    ]
    if missing:
        wanted = ", ".join(f"{language}: ..." for language in missing)
        tell(say.place, f"Template {say.template} is not declared in {listed(missing)}. Add {wanted} to its languages.")
    for name, text in say.values.items():
        if name not in template.parameters:
            guess = closest(name, template.parameters)
            cure = f'Did you mean "{guess}"?' if guess else f"It has {listed(template.parameters) or 'none'}."
            tell(text.place, f'Template {say.template} has no parameter "{name}". {cure}')
    for name in template.parameters:
        if name not in say.values and name not in known.guaranteed:
            tell(say.place, _no_value(say.template, name, known))


def _no_value(template: str, name: str, known: Values) -> str:
    why = "may have no value here" if name in known.possible else "is not a value that is known here"
    return (
        f'Template {template} needs {name}, which {why}. Add values: {{{name}: "{{{{{name}|...}}}}"}} with a default.'
    )
