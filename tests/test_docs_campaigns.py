"""docs/campaigns.md is true: its lists and requests are taken, and mistakes and reports are told as it shows."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.rulebook.load import load
from bot.store.sqlite import open_store
from bot.web.api.backend import Backend
from bot.web.api.campaign_view import Status
from bot.web.api.campaigns import OPERATIONS, CampaignBody
from bot.web.api.keys import make_key
from bot.web.api.problems import PROBLEMS
from bot.web.api.routes import api_app
from bot.work.recipients import MOST_ROWS
from tests.curl import curls
from tests.pages import ROOT, named, prose, spans, tables

PAGE = ROOT / "docs" / "campaigns.md"
SHOP = load(ROOT / "rules").rulebook
NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Server:
    """The API over the sample shop."""

    client: TestClient[web.Request, web.Application]
    key: str

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        named_ = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.post(
            path, data=body, headers={**named_, "Authorization": f"Bearer {self.key}"}
        ) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def server(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[Server]:
    assert SHOP is not None
    rulebook = SHOP
    store = await open_store(tmp_path / "parley.db", app="app")
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: rulebook, lambda: NOW, "app")))
    yield Server(await aiohttp_client(root), await make_key(store, "docs", ["send", "read"], NOW))
    await store.close()


def text_of(info: str) -> str:
    (block,) = named(PAGE, info)
    return block.text


async def test_the_list_is_taken_as_the_curl_line_sends_it(server: Server) -> None:
    (line,) = curls(PAGE)
    assert line.body == "@people.csv"
    status, told = await server.post(line.path, text_of("csv people").encode(), **line.headers)
    assert (status, told["total"], told["counts"]["pending"], told["rate"]) == (201, 2, 2, 5.0)


async def test_mistakes_are_told_as_shown(server: Server) -> None:
    path = "/v1/campaigns?template=appointment_reminder"
    status, told = await server.post(path, text_of("csv mistakes").encode(), Content_Type="text/csv")
    assert (status, told["type"]) == (422, "urn:parley:problem:bad-rows")
    assert [f"{each['field']}: {each['detail']}" for each in told["errors"]] == text_of("text mistakes").splitlines()


async def test_the_report_is_as_shown(server: Server) -> None:
    body = text_of("json campaign").encode()
    status, told = await server.post("/v1/campaigns", body, Content_Type="application/json")
    assert (status, told) == (201, json.loads(text_of("json report")))


def first_cells(head: str) -> list[str]:
    """What stands as code in the first column of the table of that head."""
    rows = next(rows for names, rows in tables(prose(PAGE)) if names[0] == head and not rows[0][0].isdigit())
    return [spans(row[0])[0] for row in rows]


def test_every_field_status_operation_and_problem_is_told_and_no_other() -> None:
    assert set(first_cells("field")) == set(CampaignBody.model_fields)
    assert tuple(first_cells("status")) == get_args(Status)
    asked = {
        f"{each.method} /v1{each.path}" for each in OPERATIONS if each.path != "/campaigns" or each.method == "GET"
    }
    assert {each.partition("?")[0] for each in first_cells("")} == asked
    rows = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(PROBLEMS[word].status == int(status) for status, word in rows)
    own = {word for each in OPERATIONS for word in each.refusals}
    elsewhere = {"not-found", "unknown-template", "unknown-language", "wrong-values"}
    assert {word for _, word in rows} == own - elsewhere
    assert f"{MOST_ROWS:,}" in PAGE.read_text(encoding="utf-8")
