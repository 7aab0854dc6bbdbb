"""What one changes in the world around the chat: the time, and what goes wrong."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.errors import Refused
from bot.web.phone.booth import BOOTH, PULSE
from bot.web.phone.doing import form
from bot.web.phone.looking import Looking
from bot.web.phone.page import next_opening
from bot.web.site.access import Visitor
from bot.web.site.guard import see_other

STEPS: Final = {"5min": 300.0, "2h": 7200.0, "25h": 90_000.0}


async def move_clock(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Time passes, for bot and Sinch alike: by one of ``STEPS``, or until a shop opens."""
    booth, sent = request.app[BOOTH], await form(request)
    by = sent.text("by")
    opening = next_opening(booth, booth.now())
    if by in STEPS:
        booth.emulator.advance(seconds=STEPS[by])
    elif by == "opening" and opening is not None:
        booth.emulator.advance_to(opening)
    else:
        raise Refused("The clock does not move like that.", "bad_step", "Use the buttons beside the phone.", 422)
    request.app[PULSE].touch()
    booth.desk.pulse.touch()  # the pages of colleagues as well: a window may have closed
    return see_other(Looking(sent.text("c"), sent.text("m"), sent.text("tab") or "why").address())


async def switch(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A fault is turned on or off."""
    booth, sent = request.app[BOOTH], await form(request)
    name, switches = sent.text("name"), booth.emulator.switches
    try:
        if sent.text("on") == "1":
            switches.turn_on(name)
        else:
            switches.turn_off(name)
    except LookupError as trouble:
        raise Refused(str(trouble), "unknown_switch", "Use the switches beside the phone.", 422) from None
    request.app[PULSE].touch()
    return see_other(Looking(sent.text("c"), sent.text("m"), sent.text("tab") or "why").address())
