"""What leaves the server's process leaves it after the disk was asked to keep what it says; the server runs as an operator starts it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from bot.store.sqlite import open_store
from bot.web.api.keys import make_key
from tests.faults.power_trace import Call, calls, command, too_early, why_not
from tests.kill.driver import APP_ID
from tests.kill.lives import ROOT
from tests.kill.run import Run, kill_run

PAGE = "pwrite64"
NUMBERS = 3


async def exchange(port: int, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own: our port, and the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    own: int = writer.get_extra_info("sockname")[1]
    given = {"Host": "localhost", "Content-Length": str(len(body)), "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return own, answer


async def talk(run: Run, key: str, sinch: int) -> list[tuple[list[str], int, str]]:
    """Webhooks and messages; of each what its page holds, the other end's port, and what may leave only then."""
    port, found = int(run.environment["PORT"]), []
    for number in range(NUMBERS):
        said = run.driver._say()
        own, answer = await exchange(port, "/webhooks/sinch", run.driver._signed(said.body), said.body)
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer
        found.append(([said.message_id], own, "HTTP/1.1 200 OK"))
        body = orjson.dumps({"to": "+46730000001", "template": {"name": "order_packed", "values": {"number": "7"}}})
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": f"{number}"}
        own, answer = await exchange(port, "/v1/messages", headers, body)
        assert answer.startswith(b"HTTP/1.1 202"), answer
        id_ = orjson.loads(answer.partition(b"\r\n\r\n")[2])["id"]
        found.append(([id_], own, "HTTP/1.1 202"))
        found.append(([id_, "sending"], sinch, id_))
    return found


async def sent(run: Run, ids: list[str]) -> None:
    """Return when Sinch has all of these."""
    for _ in range(400):
        if all(id_ in run.truth.read_text() for id_ in ids):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("Sinch did not get what was to be sent.")


async def traced(run: Run, key: str, out: Path) -> list[tuple[list[str], int, str]]:
    """The server under strace, from its start until it has answered and sent everything."""
    sinch = urlsplit(run.environment["SINCH_API_URL"]).port
    assert sinch is not None
    process = await asyncio.create_subprocess_exec(
        *command(out), sys.executable, str(ROOT / "run.py"), "serve",
        cwd=run.folder, env={**os.environ, **run.environment}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            await process.stdout.readline()
            found = await talk(run, key, sinch)
            await sent(run, [id_ for _, port, id_ in found if port == sinch])
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return found


@pytest.mark.skipif(bool(why_not()), reason=f"strace cannot be used here: {why_not()}")
async def test_what_is_acknowledged_or_sent_leaves_after_its_sync(tmp_path: Path) -> None:
    async with kill_run(tmp_path, 1, speed=1.0) as run:
        store = await open_store(run.database, app=APP_ID)
        key = await make_key(store, "office", ["admin"], run.clock.now())
        await store.close()
        expected = await traced(run, key, tmp_path / "trace")
    trace = calls((tmp_path / "trace").read_text())
    assert [early for kept, port, told in expected if (early := too_early(trace, kept, port, told))] == []


# --- the reading of a trace ---------------------------------------------------------------------------------------------

WRITTEN = '7 pwrite64(9</x/parley.db-wal>, "..row 5.."..., 4096, 56) = 4096'
SYNCED = "7 fdatasync(9</x/parley.db-wal>)   = 0"
ANSWERED = '6 sendto(11<TCP:[127.0.0.1:80->127.0.0.1:5001]>, "HTTP/1.1 200 OK", 15, 0, NULL, 0) = 15'


def early(*lines: str) -> str:
    return too_early(calls("\n".join(lines)), ["row 5"], 5001, "200 OK")


def test_an_answer_after_the_sync_is_right() -> None:
    assert early(WRITTEN, SYNCED, ANSWERED) == ""
    halves = ("7 fdatasync(9</x/parley.db-wal> <unfinished ...>", "7 <... fdatasync resumed>)       = 0")
    assert early(WRITTEN, *halves, ANSWERED) == ""


def test_an_answer_before_the_sync_is_found_out() -> None:
    halves = ("7 fdatasync(9</x/parley.db-wal> <unfinished ...>", "7 <... fdatasync resumed>)       = 0")
    assert "left in line 0" in early(ANSWERED, WRITTEN, SYNCED)
    assert "left in line 1" in early(WRITTEN, ANSWERED, SYNCED)
    assert "left in line 2" in early(WRITTEN, halves[0], ANSWERED, halves[1])
    assert "The sync of the log never came" in early(SYNCED, WRITTEN, ANSWERED)
    assert "The sync of the log never came" in early(
        WRITTEN, SYNCED.replace("= 0", "= -1 EIO (Input/output error)"), ANSWERED
    )
    assert "No page" in early(SYNCED, ANSWERED)


def test_calls_are_read_whole() -> None:
    (call,) = calls(ANSWERED)
    assert call == Call("sendto", "TCP:[127.0.0.1:80->127.0.0.1:5001]", call.said, 0, 0)
    assert "HTTP/1.1 200 OK" in call.said
