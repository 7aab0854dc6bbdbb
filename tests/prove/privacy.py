"""Days on which everything goes wrong, each with a real server and words that nobody else would write; see ``tests/privacy``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from tests.privacy.story import tell
from tests.prove.proof import Proof, Share


async def stories(seed: int, size: int, folder: Path) -> Share:
    """One after another, each in a folder of its own."""
    happened: Counter[str] = Counter()
    broken: list[str] = []
    for number in range(size):
        own = folder / str(number)
        own.mkdir()
        place = await tell(seed * 1000 + number, own)
        happened += place.happened
        broken += [f"seed {seed * 1000 + number}: {sentence}" for sentence in place.broken]
    return Share(size, tuple(broken), dict(sorted(happened.items())))


PROOF: Final = Proof(
    name="privacy",
    title="Canary phone numbers, texts and secrets through all that can go wrong, on real servers",
    aim="0 hits in logs, arguments, files and answers to strangers; 0 bytes in database, log and backups after an erasure",
    unit="stories",
    full=20,
    share=2,
    run=stories,
    must_happen={
        "400 that repeats it": 20,
        "api_broke": 20,
        "call_broke": 20,
        "decide_failed": 20,
        "ended by SIGTERM under load": 20,
        "failed receipts that repeat it": 100,
        "forged webhooks refused": 80,
        "killed under load": 20,
        "late receipts after an erasure": 100,
        "logins answered 303": 20,
        "malformed bodies kept": 240,
        "malformed heads refused": 100,
        "news_broke": 20,
        "pages answered 500": 20,
        "people looked for: restored": 60,
        "redeliveries after an erasure": 1000,
        "request_broke": 20,
        "reset after it arrived": 20,
        "rules with mistakes saved": 20,
        "send_broke": 20,
        "stale webhooks refused": 80,
        "wrong API keys": 20,
    },
)
