"""What the pages need of the running program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web

from bot.web.api.backend import Backend
from bot.web.health import Health
from bot.web.intake import Intake
from bot.web.site.access import Access
from bot.web.site.live import Pulse
from bot.work.live import LiveRules
from bot.work.reload import Reloader


@dataclass(frozen=True, slots=True)
class Desk:
    """``database`` is the file that archives are opened on. ``intake`` is the webhook's own, for what is driven again."""

    backend: Backend
    access: Access
    pulse: Pulse
    rules: LiveRules
    reloader: Reloader
    health: Health
    database: Path
    rules_dir: Path
    intake: Intake

    def now(self) -> datetime:
        """The current moment."""
        return self.backend.now()


DESK: web.AppKey[Desk] = web.AppKey("desk", Desk)
