"""Storms: messages of every kind through every fault in every phase, while people say STOP, windows close, receipts come early, late, out
of order or never, and the sender dies again and again. Then the weather clears, everything comes to its end, and the oracle is asked.

The same seed gives the same weather and the same acts; what the machine itself deals, the order of things that happen at once, may differ.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from bot.core.delivery import OutboxState
from bot.core.event import ContactKey
from bot.core.reply import is_template
from bot.sinch.emulator import EmulatorSettings
from bot.store.units import MessageView, Order
from tests.faults.proxy import APP, EVERY, LISTING, LISTINGS, REJECTIONS, TOKEN, TOKENS, UNKNOWN, UNPROVED, Fault
from tests.faults.road import FINAL, Road, person, road_in
from tests.faults.witness import MARGIN, WINDOW
from tests.oracle import judge
from tests.prove.proof import Share
from tests.store.making import TEMPLATE, order

MESSAGES: Final = 50  # of one storm
PEOPLE: Final = 12
AT_ONCE: Final = 3  # storms: one waits for a time-out while another works
TIMEOUT_S: Final = 0.3
CLEARS_WITHIN: Final = 400  # steps
SEND_FAULTS: Final = (*EVERY, *REJECTIONS, *UNPROVED)

_Receipts = Literal["prompt", "late", "jumbled", "never"]
_RECEIPTS: Final[tuple[_Receipts, ...]] = ("never", "prompt", "late", "jumbled")


@dataclass(frozen=True, slots=True)
class Weather:
    """How one storm is. ``chances``: how often a send, a listing, a token and a connection go wrong; ``faults`` befall sends."""

    receipts: _Receipts
    kept_days: int
    chances: tuple[float, float, float, float]
    faults: Sequence[Fault]

    @classmethod
    def drawn(cls, dice: random.Random, number: int) -> Weather:
        """That of the ``number``-th storm: some things take turns, so that a few storms have seen all of them.

        Half of the storms have few faults, which so come again and again; in the first one only a second try helps.
        """
        first = number % len(_RECEIPTS) == 0
        few = dice.random() < 0.5
        faults = (*dice.choices(UNKNOWN, k=3), *dice.choices(SEND_FAULTS, k=2)) if few else SEND_FAULTS
        chances = (
            dice.uniform(0.3, 0.95),
            (0.0, 0.9, 0.3)[number % 3],
            (0.3, 0.0, 0.7)[number % 3],
            (0.2, 0.0)[number % 2],
        )
        return cls(_RECEIPTS[number % len(_RECEIPTS)], 0 if first else dice.choice((0, 1)), chances, faults)

    def delay_of(self, dice: random.Random) -> float | None:
        """When the next receipt is told, in seconds."""
        match self.receipts:
            case "prompt":
                return 0.0
            case "never":
                return None
            case "late":
                return dice.uniform(1, 200)
            case "jumbled":
                return dice.choice((None, 0.0, dice.uniform(1, 200)))


@dataclass
class Storm:
    """One of them, on a road of its own."""

    road: Road
    weather: Weather
    dice: random.Random
    ids: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    async def rage(self, size: int) -> None:
        """``size`` messages are asked for, and things happen."""
        for number in range(PEOPLE):
            if self.dice.random() < 0.7:
                await self._writes(person(number), "hi")
        self._blow(1.0)
        while len(self.ids) < size:
            most = min(6, size - len(self.ids))
            self.ids += await self.road.ask([self._order() for _ in range(self.dice.randint(1, most))])
            await self._breathe()
            await self._act()
            await self._pass(self.dice.uniform(1, 40))
        for _ in range(self.dice.randint(10, 30)):
            await self._act()
            await self._pass(self.dice.uniform(10, 40))

    async def clear(self) -> list[MessageView]:
        """The weather is fine again, whoever is awaited writes, and everything comes to its end."""
        road = self.road
        self._blow(0.0)
        await road.idle()
        await road.ear.deliver(everything=True)
        road.ear.hesitates = lambda: False
        views: list[MessageView] = []
        for _ in range(CLEARS_WITHIN):
            await road.steps(1)
            views = await asyncio.gather(*(road.view(each) for each in self._all_ids()))
            waiting = {view.contact for view in views if view.state is OutboxState.WAITING}
            for who in waiting:
                await self._writes(who, "hi", ago_s=0)
            if not waiting and all(view.state in FINAL for view in views):
                await road.ear.deliver(everything=True)
                return views
        raise AssertionError(f"not final when all was fine: {Counter(view.state for view in views)}")

    def count(self) -> Counter[str]:
        """What happened, each with how often."""
        road, found = self.road, self.happened
        for (phase, fault), count in road.proxy.met.items():
            found[f"{phase}: {fault}"] += count
        found["receipts that came late"] += road.ear.late
        return found

    def _blow(self, strength: float) -> None:
        send, listing, token, connect = (chance * strength for chance in self.weather.chances)
        proxy = self.road.proxy
        proxy.chance(send, self.weather.faults)
        proxy.chance(listing, LISTINGS, LISTING, APP)
        proxy.chance(token, TOKENS, TOKEN)
        proxy.no_connection(connect)

    def _all_ids(self) -> list[str]:
        """What was asked for, and what rules answered."""
        with closing(sqlite3.connect(f"{self.road.database.as_uri()}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM outbox WHERE kind = 'message'")]

    def _order(self) -> Order:
        dice = self.dice
        free = order(f"number {len(self.ids)}", person(dice.randrange(PEOPLE)))
        asked = dice.choice(
            (
                replace(free, reply=TEMPLATE),
                replace(free, reply=TEMPLATE),
                free,
                replace(free, if_closed="wait"),
                replace(free, if_closed="skip"),
                replace(free, if_closed=TEMPLATE),
            )
        )
        return replace(asked, at_most_once=dice.random() < 0.25)

    async def _pass(self, seconds: float) -> None:
        """Mostly what is under way ends first; sometimes the next thing happens in the middle of it."""
        if self.dice.random() < 0.7:
            await self.road.steps(1, seconds)
            return
        self.road.clock.advance(min(seconds, 15))
        await self._breathe()

    async def _breathe(self) -> None:
        """What is under way goes on a little, or hardly at all."""
        for _ in range(self.dice.choice((0, 10, 50, 200))):
            await asyncio.sleep(0)

    async def _act(self) -> None:
        dice, road = self.dice, self.road
        luck = dice.random()
        if luck < 0.12:
            await self._stop()
        elif luck < 0.3:
            await self._writes(person(dice.randrange(PEOPLE)), "hi")
        elif luck < 0.42:
            await self._restart()
        elif luck < 0.48:
            await self._window_closes()
        elif luck < 0.54:
            self.happened["nobody could connect"] += 1
            async with road.proxy.refusing():
                await road.steps(2)
        elif luck < 0.6:
            road.ear.hesitates = lambda: dice.random() < 0.5

    async def _writes(self, who: ContactKey, text: str, ago_s: float | None = None) -> None:
        """They wrote up to a day ago, which Sinch tells only now."""
        ago_s = self.dice.choice((0.0, 60.0, self.dice.uniform(0, 86_000))) if ago_s is None else ago_s
        at = self.road.clock.now() - timedelta(seconds=ago_s)
        if text == "START":
            self.road.witness.stopped.discard(who)
        self.road.witness.wrote(who, at)
        await self.road.emulator.person(who.identity, who.app).says(text, at=at)

    async def _stop(self) -> None:
        """Somebody says STOP, or START again."""
        flying = [each.contact for each in self.road.witness.open.values()]
        who = self.dice.choice(flying or [person(self.dice.randrange(PEOPLE))])
        if who in self.road.witness.stopped:
            await self._writes(who, "START", ago_s=0)
            return
        self.happened["STOP with something in flight"] += bool(flying)
        await self._writes(who, "STOP", ago_s=0)
        pending = [view for view in await self._views() if view.contact == who and view.state not in FINAL]
        self.happened["STOP with something to come"] += bool(pending)

    async def _restart(self) -> None:
        open_ = await self.road.restart()
        self.happened["death of the sender"] += 1
        self.happened["death with attempts open"] += bool(open_)

    async def _window_closes(self) -> None:
        """It becomes so late that somebody's window has just closed; up to a day passes."""
        road = self.road
        await road.idle()
        now = road.clock.now()
        closing_at = [at + WINDOW - MARGIN for at in road.witness.wrote_at.values() if at + WINDOW - MARGIN > now]
        if not closing_at:
            return
        free = [
            view for view in await self._views() if view.state is OutboxState.QUEUED and not is_template(view.reply)
        ]
        self.happened["window that closed before a message left"] += bool(free)
        moment = self.dice.choice(closing_at)
        road.clock.advance((moment - now).total_seconds() + self.dice.choice((0, 0.001, 100, 1000)))
        await road.steps(1, 1)

    async def _views(self) -> list[MessageView]:
        return [await self.road.view(each) for each in self.ids[-30:]]


async def storm(seed: int, number: int, size: int, folder: Path) -> Share:
    """The ``number``-th storm of ``seed``, with ``size`` messages, and what it broke."""
    dice = random.Random(f"{seed} {number}")
    weather = Weather.drawn(dice, number)
    folder.mkdir(parents=True)  # noqa: ASYNC240 once, before anything is under way
    settings = EmulatorSettings(dispatch_retention_days=weather.kept_days)
    async with road_in(folder, dice.randrange(2**32), lambda: weather.delay_of(dice), settings, TIMEOUT_S) as road:
        raging = Storm(road, weather, dice)
        try:
            await raging.rage(size)
            views = await raging.clear()
        except AssertionError as trouble:
            return Share(size, (f"storm {number} of {seed}, {weather}: {trouble}",))
        accepted, known = road.accepted, road.witness
    broken = [
        *known.broken,
        *judge(road.database, folder / "truth.jsonl").broken,
        *_broken(weather, views, accepted, known.once),
    ]
    happened = raging.count()
    happened["message that left twice"] += sum(count == 2 for count in accepted.values())
    happened["message held for a person"] += sum(view.state is OutboxState.HELD for view in views)
    return Share(size, tuple(f"storm {number} of {seed}: {sentence}" for sentence in broken), happened)


def _broken(weather: Weather, views: Sequence[MessageView], accepted: Counter[str], once: set[str]) -> list[str]:
    """What the oracle cannot know: what these messages were asked to be, and in which weather."""
    found = []
    for view in views:
        count = accepted[view.outbox_id]
        lost = [attempt for attempt in view.attempts if attempt.outcome == "unknown"]
        most = 1 if view.outbox_id in once or weather.receipts == "prompt" else 2
        if count > most:
            found.append(f"I9: {view.outbox_id} was accepted {count} times, and {most} is the most.")
        if view.state is OutboxState.HELD and len(lost) < (1 if view.outbox_id in once else 2):
            found.append(f"I12: {view.outbox_id} is held after {len(lost)} tries that may have been accepted.")
        if weather.receipts == "prompt" and count and view.state is not OutboxState.SENT:
            found.append(f"I10: {view.outbox_id} is {view.state}, and receipts told that Sinch has it.")
    return found


async def storms(seed: int, size: int, folder: Path) -> Share:
    """``size`` messages in storms of their own, some at once."""
    sizes = [min(MESSAGES, size - done) for done in range(0, size, MESSAGES)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Share:
        async with turns:
            return await storm(seed, number, sizes[number], folder / str(number))

    shares = await asyncio.gather(*(one(number) for number in range(len(sizes))))
    happened: Counter[str] = Counter()
    for share in shares:
        happened.update(share.happened)
    return Share(size, tuple(sentence for share in shares for sentence in share.broken), dict(sorted(happened.items())))
