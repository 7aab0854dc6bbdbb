"""What colleagues do with a conversation: take it over, write in it, give it back, close it. The bot never answers to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core.conversation import Conversation, State
from bot.core.decision import Decision
from bot.core.draft import Draft
from bot.core.drafting import begin, finished, ignored
from bot.core.event import ColleagueActed
from bot.core.rulebook import Rulebooks
from bot.core.then import hand_over


def to_colleague(event: ColleagueActed, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """Who has the conversation from now on, and whether somebody still has to look; ``ignored`` where that stays as it was.

    A call under way does not hold it up: a colleague who takes over ends the call's rule.
    """
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    draft.layer = "colleague"
    draft.note(_told(event))
    match event.what:
        case "took_over":
            waiting = _take_over(draft, event) or conversation.state.waiting
        case "wrote":
            waiting = _write(draft, event)
        case "gave_back" | "closed":
            waiting = _give_back(draft, event)
        case _:
            assert_never(event.what)
    decision = finished(draft, "")
    decision = replace(decision, state=replace(decision.state, waiting=waiting))
    if decision.state != conversation.state or decision.effects:
        return decision
    return ignored(conversation, f"{_told(event)} Nothing changes by that.")


@dataclass(frozen=True, slots=True)
class Charge:
    """Who has a conversation: ``team`` (empty: the bot), until when, and how long after the last message of either side that is."""

    team: str
    until: datetime | None
    lasts: timedelta

    def held_by(self, now: datetime) -> str:
        """The team that has it at ``now``; empty where the bot has it."""
        return self.team if self.until is None or now < self.until else ""


NOBODY = Charge("", None, State().in_charge_for)


def charge_of(state: State) -> Charge:
    """Who has the conversation, as it was left."""
    return Charge(state.in_charge, state.in_charge_until, state.in_charge_for)


def charge_after(charge: Charge, event: ColleagueActed) -> Charge:
    """Who has it once ``event`` is decided."""
    match event.what:
        case "took_over" | "wrote":
            team = charge.held_by(event.at)
            if event.team and (event.team != team or event.give_back_after is not None):
                lasts = event.give_back_after or NOBODY.lasts
                return Charge(event.team, event.at + lasts, lasts)
            return _extended(charge, event.at) if team else charge
        case "gave_back" | "closed":
            return replace(charge, team="", until=None)
        case _:
            assert_never(event.what)


def _extended(charge: Charge, at: datetime) -> Charge:
    """The time until it is given back counts from the last message of either side."""
    again = at + charge.lasts
    return charge if charge.until is not None and charge.until >= again else replace(charge, until=again)


def _told(event: ColleagueActed) -> str:
    who = event.who or "Somebody"
    match event.what:
        case "took_over":
            told = f"{who} handed the conversation to team {event.team}."
        case "wrote":
            told = f"{who} wrote."
        case "gave_back":
            told = f"{who} gave the conversation back."
        case "closed":
            told = f"{who} closed the matter."
        case _:
            assert_never(event.what)
    return f"{told} Note: {event.note}" if event.note else told


def _take_over(draft: Draft, event: ColleagueActed) -> bool:
    """Whether somebody has to look who had not to before: another team has it now."""
    before = charge_of(draft.scene.conversation.state)
    charge = charge_after(before, event)
    if before.held_by(event.at) == event.team:
        draft.note(f"Team {event.team} has the conversation already; its time begins anew.")
        _put(draft, charge)
        return False
    hand_over(draft, charge.team, charge.lasts)
    _put(draft, charge)
    draft.call = draft.flow = None  # what comes back finds nothing to go on with
    draft.options, draft.near_miss = (), False
    return True


def _write(draft: Draft, event: ColleagueActed) -> bool:
    """Nobody has to look any more: the person was answered."""
    if event.team:
        _take_over(draft, event)
    else:
        _put(draft, charge_after(charge_of(draft.scene.conversation.state), event))
    draft.options = ()  # the bot's message is no longer the last one that the person sees
    return False


def _give_back(draft: Draft, event: ColleagueActed) -> bool:
    if draft.in_charge:
        draft.note("The bot has the conversation again.")
        draft.handed_over = True
    _put(draft, charge_after(charge_of(draft.scene.conversation.state), event))
    return False


def _put(draft: Draft, charge: Charge) -> None:
    draft.in_charge, draft.in_charge_until, draft.in_charge_for = charge.team, charge.until, charge.lasts
