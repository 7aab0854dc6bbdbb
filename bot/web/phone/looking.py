"""What somebody looks at, as the address says it: a contact, one of their messages, a tab of the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

TABS: Final = ("why", "webhook", "send")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Looking:
    """``message`` empty: the newest of the bot. ``sheet`` names the message whose list or form is open, or attach, place, card or add.
    ``reply``: the message that is being answered to."""

    contact: str = ""
    message: str = ""
    tab: str = "why"
    sheet: str = ""
    reply: str = ""

    def address(self, **changes: str) -> str:
        """The page's address with some of it changed."""
        there = replace(self, **changes)
        parts = {"c": there.contact, "m": there.message, "tab": there.tab if there.tab != "why" else ""}
        parts |= {"sheet": there.sheet, "reply": there.reply}
        return "/phone/?" + urlencode({name: value for name, value in parts.items() if value})


def looking(query: Mapping[str, str]) -> Looking:
    """From an address, or from a form that tells where it was."""
    contact, message, sheet, reply = (query.get(name, "")[:_LONGEST] for name in ("c", "m", "sheet", "reply"))
    tab = query.get("tab", "")
    return Looking(contact, message, tab if tab in TABS else "why", sheet, reply)
