"""Normalising: what is ignored, what stays, and that the way back to what was typed is exact."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.text import Words, alike, has_emoji, normalise, skeleton, spans, tight, with_emoji

# Letters of many scripts with their marks, digits, signs and invisible characters: rare in texts drawn from all of Unicode.
CHARACTERS = (
    "aAbeilnoOsStTzåÅöÖøØłŁđĐßẞıİiçñéæžđΣσς́ёйЩ ااأإآةىيשׁלוםכहिन्दीक़தமிழ்ไทยกก่ำา我的订单々〇がガｶﾞｱｰーㅋ한국어가각ᄀ"
    "0129٠١٢۳३৩๓１２ ①½²Ⅳﬁĳ '’`´ʼ.,-_!?()[]/@#%+\t\n\u0301\u030a\u0308\u064b\u0640\u05b0\u200b\u200d\u200c\u00ad\ufeff"
    "\ufe0f\u20e3\u3099👍🏽👨👩👧🇸🇪❤™©ℹ€\ud800\x00\x1f\u00a0\u3000"
)
texts = st.text(st.sampled_from(CHARACTERS), max_size=25) | st.text(max_size=25)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("HEJ!!", "hej"),
        ("  Opening-hours,  please? ", "opening hours please"),
        ("Öppettider på LÖRDAG", "oppettider pa lordag"),
        ("O\u0308ppet", "oppet"),
        ("STRASSE Straße STRAẞE", "strasse strasse strasse"),
        ("Łódź Đồng smørrebrød", "lodz dong smorrebrod"),
        ("İSTANBUL ISTANBUL istanbul ıstanbul", "istanbul istanbul istanbul istanbul"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("Ёлка й", "елка и"),
        ("مَرْحَبًا مـــرحبا", "مرحبا مرحبا"),
        ("أين طلبي؟", "اين طلبي"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में", "हिन्दी में"),
        ("தமிழ்", "தமிழ்"),
        ("ดีครับ", "ดี ค รั บ"),
        ("我的订单abc在5月", "我 的 订 单 abc 在 5 月"),
        ("ﾜｰﾙﾄﾞ が か\u3099", "ワ ー ル ド が が"),
        ("ｈｅｌｌｏ１２", "hello12"),
        ("한국어 \u1112\u1161\u11ab", "한국어 한"),
        ("١٢٣ ۴ ३ ๓ 𝟕", "123 4 3 3 7"),
        ("he\u200bl\u00adlo\ufeff", "hello"),
        ("می‌خواهم", "میخواهم"),
        ("ok 👍🏽 1️⃣", "ok 1"),
        ("a_b a/b 10:30", "a b a b 10 30"),
        ("a\x00b\x1fc\td", "ab c d"),
        ("", ""),
        ("?!…", ""),
        ("\ud800", ""),
    ],
)
def test_looks_are_taken_off(text: str, plain: str) -> None:
    words = normalise(text)
    assert words.plain == plain
    assert words.keys == tuple(plain.split())
    assert words.text == text


def test_vowel_signs_stay() -> None:
    assert normalise("की").plain != normalise("का").plain
    assert normalise("กิ").plain != normalise("กี").plain
    assert normalise("が").plain != normalise("か").plain


@pytest.mark.parametrize("apostrophe", "'’‘´`ʼ＇")
def test_short_forms_are_one_word_however_typed(apostrophe: str) -> None:
    assert normalise(f"Don{apostrophe}t we{apostrophe}re it{apostrophe}s").plain == "dont were its"
    assert normalise(f"l{apostrophe}heure O{apostrophe}Brien").plain == "l heure o brien"
    assert normalise(f"{apostrophe}sale{apostrophe}").plain == "sale"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("👍", ("👍",)),
        ("👍🏽!!", ("👍",)),
        ("❤️❤", ("❤", "❤")),
        ("🇸🇪🇳🇴", ("🇸🇪", "🇳🇴")),
        ("👨‍👩‍👧", ("👨‍👩‍👧",)),
        ("™", ("™",)),
    ],
)
def test_emoji_count_where_there_is_nothing_else(text: str, keys: tuple[str, ...]) -> None:
    words = normalise(text)
    assert words.keys == keys
    assert words.emoji


def test_emoji_beside_words_count_only_when_asked() -> None:
    text = "great 👍🏿 thanks"
    assert not normalise(text).emoji
    assert normalise(text).keys == ("great", "thanks")
    assert with_emoji(text).keys == ("great", "👍", "thanks")
    assert with_emoji("greaaat 👍").held
    assert has_emoji(text)
    assert not has_emoji("great! €5 +1 Öppet")


@pytest.mark.parametrize(
    ("text", "plain", "held"),
    [
        ("hellooooo", "hellooo", True),
        ("HÖÖÖÖG", "hooog", True),
        ("hello", "hello", False),
        ("5555555", "5555555", False),
        ("١١١١", "1111", False),
        ("มากกกกก", "ม า ก ก ก", True),
        ("哈哈哈哈", "哈 哈 哈", True),
        ("哈哈", "哈 哈", False),
        ("哈哈哈", "哈 哈 哈", True),
        ("哈 哈哈", "哈 哈 哈", True),
        ("ㅋㅋㅋㅋ", "\u110f\u110f\u110f", True),
        ("〇〇〇〇", "〇 〇 〇 〇", False),
    ],
)
def test_held_letters_are_cut_to_three(text: str, plain: str, held: bool) -> None:
    words = normalise(text)
    assert (words.plain, words.held) == (plain, held)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("hellooo", "hello", True),
        ("hellooo", "helloo", True),
        ("hellooo", "hellooooo", True),
        ("helllooo", "hello", True),
        ("helllooo", "helo", True),
        ("hello", "helo", False),
        ("hello", "helloo", False),
        ("heyyy you", "hey you", True),
        ("heyyy you", "heyyou", False),
        ("1000", "10", False),
        ("哈哈哈哈", "哈", True),
        ("哈哈", "哈", False),
        ("มากกกครับ", "มากครับ", True),
        ("hmm", "hmmmm", True),
    ],
)
def test_held_letters_stand_for_any_number(left: str, right: str, same: bool) -> None:
    mine, yours = normalise(left).keys, normalise(right).keys
    assert alike(mine, yours) is same
    assert alike(yours, mine) is same


@given(st.text(st.sampled_from("abo 1哈"), max_size=12), st.text(st.sampled_from("abo 1哈"), max_size=12))
@example("aaab", "ab")
def test_words_that_are_alike_have_one_skeleton(left: str, right: str) -> None:
    for mine in normalise(left).keys:
        for yours in normalise(right).keys:
            if alike((mine,), (yours,)):
                assert skeleton(mine) == skeleton(yours)


def test_tight_puts_spaces_where_the_script_has_them() -> None:
    assert tight(normalise("取消 订阅 now please").keys) == "取消订阅 now please"


@given(texts)
@example("กกกก่ก")
@example("店's it's店 don't've a''s")
@example("ΐ ŉ ſ ǆ ﬃ")
def test_normalising_again_changes_nothing(text: str) -> None:
    words = normalise(text)
    again = normalise(words.plain)
    assert (again.keys, again.plain, again.held, again.emoji) == (words.keys, words.plain, words.held, words.emoji)


@given(texts)
@example("it's店 don't've a''s")
@example("哈哈哈哈 เ้้")
@example("\u0e48\u094d0")
@example("no no don't heeeello 5555")
@example("no no heeeello")
@example("no on no don't")
def test_spans_show_each_word_as_it_was_typed(text: str) -> None:
    for words in (normalise(text), with_emoji(text)):
        places = spans(words)
        assert len(places) == len(words.keys)
        assert all(start < end for start, end in places)
        assert list(places) == sorted(places)
        assert all(key in _alone(words, start, end) for key, (start, end) in zip(words.keys, places, strict=True))
        assert {at for place in places for at in range(*place)} >= _seen(text)


def _alone(words: Words, start: int, end: int) -> tuple[str, ...]:
    """The words of one token's place: itself, and what else the same sign stands for (½ is a 1 and a 2)."""
    piece = words.text[start:end]
    return with_emoji(piece).keys if words.emoji else normalise(piece).keys


def _seen(text: str) -> set[int]:
    """Where the letters and digits stand."""
    return {at for at, char in enumerate(text) if char.isalnum() and not normalise(char).emoji and normalise(char).keys}


def test_marks_and_short_forms_belong_to_their_word() -> None:
    text = "Cafe\u0301, don’t! ｶﾞ哈哈哈哈哈 👨‍👩‍👧"
    assert [text[start:end] for start, end in spans(normalise(text))] == [
        "Cafe\u0301", "don’t", "ｶﾞ", "哈", "哈", "哈哈哈",
    ]  # fmt: skip
    assert text[slice(*spans(with_emoji(text))[-1])] == "👨‍👩‍👧"
    assert spans(normalise("a\x00b c")) == ((0, 3), (4, 5))


@given(texts)
def test_case_and_width_and_invisible_characters_make_no_difference(text: str) -> None:
    words = normalise(text)
    assert normalise("\u200b".join(text)).keys == words.keys or words.emoji or "\u200d" in text
    assert normalise(f"  {text}\u200f!").keys == words.keys


def test_long_texts_are_read_in_linear_time() -> None:
    words = normalise("a" * 200_000)
    assert words.plain == "aaa"
    assert len(normalise("é'" * 100_000).keys) == 100_000
