"""Every part of an ``if``, and the words for the one that fails."""

from dataclasses import replace

import pytest

from bot.core.conditions import consent_word, failure
from bot.core.conversation import Consent
from bot.core.rule import ALWAYS, Condition, ValueTest
from bot.core.scene import Scene
from tests.core.build import NOW, book, person, talk

SCENE = Scene(
    book(),
    talk(who=person("sv", {"city": "Åre", "age": "41,5"}, ["vip"]), consent=Consent(opted_in=True), first_contact=True),
    NOW,
    "sv",
    True,
    slots={"colour": "Light  BLUE!"},
    given={"status": "delayed"},
    fields={"city": "Åre", "age": "41,5"},
    tags=frozenset({"vip"}),
)


def value(source: str, name: str, *anyof: str, **limits: float) -> Condition:
    return Condition(values=(ValueTest(source, name, anyof, **limits),))  # type: ignore[arg-type]


HOLD = [
    ALWAYS,
    Condition(),
    Condition(during="shop"),
    Condition(languages=frozenset({"sv", "de"})),
    Condition(window="open"),
    Condition(tag="vip"),
    Condition(no_tag="new"),
    Condition(consent="opted_in"),
    Condition(first_contact=True),
    value("contact", "city", "are", "umea"),
    value("slot", "colour", "light blue"),
    value("event", "status", "lost", "delayed"),
    value("contact", "age", at_least=41.5),
    value("contact", "age", at_most=42),
    value("contact", "age", at_least=40, at_most=50),
]
FAIL = [
    (Condition(outside="shop"), "it holds outside shop only, and that is open now"),
    (Condition(during="kiosk"), "it holds during kiosk only, and that is closed now"),
    (Condition(languages=frozenset({"en", "de"})), "it is for language de, en, and this is sv"),
    (Condition(window="closed"), "it needs the window closed, and it is open"),
    (Condition(tag="new"), "the person has no tag new"),
    (Condition(no_tag="vip"), "the person has the tag vip"),
    (Condition(consent="stopped"), "it is for consent stopped, and this person's is opted_in"),
    (Condition(first_contact=False), "it is not for a first contact"),
    (value("contact", "city", "umea"), 'contact city is "Åre", not umea'),
    (value("contact", "street", "x"), "contact street is not given, not x"),
    (value("contact", "street", ""), "contact street is not given, not "),
    (value("event", "colour", "light blue"), "event colour is not given, not light blue"),
    (value("contact", "age", at_least=42), 'contact age is "41,5", not at least 42'),
    (value("contact", "age", at_most=41), 'contact age is "41,5", not at most 41'),
    (value("contact", "city", at_least=1), 'contact city is "Åre", not at least 1'),
    (Condition(outcome="found"), "it is for the outcome found, and nothing was asked yet"),
]


@pytest.mark.parametrize("condition", HOLD)
def test_holds(condition: Condition) -> None:
    assert failure(condition, SCENE) == ""


@pytest.mark.parametrize(("condition", "why"), FAIL)
def test_fails_with_the_reason(condition: Condition, why: str) -> None:
    assert failure(condition, SCENE) == why


@pytest.mark.parametrize(("failing", "why"), FAIL)
def test_one_failing_part_is_enough(failing: Condition, why: str) -> None:
    holding = replace(failing, tag=failing.tag or "vip", window=failing.window or "open")
    assert failure(holding, SCENE) == why


@pytest.mark.parametrize("number", ["1e5", "inf", "nan", "--1", "1.2.3", "²", "", "+", "12 apples"])
def test_what_is_no_number_passes_no_limit(number: str) -> None:
    scene = replace(SCENE, fields={"n": number})
    assert failure(value("contact", "n", at_least=-1e9), scene)


@pytest.mark.parametrize(
    ("number", "passes"),
    [("10", True), ("9,99", False), ("10.0", True), ("1 000", True), ("-11", False), ("+11", True)],
)
def test_numbers_as_people_write_them(number: str, passes: bool) -> None:
    scene = replace(SCENE, fields={"n": number})
    assert (failure(value("contact", "n", at_least=10), scene) == "") is passes


def test_consent_in_a_word() -> None:
    words = [consent_word(each) for each in (Consent(), Consent(opted_in=True), Consent(stopped=True, opted_in=True))]
    assert words == ["unknown", "opted_in", "stopped"]
