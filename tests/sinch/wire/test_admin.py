"""The app and its webhooks."""

import json
from typing import Any

import pytest

from bot.errors import Failed
from bot.sinch.wire.admin import TRIGGERS, SinchApp, Webhook, WhatsApp, parse_app, parse_webhooks, render_webhook

APP: dict[str, Any] = {
    "id": "01HAPP",
    "display_name": "Shop",
    "processing_mode": "DISPATCH",
    "channel_credentials": [
        {"channel": "SMS", "static_bearer": {"claimed_identity": "x"}, "state": {"status": "FAILING"}},
        {
            "channel": "WHATSAPP",
            "static_bearer": {"claimed_identity": "01HSENDER", "token": ""},
            "state": {"status": "ACTIVE", "description": "fine"},
            "channel_known_id": "",
        },
    ],
    "rate_limits": {"inbound": 25, "outbound": 20, "webhooks": 25},
    "queue_stats": {"outbound_size": 3, "outbound_limit": 500000},
    "retention_policy": {"retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": 180},
    "dispatch_retention_policy": {"retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": 0},
}


def app(**changes: Any) -> SinchApp:
    return parse_app(json.dumps({**APP, **changes}).encode())


def test_an_app() -> None:
    whatsapp = WhatsApp("01HSENDER", "ACTIVE", "fine")
    assert app() == SinchApp("01HAPP", "Shop", "DISPATCH", whatsapp, 0, 180, 25, 20, 25, 3, 500000)


def test_an_app_that_tells_little() -> None:
    bare = parse_app(b'{"id": "01HAPP", "channel_credentials": null, "rate_limits": null}')
    assert bare == SinchApp("01HAPP", "", "", None, None, None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("mode", "dispatch_days", "keeps"),
    [("DISPATCH", 0, False), ("DISPATCH", 1, True), ("DISPATCH", None, False), ("CONVERSATION", 0, True)],
)
def test_whether_messages_are_kept(mode: str, dispatch_days: int | None, keeps: bool) -> None:
    found = app(processing_mode=mode, dispatch_retention_policy={"ttl_days": dispatch_days})
    assert found.keeps_messages is keeps


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"apps": []}'])
def test_something_else_is_no_app(body: bytes) -> None:
    with pytest.raises(Failed, match="SINCH_API_URL"):
        parse_app(body)


def test_webhooks() -> None:
    body = {
        "webhooks": [
            {
                "id": "01HW",
                "app_id": "01HAPP",
                "target": "https://bot.example.org/webhooks/sinch",
                "target_type": "HTTP",
                "secret": "s3cret",
                "triggers": ["MESSAGE_INBOUND", None],
            },
            {"id": "01HX", "target": "https://other.example.org", "triggers": None, "secret": None},
            {},
        ]
    }
    first, second = parse_webhooks(json.dumps(body).encode())
    target = "https://bot.example.org/webhooks/sinch"
    assert first == Webhook("01HW", target, "HTTP", ("MESSAGE_INBOUND",), "s3cret")
    assert second == Webhook("01HX", "https://other.example.org", "", (), "")
    assert "s3cret" not in repr(first)


@pytest.mark.parametrize("body", [b"{}", b'{"webhooks": []}', b'{"webhooks": null}'])
def test_no_webhooks(body: bytes) -> None:
    assert parse_webhooks(body) == ()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"webhooks": "x"}'])
def test_something_else_is_no_list_of_webhooks(body: bytes) -> None:
    with pytest.raises(Failed, match="SINCH_API_URL"):
        parse_webhooks(body)


def test_a_webhook_to_make() -> None:
    assert json.loads(render_webhook("01HAPP", "https://bot.example.org/webhooks/sinch", "s3cret")) == {
        "app_id": "01HAPP",
        "target": "https://bot.example.org/webhooks/sinch",
        "target_type": "HTTP",
        "secret": "s3cret",
        "triggers": [
            "MESSAGE_INBOUND",
            "MESSAGE_DELIVERY",
            "EVENT_INBOUND",
            "EVENT_DELIVERY",
            "CHANNEL_EVENT",
            "OPT_IN",
            "OPT_OUT",
            "UNSUPPORTED",
        ],
    }
    assert len(set(TRIGGERS)) == len(TRIGGERS)
