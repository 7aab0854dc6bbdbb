"""STOP is confirmed once and then silence; START comes back. What must not arrive is shown by what arrives next."""

import pytest

from bot.sinch.emulator import Fault, FaultKind
from tests.journeys.shop import ANNA, BEN, Guest, Shop

STOPPED = "You get no more messages from us. Write START to come back."


async def test_stop_is_confirmed_once_then_silence_until_start(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    assert await ben.asks("Stop!") == STOPPED
    for text in ("STOP", "hi", "are you open?"):
        await ben.says(text)
    assert await ben.asks("START") == "Welcome back!"
    assert await ben.asks("when are you open?") == "We are open until 18:00 today."


async def test_after_stop_nothing_starts_from_the_back_office_either(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    waiting = await shop.sends(BEN, "before", if_closed="wait")
    assert (await ben.reads()).shown.text == "before"
    assert await ben.asks("stop") == STOPPED
    status, answer = await shop.post("/v1/messages", {"to": f"+{BEN}", "reply": {"text": "Sale!"}})
    assert (status, answer["type"]) == (409, "urn:parley:problem:opted-out")
    template = {"name": "order_shipped", "values": {"first_name": "Ben", "order_number": "1"}}
    assert (await shop.post("/v1/messages", {"to": f"+{BEN}", "template": template}))[0] == 409
    assert await shop.tells("order.shipped", BEN, first_name="Ben", order_number="12345678") == 202
    shop.later(hours=25)
    assert await shop.tells("order.ready", BEN, order_number="12345678") == 202
    assert await ben.asks("start") == "Welcome back!"  # and neither event before it
    assert (await shop.message(waiting))["status"] == "read"


async def test_what_was_on_its_way_when_stop_came_never_leaves(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.faults.script(Fault(FaultKind.UNAVAILABLE, retry_after="60"))
    queued = await shop.sends(BEN, "Just one more thing.")
    await shop.becomes(queued, lambda found: [each["outcome"] for each in found["attempts"]] == ["retry"])
    await ben.says("stop")
    assert (await shop.passing(ben.reads())).shown.text == STOPPED
    shop.later(minutes=5)
    await shop.rests()
    found = await shop.message(queued)
    assert (found["status"], found["reason"], len(found["attempts"])) == ("cancelled", "The person said STOP.", 1)


async def test_stop_in_swedish_and_a_tapped_stop(shop: Shop, anna: Guest) -> None:
    assert await anna.asks("sluta skicka") == "Du får inga fler meddelanden. Skriv START för att komma tillbaka."
    assert await anna.asks("starta igen") == "Välkommen tillbaka!"
    await anna.does.sends({"choice_response_message": {"message_id": "", "postback_data": "STOP"}})
    assert "inga fler" in (await anna.reads()).shown.text
    assert shop.rows("SELECT state FROM consent ORDER BY id") == [("stopped",), ("opted_in",), ("stopped",)]


@pytest.mark.parametrize("words", ["stop sending me the blue one", "bus stop"])
async def test_a_stop_word_inside_a_sentence_stops_nobody(ben: Guest, words: str) -> None:
    await ben.says(words)
    assert (await ben.reads()).shown.text != STOPPED
    assert await ben.asks("hi") == "Hi there! How can we help?"


async def test_the_channels_own_opt_out_counts(shop: Shop, anna: Guest) -> None:
    await anna.asks("hej")
    await anna.does.opts_out()
    assert (await shop.post("/v1/messages", {"to": f"+{ANNA}", "reply": {"text": "Hej"}}))[0] == 409
