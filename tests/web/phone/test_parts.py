"""The pure parts: people to be, what to try, maps, rules cut from their files."""

from bot.core.rule import Place
from bot.core.rulebook import Rulebook, Settings
from bot.rulebook.load import load_files
from bot.web.phone.excerpt import excerpt
from bot.web.phone.looking import Looking, looking
from bot.web.phone.map import coordinates, drawn
from bot.web.phone.newcomers import language_of_number, suggested
from bot.web.phone.trying import to_try
from tests.web.phone.conftest import ANNA, BEA, RULES


def rulebook() -> Rulebook:
    reading = load_files({"rules/rules.yaml": RULES.encode()})
    assert reading.rulebook is not None, [str(problem) for problem in reading.problems]
    return reading.rulebook


def test_newcomers_speak_the_rules_languages_and_have_numbers_of_nobody() -> None:
    english, swedish = suggested(rulebook(), (), ())
    assert (english.identity, english.name, english.speaks) == (BEA, "Bea", "English")
    assert (swedish.identity, swedish.name, swedish.speaks) == (ANNA, "Anna", "Svenska")
    english, swedish = suggested(rulebook(), (BEA, ANNA), ("Bea", "Anna"))
    assert english.identity not in (BEA, ANNA)
    assert english.identity.startswith("44")
    assert english.name == "Sam"
    assert swedish.identity not in (BEA, ANNA)
    assert swedish.identity.startswith("46")
    assert swedish.name == "Åke"


def test_the_longest_prefix_tells_the_language() -> None:
    settings = Settings("UTC", ("en", "fr", "de"), language_of_prefix={"41": "de", "4122": "fr"})
    assert [language_of_number(each, settings) for each in ("4122555", "41441", "1202")] == ["fr", "de", "en"]


def test_what_to_try_is_what_the_rules_listen_for_showiest_first() -> None:
    assert to_try(rulebook(), "en")[:3] == ("Hello", "Options", "Open")
    assert to_try(rulebook(), "sv")[0] == "Hej"
    assert len(to_try(rulebook(), "en")) <= 4
    assert to_try(rulebook(), "xx") == ()


def test_a_map_is_the_same_for_the_same_place_alone() -> None:
    assert drawn(59.3, 18.1) == drawn(59.3, 18.1) != drawn(59.4, 18.1)
    assert coordinates(-33.8568, -151.2) == "33.8568° S, 151.2000° W"


def test_a_rule_is_cut_where_the_next_begins() -> None:
    book = rulebook()
    files = {"rules/rules.yaml": RULES.encode()}
    rule = book.rule("welcome")
    assert rule is not None
    cut = excerpt(files, rule.name, rule.place, [Place(rule.place.file, rule.place.line + 1, 1)])
    assert cut.lines[0].text == "- name: welcome"
    assert cut.lines[-1].text.startswith("    buttons:")  # neither the empty line nor the next rule
    assert [line.number for line in cut.lines if line.marked] == [rule.place.line + 1]
    last = book.rule("otherwise")
    assert last is not None
    assert excerpt(files, last.name, last.place, []).lines[-1].text.endswith("{text: {en: What?, sv: Va?}}")
    assert excerpt({}, last.name, last.place, []).lines == ()


def test_where_one_looks_is_in_the_address() -> None:
    there = looking({"c": BEA, "m": "x", "tab": "send", "junk": "y"})
    assert there == Looking(BEA, "x", "send")
    assert there.address(tab="why") == f"/phone/?c={BEA}&m=x"
    assert looking({"tab": "<script>"}).tab == "why"
    assert len(looking({"m": "x" * 9999}).message) < 1000
    assert looking(dict(part.split("=") for part in there.address().split("?")[1].split("&"))) == there
