"""What docs/api.md shows of listing, changing, cancelling and trying messages is what a server with the sample shop answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bot.core.failures import next_step
from bot.core.next_step import WHO
from bot.store.sqlite.message_list import LOOK
from bot.web.api.bodies import RelativeBody, parse
from bot.web.api.message_list import PAGE, MessageQuery
from bot.web.api.preview import CostCategory
from bot.web.api.times import send_time
from tests.pages import API_PAGE, spans, tables
from tests.test_docs_api import NOW, Server, document_of
from tests.test_docs_api import server as server

TEXT = API_PAGE.read_text(encoding="utf-8")
LATER = {
    "to": "+46701740605",
    "template": {"name": "order_shipped", "values": {"first_name": "Åsa", "order_number": "12345678"}},
    "send_at": {"after": "3 hours"},
}


def part(heading: str) -> str:
    """A part of the page, up to the next heading of its height or higher."""
    height = heading.split()[0]
    return re.split(rf"^#{{2,{len(height)}}} ", TEXT.partition(f"\n{heading}\n")[2], flags=re.MULTILINE)[0]


async def ask(server: Server, method: str, path: str, body: object = None) -> Any:
    """The document of a request that succeeds."""
    headers = {"Authorization": f"Bearer {server.key}"}
    async with server.client.request(method, path, json=body, headers=headers) as response:
        document = await response.json(content_type=None)
        assert response.status in (200, 202), document
        return document


async def test_a_dry_run_answers_what_the_page_shows(server: Server) -> None:
    shown = document_of("json message-preview")
    body = {"to": shown["to"], "reply": {"text": "Your order is ready."}, "dry_run": True}
    told = await ask(server, "POST", "/v1/messages", body)
    told["texts"] = {name: told["texts"][name] for name in shown["texts"]}
    assert {**told, "language": shown["language"]} == shown


async def test_a_message_is_changed_and_cancelled_as_the_page_shows(server: Server) -> None:
    placed = await ask(server, "POST", "/v1/messages", LATER)
    change = document_of("json message-change")
    told = await ask(server, "PATCH", f"/v1/messages/{placed['id']}", change)
    assert (told["reference"], told["send_at"]) == (change["reference"], "2026-02-01T08:00:00+00:00")
    listed = await ask(server, "GET", "/v1/messages?contact=%2B46701740605&status=queued&since=2026-01-01T00:00:00Z")
    assert listed == {"messages": [{**told, "why": None}], "next": None}
    assert list(told) == list(document_of("json message-view"))
    assert (await ask(server, "DELETE", f"/v1/messages/{placed['id']}"))["status"] == "cancelled"


async def test_an_empty_list_looks_as_the_page_shows(server: Server) -> None:
    assert await ask(server, "GET", "/v1/messages") == document_of("json message-list")


def test_every_parameter_is_described_and_no_other() -> None:
    ((_, rows),) = [each for each in tables(part("## GET /v1/messages")) if each[0][0] == "parameter"]
    assert {name for row in rows for name in spans(row[0])} == set(MessageQuery.model_fields)
    (limit,) = [row[1] for row in rows if "limit" in row[0]]
    assert str(PAGE) in limit
    assert f"{LOOK:,}" in part("## GET /v1/messages")


@pytest.mark.parametrize("written", re.findall(r"^\| `([\"{].*?)` \|", part("### Later"), re.MULTILINE))
def test_every_form_of_send_at_is_taken(written: str) -> None:
    value = json.loads(written)
    at = value if isinstance(value, str) else send_time(parse(RelativeBody, value), NOW)
    assert at is not None


def test_the_forms_of_send_at_are_found() -> None:
    assert len(re.findall(r"^\| `[\"{]", part("### Later"), re.MULTILINE)) == 4


def test_the_words_for_cost_and_for_who_acts_are_all_named() -> None:
    cost = TEXT.partition("- `cost.category`")[2].partition("\n\n")[0]
    assert set(CostCategory.__args__) <= set(spans(cost))  # type: ignore[attr-defined]
    who = TEXT.partition("- `next_step` is null")[2].partition("\n- ")[0]
    assert set(WHO) <= set(spans(who))
    assert {"cause", "done", "who", "todo"} <= set(spans(who))
    assert next_step("held").who in WHO
