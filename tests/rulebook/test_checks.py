"""What only the rules as a whole can show, where one file as an example does not say enough."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product

import pytest

from bot.core.wording import opening_words
from bot.rulebook.checks.limits import shorter
from bot.rulebook.checks.values import longest_opening
from bot.rulebook.load import load_files
from bot.rulebook.problem import closest, did_you_mean, listed

HOURS = 'hours: {shop: {mon-fri: "09:00-18:00"}}\n'


def told(text: str) -> list[str]:
    return [str(problem) for problem in load_files({"rules/x.yaml": text.encode()}).problems]


def rules(*lines: str) -> str:
    return "rules:\n" + "".join(f"  - {line}\n" for line in lines)


def test_a_slot_of_every_phrase_needs_no_default() -> None:
    assert (
        told(rules('{name: a, when: {says: ["track {n: 8 digits}", "{n: 8 digits} lost"]}, reply: {text: "{{n}}"}}'))
        == []
    )


def test_a_slot_in_an_optional_part_needs_a_default() -> None:
    assert (
        "may have no value"
        in told(rules('{name: a, when: {says: "track [{n: 8 digits}]"}, reply: {text: "{{n}}"}}'))[0]
    )


def test_values_go_along_with_goes_to() -> None:
    leads = '{name: a, when: {says: "track {n: 8 digits}"}, reply: {goes_to: b}}'
    assert told(rules(leads, '{name: b, reply: {text: "{{n}}"}}')) == []
    other = told(rules(leads, '{name: b, when: {says: bye}, reply: {text: "{{n}}"}}'))
    assert [problem.split(": ")[0] for problem in other] == ["rules/x.yaml:3:48"]


def test_values_go_along_a_chain_with_a_second_way_in() -> None:
    text = rules(
        '{name: a, when: {says: "track {n: 8 digits}"}, reply: {goes_to: b}}',
        "{name: b, reply: {goes_to: c}}",
        '{name: c, reply: {text: "{{n}}"}}',
        "{name: d, when: {says: bye}, reply: {goes_to: b}}",
    )
    assert len(told(text)) == 1
    assert told(text)[0].startswith("rules/x.yaml:4:")


def test_a_tested_value_is_there() -> None:
    assert (
        told(
            rules(
                '{name: a, when: {says: hi}, reply: [{contact: {first_name: Bo}, text: "{{first_name}}"}, {text: "Hi"}]}'
            )
        )
        == []
    )


def test_an_event_may_bring_more_than_it_needs() -> None:
    event = '{{name: a, when: {{event: x, needs: [order]}}, reply: {{text: "{0}"}}, if_closed: skip}}'
    assert told(rules(event.format("{{order}} {{eta|soon}}"))) == []
    assert "Did you mean {{order}}?" in told(rules(event.format("{{oder|none}}")))[0]
    assert "Add it to needs" in told(rules(event.format("{{eta}}")))[0]


def test_the_times_of_hours_are_known_where_hours_are_named() -> None:
    assert (
        told(HOURS + rules('{name: a, when: {says: hi}, if: {during: shop}, reply: {text: "{{closing_time}}"}}')) == []
    )
    assert told(HOURS + rules('{name: a, when: {says: hi}, reply: {text: "{{next_opening}}"}}')) == []
    assert "may have no value" in told(rules('{name: a, when: {says: hi}, reply: {text: "{{next_opening}}"}}'))[0]


def test_a_declared_field_of_the_contact_is_known() -> None:
    text = rules('{name: a, when: {says: hi}, reply: {text: "{{points|0}}"}}')
    assert "not a value that is known" in told(text)[0]
    assert told("settings: {contact_fields: [points]}\n" + text) == []


@pytest.mark.parametrize("language", ["en", "sv", "fi", "de"])
def test_the_longest_opening_is_as_long_as_words_get(language: str) -> None:
    start = date(2026, 1, 5)
    days = (datetime(2026, 1, 5, 12) + timedelta(days=ahead) for ahead in range(60))  # noqa: DTZ001
    assert max(len(opening_words(start, day, language)) for day in days) == longest_opening(language)


def test_limits_count_the_default_and_the_known_length() -> None:
    row = '{{name: a, when: {{says: "t {{n: 8 digits}}"}}, reply: {{text: "{0}", header: "{1}", buttons: [{{label: L, goes_to: b}}]}}}}'
    other = '{name: b, when: {says: bye}, reply: {text: "Bye"}}'
    assert told(rules(row.format("x", "y" * 52 + "{{n}}"), other)) == []
    assert "61 characters" in told(rules(row.format("x", "y" * 53 + "{{n}}"), other))[0]
    assert "1025 characters" in told(rules(row.format("x" * 1020 + "{{first_name|there}}", "y"), other))[0]


def test_characters_are_code_points() -> None:
    text = '{{name: a, when: {{says: hi}}, reply: {{text: "x", buttons: [{{label: "{0}", goes_to: a}}]}}}}'
    assert told(rules(text.format("å" * 20))) == []
    assert "21 characters" in told(rules(text.format("👋" * 21)))[0]


@pytest.mark.parametrize(
    ("text", "most", "offer"),
    [
        ("Track my order and refund", 20, "Track my order"),
        ("Spåra order och retur", 20, "Spåra order"),
        ("Donaudampfschifffahrt", 20, ""),
        ("One two three four x", 20, "One two three four x"),
        ("Orders - returns, refunds", 20, "Orders - returns"),
    ],
)
def test_a_shorter_wording_keeps_whole_words(text: str, most: int, offer: str) -> None:
    assert shorter(text, most) == offer


def test_replies_that_cover_every_case_are_fine() -> None:
    languages = "settings: {languages: [en, sv]}\n"
    both = (
        '{during: shop, language: sv, text: "A"}',
        '{during: shop, language: en, text: "B"}',
        "{outside: shop, say_nothing: true}",
    )
    line = "{name: a, when: {says: hi}, reply: [" + ", ".join(both) + "]}"
    assert told(languages + HOURS + rules(line)) == []
    assert (
        "outside shop"
        in told(languages + HOURS + rules("{name: a, when: {says: hi}, reply: [" + ", ".join(both[:2]) + "]}"))[0]
    )


def test_the_rules_own_if_takes_cases_away() -> None:
    assert (
        told(HOURS + rules('{name: a, when: {says: hi}, if: {during: shop}, reply: [{during: shop, text: "A"}]}')) == []
    )
    tagged = '{name: a, when: {says: hi}, reply: [{tag: vip, text: "A"}, {no_tag: vip, text: "B"}]}'
    assert told(rules(tagged)) == []
    numbers = '{name: a, when: {says: hi}, reply: [{contact: {n: at least 3}, text: "A"}, {contact: {n: at most 2}, text: "B"}]}'
    assert "contact n is something else" in told(rules(numbers))[0]


def test_too_many_cases_to_try_ask_for_a_last_reply() -> None:
    items = ", ".join(f'{{tag: t{number}, text: "A"}}' for number in range(14))
    assert (
        "Add a last reply without a condition" in told(rules(f"{{name: a, when: {{says: hi}}, reply: [{items}]}}"))[0]
    )
    assert told(rules(f'{{name: a, when: {{says: hi}}, reply: [{items}, {{text: "B"}}]}}')) == []


def test_longer_circles_are_told_once() -> None:
    ring = [f"{{name: r{n}, when: {{says: word{n}}}, reply: {{goes_to: r{(n + 1) % 4}}}}}" for n in range(4)]
    assert [problem for problem in told(rules(*ring)) if "circle" in problem] == [
        "rules/x.yaml:5:54: This goes in a circle: r0 to r1 to r2 to r3 to r0. Take out one goes_to, or offer it as a button instead."
    ]


def test_a_button_is_no_circle() -> None:
    assert told(rules('{name: a, when: {says: hi}, reply: {text: "x", buttons: [{label: Again, goes_to: a}]}}')) == []


def test_the_window_matters_only_where_it_can_be_closed() -> None:
    event = "{{name: a, when: {{event: x}}, {0}}}"
    assert told(rules(event.format('if: {window: open}, reply: {text: "x"}'))) == []
    assert told(rules(event.format('reply: [{window: open, text: "x"}, {say_nothing: true}]'))) == []
    assert told(rules(event.format('reply: {text: "x", if_closed: wait}'))) == []
    assert "over 24 hours" in told(rules(event.format('reply: [{window: open, text: "x"}, {text: "y"}]')))[0]


CONDITIONS = ("", "if: {tag: vip}, ")


@pytest.mark.parametrize(("upper", "lower"), list(product(CONDITIONS, CONDITIONS)))
def test_a_rule_can_never_answer_only_below_one_that_always_holds_when_it_does(upper: str, lower: str) -> None:
    found = told(
        rules(
            f'{{name: a, when: {{says: order}}, {upper}reply: {{text: "A"}}}}',
            f'{{name: b, when: {{says: my order}}, {lower}reply: {{text: "B"}}}}',
        )
    )
    assert bool(found) == (not upper or upper == lower)


@pytest.mark.parametrize(
    "upper",
    ["{says_exactly: my order}", "{starts_with: my order}", "{says: another order}"],
)
def test_a_rule_that_hears_less_leaves_something(upper: str) -> None:
    lower = '{name: b, when: {says: my order}, reply: {text: "B"}}'
    assert told(rules(f'{{name: a, when: {upper}, reply: {{text: "A"}}}}', lower)) == []


def test_a_switched_off_rule_takes_nothing() -> None:
    lower = '{name: b, when: {says: my order}, reply: {text: "B"}, examples: [my order]}'
    assert told(rules('{name: a, enabled: no, when: {says: order}, reply: {text: "A"}}', lower)) == []


def test_did_you_mean() -> None:
    assert did_you_mean("Track-Ordr", ["hours", "track_order"]) == ' Did you mean "track_order"?'
    assert did_you_mean("xyz", ["hours", "track_order"]) == ""
    assert closest("n", ["en", "sv"]) == ""
    assert [listed([]), listed(["a"]), listed(["a", "b"], "or"), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b and c",
    ]
