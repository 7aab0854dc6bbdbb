"""What time does: a question nobody answered, a reminder, a long silence, a window about to close.

Timers are set when the person writes, by the rules of that moment; when one fires, today's rule of that name decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.core.choosing import first_that_fits
from bot.core.conversation import WINDOW, Conversation
from bot.core.decision import Decision, DropTimer, SetTimer
from bot.core.draft import Draft
from bot.core.drafting import begin, finished, held, ignored
from bot.core.event import InboundMessage, TimerFired
from bot.core.following import conclude
from bot.core.hearing import named
from bot.core.occasions import in_anothers_hands, waits_for_call
from bot.core.question_layer import Pinned
from bot.core.rule import Rule, SilentFor, WindowCloses
from bot.core.rulebook import Rulebooks

AGAIN_AFTER = timedelta(seconds=1)  # the end of what a timer has to wait for


def forget_reminders(draft: Draft) -> None:
    """The person wrote: what was to remind them has no reason any more."""
    for name in draft.reminders:
        draft.timers += (DropTimer(name),)
    draft.reminders = ()


def watch_silence(draft: Draft, event: InboundMessage) -> None:
    """Set the timers of ``silent_for`` and ``window_closes_in`` anew, from the person's own time; none for somebody who said STOP."""
    scene = draft.scene
    if scene.conversation.consent.stopped:
        return
    since = {"since": event.written_at.isoformat()}
    rulebook = draft.rulebooks.live
    for position in (*rulebook.on_silence, *rulebook.on_window_closing):
        rule = rulebook.rules[position]
        for name, due_at in _moments(rule, event.written_at):
            if rule.enabled and due_at > scene.now:
                draft.timers += (SetTimer(name, due_at, since),)


def _moments(rule: Rule, written_at: datetime) -> Iterator[tuple[str, datetime]]:
    for trigger in rule.triggers:
        if isinstance(trigger, SilentFor):
            yield f"silent:{rule.name}", written_at + trigger.after
        elif isinstance(trigger, WindowCloses):
            yield f"window:{rule.name}", written_at + WINDOW - trigger.before


def to_timer(event: TimerFired, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """What is due, unless the person wrote, stopped or is in a colleague's hands since."""
    kind, _, name = event.name.partition(":")
    if conversation.consent.stopped:
        return ignored(conversation, "The person said STOP, so no timer speaks.")
    if waits_for_call(conversation, now):
        return held(conversation)
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    if in_anothers_hands(draft):
        return ignored(
            conversation, f"Team {draft.in_charge} has the conversation, so the timer {event.name} does nothing."
        )
    draft.layer = "timer"
    match kind:
        case "question":
            return _no_answer(draft, event)
        case "remind":
            return _remind(draft, event)
        case _:
            return _silence(draft, event, kind, name)


def _no_answer(draft: Draft, event: TimerFired) -> Decision:
    asked = draft.question
    if asked is None or asked.deadline is None or asked.deadline > draft.scene.now:
        return ignored(draft.scene.conversation, "The question was answered, left or asked again meanwhile.")
    draft.question = None
    rule = draft.rulebooks.at(asked.version).rule(asked.rule)
    draft.note(f"Nobody answered the question for {asked.slot} of rule {asked.rule} in time.")
    if rule is not None:
        draft.path.append(rule.name)
        with Pinned(draft, asked):
            conclude(draft, rule, "no_answer")
    return finished(draft, event.name)


def _remind(draft: Draft, event: TimerFired) -> Decision:
    if event.name not in draft.reminders:
        return ignored(draft.scene.conversation, "The person wrote meanwhile, so nobody reminds them.")
    if _wrote_since(draft, event.values.get("since", "")):
        return ignored(
            draft.scene.conversation, "The person wrote meanwhile; a reminder set since then has its own time."
        )
    later = _when_free(draft, event)
    if later is not None:
        return later
    draft.reminders = tuple(each for each in draft.reminders if each != event.name)
    return _lead_to(draft, event, event.values.get("goes_to", ""))


def _silence(draft: Draft, event: TimerFired, kind: str, name: str) -> Decision:
    since = event.values.get("since", "")
    if not since or _wrote_since(draft, since):
        return ignored(draft.scene.conversation, "The person wrote meanwhile.")
    rule = draft.rulebooks.live.rule(name)
    wanted = SilentFor if kind == "silent" else WindowCloses
    if rule is None or not any(isinstance(trigger, wanted) for trigger in rule.triggers):
        return ignored(draft.scene.conversation, f"Today's rules have no rule {name} that waits for this.")
    return _when_free(draft, event) or _lead_to(draft, event, name)


def _wrote_since(draft: Draft, since: str) -> bool:
    closes_at = draft.scene.conversation.window.closes_at
    return bool(since) and closes_at is not None and closes_at - WINDOW > datetime.fromisoformat(since)


def _lead_to(draft: Draft, event: TimerFired, name: str) -> Decision:
    rulebook = draft.rulebooks.live
    position = rulebook.by_name.get(name)
    if position is None:
        return ignored(draft.scene.conversation, f"Today's rules have no rule {name}.")
    first_that_fits(draft, named((position,), f"timer {event.name}", rulebook))
    return finished(draft, event.name)


def _when_free(draft: Draft, event: TimerFired) -> Decision | None:
    """While a question is open the timer waits for its end; what would come after the window's end is left out."""
    asked = draft.question
    if asked is None:
        return None
    forgotten_at = asked.asked_at + draft.rulebooks.at(asked.version).settings.forget_answers_after
    ends_at = min(asked.deadline or forgotten_at, forgotten_at)
    if (
        forgotten_at <= draft.scene.now or ends_at < event.due_at
    ):  # its own timer was due before this one, and came to nothing
        draft.question = None
        return None
    free_at = ends_at + AGAIN_AFTER
    closes_at = draft.scene.conversation.window.closes_at
    if event.name.startswith("window:") and (
        closes_at is None or free_at >= closes_at - draft.scene.conversation.margin
    ):
        return ignored(
            draft.scene.conversation, "A question is open until the window closes, so the timer does nothing."
        )
    draft.timers += (SetTimer(event.name, max(free_at, draft.scene.now + AGAIN_AFTER), event.values),)
    draft.note("A question is open, so the timer waits for its end.")
    return finished(draft, event.name)
