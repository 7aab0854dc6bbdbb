"""What time does: reminders, silence, windows about to close, quiet times, at most so often, days."""

from datetime import UTC, date, datetime, time, timedelta

from bot.core.decision import DropTimer, SetTimer, TellBackend
from bot.core.event import Reason, SendFailed, TimerFired
from bot.core.rule import (
    AtMost,
    Condition,
    DeliveryFailed,
    OptsIn,
    OptsOut,
    QuietTime,
    Remind,
    SilentFor,
    Then,
    WindowCloses,
)
from tests.core.build import (
    ANN,
    MISSED,
    NOW,
    SKIP,
    ask,
    book,
    by_template,
    effects_of,
    happened,
    outcome,
    rule,
    says,
    sends_of,
    template,
)
from tests.core.talking import Talk

H = timedelta(hours=1)
OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")


# --- reminders ----------------------------------------------------------------------------------------------------------

NUDGE = rule("nudge", reply="Did it arrive?", if_closed=SKIP)
SHIP = rule("ship", says("ship"), reply="Sent.", then=Then(remind=Remind(3 * H, "nudge")))


def test_a_reminder_goes_to_its_rule() -> None:
    talk = Talk(book(SHIP, NUDGE, OTHERWISE))
    talk.says("ship")
    now = talk.now + timedelta(seconds=1)
    assert effects_of(talk.decision, SetTimer) == [
        SetTimer("remind:ship", now + 3 * H, {"goes_to": "nudge", "since": now.isoformat()})
    ]
    assert talk.waits(4 * H) == ["Did it arrive?"]
    assert talk.decision.because.layer == "timer"
    assert talk.state.reminders == ()
    assert talk.waits(40 * H) == []


def test_a_reminder_is_dropped_when_the_person_writes() -> None:
    talk = Talk(book(SHIP, NUDGE, OTHERWISE))
    talk.says("ship")
    talk.says("hm")
    assert effects_of(talk.decision, DropTimer) == [DropTimer("remind:ship")]
    assert talk.waits(4 * H) == []


def test_a_reminder_that_fired_as_the_person_wrote_says_nothing() -> None:
    talk = Talk(book(SHIP, NUDGE, OTHERWISE))
    talk.says("ship")
    (late,) = talk.timers.values()
    talk.says("hm")
    assert talk.decide(TimerFired("t", ANN, late.name, late.due_at, late.values, NOW)) == []
    assert talk.decision.outcome == "ignored"


def test_no_timer_speaks_to_somebody_who_said_stop() -> None:
    talk = Talk(book(SHIP, NUDGE, OTHERWISE))
    talk.says("ship")
    (late,) = talk.timers.values()
    talk.says("STOP")
    assert talk.timers == {}
    assert talk.decide(TimerFired("t", ANN, late.name, late.due_at, late.values, NOW)) == []


# --- silence ------------------------------------------------------------------------------------------------------------

STILL = rule("still", SilentFor(3 * H), reply="Still there?", if_closed=SKIP)


def test_a_long_silence() -> None:
    talk = Talk(book(STILL, OTHERWISE))
    talk.says("x")
    assert talk.waits(2 * H) == []
    talk.says("x")
    assert talk.waits(2 * H) == [], "the time starts anew with each message"
    assert talk.waits(2 * H) == ["Still there?"]
    assert talk.waits(48 * H) == [], "once a silence"


def test_a_new_rule_never_reaches_old_silence() -> None:
    talk = Talk(book(OTHERWISE))
    talk.says("x")
    talk.edit(book(STILL, OTHERWISE, version=2))
    assert talk.waits(10 * H) == []


def test_a_rule_that_is_gone_or_waits_for_something_else_now_says_nothing() -> None:
    talk = Talk(book(STILL, OTHERWISE))
    talk.says("x")
    talk.edit(book(rule("still", says("still"), reply="?"), OTHERWISE, version=2))
    assert talk.waits(10 * H) == []


def test_a_window_about_to_close_counts_to_its_true_end() -> None:
    hurry = rule("hurry", WindowCloses(2 * H), reply="Reply now.", condition=Condition(after_rule="track"))
    talk = Talk(book(hurry, rule("track", says("track"), reply="ok"), OTHERWISE))
    talk.says("track")
    wrote_at = talk.now
    assert talk.timers["window:hurry"].due_at == wrote_at + 22 * H
    assert talk.waits(23 * H) == ["Reply now."]
    talk.says("x")
    assert talk.waits(23 * H) == [], "another rule answered last"


def test_a_timer_waits_until_no_question_is_open() -> None:
    asks = rule(
        "asks",
        says("ask"),
        ask=(ask("n", "number", no_answer_after=4 * H),),
        reply=[outcome("answered", "ok"), outcome("no_answer", "over")],
    )
    talk = Talk(book(STILL, asks, OTHERWISE))
    talk.says("ask")
    asked_at = talk.now
    assert talk.waits(3.5 * H) == []
    assert talk.timers["silent:still"].due_at > asked_at + 4 * H
    assert talk.waits(1 * H) == ["over", "Still there?"]


def test_a_colleague_is_not_interrupted() -> None:
    human = rule("human", says("agent"), reply="ok", then=Then(hand_over="support", give_back_after=48 * H))
    talk = Talk(book(STILL, human, OTHERWISE))
    talk.says("agent")
    assert talk.waits(10 * H) == []


# --- so often, and when -------------------------------------------------------------------------------------------------


def test_at_most_so_often() -> None:
    joke = rule("joke", says("joke"), reply="Ha!", at_most=AtMost(2, 24 * H))
    talk = Talk(book(joke, OTHERWISE))
    assert [talk.says("joke") for _ in range(3)] == [["Ha!"], ["Ha!"], ["Sorry?"]]
    assert "may not do so more often" in talk.decision.because.considered[0].failed
    assert talk.says("joke", later=24 * H) == ["Ha!"]
    talk.edit(book(OTHERWISE, version=2))
    talk.says("x")
    assert talk.state.uses == {}, "nobody asks any more"


def test_quiet_times_hold_back_what_the_bot_starts_and_nothing_else() -> None:
    quiet = QuietTime(time(21), time(8))
    told = rule("told", happened("sold"), reply="Sold!", if_closed=SKIP, not_between=quiet)
    hello = rule("hello", says("hello"), reply="Hi!", not_between=quiet)
    talk = Talk(book(told, hello))
    assert talk.event("sold") == ["Sold!"]
    assert sends_of(talk.decision)[0].not_before is None
    talk.now = datetime(2026, 1, 5, 22, 30, tzinfo=UTC)  # 23:30 in Stockholm
    talk.event("sold")
    assert sends_of(talk.decision)[0].not_before == datetime(2026, 1, 6, 7, 0, tzinfo=UTC)
    talk.says("hello")
    assert sends_of(talk.decision)[0].not_before is None


def test_days() -> None:
    sale = rule(
        "sale", says("sale"), reply="50 %", condition=Condition(starts_on=date(2026, 1, 6), ends_on=date(2026, 1, 7))
    )
    talk = Talk(book(sale, OTHERWISE))
    assert talk.says("sale") == ["Sorry?"]
    assert talk.says("sale", later=15 * H) == ["50 %"], "it is midnight in Stockholm"
    assert talk.says("sale", later=24 * H) == ["50 %"]
    assert talk.says("sale", later=24 * H) == ["Sorry?"]


# --- occasions ----------------------------------------------------------------------------------------------------------


def test_rules_for_leaving_and_coming_back() -> None:
    left = rule("left", OptsOut(), reply=[], then=Then(tag=("left",), tell_backend="opted_out"))
    back = rule("back", OptsIn(), reply="Nice to see you.")
    talk = Talk(book(left, back, OTHERWISE))
    assert talk.says("STOP") == ["You get no more messages."]
    assert talk.conversation.person.tags == {"left"}
    assert effects_of(talk.decision, TellBackend) == [TellBackend("opted_out", {"rule": "left"})]
    assert talk.says("STOP") == []
    assert effects_of(talk.decision, TellBackend) == []
    assert talk.says("START") == ["Welcome back!", "Nice to see you."]


def test_a_failed_delivery() -> None:
    failed = rule("failed", DeliveryFailed(), reply=[], then=Then(tag=("unreachable",), tell_backend="lost"))
    talk = Talk(book(failed, OTHERWISE))
    talk.decide(SendFailed("f-1", ANN, "hello", "o-1", NOW, NOW, Reason("RECIPIENT_NOT_REACHABLE", "No such number")))
    assert talk.conversation.person.tags == {"unreachable"}
    assert effects_of(talk.decision, TellBackend) == [
        TellBackend("lost", {"rule": "failed", "failed_rule": "hello", "reason": "No such number"})
    ]
    talk.decide(SendFailed("f-2", ANN, "failed", "o-2", NOW, NOW))
    assert talk.decision.outcome == "ignored", "a message sent by such a rule fires none"


def test_a_timer_speaks_by_template_when_the_window_is_closed() -> None:
    late = rule("late", SilentFor(48 * H), reply="Hello?", if_closed=by_template("hello"))
    talk = Talk(book(late, OTHERWISE, templates=(template("hello"),)))
    talk.says("x")
    talk.waits(49 * H)
    assert [type(each.reply).__name__ for each in sends_of(talk.decision)] == ["TemplateReply"]


def test_forgetting_a_field() -> None:
    talk = Talk(book(rule("a", says("a"), reply="ok", then=Then(set={}, forget=("first_name",)))))
    talk.conversation = talk.conversation.__class__(
        ANN,
        talk.conversation.person.__class__(7, "", "", {"first_name": "Ann", "city": "Umeå"}),
        talk.conversation.window,
    )
    talk.says("a")
    assert talk.conversation.person.fields == {"city": "Umeå"}
