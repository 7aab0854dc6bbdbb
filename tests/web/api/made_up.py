"""Made-up requests to the real server over HTTP, each answer held against its OpenAPI document; and many at once with one key."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector

from bot.web.api.openapi import document
from bot.web.api.routes import OPERATIONS
from tests.web.api.running import TEMPLATE, Running

AT_ONCE = 200
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


def made_up(server: Running, folder: Path, examples: int, seed: int | None = None, key: str = "") -> dict[str, Any]:
    """What came of a run, with ``examples`` made up for each operation: the same requests every time, or those of ``seed``.

    They are sent with ``key``, else with the server's, which may everything. The report's ``exit_code`` is not 0 where a check failed.
    """
    config, report, schema = (folder / name for name in ("schemathesis.toml", "report.json", "openapi.json"))
    config.write_text(CONFIG.format(people=json.dumps(server.people)), encoding="utf-8")
    schema.write_text(json.dumps(document_of(server)), encoding="utf-8")
    report.touch()
    options = [
        "--header",
        f"Authorization: Bearer {key or server.key}",
        "--generation-with-security-parameters",
        "false",
    ]
    options += (
        ["--generation-deterministic"] if seed is None else ["--seed", str(seed), "--generation-database", "none"]
    )
    options += ["--continue-on-failure", "--max-examples", str(examples)]
    options += ["--phases", ",".join(PHASES), "--checks", ",".join(CHECKS), "--report-json-path", str(report)]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color", "run", *options]
    ended = subprocess.run(
        [*command, "--url", f"{server.url}/v1", str(schema)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180 + 10 * examples,
    )
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8") or "{}")
    return {"exit_code": ended.returncode, "said": ended.stdout + ended.stderr, **found}


# --- equal idempotency keys -------------------------------------------------------------------------------------------------


async def equal_keys(server: Running, seed: int, at_once: int = AT_ONCE) -> tuple[list[str], Counter[str]]:
    """So many requests at once with one idempotency key: what is broken of the promise that they make one thing, and what happened.

    Once for each operation that makes something; in every second round some of them ask for something else under the same key.
    """
    dice, broken, happened = random.Random(seed), list[str](), Counter[str]()
    connector = TCPConnector(limit=dice.choice((20, at_once)))
    async with ClientSession(headers={"Authorization": f"Bearer {server.key}"}, connector=connector) as session:
        for path, body, other in _makers(server, seed):
            for others in (0, at_once // 4):
                bodies = [other] * others + [body] * (at_once - others)
                dice.shuffle(bodies)
                key = f"{path[1:4]}-{seed}-{others}"
                answers = await asyncio.gather(
                    *(_posted(session, f"{server.url}/v1{path}", each, key) for each in bodies)
                )
                happened["requests with one key at once"] += at_once
                happened["something else asked with one key"] += others
                broken += [f"{path}, key {key}: {sentence}" for sentence in _two_things(bodies, answers)]
    return broken, happened


Answered = tuple[int, str, bool]  # status, the id of what was made, whether it is told again


async def _posted(session: ClientSession, address: str, body: dict[str, Any], key: str) -> Answered:
    async with session.post(address, json=body, headers={"Idempotency-Key": key}) as answer:
        told = await answer.json()
        return answer.status, str(told.get("id", "")), "Idempotency-Replayed" in answer.headers


def _makers(server: Running, seed: int) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """A path, what is asked of it, and something else."""
    to = server.people[seed % len(server.people)]
    message = {"to": to, "reply": {"text": f"Equal {seed}"}}
    event = {"name": "order.ready", "to": to, "data": {"order_number": f"{seed:08d}"}}
    campaign = {"template": TEMPLATE, "recipients": [{"to": to}], "send_at": {"after": "30 days"}}
    return [
        ("/messages", message, {**message, "reply": {"text": f"Other {seed}"}}),
        ("/events", event, {**event, "data": {"order_number": "87654321"}}),
        ("/campaigns", campaign, {**campaign, "rate": 1}),
    ]


def _two_things(bodies: list[dict[str, Any]], answers: list[Answered]) -> list[str]:
    made = {id_ for status, id_, _ in answers if status < 300}
    if len(made) != 1 or "" in made:
        return [f"{len(made)} things were made, and the answers are {Counter(status for status, *_ in answers)}."]
    found = []
    first = [again for status, _, again in answers if status < 300 and not again]
    if len(first) != 1:
        found.append(f"{len(first)} answers say that they are the first.")
    taken = [body for body, answer in zip(bodies, answers, strict=True) if answer[0] < 300]
    for body, answer in zip(bodies, answers, strict=True):
        if answer[0] != 422 and body not in taken[:1]:
            found.append(f"Something else under the same key was answered {answer[0]}.")
        if body in taken[:1] and answer[0] >= 300:
            found.append(f"The same once more was answered {answer[0]}.")
    return found


# --- keys that are none -----------------------------------------------------------------------------------------------------


async def wrong_keys(server: Running, narrow: str, seed: int, count: int) -> tuple[list[str], Counter[str]]:
    """Requests to every operation with what is no key, or one (``narrow``) that may only read, from many addresses of this machine."""
    dice, broken, happened = random.Random(seed), list[str](), Counter[str]()
    for number in range(0, count, 25):
        connector = TCPConnector(
            local_addr=(f"127.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}", 0)
        )
        async with ClientSession(connector=connector) as session:
            for _ in range(min(25, count - number)):
                operation = dice.choice(OPERATIONS)
                kind, key = _no_key(dice, server.key, narrow)
                path = operation.path.replace("{id}", dice.choice((server.messages[2], "x"))).replace(
                    "{identity}", server.people[0]
                )
                headers = {} if key is None else {"Authorization": key}
                async with session.request(
                    operation.method, f"{server.url}/v1{path}", headers=headers, json={}
                ) as answer:
                    told = await answer.json()
                happened[kind] += 1
                happened[f"answered {answer.status}"] += 1
                may_read = kind == "a key that may only read" and operation.scope == "read"
                if answer.status >= 500 or not (
                    may_read or (answer.status in (401, 403, 429) and told["status"] == answer.status)
                ):
                    broken.append(f"{operation.method} {path} with {kind} was answered {answer.status}: {told}")
    return broken, happened


_LETTERS = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x17F), 0x20AC, 0x1F642)]


def _no_key(dice: random.Random, key: str, narrow: str) -> tuple[str, str | None]:
    at = dice.randrange(len(key))
    kinds = {
        "no key": None,
        "an empty key": dice.choice(("", "Bearer", "Bearer ", "Bearer   ")),
        "another scheme": dice.choice((f"Basic {key}", f"Token {key}", key)),
        "a key with one letter changed": f"Bearer {key[:at]}{'x' if key[at] != 'x' else 'y'}{key[at + 1 :]}",
        "a key cut short": f"Bearer {key[:at]}",
        "a key with more behind it": f"Bearer {key}{dice.choice((key, 'a', ',', ' x'))}",
        "a key of any letters": "Bearer " + "".join(dice.choices(_LETTERS, k=dice.randrange(1, 300))),
        "a huge key": "Bearer " + "k" * 7000,
        "a key that may only read": f"Bearer {narrow}",
    }
    kind = dice.choice(list(kinds))
    return kind, kinds[kind]
