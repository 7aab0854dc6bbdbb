"""Correctly signed bodies and unsigned heads of every kind against a real server: nothing is answered 5xx, and nothing vanishes.

``PARLEY_FUZZ_BODIES`` bodies (20,000), from ``PARLEY_FUZZ_SEED`` where it is given; ``make prove`` sends a million.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import orjson
import pytest

from tests.faults.fuzz_bodies import BODY_MAX, Bodies
from tests.faults.fuzz_run import fuzz, served

BODIES = int(os.environ.get("PARLEY_FUZZ_BODIES") or 20_000)
MEMORY_MB = 300
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def _is_read(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


async def test_no_body_and_no_head_breaks_it(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    seed = int(os.environ.get("PARLEY_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    with served(tmp_path) as run:
        found = await fuzz(run, seed, BODIES)
    story = f"seed {seed}: {dict(found.ends)}, heads {dict(found.heads)}, {found.memory_mb:.0f} MB, {found.rate:.0f}/s"
    request.node.add_report_section("call", "fuzz", story)
    assert not found.broken, "\n".join((story, *found.broken))
    assert found.memory_mb < MEMORY_MB, story
    for end in ("decided", "ignored", "dead", "seen before"):
        assert found.ends[end] > BODIES / 100, story
    for status in (200, 400, 401, 404, 405, 431):
        assert found.heads[status], story


def test_bodies_come_of_the_seed_alone_and_are_of_every_kind() -> None:
    bodies, again = Bodies(7, NOW), Bodies(7, NOW)
    made = [bodies.next() for _ in range(10_000)]
    assert made[:1000] == [again.next() for _ in range(1000)]
    assert made[:1000] != list(islice(Bodies(8, NOW), 1000))
    assert max(map(len, made)) == BODY_MAX
    assert b"" in made
    kinds = Counter(_is_read(body) for body in made)
    assert kinds[True] > 3 * kinds[False] > 3000
    for what in (
        rb"1e400",
        rb"NaN",
        rb'"\\ud83d"',
        rb"\x00",
        b"\\[{10000}",
        b"\xef\xbb\xbf",
        b"\xff",
        rb'"9999-12-31T23',
        rb"STOP",
    ):
        assert any(re.search(what, body) for body in made), what
