"""The sample shop, open for customers: every part is the real one, only the time is ours."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession
from blockbuster import BlockBuster
from pydantic import SecretStr

from bot.app import App, listen, open_app
from bot.cli.running import templates_of
from bot.config import Config
from bot.core.codec import effects_digest
from bot.core.decision import Because
from bot.core.event import ContactKey
from bot.sinch.emulator import DEFAULT_TRIGGERS, Bubble, Emulator, EmulatorSettings, Person, Phone
from bot.sinch.emulator import RunningClock as EmulatorClock
from bot.web.api.keys import make_key
from bot.web.guard import runner_of
from bot.work.clock import RunningClock
from bot.work.explain import decide_again
from bot.work.inbox import Deciding
from bot.work.stored_events import reader
from tests.oracle import judge

RULES = Path(__file__).parents[2] / "rules"
OPENS_AT = datetime(2026, 1, 7, 10, tzinfo=UTC)  # a Wednesday, 11:00 in Stockholm: the shop is open until 18:00
APP = "01JSHOP0000000000000000APP"
SECRET = "a long random webhook secret"
ANNA = "46701740605"  # kept free for films; +46 reads Swedish
BEN = "447700900123"
LAST_GUEST = "447700900999"
PATIENCE_S = 20.0

T = TypeVar("T")


class Guest:
    """A customer with a phone. What they do returns once the bot has acknowledged it."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._read: set[str] = set()
        self.says = person.says
        self.does = person

    @property
    def phone(self) -> Phone:
        return self._person.phone

    async def reads(self) -> Bubble:
        """The next message of the business on their phone, oldest first, waiting until there is one; also one that failed."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.unread():
                await self.phone.changes(self.phone.turn)
        bubble = self.unread()[0]
        self._read.add(bubble.message_id)
        return bubble

    async def asks(self, text: str) -> str:
        """They write; the words of the answer."""
        await self.says(text)
        return (await self.reads()).shown.text

    async def taps(self, bubble: Bubble, title: str) -> str:
        """They tap an option of a message; the words of the answer."""
        await self._person.taps(bubble.message_id, title)
        return (await self.reads()).shown.text

    def unread(self) -> list[Bubble]:
        """What the business sent and they did not look at yet."""
        return [each for each in self.phone.bubbles() if not each.mine and each.message_id not in self._read]


@dataclass(frozen=True, slots=True)
class Time:
    """The emulator's clock; when it is moved, the bot's moves with it."""

    bots: RunningClock
    own: EmulatorClock

    def now(self) -> datetime:
        return self.own.now()

    async def sleep(self, seconds: float) -> None:
        await self.own.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        self.bots.advance(by)
        self.own.advance(by)


@dataclass(slots=True)
class Shop:
    """An open shop; its guests, its back office, its clock. ``server`` is what closes when it does."""

    config: Config
    emulator: Emulator
    time: Time
    session: ClientSession
    watch: BlockBuster
    app: App = field(init=False)
    url: str = field(init=False)
    key: str = field(init=False)
    server: AsyncExitStack = field(init=False)
    guests: dict[str, Guest] = field(default_factory=dict)
    erased: set[str] = field(
        default_factory=set
    )  # messages whose person was erased: Sinch remembers them, Parley does not

    async def starts(self) -> None:
        """The server is started, registered at Sinch."""
        self.server = AsyncExitStack()
        self.app, self.url = await self.server.enter_async_context(serving(self.config, self.time.bots))
        target, webhooks = f"{self.url}/webhooks/sinch", self.emulator.world.webhooks
        for known in webhooks.of(self.config.app_id):
            webhooks.update(known.id, {"target": target}, "target")
        if not webhooks.of(self.config.app_id):
            self.emulator.webhook(target, SECRET, DEFAULT_TRIGGERS, self.config.app_id)
        self.watch.activate()

    async def stops(self) -> None:
        """What is under way ends as when an operator stops the server; starting it may then block."""
        await self.emulator.settled()
        self.watch.deactivate()
        await self.server.aclose()

    async def restarts(self) -> None:
        """Another process goes on with the same database."""
        await self.stops()
        await self.starts()

    async def because(self, identity: str) -> Because:
        """Why the last event about this person came out as it did; deciding it again from what is stored must give the same."""
        trace = await self.app.store.last_trace(ContactKey(self.config.app_id, "WHATSAPP", identity))
        assert trace is not None
        known = self.app.rules.rulebooks
        deciding = Deciding(reader(self.config.app_id), lambda: known, self.app.store.installation_key)
        again = decide_again(trace, deciding, known)
        assert effects_digest(again) == trace.digest
        return again.because

    def guest(self, identity: str) -> Guest:
        """The customer of this identity, always the same one."""
        if identity not in self.guests:
            self.guests[identity] = Guest(self.emulator.person(identity, self.app.config.app_id))
        return self.guests[identity]

    def later(self, **by: float) -> None:
        """Time passes for everybody, such as ``hours=25``."""
        self.time.advance(timedelta(**by))

    async def passing(self, awaited: Awaitable[T], most: timedelta = timedelta(minutes=10)) -> T:
        """What is awaited, with time passing in steps of two seconds until it comes, ``most`` at most."""
        task = asyncio.ensure_future(awaited)
        until = self.time.now() + most
        while not (await asyncio.wait({task}, timeout=0.05))[0]:
            if self.time.now() >= until:
                task.cancel()
                raise AssertionError(f"It did not come within {most}.")
            self.later(seconds=2)
        return await task

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        """A request of the back office: status and JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(
            self.url + path, json=body, headers={"Authorization": f"Bearer {self.key}", **named}
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def sends(self, to: str, text: str, **more: Any) -> str:
        """The back office sends a text; the message's id."""
        status, answer = await self.post("/v1/messages", {"to": f"+{to}", "reply": {"text": text}, **more})
        assert status == 202, answer
        return str(answer["id"])

    async def tells(self, event: str, to: str, **data: str) -> int:
        """A backend tells of an event; the status."""
        return (await self.post("/v1/events", {"name": event, "to": f"+{to}", "data": data}))[0]

    async def message(self, id_: str) -> dict[str, Any]:
        """What became of a message."""
        async with self.session.get(
            f"{self.url}/v1/messages/{id_}", headers={"Authorization": f"Bearer {self.key}"}
        ) as answer:
            assert answer.status == 200
            found: dict[str, Any] = await answer.json()
            return found

    async def becomes(self, id_: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The message once it is as wanted, asking again and again as a backend would."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(found := await self.message(id_)):
                pass
        return found

    async def rests(self) -> None:
        """Return when all that was recorded so far is decided and has started to leave: lanes take turns, so the last guest is last."""
        await self.app.media.drain(PATIENCE_S)  # who waits for the kind of a file has no lane that takes turns
        guest = self.guest(LAST_GUEST)
        await guest.says("hi")
        await self.passing(guest.reads())
        await self.emulator.settled()

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What the database holds now."""
        with closing(sqlite3.connect(f"{self.app.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(question).fetchall()


def config_for(emulator_url: str, database: Path, rules: Path = RULES, **changes: Any) -> Config:
    """Settings of a server that talks to an emulator."""
    given: dict[str, Any] = {
        "project_id": "shop",
        "app_id": APP,
        "key_id": "key",
        "key_secret": SecretStr("key secret"),
        "webhook_secrets": (SecretStr(SECRET),),
        "api_url": emulator_url,
        "auth_url": emulator_url,
        "database_url": SecretStr(f"sqlite:///{database.absolute()}"),
        "rules_dir": rules,
        "port": 0,
        "send_rate": 0,
    }
    return Config(**{**given, **changes})


@asynccontextmanager
async def serving(config: Config, clock: RunningClock) -> AsyncIterator[tuple[App, str]]:
    """The server's parts and its address."""
    app = await open_app(config, clock)
    runner = runner_of(app.web(), 2.0)
    try:
        await runner.setup()
        yield app, await listen(runner, config.host, config.port)
    finally:
        await runner.cleanup()
        await app.close()


def starting_at(moment: datetime) -> Callable[[], datetime]:
    """A time that runs on from ``moment``."""
    began = time.monotonic()
    return lambda: moment + timedelta(seconds=time.monotonic() - began)


@asynccontextmanager
async def open_shop(
    folder: Path,
    settings: EmulatorSettings | None = None,
    base: Callable[[], datetime] | None = None,
    odd_ids: bool = False,
    **changes: Any,
) -> AsyncIterator[Shop]:
    """The shop, registered at its emulator. At the end nothing unread may be left, and the oracle looks at everything.

    With ``odd_ids`` messages may share an id, as made-up ones of several apps do.
    """
    running = base or starting_at(OPENS_AT)
    clock = Time(RunningClock(running), EmulatorClock(running))
    truth, database = folder / "truth.jsonl", folder / "shop.db"
    given = settings or EmulatorSettings(templates=templates_of(changes.get("rules", RULES)))
    async with AsyncExitStack() as stack:
        app_id = changes.get("app_id", APP)
        emulator = Emulator(replace(given, app_id=app_id, project_id="shop", truth_path=truth), clock)
        await emulator.start()
        stack.push_async_callback(emulator.stop)
        session = await stack.enter_async_context(ClientSession())
        # A call of the program that would hold up its event loop, such as reading a file, raises.
        watch = BlockBuster(scanned_modules=["bot"])
        shop = Shop(config_for(emulator.url, database, **changes), emulator, clock, session, watch)
        await shop.starts()
        stack.push_async_callback(shop.stops)
        shop.key = await make_key(shop.app.store, "back office", ["send", "read"], clock.now())
        yield shop
        await shop.rests()
    unread = {name: [each.shown for each in guest.unread()] for name, guest in shop.guests.items() if guest.unread()}
    assert unread == {}
    broken = [each for each in judge(database, truth).broken if not (odd_ids and each.startswith("I2: message "))]
    assert [
        each
        for each in broken
        if not any(each.startswith("I5: Sinch accepted ") and id_ in each for id_ in shop.erased)
    ] == []
