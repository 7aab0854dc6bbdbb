"""Rules read back: the whole sentence for a few, and for the whole language that no key is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.core.rulebook import Rulebook
from bot.rulebook.load import load_files
from bot.rulebook.matcher import build_matcher
from bot.rulebook.problem import Problems
from bot.rulebook.readback import read_back
from bot.rulebook.shape.book import draft
from bot.rulebook.tree import read_tree

WHOLE = Path(__file__).parent / "whole_language.yaml"


def book(text: str) -> Rulebook:
    reading = load_files({"rules/shop.yaml": text.encode()})
    assert reading.rulebook is not None, [str(problem) for problem in reading.problems]
    return reading.rulebook


def sentence(rule: str, around: str = "settings: {languages: [en]}") -> str:
    rulebook = book(
        f"{around}\nrules:\n- {{name: rule, {rule}}}\n- {{name: other, when: {{says: zz}}, reply: {{text: Hm}}}}"
    )
    return read_back(rulebook.rules[0], rulebook)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            "when: {says: [hi, hello]}, reply: {text: Hello!, buttons: [{label: Other, goes_to: other}]}",
            "When somebody writes “hi” or “hello”, it replies “Hello!” with the button “Other” (to other).",
        ),
        (
            "when: {sends: voice}, if: {tag: vip, contact: {level: [gold, silver]}}, reply: {say_nothing: true}, then: {untag: vip}",
            (
                "When somebody sends a voice message, but only if the person has the tag vip and the person's level is gold or silver, "
                "it says nothing; then it takes off the tag vip."
            ),
        ),
        (
            (
                "when: {says: size}, ask: {size: {text: Which?, must_be: {one_of: [Small, Large]}, tries: 1}}, "
                "reply: [{if: answered, answer: {size: small}, text: Here.}, {goes_to: other}]"
            ),
            (
                "When somebody writes “size”, it asks for size (“Which?”, one of Small or Large, 1 try); once that is answered, if the "
                "answer size is small it replies “Here.”, or in all other cases it goes on with rule other."
            ),
        ),
        (
            (
                "when: {event: sale, needs: [code]}, reply: {text: 'Code {{code}}'}, if_closed: {wait: true, not_after: 36 hours}, "
                "at_most: twice a day"
            ),
            (
                "When a backend tells of sale with code, it replies “Code {{code}}”; with the window closed it waits until the person "
                "writes, for 36 hours at most; this happens at most twice in 1 day to one person."
            ),
        ),
    ],
)
def test_a_rule_is_one_sentence(rule: str, told: str) -> None:
    assert sentence(rule) == told


def test_a_long_text_and_a_long_list_are_shortened() -> None:
    words = " ".join(["word"] * 40)
    told = sentence(f"when: {{says: [a1, b2, c3, d4, e5, f6, g7]}}, reply: {{text: {words}}}")
    assert "“a1”, “b2”, “c3”, “d4” or 3 more" in told
    assert len(told) < 180
    assert told.endswith("word…”.")


# --- every key ------------------------------------------------------------------------------------------------------------

Path_ = tuple[str | int, ...]
DOCUMENT = yaml.load(WHOLE.read_text(encoding="utf-8"), yaml.CBaseLoader)  # noqa: S506 every value as text
AROUND = {name: DOCUMENT[name] for name in ("settings", "hours")}


def paths(node: object, here: Path_ = ()) -> Iterator[Path_]:
    """Every key of every rule, by its path."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(key, str):
            yield (*here, key)
        yield from paths(value, (*here, key))


def without(node: object, path: Path_) -> object:
    """A copy of ``node`` without what stands at ``path``."""
    first, *rest = path
    if isinstance(node, dict):
        return {k: (without(v, tuple(rest)) if k == first else v) for k, v in node.items() if rest or k != first}
    assert isinstance(node, list)
    return [without(each, tuple(rest)) if at == first else each for at, each in enumerate(node)]


def shaped(rule: object) -> str:
    """The rule's sentence; empty where it is no rule any more."""
    text = yaml.dump({**AROUND, "rules": [rule]}, Dumper=yaml.CSafeDumper, allow_unicode=True, width=10_000)
    problems = Problems()
    found = draft([read_tree("rules/x.yaml", text.encode(), problems)], problems)
    if problems.errors or not found.rules:
        return ""
    rulebook = Rulebook(
        0, "", found.settings, found.hours, found.holidays, found.templates, found.consent, found.rules,
        build_matcher(()), {}, {}, {}, {}, (), (),
    )  # fmt: skip
    return read_back(found.rules[0], rulebook)


# Swedish texts are not read back (the default language is), a name stands before the sentence, and what is written as the default is the
# same rule.
UNTOLD = {"name", "sv"}
SAME = {"tries", "enabled"}


@pytest.mark.parametrize("position", range(len(DOCUMENT["rules"])), ids=lambda at: DOCUMENT["rules"][at]["name"])
def test_a_rule_without_one_of_its_keys_reads_otherwise(position: int) -> None:
    rule = DOCUMENT["rules"][position]
    whole = shaped(rule)
    assert whole
    keys = [path for path in paths(rule) if not UNTOLD & set(path) and path[-1] not in SAME]
    assert [path for path in keys if shaped(without(rule, path)) == whole] == []


def test_enough_keys_can_be_left_out_one_by_one() -> None:
    """Where a rule needs a key, leaving it out shows nothing; most are not of that kind."""
    rules = [rule for rule in DOCUMENT["rules"] if rule["name"] in ("offer", "track_order")]
    left = [shaped(without(rule, path)) for rule in rules for path in paths(rule) if "sv" not in path]
    assert sum(map(bool, left)) >= 30


def test_being_switched_off_is_told() -> None:
    assert sentence("enabled: false, when: {says: hi}, reply: {text: Hi}").startswith("(switched off) When somebody")
