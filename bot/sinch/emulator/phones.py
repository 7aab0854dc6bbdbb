"""What people see on their phones: bubbles with ticks, followed by a cursor."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.render import Shown

BUBBLES_KEPT = 200
_TICKS = {"QUEUED_ON_CHANNEL": 1, "DELIVERED": 2, "READ": 3}


@dataclass(slots=True)
class Bubble:
    """One message on a phone. ``ticks``: 1 sent, 2 delivered, 3 read; ``turn`` grows with each change on that phone."""

    message_id: str
    mine: bool
    shown: Shown
    at: str
    turn: int
    ticks: int = 0
    failed: str = ""
    reaction: str = ""

    def resource(self) -> Json:
        """As JSON; ``from`` is ``person`` or ``business``, ``failed`` the reason's code of one that never arrived."""
        return {
            "message_id": self.message_id,
            "from": "person" if self.mine else "business",
            "at": self.at,
            "turn": self.turn,
            "ticks": self.ticks,
            "failed": self.failed,
            "reaction": self.reaction,
            **self.shown.resource(),
        }


class Phone:
    """One person's chat with one app; the last 200 bubbles."""

    def __init__(self) -> None:
        self.receipts: tuple[str, ...] | None = None
        self._bubbles: deque[Bubble] = deque(maxlen=BUBBLES_KEPT)
        self._turn = 0
        self._changed: asyncio.Event | None = None

    @property
    def turn(self) -> int:
        """Where the phone is now; hand it to ``since``."""
        return self._turn

    def add(self, bubble: Bubble) -> None:
        """A bubble appears."""
        self._bubbles.append(bubble)
        self._touch(bubble)

    def tick(self, message_id: str, status: str) -> None:
        """A bubble's ticks go up, never down."""
        bubble = self.bubble(message_id)
        if bubble is not None and _TICKS.get(status, 0) > bubble.ticks:
            bubble.ticks = _TICKS[status]
            self._touch(bubble)

    def react(self, message_id: str, emoji: str) -> None:
        """The person's reaction on a bubble changes."""
        bubble = self.bubble(message_id)
        if bubble is not None:
            bubble.reaction = emoji
            self._touch(bubble)

    def bubble(self, message_id: str) -> Bubble | None:
        """The bubble of a message, or None."""
        return next((one for one in reversed(self._bubbles) if one.message_id == message_id), None)

    def bubbles(self) -> list[Bubble]:
        """All of them, oldest first."""
        return list(self._bubbles)

    def since(self, turn: int) -> list[Bubble]:
        """The bubbles that appeared or changed after ``turn``, oldest first."""
        return [bubble for bubble in self._bubbles if bubble.turn > turn]

    async def changes(self, turn: int) -> list[Bubble]:
        """The same, waiting until there is one."""
        while self._turn <= turn:
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        return self.since(turn)

    def _touch(self, bubble: Bubble) -> None:
        self._turn += 1
        bubble.turn = self._turn
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class Phones:
    """Every phone, by app and identity."""

    def __init__(self) -> None:
        self._phones: dict[tuple[str, str], Phone] = {}

    def of(self, app_id: str, identity: str) -> Phone:
        """One person's phone; ``identity`` without plus."""
        phone = self._phones.get((app_id, identity))
        if phone is None:
            phone = self._phones[app_id, identity] = Phone()
        return phone

    def all(self, app_id: str) -> dict[str, Phone]:
        """The phones that know this app, by identity."""
        return {identity: phone for (app, identity), phone in self._phones.items() if app == app_id}
