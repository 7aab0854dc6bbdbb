"""Days at the workshop, which asks before it answers: what people write meanwhile, and how a question ends."""

import asyncio

import pytest

from tests.journeys.backend import Asked, Backend
from tests.journeys.shop import ANNA, BEN, Guest, Shop

SLIP = "The number on your slip? (6 digits)"
STATUS = "Repair 123456: in work, ready Friday."
PUZZLED = "I did not get that."
MECHANIC = "A mechanic will write to you here."
STOPPED = "You get no more messages from us."


@pytest.fixture
def shop(workshop: Shop) -> Shop:
    return workshop


async def test_a_form_with_wrong_answers_ends_as_a_booking(ben: Guest, backend: Backend) -> None:
    await ben.says("I want to book")
    question = await ben.reads()
    assert question.shown.text == "What shall we do?"
    assert [option.title for option in question.shown.options] == ["Service", "Puncture", "Brakes"]
    assert await ben.asks("the usual") == "Please choose one of the three."
    assert await ben.taps(question, "Puncture") == "Which day? For example 20/1."
    assert await ben.asks("yesterday") == "That is no day to come, for example 20/1."
    assert await ben.asks("the 1/1/2026") == "That is no day to come, for example 20/1."
    assert await ben.asks("20/1") == "Do you need a loan bike?"
    assert await ben.asks("yes please") == "Booked as 41: puncture on 2026-01-20, with a loan bike."
    assert backend.asked == [Asked("POST", "/bookings", {"work": "puncture", "day": "2026-01-20", "loan_bike": "yes"})]


async def test_three_wrong_answers_bring_a_person(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("how is my repair?") == SLIP
    for wrong in ("12345", "pink one"):
        assert await ben.asks(wrong) == "That is not 6 digits, for example 123456."
    assert await ben.asks("1234567") == MECHANIC
    assert "given up" in " ".join((await shop.because(BEN)).notes)
    await ben.says("123456")  # the mechanic's to read
    await shop.rests()
    assert shop.rows("SELECT count(*) FROM outbox WHERE kind = 'call'") == [(0,)]


async def test_what_the_sentence_says_already_is_not_asked(ben: Guest) -> None:
    assert await ben.asks("how is repair 123456 doing?") == STATUS


async def test_a_question_that_nobody_answers_in_time_is_forgotten(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    shop.later(minutes=19)
    assert await ben.asks("soon") == "That is not 6 digits, for example 123456."  # its time starts again
    shop.later(minutes=19)
    assert await ben.asks("123456") == STATUS
    assert await ben.asks("my repair") == SLIP
    shop.later(minutes=21)
    assert await ben.asks("123456") == PUZZLED


async def test_a_rule_may_have_a_last_word_when_nobody_answers(shop: Shop, ben: Guest, anna: Guest) -> None:
    for guest, words in ((ben, ("book", "Brakes")), (anna, ("boka", "Bromsar"))):
        for each in words:
            await guest.asks(each)
    shop.later(minutes=31)
    assert (await ben.reads()).shown.text == 'Write "book" when you know the day.'
    assert (await anna.reads()).shown.text == 'Skriv "boka" när du vet dagen.'
    assert await ben.asks("20/1") == PUZZLED


async def test_a_colleague_takes_over_in_the_middle_of_a_question(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await ben.asks("I lost it, can I talk to somebody?") == MECHANIC
    await ben.says("123456")
    shop.later(hours=1, minutes=59)
    await ben.says("123456")  # still the mechanic's
    await shop.rests()
    assert (await shop.because(BEN)).layer == "person"
    shop.later(hours=2, minutes=1)
    assert await ben.asks("123456") == PUZZLED  # nobody asks for it any more


async def test_stop_in_the_middle_of_a_question_ends_it(ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await ben.asks("Stop!") == STOPPED
    await ben.says("123456")
    assert await ben.asks("start") == "Welcome back!"
    assert await ben.asks("123456") == PUZZLED


async def test_cancel_words_leave_a_question_and_are_plain_words_elsewhere(ben: Guest, anna: Guest) -> None:
    assert await ben.asks("book") == "What shall we do?"
    assert await ben.asks("Never mind!") == "All right, forget it."
    assert await ben.asks("Service") == PUZZLED
    assert await ben.asks("menu") == "Hello from the workshop!"
    assert await ben.asks("never mind") == PUZZLED
    assert await anna.asks("boka") == "Vad ska vi göra?"
    assert await anna.asks("avbryt") == "Då glömmer vi det."


async def test_a_digression_and_back(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    shop.later(minutes=15)
    assert await ben.asks("wait, are you open now?") == "We are open until 18:00."
    assert (await ben.reads()).shown.text == SLIP
    shop.later(minutes=15)
    assert await ben.asks("123456") == STATUS


async def test_a_button_of_an_earlier_message_is_a_digression_too(ben: Guest) -> None:
    await ben.says("hi")
    hello = await ben.reads()
    assert await ben.taps(hello, "My repair") == SLIP
    assert await ben.taps(hello, "Opening hours") == "We are open until 18:00."
    assert (await ben.reads()).shown.text == SLIP
    assert await ben.asks("it is 123456, thanks") == STATUS


async def test_another_rules_phrase_leaves_the_question(shop: Shop, ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await ben.asks("tip") == "Oil your chain."
    assert "is left" in " ".join((await shop.because(BEN)).notes)
    assert await ben.asks("123456") == PUZZLED


async def test_free_words_are_the_answer_whatever_they_hold(ben: Guest) -> None:
    assert await ben.asks("I have a complaint") == "What happened?"
    story = "The mechanic was rude, please stop, and are you open at all?"
    assert await ben.asks(story) == f"Noted: {story}"


async def test_three_bubbles_are_one_question(shop: Shop, ben: Guest) -> None:
    for bubble in ("so", "i was wondering", "about last week"):
        await ben.says(bubble)
    assert (await ben.reads()).shown.text == PUZZLED
    await shop.rests()
    assert (await shop.because(BEN)).notes[0].startswith("Joined with the message just before it")
    shop.later(seconds=10)
    assert await ben.asks("the red one") == MECHANIC  # the second miss, not the fourth


async def test_one_form_in_two_languages_at_once(ben: Guest, anna: Guest, backend: Backend) -> None:
    async def day(guest: Guest, *words: str) -> list[str]:
        return [await guest.asks(each) for each in words]

    english, swedish = await asyncio.gather(
        day(ben, "book", "1", "soon", "20/1", "no"), day(anna, "boka", "punktering", "snart", "21.1", "ja tack")
    )
    assert english == [
        "What shall we do?", "Which day? For example 20/1.", "That is no day to come, for example 20/1.",
        "Do you need a loan bike?", "Booked as 41: service on 2026-01-20.",
    ]  # fmt: skip
    assert swedish == [
        "Vad ska vi göra?", "Vilken dag? Till exempel 20/1.", "Det är ingen kommande dag, till exempel 20/1.",
        "Behöver du en lånecykel?", "Bokat som 41: puncture den 2026-01-21, med lånecykel.",
    ]  # fmt: skip
    assert sorted(str(asked.body["work"]) for asked in backend.asked) == ["puncture", "service"]


async def test_nearly_a_stop_is_asked_once(shop: Shop, ben: Guest, anna: Guest) -> None:
    await ben.says("please stpo")
    asked = await ben.reads()
    assert asked.shown.text == "Do you want no more messages from us?"
    assert await ben.taps(asked, "No") == "All right, nothing changes."
    await ben.says("stpo")
    assert await ben.taps(await ben.reads(), "Yes") == STOPPED
    assert await shop.tells("repair.ready", BEN, bike="Crescent") == 202
    await ben.says("hi")  # in vain
    await anna.asks("stopp snälla")
    assert await anna.asks("har ni öppet?") == "Vi har öppet till 18:00."  # closes it silently
    assert await anna.asks("ja") == "Jag förstod inte."
    assert await ben.asks("start") == "Welcome back!"


async def test_nearly_a_stop_in_the_middle_of_a_question(ben: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await ben.asks("please stpo") == "Do you want no more messages from us?"
    assert await ben.asks("no") == "All right, nothing changes."
    assert await ben.asks("123456") == STATUS


async def test_a_flow_and_its_answer(ben: Guest) -> None:
    await ben.says("a bike fitting please")
    flow = await ben.reads()
    assert (flow.shown.kind, flow.shown.text) == ("flow", "Choose a time for your fitting.")
    await ben.does.completes_flow({"day": "Tuesday", "time": "10:30", "flow_token": "x"})
    assert (await ben.reads()).shown.text == "See you on Tuesday at 10:30."
    await ben.does.completes_flow({"day": "Friday", "time": "9:00"})  # nobody asked for it again
    assert (await ben.reads()).shown.text == PUZZLED


async def test_a_restart_in_the_middle_of_a_question(shop: Shop, ben: Guest) -> None:
    await ben.asks("book")
    assert await ben.asks("Service") == "Which day? For example 20/1."
    await shop.restarts()
    assert await ben.asks("20/1") == "Do you need a loan bike?"
    await shop.restarts()
    assert await ben.asks("2") == "Booked as 41: service on 2026-01-20."


async def test_each_has_their_own_question(shop: Shop, ben: Guest, anna: Guest) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await anna.asks("klagomål") == "Vad hände?"
    assert await anna.asks("123456") == "Noterat: 123456"
    assert await ben.asks("123456") == STATUS
    assert (await shop.because(ANNA)).path == ("complaint",)
