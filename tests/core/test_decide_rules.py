"""Layers 2 and 5 of deciding: a colleague in charge, rules top to bottom, what follows a reply, and the reasons for all of it."""

from datetime import timedelta

import pytest

from bot.core.conversation import State
from bot.core.decision import HandOver, SetPerson
from bot.core.event import (
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    Order,
    Unreadable,
)
from bot.core.rule import Condition, Heard, Then, ValueTest
from tests.core.build import (
    ANSWERED_AT,
    FIRST,
    MISSED,
    NOW,
    answer,
    book,
    effects_of,
    item,
    local,
    person,
    phrases,
    replies,
    rule,
    says,
    sends,
    sends_of,
    talk,
    texts,
    wrote,
)

HOUR = timedelta(hours=1)


# --- top to bottom ------------------------------------------------------------------------------------------------------


def test_the_first_rule_that_hears_it_and_holds_answers() -> None:
    rulebook = book(
        rule("off", says("parcel"), enabled=False),
        rule("vip", says("my parcel"), condition=Condition(tag="vip")),
        rule("parcel", says("parcel")),
        rule("late", says("parcel")),
    )
    decision = answer(rulebook, "where is my parcel?")
    assert texts(decision) == ["parcel"]
    assert decision.because.layer == "rules"
    assert decision.because.text == "where is my parcel"
    assert decision.because.path == ("parcel",)
    assert decision.because.case == 0
    assert [(each.rule, each.heard, each.failed) for each in decision.because.considered] == [
        ("off", "parcel", "it is switched off"),
        ("vip", "my parcel", "the person has no tag vip"),
        ("parcel", "parcel", ""),
        ("late", "parcel", "rule parcel, above it, took the message"),
    ]


def test_a_send_carries_where_when_and_why() -> None:
    (send,) = sends_of(answer(book(rule("parcel", says("parcel"))), "parcel"))
    assert send.contact == talk().contact
    assert (send.rule, send.position, send.category, send.if_closed) == ("parcel", 0, "utility", "fail")
    assert (send.answers, send.waits, send.confirms_stop) == (True, False, False)
    assert send.not_after == NOW + ANSWERED_AT + timedelta(minutes=10)


def test_the_first_reply_that_holds_is_given_and_none_means_the_next_rule() -> None:
    swedish = Condition(languages=frozenset({"sv"}))
    picky = rule(
        "picky", says("parcel"), reply=[item("svenska", condition=swedish), item("vip", condition=Condition(tag="vip"))]
    )
    rulebook = book(picky, rule("all", says("parcel")))
    assert texts(answer(rulebook, "parcel", talk(who=person("sv", tags=["vip"])))) == ["svenska"]
    vip = answer(rulebook, "parcel", talk(who=person("en", tags=["vip"])))
    assert (texts(vip), vip.because.case) == (["vip"], 1)
    neither = answer(rulebook, "parcel", talk(who=person("en")))
    assert texts(neither) == ["all"]
    assert neither.because.considered[0].failed == "none of its replies holds now"


def test_messages_leave_in_order() -> None:
    rulebook = book(rule("parcel", says("parcel"), reply=[item("one", "two", "three")]))
    assert [(send.position, send.reply) for send in sends_of(answer(rulebook, "parcel"))] == list(
        enumerate(replies(answer(rulebook, "parcel")))
    )
    assert texts(answer(rulebook, "parcel")) == ["one", "two", "three"]


def test_slots_fill_the_reply_and_are_tested_by_conditions() -> None:
    big = Condition(values=(ValueTest("slot", "count", at_least=10),))
    rulebook = book(
        rule(
            "order", says("order {count: number} chairs"), reply=[item("a lot", condition=big), item("{{count}} it is")]
        )
    )
    assert texts(answer(rulebook, "I order 3 chairs")) == ["3 it is"]
    assert texts(answer(rulebook, "I order 12 chairs")) == ["a lot"]


def test_slots_of_a_refused_rule_do_not_leak() -> None:
    rulebook = book(
        rule("vip", says("order {thing}"), condition=Condition(tag="vip")),
        rule("all", says("order"), reply="You want {{thing|something}}"),
    )
    assert texts(answer(rulebook, "order tea")) == ["You want something"]
    missed = book(
        rule("vip", says("order {thing}"), condition=Condition(tag="vip")),
        rule("otherwise", MISSED, reply="{{thing|What}}?"),
    )
    assert texts(answer(missed, "order tea")) == ["What?"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (Media("https://x.example/a.ogg", MediaKind.VOICE), "voice"),
        (Media("https://x.example/a", None), "media"),
        (Location(59.3, 18.1), "location"),
        (Order("catalogue"), "order"),
        (FlowAnswer("book"), "flow"),
        (Unreadable("UNSUPPORTED"), "unsupported"),
    ],
)
def test_what_was_sent_by_kind(content: object, kind: str) -> None:
    rulebook = book(rule("other", sends("sticker")), rule("kind", sends(kind)), rule("otherwise", MISSED))
    decision = answer(rulebook, content)  # type: ignore[arg-type]
    assert texts(decision) == ["kind"]
    assert decision.because.considered[0].heard == f"sends {kind}"


def test_captions_and_kinds_compete_top_to_bottom() -> None:
    photo = Media("https://x.example/a.jpg", MediaKind.IMAGE, caption="my parcel is broken")
    words, kind = rule("words", says("parcel")), rule("photo", sends("media"))
    assert texts(answer(book(words, kind), photo)) == ["words"]
    assert texts(answer(book(kind, words), photo)) == ["photo"]
    both = rule("both", says("parcel"), sends("image"))
    assert len(answer(book(both), photo).because.considered) == 1


def test_the_fields_of_a_flow_are_slots() -> None:
    rulebook = book(rule("booked", sends("flow"), reply="See you {{date}}"))
    assert texts(answer(rulebook, FlowAnswer("book", {"date": "Monday"}))) == ["See you Monday"]


# --- goes_to and then ---------------------------------------------------------------------------------------------------


def test_an_item_goes_to_another_rule_instead_of_a_reply() -> None:
    rulebook = book(
        rule("hello", says("hello"), reply=[item(goes_to="menu")], then=Then(tag=("greeted",))),
        rule("menu", reply=[item("no", condition=Condition(tag="vip")), item("menu")]),
    )
    decision = answer(rulebook, "hello")
    assert texts(decision) == ["menu"]
    assert (decision.because.path, decision.because.case) == (("hello", "menu"), 1)
    assert effects_of(decision, SetPerson) == [SetPerson(tags_added=("greeted",))]
    assert decision.state.last_rule == "menu"


def test_then_goes_on_after_the_reply_and_sees_what_was_tagged_and_set() -> None:
    first = rule(
        "first", says("hello"), then=Then(goes_to="second", tag=("vip",), set={"drink": local("{{drink_wish|tea}}")})
    )
    second = rule("second", reply="Your {{drink}}", condition=Condition(tag="vip"))
    decision = answer(book(first, second), "hello")
    assert texts(decision) == ["first", "Your tea"]
    assert [send.position for send in sends_of(decision)] == [0, 1]
    assert [send.rule for send in sends_of(decision)] == ["first", "second"]
    assert effects_of(decision, SetPerson) == [SetPerson(None, {"drink": "tea"}, ("vip",))]


def test_ten_hops_are_followed_and_an_eleventh_is_not() -> None:
    def chain(hops: int) -> list[str]:
        links = [rule(f"r{at}", reply=[item(goes_to=f"r{at + 1}")]) for at in range(1, hops)]
        start = rule("r0", says("go"), reply=[item(goes_to="r1")])
        return texts(answer(book(start, *links, rule(f"r{hops}", reply="there")), "go"))

    assert chain(10) == ["there"]
    assert chain(11) == []


def test_a_circle_ends_with_somebody_to_look() -> None:
    circle = book(rule("a", says("go"), reply=[item(goes_to="b")]), rule("b", reply=[item(goes_to="a")]))
    decision = answer(circle, "go")
    assert decision.state.waiting
    assert "circle" in " ".join(decision.because.notes)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (rule("menu", enabled=False), "switched off"),
        (rule("menu", condition=Condition(tag="vip")), "no tag vip"),
        (rule("elsewhere"), "no such rule"),
    ],
)
def test_where_the_target_refuses_nothing_matched_answers(target: object, why: str) -> None:
    hello = rule("hello", says("hello"), reply=[item(goes_to="menu")])
    decision = answer(book(hello, target, rule("otherwise", MISSED)), "hello")  # type: ignore[arg-type]
    assert texts(decision) == ["otherwise"]
    assert why in " ".join(decision.because.notes)
    assert any(each.rule == "menu" and why in each.failed for each in decision.because.considered)
    assert decision.state.misses == 0


def test_a_refusal_after_an_answer_is_only_noted() -> None:
    rulebook = book(
        rule("hello", says("hello"), then=Then(goes_to="menu")), rule("menu", enabled=False), rule("otherwise", MISSED)
    )
    decision = answer(rulebook, "hello")
    assert texts(decision) == ["hello"]
    assert "switched off" in " ".join(decision.because.notes)


def test_tags_fields_and_language_are_changed_once_and_only_if_they_differ() -> None:
    fields = {"drink": local("tea"), "empty": local("{{none|}}"), "language": local("sv")}
    then = Then(tag=("new", "old"), untag=("gone", "never"), set=fields)
    rulebook = book(rule("hello", says("hello"), then=then))
    known = person("en", {"drink": "tea", "empty": "x"}, ["old", "gone"])
    (change,) = effects_of(answer(rulebook, "hello", talk(who=known)), SetPerson)
    assert change == SetPerson("sv", {"empty": None}, ("new",), ("gone",))
    same = person("sv", {"drink": "tea"}, ["old", "new"])
    assert effects_of(answer(rulebook, "hello", talk(who=same)), SetPerson) == []


def test_a_language_nobody_speaks_is_not_set() -> None:
    rulebook = book(rule("hello", says("hello"), then=Then(set={"language": local("klingon")})))
    decision = answer(rulebook, "hello")
    assert effects_of(decision, SetPerson) == []
    assert "klingon" in " ".join(decision.because.notes)


def test_say_nothing_is_an_answer() -> None:
    decision = answer(book(rule("thanks", says("thanks"), reply=[item()]), rule("otherwise", MISSED)), "thanks")
    assert decision.effects == ()
    assert not decision.state.waiting
    assert decision.because.path == ("thanks",)


def test_a_rule_that_only_tags_leaves_somebody_waiting() -> None:
    decision = answer(book(rule("tag", says("tag"), reply=[], then=Then(tag=("x",)))), "tag")
    assert decision.state.waiting
    assert "Nobody answered" in " ".join(decision.because.notes)


# --- a colleague in charge ----------------------------------------------------------------------------------------------

HANDED = book(
    rule("person", says("human"), reply="Coming!", then=Then(hand_over="support", give_back_after=2 * HOUR)),
    rule("hello", says("hello")),
)


def test_handing_over_names_the_team_and_its_time() -> None:
    decision = answer(HANDED, "human")
    assert texts(decision) == ["Coming!"]
    assert effects_of(decision, HandOver) == [HandOver("support")]
    state = decision.state
    assert (state.in_charge, state.in_charge_for, state.waiting) == ("support", 2 * HOUR, True)
    assert state.in_charge_until == NOW + ANSWERED_AT + 2 * HOUR


def test_while_a_colleague_has_it_the_bot_is_silent_and_the_time_starts_again() -> None:
    state = answer(HANDED, "human").state
    decision = answer(HANDED, wrote("hello", NOW + HOUR), talk(state))
    assert decision.effects == ()
    assert decision.because.layer == "person"
    assert decision.state.in_charge_until == NOW + HOUR + 2 * HOUR


def test_it_is_given_back_after_the_time_since_the_last_message() -> None:
    state = answer(HANDED, "human").state
    decision = answer(HANDED, wrote("hello", NOW + 3 * HOUR), talk(state))
    assert texts(decision) == ["hello"]
    assert effects_of(decision, HandOver) == [HandOver("")]
    assert (decision.state.in_charge, decision.state.in_charge_until) == ("", None)


def test_without_an_end_it_stays_with_the_colleague() -> None:
    decision = answer(HANDED, wrote("hello", NOW + 100 * HOUR), talk(State(in_charge="support")))
    assert decision.effects == ()


def test_two_hand_overs_in_a_row_mean_the_later_team() -> None:
    rulebook = book(
        rule("person", says("human"), then=Then(goes_to="billing", hand_over="")),
        rule("billing", then=Then(hand_over="billing")),
    )
    assert answer(rulebook, "human").state.in_charge == "billing"


# --- nobody is left waiting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["hello", "", "🙂", "???", Unreadable("x"), Location(1, 2)])
def test_a_message_that_nobody_answers_is_put_before_a_person(content: object) -> None:
    decision = answer(book(), content)  # type: ignore[arg-type]
    assert decision.effects == ()
    assert decision.state.waiting
    assert decision.because.layer == "nothing_matched"
    assert "a person must look" in decision.because.notes[-1]


def test_waiting_stays_until_a_person_looked() -> None:
    assert answer(book(rule("hi", says("hi"))), "hi", talk(State(waiting=True))).state.waiting


def test_all_ways_to_hear_are_tried() -> None:
    exact = Heard("says_exactly", phrases(["go"]))
    starts = Heard("starts_with", phrases(["stopover"]))
    rulebook = book(rule("exact", exact), rule("starts", starts), rule("otherwise", MISSED))
    assert texts(answer(rulebook, "Go!")) == ["exact"]
    assert texts(answer(rulebook, "go now")) == ["otherwise"]
    assert texts(answer(rulebook, "Stopover in Oslo")) == ["starts"]


def test_copied_in_messages_are_ignored() -> None:
    message = InboundMessage("i", talk().contact, "m", wrote("hi").content, NOW, NOW, injected=True)
    decision = answer(book(rule("hi", says("hi")), rule("first", FIRST)), message, talk(first_contact=True))
    assert (decision.outcome, decision.effects) == ("ignored", ())
    assert decision.state == State()
