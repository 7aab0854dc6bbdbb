"""``run.py`` with parts that break where a certain word comes by, and say with what: ``python -m tests.privacy.breaking serve``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import bot.app
import bot.net
import bot.work.inbox
import bot.work.news
from bot.cli import main
from bot.store.sqlite.messages import SqliteMessages
from bot.work.payloads import Composer

PARSING, DECIDING, ASKING, TELLING, SENDING, CALLING = (
    "breaksparsing",
    "breaksdeciding",
    "breaksasking",
    "breakstelling",
    "breakssending",
    "breakscalling",
)


def breaking(word: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """``work``, unless ``word`` is in what it is given: then it breaks, and repeats all of it, as exceptions do."""

    @wraps(work)
    def instead(*given: Any, **named: Any) -> Any:
        if word in (said := f"{given} {named}"):
            try:
                dict[str, str]()[said]
            except KeyError as error:
                raise ValueError(f"What about {said}?") from error
        return work(*given, **named)

    return instead


def break_parts() -> None:
    """Before anything is made of them."""
    bot.app.parse_event = breaking(PARSING, bot.app.parse_event)  # type: ignore[attr-defined]
    bot.work.inbox.decide = breaking(DECIDING, bot.work.inbox.decide)  # type: ignore[attr-defined]
    SqliteMessages.listed = breaking(ASKING, SqliteMessages.listed)  # type: ignore[method-assign]
    Composer.__call__ = breaking(TELLING, Composer.__call__)  # type: ignore[method-assign]
    bot.app.render_send = breaking(SENDING, bot.app.render_send)  # type: ignore[attr-defined]
    bot.net.GuardedClient.request = breaking(CALLING, bot.net.GuardedClient.request)  # type: ignore[method-assign]


if __name__ == "__main__":
    break_parts()
    main()
