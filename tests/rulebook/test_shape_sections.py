"""Connections, canned texts, settings of questions, and texts with several wordings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.cancel import builtin_cancel_words, cancel_languages
from bot.core.consent import builtin, builtin_languages
from bot.core.rule import LocalText, Placeholder, SayFlow, SayMedia, SayText
from bot.core.rulebook import Connection
from tests.rulebook.shaping import fault, good, rule, shaped


def connection(written: str) -> Connection:
    return good(f"connections:\n  orders: {{{written}}}").connections["orders"]


def told(text: str) -> str:
    _, problems = shaped(text)
    assert len(problems) == 1, problems
    return problems[0]


def wordings(text: LocalText | None, language: str = "") -> list[object]:
    assert text is not None
    return ["".join(map(str, each.in_language(language))) for each in text.wordings()]


def test_a_connection_with_everything() -> None:
    found = connection(
        'url: "https://erp.example/{{Order Number}}?size={{size|1}}", method: post, send: [Order Number, size], '
        "results: [status], may_give: eta, timeout: 10 s, secret: ERP_TOKEN"
    )
    assert found.url.by_language[""] == (
        "https://erp.example/", Placeholder("order_number"), "?size=", Placeholder("size", "1"),
    )  # fmt: skip
    assert (found.method, found.send, found.results, found.may_give) == (
        "POST", ("order_number", "size"), ("status",), ("eta",),
    )  # fmt: skip
    assert (found.timeout, found.secret) == (timedelta(seconds=10), "ERP_TOKEN")


def test_a_connection_with_its_address_alone() -> None:
    found = connection("url: https://erp.example/today")
    assert (found.name, found.method, found.timeout, found.secret) == ("orders", "GET", timedelta(seconds=4), "")


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("results: [a]", 'Connection orders has no "url".'),
        ("url: erp.example", '"erp.example" is not an address. Write the whole of it'),
        ('url: "ftp://erp.example"', '"ftp://erp.example" is not an address.'),
        ('url: "https://erp.example/a b"', '"https://erp.example/a b" is not an address.'),
        ('url: "https://{{host}}/x"', "a placeholder cannot choose the server."),
        ('url: "https://erp.{{land}}/x"', "a placeholder cannot choose the server."),
        ('url: "https://erp.example", send: [a]', "Add method: POST, or delete send."),
        ('url: "https://erp.example", method: PUT', 'method cannot be "PUT". Write GET or POST.'),
        ('url: "https://erp.example", timeout: 4', 'timeout "4" has no unit. Write timeout: 4 s.'),
        ('url: "https://erp.example", timeout: 20 s', "timeout may be 10 s at most, not 20 s."),
        ('url: "https://erp.example", timeout: 500 ms', 'not "500 ms"'),
        ('url: "https://erp.example", results: [a], may_give: [a]', '"a" in results and in may_give.'),
        ('url: "https://erp.example", results: [a, A]', 'results "A" is written twice.'),
        ('url: "https://erp.example", timout: 3 s', 'Did you mean "timeout"?'),
        (
            'url: "http://erp.example", secret: ERP_TOKEN',
            "Warning: Connection orders sends its secret where others may read it.",
        ),
    ],
)
def test_mistakes_in_a_connection(written: str, sentence: str) -> None:
    assert sentence in told(f"connections:\n  orders: {{{written}}}")


@pytest.mark.parametrize("written", ["secret: s3cr3t-token", 'secret: "Bearer abc"'])
def test_what_may_be_a_secret_itself_is_not_repeated(written: str) -> None:
    sentence = told(f'connections: {{orders: {{url: "https://erp.example", {written}}}}}')
    assert "secret names the environment variable" in sentence
    assert "s3cr3t" not in sentence
    assert "abc" not in sentence
    assert "pw" not in told('connections: {orders: {url: "https://me:pw@erp.example/"}}')


def test_canned_texts() -> None:
    found = good("canned: {thanks: Thank you!, bye: {en: Bye!}}").canned
    assert {name: text.in_language("en") for name, text in found.items()} == {
        "thanks": ("Thank you!",),
        "bye": ("Bye!",),
    }


def test_tests_are_handed_on_as_they_were_read() -> None:
    (section,) = good("tests:\n  - {name: t, steps: []}").tests
    assert (section.place.line, section.place.column) == (2, 3)


def test_settings_of_questions() -> None:
    found = good(
        "settings: {languages: [en, sv], forget_answers_after: 30 minutes, date_order: month first, "
        "cancel_words: {sv: [Lämna!]}, cancel_text: {en: OK, sv: Okej}}"
    ).settings
    assert found.forget_answers_after == timedelta(minutes=30)
    assert found.date_order == "month_first"
    assert {"cancel", "never mind", "avbryt", "lamna"} <= found.cancel_words
    assert wordings(found.cancel_text, "sv") == ["Okej"]


def test_settings_of_questions_have_defaults() -> None:
    found = good("settings: {languages: [de]}").settings
    assert (found.forget_answers_after, found.date_order, found.cancel_text) == (timedelta(hours=4), "day_first", None)
    assert {"cancel", "abbrechen"} <= found.cancel_words
    assert "avbryt" not in found.cancel_words


def test_a_consent_word_cannot_cancel() -> None:
    assert told("settings: {cancel_words: [Stop!]}") == (
        'rules/x.yaml:1:12: "stop" is a consent word and is heard as one everywhere. Take it out of cancel_words.'
    )


def test_no_built_in_cancel_word_is_a_consent_word_of_any_language() -> None:
    assert cancel_languages() == builtin_languages()
    stop, start = builtin(builtin_languages())
    assert builtin_cancel_words(cancel_languages()).isdisjoint(stop | start)
    assert builtin_cancel_words(["nb"]) == builtin_cancel_words(["no"]) != builtin_cancel_words([])


@pytest.mark.parametrize("written", ['any_of: ["Hi", "Hello"]', 'text: {any_of: ["Hi", "Hello"]}'])
def test_several_wordings_of_a_reply(written: str) -> None:
    said = rule(f"    reply: {{{written}}}").reply[0].says[0]
    assert isinstance(said, SayText)
    assert wordings(said.text) == ["Hi", "Hello"]
    assert len({each.place for each in said.text.wordings()}) == 2


def test_each_language_may_have_its_own_number_of_wordings() -> None:
    found = good(
        "settings: {languages: [en, sv, de], cancel_text: {en: {any_of: [One, Two]}, sv: {any_of: [Ett, Två, Tre]}, de: Eins}}"
    )
    text = found.settings.cancel_text
    assert wordings(text, "en") == ["One", "Two", "One"]
    assert wordings(text, "sv") == ["Ett", "Två", "Tre"]
    assert wordings(text, "de") == ["Eins", "Eins", "Eins"]
    assert text is not None
    assert [found.notes.place_of(each, "sv").column for each in text.wordings()] == [91, 96, 101]


def test_wordings_stand_for_a_caption_and_above_buttons() -> None:
    said = rule('    reply: {image: "https://shop.example/a.png", any_of: ["Look", "See"]}').reply[0].says[0]
    assert isinstance(said, SayMedia)
    assert wordings(said.caption) == ["Look", "See"]
    assert rule('    reply: {any_of: ["A", "B"], buttons: [{label: Go, goes_to: a}]}').reply[0].says


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('any_of: ["Hi"]', "any_of chooses between texts, so it needs at least two."),
        ('any_of: "Hi"', "any_of must be a list."),
        ('text: "x", any_of: ["a", "b"]', "any_of stands for the text, and here are both."),
        ('any_of: ["a", {any_of: [b, c]}]', "any_of varies the text of a reply or question only."),
        ('text: "x", buttons: [{label: {any_of: [a, b]}, goes_to: a}]', "A button's label is always the same"),
        (
            "any_of: [Hi, how are you?]",
            'Warning: In brackets a comma ends a text, so "how are you?" is a text of its own.',
        ),
    ],
)
def test_mistakes_in_wordings(written: str, sentence: str) -> None:
    assert sentence in fault(f"    reply: {{{written}}}")


def test_the_results_of_a_flow() -> None:
    said = rule('    reply: {text: "x", flow: {id: "1", cta: Go, results: [date, Full Name]}}').reply[0].says[0]
    assert isinstance(said, SayFlow)
    assert said.results == ("date", "full_name")


@pytest.mark.parametrize(
    "written",
    [
        'rules: [{name: _stop, when: {says: x}, reply: {text: "x"}}]',
        "teams: [_stop]",
        "canned: {_stop: x}",
        'connections: {_stop: {url: "https://erp.example"}}',
        'hours: {_stop: {mon: "09:00-18:00"}}',
    ],
)
def test_names_that_begin_with_a_bar_are_ours(written: str) -> None:
    assert told(written).endswith('begins with _, which is kept for Parley itself. Write "stop".')


def test_a_call_names_a_connection() -> None:
    found = good("rules:\n  - name: a\n    when: {says: x}\n    call: Orders\n    reply: {text: x}")
    assert found.rules[0].call == "orders"
    assert [(mention.kind, mention.name, mention.how) for mention in found.notes.mentions] == [
        ("connection", "orders", "call")
    ]
    assert "Write call: orders, and declare orders under connections." in fault(
        "    call: {orders: 1}\n    reply: {text: x}"
    )
