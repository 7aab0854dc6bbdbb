"""What a business does while its disk's power may go: every kind of writing, one after another and at once, of a seed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta

from bot.core.reply import TemplateReply
from bot.errors import Refused
from bot.store.campaigns import Created, DueRecipient, NewCampaign, NewRecipient, Say, Turn
from bot.store.sqlite.erasing import key_name
from bot.store.sqlite.people import identity_hmac
from bot.store.units import Accepted, NotAccepted, Outcome, Rejected, Started, Unknown, Verdict
from bot.web.api import consents, contacts, events, hand_over, messages
from tests.faults.power_disk import Disk
from tests.store.business import CONTENTS, WITHIN, Business, contact
from tests.store.editions import DIGITS

PEOPLE = [f"4670174{number:04d}" for number in range(8)]
WORDS = ("hello", "hello", "number", "1234", "agent", "track", "what?", "STOP", "START")
OPERATIONS = {each.name: each for noun in (messages, consents, events, contacts, hand_over) for each in noun.OPERATIONS}


@dataclass(frozen=True, slots=True)
class Fact:
    """Acknowledged when the disk had been told ``position`` steps: from there on ``question`` has an answer. ``about`` is whose it is."""

    position: int
    question: str
    values: tuple[object, ...]
    sentence: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """From ``position`` on no file holds ``word``, and the list of erasures has ``mark``."""

    position: int
    word: bytes
    mark: bytes


@dataclass
class Load:
    """``facts`` and ``gone`` are what was acknowledged; what is said of somebody counts until they are erased."""

    business: Business
    disk: Disk
    dice: random.Random
    facts: list[Fact] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    until: dict[Fact, int] = field(default_factory=dict)
    _flying: list[Started] = field(default_factory=list)
    _taken: list[tuple[Started, str]] = field(default_factory=list)
    _serial: int = 0

    async def run(self, deeds: int) -> None:
        """So many things, after a first start on an empty folder; ends without closing, as a loss of power does."""
        await self.business.begin()
        for who in PEOPLE:
            await self._hear(who, "hello")
        doing = (
            *(self._many_write,) * 5, *(self._sends,) * 4, *(self._leave,) * 4, *(self._end,) * 5, *(self._receipts,) * 3,
            self._consents, self._acts, self._calls, self._campaign, self._time, self._publish, self._rules, self._refuse,
            self._erase, self._restart,
        )  # fmt: skip
        for _ in range(deeds):
            await self.dice.choice(doing)()

    def _keep(self, question: str, values: tuple[object, ...], sentence: str, about: str = "") -> None:
        self.facts.append(Fact(len(self.disk.steps), question, values, sentence, about))

    # --- what comes in --------------------------------------------------------------------------------------------------

    async def _hear(self, who: str, text: str) -> None:
        self._serial += 1
        raw = self.business.written(who, text, self.business.now)
        await self.business.hears(raw)
        self._keep("SELECT 1 FROM inbox WHERE raw = ?", (raw,), f"webhook {self._serial}", who)

    async def _many_write(self) -> None:
        texts = [(self.dice.choice(PEOPLE), self.dice.choice(WORDS)) for _ in range(self.dice.choice((1, 1, 2, 6)))]
        deciding = [self.business.decide()] if self.dice.random() < 0.7 else []
        await asyncio.gather(*(self._hear(who, text) for who, text in texts), *deciding)

    async def _receipts(self) -> None:
        if not self._taken:
            return
        started, message_id = self.dice.choice(self._taken)
        raw = self.business.receipt(started, message_id, self.dice.choice(("QUEUED_ON_CHANNEL", "DELIVERED", "READ")))
        if await self.business.hears(raw):
            self._keep("SELECT 1 FROM inbox WHERE raw = ?", (raw,), "a receipt", started.contact.identity)
        await self.business.decide()

    # --- the office -----------------------------------------------------------------------------------------------------

    async def _sends(self) -> None:
        self._serial += 1
        who = self.dice.choice(PEOPLE)
        body = {"to": f"+{who}", **self.dice.choice(CONTENTS)}
        try:
            answer = await self.business.ask(OPERATIONS["sendMessage"], body, f"key-{self._serial}")
        except Refused:
            return
        self._keep("SELECT 1 FROM outbox WHERE id = ?", (answer.id,), f"message {answer.id}", who)

    async def _consents(self) -> None:
        body = {"purpose": "marketing", "state": "opted_in", "source": "form", "proof": "form 7"}
        who = self.dice.choice(PEOPLE)
        try:
            await self.business.ask(OPERATIONS["setConsent"], body, identity=f"+{who}")
        except Refused:
            return
        await self.business.ask(OPERATIONS["sendEvent"], {"name": "order.ready", "to": f"+{who}"})

    async def _acts(self) -> None:
        who = self.dice.choice(PEOPLE)
        try:
            await self.business.ask(OPERATIONS["handOver"], {"note": "n", "team": "support"}, identity=f"+{who}")
            await self.business.ask(OPERATIONS["giveBack"], {"note": "n"}, identity=f"+{who}")
        except Refused:
            return

    async def _campaign(self) -> None:
        campaigns, now = self.business.store.campaigns, self.business.now
        self._serial += 1
        wanted = NewCampaign(f"c{self._serial}", "shipped", "d1", "utility", "", {}, 0.0, "", now, "shop")
        people = [NewRecipient(line, contact(who), values={"number": str(line)}) for line, who in enumerate(PEOPLE, 2)]
        created = await campaigns.create(wanted, people, now)
        assert isinstance(created, Created)
        self._keep("SELECT 1 FROM campaign WHERE id = ?", (created.id,), f"campaign {created.id}")

        def say(due: list[DueRecipient]) -> list[Turn]:
            return [Say(TemplateReply("shipped", "en_US", {"body[1]text": "7"}), 1) for _ in due]

        for _ in range(3):
            await campaigns.take_turns(created.id, 4, say, now)  # type: ignore[arg-type]
        await campaigns.end(created.id, now)

    async def _publish(self) -> None:
        await self.business.publish()

    async def _rules(self) -> None:
        await self.business.reload(self.dice.choice(sorted(DIGITS)))
        self._keep("SELECT 1 FROM rulebook WHERE number = ?", (max(self.business.editions),), "a rulebook")

    async def _refuse(self) -> None:
        """A body that takes many pages."""
        raw = self.dice.randbytes(self.dice.choice((10, 5_000, 200_000)))
        await self.business.store.refuse(raw, "stale", self.business.now)
        self._keep("SELECT 1 FROM refused WHERE raw = ?", (raw,), "a stale webhook")

    # --- what leaves ----------------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        for started in await self.business.starts(self.dice.choice((1, 4, 10))):
            self._flying.append(started)
            self._keep(
                "SELECT 1 FROM attempt WHERE id = ?", (started.attempt_id,), f"attempt {started.attempt_id}",
                started.contact.identity,
            )  # fmt: skip

    async def _calls(self) -> None:
        for started in await self.business.store.start_calls(4, self.business.now):
            await self.business.answers(started, self.dice.choice(("found", "not_found", "failed")))
        await self.business.decide()

    async def _end(self) -> None:
        ending, self._flying = self._flying[:5], self._flying[5:]
        await asyncio.gather(*(self._ends(started) for started in ending))

    async def _ends(self, started: Started) -> None:
        business, attempt, message_id = self.business, started.attempt_id, self.business.id()
        outcomes: tuple[Outcome, ...] = (
            Accepted(attempt, message_id),
            NotAccepted(attempt, business.now + timedelta(minutes=2), 429, "", "Too many."),
            Rejected(attempt, 400, "INVALID_ARGUMENT", "No."),
            Unknown(attempt, business.now + WITHIN, 0, "No answer."),
        )
        (outcome,) = self.dice.choices(outcomes, (6, 1, 1, 1))
        await business.store.finish([outcome], business.now)
        who = started.contact.identity
        self._keep("SELECT 1 FROM attempt WHERE id = ? AND outcome <> ''", (attempt,), f"end of attempt {attempt}", who)
        if isinstance(outcome, Accepted):
            self._taken.append((started, message_id))
            self._keep(
                "SELECT 1 FROM attempt WHERE message_id = ?", (message_id,), f"what Sinch calls {message_id}", who
            )

    async def _time(self) -> None:
        business, store = self.business, self.business.store
        business.passes(timedelta(seconds=self.dice.choice((1, 31, 600, 7200))))
        await store.expire(business.now)
        await store.fire_timers(64, business.now)
        doubts = await store.doubtful(10, business.now)
        await store.reconcile([Verdict(each.outbox_id, resend=each.submissions < 2) for each in doubts], business.now)
        await business.decide()

    # --- the machine ----------------------------------------------------------------------------------------------------

    async def _restart(self) -> None:
        await self.business.restart()
        self._flying.clear()

    async def _erase(self) -> None:
        """Somebody who came, wrote a word that nobody else writes, and is taken out again."""
        self._serial += 1
        who, word = f"4670175{self._serial:04d}", f"canary{self._serial:06d}"
        await self._hear(who, f"hello {word}")
        await self._hear(self.dice.choice(PEOPLE), "hello")
        await self.business.decide()
        begun, store = len(self.disk.steps), self.business.store
        try:
            await store.privacy.erase(contact(who), self.business.now, 0.0)
        except Refused:
            return
        self.until.update({fact: begun for fact in self.facts if fact.about == who})
        key = store.installation_key
        mark = f"{key_name(key)} {identity_hmac(key, contact(who)).hex()}".encode()
        self.gone.append(Gone(len(self.disk.steps), word.encode(), mark))
