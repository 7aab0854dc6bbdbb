"""A person's message as the layers look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.draft import Draft
from bot.core.event import InboundMessage
from bot.core.text import Words
from bot.core.value import quick


@quick
@dataclass(frozen=True, slots=True)
class Message:
    """A person's message with its words normalised."""

    event: InboundMessage
    words: Words


Layer = Callable[[Draft, Message], bool]
