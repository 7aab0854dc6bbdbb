"""Whatever a client sends, the server answers as its OpenAPI document says: thousands of made-up requests to the real server over HTTP.

``PARLEY_SCHEMATHESIS_EXAMPLES`` is how many requests are made up for each operation, besides those that try each rule of its schemas and
those that follow one answer to the next request. More find more: ``PARLEY_SCHEMATHESIS_EXAMPLES=500`` takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bot.web.api.openapi import document
from bot.web.api.routes import OPERATIONS
from tests.web.api.running import Running, running

EXAMPLES = int(os.environ.get("PARLEY_SCHEMATHESIS_EXAMPLES", "8"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Made-up text is hardly ever anybody's number, so some of it is replaced by what there is; nothing is posted to strangers.
CONFIG = """
[dictionaries]
people = {{ values = {people} }}
places = {{ values = ["https://shop.invalid/parley"] }}

[parameters]
"path.identity" = {{ dictionary = "people", probability = 0.7 }}
"query.contact" = {{ dictionary = "people", probability = 0.5 }}
"body.to" = {{ dictionary = "people", probability = 0.5 }}
"body.url" = {{ dictionary = "places", probability = 1.0 }}
"""


def document_of(server: Running) -> dict[str, Any]:
    """The server's document, in which the examples of ids are those of messages and campaigns that there are.

    What is ended as an example is not an example of anything else.
    """
    told: dict[str, Any] = json.loads(json.dumps(document()))
    known = {"/messages/{id}": server.messages, "/campaigns/{id}": server.campaigns}
    for path, methods in told["paths"].items():
        for ids in (ids for start, ids in known.items() if path.startswith(start)):
            for method, operation in methods.items():
                ends = method == "delete" or path.endswith("/cancel")
                [parameter] = [each for each in operation["parameters"] if each["in"] == "path"]
                del parameter["example"]
                parameter["examples"] = {id_: {"value": id_} for id_ in (ids[:2] if ends else ids[2:])}
    return told


def made_up(server: Running, folder: Path) -> dict[str, Any]:
    """What came of a run; the same requests every time."""
    config, report, schema = (folder / name for name in ("schemathesis.toml", "report.json", "openapi.json"))
    config.write_text(CONFIG.format(people=json.dumps(server.people)), encoding="utf-8")
    schema.write_text(json.dumps(document_of(server)), encoding="utf-8")
    report.touch()
    options = ["--header", f"Authorization: Bearer {server.key}", "--generation-with-security-parameters", "false"]
    options += ["--generation-deterministic", "--continue-on-failure", "--max-examples", str(EXAMPLES)]
    options += ["--phases", ",".join(PHASES), "--checks", ",".join(CHECKS), "--report-json-path", str(report)]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color", "run", *options]
    ended = subprocess.run(
        [*command, "--url", f"{server.url}/v1", str(schema)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120 + 10 * EXAMPLES,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def test_every_answer_is_documented_and_none_is_a_fault_of_ours(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        report = made_up(server, tmp_path)
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
