"""What WhatsApp thinks of our sender: kept in the commit that records its notice, and a bad rating stops marketing in the same."""

from __future__ import annotations

import sqlite3
from typing import Final, Literal, cast, get_args

import orjson

from bot.core.event import ChannelNotice
from bot.store.campaigns import RED_WHY, Rating
from bot.store.sqlite.campaign_turns import pause_where
from bot.store.sqlite.times import to_us

CHANGED: Final = "WHATS_APP_QUALITY_RATING_CHANGED"


def note_rating(connection: sqlite3.Connection, notice: ChannelNotice, raw: bytes) -> None:
    """Keep the rating that ``notice`` tells, unless a newer one is kept; RED pauses the marketing campaigns that run."""
    rating = rating_in(notice)
    if rating is None:
        return
    app = _app_of(raw)
    newest = connection.execute(
        "INSERT INTO quality (app, channel, rating, changed_at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " rating = excluded.rating, changed_at = excluded.changed_at WHERE excluded.changed_at >= changed_at",
        (app, notice.channel, rating, to_us(notice.at)),
    ).rowcount
    if newest and rating == "RED":
        pause_where(connection, "category = 'marketing' AND ? IN (app, '')", (app,), RED_WHY)


def rating_in(notice: ChannelNotice) -> Rating | None:
    """The new rating, whatever the field is called; None where the notice is about something else."""
    if notice.event_type != CHANGED:
        return None
    for name, value in notice.detail.items():
        word = value.strip().upper()
        is_new = not any(each in name.lower() for each in ("previous", "old", "last"))
        if "rating" in name.lower() and is_new and word in get_args(Rating):
            return cast(Rating, word)
    return None


def _app_of(raw: bytes) -> str:
    """The app that the webhook names; empty where it names none, as a project-wide one may."""
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    app = content.get("app_id") if isinstance(content, dict) else None
    return app if isinstance(app, str) else ""


def rating_of(connection: sqlite3.Connection, app: str) -> Rating | Literal[""]:
    """What was told last of this app, or of the whole project."""
    row = connection.execute(
        "SELECT rating FROM quality WHERE app IN (?, '') ORDER BY changed_at DESC LIMIT 1", (app,)
    ).fetchone()
    return "" if row is None else cast(Rating, row[0])
