"""What people see on their phones: bubbles with ticks, followed by a cursor."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from bot.sinch.emulator.changes import Changes
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.shown import Shown

BUBBLES_KEPT = 200
DECIDING = timedelta(seconds=10)  # an answer takes less; after that the person may believe that none comes
TYPING = timedelta(seconds=25)  # Meta, typing indicators: gone after 25 seconds or with the message
_TICKS = {"QUEUED_ON_CHANNEL": 1, "DELIVERED": 2, "READ": 3}


@dataclass(frozen=True, slots=True)
class Quote:
    """What a bubble answers to: the other bubble in one line, empty where it is no longer known."""

    message_id: str
    mine: bool = False
    line: str = ""


@dataclass(slots=True)
class Bubble:
    """One message on a phone. ``ticks``: 1 sent, 2 delivered, 3 read; ``turn`` grows with each change on that phone.

    The person's own are delivered once a webhook took them. Times are as the API writes them, empty until it happened.
    ``failed`` is the reason's code, ``failed_because`` its sentence and ``failed_channel_code`` WhatsApp's number.
    ``reaction`` is the person's, ``their_reaction`` the business's.
    """

    message_id: str
    mine: bool
    shown: Shown
    at: str
    turn: int
    ticks: int = 0
    failed: str = ""
    reaction: str = ""
    failed_because: str = ""
    failed_channel_code: str = ""
    their_reaction: str = ""
    reply_to: str = ""
    quoted: Quote | None = None
    sent_at: str = ""
    delivered_at: str = ""
    read_at: str = ""

    def resource(self) -> Json:
        """As JSON; ``from`` is ``person`` or ``business``, ``failed`` the reason's code of one that never arrived."""
        return {
            "message_id": self.message_id,
            "from": "person" if self.mine else "business",
            "at": self.at,
            "turn": self.turn,
            "ticks": self.ticks,
            "sent_at": self.sent_at,
            "delivered_at": self.delivered_at,
            "read_at": self.read_at,
            "failed": self.failed,
            "failed_because": self.failed_because,
            "failed_channel_code": self.failed_channel_code,
            "reaction": self.reaction,
            "their_reaction": self.their_reaction,
            "quoted": None if self.quoted is None else asdict(self.quoted),
            **self.shown.resource(),
        }

    def climb(self, status: str, at: str) -> bool:
        """Take a status; False where it is no step up. One that was skipped is implied by the next (Sinch, READ)."""
        ticks = _TICKS.get(status, 0)
        if ticks <= self.ticks:
            return False
        self.ticks = ticks
        self.sent_at = self.sent_at or at
        if ticks >= 2:
            self.delivered_at = self.delivered_at or at
        if ticks >= 3:
            self.read_at = at
        return True


class Phone:
    """One person's chat with one app; the last 200 bubbles.

    ``receipts`` are the statuses that messages to this person get, None as the settings say; without ``read_receipts``
    none of them is READ. ``anything`` counts whatever changes here, dots and name included; ``turn`` bubbles alone.
    """

    def __init__(self) -> None:
        self.receipts: tuple[str, ...] | None = None
        self.anything = Changes()
        self._name = ""
        self._read_receipts = True
        self._waits_since: datetime | None = None
        self._typing_since: datetime | None = None
        self._bubbles: deque[Bubble] = deque(maxlen=BUBBLES_KEPT)
        self._turns = Changes()

    @property
    def turn(self) -> int:
        """Where the phone is now; hand it to ``since``."""
        return self._turns.count

    @property
    def name(self) -> str:
        """The person's profile name, empty until they chose one. Sinch tells it to nobody."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name
        self.anything.happen()

    @property
    def read_receipts(self) -> bool:
        """Whether the person lets others know that they read."""
        return self._read_receipts

    @read_receipts.setter
    def read_receipts(self, shown: bool) -> None:
        self._read_receipts = shown
        self.anything.happen()

    @property
    def waiting_since(self) -> datetime | None:
        """When the person wrote what has no answer yet; None after a bubble of the business."""
        return self._waits_since

    @property
    def dots_until(self) -> datetime | None:
        """Until when three dots are shown unless an answer comes before: 25 seconds after the business said that it
        types, or 10 after the person wrote. None where there is nothing to wait for."""
        ends = []
        if self._waits_since is not None:
            ends.append(self._waits_since + DECIDING)
        if self._typing_since is not None:
            ends.append(self._typing_since + TYPING)
        return max(ends, default=None)

    def statuses(self, usual: tuple[str, ...]) -> tuple[str, ...]:
        """The statuses of a message to this person, where ``usual`` are everybody's."""
        chosen = usual if self.receipts is None else self.receipts
        return chosen if self._read_receipts else tuple(each for each in chosen if each != "READ")

    def add(self, bubble: Bubble) -> None:
        """A bubble appears; one of the business ends the waiting."""
        if bubble.reply_to:
            bubble.quoted = self._quote(bubble.reply_to)
        if not bubble.mine:
            self._waits_since = self._typing_since = None
        self._bubbles.append(bubble)
        self._touch(bubble)

    def waits(self, since: datetime) -> None:
        """The person wrote something that may be answered."""
        self._waits_since = since
        self.anything.happen()

    def types(self, since: datetime | None) -> None:
        """The business says that it types, or, with None, that it stopped."""
        self._typing_since = since
        self.anything.happen()

    def tick(self, message_id: str, status: str, at: str = "") -> None:
        """A bubble's ticks go up, never down."""
        bubble = self.bubble(message_id)
        if bubble is not None and bubble.climb(status, at):
            self._touch(bubble)

    def react(self, message_id: str, emoji: str, by_business: bool = False) -> None:
        """A reaction on a bubble changes: the person's, or the business's."""
        bubble = self.bubble(message_id)
        if bubble is None:
            return
        if by_business:
            bubble.their_reaction = emoji
        else:
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
        await self._turns.after(turn)
        return self.since(turn)

    def resource(self) -> Json:
        """All but the bubbles as JSON."""
        dots_until = self.dots_until
        return {
            "turn": self.turn,
            "version": self.anything.count,
            "name": self.name,
            "read_receipts": self.read_receipts,
            "waiting_since": None if self._waits_since is None else self._waits_since.isoformat(),
            "dots_until": None if dots_until is None else dots_until.isoformat(),
        }

    def _quote(self, message_id: str) -> Quote:
        other = self.bubble(message_id)
        return Quote(message_id) if other is None else Quote(message_id, other.mine, other.shown.line)

    def _touch(self, bubble: Bubble) -> None:
        bubble.turn = self._turns.count + 1
        self._turns.happen()
        self.anything.happen()


class Phones:
    """Every phone, by app and identity. ``appeared`` counts them and wakes whoever waits for a new one."""

    def __init__(self) -> None:
        self.appeared = Changes()
        self._phones: dict[tuple[str, str], Phone] = {}

    def of(self, app_id: str, identity: str) -> Phone:
        """One person's phone; ``identity`` without plus."""
        phone = self._phones.get((app_id, identity))
        if phone is None:
            phone = self._phones[app_id, identity] = Phone()
            self.appeared.happen()
        return phone

    def all(self, app_id: str) -> dict[str, Phone]:
        """The phones that know this app, by identity."""
        return {identity: phone for (app, identity), phone in self._phones.items() if app == app_id}
