"""What the bot starts by itself: business events in and out of the window, with and without consent; and what asks for no answer."""

from datetime import timedelta

import pytest

from bot.core.conversation import Consent, State
from bot.core.decide import decide
from bot.core.decision import Decision, HandOver, SetPerson
from bot.core.event import (
    ChannelNotice,
    ContactNotice,
    DeliveryReceipt,
    Event,
    Reaction,
    Unsupported,
)
from bot.core.reply import TemplateReply, TextReply
from bot.core.rule import Condition, IfClosed, Rule, Then, ValueTest
from bot.core.rulebook import Rulebooks
from tests.core.build import (
    ANN,
    CLOSED,
    MISSED,
    NOW,
    SKIP,
    WAIT,
    answer,
    book,
    by_template,
    consent_words,
    effects_of,
    event,
    happened,
    item,
    person,
    replies,
    rule,
    sends,
    sends_of,
    talk,
    template,
    texts,
    wrote,
)

SHIPPED = event("order.shipped", first_name="Åsa", order_number="123")
ON_ITS_WAY = "{{first_name}}, {{order_number}} is on its way"
TEMPLATES = (
    template("order_shipped", "first_name", "order_number"),
    template("offer", "first_name", category="marketing"),
)
STOPPED = Consent(True, NOW - timedelta(days=1), changed_by="x")


def shipped(if_closed: IfClosed | None = None, category: str = "utility", then: Then | None = None) -> Rule:
    trigger = happened("order.shipped", "first_name", "order_number")
    return rule("shipped", trigger, reply=ON_ITS_WAY, if_closed=if_closed, category=category, then=then)


def on(rule_: Rule, window: bool = True, consent: Consent | None = None, **consent_changes: object) -> Decision:
    rulebook = book(rule_, templates=TEMPLATES, consent=consent_words(**consent_changes))
    return answer(rulebook, SHIPPED, talk(consent=consent) if window else talk(consent=consent, window=CLOSED))


def test_an_event_is_answered_with_its_values() -> None:
    decision = on(shipped())
    (send,) = sends_of(decision)
    assert texts(decision) == ["Åsa, 123 is on its way"]
    assert (send.answers, send.not_after, send.category) == (False, None, "utility")
    assert (decision.because.layer, decision.because.text) == ("event", "order.shipped")


def test_in_the_window_the_template_stands_by() -> None:
    (send,) = sends_of(on(shipped(by_template("order_shipped"))))
    assert isinstance(send.reply, TextReply)
    assert send.if_closed == TemplateReply("order_shipped", "en_US", {"body[1]text": "Åsa", "body[2]text": "123"})


def test_out_of_the_window_the_template_leaves() -> None:
    decision = on(shipped(by_template("order_shipped")), window=False)
    (reply,) = replies(decision)
    assert reply == TemplateReply("order_shipped", "en_US", {"body[1]text": "Åsa", "body[2]text": "123"})
    assert not decision.because.window_open
    assert sends_of(decision)[0].if_closed == "fail"


def test_several_messages_leave_one_template_between_them() -> None:
    many = rule(
        "shipped",
        happened("order.shipped"),
        reply=[item("one", "two", "three")],
        if_closed=by_template("order_shipped"),
    )
    assert [type(each) for each in replies(on(many, window=False))] == [TemplateReply]
    standing_by = [send.if_closed for send in sends_of(on(many))]
    assert isinstance(standing_by[0], TemplateReply)
    assert standing_by[1:] == ["skip", "skip"]


def test_the_items_if_closed_wins_over_the_rules() -> None:
    own = rule("shipped", happened("order.shipped"), reply=[item("x", if_closed=SKIP)], if_closed=WAIT)
    assert on(own, window=False).effects == ()
    waiting = rule("shipped", happened("order.shipped"), reply=[item("x", if_closed=WAIT)], if_closed=SKIP)
    assert sends_of(on(waiting, window=False))[0].waits


def test_wait_keeps_it_for_seven_days() -> None:
    (send,) = sends_of(on(shipped(WAIT), window=False))
    assert (send.waits, send.if_closed) == (True, "wait")
    assert send.not_after == NOW + timedelta(days=7, seconds=1)


def test_skip_sends_nothing_and_says_so() -> None:
    decision = on(shipped(SKIP), window=False)
    assert decision.effects == ()
    assert "skip" in " ".join(decision.because.notes)
    assert not decision.state.waiting


def test_without_if_closed_it_goes_on_the_books_to_fail_there() -> None:
    decision = on(shipped(), window=False)
    assert sends_of(decision)[0].if_closed == "fail"
    assert decision.state.waiting
    assert "if_closed" in " ".join(decision.because.notes)


@pytest.mark.parametrize("window", [True, False])
def test_nothing_is_sent_to_somebody_stopped(window: bool) -> None:
    decision = on(shipped(by_template("order_shipped"), then=Then(tag=("shipped",))), window, STOPPED)
    assert sends_of(decision) == []
    assert effects_of(decision, SetPerson) == [SetPerson(tags_added=("shipped",))]
    assert "Not sent: the person said STOP." in decision.because.notes
    assert decision.because.consent == "stopped"
    assert not decision.state.waiting


def test_after_stop_answer_means_answers_only() -> None:
    assert sends_of(on(shipped(), consent=STOPPED, after_stop="answer")) == []


@pytest.mark.parametrize(
    ("marketing", "policy", "sent"),
    [
        ("unknown", "opted_in", False),
        ("opted_in", "opted_in", True),
        ("unknown", "not_stopped", True),
        ("stopped", "not_stopped", False),
    ],
)
@pytest.mark.parametrize("window", [True, False])
def test_marketing_needs_its_own_consent(marketing: str, policy: str, sent: bool, window: bool) -> None:
    decision = on(shipped(by_template("offer"), "marketing"), window, Consent(marketing=marketing), marketing=policy)
    assert bool(sends_of(decision)) is sent
    assert any("marketing" in note for note in decision.because.notes) is not sent


def test_a_marketing_template_needs_it_too_whatever_the_rule_says() -> None:
    assert sends_of(on(shipped(by_template("offer")), window=False)) == []
    (send,) = sends_of(on(shipped(by_template("offer"))))
    assert send.if_closed == "fail", "it may leave in the window, and nothing stands by"
    agreed = on(shipped(by_template("offer")), window=False, consent=Consent(marketing="opted_in"))
    assert sends_of(agreed)[0].category == "marketing"


def test_a_template_that_lacks_a_value_fails_visibly() -> None:
    rulebook = book(shipped(by_template("order_shipped")), templates=[template("order_shipped", "eta")])
    decision = answer(rulebook, SHIPPED, talk(window=CLOSED))
    assert decision.effects == ()
    assert decision.state.waiting
    assert "eta" in " ".join(decision.because.notes)


def test_missing_needs_refuse_the_rule() -> None:
    decision = answer(book(shipped()), event("order.shipped", first_name="Åsa", order_number=" "))
    assert decision.effects == ()
    assert decision.because.considered[0].failed == "the event brought no order_number"


def test_the_first_rule_of_that_event_that_holds_answers() -> None:
    delayed = Condition(values=(ValueTest("event", "status", ("delayed", "lost")),))
    rulebook = book(
        rule("delayed", happened("order.shipped"), condition=delayed),
        rule("shipped", happened("order.shipped")),
        rule("x", MISSED),
    )
    assert texts(answer(rulebook, event("order.shipped", status="Delayed!"))) == ["delayed"]
    assert texts(answer(rulebook, event("order.shipped", status="fine"))) == ["shipped"]
    unknown = answer(rulebook, event("order.lost"))
    assert (unknown.effects, unknown.because.layer) == ((), "none")
    assert not unknown.state.waiting


def test_events_go_out_while_a_colleague_has_the_conversation() -> None:
    state = State(in_charge="support", misses=1, missed_at=NOW)
    decision = answer(book(shipped()), SHIPPED, talk(state))
    assert len(sends_of(decision)) == 1
    assert decision.state.in_charge == "support"


def test_a_refused_goes_to_of_an_event_is_not_answered_by_nothing_matched() -> None:
    rulebook = book(rule("shipped", happened("order.shipped"), reply=[item(goes_to="gone")]), rule("otherwise", MISSED))
    assert answer(rulebook, SHIPPED).effects == ()


def test_an_event_can_hand_over() -> None:
    decision = on(shipped(then=Then(hand_over="support")))
    assert effects_of(decision, HandOver) == [HandOver("support")]
    assert decision.state.waiting


def test_an_event_leaves_in_the_persons_language() -> None:
    rulebook = book(shipped(by_template("order_shipped")), templates=TEMPLATES)
    decision = answer(rulebook, SHIPPED, talk(who=person("sv"), window=CLOSED))
    assert sends_of(decision)[0].reply == TemplateReply(
        "order_shipped", "sv_SE", {"body[1]text": "Åsa", "body[2]text": "123"}
    )


# --- reactions and the rest ---------------------------------------------------------------------------------------------

REACTION = Reaction("r-1", ANN, "m-1", "👍", NOW, NOW)


def decided(event_: Event, *rules: Rule, window: bool = True, state: State | None = None) -> Decision:
    conversation = talk(state) if window else talk(state, window=CLOSED)
    return decide(event_, conversation, Rulebooks(book(*rules)), NOW)


@pytest.mark.parametrize(
    "ignored",
    [
        REACTION,
        DeliveryReceipt("d-1", ANN, "m-1", "o-1", "READ", NOW, NOW),
        ChannelNotice("c-1", "WHATSAPP", "quality", {}, NOW, NOW),
        ContactNotice("k-1", "update", "c", (ANN,), NOW, NOW),
        Unsupported("u-1", "capability", "not acted on", NOW),
    ],
)
def test_what_is_no_message_is_ignored_with_a_reason(ignored: Event) -> None:
    state = State(misses=1, missed_at=NOW, hint="sv")
    decision = decided(ignored, rule("otherwise", MISSED), state=state)
    assert (decision.outcome, decision.effects, decision.state) == ("ignored", (), state)
    assert len(decision.because.notes) == 1


def test_a_rule_that_asks_for_reactions_gets_them() -> None:
    thanks = rule("thanks", sends("reaction"), reply="{{emoji}} to you")
    assert texts(decided(REACTION, thanks)) == ["👍 to you"]
    assert decided(Reaction("r-2", ANN, "m-1", "", NOW, NOW), thanks).outcome == "ignored", "it was taken back"
    assert decided(REACTION, thanks, state=State(in_charge="support")).outcome == "ignored"
    out = decided(REACTION, rule("thanks", sends("reaction"), if_closed=SKIP), window=False)
    assert sends_of(out) == [], "a reaction opens no window"


def test_a_reaction_that_no_rule_takes_stays_ignored() -> None:
    vip = rule("thanks", sends("reaction"), condition=Condition(tag="vip"))
    decision = decided(REACTION, vip, rule("otherwise", MISSED))
    assert (decision.outcome, decision.effects) == ("ignored", ())


def test_events_do_not_touch_what_messages_count() -> None:
    state = answer(book(rule("otherwise", MISSED)), wrote("qwerty"), talk()).state
    after = answer(book(rule("x", happened("order.shipped"), reply=[item()])), SHIPPED, talk(state)).state
    assert after.echoes == state.echoes != ()
    assert after.missed_at == state.missed_at
