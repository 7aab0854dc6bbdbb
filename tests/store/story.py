"""What every story shares: a business, its books, deaths at crash points, and what must hold after each step."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

import bot.crash as crash
from bot.errors import Refused, StoreUnavailable
from bot.store.sqlite import open_store
from bot.store.units import Accepted, NotAccepted, Outcome, Rejected, Started, StartedCall, Unknown, Verdict
from bot.web.api.operation import Operation
from tests.store.books import Books
from tests.store.business import WITHIN, Business
from tests.store.hearing import (
    all_had_their_turn,
    questions_are_watched,
    receipts_add_up,
    starts_anew,
    takes_in,
    turned,
)
from tests.store.places import Death, Place, SqlitePlace
from tests.store.promises import (
    consent_adds_up,
    in_line,
    lanes_wake_in_time,
    may_leave,
    news_tell_each_status_once,
    next_moment,
    state_of,
)

T = TypeVar("T")
AUDIT_EVERY = 6  # steps, and after the last: it looks at everything, which takes longer than the step
LEFT = ("sending", "unknown")
MEMORY = Path("/dev/shm")  # a file there is synced at once: what a power cut leaves is another test's matter
POINTS = (
    "record.in_transaction", "decide.inside", "settle.in_transaction", "held.released", "question.asked",
    "start.in_transaction", "finish.in_transaction", "receipt.in_transaction", "reconcile.in_transaction",
    "timers.in_transaction", "call.claimed", "call.in_transaction", "place.in_transaction", "campaign.placed",
)  # fmt: skip


class Story(RuleBasedStateMachine):
    """A story without its rules. ``happened`` counts what truly did, over all stories of a process."""

    happened: ClassVar[Counter[str]] = Counter()
    within: Path | None = MEMORY if os.access(MEMORY, os.W_OK) else None  # where its files are

    def place(self, folder: Path) -> Place:
        """Where it happens; a story on another store says so here."""
        return SqlitePlace(folder, open_store)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="parley-", dir=self.within))
        self.runner = asyncio.Runner()
        self.business = Business(self.place(self.folder))
        self.books = Books()
        self.raws: list[tuple[bytes, str]] = []
        self.death = Death().__enter__()
        self.begun = False
        self.happened["story"] += 1
        self.steps = 0
        self.cut: set[int] = set()  # attempts
        self.calling: list[StartedCall] = []
        self.ended: list[StartedCall] = []

    def teardown(self) -> None:
        try:
            crash.arm("")
            if self.begun and sys.exc_info()[1] is None:  # else it has failed already
                self.drained()
        finally:
            self.death.__exit__()
            self.runner.run(self.business.place.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it; where the process dies of it, start again and do it once more, as whoever was not answered does."""
        try:
            return self.runner.run(work())
        except StoreUnavailable:
            if not self.death.struck:
                raise
        self.happened[f"died at {self.death.struck.pop()}"] += 1
        self.cuts_off()
        self.runner.run(self.business.crash())
        starts_anew(self.business, self.books)
        self.lands()  # a start finds what receipts tell of what was under way
        return self.runner.run(work())

    def dies(self) -> None:
        """Between two steps, without a word."""
        self.happened["killed"] += 1
        self.cuts_off()
        self.runner.run(self.business.crash())
        starts_anew(self.business, self.books)

    def cuts_off(self) -> None:
        """Nobody hears any more what comes of what is under way. A start takes longer than the little that a clock was set back by: what
        a process dates after one that was ahead is told by itself."""
        self.business.wall = self.business.now
        self.cut.update(started.attempt_id for started in self.books.flying.values())

    def ask(
        self, operation: Operation, body: Mapping[str, object] | None = None, key: str | None = None, **path: str
    ) -> tuple[Any, str]:
        """What it answers, or the code of its refusal."""
        try:
            return self.run(lambda: self.business.ask(operation, body, key, **path)), ""
        except Refused as refusal:
            return None, refusal.code

    # --- deciding -------------------------------------------------------------------------------------------------------

    def decides(self) -> None:
        """Turn by turn, each held against the books."""
        while True:
            takes_in(self.business, self.books)
            progress = self.run(self.business.decide)
            takes_in(self.business, self.books)
            turned(self.business, self.books, self.business.now)
            if not progress.settled:
                return

    def sweeps(self) -> None:
        self.run(lambda: self.business.store.expire(self.business.now))
        fired = self.run(lambda: self.business.store.fire_timers(64, self.business.now))
        self.happened["timer"] += fired.count
        self.books.expected["timer", ""] += fired.count
        self.decides()

    # --- the network ----------------------------------------------------------------------------------------------------

    def hears(self, raw: bytes) -> bool:
        return self.run(lambda: self.business.hears(raw))

    def lands(self) -> None:
        self.books.flying = {
            identity: each for identity, each in self.books.flying.items() if self.state_of(each.outbox_id)[0] in LEFT
        }

    def started(self, limit: int) -> Sequence[Started]:
        self.lands()
        started = self.run(lambda: self.business.starts(limit))
        for each in started:
            may_leave(self.business, self.books, each)
            in_line(self.business, self.books, each)
            self.books.flying[each.contact.identity] = each
        self.happened["attempts"] += len(started)
        return started

    def in_flight(self) -> list[Started]:
        return [each for each in self.books.flying.values() if self.state_of(each.outbox_id)[0] == "sending"]

    def message_id(self, started: Started) -> str:
        """Sinch's id of the message that this attempt makes."""
        return f"01HS{started.attempt_id:022}"

    def finishes(self, started: Started, how: str) -> None:
        outcome: Outcome
        now, message_id = self.business.now, self.message_id(started)
        match how:
            case "sent":
                outcome = Accepted(started.attempt_id, message_id)
            case "busy":
                outcome = NotAccepted(started.attempt_id, now + timedelta(minutes=2), 429, "", "Too many.")
            case "bad":
                outcome = Rejected(started.attempt_id, 400, "INVALID_ARGUMENT", "No.")
            case _:
                outcome = Unknown(started.attempt_id, now + WITHIN, 0, "No answer.")
        self.run(lambda: self.business.store.finish([outcome], self.business.now))
        if started.attempt_id in self.cut:
            how = "lost" if how == "sent" else "nothing"  # what Sinch answered died with the process
        if how not in ("lost", "nothing"):
            self.books.flying.pop(started.contact.identity, None)
        if how in ("sent", "lost"):
            self.takes(started, message_id)
        if how == "sent":
            self.books.accepted(started.outbox_id, message_id)
        self.happened[how] += 1

    def takes(self, started: Started, message_id: str) -> None:
        """Sinch has it: at most twice, the second time only where nobody knew of the first."""
        if (started, message_id) not in self.books.taken:
            self.books.taken.append((started, message_id))
            self.books.tries[started.outbox_id] += 1
            assert self.books.tries[started.outbox_id] <= 2, f"{started.outbox_id} left a third time"

    def reconcile(self, again: bool) -> None:
        async def settle() -> list[Verdict]:
            doubts = await self.business.store.doubtful(10, self.business.now)
            verdicts = [Verdict(each.outbox_id, resend=again) for each in doubts]
            await self.business.store.reconcile(verdicts, self.business.now)
            return verdicts

        verdicts = self.run(settle)
        for each in verdicts:
            self.books.looked_for(each.outbox_id)
        self.happened["sent again"] += sum(each.resend for each in verdicts)

    def tells(self) -> None:
        """Backends are told everything, each person's events in order."""
        taken = self.run(self.business.publish)
        last: dict[int, int] = {}
        for person, body in taken:
            assert body["sequence"] > last.get(person, 0)
            last[person] = body["sequence"]
        assert not self.business.rows(
            "SELECT 1 FROM news UNION ALL SELECT 1 FROM outbox WHERE kind = 'callback' AND state <> 'sent'"
        )

    # --- what holds -----------------------------------------------------------------------------------------------------

    def state_of(self, id_: str) -> tuple[str, int]:
        return state_of(self.business, id_)

    @invariant()
    def sound(self) -> None:
        if not self.begun:
            return
        self.lands()
        takes_in(self.business, self.books)
        all_had_their_turn(self.business, self.books)
        receipts_add_up(self.business, self.books)
        questions_are_watched(self.business, self.books)
        consent_adds_up(self.business, self.books)
        lanes_wake_in_time(self.business)
        news_tell_each_status_once(self.business, self.books)
        self.steps += 1
        if self.steps % AUDIT_EVERY == 0:
            assert not (broken := self.business.broken()), broken

    def drained(self) -> None:
        """Everything that is due leaves, and nothing is left behind."""
        for _ in range(400):
            self.decides()
            self.run(self.business.campaigns)
            self.call()
            for call in list(self.calling):
                self.call_ended(call, "found")
            for started in (*self.in_flight(), *self.started(10)):
                self.finishes(started, "sent")
            self.reconcile(True)
            self.sound()
            if not self.goes_on():
                break
        assert not self.goes_on(), "it goes on for ever"
        self.run(self.business.campaigns)
        self.tells()
        assert not (broken := self.business.broken()), broken
        open_ = "SELECT * FROM inbox WHERE state IN ('pending', 'dead')"
        assert not self.business.rows(open_), self.business.rows(open_)
        left = "SELECT * FROM outbox WHERE state IN ('queued', 'waiting', 'sending', 'unknown')"
        assert not self.business.rows(left), self.business.rows(left)
        assert not self.business.rows("SELECT 1 FROM timer UNION ALL SELECT 1 FROM campaign WHERE state = 'running'")

    def call(self) -> None:
        """Calls are made; each is asked for once, unless the process died and it may be asked for again."""
        started = self.run(lambda: self.business.store.start_calls(10, self.business.now))
        for each in started:
            self.books.tries[each.outbox_id] += 1
            assert self.books.tries[each.outbox_id] <= 2
        self.calling += started

    def call_ended(self, started: StartedCall, outcome: Literal["found", "not_found", "failed"]) -> None:
        self.run(lambda: self.business.answers(started, outcome))
        self.happened["call"] += 1
        if started in self.calling:
            self.calling.remove(started)
            self.ended.append(started)

    def goes_on(self) -> bool:
        """To the next moment at which something happens; False where nothing will."""
        at = next_moment(self.business)
        if at is None and not self.books.flying:
            return False
        self.business.wall = self.business.now if at is None else max(self.business.now, at)
        self.sweeps()
        return True
