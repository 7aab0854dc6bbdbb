"""What somebody says stands in the database alone, and after an erasure nowhere. ``make prove`` tells twenty longer stories."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.privacy.canaries import Canaries, found
from tests.privacy.story import tell

_MUST_HAPPEN = (
    "400 that repeats it",
    "429 that repeats it",
    "500 that repeats it",
    "api_broke",
    "call_broke",
    "calls that failed",
    "decide_failed",
    "failed receipts that repeat it",
    "forged webhooks refused",
    "killed under load",
    "late receipts after an erasure",
    "logins answered 303",
    "logins answered 401",
    "looks at a file's mode",
    "looks at the arguments",
    "malformed bodies kept",
    "malformed heads refused",
    "news_broke",
    "pages answered 500",
    "redeliveries after an erasure",
    "request_broke",
    "requests with a key answered in error",
    "reset after it arrived",
    "rules with mistakes saved",
    "send_broke",
    "stale webhooks refused",
    "wrong API keys",
)


async def test_nobody_is_named_where_nobody_may_be(tmp_path: Path) -> None:
    place = await tell(20261124, tmp_path, whole=False)
    assert place.broken == []
    assert [what for what in _MUST_HAPPEN if not place.happened[what]] == []


def test_a_word_is_found_however_it_is_hidden() -> None:
    canaries = Canaries(1)
    anna = canaries.someone()
    secret = canaries.secret("key secret")
    number = anna.number
    for hidden in (
        f"to +{number}.",
        f"+{number[:2]} {number[2:4]}-{number[4:7]} {number[7:9]} {number[9:]}",
        json.dumps({"to": anna.text}),
        quote(anna.name),
        anna.field.encode().hex(),
        b64encode(f"x {anna.file}".encode()).decode(),
        urlsafe_b64encode(anna.reference.encode()).decode(),
        b64encode(f"ab{anna.answer}cd".encode()).decode(),
    ):
        assert canaries.found_in(f"a line with {hidden} in it".encode()), hidden
    assert canaries.found_in(f"a {secret[20:32]} b".encode()) == ["key secret in part"]
    assert canaries.found_in(f"a {secret[20:31]} …{number[-4:]} b".encode()) == []
    assert list(found(gzip.compress(b"nothing"), anna.words)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_canaries_come_of_the_seed(seed: int) -> None:
    assert Canaries(seed).someone() == Canaries(seed).someone() != Canaries(seed + 1).someone()
