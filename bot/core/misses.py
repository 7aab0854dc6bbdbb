"""Messages that nothing matched: said once for bubbles of one thought, and given up after so many in a row."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.decision import Considered
from bot.core.draft import Draft
from bot.core.following import fit, follow, go_to
from bot.core.message import Message

JOINED_WITHIN = timedelta(seconds=3)  # bubbles of one thought
MISSES_LAST = timedelta(hours=24)
LATE_AFTER = timedelta(hours=1)


def nothing_matched(draft: Draft, message: Message) -> bool:
    """Say so, once for bubbles of one thought, and give up in favour of another rule after so many misses in a row."""
    written_at = message.event.written_at
    if draft.missed_at is not None and abs(written_at - draft.missed_at) <= JOINED_WITHIN:
        draft.missed_at = max(draft.missed_at, written_at)
        draft.excused = True
        draft.note("Joined with the message just before it, which nothing matched either: one miss, one answer.")
        return True
    if _newer_is_late_too(draft, written_at):
        draft.excused = True
        draft.note("It is over an hour old, and so is a newer one: only the newest is told that nothing matched.")
        return True
    _count_miss(draft, written_at)
    return _miss(draft)


def _newer_is_late_too(draft: Draft, written_at: datetime) -> bool:
    scene = draft.scene
    newer = scene.conversation.next_pending_at
    return newer is not None and scene.now - written_at > LATE_AFTER and scene.now - newer > LATE_AFTER


def _count_miss(draft: Draft, written_at: datetime) -> None:
    in_a_row = draft.missed_at is not None and abs(written_at - draft.missed_at) < MISSES_LAST
    draft.misses = draft.misses + 1 if in_a_row else 1
    draft.missed_at = written_at


def _miss(draft: Draft) -> bool:
    scene = draft.scene
    for position in scene.rulebook.on_nothing_matched:
        rule = scene.rulebook.rules[position]
        case, refused = fit(rule, scene)
        draft.considered.append(Considered(rule.name, rule.place, "nothing_matched", refused))
        if refused:
            continue
        if rule.then.misses_goes_to and draft.misses >= rule.then.misses_count:
            draft.note(f"Nothing matched {draft.misses} times in a row.")
            draft.path.append(rule.name)
            go_to(draft, rule.then.misses_goes_to, rule)
        else:
            follow(draft, rule, case)
        return True
    return False
