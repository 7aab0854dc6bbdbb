"""The list of WhatsApp's templates, read as Sinch writes it."""

import orjson
import pytest

from bot.core.approved import ApprovedTemplate
from bot.errors import Failed
from bot.sinch.wire.whatsapp_templates import parse_whatsapp_templates, whatsapp_language

LISTED = {
    "totalSize": 2,
    "pageSize": 10,
    "templates": [
        {
            "name": "order_shipped",
            "language": "EN_US",
            "category": "UTILITY",
            "state": "APPROVED",
            "details": {
                "components": [
                    {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
                    {"type": "BODY", "text": "Hi {{1}}, {{2}} is on its way, {{1}}!"},
                    {
                        "type": "BUTTONS",
                        "buttons": [
                            {"type": "QUICK_REPLY", "text": "Track"},
                            {"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}"},
                            {"type": "COPY_CODE", "text": "Copy"},
                        ],
                    },
                ]
            },
        },
        {"name": "hello", "language": "SV", "category": "MARKETING", "state": "REJECTED", "rejectionCode": "SCAM"},
        {"language": "EN"},
    ],
}


def test_the_list_is_read() -> None:
    keys = ("header[1]text", "button[1]url[1]text", "button[2]copy_code[1]coupon_code")
    assert parse_whatsapp_templates(orjson.dumps(LISTED)) == (
        ApprovedTemplate("order_shipped", "en_US", "utility", "APPROVED", 2, keys, ("Track",)),
        ApprovedTemplate("hello", "sv", "marketing", "REJECTED", 0, reason="SCAM"),
    )


def test_a_picture_above_is_a_value_too() -> None:
    picture = {"name": "x", "details": {"components": [{"type": "header", "format": "IMAGE"}]}}
    (found,) = parse_whatsapp_templates(orjson.dumps({"templates": [picture]}))
    assert found.other_keys == ("header[1]image.link",)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"templates": 1}'])
def test_anything_else_is_refused_in_a_sentence(body: bytes) -> None:
    with pytest.raises(Failed, match="check SINCH_API_URL"):
        parse_whatsapp_templates(body)


def test_languages_as_whatsapp_takes_them() -> None:
    assert [whatsapp_language(each) for each in ("EN_US", "pt-BR", "SV")] == ["en_US", "pt_BR", "sv"]
