"""What staff write becomes typed values."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from bot.core.rule import (
    ALWAYS,
    Condition,
    Happened,
    Heard,
    LocalText,
    NothingMatched,
    Place,
    Placeholder,
    Rule,
    SayButtons,
    SayContact,
    SayLink,
    SayList,
    SayLocation,
    SayMedia,
    SayTemplate,
    SayText,
    ValueTest,
)
from bot.core.rulebook import Rulebook, Span
from bot.rulebook.load import load_files

QUIET = "\nrules: [{name: a, when: {says: hello}, reply: {say_nothing: true}}]\n"


def book(text: str) -> Rulebook:
    reading = load_files({"rules/x.yaml": (text if "rules:" in text else text + QUIET).encode()})
    assert [str(problem) for problem in reading.problems] == []
    assert reading.rulebook is not None
    return reading.rulebook


def warned(text: str) -> list[str]:
    return [str(problem) for problem in load_files({"rules/x.yaml": text.encode()}).problems]


def rule(body: str, rest: str = "") -> Rule:
    return book(f"rules:\n  - name: a\n    when: {{says: hello}}\n{body}\n{rest}").rules[0]


def spoken(body: str) -> object:
    return rule(f"    reply: {body}").reply[0].says[0]


def words(text: LocalText | None) -> object:
    assert text is not None
    return text.by_language[""]


def test_settings_have_defaults_so_that_three_lines_are_a_rulebook() -> None:
    found = book('rules: [{name: a, when: {says: hi}, reply: {text: "Hi"}}]')
    assert found.settings.languages == ("en",)
    assert found.settings.time_zone == "UTC"
    assert "stop" in found.consent.stop
    assert found.consent.stop_reply.in_language("sv") != found.consent.stop_reply.in_language("en")


def test_settings() -> None:
    found = book(
        'settings: {time_zone: Europe/Stockholm, languages: [en, pt-BR], answer within: 5 minutes, language_of_prefix: {"+55": pt_br}}'
    ).settings
    assert found.languages == ("en", "pt-br")
    assert found.answer_within == timedelta(minutes=5)
    assert found.language_of_prefix == {"55": "pt-br"}


@pytest.mark.parametrize(
    ("written", "spans"),
    [
        ('"09:00-18:00"', (Span(time(9), time(18)),)),
        ('"9-12, 13:30 - 18"', (Span(time(9), time(12)), Span(time(13, 30), time(18)))),
        ('["13:00-18:00", "09.00–12.00"]', (Span(time(9), time(12)), Span(time(13), time(18)))),
        ('"22:00-02:00"', (Span(time(22), time(2)),)),
        ('"00:00-24:00"', (Span(time(0), time(0)),)),
        ("closed", ()),
    ],
)
def test_hours(written: str, spans: tuple[Span, ...]) -> None:
    found = book(f"hours: {{shop: {{mon: {written}}}}}").hours["shop"]
    assert found.by_weekday == {0: spans}


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ('"sat, sun"', {5, 6}),
        ("Tuesday", {1}),
        ("every day", set(range(7))),
    ],
)
def test_weekdays(written: str, days: set[int]) -> None:
    assert set(book(f'hours: {{shop: {{{written}: "09:00-18:00"}}}}').hours["shop"].by_weekday) == days


def test_overlapping_hours_and_a_day_written_twice_are_told() -> None:
    found = warned('hours: {shop: {mon: "09:00-12:00, 11:00-18:00", mon-tue: "10:00-11:00"}}')
    assert len(found) == 2
    assert "overlap" in found[0]
    assert "Monday has hours twice" in found[1]


def test_holidays() -> None:
    found = book('holidays: {2026-12-25: closed, "2026-12-24": "09:00-12:00"}').holidays
    assert found == {"2026-12-25": (), "2026-12-24": (Span(time(9), time(12)),)}


def test_consent_words_are_normalised_and_added() -> None:
    found = book(
        "settings: {languages: [en, sv]}\nconsent: {stop_words: {sv: [SLUTA nu!]}, near_misses: ignore, after_stop: answer}"
    ).consent
    assert {"stop", "stopp", "sluta nu"} <= found.stop
    assert (found.near_misses, found.after_stop, found.marketing) == ("ignore", "answer", "opted_in")


def test_triggers_are_alternatives() -> None:
    found = book(
        "settings: {languages: [en, sv]}\nrules:\n  - name: a\n    "
        "when: {says: {en: [hi, hello], sv: hej}, starts_with: yo, nothing_matched: yes}\n"
        '    reply: {text: {en: "Hi", sv: "Hej"}}\n'
    ).rules[0]
    says, starts, nothing = found.triggers
    assert isinstance(says, Heard)
    assert [(phrase.pattern, phrase.language) for phrase in says.phrases] == [
        ("hi", "en"),
        ("hello", "en"),
        ("hej", "sv"),
    ]
    assert isinstance(starts, Heard)
    assert starts.how == "starts_with"
    assert isinstance(nothing, NothingMatched)


def test_a_text_is_cut_at_its_placeholders() -> None:
    said = spoken('{text: "Hi {{ First Name | there }}, today is {{today}}."}')
    assert isinstance(said, SayText)
    assert words(said.text) == ("Hi ", Placeholder("first_name", "there"), ", today is ", Placeholder("today"), ".")


def test_up_to_three_buttons_and_more_with_a_menu() -> None:
    three = spoken(
        '{text: "Hi", image: "https://shop.example/a.jpg", footer: Bye, buttons: [{label: One, goes_to: a}]}'
    )
    assert isinstance(three, SayButtons)
    assert words(three.image) == ("https://shop.example/a.jpg",)
    rows = ", ".join(f"{{label: Row {number}, goes_to: a}}" for number in range(10))
    ten = spoken(f'{{text: "Hi", menu: Choose, buttons: [{rows}]}}')
    assert isinstance(ten, SayList)
    assert len(ten.sections[0].rows) == 10


def test_media_take_their_caption_from_the_text_beside_them() -> None:
    image = spoken('{image: "https://shop.example/a.jpg", text: "Look"}')
    assert isinstance(image, SayMedia)
    assert words(image.caption) == ("Look",)
    document = spoken('{document: {url: "https://shop.example/a.pdf", filename: a.pdf, caption: "Read"}}')
    assert isinstance(document, SayMedia)
    assert (words(document.filename), words(document.caption)) == (("a.pdf",), ("Read",))


def test_other_kinds_of_reply() -> None:
    place = spoken("{location: {latitude: 59.3, longitude: -18, title: Shop}}")
    assert isinstance(place, SayLocation)
    assert (place.latitude, place.longitude) == (59.3, -18.0)
    card = spoken('{contact: {name: Shop, phone: "+46 8 123 456 78"}}')
    assert isinstance(card, SayContact)
    assert card.phone == "+46812345678"
    assert isinstance(spoken('{text: "Hi", link: {title: Go, url: "https://shop.example"}}'), SayLink)
    assert rule("    reply: {say_nothing: true}").reply[0].says == ()
    assert len(rule('    reply: {messages: [{text: "One"}, {text: "Two"}]}').reply[0].says) == 2


def test_conditions_stand_bare_or_under_if() -> None:
    bare = rule('    reply: [{window: open, tag: vip, text: "A"}, {text: "B"}]').reply
    under = rule('    reply: [{if: {window: open, tag: vip}, text: "A"}, {text: "B"}]').reply
    assert (
        [item.condition for item in bare]
        == [item.condition for item in under]
        == [Condition(window="open", tag="vip"), ALWAYS]
    )
    assert bare[1].condition is ALWAYS


def test_contact_in_a_reply_is_a_condition_beside_a_text() -> None:
    items = rule('    reply: [{contact: {points: at least 10, city: [Malmö, Lund]}, text: "A"}, {text: "B"}]').reply
    assert items[0].condition.values == (
        ValueTest("contact", "points", at_least=10.0),
        ValueTest("contact", "city", ("malmo", "lund")),
    )
    assert isinstance(items[0].says[0], SayText)


def test_then() -> None:
    then = rule(
        '    reply: {text: "Hi"}\n    then: {tag: vip, untag: [new, old], '
        'set: {greeted: "{{today}}"}, hand_over: support, give_back_after: 2 h}',
        "teams: [support]",
    ).then
    assert (then.tag, then.untag, then.hand_over, then.give_back_after) == (
        ("vip",),
        ("new", "old"),
        "support",
        timedelta(hours=2),
    )
    assert words(then.set["greeted"]) == (Placeholder("today"),)


def test_a_rule_that_leads_on_needs_no_reply() -> None:
    assert rule("    then: {goes_to: b}", '  - {name: b, when: {says: bye}, reply: {text: "Bye"}}').reply == ()


def test_events_templates_and_if_closed() -> None:
    found = book(
        "templates:\n  shipped: {languages: {en: en-US}, parameters: [order], buttons: [{quick_reply: Track, goes_to: b}]}\n"
        "  ready: {omni: 01ABC, languages: {en: en_US}, parameters: [shelf]}\n"
        "rules:\n  - name: a\n    when: {event: order.shipped, needs: [order]}\n    if_closed: {template: shipped}\n"
        '    reply: [{window: open, text: "{{order}}"}, {template: {name: ready, values: {shelf: "{{shelf|1}}"}}}]\n'
        '  - {name: b, reply: {text: "On its way"}}\n'
    )
    assert found.rules[0].triggers == (Happened("order.shipped", ("order",)),)
    assert found.templates["shipped"].languages == {"en": "en_US"}
    assert (found.templates["ready"].omni, found.templates["ready"].languages) == ("01ABC", {"en": "en-US"})
    closed = found.rules[0].if_closed
    assert closed is not None
    assert closed.template == SayTemplate("shipped", Place("rules/x.yaml", 7, 27))
    assert isinstance(found.rules[0].reply[1].says[0], SayTemplate)


def test_a_text_for_one_language_only_needs_that_language_only() -> None:
    text = (
        "settings: {languages: [en, sv]}\nrules:\n  - name: a\n    when: {says: hello}\n"
        '    reply: [{language: sv, text: "Hej"}, {language: en, text: {en: "Hi"}}]\n'
    )
    assert warned(text) == []
