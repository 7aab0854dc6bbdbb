"""What a person's phone shows of what they sent."""

from __future__ import annotations

import pytest

from bot.sinch.emulator import Files
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.render_said import said
from bot.sinch.emulator.shown import Card, File, Place, Product
from tests.sinch.emulator.conftest import START


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ({"text_message": {"text": "hi"}}, "text", "hi"),
        ({"media_card_message": {"url": "https://x/a.jpg", "caption": "look"}}, "media", "look"),
        ({"location_message": {"title": "Cafe", "coordinates": {}}}, "location", "Cafe"),
        ({"location_message": {"coordinates": {"latitude": 59.25, "longitude": 18}}}, "location", "59.25, 18"),
        ({"choice_response_message": {"message_id": "M", "postback_data": "p"}}, "text", "p"),
        ({"fallback_message": {"raw_message": '{"type":"poll"}'}}, "raw", '{"type":"poll"}'),
        ({"fallback_message": {"raw_message": "no JSON"}}, "raw", "no JSON"),
        ({"contacts_message": {"odd": True}}, "raw", "contacts_message"),
    ],
)
def test_kinds(content: Json, kind: str, text: str) -> None:
    shown = said(content, Files())
    assert (shown.kind, shown.text) == (kind, text)


def test_place() -> None:
    point: Json = {"latitude": 59.25, "longitude": 18.5}
    shown = said({"location_message": {"title": "Cafe", "label": "Main st", "coordinates": point}}, Files())
    assert shown.place == Place(59.25, 18.5, "Cafe", "Main st")


def test_files_by_what_the_emulator_knows_of_them() -> None:
    files = Files()
    kept = files.keep(b"sound", "audio/webm", START, "note.webm", is_voice=True)
    own, elsewhere = f"http://127.0.0.1:9{kept.path}", "https://example.org/cat.jpg"
    assert said({"media_message": {"url": own}}, files).file == File("voice", own, "note.webm")
    assert said({"media_message": {"url": elsewhere}}, files).file == File("image", elsewhere)
    sample = "http://127.0.0.1:9/emulator/media/sticker"
    assert said({"media_message": {"url": sample}}, files).file == File("sticker", sample)


def test_order() -> None:
    ordered: Json = {"id": "sku1", "marketplace": "FACEBOOK", "quantity": 2, "item_price": 9.5, "currency": "EUR"}
    shown = said({"product_response_message": {"catalog_id": "cat1", "products": [ordered]}}, Files())
    assert (shown.kind, shown.catalog_id) == ("products", "cat1")
    assert shown.products == (Product("sku1", "FACEBOOK", "", 2, 9.5, "EUR"),)


def test_answers_to_a_form() -> None:
    reply: Json = {"name": "flow", "body": "Sent", "response_json": '{"slot":"9:00","flow_token":"t"}'}
    message: Json = {"type": "nfm_reply", "nfm_reply": reply}
    shown = said({"channel_specific_message": {"message_type": "nfm_reply", "message": message}}, Files())
    assert (shown.kind, shown.text) == ("flow", "Sent")
    assert shown.form is not None
    assert (shown.form.token, shown.form.values) == ("t", {"slot": "9:00"})


def test_contact_card() -> None:
    raw = '{"type":"contacts","contacts":[{"name":{"formatted_name":"Bo"},"phones":[{"phone":"+46"}]}]}'
    shown = said({"fallback_message": {"raw_message": raw}}, Files())
    assert (shown.kind, shown.text, shown.card) == ("contact", "Bo\n+46", Card("Bo", ("+46",)))
