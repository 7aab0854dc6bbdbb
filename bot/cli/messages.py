"""``messages``: what left, what did not, and who does what about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

import typer

from bot.cli.database import database_file
from bot.cli.looking_back import clock
from bot.cli.moments import since_of
from bot.cli.output import ERRORS_FOUND, aside, json_out, line
from bot.cli.preview import preview
from bot.config import Config, read_config
from bot.core.failures import Row, next_step, rows_of
from bot.core.next_step import NextStep
from bot.core.reply import Reply, TemplateReply
from bot.errors import Misconfigured
from bot.rulebook.problem import counted
from bot.store.messages import PAGE_MAX, Filter, Status
from bot.store.port import Archive
from bot.store.sqlite.archive import open_archive
from bot.store.units import AttemptView, MessageView, ReceiptView
from bot.web.api.address import contact_of
from bot.web.api.messages import to_of, told
from bot.work.next_steps import Failure, by_cause, next_step_of

STATUSES: Final[dict[str, Status]] = {each: each for each in get_args(Status)} | {"pending": "queued"}
WORDS_MOST: Final = 60

messages = typer.Typer(no_args_is_help=True, help="Messages that leave, and what became of them.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@messages.callback()
def group() -> None:
    """Messages that leave, and what became of them."""


@messages.command("list")
def list_messages(
    status: Annotated[
        str, typer.Option(help="Only those: queued, sent, delivered, read, failed, expired, cancelled or held.")
    ] = "",
    contact: Annotated[str, typer.Option(help="Only those to this person, such as +46701740605.")] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far back: 7d, 12h, or a time such as 2026-11-01.")
    ] = "",
    reference: Annotated[str, typer.Option(help="Only those with this reference of yours.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List messages, whoever asked for them, the newest first."""
    config = read_config(needs=("app_id",))
    wanted = Filter(
        contact=contact_of(contact, config.app_id) if contact else None,
        status=_status(status) if status else None,
        since=since_of(since, datetime.now(UTC), "--since") if since else None,
        reference=reference or None,
        limit=min(limit, PAGE_MAX),
    )
    with closing(open_archive(database_file(config))) as archive:
        found = [each for _, each in zip(range(limit), _all(archive, config.app_id, wanted), strict=False)]
    if as_json:
        json_out([told(each).model_dump(mode="json") for each in found])
        return
    for each in found:
        line(f"{each.outbox_id}  {clock(each.created_at)}  {_to(each):16} {each.status:9} {_words(each.reply)}")
    if not found:
        aside("There is no such message.")


def _status(text: str) -> Status:
    found = STATUSES.get(text.strip().lower())
    if found is None:
        raise typer.BadParameter(f'"{text}" is not one of {", ".join(get_args(Status))}.', param_hint="--status")
    return found


def _all(archive: Archive, app: str, wanted: Filter) -> Iterator[MessageView]:
    """Page after page; a page may be short and yet not be the last."""
    while True:
        page = archive.messages(app, wanted)
        yield from page.messages
        if page.next is None:
            return
        wanted = Filter(
            wanted.contact, wanted.status, wanted.since, wanted.until, wanted.reference, page.next, wanted.limit
        )


def _to(message: MessageView) -> str:
    return to_of(message.contact.identity)


def _words(reply: Reply) -> str:
    if isinstance(reply, TemplateReply):
        return f"template {reply.name}"
    words = " ".join(" ".join(preview(reply)).split())
    return words if len(words) <= WORDS_MOST else f"{words[: WORDS_MOST - 1]}…"


# --- one message ----------------------------------------------------------------------------------------------------------


@messages.command()
def show(
    message_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of a message of ours, as the API or the list tells it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one message with its attempts and receipts, what is amiss with it, and who does what about it."""
    config = read_config(needs=("app_id",))
    message = _one(config, message_id)
    if as_json:
        json_out(told(message).model_dump(mode="json"))
        return
    for each in _told(message):
        line(each)


def _one(config: Config, message_id: str) -> MessageView:
    with closing(open_archive(database_file(config))) as archive:
        message = archive.message(message_id)
    if message is None or message.contact.app != config.app_id:
        raise Misconfigured(f'There is no message "{message_id}"; `messages list` shows those that there are.')
    return message


def _told(message: MessageView) -> Iterator[str]:
    whose = f"rule {message.rule}" if message.rule else message.author or message.origin.value
    reference = f", reference {message.reference}" if message.reference else ""
    yield f"{message.outbox_id} to {_to(message)}: {message.status}"
    yield f"  {message.category}, from {whose}, {clock(message.created_at)}{reference}"
    yield from (f"    {each}" for each in preview(message.reply))
    yield from (f"  {_attempt(each)}" for each in message.attempts)
    yield from (f"  {_receipt(each)}" for each in message.receipts)
    step = next_step_of(message)
    if step is not None:
        yield from (f"  {each}" for each in step_lines(step))
    elif message.reason:
        yield f"  {message.reason}"


def _attempt(attempt: AttemptView) -> str:
    how = attempt.outcome or "under way"
    status = f", HTTP {attempt.status}" if attempt.status else ""
    sentence = f": {attempt.sentence}" if attempt.sentence else ""
    return f"{clock(attempt.started_at)}  try {attempt.number}: {how}{status}{sentence}"


def _receipt(receipt: ReceiptView) -> str:
    reason = receipt.reason
    if reason is None:
        return f"{clock(receipt.at)}  {receipt.status}"
    codes = " ".join(each for each in (reason.code, reason.channel_code) if each)
    return f"{clock(receipt.at)}  {receipt.status} {codes}{f': {reason.description}' if reason.description else ''}"


def step_lines(step: NextStep) -> Iterator[str]:
    """A row of the table of failures, for people."""
    yield f"What happened: {step.cause}"
    yield f"Parley:        {step.done}"
    yield f"{f'{step.who}:'.capitalize():14} {step.todo}"


# --- failures ----------------------------------------------------------------------------------------------------------


@messages.command()
def failures(
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far back: 7d, 12h, or a time such as 2026-11-01.")
    ] = "7d",
    as_json: AsJson = False,
) -> None:
    """Count what went amiss by cause: who must act, and what to do; what needs somebody first."""
    config = read_config(needs=("app_id",))
    start = since_of(since, datetime.now(UTC), "--since")
    with closing(open_archive(database_file(config))) as archive:
        found = by_cause(archive.amiss(config.app_id, start))
    if as_json:
        json_out([_plain(each) for each in found])
        return
    if not found:
        line(f"Nothing went amiss since {clock(start)}.")
        return
    total = sum(each.count for each in found)
    line(f"{counted(total, 'message')} since {clock(start)}, for {counted(len(found), 'cause')}.")
    for each in found:
        line("")
        for text in _failure_lines(each):
            line(text)


def _failure_lines(failure: Failure) -> Iterator[str]:
    codes = f" ({', '.join(failure.codes)})" if failure.codes else ""
    yield f"{counted(failure.count, 'message')}{codes}, the last {clock(failure.last_at)}: {failure.example}"
    yield from (f"  {each}" for each in step_lines(failure.step))


def _plain(failure: Failure) -> dict[str, object]:
    return {
        "count": failure.count,
        "last_at": failure.last_at.isoformat(),
        "codes": list(failure.codes),
        "example": failure.example,
        **_step_plain(failure.step),
    }


def _step_plain(step: NextStep) -> dict[str, object]:
    return {"cause": step.cause, "done": step.done, "who": step.who, "todo": step.todo}


@messages.command("explain-code")
def explain_code(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="Such as 131047, RECIPIENT_NOT_REACHABLE, HTTP 403 or held.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell what a code of WhatsApp, Sinch or Parley means, what the bot does by itself, and who must act."""
    found = rows_of(code)
    if as_json:
        json_out([_row_plain(row) for row in found])
    for row in () if as_json else found:
        line(f"{row.of} {row.code}{', of a template' if row.is_template else ''}")
        for each in step_lines(row.step):
            line(f"  {each}")
    if not found:
        step = next_step(code.strip())
        aside(f"{step.cause} {step.todo}")
        raise typer.Exit(ERRORS_FOUND)


def _row_plain(row: Row) -> dict[str, object]:
    return {"of": row.of, "code": row.code, "is_template": row.is_template, **_step_plain(row.step)}
