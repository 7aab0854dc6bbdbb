"""Anything that people, backends, colleagues and the network do, in any order, against a model that keeps books of its own.

``PARLEY_STORIES`` is how many stories are told; the gate tells a few.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.errors import Refused
from bot.store.units import Accepted, NotAccepted, Outcome, Rejected, Started, Unknown, Verdict
from bot.web.api import consents, contacts, events, hand_over, messages
from bot.web.api.operation import Operation
from tests.store.books import Books, Placed
from tests.store.business import CONTENTS, WITHIN, Business, contact
from tests.store.promises import (
    consent_adds_up,
    lanes_wake_in_time,
    may_leave,
    news_tell_each_status_once,
    next_moment,
    state_of,
)

T = TypeVar("T")
STORIES = int(os.environ.get("PARLEY_STORIES", "50"))
PEOPLE = ("46701740605", "46701740606")
STRANGER = "46701740607"  # never writes
DAY = timedelta(days=1)
LEFT = ("sending", "unknown")
NOUNS = (messages, consents, events, contacts, hand_over)
OFFICE: dict[str, Operation] = {each.name: each for noun in NOUNS for each in noun.OPERATIONS}
SEND, CHANGE, CANCEL = OFFICE["sendMessage"], OFFICE["changeMessage"], OFFICE["cancelMessage"]
REFUSALS = ("", "opted-out", "no-marketing-consent", "idempotency-key-reused", "window-closed", "invalid-body")
CONSENT, EVENT, TELL = OFFICE["setConsent"], OFFICE["sendEvent"], OFFICE["changeContact"]
who = st.sampled_from(PEOPLE)
anybody = st.sampled_from((*PEOPLE, *PEOPLE, STRANGER))
words = st.sampled_from(["hello", "hello", "number", "1234", "agent", "what?", "STOP", "START", "START", "please stop"])
ago = st.sampled_from([*[timedelta()] * 4, timedelta(minutes=5), timedelta(hours=30), 8 * DAY])
ahead = st.sampled_from([None, None, "30 minutes", "20 hours", "3 days"])
until = st.sampled_from([None, None, None, timedelta(minutes=10), timedelta(hours=21), 5 * DAY])
contents = st.sampled_from(CONTENTS)
keys = st.sampled_from([None, None, "k1", "k2"])
steps = st.sampled_from([1, 31, 31, 121, 600, 1800, 3600, 72_000, 86_280, 90_000, 8 * 86_400])


class Stories(RuleBasedStateMachine):
    """Each rule is something that happens; after each, everything promised must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="parley-"))
        self.runner = asyncio.Runner()
        self.business = Business(self.folder / "parley.db")
        self.books = Books()
        self.raws: list[tuple[bytes, str]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def opens(self) -> None:
        self.run(self.business.begin())
        self.writes(PEOPLE[0], "hello", timedelta(), True)
        self.consents(PEOPLE[0], "marketing", "opted_in", timedelta(), "")

    def teardown(self) -> None:
        try:
            if hasattr(self.business, "store"):
                self.drained()
                self.run(self.business.close())
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    def ask(
        self, operation: Operation, body: Mapping[str, object] | None = None, key: str | None = None, **path: str
    ) -> tuple[Any, str]:
        """What it answers, or the code of its refusal."""
        try:
            return self.run(self.business.ask(operation, body, key, **path)), ""
        except Refused as refusal:
            return None, refusal.code

    # --- people ---------------------------------------------------------------------------------------------------------

    @rule(who=who, text=words, ago=ago, decide=st.booleans())
    def writes(self, who: str, text: str, ago: timedelta, decide: bool) -> None:
        at = self.business.now - ago
        raw = self.business.written(who, text, at)
        self.raws.append((raw, who))
        assert self.run(self.business.hears(raw))
        self.books.closes[who] = max(at + DAY, self.books.closes.get(who, at + DAY))
        if text in ("STOP", "START"):
            self.books.says(who, "all", "stopped" if text == "STOP" else "opted_in", at)
        if decide:
            self.decides()

    @precondition(lambda self: self.raws)
    @rule(data=st.data())
    def comes_again(self, data: st.DataObject) -> None:
        raw, _ = data.draw(st.sampled_from(self.raws))
        assert not self.run(self.business.hears(raw))

    @rule()
    def decides(self) -> None:
        self.run(self.business.decide())

    # --- backends -------------------------------------------------------------------------------------------------------

    @rule(who=anybody, content=contents, ahead=ahead, until=until, key=keys)
    def sends(
        self, who: str, content: dict[str, object], ahead: str | None, until: timedelta | None, key: str | None
    ) -> None:
        body = {"to": f"+{who}", **content}
        body |= {} if ahead is None else {"send_at": {"after": ahead}}
        body |= {} if until is None else {"not_after": (self.business.now + until).isoformat()}
        kept = self.books.keys.get(key or "")
        known = kept is not None and kept[2] > self.business.now - 7 * DAY
        answer, code = self.ask(SEND, body, key)
        assert code in REFUSALS
        assert (code == "idempotency-key-reused") == (known and kept is not None and kept[0] != body)
        if code:
            assert code != "opted-out" or self.books.counts(who, "all") == "stopped"
            assert code != "no-marketing-consent" or self.books.counts(who, "marketing") != "opted_in"
            return
        if known and kept is not None:
            assert (kept[0], kept[1]) == (body, answer.id)
            assert answer.created_at == kept[2]
            return
        assert self.books.counts(who, "all") != "stopped"
        assert answer.id not in self.books.placed
        stretch = {"30 minutes": timedelta(minutes=30), "20 hours": timedelta(hours=20), "3 days": 3 * DAY}
        at = None if ahead is None else self.business.now + stretch[ahead]
        self.books.placed[answer.id] = Placed(who, at, None if until is None else self.business.now + until)
        if key is not None:
            self.books.keys[key] = (body, answer.id, self.business.now)

    @rule(who=who, content=contents, ahead=ahead, leaves=st.booleans())
    def talks(self, who: str, content: dict[str, object], ahead: str | None, leaves: bool) -> None:
        self.writes(who, "hello", timedelta(), True)
        self.sends(who, content, ahead, None, None)
        for started in self.started(10) if leaves else ():
            self.finishes(started, "sent")
        if leaves:
            self.started(10)

    @precondition(lambda self: self.books.placed)
    @rule(data=st.data(), ahead=ahead, until=until, moves=st.booleans())
    def changes(self, data: st.DataObject, ahead: str | None, until: timedelta | None, moves: bool) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.books.placed)))
        placed = self.books.placed[id_]
        body: dict[str, object] = {"reference": "r"}
        if moves:
            body["send_at"] = None if ahead is None else {"after": ahead}
        if until is not None:
            body["not_after"] = (self.business.now + until).isoformat()
        had = self.state_of(id_)
        answer, code = self.ask(CHANGE, body, id=id_)
        if code:
            assert code in ("already-left", "window-closed", "invalid-body")
            assert code != "already-left" or had[0] not in ("queued", "waiting") or had[1]
            return
        assert had[0] in ("queued", "waiting")
        assert not had[1]
        if moves:
            placed.at = answer.send_at
            assert ahead is not None or placed.at is None or placed.at <= self.business.now
        if until is not None:
            placed.upto = self.business.now + until

    @precondition(lambda self: self.books.placed)
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.books.placed)))
        had = self.state_of(id_)
        answer, code = self.ask(CANCEL, id=id_)
        if code:
            assert code == "already-left"
            assert had[0] != "cancelled"
            assert had[0] not in ("queued", "waiting") or had[1]
            return
        assert answer.status == "cancelled"
        assert had[0] in ("waiting", "cancelled") or (had[0] == "queued" and not had[1])
        self.books.placed[id_].gone = True

    @rule(
        who=anybody, purpose=st.sampled_from(["all", "marketing"]), state=st.sampled_from(["opted_in", "stopped"]),
        ago=ago, proof=st.sampled_from(["", "form 7"]),
    )  # fmt: skip
    def consents(self, who: str, purpose: str, state: str, ago: timedelta, proof: str) -> None:
        at = self.business.now - ago
        body = {"purpose": purpose, "state": state, "source": "form", "proof": proof, "at": at.isoformat()}
        stopped = "stopped" in (self.books.counts(who, "all"), self.books.counts(who, purpose))
        answer, code = self.ask(CONSENT, body, identity=f"+{who}")
        if code:
            assert code in ("newer-consent", "proof-needed")
            assert code != "proof-needed" or (stopped and state == "opted_in" and not proof)
            return
        assert answer.changed or (purpose, state, at) in self.books.words.get(who, ())
        if answer.changed:
            assert not (stopped and state == "opted_in" and not proof)
        self.books.says(who, purpose, state, at)

    @rule(who=anybody, name=st.sampled_from(["order.ready", "sale.begins"]), id_=st.sampled_from([None, "e1"]))
    def tells_event(self, who: str, name: str, id_: str | None) -> None:
        self.run(self.business.ask(EVENT, {"name": name, "to": f"+{who}", **({} if id_ is None else {"id": id_})}))

    @rule(who=anybody, tag=st.sampled_from(["vip", "b2b"]))
    def tags(self, who: str, tag: str) -> None:
        assert tag in self.run(self.business.ask(TELL, {"tags_added": [tag]}, identity=f"+{who}")).tags

    # --- colleagues -----------------------------------------------------------------------------------------------------

    @rule(
        who=anybody,
        after=st.sampled_from([None, "20 minutes"]),
        what=st.sampled_from(["handOver", "giveBack", "closeConversation"]),
    )
    def acts(self, who: str, after: str | None, what: str) -> None:
        more = (
            {"team": "support", **({} if after is None else {"give_back_after": after})} if what == "handOver" else {}
        )
        _, code = self.ask(OFFICE[what], {"note": "n", **more}, identity=f"+{who}")
        assert not code or (what, code) in (("giveBack", "not-found"), ("closeConversation", "not-found"))

    @rule(who=anybody, takes_over=st.booleans(), key=keys)
    def colleague_writes(self, who: str, takes_over: bool, key: str | None) -> None:
        body: dict[str, object] = {"who": "Ida", "reply": {"text": "Ida here."}}
        body |= {"take_over": True, "team": "support"} if takes_over else {}
        key = None if key is None else f"c-{key}"
        kept = self.books.keys.get(key or "")
        known = kept is not None and kept[2] > self.business.now - 7 * DAY
        answer, code = self.ask(OFFICE["sendAsColleague"], body, key, identity=f"+{who}")
        assert (code == "idempotency-key-reused") == (known and kept is not None and kept[0] != (who, body))
        if code:
            assert code in ("idempotency-key-reused", "opted-out", "not-handed-over", "window-closed")
            return
        if known and kept is not None:
            assert kept == ((who, body), answer.id, answer.created_at)
            return
        self.books.placed[answer.id] = Placed(who, None, None)
        if key is not None:
            self.books.keys[key] = ((who, body), answer.id, self.business.now)

    # --- the network ----------------------------------------------------------------------------------------------------

    @rule(limit=st.sampled_from([1, 10]))
    def starts(self, limit: int) -> None:
        self.started(limit)

    def lands(self) -> None:
        self.books.flying = {
            identity: each for identity, each in self.books.flying.items() if self.state_of(each.outbox_id)[0] in LEFT
        }

    def started(self, limit: int) -> Sequence[Started]:
        self.lands()
        started = self.run(self.business.starts(limit))
        for each in started:
            may_leave(self.business, self.books, each)
            self.books.flying[each.contact.identity] = each
        return started

    @precondition(lambda self: any(self.in_flight()))
    @rule(data=st.data(), how=st.sampled_from(["sent", "sent", "sent", "busy", "bad", "lost"]))
    def ends(self, data: st.DataObject, how: str) -> None:
        started = data.draw(st.sampled_from(self.in_flight()))
        self.finishes(started, how)

    def in_flight(self) -> list[Started]:
        return [each for each in self.books.flying.values() if self.state_of(each.outbox_id)[0] == "sending"]

    def finishes(self, started: Started, how: str) -> None:
        outcome: Outcome
        message_id = self.business.id()
        match how:
            case "sent":
                outcome = Accepted(started.attempt_id, message_id)
            case "busy":
                outcome = NotAccepted(
                    started.attempt_id, self.business.now + timedelta(minutes=2), 429, "", "Too many."
                )
            case "bad":
                outcome = Rejected(started.attempt_id, 400, "INVALID_ARGUMENT", "No.")
            case _:
                outcome = Unknown(started.attempt_id, self.business.now + WITHIN, 0, "No answer.")
        self.run(self.business.store.finish([outcome], self.business.now))
        if how != "lost":
            self.books.flying.pop(started.contact.identity, None)
        if how in ("sent", "lost"):
            self.books.taken.append((started, message_id))

    @precondition(lambda self: self.books.taken)
    @rule(data=st.data(), status=st.sampled_from(["QUEUED_ON_CHANNEL", "DELIVERED", "READ", "FAILED"]),
          code=st.sampled_from(["131026", "131050"]))  # fmt: skip
    def receipt(self, data: st.DataObject, status: str, code: str) -> None:
        started, message_id = data.draw(st.sampled_from(self.books.taken))
        raw = self.business.receipt(started, message_id, status, code)
        if self.run(self.business.hears(raw)):
            self.raws.append((raw, started.contact.identity))
            if (status, code) == ("FAILED", "131050"):
                self.run(self.business.decide())
                self.books.says(started.contact.identity, "marketing", "stopped", self.business.now)

    @rule(again=st.booleans())
    def reconciles(self, again: bool) -> None:
        async def settle() -> None:
            doubts = await self.business.store.doubtful(10, self.business.now)
            verdicts = [
                Verdict(each.outbox_id, resend=again and not each.at_most_once and each.submissions < 2)
                for each in doubts
            ]
            await self.business.store.reconcile(verdicts, self.business.now)

        self.run(settle())

    @rule(seconds=steps, sweeps=st.booleans())
    def waits(self, seconds: int, sweeps: bool) -> None:
        self.business.now += timedelta(seconds=seconds)
        if sweeps:
            self.sweeps()

    def sweeps(self) -> None:
        self.run(self.business.store.expire(self.business.now))
        self.run(self.business.store.fire_timers(64, self.business.now))
        self.run(self.business.decide())

    @rule()
    def restarts(self) -> None:
        self.run(self.business.restart())

    @rule(who=anybody)
    def erases(self, who: str) -> None:
        self.tells()
        flies = who in self.books.flying
        try:
            self.run(self.business.store.privacy.erase(contact(who), self.business.now, 0.0))
        except Refused:
            assert flies
            return
        assert not flies
        self.books.forget(who, self.business.now)
        self.raws = [(raw, whose) for raw, whose in self.raws if whose != who or b"contact_message" in raw]
        kept = {row[0] for row in self.business.rows("SELECT seq FROM outbox")}
        self.books.status = {seq: told for seq, told in self.books.status.items() if seq in kept}

    @rule()
    def tells(self) -> None:
        """Backends are told everything, each person's events in order."""
        taken = self.run(self.business.publish())
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
        if not hasattr(self.business, "store"):
            return
        self.lands()
        assert self.business.broken() == []
        consent_adds_up(self.business, self.books)
        lanes_wake_in_time(self.business)
        news_tell_each_status_once(self.business, self.books)

    def drained(self) -> None:
        """Everything that is due leaves, and nothing is left behind."""
        for _ in range(400):
            self.run(self.business.decide())
            for started in (*self.in_flight(), *self.started(10)):
                self.finishes(started, "sent")
            self.reconciles(True)
            self.sound()
            if not self.goes_on():
                break
        assert not self.goes_on()
        self.tells()
        assert not self.business.rows("SELECT 1 FROM inbox WHERE state IN ('pending', 'dead')")
        assert not self.business.rows("SELECT 1 FROM outbox WHERE state IN ('queued', 'waiting', 'sending', 'unknown')")

    def goes_on(self) -> bool:
        """To the next moment at which something happens; False where nothing will."""
        at = next_moment(self.business)
        if at is None and not self.books.flying:
            return False
        self.business.now = self.business.now if at is None else max(self.business.now, at)
        self.sweeps()
        return True


# A story that fails is not shortened, as every try costs a story.
Stories.TestCase.settings = settings(
    max_examples=STORIES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],
)
test_business = Stories.TestCase
