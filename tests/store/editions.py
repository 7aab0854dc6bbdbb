"""Three editions of a shop's rules that differ in every word they say, in what a question takes, and in whether it is asked at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from bot.core.rulebook import Rulebook
from bot.rulebook.load import load_files

_RULES: Final = """
settings: {{languages: [en], time_zone: UTC}}
teams: [support]
consent: {{stop_reply: "You are out.", start_reply: "Welcome back.", near_miss_text: "Do you mean STOP?"}}
connections:
  orders: {{url: "https://erp.example/orders", timeout: 10 s, results: [status]}}
templates:
  shipped: {{languages: {{en: en_US}}, category: utility, parameters: [number]}}
  sale: {{languages: {{en: en_US}}, category: marketing, parameters: [number]}}
rules:
  - name: hello
    when: {{says: [hello]}}
    reply: {{text: "Hello! {edition}"}}
    then: {{remind: {{after: 2 hours, goes_to: there}}}}
  - name: there
    when: {{silent_for: 3 hours}}
    reply: {{text: "Still there?"}}
{number}
  - name: track
    when: {{says: [track]}}
    call: orders
    reply:
      - {{if: found, text: "Found. {edition}"}}
      - {{text: "Not found. {edition}"}}
  - name: agent
    when: {{says: [agent]}}
    reply: {{text: "One moment. {edition}"}}
    then: {{hand_over: support}}
  - name: ready
    when: {{event: order.ready}}
    reply: {{text: "It is ready.", if_closed: wait}}
  - name: sale
    when: {{event: sale.begins}}
    reply: {{template: sale, values: {{number: "7"}}}}
  - name: otherwise
    when: {{nothing_matched: true}}
    reply: {{text: "I did not get that. {edition}"}}
"""
_NUMBER: Final = """
  - name: number
    when: {{says: [number]}}
    ask:
      digits: {{text: "Which one? {edition}", must_be: {digits} digits, no_answer_after: 30 minutes}}
    reply:
      - {{if: answered, text: "Noted. {edition}"}}
      - {{if: no_answer, text: "Time is up. {edition}"}}
      - {{text: "Never mind. {edition}"}}
"""
DIGITS: Final[Mapping[str, int]] = {"A": 4, "B": 5, "C": 0}  # how many the question takes; with 0 it is not asked
FILE: Final = "rules/shop.yaml"


@cache
def files_of(edition: str) -> Mapping[str, bytes]:
    """As they lie in the folder."""
    number = _NUMBER.format(edition=edition, digits=DIGITS[edition]) if DIGITS[edition] else ""
    return {FILE: _RULES.format(edition=edition, number=number).encode()}


def edition_of(files: Mapping[str, bytes]) -> str:
    """Which edition these files are."""
    return next(edition for edition in DIGITS if files_of(edition) == files)


@cache
def rulebook_of(edition: str) -> Rulebook:
    """Read and checked, without a number yet."""
    reading = load_files(files_of(edition))
    assert reading.rulebook is not None, "\n".join(map(str, reading.problems))
    return reading.rulebook
