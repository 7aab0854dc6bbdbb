"""Anything that people, backends, colleagues, the network, the clock and the power switch do, in any order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

import bot.crash as crash
from bot.errors import Refused
from bot.web.api import campaigns, consents, contacts, events, hand_over, messages
from bot.web.api.operation import Operation
from tests.store.books import Placed, Written
from tests.store.business import CONTENTS, contact
from tests.store.editions import DIGITS
from tests.store.hearing import starts_anew
from tests.store.network import Network
from tests.store.story import POINTS

PEOPLE = ("46701740605", "46701740606")
STRANGER = "46701740607"  # never writes
DAY = timedelta(days=1)
NOUNS = (messages, consents, events, contacts, hand_over, campaigns)
OFFICE: dict[str, Operation] = {each.name: each for noun in NOUNS for each in noun.OPERATIONS}
SEND, CHANGE, CANCEL = OFFICE["sendMessage"], OFFICE["changeMessage"], OFFICE["cancelMessage"]
REFUSALS = ("", "opted-out", "no-marketing-consent", "idempotency-key-reused", "window-closed", "invalid-body")
CONSENT, EVENT, TELL = OFFICE["setConsent"], OFFICE["sendEvent"], OFFICE["changeContact"]
CAMPAIGN = OFFICE["startCampaign"]
who = st.sampled_from(PEOPLE)
anybody = st.sampled_from((*PEOPLE, *PEOPLE, STRANGER))
words = st.sampled_from(
    [
        "hello",
        "hello",
        "number",
        "number",
        "1234",
        "12345",
        "track",
        "track",
        "agent",
        "what?",
        "STOP",
        "START",
        "START",
        "please stop",
        "yes",
    ]
)
answers = st.sampled_from(["1234", "12345", "12", "hello", "please stop", "yes", "number"])
ago = st.sampled_from([*[timedelta()] * 4, timedelta(minutes=5), timedelta(hours=30), 8 * DAY])
ahead = st.sampled_from([None, None, "30 minutes", "20 hours", "3 days"])
until = st.sampled_from([None, None, None, timedelta(minutes=10), timedelta(hours=21), 5 * DAY])
contents = st.sampled_from(CONTENTS)
keys = st.sampled_from([None, None, "k1", "k2"])
steps = st.sampled_from([-1, -20, 1, 31, 31, 45, 121, 600, 1801, 3600, 72_000, 86_280, 90_000, 8 * 86_400])


class Stories(Network):
    """Each rule is something that happens; after each, everything promised must hold."""

    @initialize()
    def opens(self) -> None:
        self.run(self.business.begin)
        self.begun = True
        self.writes(PEOPLE[0], "hello", timedelta(), True)
        self.consents(PEOPLE[0], "marketing", "opted_in", timedelta(), "")

    # --- people ---------------------------------------------------------------------------------------------------------

    @rule(who=who, text=words, ago=ago, decide=st.booleans())
    def writes(self, who: str, text: str, ago: timedelta, decide: bool) -> None:
        at = self.business.now - ago
        raw = self.business.written(who, text, at)
        id_ = self.business.last_id
        self.books.written[id_] = Written(who, text, at)
        self.books.expected["inbound", who] += 1
        assert self.hears(raw)
        at = self.books.written[id_].at = min(at, self.business.now)  # the clock may have been set back before it came
        self.raws.append((raw, who))
        self.books.closes[who] = max(at + DAY, self.books.closes.get(who, at + DAY))
        if text in ("STOP", "START"):
            self.books.says(who, "all", "stopped" if text == "STOP" else "opted_in", at, f"in:{id_}")
            self.happened[text] += 1
        self.happened["late" if ago else "in time"] += 1
        if decide:
            self.decides()

    @rule(who=who, texts=st.lists(words, min_size=2, max_size=4))
    def writes_in_another_order(self, who: str, texts: list[str]) -> None:
        """What was written last comes first."""
        for seconds, text in enumerate(texts, 1):
            self.writes(who, text, timedelta(seconds=10 * seconds), False)
        self.happened["reordered"] += 1

    @rule(who=who, edition=st.sampled_from(sorted(DIGITS)), texts=st.lists(answers, min_size=1, max_size=3))
    def is_asked(self, who: str, edition: str, texts: list[str]) -> None:
        """The rules change while a question is open."""
        self.writes(who, "number", timedelta(), True)
        self.reloads(edition)
        for text in texts:
            self.writes(who, text, timedelta(), True)

    @rule(
        who=who, held=st.lists(words, max_size=3), then=st.lists(words, max_size=2), after=st.sampled_from([0, 5, 45])
    )
    def writes_while_called(self, who: str, held: list[str], then: list[str], after: int) -> None:
        """What comes while a connection is asked waits for its answer, also what nobody has looked at before that came."""
        self.writes(who, "track", timedelta(), True)
        self.call()
        for text in held:
            self.writes(who, text, timedelta(), True)
        self.business.passes(timedelta(seconds=after))
        for text in then:
            self.writes(who, text, timedelta(), False)
        for started in list(self.calling):
            self.call_ended(started, "found")
        self.decides()

    @precondition(lambda self: self.raws)
    @rule(data=st.data())
    def comes_again(self, data: st.DataObject) -> None:
        raw, _ = data.draw(st.sampled_from(self.raws))
        assert not self.hears(raw)
        self.happened["duplicate"] += 1

    @rule()
    def turns(self) -> None:
        self.decides()

    # --- backends -------------------------------------------------------------------------------------------------------

    @rule(who=anybody, content=contents, ahead=ahead, until=until, key=keys, dies=st.sampled_from([False, False, True]))
    def sends(
        self,
        who: str,
        content: dict[str, object],
        ahead: str | None,
        until: timedelta | None,
        key: str | None,
        dies: bool = False,
    ) -> None:
        body = {"to": f"+{who}", **content}
        body |= {} if ahead is None else {"send_at": {"after": ahead}}
        body |= {} if until is None else {"not_after": (self.business.now + until).isoformat()}
        kept = self.books.keys.get(key or "")
        known = kept is not None and kept[2] > self.business.now - 7 * DAY
        answer, code = self.ask(SEND, body, key)
        if not code and key is not None and dies:
            self.dies()
            again, _ = self.ask(SEND, body, key)
            assert again.id == answer.id, "two messages of one key"
            self.happened["answer lost"] += 1
        self.happened[f"send: {code}" if code else "send"] += 1
        assert code in REFUSALS
        assert (code == "idempotency-key-reused") == (known and kept is not None and kept[0] != body)
        if code:
            assert code != "opted-out" or self.books.counts(who, "all") == "stopped"
            assert code != "no-marketing-consent" or self.books.counts(who, "marketing") != "opted_in"
            return
        if known and kept is not None:
            assert (kept[0], kept[1]) == (body, answer.id)
            assert answer.created_at == kept[2]
            self.happened["send: replayed"] += 1
            return
        assert self.books.counts(who, "all") != "stopped"
        assert answer.id not in self.books.placed
        stretch = {"30 minutes": timedelta(minutes=30), "20 hours": timedelta(hours=20), "3 days": 3 * DAY}
        at = None if ahead is None else self.business.now + stretch[ahead]
        self.books.placed[answer.id] = Placed(who, at, None if until is None else self.business.now + until)
        if at is None:
            self.books.line.setdefault(who, []).append(answer.id)
        if key is not None:
            self.books.keys[key] = (body, answer.id, self.business.now)

    @precondition(lambda self: any(isinstance(kept[0], dict) for kept in self.books.keys.values()))
    @rule(data=st.data())
    def sends_again(self, data: st.DataObject) -> None:
        """The same key and body: the same answer, however the person stands by now."""
        key = data.draw(
            st.sampled_from(sorted(key for key, kept in self.books.keys.items() if isinstance(kept[0], dict)))
        )
        body, id_, at = self.books.keys[key]
        assert isinstance(body, dict)
        if at > self.business.now - 7 * DAY:
            answer, code = self.ask(SEND, body, key)
            assert (code, answer.id, answer.created_at) == ("", id_, at)
            self.happened["send: replayed"] += 1

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
        id_ = data.draw(st.sampled_from(list(self.books.placed)))
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
            if id_ in (line := self.books.line.get(placed.who, [])):
                line.remove(id_)
            assert ahead is not None or placed.at is None or placed.at <= self.business.now
        if until is not None:
            placed.upto = self.business.now + until

    @precondition(lambda self: self.books.placed)
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(list(self.books.placed)))
        had = self.state_of(id_)
        answer, code = self.ask(CANCEL, id=id_)
        if code:
            assert code == "already-left"
            assert had[0] != "cancelled" or self.books.shown(id_) != {0}
            assert had[0] not in ("queued", "waiting") or had[1]
            return
        assert answer.status == "cancelled"
        assert had[0] in ("waiting", "cancelled") or (had[0] == "queued" and not had[1])
        self.books.placed[id_].gone = True
        self.happened["cancelled"] += 1

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
        is_known = id_ is not None and (name, id_, who) in self.books.event_ids
        if not is_known:
            self.books.expected["api", who] += 1
        answer, code = self.ask(EVENT, {"name": name, "to": f"+{who}", **({} if id_ is None else {"id": id_})})
        assert not code
        assert [each.status for each in answer.recipients] == ["seen_before" if is_known else "recorded"]
        if id_ is not None:
            self.books.event_ids.add((name, id_, who))
        self.happened["event"] += 1

    @rule(to=st.lists(anybody, min_size=1, max_size=3, unique=True), template=st.sampled_from(["shipped", "sale"]))
    def begins_campaign(self, to: list[str], template: str) -> None:
        body = {
            "template": {"name": template, "values": {"number": "7"}},
            "recipients": [{"to": f"+{each}"} for each in to],
            "not_between": None,
        }
        _, code = self.ask(CAMPAIGN, body)
        assert not code or (code == "nobody-to-send-to")
        self.happened["campaign"] += not code

    @rule()
    def campaigns_go_on(self) -> None:
        """Whom they hand over to now may get it now."""
        self.run(self.business.campaigns)
        rows = self.business.rows(
            "SELECT identity, category FROM outbox WHERE origin = 'campaign' AND state = 'queued' AND attempts = 0"
        )
        for identity, category in rows:
            assert self.books.counts(identity, "all") != "stopped", "a campaign waits to leave after STOP"
            assert category != "marketing" or self.books.counts(identity, "marketing") == "opted_in"
        doubles = self.business.rows(
            "SELECT 1 FROM outbox WHERE origin = 'campaign' GROUP BY origin_id, identity HAVING count(*) > 1"
        )
        assert not doubles, "somebody gets a campaign twice"

    @rule(who=anybody, tag=st.sampled_from(["vip", "b2b"]))
    def tags(self, who: str, tag: str) -> None:
        answer, _ = self.ask(TELL, {"tags_added": [tag]}, identity=f"+{who}")
        assert tag in answer.tags

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
        if not code:
            self.books.expected["operator", who] += 1
            self.happened[what] += 1

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
        self.books.line.setdefault(who, []).append(answer.id)
        self.books.expected["operator", who] += 1
        if key is not None:
            self.books.keys[key] = ((who, body), answer.id, self.business.now)

    # --- the clock, the rules, the machine ------------------------------------------------------------------------------

    @rule(seconds=steps, sweeps=st.booleans())
    def waits(self, seconds: int, sweeps: bool) -> None:
        self.business.passes(timedelta(seconds=seconds))
        self.happened["clock set back" if seconds < 0 else "clock goes on"] += 1
        if sweeps:
            self.sweeps()

    @rule(edition=st.sampled_from(sorted(DIGITS)))
    def reloads(self, edition: str) -> None:
        self.happened["reload"] += edition != self.business.edition
        self.run(lambda: self.business.reload(edition))

    @rule()
    def restarts(self) -> None:
        self.cuts_off()
        self.run(self.business.restart)
        starts_anew(self.business, self.books)

    @rule()
    def is_killed(self) -> None:
        self.dies()

    @rule(stretch=st.sampled_from([timedelta(minutes=31), timedelta(hours=3)]))
    def dies_of_timers(self, stretch: timedelta) -> None:
        crash.arm("timers.in_transaction")
        self.business.passes(stretch)
        self.sweeps()

    @rule(point=st.sampled_from(POINTS))
    def is_to_die_at(self, point: str) -> None:
        """Whoever comes there next."""
        crash.arm(point)

    @rule(who=anybody)
    def erases(self, who: str) -> None:
        self.tells()
        self.lands()
        flies = who in self.books.flying or any(
            self.state_of(each.outbox_id)[0] in ("sending", "unknown")
            for each in self.calling
            if each.contact.identity == who
        )
        try:
            patience_s = 0.0 if flies else 5.0
            self.run(lambda: self.business.store.privacy.erase(contact(who), self.business.now, patience_s))
        except Refused:
            if not flies:
                raise
            self.books.quiet(who)
            self.happened["erasing waits"] += 1
            return
        assert not flies
        self.happened["erased"] += 1
        self.books.forget(who, self.business.now)
        ((seen, answered),) = self.business.rows(
            "SELECT (SELECT coalesce(max(id), 0) FROM inbox), (SELECT coalesce(max(seq), 0) FROM outbox)"
        )
        self.books.seen, self.books.answered = min(self.books.seen, seen), min(self.books.answered, answered)
        self.raws = [(raw, whose) for raw, whose in self.raws if whose != who or b"contact_message" in raw]
        kept = {row[0] for row in self.business.rows("SELECT seq FROM outbox")}
        self.books.status = {seq: told for seq, told in self.books.status.items() if seq in kept}

    @rule()
    def is_told(self) -> None:
        self.tells()
