"""``unmatched``: what people wrote that no rule heard, and the rules that would hear it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from bot.cli.database import database_file
from bot.cli.looking_back import AsOf, FormatOption, Since, clock
from bot.cli.moments import moment_of, since_of
from bot.cli.output import json_out, line
from bot.cli.rules import Format, RulesOption, folder_of, sound
from bot.config import read_config
from bot.core.rulebook import Rulebook
from bot.rulebook.load import load, load_files
from bot.rulebook.problem import counted
from bot.store.port import Archive
from bot.store.sqlite.archive import open_archive
from bot.work.inbox import Deciding
from bot.work.replay import Difference, Replay, Report
from bot.work.replay_jobs import deciding_of
from bot.work.rulebook_shelf import Shelf
from bot.work.unmatched import Group, grouped, missed, rule_for

SUGGESTED: Final = "zz_suggested.yaml"  # read last, so that it takes nothing from the rules there are
REPLAYED: Final = 20  # groups whose rule is tried on the stored messages


def unmatched(
    since: Since = "30d",
    rules: RulesOption = None,
    as_of: AsOf = "",
    top: Annotated[int, typer.Option(min=1, max=500, help="So many groups at most.")] = 20,
    format: FormatOption = Format.TEXT,
) -> None:
    """Group the messages that no rule understood, the most frequent first, each with a rule to paste."""
    config = read_config()
    until = moment_of(as_of, "--as-of") if as_of else datetime.now(UTC)
    start = since_of(since, until, "--since")
    reading = load(folder_of(rules))
    rulebook = sound(reading)
    with closing(open_archive(database_file(config))) as archive:
        deciding = deciding_of(config.app_id, rulebook, archive.installation_key)
        found = grouped(missed(archive.traces(start, until), deciding), rulebook)
        trial = _Trial(archive, deciding, rulebook, reading.files, (start, until))
        effects = [trial.of(group, rule_for(group, rulebook)) for group in found[: min(top, REPLAYED)]]
    if format is Format.JSON:
        json_out(
            [_plain(group, rulebook, effect) for group, effect in zip(found[:top], _padded(effects, top), strict=False)]
        )
        return
    _tell(found, effects, rulebook, top, start)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one more rule would do to stored messages: how many it would understand, and what else would change."""

    understood: int
    others: int


class _Trial:
    """Stored messages under the rules there are, and under these and one more."""

    def __init__(
        self,
        archive: Archive,
        deciding: Deciding,
        rulebook: Rulebook,
        files: Mapping[str, bytes],
        period: tuple[datetime, datetime],
    ) -> None:
        self._archive = archive
        self._deciding = deciding
        self._rulebook = rulebook
        self._files = files
        self._period = period
        self._shelf = Shelf(archive.rulebook)

    def of(self, group: Group, rule: str) -> Effect | None:
        """What ``rule`` would change for the people of ``group``, as it stands last and takes nothing from other rules.

        None where it is no rule yet (its words are a consent word, say).
        """
        folder = next(iter(self._files)).split("/")[0]
        text = "rules:\n" + "".join(f"  {each}\n" for each in rule.replace("...", "(your answer)").splitlines())
        rulebook = load_files({**self._files, f"{folder}/{SUGGESTED}": text.encode()}).rulebook
        if rulebook is None:
            return None
        before = {each.inbox_id: each.now for each in self._replay(self._rulebook, group).differences}
        changed = [each for each in self._replay(rulebook, group).differences if before.get(each.inbox_id) != each.now]
        understood = sum(
            each.is_message and each.now.rule in rulebook.by_name and _is_last(each, rulebook) for each in changed
        )
        return Effect(understood, len(changed) - understood)

    def _replay(self, rulebook: Rulebook, group: Group) -> Report:
        traces = (trace for trace in self._archive.traces(*self._period) if trace.person in group.people)
        return Replay(rulebook, self._shelf, self._deciding).over(traces)


def _is_last(each: Difference, rulebook: Rulebook) -> bool:
    return rulebook.by_name[each.now.rule] == len(rulebook.rules) - 1


def _padded(effects: list[Effect | None], top: int) -> list[Effect | None]:
    return effects + [None] * (top - len(effects))


def _tell(found: list[Group], effects: list[Effect | None], rulebook: Rulebook, top: int, start: datetime) -> None:
    if not found:
        line(f"No message since {clock(start)} fell to nothing_matched.")
        return
    total = sum(group.count for group in found)
    line(f"{counted(total, 'message')} in {counted(len(found), 'group')} fell to nothing_matched.")
    for number, group in enumerate(found[:top]):
        line("")
        line(
            f"{number + 1}. {counted(group.count, 'message')} of {counted(len(group.people), 'conversation')}, language {group.language}"
        )
        for text in group.examples:
            line(f"     {group.texts[text]:4} x {text}")
        for each in rule_for(group, rulebook).splitlines():
            line(f"     {each}")
        effect = effects[number] if number < len(effects) else None
        if effect is not None:
            line(f"     {_effect(effect)}")
    if len(found) > top:
        line("")
        line(f"{counted(len(found) - top, 'more group')}; see them with --top {len(found)}.")


def _effect(effect: Effect) -> str:
    sentence = f"Replay: this rule would have answered {counted(effect.understood, 'message')}"
    if not effect.others:
        return f"{sentence}, and nothing else changes."
    return f"{sentence}; {counted(effect.others, 'other event')} would come out differently."


def _plain(group: Group, rulebook: Rulebook, effect: Effect | None) -> dict[str, object]:
    return {
        "count": group.count,
        "conversations": len(group.people),
        "language": group.language,
        "texts": dict(group.texts.most_common()),
        "rule": rule_for(group, rulebook),
        "would_answer": None if effect is None else effect.understood,
        "would_change_else": None if effect is None else effect.others,
    }
