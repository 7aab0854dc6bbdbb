"""Templates as WhatsApp shows them."""

from __future__ import annotations

from bot.sinch.emulator import Template, TemplateButton
from bot.sinch.emulator.render_template import template_shown
from bot.sinch.emulator.shown import Approved, Button, File, Option, Place

ORDER = Template(
    "order_shipped",
    body="Hi {{1}}, it comes {{2}}.",
    header="Order {{1}}",
    footer="Reply STOP to end",
    buttons=(
        TemplateButton("url", "Track", "https://example.org/t/{{1}}"),
        TemplateButton("quick_reply", "Stop"),
        TemplateButton("phone_number", "Call us", phone="+4686111111"),
        TemplateButton("copy_code", "Copy"),
        TemplateButton("flow", "Rate us"),
        TemplateButton("quick_reply", "No payload"),
    ),
)
PARAMETERS = {
    "header[1]text": "1001",
    "body[1]text": "Ann",
    "body[2]text": "tomorrow",
    "button[0]url[1]text": "T1",
    "button[1]quick_reply[1]payload": "t:stop",
    "button[3]copy_code[1]coupon_code": "SALE",
}


def test_every_part_with_its_values() -> None:
    shown = template_shown("order_shipped", "en_US", ORDER, PARAMETERS)
    assert shown.text == "Order 1001\nHi Ann, it comes tomorrow.\nReply STOP to end"
    assert shown.options == (Option("Stop", "t:stop"),)
    assert shown.template == Approved(
        "order_shipped",
        "en_US",
        "UTILITY",
        header="Order 1001",
        body="Hi Ann, it comes tomorrow.",
        footer="Reply STOP to end",
        buttons=(
            Button("url", "Track", url="https://example.org/t/T1"),
            Button("quick_reply", "Stop", postback="t:stop"),
            Button("phone_number", "Call us", phone="+4686111111"),
            Button("copy_code", "Copy", code="SALE"),
            Button("flow", "Rate us"),
        ),
    )


def test_headers_that_are_no_text() -> None:
    picture = Template("sale", body="Sale!", header="image", media_header=True)
    shown = template_shown("sale", "en_US", picture, {"header[1]image.link": "https://example.org/a.jpg"}).template
    assert shown is not None
    assert (shown.header, shown.header_file) == ("", File("image", "https://example.org/a.jpg"))
    spot = {"latitude": "59.3", "longitude": "18.0", "name": "Shop", "address": "Main st"}
    parameters = {f"header[1]location.{name}": value for name, value in spot.items()}
    placed = template_shown("spot", "en_US", None, parameters).template
    assert placed is not None
    assert placed.header_place == Place(59.3, 18.0, "Shop", "Main st")
    lost = template_shown("spot", "en_US", None, parameters | {"header[1]location.latitude": "north"}).template
    assert lost is not None
    assert lost.header_place is None


def test_of_an_unknown_template_what_the_parameters_tell() -> None:
    shown = template_shown("new", "sv", None, {"body[1]text": "Ann", "button[1]quick_reply[1]payload": "p"})
    assert shown.text == "new (sv) body[1]text: Ann, button[1]quick_reply[1]payload: p"
    assert shown.options == (Option("Button 2", "p"),)
    assert shown.template is not None
    assert (shown.template.body, shown.template.buttons) == ("", (Button("quick_reply", "Button 2", postback="p"),))
