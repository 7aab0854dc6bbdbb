"""The documentation page: whole by itself, safe, reachable by keyboard, and its examples work when they are copied."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from bot.web.api.docs_page import docs_routes, page
from bot.web.api.docs_view import ORIGIN, Shown, View
from bot.web.api.openapi import document
from bot.web.api.routes import OPERATIONS
from bot.web.site.pages import TEMPLATES

DOCUMENT = document()
VIEW = View(DOCUMENT)
SHOWN = [each for group in VIEW.groups for each in group.operations]
OPERATION = {each.name: each for each in OPERATIONS}
each_shown = pytest.mark.parametrize("shown", SHOWN, ids=lambda each: each.id)
Client = TestClient[web.Request, web.Application]


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br", "wbr", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


ELEMENTS = Elements(page())


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    app = web.Application()
    app.add_routes(docs_routes())
    return await aiohttp_client(app)


def test_every_element_is_closed_and_every_id_is_used_once() -> None:
    assert ELEMENTS.open == []
    ids = [attributes["id"] for _, attributes in ELEMENTS.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    linked = {str(each["href"])[1:] for each in ELEMENTS.all("a") if str(each["href"]).startswith("#")}
    assert linked - set(ids) == set()
    labels = {each["for"] for each in ELEMENTS.all("label")}
    assert {each["id"] for each in ELEMENTS.all("input")} == labels


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    asked = [attributes.get(name) for _, attributes in ELEMENTS.found for name in ("src", "href", "action")]
    outside = [each for each in asked if each is not None and not each.startswith(("#", "/", "data:,"))]
    assert outside == []
    assert all("src" in each for each in ELEMENTS.all("script"))
    assert ELEMENTS.all("style") == []
    inline = [
        name for _, attributes in ELEMENTS.found for name in attributes if name == "style" or name.startswith("on")
    ]
    assert inline == []
    for file in ("style.css", "docs.js"):
        text = (TEMPLATES / file).read_text(encoding="utf-8")
        assert re.findall(r"(?:https?:)?//[a-z0-9]|@import|url\(|innerHTML|eval\(", text) == []


def test_every_operation_and_all_that_it_takes_is_on_the_page() -> None:
    shown = [(group.name, each.id) for group in VIEW.groups for each in group.operations]
    assert sorted(shown) == sorted((each.tag, each.name) for each in OPERATIONS)
    articles = {each["id"] for each in ELEMENTS.all("article")}
    assert articles >= {each.id for each in SHOWN}
    for each in SHOWN:
        assert each.path in ELEMENTS.words
        assert each.summary.split("`")[0] in ELEMENTS.words
        assert all(problem.word in ELEMENTS.words for problem in each.problems)


@each_shown
def test_an_operation_tells_its_fields_answers_and_problems(shown: Shown) -> None:
    operation = OPERATION[shown.id]
    taken = {media_type: {row.name for row in rows if row.depth == 0} for media_type, _, rows in shown.bodies}
    assert set(taken) == set(operation.media_types)
    if operation.body is not None:
        assert taken["application/json"] == set(operation.body.model_fields)
    asked = {row.name for row in shown.parameters if row.where == "query"}
    assert asked == set(operation.query.model_fields if operation.query else ())
    for answer, model in zip(shown.answers, operation.answers.values(), strict=True):
        assert {row.name for row in answer.rows if row.depth == 0} == set(model.model_fields if model else ())
    assert set(operation.refusals) <= {each.word for each in shown.problems}
    assert all(row.kind for row in shown.parameters)


@each_shown
def test_an_example_works_when_it_is_copied(shown: Shown) -> None:
    operation, words = OPERATION[shown.id], shlex.split(shown.curl)
    assert words[0] == "curl"
    address = urlsplit(next(word for word in words if word.startswith(ORIGIN)))
    pattern = re.sub(r"{\w+}", "[^/{}]+", f"/v1{operation.path}")
    assert re.fullmatch(pattern, address.path)
    method = (
        words[words.index("-X") + 1]
        if "-X" in words
        else "POST"
        if "-d" in words or "--data-binary" in words
        else "GET"
    )
    assert method == operation.method
    assert "Authorization: Bearer $PARLEY_KEY" in words
    if operation.body is not None:
        body: Any = json.loads(words[words.index("-d") + 1])
        schema = DOCUMENT["paths"][operation.path][operation.method.lower()]["requestBody"]["content"][
            "application/json"
        ]
        check = Draft202012Validator({**schema["schema"], "components": DOCUMENT["components"]})
        assert list(check.iter_errors(body)) == []
        operation.body.model_validate_json(json.dumps(body))


def test_a_nested_field_stands_under_its_own() -> None:
    [send] = [each for each in SHOWN if each.id == "sendMessage"]
    rows = {(row.name, row.depth): row for row in send.bodies[0][2]}
    assert rows["name", 1].needed
    assert rows["after", 1].about
    assert rows["reply", 0].link in {words.anchor for words in VIEW.words}
    assert rows["to", 0].kind == "text, 1 to 160 characters"
    assert not rows["reference", 0].needed


def test_an_example_with_quotes_is_one_word_for_a_shell() -> None:
    told, body = document(), {"to": "+46701740605", "reply": {"text": 'It\'s "ready"; $HOME `id` \\'}}
    told["paths"]["/messages"]["post"]["requestBody"]["content"]["application/json"]["example"] = body
    words = shlex.split(View(told).groups[0].operations[0].curl)
    assert json.loads(words[words.index("-d") + 1]) == body


def test_words_that_look_like_markup_stay_words() -> None:
    told = document()
    told["paths"]["/messages"]["post"]["summary"] = "<script>alert(1)</script> `<b>`"
    told["info"]["title"] = "<script>alert(2)</script>"
    view = View(told)
    assert view.groups[0].operations[0].summary.startswith("<script>")
    from bot.web.api.docs_page import rendered

    text = rendered(view)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>&lt;b&gt;</code>" in text


async def test_it_is_served_under_a_strict_policy_for_the_address_that_was_asked(client: Client) -> None:
    response = await client.get("/docs", headers={"Host": "parley.example:8443"})
    assert (response.status, response.content_type) == (200, "text/html")
    policy = dict(each.strip().split(" ", 1) for each in response.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    text = await response.text()
    assert "http://parley.example:8443/v1/messages" in text
    assert ORIGIN not in text


@pytest.mark.parametrize("host", ['"><script>alert(1)</script>', "'; rm -rf ~; '", "$(reboot)"])
async def test_a_made_up_host_is_not_repeated(client: Client, host: str) -> None:
    response = await client.get("/docs", headers={"Host": host})
    text = await response.text()
    assert "<script>alert" not in text
    assert "rm -rf" not in text
    assert "reboot" not in text


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("docs.js", "text/javascript")])
async def test_its_files_are_served(client: Client, name: str, kind: str) -> None:
    response = await client.get(f"/docs/{name}")
    assert (response.status, response.content_type) == (200, kind)
    assert await response.read() == (TEMPLATES / name).read_bytes()


@pytest.mark.parametrize("name", ["docs.html", "..%2fpages%2fdocs.html", "%2e%2e", "nope.js"])
async def test_no_other_file_is_served(client: Client, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status == 404


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("back", ["back", "quiet-back", "accent-back"])
def test_words_can_be_read_in_both_themes(theme: int, back: str) -> None:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", re.findall(r":root {(.*?)}", style, re.DOTALL)[theme]))
    for name in ("ink", "quiet", "accent", "red", "amber"):
        dark, light = sorted((luminance(colours[name]), luminance(colours[back])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
