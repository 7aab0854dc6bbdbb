"""``/admin/operations/dead-letters``: what came in and could not be dealt with, and driving it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

from bot.errors import Refused
from bot.store.trouble import DeadLetter, RefusedBody
from bot.store.units import InboxKind
from bot.web import redrive
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.operations import number_of, page
from bot.web.redrive import Driven
from bot.web.site.access import Visitor
from bot.web.site.guard import Page, posted, see_other
from bot.web.site.live import stream
from bot.web.site.pages import HEADERS, rendered

PAGE: Final = 25
BODY_SHOWN: Final = 4_000  # characters; the rest has an address of its own
PRETTY_MOST: Final = 64 * 1024  # bytes that are worth the trouble of indenting
PATH: Final = "/admin/operations/dead-letters"

_KINDS: Final[Mapping[InboxKind, str]] = {
    InboxKind.INBOUND: "a message or event of a person",
    InboxKind.RECEIPT: "a delivery receipt",
    InboxKind.TIMER: "a timer",
    InboxKind.CALL_RESULT: "an answer of a backend",
    InboxKind.API: "an event of a backend",
    InboxKind.OPERATOR: "something a colleague did",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing that could not be dealt with. ``name``: as it is typed; ``kept``: empty, or why it cannot be driven again."""

    name: str
    what: str
    at: datetime
    person: int | None
    why: str
    note: str
    body: str
    is_cut: bool
    kept: str


def of_dead(letter: DeadLetter) -> Letter:
    """A dead letter for the list."""
    kept = ""
    if letter.person is None:
        kept = "It concerns nobody, so there is no conversation to decide it in; what sent it must be mended."
    elif not letter.raw:
        kept = "Its body is kept no longer."
    body, is_cut = pretty(letter.raw)
    times = "once" if letter.tries == 1 else f"{letter.tries} times"
    what = f"Dead letter: {_KINDS[letter.kind]}"
    note = f"tried {times}, then given up"
    return Letter(str(letter.inbox_id), what, letter.received_at, letter.person, letter.why, note, body, is_cut, kept)


def of_refused(body: RefusedBody) -> Letter:
    """A refused webhook for the list."""
    shown, is_cut = pretty(body.raw)
    kept = f"{body.driven_by} drove it again." if body.driven_at is not None else ""
    return Letter(
        f"w{body.id}", "Refused webhook", body.received_at, None, body.why, "its signature fits", shown, is_cut, kept
    )


def pretty(raw: bytes) -> tuple[str, bool]:
    """A body as one reads it, and whether it is cut; JSON is indented."""
    text = whole(raw if len(raw) <= PRETTY_MOST else raw[: BODY_SHOWN * 4])
    return text[:BODY_SHOWN], len(text) > BODY_SHOWN or len(raw) > PRETTY_MOST


def whole(raw: bytes) -> str:
    """All of it."""
    try:
        if len(raw) <= PRETTY_MOST:
            return orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested deeper than it can be written
        pass
    return raw.decode(errors="replace")


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Both lists, newest first, and what became of what was just driven."""
    desk, trouble = request.app[DESK], request.app[DESK].backend.store.trouble
    before, refused_before = (number_of(request.query.get(each, "")) for each in ("before", "refused"))
    dead = await trouble.dead_letters(desk.backend.app_id, PAGE + 1, before)
    refused = await trouble.refused(PAGE + 1, refused_before)
    letters = [*map(of_dead, dead[:PAGE]), *map(of_refused, refused[:PAGE])]
    driven = _driven_names(request)
    return page(
        "operations_dead_letters.html",
        visitor,
        desk,
        letters=letters,
        drivable=[each.name for each in letters if not each.kept],
        older=_older(before, refused_before, dead, refused),
        is_first=before is None and refused_before is None,
        driven=await _fates(desk, driven),
        live=f"{PATH}/live?{urlencode([('driven', each) for each in driven])}" if driven else "",
    )


def _older(
    before: int | None, refused_before: int | None, dead: Sequence[DeadLetter], refused: Sequence[RefusedBody]
) -> str:
    """The address of the page after this one; empty where there is none."""
    more_dead, more_refused = len(dead) > PAGE, len(refused) > PAGE
    if not more_dead and not more_refused:
        return ""
    # A list that has ended stays so: nothing has a number below the first.
    last_dead = dead[PAGE - 1].inbox_id if more_dead else 0
    last_refused = refused[PAGE - 1].id if more_refused else 0
    return f"{PATH}?{urlencode({'before': last_dead, 'refused': last_refused})}"


def _driven_names(request: web.Request) -> list[str]:
    names = dict.fromkeys(each for each in request.query.getall("driven", []) if redrive.is_name(each))
    return list(names)[: redrive.MOST]


async def _fates(desk: Desk, names: Sequence[str]) -> list[Driven]:
    found = [await redrive.fate_of(name, desk.backend, desk.intake) for name in names]
    return [each for each in found if each is not None]


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """What becomes of what was driven."""
    desk, names = request.app[DESK], _driven_names(request)

    async def fragments() -> Mapping[str, str]:
        return {"driven": rendered("operations_driven.html", {"driven": await _fates(desk, names)})}

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


async def drive(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Drive one again, or all that the page showed."""
    desk, form = request.app[DESK], await posted(request)
    names = [str(each) for each in form.getall("name", [])][: redrive.MOST]
    if not names:
        raise Refused("Nothing was named to drive again.", "nothing", "Go back and choose something.", 422)
    driven, trouble = [], None
    for name in names:
        try:
            await redrive.drive(name, visitor.name, desk.backend, desk.intake)
        except Refused as refused:
            trouble = refused
        else:
            driven.append(("driven", name))
    if trouble is not None and not driven:
        raise trouble
    return see_other(f"{PATH}?{urlencode(driven)}")


async def body(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The whole body as plain text."""
    desk, name = request.app[DESK], request.match_info["name"]
    raw = await _raw(desk, name)
    if raw is None:
        raise Refused("There is no such body, or it is kept no longer.", "no-body", "Look at the list again.", 404)
    return web.Response(text=whole(raw), content_type="text/plain", headers=HEADERS)


async def _raw(desk: Desk, name: str) -> bytes | None:
    trouble, number = desk.backend.store.trouble, number_of(name.removeprefix("w"))
    if number is None:
        return None
    if name.startswith("w"):
        bodies = await trouble.refused(1, number + 1)
        return bodies[0].raw if bodies and bodies[0].id == number else None
    letters = await trouble.dead_letters(desk.backend.app_id, 1, number + 1)
    return letters[0].raw if letters and letters[0].inbox_id == number else None


PAGES: Final[Sequence[Page]] = (
    Page("GET", "/operations/dead-letters", show),
    Page("GET", "/operations/dead-letters/live", live, is_part=True),
    Page("GET", "/operations/dead-letters/{name:w?[0-9]{1,18}}/body", body),
    Page("POST", "/operations/dead-letters/redrive", drive, role="operate"),
)
