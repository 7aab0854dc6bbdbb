"""The list of conversations as it is shown: values for its template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, get_args
from urllib.parse import urlencode

from bot.core.event import InboundMessage, Reaction
from bot.core.reply import buttons_of
from bot.store.contacts import Came, Left
from bot.store.conversations import ListCursor, Row, Show, Totals, Wanted
from bot.store.units import Origin
from bot.web.admin.naming import called
from bot.web.admin.said import Said, said_by_them, said_by_us
from bot.web.api.backend import Backend
from bot.web.api.conversation import event_of

SEARCH_MAX: Final = 200
_CURSOR: Final = re.compile(r"(-?[0-9]{1,18})_(-?[0-9]{1,18})")
_SHOWS: Final[Mapping[str, Show]] = {each: each for each in get_args(Show)}
_TITLES: Final[Mapping[Show, str]] = {
    "all": "All",
    "unread": "Unread",
    "needs_person": "Needs a person",
    "failed": "Failed",
    "stopped": "Opted out",
}
_EMPTY: Final[Mapping[Show, str]] = {
    "all": "No conversations yet. What people write to your WhatsApp number appears here at once.",
    "unread": "Nothing is unread.",
    "needs_person": "Nobody waits for a colleague.",
    "failed": "No conversation has a message that failed.",
    "stopped": "Nobody has opted out.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list was asked for, as the address of every page of the inbox carries it."""

    show: Show = "all"
    search: str = ""
    team: str = ""
    cursor: str = ""

    def query(self, **more: str) -> str:
        """``?show=…``, or nothing; ``more`` takes the place of what is there."""
        values = {"show": "" if self.show == "all" else self.show, "q": self.search, "team": self.team}
        values |= {"cursor": self.cursor} | more
        kept = {name: value for name, value in values.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    @property
    def wanted(self) -> Wanted:
        """For the store."""
        found = _CURSOR.fullmatch(self.cursor)
        after = None if found is None else ListCursor(int(found[1]), int(found[2]))
        return Wanted(self.show, self.search, self.team, after)


def asked_of(query: Mapping[str, str]) -> Asked:
    """From the address; what makes no sense is left out."""
    search = " ".join(query.get("q", "").replace("\x00", "").split())[:SEARCH_MAX]
    cursor = query.get("cursor", "")
    return Asked(_SHOWS.get(query.get("show", ""), "all"), search, query.get("team", "")[:128], cursor[:40])


@dataclass(frozen=True, slots=True)
class FilterLink:
    """``count`` empty where it is not counted."""

    title: str
    href: str
    count: str
    is_current: bool
    show: Show


@dataclass(frozen=True, slots=True)
class Line:
    """A row. ``who`` said the last thing (empty: the person). ``badge`` with its ``tone``: empty where there is none."""

    person: int
    href: str
    name: str
    initials: str
    who: str
    last: str
    at: datetime | None
    badge: str
    tone: str
    unread: bool
    is_current: bool
    team: str


@dataclass(frozen=True, slots=True)
class ListView:
    """The left pane."""

    asked: Asked
    filters: tuple[FilterLink, ...]
    teams: tuple[FilterLink, ...]
    lines: tuple[Line, ...]
    empty: str
    older: str
    newest: str
    unread: str


def list_view(
    asked: Asked,
    rows: Sequence[Row],
    next_: ListCursor | None,
    totals: Totals,
    current: int | None,
    reader: str,
    backend: Backend,
) -> ListView:
    """``current`` is the conversation that is open; ``reader`` is who looks."""
    lines = tuple(_line(row, asked, current, reader, backend) for row in rows)
    first = replace(asked, cursor="")
    teams = backend.rulebook().teams
    return ListView(
        asked=asked,
        filters=tuple(_filter(show, first, totals) for show in _TITLES),
        teams=tuple(_team(team, first) for team in ("", *teams)) if len(teams) > 1 else (),
        lines=lines,
        empty="" if lines else _why_empty(asked, next_),
        older="" if next_ is None else f"/admin/{asked.query(cursor=f'{next_.first}_{next_.second}')}",
        newest=f"/admin/{first.query()}" if asked.cursor else "",
        unread=_count(totals.unread, totals.most),
    )


def _why_empty(asked: Asked, next_: ListCursor | None) -> str:
    if next_ is not None:
        return "Nothing among those looked through so far; go on with older ones."
    if asked.search:
        return (
            f"Nobody fits “{asked.search}”. Search for a part of a number (three digits or more), of a name or another field, "
            "a tag, or the whole id or reference of a message."
        )
    if asked.team and asked.show == "all":
        return f"Team {asked.team} has no conversation, and had none last."
    return _EMPTY[asked.show]


def _filter(show: Show, asked: Asked, totals: Totals) -> FilterLink:
    counts: Mapping[Show, int] = {
        "unread": totals.unread,
        "needs_person": totals.needs_person,
        "failed": totals.failed,
        "stopped": totals.stopped,
    }
    count = _count(counts[show], totals.most) if show in counts else ""
    return FilterLink(_TITLES[show], f"/admin/{replace(asked, show=show).query()}", count, asked.show == show, show)


def _team(team: str, asked: Asked) -> FilterLink:
    href = f"/admin/{replace(asked, team=team).query()}"
    return FilterLink(team or "Every team", href, "", asked.team == team, "all")


def _count(count: int, most: int) -> str:
    return f"{most}+" if count >= most else str(count)


def _line(row: Row, asked: Asked, current: int | None, reader: str, backend: Backend) -> Line:
    name = called(row.fields, row.contact)
    who, said = last_of(row.last, reader, backend)
    badge, tone = _badge(row)
    return Line(
        person=row.person,
        href=f"/admin/conversations/{row.person}{asked.query()}",
        name=name,
        initials=_initials(name),
        who=who,
        last=said.line if said else "Nothing is kept of what was said.",
        at=_at(row),
        badge=badge,
        tone=tone,
        unread=row.unread,
        is_current=row.person == current,
        team=row.team,
    )


def _at(row: Row) -> datetime | None:
    """When the last thing was said."""
    match row.last:
        case Came(at=at):
            return at
        case Left(message=message):
            return message.created_at
        case None:
            return row.moved_at


def _badge(row: Row) -> tuple[str, str]:
    """One, the most urgent."""
    if row.stopped:
        return "stopped", ""
    if row.waiting_since is not None:
        return "needs a person", "warn"
    return ("failed", "bad") if row.failed else ("", "")


def _initials(name: str) -> str:
    words = [word for word in name.split() if word[0].isalpha()]
    return "".join(word[0] for word in words[:2]).upper()


def last_of(last: Came | Left | None, reader: str, backend: Backend) -> tuple[str, Said | None]:
    """Who said the last thing, as the reader sees it (empty: the person), and what."""
    match last:
        case None:
            return "", None
        case Left(message=message):
            # The words matter more here than which key had them sent.
            who = "API" if message.origin is Origin.API else author_of(last, reader)
            return who, said_by_us(message.reply)
        case Came():
            event = event_of(last, backend)
            if isinstance(event, InboundMessage):
                return "", said_by_them(event.content, last.media_kind, backend.store.installation_key, {})
            if isinstance(event, Reaction):
                return "", Said(f"reacted {event.emoji}" if event.emoji else "took a reaction back", quiet=True)
            return "", Said("something that cannot be shown here", quiet=True)


def author_of(left: Left, reader: str) -> str:
    """Who had a message of ours sent."""
    message = left.message
    match message.origin:
        case Origin.PERSON:
            return "You" if message.author == reader else message.author or "A colleague"
        case Origin.API:
            return f"{message.author or 'Backend'} (API)"
        case Origin.CAMPAIGN:
            return f"Campaign {left.origin_id}"
        case Origin.RULE | Origin.TIMER:
            return "Bot"


def labels_of(lefts: Sequence[Left]) -> dict[tuple[str, int], str]:
    """What stood on the buttons of these messages, the newest first among them last."""
    return {
        (button.rule, button.option): button.label
        for left in reversed(lefts)
        for button in buttons_of(left.message.reply)
    }
