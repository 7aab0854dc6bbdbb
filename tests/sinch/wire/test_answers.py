"""What Sinch answers: ids, tokens, listings, and errors in all five shapes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bot.errors import OutcomeUnknown, Retry
from bot.sinch.wire.answers import (
    ListedMessage,
    MessagePage,
    SinchError,
    Token,
    parse_error,
    parse_message_list,
    parse_send_answer,
    parse_token,
    retry_after_s,
)

HTML = b"<html><body>502 Bad Gateway</body></html>"


def test_a_send_answers_with_an_id() -> None:
    assert parse_send_answer(b'{"message_id": "01HM", "accepted_time": "2026-11-20T10:15:31Z"}') == "01HM"
    assert parse_send_answer(b'{"message_id": "01HM"}') == "01HM"


@pytest.mark.parametrize("body", [b"", HTML, b"[]", b"{}", b'{"message_id": ""}', b'{"message_id": 7}'])
def test_a_200_without_an_id_proves_nothing(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="without a message id"):
        parse_send_answer(body)


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"access_token": "eyJ.a-b", "token_type": "bearer", "expires_in": 3599, "scope": ""}, Token("eyJ.a-b", 3599)),
        ({"access_token": "t", "expires_in": "60"}, Token("t", 60)),
        ({"access_token": "t"}, Token("t", 300)),
        ({"access_token": "t", "expires_in": None}, Token("t", 300)),
        ({"access_token": "t", "expires_in": -1}, Token("t", 300)),
        ({"access_token": "t", "expires_in": 10**400}, Token("t", 300)),
        ({"access_token": "t", "expires_in": 10**9}, Token("t", 86400)),
    ],
)
def test_tokens(answer: object, token: Token) -> None:
    assert parse_token(json.dumps(answer).encode()) == token


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"{}",
        b'{"access_token": ""}',
        b'{"access_token": "a\\r\\nX: y"}',
        '{"access_token": "ż"}'.encode(),
        b'{"access_token": "a b"}',
    ],
)
def test_a_token_that_cannot_stand_in_a_header_is_none(body: bytes) -> None:
    with pytest.raises(Retry, match="without an access token"):
        parse_token(body)


def test_a_token_is_not_shown() -> None:
    assert "eyJ" not in repr(Token("eyJ", 1))


def test_a_listing() -> None:
    body = {
        "messages": [
            {
                "id": "01HM1",
                "direction": "TO_CONTACT",
                "app_message": {"text_message": {"text": "x"}},
                "metadata": "out-1",
                "accept_time": "2026-11-20T10:15:31.5Z",
                "message_status": None,
            },
            {"id": "01HM2", "direction": "TO_APP", "metadata": None},
            {"id": None},
            None,
        ],
        "next_page_token": "p2",
    }
    at = datetime(2026, 11, 20, 10, 15, 31, 500000, tzinfo=UTC)
    assert parse_message_list(json.dumps(body).encode()) == MessagePage(
        (ListedMessage("01HM1", "out-1", "TO_CONTACT", at), ListedMessage("01HM2", "", "TO_APP", None)), "p2"
    )


@pytest.mark.parametrize("body", [b"{}", b'{"messages": []}', b'{"messages": null, "next_page_token": ""}'])
def test_an_empty_listing(body: bytes) -> None:
    assert parse_message_list(body) == MessagePage((), "")


@pytest.mark.parametrize("body", [b"", HTML, b"[]", b'{"messages": {}}', b'{"messages": "none"}'])
def test_something_else_never_passes_for_an_empty_listing(body: bytes) -> None:
    with pytest.raises(Retry, match="something else"):
        parse_message_list(body)


def error(status: int, answer: object, **headers: str) -> SinchError:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return parse_error(status, body, CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}))


def test_the_main_form() -> None:
    found = error(400, {"error": {"code": 400, "message": "bad ttl.", "status": "INVALID_ARGUMENT", "details": []}})
    assert found == SinchError(
        400,
        "INVALID_ARGUMENT",
        "Sinch answered 400 INVALID_ARGUMENT: bad ttl. The request is wrong as it stands.",
        True,
    )


def test_the_platform_s_form() -> None:
    kind = "https://developers.sinch.com/docs/errors/registry/token-expired"
    found = error(401, {"type": kind, "title": "Token expired", "detail": "get a new one"})
    assert (found.code, found.is_from_sinch) == ("token-expired", True)
    assert found.sentence == (
        "Sinch answered 401 token-expired: Token expired: get a new one. Check SINCH_KEY_ID and SINCH_KEY_SECRET."
    )


def test_the_token_endpoint_s_form() -> None:
    found = error(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
    assert (found.code, found.is_from_sinch) == ("invalid_client", True)
    assert "Client authentication failed" in found.sentence


def test_the_provisioning_api_s_form() -> None:
    found = error(403, {"errorCode": "forbidden_x", "message": "No.", "resolution": "Pay", "additionalInformation": {}})
    assert (found.code, found.is_from_sinch) == ("forbidden_x", True)
    assert "No. Pay" in found.sentence
    assert "prepaid" in found.sentence


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        b"",
        [],
        {},
        {"message": "Internal server error"},
        {"error": "upstream connect error"},
        {"error": {}},
        {"error": None},
        {"type": "about:blank", "title": "Bad Gateway", "status": 502},
    ],
)
def test_a_gateway_is_not_sinch(answer: object) -> None:
    assert error(502, answer) == SinchError(
        502, "http_502", "Sinch answered 502. Sinch has trouble; it is tried again later.", False
    )


def test_a_404_names_its_usual_cause() -> None:
    sentence = error(404, {"error": {"code": 404, "message": "app not found", "status": "NOT_FOUND"}}).sentence
    assert "SINCH_REGION" in sentence


def test_a_sentence_has_a_length_and_one_line() -> None:
    sentence = error(418, {"error": {"code": 418, "message": "a\n\nb" + "x" * 9000, "status": "TEAPOT"}}).sentence
    assert sentence.startswith("Sinch answered 418 TEAPOT: a bxxx")
    assert len(sentence) < 450


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 1.5 ", 1.5),
        ("900", 900),
        ("901", 900),
        ("1e12", 900),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("", None),
        ("soon", None),
        ("9" * 400, None),
        ("Fri, 20 Nov 2026 10:16:00 GMT", 30),
        ("Fri, 20 Nov 2026 10:15:00 GMT", 0),
        ("Fri, 20 Nov 2027 10:15:00 GMT", 900),
        ("Fri, 20 Nov 99999 10:15:00 GMT", None),
        ("Fri, 20 Nov 2026 10:16:00 -0000", None),
    ],
)
def test_how_long_to_wait(value: str, seconds: float | None) -> None:
    headers = {"Retry-After": value, "Date": "Fri, 20 Nov 2026 10:15:30 GMT"}
    assert retry_after_s(headers) == seconds


def test_a_date_without_a_clock_to_compare_tells_nothing() -> None:
    assert retry_after_s({"Retry-After": "Fri, 20 Nov 2026 10:16:00 GMT"}) is None
    assert retry_after_s({}) is None


def test_waiting_may_be_told_in_the_body() -> None:
    def told(delay: object, **headers: str) -> float | None:
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
        exhausted = {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": details}
        return error(429, {"error": exhausted}, **headers).retry_after_s

    assert told("3.5s") == 3.5
    assert told("3600s") == 900
    assert told("-1s") is None
    assert told(None) is None
    assert told("3.5s", Retry_After="9") == 9


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(["Retry-After", "Date", "X"]), st.text(max_size=40)))
def test_no_answer_raises(body: bytes, headers: dict[str, str]) -> None:
    found = parse_error(503, body, headers)
    assert found.sentence
    assert found.retry_after_s is None or 0 <= found.retry_after_s <= 900
