"""From what a rule says to the reply that leaves: every kind, values as data, and what happens when something is too long."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.filling import Unsayable
from bot.core.language import language_of
from bot.core.reply import (
    BODY_MAX,
    TEMPLATE_BODY_MAX,
    TEXT_MAX,
    Button,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    Section,
    TemplateReply,
    TextReply,
)
from bot.core.rule import (
    ButtonSpec,
    Say,
    SayButtons,
    SayContact,
    SayFlow,
    SayLink,
    SayList,
    SayLocation,
    SayMedia,
    SayTemplate,
    SayText,
    SectionSpec,
)
from bot.core.rulebook import Rulebook, TemplateButton
from bot.core.saying import say
from bot.core.scene import Scene
from tests.core.build import (
    LANGUAGES,
    NOW,
    PLACE,
    answer,
    book,
    buttons,
    item,
    local,
    person,
    replies,
    rule,
    says,
    talk,
    template,
    texts,
    wrote,
)


def scene(**values: str) -> Scene:
    return scene_of(book(), "en", values)


def scene_of(rulebook: Rulebook, language: str, values: Mapping[str, str]) -> Scene:
    conversation = talk(who=person(language))
    assert language_of(conversation, rulebook.settings) == language
    return Scene(rulebook, conversation, NOW, language, True, slots=values, hours="shop")


def said(what: Say, **values: str) -> Reply:
    return say(what, scene(**values))


def test_values_come_from_slots_then_the_event_then_the_contact() -> None:
    text = SayText(local("{{name}}"))
    full = scene(name="slot")
    full.given, full.fields = {"name": "event"}, {"name": "field"}
    assert say(text, full) == TextReply("slot")
    full.slots = {}
    assert say(text, full) == TextReply("event")
    full.given = {"name": ""}
    assert say(text, full) == TextReply("field")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_or_empty_value_takes_the_default(value: str | None) -> None:
    values = {} if value is None else {"first_name": value}
    assert said(SayText(local("Hi {{first_name|there}}!")), **values) == TextReply("Hi there!")


def test_a_missing_value_without_default_is_noted() -> None:
    place = scene()
    assert say(SayText(local("Hi {{first_name}}!")), place) == TextReply("Hi !")
    assert place.notes == ["There was no value for first_name, and no default."]


@settings(deadline=None)
@given(st.text(min_size=1).filter(str.strip))
def test_values_are_never_read_again(value: str) -> None:
    place = scene(wish=value + "{{secret}}")
    place.fields = {"secret": "1234"}
    assert say(SayText(local("<{{wish}}>")), place) == TextReply(f"<{value}{{{{secret}}}}>")


def test_texts_come_in_the_language_of_the_scene() -> None:
    text = SayText(local({"en": "Hi", "sv": "Hej"}))
    assert say(text, scene_of(book(), "sv", {})) == TextReply("Hej")


def test_times_in_words() -> None:
    open_ = scene()
    assert say(SayText(local("until {{closing_time}} on {{today}}")), open_) == TextReply("until 18:00 on 2026-01-05")
    night = replace(open_, now=datetime(2026, 1, 5, 22, tzinfo=UTC), notes=[])
    assert say(SayText(local("{{next_opening}}")), night) == TextReply("tomorrow at 09:00")


# --- every kind ---------------------------------------------------------------------------------------------------------


def test_lists_number_their_rows_through_all_sections() -> None:
    rows = [
        ButtonSpec(local(label), goes_to, PLACE, local("{{more|}}"))
        for label, goes_to in (("A", "a"), ("B", "b"), ("C", "c"))
    ]
    spec = SayList(
        local("Choose"),
        local("Menu"),
        (SectionSpec(local("First"), tuple(rows[:2])), SectionSpec(local("Second"), tuple(rows[2:]))),
        header=local("Head"),
    )
    assert said(spec, more="x") == ListReply(
        "Choose",
        "Menu",
        (
            Section("First", (Button("A", "a", 0, "x"), Button("B", "b", 1, "x"))),
            Section("Second", (Button("C", "c", 2, "x"),)),
        ),
        "Head",
    )


def test_rows_of_a_list_can_be_typed_by_their_number() -> None:
    rows = tuple(ButtonSpec(local(f"Row {name}"), name, PLACE) for name in "abc")
    spec = SayList(local("Choose"), local("Menu"), (SectionSpec(None, rows[:2]), SectionSpec(None, rows[2:])))
    rulebook = book(rule("menu", says("menu"), reply=spec), rule("a"), rule("b"), rule("c"))
    assert texts(answer(rulebook, "3", talk(answer(rulebook, "menu").state))) == ["c"]


@pytest.mark.parametrize(
    ("spec", "reply"),
    [
        (
            SayMedia(
                "document", local("https://x.example/{{number}}.pdf"), local("Yours, {{name}}"), local("{{name}}.pdf")
            ),
            MediaReply("document", "https://x.example/a%2Fb.pdf", "Yours, Åsa", "Åsa.pdf"),
        ),
        (SayMedia("image", local("{{photo}}")), MediaReply("image", "https://x.example/a?b=c")),
        (SayLocation(59.3, 18.1, local("Shop")), LocationReply(59.3, 18.1, "Shop")),
        (
            SayContact(local("Ann"), "+46701234567", "a@x.example", "Shop"),
            ContactReply("Ann", "+46701234567", "a@x.example", "Shop"),
        ),
        (
            SayLink(local("Pay"), local("Pay now"), local("https://x.example/?n={{name}}")),
            LinkReply("Pay", "Pay now", "https://x.example/?n=%C3%85sa"),
        ),
        (
            SayFlow(local("Book"), "f-1", local("Start"), local("Head"), local("Foot"), "DATE"),
            FlowReply("Book", "f-1", "Start", "Head", "Foot", "DATE"),
        ),
    ],
)
def test_every_kind_of_reply(spec: Say, reply: Reply) -> None:
    assert said(spec, number="a/b", name="Åsa", photo="https://x.example/a?b=c") == reply


def test_optional_parts_may_turn_out_empty() -> None:
    spec = SayButtons(
        local("Hi"), (ButtonSpec(local("A"), "a", PLACE),), header=local("{{none|}}"), footer=None, image=None
    )
    assert getattr(said(spec), "header", None) == ""


# --- too long -----------------------------------------------------------------------------------------------------------


def test_a_value_is_cut_with_an_ellipsis_and_a_note() -> None:
    place = scene(wish="x" * 5000)
    reply = say(SayText(local("You said: {{wish}}.")), place)
    assert isinstance(reply, TextReply)
    assert len(reply.text) == TEXT_MAX
    assert reply.text.startswith("You said: xxx")
    assert reply.text.endswith("x….")
    assert place.notes == ["wish was cut from 5000 to 4085 characters: the text was too long."]


def test_the_longest_values_are_cut_first() -> None:
    place = scene(a="a" * 900, b="b" * 900, c="c" * 10)
    reply = say(buttons("{{a}}{{b}}{{c}}", ("Go", "go")), place)
    words = getattr(reply, "text", "")
    assert len(words) == BODY_MAX
    assert words.count("c") == 10
    assert words.count("a") == words.count("b") == 506
    assert len(place.notes) == 2


@settings(deadline=None)
@given(st.lists(st.text(max_size=3000), min_size=1, max_size=4), st.integers(0, 400))
def test_what_leaves_is_never_too_long_and_staffs_words_stay(values: list[str], padding: int) -> None:
    static = "#" * (TEXT_MAX - 400 + padding - 5)
    place = scene(**{f"v{at}": value for at, value in enumerate(values)})
    try:
        reply = say(SayText(local(static + "".join(f"{{{{v{at}|-}}}}" for at in range(len(values))))), place)
    except Unsayable:
        assert len(static) + len(values) > TEXT_MAX
    else:
        assert isinstance(reply, TextReply)
        assert len(reply.text) <= TEXT_MAX
        assert reply.text.startswith(static)


def test_a_button_title_is_never_cut_and_fails_visibly() -> None:
    rulebook = book(rule("menu", says("menu"), reply=buttons("Choose", ("For {{first_name}}", "menu"))))
    who = person("en", {"first_name": "Wolfeschlegelsteinhausen"})
    decision = answer(rulebook, "menu", talk(who=who))
    assert decision.effects == ()
    assert decision.state.waiting
    assert "button title has 28 characters" in " ".join(decision.because.notes)


def test_what_fails_does_not_hold_up_the_other_messages() -> None:
    bad = buttons("Choose", ("{{first_name}}", "menu"))
    rulebook = book(rule("menu", says("menu"), reply=[item("before", bad)]))
    decision = answer(rulebook, "menu", talk(who=person("en", {"first_name": "x" * 30})))
    assert texts(decision) == ["before"]
    assert decision.state.waiting


@pytest.mark.parametrize(
    "spec",
    [
        SayText(local("{{wish|}}")),
        SayText(local("#" * (TEXT_MAX + 1))),
        SayText(local("#" * TEXT_MAX + "{{wish|x}}")),
        SayLink(local("Pay"), local("x" * 21), local("https://x.example")),
        SayLink(local("Pay"), local("Pay"), local("https://x.example/" + "x" * 2000)),
    ],
)
def test_what_cannot_be_said(spec: Say) -> None:
    with pytest.raises(Unsayable):
        said(spec)


# --- templates ----------------------------------------------------------------------------------------------------------

SHIPPED = replace(
    template("shipped", "first_name", "number"),
    buttons=(TemplateButton("No", ""), TemplateButton("Track", "track")),
    body=local({"en": "Hi {{first_name}}, {{number}}!", "sv": "Hej {{first_name}}, {{number}}!"}),
)


def sent(values: Mapping[str, str], language: str = "en", **written: str) -> Reply:
    spec = SayTemplate("shipped", PLACE, {name: local(text) for name, text in written.items()})
    return say(spec, scene_of(book(templates=[SHIPPED]), language, values))


def test_a_template_has_its_values_by_position_and_all_its_buttons() -> None:
    assert sent({"first_name": "Åsa", "number": "12"}, "sv") == TemplateReply(
        "shipped",
        "sv_SE",
        {"body[1]text": "Åsa", "body[2]text": "12"},
        "utility",
        (Button("No", "", 0), Button("Track", "track", 1)),
        "Hej Åsa, 12!",
    )


def test_a_typed_number_counts_the_templates_buttons_as_the_person_sees_them() -> None:
    spec = SayTemplate("shipped", PLACE)
    rulebook = book(rule("send", says("send"), reply=spec), rule("track"), templates=[SHIPPED])
    who = person("en", {"first_name": "A", "number": "1"})
    state = answer(rulebook, "send", talk(who=who)).state
    assert texts(answer(rulebook, "2", talk(state, who))) == ["track"]
    assert texts(answer(rulebook, "1", talk(state, who))) == []


def test_written_values_win_and_may_hold_placeholders() -> None:
    reply = sent({"first_name": "Åsa"}, number="no {{n|7}}")
    assert isinstance(reply, TemplateReply)
    assert reply.parameters["body[2]text"] == "no 7"


@pytest.mark.parametrize(
    ("value", "leaves"), [("a\n b", "a b"), ("a\t\tb", "a b"), ("  a    b ", "a b"), ("a\u00a0 b", "a b")]
)
def test_breaks_tabs_and_runs_of_spaces_become_one_space(value: str, leaves: str) -> None:
    reply = sent({"first_name": value, "number": "1"})
    assert isinstance(reply, TemplateReply)
    assert reply.parameters["body[1]text"] == leaves


def test_an_empty_template_value_takes_the_default_or_fails() -> None:
    reply = sent({"first_name": " \n ", "number": "1"}, first_name="{{first_name|friend}}")
    assert isinstance(reply, TemplateReply)
    assert reply.parameters["body[1]text"] == "friend"
    with pytest.raises(Unsayable, match="needs a value for first_name"):
        sent({"first_name": " \n ", "number": "1"})


def test_a_template_value_is_never_cut() -> None:
    with pytest.raises(Unsayable, match="number for template shipped has 1025"):
        sent({"first_name": "A", "number": "x" * (TEMPLATE_BODY_MAX + 1)})
    with pytest.raises(Unsayable, match="Template shipped has"):
        sent({"first_name": "A", "number": "x" * (TEMPLATE_BODY_MAX - 3)})


def test_an_omni_template_is_filled_by_name() -> None:
    omni = replace(SHIPPED, omni="01OMNI", languages={"en": "en-US", "sv": "sv-SE"})
    reply = say(
        SayTemplate("shipped", PLACE), scene_of(book(templates=[omni]), "en", {"first_name": "A", "number": "1"})
    )
    assert reply == OmniTemplateReply("01OMNI", "en-US", {"first_name": "A", "number": "1"})


def test_a_language_the_template_lacks_is_replaced_and_noted() -> None:
    english = replace(SHIPPED, languages={"en": "en_US"})
    place = scene_of(book(templates=[english]), "sv", {"first_name": "A", "number": "1"})
    reply = say(SayTemplate("shipped", PLACE), place)
    assert isinstance(reply, TemplateReply)
    assert (reply.language, reply.text) == ("en_US", "Hi A, 1!")
    assert "not declared in sv" in place.notes[0]


def test_an_undeclared_template_fails() -> None:
    with pytest.raises(Unsayable, match="not declared"):
        say(SayTemplate("other", PLACE), scene())


def test_a_consent_reply_is_filled_as_well() -> None:
    assert LANGUAGES == ("en", "sv")
    rulebook = book(rule("hi", says("hi"), reply="{{today}}"))
    assert replies(answer(rulebook, wrote("hi"))) == [TextReply("2026-01-05")]
