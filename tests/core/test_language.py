"""Which language answers, and what a message teaches about it."""

import pytest

from bot.core.conversation import Conversation, State
from bot.core.decision import Decision, SetPerson
from bot.core.event import ContactKey, Media, MediaKind
from bot.core.rule import Condition, Heard, Phrase
from bot.core.rulebook import Settings
from tests.core.build import MISSED, PLACE, answer, book, effects_of, item, person, rule, says, talk, texts

HELLO = {"en": "Hi", "sv": "Hej"}
BOOK = book(
    rule("hello", says(en=["hi", "help me"], sv=["hej", "hjälp mig"]), reply=HELLO),
    rule("parcel", says("parcel"), reply={"en": "Parcel", "sv": "Paket"}),
    rule("taxi", says(en=["taxi"], sv=["taxi"]), reply={"en": "Cab", "sv": "Bil"}),
    rule("otherwise", MISSED, reply={"en": "What?", "sv": "Va?"}),
)


def learnt(decision: Decision) -> str | None:
    """The language that is stored from now on."""
    changes = [each.language for each in effects_of(decision, SetPerson) if isinstance(each, SetPerson)]
    return changes[0] if changes else None


def test_a_match_sets_the_language_while_nothing_is_known() -> None:
    decision = answer(BOOK, "hej")
    assert texts(decision) == ["Hej"]
    assert learnt(decision) == "sv"
    assert decision.because.language == "sv"


@pytest.mark.parametrize("words", ["parcel", "taxi", "hej hi", "qwerty"])
def test_words_of_no_list_or_of_several_teach_nothing(words: str) -> None:
    assert learnt(answer(BOOK, words)) is None


def test_a_known_language_is_kept_at_the_first_foreign_message() -> None:
    decision = answer(BOOK, "hej", talk(who=person("en")))
    assert texts(decision) == ["Hi"]
    assert (learnt(decision), decision.state.hint) == (None, "sv")


def test_two_in_a_row_from_another_list_alone_change_it() -> None:
    first = answer(BOOK, "hej", talk(who=person("en"))).state
    second = answer(BOOK, "hjälp mig", talk(first, person("en")))
    assert texts(second) == ["Hej"]
    assert (learnt(second), second.state.hint) == ("sv", "")


@pytest.mark.parametrize("between", ["hi", "parcel", "taxi", "qwerty"])
def test_anything_between_them_starts_again(between: str) -> None:
    first = answer(BOOK, "hej", talk(who=person("en"))).state
    second = answer(BOOK, between, talk(first, person("en"))).state
    assert second.hint == ""
    third = answer(BOOK, "hej", talk(second, person("en")))
    assert (texts(third), learnt(third)) == (["Hi"], None)


def test_a_language_the_rulebook_does_not_speak_counts_as_unknown() -> None:
    decision = answer(BOOK, "hej", talk(who=person("de")))
    assert (texts(decision), learnt(decision)) == (["Hej"], "sv")
    assert texts(answer(BOOK, "parcel", talk(who=person("de")))) == ["Parcel"]


def from_number(identity: str) -> Conversation:
    return talk(contact=ContactKey("app", "WHATSAPP", identity))


def test_the_prefix_counts_while_nothing_is_known_and_the_longest_wins() -> None:
    prefixes = {"4": "en", "46": "sv", "467": "en"}
    settings = Settings("UTC", ("en", "sv"), language_of_prefix=prefixes)
    rulebook = book(rule("otherwise", MISSED, reply={"en": "What?", "sv": "Va?"}), settings=settings)
    assert texts(answer(rulebook, "x", from_number("46811111"))) == ["Va?"]
    assert texts(answer(rulebook, "x", from_number("46711111"))) == ["What?"]
    assert texts(answer(rulebook, "x", from_number("US.468"))) == ["What?"]
    assert texts(answer(rulebook, "x", talk(who=person("sv")))) == ["Va?"]


def test_a_prefix_is_not_knowledge() -> None:
    rulebook = book(
        rule("hello", says(en=["hi"], sv=["hej"]), reply=HELLO),
        settings=Settings("UTC", ("en", "sv"), language_of_prefix={"46": "sv"}),
    )
    decision = answer(rulebook, "hi", from_number("46811111"))
    assert (texts(decision), learnt(decision)) == (["Hi"], "en")


def test_a_language_learnt_now_counts_for_the_conditions_at_once() -> None:
    swedish = Condition(languages=frozenset({"sv"}))
    rulebook = book(
        rule("hello", says(en=["hi"], sv=["hej"]), reply=[item("svenska", condition=swedish), item("other")])
    )
    assert texts(answer(rulebook, "hej")) == ["svenska"]
    assert texts(answer(rulebook, "hi")) == ["other"]


def test_a_phrase_for_everybody_beside_one_of_the_known_language_hints_at_nothing() -> None:
    both = Heard("says", (Phrase("parcel", "", PLACE), Phrase("my parcel", "en", PLACE)))
    decision = answer(book(rule("parcel", both)), "my parcel", talk(who=person("en")))
    assert decision.state.hint == ""


def test_one_language_teaches_nothing() -> None:
    rulebook = book(rule("hello", says(en=["hi"]), reply="Hi"), languages=("en",))
    assert learnt(answer(rulebook, "hi")) is None


def test_a_hint_survives_what_is_no_typed_text() -> None:
    photo = Media("https://x.example/a.jpg", MediaKind.IMAGE)
    assert answer(BOOK, photo, talk(State(hint="sv"), person("en"))).state.hint == "sv"
    assert answer(BOOK, "???", talk(State(hint="sv"), person("en"))).state.hint == ""
