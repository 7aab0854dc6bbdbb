"""``try`` and the server give the same trace for the same inputs, byte for byte; and a kept trace gives the same decision again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.cli import main
from bot.cli.rules import answer_plain
from bot.cli.trying import CONTACT, LATE, Question, answer_to
from bot.core.button import button_id
from bot.core.codec import conversation_from_plain, conversation_to_plain, effects_digest
from bot.core.rulebook import Rulebooks
from bot.rulebook.load import load
from bot.sinch.emulator import Person
from bot.store.units import TraceView
from bot.work.explain import decide_again
from bot.work.inbox import Deciding
from bot.work.stored_events import reader
from bot.work.trace import inputs_of
from tests.journeys.shop import OPENS_AT, RULES, Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Open to the person that ``try`` takes everybody for, in an app of its name, on a clock that stands still."""
    async with open_shop(tmp_path, base=lambda: OPENS_AT, app_id=CONTACT.app) as opened:
        yield opened


async def tried(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What the command prints for somebody who never wrote before."""
    await asyncio.to_thread(_try, *arguments)
    found: dict[str, Any] = orjson.loads(capsys.readouterr().out)
    return found


def _try(*arguments: str) -> None:
    known = ("--rules", str(RULES), "--now", OPENS_AT.isoformat(), "--first-contact", "--json")
    with pytest.raises(SystemExit) as ended:
        main(["try", *arguments, *known])
    assert not ended.value.code


async def traced(shop: Shop) -> TraceView:
    """What the server kept of its last decision about the person, once it is made."""
    await shop.rests()
    trace = await shop.app.store.last_trace(CONTACT)
    assert trace is not None
    return trace


def same(printed: dict[str, Any], trace: TraceView) -> None:
    assert orjson.dumps(printed["inputs"]) == trace.inputs
    assert printed["digest"] == trace.digest


def writer(shop: Shop) -> Person:
    """The person, whose answers nobody reads here."""
    return shop.emulator.person(CONTACT.identity, CONTACT.app)


@pytest.mark.parametrize(
    "text", ["hi", "När öppnar ni?", "track 12345678", "thanks", "qwerty", "help", "return it", "start"]
)
async def test_words(shop: Shop, capsys: pytest.CaptureFixture[str], text: str) -> None:
    await writer(shop).says(text)
    same(await tried(capsys, text), await traced(shop))


async def test_words_that_come_a_day_late(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    await writer(shop).says("hi", at=OPENS_AT - LATE)
    same(await tried(capsys, "hi", "--window", "closed"), await traced(shop))


async def test_a_tap_on_our_own_button(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    postback = button_id(shop.app.store.installation_key, "hours", 1, 1)
    await writer(shop).sends({"choice_response_message": {"message_id": "", "postback_data": postback}})
    same(await tried(capsys, "Opening hours", "--tap"), await traced(shop))


async def test_a_tap_on_somebody_elses_button(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    await writer(shop).sends({"choice_response_message": {"message_id": "", "postback_data": "Summer sale"}})
    same(await tried(capsys, "Summer sale", "--tap"), await traced(shop))


async def test_an_event_for_somebody_who_never_wrote(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await shop.tells("order.ready", CONTACT.identity, order_number="7") == 202
    same(await tried(capsys, "--event", "order.ready", "--data", "order_number=7"), await traced(shop))


async def test_stop(shop: Shop) -> None:
    """The confirmation belongs to the very event that asked for it, so here both get the same one."""
    await writer(shop).says("STOP")
    trace = await traced(shop)
    [(dedup,)] = shop.rows(f"SELECT dedup FROM inbox WHERE id = {trace.inbox_id}")
    rulebook = (await asyncio.to_thread(load, RULES)).rulebook
    assert rulebook is not None
    answer = answer_to(Question("STOP", OPENS_AT, first_contact=True, dedup=dedup), rulebook)
    same(answer_plain(answer, OPENS_AT, rulebook), trace)


async def test_every_decision_of_a_day_is_made_again_from_its_trace(shop: Shop) -> None:
    person, known = writer(shop), shop.app.rules.rulebooks
    for text in ("hej", "2", "öppettider", "qwerty", "asdf", "track 12345678", "track", "stop", "start", "help"):
        await person.says(text)
    await person.sends_location(59.3, 18.1)
    await shop.tells("order.shipped", CONTACT.identity, first_name="Åsa", order_number="7")
    shop.later(hours=25)
    await shop.tells("order.shipped", CONTACT.identity, first_name="Åsa", order_number="8")
    await person.says("hi", at=shop.time.now() - timedelta(minutes=1))
    await shop.rests()
    deciding = Deciding(reader(CONTACT.app), lambda: known, shop.app.store.installation_key)
    numbers = [number for (number,) in shop.rows("SELECT inbox FROM trace WHERE inputs <> ''")]
    assert len(numbers) >= 14
    for number in numbers:
        trace = await shop.app.store.trace(number)
        assert trace is not None
        kept = orjson.loads(trace.inputs)
        again = conversation_to_plain(conversation_from_plain(kept["conversation"]))
        assert inputs_of(again, trace.decided_at) == trace.inputs
        assert effects_digest(decide_again(trace, deciding, Rulebooks(known.live))) == trace.digest
