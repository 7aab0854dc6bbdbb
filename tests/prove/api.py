"""Made-up requests to the API, wrong keys, and many at once with one idempotency key; see ``tests/web/api/made_up.py``."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bot.web.api.routes import OPERATIONS
from tests.prove.proof import Proof, Share
from tests.web.api.made_up import AT_ONCE, equal_keys, made_up, wrong_keys
from tests.web.api.running import running

ROUNDS: Final = 3  # of equal keys, in one share
WRONG_KEYS: Final = 1_000
_ALWAYS: Final = 3_200  # made-up requests that try each rule of the schemas, and follow the examples
_OTHERS: Final = ROUNDS * 6 * AT_ONCE + WRONG_KEYS
_EACH: Final = len(OPERATIONS)  # requests that one example more makes, about


async def requests(seed: int, size: int, folder: Path) -> Share:
    """About ``size`` requests to one server, counted as they were sent."""
    happened: Counter[str] = Counter()
    broken: list[str] = []
    with running(folder) as server:
        for number in range(ROUNDS):
            found, counted = await equal_keys(server, seed * 100 + number)
            broken += found
            happened.update(counted)
            if (
                taken := server.accepted(f"Equal {seed * 100 + number}")
                + server.accepted(f"Other {seed * 100 + number}")
            ) != 2:
                broken.append(f"Two rounds of equal keys made {taken} messages.")
        found, counted = await wrong_keys(server, server.narrow, seed, WRONG_KEYS)
        broken += found
        happened.update(counted)
        # Of four shares one has a key that may only read.
        key = server.narrow if seed % 4 == 0 else server.key
        examples = max(2, (size - _ALWAYS - _OTHERS) // _EACH)
        report = await asyncio.to_thread(made_up, server, folder, examples, seed, key)
    broken += _failed(report)
    made = int(report.get("test_cases", {}).get("generated", 0))
    happened["made-up requests"] += made
    happened["made-up requests with a key that may only read"] += made if key == server.narrow else 0
    sent = made + happened["requests with one key at once"] + WRONG_KEYS
    return Share(sent, tuple(f"seed {seed}: {sentence}" for sentence in broken), dict(sorted(happened.items())))


def _failed(report: dict[str, Any]) -> list[str]:
    if report.get("test_cases", {}).get("generated", 0) < _ALWAYS / 2:
        return [f"Hardly anything was made up: {report['said'][-2000:]}"]
    told = [*report["failures"], *report["errors"]]
    return [str(each)[:1000] for each in told[:20]] or ([report["said"][-2000:]] if report["exit_code"] else [])


PROOF: Final = Proof(
    name="api",
    title="Schemathesis on our OpenAPI, wrong keys, 200 parallel equal idempotency keys",
    aim="0 answers 5xx, one message",
    unit="requests",
    full=90_000,
    share=9_000,
    run=requests,
    must_happen={
        "made-up requests": 30_000,
        "made-up requests with a key that may only read": 2_000,
        "requests with one key at once": 20 * AT_ONCE,
        "something else asked with one key": 10 * AT_ONCE // 4,
        "answered 401": 1_000,
        "answered 403": 100,
        "answered 429": 1_000,
    },
)
