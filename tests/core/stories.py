"""Rulebooks and events drawn by chance, for tests that any conversation must pass: one seed, one story."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from bot.core.asking import AnswerKind, MustBe, Question
from bot.core.event import (
    Content,
    FlowAnswer,
    Location,
    Media,
    MediaKind,
    Order,
    OwnTap,
    Tap,
    Text,
    Unreadable,
)
from bot.core.reply import Button
from bot.core.rule import (
    ALWAYS,
    AtMost,
    Condition,
    DeliveryFailed,
    IfClosed,
    LocalText,
    OptsIn,
    OptsOut,
    QuietTime,
    Remind,
    ReplyItem,
    Rule,
    Say,
    SayFlow,
    SayTemplate,
    SilentFor,
    Then,
    Trigger,
    ValueTest,
    WindowCloses,
)
from bot.core.rulebook import Connection, Rulebook, Settings
from tests.core.build import (
    FIRST,
    MISSED,
    PLACE,
    SKIP,
    WAIT,
    ask,
    book,
    buttons,
    by_template,
    consent_words,
    happened,
    item,
    local,
    one_of,
    rule,
    says,
    sends,
    taps,
    template,
)

H, M = timedelta(hours=1), timedelta(minutes=1)
NAMES = ("ann", "bob", "cleo", "dan", "eve", "finn", "gus")
SLOTS = ("n", "day", "size")
TAGS = ("vip", "left")
OUTCOMES = ("answered", "given_up", "no_answer", "found", "not_found", "failed")
SPOKEN = (("en", "sv"), ("en",), ("sv", "de"), ("de",))
WORDS = (
    "hello,track,track 12345678,spåra 5,öppettider,opening hours,delivery please,agent,stop,STOP!,START,stpo,please stop,"
    "unsubscribe,cancel,never mind,avbryt,yes,no,ja,1,2,3,4,100,12345678,1234567,it is 12345678,1.5,24.12.,31/12/2030,18:30,"
    "ann@x.example,+46701234567,At home,Hemma,In the shop,qwerty,,🙂,👍,???,hellooo,١٢٣,what now,I want to know more about it,"
    "a\ud800b,\u200b,Åsa Öberg-O'Neil,{{n}},<b>&amp;"
).split(",")  # fmt: skip
PHRASES = (
    "hello",
    "track",
    "track {n}",
    "opening hours",
    "[my] delivery",
    "agent",
    "yes",
    "qwerty",
    "what now",
    "12345678",
)
SWEDISH = ("öppettider", "spåra", "spåra {n}", "hej")
HOLED = (
    "Hi {{name|there}}",
    "{{n|none}} and {{day|some day}}",
    "{{status|}}!",
    "{{n}}",
    "{{x|}}",
    "until {{closing_time|late}}",
)


class Reads:
    """Any words of at least two letters."""

    def read(self, text: str, identity: str) -> str | None:
        return text if len(text) > 1 and identity else None


# --- rulebooks ----------------------------------------------------------------------------------------------------------


class Author:
    """Writes rulebooks, sound in what the checks make sure of and wild in all else."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._languages: tuple[str, ...] = ()

    def rulebook(self, version: int) -> Rulebook:
        rng = self._rng
        self._languages = rng.choice(SPOKEN)
        names = rng.sample(NAMES, rng.randint(3, len(NAMES)))
        cancel = frozenset({"cancel", "never mind", "avbryt"})
        zone = rng.choice(("Europe/Stockholm", "America/New_York"))
        settings = Settings(
            zone, self._languages, forget_answers_after=rng.choice((4 * H, 10 * M)), cancel_words=cancel
        )
        near, after = rng.choice(("ask", "ask", "ignore")), rng.choice(("silent", "silent", "answer"))
        reply = local({"": "You get no more messages."})
        consent = consent_words(near_misses=near, after_stop=after, stop_reply=reply, start_reply=reply)
        get = Connection("orders", local("https://erp.example/{{n|}}"), PLACE, timeout=timedelta(seconds=4))
        shipped = replace(template("shipped", "n", category=rng.choice(("utility", "marketing"))))
        return book(
            *(self._rule(name, names) for name in names),
            settings=settings,
            consent=consent,
            connections=(get,),
            templates=(shipped, template("plain")),
            version=version,
        )

    def _rule(self, name: str, names: Sequence[str]) -> Rule:
        rng = self._rng
        triggers = self._triggers()
        only_tells = any(isinstance(each, OptsOut) for each in triggers)
        asks = (
            tuple(self._question(name, slot) for slot in rng.sample(SLOTS, rng.randint(1, 2))) if self._is(0.4) else ()
        )
        call = "orders" if self._is(0.2) else ""
        return rule(
            name,
            *triggers,
            reply=() if only_tells else self._items(name, names, bool(asks or call)),
            condition=self._condition() if self._is(0.2) else ALWAYS,
            then=self._then(names),
            if_closed=self._if_closed(),
            enabled=self._is(0.95),
            category=rng.choice(("utility", "utility", "marketing")),
            ask=() if only_tells else asks,
            call="" if only_tells else call,
            anytime=self._is(0.4),
            at_most=AtMost(rng.randint(1, 3), rng.choice((M, H, 24 * H))) if self._is(0.2) else None,
            not_between=QuietTime(time(21), time(8)) if self._is(0.2) else None,
        )

    def _triggers(self) -> tuple[Trigger, ...]:
        rng = self._rng
        kinds: tuple[Trigger, ...] = (
            says(*rng.sample(PHRASES, 2)),
            says(*rng.sample(PHRASES, 2)),
            says(en=rng.sample(PHRASES, 2), sv=rng.sample(SWEDISH, 2)),
            taps("Sale"),
            sends(rng.choice(("image", "media", "location", "flow", "reaction", "unsupported"))),
            happened("sold", *rng.choice(((), ("n",)))),
            happened("rated"),
            FIRST,
            MISSED,
            MISSED,
            SilentFor(rng.choice((30 * M, 3 * H, 30 * H))),
            WindowCloses(2 * H),
            OptsIn(),
            OptsOut(),
            DeliveryFailed(),
        )
        return tuple(rng.sample(kinds, rng.randint(1, 3)))

    def _question(self, name: str, slot: str) -> Question:
        rng = self._rng
        kind: AnswerKind = rng.choice(get_args(AnswerKind))
        must_be = MustBe(kind, kind, reads=Reads() if kind in ("phone", "pattern") else None)
        if kind == "one_of":
            two = (("home", "At home"), ("shop", "In the shop"))
            must_be = one_of(*(two if self._is(0.5) else (*two, ("2", "Two"), ("x", "X {{n|}}"))))
        elif kind == "digits":
            must_be = replace(must_be, least=8, most=8)
        return ask(
            slot,
            must_be,
            self._words(f"Q:{name}:{slot}:"),
            if_wrong=self._text(f"Q:{name}:{slot}:wrong:") if self._is(0.6) else None,
            tries=rng.randint(1, 3),
            no_answer_after=rng.choice((None, 5 * M, 5 * H)),
        )

    def _items(self, name: str, names: Sequence[str], goes_on: bool) -> list[ReplyItem]:
        found: list[ReplyItem] = []
        for _ in range(self._rng.randint(0, 3)):
            condition = self._condition()
            if goes_on and self._is(0.7):
                condition = Condition(outcome=self._rng.choice(OUTCOMES))
            found.append(self._item(condition, names))
        if self._is(0.85):
            found.append(self._item(ALWAYS, names))
        return found

    def _item(self, condition: Condition, names: Sequence[str]) -> ReplyItem:
        if self._is(0.2):
            return item(condition=condition, goes_to=self._rng.choice((*names, "nobody")))
        said = [self._say(names) for _ in range(self._rng.choice((0, 1, 1, 1, 1, 2)))]
        return item(*said, condition=condition, if_closed=self._if_closed() if self._is(0.2) else None)

    def _say(self, names: Sequence[str]) -> Say | str | dict[str, str]:
        rng = self._rng
        match rng.randint(0, 9):
            case 0:
                return buttons(
                    "What?", *((f"B{at}", rng.choice((*names, "nobody"))) for at in range(rng.randint(1, 3)))
                )
            case 1:
                return SayTemplate(rng.choice(("shipped", "plain", "undeclared")), PLACE)
            case 2:
                return SayFlow(local("Fill in"), "7", local("Go"), results=rng.choice(((), ("day",))))
            case _:
                return self._words()

    def _words(self, start: str = "") -> str | dict[str, str]:
        rng = self._rng
        if self._is(0.5):
            return start + rng.choice(HOLED)
        return {language: f"{start}{language}: {rng.choice(HOLED)}" for language in self._languages}

    def _text(self, start: str) -> LocalText:
        other = local(self._words(start))
        return replace(local(self._words(start)), others=(other,) if self._is(0.3) else ())

    def _condition(self) -> Condition:
        rng = self._rng
        return rng.choice(
            (
                Condition(during="shop"),
                Condition(outside="shop"),
                Condition(languages=frozenset({rng.choice(self._languages)})),
                Condition(window=rng.choice(("open", "closed"))),
                Condition(tag=rng.choice(TAGS)),
                Condition(no_tag=rng.choice(TAGS)),
                Condition(after_rule=rng.choice(NAMES)),
                Condition(starts_on=date(2026, 1, 5), ends_on=date(2026, 1, 6)),
                Condition(first_contact=True),
                Condition(
                    values=(ValueTest(rng.choice(("answer", "slot", "result")), "n", ("12345678", "home", "5")),)
                ),
            )
        )

    def _then(self, names: Sequence[str]) -> Then:
        rng = self._rng
        return Then(
            goes_to=rng.choice(names) if self._is(0.1) else "",
            tag=(rng.choice(TAGS),) if self._is(0.2) else (),
            untag=(rng.choice(TAGS),) if self._is(0.2) else (),
            set={rng.choice(("name", "n", "language")): local(rng.choice(("{{n}}", "sv", "de", "{{size|}}")))}
            if self._is(0.2)
            else {},
            misses_count=2,
            misses_goes_to=rng.choice(names) if self._is(0.3) else "",
            hand_over="support" if self._is(0.1) else "",
            give_back_after=rng.choice((H, 24 * H)),
            forget=("name",) if self._is(0.1) else (),
            remind=Remind(rng.choice((10 * M, 3 * H)), rng.choice(names)) if self._is(0.15) else None,
            tell_backend="told" if self._is(0.1) else "",
        )

    def _if_closed(self) -> IfClosed | None:
        return self._rng.choice(
            (None, WAIT, SKIP, by_template("shipped"), by_template("plain"), replace(WAIT, not_after=H))
        )

    def _is(self, chance: float) -> bool:
        return self._rng.random() < chance


# --- what people do -------------------------------------------------------------------------------------------------------


def content(rng: random.Random, shown: Sequence[tuple[Button, int]]) -> Content:
    """What a person writes, taps or sends; ``shown`` are buttons that they may still see, with the version each carries."""
    caption = rng.choice(WORDS)
    match rng.randint(0, 19):
        case 0 | 1 | 2 if shown:
            button, version = rng.choice(shown[-12:])
            return OwnTap(button.rule, version, button.option, "signed")
        case 3:
            option = rng.choice((0, 1, 2, 3, 99, 100, 101, 199, 200, 205, 10**12 - 1))
            return OwnTap(rng.choice((*NAMES, "_stop", "nobody")), rng.randint(0, 3), option, "signed")
        case 4:
            return Tap(rng.choice(("Sale", "yes", "stop", "At home", f"01ARZ3NDEKTSV4RRFFQ69G5FAV_{caption}")))
        case 5:
            return Media("https://x.example/a.jpg", rng.choice((MediaKind.IMAGE, MediaKind.DOCUMENT, None)), caption)
        case 6:
            return rng.choice(
                (Location(59.3, 18.1), Unreadable("UNSUPPORTED"), Order("c"), FlowAnswer("f", {"day": caption}))
            )
        case 7:
            return Text(rng.choice(("x", "stop ", "1", "å")) * rng.choice((1001, 4097)))
        case _:
            return Text(caption)


def pause(rng: random.Random) -> timedelta:
    """How long until the next thing happens: mostly not long."""
    return rng.choice(
        (timedelta(seconds=rng.randint(0, 5)), rng.random() * 3 * M, rng.random() * H, rng.random() * 30 * H)
    )


def moment_before(rng: random.Random, now: datetime) -> datetime:
    """When it was written: mostly just now."""
    return now - rng.choice((timedelta(seconds=1), timedelta(seconds=1), rng.random() * M, rng.random() * 30 * H))


CallOutcome = Literal["found", "not_found", "failed"]


def results(rng: random.Random) -> tuple[CallOutcome, dict[str, str]]:
    """How a connection answered."""
    how: CallOutcome = rng.choice(get_args(CallOutcome))
    return how, {"status": rng.choice(WORDS), "n": "5"} if how == "found" else {}
