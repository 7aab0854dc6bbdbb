"""What the pages need of the running program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from bot.core.event import Event
from bot.web.api.backend import Backend
from bot.web.health import Health
from bot.web.intake import Intake, Media
from bot.web.site.access import Access
from bot.web.site.live import Pulse
from bot.work.live import LiveRules
from bot.work.reload import Reloader


@dataclass(frozen=True, slots=True)
class Desk:
    """``database`` is the file that archives are opened on. ``parse`` reads a webhook's body that came at that moment, as the webhook does.
    ``media`` finds out what kind of files people sent."""

    backend: Backend
    access: Access
    pulse: Pulse
    rules: LiveRules
    reloader: Reloader
    health: Health
    database: Path
    rules_dir: Path
    parse: Callable[[bytes, datetime], Event]
    media: Media | None = None

    @property
    def intake(self) -> Intake:
        """How what Sinch posts becomes an event."""
        return Intake(self.parse, lambda: self.rules.live.consent, self.media)

    def now(self) -> datetime:
        """The current moment."""
        return self.backend.now()


DESK: web.AppKey[Desk] = web.AppKey("desk", Desk)
