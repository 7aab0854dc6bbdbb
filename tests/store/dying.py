"""Lives of a store whose deciding ends the whole process at the word poison, as a fault within a C library does.

``python -m tests.store.dying DATABASE`` lives until one comes to its end, and prints a JSON line of each: how it ended, what the start
found, and what was decided.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import os
import resource
import sqlite3
import sys
import traceback
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import astuple
from datetime import datetime
from functools import partial
from pathlib import Path

import orjson

from bot.core.conversation import Conversation
from bot.core.decision import Because, Decision
from bot.core.event import Event, InboundMessage, Text
from bot.core.rulebook import Rulebooks
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind
from bot.work import inbox
from bot.work.inbox import MOST_TRIES, Deciding, decide_lane
from tests.store.making import BO, at, wrote

LIVES_MOST = 8
APART_S = 100.0
RULES = b"rules: [{name: otherwise, when: {nothing_matched: true}, reply: {text: Pardon?}}]"
ARRIVES = [wrote("poison"), wrote("hello again", when=at(1)), wrote("hello", BO)]


def decide(event: Event, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    if isinstance(event, InboundMessage) and event.content == Text("poison"):
        ctypes.string_at(0)
    return Decision(conversation.state, (), Because("none"))


def read(kind: InboxKind, raw: bytes, received_at: datetime) -> Event:
    return next(each.event for each in ARRIVES if each.raw == raw)


async def live(path: Path, number: int, told: int) -> None:
    now = at(number * APART_S)
    store = await open_store(path, app="APP")
    struck = await store.recover_events(now, MOST_TRIES)
    os.write(told, orjson.dumps(None if struck is None else astuple(struck)) + b"\n")
    # Sinch sends again what was not acknowledged; recording and deciding share a commit, as the server's do.
    await asyncio.gather(store.record(ARRIVES, now), _decided(store, now))
    await _decided(store, at(number * APART_S + APART_S / 2))
    await store.close()


async def _decided(store: Store, now: datetime) -> None:
    rulebook = load_files({"rules/shop.yaml": RULES}).rulebook
    assert rulebook is not None
    deciding = Deciding(read, lambda: Rulebooks(rulebook), b"k" * 32)
    await store.decide_ready(64, now, partial(decide_lane, deciding, now))


def in_a_child(life: Callable[[int], Coroutine[None, None, None]]) -> tuple[int, bytes]:
    """How the life ended, and what it told to the file descriptor that it was given."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(life(writing))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with open(reading, "rb") as pipe:
        return os.waitstatus_to_exitcode(status), pipe.read()


def rows(path: Path) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT CAST(raw AS TEXT), state, tries FROM inbox ORDER BY id").fetchall()


def main() -> None:
    path = Path(sys.argv[1])
    setattr(inbox, "decide", decide)  # noqa: B010 a name that it imported
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(LIVES_MOST):
        status, told = in_a_child(partial(live, path, number))
        line = {"status": status, "struck": orjson.loads(told), "rows": rows(path)}
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
        if status >= 0:
            break


if __name__ == "__main__":
    main()
