"""Backends, campaigns and subscribers while the server dies again and again: each recipient once or listed, each key one message, each
event told at least once."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import product
from typing import Any, Final

from tests.kill.lives import Life
from tests.kill.office import Office
from tests.kill.run import Run
from tests.oracle import accepted_in

OF_A_CAMPAIGN: Final = ("campaign.placed", "campaign.committed")
OTHERS: Final = ("place.in_transaction", "news.published", "callback.started", "callback.answered")
_ALSO: Final = ("start.committed", "send.answered", "finish.in_transaction")
_LATEST_VISIT: Final = 4
_OF_CAMPAIGNS: Final = "4676"


class Business:
    """``people``: how many each campaign goes to."""

    def __init__(self, run: Run, office: Office, people: int) -> None:
        self._run = run
        self._office = office
        self._people = people
        self._ordered: list[asyncio.Task[dict[str, Any]]] = []

    async def begin(self) -> None:
        """A life in which the office subscribes, killed as soon as that is answered."""
        life = await self._ready()
        wanted = {"url": self._office.url, "events": ["message.status"]}
        subscription = await self._office.asks("POST", "/v1/subscriptions", wanted)
        self._office.secret = subscription["secret"]
        await self._killed(life)

    async def kills(self) -> None:
        """A round: a campaign is ordered, and the server dies twice on its way; then each other point once."""
        run = self._run
        self._ordered.append(asyncio.create_task(self._order(len(self._ordered))))
        async with self._office.sending():
            for point in OF_A_CAMPAIGN:
                await run.kill_at(point)
            for point in run.dice.sample(OTHERS + _ALSO, len(OTHERS + _ALSO)):
                await run.kill_at(point, run.dice.randint(1, _LATEST_VISIT))

    async def end(self) -> None:
        """A life in which everything is answered that was left without an answer, also each campaign's order once more."""
        life = await self._ready()
        await self._office.finish()
        await asyncio.gather(*self._ordered)
        for number in range(len(self._ordered)):
            await self._order(number)
        await self._killed(life)

    def broken(self) -> list[str]:
        """A sentence for each promise that did not hold, once everything has drained."""
        keys = [f"{key} was answered with two messages" for key in self._office.other_answers]
        return [*keys, *self._once_or_listed(), *self._each_key_once(), *self._untold()]

    async def _order(self, number: int) -> dict[str, Any]:
        recipients = [
            {"to": f"+{_identity(number, line)}", "values": {"number": str(line)}} for line in range(self._people)
        ]
        body = {"template": {"name": "order_packed"}, "not_between": None, "recipients": recipients}
        return await self._office.asks(
            "POST", "/v1/campaigns", {"name": f"Spring {number}", **body}, f"spring-{number}"
        )

    async def _ready(self) -> Life:
        life = self._run.start()
        assert await life.until_ready(), life.written()
        return life

    async def _killed(self, life: Life) -> None:
        self._run.launcher.signal(life, signal.SIGKILL)
        await life.until_ended()
        self._run.count(life, "random")

    def _once_or_listed(self) -> list[str]:
        """Recipients that did not get it once: those the report lists as held are told apart."""
        accepted = Counter(
            sent.identity for sent in accepted_in(self._run.truth) if sent.identity.startswith(_OF_CAMPAIGNS)
        )
        rows = self._rows("SELECT identity, state FROM outbox WHERE origin = 'campaign'")
        states = {str(identity): str(state) for identity, state in rows}
        broken = [f"{identity} got it {count} times" for identity, count in accepted.items() if count > 1]
        for campaign, line in product(range(len(self._ordered)), range(self._people)):
            identity = _identity(campaign, line)
            state = states.get(identity, "nowhere")
            if state not in ("sent", "held") or (state == "sent") > accepted[identity]:
                broken.append(f"{identity} is {state} and was accepted {accepted[identity]} times")
        campaigns = self._rows("SELECT count(*) FROM campaign")
        return broken if campaigns == [(len(self._ordered),)] else [*broken, f"{campaigns} campaigns are there"]

    def _each_key_once(self) -> list[str]:
        """Keys whose message was accepted never and is not listed as held either (the oracle judges what was accepted twice)."""
        placed = self._office.placed
        accepted = Counter(sent.outbox_id for sent in accepted_in(self._run.truth))
        rows = self._rows("SELECT id, state FROM outbox WHERE origin = 'api' AND kind = 'message'")
        states = {str(id_): str(state) for id_, state in rows}
        broken = [
            f"{key} is {states.get(id_, 'nowhere')}, and was never accepted"
            for key, id_ in placed.items()
            if not accepted[id_] and states.get(id_) != "held"  # twice in doubt: a person must decide
        ]
        return broken if len(rows) == len(placed) else [*broken, f"{len(rows)} messages of {len(placed)} keys"]

    def _untold(self) -> list[str]:
        """Events that were never told."""
        told = self._office.told
        callbacks = self._rows("SELECT id, state FROM outbox WHERE kind = 'callback'")
        left = self._rows("SELECT count(*) FROM news")
        broken = [f"callback {id_} is {state}" for id_, state in callbacks if state != "sent" or not told[str(id_)]]
        return broken if left == [(0,)] else [*broken, f"{left} news are left"]

    def _rows(self, question: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(f"{self._run.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(question).fetchall()


def _identity(campaign: int, line: int) -> str:
    return f"{_OF_CAMPAIGNS}{campaign:03d}{line:04d}"
