"""The back office sends and asks what became of it."""

from tests.journeys.shop import BEN, Guest, Shop


async def test_a_message_is_followed_up_to_read(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    ben.phone.receipts = ("QUEUED_ON_CHANNEL",)
    first = await shop.sends(BEN, "Your order is ready.", reference="order-1001")
    assert (await ben.reads()).ticks <= 1
    await shop.emulator.settled()
    assert (await shop.message(first))["status"] == "sent"
    ben.phone.receipts = ("QUEUED_ON_CHANNEL", "DELIVERED", "READ")
    second = await shop.sends(BEN, "It is at the till.")
    bubble = await ben.reads()
    await shop.emulator.settled()
    found = await shop.becomes(second, lambda found: found["attempts"][0]["outcome"] is not None)
    assert (found["status"], found["to"], found["reply"]["text"]) == ("read", f"+{BEN}", "It is at the till.")
    assert [each["status"] for each in found["receipts"]] == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]
    [attempt] = found["attempts"]
    assert (attempt["outcome"], attempt["sinch_message_id"]) == ("sent", bubble.message_id)
    assert (await shop.message(first))["reference"] == "order-1001"


async def test_receipts_never_go_down(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    ben.phone.receipts = ("READ", "DELIVERED", "QUEUED_ON_CHANNEL")
    message = await shop.sends(BEN, "Your order is ready.")
    await ben.reads()
    await shop.emulator.settled()
    found = await shop.message(message)
    assert found["status"] == "read"
    assert len(found["receipts"]) == 3


async def test_an_idempotency_key_sends_once(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    body = {"to": f"+{BEN}", "reply": {"text": "Once"}}
    status, first = await shop.post("/v1/messages", body, Idempotency_Key="order-1")
    assert status == 202
    assert (await ben.reads()).shown.text == "Once"
    assert await shop.post("/v1/messages", body, Idempotency_Key="order-1") == (202, first)
    shop.later(hours=25)  # what was taken stays taken, though it would be refused now
    assert await shop.post("/v1/messages", body, Idempotency_Key="order-1") == (202, first)
    other = {**body, "reply": {"text": "Twice"}}
    status, answer = await shop.post("/v1/messages", other, Idempotency_Key="order-1")
    assert (status, answer["type"]) == (422, "urn:parley:problem:idempotency-key-reused")


async def test_an_event_of_the_same_id_is_answered_once(shop: Shop, ben: Guest) -> None:
    event = {
        "name": "order.ready",
        "to": f"+{BEN}",
        "data": {"order_number": "7"},
        "id": "ready-7",
    }
    for status in ("recorded", "seen_before"):
        code, answer = await shop.post("/v1/events", event)
        assert (code, answer) == (
            202,
            {"id": "ready-7", "recipients": [{"to": f"+{BEN}", "status": status, "remark": None}]},
        )
    assert "order_number: 7" in (await ben.reads()).shown.text


async def test_one_event_for_several_people(shop: Shop) -> None:
    numbers = [f"4670174060{digit}" for digit in range(5)]
    event = {"name": "order.ready", "to": [f"+{number}" for number in numbers], "data": {"order_number": "7"}}
    assert (await shop.post("/v1/events", event))[0] == 202
    for number in numbers:
        assert "order_number: 7" in (await shop.guest(number).reads()).shown.text
