"""dry_run: whether a message may leave, in which words and as what it counts; and nothing is written."""

from datetime import timedelta
from typing import Any

import pytest

from bot.core.event import ContactKey
from tests.web.api.conftest import ANNA, APP, BEA, Bench
from tests.web.api.test_messages import SHIPPED, refused
from tests.web.api.test_messages_list import listed

BOTH = {"text": {"en": "Hi {{first_name|there}}", "sv": "Hej {{first_name|du}}"}}


async def preview(bench: Bench, **body: Any) -> dict[str, Any]:
    content = {"to": ANNA, "dry_run": True, **({} if "template" in body else {"reply": BOTH}), **body}
    response = await bench.post("/v1/messages", content, Idempotency_Key="k")
    told: dict[str, Any] = await response.json()
    assert response.status == 200, told
    return told


async def test_what_is_allowed_is_told_with_its_words_in_every_language(bench: Bench) -> None:
    await bench.writes()
    bench.later(hours=1)
    told = await preview(bench)
    assert (told["allowed"], told["problem"]) == (True, None)
    assert told["window"] == {"open": True, "closes_at": "2026-01-06T09:00:00+00:00", "left_s": 23 * 3600}
    assert {language: each["text"] for language, each in told["texts"].items()} == {"en": "Hi there", "sv": "Hej du"}
    assert told["texts"]["sv"]["reply"] == {"kind": "text", "text": "Hej du"}
    assert (told["language"], told["leaves"], told["template"], told["waits"]) == ("sv", "reply", None, False)
    assert told["consent"] == "allowed: the person wrote on 5 Jan 2026 and did not say STOP"
    assert (told["category"], told["cost"]["category"], told["cost"]["free"]) == ("utility", "service", True)


async def test_nothing_is_written_and_no_key_is_used(bench: Bench) -> None:
    await bench.writes()
    await preview(bench)
    assert (await listed(bench))["messages"] == []
    assert (await bench.store.counts()).outbox_open == 0
    assert bench.woken == []
    body = {"to": ANNA, "reply": {"text": "another body"}}
    response = await bench.post("/v1/messages", body, Idempotency_Key="k")
    assert response.status == 202
    assert "Idempotency-Replayed" not in response.headers
    unknown = await preview(bench, to=BEA, template=SHIPPED)
    assert unknown["allowed"]
    assert (await bench.store.contacts.contact(ContactKey(APP, "WHATSAPP", BEA.removeprefix("+")))) is None


async def test_with_the_window_closed_the_template_is_what_leaves(bench: Bench) -> None:
    told = await preview(bench, if_closed={"template": SHIPPED})
    assert (told["allowed"], told["leaves"], told["template"]) == (True, "template", "order_shipped")
    assert told["texts"]["sv"]["text"] == "Hej Åsa, 12345678 kommer"
    assert told["texts"]["en"]["text"] == "Hi Åsa, 12345678 is coming"
    assert told["window"] == {"open": False, "closes_at": None, "left_s": 0}
    assert (told["cost"]["category"], told["cost"]["free"]) == ("utility", False)
    await bench.writes()
    told = await preview(bench, if_closed={"template": SHIPPED})
    assert (told["leaves"], told["template"], told["cost"]["category"]) == ("reply", None, "service")
    told = await preview(bench, if_closed={"template": SHIPPED}, send_at={"after": "2 days"})
    assert (told["leaves"], told["send_at"]) == ("template", "2026-01-07T09:00:00+00:00")


async def test_a_utility_template_is_free_while_the_window_is_open(bench: Bench) -> None:
    await bench.writes()
    told = await preview(bench, template=SHIPPED)
    assert (told["cost"]["category"], told["cost"]["free"]) == ("utility", True)
    assert "free of charge by WhatsApp's rules" in told["cost"]["detail"]
    bench.later(hours=24)
    assert (await preview(bench, template=SHIPPED))["cost"]["free"] is False


async def test_marketing_is_charged_and_needs_consent(bench: Bench) -> None:
    await bench.writes()
    told = await preview(bench, template={"name": "spring_sale"})
    assert (told["category"], told["cost"]["category"], told["cost"]["free"]) == ("marketing", "marketing", False)
    assert told["problem"]["type"] == "urn:parley:problem:no-marketing-consent"
    assert told["consent"] == "refused: the person never agreed to marketing"
    assert told["texts"]["en"]["text"] is None  # the rules do not hold its words
    assert told["texts"]["en"]["reply"]["name"] == "spring_sale"


async def test_own_words_may_wait_for_the_person(bench: Bench) -> None:
    told = await preview(bench, if_closed="wait")
    assert (told["allowed"], told["waits"], told["leaves"]) == (True, True, "reply")


async def test_a_template_in_a_named_language_has_that_one_alone(bench: Bench) -> None:
    told = await preview(bench, template={**SHIPPED, "language": "sv_SE"})
    assert {language: each["text"] for language, each in told["texts"].items()} == {"sv_SE": "Hej Åsa, 12345678 kommer"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "window-closed"),
        ({"to": "0701740605"}, "bad-recipient"),
        ({"template": {**SHIPPED, "name": "nope"}}, "unknown-template"),
        ({"template": {**SHIPPED, "language": "fi"}}, "unknown-language"),
        ({"template": {"name": "order_shipped"}}, "wrong-values"),
        ({"template": {"name": "spring_sale"}, "category": "utility"}, "wrong-category"),
        ({"template": SHIPPED, "if_closed": "wait"}, "invalid-body"),
        ({"reply": {"txet": "Hi"}}, "invalid-body"),
        ({"send_at": {"after": "2 years"}, "if_closed": "wait"}, "invalid-body"),
        ({"not_after": "2026-01-01T00:00:00Z", "if_closed": "wait"}, "invalid-body"),
    ],
    ids=str,
)
async def test_a_refusal_is_told_as_the_request_itself_would_be_refused(
    bench: Bench, body: dict[str, Any], code: str
) -> None:
    told = await preview(bench, **body)
    assert (told["allowed"], told["problem"]["type"]) == (False, f"urn:parley:problem:{code}")
    real = await bench.post("/v1/messages", {"to": ANNA, **({} if "template" in body else {"reply": BOTH}), **body})
    document = await refused(real, told["problem"]["status"], code)
    assert (told["problem"]["detail"], told["problem"]["cure"]) == (document["detail"], document["cure"])
    assert told["problem"]["errors"] == document.get("errors", [])


async def test_words_that_fit_one_language_alone_say_so_of_the_other(bench: Bench) -> None:
    await bench.writes()
    told = await preview(bench, reply={"text": {"en": "x" * 4097, "sv": "Hej"}})
    assert told["texts"]["sv"] == {"text": "Hej", "reply": {"kind": "text", "text": "Hej"}, "problem": None}
    assert told["texts"]["en"]["text"] is None
    assert "4097" in told["texts"]["en"]["problem"]


async def test_who_said_stop_is_told_with_the_row_that_counts(bench: Bench) -> None:
    await bench.writes()
    bench.clock[0] += timedelta(seconds=1)
    await bench.stops()
    told = await preview(bench)
    assert told["problem"]["type"] == "urn:parley:problem:opted-out"
    assert told["consent"] == "refused: the person wrote STOP on 5 Jan 2026"


async def test_the_shape_of_a_body_is_asked_for_all_the_same(bench: Bench) -> None:
    await refused(await bench.message(dry_run=True, nope=1), 422, "invalid-body")
    await refused(await bench.message(dry_run="yes"), 422, "invalid-body")


async def test_a_number_that_its_country_does_not_give_out_is_remarked_on(bench: Bench) -> None:
    """It is taken: ranges are added faster than tables; and of somebody who wrote there is nothing to remark."""
    told = {}
    for to in (ANNA, BEA):
        response = await bench.message(to=to, dry_run=True)
        told[to] = (await response.json())["remark"]
    assert told == {
        ANNA: None,
        BEA: f'"{BEA}" has the length of a number, but is in no range that its country is known to give out.',
    }
    await bench.writes(BEA)
    assert (await (await bench.message(to=BEA, dry_run=True)).json())["remark"] is None
