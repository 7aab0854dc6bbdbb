"""Templates as staff declared them beside how they stand at WhatsApp: what would not leave, and which rules rely on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.core.approved import ApprovedTemplate
from bot.core.rule import Rule, SayTemplate
from bot.core.rulebook import Rulebook, Template
from bot.core.text import normalise
from bot.rulebook.problem import Problem, closest, listed

_WHY = {
    "PAUSED": "WhatsApp paused it because of bad feedback",
    "DISABLED": "WhatsApp disabled it",
    "REJECTED": "WhatsApp rejected it",
    "PENDING": "WhatsApp has not looked at it yet",
}


def compared(rulebook: Rulebook, approved: Sequence[ApprovedTemplate]) -> tuple[Problem, ...]:
    """What is to be said, by place: an error where WhatsApp would refuse what we send, a warning where that may change by itself."""
    by_name: dict[str, dict[str, ApprovedTemplate]] = {}
    for each in approved:
        by_name.setdefault(each.name, {})[each.language] = each
    users = _users(rulebook.rules)
    found = (
        problem
        for template in rulebook.templates.values()
        if not template.omni
        for problem in _look_at(template, by_name, users.get(template.name, ()))
    )
    return tuple(sorted(found, key=lambda problem: problem.place))


def _look_at(
    template: Template, by_name: Mapping[str, Mapping[str, ApprovedTemplate]], rules: Sequence[str]
) -> Iterator[Problem]:
    known = by_name.get(template.name)
    if known is None:
        guess = closest(template.name, by_name)
        cure = f'Did you mean "{guess}"?' if guess else "Have it approved at WhatsApp, or take it out."
        yield Problem(template.place, f"WhatsApp has no template {template.name}{_used(rules)}. {cure}")
        return
    for language in dict.fromkeys(template.languages.values()):
        approved = known.get(language)
        if approved is None:
            have = listed(sorted(known)) or "none"
            yield Problem(
                template.place,
                f"Template {template.name} is not at WhatsApp in {language}{_used(rules)}; it has {have}. "
                "Have that language approved, or name one of these.",
            )
        else:
            yield from _language(template, approved, rules)


def _language(template: Template, approved: ApprovedTemplate, rules: Sequence[str]) -> Iterator[Problem]:
    named = f"Template {template.name} in {approved.language}"
    if approved.state != "APPROVED":
        why = _WHY.get(approved.state, f"its state at WhatsApp is {approved.state}")
        reason = f" ({approved.reason})" if approved.reason else ""
        yield Problem(
            template.place,
            f"{named} cannot be sent: {why}{reason}{_used(rules)}. Mend it at WhatsApp, or use another one meanwhile.",
            "warning",
        )
    if approved.parameters != len(template.parameters):
        yield Problem(
            template.place,
            f"{named} takes {_values(approved.parameters)} at WhatsApp, and {len(template.parameters)} are declared. "
            "Name them in WhatsApp's order under parameters.",
        )
    if approved.other_keys:
        yield Problem(
            template.place,
            f"{named} also needs {listed(approved.other_keys)}, which Parley does not fill in. "
            "Use a template whose header and buttons are the same for everybody.",
        )
    if approved.category and approved.category != template.category:
        yield Problem(
            template.place,
            f"{named} is {approved.category} at WhatsApp, and declared as {template.category}. Write category: {approved.category}.",
            "warning",
        )
    yield from _buttons(template, approved, named)


def _buttons(template: Template, approved: ApprovedTemplate, named: str) -> Iterator[Problem]:
    declared = tuple(normalise(each.title).plain for each in template.buttons)
    at_whatsapp = tuple(normalise(title).plain for title in approved.quick_replies)
    if declared and len(declared) != len(at_whatsapp):
        have = listed([f'"{title}"' for title in approved.quick_replies]) or "none"
        yield Problem(
            template.place,
            f"{named} has the quick replies {have} at WhatsApp, and {len(declared)} are declared. Name them all, in that order.",
        )


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


def _used(rules: Sequence[str]) -> str:
    return f" (used by {listed(rules)})" if rules else ""


def _users(rules: Iterable[Rule]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for rule in rules:
        for name in dict.fromkeys(_templates_of(rule)):
            found.setdefault(name, []).append(rule.name)
    return found


def _templates_of(rule: Rule) -> Iterator[str]:
    for item in rule.reply:
        yield from (say.template for say in item.says if isinstance(say, SayTemplate))
    for closed in (rule.if_closed, *(item.if_closed for item in rule.reply)):
        if closed is not None and closed.template is not None:
            yield closed.template.template
