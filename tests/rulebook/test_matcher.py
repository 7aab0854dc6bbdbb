"""The matcher: what rules hear, in many languages, and that it agrees exactly with trying everything."""

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.rule import Heard, Matches, Phrase, Place, Rule, Sent
from bot.core.rulebook import Matcher
from bot.core.text import normalise
from bot.rulebook.expression import Expression, compile_expression
from bot.rulebook.matcher import PhraseMatcher, build_matcher
from bot.rulebook.pattern import PatternError, parse
from bot.rulebook.reading import How, catch, message, straight

PLACE = Place("rules/shop.yaml", 1, 1)


def rule(*patterns: str, how: How = "says", language: str = "", name: str = "rule") -> Rule:
    return Rule(name, PLACE, (Heard(how, tuple(Phrase(each, language, PLACE) for each in patterns)),), ())


def caught(pattern: str, text: str, how: How = "says") -> Mapping[str, str] | None:
    """What the slots of a rule of one pattern catch; None where it does not hear the text."""
    hits = build_matcher([rule(pattern, how=how)]).hits(normalise(text))
    return hits[0].slots if hits else None


def hears(pattern: str, text: str, how: How = "says") -> bool:
    return caught(pattern, text, how) is not None


# --- by example ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "heard"),
    [
        ("hi", "this is late", False),
        ("hi", "oh, HI!", True),
        ("hej", "HEJ!!", True),
        ("hello", "helloooo you", True),
        ("hellooo", "hello you", True),
        ("hello", "helo", False),
        ("100", "1000", False),
        ("11", "111", False),
        ("öppettider", "vad är era OPPETTIDER?", True),
        ("spåra", "Spa\u030ara paketet", True),
        ("straße", "in der STRASSE", True),
        ("łódź", "lodz", True),
        ("ışık", "IŞIK lütfen", True),
        ("sipariş", "SİPARİŞ nerede", True),
        ("don't", "I don’t know", True),
        ("commande", "où est l'commande", True),
        ("مرحبا", "مَرْحَبًا بك", True),
        ("طلبي", "أين طـــلبي؟", True),
        ("שלום", "שָׁלוֹם לך", True),
        ("किताब", "मुझे किताब चाहिए", True),
        ("की", "का", False),
        ("สวัสดี", "ขอสวัสดีครับ", True),
        ("มากครับ", "ขอบคุณมากกกกครับ", True),
        ("订单", "我的订单在哪里", True),
        ("订 单", "我的订单", True),
        ("单订", "我的订单", False),
        ("ワールド", "ﾊﾛｰﾜｰﾙﾄﾞ", True),
        ("iPhone", "iPhoneを買う", True),
        ("order 12", "my order: ١٢", True),
        ("menu", "m\u200benu", True),
        ("👍", "👍🏿", True),
        ("👍", "great 👍 thanks", True),
        ("👍👍", "👍", False),
        ("👍", "👎", False),
        ("ok 👍", "ok", True),
        ("ok", "ok 👍", True),
        ("👍", "ok", False),
        ("🇸🇪", "🇳🇴", False),
        ("where is [my] order", "Where is order 5", True),
        ("(track|find) it", "find it", True),
        ("a b", "a x b", False),
    ],
)
def test_says_finds_whole_words_anywhere(pattern: str, text: str, heard: bool) -> None:
    assert hears(pattern, text) is heard


@pytest.mark.parametrize(
    ("how", "pattern", "text", "heard"),
    [
        ("says_exactly", "menu", "Menu!", True),
        ("says_exactly", "menu", "the menu", False),
        ("says_exactly", "menu", "menu please", False),
        ("says_exactly", "menu", "menu 👍", True),
        ("says_exactly", "👍", "👍!", True),
        ("says_exactly", "👍", "ok 👍", False),
        ("says_exactly", "哈哈", "哈哈哈哈", True),
        ("says_exactly", "哈哈哈", "哈", True),
        ("says_exactly", "哈哈哈", "哈哈", True),
        ("says_exactly", "มาก", "มากกกก", True),
        ("says_exactly", "哈哈", "哈", False),
        ("says_exactly", "I am {name}", "I am Åsa Öberg!", True),
        ("says_exactly", "{n: 4 digits} ok", "well 1234 ok", False),
        ("starts_with", "order", "Order 66", True),
        ("starts_with", "order", "my order", False),
        ("starts_with", "👍", "👍 great", True),
        ("starts_with", "👍", "great 👍", False),
        ("starts_with", "哈呀", "哈哈哈呀ok", True),
        ("starts_with", "order {n: number}", "order 5 now", True),
        ("starts_with", "哈元{n: number}", "哈哈哈元5", True),
        ("starts_with", "order {n: number}", "my order 5", False),
    ],
)
def test_whole_messages_and_beginnings(how: How, pattern: str, text: str, heard: bool) -> None:
    assert hears(pattern, text, how) is heard


@pytest.mark.parametrize(
    ("pattern", "text", "slots"),
    [
        ("my name is {name}", "My name is Åsa O’Brien!", {"name": "Åsa O’Brien"}),
        ("from {a} to {b}", "from Göteborg (C) to Malmö, please", {"a": "Göteborg (C", "b": "Malmö, please"}),
        ("call me {name} [please]", "call me Bob Li please now", {"name": "Bob Li"}),
        ("call me {name} [please]", "call me Bob Li", {"name": "Bob Li"}),
        ("send {what} [to] {who}", "send the box to Anna", {"what": "the box", "who": "Anna"}),
        ("{name} is my name", "well Eva is my name", {"name": "well Eva"}),
        ("{a} {b}", "one two three", {"a": "one", "b": "two three"}),
        ("track {n: 8 digits}", "please track #12345678, thanks", {"n": "12345678"}),
        ("track {n: 8 digits}", "track 1234567", None),
        ("{n: 4 digits}", "is 123 or 1234 right", {"n": "1234"}),
        ("{n: number}", "it is -5 here", {"n": "-5"}),
        ("{n: number} to {m: number}", "1 000 to 2,5", {"n": "1 000", "m": "2,5"}),
        ("{a: number} {b: number}", "1 000", {"a": "1", "b": "000"}),
        ("{n: number 1-4} people", "we are 3 people", {"n": "3"}),
        ("{n: number 1-4} people", "we are 5 people", None),
        ("at {t: time}", "at 10:30, ok", {"t": "10:30"}),
        ("at {t: time}", "at 9 p.m.", {"t": "9 p.m"}),
        ("on {d: date}", "on 31/12/2026.", {"d": "31/12/2026"}),
        ("on {d: date}", "on 31/11/2026", None),
        ("mail {e: email}", "mail <Anna.B@Shop.example>", {"e": "Anna.B@Shop.example"}),
        ("call {p: phone}", "call +46 70 123 45 67 today", {"p": "+46 70 123 45 67"}),
        ("{n: number} people", "5-10 people", {"n": "10"}),
        ("say {x}", "say -so-", {"x": "so"}),
        ("I use {lang}", "I use C++", {"lang": "C++"}),
        ("it costs {price}", "it costs $5!", {"price": "$5"}),
        ("it is {x}", "it is great👍🏽", {"x": "great"}),
        ("jag heter {namn}", "Jag heter A\u030asa", {"namn": "A\u030asa"}),
        ("我叫{name}", "我叫小明。", {"name": "小明"}),
        ("say {x}", "saaaay 👍 this", {"x": "this"}),
        ("我哈元{n: number}", "我哈哈哈哈元5", {"n": "5"}),
        ("{x}", "👍", {"x": "👍"}),
        ("{x}", "?!", None),
    ],
)
def test_slots_catch_what_was_written(pattern: str, text: str, slots: Mapping[str, str] | None) -> None:
    assert caught(pattern, text) == slots


def test_the_first_hit_of_each_rule_in_rule_order() -> None:
    matcher: Matcher = build_matcher(
        [
            rule("late", "is"),
            Rule("pictures", PLACE, (Sent(frozenset({"image"})),), ()),
            rule("{all}"),
            rule("nothing"),
            Rule(
                "both",
                PLACE,
                (
                    Heard("says_exactly", (Phrase("late", "en", PLACE),)),
                    Heard("starts_with", (Phrase("this [{rest}]", "", PLACE), Phrase("this", "", PLACE))),
                ),
                (),
            ),
        ]
    )
    hits = matcher.hits(normalise("This is late"))
    assert [(hit.rule, hit.phrase.pattern) for hit in hits] == [(0, "late"), (2, "{all}"), (4, "this [{rest}]")]
    assert [dict(hit.slots) for hit in hits] == [{}, {"all": "This is late"}, {"rest": "is late"}]
    assert matcher.hits(normalise("")) == []


def test_languages_are_those_whose_own_lists_hear_the_message() -> None:
    matcher = build_matcher(
        [
            rule("hej", language="sv"),
            rule("hi", "hello", language="en"),
            rule("taxi", "{x} 5"),
            rule("hej", "moin", language="da"),
        ]
    )
    assert matcher.languages(normalise("hej")) == {"sv", "da"}
    assert matcher.languages(normalise("hello, moin")) == {"en", "da"}
    assert matcher.languages(normalise("taxi 5")) == frozenset()
    assert matcher.languages(normalise("what")) == frozenset()


def test_rules_of_which_the_whole_message_is_a_phrase() -> None:
    matcher = build_matcher([rule("bus stop", "stop [please]"), rule("stop"), rule("please", how="starts_with")])
    assert matcher.phrases_of(normalise("Stop, PLEASE")) == {0}
    assert matcher.phrases_of(normalise("stop")) == {0, 1}
    assert matcher.phrases_of(normalise("please")) == {2}
    assert matcher.phrases_of(normalise("please stop")) == frozenset()


def test_hostile_messages_cost_little() -> None:
    """Each of these takes hours where every division of the words among the slots is tried."""
    phones = " ".join(f"{{p{at}: phone}}" for at in range(6))
    matcher = build_matcher(
        [rule("{a} x {b} x {c} x {d} x {e} y"), rule("{a: number} x {b} {c: 3 digits} {d} y"), rule(f"{phones} z")]
    )
    began = time.process_time()
    for text in ("x " * 6_000, "1 x " * 1_000, "哈" * 4_000, "x哈哈哈" * 700, "1 " * 100 + "y z"):
        assert matcher.hits(normalise(text)) == []
    assert time.process_time() - began < 5


# --- against trying everything ------------------------------------------------------------------------------------------

Element = str | tuple[str, str]  # a word, or the name and kind of a slot
Tree = tuple["Element | Group", ...]


@dataclass(frozen=True)
class Group:
    """``(…|…)``, or ``[…|…]`` where it may be left out."""

    options: tuple[Tree, ...]
    may_be_left_out: bool


def written(tree: Tree) -> str:
    parts = []
    for each in tree:
        match each:
            case str():
                parts.append(each)
            case Group(options, may_be_left_out):
                inside = "|".join(map(written, options))
                parts.append(f"[{inside}]" if may_be_left_out else f"({inside})")
            case (name, kind):
                parts.append(f"{{{name}: {kind}}}" if kind else f"{{{name}}}")
    return " ".join(parts)


def expansions(tree: Tree) -> Iterator[tuple[Element, ...]]:
    if not tree:
        yield ()
        return
    first, rest = tree[0], tree[1:]
    options: list[tuple[Element, ...]]
    if isinstance(first, Group):
        options = [reading for option in first.options for reading in expansions(option)]
        options += [()] if first.may_be_left_out else []
    else:
        options = [(first,)]
    for option in options:
        for following in expansions(rest):
            yield option + following


def same(mine: str, yours: str) -> bool:
    """Equal, three or more of a letter on either side being any number of it."""
    left = [(run[0], len(run[0])) for run in re.finditer(r"(.)\1*", mine)]
    right = [(run[0], len(run[0])) for run in re.finditer(r"(.)\1*", yours)]
    return len(left) == len(right) and all(
        a[0] == b[0] and (m == n or (not a[0].isdigit() and (m > 2 or n > 2)))
        for (a, m), (b, n) in zip(left, right, strict=True)
    )


def slipped(word: str) -> set[str]:
    """Every word that is one slip away."""
    pairs = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    letters = "abdefhklnors"
    left_out = {left + right[1:] for left, right in pairs}
    put_in = {left + letter + right for left, right in pairs for letter in letters}
    replaced = {left + letter + right[1:] for left, right in pairs if right for letter in letters}
    swapped = {left + right[1] + right[0] + right[2:] for left, right in pairs if len(right) > 1}
    return left_out | put_in | replaced | swapped


def nearly(mine: str, yours: str) -> bool:
    """The same, or one slip apart where both have five letters or more, no digit and none held down in what was typed."""
    if same(mine, yours):
        return True
    spellings = {mine, *(re.sub(r"(.)\1\1+", each, mine) for each in (r"\1", r"\1\1"))} - {mine} or {mine}
    forgiven = all(len(each) >= 5 and each.isalpha() for each in (mine, yours)) and not re.search(r"(.)\1\1", yours)
    return forgiven and any(len(each) >= 5 and yours in slipped(each) for each in spellings)


def divisions(
    reading: Sequence[Element], tokens: Sequence[str], how: How, equal: Callable[[str, str], bool] = same
) -> Iterator[dict[str, str]]:
    """Everything the slots could catch from the first token on, best first."""
    if not reading:
        if how != "says_exactly" or not tokens:
            yield {}
        return
    first, rest = reading[0], reading[1:]
    match first:
        case str():
            lengths = [1] if tokens and equal(first, tokens[0].lower()) else []
        case (_, "2 digits"):
            lengths = [1] if tokens and re.fullmatch("[0-9]{2}", tokens[0]) else []
        case _:
            lengths = [*range(1, len(tokens) + 1)] if rest else [len(tokens)] * bool(tokens)
    for length in lengths:
        for following in divisions(rest, tokens[length:], how, equal):
            yield following if isinstance(first, str) else {first[0]: " ".join(tokens[:length])} | following


def tried(
    reading: Sequence[Element], tokens: Sequence[str], how: How, equal: Callable[[str, str], bool] = same
) -> dict[str, str] | None:
    starts = range(len(tokens)) if how == "says" else [0]
    found = (each for start in starts for each in divisions(reading, tokens[start:], how, equal))
    return next(found, None)


WORDS = st.sampled_from(["a", "b", "c", "aa", "aaa", "ab", "aab", "12", "7", "111"])


def leaves(slot: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[Element]:
    return st.one_of(WORDS, WORDS, WORDS, slot)


TREES = st.recursive(
    st.lists(leaves(st.tuples(st.just(""), st.sampled_from(["", "2 digits"]))), min_size=1, max_size=3).map(tuple),
    lambda inner: st.lists(
        st.one_of(WORDS, st.builds(Group, st.lists(inner, min_size=1, max_size=2).map(tuple), st.booleans())),
        min_size=1,
        max_size=3,
    ).map(tuple),
    max_leaves=4,
)


def named(tree: Tree, names: Iterator[str]) -> Tree:
    """The tree with a name of its own for each slot."""
    out: list[Element | Group] = []
    for each in tree:
        match each:
            case Group(options, may_be_left_out):
                out.append(Group(tuple(named(option, names) for option in options), may_be_left_out))
            case (_, kind):
                out.append((next(names), kind))
            case _:
                out.append(each)
    return tuple(out)


PATTERNS = TREES.map(lambda tree: named(tree, (f"s{at}" for at in itertools.count()))).filter(
    lambda tree: () not in set(expansions(tree))
)
RULES = st.lists(
    st.tuples(st.sampled_from(["says", "says_exactly", "starts_with"]), st.lists(PATTERNS, min_size=1, max_size=3)),
    min_size=1,
    max_size=5,
)


HELD_AND_MORE: Tree = ("aaa", Group(((("s0", ""),),), may_be_left_out=True))


@settings(max_examples=250, deadline=None)
@example([("says", [HELD_AND_MORE])], ["aa", "a"], "")
@example([("says", [HELD_AND_MORE])], ["b", "aa", "a", "c"], "")
@given(
    RULES,
    st.lists(st.one_of(WORDS, st.sampled_from(["A", "aaaa", "x", "abbb", "1111"])), max_size=7),
    st.sampled_from(["", "!", " 👍", " ?"]),
)
def test_it_agrees_with_trying_everything(rules: list[tuple[How, list[Tree]]], tokens: list[str], beside: str) -> None:
    matcher = build_matcher([rule(*map(written, trees), how=how) for how, trees in rules])
    expected = []
    for position, (how, trees) in enumerate(rules):
        for tree in trees:
            heard = [each for each in (tried(reading, tokens, how) for reading in expansions(tree)) if each is not None]
            if heard:
                expected.append((position, written(tree), heard[0]))
                break
    hits = matcher.hits(normalise(" ".join(tokens) + beside))
    if tokens or not beside.strip().startswith("👍"):
        assert [(hit.rule, hit.phrase.pattern, dict(hit.slots)) for hit in hits] == expected


KINDS = ["", "2 digits", "1-3 digits", "number", "number 1-20", "email", "phone", "date", "time"]
PIECES = st.sampled_from(
    [
        *"a b A é 12 7 ١٢ １２ -5 #12 12! 1.000 000 x@y.example 1/2 10:30 12's '12' 👍 12👍 元 元12".split(),
        *("1\u200b2", "1\x002", "+46 70 123 45 67", "9 am", "", "\n"),
    ]
)


@settings(max_examples=500, deadline=None)
@example([], "2 digits", [], ["1\x002"], "says")
@given(
    st.lists(st.sampled_from("ab"), max_size=2),
    st.sampled_from(KINDS),
    st.lists(st.sampled_from("ab"), max_size=2),
    st.lists(PIECES, max_size=8),
    st.sampled_from(["says", "says_exactly", "starts_with"]),
)
def test_the_straight_way_agrees_with_the_search(
    before: list[str], kind: str, after: list[str], pieces: list[str], how: How
) -> None:
    slot = f"{{s: {kind}}}" if kind else "{s}"
    (reading,) = parse(" ".join([*before, slot, *after])).readings
    words = normalise(" ".join(pieces))
    quick = straight(reading)
    assert (quick is None) == (not kind and bool(after))
    if quick is not None and words.keys and not words.held:
        assert quick.catch(words, how) == catch(reading, message(words), how)


def held_down(text: str) -> set[str]:
    """The text without spaces, each run of three or more as one and as two."""
    runs = [run[0] for run in re.finditer(r"(.)\1*", text.replace(" ", ""))]
    choices = [[run] if len(run) < 3 else [run[:1], run[:2]] for run in runs]
    return set(map("".join, itertools.product(*choices)))


@settings(max_examples=250, deadline=None)
@given(
    st.text("哈呀 ", min_size=1, max_size=6).filter(str.strip),
    st.text("哈呀 ", max_size=12),
    st.sampled_from(["says", "says_exactly", "starts_with"]),
)
def test_held_characters_agree_with_trying_everything(phrase: str, text: str, how: How) -> None:
    compare = {"says": str.__contains__, "says_exactly": str.__eq__, "starts_with": str.startswith}[how]
    expected = any(compare(mine, yours) for mine in held_down(text) for yours in held_down(phrase))
    assert hears(phrase, text, how) is expected


def as_expression(phrase: str) -> str:
    """A phrase of characters and ``x`` for slots: a character held down is any number of it, and takes all there are."""
    parts: list[str] = []
    for each, run in itertools.groupby(phrase):
        count = sum(1 for _ in run)
        if each == "x":
            parts += ["(.+?)"] * count
        else:
            parts.append(each * count if count < 3 else f"{each}++")
    return "".join(parts[:-1]) + (parts[-1].replace("?", "") if phrase.endswith("x") else parts[-1])


@settings(max_examples=200, deadline=None)
@example("哈哈哈x", "哈你呀哈哈好", "says")
@given(
    st.text("哈呀x", min_size=1, max_size=6),
    st.text("哈呀你", min_size=1, max_size=9).filter(lambda text: not re.search(r"(.)\1\1", text)),
    st.sampled_from(["says", "says_exactly", "starts_with"]),
)
def test_characters_held_down_beside_slots_agree_with_expressions(phrase: str, text: str, how: How) -> None:
    find = {"says": re.search, "says_exactly": re.fullmatch, "starts_with": re.match}[how]
    expected = find(as_expression(phrase), text)
    names = itertools.count()
    pattern = " ".join(f"{{s{next(names)}}}" if each == "x" else each for each in phrase)
    slots = caught(pattern, text, how)
    assert (None if slots is None else [*slots.values()]) == (None if expected is None else [*expected.groups()])


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        ("哈哈哈 {x}", "哈哈哈哈你好", "你好"),
        ("哈哈哈 {x}", "哈你好", "你好"),
        ("哈哈哈 {x}", "哈你好 哈哈哈呀", "你好 哈哈哈呀"),
        ("哈哈哈 {x}", "哈哈哈哈", None),
        ("哈 {x}", "哈哈哈你好", "你好"),
        ("哈 {x}", "哈哈哈", "哈"),
        ("哈哈 {x} 元", "哈哈哈哈五元", "五"),
        ("มาก {x}", "ขอบคุณมากกกกครับ", "ครับ"),
    ],
)
def test_what_follows_a_character_held_down_is_caught_whole(pattern: str, text: str, value: str | None) -> None:
    assert caught(pattern, text) == (None if value is None else {"x": value})


# --- slips --------------------------------------------------------------------------------------------------------------

LONG = st.sampled_from(
    ["order", "orders", "ordre", "rder", "odrer", "borrder", "broken", "brokne", "a", "refund1", "heeello", "hell"]
)
LOOSE_GROUPS = st.builds(Group, st.lists(st.tuples(LONG), min_size=1, max_size=2).map(tuple), st.booleans())
LOOSE_TREES = (
    st.lists(st.one_of(LONG, LONG, st.just(("", "")), LOOSE_GROUPS), min_size=1, max_size=3)
    .map(lambda tree: named(tuple(tree), (f"s{at}" for at in itertools.count())))
    .filter(lambda tree: () not in set(expansions(tree)))
)
LOOSE_PATTERNS = st.lists(LOOSE_TREES, min_size=1, max_size=2)
LOOSE_RULES = st.lists(
    st.tuples(st.booleans(), LOOSE_PATTERNS, st.sampled_from(["says", "says_exactly", "starts_with"])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    LOOSE_RULES,
    st.lists(
        st.one_of(LONG, st.sampled_from(["oorder", "refund2", "hello", "helo", "heelo", "helllo", "hallo"])), max_size=5
    ),
)
def test_slips_agree_with_trying_everything(rules: list[tuple[bool, list[Tree], How]], tokens: list[str]) -> None:
    matcher = build_matcher(
        [replace(rule(*map(written, trees), how=how), typos=int(loose)) for loose, trees, how in rules]
    )
    expected = []
    for position, (loose, trees, how) in enumerate(rules):
        equal = nearly if loose else same
        for tree in trees:
            heard = [slots for each in expansions(tree) if (slots := tried(each, tokens, how, equal)) is not None]
            if heard:
                expected.append((position, written(tree), heard[0]))
                break
    hits = matcher.hits(normalise(" ".join(tokens)))
    assert [(hit.rule, hit.phrase.pattern, dict(hit.slots)) for hit in hits] == expected


@pytest.mark.parametrize(
    ("pattern", "text", "heard"),
    [
        ("opening hours", "what are your openign houurs?", True),
        ("opening hours", "opening ours", False),
        ("where is my order", "wher is my order", False),
        ("öppettider", "Oppetider!", True),
        ("stopp", "stop", False),
        ("refund", "reefunnd", False),
        ("iphone15", "iphone14", False),
        ("12345678", "12345679", False),
        ("доставка", "доствака", True),
        ("किताबें", "कितबें", False),
        ("track {n: 8 digits}", "trakc 12345678", True),
    ],
)
def test_one_slip_is_forgiven_in_long_words(pattern: str, text: str, heard: bool) -> None:
    loose = replace(rule(pattern), typos=1)
    assert bool(build_matcher([loose]).hits(normalise(text))) is heard
    assert not build_matcher([rule(pattern)]).hits(normalise(text))


def test_a_rule_without_typos_stays_strict_beside_one_with() -> None:
    strict = [rule("order {x} broken"), rule("broken [{x}]"), rule("{x: number} broken")]
    matcher = build_matcher([replace(rule("broken"), typos=1), *strict])
    assert [hit.rule for hit in matcher.hits(normalise("order 5 brokne"))] == [0]
    assert [hit.rule for hit in matcher.hits(normalise("order 5 broken"))] == [0, 1, 2, 3]


def test_a_slip_higher_up_goes_before_an_exact_word_below() -> None:
    matcher = build_matcher([replace(rule("refund"), typos=1), rule("refunds"), replace(rule("refunds"), typos=1)])
    assert [hit.rule for hit in matcher.hits(normalise("refunds"))] == [0, 1, 2]
    assert [hit.rule for hit in matcher.hits(normalise("refund"))] == [0, 2]
    assert matcher.phrases_of(normalise("Refund!")) == {0, 2}
    assert matcher.phrases_of(normalise("a refund")) == frozenset()


# --- expressions --------------------------------------------------------------------------------------------------------


def listening(*expressions: str, language: str = "", examples: Sequence[str] = ()) -> Rule:
    found = Matches(tuple(Phrase(each, language, PLACE) for each in expressions))
    return Rule("rule", PLACE, (found,), (), examples_match=tuple(Phrase(each, "", PLACE) for each in examples))


def test_expressions_see_the_text_as_typed_and_keep_rule_order() -> None:
    both = replace(rule("order"), triggers=(*listening("^ORD-").triggers, *rule("order").triggers))
    matcher = build_matcher([rule("order"), listening(r"#(?P<n>\d+)", r"^\?+$", language="sv"), both])
    hits = matcher.hits(normalise("  my Order #12 "))
    assert [(hit.rule, hit.phrase.pattern, dict(hit.slots)) for hit in hits] == [
        (0, "order", {}),
        (1, r"#(?P<n>\d+)", {"n": "12"}),
        (2, "order", {}),
    ]
    assert [(hit.rule, hit.phrase.pattern) for hit in matcher.hits(normalise("ord-1"))] == [(2, "^ORD-")]
    assert [(hit.rule, hit.phrase.pattern) for hit in matcher.hits(normalise(" ??? "))] == [(1, r"^\?+$")]
    assert matcher.languages(normalise("#1")) == {"sv"}
    assert matcher.hits(normalise(" ")) == []


def test_a_whole_message_is_an_expression_where_it_fits() -> None:
    matcher = build_matcher([listening("a+"), listening("b|c+"), rule("aaa")])
    assert matcher.phrases_of(normalise(" AAA ")) == {0, 2}
    assert matcher.phrases_of(normalise("ccc")) == {1}
    assert matcher.phrases_of(normalise("ab")) == frozenset()


def test_a_bad_expression_is_refused() -> None:
    with pytest.raises(PatternError, match="never closed"):
        build_matcher([listening("(a")])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "^b", "c$", "a.c", r"(?P<x>\pL)", "å|ö", "^$"]), min_size=1, max_size=3),
        max_size=6,
    ),
    st.text("abcÅö !", max_size=5),
)
def test_many_expressions_agree_with_each_alone(rules: list[list[str]], text: str) -> None:
    matcher = build_matcher([listening(*sources, examples=[text]) for sources in rules])
    expected = []
    for position, sources in enumerate(rules):
        for source in sources:
            expression = compile_expression(source)
            assert isinstance(expression, Expression)
            slots = expression.find(text) if text.strip() else None
            if slots is not None:
                expected.append((position, source, slots))
                break
    hits = matcher.hits(normalise(text))
    assert [(hit.rule, hit.phrase.pattern, hit.slots) for hit in hits] == expected


def test_the_tree_is_walked_where_messages_have_no_held_letters() -> None:
    """The quick way and the way for held letters find the same."""
    patterns = ["where is my order", "order", "[my] order {n: 4 digits}", "is"]
    matcher: PhraseMatcher = build_matcher([rule(each) for each in patterns])
    quick = matcher.hits(normalise("where is my order 1234"))
    slow = matcher.hits(normalise("wheeere is my orderrr 1234"))
    assert [hit.rule for hit in quick] == [0, 1, 2, 3]
    assert quick == slow
