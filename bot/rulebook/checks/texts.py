"""Every text that the rules may say, with its limit and with what is known where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.core.phrasing import Phrasing
from bot.core.reply import BODY_MAX, TEXT_MAX
from bot.core.rule import Condition, Rule, Say
from bot.rulebook.checks.says import Part, parts, question_parts, spoken
from bot.rulebook.checks.values import FIELDS, Known, Values
from bot.rulebook.shape.book import Draft

_WRITTEN: Final = {  # by what a part is called: the texts that are written for people to read
    "This text": "The reply",
    "The text with buttons": "The reply",
    "The text with a link": "The reply",
    "The question": "The question",
    "The text of if_wrong": "The text of if_wrong",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a rule, the conditions under which it is said, and what is known then."""

    say: Say
    condition: Condition
    values: Values


def said_by(rule: Rule, known: Known) -> Iterator[Said]:
    """Every message the rule can send but its questions, ``if_closed`` included."""
    for item, values in zip(rule.reply, known.items, strict=True):
        for say in item.says:
            yield Said(say, item.condition, values)
        if item.if_closed is not None and item.if_closed.template is not None:
            yield Said(item.if_closed.template, item.condition, values)
    if rule.if_closed is not None and rule.if_closed.template is not None:
        yield Said(rule.if_closed.template, Condition(), known.closed)


def texts_of(rule: Rule, known: Known) -> Iterator[tuple[Part, Values]]:
    """Every text of the rule's messages and questions."""
    for said in said_by(rule, known):
        yield from ((part, said.values) for part in parts(said.say))
    for question, values in zip(rule.ask, known.questions, strict=True):
        yield from ((part, values) for part in question_parts(question))


def texts_of_no_rule(draft: Draft) -> Iterator[tuple[Part, Values]]:
    """Texts that no rule says: nothing is known there but the contact and the day."""
    values = Values(frozenset({"today"}), frozenset({"today", *FIELDS, *draft.notes.contact_fields}))
    consent, settings = draft.consent, draft.settings
    plain = (
        consent.stop_reply,
        consent.start_reply,
        settings.option_gone,
        settings.cancel_text,
        *draft.canned.values(),
    )
    yield from ((Part(text, "This text", TEXT_MAX), values) for text in plain if text is not None)
    if consent.near_miss_text is not None:
        yield Part(consent.near_miss_text, "The text with buttons", BODY_MAX), values


def check_written(draft: Draft, known: Mapping[str, Known]) -> None:
    """Texts that were left to be written, as in a rule that was pasted from a proposal: people would get the dots."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for part, _ in texts_of(rule, known[rule.name]):
            if part.what not in _WRITTEN:
                continue
            for text, language, phrasing in spoken(part.text):
                if _is_left(phrasing):
                    draft.notes.problems.error(
                        draft.notes.place_of(text, language),
                        f'{_WRITTEN[part.what]} of rule {rule.name} is only "...": write what people are to read.',
                    )


def _is_left(phrasing: Phrasing) -> bool:
    """Whether it is dots and nothing else."""
    if any(not isinstance(part, str) for part in phrasing):
        return False
    text = "".join(part for part in phrasing if isinstance(part, str))
    return bool(text.strip()) and not text.replace(".", "").replace("\u2026", "").strip()
