"""A real ``demo`` process, and the phones at its emulator."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.log_watch import naming

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
STARTS_WITHIN_S = 60.0  # on a machine that does much else
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Demo:
    """``url`` and ``emulator_url`` without a slash at the end; ``rules`` is a folder of its own that may be edited; ``key`` is an API key
    that may do everything."""

    url: str
    emulator_url: str
    rules: Path
    key: str
    session: ClientSession
    process: asyncio.subprocess.Process

    async def say(self, identity: str, text: str) -> str:
        """A person writes; their message's id."""
        return str((await self.control("say", identity=identity, text=text))["message_id"])

    async def tap(self, identity: str, message_id: str, choice: int | str) -> str:
        """A person taps an option."""
        answer = await self.control("tap", identity=identity, message_id=message_id, choice=choice)
        return str(answer["message_id"])

    async def later(self, **stretch: float) -> None:
        """Time passes for bot and emulator: ``hours`` or ``seconds``."""
        await self.control("clock", **stretch)

    async def control(self, name: str, **content: object) -> Any:
        """One of the emulator's own controls."""
        async with self.session.post(f"{self.emulator_url}/emulator/{name}", json=content) as response:
            assert response.status < 400, await response.text()
            return await response.json()

    async def bubbles(self, identity: str, least: int = 0) -> list[dict[str, Any]]:
        """What is on a phone, waiting until the business has sent ``least`` messages."""
        turn, found = 0, dict[str, dict[str, Any]]()
        async with asyncio.timeout(STARTS_WITHIN_S):
            while True:
                query = {"after": str(turn), "wait": "5"}
                async with self.session.get(
                    f"{self.emulator_url}/emulator/phones/{identity}", params=query
                ) as response:
                    answer = await response.json()
                turn = answer["turn"]
                found |= {each["message_id"]: each for each in answer["bubbles"]}
                if sum(each["from"] == "business" for each in found.values()) >= least:
                    return list(found.values())

    async def api(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Any:
        """Ask the API, below ``/v1``."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.request(method, f"{self.url}/v1{path}", json=content, headers=headers) as response:
            assert response.status < 400, await response.text()
            return await response.json() if response.content_type == "application/json" else None


@asynccontextmanager
async def demo_process(
    folder: Path, environment: Mapping[str, str] | None = None, *options: str
) -> AsyncIterator[Demo]:
    """A demo on ports and rules of its own; ended, by its process id, afterwards."""
    rules = folder / "rules"
    await asyncio.to_thread(shutil.copytree, RULES, rules, dirs_exist_ok=True)
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("SINCH_", "ADMIN_", "DATABASE_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run.py"),
        *("demo", "--port", "0", "--emulator-port", "0", "--rules", str(rules), *options),
        cwd=folder,
        env={**keep, "NO_COLOR": "1", "COLUMNS": "200", **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with ClientSession() as session:
            url, emulator_url, key = await _greeting(process)
            drained = asyncio.create_task(_drain(process))
            yield Demo(url, emulator_url, rules, key, session, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()
    await drained


async def _greeting(process: asyncio.subprocess.Process) -> tuple[str, str, str]:
    """Addresses and key from what the demo prints."""
    assert process.stdout is not None
    seen, url, emulator_url = "", "", ""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while line := (await process.stdout.readline()).decode():
            seen += line
            address = _ADDRESS.search(line)
            if address and not url:
                url = address[1]
            if address and "emulat" in line.lower():
                emulator_url = address[1]
            if found := re.search(r"Bearer (\S+)'", line):
                return url, emulator_url, found[1]
    raise AssertionError(f"The demo did not start:\n{seen}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """After its greeting it only logs, and so names nobody."""
    assert process.stdout is not None
    said = b""
    while part := await process.stdout.read(65_536):
        said += part
    assert naming(said.decode(errors="replace").splitlines()) == []
