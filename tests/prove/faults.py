"""Deliberate faults in our own code: what a hurried programmer could write. Each must be found by a test, or the tests prove nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CodeFault:
    """In ``file`` the one place that reads ``old`` reads ``new`` instead. ``breaks`` is the promise, ``tests`` what must go red."""

    name: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS: Final = (
    CodeFault(
        "acknowledge before the commit",
        "I1",
        "bot/web/webhook.py",
        "        (is_new,) = await self.store.record((incoming,), now)\n",
        "        import asyncio\n\n"
        "        self.__class__.later = asyncio.create_task(self.store.record((incoming,), now))\n"
        "        is_new = True\n",
        ("tests/test_app.py",),
    ),
    CodeFault(
        "tell callers just before the commit",
        "I1",
        "bot/store/sqlite/writer.py",
        '            connection.execute("COMMIT")\n',
        "            group[0].outcome.get_loop().call_soon_threadsafe(_resolve, group, outputs)\n"
        '            connection.execute("COMMIT")\n',
        ("tests/store/test_writer.py", "tests/faults/test_power.py"),
    ),
    CodeFault(
        "let the system write to the disk when it likes",
        "I1",
        "bot/store/sqlite/connection.py",
        '    "PRAGMA synchronous=FULL",\n',
        '    "PRAGMA synchronous=NORMAL",\n',
        ("tests/faults/test_power.py",),
    ),
    CodeFault(
        "know duplicates by a random key",
        "I2",
        "bot/sinch/wire/envelope.py",
        '        key = ":".join((prefix, *parts))\n',
        '        import os\n\n        key = ":".join((prefix, *parts, os.urandom(4).hex()))\n',
        ("tests/sinch/wire/test_events.py", "tests/test_app.py"),
    ),
    CodeFault(
        "take the inbox row of a dead letter for decided",
        "I3",
        "bot/store/sqlite/settling.py",
        "                \"UPDATE inbox SET state = 'dead', settled_at = ?, why = ?, tries = tries + 1 WHERE id = ?\",\n",
        "                \"UPDATE inbox SET state = 'decided', settled_at = ?, why = ?, tries = tries + 1 WHERE id = ?\",\n",
        ("tests/store/test_contract.py", "tests/work/test_inbox.py"),
    ),
    CodeFault(
        "decide a person's events in the order they arrived",
        "I4",
        "bot/store/sqlite/deciding.py",
        "        rows.sort()\n",
        "        rows.sort(key=lambda row: row[1])\n",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "send the newest message first",
        "I4",
        "bot/store/sqlite/lanes.py",
        "q.attempts > 0 DESC, q.seq LIMIT 1",
        "q.attempts > 0 DESC, q.seq DESC LIMIT 1",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "count the window from arrival",
        "I6",
        "bot/store/sqlite/recording.py",
        "            closes_at = to_us(event.written_at + WINDOW)\n",
        "            closes_at = to_us(event.received_at + WINDOW)\n",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "send free-form until the last second",
        "I6",
        "bot/core/delivery.py",
        "    if window.is_open(now, policy.margin) and window.closes_at is not None:\n",
        "    if window.is_open(now, policy.margin * 0) and window.closes_at is not None:\n",
        ("tests/store/test_contract.py", "tests/journeys/test_window.py"),
    ),
    CodeFault(
        "let Sinch keep free-form for as long as it likes",
        "I6",
        "bot/sinch/wire/render.py",
        "    if ttl_s is not None:\n",
        "    if ttl_s is not None and ttl_s < 0:\n",
        ("tests/sinch/wire/test_render.py", "tests/journeys/test_window.py"),
    ),
    CodeFault(
        "ask about STOP as a message is placed, not as it leaves",
        "I7",
        "bot/core/delivery.py",
        "    if consent.stopped and not message.confirms_stop and",
        "    if consent.stopped and message.created_at > now and not message.confirms_stop and",
        ("tests/store/test_contract.py", "tests/faults/test_sending.py"),
    ),
    CodeFault(
        "let STOP count when it is decided, not when it is recorded",
        "I7",
        "bot/store/sqlite/recording.py",
        "        if item.consent is not None and contact is not None:\n",
        "        if item.consent is not None and contact is not None and item.consent.state != 'stopped':\n",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "forget a STOP as its person is erased",
        "I7",
        "bot/store/sqlite/erasing.py",
        "    stopped = _stops(connection, memory, found)\n",
        "    stopped = _stops(connection, memory, found) * 0\n",
        ("tests/store/test_erasing.py",),
    ),
    CodeFault(
        "send marketing to whoever did not refuse",
        "I7",
        "bot/core/delivery.py",
        '    if policy.marketing == "opted_in" and consent.marketing != "opted_in":\n',
        '    if policy.marketing == "opted_in" and consent.marketing == "stopped":\n',
        ("tests/work/test_marketing_stop.py", "tests/store/test_campaigns.py", "tests/store/test_business_machine.py"),
    ),
    CodeFault(
        "take another body under a known key for the same",
        "I8",
        "bot/store/sqlite/ordering.py",
        "            return placed if digest == one.idempotency[2] else OtherBody()\n",
        "            return placed\n",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "make every request under a key a message of its own",
        "I8",
        "bot/store/sqlite/ordering.py",
        "        if one.idempotency is not None and (known := self._known.get(one.idempotency[:2])) is not None:\n",
        "        if one.idempotency is None and (known := self._known.get(one.idempotency)) is not None:  # type: ignore\n",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "send again at once what may have arrived",
        "I9",
        "bot/store/sqlite/sending.py",
        "UPDATE outbox SET state = 'unknown', submissions = submissions + 1, look_at = ?, looks = 0, reason = ?\"",
        "UPDATE outbox SET state = 'queued', submissions = submissions + (? < 0), looks = 0, reason = ?\"",
        ("tests/faults/test_sending.py", "tests/store/test_contract.py"),
    ),
    CodeFault(
        "try a third time",
        "I9",
        "bot/store/sqlite/doubt.py",
        "MOST_SUBMISSIONS = 2\n",
        "MOST_SUBMISSIONS = 3\n",
        ("tests/store/test_contract.py", "tests/faults/test_sending.py"),
    ),
    CodeFault(
        "take up again, after a crash, what was being sent",
        "I9",
        "bot/store/sqlite/doubt.py",
        "SET submissions = submissions + 1, state = 'unknown', looks = 0, look_at = ?,\"",
        "SET submissions = submissions + (? < 0), state = 'queued', looks = 0,\"",
        ("tests/store/test_contract.py", "tests/kill/test_kill.py"),
    ),
    CodeFault(
        "wait as long as Sinch's answer says, be it for ever",
        "I9",
        "bot/sinch/wire/answers.py",
        "        return _clamped(float(value))\n",
        "        return float(value)\n",
        ("tests/sinch/wire/test_answers.py",),
    ),
    CodeFault(
        "show the last receipt, not the best",
        "I10",
        "bot/core/delivery.py",
        "    return rank if rank is not None and rank > old_rank else None\n",
        "    return rank\n",
        ("tests/core/test_delivery.py",),
    ),
    CodeFault(
        "drop a receipt that comes before the answer",
        "I10",
        "bot/store/sqlite/sending.py",
        "    adopt(connection, memory.counting, [outcome.message_id for outcome in accepted], at)\n",
        "",
        ("tests/store/test_contract.py",),
    ),
    CodeFault(
        "let rules go live whose tests fail",
        "I11",
        "bot/rulebook/approval.py",
        "    return not failures, (*failures, *reading.problems)\n",
        "    return True, (*failures, *reading.problems)\n",
        ("tests/rulebook/test_approval.py",),
    ),
    CodeFault(
        "keep nothing of a rulebook that goes live",
        "I11",
        "bot/work/reload.py",
        "        self._live.problems, self._tried = errors, approval.digest\n",
        "        self._live.problems, self._tried = (), approval.digest\n",
        ("tests/work/test_reload.py",),
    ),
    CodeFault(
        "try a poison event for ever",
        "I12",
        "bot/work/inbox.py",
        "MOST_TRIES = 3\n",
        "MOST_TRIES = 3_000\n",
        ("tests/work/test_inbox.py",),
    ),
    CodeFault(
        "fire a timer and leave it set",
        "I3",
        "bot/store/sqlite/timers.py",
        '        connection.executemany("DELETE FROM timer WHERE person = ? AND name = ?", [row[:2] for row in rows])\n',
        "",
        ("tests/store/test_timers.py",),
    ),
    CodeFault(
        "take a stale webhook for a fresh one",
        "security",
        "bot/sinch/signature.py",
        "        return Verdict.AUTHENTIC if abs(now.timestamp() - sent_at_s) <= self._max_age_s else Verdict.STALE\n",
        "        return Verdict.AUTHENTIC\n",
        ("tests/sinch/test_signature.py",),
    ),
    CodeFault(
        "compare the beginning of a signature",
        "security",
        "bot/sinch/signature.py",
        "hmac.compare_digest(b2a_base64(mac.digest(), newline=False), signature)\n",
        "b2a_base64(mac.digest(), newline=False).startswith(signature)\n",
        ("tests/sinch/test_signature.py",),
    ),
    CodeFault(
        "leave the words of the erased in the log of the database",
        "privacy",
        "bot/store/sqlite/sweeping.py",
        '    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()\n',
        '    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()\n',
        ("tests/store/test_erasing.py", "tests/store/test_sweeping.py"),
    ),
)
