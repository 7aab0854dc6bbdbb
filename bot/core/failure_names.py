"""One short name for each way in which a message fails, to count failures by: never its words, and nothing that could be an address."""

from __future__ import annotations

import re
from typing import Final

from bot.core.delivery import OutboxState
from bot.core.event import Reason
from bot.core.failures import next_step
from bot.core.next_step import NextStep
from bot.core.own_failures import SENTENCES
from bot.core.sinch_failures import SUB_CODES

OTHER: Final = "other"
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")
_CHANNEL_CODE: Final = re.compile(
    r"\d{1,7}"
)  # WhatsApp's numbers have at most six digits, telephone numbers more than seven


def name_of_receipt(reason: Reason) -> str:
    """What a failed receipt's reason is counted as: WhatsApp's number, else Sinch's finer word where it is known, else Sinch's word."""
    channel_code = reason.channel_code.strip()
    if _CHANNEL_CODE.fullmatch(channel_code):
        return channel_code
    return reason.sub_code if reason.sub_code in SUB_CODES else _plain(reason.code)


def name_of_end(state: str, sentence: str, status: int, code: str) -> str:
    """What a message is counted as that ended in ``state`` without a receipt: ``sentence`` is what the outbox keeps of it, ``status`` and
    ``code`` are of its last attempt."""
    own = SENTENCES.get(sentence)
    if own is not None:
        return own
    if state == OutboxState.EXPIRED:
        return "too_late"
    return f"http_{status}" if not code and 100 <= status < 600 else _plain(code)


def next_step_of_name(name: str) -> NextStep:
    """What a name of the two above means, and who does what."""
    return next_step("", name) if name.isdigit() else next_step(name, sub_code=name)


def _plain(code: str) -> str:
    return code if _CODE.fullmatch(code) else OTHER
