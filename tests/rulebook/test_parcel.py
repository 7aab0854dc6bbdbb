"""A rulebook that travelled in parcels does all that the one packed does, and no parcel takes long."""

import io
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.conversation import Conversation, Person, Window
from bot.core.decide import decide
from bot.core.event import ContactKey, InboundMessage, Text
from bot.core.rule import Heard, Matches, Phrase, Place, Rule
from bot.core.rulebook import Rulebook, Rulebooks
from bot.core.text import normalise
from bot.rulebook.answers import pattern_reader, phone_reader
from bot.rulebook.load import load
from bot.rulebook.matcher import build_matcher
from bot.rulebook.parcel import let_go, pack, unpack
from bot.rulebook.slot import TEXT, read_kind
from tests.bench.matching import MESSAGES, keywords
from tests.core.build import book

PLACE = Place("rules/a.yaml", 3, 5)
NOON = datetime(2026, 1, 5, 11, tzinfo=UTC)
ANN = ContactKey("app", "WHATSAPP", "46701234567")


def arrived(parcels: Sequence[bytes]) -> Rulebook:
    *steps, last = unpack(parcels)
    assert all(step is None for step in steps)
    assert last is not None
    return last


def plain(rulebook: Rulebook) -> Rulebook:
    """Without its matcher, which knows no equality."""
    return replace(rulebook, matcher=build_matcher(()))


def same_matching(left: Rulebook, right: Rulebook, text: str) -> bool:
    words = normalise(text)
    mine, yours = left.matcher, right.matcher
    return (
        list(mine.hits(words)) == list(yours.hits(words))
        and mine.languages(words) == yours.languages(words)
        and mine.phrases_of(words) == yours.phrases_of(words)
    )


def rules_of(patterns: Sequence[str], size: int, typos: int = 0, how: str = "says") -> list[Rule]:
    rules = []
    for at in range(0, len(patterns), size):
        phrases = tuple(Phrase(each, "sv" if at % 3 else "", PLACE) for each in patterns[at : at + size])
        heard = Heard("says_exactly" if how == "says_exactly" else "says", phrases)
        matches = Matches((Phrase(rf"nr (?P<n>\d+) {at}", "", PLACE), Phrase(f"x{at}$", "en", PLACE)))
        rules.append(Rule(f"rule_{at}", PLACE, (heard, matches), (), typos=typos))
    return rules


@pytest.fixture(scope="module")
def shop() -> Rulebook:
    rulebook = load(Path(__file__).parents[2] / "rules").rulebook
    assert rulebook is not None
    return rulebook


def test_the_sample_shop_decides_the_same_after_its_way(shop: Rulebook) -> None:
    there = arrived(list(pack(shop)))
    assert plain(there) == replace(plain(shop), matcher=plain(there).matcher)
    texts = [phrase.pattern for rule in shop.rules for phrase in (*rule.examples_match, *rule.examples_no_match)]
    for text in [*texts, *MESSAGES, "STOP", "stpo", "what?", "1"]:
        assert same_matching(shop, there, text)
        event = InboundMessage("d", ANN, "m", Text(text), NOON, NOON)
        conversation = Conversation(ANN, Person(1), Window(NOON + timedelta(hours=24)))
        assert decide(event, conversation, Rulebooks(shop), NOON) == decide(event, conversation, Rulebooks(there), NOON)


PIECES = st.sampled_from(
    [
        *"order orders helloo hellooo 哈哈哈 你好 👍 12345678 [my] (a|b) {x} {n:number}".split(),
        "{d: 8 digits}",
        "{e: email}",
    ]
)
PATTERNS = st.lists(PIECES, max_size=2, unique=True).map(lambda parts: " ".join([*parts, "so"]))
TEXTS = st.lists(
    st.sampled_from(
        [*"order ordre my a b helloooo 哈哈哈哈 你好 👍 12345678 7 x@y.example so x0 x2".split(), "nr 5 0"]
    ),
    max_size=5,
).map(" ".join)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(PATTERNS, min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(0, 1),
    st.sampled_from(["says", "says_exactly"]),
    st.lists(TEXTS, min_size=1, max_size=4),
)
def test_it_hears_the_same_after_its_way(
    patterns: list[str], size: int, typos: int, how: str, texts: list[str]
) -> None:
    here = book(*rules_of(patterns, size, typos, how))
    there = arrived(list(pack(here)))
    assert all(same_matching(here, there, text) for text in texts)
    assert there.rules == here.rules


@pytest.fixture(scope="module")
def large() -> Rulebook:
    """Thousands of keywords, some rules alone with hundreds, expressions, slips, long rows of every kind."""
    patterns = keywords(3_000)
    rules = [
        *rules_of(patterns[:1_000], 10),
        *rules_of(patterns[1_000:2_000], 500, typos=1),
        *rules_of(patterns[2_000:], 7),
    ]
    named = [replace(rule, name=f"rule_{at}") for at, rule in enumerate(rules)]
    return book(*named)


def test_a_large_one_comes_in_small_parcels(large: Rulebook) -> None:
    parcels = list(pack(large))
    assert len(parcels) > 50
    assert max(map(len, parcels)) <= 12_000
    there = arrived(parcels)
    assert there.rules == large.rules
    assert there.by_name == large.by_name
    assert there.consent == large.consent
    assert all(same_matching(large, there, text) for text in (*MESSAGES, *keywords(3_000)[::97], "nr 12 70", "x4"))


def test_no_parcel_takes_long(large: Rulebook) -> None:
    """Processor time, the best of three ways: what other processes take does not count."""
    parcels = list(pack(large))
    ways = [list(timed(parcels)) for _ in range(3)]
    assert max(map(min, zip(*ways, strict=True))) < 0.005


def timed(parcels: Sequence[bytes]) -> Iterator[float]:
    steps = unpack(parcels)
    while True:
        began = time.process_time()
        if next(steps, "nothing more") == "nothing more":
            return
        yield time.process_time() - began


def test_one_that_lacks_its_end_is_refused(shop: Rulebook) -> None:
    parcels = list(pack(shop))
    with pytest.raises(ValueError, match="has not arrived whole"):
        list(unpack(parcels[:-1]))
    with pytest.raises(ValueError, match="has not arrived whole"):
        list(unpack([]))


def test_what_cannot_travel_is_told(shop: Rulebook) -> None:
    canned = {"thanks": lambda: "nothing that pickle knows"}
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        list(pack(replace(shop, canned=canned)))  # type: ignore[arg-type]


def test_kinds_of_slots_and_readers_of_answers_travel() -> None:
    kinds = [TEXT, read_kind("8 digits"), read_kind("number -5 to 5"), read_kind("email")]
    values = (kinds, phone_reader(), pattern_reader("a+"))
    again = pickle.load(io.BytesIO(pickle.dumps(values)))  # noqa: S301 our own
    assert again == values
    assert again[0][0] is TEXT
    assert again[0][2].fits("-5")
    assert not again[0][2].fits("-6")


def test_letting_go_changes_nothing_for_who_still_holds_it(large: Rulebook) -> None:
    before = [large.matcher.hits(normalise(text)) for text in MESSAGES]
    assert len(list(let_go(large))) > 3
    assert [large.matcher.hits(normalise(text)) for text in MESSAGES] == before
