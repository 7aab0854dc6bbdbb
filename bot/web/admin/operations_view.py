"""The operations page's numbers, made of what was counted: pure, so that the templates have nothing to work out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from bot.core.failure_names import next_step_of_name
from bot.core.histogram import quantile
from bot.core.next_step import NextStep
from bot.store.tallies import Kind, Tally, Total
from bot.store.work_left import COUNTED_MOST, WorkLeft
from bot.web.site.charts import bar, floored, sparkline
from bot.web.site.lines import Line, key, lines, lines_rows, table
from bot.web.site.words import milliseconds, number, span

COUNTS: Final[tuple[Kind, ...]] = ("received", "answered", "unmatched", "sent", "failed", "throttled")
SPARK_OF: Final = timedelta(hours=24)
SPARK_STEP: Final = timedelta(minutes=30)
REASONS_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch that ends now, as the address names it; charts have one value for each ``step``."""

    name: str
    label: str
    whole: timedelta
    step: timedelta
    each: str

    def until(self, now: datetime) -> datetime:
        """The end of the step that ``now`` is in."""
        return floored(now, self.step) + self.step

    def since(self, now: datetime) -> datetime:
        """The beginning of its first step."""
        return self.until(now) - self.whole


PERIODS: Final = (
    Period("24h", "24 hours", timedelta(hours=24), timedelta(minutes=5), "5 minutes"),
    Period("7d", "7 days", timedelta(days=7), timedelta(hours=1), "hour"),
    Period("30d", "30 days", timedelta(days=30), timedelta(hours=6), "6 hours"),
)


def period_named(name: str) -> Period:
    """The first one where there is none of that name."""
    return next((each for each in PERIODS if each.name == name), PERIODS[0])


def capped(count: int) -> str:
    """A number that was counted up to a limit: ``10,000+``."""
    return number(count) if count <= COUNTED_MOST else f"{number(COUNTED_MOST)}+"


# --- numbers by time -------------------------------------------------------------------------------------------------------


def counted(tallies: Sequence[Tally]) -> dict[Kind, dict[datetime, int]]:
    """By kind and time; the names of delays are left to ``delays``."""
    found: dict[Kind, dict[datetime, int]] = {}
    for each in tallies:
        of_kind = found.setdefault(each.kind, {})
        of_kind[each.at] = of_kind.get(each.at, 0) + each.count
    return found


def delays(tallies: Sequence[Tally], part: float) -> dict[datetime, float]:
    """The delay within which ``part`` of the answers of each time left, in milliseconds."""
    steps: dict[datetime, dict[int, int]] = {}
    for each in tallies:
        if each.kind == "delay":
            steps.setdefault(each.at, {})[int(each.name)] = each.count
    return {at: found for at, counts in steps.items() if (found := quantile(counts, part)) is not None}


def delay_of_all(tallies: Sequence[Tally], part: float) -> int | None:
    """The same of all the times together."""
    counts: dict[int, int] = {}
    for each in tallies:
        if each.kind == "delay":
            counts[int(each.name)] = counts.get(int(each.name), 0) + each.count
    return quantile(counts, part)


# --- the six numbers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the six numbers: of the last 24 hours, or of now where it has no ``spark``. ``tone`` good, warn or bad, or empty."""

    key: str
    label: str
    value: str
    note: str
    spark: Markup
    tone: str = ""
    href: str = ""


def tiles(tallies: Sequence[Tally], left: WorkLeft, now: datetime) -> list[Tile]:
    """Of the last 24 hours, from ``tallies`` in steps of half an hour."""
    by_kind = counted(tallies)
    total = {kind: sum(by_kind.get(kind, {}).values()) for kind in COUNTS}
    p99, p50 = delay_of_all(tallies, 0.99), delay_of_all(tallies, 0.5)
    received = total["received"]
    share = f"{min(1.0, total['answered'] / received):.0%} of them" if received else "nobody wrote yet"
    slow = delays(tallies, 0.99)
    return [
        Tile("received", "Received", number(received), "messages", _spark(by_kind, "received", now)),
        Tile("answered", "Answered", number(total["answered"]), share, _spark(by_kind, "answered", now)),
        Tile(
            "delay", "Delay, p99", "–" if p99 is None else milliseconds(p99),
            "no answer yet" if p50 is None else f"half within {milliseconds(p50)}",
            sparkline(_half_hours(slow, now, is_count=False), "Delay of answers, p99, in the last 24 hours", " ms"),
            "warn" if p99 is not None and p99 > 10_000 else "",
        ),
        Tile(
            "failed", "Failed", number(total["failed"]), f"of {number(total['sent'])} sent",
            _spark(by_kind, "failed", now), "bad" if total["failed"] else "", "/admin/operations/messages",
        ),
        Tile(
            "waiting", "Waiting", capped(left.people), _waiting_note(left, now), Markup(""),
            "warn" if left.people else "", "/admin/?show=needs_person",
        ),
        Tile(
            "unmatched", "Unmatched", number(total["unmatched"]),
            f"{min(1.0, total['unmatched'] / received):.1%} of those received" if received else "no message yet",
            _spark(by_kind, "unmatched", now), "", "/admin/rules",
        ),
    ]  # fmt: skip


def _waiting_note(left: WorkLeft, now: datetime) -> str:
    since = f", for {span(max(now - left.people_since, timedelta()))}" if left.people_since else ""
    people = f"{'person waits' if left.people == 1 else 'people wait'} for a colleague{since}"
    messages = "message waits" if left.waiting == 1 else "messages wait"
    return f"{people}; {capped(left.waiting)} {messages} for the person to write" if left.waiting else people


def _spark(by_kind: Mapping[Kind, Mapping[datetime, int]], kind: Kind, now: datetime) -> Markup:
    return sparkline(_half_hours(by_kind.get(kind, {}), now), f"Messages {kind} in the last 24 hours")


def _half_hours(values: Mapping[datetime, float], now: datetime, is_count: bool = True) -> list[float | None]:
    since = spark_since(now)
    times = (since + n * SPARK_STEP for n in range(SPARK_OF // SPARK_STEP))
    return [values.get(at, 0 if is_count else None) for at in times]


def spark_since(now: datetime) -> datetime:
    """Where the six numbers begin."""
    return floored(now, SPARK_STEP) + SPARK_STEP - SPARK_OF


# --- the charts -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with what its colours mean and the table behind it; ``is_empty``: there is nothing to draw."""

    id: str
    title: str
    note: str
    drawn: Markup
    key: Markup
    table: Markup
    is_empty: bool


def throughput(tallies: Sequence[Tally], period: Period, now: datetime) -> Chart:
    """What was received and sent in each step."""
    by_kind = counted(tallies)
    both = [
        Line("Received", "a", by_kind.get("received", {})),
        Line("Sent", "b", by_kind.get("sent", {})),
    ]
    since, until = period.since(now), period.until(now)
    title, says = "Throughput", f"Messages per {period.each} in the last {period.label}"
    return Chart(
        "throughput",
        title,
        f"messages per {period.each}",
        lines(both, since, until, period.step, says),
        key(both),
        table(lines_rows(both, since, until, period.step), ("From", "Received", "Sent"), says),
        not any(line.values for line in both),
    )


def delay(tallies: Sequence[Tally], period: Period, now: datetime) -> Chart:
    """How long answers took in each step."""
    both = [
        Line("p50", "a", delays(tallies, 0.5), is_count=False),
        Line("p99", "b", delays(tallies, 0.99), is_count=False),
    ]
    since, until = period.since(now), period.until(now)
    says = f"Delay of answers per {period.each} in the last {period.label}"
    return Chart(
        "delay",
        "Delay",
        "from receiving a message until Sinch took the answer",
        lines(both, since, until, period.step, says, milliseconds),
        key(both),
        table(lines_rows(both, since, until, period.step, milliseconds), ("From", "p50", "p99"), says),
        not any(line.values for line in both),
    )


# --- why messages failed ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FailureLine:
    """So many messages failed for one reason."""

    name: str
    count: int
    bar: Markup
    step: NextStep
    href: str


def failure_lines(totals: Sequence[Total]) -> list[FailureLine]:
    """The most frequent first."""
    most = max((each.count for each in totals), default=1)
    return [
        FailureLine(
            each.name,
            each.count,
            bar(each.count / most, "bad"),
            next_step_of_name(each.name),
            f"/admin/operations/messages?{urlencode({'reason': each.name})}",
        )
        for each in totals[:REASONS_MOST]
    ]


# --- facts ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a list of facts. ``at``: when that was, told beside it."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    at: datetime | None = None
    href: str = ""


def outbox_facts(left: WorkLeft) -> list[Fact]:
    """How the outbox stands."""
    messages = "/admin/operations/messages?status="
    return [
        Fact("Queued", capped(left.queued), "leave as soon as they may", href=f"{messages}queued"),
        Fact("Due now", capped(left.due), "people; the first since" if left.due_since else "people", at=left.due_since),
        Fact("In flight", capped(left.in_flight), "handed to Sinch, no answer yet"),
        Fact("Wait for the person", capped(left.waiting), "leave when the person writes"),
        Fact("Unknown outcome", capped(left.unknown), "looked up at Sinch", "warn" if left.unknown else ""),
        Fact("Held", capped(left.held), "a colleague must look", "bad" if left.held else "", href=f"{messages}held"),
        Fact("Not decided yet", capped(left.undecided), "events in the inbox"),
    ]


def sending_facts(send_rate: float, pace: float, throttled: int, rating: str, period: Period) -> list[Fact]:
    """How fast messages may leave and do."""
    tones = {"GREEN": "good", "YELLOW": "warn", "RED": "bad"}
    notes = {
        "GREEN": "WhatsApp is content",
        "YELLOW": "campaigns go at a quarter of their pace",
        "RED": "marketing campaigns are paused",
        "": "WhatsApp never told",
    }
    return [
        Fact("Quality rating", rating.capitalize() or "unknown", notes.get(rating, ""), tones.get(rating, "")),
        Fact("Send rate", f"{send_rate:g} a second" if send_rate else "no limit", "SEND_RATE"),
        Fact("Present pace", f"{pace:.1f} a second" if pace >= 0.05 else "0 a second", "over the last minutes"),
        Fact("Too fast for Sinch", number(throttled), f"answers 429 in {period.label}", "warn" if throttled else ""),
    ]  # fmt: skip
