"""Days on which the workshop asks its own systems before it answers, and what becomes of people when those do not."""

import pytest

from tests.journeys.backend import Asked, Backend
from tests.journeys.conftest import Open
from tests.journeys.shop import BEN, Guest, Shop

FOUND = "Repair 123456: in work, ready Friday."
MECHANIC = "A mechanic will write to you here."
HELLO = "Hello from the workshop!"
SUBMISSIONS = "SELECT state, submissions FROM outbox WHERE kind = 'call'"
WAITING = "SELECT count(*) FROM inbox WHERE kind = 'inbound' AND state = 'pending'"


@pytest.fixture
def shop(workshop: Shop) -> Shop:
    return workshop


async def test_found_with_and_without_what_may_be_missing(ben: Guest, anna: Guest, backend: Backend) -> None:
    assert await ben.asks("repair 123456") == FOUND
    backend.answer = (200, {"status": "done"})
    await anna.asks("min reparation")
    assert await anna.asks("6543 21") == "Reparation 654321: done, klar snart."
    assert backend.asked == [Asked("GET", "/repairs/123456", {}), Asked("GET", "/repairs/654321", {})]


async def test_not_found_and_another_try(ben: Guest, backend: Backend) -> None:
    backend.answer = (404, "no such repair")
    await ben.says("repair 111111")
    answer = await ben.reads()
    assert answer.shown.text == "There is no repair 111111."
    backend.answer = (200, {"status": "done", "ready_on": "today"})
    assert await ben.taps(answer, "Try again") == "The number on your slip? (6 digits)"
    assert await ben.asks("222222") == "Repair 222222: done, ready today."


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, "out of order"), "repairs answered 500."),
        ((200, "<html>"), "no JSON"),
        ((200, {"ready_on": "Friday"}), "without status"),
        ((302, ""), "repairs answered 302."),
    ],
    ids=["500", "no JSON", "not all results", "redirect"],
)
async def test_a_call_that_fails_brings_a_person(
    shop: Shop, ben: Guest, backend: Backend, answer: tuple[int, str], why: str
) -> None:
    backend.answer = answer
    assert await ben.asks("repair 123456") == MECHANIC
    assert why in " ".join((await shop.because(BEN)).notes)
    assert len(backend.asked) == 1
    await ben.says("hello?")  # for the mechanic
    await shop.rests()
    assert (await shop.because(BEN)).layer == "person"


async def test_a_backend_that_says_nothing_has_failed_when_its_time_is_over(ben: Guest, backend: Backend) -> None:
    assert await ben.asks("old slip 123456") == "Our old books do not answer."
    assert backend.asked == [Asked("GET", "/silent/123456", {})]


async def test_a_backend_in_a_network_of_ours_is_asked_only_where_allowed(
    opened: Open, workshop_rules: object, backend: Backend
) -> None:
    shop = await opened(rules=workshop_rules)
    assert await shop.guest(BEN).asks("repair 123456") == MECHANIC
    assert backend.asked == []


async def test_what_people_write_meanwhile_is_answered_afterwards_in_order(
    shop: Shop, ben: Guest, anna: Guest, backend: Backend
) -> None:
    backend.may_answer.clear()
    await ben.says("repair 123456")
    await backend.is_asked()
    await ben.says("hello?")
    await ben.says("are you open?")
    assert await anna.asks("hej") == "Hej från verkstaden!"  # others do not wait
    await shop.rests()
    assert shop.rows(WAITING) == [(2,)]
    backend.may_answer.set()
    assert [(await ben.reads()).shown.text for _ in range(3)] == [FOUND, HELLO, "We are open until 18:00."]
    assert shop.rows(WAITING) == [(0,)]


async def test_stop_does_not_wait_for_a_call(shop: Shop, ben: Guest, backend: Backend) -> None:
    backend.may_answer.clear()
    await ben.says("repair 123456")
    await backend.is_asked()
    await ben.says("hello?")
    assert await ben.asks("stop") == "You get no more messages from us."
    assert await ben.asks("start") == "Welcome back!"
    backend.may_answer.set()
    await shop.rests()  # and nothing came after it
    assert shop.rows(WAITING) == [(0,)]


async def test_a_cancel_word_leaves_a_call(shop: Shop, ben: Guest, backend: Backend) -> None:
    backend.may_answer.clear()
    await ben.says("repair 123456")
    await backend.is_asked()
    assert await ben.asks("cancel") == "All right, forget it."
    assert await ben.asks("hi") == HELLO
    backend.may_answer.set()
    await shop.rests()
    assert shop.rows(SUBMISSIONS) == [("sent", 1)]
    assert "Nothing waits for this answer" in (await shop.because(BEN)).notes[0]


async def test_a_booking_under_way_when_the_server_dies_has_failed_and_is_never_made_twice(
    shop: Shop, ben: Guest, backend: Backend
) -> None:
    for each in ("book", "Service", "20/1"):
        await ben.asks(each)
    backend.may_answer.clear()
    await ben.says("no")
    await backend.is_asked()
    await ben.says("hello?")
    await _dies_while_asking(shop)
    backend.may_answer.set()
    assert (await ben.reads()).shown.text == "The booking did not work."
    assert (await ben.reads()).shown.text == HELLO
    await shop.restarts()
    assert [asked.method for asked in backend.asked] == ["POST"]
    assert shop.rows(SUBMISSIONS) == [("failed", 1)]


async def test_a_question_under_way_when_the_server_dies_is_asked_once_more(
    shop: Shop, ben: Guest, backend: Backend
) -> None:
    backend.may_answer.clear()
    await ben.says("repair 123456")
    await backend.is_asked()
    await _dies_while_asking(shop)
    await backend.is_asked(2)
    backend.may_answer.set()
    assert (await ben.reads()).shown.text == FOUND
    assert shop.rows(SUBMISSIONS) == [("sent", 2)]


async def _dies_while_asking(shop: Shop) -> None:
    """Nobody waits for the answer that is still out, as when a machine loses its power."""
    assert shop.app.caller.in_flight == 1
    await shop.app.caller.drain(0)
    assert shop.rows("SELECT state FROM outbox WHERE kind = 'call'") == [("sending",)]
    await shop.restarts()
