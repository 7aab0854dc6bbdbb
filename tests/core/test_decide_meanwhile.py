"""What meets an open question, a call or a colleague: events, timers, files, flows, near misses, late messages."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.core.conversation import Consent, Window
from bot.core.decision import Call, DropTimer, SetTimer, TellBackend
from bot.core.event import (
    ConsentNotice,
    FlowAnswer,
    InboundMessage,
    Media,
    MediaKind,
    Reaction,
    SendFailed,
    Text,
    TimerFired,
)
from bot.core.rule import DeliveryFailed, OptsIn, QuietTime, Remind, SayFlow, SilentFor, Then
from bot.core.rulebook import Settings
from tests.core.build import (
    ANN,
    DIGITS_8,
    MISSED,
    NOW,
    ask,
    book,
    consent_words,
    effects_of,
    happened,
    item,
    local,
    outcome,
    person,
    rule,
    says,
    sends,
    sends_of,
    talk,
)
from tests.core.talking import Talk
from tests.core.test_decide_calls import ORDERS

M, H = timedelta(minutes=1), timedelta(hours=1)
PIC = Media("https://x.example/a.jpg", MediaKind.IMAGE)
TRACK = rule(
    "track",
    says("track"),
    ask=(ask("number", DIGITS_8, "Number?", if_wrong=local("8 digits."), no_answer_after=20 * M),),
    reply=[outcome("answered", "Thanks."), outcome("given_up", "Bye."), outcome("no_answer", "There?")],
)
HELLO = rule("hello", says("hello"), reply="Hi!")
PICTURE = rule("picture", sends("image"), reply="Nice picture.")
OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")


# --- files and flows ----------------------------------------------------------------------------------------------------


def test_a_file_leaves_a_question_by_its_caption_only() -> None:
    conversation = Talk(book(PICTURE, TRACK, HELLO, OTHERWISE))
    conversation.says("track")
    assert conversation.says(PIC) == ["8 digits."]
    assert conversation.says(replace(PIC, caption="look here")) == ["8 digits."], "no phrase is the whole caption"
    conversation.says("track")
    assert conversation.says(replace(PIC, caption="hello")) == ["Hi!"]


def test_a_caption_is_an_answer() -> None:
    conversation = Talk(book(PICTURE, TRACK, HELLO, OTHERWISE))
    conversation.says("track")
    assert conversation.says(replace(PIC, caption="12345678")) == ["Thanks."]


BOOKING = rule(
    "booking",
    says("book"),
    reply=[outcome("answered", "On {{day}}."), item(SayFlow(local("Book."), "77", local("Go"), results=("day",)))],
)


def test_a_flow_that_is_answered_in_the_middle_of_a_question_is_a_digression() -> None:
    conversation = Talk(book(BOOKING, TRACK, OTHERWISE))
    conversation.says("book")
    conversation.says("track")
    assert conversation.says(FlowAnswer("flow", {"day": "Monday"})) == ["On Monday.", "Number?"]
    assert conversation.says("12345678") == ["Thanks."]


def test_the_answer_of_a_flow_whose_rule_is_gone_belongs_to_the_question() -> None:
    conversation = Talk(book(BOOKING, TRACK, OTHERWISE))
    conversation.says("book")
    conversation.says("track")
    conversation.edit(book(TRACK, OTHERWISE, version=2))
    assert conversation.says(FlowAnswer("flow", {"day": "Monday"})) == ["8 digits."]


def test_a_flow_that_could_not_be_shown_waits_for_nothing() -> None:
    long = rule(
        "long",
        says("book"),
        reply=[outcome("answered", "ok"), item(SayFlow(local("Go"), "7", local("x" * 30), results=("day",)))],
    )
    conversation = Talk(book(long, OTHERWISE))
    conversation.says("book")
    assert conversation.state.flow is None


def test_a_cancel_word_with_a_letter_held_down() -> None:
    conversation = Talk(
        book(TRACK, OTHERWISE, settings=Settings("UTC", ("en",), cancel_words=frozenset({"never mind"})))
    )
    conversation.says("track")
    assert conversation.says("neverrrr mind!!") == ["All right, we leave it there."]


# --- time -----------------------------------------------------------------------------------------------------------------


def test_an_answer_in_time_counts_however_late_it_reaches_us() -> None:
    endless = replace(TRACK, ask=(replace(TRACK.ask[0], no_answer_after=None),))
    conversation = Talk(book(endless, OTHERWISE))
    conversation.says("track")
    in_time = conversation.now + M
    conversation.now += 6 * H
    assert conversation.decide(InboundMessage("late", ANN, "m", Text("12345678"), in_time, conversation.now)) == [
        "Thanks."
    ]


def test_a_message_of_yesterday_is_no_answer_to_todays_question() -> None:
    conversation = Talk(book(TRACK, HELLO, OTHERWISE))
    conversation.says("track")
    late = InboundMessage("late", ANN, "m", Text("hello"), conversation.now - 25 * H, conversation.now)
    conversation.decide(late)
    assert conversation.asked == "track"
    assert conversation.says("12345678") == ["Thanks."]


@pytest.mark.parametrize("said", ["stpo", "START"])
def test_every_message_begins_the_questions_time_anew(said: str) -> None:
    conversation = Talk(book(TRACK, OTHERWISE, consent=consent_words(after_stop="answer")))
    conversation.says("track")
    if said == "START":
        conversation.conversation = replace(
            conversation.conversation, consent=Consent(True, NOW, changed_by="by the page")
        )
    conversation.says(said, later=15 * M)
    assert conversation.asked == "track"
    assert conversation.says("12345678", later=15 * M) == ["Thanks."]
    assert effects_of(conversation.decision, DropTimer) == [DropTimer("question")]


def test_no_to_a_near_miss_begins_it_anew_too() -> None:
    conversation = Talk(book(TRACK, OTHERWISE))
    conversation.says("track")
    conversation.says("stpo", later=15 * M)
    assert conversation.says("no", later=15 * M) == ["All right, nothing changes."]
    assert conversation.says("12345678", later=15 * M) == ["Thanks."]


def test_a_timer_does_not_knock_for_ever_at_a_question_whose_time_went_by() -> None:
    still = rule("still", SilentFor(3 * H), reply="Still there?")
    rate = rule("rate", happened("rate"), ask=(ask("stars", "number", no_answer_after=20 * M),), reply="ok")
    conversation = Talk(book(still, rate, OTHERWISE))
    conversation.says("hm")
    conversation.conversation = replace(
        conversation.conversation,
        state=replace(conversation.state, in_charge="support", in_charge_until=conversation.now + 2 * H),
    )
    conversation.event("rate")
    decided = conversation.count
    assert conversation.waits(5 * H) == ["Still there?"]
    assert conversation.count - decided < 4
    assert conversation.asked == ""


def test_a_reminder_set_anew_is_not_the_one_that_was_due() -> None:
    nudge = rule("nudge", reply="Did it arrive?")
    ship = rule("ship", says("ship"), reply="Sent.", then=Then(remind=Remind(3 * H, "nudge")))
    conversation = Talk(book(ship, nudge, OTHERWISE))
    conversation.says("ship")
    due = conversation.timers["remind:ship"]
    conversation.says("ship", later=3 * H - M)
    assert conversation.decide(TimerFired("t", ANN, due.name, due.due_at, due.values, conversation.now)) == []
    assert conversation.waits(4 * H) == ["Did it arrive?"]


def test_a_timer_that_brings_no_time_does_nothing() -> None:
    still = rule("still", SilentFor(3 * H), reply="Still there?")
    conversation = Talk(book(still, OTHERWISE))
    conversation.decide(TimerFired("t", ANN, "silent:still", NOW, {}, NOW))
    assert conversation.decision.outcome == "ignored"


# --- events ---------------------------------------------------------------------------------------------------------------

RATE = rule("rate", happened("rate"), ask=(ask("stars", "number"),), reply="{{stars}}!", category="marketing")


def test_an_event_that_may_not_ask_leaves_the_open_question() -> None:
    conversation = Talk(book(TRACK, RATE, OTHERWISE))
    conversation.says("track")
    assert conversation.event("rate") == []
    assert conversation.asked == "track"
    assert conversation.says("12345678") == ["Thanks."]


def test_a_question_held_back_by_a_quiet_time_is_open_from_its_end_on() -> None:
    told = replace(
        RATE,
        category="utility",
        not_between=QuietTime(time(21), time(8)),
        ask=(ask("stars", "number", no_answer_after=20 * M),),
    )
    conversation = Talk(book(told, HELLO, OTHERWISE))
    conversation.now = datetime(2026, 1, 5, 22, 30, tzinfo=UTC)  # 23:30 in Stockholm
    conversation.says("hm")
    conversation.event("rate")
    (send,) = sends_of(conversation.decision)
    assert send.not_before == datetime(2026, 1, 6, 7, 0, tzinfo=UTC)
    assert conversation.timers["question"].due_at == send.not_before + 20 * M
    assert conversation.says("7") == ["Sorry?"], "nobody has seen it"
    assert conversation.says("5", later=8 * H + 40 * M) == ["5!"]


def test_a_question_that_would_leave_after_the_window_is_not_open() -> None:
    told = replace(RATE, category="utility", not_between=QuietTime(time(21), time(8)))
    conversation = Talk(book(told, HELLO, OTHERWISE), talk(window=Window(datetime(2026, 1, 6, 2, tzinfo=UTC))))
    conversation.now = datetime(2026, 1, 5, 22, 30, tzinfo=UTC)
    conversation.event("rate")
    assert conversation.asked == ""


def test_what_the_bot_says_by_itself_closes_a_near_miss() -> None:
    happy = rule("happy", happened("done"), ask=(ask("happy", "yes_or_no", "Happy?"),), reply="{{happy}}!")
    conversation = Talk(book(happy, OTHERWISE))
    conversation.says("stpo")
    conversation.event("done")
    assert conversation.says("yes") == ["yes!"]
    assert not conversation.conversation.consent.stopped


def test_an_opt_out_of_the_channel_drops_the_question_as_stop_does() -> None:
    conversation = Talk(book(TRACK, OTHERWISE))
    conversation.says("track")
    notice = ConsentNotice("c", ANN, False, True, conversation.now, conversation.now)
    conversation.decide(notice)
    assert conversation.conversation.consent.stopped
    assert conversation.asked == ""
    assert effects_of(conversation.decision, DropTimer) == [DropTimer("question")]


def test_telling_a_backend_names_the_rule_whatever_the_slots_are_called() -> None:
    told = rule("told", happened("sold"), reply="ok", then=Then(tell_backend="sold"))
    conversation = Talk(book(told))
    conversation.event("sold", rule="another", n="1")
    assert effects_of(conversation.decision, TellBackend) == [TellBackend("sold", {"rule": "told", "n": "1"})]


def test_a_field_is_not_emptied_by_an_answer_that_never_came() -> None:
    email = rule(
        "email",
        says("email"),
        ask=(ask("address", "email", tries=1),),
        reply=[outcome("answered", "ok"), outcome("given_up", "Later, then.")],
        then=Then(set={"email": local("{{address}}")}),
    )
    conversation = Talk(book(email), talk(who=person(fields={"email": "ann@x.example"})))
    conversation.says("email")
    assert conversation.says("hm") == ["Later, then."]
    assert conversation.conversation.person.fields == {"email": "ann@x.example"}


# --- hand-over ------------------------------------------------------------------------------------------------------------


def test_a_digression_just_after_the_conversation_was_given_back() -> None:
    rate = replace(RATE, category="utility")
    price = rule("price", says("price"), reply="5 euro.", anytime=True)
    conversation = Talk(book(rate, price, OTHERWISE))
    conversation.conversation = replace(
        conversation.conversation,
        state=replace(conversation.state, in_charge="support", in_charge_until=NOW + H),
    )
    conversation.event("rate")
    assert conversation.says("price", later=2 * H) == ["5 euro.", "stars?"]
    assert conversation.asked == "rate"


# --- calls ----------------------------------------------------------------------------------------------------------------

FIND = rule(
    "find",
    says("find {number}"),
    call="orders",
    reply=[outcome("found", "{{status}}"), outcome("not_found", "None."), item("Failed.")],
)
NUMBERED = replace(ORDERS, url=local("https://erp.example/{{number}}"))


def test_a_person_whose_call_is_never_answered_is_shown_to_somebody() -> None:
    conversation = Talk(book(FIND, OTHERWISE, connections=(NUMBERED,)))
    conversation.says("find 7")
    assert not conversation.state.waiting
    assert conversation.says("hello?", later=M) == ["Sorry?"]
    assert conversation.state.waiting


def test_a_call_is_not_replaced_by_what_does_not_wait_for_it() -> None:
    lost = rule("lost", DeliveryFailed(), call="orders", reply=[item("Lost.")])
    conversation = Talk(book(FIND, lost, OTHERWISE, connections=(NUMBERED,)))
    conversation.says("find 7")
    before = conversation.state.call
    conversation.decide(SendFailed("f", ANN, "hello", "o", NOW, NOW))
    assert effects_of(conversation.decision, Call) == []
    assert conversation.state.call == before


def test_a_machine_that_keeps_asking_for_calls_is_noticed() -> None:
    conversation = Talk(book(FIND, OTHERWISE, connections=(NUMBERED,)))
    said = []
    for _ in range(11):
        conversation.says("find 7", later=timedelta(seconds=3))
        said += conversation.answers("found", {"status": "ok"}) if conversation.call is not None else []
    assert said == ["ok"] * 10
    assert effects_of(conversation.decision, Call) == []
    assert conversation.state.call is None
    assert conversation.state.waiting
    assert [len(echo.times) for echo in conversation.state.echoes] == [11]


def test_nobody_is_put_before_a_person_for_the_call_of_somebody_who_left() -> None:
    conversation = Talk(book(FIND, OTHERWISE, connections=(NUMBERED,)))
    conversation.says("find 7")
    conversation.conversation = replace(conversation.conversation, consent=Consent(True, conversation.now))
    assert conversation.answers("found", {"status": "ok"}) == []
    assert not conversation.state.waiting


def test_halves_of_letters_do_not_break_an_address() -> None:
    conversation = Talk(book(FIND, OTHERWISE, connections=(NUMBERED,)))
    conversation.says("find a\ud800b")
    assert conversation.call is not None
    assert conversation.call.url == "https://erp.example/a%3Fb"


def test_coming_back_by_the_channel_may_ask() -> None:
    back = rule("back", OptsIn(), ask=(ask("why"),), reply="Thanks.")
    conversation = Talk(book(back, OTHERWISE), talk(consent=Consent(True, NOW - H)))
    assert conversation.decide(ConsentNotice("c", ANN, True, True, NOW, NOW)) == ["why?"]
    assert conversation.says("because") == ["Thanks."]


def test_a_reaction_leaves_a_question_as_it_is() -> None:
    heart = rule("heart", sends("reaction"), reply="<3")
    conversation = Talk(book(heart, TRACK, OTHERWISE))
    conversation.says("track")
    before = conversation.state.question
    assert conversation.decide(Reaction("r", ANN, "m", "❤", conversation.now, conversation.now)) == ["<3"]
    assert conversation.state.question == before
    assert effects_of(conversation.decision, SetTimer) == []


# --- where the person is ----------------------------------------------------------------------------------------------------


def quiet_talk(zone: str, ends: time, now: datetime) -> datetime | None:
    told = rule("told", happened("sold"), reply="Sold!", not_between=QuietTime(time(21), ends))
    who = replace(person(), time_zone=zone)
    conversation = Talk(
        book(told, settings=Settings("Europe/Stockholm", ("en",))), talk(who=who, window=Window(now + 20 * H))
    )
    conversation.now = now
    conversation.event("sold")
    (send,) = sends_of(conversation.decision)
    return send.not_before


def test_quiet_is_it_where_the_person_is() -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert quiet_talk("Asia/Tokyo", time(8), noon) == datetime(2026, 1, 5, 23, tzinfo=UTC)
    assert quiet_talk("", time(8), noon) is None


def test_a_zone_that_is_none_counts_as_the_shops() -> None:
    night = datetime(2026, 1, 5, 23, tzinfo=UTC)
    for wrong in ("Mars/Olympus", "../etc/passwd", "\0", "å" * 300):
        assert quiet_talk(wrong, time(8), night) == datetime(2026, 1, 6, 7, tzinfo=UTC)


def test_quiet_times_end_by_the_clock_that_is_put_forward_and_back() -> None:
    spring = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    assert quiet_talk("", time(8), spring) == datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert quiet_talk("", time(2, 30), spring) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "half past two is left out"
    autumn = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert quiet_talk("", time(2, 30), autumn) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
