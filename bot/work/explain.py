"""Deciding again what was decided before, from its trace, to tell why."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.decide import decide
from bot.core.decision import Decision
from bot.core.reasons import reasons
from bot.core.rulebook import Rulebooks
from bot.errors import Failed
from bot.store.port import Archive
from bot.store.units import TraceView
from bot.work.inbox import Deciding
from bot.work.replay import Kept, keep
from bot.work.replay_jobs import deciding_of
from bot.work.rulebook_shelf import Shelf


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision made again, what it was made on, and why it came out so, in sentences."""

    kept: Kept
    decision: Decision
    why: list[str]


def explained(
    trace: TraceView, archive: Archive, app_id: str, every_rule: bool = False, shelf: Shelf | None = None
) -> Explained:
    """The decision of ``trace``, with the rulebooks that made it. ``every_rule`` tells of those that nothing spoke to as well.

    ``shelf``: one that is kept for further questions. Raises ``Failed`` where the event is no longer kept, or a rulebook cannot be read
    any more.
    """
    shelf = shelf or Shelf(archive.rulebook)
    kept = _kept(trace, deciding_of(app_id, shelf.rulebook(trace.version), archive.installation_key))
    rulebooks = shelf.rulebooks(trace.version, kept.conversation.state)
    decision = decide(kept.event, kept.conversation, rulebooks, kept.now)
    pinned = rulebooks.older.get(decision.because.pinned)
    return Explained(kept, decision, reasons(decision, rulebooks.live, every_rule, pinned))


def decide_again(trace: TraceView, deciding: Deciding, rulebooks: Rulebooks) -> Decision:
    """The decision of ``trace`` with the rulebooks given. Raises ``Failed`` where its event can no longer be read."""
    kept = _kept(trace, deciding)
    return decide(kept.event, kept.conversation, rulebooks, kept.now)


def _kept(trace: TraceView, deciding: Deciding) -> Kept:
    kept = keep(trace, deciding)
    if kept is None:
        raise Failed("What the person sent is no longer kept, so the decision cannot be looked at.", "gone")
    return kept
