r"""Campaigns at work: hands recipients to the sender, just ahead of it, and stops where WhatsApp is displeased.

    recipient pending --its turn, in one transaction--> outbox row --sender--> sent …
         ^  \-- quiet there: later
         `-- paused: what was never attempted comes back

What is handed over at once is little, about what leaves in a second: whoever writes meanwhile waits behind no more than that.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.core.conversation import MARGIN, Conversation, Person
from bot.core.delivery import Drop, Outgoing, Policy, gate
from bot.core.hours import zone
from bot.core.language import language_of
from bot.core.rule import LocalText, Place, QuietTime, SayTemplate
from bot.core.rulebook import Rulebook, Template
from bot.core.saying import Unsayable
from bot.core.scene import Scene
from bot.core.templates import template_reply
from bot.crash import reach
from bot.errors import Retry
from bot.rulebook.shape.hours import read_span
from bot.store.campaigns import AtWork, Campaigns, DueRecipient, Later, Rating, Running, Say, Skip, Turn
from bot.work.clock import Clock
from bot.work.loop import Loop
from bot.work.rate import Rate
from bot.work.zones import awake_at, zone_named, zones_of_number

AHEAD_S: Final = 1.0  # how much of what leaves in a second may wait to leave
AHEAD_MOST: Final = 512
PATIENCE: Final = timedelta(milliseconds=50)  # between two looks while there is much to hand over
LOOK_EVERY: Final = timedelta(seconds=1)
IDLE: Final = timedelta(seconds=30)
YELLOW_PART: Final = 4  # with quality YELLOW a campaign goes at a quarter of its pace
YELLOW_MOST: Final = 5.0  # a second, where it had no limit
RESTRICTED_WHY: Final = (
    "WhatsApp restricts our number because too many people blocked or reported it (131048). Wait some hours, look at who got what,"
    " then resume it."
)

log = structlog.get_logger()


def pace_of(rate: float, send_rate: float, rating: Rating | str) -> float:
    """Messages a second that a campaign of ``rate`` really has; 0: no limit. ``send_rate`` is the sender's own."""
    limits = [each for each in (rate, send_rate) if each]
    pace = min(limits, default=0.0)
    if rating != "YELLOW":
        return pace
    return pace / YELLOW_PART if pace else YELLOW_MOST


def declaration(template: Template) -> str:
    """A digest of what a template says and takes; where it stands in the rules does not matter."""
    parts = (
        sorted(template.languages.items()), template.category, template.parameters, template.buttons, template.omni,
        template.header, None if template.body is None else sorted(template.body.by_language.items()),
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def quiet_time(text: str) -> QuietTime | None:
    """``21:00-08:00``; None for an empty one. Raises ``ValueError`` for what is no span of time, or is all of it."""
    if not text.strip():
        return None
    span = read_span(text)
    if span is None or span.opens == span.closes:
        raise ValueError(f'"{text}" is not a span of time, such as "21:00-08:00"')
    return QuietTime(span.opens, span.closes)


def policy_of(rulebook: Rulebook, margin: timedelta = MARGIN) -> Policy:
    """What the rules say about consent, for the gate."""
    return Policy(margin, rulebook.consent.after_stop == "answer", rulebook.consent.marketing)


_HERE: Final = Place("campaign", 1, 1)


@dataclass(slots=True)
class Turns:
    """What each of one batch gets: pure, so that the store can ask within its transaction.

    By the live rulebook: a tap on the template's buttons leads into it. The worker has seen that it declares the template as it was when
    the campaign's values were checked.
    """

    campaign: Running
    rulebook: Rulebook
    now: datetime
    policy: Policy
    quiet: QuietTime | None
    _awake: dict[tuple[str, ...], datetime]

    @classmethod
    def of(cls, campaign: Running, rulebook: Rulebook, now: datetime) -> Turns:
        """For one batch of ``campaign`` at ``now``."""
        return cls(campaign, rulebook, now, policy_of(rulebook), quiet_time(campaign.quiet), {})

    def __call__(self, due: Sequence[DueRecipient]) -> Sequence[Turn]:
        return [self._turn(each) for each in due]

    def _turn(self, recipient: DueRecipient) -> Turn:
        awake = self.now if self.quiet is None else self._awake_at(recipient, self.quiet)
        if awake > self.now:
            return Later(awake)
        try:
            reply = template_reply(self._spec(recipient), self._scene(recipient))
        except Unsayable as reason:
            return Skip(str(reason))
        standing = recipient.standing
        message = Outgoing("", recipient.contact, reply, self.campaign.category, "fail", self.now)
        verdict = gate(message, standing.consent, standing.window, self.now, self.policy)
        return Skip(verdict.reason) if isinstance(verdict, Drop) else Say(reply, self.rulebook.version)

    def _spec(self, recipient: DueRecipient) -> SayTemplate:
        values = {**self.campaign.values, **{name: value for name, value in recipient.values.items() if value.strip()}}
        return SayTemplate(
            self.campaign.template, _HERE, {name: LocalText({"": (value,)}, _HERE) for name, value in values.items()}
        )

    def _scene(self, recipient: DueRecipient) -> Scene:
        standing = recipient.standing
        person = Person(standing.person_id, standing.language, standing.time_zone)
        conversation = Conversation(recipient.contact, person, standing.window, standing.consent)
        language = recipient.language or language_of(conversation, self.rulebook.settings)
        return Scene(self.rulebook, conversation, self.now, language, window_open=False)

    def _awake_at(self, recipient: DueRecipient, quiet: QuietTime) -> datetime:
        names = self._zones(recipient)
        known = self._awake.get(names)
        if known is None:
            known = self._awake[names] = awake_at([zone(name) for name in names], quiet, self.now)
        return known

    def _zones(self, recipient: DueRecipient) -> tuple[str, ...]:
        """As the row says, as the person is known to be, by the number's country; else the shop's."""
        for name in (recipient.time_zone, recipient.standing.time_zone):
            if zone_named(name) is not None:
                return (name,)
        return zones_of_number(recipient.contact.identity) or (self.rulebook.settings.time_zone,)


class CampaignWorker:
    """The task that hands over. ``on_placed`` is called after each commit that put something into the outbox; while ``may_place`` says no,
    campaigns wait."""

    def __init__(
        self,
        store: Campaigns,
        rulebook: Callable[[], Rulebook],
        send_rate: float,
        clock: Clock,
        on_placed: Callable[[], None],
        may_place: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_place = may_place
        self._store = store
        self._rulebook = rulebook
        self._send_rate = send_rate
        self._clock = clock
        self._on_placed = on_placed
        self._loop = Loop(self._turn, clock, _store_unavailable)
        self._rates: dict[int, tuple[float, Rate]] = {}
        self._at_work: Mapping[int, Running] = {}
        self._receipts_until: int | None = None
        self._looked_at: datetime | None = None

    def wake(self) -> None:
        """There is a campaign to begin with, or to go on with."""
        self._loop.wake()

    def stop(self) -> None:
        """Hand over no more; ``run`` returns once what is under way is committed."""
        self._loop.stop()

    async def run(self) -> None:
        """Hand over until stopped."""
        await self._loop.run()

    async def _turn(self) -> datetime:
        """One look at everything; when to look again."""
        now = self._clock.now()
        work = await self._store.at_work()
        await self._tell_of(work)
        if not work.campaigns:
            self._receipts_until = None
            return now + IDLE
        if await self._is_restricted(now):
            return now
        if not self._may_place():
            return now + LOOK_EVERY
        room = self._room(work)
        looks = [await self._go_on(campaign, work, room, now) for campaign in self._rotated(work, now)]
        return min(looks)

    def _rotated(self, work: AtWork, now: datetime) -> Sequence[Running]:
        """Each look begins with another one, so that several share what the sender can do."""
        at = int(now.timestamp() / PATIENCE.total_seconds()) % len(work.campaigns)
        return [*work.campaigns[at:], *work.campaigns[:at]]

    def _ahead(self, pace: float) -> int:
        return AHEAD_MOST if not pace else max(1, min(AHEAD_MOST, math.ceil(pace * AHEAD_S)))

    def _room(self, work: AtWork) -> list[int]:
        """How many more messages of all campaigns may wait to leave; counted down as they are handed over."""
        return [max(0, self._ahead(self._send_rate) - sum(each.queued for each in work.campaigns))]

    async def _go_on(self, campaign: Running, work: AtWork, room: list[int], now: datetime) -> datetime:
        """Hand over what this one may; when to look at it again."""
        if campaign.next_due is None:
            if not campaign.open and await self._store.end(campaign.id, now):
                log.info("campaign_done", campaign=campaign.id, name=campaign.name)
            return now + LOOK_EVERY
        begins = max(campaign.starts_at, campaign.next_due)
        if begins > now:
            return min(begins, now + (LOOK_EVERY if campaign.open else IDLE))
        if not await self._is_as_checked(campaign, now):
            return now
        pace = pace_of(campaign.rate, self._send_rate, work.rating)
        rate = self._rate(campaign.id, pace)
        ahead = self._ahead(pace)
        limit = min(room[0], ahead - campaign.queued, rate.available(now))
        if limit < min(ahead, AHEAD_MOST) / 4 and (limit < 1 or campaign.queued):
            return max(now + _patience(pace, ahead), rate.next_at(now))
        taken = await self._store.take_turns(campaign.id, limit, Turns.of(campaign, self._rulebook(), now), now)
        reach("campaign.committed")
        rate.take(taken.placed)
        room[0] -= taken.placed
        if taken.placed:
            self._on_placed()
        return now + _patience(pace, ahead) if taken.placed or not taken.all else now

    def _rate(self, id_: int, pace: float) -> Rate:
        known = self._rates.get(id_)
        if known is None or known[0] != pace:
            known = self._rates[id_] = (pace, Rate(pace))
        return known[1]

    async def _is_as_checked(self, campaign: Running, now: datetime) -> bool:
        template = self._rulebook().templates.get(campaign.template)
        if template is not None and declaration(template) == campaign.declared:
            return True
        what = "is no more in the rules" if template is None else "was changed in the rules since the list was checked"
        why = f"The template {campaign.template} {what}. Look at it, then resume this campaign, or cancel it."
        await self._store.pause(campaign.id, why, now)
        return False

    async def _is_restricted(self, now: datetime) -> bool:
        """Each second: whether a receipt says that WhatsApp restricts our number; then all campaigns are paused."""
        if self._looked_at is not None and timedelta() <= now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        seen = await self._store.restricted(self._receipts_until)
        if seen.found:
            await self._store.pause_all(RESTRICTED_WHY, now)
        self._receipts_until = seen.upto
        return seen.found

    async def _tell_of(self, work: AtWork) -> None:
        """In the log, what began and what was paused."""
        at_work = {each.id: each for each in work.campaigns}
        for id_ in at_work.keys() - self._at_work.keys():
            log.info("campaign_running", campaign=id_, name=at_work[id_].name)
        for id_ in self._at_work.keys() - at_work.keys():
            self._rates.pop(id_, None)
            view = await self._store.view(id_)
            if view is not None and view.state == "paused":
                log.warning("campaign_paused", campaign=id_, name=view.name, why=view.why)
        self._at_work = at_work


def _store_unavailable(trouble: Retry) -> None:
    log.error("campaigns_store_unavailable", reason=str(trouble))


def _patience(pace: float, ahead: int) -> timedelta:
    """Until a quarter of what may wait has left."""
    return PATIENCE if not pace else max(PATIENCE, min(LOOK_EVERY, timedelta(seconds=ahead / 4 / pace)))
