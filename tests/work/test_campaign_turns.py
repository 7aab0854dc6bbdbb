"""What one recipient of a campaign gets: in their language, by their own clock, or the reason why not."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.core.conversation import Consent, Window
from bot.core.event import ContactKey
from bot.core.reply import TemplateReply
from bot.store.campaigns import DueRecipient, Later, Running, Say, Skip
from bot.store.units import Standing
from bot.work.campaigns import Turns, declaration, pace_of, quiet_time
from tests.work.test_campaigns import BOOK, DECLARED, EVENING, NIGHT, NOON, RULES, rules


def due(
    identity: str = "46701740605",
    language: str = "",
    time_zone: str = "",
    *,
    known: str = "",
    zone: str = "",
    consent: Consent | None = None,
    **values: str,
) -> DueRecipient:
    standing = Standing(True, consent or Consent(), Window(), known, person_id=1, time_zone=zone)
    contact = ContactKey("APP", "WHATSAPP", identity)
    return DueRecipient(2, contact, language, time_zone, values or {"first_name": "Anna"}, standing)


def turn(recipient: DueRecipient, now: datetime = NOON, quiet: str = "", **shared: str) -> Say | Skip | Later:
    running = Running(1, "x", "shipped", DECLARED, "", shared, "utility", 0, quiet, NOON, NOON, False, 0)
    (taken,) = Turns.of(running, BOOK, now)([recipient])
    return taken


@pytest.mark.parametrize(
    ("recipient", "language", "text"),
    [
        (due(), "sv_SE", "Hej Anna"),  # by the number's prefix
        (due("447700900123"), "en_US", "Hi Anna"),  # the shop's first language
        (due(known="en"), "en_US", "Hi Anna"),  # the person's
        (due("447700900123", "sv", known="en"), "sv_SE", "Hej Anna"),  # the row's
        (due("447700900123", known="fi"), "en_US", "Hi Anna"),  # one that the rules do not speak
        (due(first_name="  An\nna  "), "sv_SE", "Hej An na"),
    ],
)
def test_it_is_said_in_the_persons_language(recipient: DueRecipient, language: str, text: str) -> None:
    said = turn(recipient)
    assert isinstance(said, Say)
    assert isinstance(said.reply, TemplateReply)
    assert (said.reply.language, said.reply.text, said.version) == (language, text, 7)


def test_a_rows_own_value_counts_before_the_shared_one_unless_it_is_blank() -> None:
    texts = []
    for own in ("Anna", " "):
        said = turn(due(first_name=own), first_name="friend")
        assert isinstance(said, Say)
        texts.append(getattr(said.reply, "text", ""))
    assert texts == ["Hej Anna", "Hej friend"]


def test_who_stopped_or_has_no_value_is_skipped_with_the_reason() -> None:
    assert turn(due(consent=Consent(stopped=True))) == Skip("The person said STOP.")
    skipped = turn(due(first_name=" "))
    assert isinstance(skipped, Skip)
    assert "needs a value for first_name" in skipped.why


@pytest.mark.parametrize(
    ("recipient", "until"),
    [
        (due(), "2026-01-06T07:00+00:00"),  # Stockholm, by the number
        (due(time_zone="Europe/London"), None),  # the row's
        (due(time_zone="Europe/London", zone="Europe/Stockholm"), None),
        (due(zone="Europe/Helsinki"), "2026-01-06T06:00+00:00"),  # the person's
        (due(zone="Mars/Olympus"), "2026-01-06T07:00+00:00"),
        (due("12125550123"), None),  # afternoon in all of the United States
        (due("US.123456"), "2026-01-05T23:00+00:00"),  # nobody knows where: the shop's, in Tokyo
    ],
)
def test_it_waits_for_the_morning_where_the_person_is(recipient: DueRecipient, until: str | None) -> None:
    taken = turn(recipient, EVENING, NIGHT)
    assert isinstance(taken, Say) if until is None else taken == Later(datetime.fromisoformat(until))
    assert isinstance(turn(recipient, EVENING, ""), Say)


@pytest.mark.parametrize("text", ["soon", "21:00", "08:00-08:00", "25:00-08:00"])
def test_what_is_no_quiet_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span of time"):
        quiet_time(text)


@pytest.mark.parametrize(
    ("rate", "send_rate", "rating", "pace"),
    [
        (0, 0, "", 0),
        (5, 0, "", 5),
        (0, 20, "GREEN", 20),
        (50, 20, "", 20),
        (8, 20, "YELLOW", 2),
        (0, 20, "YELLOW", 5),
        (0, 0, "YELLOW", 5),
        (5, 0, "RED", 5),
    ],
)
def test_the_pace_is_the_slowest_limit_and_a_quarter_with_quality_yellow(
    rate: float, send_rate: float, rating: str, pace: float
) -> None:
    assert pace_of(rate, send_rate, rating) == pace


def test_a_declaration_tells_what_the_template_says_and_not_where_it_stands() -> None:
    assert declaration(rules(f"# moved\n{RULES}").templates["shipped"]) == DECLARED
    for old, new in (("Hi {{", "Hello {{"), ("sv: sv_SE", "sv: sv_FI"), ("category: CATEGORY", "category: marketing")):
        assert declaration(rules(RULES.replace(old, new)).templates["shipped"]) != DECLARED
