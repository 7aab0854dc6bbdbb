"""Days and nights at the workshop: what the clock does, and what the 24 hours of WhatsApp do to it."""

from datetime import timedelta

import pytest

from bot.sinch.emulator import Fault, FaultKind
from tests.journeys.shop import ANNA, BEN, Guest, Shop

HELLO = "Hello from the workshop!"
STILL_STANDS = "The 900 kronor still stand."
CHOOSE_A_TIME = "Choose a time for your fitting."
STILL_LOOKING = "Still looking for a time?"


@pytest.fixture
def shop(workshop: Shop) -> Shop:
    return workshop


# --- timers -------------------------------------------------------------------------------------------------------------


async def test_a_reminder_comes_unless_the_person_writes_before(shop: Shop, ben: Guest, anna: Guest) -> None:
    assert "900 kronor" in await ben.asks("a price?")
    assert "900 kronor" in await anna.asks("offert tack")
    shop.later(hours=1)
    assert await anna.asks("hej") == "Hej från verkstaden!"
    shop.later(hours=2)
    assert (await ben.reads()).shown.text == STILL_STANDS
    shop.later(hours=2)
    assert await anna.asks("hej") == "Hej från verkstaden!"


async def test_a_timer_survives_a_restart(shop: Shop, ben: Guest, anna: Guest) -> None:
    await ben.asks("price")
    await anna.asks("pris")
    await shop.stops()
    shop.later(hours=4)
    await shop.starts()
    assert await ben.asks("hi") == HELLO  # what people wrote while nobody was there comes before what is due
    shop.later(seconds=11)
    assert (await anna.reads()).shown.text == "De 900 kronorna gäller än."
    assert shop.rows("SELECT count(*) FROM timer WHERE name LIKE 'remind:%'") == [(0,)]


async def test_an_answer_in_time_beats_the_timer_also_over_a_restart(shop: Shop, ben: Guest, anna: Guest) -> None:
    for guest, words in ((ben, "my repair"), (anna, "min reparation")):
        await guest.asks(words)
    await shop.stops()
    shop.later(minutes=25)
    await shop.starts()
    await ben.says("123456", at=shop.time.now() - timedelta(minutes=10))
    assert (await ben.reads()).shown.text == "Repair 123456: in work, ready Friday."
    assert await anna.asks("123456") == "Jag förstod inte."  # five minutes too late


async def test_a_long_silence_is_noticed_once(shop: Shop, ben: Guest) -> None:
    await ben.asks("complaint")
    await ben.asks("It squeaks.")
    shop.later(hours=4)
    assert await ben.asks("hi") == HELLO
    shop.later(hours=4)  # silent for four hours again, and the last word was another rule's
    await ben.asks("complaint")
    await ben.asks("It still squeaks.")
    shop.later(hours=5)
    assert (await ben.reads()).shown.text == "We looked into it. Are we good?"
    shop.later(hours=10)


async def test_the_window_is_about_to_close_but_once_a_week_is_enough(shop: Shop, ben: Guest) -> None:
    for expected in (True, False):
        assert await ben.asks("bike fitting") == CHOOSE_A_TIME
        shop.later(hours=22)
        if expected:
            assert (await ben.reads()).shown.text == STILL_LOOKING
        else:
            await shop.rests()
            assert "once since" in (await shop.because(BEN)).considered[0].failed
    shop.later(days=7)
    assert await ben.asks("bike fitting") == CHOOSE_A_TIME
    shop.later(hours=22)
    assert (await ben.reads()).shown.text == STILL_LOOKING


async def test_so_often_and_no_more(shop: Shop, ben: Guest, anna: Guest) -> None:
    for _ in range(2):
        assert await ben.asks("a tip?") == "Oil your chain."
        shop.later(hours=2)
    assert await ben.asks("a tip?") == "I did not get that."
    assert await anna.asks("tips?") == "Olja kedjan."
    shop.later(hours=20)
    assert await ben.asks("a tip?") == "Oil your chain."  # the first of them was a day ago
    assert await ben.asks("a tip?") == "I did not get that."


async def test_at_night_the_bot_answers_but_starts_nothing(shop: Shop, ben: Guest) -> None:
    shop.later(hours=11)  # 22:00 in Stockholm
    assert await ben.asks("hi") == HELLO
    assert await shop.tells("repair.ready", BEN, bike="Crescent") == 202
    await shop.rests()
    shop.later(hours=9)  # 07:00
    assert await ben.asks("are you open?") == "Closed now. We open today at 09:00."
    shop.later(hours=1, minutes=1)
    assert (await ben.reads()).shown.text == "Your Crescent is ready. Come by!"


async def test_what_the_night_held_back_leaves_as_the_template_when_the_window_closed(shop: Shop, anna: Guest) -> None:
    shop.later(hours=12)  # 23:00 in Stockholm
    assert await anna.asks("hej") == "Hej från verkstaden!"
    shop.later(hours=23, minutes=30)
    assert await shop.tells("repair.ready", ANNA, bike="Crescent") == 202
    await shop.rests()
    shop.later(hours=10)
    template = await anna.reads()
    assert (template.shown.kind, template.shown.text) == ("template", "Din cykel Crescent är klar.")


# --- the window ---------------------------------------------------------------------------------------------------------


async def test_the_window_closes_while_a_message_waits_and_the_template_leaves(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.later(hours=23, minutes=57)
    shop.emulator.faults.script(Fault(FaultKind.UNAVAILABLE, retry_after="240"))
    assert await shop.tells("repair.ready", BEN, bike="Crescent") == 202
    await _was_refused(shop)
    shop.later(minutes=5)
    template = await ben.reads()
    assert (template.shown.kind, template.shown.text) == ("template", "Your bike Crescent is ready.")


async def test_the_window_closes_while_a_message_waits_and_it_waits_for_the_person(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.later(hours=23, minutes=57)
    shop.emulator.faults.script(Fault(FaultKind.UNAVAILABLE, retry_after="240"))
    assert await shop.tells("repair.note", BEN, note="the wheel is bent") == 202
    await _was_refused(shop)
    shop.later(minutes=5)
    assert await shop.tells("repair.note", BEN, note="so is the fork") == 202
    shop.later(hours=3)
    assert await ben.asks("hi") == "A word from the workshop: the wheel is bent"
    assert (await ben.reads()).shown.text == "A word from the workshop: so is the fork"
    assert (await ben.reads()).shown.text == HELLO


async def test_an_answer_that_cannot_leave_in_time_never_comes_late(shop: Shop, ben: Guest) -> None:
    await ben.asks("hi")
    shop.emulator.faults.script(Fault(FaultKind.UNAVAILABLE, retry_after="700"))
    await ben.says("are you open?")
    await _was_refused(shop)
    shop.later(minutes=12)
    assert await ben.asks("hi") == HELLO
    assert shop.rows("SELECT state FROM outbox ORDER BY seq LIMIT 1 OFFSET 1") == [("expired",)]


async def test_a_question_that_cannot_be_seen_in_time_asks_for_nothing(shop: Shop, ben: Guest) -> None:
    await ben.says("my repair", at=shop.time.now() - timedelta(hours=25))  # it reached us a day late
    await shop.rests()
    assert "the person cannot see it" in " ".join((await shop.because(BEN)).notes)
    assert await ben.asks("123456") == "I did not get that."


async def _was_refused(shop: Shop) -> None:
    """Sinch said no for now, and we know."""
    await shop.rests()
    assert shop.emulator.faults.happened["unavailable"] == 1


# --- messages that never arrive -----------------------------------------------------------------------------------------


async def test_a_message_that_never_arrives_is_followed_up_once(shop: Shop, ben: Guest, anna: Guest) -> None:
    unreachable = Fault(FaultKind.FAILED, code="RECIPIENT_NOT_REACHABLE")
    shop.emulator.faults.script(unreachable)
    await ben.says("tip")
    assert (await ben.reads()).failed == "RECIPIENT_NOT_REACHABLE"
    followed_up = await ben.reads()
    assert (followed_up.shown.text, followed_up.failed) == ("Could you not read our last message?", "")
    shop.emulator.faults.script(unreachable, unreachable)
    await anna.says("tips")
    assert [(await anna.reads()).failed for _ in range(2)] == ["RECIPIENT_NOT_REACHABLE"] * 2
    assert await anna.asks("hej") == "Hej från verkstaden!"  # and no third one before it
    assert shop.rows("SELECT count(*) FROM person WHERE tags LIKE '%hard_to_reach%'") == [(2,)]
