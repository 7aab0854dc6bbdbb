"""Whatever Sinch sends is answered 200 and kept as it came; what is authentic but odd as well."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from tests.journeys.conftest import Open
from tests.journeys.shop import starting_at
from tests.sinch.payloads import PAYLOADS

AFTER = datetime(2026, 11, 20, 10, 20, tzinfo=UTC)  # a little after what the payloads tell of
ODD_BODIES = (
    b"", b" ", b"null", b"[]", b"{}", b"0", b'"text"', b"\xff\xfe\x00", b"{", b'{"message": 1}', b'{"message": null}',
    b'{"app_id": 7, "message": {}}', b'{"message": {}, "message_delivery_report": {}}', b'{"message": {"id": 1e400}}',
    b'{"message": {"id": "\\ud800"}}', b'{"\\u0000": {"\\u0000": "\\u0000"}}', b"[" * 5000, b'{"a":' * 5000, b"1" * 5000,
    b'{"message_delivery_report": {"status": 7}}', b'{"event": []}', b'{"opt_out_notification": {}}', b"\xef\xbb\xbf{}",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, "", 0, -1, 2**70, 1e308, True, [], {}, [{}], {"x": []}, "\0", "\ud800", "z" * 5000, "2026-99-99T",
)  # fmt: skip


async def test_every_kind_of_payload_is_answered_200_and_kept_as_it_came(opened: Open) -> None:
    shop = await opened(base=starting_at(AFTER))
    for _ in range(2):  # the second time each is a duplicate
        answers = {name: await shop.emulator.post(body) for name, body in PAYLOADS.items()}
        assert {name: statuses for name, statuses in answers.items() if statuses != [200]} == {}
    await shop.rests()
    kept = {bytes(raw): state for raw, state in shop.rows("SELECT raw, state FROM inbox WHERE raw IS NOT NULL")}
    lost = [name for name, body in PAYLOADS.items() if body not in kept]
    # A receipt of a message that is not ours names a person of whom nothing else is known: its body is not kept.
    assert [name for name in lost if b"delivery_report" not in PAYLOADS[name]] == []
    assert shop.rows("SELECT count(*) FROM inbox WHERE raw IS NULL AND kind <> 'receipt'") == [(0,)]
    assert shop.rows("SELECT count(*) FROM receipt WHERE outbox IS NULL") == [(len(lost),)]
    assert set(kept.values()) == {"decided", "ignored"}
    assert kept[PAYLOADS["text"]] == kept[PAYLOADS["unknown_content"]] == "decided"
    assert kept[PAYLOADS["reaction"]] == kept[PAYLOADS["unknown_kind"]] == "ignored"
    assert shop.rows("SELECT count(*) FROM inbox WHERE raw IS NOT NULL GROUP BY raw HAVING count(*) > 1") == []


async def test_odd_bodies_that_are_authentic_are_answered_200(opened: Open) -> None:
    shop = await opened(base=starting_at(AFTER), odd_ids=True)
    bodies = [*ODD_BODIES, *_mutants(300)]
    with capture_logs() as logs:
        answers = [(body[:200], await shop.emulator.post(body)) for body in bodies]
    assert [(body, statuses) for body, statuses in answers if statuses != [200]] == []
    await shop.rests()
    kept = {bytes(raw) for (raw,) in shop.rows("SELECT raw FROM inbox WHERE raw IS NOT NULL")}
    assert [body for body in ODD_BODIES if body not in kept and b"delivery_report" not in body] == []
    assert shop.rows("SELECT count(*) FROM inbox WHERE state = 'pending'") == [(0,)]
    assert shop.rows("SELECT why FROM inbox WHERE state = 'dead' AND why LIKE 'Deciding%'") == []
    dead = {dedup for (dedup,) in shop.rows("SELECT dedup FROM inbox WHERE state = 'dead'")}
    assert {line["dedup"] for line in logs if line["event"] == "event_unreadable"} == dead != set()


def _mutants(count: int) -> Iterator[bytes]:
    """Payloads with one value somewhere replaced by something odd; the same ones every time."""
    dice = random.Random(7)
    for _ in range(count):
        body = json.loads(dice.choice(list(PAYLOADS.values())))
        holder, key = dice.choice(list(_places(body)))
        holder[key] = dice.choice(ODD_VALUES)
        yield json.dumps(body).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
