"""The truth is written before the answer, and outlives both sides."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings
from bot.sinch.emulator.fields import Json, text_in
from tests.sinch.emulator.caller import ANN, APP, Caller, basic, text_to
from tests.sinch.emulator.conftest import Start

SERVER = """
import asyncio, sys
from pathlib import Path
from bot.sinch.emulator import Emulator, EmulatorSettings

async def main():
    emulator = Emulator(EmulatorSettings(truth_path=Path(sys.argv[1])))
    await emulator.start()
    print(emulator.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def lines(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("fsync", [False, True])
async def test_file_and_memory_tell_the_same(start: Start, session: ClientSession, tmp_path: Path, fsync: bool) -> None:
    path = tmp_path / "deep" / "truth.jsonl"
    emulator = await start(EmulatorSettings(truth_path=path, truth_fsync=fsync))
    caller = Caller(emulator, session)
    said = await emulator.person(ANN, APP).says("hi")
    sent = await asyncio.gather(*(caller.send(text_to(ANN, f"No. {number}")) for number in range(20)))
    assert {entry["message_id"] for entry in lines(path) if entry["kind"] == "accepted"} == set(sent)
    await emulator.settled()
    await emulator.truth.stop()
    assert lines(path) == list(emulator.truth.entries)
    assert [entry["n"] for entry in lines(path)] == list(range(1, len(lines(path)) + 1))
    assert [entry["about"] for entry in lines(path) if entry["kind"] == "said"] == [said]


async def test_no_answer_before_it_is_written(start: Start, session: ClientSession) -> None:
    """The truth goes into a pipe that is full: while it cannot be written, the send is not answered."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    emulator = await start(EmulatorSettings(truth_path=Path(f"/proc/self/fd/{writer}")))
    caller = Caller(emulator, session)
    sending = asyncio.ensure_future(caller.send(text_to(ANN)))
    try:
        while not emulator.truth.of("accepted"):
            assert (await caller.call("GET", f"apps/{APP}")).status == 200
        for _ in range(20):
            assert (await caller.call("GET", f"apps/{APP}")).status == 200
        assert not sending.done()
        os.read(reader, 4096)
        message_id = await sending
        assert message_id.encode() in os.read(reader, 4096)
        await emulator.settled()
    finally:
        os.close(reader)  # whoever still writes gets an error instead of waiting for ever
        os.close(writer)


async def test_no_answer_when_it_cannot_be_written(start: Start, session: ClientSession) -> None:
    emulator = await start(EmulatorSettings(truth_path=Path("/dev/full")))
    answer = await Caller(emulator, session).call("POST", "messages:send", text_to(ANN))
    assert (answer.status, answer.error["status"]) == (500, "INTERNAL")
    assert not emulator.truth.entries


async def test_survives_kill_minus_nine(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(path), stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        answered: set[str] = set()
        async with ClientSession(headers={"Authorization": basic()}) as session:

            async def keep_sending() -> None:
                while True:
                    async with session.post(f"{url}/v1/projects/p/messages:send", json=text_to(ANN)) as answer:
                        answered.add(text_in(await answer.json(), "message_id"))
                    if len(answered) >= 50 and process.returncode is None:
                        process.kill()

            ends = await asyncio.gather(*(keep_sending() for _ in range(8)), return_exceptions=True)
        assert all(isinstance(end, OSError) or "disconnected" in str(end).lower() for end in ends), ends
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    # A last line that breaks off was never answered: the kill came in the middle of writing it.
    whole = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert answered <= {text_in(entry, "message_id") for entry in whole}
    assert len(answered) >= 50


async def test_memory_is_bounded(start: Start, session: ClientSession) -> None:
    emulator = await start(EmulatorSettings(remember=5, receipts=(), dispatch_retention_days=1))
    caller = Caller(emulator, session)
    await emulator.person(ANN, APP).says("hi")
    sent = [await caller.send(text_to(ANN)) for _ in range(8)]
    assert [entry["message_id"] for entry in emulator.truth.entries] == sent[-5:]
    assert emulator.world.messages.remembered(sent[2]) is None
    assert emulator.world.messages.remembered(sent[3]) is not None


async def test_listener_hears_everything() -> None:
    heard: list[Json] = []
    emulator = Emulator(EmulatorSettings(), listener=heard.append)
    await emulator.start()
    await emulator.person(ANN, APP).says("hi")
    await emulator.stop()
    assert [entry["kind"] for entry in heard] == ["said"]
