"""From what the load sent and what arrived on the other side to figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from tests.bench.load import Sent

_MS = 1e6


@dataclass(frozen=True, slots=True)
class Arrived:
    """Replies in the order they arrived: which message each answers, and when (CLOCK_MONOTONIC nanoseconds)."""

    serials: Sequence[int]
    at_ns: Sequence[int]


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement. Rates are per second, delays in milliseconds, CPU in percent of one core or milliseconds per event.

    Acknowledging is from when a webhook was meant to leave to its 200, replying from then to the reply's arrival at Sinch's
    side. ``replies`` a second counts to the last reply, with all that was still to be sent when the load ended, and so does
    ``cpu_ms``, which is the server's. ``noise`` is what strangers used of the server's core. ``missing`` counts acknowledged
    events without a reply, ``twice`` replies beyond the first.
    """

    events: float
    acknowledged: float
    replies: float
    ack_p50: float
    ack_p99: float
    reply_p50: float
    reply_p99: float
    cpu_ms: float
    server_cpu: float
    counter_cpu: float
    load_cpu: float
    noise: float
    late_p99: float
    failed: float
    missing: float
    twice: float


def figures(sent: Sent, arrived: Arrived, used_s: Mapping[str, float]) -> Figures:
    """``used_s``: the CPU seconds of ``server``, ``counter``, ``load`` and ``noise``, and the seconds that ``passed``, from before the
    first webhook to after the last reply.
    """
    rows = list(zip(sent.serial, sent.meant_ns, sent.left_ns, sent.answered_ns, sent.status, strict=True))
    taken = [row for row in rows if row[4] == 200]
    first_at = _first_arrivals(arrived)
    delays = [(first_at[row[0]] - row[1]) / _MS for row in taken if row[0] in first_at]
    acks = [(row[3] - row[1]) / _MS for row in taken]
    began = min(sent.meant_ns)
    acks_s = (max(sent.answered_ns) - began) / 1e9
    ours = {row[0] for row in rows}
    ended = max((at for serial, at in first_at.items() if serial in ours), default=began)
    until_last_s = max((ended - began) / 1e9, acks_s)
    events = len(taken)
    return Figures(
        events=events,
        acknowledged=events / acks_s,
        replies=len(delays) / until_last_s,
        ack_p50=percentile(acks, 50),
        ack_p99=percentile(acks, 99),
        reply_p50=percentile(delays, 50),
        reply_p99=percentile(delays, 99),
        cpu_ms=used_s["server"] * 1000 / max(events, 1),
        server_cpu=used_s["server"] * 100 / used_s["passed"],
        counter_cpu=used_s["counter"] * 100 / used_s["passed"],
        load_cpu=used_s["load"] * 100 / acks_s,
        noise=max(0.0, used_s["noise"] * 100 / used_s["passed"]),
        late_p99=percentile([(row[2] - row[1]) / _MS for row in rows if row[2]], 99),
        failed=len(rows) - events,
        missing=events - len(delays),
        twice=sum(1 for serial in arrived.serials if serial in ours) - len(ours & first_at.keys()),
    )


def median(several: Sequence[Figures]) -> Figures:
    """The median of each figure by itself; of what must not happen, the sum."""
    summed = ("failed", "missing", "twice")
    return Figures(
        **{
            each.name: (sum if each.name in summed else statistics.median)([getattr(one, each.name) for one in several])
            for each in fields(Figures)
        }
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` percent do not exceed; NaN of nothing."""
    if not values:
        return float("nan")
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * int(percent) // 100) - 1)]


def _first_arrivals(arrived: Arrived) -> dict[int, int]:
    first: dict[int, int] = {}
    for serial, at_ns in zip(arrived.serials, arrived.at_ns, strict=True):
        first.setdefault(serial, at_ns)
    return first
