"""People who take over: from the customer's "agent" to the answer, the waiting list, and back to the bot."""

from typing import Any

from tests.journeys.shop import ANNA, BEN, Guest, Shop


async def acts(shop: Shop, what: str, **body: Any) -> dict[str, Any]:
    status, answer = await shop.post(f"/v1/contacts/+{BEN}/{what}", body)
    assert status == 202, answer
    return answer


async def writes(shop: Shop, text: str, **more: Any) -> str:
    """Ida writes; the message's id."""
    return str((await acts(shop, "messages", who="Ida", reply={"text": text}, **more))["id"])


async def waiting(shop: Shop, *expected: str) -> list[dict[str, Any]]:
    """The waiting list, once these people are on it in this order."""
    while True:
        async with shop.session.get(
            f"{shop.url}/v1/contacts?waiting=true", headers={"Authorization": f"Bearer {shop.key}"}
        ) as answer:
            assert answer.status == 200
            found: list[dict[str, Any]] = (await answer.json())["contacts"]
        if [each["to"] for each in found] == [f"+{each}" for each in expected]:
            return found


async def test_who_asks_for_a_person_gets_one_and_then_the_bot_again(shop: Shop, ben: Guest) -> None:
    assert "colleague" in await ben.asks("agent")
    [line] = await waiting(shop, BEN)
    assert line["team"] == "support"
    await ben.says("when are you open?")
    assert (await shop.because(BEN)).layer in ("person", "rules")
    message = await writes(shop, "Hi Ben, Ida here.", reference="ticket 7")
    assert (await ben.reads()).shown.text == "Hi Ben, Ida here."
    await waiting(shop)
    assert (await shop.becomes(message, lambda found: found["status"] == "read"))["reference"] == "ticket 7"
    await ben.says("My parcel is wet")
    await waiting(shop, BEN)
    await acts(shop, "give-back")
    assert await ben.asks("when are you open?") == "We are open until 18:00 today."


async def test_a_colleague_steps_in_between_a_question_and_its_answer(shop: Shop, ben: Guest) -> None:
    await ben.asks("track")
    await writes(shop, "Let me look that up.", take_over=True, team="support")
    assert (await ben.reads()).shown.text == "Let me look that up."
    await ben.says("12345678")
    await shop.rests()
    assert (await shop.because(BEN)).layer == "person"
    await acts(shop, "close")
    assert await ben.asks("hi") != ""
    await waiting(shop)


async def test_events_of_backends_go_out_while_a_colleague_writes(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    await acts(shop, "hand-over", team="support")
    assert await shop.tells("order.shipped", BEN, first_name="Ben", order_number="12345678") == 202
    assert "12345678" in (await ben.reads()).shown.text
    await writes(shop, "And that is it.")
    assert (await ben.reads()).shown.text == "And that is it."


async def test_the_time_counts_from_the_last_message_of_either_side(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    await acts(shop, "hand-over", team="support", give_back_after="2 hours")
    shop.later(hours=1.5)
    await writes(shop, "One moment.")
    await ben.reads()
    shop.later(hours=1.5)
    await ben.says("hi")
    await shop.rests()
    assert (await shop.because(BEN)).layer == "person"
    shop.later(hours=2.5)
    assert await ben.asks("when are you open?") != ""
    [line] = await waiting(shop, BEN)
    assert line["team"] is None, "nobody has it, and nobody answered"


async def test_stop_holds_for_colleagues_too(shop: Shop, ben: Guest) -> None:
    await ben.asks("agent")
    assert await ben.asks("stop") != ""
    status, answer = await shop.post(
        f"/v1/contacts/+{BEN}/messages",
        {"who": "Ida", "reply": {"text": "But wait"}, "take_over": True, "team": "support"},
    )
    assert (status, answer["type"]) == (409, "urn:parley:problem:opted-out")
    await acts(shop, "close")


async def test_what_was_taken_before_a_stop_of_the_server_leaves_once_after_it(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    body = {"who": "Ida", "reply": {"text": "Still here."}, "take_over": True, "team": "support"}
    path = f"/v1/contacts/+{BEN}/messages"
    status, first = await shop.post(path, body, Idempotency_Key="k")
    assert status == 202
    await shop.restarts()
    assert (await ben.reads()).shown.text == "Still here."
    assert await shop.post(path, body, Idempotency_Key="k") == (202, first)
    await ben.says("good")
    await shop.rests()
    assert (await shop.because(BEN)).layer == "person"


async def test_who_waits_longest_is_first(shop: Shop, anna: Guest, ben: Guest) -> None:
    await ben.asks("agent")
    shop.later(minutes=1)
    await anna.asks("människa")
    await waiting(shop, BEN, ANNA)
    await writes(shop, "Hi!")
    await ben.reads()
    await waiting(shop, ANNA)
