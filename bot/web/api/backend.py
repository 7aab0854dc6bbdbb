"""What the API needs of the running program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from bot.core.conversation import MARGIN
from bot.core.rulebook import Rulebook
from bot.store.port import Store
from bot.work.callbacks import Deliverer, NoDeliverer


def _nobody() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Backend:
    """The store, the live rulebook, the clock; ``wake_inbox`` and ``wake_outbox`` tell the workers that there is something new.

    ``app_id`` is the Sinch app that people of this API write to; ``margin`` is how long before its end a window counts as closed.
    ``deliverer`` reaches subscribed backends. ``send_rate``: the most that all messages together may leave in a second, 0 for no limit.
    ``check_message`` and ``check_event`` raise ``Overloaded`` where no more of them may be taken.
    """

    store: Store
    rulebook: Callable[[], Rulebook]
    now: Callable[[], datetime]
    app_id: str
    margin: timedelta = MARGIN
    wake_inbox: Callable[[], None] = field(default=_nobody)
    wake_outbox: Callable[[], None] = field(default=_nobody)
    wake_campaigns: Callable[[], None] = field(default=_nobody)
    send_rate: float = 0.0
    deliverer: Deliverer | NoDeliverer = field(default_factory=NoDeliverer)
    check_message: Callable[[], None] = field(default=_nobody)
    check_event: Callable[[], None] = field(default=_nobody)


BACKEND: web.AppKey[Backend] = web.AppKey("backend", Backend)
