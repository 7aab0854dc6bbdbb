"""Two bots talking to each other: the same words getting the same rule's answer again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from bot.core.conversation import Echo

MOST = 10  # the same answer to the same words, within
WITHIN = timedelta(seconds=60)


def echo_key(heard: str, rule: str) -> str:
    """What makes two exchanges the same, short and without the words themselves."""
    return blake2b(f"{rule}\n{heard}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def counted(before: Echo | None, key: str, written_at: datetime) -> Echo:
    """The exchange ``key`` of ``written_at`` added to what was in a row ``before``.

    While paused (over ten), each further one within a minute of the last keeps the pause: it ends once they are quiet for a minute.
    """
    if before is None or before.key != key or abs(written_at - before.since) > WITHIN:
        return Echo(key, written_at, 1)
    since = max(before.since, written_at) if before.count >= MOST else before.since
    return Echo(key, since, before.count + 1)


def is_loop(echo: Echo) -> bool:
    """Whether a machine must be at the other end."""
    return echo.count > MOST
