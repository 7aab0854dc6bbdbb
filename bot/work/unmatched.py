"""From messages that nobody understood to an edit: alike ones together, the most frequent first, each group with a rule to paste."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from bot.core.event import InboundMessage, Media, Text
from bot.core.hearing import message_text
from bot.core.language import language_of
from bot.core.rulebook import Rulebook
from bot.core.text import Words, normalise
from bot.store.units import TraceView
from bot.work.inbox import Deciding
from bot.work.replay import Kept, keep

ALIKE = 70.0  # of 100: how much of the words that mean something two messages must share to be one group
EXAMPLES_MOST = 5
COMMON_MOST = 4  # words of a suggested phrase
HELD_BY_MOST = 0.6  # of a group's messages hold the phrase that is suggested for it
_TEXTS_LOOKED_AT = 50
_COMPARED_MOST = 400  # groups that a message is compared with, the largest first
_WITHOUT_MEANING = frozenset(
    "a an the and or of to in on at is are am was i you we it my your our me do does can could would will please hi hello hey"
    " thanks thank for"
    " en ett och eller av till i på är jag du vi det den min din er mig kan skulle ska snälla hej tack för har ni"
    " der die das und oder ist sind ich du wir es mein dein bitte hallo danke für haben sie"
    " le la les un une et ou de je tu vous nous il est sont mon votre svp bonjour merci pour".split()
)


@dataclass(slots=True)
class Group:
    """Messages that are alike. ``texts`` counts each wording as typed; ``keys`` are the words of the first, ``gist`` those that count."""

    language: str
    keys: tuple[str, ...]
    plain: str
    gist: str
    texts: Counter[str] = field(default_factory=Counter)
    people: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many messages there are."""
        return self.texts.total()

    @property
    def examples(self) -> list[str]:
        """The wordings that came most often."""
        return [text for text, _ in self.texts.most_common(EXAMPLES_MOST)]


def missed(traces: Iterable[TraceView], deciding: Deciding) -> Iterator[Kept]:
    """What fell to ``nothing_matched``."""
    for trace in traces:
        if trace.layer == "nothing_matched" and (kept := keep(trace, deciding)) is not None:
            yield kept


def grouped(missed_: Iterable[Kept], rulebook: Rulebook) -> list[Group]:
    """The groups, the most frequent first; messages without words are left out."""
    groups: list[Group] = []
    by_plain: dict[tuple[str, str], Group] = {}
    for kept in missed_:
        text = _words_of(kept)
        words = normalise(text)
        if not words.keys:
            continue
        language = language_of(kept.conversation, rulebook.settings)
        group = by_plain.get((language, words.plain)) or _alike(_gist(words), language, groups)
        if group is None:
            group = Group(language, words.keys, words.plain, _gist(words))
            groups.append(group)
        by_plain[language, words.plain] = group
        group.texts[" ".join(text.split())] += 1
        group.people.add(kept.trace.person)
    return sorted(groups, key=lambda group: (-group.count, group.plain))


def _words_of(kept: Kept) -> str:
    event = kept.event
    if not isinstance(event, InboundMessage) or not isinstance(event.content, Text | Media):
        return ""
    return message_text(event.content)


def _gist(words: Words) -> str:
    """The words that mean something, whatever their order; all of them where none does."""
    return " ".join(sorted(key for key in words.keys if key not in _WITHOUT_MEANING) or words.keys)


def _alike(gist: str, language: str, groups: Sequence[Group]) -> Group | None:
    best, likeness = None, ALIKE
    for group in sorted(groups, key=lambda group: -group.count)[:_COMPARED_MOST]:
        if group.language == language:
            found = fuzz.ratio(gist, group.gist, score_cutoff=likeness)
            if found >= likeness:
                best, likeness = group, found
    return best


# --- a rule to paste ----------------------------------------------------------------------------------------------------


def phrase_for(group: Group) -> str:
    """The row of words that says most and that most of the group's messages hold; the whole of the first message where there is none."""
    texts = [(normalise(text).plain, count) for text, count in group.texts.most_common(_TEXTS_LOOKED_AT)]
    enough = sum(count for _, count in texts) * HELD_BY_MOST
    best, best_rank = group.plain, (0, 0, 0)
    for row in _rows(plain for plain, _ in texts):
        held_by = sum(count for plain, count in texts if f" {row} " in f" {plain} ")
        meaning = [word for word in row.split(" ") if word not in _WITHOUT_MEANING]
        rank = (len(meaning), -row.count(" "), held_by)
        if meaning and held_by >= enough and rank > best_rank:
            best, best_rank = row, rank
    return best


def _rows(texts: Iterable[str]) -> Iterator[str]:
    """Every row of one to four words that stand next to each other, once."""
    seen: set[str] = set()
    for plain in texts:
        words = plain.split(" ")
        for start in range(len(words)):
            for end in range(start + 1, min(start + COMMON_MOST, len(words)) + 1):
                row = " ".join(words[start:end])
                if row not in seen:
                    seen.add(row)
                    yield row


def rule_for(group: Group, rulebook: Rulebook) -> str:
    """A rule in YAML, ready to paste; its reply is left to be written."""
    phrase = phrase_for(group)
    examples = ", ".join(_quoted(text) for text in group.examples if _hears(phrase, text))
    several = len(rulebook.settings.languages) > 1
    says = f"{{{group.language}: [{_quoted(phrase)}]}}" if several else f"[{_quoted(phrase)}]"
    texts = ", ".join(f'{language}: "..."' for language in rulebook.settings.languages)
    reply = f"{{{texts}}}" if several else '"..."'
    name = _name(phrase, rulebook)
    return (
        f"- name: {name}\n  when: {{says: {says}}}\n  reply: {{text: {reply}}}\n  examples: {{match: [{examples}]}}\n"
    )


def _hears(phrase: str, text: str) -> bool:
    return f" {phrase} " in f" {normalise(text).plain} "


def _name(phrase: str, rulebook: Rulebook) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", phrase).strip("_")[:40] or "new_rule"
    name, count = plain, 2
    while name in rulebook.by_name:
        name, count = f"{plain}_{count}", count + 1
    return name


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
