"""Backends, campaigns and subscribers while the server dies again and again: each recipient once or listed, each key one message, each
event told at least once.

``PARLEY_CAMPAIGN`` is how many people the campaign goes to.
"""

import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bot.store.sqlite import open_store
from bot.web.api.keys import make_key
from tests.kill.driver import APP_ID, ORDERS
from tests.kill.lives import Launcher, launcher
from tests.kill.office import Office, office
from tests.kill.points import BUSINESS
from tests.kill.run import Run, kill_run
from tests.oracle import accepted_in

PEOPLE = int(os.environ.get("PARLEY_CAMPAIGN", "1500"))
SPEED = 20.0
DRAIN_S = 45.0 + PEOPLE / 40  # each message has three receipts, and the office is told of each
OF_THE_CAMPAIGN = ("campaign.placed", "campaign.committed")  # first, while there is somebody left to place
OTHERS = (
    *(point for point in BUSINESS if point not in OF_THE_CAMPAIGN),
    "start.committed",
    "send.answered",
    "finish.in_transaction",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parent() -> AsyncIterator[Launcher]:
    async with launcher() as started:
        yield started


async def key_of(database: Path) -> str:
    """A key of the office, made while no server is there."""
    store = await open_store(database, app=APP_ID)
    try:
        return await make_key(store, "office", ["admin"], datetime.now(UTC))
    finally:
        await store.close()


def campaign() -> dict[str, object]:
    recipients = [{"to": f"+4676{number:07d}", "values": {"number": str(number)}} for number in range(PEOPLE)]
    return {
        "name": "Spring",
        "template": {"name": "order_packed"},
        "not_between": None,
        "recipients": recipients,
    }


@pytest.mark.asyncio(loop_scope="module")
async def test_a_campaign_a_backend_and_a_subscriber_go_on_whenever_the_server_dies(
    parent: Launcher, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("PARLEY_KILL_SEED") or random.SystemRandom().randrange(2**32))
    async with kill_run(tmp_path, seed, "", SPEED, ORDERS, parent) as run:
        port = run.environment["PORT"]
        async with office(f"http://127.0.0.1:{port}", await key_of(run.database), run.dice) as backend:
            allow(tmp_path, backend)
            await begin(run, backend)
            async with backend.sending():
                for point in OF_THE_CAMPAIGN:
                    await run.kill_at(point)
                for point in run.dice.sample(OTHERS, len(OTHERS)):
                    await run.kill_at(point, run.dice.randint(1, 4))
            await ending(run, backend)
            judgement = await run.finish(DRAIN_S)
        story = f"seed {seed}: {run.story()}; {len(backend.placed)} keys, {backend.told.total()} events told"
        request.node.add_report_section("call", "kill run", story)
        assert not judgement.broken, "\n".join((story, *judgement.broken))
        assert not run.missed, story
        assert not backend.other_answers, story
        assert once_or_listed(run) == [], story
        assert each_key_once(run, backend) == [], story
        assert untold(run, backend) == [], story


def allow(folder: Path, backend: Office) -> None:
    """The server may call the office's address."""
    settings = folder / "config.yaml"
    host = backend.url.removeprefix("http://").partition("/")[0]
    lines = [
        f"{line}, {host}" if line.startswith("allowed_hosts:") else line for line in settings.read_text().splitlines()
    ]
    settings.write_text("\n".join(lines) + "\n")


async def begin(run: Run, backend: Office) -> None:
    """A life in which the office subscribes and orders the campaign, killed as soon as both are answered."""
    life = run.start()
    assert await life.until_ready(), life.written()
    subscription = await backend.asks("POST", "/v1/subscriptions", {"url": backend.url, "events": ["message.status"]})
    backend.secret = subscription["secret"]
    await backend.asks("POST", "/v1/campaigns", campaign(), "spring")
    run.launcher.signal(life, signal.SIGKILL)
    await life.until_ended()
    run.count(life, "campaign ordered")


async def ending(run: Run, backend: Office) -> None:
    """A life in which everything is answered that was left without an answer, also the campaign's order once more."""
    life = run.start()
    assert await life.until_ready(), life.written()
    await backend.finish()
    again = await backend.asks("POST", "/v1/campaigns", campaign(), "spring")
    campaigns = rows(run.database, "SELECT count(*) FROM campaign")
    assert campaigns == [(1,)], again
    run.launcher.signal(life, signal.SIGKILL)
    await life.until_ended()
    run.count(life, "asked again")


def rows(database: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(question).fetchall()


def once_or_listed(run: Run) -> list[str]:
    """Recipients that did not get it once: those the report lists as held are told apart."""
    accepted = Counter(sent.identity for sent in accepted_in(run.truth) if sent.identity.startswith("4676"))
    states = {
        str(identity): str(state)
        for identity, state in rows(run.database, "SELECT identity, state FROM outbox WHERE origin = 'campaign'")
    }
    broken = [f"{identity} got it {count} times" for identity, count in accepted.items() if count > 1]
    for number in range(PEOPLE):
        identity = f"4676{number:07d}"
        state = states.get(identity, "nowhere")
        if state not in ("sent", "held") or (state == "sent") > accepted[identity]:
            broken.append(f"{identity} is {state} and was accepted {accepted[identity]} times")
    return broken


def each_key_once(run: Run, backend: Office) -> list[str]:
    """Keys whose message was accepted never, or twice without an unknown outcome (which the oracle judges)."""
    accepted = Counter(sent.outbox_id for sent in accepted_in(run.truth))
    placed = rows(run.database, "SELECT count(*) FROM outbox WHERE origin = 'api' AND kind = 'message'")
    broken = [f"{key} has no message accepted" for key, id_ in backend.placed.items() if not accepted[id_]]
    if placed != [(len(backend.placed),)]:
        broken.append(f"{placed} messages of {len(backend.placed)} keys")
    return broken


def untold(run: Run, backend: Office) -> list[str]:
    """Events that were never told."""
    callbacks = rows(run.database, "SELECT id, state FROM outbox WHERE kind = 'callback'")
    left = rows(run.database, "SELECT count(*) FROM news")
    broken = [f"callback {id_} is {state}" for id_, state in callbacks if state != "sent" or not backend.told[str(id_)]]
    return broken if left == [(0,)] else [*broken, f"{left} news are left"]
