"""Colleagues take a conversation over, write in it, give it back and close it; the bot keeps quiet meanwhile."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.colleague import charge_after, charge_of
from bot.core.conversation import Consent, OpenCall, OpenFlow, ShownOption, State
from bot.core.decide import decide
from bot.core.decision import Decision, DropTimer, HandOver
from bot.core.event import Act, ColleagueActed, Reaction, TimerFired
from bot.core.own_events import own_event_from_raw, raw_of
from bot.core.plain import Unreadable
from bot.core.reasons import reasons
from bot.core.rule import Remind, SilentFor, Then
from bot.core.rulebook import Rulebooks
from tests.core.build import ANN, DIGITS_8, MISSED, NOW, ask, book, happened, local, outcome, rule, says, sends, talk
from tests.core.talking import Talk

H = timedelta(hours=1)
TRACK = rule(
    "track",
    says("track"),
    ask=(ask("number", DIGITS_8, "Number?", if_wrong=local("8 digits."), no_answer_after=H),),
    reply=[outcome("answered", "Thanks."), outcome("given_up", "Bye."), outcome("no_answer", "There?")],
)
HELLO = rule("hello", says("hello"), reply="Hi!", then=Then(remind=Remind(3 * H, "there")))
THERE = rule("there", says("there"), SilentFor(2 * H), reply="Still there?")
SHIPPED = rule("shipped", happened("shipped"), reply="On its way.")
THANKS = rule("thanks", sends("reaction"), reply="Thanks!")
OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")
SHOP = book(TRACK, HELLO, THERE, SHIPPED, THANKS, OTHERWISE)


class Shop(Talk):
    """A conversation that colleagues can act in."""

    def __init__(self, state: State | None = None, consent: Consent | None = None) -> None:
        super().__init__(SHOP, talk(state, consent=consent))

    def acts(self, what: Act, team: str = "", after: timedelta | None = None, note: str = "") -> Decision:
        self.decide(ColleagueActed(self._key(), ANN, what, team, "Ida", after, self.now, self.now, note))
        return self.decision

    @property
    def team(self) -> str:
        return charge_of(self.state).held_by(self.now)


def test_a_team_that_takes_over_has_the_conversation_until_it_gives_it_back() -> None:
    shop = Shop()
    taken = shop.acts("took_over", "support")
    assert taken.effects == (HandOver("support"),)
    assert (taken.because.layer, taken.outcome, shop.team) == ("colleague", "decided", "support")
    assert shop.says("hello") == []
    assert shop.decision.because.layer == "person"
    given = shop.acts("gave_back")
    assert given.effects == (HandOver(""),)
    assert (shop.state.in_charge, shop.state.in_charge_until, shop.state.waiting) == ("", None, False)
    assert shop.says("hello") == ["Hi!"]


def test_taking_over_drops_what_was_open() -> None:
    shop = Shop()
    shop.says("track")
    taken = shop.acts("took_over", "support")
    assert DropTimer("question") in taken.effects
    assert shop.state.question is None
    assert shop.says("12345678") == []
    open_things = State(
        options=(ShownOption("hello", 0, "yes"),),
        call=OpenCall("k", "track", 1, "orders", NOW + H, True),
        flow=OpenFlow("track", 1, NOW),
        near_miss=True,
    )
    left = Shop(open_things).acts("took_over", "support").state
    assert (left.options, left.call, left.flow, left.near_miss) == ((), None, None, False)


def test_a_call_under_way_does_not_hold_a_colleague_up() -> None:
    waits = State(call=OpenCall("k", "track", 1, "orders", NOW + H, True), in_charge="support", waiting=True)
    assert Shop(waits).acts("gave_back").outcome == "decided"


def test_the_later_of_two_teams_has_it() -> None:
    shop = Shop()
    shop.acts("took_over", "support")
    assert shop.acts("took_over", "sales").effects == (HandOver("sales"),)
    assert shop.team == "sales"


def test_the_same_team_again_only_begins_its_time_anew() -> None:
    shop = Shop()
    shop.acts("took_over", "support", 12 * H)
    shop.acts("wrote")
    shop.now += H
    again = shop.acts("took_over", "support")
    assert (again.effects, again.state.in_charge_until) == ((), shop.now + 12 * H)
    assert not again.state.waiting, "nobody waits anew"
    shorter = shop.acts("took_over", "support", 2 * H)
    assert shorter.state.in_charge_until == shop.now + 2 * H


def test_a_team_whose_time_was_over_takes_over_anew() -> None:
    shop = Shop()
    shop.acts("took_over", "support", H)
    shop.now += 2 * H
    again = shop.acts("took_over", "support", H)
    assert again.effects == (HandOver("support"),)
    assert shop.team == "support"


def test_the_time_counts_from_the_last_message_of_either_side() -> None:
    shop = Shop()
    shop.acts("took_over", "support", 12 * H)
    shop.says("where is it?", later=10 * H)
    shop.now += 10 * H
    assert shop.team == "support", "the person wrote 10 hours ago"
    shop.acts("wrote")
    assert shop.says("and now?", later=11 * H) == []
    assert shop.says("hello", later=13 * H) == ["Hi!"]
    assert HandOver("") in shop.decision.effects


def test_without_a_time_it_is_a_day() -> None:
    shop = Shop()
    shop.acts("took_over", "support")
    shop.now += 23 * H
    assert shop.team == "support"
    shop.now += 2 * H
    assert shop.team == ""


def test_somebody_waits_until_a_colleague_writes_or_closes() -> None:
    shop = Shop()
    assert shop.acts("took_over", "support").state.waiting
    assert not shop.acts("wrote").state.waiting
    shop.says("one thing more")
    assert shop.state.waiting
    closed = shop.acts("closed")
    assert (closed.state.waiting, closed.state.in_charge, closed.effects) == (False, "", (HandOver(""),))


def test_who_waits_goes_on_waiting_once_the_time_is_over() -> None:
    shop = Shop()
    shop.acts("took_over", "support", H)
    assert shop.says("hello", later=2 * H) == ["Hi!"]
    assert shop.state.waiting
    assert not shop.acts("closed").state.waiting


def test_writing_with_a_team_takes_over() -> None:
    shop = Shop()
    wrote = shop.acts("wrote", "support", 2 * H)
    assert (wrote.effects, shop.team, wrote.state.waiting) == ((HandOver("support"),), "support", False)
    assert wrote.state.in_charge_until is not None
    assert wrote.state.in_charge_until <= shop.now + 2 * H + timedelta(seconds=1)


def test_a_message_of_before_takes_no_time_away() -> None:
    charge = charge_of(State(in_charge="support", in_charge_until=NOW + 24 * H))
    wrote = ColleagueActed("d", ANN, "wrote", "", "Ida", None, NOW - H, NOW)
    assert charge_after(charge, wrote) == charge


def test_a_message_that_was_on_its_way_while_the_time_ran_out_counts() -> None:
    shop = Shop(State(in_charge="support", in_charge_until=NOW + timedelta(milliseconds=500), waiting=True))
    shop.acts("wrote")
    assert shop.team == "support"


def test_the_numbers_of_the_bots_buttons_mean_nothing_below_a_colleagues_message() -> None:
    shop = Shop(State(in_charge="support", options=(ShownOption("hello", 0, "yes"),)))
    assert shop.acts("wrote").state.options == ()


@pytest.mark.parametrize("what", ["gave_back", "closed", "wrote"])
def test_what_changes_nothing_is_ignored_and_says_so(what: Act) -> None:
    state = State(misses=1, missed_at=NOW)
    decision = Shop(state).acts(what)
    assert (decision.outcome, decision.effects, decision.state) == ("ignored", (), state)
    assert decision.because.notes[0].endswith("Nothing changes by that.")


def test_events_of_backends_go_out_meanwhile_and_timers_and_reactions_do_not() -> None:
    shop = Shop()
    shop.says("hello")
    shop.acts("took_over", "support")
    assert shop.event("shipped") == ["On its way."]
    assert shop.waits(4 * H) == []
    assert shop.timers == {}, "they were due"
    assert shop.decide(Reaction("r", ANN, "m", "👍", shop.now, shop.now)) == []
    assert shop.team == "support"


def test_a_timer_says_why_it_does_nothing() -> None:
    conversation = talk(State(in_charge="support"))
    timer = TimerFired("t", ANN, "silent:there", NOW, {"since": NOW.isoformat()}, NOW)
    decision = decide(timer, conversation, Rulebooks(SHOP), NOW)
    assert decision.outcome == "ignored"
    assert "Team support has the conversation" in decision.because.notes[0]


def test_stop_goes_through_a_colleagues_hands() -> None:
    shop = Shop()
    shop.acts("took_over", "support")
    assert shop.says("stop") == ["You get no more messages."]
    assert shop.conversation.consent.stopped
    assert shop.team == "support"


def test_why_is_told_with_who_and_the_note() -> None:
    shop = Shop()
    taken = shop.acts("took_over", "support", note="Angry about 1001")
    told = reasons(taken, SHOP)
    assert told[0] == "A colleague acted, and the bot says nothing to that."
    assert "Note: Ida handed the conversation to team support. Note: Angry about 1001" in told
    assert "The team support has the conversation now." in told
    assert not any("Read as" in sentence for sentence in told)
    every = reasons(taken, SHOP, every_rule=True)
    assert any("rule hello was not asked: it does not wait for this event" in sentence for sentence in every)


ACTED = ColleagueActed("d", ANN, "took_over", "support", "Ida", 12 * H, NOW, NOW, "Ängslig")
texts = st.text(max_size=20)


@given(
    st.sampled_from(get_args(Act)), texts, texts, st.none() | st.timedeltas(timedelta(0), timedelta(days=365)), texts
)
def test_what_is_kept_comes_back(what: Act, team: str, who: str, after: timedelta | None, note: str) -> None:
    event = replace(ACTED, what=what, team=team, who=who, give_back_after=after, note=note)
    assert own_event_from_raw(raw_of(event), NOW) == event


def test_the_stored_form_is_fixed() -> None:
    assert json.loads(raw_of(ACTED)) == {
        "v": 1,
        "dedup": "d",
        "contact": [ANN.app, ANN.channel, ANN.identity],
        "colleague": "took_over",
        "team": "support",
        "who": "Ida",
        "give_back_after_s": 43200.0,
        "at": "2026-01-05T09:00:00+00:00",
        "note": "Ängslig",
    }


def test_what_no_colleague_does_is_not_read() -> None:
    with pytest.raises(Unreadable, match="what a colleague did"):
        own_event_from_raw(raw_of(ACTED).replace(b"took_over", b"took_off"), NOW)


@given(st.lists(st.tuples(st.sampled_from(get_args(Act)), st.sampled_from(["", "support", "sales"]),
                          st.sampled_from([None, H, 30 * H]), st.integers(0, 30)), max_size=6))  # fmt: skip
def test_who_has_it_is_known_before_it_is_decided(acts: list[tuple[Act, str, timedelta | None, int]]) -> None:
    """What stands in the inbox and what comes of it agree."""
    shop = Shop()
    charge = charge_of(shop.state)
    for what, team, after, hours in acts:
        shop.now += hours * H
        team = "support" if what == "took_over" and not team else team if what in ("took_over", "wrote") else ""
        shop.acts(what, team, after)
        charge = charge_after(charge, ColleagueActed("d", ANN, what, team, "Ida", after, shop.now, shop.now))
        assert charge_of(shop.state) == charge
