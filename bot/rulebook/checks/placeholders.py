"""Placeholders: each name is known where it stands, and has a default where its value is not guaranteed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.core.rule import LocalText, Placeholder, Rule, SayTemplate
from bot.rulebook.checks.says import parts, said_by
from bot.rulebook.checks.values import Values, within
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.book import Draft
from bot.rulebook.shape.notes import Mention


def check_placeholders(draft: Draft, values: Mapping[str, Values]) -> None:
    """Unknown names, and values that may be missing and have no default."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for text, known in _texts(rule, values[rule.name], draft):
            _check_text(text, known, draft)
    _check_slots(draft, values)
    for text in _everywhere(draft):
        _check_text(text, Values(possible=frozenset({"today", *draft.notes.contact_fields})), draft)


def _texts(rule: Rule, values: Values, draft: Draft) -> Iterator[tuple[LocalText, Values]]:
    for said in said_by(rule):
        known = within(values, said.condition, draft)
        yield from ((part.text, known) for part in parts(said.say))
    yield from ((text, values) for text in rule.then.set.values())


def _everywhere(draft: Draft) -> Iterator[LocalText]:
    """Texts that no rule says: nothing is known there but the contact."""
    consent = draft.consent
    texts = (consent.stop_reply, consent.start_reply, consent.near_miss_text, draft.settings.option_gone)
    yield from (text for text in texts if text is not None)


def _check_text(text: LocalText, known: Values, draft: Draft) -> None:
    for language, phrasing in text.by_language.items():
        for part in phrasing:
            if isinstance(part, Placeholder):
                sentence = _fault(part, known)
                if sentence:
                    draft.notes.problems.error(draft.notes.place_of(text, language), sentence)


def _fault(hole: Placeholder, known: Values) -> str:
    shown = f"{{{{{hole.name}}}}}"
    if hole.name not in known.possible:
        guess = closest(hole.name, known.possible)
        if known.foreign and hole.default is not None and not guess:
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


def _check_slots(draft: Draft, values: Mapping[str, Values]) -> None:
    """``slot`` in a condition names a slot of the rule's own phrases."""
    for mention in draft.notes.mentions:
        known = values.get(mention.rule)
        if mention.kind == "slot" and known is not None and not known.foreign and mention.name not in known.slots:
            draft.notes.problems.error(mention.place, _unknown_slot(mention, sorted(known.slots)))


def _unknown_slot(mention: Mention, known: list[str]) -> str:
    guess = closest(mention.name, known)
    cure = f'Did you mean "{guess}"?' if guess else f"It has {listed(known)}." if known else "Its phrases have none."
    return f'Rule {mention.rule} has no slot "{mention.name}". {cure}'


def check_template_values(draft: Draft, values: Mapping[str, Values]) -> None:
    """Each template that is sent gets every parameter it needs, in every language that may be spoken."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for said in said_by(rule):
            if isinstance(said.say, SayTemplate):
                languages = said.condition.languages or rule.condition.languages or frozenset(draft.settings.languages)
                _check_template(said.say, within(values[rule.name], said.condition, draft), languages, draft)
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
