"""A person's export as a document that anybody can read: what Sinch sent as JSON, and why each decision came out as it did."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from bot.core.decide import decide
from bot.core.reasons import reasons
from bot.core.rulebook import Rulebooks
from bot.errors import Failed
from bot.store.units import StoredRulebook, TraceView
from bot.work.replay import heard_in, keep
from bot.work.replay_jobs import deciding_of
from bot.work.rulebook_shelf import Shelf

NO_LONGER_KEPT: Final = "What it was decided on is no longer kept."
ABOUT: Final = (
    "Everything that Parley keeps about this person. Times are RFC 3339 in UTC. `received` is what came from or about them, `sent` "
    "what left to them (kind message), was asked of your own systems (call) or told to them (callback), `decisions` why. Numbers lead "
    "from one to another."
)


def rulebooks_of(export: Mapping[str, object]) -> set[int]:
    """The numbers of the rulebooks that ``document`` asks for."""
    return {number for trace in _traces(export) for number in (trace.version, trace.pinned) if number}


def document(
    export: Mapping[str, object], app_id: str, key: bytes, find: Callable[[int], StoredRulebook | None]
) -> dict[str, object]:
    """What the store exported, JSON-ready. ``find`` knows stored rulebooks by number, ``key`` is the installation's."""
    why = _Why(app_id, key, Shelf(find))
    told = {name: _readable(rows) for name, rows in export.items() if name != "decisions"}
    return {"about": ABOUT, **told, "decisions": [why.of(trace) for trace in _traces(export)]}


def _traces(export: Mapping[str, object]) -> Sequence[TraceView]:
    found = export["decisions"]
    return [each for each in found if isinstance(each, TraceView)] if isinstance(found, list) else []


def _readable(rows: object) -> object:
    if not isinstance(rows, list):
        return rows
    return [{name: _text(value) for name, value in row.items()} for row in _mappings(rows)]


def _mappings(rows: Iterable[Any]) -> Iterable[Mapping[str, object]]:
    return (row for row in rows if isinstance(row, dict))


def _text(value: object) -> object:
    """A body as the JSON or the text that it is."""
    if not isinstance(value, bytes):
        return value
    try:
        content = orjson.loads(value)
        orjson.dumps([[[[content]]]])  # what is nested too deeply can be read, and not be written
        return content
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


class _Why:
    """Decides again, each stored rulebook built once."""

    def __init__(self, app_id: str, key: bytes, shelf: Shelf) -> None:
        self._app_id = app_id
        self._key = key
        self._shelf = shelf

    def of(self, trace: TraceView) -> dict[str, object]:
        heard, why = self._again(trace)
        return {
            "number": trace.inbox_id,
            "decided_at": trace.decided_at.isoformat(),
            "rulebook": trace.version,
            "layer": trace.layer,
            "heard": heard,
            "why": why,
        }

    def _again(self, trace: TraceView) -> tuple[str | None, list[str]]:
        try:
            kept = keep(trace, deciding_of(self._app_id, self._shelf.rulebook(trace.version), self._key))
            if kept is None:
                return None, [NO_LONGER_KEPT]
            rulebooks: Rulebooks = self._shelf.rulebooks(trace.version, kept.conversation.state)
        except Failed as gone:
            return None, [str(gone)]
        decision = decide(kept.event, kept.conversation, rulebooks, kept.now)
        pinned = rulebooks.older.get(decision.because.pinned)
        return heard_in(kept.event), list(reasons(decision, rulebooks.live, False, pinned))
