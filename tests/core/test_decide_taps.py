"""Layer 4 of deciding: buttons tapped, their titles and numbers typed, and buttons whose rule is gone."""

from datetime import UTC, datetime

import pytest

from bot.core.conversation import ShownOption, State
from bot.core.event import OwnTap, Tap
from bot.core.reply import ButtonsReply
from bot.core.rule import Condition
from bot.core.rulebook import Settings
from tests.core.build import (
    MISSED,
    SHOP,
    answer,
    book,
    buttons,
    item,
    local,
    person,
    replies,
    rule,
    says,
    talk,
    taps,
    texts,
    wrote,
)

MENU = rule(
    "welcome",
    says(en=["hi", "menu"], sv=["hej", "meny"]),
    reply=buttons(
        {"en": "What is it about?", "sv": "Vad gäller det?"},
        ({"en": "Track order", "sv": "Spåra order"}, "track"),
        ({"en": "Opening hours", "sv": "Öppettider"}, "hours"),
    ),
)
BOOK = book(MENU, rule("track", says("parcel")), rule("hours", says("when")), rule("otherwise", MISSED), version=4)


def own(name: str) -> OwnTap:
    return OwnTap(name, 2, 0, "signed")


def shown() -> State:
    return answer(BOOK, "hi").state


def test_the_state_keeps_the_buttons_that_were_shown() -> None:
    state = shown()
    assert state.options == (ShownOption("track", 0, "track order"), ShownOption("hours", 1, "opening hours"))
    assert state.options_version == 4


def test_a_tap_leads_to_todays_rule_whatever_its_when() -> None:
    decision = answer(BOOK, own("track"))
    assert texts(decision) == ["track"]
    assert (decision.because.layer, decision.because.path) == ("taps", ("track",))


@pytest.mark.parametrize(
    ("typed", "answered"),
    [("track ORDER", "track"), ("Opening hours.", "hours"), ("1", "track"), ("2.", "hours"), ("٢", "hours")],
)
def test_a_typed_title_or_number_of_the_last_buttons_counts(typed: str, answered: str) -> None:
    decision = answer(BOOK, typed, talk(shown()))
    assert texts(decision) == [answered]
    assert decision.because.layer == "taps"


@pytest.mark.parametrize("typed", ["3", "0", "12", "track order please", "track"])
def test_anything_else_than_the_whole_title_does_not(typed: str) -> None:
    assert texts(answer(BOOK, typed, talk(shown()))) == ["otherwise"]


def test_titles_count_for_the_last_message_only() -> None:
    after_another = answer(BOOK, "parcel", talk(shown())).state
    assert after_another.options == ()
    assert texts(answer(BOOK, "1", talk(after_another))) == ["otherwise"]


def test_silence_leaves_the_buttons_where_they_are() -> None:
    rulebook = book(MENU, rule("track"), rule("hours"), rule("hush", says("hush"), reply=[item()]))
    state = answer(rulebook, "hush", talk(answer(rulebook, "hi").state)).state
    assert [each.rule for each in state.options] == ["track", "hours"]


def test_a_title_is_read_in_the_language_it_was_shown_in() -> None:
    swede = person("sv")
    state = answer(BOOK, "hej", talk(who=swede)).state
    assert texts(answer(BOOK, "spara order", talk(state, swede))) == ["track"]


def test_a_button_whose_rule_is_gone_says_so_and_offers_the_menu() -> None:
    decision = answer(BOOK, own("returns"))
    assert texts(decision) == ["That option is no longer there.", "What is it about?"]
    assert decision.because.path == ("welcome",)
    assert "returns" in decision.because.notes[0]
    assert [each.rule for each in decision.state.options] == ["track", "hours"]


def test_the_menu_is_found_by_the_word_of_the_persons_language() -> None:
    decision = answer(BOOK, own("returns"), talk(who=person("sv")))
    assert texts(decision) == ["Det alternativet finns inte längre.", "Vad gäller det?"]


def test_without_a_menu_the_sentence_alone_leaves() -> None:
    assert texts(answer(book(rule("otherwise", MISSED)), own("returns"))) == ["That option is no longer there."]


def test_staff_word_the_sentence_themselves() -> None:
    settings = Settings("Europe/Stockholm", ("en", "sv"), option_gone=local("Gone, sorry."))
    assert texts(answer(book(MENU, settings=settings), own("returns")))[0] == "Gone, sorry."


def test_a_typed_title_whose_rule_is_gone_says_so_as_well() -> None:
    state = State(options=(ShownOption("returns", 0, "returns"),), options_version=1)
    assert texts(answer(BOOK, "returns", talk(state)))[0] == "That option is no longer there."


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (rule("track", enabled=False), "switched off"),
        (rule("track", condition=Condition(tag="vip")), "no tag vip"),
    ],
)
def test_a_target_that_refuses_leaves_it_to_nothing_matched(target: object, why: str) -> None:
    rulebook = book(target, rule("otherwise", MISSED))  # type: ignore[arg-type]
    decision = answer(rulebook, own("track"))
    assert texts(decision) == ["otherwise"]
    assert why in " ".join(decision.because.notes)
    assert decision.state.misses == 0, "the tap was understood"


@pytest.mark.parametrize(
    "tap",
    [
        Tap("Track parcel"),
        Tap("TRACK PARCEL!"),
        Tap("01J0000000000000000000000A_Track parcel"),
        Tap("msg_Track parcel", message_id="msg"),
    ],
)
def test_a_foreign_postback_matches_taps_by_itself_or_by_title(tap: Tap) -> None:
    rulebook = book(rule("track", taps("track parcel")), rule("otherwise", MISSED))
    decision = answer(rulebook, tap)
    assert texts(decision) == ["track"]
    assert decision.because.layer == "taps"
    assert decision.because.considered[0].heard == "taps " + tap.postback.rpartition("_")[2]


def test_a_tap_that_no_taps_names_is_heard_by_the_rules() -> None:
    assert texts(answer(BOOK, Tap("parcel"))) == ["track"]
    assert texts(answer(BOOK, Tap("p.forged.id"))) == ["otherwise"]


def test_taps_keep_the_if_of_their_rule() -> None:
    rulebook = book(
        rule("vip", taps("track"), condition=Condition(tag="vip")),
        rule("all", taps("track")),
        rule("otherwise", MISSED),
    )
    decision = answer(rulebook, Tap("Track"))
    assert texts(decision) == ["all"]
    assert decision.because.considered[0].failed == "the person has no tag vip"


def test_a_tap_at_night_keeps_the_hours_of_the_target() -> None:
    rulebook = book(rule("call", condition=Condition(during=SHOP.name)), rule("otherwise", MISSED))
    night = wrote(own("call"), datetime(2026, 1, 5, 22, 0, tzinfo=UTC))
    assert texts(answer(rulebook, night)) == ["otherwise"]


def test_buttons_carry_where_they_lead_and_their_position() -> None:
    (reply,) = replies(answer(BOOK, "hi"))
    assert isinstance(reply, ButtonsReply)
    assert [(each.label, each.rule, each.option) for each in reply.buttons] == [
        ("Track order", "track", 0),
        ("Opening hours", "hours", 1),
    ]
