"""WhatsApp's 24 hours: inside them words, after them the template, in the person's language."""

from bot.sinch.emulator import Fault, FaultKind
from bot.sinch.emulator.contacts import WINDOW
from tests.journeys.shop import ANNA, APP, BEN, Guest, Shop

SHIPPED = {"first_name": "Åsa", "order_number": "12345678"}
TEMPLATE = {"template": {"name": "order_shipped", "values": SHIPPED}}


async def test_an_event_is_words_today_and_a_template_tomorrow(shop: Shop, anna: Guest, ben: Guest) -> None:
    await anna.asks("hej")
    await ben.asks("hi")
    assert await shop.tells("order.shipped", ANNA, **SHIPPED) == 202
    words = await anna.reads()
    assert words.shown.kind == "buttons"
    assert words.shown.text == "Goda nyheter Åsa, 12345678 är på väg! Den kommer snart."
    shop.later(hours=25)
    for guest, to, expected in (
        (anna, ANNA, "Goda nyheter Åsa, din order 12345678 är på väg!"),
        (ben, BEN, "Good news Åsa, your order 12345678 is on its way!"),
    ):
        assert await shop.tells("order.shipped", to, **SHIPPED) == 202
        template = await guest.reads()
        assert (template.shown.kind, template.shown.text, template.failed) == ("template", expected, "")
        assert await guest.taps(template, "Track") == (
            "Skriv ordet spåra och ditt ordernummer med 8 siffror, till exempel: spåra 12345678"
            if guest is anna
            else "Write the word track and your order number of 8 digits, for example: track 12345678"
        )
    assert (await shop.post("/v1/messages", {"to": f"+{ANNA}", "reply": {"text": "Hej"}}))[0] == 202
    assert (await anna.reads()).shown.text == "Hej"  # the tap opened the window again


async def test_an_omni_template_goes_to_somebody_who_never_wrote(shop: Shop, anna: Guest) -> None:
    assert await shop.tells("order.ready", ANNA, order_number="12345678") == 202
    template = await anna.reads()
    assert template.shown.kind == "template"
    assert "order_number: 12345678" in template.shown.text
    assert "shelf: 1" in template.shown.text
    assert "(sv-SE)" in template.shown.text


async def test_free_words_are_refused_outside_the_window_and_the_template_leaves_instead(
    shop: Shop, ben: Guest
) -> None:
    message = {"to": f"+{BEN}", "reply": {"text": "Your order is ready."}}
    status, answer = await shop.post("/v1/messages", message)
    assert (status, answer["type"]) == (409, "urn:parley:problem:window-closed")
    await ben.asks("hi")
    await shop.sends(BEN, "Your order is ready.")
    assert (await ben.reads()).shown.text == "Your order is ready."
    shop.later(hours=24, minutes=-1)  # the margin of two minutes counts as closed
    assert (await shop.post("/v1/messages", message))[0] == 409
    status, answer = await shop.post("/v1/messages", {**message, "if_closed": TEMPLATE})
    assert status == 202
    template = await ben.reads()
    assert (template.shown.kind, template.failed) == ("template", "")


async def test_what_may_wait_leaves_when_the_person_writes_before_the_answer(shop: Shop, ben: Guest) -> None:
    waits = await shop.sends(BEN, "We have your umbrella.", if_closed="wait")
    assert (await shop.message(waits))["attempts"] == []
    assert await ben.asks("hi") == "We have your umbrella."
    assert (await ben.reads()).shown.kind == "buttons"


async def test_words_that_were_decided_in_time_and_leave_too_late_become_the_template(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.faults.script(Fault(FaultKind.UNAVAILABLE, retry_after="240"))
    shop.later(hours=23, minutes=57)
    message = await shop.sends(BEN, "Still time.", if_closed=TEMPLATE)
    await shop.becomes(message, lambda found: [each["outcome"] for each in found["attempts"]] == ["retry"])
    shop.later(minutes=5)
    template = await ben.reads()
    assert (template.shown.kind, template.failed) == ("template", "")


async def test_whatsapp_says_that_the_window_is_closed_and_the_template_leaves_once(shop: Shop, anna: Guest) -> None:
    await anna.asks("hej")
    _whatsapp_forgets(shop, ANNA)
    assert await shop.tells("order.shipped", ANNA, **SHIPPED) == 202
    words, template = await anna.reads(), await anna.reads()
    assert (words.shown.kind, words.failed) == ("buttons", "OUTSIDE_ALLOWED_SENDING_WINDOW")
    assert (template.shown.kind, template.failed) == ("template", "")
    # From now on we know, and do not even try.
    assert (await shop.post("/v1/messages", {"to": f"+{ANNA}", "reply": {"text": "Hej"}}))[0] == 409
    assert await shop.tells("order.shipped", ANNA, **SHIPPED) == 202
    assert (await anna.reads()).shown.kind == "template"


async def test_words_without_a_template_fail_visibly_where_whatsapp_refuses_them(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    _whatsapp_forgets(shop, BEN)
    message = await shop.sends(BEN, "Are you there?")
    assert (await ben.reads()).failed == "OUTSIDE_ALLOWED_SENDING_WINDOW"
    found = await shop.becomes(message, lambda found: found["status"] == "failed")
    assert "131047" in found["reason"]
    assert found["receipts"][-1]["reason"]["code"] == "OUTSIDE_ALLOWED_SENDING_WINDOW"


def _whatsapp_forgets(shop: Shop, identity: str) -> None:
    """WhatsApp's own count of the 24 hours is over, whatever we believe."""
    world = shop.emulator.world
    contact = world.contacts.of(APP, identity, world.clock.now())
    assert contact.wrote_at is not None
    contact.wrote_at -= WINDOW
