"""``explain`` and ``replay``: why the bot said what it said, and what it would have said under other rules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.cli.database import database_file
from bot.cli.moments import moment_of, since_of
from bot.cli.output import json_out, line
from bot.cli.preview import preview
from bot.cli.recording import decision_about
from bot.cli.rules import Format, RulesOption, folder_of, sound
from bot.config import read_config
from bot.core.codec import effect_to_plain, reply_to_plain
from bot.core.decision import Decision, Send
from bot.errors import Misconfigured
from bot.rulebook.load import load
from bot.rulebook.problem import counted
from bot.store.sqlite.archive import open_archive
from bot.store.units import TraceView
from bot.work.explain import explained
from bot.work.replay import Difference, Report, Seen, heard_in
from bot.work.replay_jobs import Job, replayed

Since = Annotated[str, typer.Option(metavar="TIME", help="How far back: 7d, 12h, or a time such as 2026-11-01.")]
AsOf = Annotated[
    str, typer.Option("--as-of", metavar="TIME", help="Look at what was until then, instead of until now.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Look at so many decisions at most.")]
FormatOption = Annotated[Format, typer.Option("--format", help="text or json.")]


# --- explain ------------------------------------------------------------------------------------------------------------


def explain(
    message_id: Annotated[
        str,
        typer.Argument(
            metavar="MESSAGE_ID", help="Of the person's message, or of ours; or a phone number, for its newest."
        ),
    ],
    every_rule: Annotated[
        bool, typer.Option("--every-rule", help="Also tell of the rules that nothing in the message spoke to.")
    ] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Tell why a message was answered as it was: each rule with its file and line, also those that did not match."""
    config = read_config()
    with closing(open_archive(database_file(config))) as archive:
        trace = decision_about(message_id, archive, config.app_id)
        if trace is None:
            raise Misconfigured(
                f'No decision is known about "{message_id}". Give the id of a message that came, or of an answer to one, or a phone '
                "number; a message that a backend asked for was not decided by rules."
            )
        found = explained(trace, archive, config.app_id, every_rule)
        heard = heard_in(found.kept.event)
        if format is Format.JSON:
            json_out(_explained(trace, heard, found.decision, found.why))
        else:
            _tell(trace, heard, found.decision, found.why)


def _explained(trace: TraceView, heard: str, decision: Decision, why: Sequence[str]) -> dict[str, object]:
    return {
        "decided_at": trace.decided_at.isoformat(),
        "rulebook": trace.version,
        "pinned": trace.pinned or None,
        "heard": heard,
        "layer": decision.because.layer,
        "path": list(decision.because.path),
        "effects": [effect_to_plain(effect) for effect in decision.effects],
        "why": list(why),
    }


def _tell(trace: TraceView, heard: str, decision: Decision, why: Sequence[str]) -> None:
    line(f'{clock(trace.decided_at)}, rulebook {trace.version}: "{heard}"')
    sends = [effect for effect in decision.effects if isinstance(effect, Send)]
    for send in sends:
        for each in preview(send.reply):
            line(f"    {each}")
    if not sends:
        line("    (no reply)")
    for sentence in why:
        line(f"  {sentence}")


# --- replay -------------------------------------------------------------------------------------------------------------


def replay(
    since: Since = "7d",
    rules: RulesOption = None,
    as_of: AsOf = "",
    limit: Limit = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Side by side; one for each core when left out.")
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Decide stored messages again under the rules in the folder, and show what would come out differently."""
    config = read_config()
    until = moment_of(as_of, "--as-of") if as_of else datetime.now(UTC)
    database = database_file(config)
    reading = load(folder_of(rules))
    sound(reading)
    job = Job(database, config.app_id, reading.files, since_of(since, until, "--since"), until, limit)
    report = _with_bar(job, processes or os.cpu_count() or 1)
    if format is Format.JSON:
        json_out(report_plain(report))
    else:
        for each in told(report, job):
            line(each)


def _with_bar(job: Job, processes: int) -> Report:
    """A bar on a terminal's stderr; nothing where somebody pipes."""
    columns = (TextColumn("Replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("parts"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("replay", total=None)
        return replayed(job, processes, lambda done, of: bar.update(task, completed=done, total=of))


def report_plain(report: Report) -> dict[str, object]:
    """The report as JSON."""
    return {
        "decided": report.decided,
        "same": report.same,
        "people": report.people,
        "unreadable": report.unreadable,
        "conversations_changed": len({each.person for each in report.differences}),
        "without_answer_now": sum(each.loses_its_answer for each in report.differences),
        "not_understood_now": sum(each.is_missed for each in report.differences),
        "would_ask": dict(report.would_ask),
        "timers_set": dict(report.timers_set),
        "differences": [_difference_plain(each) for each in report.differences],
    }


def _difference_plain(each: Difference) -> dict[str, object]:
    return {
        "inbox": each.inbox_id,
        "person": each.person,
        "at": each.at.isoformat(),
        "heard": each.heard,
        "before": _seen_plain(each.before),
        "now": _seen_plain(each.now),
        "would_ask": list(each.would_ask),
    }


def _seen_plain(seen: Seen) -> dict[str, object]:
    return {
        "rule": seen.rule,
        "layer": seen.layer,
        "replies": [reply_to_plain(reply) for reply in seen.replies],
        "asked": list(seen.asked),
    }


def told(report: Report, job: Job) -> Iterator[str]:
    """The report in lines for people."""
    since = job.since
    if not report.decided:
        yield f"Nothing was decided from {clock(since)} to {clock(job.until)}, so there is nothing to compare."
        return
    people = {each.person for each in report.differences}
    yield (
        f"{counted(report.decided, 'event')} of {counted(report.people, 'conversation')} since {clock(since)} decided again: "
        + (
            f"{len(people)} of the conversations change{'s' if len(people) == 1 else ''}."
            if people
            else "nothing changes."
        )
    )
    yield from _warnings(report)
    by_person = sorted(report.differences, key=lambda each: (each.person, each.at, each.inbox_id))
    for _, of_person in groupby(by_person, key=lambda each: each.person):
        yield ""
        for position, each in enumerate(of_person):
            if position == 0:
                yield f"{masked(each.identity)}"
            yield from _side_by_side(each)


def _warnings(report: Report) -> Iterator[str]:
    lost = sum(each.loses_its_answer for each in report.differences)
    missed = sum(each.is_missed for each in report.differences)
    if lost:
        yield f"{counted(lost, 'message')} would get no answer."
    if missed:
        yield f"{counted(missed, 'message')} would no longer be understood."
    for connection, count in sorted(report.would_ask.items()):
        yield f"Would ask {connection} {counted(count, 'time')} more; nobody knows what it would have answered."
    for name, count in sorted(report.timers_set.items()):
        yield f"The timer {name} would be set {counted(count, 'time')} more; what it would have led to is not shown."
    if report.unreadable:
        yield f"{counted(report.unreadable, 'event')} could not be read any more and were left out."


def _side_by_side(each: Difference) -> Iterator[str]:
    yield f'  {clock(each.at)}  "{each.heard}"'
    yield from _column("then", each.before, ())
    yield from _column("now", each.now, each.would_ask)


def _column(when: str, seen: Seen, would_ask: tuple[str, ...]) -> Iterator[str]:
    lines = [line_ for reply in seen.replies for line_ in preview(reply)]
    lines += [f"(would ask {name})" if name in would_ask else f"(asks {name})" for name in seen.asked]
    head = f"{seen.rule or seen.layer}"
    for position, text in enumerate(lines or ["(no answer)"]):
        yield f"    {when if position == 0 else '':5} {head if position == 0 else '':22} {text}"


def masked(identity: str) -> str:
    """An address that can be told from others and not be called: +46…605."""
    return f"+{identity[:2]}…{identity[-3:]}" if identity.isdecimal() else f"{identity[:3]}…{identity[-3:]}"


def clock(at: datetime) -> str:
    """A time of day in the zone of this machine."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
