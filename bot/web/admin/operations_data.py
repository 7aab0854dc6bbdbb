"""What the operations page shows, read in one go: numbers from tallies and capped counts, never from whole tables."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from bot.store.sqlite.connection import migrations, schema_version
from bot.store.subscriptions import Subscription
from bot.store.tallies import FINE, Total
from bot.store.users import Deed, User
from bot.web.admin import operations_view as view
from bot.web.admin.desk import Desk
from bot.web.site.charts import floored
from bot.web.site.words import number, size

DEEDS_SHOWN: Final = 12
LOW_DISK: Final = 1_000_000_000
LARGE_WAL: Final = 256_000_000


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the server can work; ``remarks`` are worth knowing although it can."""

    problems: Sequence[str]
    remarks: Sequence[str]
    facts: Sequence[view.Fact]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What changes from moment to moment."""

    tiles: Sequence[view.Tile]
    outbox: Sequence[view.Fact]
    sending: Sequence[view.Fact]
    subscriptions: Sequence[Subscription]
    failures: Sequence[view.FailureLine]
    failures_left: int
    dead: int
    refused: int
    deeds: Sequence[Deed]
    users: Sequence[User]


async def numbers(desk: Desk, period: view.Period, now: datetime) -> Numbers:
    """Everything but charts and health."""
    store = desk.backend.store
    since, until = period.since(now), period.until(now)
    spark_since = view.spark_since(now)
    recent = await store.tallies.series(
        (*view.COUNTS, "delay"), spark_since, spark_since + view.SPARK_OF, view.SPARK_STEP
    )
    left = await store.work_left(now)
    reasons = await store.tallies.totals("reason", floored(since, view.PERIODS[1].step), until)
    throttled = await store.tallies.totals("throttled", since, until)
    dead, refused = await store.trouble.counts(desk.backend.app_id)
    return Numbers(
        view.tiles(recent, left, now),
        view.outbox_facts(left),
        view.sending_facts(
            desk.backend.send_rate, await _pace(desk, now), _sum(throttled), await store.campaigns.rating(), period
        ),
        await store.subscriptions.listed(),
        view.failure_lines(reasons),
        _sum(reasons[view.REASONS_MOST :]),
        dead,
        refused,
        await store.users.deeds(DEEDS_SHOWN),
        await store.users.listed(),
    )


async def charts(desk: Desk, period: view.Period, now: datetime) -> list[view.Chart]:
    """Throughput and delay."""
    found = await desk.backend.store.tallies.series(
        ("received", "sent", "delay"), period.since(now), period.until(now), period.step
    )
    return [view.throughput(found, period, now), view.delay(found, period, now)]


async def health(desk: Desk) -> Health:
    """Asks the database to write, as ``/readyz`` does; so do not ask for every change."""
    problems = await desk.health.problems()
    facts = await asyncio.to_thread(_facts, desk.database)
    rules = desk.rules.live
    rulebook = view.Fact(
        "Rulebook", f"version {rules.version}", f"{number(len(rules.rules))} rules", href="/admin/rules"
    )
    return Health(problems, list(desk.health.remarks()), [rulebook, *facts])


async def _pace(desk: Desk, now: datetime) -> float:
    """Messages a second, over the last five to ten minutes."""
    since = floored(now, FINE) - FINE
    sent = await desk.backend.store.tallies.totals("sent", since, now)
    return _sum(sent) / max(1.0, (now - since).total_seconds())


def _sum(totals: Sequence[Total]) -> int:
    return sum(each.count for each in totals)


@cache
def _newest() -> int:
    return migrations()[-1][0]


def _facts(database: Path) -> list[view.Fact]:
    """Of the file and its disk. Blocks. What was written of late stands in a log beside the file, so both together are its size."""
    free = shutil.disk_usage(database.absolute().parent).free
    file, wal = _size(database), _size(database.with_name(f"{database.name}-wal"))
    what = f"{database.name}, with {size(wal)} in the log of what is new, which shrinks by itself"
    return [
        view.Fact("Database", size(file + wal), what, "warn" if wal > LARGE_WAL else ""),
        view.Fact("Disk free", size(free), "", "bad" if free < LOW_DISK else ""),
        _schema(database),
        view.Fact("SQLite", sqlite3.sqlite_version),
    ]


def _schema(database: Path) -> view.Fact:
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            schema = schema_version(connection)
    except sqlite3.DatabaseError as error:
        return view.Fact("Schema", "unknown", f"the file cannot be read: {error}", "bad")
    return view.Fact("Schema", str(schema), "up to date" if schema == _newest() else f"this program knows {_newest()}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- the journal -------------------------------------------------------------------------------------------------------------

_WORDS: Final = re.compile(r"[_-]+")
_PERSON: Final = re.compile(r"(?:person|conversation) (\d{1,18})")
_CAMPAIGN: Final = re.compile(r"campaign (\d{1,18})")
_RULEBOOK: Final = re.compile(r"rulebook (\d{1,18})")


@dataclass(frozen=True, slots=True)
class DeedLine:
    """A deed for people; ``href`` leads to what it was done to."""

    deed: Deed
    what: str
    href: str


def deed_lines(deeds: Sequence[Deed]) -> list[DeedLine]:
    """The stable words as people say them."""
    return [DeedLine(each, _WORDS.sub(" ", each.what), _place(each.subject)) for each in deeds]


def _place(subject: str) -> str:
    if found := _PERSON.fullmatch(subject):
        return f"/admin/conversations/{found[1]}"
    if found := _CAMPAIGN.fullmatch(subject):
        return f"/admin/operations/campaigns/{found[1]}"
    return "/admin/rules" if _RULEBOOK.fullmatch(subject) else ""
