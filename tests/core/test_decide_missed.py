"""Layers 6 and 7 of deciding: first contact, what nothing matched, what reached us late, and two bots in a loop."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.core.conversation import State
from bot.core.decision import Decision
from bot.core.echo import KEPT
from bot.core.rule import Condition, IfClosed, Then
from bot.core.rulebook import Rulebook
from tests.core.build import (
    DIGITS_8,
    FIRST,
    MISSED,
    NOW,
    SKIP,
    WAIT,
    answer,
    ask,
    book,
    buttons,
    by_template,
    item,
    rule,
    says,
    sends_of,
    talk,
    template,
    texts,
    wrote,
)
from tests.core.talking import Talk

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
BOOK = book(
    rule("hello", says("hello")),
    rule("person", says("human")),
    rule("otherwise", MISSED, then=Then(misses_count=2, misses_goes_to="person")),
)


def said(state: State, words: str, at: timedelta, rulebook: Rulebook = BOOK) -> Decision:
    return answer(rulebook, wrote(words, NOW + at), talk(state))


# --- first contact ------------------------------------------------------------------------------------------------------

NEW = book(rule("new", FIRST), rule("hello", says("hello")), rule("otherwise", MISSED))


def test_first_contact_comes_after_all_rules_and_before_nothing_matched() -> None:
    assert texts(answer(NEW, "hello", talk(first_contact=True))) == ["hello"]
    decision = answer(NEW, "qwerty", talk(first_contact=True))
    assert texts(decision) == ["new"]
    assert decision.because.layer == "first_contact"
    assert decision.state.misses == 0
    assert texts(answer(NEW, "qwerty")) == ["otherwise"]


def test_a_first_contact_rule_that_does_not_hold_leaves_it_to_nothing_matched() -> None:
    rulebook = book(rule("new", FIRST, condition=Condition(tag="vip")), rule("otherwise", MISSED))
    assert texts(answer(rulebook, "qwerty", talk(first_contact=True))) == ["otherwise"]


# --- nothing matched ----------------------------------------------------------------------------------------------------


def test_a_miss_is_answered_and_counted() -> None:
    decision = said(State(), "qwerty", 0 * SECOND)
    assert texts(decision) == ["otherwise"]
    assert decision.because.layer == "nothing_matched"
    assert (decision.state.misses, decision.state.missed_at) == (1, NOW)


@pytest.mark.parametrize(("gap", "answered"), [(2, []), (3, []), (-2, []), (-3, []), (4, ["person"]), (-4, ["person"])])
def test_bubbles_within_three_seconds_of_own_time_are_one_miss(gap: int, answered: list[str]) -> None:
    first = said(State(), "where is", 0 * SECOND).state
    decision = said(first, "qwerty", gap * SECOND)
    assert texts(decision) == answered
    if not answered:
        assert decision.state.misses == 1
        assert "Joined" in decision.because.notes[0]
        assert not decision.state.waiting


def test_a_chain_of_bubbles_is_one_miss() -> None:
    state = State()
    for at in (0, 2, 4, 6):
        decision = said(state, f"qwerty {at}", at * SECOND)
        assert len(sends_of(decision)) == (1 if at == 0 else 0)
        state = decision.state
    assert state.misses == 1


def test_a_bubble_that_is_understood_is_answered_at_once() -> None:
    first = said(State(), "qwerty", 0 * SECOND).state
    assert texts(said(first, "hello", SECOND)) == ["hello"]


def test_after_misses_replaces_the_text() -> None:
    first = said(State(), "qwerty", 0 * SECOND).state
    second = said(first, "asdf", 10 * SECOND)
    assert texts(second) == ["person"]
    assert second.because.path == ("otherwise", "person")
    assert "2 times" in " ".join(second.because.notes)


def test_after_misses_goes_on_until_something_is_understood() -> None:
    state = State()
    for at, answered in enumerate(["otherwise", "person", "person", "person"]):
        decision = said(state, "qwerty", at * 10 * SECOND)
        assert texts(decision) == [answered]
        state = decision.state


def test_misses_are_reset_by_anything_understood() -> None:
    first = said(State(), "qwerty", 0 * SECOND).state
    understood = said(first, "hello", 10 * SECOND).state
    assert (understood.misses, understood.missed_at) == (0, None)
    assert texts(said(understood, "asdf", 20 * SECOND)) == ["otherwise"]


@pytest.mark.parametrize(("gap", "answered"), [(23, ["person"]), (24, ["otherwise"])])
def test_misses_are_reset_by_a_day(gap: int, answered: list[str]) -> None:
    first = said(State(), "qwerty", 0 * SECOND).state
    assert texts(said(first, "asdf", gap * HOUR)) == answered


def test_nothing_matched_tries_its_rules_in_turn() -> None:
    rulebook = book(rule("vip", MISSED, condition=Condition(tag="vip")), rule("all", MISSED))
    decision = said(State(), "qwerty", 0 * SECOND, rulebook)
    assert texts(decision) == ["all"]
    assert [each.failed for each in decision.because.considered] == ["the person has no tag vip", ""]


# --- late ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "newer_age", "answered"),
    [
        (2 * HOUR, None, ["otherwise"]),
        (2 * HOUR, 90 * timedelta(minutes=1), []),
        (2 * HOUR, timedelta(minutes=5), ["otherwise"]),
        (timedelta(minutes=50), timedelta(minutes=40), ["otherwise"]),
    ],
)
def test_of_late_messages_only_the_newest_is_told_that_nothing_matched(
    age: timedelta, newer_age: timedelta | None, answered: list[str]
) -> None:
    newer = None if newer_age is None else NOW - newer_age
    decision = answer(BOOK, wrote("qwerty", NOW - age), talk(next_pending_at=newer), now=NOW)
    assert texts(decision) == answered
    assert not decision.state.waiting


def test_late_messages_that_rules_hear_are_all_answered() -> None:
    conversation = talk(next_pending_at=NOW - 2 * HOUR)
    assert texts(answer(BOOK, wrote("hello", NOW - 3 * HOUR), conversation, now=NOW)) == ["hello"]


def late(rulebook: Rulebook) -> Decision:
    """Somebody wrote 30 hours ago and again just now: the identity's window is open, this message's own is not."""
    return answer(rulebook, wrote("hello", NOW - 30 * HOUR), talk(), now=NOW)


def test_past_its_own_window_an_answer_expires_visibly_and_a_person_looks() -> None:
    decision = late(BOOK)
    (send,) = sends_of(decision)
    assert send.not_after == NOW - 6 * HOUR - timedelta(minutes=2)
    assert send.if_closed == "fail"
    assert decision.state.waiting
    assert not decision.because.window_open
    assert "own window was over" in " ".join(decision.because.notes)


def test_past_its_own_window_the_template_leaves_instead() -> None:
    rulebook = book(rule("hello", says("hello"), if_closed=by_template("sorry")), templates=[template("sorry")])
    (send,) = sends_of(late(rulebook))
    assert type(send.reply).__name__ == "TemplateReply"
    assert send.not_after is not None
    assert send.not_after > NOW


def test_past_its_own_window_skip_and_wait_are_kept() -> None:
    skipped = late(book(rule("hello", says("hello"), if_closed=SKIP)))
    assert sends_of(skipped) == []
    assert not skipped.state.waiting
    (kept,) = sends_of(late(book(rule("hello", says("hello"), if_closed=WAIT))))
    assert kept.waits
    assert kept.if_closed == "wait"
    assert kept.not_after == NOW + timedelta(days=7)


@pytest.mark.parametrize("if_closed", [None, WAIT])
def test_buttons_that_nobody_sees_are_not_the_last_ones(if_closed: IfClosed | None) -> None:
    menu = rule("menu", says("hello"), reply=buttons("Choose", ("A", "a")), if_closed=if_closed)
    assert late(book(menu, rule("a"))).state.options == ()


@pytest.mark.parametrize(("minutes", "open_"), [(23 * 60 + 57, True), (23 * 60 + 58, False)])
def test_the_own_window_closes_two_minutes_early(minutes: int, open_: bool) -> None:
    decision = answer(BOOK, wrote("hello", NOW - timedelta(minutes=minutes)), talk(), now=NOW)
    assert decision.because.window_open is open_


def test_a_message_opens_its_window_whatever_the_store_knows() -> None:
    rulebook = book(
        rule("hello", says("hello"), reply=[item("open", condition=Condition(window="open")), item("closed")])
    )
    assert texts(answer(rulebook, "hello", talk())) == ["open"]
    assert texts(late(rulebook)) == ["closed"]


# --- two bots -----------------------------------------------------------------------------------------------------------


def loop(times: int, gap: timedelta, words: str = "hello") -> list[Decision]:
    state, decisions = State(), []
    for at in range(times):
        decisions.append(said(state, words, at * gap))
        state = decisions[-1].state
    return decisions


def test_the_eleventh_same_answer_in_a_minute_is_not_given() -> None:
    decisions = loop(15, 4 * SECOND)
    assert [len(sends_of(each)) for each in decisions] == [1] * 10 + [0] * 5
    assert [each.state.waiting for each in decisions] == [False] * 10 + [True] * 5
    assert "machine" in " ".join(decisions[10].because.notes)


def test_slower_than_that_is_a_person() -> None:
    assert all(sends_of(each) for each in loop(30, 7 * SECOND))


def test_the_pause_lasts_until_a_minute_of_quiet_or_other_words() -> None:
    paused = loop(40, 4 * SECOND)
    assert not any(sends_of(each) for each in paused[10:])
    state = paused[-1].state
    assert texts(said(state, "human", 161 * SECOND)) == ["person"]
    assert texts(said(state, "hello", (156 + 61) * SECOND)) == ["hello"]


def turns(words: Sequence[str], times: int, gap: timedelta) -> list[Decision]:
    state, decisions = State(), []
    for at in range(times * len(words)):
        decisions.append(said(state, words[at % len(words)], at * gap))
        state = decisions[-1].state
    return decisions


@pytest.mark.parametrize("words", [("hello", "human"), ("hello", "human", "qwerty"), ("human", "hello", "hello")])
def test_texts_that_take_turns_are_each_counted(words: Sequence[str]) -> None:
    decisions = turns(words, 12, SECOND)
    for word in set(words) - {"qwerty"}:  # a miss soon after another one gets no answer by itself
        own = [each for at, each in enumerate(decisions) if words[at % len(words)] == word]
        assert [len(sends_of(each)) for each in own] == [1] * 10 + [0] * (len(own) - 10)
        assert own[-1].state.waiting


def test_what_comes_between_is_answered_and_does_not_end_the_pause() -> None:
    state = loop(12, SECOND)[-1].state
    other = said(state, "human", 20 * SECOND)
    assert texts(other) == ["person"]
    assert texts(said(other.state, "hello", 25 * SECOND)) == []
    assert texts(said(other.state, "hello", 80 * SECOND)) == ["hello"]


def test_only_the_last_minute_is_remembered_and_never_more_than_twelve() -> None:
    many = book(*(rule(f"rule{number}", says(f"word{number}")) for number in range(20)))
    state = State()
    for number in range(20):
        state = said(state, f"word{number}", number * SECOND, many).state
    assert len(state.echoes) == KEPT
    assert len(said(state, "word1", 100 * SECOND, many).state.echoes) == 1


def test_any_sixty_seconds_count_wherever_the_first_of_them_was() -> None:
    state, answered = State(), list[bool]()
    for second in (0, *(55 + n / 2 for n in range(9)), *(60.5 + n / 2 for n in range(10))):
        decision = said(state, "hello", second * SECOND)
        state, answered = decision.state, [*answered, bool(sends_of(decision))]
    assert answered == [True] * 11 + [False] * 9  # the first one had left the minute when the eleventh came


def test_yes_to_one_question_after_another_is_no_loop() -> None:
    asks = tuple(ask(f"question{number}", "text", "And this?") for number in range(15))
    conversation = Talk(book(rule("survey", says("survey"), ask=asks), rule("otherwise", MISSED)))
    conversation.says("survey")
    for _ in asks:
        conversation.says("yes", later=SECOND)
        assert not conversation.state.waiting
    assert conversation.state.question is None
    assert len(conversation.state.echoes) == KEPT


def test_whether_they_mean_stop_is_the_same_answer_also_while_a_question_is_open() -> None:
    number = ask("number", DIGITS_8, tries=20)
    conversation = Talk(book(rule("track", says("track"), ask=(number,)), rule("otherwise", MISSED)))
    asked: list[bool] = []
    for words in (
        ("please stop",) * 12,
        ("track",),
        ("please stop",) * 12,
    ):  # asked whether they mean it by every second one
        for each in words:
            conversation.says(each, later=SECOND)
            asked += [bool(sends_of(conversation.decision))] * conversation.state.near_miss
    assert conversation.asked == "track"
    assert asked == [True] * 10 + [False] * 2
    assert conversation.state.waiting


def test_the_state_keeps_no_words_of_the_loop() -> None:
    (echo,) = loop(2, SECOND)[-1].state.echoes
    assert "hello" not in echo.key
