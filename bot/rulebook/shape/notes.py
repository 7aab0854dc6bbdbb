"""What is written down while shaping, for the checks that need to see everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.core.rule import LocalText, Place
from bot.rulebook.problem import Problems

Kind = Literal["rule", "hours", "template", "team", "slot", "holiday", "connection", "canned", "answer", "result"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that something in the files was given."""

    kind: Kind
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that a rule (or a template, where ``rule`` is empty) relies on. ``how`` is the key it stands under."""

    kind: Kind
    name: str
    place: Place
    rule: str
    how: str


@dataclass(slots=True)
class Notes:
    """Everything that shaping found besides the values themselves.

    ``text_places`` finds, by the place of a text, where each of its languages is written. ``broken`` are rules that could not be
    shaped whole: their names count, their contents are not judged further.
    """

    problems: Problems
    languages: tuple[str, ...] = ("en",)
    definitions: list[Definition] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    text_places: dict[Place, Mapping[str, Place]] = field(default_factory=dict)
    contact_fields: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def define(self, kind: Kind, name: str, place: Place) -> None:
        """Note that ``name`` is given here."""
        self.definitions.append(Definition(kind, name, place))

    def names(self, kind: Kind) -> list[str]:
        """All names of that kind, in the order written."""
        return list(dict.fromkeys(definition.name for definition in self.definitions if definition.kind == kind))

    def led_to(self) -> set[str]:
        """The rules that a button, another rule or a reminder leads to."""
        return {mention.name for mention in self.mentions if mention.kind == "rule" and mention.how != "after_rule"}

    def place_of(self, text: LocalText, language: str) -> Place:
        """Where ``text`` is written in ``language``."""
        return self.text_places.get(text.place, {}).get(language, text.place)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the rules something is being shaped: the rule's name, and the languages of the people who may read it."""

    notes: Notes
    rule: str = ""
    languages: tuple[str, ...] = ()

    @property
    def readers(self) -> tuple[str, ...]:
        """The languages a text written here must have."""
        return self.languages or self.notes.languages

    def speaking(self, languages: frozenset[str]) -> Scope:
        """The same place seen by people of ``languages`` only (all, where empty)."""
        kept = tuple(language for language in self.readers if language in languages)
        return replace(self, languages=kept) if kept else self

    def error(self, place: Place, sentence: str) -> None:
        """Note a fault."""
        self.notes.problems.error(place, sentence)

    def warning(self, place: Place, sentence: str) -> None:
        """Note a doubt."""
        self.notes.problems.warning(place, sentence)

    def mention(self, kind: Kind, name: str, place: Place, how: str) -> None:
        """Note that this place relies on ``name``."""
        self.notes.mentions.append(Mention(kind, name, place, self.rule, how))
