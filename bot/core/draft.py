"""A decision in the making: what the layers fill in, one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.conversation import Echo, OpenCall, OpenFlow, OpenQuestion, ShownOption, State
from bot.core.decision import Call, ChangeConsent, Considered, DropTimer, Send, SetTimer, TellBackend
from bot.core.rule import QuietTime
from bot.core.rulebook import Rulebooks
from bot.core.scene import Scene


@dataclass(slots=True)
class Draft:
    """What the layers fill in, one after another; ``bot.core.decide`` makes the decision of it.

    ``answers``: a person wrote, so somebody must answer. ``expired_at``: the end of that message's own window where it is over already;
    nothing free-form may answer it. ``excused``: nothing more is owed (say_nothing, a colleague, a message kept for later …).
    ``in_trouble``: something should have left and cannot, so a person must look. ``pinned``: the older rulebook that took part, or 0.
    ``quiet``: when the rule that is being followed holds back what the bot starts. ``held``: the message waits for a call's answer.
    """

    scene: Scene
    rulebooks: Rulebooks
    answers: bool
    expired_at: datetime | None
    misses: int
    missed_at: datetime | None
    options: tuple[ShownOption, ...]
    question: OpenQuestion | None
    in_charge: str
    in_charge_until: datetime | None
    in_charge_for: timedelta
    hint: str
    call: OpenCall | None
    flow: OpenFlow | None
    reminders: tuple[str, ...]
    near_miss: bool
    language: str = ""
    layer: str = "none"
    sends: list[Send] = field(default_factory=list)
    changes: tuple[ChangeConsent, ...] = ()
    considered: list[Considered] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    case: int = -1
    handed_over: bool = False
    excused: bool = False
    in_trouble: bool = False
    fell_back: bool = False
    echoes: tuple[Echo, ...] = ()
    calls: tuple[Call, ...] = ()
    timers: tuple[SetTimer | DropTimer, ...] = ()  # the last of each name counts
    tells: tuple[TellBackend, ...] = ()
    pinned: int = 0
    quiet: QuietTime | None = None
    held: bool = False

    def note(self, sentence: str) -> None:
        """Keep a plain sentence for whoever asks why."""
        self.scene.notes.append(sentence)

    def understood(self) -> None:
        """A message meant something to us: misses no longer count in a row. Events and reactions count for nothing here."""
        if self.answers:
            self.misses, self.missed_at = 0, None


def draft_of(scene: Scene, rulebooks: Rulebooks, state: State, answers: bool, expired_at: datetime | None) -> Draft:
    """A draft that begins where ``state`` left off."""
    return Draft(
        scene,
        rulebooks,
        answers,
        expired_at,
        state.misses,
        state.missed_at,
        state.options,
        state.question,
        state.in_charge,
        state.in_charge_until,
        state.in_charge_for,
        state.hint,
        state.call,
        state.flow,
        state.reminders,
        state.near_miss,
        echoes=state.echoes,
    )
