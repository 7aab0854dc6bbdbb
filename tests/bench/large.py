"""A large database, as years of use would leave it: ``python -m tests.bench.large PATH --contacts 100000 --messages 1000000``.

Every message that came is a webhook of Sinch's as the parser reads it, and was decided by the rules of ``tests/bench/rules``; so whatever
looks at a database can look at this one. The same seed gives the same database, but for the installation's key.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from bot.core.codec import as_it_is, reply_to_plain, state_to_plain
from bot.core.conversation import WINDOW, Consent, Conversation, Person, State, Window
from bot.core.decide import decide
from bot.core.decision import Send
from bot.core.event import Act, ColleagueActed, ContactKey, Event, InboundMessage
from bot.core.ledger import change_of, consent_change, with_change
from bot.core.own_events import raw_of
from bot.core.reply import Reply, TemplateReply, TextReply
from bot.core.rulebook import Rulebooks
from bot.rulebook.load import load_files
from bot.store.sqlite.keeping import save_rulebook
from bot.store.sqlite.times import to_us, to_us_or_none
from bot.store.units import Claimed, InboxKind
from bot.work.stored_events import reader
from bot.work.trace import settled
from tests.bench.large_tables import Tables, tables_of
from tests.bench.large_tally import add_up
from tests.sinch.payloads import APP, receipt, texted, whatsapp

SPAN = timedelta(days=90)
_AN_HOUR = timedelta(hours=1)  # the newest is that old, so that receipts are not from the future
DAY = timedelta(days=1)
_RULES = Path(__file__).parent / "rules" / "shop.yaml"
_CAMPAIGNS = 12

_FIRST = "Åsa Anna Björn Carla Chloë Dmitri Elif Fatou George Hanna İpek Jörg Kasia Łukasz Mía Nils Ólafur Priya Renée Sven".split()
_LAST = "Åkerlund Andersson Öberg Brandt Costa Dvořák Eriksen Fischer García Haddad Ivanova Jansson Kowalski Lindqvist".split()
_CITIES = "Malmö Uppsala Kraków Köln Lyon Porto Göteborg Århus Zürich Gdańsk".split()
_TAGS = ("vip", "newsletter", "wholesale", "returns often", "café club")
_TEAMS = ("support", "sales")
_SAYINGS = (
    *("Hi", "Hello!", "opening hours", "when are you open?", "how do I return this?", "I want a refund"),
    *(
        "shipping cost",
        "free shipping?",
        "I need an invoice",
        "can I pay with swish",
        "wrong size",
        "size chart please",
    ),
)
_NOT_UNDERSTOOD = ("Do you have gift cards?", "my parcel is wet", "asdf", "Is Åsa working today?", "can I bring my dog")
_REFUSED = ("INVALID_ARGUMENT", "The recipient is not a WhatsApp user.")
_LOST = ("OUTSIDE_ALLOWED_SENDING_WINDOW", "The underlying channel reported: re-engagement message", "", "131047")


def fill(path: Path, contacts: int, messages: int, now: datetime, app: str = APP, seed: int = 1) -> None:
    """Make the database at ``path``, which must not exist, with so many people and messages of both ways until ``now``."""
    files = {"rules/shop.yaml": _RULES.read_bytes()}
    rulebook = load_files(files).rulebook
    assert rulebook is not None
    with tables_of(path) as tables:
        number = save_rulebook(tables.connection, rulebook.digest, files, "", now - SPAN)
        rulebooks = Rulebooks(replace(rulebook, version=number), {})
        life = Life(tables, rulebooks, contacts, messages, now, app, random.Random(seed))
        life.live()
        tables.write()
        add_up(tables.connection, now)
    print(f"\r{life.messages} messages of {contacts} people are in {path}.", flush=True)


@dataclass(slots=True)
class Someone:
    """A person as they stand."""

    number: int
    contact: ContactKey
    fields: dict[str, str]
    tags: list[str]
    language: str
    state: State = field(default_factory=State)
    consent: Consent = field(default_factory=Consent)
    wrote_at: datetime | None = None
    active_at: datetime | None = None
    waiting_since: datetime | None = None
    first_inbox: int | None = None
    send_at: datetime | None = None

    def conversation(self) -> Conversation:
        """What a decision about them is made with."""
        person = Person(self.number, self.language, "", self.fields, frozenset(self.tags))
        window = Window(None if self.wrote_at is None else self.wrote_at + WINDOW)
        return Conversation(self.contact, person, window, self.consent, self.state, self.first_inbox is None)


class Life:
    """What happens, one thing after another."""

    def __init__(
        self,
        tables: Tables,
        rulebooks: Rulebooks,
        contacts: int,
        messages: int,
        now: datetime,
        app: str,
        dice: random.Random,
    ) -> None:
        self._tables, self._rulebooks, self._app, self._dice = tables, rulebooks, app, dice
        self._read = reader(app)
        self._wanted, self._now = messages, now
        self._pace = SPAN / (messages / 1.85 + 2)
        self._at = now - SPAN
        self._inbox = self._outbox = self._attempt = 0
        self._people = [self._someone(number) for number in range(1, contacts + 1)]
        self._writers = max(1, contacts * 7 // 10)
        self._campaign_lines = 0
        self._a_campaign = max(1, min(contacts, messages // 10 // _CAMPAIGNS))
        self._lately: list[Someone] = []
        self.messages = 0

    def _someone(self, number: int) -> Someone:
        dice = self._dice
        fields = {"first_name": dice.choice(_FIRST), "last_name": dice.choice(_LAST)} if dice.random() < 0.8 else {}
        if dice.random() < 0.3:
            fields["city"] = dice.choice(_CITIES)
        tags = sorted(dice.sample(_TAGS, 2)) if dice.random() < 0.1 else []
        contact = ContactKey(self._app, "WHATSAPP", f"4670{number:07d}")
        return Someone(number, contact, fields, tags, dice.choice(("en", "en", "sv", "de", "")))

    def live(self) -> None:
        """All of it."""
        begun = time.monotonic()
        while self.messages < self._wanted:
            self._at = self._now - _AN_HOUR - (SPAN - _AN_HOUR) * (1 - self.messages / self._wanted)
            self._step(self._dice.random())
            if self.messages % 10_000 < 2 and sys.stdout.isatty():
                print(
                    f"\r{self.messages} of {self._wanted} messages, {time.monotonic() - begun:.0f} s",
                    end="",
                    flush=True,
                )
        self._plan_ahead()
        self._write_campaigns()
        self._write_people()
        self._write_troubles()

    def _step(self, dice: float) -> None:
        if dice < 0.87:
            self._write_in()
        elif dice < 0.97:
            self._campaign_message()
        elif self._lately:
            self._colleague(self._dice.choice(self._lately), dice)

    # --- what people write --------------------------------------------------------------------------------------------------------

    def _write_in(self) -> None:
        someone = self._people[int(self._writers * self._dice.random() ** 2)]
        if someone.consent.stopped and self._dice.random() < 0.9:
            return
        if self._lately and self._dice.random() < 0.3:
            someone = self._dice.choice(self._lately[-20:])
        text = self._text(someone)
        message_id = f"01LARGE{self._inbox:019d}"
        raw = orjson.dumps(texted(message_id, someone.contact.identity, text, self._at, app_id=self._app))
        event = self._read(InboxKind.INBOUND, raw, self._at)
        assert isinstance(event, InboundMessage)
        someone.wrote_at = someone.active_at = self._at
        self.messages += 1
        change = consent_change(event, None, self._rulebooks.live.consent, Consent())
        if change is not None:
            judged = change_of(
                "stop" if change.state == "stopped" else "start", change.source, change.at, someone.consent
            )
            if judged is not None:
                someone.consent = with_change(someone.consent, judged, event.dedup)
                row = (
                    someone.number,
                    judged.purpose,
                    judged.state,
                    judged.source,
                    to_us(judged.at),
                    to_us(self._at),
                    self._inbox + 1,
                )
                self._tables.add("consent", *row)
        if self._dice.random() < 0.0005:
            self._record(someone, event, InboxKind.INBOUND, raw, "dead")
        else:
            self._decide(someone, event, InboxKind.INBOUND, raw)
        self._lately = [*self._lately[-199:], someone]

    def _text(self, someone: Someone) -> str:
        dice = self._dice.random()
        if someone.consent.stopped:
            return "START"
        if dice < 0.004:
            return "STOP"
        if dice < 0.08:
            return self._dice.choice(_NOT_UNDERSTOOD)
        if dice < 0.4:
            return f"Where is order {self._dice.randrange(10_000_000, 100_000_000)}?"
        return self._dice.choice(_SAYINGS)

    def _decide(self, someone: Someone, event: Event, kind: InboxKind, raw: bytes) -> None:
        before = someone.conversation()
        decision = decide(event, before, self._rulebooks, self._at)
        id_ = self._record(someone, event, kind, raw, decision.outcome)
        trace = settled(Claimed(id_, kind, raw, self._at, 1, event), decision, before, self._rulebooks, self._at)
        rule = decision.because.path[-1] if decision.because.path else ""
        self._tables.add(
            "trace",
            id_,
            someone.number,
            trace.version,
            to_us(self._at),
            decision.because.layer,
            rule,
            trace.inputs,
            trace.digest,
        )
        someone.state = decision.state
        someone.waiting_since = (someone.waiting_since or self._at) if decision.state.waiting else None
        someone.first_inbox = someone.first_inbox or id_
        for effect in decision.effects:
            if isinstance(effect, Send):
                asked_by = ("rule", str(id_), effect.position)
                self._send(someone, effect.reply, asked_by, rule=effect.rule, confirms_stop=effect.confirms_stop)

    def _record(self, someone: Someone | None, event: Event, kind: InboxKind, raw: bytes, state: str) -> int:
        self._inbox += 1
        at, tries = to_us(self._at), 3 if state == "dead" else 1
        why = "Deciding it failed 3 times: KeyError." if state == "dead" else ""
        number = None if someone is None else someone.number
        self._tables.add(
            "inbox", self._inbox, self._app, event.dedup, kind.value, number, state, tries, at, at, at, at, why, raw
        )
        return self._inbox

    # --- what leaves --------------------------------------------------------------------------------------------------------------

    def _send(
        self,
        someone: Someone,
        reply: Reply,
        asked_by: tuple[str, str, int],
        rule: str = "",
        author: str = "",
        confirms_stop: bool = False,
    ) -> None:
        """Let it leave, and become of it what becomes of messages. ``asked_by``: origin, its id, and the position."""
        fate, sent_at = self._dice.random(), self._at + self._pace / 20
        state, delivery, reason, outcome = "sent", 3 if fate < 0.6 else 2, "", "sent"
        if fate > 0.999:
            state, delivery, reason, outcome = "held", 0, "Nobody knows whether it arrived.", "unknown"
        elif fate > 0.997:
            state, delivery, reason, outcome = "expired", 0, "Its time was over.", ""
        elif fate > 0.993:
            state, delivery, reason, outcome = "failed", 0, _REFUSED[1], "failed"
        elif fate > 0.985:
            delivery, reason = 9, orjson.dumps(_LOST).decode()
        self.messages += 1
        tried = int(bool(outcome))
        id_ = self._place(
            someone, reply, asked_by, state, delivery, reason, rule, author, tried, confirms_stop=confirms_stop
        )
        if outcome:
            self._attempted(someone, id_, outcome, delivery, sent_at)

    def _place(
        self, someone: Someone, reply: Reply, origin: tuple[str, str, int], state: str, delivery: int = 0, reason: str = "",
        rule: str = "", author: str = "", attempts: int = 0, not_before: datetime | None = None, confirms_stop: bool = False,
    ) -> str:  # fmt: skip
        self._outbox += 1
        at = to_us(self._at)
        id_ = f"{at // 1000:012x}{self._dice.getrandbits(80):020x}"
        if origin[0] in ("api", "person"):  # asked for by itself
            origin = (origin[0], id_, 0)
        is_open, lost = state in ("queued", "waiting"), state in ("failed", "expired", "held") or delivery == 9
        self._tables.add(
            "outbox", self._outbox, id_, "message", *origin, someone.number, self._app, "WHATSAPP", someone.contact.identity,
            state, delivery, orjson.dumps(reply_to_plain(reply)).decode(), "marketing" if origin[0] == "campaign" else "utility",
            rule, self._rulebooks.live.version, int(confirms_stop), int(origin[0] == "rule"), int(origin[0] == "campaign"), author, at,
            to_us_or_none(not_before), None, to_us_or_none(not_before) or at, attempts,
            int(attempts and state in ("sent", "held")), None if is_open else at, reason, int(lost),
        )  # fmt: skip
        return id_

    def _attempted(self, someone: Someone, id_: str, outcome: str, delivery: int, sent_at: datetime) -> None:
        self._attempt += 1
        message_id = f"01LARGESENT{self._outbox:015d}" if outcome == "sent" else ""
        ended_at = sent_at + min(timedelta(milliseconds=80), self._pace / 20)
        status, code, sentence = (400, *_REFUSED) if outcome == "failed" else (200 if outcome == "sent" else 0, "", "")
        self._tables.add(
            "attempt", self._attempt, self._outbox, 1, to_us(sent_at), "large", to_us(ended_at), outcome, status, code, sentence,
            message_id, delivery,
        )  # fmt: skip
        if outcome == "sent":
            for place, told in enumerate({9: ("FAILED",), 2: ("DELIVERED",)}.get(delivery, ("DELIVERED", "READ")), 1):
                self._told(
                    someone, id_, message_id, told, ended_at + place * min(timedelta(seconds=20), self._pace / 4)
                )

    def _told(self, someone: Someone, id_: str, message_id: str, status: str, at: datetime) -> None:
        why = dict(zip(("code", "description", "sub_code", "channel_code"), _LOST, strict=True))
        more = {"reason": why} if status == "FAILED" else {}
        body = receipt(message_id, status, metadata=id_, channel_identity=whatsapp(someone.contact.identity), **more)
        stamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        raw = orjson.dumps({**body, "app_id": self._app, "accepted_time": stamp, "event_time": stamp})
        self._inbox += 1
        us = to_us(at)
        dedup = f"rcpt:{message_id}:{status}:WHATSAPP"
        self._tables.add(
            "inbox", self._inbox, self._app, dedup, "receipt", someone.number, "decided", 1, us, us, us, us, "", raw
        )
        reason = orjson.dumps(_LOST).decode() if more else ""
        self._tables.add("receipt", self._inbox, self._outbox, message_id, status, us, reason)

    # --- what others do -----------------------------------------------------------------------------------------------------------

    def _colleague(self, someone: Someone, dice: float) -> None:
        what: Act = "took_over" if not someone.state.in_charge else "closed" if dice > 0.995 else "wrote"
        has_closed = someone.wrote_at is None or self._at >= someone.wrote_at + WINDOW - _AN_HOUR
        if someone.consent.stopped or (what == "wrote" and has_closed):
            return
        team = self._dice.choice(_TEAMS) if what == "took_over" else ""
        dedup = f"{what}:{self._inbox}"
        event = ColleagueActed(dedup, someone.contact, what, team, "Ida", None, self._at, self._at)
        someone.active_at = self._at
        self._decide(someone, event, InboxKind.OPERATOR, raw_of(event))
        if what == "wrote":
            self._send(someone, TextReply("Ida here: I look into it at once."), ("person", "", 0), author="Ida")

    def _campaign_message(self) -> None:
        campaign, line = divmod(self._campaign_lines, self._a_campaign)
        self._campaign_lines += 1
        someone = self._people[(line * 7919 + campaign) % len(self._people)]
        why, state = "The person said STOP." if someone.consent.stopped else "", "placed"
        if why:
            state = "skipped"
        else:
            reply = TemplateReply("order_packed", "en_US", {"body[1]text": someone.fields.get("first_name", "there")})
            self._send(someone, reply, ("campaign", str(campaign + 1), line), author="shop")
        self._tables.add("recipient", campaign + 1, line, "WHATSAPP", someone.contact.identity, state, why, 0)

    def _write_campaigns(self) -> None:
        """Those that are over, one that is paused, and one that begins tomorrow."""
        last, at = -(-self._campaign_lines // self._a_campaign), self._now
        rows = [(number, "done", "", self._a_campaign) for number in range(1, last + 1)]
        for number, state, why in ((last + 1, "paused", "Ida paused it."), (last + 2, "running", "")):
            rows.append((number, state, why, min(len(self._people), 5000)))
            for line, someone in enumerate(self._people[:5000]):
                self._tables.add("recipient", number, line, "WHATSAPP", someone.contact.identity, "pending", "", 0)
        for number, state, why, total in rows:
            begun = to_us(at - SPAN * (1 - (number - 1) / (last + 2)))
            starts = to_us(at + DAY) if state == "running" else begun
            ended = begun + 10**9 if state == "done" else None
            self._tables.add(
                "campaign", number, self._app, f"Campaign {number}", "order_packed", "", "marketing", total, state, why, "shop",
                starts, begun, ended,
            )  # fmt: skip

    def _plan_ahead(self) -> None:
        """What waits: for its time, and for its person to write."""
        self._at = self._now
        for someone in self._dice.sample(self._people, min(200, len(self._people) // 10)):
            if someone.consent.stopped:
                continue
            closed = someone.wrote_at is None or someone.wrote_at + WINDOW < self._now
            if closed:
                self._place(
                    someone,
                    TextReply("Your parcel is here."),
                    ("api", "", 0),
                    "waiting",
                    author="erp",
                )
            else:
                someone.send_at = self._now + DAY
                reply = TextReply("See you tomorrow!")
                origin = ("api", "", 0)
                self._place(someone, reply, origin, "queued", author="erp", not_before=someone.send_at)

    def _write_people(self) -> None:
        since = to_us(self._now - SPAN)
        for each in self._people:
            active, seen = to_us_or_none(each.active_at), None
            if active is not None and self._dice.random() < 0.6:
                seen = active + 1
            closes = None if each.wrote_at is None else to_us(each.wrote_at + WINDOW)
            text = "" if each.state == State() else orjson.dumps(state_to_plain(each.state, as_it_is)).decode()
            self._tables.add(
                "person", each.number, self._app, each.language, orjson.dumps(each.fields).decode(), orjson.dumps(each.tags).decode(),
                int(each.consent.stopped), int(each.consent.opted_in), to_us_or_none(each.consent.changed_at),
                each.consent.changed_by, each.first_inbox, since,
            )  # fmt: skip
            contact = each.contact
            self._tables.add(
                "identity",
                contact.app,
                contact.channel,
                contact.identity,
                each.number,
                "",
                closes,
                to_us_or_none(each.wrote_at),
            )
            self._tables.add(
                "lane", each.number, text, to_us_or_none(each.send_at), to_us_or_none(each.waiting_since), active, seen
            )

    def _write_troubles(self) -> None:
        for number in range(20):
            at = to_us(self._now - number * timedelta(hours=7))
            self._tables.add("refused", at, "Its signature is too old, or from the future.", b'{"app_id": "another"}')
            self._tables.add("journal", at, "ida", "took_over", f"person {number + 1}")
            self._inbox += 1
            row = (
                "",
                f"dead:{number:032x}",
                "inbound",
                None,
                "dead",
                0,
                at,
                at,
                at,
                at,
                "It is not JSON.",
                b"not JSON",
            )
            self._tables.add("inbox", self._inbox, *row)


def main() -> None:
    """Make one as asked on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.large", description=__doc__)
    parser.add_argument("path", type=Path, help="where the database goes; there must be none yet")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--app", default=APP, help="the Sinch app that it is of")
    asked = parser.parse_args()
    if asked.path.exists():
        parser.error(f"{asked.path} is there already.")
    fill(asked.path, asked.contacts, asked.messages, datetime.now(UTC), asked.app)


if __name__ == "__main__":
    main()
