"""Consent words: what stops and starts, what is asked about, and what is left to the rules."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.consent import Said, builtin, builtin_languages, one_slip, read_consent, said_outright
from bot.core.rule import LocalText, Place
from bot.core.rulebook import ConsentWords
from bot.core.text import normalise

TEXT = LocalText({"": ("Done.",)}, Place("rules/shop.yaml", 1, 1))


def words_of(*languages: str, extra: tuple[str, ...] = ()) -> ConsentWords:
    stop, start = builtin(languages)
    return ConsentWords(stop | {normalise(each).plain for each in extra}, start, TEXT, TEXT)


ENGLISH = words_of()
ALL = words_of(*builtin_languages())


def said(text: str, consent: ConsentWords = ALL) -> Said:
    return read_consent(normalise(text), consent)


def test_many_languages_are_built_in() -> None:
    assert len(builtin_languages()) >= 12
    assert {"en", "sv", "de", "fr", "es", "it", "pt", "nl", "da", "no", "fi", "pl", "ar", "hi"} <= builtin_languages()


@pytest.mark.parametrize("language", sorted(builtin_languages()))
def test_every_language_has_words_of_both_kinds_and_none_is_in_both(language: str) -> None:
    stop, start = builtin([language])
    english_stop, english_start = builtin([])
    assert stop >= english_stop
    assert start >= english_start
    assert language == "en" or (stop > english_stop and start > english_start)
    assert not stop & start
    assert all(normalise(each).plain == each for each in stop | start)


def test_no_language_stops_by_the_start_word_of_another() -> None:
    stop, start = builtin(builtin_languages())
    assert not stop & start


def test_a_region_makes_no_difference_and_an_unknown_language_adds_nothing() -> None:
    assert builtin(["pt_BR"]) == builtin(["pt"])
    assert builtin(["nb-NO"]) == builtin(["no"])
    assert builtin(["tlh"]) == builtin([])


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop!", " Stop. ", "stooop", "STOP 👍", "ｓｔｏｐ", "s\u200btop", "stopall", "Opt-out", "unsubscribeee"],
)
def test_english_stop_words_count_for_everyone(text: str) -> None:
    assert said(text, words_of("sv")) is Said.STOP


@pytest.mark.parametrize(
    ("language", "stop", "start"),
    [
        ("sv", "Sluta", "Börja"),
        ("de", "ABMELDEN", "anmelden"),
        ("fr", "Arrêt", "démarrer"),
        ("es", "BAJA", "alta"),
        ("ar", "إِيقَاف", "ابدأ"),
        ("hi", "बंद करें", "शुरू करें"),
        ("th", "หยุด", "เริ่ม"),
        ("zh", "退订", "开始"),
        ("ja", "ストップ", "スタート"),
        ("ja", "ｽﾄｯﾌﾟ", "ｽﾀｰﾄ"),
        ("tr", "LİSTEDEN ÇIK", "BAŞLA"),
    ],
)
def test_words_of_a_language_count_where_it_is_spoken(language: str, stop: str, start: str) -> None:
    assert said(stop, words_of(language)) is Said.STOP
    assert said(start, words_of(language)) is Said.START
    assert said(stop, ENGLISH) is Said.NOTHING
    assert said(start, ENGLISH) is Said.NOTHING


def test_words_of_the_staff_count_too_also_with_a_letter_held_down() -> None:
    consent = words_of(extra=("no more spam", "sluuut"))
    assert said("No more SPAM!", consent) is Said.STOP
    assert said("slut", consent) is Said.STOP
    assert said("sluuuuuut", consent) is Said.STOP
    assert said("slt", consent) is Said.NOTHING
    assert said("no more spam please", consent) is Said.NOTHING


def test_an_emoji_of_the_staff_stops_and_a_sign_that_is_no_word_does_not() -> None:
    consent = words_of(extra=("🛑", "!"))
    assert said("🛑!", consent) is Said.STOP
    assert said("?", consent) is Said.NOTHING


@pytest.mark.parametrize(
    ("text", "outright"),
    [
        ("Stop!", Said.STOP),
        ("STOOOP", Said.STOP),
        ("start", Said.START),
        ("stop please", Said.NOTHING),
        ("stpo", Said.NOTHING),
        ("unsubscrib", Said.NOTHING),
        ("?", Said.NOTHING),
    ],
)
def test_what_is_said_outright_is_never_a_near_miss(text: str, outright: Said) -> None:
    assert said_outright(normalise(text), ENGLISH) is outright


@pytest.mark.parametrize(
    "text",
    [
        "stpo",
        "sotp",
        "TSOP",
        "stopp",
        "stop please",
        "please stop now",
        "please stop me now",
        "stpo please",
        "unsubscibe",
        "unsubcsribe",
        "please unsubscrib",
        "opt out please",
        "stop stop",
        "stoooop now",
        "stop tack",
        "stop bitte",
    ],
)
def test_near_misses_are_asked_about(text: str) -> None:
    assert said(text, ENGLISH) is Said.NEAR_MISS


@pytest.mark.parametrize(
    "text",
    [
        "shop",
        "step",
        "top",
        "stp",
        "stops",
        "sstop",
        "tops",
        "stop sending me the blue one",
        "please stop me now thanks",
        "stop sending messages",
        "stop it",
        "bus stop",
        "please",
        "please now me",
        "subscribed",
        "strat",
        "",
        "👍",
        "🛑",
        "unsubscribing",
        "hello",
    ],
)
def test_other_messages_are_left_to_the_rules(text: str) -> None:
    assert said(text, ENGLISH) is Said.NOTHING


def test_a_stop_word_of_another_language_that_is_stop_itself_has_no_other_slips() -> None:
    swedish = words_of("sv")
    assert said("stopp", swedish) is Said.STOP
    for word in ("topp", "stoff", "stops", "stapp"):
        assert said(word, swedish) is Said.NOTHING
    assert said("slutta", swedish) is Said.NEAR_MISS
    assert said("dur", words_of("tr")) is Said.STOP
    assert said("dus", words_of("tr")) is Said.NOTHING
    assert said("caja", words_of("es")) is Said.NOTHING


def test_polite_words_of_scripts_without_spaces() -> None:
    assert said("请停止", words_of("zh")) is Said.NEAR_MISS
    assert said("หยุดครับ", words_of("th")) is Said.NEAR_MISS
    assert said("我想停止", words_of("zh")) is Said.NOTHING


def test_near_misses_can_be_ignored() -> None:
    silent = replace(ENGLISH, near_misses="ignore")
    assert said("stop please", silent) is Said.NOTHING
    assert said("stop", silent) is Said.STOP


def brute_slips(word: str, letters: str) -> set[str]:
    left_out = {word[:at] + word[at + 1 :] for at in range(len(word))}
    put_in = {word[:at] + letter + word[at:] for at in range(len(word) + 1) for letter in letters}
    replaced = {word[:at] + letter + word[at + 1 :] for at in range(len(word)) for letter in letters}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    return (left_out | put_in | replaced | swapped) - {word}


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_slip_is_one_letter_or_one_swap(left: str, right: str) -> None:
    assert one_slip(left, right) is (right in brute_slips(left, "abc"))


@given(st.sampled_from(sorted(w for w in ALL.stop if w.isalpha() and w.isascii() and len(w) >= 5)), st.data())
def test_every_slip_of_a_long_word_is_a_near_miss(word: str, data: st.DataObject) -> None:
    slip = data.draw(st.sampled_from(sorted(brute_slips(word, "xz"))))
    if word.rstrip("p") == "sto":
        return
    outcome = said(slip)
    assert outcome is Said.NEAR_MISS or slip in ALL.stop | ALL.start
    assert read_consent(normalise(f"please {slip}"), ALL) is Said.NEAR_MISS


@given(st.text(max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    assert said(text) in Said
