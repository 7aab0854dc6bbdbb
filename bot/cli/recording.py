"""``test --record``: a stored conversation as a test, ready to paste."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Final

from bot.cli.database import database_file
from bot.cli.output import aside, line
from bot.config import Config
from bot.core.event import ContactKey
from bot.core.rulebook import Rulebooks
from bot.errors import Refused
from bot.rulebook.suite.writing import written
from bot.store.port import Archive
from bot.store.sqlite.archive import open_archive
from bot.store.units import TraceView
from bot.work.inbox import Deciding
from bot.work.recording import conversation_around, record
from bot.work.replay import Kept, in_order, keep
from bot.work.rulebook_shelf import Shelf
from bot.work.stored_events import reader

AROUND: Final = timedelta(days=30)  # a conversation has pauses of a day at most
EVERYBODY: Final = 1 << 60  # so many shares that each person has one alone
_PHONE: Final = re.compile(r"\+?[\d ]{7,20}")


def record_one(config: Config, what: str) -> None:
    """Print the test of the conversation that ``what``, a message's id or a phone number, belongs to.

    Raises ``Refused`` where nothing is stored of it, and ``Misconfigured`` where there is no database.
    """
    with closing(open_archive(database_file(config))) as archive:
        trace = _found(archive, config.app_id, what)
        shelf = Shelf(archive.rulebook)
        kept = conversation_around(_kept(archive, config, trace, shelf), trace.inbox_id)
        if not kept:
            raise Refused("What the person sent is no longer kept.", "gone", "Record a newer conversation.")
        recording = record(kept, shelf)
    line(written(recording.test).rstrip())
    for note in recording.notes:
        aside(f"Note: {note}")
    aside("It holds what the person wrote; take out names and whatever else is private before you share it.")


def _found(archive: Archive, app_id: str, what: str) -> TraceView:
    trace = decision_about(what, archive, app_id)
    if trace is None:
        raise Refused(
            f'Nothing is stored of "{what}".', "unknown", "Give a message's id as explain shows it, or a phone number."
        )
    return trace


def decision_about(what: str, archive: Archive, app_id: str) -> TraceView | None:
    """What was decided about the message of that id, or last about the person with that phone number."""
    what = what.strip()
    trace = archive.trace_of(what)
    if trace is None and _PHONE.fullmatch(what):
        trace = archive.last_trace(ContactKey(app_id, "WHATSAPP", re.sub(r"\D", "", what)))
    return trace


def _kept(archive: Archive, config: Config, trace: TraceView, shelf: Shelf) -> Sequence[Kept]:
    """All that was decided about this person around that time, in order."""
    since, until = trace.decided_at - AROUND, trace.decided_at + AROUND
    traces = archive.traces(since, until, bucket=(trace.person, EVERYBODY))
    live = Rulebooks(shelf.rulebook(trace.version))
    deciding = Deciding(reader(config.app_id), lambda: live, archive.installation_key)
    return in_order(found for each in traces if (found := keep(each, deciding)) is not None)
