"""Whatever a client sends, the server answers as its OpenAPI document says: thousands of made-up requests to the real server over HTTP.

``PARLEY_SCHEMATHESIS_EXAMPLES`` is how many requests are made up for each operation, besides those that try each rule of its schemas and
those that follow one answer to the next request. More find more: ``PARLEY_SCHEMATHESIS_EXAMPLES=500`` takes minutes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bot.web.api.routes import OPERATIONS
from tests.web.api.made_up import AT_ONCE, PHASES, equal_keys, made_up, wrong_keys
from tests.web.api.running import running

EXAMPLES = int(os.environ.get("PARLEY_SCHEMATHESIS_EXAMPLES", "8"))


def test_every_answer_is_documented_and_none_is_a_fault_of_ours(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        report = made_up(server, tmp_path, EXAMPLES)
    assert report["exit_code"] == 0, report["said"]
    assert report["failures"] == report["errors"] == []
    assert {name: told["status"] for name, told in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert report["operations"]["tested"] == len(OPERATIONS)
    assert report["test_cases"]["generated"] > 50 * len(OPERATIONS)
    assert report["warnings"]["missing_auth"] == report["warnings"]["rate_limited"] == []
    assert refused_always(report) == []


def refused_always(report: dict[str, Any]) -> list[str]:
    """The operations that only ever answered that something is unknown or wrong, so that hardly anything of them was tried."""
    came_through = {
        label: sum(phase["accepted"] + phase["conflicts"] for phase in phases.values())
        for label, phases in report["valid_rates"].items()
    }
    labels = [f"{each.method} {each.path}" for each in OPERATIONS]
    assert set(came_through) == set(labels)
    return [label for label in labels if not came_through[label]]


async def test_200_at_once_with_one_idempotency_key_make_one_thing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        broken, happened = await equal_keys(server, 1)
        accepted = server.accepted("Equal 1") + server.accepted("Other 1")
    assert broken == []
    assert accepted == 2, "two rounds, one message each"
    assert happened["requests with one key at once"] == 6 * AT_ONCE


async def test_what_is_no_key_opens_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        broken, happened = await wrong_keys(server, server.narrow, 1, 300)
    assert broken == []
    assert happened["answered 401"] > 100
    assert happened["answered 403"] > 5
