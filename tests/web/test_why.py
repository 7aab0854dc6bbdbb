"""What pages tell of a decision."""

from bot.core.decision import Because, Considered
from bot.core.drafting import _LAYER_NAMES
from bot.core.layers import ORDER
from bot.core.rule import Place
from bot.web.why import LAYERS, candidates_of, layers_of, rule_page


def test_the_layers_are_those_of_the_core_in_their_order() -> None:
    asked = [_LAYER_NAMES.get(each.__name__, each.__name__) for each in ORDER]
    last = sorted(set(asked), key=lambda name: len(asked) - asked[::-1].index(name))
    assert list(LAYERS) == last


def test_layers_are_passed_until_one_answers() -> None:
    states = {each.name: each.state for each in layers_of(Because("taps"))}
    assert [name for name, state in states.items() if state == "passed"] == ["consent", "person", "question"]
    assert (states["taps"], states["near miss"]) == ("answered", "not asked")
    assert layers_of(Because("event")) == ()


def test_a_rule_is_told_with_its_line_and_an_address() -> None:
    considered = (Considered("a b", Place("rules/å.yaml", 7, 1), "hello", "only while open."),)
    (found,) = candidates_of(Because("rules", considered=considered))
    assert (found.rule, found.place, found.heard, found.failed) == (
        "a b",
        "line 7 of å.yaml",
        "hello",
        "only while open",
    )
    assert found.address == rule_page("a b", Place("rules/å.yaml", 7, 1))
    assert found.address == "/admin/rules?rule=a+b&file=rules%2F%C3%A5.yaml&line=7#L7"
