"""The days when something goes wrong between us and Sinch."""

import asyncio
from datetime import timedelta

import pytest

from bot.sinch.emulator import EmulatorSettings, Fault, FaultKind
from tests.journeys.conftest import Open
from tests.journeys.shop import BEN, Guest, Shop


async def test_an_answer_that_got_lost_is_settled_by_the_receipt(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.faults.script(Fault(FaultKind.LOST_RESPONSE))
    message = await shop.sends(BEN, "Once only.")
    assert (await ben.reads()).shown.text == "Once only."
    found = await shop.becomes(message, lambda found: found["attempts"][0]["outcome"] == "unknown")
    await shop.emulator.settled()
    assert (await shop.message(message))["status"] == "read"
    shop.later(minutes=5)
    assert await ben.asks("hi") == "Hi there! How can we help?"
    assert len((await shop.message(message))["attempts"]) == len(found["attempts"]) == 1
    assert shop.emulator.faults.happened == {"lost_response": 1}


async def test_without_receipts_the_list_settles_it(opened: Open) -> None:
    shop = await opened(settings=EmulatorSettings(dispatch_retention_days=1))
    ben = await _in_doubt(shop)
    message = await shop.sends(BEN, "Once only.")
    assert (await ben.reads()).shown.text == "Once only."
    found = await shop.passing(shop.becomes(message, lambda found: found["status"] == "sent"))
    assert found["attempts"][0]["outcome"] == "unknown"
    assert len(found["attempts"]) == 1


async def test_without_receipts_and_list_it_is_sent_once_more(shop: Shop) -> None:
    ben = await _in_doubt(shop)
    message = await shop.sends(BEN, "At least once.")
    for _ in range(2):
        assert (await shop.passing(ben.reads())).shown.text == "At least once."
    found = await shop.becomes(message, lambda found: found["status"] == "sent")
    assert [each["outcome"] for each in found["attempts"]] == ["unknown", "sent"]


async def test_at_most_once_is_held_for_a_person(shop: Shop) -> None:
    ben = await _in_doubt(shop)
    message = await shop.sends(BEN, "At most once.", at_most_once=True)
    assert (await ben.reads()).shown.text == "At most once."
    found = await shop.passing(shop.becomes(message, lambda found: found["status"] == "held"))
    assert len(found["attempts"]) == 1
    assert await ben.asks("hi") == "Hi there! How can we help?"  # others do not wait for it


async def _in_doubt(shop: Shop) -> Guest:
    """A guest who wrote, whose next message gets neither an answer from Sinch nor receipts."""
    ben = shop.guest(BEN)
    await ben.asks("hi")
    ben.phone.receipts = ()
    shop.emulator.faults.script(Fault(FaultKind.LOST_RESPONSE))
    return ben


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.RATE_LIMITED, retry_after="7"),
        Fault(FaultKind.UNAVAILABLE),
        Fault(FaultKind.RATE_LIMITED, retry_after="-1e9"),
    ],
    ids=["429", "503", "429 with a hostile wait"],
)
async def test_what_sinch_did_not_take_is_delivered_once_later(shop: Shop, ben: Guest, fault: Fault) -> None:
    shop.emulator.faults.script(fault, fault)
    await ben.says("hi")
    await ben.says("opening hours")
    assert (await shop.passing(ben.reads())).shown.text == "Hi there! How can we help?"
    assert (await shop.passing(ben.reads())).shown.text == "We are open until 18:00 today."
    assert shop.emulator.faults.happened.total() == 2


async def test_a_token_that_expired_is_renewed(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.door.expire_tokens()
    assert await ben.asks("hi") == "Hi there! How can we help?"
    assert shop.emulator.door.tokens_issued == 2


async def test_a_message_that_sinch_refuses_does_not_hold_up_the_next(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.faults.script(Fault(FaultKind.STATUS, status=400))
    message = await shop.sends(BEN, "Refused")
    assert await ben.asks("opening hours") == "We are open until 18:00 today."
    found = await shop.message(message)
    assert (found["status"], found["attempts"][0]["http_status"]) == ("failed", 400)


async def test_duplicates_are_answered_once(shop: Shop, ben: Guest) -> None:
    shop.emulator.faults.chance(Fault(FaultKind.DUPLICATE), 1.0)
    assert await ben.asks("hi") == "Hi there! How can we help?"
    assert await ben.asks("opening hours") == "We are open until 18:00 today."
    await shop.emulator.settled()
    assert shop.emulator.faults.happened["duplicate"] >= 4  # two messages, and the receipts of the first answer
    shop.emulator.faults.clear()


async def test_reordered_webhooks_are_answered_once_each(shop: Shop, ben: Guest) -> None:
    shop.emulator.faults.script(Fault(FaultKind.REORDER))
    await ben.says("hi")  # held back ...
    await ben.says("opening hours")  # ... until this one has overtaken it
    assert sorted([(await ben.reads()).shown.text, (await ben.reads()).shown.text]) == [
        "Hi there! How can we help?",
        "We are open until 18:00 today.",
    ]
    assert shop.emulator.faults.happened["reorder"] == 1


async def test_many_people_at_once_each_in_order(shop: Shop) -> None:
    people = [shop.guest(f"447700900{number}") for number in range(100, 130)]

    async def day(guest: Guest) -> list[str]:
        for text in ("hi", "opening hours", "where are you?"):
            await guest.says(text)
        return [(await guest.reads()).shown.kind for _ in range(4)]

    days = await asyncio.gather(*map(day, people))
    assert days == [["buttons", "text", "text", "location"]] * len(people)


async def test_a_webhook_that_comes_late_is_answered_all_the_same(shop: Shop, ben: Guest) -> None:
    shop.emulator.faults.script(Fault(FaultKind.DELAY, seconds=200))
    await ben.says("hi")
    assert await ben.asks("opening hours") == "We are open until 18:00 today."
    shop.later(seconds=200)
    assert (await ben.reads()).shown.text == "Hi there! How can we help?"


async def test_words_that_reach_us_a_day_late_get_no_free_words_back(shop: Shop, ben: Guest) -> None:
    await ben.says("hi", at=shop.time.now() - timedelta(hours=25))
    await shop.rests()
    assert shop.rows("SELECT state FROM inbox WHERE kind = 'inbound' ORDER BY id LIMIT 1") == [("decided",)]
    status, answer = await shop.post("/v1/messages", {"to": f"+{BEN}", "reply": {"text": "Hi"}})
    assert (status, answer["type"]) == (409, "urn:parley:problem:window-closed")


async def test_a_late_stop_counts(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("hi") == "Hi there! How can we help?"
    await ben.says("stop", at=shop.time.now() - timedelta(minutes=5))
    assert "no more messages" in (await ben.reads()).shown.text
    await ben.says("hi")
