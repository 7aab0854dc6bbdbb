"""The first candidate that can answer is followed; all of them go into the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.decision import Considered
from bot.core.draft import Draft
from bot.core.following import fit, follow, missing_needs
from bot.core.hearing import NO_SLOTS, Candidate
from bot.core.language import learn
from bot.core.rule import Rule
from bot.core.rulebook import Hit
from bot.core.text import Words


def first_that_fits(draft: Draft, candidates: Sequence[Candidate], event: str = "") -> bool:
    """Follow the first candidate that can answer; all of them go into the reasons, the later ones as too late."""
    scene = draft.scene
    taken: tuple[Rule, int] | None = None
    slots = NO_SLOTS
    for candidate in candidates:
        rule = scene.rulebook.rules[candidate.position]
        if taken is not None:
            refused = f"rule {taken[0].name}, above it, took the message"
        else:
            scene.slots = candidate.slots
            case, refused = fit(rule, scene)
            refused = refused or (missing_needs(rule, event, scene) if event else "")
            if not refused:
                taken, slots = (rule, case), candidate.slots
        draft.considered.append(Considered(rule.name, candidate.place, candidate.heard, refused))
    scene.slots = slots
    if taken is None:
        return False
    draft.understood()
    follow(draft, *taken)
    return True


def learn_language(draft: Draft, words: Words, hits: Sequence[Hit]) -> None:
    """What the lists that hear the message tell of the person's language counts from here on."""
    scene = draft.scene
    if len(scene.rulebook.settings.languages) == 1:
        draft.hint = ""  # there is no other language to learn
        return
    learnt = learn(words, hits, scene.conversation, scene.rulebook)
    scene.language, draft.language, draft.hint = learnt.language, learnt.known, learnt.hint
    if learnt.known:
        draft.note(f"The words are in {learnt.known}: that is the person's language from now on.")
