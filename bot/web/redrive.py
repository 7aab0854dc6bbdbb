"""Driving again what could not be dealt with: dead letters, and webhooks that were refused for their age.

A dead letter is known by its number (``12``), a refused webhook by a ``w`` before its own (``w3``): what colleagues see and type.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from bot.errors import Refused
from bot.store.trouble import DeadLetter, Fate, RefusedBody
from bot.store.units import InboxState
from bot.store.users import Deed
from bot.web.api.backend import Backend
from bot.web.intake import Intake

MOST: Final = 50  # at once
PATIENCE_S: Final = 3.0  # for the bot to decide what was driven, so that the command can tell
LOOK_S: Final = 0.05
_NAME: Final = re.compile(r"(w?)([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Driven:
    """What was driven again: its ``name`` as people type it, and what became of it so far."""

    name: str
    sentence: str
    is_over: bool
    is_good: bool
    person: int | None = None


def is_name(text: str) -> bool:
    """Whether it could be the name of something to drive."""
    return _NAME.fullmatch(text) is not None


async def drive(name: str, who: str, backend: Backend, intake: Intake | None) -> None:
    """Let it be decided again; what is there already is not recorded twice. Raises ``Refused`` where it cannot be driven."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise Refused(
            f"{name[:40]!r} names nothing that could be driven again.",
            "no-such-name",
            "Take a name from the list.",
            404,
        )
    now, trouble, number = backend.now(), backend.store.trouble, int(found[2])
    if not found[1]:
        await trouble.drive(backend.app_id, number, now)
        await _did(backend, who, f"event {number}")
    else:
        body = await _body(backend, number)
        if intake is None:
            raise Refused(
                "No server runs that could read a webhook.", "no-server", "Start it with `python run.py serve` first."
            )
        incoming = intake.incoming(body.raw, now)
        if await trouble.take_refused(number, incoming, who, now):
            intake.recorded(incoming)
        await _did(backend, who, f"webhook {number}")
    backend.wake_inbox()


async def _did(backend: Backend, who: str, subject: str) -> None:
    await backend.store.users.did(Deed(backend.now(), who, "redrive", subject))


async def _body(backend: Backend, number: int) -> RefusedBody:
    found = await backend.store.trouble.refused(1, number + 1)
    if not found or found[0].id != number:
        raise Refused(
            f"There is no refused webhook w{number}.",
            "no-such-webhook",
            "Look at the list again; old ones are forgotten.",
            404,
        )
    return found[0]


async def fate_of(name: str, backend: Backend, intake: Intake | None) -> Driven | None:
    """What became of it until now; None where nothing of that name is kept."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    key: int | str = int(found[2])
    if found[1]:
        try:
            body = await _body(backend, int(found[2]))
        except Refused:
            return None
        if intake is None:
            return None
        key = intake.parse(body.raw, backend.now()).dedup
    fate = await backend.store.trouble.fate(backend.app_id, key)
    return None if fate is None else told(name, fate)


def told(name: str, fate: Fate) -> Driven:
    """What became of an event, as a sentence."""
    match fate.state:
        case InboxState.PENDING:
            return Driven(name, "It waits to be decided.", False, True, fate.person)
        case InboxState.DEAD:
            return Driven(name, f"It was given up again: {fate.why}", True, False, fate.person)
        case InboxState.IGNORED:
            why = f": {fate.why}" if fate.why else "."
            return Driven(name, f"There was nothing to answer{why}", True, True, fate.person)
        case InboxState.DECIDED:
            return Driven(name, _decided(fate), True, True, fate.person)


def _decided(fate: Fate) -> str:
    if fate.rule:
        return f"It was decided by rule {fate.rule}."
    layers = {
        "consent": "It was taken for a word of consent.",
        "person": "A colleague has the conversation, so no rule answered.",
    }
    return layers.get(fate.layer, "It was dealt with; no rule answered.")


# --- the operator's commands ---------------------------------------------------------------------------------------------

Command = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


def commands(backend: Backend, intake: Intake | None) -> Mapping[str, Command]:
    """``events.dead`` lists, ``events.redrive`` takes ``ids``, or ``all`` of them, at most ``MOST``. Where no server runs, ``intake`` is
    None: what is driven waits for its start."""

    async def dead(request: Mapping[str, object]) -> Mapping[str, object]:
        letters, bodies = await shown(backend, _limit(request))
        return {"letters": [_letter(each) for each in letters], "webhooks": [_refused(each) for each in bodies]}

    async def redrive(request: Mapping[str, object]) -> Mapping[str, object]:
        ids = request.get("ids")
        names = [str(each) for each in ids] if isinstance(ids, list) else []
        if request.get("all"):
            names = await drivable(backend)
        who = str(request.get("who", "")) or "an operator"
        return {"driven": [await _one(name, who) for name in names[:MOST]], "left": max(0, len(names) - MOST)}

    async def _one(name: str, who: str) -> Mapping[str, object]:
        try:
            await drive(name, who, backend, intake)
        except Refused as refused:
            return {"id": name, "sentence": f"{refused} {refused.cure}".strip(), "good": False}
        made = await _settled(name)
        return {"id": name, "sentence": made.sentence, "good": made.is_good}

    async def _settled(name: str) -> Driven:
        waits = Driven(name, "It is decided once the server runs.", False, True)
        if intake is None:
            return waits
        looks = round(PATIENCE_S / LOOK_S)
        for _ in range(looks):
            fate = await fate_of(name, backend, intake)
            if fate is not None and fate.is_over:
                return fate
            await asyncio.sleep(LOOK_S)
        return Driven(name, "It waits to be decided.", False, True)

    return {"events.dead": dead, "events.redrive": redrive}


async def shown(backend: Backend, limit: int) -> tuple[Sequence[DeadLetter], Sequence[RefusedBody]]:
    """Dead letters, and refused webhooks, the newest first."""
    trouble = backend.store.trouble
    return await trouble.dead_letters(backend.app_id, limit), await trouble.refused(limit)


async def drivable(backend: Backend) -> list[str]:
    """The names of what could be driven again, of the newest."""
    letters, bodies = await shown(backend, MOST)
    dead = [str(each.inbox_id) for each in letters if each.person is not None and each.raw]
    return dead + [f"w{each.id}" for each in bodies if each.driven_at is None]


def _limit(request: Mapping[str, object]) -> int:
    limit = request.get("limit")
    return limit if isinstance(limit, int) and limit > 0 else MOST


def _letter(each: DeadLetter) -> Mapping[str, object]:
    return {
        "id": str(each.inbox_id),
        "kind": each.kind.value,
        "person": each.person,
        "received_at": each.received_at.astimezone(UTC).isoformat(),
        "died_at": each.died_at.astimezone(UTC).isoformat(),
        "tries": each.tries,
        "why": each.why,
        "raw": each.raw.decode(errors="replace"),
    }


def _refused(each: RefusedBody) -> Mapping[str, object]:
    return {
        "id": f"w{each.id}",
        "received_at": each.received_at.astimezone(UTC).isoformat(),
        "why": each.why,
        "driven_at": None if each.driven_at is None else each.driven_at.astimezone(UTC).isoformat(),
        "driven_by": each.driven_by,
        "raw": each.raw.decode(errors="replace"),
    }
