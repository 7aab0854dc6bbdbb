"""Patterns: the sentences they stand for, and what is said about those that cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.text import normalise
from bot.core.values import read_number
from bot.rulebook.pattern import MOST_READINGS, PatternError, parse
from bot.rulebook.slot import TEXT, Slot, SlotKind, read_kind


def sentences(source: str) -> list[str]:
    """The readings, slots shown as {name}."""
    shown = [
        [f"{{{each.name}}}" if isinstance(each, Slot) else each for each in reading]
        for reading in parse(source).readings
    ]
    return [" ".join(each) for each in shown]


def kind_of(name: str) -> SlotKind:
    kind = read_kind(name)
    assert isinstance(kind, SlotKind), kind
    return kind


@pytest.mark.parametrize(
    ("source", "readings"),
    [
        ("Opening hours?", ["opening hours"]),
        ("[when] (are|r) you open", ["when are you open", "when r you open", "are you open", "r you open"]),
        ("(öppettider|när är ni öppna)", ["oppettider", "nar ar ni oppna"]),
        ("a [b [c]] d", ["a b c d", "a b d", "a d"]),
        ("[a|b] c", ["a c", "b c", "c"]),
        ("(a [b]|c) d", ["a b d", "a d", "c d"]),
        ("(a|A|á) b", ["a b"]),
        ("[a] [a] b", ["a a b", "a b", "b"]),
        ("track {order_number: 8 digits}", ["track {order_number}"]),
        ("{Order number} please", ["{order_number} please"]),
        ("(from {a} to {b}|to {b} from {a})", ["from {a} to {b}", "to {b} from {a}"]),
        ("#{n: number}!", ["{n}"]),
        ("don’t", ["dont"]),
        ("[请]停止", ["请 停 止", "停 止"]),
        ("{name}さん", ["{name} さ ん"]),
        ("👍👍🏽", ["👍 👍"]),
        ("(👍|❤️)", ["👍", "❤"]),
        ("ok 👍", ["ok"]),
        ("hmmm", ["hm", "hmm"]),
        ("sooo goood", ["so god", "so good", "soo god", "soo good"]),
        ("哈哈哈哈!", ["哈 哈", "哈"]),
        ("call 1118", ["call 1118"]),
    ],
)
def test_a_pattern_stands_for_sentences(source: str, readings: list[str]) -> None:
    assert sentences(source) == readings


def test_slots_are_told_in_order_and_those_that_are_always_filled() -> None:
    pattern = parse("book [for {people: number 1-10}] at {when: time} [under {name}]")
    assert pattern.slots == ("people", "when", "name")
    assert pattern.always == {"when"}
    assert pattern.kinds == {"people": kind_of("number 1-10"), "when": kind_of("time"), "name": TEXT}
    assert parse("(b {y}|a {x} {y})").slots == ("y", "x")
    assert parse("hello").slots == ()


def test_emoji_patterns_are_known() -> None:
    assert parse("👍").emoji
    assert not parse("ok 👍").emoji
    assert not parse("hello").emoji


@pytest.mark.parametrize(
    ("source", "offset", "part"),
    [
        ("", 0, "is empty"),
        ("  ", 0, "is empty"),
        ("?!", 0, "no word in it"),
        ("[please]", 0, "Keep one word outside"),
        ("[a] [b]", 0, "Keep one word outside"),
        ("where [is", 6, '"[" is never closed'),
        ("(a|b", 0, '"(" is never closed'),
        ("a {name", 2, '"{" is never closed'),
        ("a {na[me}", 2, '"{" is never closed'),
        ("(a]", 2, '"(" is closed by "]"'),
        ("[a)", 2, '"[" is closed by ")"'),
        ("a ] b", 2, '"]" closes nothing. Write "["'),
        ("a } b", 2, '"}" closes nothing'),
        ("a | b", 2, '"|" stands outside of ( )'),
        ("(a|)", 3, "A choice in ( ) is empty"),
        ("(|a)", 1, "A choice in ( ) is empty"),
        ("()", 1, "A choice in ( ) is empty"),
        ("a [ ]", 3, "Nothing stands in [ ]"),
        ("ok (👍|yes)", 4, '"👍" is not heard beside words'),
        ("{{first_name}}", 0, "one pair"),
        ("a {}", 3, "cannot name a slot"),
        ("a {1st}", 3, "cannot name a slot"),
        ("a {för}", 3, "cannot name a slot"),
        ("a {n: 8 diggits}", 5, '"8 diggits" is no kind of value. Write one of: text, number'),
        ("a {n: 9-2 digits}", 5, "No value has 9 to 2 digits"),
        ("a {n: number 10-1}", 5, "number 1-10"),
        ("a {n} {n}", 0, "Slot n stands twice"),
        ("(a {n: number}|b {n: date})", 3, "Slot n is number in one place and date in another"),
        ("order[s]", 4, 'touches "r"'),
        ("[re]open", 4, 'touches "o"'),
        ("order{n}", 4, 'touches "r"'),
        ("[a|b] " * 8 + "c", 0, "6561 ways"),
        ("((((((((((( a )))))))))))", 10, "11 deep"),
        ("a " * 101, 0, "101 words"),
        ("aaabbbcccdddeee", 0, "too many letters held down"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_explained(source: str, offset: int, part: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(source)
    assert part in str(caught.value)
    assert str(caught.value).endswith(".")
    assert caught.value.offset == offset


@given(st.text(st.sampled_from("ab []()|{}:1é👍哈\n'"), max_size=30))
def test_any_text_is_read_or_explained(source: str) -> None:
    try:
        pattern = parse(source)
    except PatternError as error:
        fault: PatternError | None = error
    else:
        fault = None
        assert 1 <= len(pattern.readings) <= MOST_READINGS
        assert len(set(pattern.readings)) == len(pattern.readings)
        assert all(pattern.readings)
        words = {each for reading in pattern.readings for each in reading if isinstance(each, str)}
        assert all(normalise(each).keys == (each,) and not normalise(each).held for each in words)
    assert fault is None or (0 <= fault.offset <= len(source) and len(str(fault)) > 20)


# --- kinds of value -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fitting", "others"),
    [
        ("text", ["Anna", "two words", "5"], []),
        (
            "8 digits",
            ["12345678", "٠١٢٣٤٥٦٧", "１２３４５６７８"],
            ["1234567", "123456789", "1234 5678", "1234567a", "½2345678"],
        ),
        ("4-6 digits", ["1234", "123456"], ["123", "1234567"]),
        ("1 digit", ["7"], ["12", "x"]),
        (
            "number",
            ["7", "-7", "+7", "1,5", "1.5", "1 000", "1.000,50", "1’000", "1,000,000", "٣"],
            ["x", "1 00", "1,2,3", "7a", "", "1."],
        ),
        ("number 1-10", ["1", "10", "2,5", "０３"], ["0", "11", "10,5", "-1", "1 000"]),
        ("number -5 to 5", ["-5", "0"], ["-6"]),
        (
            "email",
            ["anna@shop.example", "a.b+c@x-y.co.uk", "å@ö.se"],
            ["anna@shop", "@x.se", "a b@x.se", "a@x..se", "a@-x.se", "a@x.s1"],
        ),
        (
            "phone",
            ["+46 70 123 45 67", "0701234567", "(070) 123-4567", "+1.202.555.0123"],
            ["12345", "+46", "1234567890123456", "07012x4567"],
        ),
        (
            "date",
            ["2026-02-28", "31/12/2026", "31.12.26", "24-12", "29.2", "٢٤/١٢"],
            ["31/6/2026", "2026-13-01", "29/2/2026", "12/31", "0/1", "24"],
        ),
        (
            "time",
            ["18:30", "9.05", "18h30", "18h", "24:00", "00:00:59", "9 am", "9:30pm", "12 p.m", "１８：３０"],
            ["24:01", "18", "25:00", "18:60", "13 pm", "0 am"],
        ),
    ],
)
def test_a_kind_takes_what_fits(kind: str, fitting: list[str], others: list[str]) -> None:
    fits = kind_of(kind).fits
    assert [each for each in fitting if not fits(each)] == []
    assert [each for each in others if fits(each)] == []


@pytest.mark.parametrize(
    "kind", ["text", "8 digits", "2-9 digits", "number", "number 1-10", "email", "phone", "date", "time"]
)
def test_edges_fit(kind: str) -> None:
    assert kind_of(kind).edges
    for edge in kind_of(kind).edges:
        assert kind_of(kind).fits(edge)
        assert len(normalise(edge).keys) <= kind_of(kind).most_words


def test_names_of_kinds_are_read_freely() -> None:
    assert kind_of(" 8  Digits ") == kind_of("8 digits")
    assert kind_of("Number 1 - 10") == kind_of("number 1-10")
    assert kind_of("number 1 to 10") == kind_of("number 1-10")
    assert kind_of("number") != kind_of("number 1-10")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1.000", 1000.0),
        ("0.125", 0.125),
        ("1,5", 1.5),
        ("1 000,5", 1000.5),
        ("-2", -2.0),
        ("٢٫٥", 2.5),
        ("٢٬٠٠٠", 2000.0),
        ("1.000.000", 1e6),
        ("x", None),
    ],
)
def test_numbers_are_read(written: str, number: float | None) -> None:
    assert read_number(written) == number


@given(st.text(max_size=20), st.sampled_from(["8 digits", "number", "number 1-10", "email", "phone", "date", "time"]))
def test_no_value_is_too_strange(value: str, kind: str) -> None:
    assert kind_of(kind).fits(value) in (True, False)
