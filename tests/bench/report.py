"""The figures as a table, and what they are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.figures import Figures

FLOOR = "floor, saturated"
ROAD = "road, saturated"
OFFERED_FLOOR = "floor, {rate:.0f}/s offered"
OFFERED = "road, {rate:.0f}/s offered"
EMULATOR = "road, emulator and its receipts"

_COLUMNS = (
    ("webhooks/s", "acknowledged", 0),
    ("replies/s", "replies", 0),
    ("ack p50", "ack_p50", 1),
    ("ack p99", "ack_p99", 1),
    ("reply p50", "reply_p50", 1),
    ("reply p99", "reply_p99", 1),
    ("CPU ms/event", "cpu_ms", 3),
    ("server CPU %", "server_cpu", 0),
    ("counter %", "counter_cpu", 0),
    ("load %", "load_cpu", 0),
    ("noise %", "noise", 0),
    ("events", "events", 0),
)
_FIRST = 32
_NOISY = 10  # percent of the server's core


@dataclass(frozen=True, slots=True)
class Held:
    """A figure held against what is asked of it."""

    name: str
    value: float
    limit: float
    at_most: bool

    @property
    def is_met(self) -> bool:
        """Whether it is as asked."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def sentence(self) -> str:
        """As one line."""
        asked = f"{'at most' if self.at_most else 'at least'} {self.limit:g}"
        return f"{'ok     ' if self.is_met else 'NOT MET'}  {self.name}: {self.value:.2f} ({asked})"


def table(measured: Mapping[str, Figures]) -> str:
    """All measurements, one a line; delays in milliseconds, CPU in percent of one core."""
    lines = [" " * _FIRST + "".join(f"{title:>{len(title) + 2}}" for title, _, _ in _COLUMNS)]
    for name, one in measured.items():
        cells = (f"{getattr(one, key):>{len(title) + 2}.{places}f}" for title, key, places in _COLUMNS)
        lines.append(f"{name:<{_FIRST}}" + "".join(cells))
    return "\n".join(lines)


def held(measured: Mapping[str, Figures], rate: float) -> list[Held]:
    """What is asked of the figures, as far as they were measured."""
    found: list[Held] = []
    floor, road = measured.get(FLOOR), measured.get(ROAD)
    if floor and road:
        found.append(Held("replies/s, road to floor", road.replies / floor.replies, 0.5, at_most=False))
        found.append(Held("CPU per event, road to floor", road.cpu_ms / floor.cpu_ms, 2.0, at_most=True))
    if offered := measured.get(OFFERED.format(rate=rate)):
        found.append(Held(f"acknowledge p99 at {rate:.0f}/s, ms", offered.ack_p99, 15.0, at_most=True))
    leans = [one.counter_cpu for name, one in measured.items() if name != EMULATOR]
    if leans:
        found.append(Held("counter-side CPU, % of a core", max(leans), 80.0, at_most=True))
    return found


def troubles(measured: Mapping[str, Figures], share_a_core: bool) -> list[str]:
    """What makes figures wrong, or less than they seem."""
    found: list[str] = []
    for name, one in measured.items():
        if one.failed:
            found.append(f"{name}: {one.failed:.0f} webhooks were not answered 200.")
        if one.missing:
            found.append(f"{name}: {one.missing:.0f} acknowledged events have no reply.")
        if one.twice:
            found.append(f"{name}: {one.twice:.0f} replies came more than once.")
        if one.noise > _NOISY:
            found.append(
                f"{name}: strangers used {one.noise:.0f} % of the server's core; measure again when it is quiet."
            )
        around = one.counter_cpu + one.load_cpu if share_a_core else max(one.counter_cpu, one.load_cpu)
        if around > 90:
            what = "load and counter-side" if share_a_core else "load or counter-side"
            found.append(f"{name}: {what} used {around:.0f} % of their core, so this measures them as well.")
    return found


def wrong(measured: Mapping[str, Figures]) -> bool:
    """Whether anything happened that never may: an event not taken, lost or answered twice."""
    return any(one.failed or one.missing or one.twice for one in measured.values())
