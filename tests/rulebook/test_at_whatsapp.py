"""Declared templates beside those that WhatsApp has."""

from dataclasses import replace

import pytest

from bot.core.approved import ApprovedTemplate
from bot.core.rulebook import Rulebook
from bot.rulebook.at_whatsapp import compared
from bot.rulebook.load import load_files

RULES = """
settings: {languages: [en, sv]}
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    category: utility
    parameters: [first_name, order_number]
    buttons: [{quick_reply: Track, goes_to: track}]
  pickup: {omni: 01J8ZQ3V5M7R2K9X4T6W1B0DPE, languages: {en: en-US, sv: sv-SE}, category: utility, parameters: [shelf]}
rules:
  - name: track
    when: {says: {en: track, sv: spåra}}
    reply: {text: {en: Here., sv: Här.}}
  - name: shipped
    when: {event: order.shipped, needs: [first_name, order_number]}
    reply: {text: {en: Shipped., sv: Skickat.}}
    if_closed: {template: order_shipped}
  - name: again
    when: {event: order.again, needs: [first_name, order_number]}
    reply: {template: order_shipped}
"""
GOOD = ApprovedTemplate("order_shipped", "en_US", "utility", "APPROVED", 2, (), ("Track",))
BOTH = (GOOD, replace(GOOD, language="sv_SE"))


def rulebook(rules: str = RULES) -> Rulebook:
    reading = load_files({"rules/shop.yaml": rules.encode()})
    assert reading.rulebook is not None, "\n".join(map(str, reading.problems))
    return reading.rulebook


def test_what_fits_says_nothing() -> None:
    assert compared(rulebook(), BOTH) == ()


@pytest.mark.parametrize(
    ("changes", "severity", "sentence"),
    [
        (
            {"state": "PAUSED"},
            "warning",
            (
                "Template order_shipped in en_US cannot be sent: WhatsApp paused it because of bad feedback (used by shipped and again). "
                "Mend it at WhatsApp, or use another one meanwhile."
            ),
        ),
        (
            {"state": "REJECTED", "reason": "INVALID_FORMAT"},
            "warning",
            (
                "Template order_shipped in en_US cannot be sent: WhatsApp rejected it (INVALID_FORMAT) (used by shipped and again). "
                "Mend it at WhatsApp, or use another one meanwhile."
            ),
        ),
        (
            {"parameters": 1},
            "error",
            (
                "Template order_shipped in en_US takes 1 value at WhatsApp, and 2 are declared. Name them in WhatsApp's order "
                "under parameters."
            ),
        ),
        (
            {"other_keys": ("header[1]image.link",)},
            "error",
            (
                "Template order_shipped in en_US also needs header[1]image.link, which Parley does not fill in. "
                "Use a template whose header and buttons are the same for everybody."
            ),
        ),
        (
            {"category": "marketing"},
            "warning",
            "Template order_shipped in en_US is marketing at WhatsApp, and declared as utility. Write category: marketing.",
        ),
        (
            {"quick_replies": ("Track", "Stop")},
            "error",
            (
                'Template order_shipped in en_US has the quick replies "Track" and "Stop" at WhatsApp, and 1 are declared. '
                "Name them all, in that order."
            ),
        ),
    ],
)
def test_what_does_not_fit(changes: dict[str, object], severity: str, sentence: str) -> None:
    (problem,) = compared(rulebook(), (replace(GOOD, **changes), BOTH[1]))  # type: ignore[arg-type]
    assert (problem.sentence, problem.severity) == (sentence, severity)
    assert str(problem.place) == "rules/shop.yaml:4:3"


def test_a_language_that_is_missing() -> None:
    (problem,) = compared(rulebook(), (GOOD,))
    assert problem.sentence == (
        "Template order_shipped is not at WhatsApp in sv_SE (used by shipped and again); it has en_US. "
        "Have that language approved, or name one of these."
    )


def test_a_name_that_whatsapp_does_not_have() -> None:
    (problem,) = compared(rulebook(), (replace(GOOD, name="order_shiped"),))
    assert problem.sentence.endswith('Did you mean "order_shiped"?')
    (problem,) = compared(rulebook(), ())
    assert problem.sentence.endswith("Have it approved at WhatsApp, or take it out.")
