"""Replays that were asked for on the page: one at a time, the last few remembered, each with how far it is or what came of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from bot.errors import ParleyError, Refused
from bot.work.beside import beside
from bot.work.trying import Trial, Tried, tried

KEPT: Final = 10
WITHIN_S: Final = 3600.0

State = Literal["checking", "replaying", "done", "unsound", "failed", "cancelled"]


@dataclass(slots=True)
class Attempt:
    """One replay. ``what``: which rules were tried, in words. ``done`` of ``of`` parts are decided. ``trouble``: why it failed."""

    id: str
    what: str
    who: str
    trial: Trial
    began_at: datetime
    state: State = "checking"
    done: int = 0
    of: int = 0
    ended_at: datetime | None = None
    found: Tried | None = None
    trouble: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    erasures: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.ended_at is not None


class Replays:
    """The replays of this process; a restart forgets them. So does erasing somebody, which ``erasures`` counts: their words may be in what
    came of any of them."""

    def __init__(
        self, now: Callable[[], datetime], touch: Callable[[], None], erasures: Callable[[], int] = lambda: 0
    ) -> None:
        self._now = now
        self._touch = touch
        self._erasures = erasures
        self._attempts: dict[str, Attempt] = {}
        self._task: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Attempt]:
        """The newest first."""
        self._forget()
        return iter([*self._attempts.values()][::-1])

    def find(self, id_: str) -> Attempt | None:
        """The one of that id, while it is remembered."""
        self._forget()
        return self._attempts.get(id_)

    @property
    def running(self) -> Attempt | None:
        """The one under way."""
        return next((each for each in self if not each.is_over), None)

    def start(self, what: str, who: str, trial: Trial) -> Attempt:
        """Begin one. ``Refused`` while another is under way."""
        if self.running is not None:
            raise Refused(
                "A replay is under way, and there is only one at a time.",
                "busy",
                "Wait until it is done, or cancel it, then repeat this.",
            )
        attempt = Attempt(
            secrets.token_urlsafe(9), what, who, trial, self._now(), files=trial.files, erasures=self._erasures()
        )
        self._attempts[attempt.id] = attempt
        while len(self._attempts) > KEPT:
            del self._attempts[next(iter(self._attempts))]
        self._task = asyncio.create_task(self._run(attempt), name="replay")
        return attempt

    def cancel(self, attempt: Attempt) -> None:
        """End it where it is under way."""
        if not attempt.is_over and self._task is not None:
            self._task.cancel()
            self._end(attempt, "cancelled")

    async def stop(self) -> None:
        """End what is under way: the server stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, attempt: Attempt) -> None:
        def told(news: object) -> None:
            if isinstance(news, tuple) and not attempt.is_over:
                attempt.state, (attempt.done, attempt.of) = "replaying", news
                self._touch()

        try:
            attempt.found = await beside(tried, attempt.trial, within_s=WITHIN_S, told=told)
        except ParleyError as trouble:
            attempt.trouble = str(trouble)
            self._end(attempt, "failed")
        else:
            self._end(attempt, "done" if attempt.found.is_sound else "unsound")

    def _forget(self) -> None:
        for attempt in [*self._attempts.values()]:
            if attempt.is_over and attempt.erasures != self._erasures():
                del self._attempts[attempt.id]

    def _end(self, attempt: Attempt, state: State) -> None:
        attempt.state, attempt.ended_at = state, self._now()
        self._touch()
