"""``at_most``: how often a rule may answer one person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.rule import Rule
from bot.core.rulebook import Rulebook
from bot.core.scene import Scene

Uses = Mapping[str, tuple[datetime, ...]]


def used_up(rule: Rule, scene: Scene) -> str:
    """Why ``rule`` may not answer again yet, as half a sentence; empty when it may."""
    most = rule.at_most
    if most is None or not scene.uses:
        return ""
    recent = [at for at in scene.uses.get(rule.name, ()) if scene.now - at < most.within]
    if len(recent) < most.count:
        return ""
    times = "once" if most.count == 1 else f"{most.count} times"
    return f"it has answered {times} since {min(recent):%Y-%m-%d %H:%M} UTC, and may not do so more often"


def with_use(rule: Rule, scene: Scene) -> Uses:
    """``scene.uses`` with one more, now; what no longer counts is left out."""
    most = rule.at_most
    if most is None:
        return scene.uses
    recent = [at for at in scene.uses.get(rule.name, ()) if scene.now - at < most.within]
    return {**scene.uses, rule.name: tuple([*recent, scene.now][-most.count :])}


def kept_uses(uses: Uses, rulebook: Rulebook, now: datetime) -> Uses:
    """Only those that may still count."""
    if not uses:
        return uses
    kept: dict[str, tuple[datetime, ...]] = {}
    for name, times in uses.items():
        rule = rulebook.rule(name)
        if rule is not None and rule.at_most is not None:
            within = rule.at_most.within
            recent = tuple(at for at in times if now - at < within)
            if recent:
                kept[name] = recent
    return kept
