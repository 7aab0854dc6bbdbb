"""The benchmark's own arithmetic: a wrong figure looks like any other."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sinch.signature import Verdict, Verifier
from tests.bench import report
from tests.bench.events import FIRST_SERIAL, SECRET, SERIAL_IN_A_REPLY, Webhooks
from tests.bench.figures import Arrived, Figures, figures, median, percentile
from tests.bench.http1 import Messages, NotUnderstood, query_number
from tests.bench.load import Sent

MS = 1_000_000
USED = {"server": 0.3, "counter": 0.1, "load": 0.01, "noise": 0.02, "passed": 1.0}

TWO = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b?at_least=17 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, 40, len(TWO)])
def test_messages_are_cut_alike_however_they_come(size: int) -> None:
    messages = Messages()
    found = [one for at in range(0, len(TWO), size) for one in messages.feed(TWO[at : at + size])]
    assert [body for _, body in found] == [b"abc", b""]
    assert [head.split(b" ")[0] for head, _ in found] == [b"POST", b"GET"]
    assert [query_number(head, "at_least") for head, _ in found] == [0, 17]


def test_chunks_are_refused_rather_than_misread() -> None:
    with pytest.raises(NotUnderstood):
        Messages().feed(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_the_load_is_signed_as_sinch_signs_and_numbered() -> None:
    webhooks = Webhooks("127.0.0.1:1", people=50, seed=1)
    webhooks.make_ready(20)
    verifier = Verifier("sinch", [SECRET], timedelta(minutes=5))
    made = [webhooks.next() for _ in range(40)]
    assert [serial for serial, _ in made] == list(range(FIRST_SERIAL, FIRST_SERIAL + 40))
    bodies = [Messages().feed(request)[0] for _, request in made]
    for head, body in bodies:
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert verifier.verify(headers, body, datetime.now(UTC)) is Verdict.AUTHENTIC
        assert verifier.verify(headers, body + b" ", datetime.now(UTC)) is Verdict.NOT_AUTHENTIC
    assert 10 < len({body.split(b'"identity":"')[1][:11] for _, body in bodies}) < 40


@pytest.mark.parametrize(
    ("body", "serial"),
    [
        (b'{"message":{"text_message":{"text":"Order 10000001 is packed."}}}', 10000001),
        (
            b'{"message_metadata": "20000002", "message": {"text_message": {"text": "You asked: order 10000001?"}}}',
            10000001,
        ),
        (b'{"message":{"text_message":{"text":"Call 46700000000."}},"ttl":"10000001s"}', None),
    ],
)
def test_the_serial_is_read_from_the_text_alone(body: bytes, serial: int | None) -> None:
    found = SERIAL_IN_A_REPLY.search(body)
    assert (int(found[1]) if found else None) == serial


def measured(serials: list[int], at_ms: list[int], status: list[int]) -> Figures:
    count = len(status)
    sent = Sent(
        serial=list(range(1, count + 1)),
        meant_ns=[10 * n * MS for n in range(count)],
        left_ns=[(10 * n + 1) * MS for n in range(count)],
        answered_ns=[(10 * n + 4) * MS for n in range(count)],
        status=status,
    )
    return figures(sent, Arrived(serials, [at * MS for at in at_ms]), USED)


def test_figures_of_a_run_where_all_went_well() -> None:
    found = measured([7777, 2, 1, 3], [1, 16, 30, 100], [200, 200, 200])
    assert (found.events, found.failed, found.missing, found.twice) == (3, 0, 0, 0)
    assert found.acknowledged == pytest.approx(3 / 0.024)
    assert found.replies == pytest.approx(3 / 0.1), "to the last reply, though the load ended earlier"
    assert (found.ack_p50, found.ack_p99) == (4, 4)
    assert (found.reply_p50, found.reply_p99) == (30, 80), "from when they were meant to leave"
    assert found.cpu_ms == pytest.approx(100)
    assert found.late_p99 == 1
    assert not report.wrong({"x": found})


def test_what_was_lost_refused_or_doubled_is_counted() -> None:
    found = measured([1, 1, 3], [5, 6, 25], [200, 200, 503])
    assert (found.events, found.failed, found.missing, found.twice) == (2, 1, 1, 1)
    assert report.wrong({"x": found})
    assert len(report.troubles({"x": found}, share_a_core=True)) == 3
    assert median([found, measured([1], [5], [200])]).missing == 1, "one bad round is not averaged away"


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(one) for one in range(1, 101)]
    assert [percentile(values, 50), percentile(values, 99), percentile(values[:1], 99)] == [50, 99, 1]


def test_a_figure_is_held_against_what_is_asked() -> None:
    assert report.Held("x", 0.5, 0.5, at_most=False).is_met
    assert not report.Held("x", 0.49, 0.5, at_most=False).is_met
    assert not report.Held("x", 2.1, 2.0, at_most=True).is_met
