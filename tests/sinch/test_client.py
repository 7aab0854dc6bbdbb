"""What the client makes of everything Sinch, a gateway or a broken network can do to a send."""

import asyncio
import os
import signal
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from multidict import CIMultiDict

import bot.sinch.client as client_module
from bot.core.event import ContactKey
from bot.core.reply import Button, Section, TextReply
from bot.errors import Failed, Misconfigured, OutcomeUnknown, Retry
from bot.sinch.client import ANSWER_MAX, ClientSettings, SinchClient, To, open_session
from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind
from bot.sinch.kinds import (
    send_buttons,
    send_contact,
    send_flow,
    send_link,
    send_list,
    send_location,
    send_media,
    send_omni_template,
    send_template,
    send_text,
)
from bot.sinch.outcome import Accepted, Refused, Rejected, SendOutcome, Unknown
from bot.sinch.transport import Answer
from tests.sinch.odd import ANSWERED, Odd, answer

APP, PROJECT = "01EMULATEDAPP0000000000000", "emulated-project"
ANNA = To(ContactKey(APP, "WHATSAPP", "46700000001"), "outbox-1", 3600)
SECRET = b64encode(b"an application secret").decode()

Open = Callable[..., Awaitable[SinchClient]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens clients for an address; Basic unless told otherwise, as it asks for no token."""
    async with AsyncExitStack() as stack:

        async def client(url: str, **settings: object) -> SinchClient:
            given: dict[str, object] = {"auth": "basic", "key_secret": SECRET, "auth_url": url, **settings}
            values = ClientSettings(PROJECT, APP, "KEY", api_url=url, **given)  # type: ignore[arg-type]
            session = await stack.enter_async_context(open_session(values))
            made = SinchClient(values, session)
            stack.push_async_callback(made.close)
            return made

        yield client


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    running = Emulator(EmulatorSettings(key_id="KEY", key_secret=SECRET, dispatch_retention_days=1))
    await running.start()
    yield running
    await running.stop()


async def say(client: SinchClient) -> SendOutcome:
    return await send_text(client, ANNA, "hello")


async def outcome_at(opened: Open, odd: Odd, **settings: object) -> SendOutcome:
    async with odd.listening() as url:
        return await say(await opened(url, **settings))


def error(status: int, word: str, *headers: str) -> bytes:
    """An answer in the shape of the Conversation API's errors."""
    body = f'{{"error": {{"code": {status}, "message": "No.", "status": "{word}", "details": []}}}}'
    return answer(status, body.encode(), *headers)


# --- kinds and proofs ---------------------------------------------------------------------------------------------------


def option(button: Button) -> str:
    return f"{button.rule}:{button.option}"


TWO = (Button("One", "first", 0), Button("Two", "second", 1))
KINDS: dict[str, Callable[[SinchClient], Awaitable[SendOutcome]]] = {
    "text_message": lambda c: send_text(c, ANNA, "hello"),
    "choice_message": lambda c: send_buttons(c, ANNA, "Choose", TWO, option),
    "list_message": lambda c: send_list(c, ANNA, "Choose", "Menu", [Section("", TWO)], option),
    "media_message": lambda c: send_media(c, ANNA, "document", "https://example.org/a.pdf", filename="a.pdf"),
    "card_message": lambda c: send_media(c, ANNA, "image", "https://example.org/a.jpg", caption="Look"),
    "location_message": lambda c: send_location(c, ANNA, 59.3, 18.1, "Our shop"),
    "contact_info_message": lambda c: send_contact(c, ANNA, "Ann Nowak", "+48500100300"),
    "link": lambda c: send_link(c, ANNA, "Your parcel", "Track it", "https://example.org/t"),
    "channel_specific_message": lambda c: send_flow(c, ANNA, "Book", "123", "Choose"),
    "template_message": lambda c: send_template(c, ANNA, "shipped", "en_US", {"body[1]text": "Ann"}),
    "omni_template": lambda c: send_omni_template(c, ANNA, "01TEMPLATE", "en-US", {"name": "Ann"}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_message_is_accepted(opened: Open, emulator: Emulator, kind: str) -> None:
    outcome = await KINDS[kind](await opened(emulator.url))
    [entry] = emulator.truth.of("accepted")
    assert outcome == Accepted(str(entry["message_id"]))
    assert (entry["metadata"], entry["identity"]) == ("outbox-1", "46700000001")
    request = entry["request"]
    assert isinstance(request, dict)
    assert {"link": "url_message"}.get(kind, kind) in str(request["message"])
    assert request["ttl"] == "3600s"


@pytest.mark.parametrize("auth", ["oauth2", "basic", "signed"])
async def test_every_proof_is_taken(opened: Open, emulator: Emulator, auth: str) -> None:
    client = await opened(emulator.url, auth=auth)
    assert isinstance(await say(client), Accepted)
    await client.ask("GET", f"/v1/projects/{PROJECT}/apps/{APP}")


async def test_a_secret_that_cannot_sign_is_told_at_once(opened: Open) -> None:
    with pytest.raises(Misconfigured, match="Base64"):
        await opened("http://127.0.0.1:1", auth="signed", key_secret="no base64!")


async def test_a_contact_without_identity_is_named_by_its_id(opened: Open) -> None:
    odd = Odd(answer(200, ANSWERED))
    async with odd.listening() as url:
        to = To(ContactKey(APP, "WHATSAPP", ""), "outbox-1", contact_id="01CONTACT")
        assert await send_text(await opened(url), to, "hello") == Accepted("M1")
    assert b'"recipient":{"contact_id":"01CONTACT"}' in odd.requests[0][2]


async def test_what_cannot_be_written_is_rejected_and_nothing_leaves(opened: Open) -> None:
    odd = Odd(answer(200, ANSWERED))
    async with odd.listening() as url:
        client = await opened(url)
        nobody = await send_text(client, To(ContactKey(APP, "WHATSAPP", "")), "hello")
        no_text = await send_text(client, ANNA, "\ud83d")
    assert [outcome.code for outcome in (nobody, no_text) if isinstance(outcome, Rejected)] == [
        "no_address",
        "bad_text",
    ]
    assert odd.requests == []


# --- tokens -------------------------------------------------------------------------------------------------------------


async def test_one_token_serves_many_sends(opened: Open, emulator: Emulator) -> None:
    client = await opened(emulator.url, auth="oauth2")
    outcomes = await asyncio.gather(*(say(client) for _ in range(30)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (len(emulator.truth.of("accepted")), emulator.door.tokens_issued) == (30, 1)


@pytest.mark.parametrize("loss", ["expire_tokens", "forget_tokens"])
async def test_a_refused_token_is_replaced_once_and_the_message_replayed(
    opened: Open, emulator: Emulator, loss: str
) -> None:
    client = await opened(emulator.url, auth="oauth2")
    await say(client)
    getattr(emulator.door, loss)()
    outcomes = await asyncio.gather(*(say(client) for _ in range(10)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (len(emulator.truth.of("accepted")), emulator.door.tokens_issued) == (11, 2)


async def test_a_second_401_is_a_refusal_and_no_storm(opened: Open) -> None:
    token = answer(200, b'{"access_token": "T", "expires_in": 3599}')
    odd = Odd(token, error(401, "UNAUTHENTICATED"))
    async with odd.listening() as url:
        client = await opened(url, auth="oauth2")
        outcomes = [await say(client), await say(client)]
    assert all(isinstance(outcome, Refused) and outcome.status == 401 for outcome in outcomes)
    assert len(odd.requests) == 3, "one token, one try for each send: the token never worked, so the key is wrong"


async def test_a_wrong_key_refuses_and_keeps_the_message(opened: Open, emulator: Emulator) -> None:
    refused = await say(await opened(emulator.url, auth="oauth2", key_secret="wrong"))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (0, "invalid_client")
    assert "SINCH_KEY_SECRET" in refused.sentence
    assert emulator.truth.of("accepted") == []


async def test_a_token_endpoint_that_is_busy_says_when_to_come_back(opened: Open, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.RATE_LIMITED, retry_after="17", where="/oauth2/token"))
    client = await opened(emulator.url, auth="oauth2")
    refused = [await say(client), await say(client)]
    assert isinstance(refused[0], Refused)
    assert (refused[0].code, refused[0].after_s) == ("no_token", 17.0)
    assert isinstance(refused[1], Refused), "the second is told without asking again"
    assert emulator.faults.outstanding == 0
    assert emulator.truth.of("accepted") == []


# --- answers ------------------------------------------------------------------------------------------------------------

REJECTED = [
    (400, "INVALID_ARGUMENT", "wrong as it stands"),
    (403, "PERMISSION_DENIED", "prepaid"),
    (404, "NOT_FOUND", "SINCH_REGION"),
    (409, "ALREADY_EXISTS", "No"),
    (413, "TOO_LARGE", "No"),
    (422, "UNPROCESSABLE", "No"),
]


@pytest.mark.parametrize(("status", "word", "cause"), REJECTED)
async def test_a_permanent_answer_rejects_with_the_cause(opened: Open, status: int, word: str, cause: str) -> None:
    outcome = await outcome_at(opened, Odd(error(status, word)))
    assert isinstance(outcome, Rejected)
    assert (outcome.status, outcome.code) == (status, word)
    assert cause in outcome.sentence


@pytest.mark.parametrize("status", [429, 503, 501, 401, 425, 302])
async def test_what_surely_was_not_taken_is_refused(opened: Open, status: int) -> None:
    odd = Odd(error(status, "WORD", "Location: /elsewhere"))
    outcome = await outcome_at(opened, odd)
    assert isinstance(outcome, Refused)
    assert outcome.status == status
    assert len(odd.requests) == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (error(500, "INTERNAL"), 500),
        (error(502, "BAD_GATEWAY"), 502),
        (error(504, "DEADLINE_EXCEEDED"), 504),
        (answer(503, b"<html>busy</html>"), 503),
        (answer(503), 503),
        (answer(503, b'{"error": "gateway down"}'), 503),
        (error(408, "TIMEOUT"), 408),
        (answer(200, b"<html>Please sign in</html>"), 200),
        (answer(200, b"{}"), 200),
        (answer(200), 200),
        (answer(200, b'{"message_id": 7}'), 200),
        (answer(200, ANSWERED)[:-5], 200),
        (answer(200, ANSWERED)[:40], 0),
        (b"HTTP/1.1 banana\r\n\r\n", 0),
        (None, 0),
    ],
    ids="500 502 504 503-page 503-empty 503-foreign 408 page empty-object empty number cut-body cut-head garbage hung-up".split(),
)
async def test_an_answer_that_proves_nothing_is_unknown(opened: Open, said: bytes | None, status: int) -> None:
    odd = Odd(said)
    outcome = await outcome_at(opened, odd)
    assert isinstance(outcome, Unknown)
    assert outcome.status == status
    assert len(odd.requests) == 1, "what may have been accepted is never sent again by itself"


async def test_a_404_whose_body_breaks_off_is_a_404(opened: Open) -> None:
    outcome = await outcome_at(opened, Odd(error(404, "NOT_FOUND")[:-9]))
    assert isinstance(outcome, Rejected)
    assert outcome.status == 404


@pytest.mark.parametrize(
    ("told", "after_s"),
    [("7", 7.0), ("0", 0.0), ("1e9", 900.0), ("-5", None), ("nan", None), ("inf", None), ("soon", None), ("", None)],
)
async def test_retry_after_is_never_taken_at_its_word(opened: Open, told: str, after_s: float | None) -> None:
    outcome = await outcome_at(opened, Odd(error(429, "RESOURCE_EXHAUSTED", f"Retry-After: {told}")))
    assert isinstance(outcome, Refused)
    assert outcome.after_s == after_s


async def test_retry_after_may_be_a_date(opened: Open) -> None:
    now = time.time()
    headers = (f"Date: {formatdate(now, usegmt=True)}", f"Retry-After: {formatdate(now + 60, usegmt=True)}")
    outcome = await outcome_at(opened, Odd(error(429, "RESOURCE_EXHAUSTED", *headers)))
    assert isinstance(outcome, Refused)
    assert outcome.after_s == pytest.approx(60.0, abs=1.0)


# --- the network --------------------------------------------------------------------------------------------------------


async def test_no_connection_means_not_accepted(opened: Open, emulator: Emulator) -> None:
    client = await opened(emulator.url)
    await emulator.unplug()
    refused = await say(client)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (0, "not_connected")
    await emulator.plug_in()
    assert isinstance(await say(client), Accepted)


async def test_a_connection_that_takes_too_long_means_not_accepted(opened: Open) -> None:
    # A listener whose queue is full: connecting hangs, as with a machine that swallows packets.
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, backlog=1)
    host, port = server.sockets[0].getsockname()[:2]
    server.get_loop().remove_reader(server.sockets[0].fileno())
    fillers = [asyncio.create_task(asyncio.open_connection(host, port)) for _ in range(4)]
    await asyncio.wait(fillers, timeout=0.1)
    outcome = await say(await opened(f"http://{host}:{port}", connect_s=0.2))
    for filler in fillers:
        filler.cancel()
    for result in await asyncio.gather(*fillers, return_exceptions=True):
        if not isinstance(result, BaseException):
            result[1].close()
    server.close()
    assert isinstance(outcome, Refused)
    assert outcome.code == "not_connected"


async def test_silence_after_the_request_is_unknown(opened: Open) -> None:
    outcome = await outcome_at(opened, Odd(Odd.SILENCE), timeout_s=0.2)
    assert isinstance(outcome, Unknown)
    assert outcome.status == 0


async def test_an_answer_that_never_ends_is_unknown(opened: Open) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    odd = Odd(head)
    odd.keeps_open = True
    outcome = await outcome_at(opened, odd, timeout_s=0.2)
    assert outcome == Unknown(200, outcome.sentence if isinstance(outcome, Unknown) else "")


async def test_a_kept_connection_that_breaks_is_unknown_and_nothing_is_resent(opened: Open) -> None:
    odd = Odd(answer(200, ANSWERED), None)
    async with odd.listening() as url:
        client = await opened(url)
        outcomes = [await say(client), await say(client)]
    assert outcomes[0] == Accepted("M1")
    assert isinstance(outcomes[1], Unknown)
    assert (len(odd.requests), odd.connections) == (2, 1), "the second went over the kept connection, once"


async def test_connections_are_kept(opened: Open) -> None:
    odd = Odd(answer(200, ANSWERED))
    async with odd.listening() as url:
        client = await opened(url)
        for _ in range(5):
            await say(client)
    assert (len(odd.requests), odd.connections) == (5, 1)


@pytest.mark.parametrize(
    ("kind", "accepted"), [(FaultKind.LOST_RESPONSE, 1), (FaultKind.REFUSED, 0)], ids=["accepted", "not accepted"]
)
async def test_a_lost_answer_is_unknown_whether_or_not_it_arrived(
    opened: Open, emulator: Emulator, kind: FaultKind, accepted: int
) -> None:
    emulator.faults.script(Fault(kind))
    outcome = await say(await opened(emulator.url))
    assert isinstance(outcome, Unknown)
    assert len(emulator.truth.of("accepted")) == accepted
    assert emulator.faults.happened[kind.value] == 1


async def test_an_answer_larger_than_any_of_sinchs_is_not_read_to_its_end(opened: Open) -> None:
    body = b'{"message_id": "M1", "more": "' + b"x" * ANSWER_MAX + b'"}'
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = await outcome_at(opened, Odd(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)))
    assert isinstance(outcome, Unknown)


# --- the clock ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_s", "too_large", "shown_s"), [(3600, True, 3600), (-3600, True, -3600), (30, False, 30), (0, False, 0)]
)
async def test_the_clocks_difference_is_seen(opened: Open, ahead_s: int, too_large: bool, shown_s: int) -> None:
    date = formatdate(time.time() - ahead_s, usegmt=True)
    async with Odd(answer(200, ANSWERED, f"Date: {date}")).listening() as url:
        client = await opened(url)
        await say(client)
    assert client.clock_skew.is_too_large is too_large
    assert client.clock_skew.seconds == pytest.approx(shown_s, abs=1.5)


async def test_a_clock_that_was_mended_is_seen_by_asking(opened: Open, emulator: Emulator) -> None:
    client = await opened(emulator.url)
    client.clock_skew.seconds = 3600.0
    await client.check_clock()
    assert client.clock_skew.seconds == 0.0
    client.clock_skew.seconds = 3600.0
    await client.check_clock()
    assert client.clock_skew.seconds == 3600.0, "asked less than half a minute ago"


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
async def test_a_date_that_is_none_is_passed_over(opened: Open, date: str) -> None:
    async with Odd(answer(200, ANSWERED, f"Date: {date}")).listening() as url:
        client = await opened(url)
        assert isinstance(await say(client), Accepted)
    assert client.clock_skew.seconds == 0.0


async def test_one_wrong_date_alone_stops_nothing(opened: Open, emulator: Emulator) -> None:
    """Whoever would hold a message for it asks first, however short ago somebody else asked."""
    client = await opened(emulator.url)
    await client.check_clock()
    client._measure(Answer(200, CIMultiDict(Date=formatdate(0, usegmt=True)), b""), time.time(), time.monotonic())
    assert client.clock_skew.is_too_large
    await client.check_clock()
    assert client.clock_skew.seconds == 0.0


async def test_a_clock_that_is_set_back_is_measured_all_the_same(
    opened: Open, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await opened(emulator.url)
    await say(client)
    assert client.clock_skew.seconds == 0.0
    set_back = SimpleNamespace(time=lambda: time.time() - 3600, monotonic=lambda: time.monotonic() + 11)
    monkeypatch.setattr(client_module, "time", set_back)
    await say(client)
    assert client.clock_skew.seconds == pytest.approx(-3600, abs=1.5)


async def test_the_clock_of_a_gateway_in_trouble_counts_for_nothing(opened: Open) -> None:
    odd = Odd(answer(502, b"", f"Date: {formatdate(0, usegmt=True)}"))
    async with odd.listening() as url:
        client = await opened(url)
        await client.check_clock()
    assert client.clock_skew.seconds == 0.0


# --- other requests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (error(404, "NOT_FOUND"), Failed),
        (error(429, "RESOURCE_EXHAUSTED"), Retry),
        (error(500, "INTERNAL"), Retry),
        (None, Retry),
    ],
    ids=["404", "429", "500", "hung up"],
)
async def test_trouble_with_other_requests_is_told_by_what_helps(
    opened: Open, said: bytes | None, trouble: type[Exception]
) -> None:
    async with Odd(said).listening() as url:
        client = await opened(url)
        with pytest.raises(trouble):
            await client.ask("GET", "/v1/projects/p/apps/a")


async def test_what_is_asked_is_not_told_with_the_trouble(opened: Open) -> None:
    odd = Odd(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")
    async with odd.listening() as url:
        client = await opened(url)
        with pytest.raises(Retry) as trouble:
            await client.ask("GET", "/v1/projects/p/messages?channel_identity=46700000001")
    assert "46700000001" not in str(trouble.value)
    assert str(trouble.value).startswith("Sinch could not be reached: ")


async def test_a_lost_answer_to_a_post_is_not_tried_again(opened: Open) -> None:
    odd = Odd(None)
    async with odd.listening() as url:
        client = await opened(url)
        with pytest.raises(OutcomeUnknown):
            await client.ask("POST", "/v1/projects/p/webhooks", b"{}")
    assert len(odd.requests) == 1


async def test_nothing_secret_shows(opened: Open) -> None:
    settings = ClientSettings(PROJECT, APP, "KEY", "hush-hush", "http://127.0.0.1:1")
    assert "hush-hush" not in repr(settings)
    async with open_session(settings) as session:
        outcome = await SinchClient(settings, session).send(ANNA, TextReply("hello"), option)
    assert "hush-hush" not in repr(outcome)


DYING = """
import asyncio, sys
from bot.core.event import ContactKey
from bot.sinch.client import ClientSettings, SinchClient, To, open_session
from bot.sinch.kinds import send_text

async def main():
    settings = ClientSettings("p", "APP", "KEY", "SECRET", sys.argv[1], auth="basic")
    async with open_session(settings) as session:
        await send_text(SinchClient(settings, session), To(ContactKey("APP", "WHATSAPP", "46700000001"), "o1"), "hello")
    print("alive")

asyncio.run(main())
"""


@pytest.mark.parametrize("point", ["send.written", "send.answered"])
async def test_the_crash_points_of_a_send_come_after_its_last_byte(point: str) -> None:
    odd = Odd(answer(200, ANSWERED))
    async with odd.listening() as url:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            DYING,
            url,
            env={**os.environ, "PARLEY_CRASH": f"{point}:1"},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await child.communicate()
    assert (child.returncode, out) == (-signal.SIGKILL, b"")
    assert b'"message_metadata":"o1"' in odd.requests[0][2]
