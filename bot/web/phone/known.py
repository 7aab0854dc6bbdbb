"""Decisions made again to tell why, kept for as long as somebody may look at them again.

message id -> trace -> decided again -> reasons
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bot.core.rulebook import Rulebook
from bot.errors import Failed
from bot.store.port import Archive
from bot.store.sqlite.archive import open_archive
from bot.store.units import MessageView, StoredRulebook, TraceView
from bot.work.explain import Explained, explained
from bot.work.rulebook_shelf import Shelf

KEPT: Final = 200
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Known:
    """What the database tells of a message. ``trace`` None: no rule's decision led to it, or none yet. ``message``: how it went with one of
    ours. ``gone`` says why a decision cannot be looked at any more. ``rules`` are the files that answered,
    ``rulebook`` what they say."""

    trace: TraceView | None
    explained: Explained | None = None
    message: MessageView | None = None
    gone: str = ""
    rules: StoredRulebook | None = None
    rulebook: Rulebook | None = None


class KnownReasons:
    """Over one database, which other threads and processes may write to meanwhile."""

    def __init__(self, database: Path, app_id: str) -> None:
        self._database = database
        self._app_id = app_id
        self._shelf = Shelf(self._stored)
        self._explained: OrderedDict[int, Explained] = OrderedDict()

    async def of(self, message_id: str, outbox_id: str) -> Known:
        """All about one message: a person's by its id, one of ours also by that of the outbox (or empty)."""
        return await asyncio.to_thread(self._with, lambda archive: self._known(archive, message_id, outbox_id))

    def _known(self, archive: Archive, message_id: str, outbox_id: str) -> Known:
        message = archive.message(outbox_id) if outbox_id else None
        trace = archive.trace_of(outbox_id or message_id)
        if trace is None:
            return Known(None, message=message)
        try:
            found = self._explain(trace, archive)
        except Failed as trouble:
            return Known(trace, message=message, gone=str(trouble))
        number = found.decision.because.pinned or trace.version
        return Known(trace, found, message, "", archive.rulebook(number), self._shelf.rulebook(number))

    def _explain(self, trace: TraceView, archive: Archive) -> Explained:
        found = self._explained.pop(trace.inbox_id, None)
        if found is None:
            found = explained(trace, archive, self._app_id, shelf=self._shelf)
        self._explained[trace.inbox_id] = found
        if len(self._explained) > KEPT:
            self._explained.popitem(last=False)
        return found

    def _stored(self, number: int) -> StoredRulebook | None:
        return self._with(lambda archive: archive.rulebook(number))

    def _with(self, ask: Callable[[Archive], _Found]) -> _Found:
        with closing(open_archive(self._database)) as archive:
            return ask(archive)
