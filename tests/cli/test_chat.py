"""The terminal chat against an emulator with a small bot of our own behind it: what is shown, and what each command does."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from rich.console import Console

from bot.cli.bubbles import draw, plain
from bot.cli.chat import HELP, PERSONAS, Behind, Chat, Quit, duration_of
from bot.cli.phone import Bubble, Option, phone_session, values_of
from bot.errors import Refused
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import DEFAULT_TRIGGERS, EmulatorSettings

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


class Desk:
    """A chat whose bubbles and lines are kept; ``events`` are what backends were asked to tell."""

    def __init__(self) -> None:
        self.bubbles: list[Bubble] = []
        self.lines: list[str] = []
        self.events: list[tuple[str, str, Mapping[str, str]]] = []
        self.heard: list[dict[str, object]] = []
        self.saves = asyncio.Queue[Sequence[str]]()
        self.told_of_save = False

    async def send_event(self, name: str, identity: str, data: Mapping[str, str]) -> str:
        self.events.append((name, identity, data))
        return f"Told of {name}."

    async def why(self, identity: str) -> Sequence[str]:
        return [f"Because {identity} asked."]

    async def saved(self) -> Sequence[str]:
        if self.told_of_save:
            self.saves.task_done()
        told = await self.saves.get()
        self.told_of_save = True
        return told

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(await request.json())
        return web.Response()


@pytest.fixture
async def emulator(desk: Desk) -> AsyncIterator[Emulator]:
    app = web.Application()
    app.router.add_post("/webhooks/sinch", desk.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    emulator = Emulator(EmulatorSettings())
    await emulator.start()
    emulator.webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/sinch", "s", DEFAULT_TRIGGERS)
    yield emulator
    await emulator.stop()
    await runner.cleanup()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def chat(desk: Desk, emulator: Emulator) -> AsyncIterator[Chat]:
    async with phone_session() as session:
        behind = Behind(desk.send_event, desk.why, desk.saved)
        yield Chat(session, emulator.url, behind, desk.bubbles.append, desk.lines.append)


async def answer(emulator: Emulator, identity: str, message: dict[str, object]) -> None:
    """The bot behind the emulator sends something."""
    async with phone_session() as session:
        body = {
            "app_id": EmulatorSettings().app_id,
            "recipient": {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": identity}]}},
            "message": message,
            "channel_priority_order": ["WHATSAPP"],
        }
        headers = {"Authorization": "Basic " + base64.b64encode(b"key:secret").decode()}
        url = f"{emulator.url}/v1/projects/{EmulatorSettings().project_id}/messages:send"
        assert (await session.post(url, json=body, headers=headers)).status == 200


BUTTONS: dict[str, object] = {
    "choice_message": {
        "text_message": {"text": "Choose"},
        "choices": [
            {"text_message": {"text": "One"}, "postback_data": "1"},
            {"text_message": {"text": "Two"}, "postback_data": "2"},
        ],
    }
}


async def test_what_is_typed_is_sent_as_it_stands(chat: Chat, desk: Desk) -> None:
    for line in ("hello", "  ", "1"):
        await chat.takes(line)
    assert await chat.follow(5) == 2
    assert [(bubble.mine, bubble.text) for bubble in desk.bubbles] == [(True, "hello"), (True, "1")]
    assert len(desk.heard) == 2


async def test_buttons_are_numbered_and_tapped_for_real(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    await chat.takes("/tap 1")
    assert "nothing to tap" in desk.lines[-1]
    await chat.takes("hello")
    await answer(emulator, chat.phone.identity, BUTTONS)
    await chat.follow(5)
    assert desk.bubbles[-1].ticks == 3
    assert [option.title for option in desk.bubbles[-1].options] == ["One", "Two"]
    for wrong in ("/tap", "/tap 3", "/tap 0", "/tap x"):
        await chat.takes(wrong)
        assert desk.lines[-1].startswith("Tap 1 to 2")
    await chat.takes("/tap 2")
    tapped = desk.heard[-1]["message"]
    assert isinstance(tapped, dict)
    assert tapped["contact_message"]["choice_response_message"]["postback_data"] == "2"


async def test_later_moves_the_emulators_clock(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    before = emulator.clock.now()
    await chat.takes("/later 25h")
    assert timedelta(hours=25) <= emulator.clock.now() - before < timedelta(hours=25, minutes=1)
    assert desk.lines[-1].startswith("It is now ")


async def test_a_message_that_fails_late_is_told(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    await answer(emulator, chat.phone.identity, {"text_message": {"text": "You never wrote"}})
    await chat.follow(5)
    await chat.follow(0.05)
    shown = [bubble.failed for bubble in desk.bubbles] + desk.lines
    assert any("OUTSIDE_ALLOWED_SENDING_WINDOW" in each for each in shown)


async def test_a_message_that_fails_after_it_was_shown_is_told_once(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    await chat.takes("hello")
    await answer(emulator, chat.phone.identity, {"text_message": {"text": "Hi"}})
    await chat.follow(5)
    phone = emulator.person(chat.phone.identity).phone
    bubble = phone.bubbles()[-1]
    for reaction in ("👍", "👎"):
        bubble.failed = "RECIPIENT_NOT_REACHABLE"
        phone.react(bubble.message_id, reaction)
        assert await chat.follow(5) == 0
    assert desk.lines == ["✗ That message never arrived: RECIPIENT_NOT_REACHABLE."]


async def test_events_why_and_help(chat: Chat, desk: Desk) -> None:
    await chat.takes('/event order.shipped first_name="Åsa Ek" order_number=1')
    assert desk.events == [("order.shipped", PERSONAS["en"], {"first_name": "Åsa Ek", "order_number": "1"})]
    await chat.takes("/why")
    assert desk.lines[-1] == f"Because {PERSONAS['en']} asked."
    await chat.takes("/help")
    assert "/later 25h" in desk.lines[-1]
    for wrong in ("/event", "/event x y", '/event x y="', "/nix", "/as", "/later soon"):
        count = len(desk.lines)
        await chat.takes(wrong)
        assert len(desk.lines) == count + 1, wrong
    assert desk.events[1:] == []


async def test_another_person_has_another_phone(chat: Chat, desk: Desk) -> None:
    await chat.takes("hello")
    await chat.follow(5)
    await chat.takes("/as sv")
    assert chat.phone.identity == PERSONAS["sv"]
    assert await chat.follow(0.05) == 0
    await chat.takes("/as Anna")
    anna = chat.phone.identity
    await chat.takes("/as Bo")
    assert chat.phone.identity != anna
    await chat.takes("/as +46 70 174 06 99")
    await chat.takes("/as 46701740699")
    assert chat.phone.identity == "46701740699"
    await chat.takes("/as Anna")
    assert chat.phone.identity == anna


@pytest.mark.parametrize("what", ["image", "voice", "document", "sticker", "location", "https://media.example/1"])
async def test_other_things_can_be_sent(chat: Chat, desk: Desk, what: str) -> None:
    await chat.takes(f"/send {what}")
    assert len(desk.heard) == 1
    assert desk.lines == []


async def test_what_a_phone_cannot_send_is_told(chat: Chat, desk: Desk) -> None:
    await chat.takes("/send cake")
    assert "cannot send" in desk.lines[-1]
    with pytest.raises(Quit):
        await chat.takes("/quit")


async def test_an_emulator_that_is_gone_is_told(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    await emulator.unplug()
    async with phone_session() as session:
        gone = Chat(
            session,
            "http://127.0.0.1:1",
            Behind(desk.send_event, desk.why, desk.saved),
            desk.bubbles.append,
            desk.lines.append,
        )
        await gone.takes("hello")
    assert "does not answer" in desk.lines[-1]


@pytest.mark.parametrize(
    ("text", "hours"), [("25h", 25.0), ("90 m", 1.5), ("1d 2h", 26.0), ("1.5h", 1.5), ("3600s", 1.0)]
)
def test_a_time_to_let_pass(text: str, hours: float) -> None:
    assert duration_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "soon", "25", "25h now", "11000d", f"{10**11}d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Refused):
        duration_of(text)


def test_values_are_names_and_texts() -> None:
    assert values_of(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(Refused):
        values_of(["=1"])


def shown(bubble: Bubble, width: int = 60) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    draw(bubble, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bubble_of_theirs_stands_left_with_ticks_and_numbered_options() -> None:
    bubble = Bubble("m", False, "buttons", "Choose", AT, 2, "", (Option("One"), Option("Two", "the second")))
    lines = shown(bubble).splitlines()
    assert lines[0].startswith("╭")
    assert "1  One" in lines[2]
    assert "2  Two  the second" in lines[3]
    assert "✓✓" in lines[-1]


def test_a_bubble_of_mine_stands_right_and_markup_is_only_text() -> None:
    lines = shown(Bubble("m", True, "text", "[bold]hi[/]", AT, 0, "")).splitlines()
    assert lines[0].startswith(" " * 20)
    assert "[bold]hi[/]" in lines[1]


def test_a_bubble_of_few_words_has_room_for_its_time_and_ticks() -> None:
    assert f"{AT.astimezone():%H:%M} ✓✓" in shown(Bubble("m", False, "text", "ok", AT, 2, ""))
    assert "✗ RECIPIENT_NOT_REACHABLE" in shown(Bubble("m", False, "text", "ok", AT, 0, "RECIPIENT_NOT_REACHABLE"))


def test_the_help_fits_a_terminal() -> None:
    assert max(len(line) for line in HELP.splitlines()) < 80


def test_a_bubble_that_never_arrived_says_why() -> None:
    assert "✗ RECIPIENT_NOT_REACHABLE" in shown(Bubble("m", False, "text", "x" * 80, AT, 0, "RECIPIENT_NOT_REACHABLE"))


def test_a_long_text_stays_within_the_terminal() -> None:
    assert max(map(len, shown(Bubble("m", False, "text", "word " * 200, AT, 3, ""), 40).splitlines())) <= 40


def test_a_pipe_gets_plain_lines() -> None:
    bubble = Bubble("m", False, "template", "Hi\nthere", AT, 3, "", (Option("Track"),), header="Order")
    assert plain(bubble) == "< (template) Order\n  Hi\n  there\n    1) Track"
    assert plain(Bubble("m", True, "text", "hello", AT, 0, "")) == "> hello"
    assert plain(Bubble("m", False, "text", "late", AT, 0, "GONE")) == "x late (GONE)"


async def test_following_waits_for_what_comes(chat: Chat, desk: Desk, emulator: Emulator) -> None:
    following = asyncio.create_task(chat.follow(10))
    await asyncio.sleep(0)
    await chat.takes("hello")
    assert await following >= 1


async def test_it_tells_what_came_of_a_save_while_one_chats(desk: Desk, chat: Chat) -> None:
    following = asyncio.create_task(chat.follow_saves())
    desk.saves.put_nowait(["Not live:", "  rules/shop.yaml:3:1: No."])
    await desk.saves.join()
    following.cancel()
    assert desk.lines == ["Not live:", "  rules/shop.yaml:3:1: No."]
