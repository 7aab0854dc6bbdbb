"""The server and the emulator in one process: one time for both, and files from a browser that reach the bot as what they are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.running import MovedTogether, running
from bot.work.clock import RunningClock

RULES = Path(__file__).parents[2] / "rules"
BEN = "447700900123"
NOW = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)


async def test_both_clocks_show_the_same_whoever_is_moved() -> None:
    bots = RunningClock(lambda: NOW)
    emulators = MovedTogether(bots)
    emulators.advance(timedelta(hours=2))
    assert emulators.now() == bots.now() == NOW + timedelta(hours=2)
    bots.advance(timedelta(hours=1))
    assert emulators.now() == bots.now() == NOW + timedelta(hours=3)


async def test_a_move_wakes_those_who_sleep_on_either() -> None:
    bots = RunningClock(lambda: NOW)
    emulators = MovedTogether(bots)
    moved = asyncio.Event()
    waiting = [
        asyncio.ensure_future(emulators.sleep(3600)),
        asyncio.ensure_future(bots.wait_until(NOW + timedelta(hours=1), moved)),
    ]
    await asyncio.sleep(0)
    emulators.advance(timedelta(hours=1))
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_a_voice_note_from_a_browser_is_answered_as_one(tmp_path: Path) -> None:
    async with asyncio.timeout(30), running(RULES, tmp_path / "demo.db", 0, 0) as demo:
        emulator, ben = demo.emulator, demo.emulator.person(BEN)
        note = emulator.files.keep(b"sound", "audio/webm;codecs=opus", emulator.clock.now(), is_voice=True)
        sent = await ben.sends_file(note)
        assert ben.phone.waiting_since is not None
        while len(bubbles := ben.phone.bubbles()) < 2:
            await ben.phone.changes(ben.phone.turn)
        mine, answer = bubbles
        assert mine.shown.resource()["file"] == {
            "kind": "voice",
            "url": emulator.url + note.path,
            "name": "",
            "caption": "",
        }
        assert answer.shown.text.startswith("Sorry, I can only read text.")
        await emulator.settled()
        assert [each.status for each in emulator.traffic(sent).deliveries] == [200]
        seen = emulator.traffic(answer.message_id)
        assert ([each.status for each in seen.sends], len(seen.deliveries)) == ([200], 3)


async def test_a_subscription_to_this_machine_can_be_tried(tmp_path: Path) -> None:
    async with asyncio.timeout(30), running(RULES, tmp_path / "demo.db", 0, 0) as demo:
        deliverer = demo.app.backend().deliverer
        for host in ("127.0.0.1:9000", "localhost:9000", "[::1]:9000"):
            assert deliverer.refusal_of(f"http://{host}/parley") == ""
        for host in ("10.0.0.1:9000", "192.168.1.1", "example.com:9000"):
            assert deliverer.refusal_of(f"http://{host}/parley") != ""
