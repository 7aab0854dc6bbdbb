"""/v1/contacts/{identity}: what is known of a person, changing it, and what was said."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core.button import button_id
from bot.core.conversation import State
from bot.core.decision import HandOver
from bot.core.event import (
    ColleagueActed,
    ConsentNotice,
    ContactKey,
    ContactNotice,
    Content,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    Order,
    OrderItem,
    Reaction,
    Tap,
    Text,
    Unreadable,
    Unsupported,
)
from bot.core.own_events import raw_of
from bot.core.then import FIELD_MAX
from bot.store.contacts import Came
from bot.store.units import InboxKind, Incoming
from bot.web.api.conversation import entry_of
from bot.web.api.keys import make_key
from tests.store.making import answers, settled
from tests.web.api.conftest import ANNA, APP, BEA, Bench
from tests.web.api.test_messages import refused

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
BSUID = "US.13491208655302741918"
GOOD = [ANNA, "46701740605", "%2B46701740605", "+46%2070-174%2006%2005"]
NOBODY = ["+447700900999", "hello", "%00", "%ED%A0%80", "x" * 161, "%0A", "é"]


async def contact(bench: Bench, identity: str = ANNA) -> Any:
    response = await bench.get(f"/v1/contacts/{identity}")
    assert response.status == 200, await response.text()
    return await response.json()


async def patch(bench: Bench, body: object, identity: str = ANNA) -> Any:
    return await bench.client.patch(
        f"/v1/contacts/{identity}", json=body, headers={"Authorization": f"Bearer {bench.key}"}
    )


@pytest.mark.parametrize("identity", GOOD)
async def test_a_person_is_found_however_the_number_is_written(bench: Bench, identity: str) -> None:
    await bench.writes()
    bench.later(hours=1)
    told = await contact(bench, identity)
    [address] = told.pop("identities")
    window = {"open": True, "closes_at": "2026-01-06T09:00:00+00:00", "left_s": 23 * 3600 - 120}
    last = {"last_wrote": "2026-01-05T09:00:00+00:00"}
    assert address == {"identity": ANNA, "channel": "WHATSAPP", "window": window, **last}
    assert told.pop("consent")["sentence"] == "allowed: the person wrote on 5 Jan 2026 and did not say STOP"
    assert told == {
        "identity": ANNA,
        "language": None,
        "time_zone": None,
        "fields": {},
        "tags": [],
        "conversation": {"in_charge": None, "until": None, "waiting": False},
        "question": None,
        "first_seen": "2026-01-05T09:00:00+00:00",
        **last,
    }


async def test_an_identity_that_is_no_number_is_found(bench: Bench) -> None:
    await bench.writes(BSUID)
    assert (await contact(bench, BSUID))["identity"] == BSUID


@pytest.mark.parametrize("what", ["", "/consent", "/conversation"])
@pytest.mark.parametrize("identity", NOBODY)
async def test_nobody_is_not_found(bench: Bench, identity: str, what: str) -> None:
    await bench.writes()
    await refused(await bench.get(f"/v1/contacts/{identity}{what}"), 404, "not-found")


async def test_the_window_closes_a_margin_before_its_end(bench: Bench) -> None:
    await bench.writes()
    bench.later(hours=23, minutes=58)
    window = (await contact(bench))["identities"][0]["window"]
    assert (window["open"], window["left_s"]) == (False, 0)


async def test_who_has_the_conversation_is_told_until_it_is_given_back(bench: Bench) -> None:
    await bench.writes()
    until = bench.clock[0].replace(hour=12)
    state = State(in_charge="support", in_charge_until=until, waiting=True)
    await bench.store.decide_ready(
        1, bench.clock[0], lambda lane: [settled(lane.pending[0].inbox_id, HandOver("support"), state=state)]
    )
    told = (await contact(bench))["conversation"]
    assert told == {"in_charge": "support", "until": until.isoformat(), "waiting": True}
    bench.later(hours=3)
    told = (await contact(bench))["conversation"]
    assert told == {"in_charge": None, "until": None, "waiting": True}


# --- changing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", GOOD)
async def test_a_number_that_never_wrote_becomes_a_contact(bench: Bench, identity: str) -> None:
    response = await patch(bench, {"fields": {"first_name": "Åsa"}, "language": "sv"}, identity)
    assert response.status == 200
    told = await response.json()
    assert told == await contact(bench)
    assert (told["fields"], told["language"], told["last_wrote"]) == ({"first_name": "Åsa"}, "sv", None)
    window = {"open": False, "closes_at": None, "left_s": 0}
    assert told["identities"][0]["window"] == window


@pytest.mark.parametrize("identity", ["0701740605", "hello", "+46701", "+999123456", BSUID])
async def test_who_is_neither_a_number_nor_known_is_not_made(bench: Bench, identity: str) -> None:
    await refused(await patch(bench, {"fields": {}}, identity), 422, "bad-recipient")


async def test_what_is_not_named_stays_and_null_takes_away(bench: Bench) -> None:
    await patch(
        bench,
        {"fields": {"a": "1", "b": "2", "c": "3"}, "tags": ["vip", "x"], "language": "sv", "time_zone": "Asia/Tokyo"},
    )
    told = await (await patch(bench, {"fields": {"a": None, "b": "", "d": "4\n5"}, "tags_removed": ["x"]})).json()
    assert (told["fields"], told["tags"], told["language"]) == ({"c": "3", "d": "4\n5"}, ["vip"], "sv")
    told = await (await patch(bench, {"language": None, "time_zone": None, "tags_added": ["new"]})).json()
    assert (told["language"], told["time_zone"], told["tags"]) == (None, None, ["new", "vip"])


@pytest.mark.parametrize(
    ("body", "field", "named"),
    [
        ({"language": "fi"}, "language", "en, sv"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone", "Europe/Stockholm"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "Europe/Stockholm"),
        ({"fields": {"First name": "x"}}, "fields.First name", "small letters, digits and _"),
        ({"fields": {"first_name": "x" * (FIELD_MAX + 1)}}, "fields.first_name", str(FIELD_MAX)),
        ({"fields": {"first_name": "\x00"}}, "fields.first_name", "control characters"),
        ({"fields": {"first_name": 1}}, "fields.first_name", "text"),
        ({"fields": {"language": "sv"}}, "fields.language", "use language"),
        ({"fields": {f"n{n}": "x" for n in range(51)}}, "fields", "50"),
        ({"tags": ["a"], "tags_added": ["b"]}, "tags", "replaces"),
        ({"tags_added": ["a"], "tags_removed": ["a"]}, "tags_removed", '"a"'),
        ({"tags": ["x" * 65]}, "tags[0]", "64"),
        ({"nope": 1}, "nope", "no such field"),
    ],
)
async def test_a_change_is_strict_and_each_fault_is_named(
    bench: Bench, body: dict[str, Any], field: str, named: str
) -> None:
    document = await refused(await patch(bench, body, BEA), 422, "invalid-body")
    assert named in {each["field"]: each["detail"] for each in document["errors"]}[field]
    await refused(await bench.get(f"/v1/contacts/{BEA}"), 404, "not-found")


async def test_a_person_can_have_too_much(bench: Bench) -> None:
    for begin in range(0, 200, 50):
        response = await patch(bench, {"tags_added": [f"t{n}" for n in range(begin, begin + 50)]})
        assert response.status == 200
    await refused(await patch(bench, {"tags_added": ["more"]}), 422, "too-many-values")


async def test_a_key_that_may_only_read_changes_nothing(bench: Bench) -> None:
    bench.key = await make_key(bench.store, "reader", ["read"], bench.clock[0])
    await refused(await patch(bench, {"fields": {}}), 403, "forbidden")


# --- what was said ------------------------------------------------------------------------------------------------------


async def test_what_was_said_both_ways_is_told_newest_first(bench: Bench) -> None:
    await bench.writes()
    await bench.store.decide_ready(1, bench.clock[0], answers("Hi"))
    bench.later(seconds=1)
    sent = await (await bench.message()).json()
    bench.later(seconds=1)
    who = ContactKey(APP, "WHATSAPP", ANNA.removeprefix("+"))
    acted = ColleagueActed("took:1", who, "took_over", "support", "Eva", None, bench.clock[0], bench.clock[0], "refund")
    await bench.store.record([Incoming(acted, InboxKind.OPERATOR, raw_of(acted))], bench.clock[0])
    told = await (await bench.get(f"/v1/contacts/{ANNA}/conversation")).json()
    assert told["next"] is None
    colleague, asked_for, answer, wrote = told["entries"]
    assert colleague == {
        "who": "colleague",
        "at": "2026-01-05T09:00:02+00:00",
        "did": "took_over",
        "name": "Eva",
        "team": "support",
        "note": "refund",
    }
    assert (asked_for["id"], asked_for["by"], asked_for["status"]) == (
        sent["id"],
        {"kind": "api", "name": "webshop"},
        "queued",
    )
    assert (answer["by"], answer["reply"]) == ({"kind": "rule", "name": "rule"}, {"kind": "text", "text": "Hi"})
    assert (wrote["who"], wrote["answered_by"], wrote["reason"]) == ("person", "rule", "rules: rule rule")
    page = await (await bench.get(f"/v1/contacts/{ANNA}/conversation?limit=3")).json()
    rest = await (await bench.get(f"/v1/contacts/{ANNA}/conversation?limit=3&cursor={page['next']}")).json()
    assert page["entries"] + rest["entries"] == told["entries"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=x", "cursor=1-", "cursor=9999999999999999999-1", "nope=1"]
)
async def test_a_page_that_makes_no_sense_is_refused(bench: Bench, query: str) -> None:
    await bench.writes()
    await refused(await bench.get(f"/v1/contacts/{ANNA}/conversation?{query}"), 422, "invalid-body")


KEY = b"k" * 32
OWN = button_id(KEY, "prices", 3, 0)
CAME = Came(1, InboxKind.INBOUND, b"{}", NOW, NOW, MediaKind.VOICE, "", "")
WHO = ContactKey(APP, "WHATSAPP", "46701740605")


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (Text("hej"), "text", "hej"),
        (Media("https://f.example/a.jpg", MediaKind.IMAGE, "look"), "image", "look"),
        (Media("https://f.example/a", None), "voice", "https://f.example/a"),
        (Tap(f"{'0' * 26}_Prices"), "tap", "Prices"),
        (Tap(OWN), "tap", "(a button of rule prices)"),
        (Location(59.3, 18.1, "Shop"), "location", "Shop (59.3, 18.1)"),
        (Order("c", "Basket", (OrderItem("1", 2, 9.5, "SEK"),)), "order", "Basket (1 line)"),
        (FlowAnswer("f", {"name": "Åsa", "size": "4"}), "flow", "name: Åsa, size: 4"),
        (Unreadable("UNSUPPORTED"), "unreadable", "(a kind of message that cannot be read: UNSUPPORTED)"),
    ],
)
def test_every_kind_of_message_is_told(content: Content, kind: str, text: str) -> None:
    assert entry_of(InboundMessage("in:1", WHO, "1", content, NOW, NOW), CAME, KEY) == (kind, text)


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        (Reaction("r", WHO, "m", "👍", NOW, NOW), "reaction", "👍"),
        (Reaction("r", WHO, "m", "", NOW, NOW), "reaction", "(took the reaction back)"),
        (
            ConsentNotice("c", WHO, opted_in=False, succeeded=True, at=NOW, received_at=NOW),
            "consent",
            "(opted out at the channel)",
        ),
        (None, "gone", None),
        (Unsupported("u", "x", "odd", NOW), "unsupported", None),
        (ContactNotice("n", "create", "c", (WHO,), NOW, NOW), "notice", None),
    ],
)
def test_what_is_no_message_is_told_as_such(event: Event | None, kind: str, text: str | None) -> None:
    assert entry_of(event, CAME, KEY) == (kind, text)


async def test_a_number_without_its_country_is_told_as_such(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.key}"}
    for path in ("0701740605", "0701740605/consent"):
        document = await refused(await bench.get(f"/v1/contacts/{path}"), 404, "not-found")
        assert document["detail"].startswith('"0701740605" may lack its country')
    response = await bench.client.patch("/v1/contacts/0701740605", json={"tags_added": ["vip"]}, headers=headers)
    document = await refused(response, 422, "bad-recipient")
    assert document["detail"].startswith('"0701740605" may lack its country')
    document = await refused(await bench.get("/v1/contacts/46701740605"), 404, "not-found")
    assert document["detail"] == "Nobody of this identity is known."
