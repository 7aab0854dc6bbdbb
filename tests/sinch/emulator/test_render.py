"""What WhatsApp shows, and where choices quietly become text."""

from __future__ import annotations

import pytest

from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.render import show
from bot.sinch.emulator.shown import Card, File, Form, Place, Product


def button(title: str, postback: str = "") -> Json:
    return {"text_message": {"text": title}, "postback_data": postback}


def choice(*choices: Json, body: str = "What next?", **properties: str) -> Json:
    text: Json = {"text_message": {"text": body}} if body else {}
    return {"choice_message": {**text, "choices": list(choices), "message_properties": properties}}


def row(title: str, postback: str = "p", description: str = "") -> Json:
    return {"choice": {"title": title, "postback_data": postback, "description": description}}


def listing(*sections: Json, menu: str = "Topics", header: str = "") -> Json:
    properties = {"menu": menu, "whatsapp_header": header}
    return {"list_message": {"title": "Pick", "sections": list(sections), "message_properties": properties}}


def section(*rows: Json, title: str = "") -> Json:
    return {"title": title, "items": list(rows)}


def test_buttons_stay_buttons() -> None:
    shown = show(choice(button("A" * 20, "a" * 229), button("B"), button("C"), whatsapp_footer="Bye"), "MID")
    assert (shown.kind, shown.degraded, shown.footer) == ("buttons", "", "Bye")
    assert [option.postback for option in shown.options] == ["a" * 229, "MID_B", "MID_C"]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (choice(*[button(str(number)) for number in range(4)]), "4 buttons"),
        (choice(button("A" * 21)), "too long"),
        (choice(button("A"), button("A")), "same words"),
        (choice(button("*Bold*")), "markdown"),
        (choice(button("A", "p" * 230)), "postback"),
        (choice(button("A"), body="b" * 1025), "the text is longer"),
        (choice(button("A"), body=""), "no text"),
        (choice(button("A"), whatsapp_footer="f" * 61), "footer"),
        (choice(button("A"), {"url_message": {"title": "Go", "url": "https://x"}}), "not text"),
        (choice({"call_message": {"title": "Call", "phone_number": "+48"}}), "not text"),
        (choice({"url_message": {"title": "T" * 21, "url": "https://x"}}), "link's title"),
        (listing(section(*[row(str(number)) for number in range(11)])), "11 rows"),
        (listing(section(row("A")), section(row("B"))), "section without a title"),
        (listing(section(row("A"), title="T" * 25)), "section's title"),
        (listing(section(row("A" * 25))), "too long"),
        (listing(section(row("A", description="d" * 73))), "too long"),
        (listing(section(row("A", "p" * 174))), "postback"),
        (listing(section(row("A")), menu="m" * 21), "menu"),
        (listing(section(row("A")), header="h" * 61), "header"),
    ],
)
def test_the_rest_becomes_text(message: Json, why: str) -> None:
    shown = show(message, "MID")
    assert (shown.kind, shown.options) == ("text", ())
    assert why in shown.degraded


def test_degraded_choices_can_still_be_read() -> None:
    shown = show(choice(*[button(word) for word in ("One", "Two", "Three", "Four")]), "MID")
    assert shown.text == "What next?\n1. One\n2. Two\n3. Three\n4. Four"


def test_a_lone_link_is_a_link() -> None:
    shown = show(choice({"url_message": {"title": "Open", "url": "https://example.org"}}), "MID")
    assert (shown.kind, shown.url, shown.options[0].title) == ("link", "https://example.org", "Open")


def test_list() -> None:
    rows = section(row("A", "", "First"), title="One"), section(row("B", "b"), title="Two")
    shown = show(listing(*rows), "MID")
    assert (shown.kind, shown.menu, shown.text) == ("list", "Topics", "Pick")
    assert [(option.title, option.postback, option.description) for option in shown.options] == [
        ("A", "MID_A", "First"),
        ("B", "b", ""),
    ]


@pytest.mark.parametrize(
    ("card", "kind", "degraded"),
    [
        ({"title": "T", "media_message": {"url": "https://x"}, "choices": [button("A")]}, "buttons", False),
        ({"title": "T", "choices": [button("A")], "message_properties": {"whatsapp_header": "H"}}, "buttons", False),
        ({"title": "T", "media_message": {"url": "https://x"}, "choices": [button("A")] * 2}, "media", True),
        ({"title": "T", "media_message": {"url": "https://x"}}, "media", False),
        ({"title": "T", "description": "D"}, "text", False),
    ],
)
def test_cards(card: Json, kind: str, degraded: bool) -> None:
    shown = show({"card_message": card}, "MID")
    assert (shown.kind, bool(shown.degraded)) == (kind, degraded)
    assert shown.text.startswith("T")


def test_carousel_becomes_text() -> None:
    shown = show({"carousel_message": {"cards": [{"title": "A", "description": "a"}, {"title": "B"}]}}, "MID")
    assert (shown.kind, shown.text) == ("text", "A\na\n\nB")
    assert shown.degraded


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ({"text_message": {"text": "Hi"}}, "text", "Hi"),
        ({"media_message": {"url": "https://x", "filename_override": "a.pdf"}}, "media", "a.pdf"),
        ({"location_message": {"title": "Shop", "label": "Main st"}}, "location", "Shop\nMain st"),
        (
            {"contact_info_message": {"name": {"full_name": "Ann"}, "phone_numbers": [{"phone_number": "+48"}]}},
            "contact",
            "Ann\n+48",
        ),
        (
            {
                "channel_specific_message": {
                    "WHATSAPP": {"message_type": "FLOWS", "message": {"body": {"text": "Slot?"}, "flow_cta": "Book"}}
                }
            },
            "flow",
            "Slot?",
        ),
    ],
)
def test_plain_kinds(message: Json, kind: str, text: str) -> None:
    shown = show(message, "MID")
    assert (shown.kind, shown.text) == (kind, text)


def test_a_list_keeps_its_sections() -> None:
    shown = show(listing(section(row("A"), title="One"), section(row("B"), row("C"), title="Two")), "MID")
    assert [(part.title, [each.title for each in part.options]) for part in shown.sections] == [
        ("One", ["A"]),
        ("Two", ["B", "C"]),
    ]


def test_files() -> None:
    shown = show({"media_message": {"url": "https://x/1", "filename_override": "a.pdf"}}, "MID")
    assert shown.file == File("document", "https://x/1", "a.pdf")
    card: Json = {"title": "T", "media_message": {"url": "https://x/a.png"}}
    assert show({"card_message": card}, "MID").file == File("image", "https://x/a.png", "", "T")
    assert show({"card_message": card | {"choices": [button("A")]}}, "MID").file == File("image", "https://x/a.png")


def test_place() -> None:
    place: Json = {"title": "Shop", "label": "Main st", "coordinates": {"latitude": 59.25, "longitude": 18.5}}
    assert show({"location_message": place}, "MID").place == Place(59.25, 18.5, "Shop", "Main st")


def test_contact_card() -> None:
    contact: Json = {
        "name": {"full_name": "Ann Nowak"},
        "phone_numbers": [{"phone_number": "+48500100300"}],
        "email_addresses": [{"email_address": "ann@example.org"}],
        "addresses": [{"city": "Warsaw", "country": "Poland"}],
        "organization": {"company": "Example"},
        "urls": [{"url": "https://example.org"}],
        "birthday": "1990-01-31",
    }
    assert show({"contact_info_message": contact}, "MID").card == Card(
        "Ann Nowak",
        ("+48500100300",),
        ("ann@example.org",),
        ("Warsaw, Poland",),
        ("https://example.org",),
        "Example",
        "1990-01-31",
    )


def test_products() -> None:
    item: Json = {"product": {"id": "sku1", "marketplace": "FACEBOOK"}}
    listed: Json = {
        "title": "New",
        "sections": [{"title": "Jackets", "items": [item]}],
        "message_properties": {"catalog_id": "cat1"},
    }
    shown = show({"list_message": listed}, "MID")
    assert (shown.kind, shown.catalog_id) == ("products", "cat1")
    assert shown.products == (Product("sku1", "FACEBOOK", "Jackets"),)


def test_form() -> None:
    message: Json = {
        "header": {"type": "image", "image": {"link": "https://x/a.jpg"}},
        "body": {"text": "Slot?"},
        "flow_id": "123",
        "flow_token": "tok",
        "flow_mode": "published",
        "flow_cta": "Book",
        "flow_action": "navigate",
        "flow_action_payload": {"screen": "FIRST", "data": {"k": "v"}},
    }
    special: Json = {"WHATSAPP": {"message_type": "FLOWS", "message": message}}
    assert show({"channel_specific_message": special}, "MID").form == Form(
        "123", "Book", "FIRST", "tok", "navigate", "published", File("image", "https://x/a.jpg"), {"k": "v"}
    )
