"""Commands of the machine's own operator, over a Unix socket beside the database file that only its user may open.

One process writes to the database, so a command that wants something written asks that process. A request is one JSON object
``{"command": name, …}`` to ``POST /``; the answer is ``{"ok": true, …}``, or ``{"ok": false, "sentence", "cure"}``.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import orjson
from aiohttp import web

from bot.errors import Misconfigured, ParleyError, Refused
from bot.web import redrive
from bot.web.api import campaigns, consents, keys, privacy
from bot.web.api.backend import Backend
from bot.web.api.bodies import EventBody, parse
from bot.web.api.events import record_event
from bot.web.intake import Intake
from bot.web.site import users
from bot.work.reload import Reloader

Answer = Mapping[str, object]
Command = Callable[[Mapping[str, object]], Awaitable[Answer]]
PATH_MAX: Final = 100  # what the address of a Unix socket holds on every system, with some room
REQUEST_MAX: Final = 64 * 1024 * 1024  # a campaign with all who are to get it
_PATIENCE: Final = aiohttp.ClientTimeout(total=300)


class Operator:
    """Carries out commands within the running server."""

    def __init__(self, backend: Backend, reloader: Reloader | None = None, intake: Intake | None = None) -> None:
        self._backend = backend
        self._commands: Mapping[str, Command] = {
            **keys.commands(backend),
            **users.commands(backend),
            **consents.commands(backend),
            **campaigns.commands(backend),
            **privacy.commands(backend),
            **redrive.commands(backend, intake),
            "events.send": self._send_event,
            "status": self._status,
        }
        if reloader is not None:
            self._commands = {**self._commands, **_rules_commands(reloader)}

    async def answer(self, request: Mapping[str, object]) -> Answer:
        """What came of one command; every refusal as a sentence."""
        command = self._commands.get(str(request.get("command")))
        if command is None:
            return {"ok": False, "sentence": "The running server does not know this command.", "cure": "Restart it."}
        try:
            return {"ok": True, **await command(request)}
        except ParleyError as error:
            return {"ok": False, "sentence": str(error), "cure": error.cure if isinstance(error, Refused) else ""}

    async def _status(self, request: Mapping[str, object]) -> Answer:
        return {"rulebook": self._backend.rulebook().version, "rules": len(self._backend.rulebook().rules)}

    async def _send_event(self, request: Mapping[str, object]) -> Answer:
        return (
            (await record_event(parse(EventBody, request.get("event")), self._backend)).told().model_dump(mode="json")
        )


def _rules_commands(reloader: Reloader) -> Mapping[str, Command]:
    async def roll_back(request: Mapping[str, object]) -> Answer:
        return {"replaced": await reloader.roll_back(int(str(request.get("number"))), str(request.get("who", "")))}

    async def tell(request: Mapping[str, object]) -> Answer:
        return (await reloader.state()).as_plain()

    return {"rules.rollback": roll_back, "rules.status": tell}


class OperatorSite:
    """The socket: ``start`` replaces one that a dead server left behind, so hold the database's lock before."""

    def __init__(self, operator: Operator, path: Path) -> None:
        self._operator = operator
        self._path = path
        app = web.Application(client_max_size=REQUEST_MAX)
        app.add_routes([web.post("/", self._handle)])
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen. Raises ``Misconfigured`` where the path is too long or cannot be written."""
        listening = _bound(self._path)
        try:
            await self._runner.setup()
            await web.SockSite(self._runner, listening).start()
        except BaseException:
            listening.close()
            raise

    async def stop(self) -> None:
        """Stop listening and take the socket away."""
        await self._runner.cleanup()
        self._path.unlink(missing_ok=True)

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            content = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            content = None
        answer = await self._operator.answer(content if isinstance(content, dict) else {})
        return web.Response(body=orjson.dumps(answer), content_type="application/json")


def reachable(path: Path) -> bool:
    """Whether a socket can have this path at all."""
    return len(bytes(path.absolute())) <= PATH_MAX


def _bound(path: Path) -> socket.socket:
    """A socket that only this user may open: its mode is set before anybody can connect."""
    if not reachable(path):
        raise Misconfigured(
            f"The path {path.absolute()} is too long for a Unix socket; keep the database in a folder with a shorter path."
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path.absolute()))
        path.chmod(0o600)
    except OSError as error:
        listening.close()
        raise Misconfigured(
            f"The socket {path} cannot be made ({error.strerror}); give this user the right to write in its folder."
        ) from None
    listening.setblocking(False)
    return listening


async def ask_server(path: Path, request: Mapping[str, object]) -> Mapping[str, object] | None:
    """What the running server answers, or None when none listens. Raises ``Refused`` with its refusal."""
    connector = aiohttp.UnixConnector(path=str(path))
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session,
            session.post("http://operator/", data=orjson.dumps(request)) as response,
        ):
            answer = orjson.loads(await response.read())
    except (aiohttp.ClientConnectorError, FileNotFoundError):
        return None
    if not answer.get("ok"):
        raise Refused(str(answer.get("sentence")), "operator", str(answer.get("cure", "")))
    return {str(name): value for name, value in answer.items() if name != "ok"}
