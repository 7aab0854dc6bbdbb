"""Where ``broadcast`` asks: the server on this database, another machine's API, or the database itself while no server runs."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from bot.cli.database import ask_running, own_store
from bot.config import Config
from bot.errors import Misconfigured, Refused
from bot.rulebook.load import load_stored
from bot.web.api.backend import Backend
from bot.web.api.campaigns import CSV, commands

Plain = Mapping[str, Any]
Ask = Callable[..., Coroutine[Any, Any, Plain]]
_PATIENCE: Final = aiohttp.ClientTimeout(total=300)


def source(config: Config, url: str, key: str) -> Ask:
    """Asks by ``await ask(what, id=…, query=…, csv=…)``, ``what`` being start, show, list, recipients, pause, resume or cancel.

    The answer is the API's document; for a list with mistakes it holds ``refused``, ``cure`` and ``errors`` instead.
    """
    if url or key:
        there = (url or f"http://{config.host}:{config.port}").rstrip("/")
        return lambda what, **asked: _over_http(there, key, what, asked)
    return lambda what, **asked: _here(config, what, asked)


async def _here(config: Config, what: str, asked: Plain) -> Plain:
    request = {"command": f"campaigns.{what}", "who": _who(), **asked}
    answer = await ask_running(config, request)
    if answer is not None:
        return answer
    if what == "start":
        raise Misconfigured(
            "No server runs on this database. Start it with `python run.py serve`, or name it with --url."
        )
    async with own_store(config) as store:
        stored = await store.last_good_rulebook()
        rulebook = None if stored is None else load_stored(stored.files)
        if stored is None or rulebook is None:
            raise Misconfigured("No server ever ran on this database, so it has no campaigns. Check DATABASE_URL.")
        live = replace(rulebook, version=stored.number)
        backend = Backend(store, lambda: live, lambda: datetime.now(UTC), config.app_id, send_rate=config.send_rate)
        return await commands(backend)[f"campaigns.{what}"](request)


def _who() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


async def _over_http(url: str, key: str, what: str, asked: Plain) -> Plain:
    method, path = _address(what, asked)
    headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": CSV} if "csv" in asked else {})
    query = {name: _word(value) for name, value in asked.get("query", {}).items()}
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.request(
                method, f"{url}/v1{path}", params=query, data=asked.get("csv", "").encode() or None, headers=headers
            ) as response,
        ):
            answer: Plain = orjson.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError, ValueError):
        raise Misconfigured(
            f"No Parley answers at {url}. Check the address, with http:// or https://, and that the server runs."
        ) from None
    if response.status < 300:
        return answer
    if str(answer.get("type", "")).endswith(":bad-rows"):
        errors = [[each["field"], each["detail"]] for each in answer.get("errors", ())]
        return {"refused": answer["detail"], "cure": answer.get("cure", ""), "errors": errors}
    raise Refused(str(answer.get("detail", "The server refused it.")), "api", str(answer.get("cure", "")))


def _address(what: str, asked: Plain) -> tuple[str, str]:
    here = f"/campaigns/{quote(str(asked.get('id', '')), safe='')}"
    match what:
        case "start":
            return "POST", "/campaigns"
        case "list":
            return "GET", "/campaigns"
        case "recipients":
            return "GET", f"{here}/recipients"
        case "show":
            return "GET", here
        case _:
            return "POST", f"{here}/{what}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
