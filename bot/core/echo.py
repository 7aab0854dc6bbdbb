"""Two bots talking to each other: the same words getting the same answer again and again, also where they take turns with others."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from bot.core.conversation import Echo

MOST = 10  # the same answer to the same words, within
WITHIN = timedelta(seconds=60)
KEPT = 12  # exchanges of the last minute: bots that go round in more different ones write over two a second, and each costs room


def echo_key(heard: str, *answer: str) -> str:
    """What makes two exchanges the same, short and without the words themselves. ``answer`` says which one was given."""
    return blake2b("\n".join((*answer, heard)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def counted(before: tuple[Echo, ...], key: str, written_at: datetime) -> tuple[Echo, ...]:
    """The exchange ``key`` of ``written_at`` added to those of the minute before it; it is the last of what is returned.

    While paused (over ten), each further one within a minute of the last keeps the pause: it ends once the other side has said nothing
    of the kind for a minute.
    """
    recent = [kept for each in before if (kept := _within(each, written_at)).times]
    same = next((each for each in recent if each.key == key), None)
    if same is None:
        return (*recent[1 - KEPT :], Echo(key, (written_at,)))
    recent.remove(same)
    paused = len(same.times) > MOST
    times = (written_at,) * (MOST + 1) if paused else (*same.times, written_at)
    return (*recent, Echo(key, times))


def is_loop(echo: Echo) -> bool:
    """Whether a machine must be at the other end."""
    return len(echo.times) > MOST


def _within(echo: Echo, written_at: datetime) -> Echo:
    """What is left of it in the minute before."""
    if len(echo.times) > MOST:  # a pause lasts a minute from the last one on
        return echo if abs(written_at - echo.times[-1]) <= WITHIN else Echo(echo.key, ())
    return Echo(echo.key, tuple(at for at in echo.times if abs(written_at - at) <= WITHIN))
