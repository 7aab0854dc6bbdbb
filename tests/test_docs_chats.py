"""The conversations that the rule writer's guide shows come out like that, line by line.

A ``chat`` block is played with the rules of the ``yaml`` block before it. A line is what the person writes (``> text``), taps
(``> [title]``), or what happens else, in brackets (``HAPPENINGS``); all other lines are what is then on the phone, with the titles of the
buttons in square brackets. Lines in brackets that start with a word of ``FACTS`` are claims about what is known afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

import pytest

from bot.core.conversation import Conversation
from bot.core.decision import SetPerson, TellBackend
from bot.core.event import ContactKey, SendFailed
from bot.core.reply import LocationReply, MediaReply, Reply, TemplateReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load_files
from bot.rulebook.simulation import Answered, Simulation, Step
from bot.rulebook.suite.happening import SENDABLE, content_of
from bot.rulebook.suite.phone import body_of, template_of, titles_of
from bot.rulebook.suite.run import READING, known_of, starts_at
from bot.rulebook.suite.test import Given, Gives
from tests.pages import RULES_PAGES, Block, blocks
from tests.test_docs_examples import shop_around

VALUES = r"((?: \w+=\S+)+)"
HAPPENINGS: Mapping[str, str] = {
    "waits": r"\((\d+) (second|minute|hour|day)s? later\)",
    "jumps": r"\(it is (\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)\)",
    "found": rf"\((\w+) finds it:{VALUES}\)",
    "not_found": r"\((\w+) does not find it\)",
    "failed": r"\((\w+) does not answer\)",
    "event": rf"\(event ([\w.]+){VALUES}?\)",
    "gives": r"\(sends (\w+)(?:: (.+))?\)",
    "fills": rf"\(fills in the form:{VALUES}\)",
    "reacts": r"\(puts (\S+) on the message\)",
    "fails": r"\(the message never arrives\)",
}
FACTS: Mapping[str, str] = {
    "silent": r"\(no answer\)",
    "answering": r"\((\w+) answers from now on\)",
    "bot_again": r"\(the bot answers again\)",
    "tagged": r"\(tagged (\w+)\)",
    "untagged": r"\(no longer tagged (\w+)\)",
    "kept": r"\(kept: (\w+) = (.+)\)",
    "forgotten": r"\(forgotten: (\w+)\)",
    "told": rf"\(told: ([\w.]+){VALUES}?\)",
    "closed": r"\(the question is closed\)",
}
BEGINNINGS: Mapping[str, str] = {
    "language": r"\(the person reads (\w+)\)",
    "first_contact": r"\(the person never wrote before\)",
    "window": r"\(the person was silent for a day\)",
}


def chats() -> Iterator[tuple[Block, Block]]:
    """Each chat with the rules it is played with."""
    for page in RULES_PAGES:
        rules: Block | None = None
        for block in blocks(page):
            if block.info == "yaml":
                rules = block
            elif block.info == "chat":
                assert rules is not None, f"{block} has no rules above it"
                yield rules, block


CHATS = list(chats())


class Playing:
    """A conversation as it goes on."""

    def __init__(self, rulebook: Rulebook, beginning: Mapping[str, str]) -> None:
        given = Given(
            language=beginning.get("language", ""),
            first_contact="first_contact" in beginning,
            window="closed" if "window" in beginning else "",
            now=datetime.fromisoformat(beginning["jumps"]) if "jumps" in beginning else None,
        )
        start = starts_at(given, rulebook)
        known: Conversation = known_of(given, ContactKey("docs", "WHATSAPP", "46701740605"), 1, start)
        self.person = Simulation(Rulebooks(rulebook), start, known, name="docs")
        self.rulebook = rulebook
        self.seen = Step()
        self._began = False

    def does(self, line: str) -> bool:
        """Do what the line says; False where it says nothing that happens."""
        if line.startswith("> "):
            self._pause()
            tapped = re.fullmatch(r"> \[(.+)\]", line)
            self.seen = self.seen.then(self.person.taps(tapped[1]) if tapped else self.person.says(line[2:]))
            return True
        for name, shape in HAPPENINGS.items():
            if found := re.fullmatch(shape, line):
                act: Callable[..., Step] = getattr(self, f"_{name}")
                self.seen = act(*(each or "" for each in found.groups()))
                return True
        return False

    def holds(self, line: str) -> bool:
        """Whether a claim in brackets is true; False where it is none."""
        for name, shape in FACTS.items():
            if found := re.fullmatch(shape, line):
                check: Callable[..., bool] = getattr(self, f"_is_{name}")
                return check(*(each or "" for each in found.groups()))
        return False

    def shown(self) -> list[str]:
        return [line_of(each.reply, self.rulebook) for each in self.seen.shown]

    def _pause(self) -> None:
        """The moment in which a person reads, shorter than any connection may take; what falls into it belongs to what comes then."""
        pause = timedelta(seconds=1) if self.person.open_call is not None else READING
        self.seen = self.person.later(pause) if self._began else Step()
        self._began = True

    def _waits(self, count: str, unit: str) -> Step:
        self._began = True
        return self.person.later(timedelta(**{f"{unit}s": int(count)}))

    def _jumps(self, when: str) -> Step:
        at = starts_at(Given(now=datetime.fromisoformat(when)), self.rulebook)
        return self.person.later(at - self.person.now) if at > self.person.now else Step()

    def _found(self, connection: str, values: str) -> Step:
        return self._answers(connection, Answered("found", pairs(values)))

    def _not_found(self, connection: str) -> Step:
        return self._answers(connection, Answered("not_found"))

    def _failed(self, connection: str) -> Step:
        return self._answers(connection, Answered("failed", why="It did not answer."))

    def _answers(self, connection: str, answered: Answered) -> Step:
        assert self.person.open_call is not None, f"nobody asks {connection}"
        assert self.person.open_call.connection == connection
        return self.person.answers(answered)

    def _event(self, name: str, values: str) -> Step:
        return self.person.event(name, pairs(values))

    def _gives(self, kind: str, caption: str) -> Step:
        assert kind in SENDABLE
        self._pause()
        return self.seen.then(self.person.sends(content_of(Gives(kind, caption))))

    def _fills(self, values: str) -> Step:
        self._pause()
        return self.seen.then(self.person.sends(content_of(Gives("flow", fields=pairs(values)))))

    def _reacts(self, emoji: str) -> Step:
        return self.person.reacts(emoji)

    def _fails(self) -> Step:
        last = self.person.on_phone.pop()
        contact, now = self.person.conversation.contact, self.person.now
        return self.person.happens(SendFailed("failed", contact, last.rule, "1", now, now))

    def _is_silent(self) -> bool:
        return not self.seen.shown

    def _is_answering(self, team: str) -> bool:
        return self.person.conversation.state.in_charge == team

    def _is_bot_again(self) -> bool:
        return not self.person.conversation.state.in_charge

    def _is_tagged(self, tag: str) -> bool:
        return tag in self.person.conversation.person.tags

    def _is_untagged(self, tag: str) -> bool:
        removed = (
            tag in effect.tags_removed
            for each in self.seen.decided
            for effect in each.decision.effects
            if isinstance(effect, SetPerson)
        )
        return any(removed) and not self._is_tagged(tag)

    def _is_kept(self, name: str, value: str) -> bool:
        return self.person.conversation.person.fields.get(name) == value

    def _is_forgotten(self, name: str) -> bool:
        before = any(name in each.conversation.person.fields for each in self.seen.decided)
        return before and name not in self.person.conversation.person.fields

    def _is_told(self, name: str, values: str) -> bool:
        effects = (effect for each in self.seen.decided for effect in each.decision.effects)
        told = [effect for effect in effects if isinstance(effect, TellBackend) and effect.name == name]
        return bool(told) and pairs(values).items() <= told[-1].values.items()

    def _is_closed(self) -> bool:
        return (
            any(each.conversation.state.question is not None for each in self.seen.decided)
            and self.person.conversation.state.question is None
        )


def pairs(values: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in values.split())


def line_of(reply: Reply, rulebook: Rulebook) -> str:
    """A message as the guide writes it: its words, what it is besides words, and its buttons."""
    match reply:
        case TemplateReply():
            kind = f"(template {template_of(reply, rulebook)}) "
        case MediaReply(kind=media):
            kind = f"({media}) "
        case LocationReply():
            kind = "(location) "
        case _:
            kind = ""
    return " ".join([f"{kind}{body_of(reply)}".strip(), *(f"[{title}]" for title in titles_of(reply))])


def beginning_of(lines: list[str]) -> dict[str, str]:
    """What is so before anything happens."""
    shapes = {**BEGINNINGS, "jumps": HAPPENINGS["jumps"]}
    found = {}
    for line in takewhile(lambda line: any(re.fullmatch(shape, line) for shape in shapes.values()), lines):
        name, match = next((name, match) for name, shape in shapes.items() if (match := re.fullmatch(shape, line)))
        found[name] = match[1] if match.groups() else "yes"
    return found


def played(rules: Block, chat: str) -> str:
    """The chat as it really comes out: its own lines where they are true, and what is on the phone."""
    reading = load_files(shop_around(rules))
    assert reading.rulebook is not None, [str(each) for each in reading.problems]
    lines = chat.splitlines()
    beginning = beginning_of(lines)
    playing = Playing(reading.rulebook, beginning)
    found = lines[: len(beginning)]
    for line in lines[len(beginning) :]:
        if playing.does(line):
            found += [line, *playing.shown()]
        elif line.startswith("("):
            found += [line] if playing.holds(line) else []
    return "".join(f"{line}\n" for line in found)


@pytest.mark.parametrize(("rules", "chat"), CHATS, ids=[str(chat) for _, chat in CHATS])
def test_a_chat_comes_out_as_shown(rules: Block, chat: Block) -> None:
    shown, out = chat.text, played(rules, chat.text)
    # A message that is no words but a file, a place or a template starts with a bracket, too.
    claims = [line for line in shown.splitlines() if line.startswith("(") and line not in out.splitlines()]
    assert claims == []
    assert out == shown


def test_chats_show_everything_that_can_happen() -> None:
    lines = [line for _, chat in CHATS for line in chat.text.splitlines()]
    shapes = {**HAPPENINGS, **FACTS, **BEGINNINGS}
    unused = [name for name, shape in shapes.items() if not any(re.fullmatch(shape, line) for line in lines)]
    assert unused == []
    assert len(CHATS) >= 25


@pytest.mark.parametrize(
    "wrong",
    [
        "> Is there parking?\nSomething else.\n",
        "> parking\n(no answer)\n",
        "> parking\n(tagged vip)\n",
        "> qwerty\nHello!\n",
    ],
)
def test_a_chat_that_is_not_true_is_noticed(wrong: str) -> None:
    rules, _ = CHATS[0]
    assert played(rules, wrong) != wrong
