"""Webhook signatures: the published vectors, everything that must be refused, and that no input raises."""

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from bot.errors import Misconfigured
from bot.sinch.signature import Scheme, Verdict, Verifier

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
SINCH = [vector for vector in VECTORS if vector["scheme"] == "conversation"]
SIMPLE = [vector for vector in VECTORS if vector["scheme"] == "simple"]
[NUMBERS] = [vector for vector in VECTORS if vector["scheme"] == "numbers"]
BY_ID = {vector["id"]: vector for vector in VECTORS}
FIVE_MINUTES = timedelta(minutes=5)
NOW = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)
BODY = b'{"a": 1}'
SECRET = "secret"

PREFIX = "X-Sinch-Webhook-Signature"
SIGNATURE, TIMESTAMP, NONCE, ALGORITHM = PREFIX, f"{PREFIX}-Timestamp", f"{PREFIX}-Nonce", f"{PREFIX}-Algorithm"

Headers = CIMultiDictProxy[str]


def headers_of(pairs: dict[str, str]) -> Headers:
    return CIMultiDictProxy(CIMultiDict(pairs))


def vector_headers(vector: dict[str, Any]) -> dict[str, str]:
    if vector["scheme"] == "simple":
        return {"x-sinch-signature": vector["signature"], "x-sinch-timestamp": vector["timestamp"]}
    return {
        SIGNATURE: vector["signature"],
        TIMESTAMP: vector["timestamp"],
        NONCE: vector["nonce"],
        ALGORITHM: vector["algorithm"],
    }


def signed_at(vector: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(vector["timestamp"]), UTC)


def mac(body: bytes, tail: str, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), body + tail.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()


def signed(timestamp: str, nonce: str = "n1") -> dict[str, str]:
    """Headers of the sinch scheme over BODY."""
    signature = b64encode(mac(BODY, f".{nonce}.{timestamp}")).decode()
    return {SIGNATURE: signature, TIMESTAMP: timestamp, NONCE: nonce, ALGORITHM: "HmacSHA256"}


def simply_signed(timestamp: str) -> dict[str, str]:
    return {
        "X-Sinch-Signature": b64encode(mac(BODY, f"|{timestamp}")).decode(),
        "X-Sinch-Timestamp": timestamp,
    }


GOOD = signed(str(int(NOW.timestamp())))


def judge(headers: dict[str, str], body: bytes = BODY, scheme: Scheme = "sinch", secret: str = SECRET) -> Verdict:
    return Verifier(scheme, [secret], FIVE_MINUTES).verify(headers_of(headers), body, NOW)


def test_there_are_twelve_vectors() -> None:
    assert (len(SINCH), len(SIMPLE), len(VECTORS)) == (7, 2, 12)


@pytest.mark.parametrize("vector", SINCH + SIMPLE, ids=lambda vector: vector["id"])
def test_a_vector_is_authentic_at_its_time_and_stale_now(vector: dict[str, Any]) -> None:
    scheme: Scheme = "simple" if vector["scheme"] == "simple" else "sinch"
    verifier = Verifier(scheme, [vector["secret"]], FIVE_MINUTES)
    headers, body = headers_of(vector_headers(vector)), vector["body"].encode()
    assert len(body) == vector.get("body_bytes", len(body))
    at = signed_at(vector)
    assert verifier.verify(headers, body, at) is Verdict.AUTHENTIC
    assert verifier.verify(headers, body, at + FIVE_MINUTES) is Verdict.AUTHENTIC
    assert verifier.verify(headers, body, at - FIVE_MINUTES) is Verdict.AUTHENTIC
    assert verifier.verify(headers, body, at + FIVE_MINUTES + timedelta(seconds=1)) is Verdict.STALE
    assert verifier.verify(headers, body, at - FIVE_MINUTES - timedelta(seconds=1)) is Verdict.STALE
    assert verifier.verify(headers, body + b" ", at) is Verdict.NOT_AUTHENTIC
    assert Verifier(scheme, ["other"], FIVE_MINUTES).verify(headers, body, at) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("vector", SINCH + SIMPLE, ids=lambda vector: vector["id"])
def test_a_vector_of_one_scheme_is_refused_by_the_other(vector: dict[str, Any]) -> None:
    other: Scheme = "sinch" if vector["scheme"] == "simple" else "simple"
    verifier = Verifier(other, [vector["secret"]], FIVE_MINUTES)
    found = verifier.verify(headers_of(vector_headers(vector)), vector["body"].encode(), signed_at(vector))
    assert found is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("scheme", ["sinch", "simple"])
@pytest.mark.parametrize("with_timestamp", [True, False])
def test_a_signature_of_the_numbers_api_is_refused(scheme: Scheme, with_timestamp: bool) -> None:
    """It uses the header of the simple scheme, for a hexadecimal SHA-1."""
    body = NUMBERS["body"].encode()
    assert hmac.new(NUMBERS["secret"].encode(), body, "sha1").hexdigest() == NUMBERS["signature"]
    headers = {"X-Sinch-Signature": NUMBERS["signature"], SIGNATURE: NUMBERS["signature"]}
    if with_timestamp:
        headers |= {"X-Sinch-Timestamp": GOOD[TIMESTAMP], TIMESTAMP: GOOD[TIMESTAMP], NONCE: "n1"}
    assert judge(headers, body, scheme, NUMBERS["secret"]) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: json.dumps(json.loads(body), separators=(",", ":")).encode(),
    ],
    ids=["without the last line end", "CRLF", "minified"],
)
def test_the_raw_bytes_are_signed(change: Any) -> None:
    vector = BY_ID["D"]
    verifier = Verifier("sinch", [vector["secret"]], FIVE_MINUTES)
    headers = headers_of(vector_headers(vector))
    assert verifier.verify(headers, change(vector["body"].encode()), signed_at(vector)) is Verdict.NOT_AUTHENTIC


def test_escaping_text_gives_another_signature() -> None:
    raw, escaped = BY_ID["E"], BY_ID["F"]
    assert json.loads(raw["body"]) == json.loads(escaped["body"])
    headers = vector_headers(raw) | {SIGNATURE: escaped["signature"]}
    verifier = Verifier("sinch", [raw["secret"]], FIVE_MINUTES)
    assert verifier.verify(headers_of(headers), raw["body"].encode(), signed_at(raw)) is Verdict.NOT_AUTHENTIC


def test_our_own_signing_is_accepted() -> None:
    assert judge(GOOD) is Verdict.AUTHENTIC
    assert judge({name.lower(): value for name, value in GOOD.items()}) is Verdict.AUTHENTIC
    assert judge(simply_signed(GOOD[TIMESTAMP]), scheme="simple") is Verdict.AUTHENTIC


@pytest.mark.parametrize("missing", [SIGNATURE, TIMESTAMP, NONCE])
def test_a_missing_or_empty_header_refuses(missing: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != missing}
    assert judge(without) is Verdict.NOT_AUTHENTIC
    assert judge(without | {missing: ""}) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("missing", ["X-Sinch-Signature", "X-Sinch-Timestamp"])
def test_a_missing_header_refuses_in_the_simple_scheme(missing: str) -> None:
    headers = simply_signed(GOOD[TIMESTAMP])
    del headers[missing]
    assert judge(headers, scheme="simple") is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("twice", [SIGNATURE, TIMESTAMP, NONCE, ALGORITHM])
def test_a_repeated_header_refuses_even_with_the_same_value(twice: str) -> None:
    headers: CIMultiDict[str] = CIMultiDict(GOOD)
    headers.add(twice.lower(), GOOD[twice])
    twofold: Headers = CIMultiDictProxy(headers)
    assert Verifier("sinch", [SECRET], FIVE_MINUTES).verify(twofold, BODY, NOW) is Verdict.NOT_AUTHENTIC


def test_plain_mappings_work_and_their_lists_refuse() -> None:
    verifier = Verifier("sinch", [SECRET], FIVE_MINUTES)
    assert verifier.verify(GOOD, BODY, NOW) is Verdict.AUTHENTIC
    for name, value in GOOD.items():
        assert verifier.verify(GOOD | {name: [value]}, BODY, NOW) is Verdict.NOT_AUTHENTIC
        assert verifier.verify(GOOD | {name.lower(): value}, BODY, NOW) is Verdict.NOT_AUTHENTIC  # now there twice
        assert verifier.verify(GOOD | {name: value.encode()}, BODY, NOW) is Verdict.NOT_AUTHENTIC


def test_other_spellings_of_the_right_signature_refuse() -> None:
    # A nonce under which the signature holds both letters that the url-safe alphabet spells otherwise.
    timestamp = GOOD[TIMESTAMP]
    nonces = (f"n{number}" for number in range(10_000))
    nonce = next(each for each in nonces if {"+", "/"} <= set(signed(timestamp, each)[SIGNATURE]))
    good = signed(timestamp, nonce)
    assert judge(good) is Verdict.AUTHENTIC
    digest = mac(BODY, f".{nonce}.{timestamp}")
    right = good[SIGNATURE]
    for other in (
        right.rstrip("="),
        urlsafe_b64encode(digest).decode(),
        digest.hex(),
        right + "=",
        right + "\n",
        f" {right}",
        right.lower(),
        f"{right},{right}",
    ):
        assert judge(good | {SIGNATURE: other}) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("name", ["HmacSHA256", "hmacsha256", "HMACSHA256"])
def test_the_algorithm_is_read_without_case(name: str) -> None:
    assert judge(GOOD | {ALGORITHM: name}) is Verdict.AUTHENTIC


def test_a_missing_algorithm_is_the_usual_one() -> None:
    assert judge({name: value for name, value in GOOD.items() if name != ALGORITHM}) is Verdict.AUTHENTIC


@pytest.mark.parametrize("name", ["", "HmacSHA512", "HMAC_SHA_256", "none", "HmacSHA256 ", "ＨmacSHA256"])
def test_other_algorithms_refuse(name: str) -> None:
    assert judge(GOOD | {ALGORITHM: name}) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "-1",
        "+1795169730",
        "1795169730.0",
        "1e9",
        " 1795169730",
        "١٧٩٥",
        "²",
        "9" * 400,
        "0x10",
        "now",
        "1795_169730",
    ],
)
@pytest.mark.parametrize("scheme", ["sinch", "simple"])
def test_a_timestamp_that_is_no_number_refuses_even_when_signed(timestamp: str, scheme: Scheme) -> None:
    headers = signed(timestamp) if scheme == "sinch" else simply_signed(timestamp)
    assert judge(headers, scheme=scheme) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("timestamp", ["0", "1", "99999999999", "1795169730000", "999999999999999"])
def test_an_authentic_but_odd_time_is_stale(timestamp: str) -> None:
    assert judge(signed(timestamp)) is Verdict.STALE


def test_the_simple_scheme_reads_milliseconds() -> None:
    milliseconds = str(int(NOW.timestamp()) * 1000)
    assert len(milliseconds) == 13
    assert judge(simply_signed(milliseconds), scheme="simple") is Verdict.AUTHENTIC
    assert judge(simply_signed(str(int(milliseconds) - 300_001)), scheme="simple") is Verdict.STALE


def test_nonces_have_a_length() -> None:
    assert judge(signed(GOOD[TIMESTAMP], "n" * 256)) is Verdict.AUTHENTIC
    assert judge(signed(GOOD[TIMESTAMP], "n" * 257)) is Verdict.NOT_AUTHENTIC


def test_headers_that_are_not_ascii() -> None:
    assert judge(signed(GOOD[TIMESTAMP], "żółw")) is Verdict.AUTHENTIC
    assert judge(signed(GOOD[TIMESTAMP], b"\xff".decode("utf-8", "surrogateescape"))) is Verdict.AUTHENTIC
    assert judge(GOOD | {NONCE: "\ud800"}) is Verdict.NOT_AUTHENTIC
    assert judge(GOOD | {SIGNATURE: "ż" * 44}) is Verdict.NOT_AUTHENTIC
    assert judge(GOOD | {SIGNATURE: "\udcff"}) is Verdict.NOT_AUTHENTIC


def test_any_of_several_secrets_will_do() -> None:
    for secrets in ([SECRET, "new"], ["old", SECRET], ["a", SECRET, "b"]):
        assert Verifier("sinch", secrets, FIVE_MINUTES).verify(GOOD, BODY, NOW) is Verdict.AUTHENTIC
    assert Verifier("sinch", ["old", "new"], FIVE_MINUTES).verify(GOOD, BODY, NOW) is Verdict.NOT_AUTHENTIC


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""], ["  "], ["\ud800"]])
def test_without_a_usable_secret_there_is_no_verifier(secrets: list[str]) -> None:
    with pytest.raises(Misconfigured, match="secret"):
        Verifier("sinch", secrets, FIVE_MINUTES)


def test_an_unknown_scheme_is_named() -> None:
    scheme: Any = "auto"
    with pytest.raises(Misconfigured, match='"auto"; it must be sinch or simple'):
        Verifier(scheme, [SECRET], FIVE_MINUTES)


ANY_TEXT = st.text(st.characters(), max_size=300)
NAMES = st.sampled_from([SIGNATURE, TIMESTAMP, NONCE, ALGORITHM, "X-Sinch-Signature", "X-Sinch-Timestamp", "Host"])


@given(
    st.lists(st.tuples(NAMES, ANY_TEXT | st.sampled_from(list(GOOD.values())))),
    st.binary(max_size=200),
    st.sampled_from(["sinch", "simple"]),
)
def test_no_headers_and_no_body_raise(pairs: list[tuple[str, str]], body: bytes, scheme: Scheme) -> None:
    verifier = Verifier(scheme, [SECRET], FIVE_MINUTES)
    found = verifier.verify(CIMultiDictProxy(CIMultiDict(pairs)), body, NOW)
    assert found is Verdict.NOT_AUTHENTIC or (body == BODY and scheme == "sinch")


@given(st.dictionaries(NAMES, st.none() | st.integers() | ANY_TEXT | st.lists(ANY_TEXT)), st.binary(max_size=50))
def test_no_odd_mapping_raises(headers: dict[str, object], body: bytes) -> None:
    assert Verifier("sinch", [SECRET], FIVE_MINUTES).verify(headers, body, NOW) is Verdict.NOT_AUTHENTIC


@given(st.binary(min_size=1), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256))
def test_every_body_and_nonce_round_trips(body: bytes, nonce: str) -> None:
    timestamp = GOOD[TIMESTAMP]
    signature = b64encode(mac(body, f".{nonce}.{timestamp}")).decode()
    headers = {SIGNATURE: signature, TIMESTAMP: timestamp, NONCE: nonce}
    assert judge(headers, body) is Verdict.AUTHENTIC
    assert judge(headers, body[:-1]) is Verdict.NOT_AUTHENTIC
