"""POST /v1/messages and GET /v1/messages/{id}: what is taken is durable, what may not leave is refused with the reason."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector

from bot.web.api.bodies import MessageBody, parse
from bot.web.api.keys import make_key
from bot.web.api.placing import place
from tests.web.api.conftest import ANNA, BEA, Bench

SHIPPED = {"name": "order_shipped", "values": {"first_name": "Åsa", "order_number": "12345678"}}


async def refused(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked for its form."""
    document: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert (response.status, document["type"]) == (status, f"urn:parley:problem:{code}"), document
    assert document["status"] == status
    assert document["detail"]
    assert document["cure"]
    return document


async def sent(bench: Bench, response: ClientResponse) -> dict[str, Any]:
    """The message as GET tells it."""
    answer = await response.json()
    assert response.status == 202, answer
    told: dict[str, Any] = await (await bench.get(f"/v1/messages/{answer['id']}")).json()
    return told


async def test_a_text_in_the_window_is_taken_and_can_be_looked_up(bench: Bench) -> None:
    await bench.writes()
    response = await bench.message(reference="order 77")
    told = await sent(bench, response)
    assert response.headers["Location"] == f"/v1/messages/{told['id']}"
    assert told["to"] == ANNA
    assert told["status"] == "queued"
    assert told["reference"] == "order 77"
    assert told["reply"] == {"kind": "text", "text": "Hello"}
    assert (told["attempts"], told["receipts"]) == ([], [])
    assert bench.woken == ["outbox"]


async def test_a_closed_window_is_refused_unless_told_what_leaves_instead(bench: Bench) -> None:
    document = await refused(await bench.message(), 409, "window-closed")
    assert "never wrote" in document["detail"]
    await bench.writes()
    bench.later(hours=24)
    document = await refused(await bench.message(), 409, "window-closed")
    assert "since 2026-01-06 09:00 UTC" in document["detail"]
    assert (await bench.message(if_closed="wait")).status == 202
    assert (await bench.message(if_closed={"template": SHIPPED})).status == 202


async def test_the_window_counts_as_closed_a_margin_before_its_end(bench: Bench) -> None:
    await bench.writes()
    bench.later(hours=23, minutes=57)
    assert (await bench.message()).status == 202
    bench.later(minutes=2)
    await refused(await bench.message(), 409, "window-closed")


async def test_a_template_leaves_with_the_window_closed_in_the_persons_language(bench: Bench) -> None:
    told = await sent(bench, await bench.post("/v1/messages", {"to": ANNA, "template": SHIPPED}))
    assert told["reply"]["language"] == "sv_SE"
    assert told["reply"]["text"] == "Hej Åsa, 12345678 kommer"
    told = await sent(bench, await bench.post("/v1/messages", {"to": BEA, "template": SHIPPED}))
    assert told["reply"]["language"] == "en_US"


@pytest.mark.parametrize("language", ["sv", "sv_SE", "sv-se"])
async def test_the_language_of_a_template_is_ours_or_whatsapps(bench: Bench, language: str) -> None:
    told = await sent(
        bench, await bench.post("/v1/messages", {"to": BEA, "template": {**SHIPPED, "language": language}})
    )
    assert told["reply"]["language"] == "sv_SE"


@pytest.mark.parametrize(
    ("template", "code", "named"),
    [
        ({**SHIPPED, "name": "order_lost"}, "unknown-template", "order_shipped, spring_sale"),
        ({**SHIPPED, "language": "fi"}, "unknown-language", "en (en_US), sv (sv_SE)"),
        ({"name": "order_shipped", "values": {"first_name": "Åsa"}}, "wrong-values", "order_number"),
        ({**SHIPPED, "values": {**SHIPPED["values"], "eta": "soon"}}, "wrong-values", "first_name, order_number"),  # type: ignore[dict-item]
        ({**SHIPPED, "values": {"first_name": "x" * 1025, "order_number": "1"}}, "wrong-values", "values"),
    ],
)
async def test_a_template_that_does_not_fit_is_refused(
    bench: Bench, template: dict[str, Any], code: str, named: str
) -> None:
    document = await refused(await bench.post("/v1/messages", {"to": ANNA, "template": template}), 422, code)
    assert named in document["detail"] + document["cure"]


async def test_who_said_stop_gets_nothing(bench: Bench) -> None:
    await bench.writes()
    bench.later(seconds=1)
    await bench.stops()
    await refused(await bench.message(), 409, "opted-out")
    await refused(await bench.post("/v1/messages", {"to": ANNA, "template": SHIPPED}), 409, "opted-out")


async def test_marketing_needs_consent_and_cannot_be_called_something_else(bench: Bench) -> None:
    sale = {"to": BEA, "template": {"name": "spring_sale"}}
    await refused(await bench.post("/v1/messages", sale), 409, "no-marketing-consent")
    await refused(await bench.post("/v1/messages", {**sale, "category": "utility"}), 422, "wrong-category")
    await bench.writes(BEA)
    await refused(await bench.message(to=BEA, category="marketing"), 409, "no-marketing-consent")


@pytest.mark.parametrize(
    "to", ["+46 70-174 06 05", "+46 (70) 1740605", "46701740605"], ids=["spaced", "brackets", "known digits"]
)
async def test_a_number_is_forgiven_its_looks(bench: Bench, to: str) -> None:
    await bench.writes()
    assert (await sent(bench, await bench.message(to=to)))["to"] == ANNA


@pytest.mark.parametrize(
    "to",
    [
        "0701740605",
        "+46701",
        "hello",
        "US.1349",
        "46701740606",
        "+",
        "+46701740605;ext=1",
        "+999123456",
        "+4670174060512345",
    ],
)
async def test_who_is_neither_a_number_nor_known_is_refused(bench: Bench, to: str) -> None:
    await refused(await bench.message(to=to, if_closed="wait"), 422, "bad-recipient")


@pytest.mark.parametrize(
    ("to", "cure"),
    [
        ("0701740605", "without the 0 before the area code"),
        ("46701740606", 'If its country stands in it already, write "+46701740606"'),
        ("0046701740606", 'If its country stands in it already, write "+46701740606"'),
        ("hello", "Write a phone number with + and its country"),
    ],
)
async def test_the_cure_fits_what_a_number_lacks(bench: Bench, to: str, cure: str) -> None:
    assert cure in (await refused(await bench.message(to=to, if_closed="wait"), 422, "bad-recipient"))["cure"]


async def test_a_known_identity_that_is_no_number_is_taken(bench: Bench) -> None:
    await bench.writes("US.13491208655302741918")
    assert (await sent(bench, await bench.message(to="US.13491208655302741918")))["to"] == "US.13491208655302741918"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"text": {"en": "Hi", "sv": "Hej"}}, "text"),
        ({"text": "Choose", "buttons": [{"label": "Start", "goes_to": "welcome"}]}, "buttons"),
        (
            {"text": "Choose", "menu": "Menu", "buttons": [{"label": f"{n}", "goes_to": "welcome"} for n in range(9)]},
            "list",
        ),
        ({"image": "https://shop.example/a.jpg", "text": "Look"}, "media"),
        ({"location": {"latitude": 59.3, "longitude": 18.1, "title": "Shop"}}, "location"),
        ({"contact": {"name": "Shop", "phone": "+46812345678"}}, "contact"),
        ({"text": "See", "link": {"title": "Shop", "url": "https://shop.example"}}, "link"),
    ],
)
async def test_every_kind_of_a_rules_reply_can_be_sent(bench: Bench, reply: dict[str, Any], kind: str) -> None:
    await bench.writes()
    assert (await sent(bench, await bench.message(reply=reply)))["reply"]["kind"] == kind


async def test_the_text_of_the_persons_language_is_sent(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(reply={"text": {"en": "Hi", "sv": "Hej"}}))
    assert told["reply"]["text"] == "Hej"


@pytest.mark.parametrize(
    ("reply", "field", "named"),
    [
        ({"txet": "Hello"}, "reply.txet", "text"),
        ({"text": "Hi", "buttons": [{"label": "Go", "goes_to": "welcom"}]}, "reply.buttons[0].goes_to", "welcome"),
        ({"text": "Hi", "buttons": [{"label": "Go"}]}, "reply.buttons[0]", "goes_to"),
        ({"text": ["Hi"]}, "reply.text", "text"),
        ({"text": "Hi", "if": {"language": "en"}}, "reply.if", "if"),
        ({"template": "order_lost"}, "reply.template", "order_lost"),
        ({"location": {"latitude": 99, "longitude": 0, "title": "x"}}, "reply.location.latitude", "90"),
    ],
)
async def test_a_reply_that_makes_no_sense_is_refused_by_field(
    bench: Bench, reply: dict[str, Any], field: str, named: str
) -> None:
    await bench.writes()
    document = await refused(await bench.message(reply=reply), 422, "invalid-body")
    told = {each["field"]: each["detail"] for each in document["errors"]}
    assert named in told[field]


async def test_a_placeholder_is_filled_or_refused(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(reply={"text": "Hej {{first_name|du}}"}))
    assert told["reply"]["text"] == "Hej du"
    document = await refused(await bench.message(reply={"text": "Hej {{first_name}}"}), 422, "wrong-values")
    assert "first_name" in document["detail"]


async def test_a_reply_that_whatsapp_would_not_take_is_refused(bench: Bench) -> None:
    await bench.writes()
    await refused(await bench.message(reply={"text": "x" * 4097}), 422, "wrong-values")
    nested: Any = "x"
    for _ in range(900):
        nested = [nested]
    await refused(await bench.message(reply={"text": nested}), 422, "invalid-body")
    response = await bench.post("/v1/messages", {"to": ANNA, "reply": {"text": nested}}, Idempotency_Key="deep")
    await refused(response, 422, "invalid-body")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nope": 1}, "nope"),
        ({"to": 46701740605}, "to"),
        ({"to": ""}, "to"),
        ({"reply": None}, "reply"),
        ({"template": SHIPPED}, "reply"),
        ({"if_closed": "never"}, "if_closed"),
        ({"category": "fun"}, "category"),
        ({"at_most_once": "yes"}, "at_most_once"),
        ({"not_after": "2026-01-05T12:00:00"}, "not_after"),
        ({"not_after": "tomorrow"}, "not_after"),
        ({"not_after": "2026-01-05T08:59:59Z"}, "not_after"),
        ({"reference": "x" * 257}, "reference"),
        ({"if_closed": {"template": {"name": "order_shipped", "extra": 1}}}, "if_closed.template.extra"),
        ({"if_closed": {"template": {"name": "order_shipped", "values": {"n": 1.5}}}}, "if_closed.template.values.n"),
    ],
)
async def test_a_body_is_strict_and_each_fault_is_named(bench: Bench, change: dict[str, Any], field: str) -> None:
    await bench.writes()
    document = await refused(await bench.message(**change), 422, "invalid-body")
    assert field in [each["field"] for each in document["errors"]]


async def test_a_time_with_its_offset_is_taken(bench: Bench) -> None:
    await bench.writes()
    assert (await bench.message(not_after="2026-01-05T12:00:00+01:00")).status == 202


async def test_the_same_key_and_body_give_one_message_even_when_it_would_be_refused_now(bench: Bench) -> None:
    await bench.writes()
    body = {"to": ANNA, "reply": {"text": "Hello"}}
    first = await bench.post("/v1/messages", body, Idempotency_Key="order-1")
    bench.later(hours=1)
    await bench.stops()
    again = await bench.post("/v1/messages", dict(reversed(body.items())), Idempotency_Key="order-1")
    assert (first.status, again.status) == (202, 202)
    assert await first.read() == await again.read()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await bench.post("/v1/messages", {**body, "reference": "x"}, Idempotency_Key="order-1")
    await refused(other, 422, "idempotency-key-reused")


async def test_two_hundred_equal_requests_at_once_are_one_message(bench: Bench) -> None:
    await bench.writes()
    url, headers = (
        bench.client.make_url("/v1/messages"),
        {"Authorization": f"Bearer {bench.key}", "Idempotency-Key": "k"},
    )
    gate = asyncio.Event()

    async def ask(session: ClientSession) -> tuple[int, bytes, str]:
        await gate.wait()
        async with session.post(url, json={"to": ANNA, "reply": {"text": "Hello"}}, headers=headers) as response:
            return response.status, await response.read(), response.headers.get("Idempotency-Replayed", "")

    async with ClientSession(connector=TCPConnector(limit=0, force_close=True)) as session:
        asking = [asyncio.create_task(ask(session)) for _ in range(200)]
        gate.set()
        answers = await asyncio.gather(*asking)
    assert {status for status, _, _ in answers} == {202}
    assert len({body for _, body, _ in answers}) == 1
    assert Counter(replayed for _, _, replayed in answers) == {"": 1, "true": 199}
    assert (await bench.store.counts()).outbox_open == 1


async def test_a_key_is_remembered_for_seven_days_and_new_then(bench: Bench) -> None:
    body = {"to": ANNA, "template": SHIPPED}

    async def ask(**more: str) -> tuple[str, bool]:
        response = await bench.post("/v1/messages", {**body, **more}, Idempotency_Key="order-1")
        assert response.status == 202, await response.text()
        return (await response.json())["id"], "Idempotency-Replayed" in response.headers

    first, _ = await ask()
    bench.later(days=6, hours=23, minutes=59, seconds=59)
    assert await ask() == (first, True)
    bench.later(seconds=1)
    second, replayed = await ask(reference="another body")
    assert (second != first, replayed) == (True, False)
    bench.later(days=6)
    assert await ask(reference="another body") == (second, True)


async def test_a_key_is_remembered_for_each_api_key_by_itself(bench: Bench) -> None:
    other = await make_key(bench.store, "crm", ["send"], bench.clock[0])
    body = {"to": ANNA, "template": SHIPPED}
    answers = [await bench.post("/v1/messages", body, key, Idempotency_Key="1") for key in (bench.key, other)]
    assert len({(await answer.json())["id"] for answer in answers}) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\udcff"], ids=["empty", "long", "tab", "no text"])
async def test_an_idempotency_key_has_a_length(bench: Bench, key: str) -> None:
    await bench.writes()
    response = await bench.post("/v1/messages", {"to": ANNA, "reply": {"text": "x"}}, Idempotency_Key=key)
    await refused(response, 422, "bad-idempotency-key")


async def test_a_message_of_nobody_is_not_found(bench: Bench) -> None:
    await refused(await bench.get("/v1/messages/nope"), 404, "not-found")


async def test_a_message_of_another_app_looks_absent(bench: Bench) -> None:
    body = parse(MessageBody, {"to": ANNA, "template": SHIPPED})
    placed = await place(body, replace(bench.backend, app_id="another"))
    assert await bench.store.message(placed.outbox_id) is not None
    await refused(await bench.get(f"/v1/messages/{placed.outbox_id}"), 404, "not-found")


@pytest.mark.parametrize(
    "content",
    [
        b'{"to": "+46701740605", "reply": {"text": "\\ud800"}}',
        b'{"to": "+46701740605", "reply": {"text": "\xff"}}',
        b'{"to": "+46701740605", "reply": {"text": 1e999}}',
        b'{"to": "+46701740605", "reply": {"text": NaN}}',
        b"[" * 5000,
    ],
    ids=["half a character", "no UTF-8", "infinity", "NaN", "deep"],
)
async def test_what_is_no_json_is_refused(bench: Bench, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/json"}
    await refused(await bench.client.post("/v1/messages", data=content, headers=headers), 400, "not-json")


ODD = ["\0", "a\0b", "\u200b", "\U000e0001", "﷽" * 60, "\u202e", "1" * 160]
HUGE = [2**64 - 1, -(2**63), 10**40, 1e308, True, None]


@pytest.mark.parametrize("odd", ODD)
async def test_odd_texts_are_taken_or_refused_and_never_our_mistake(bench: Bench, odd: str) -> None:
    await bench.writes()
    bodies: list[dict[str, Any]] = [
        {"to": odd, "reply": {"text": "Hello"}},
        {"to": ANNA, "reply": {"text": odd}, "reference": odd},
        {"to": ANNA, "reply": {"text": odd, "buttons": [{"label": odd, "goes_to": "welcome"}]}},
        {"to": ANNA, "reply": {odd: odd}},
        {"to": ANNA, "reply": {"image": f"https://shop.example/{odd}"}},
        {"to": ANNA, "template": {"name": odd, "language": odd}},
        {
            "to": ANNA,
            "template": {"name": "order_shipped", "values": {"first_name": odd, "order_number": odd, odd: odd}},
        },
        {"to": ANNA, "reply": {"text": "Hello"}, "send_at": {"after": odd}},
        {"to": ANNA, "reply": {"text": "Hello"}, "not_after": odd},
    ]
    for body in [*bodies, *({**body, "dry_run": True} for body in bodies)]:
        response = await bench.post("/v1/messages", body)
        assert response.status in (200, 202, 422), (body, await response.text())
        if response.status == 202:
            assert (await bench.get(f"/v1/messages/{(await response.json())['id']}")).status == 200


@pytest.mark.parametrize("huge", HUGE)
async def test_odd_numbers_are_taken_or_refused_and_never_our_mistake(bench: Bench, huge: object) -> None:
    await bench.writes()
    odd: list[dict[str, Any]] = [
        {"to": huge},
        {"reply": {"text": huge}},
        {"reply": {"location": {"latitude": huge, "longitude": huge, "title": "x"}}},
        {"reply": huge},
        {"reply": {"buttons": huge, "text": "x"}},
        {"send_at": huge},
        {"send_at": {"after": huge}},
        {"not_after": huge},
        {"category": huge},
        {"if_closed": huge},
        {"reference": huge},
        {"dry_run": huge},
    ]
    for n, body in enumerate(odd):
        response = await bench.post(
            "/v1/messages", {"to": ANNA, "reply": {"text": "Hello"}, **body}, Idempotency_Key=f"k{n}"
        )
        assert response.status in (200, 202, 422), (body, await response.text())
