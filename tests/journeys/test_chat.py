"""What people write, tap and send, and what they read."""

import pytest

from bot.sinch.emulator import EmulatorSettings
from tests.journeys.conftest import Open
from tests.journeys.shop import ANNA, BEN, Guest, Shop

HELLO = "Hi there! How can we help?"
BUTTONS = ["Track order", "Opening hours", "Talk to us"]
BUSINESS_SCOPED = "US.13491208655302741918"


async def test_the_welcome_has_buttons_and_three_ways_to_tap_lead_to_the_same(ben: Guest) -> None:
    await ben.says("hi")
    welcome = await ben.reads()
    assert (welcome.shown.kind, welcome.shown.text) == ("buttons", HELLO)
    assert [option.title for option in welcome.shown.options] == BUTTONS
    open_until = "We are open until 18:00 today."
    assert await ben.taps(welcome, "Opening hours") == open_until
    for typed in ("2", "opening HOURS!"):
        assert await ben.asks("hi") == HELLO
        assert await ben.asks(typed) == open_until


async def test_everybody_reads_their_language(anna: Guest, ben: Guest) -> None:
    assert await anna.asks("hej") == "Hej du! Vad gäller det?"
    assert await ben.asks("hello") == HELLO


async def test_opening_hours_by_the_clock(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("When are you open?") == "We are open until 18:00 today."
    shop.later(hours=8)  # 19:00 on Wednesday
    assert "Closed now. We open" in await ben.asks("When are you open?")
    shop.later(hours=62)  # 09:00 on Saturday: opens at ten
    assert "10:00" in await ben.asks("When are you open?")
    shop.later(hours=2)
    assert await ben.asks("When are you open?") == "We are open until 14:00 today."


async def test_a_tap_a_week_later_still_leads_somewhere(shop: Shop, ben: Guest) -> None:
    await ben.says("hi")
    welcome = await ben.reads()
    shop.later(days=7)
    assert await ben.taps(welcome, "Opening hours") == "We are open until 18:00 today."


async def test_a_list_and_several_messages_in_order(ben: Guest) -> None:
    await ben.says("help")
    menu = await ben.reads()
    assert (menu.shown.kind, len(menu.shown.options)) == ("list", 6)
    assert await ben.taps(menu, "Returns") == "You can return anything within 30 days."
    assert (await ben.reads()).shown.kind == "media"


async def test_what_is_no_text_is_answered_too(ben: Guest) -> None:
    await ben.does.sends_media("https://media.example/note.ogg")
    assert "I can only read text" in (await ben.reads()).shown.text
    await ben.does.sends_media("https://media.example/broken.jpg", "look, hello")
    assert "a colleague will look at it" in (await ben.reads()).shown.text


@pytest.mark.parametrize("what", ["location", "something else", "flow", "order"])
async def test_what_no_rule_waits_for_is_not_left_unanswered(ben: Guest, what: str) -> None:
    assert await ben.asks("hi") == HELLO
    match what:
        case "location":
            await ben.does.sends_location(59.3, 18.1, "Home")
        case "something else":
            await ben.does.sends_something_else('{"type": "poll"}')
        case "flow":
            await ben.does.completes_flow({"slot": "10:30", "guests": 2})
        case _:
            product = {"id": "1", "marketplace": "FACEBOOK", "quantity": 1, "item_price": 9.5, "currency": "EUR"}
            await ben.does.sends_order([product], "catalogue")
    assert (await ben.reads()).shown.text == 'I did not get that. Try "menu".'


async def test_a_reaction_asks_for_no_answer(ben: Guest) -> None:
    await ben.says("hi")
    welcome = await ben.reads()
    await ben.does.reacts(welcome.message_id, "👍")
    await ben.does.reacts(welcome.message_id, "")
    assert await ben.asks("hi") == HELLO  # and nothing before it


async def test_a_number_with_and_without_plus_is_one_person(shop: Shop, anna: Guest) -> None:
    assert await anna.asks("spåra 12345678") == "Tack! Följ order 12345678 med knappen nedan."
    await shop.guest(f"+{ANNA}").says("spåra")
    # The tag and the number that the first message left are known to the second.
    assert "spåra 12345678, eller" in (await anna.reads()).shown.text
    shop.guests.pop(f"+{ANNA}")
    assert shop.rows(f"SELECT count(*), count(DISTINCT person) FROM identity WHERE identity LIKE '%{ANNA}'") == [(1, 1)]


@pytest.mark.parametrize("mode", ["DISPATCH", "CONVERSATION"])
async def test_both_modes_and_every_kind_of_identity(opened: Open, mode: str) -> None:
    settings = EmulatorSettings(processing_mode="CONVERSATION" if mode == "CONVERSATION" else "DISPATCH")
    shop = await opened(settings=settings)
    guest, other = shop.guest(BUSINESS_SCOPED), shop.guest(BEN)
    await guest.says("hi")
    welcome = await guest.reads()
    assert welcome.shown.text == HELLO
    assert await guest.taps(welcome, "Opening hours") == "We are open until 18:00 today."
    assert await other.asks("address") == "Welcome to our shop!"
    assert (await other.reads()).shown.kind == "location"
    contact_ids = shop.rows("SELECT count(*) FROM identity WHERE contact_id <> ''")
    assert (contact_ids[0][0] > 0) == (mode == "CONVERSATION")
