"""The table of failures: complete, honest about what it does not know, and true to the sentences of the program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.delivery import OutboxState
from bot.core.event import Reason
from bot.core.failures import LastAttempt, next_step, next_step_of_message, rows, rows_of
from bot.core.next_step import WHO
from bot.core.own_failures import OWN, SENTENCES
from bot.core.sinch_failures import HTTP, REASONS, SUB_CODES
from bot.core.whatsapp_failures import WHATSAPP

BOT = Path(__file__).parents[2] / "bot"

# Sinch Conversation API, delivery receipts: all reasons it documents.
DOCUMENTED = (
    "UNKNOWN INTERNAL_ERROR RATE_LIMITED RECIPIENT_INVALID_CHANNEL_IDENTITY RECIPIENT_NOT_REACHABLE RECIPIENT_NOT_OPTED_IN"
    " OUTSIDE_ALLOWED_SENDING_WINDOW CHANNEL_FAILURE CHANNEL_BAD_CONFIGURATION CHANNEL_CONFIGURATION_MISSING MEDIA_TYPE_UNSUPPORTED"
    " MEDIA_TOO_LARGE MEDIA_NOT_REACHABLE NO_CHANNELS_LEFT TEMPLATE_NOT_FOUND TEMPLATE_INSUFFICIENT_PARAMETERS"
    " TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION DELIVERY_TIMED_OUT DELIVERY_REJECTED_DUE_TO_POLICY CONTACT_NOT_FOUND BAD_REQUEST"
    " UNKNOWN_APP NO_CHANNEL_IDENTITY_FOR_CONTACT CHANNEL_REJECT NO_PERMISSION NO_PROFILE_AVAILABLE UNSUPPORTED_OPERATION"
).split()
# Meta, WhatsApp Cloud API, error codes: those that a delivery can fail with.
WHATSAPP_CODES = (
    "130429 131056 131048 131049 131050 131047 131026 130472 131021 131051 131052 131053 131008 131009 100 131062 131000 131016"
    " 135000 131057 131031 368 130497 131005 131042 131045 131064 132000 132001 132005 132007 132008 132012 132015 132016 132068"
    " 132069 131063"
).split()


def test_every_documented_code_has_a_row() -> None:
    assert len(DOCUMENTED) == 27
    assert set(REASONS) == set(DOCUMENTED)
    assert set(WHATSAPP) == set(WHATSAPP_CODES)
    assert {400, 401, 403, 404, 409, 429, 500, 501, 503} <= set(HTTP)


def test_every_row_says_everything_in_sentences() -> None:
    for row in rows():
        step = row.step
        assert step.who in WHO, row
        for sentence in (step.cause, step.done, step.todo):
            assert re.fullmatch(r"[A-Z].*[.]", sentence), (row.code, sentence)
            assert "  " not in sentence, row
        assert step.who != "nobody" or step.todo.startswith("Nothing"), row


def test_whatsapps_code_counts_before_the_sub_code_and_that_before_the_reason() -> None:
    known = next_step("CHANNEL_REJECT", "131050", sub_code="INACTIVE_SENDER")
    assert known is WHATSAPP["131050"]
    assert next_step("CHANNEL_REJECT", "", sub_code="INACTIVE_SENDER") is SUB_CODES["INACTIVE_SENDER"]
    assert next_step("CHANNEL_REJECT", "999999", sub_code="UNSPECIFIED_SUB_CODE") is REASONS["CHANNEL_REJECT"]


def test_a_template_is_not_told_to_use_a_template() -> None:
    for code, channel_code in (("OUTSIDE_ALLOWED_SENDING_WINDOW", ""), ("UNKNOWN", "131047")):
        assert "if_closed" in next_step(code, channel_code).done
        step = next_step(code, channel_code, is_template=True)
        assert "if_closed" not in step.done + step.todo
        assert "templates sync" in step.todo


@pytest.mark.parametrize(
    ("code", "channel_code", "named"),
    [
        ("SOMETHING_NEW", "", "SOMETHING_NEW"),
        ("UNKNOWN", "139999", "139999"),
        ("", "139999", "139999"),
        ("", "", "none"),
    ],
)
def test_what_nobody_knows_is_told_as_such(code: str, channel_code: str, named: str) -> None:
    step = next_step(code, channel_code)
    assert named in step.cause
    assert "does not know" in step.cause
    assert step.who == "operator"


def test_statuses_are_known_by_number_word_and_our_own_code() -> None:
    assert next_step("PERMISSION_DENIED") is HTTP[403] is next_step("http_403") is next_step("403")
    assert next_step("http_418").cause == "Sinch refused the request."
    assert "nobody knows" in next_step("http_504").cause


def test_rows_are_found_as_people_type_them() -> None:
    assert [(row.of, row.step) for row in rows_of(" recipient_not_reachable ")] == [
        ("Sinch", REASONS["RECIPIENT_NOT_REACHABLE"])
    ]
    assert [row.is_template for row in rows_of("131047")] == [False, True]
    assert [(row.of, row.step) for row in rows_of("100")] == [("WhatsApp", WHATSAPP["100"])]
    assert rows_of("HTTP 403")[0].step is HTTP[403]
    assert rows_of("resource_exhausted")[0].step is HTTP[429]
    assert rows_of("nonsense") == ()


# --- a message ---------------------------------------------------------------------------------------------------------

SENT, QUEUED, FAILED, EXPIRED = OutboxState.SENT, OutboxState.QUEUED, OutboxState.FAILED, OutboxState.EXPIRED


def test_nothing_is_amiss_with_what_is_on_its_way_or_has_arrived() -> None:
    for state, told in ((QUEUED, "queued"), (OutboxState.SENDING, "queued"), (SENT, "sent"), (SENT, "read")):
        assert next_step_of_message(state, told, "") is None


def test_a_failed_receipt_tells() -> None:
    reason = Reason("UNKNOWN", channel_code="131026")
    assert next_step_of_message(SENT, "failed", "UNKNOWN", reason) is WHATSAPP["131026"]
    unknown = next_step_of_message(SENT, "failed", "")
    assert unknown is not None
    assert "does not know" in unknown.cause


def test_a_refused_attempt_tells_by_its_status_even_where_the_word_is_another() -> None:
    attempt = LastAttempt("failed", 403, "NOT_FOUND")
    assert next_step_of_message(FAILED, "failed", "Sinch answered 403.", None, attempt) is HTTP[403]
    ours = LastAttempt("failed", 0, "bad_text")
    assert next_step_of_message(FAILED, "failed", "It holds no text.", None, ours) is OWN["bad_text"]


def test_while_it_is_tried_again_the_last_try_tells() -> None:
    step = next_step_of_message(QUEUED, "queued", "Sinch answered 503.", None, LastAttempt("retry", 503, "UNAVAILABLE"))
    assert step is not None
    assert step.done.startswith("Tries again")
    token = next_step_of_message(QUEUED, "queued", "No.", None, LastAttempt("retry", 0, "http_400"))
    assert token is OWN["no_token"]  # whatever the token endpoint says, the message itself is kept


def test_what_is_in_doubt_says_so() -> None:
    step = next_step_of_message(OutboxState.UNKNOWN, "queued", "Who knows?", None, LastAttempt("unknown", 503, ""))
    assert step is not None
    assert step.done.startswith("Waits for a receipt")
    silent = LastAttempt("unknown", 0, "")
    assert next_step_of_message(OutboxState.UNKNOWN, "queued", "Who?", None, silent) is OWN["in_doubt"]
    assert next_step_of_message(OutboxState.HELD, "held", "") is OWN["held"]


def test_what_expired_while_it_was_tried_names_what_stood_in_its_way() -> None:
    attempt = LastAttempt("retry", 401, "UNAUTHENTICATED")
    step = next_step_of_message(EXPIRED, "expired", "It could not be sent within 24 hours.", None, attempt)
    assert step is not None
    assert HTTP[401].cause in step.cause
    assert (step.who, step.todo) == (HTTP[401].who, HTTP[401].todo)
    skipped = "The window is closed, and the rule says to skip it then."
    assert next_step_of_message(EXPIRED, "expired", skipped, None, attempt) is OWN["skipped"]


def test_what_was_taken_back_needs_nothing() -> None:
    step = next_step_of_message(OutboxState.CANCELLED, "cancelled", "Taken back by shop.")
    assert step is OWN["cancelled"]


# --- true to the program ----------------------------------------------------------------------------------------------


def gate_sentences() -> Iterator[str]:
    """What the gate gives as reasons, in the source; of f-strings, nothing."""
    for node in ast.walk(ast.parse((BOT / "core" / "delivery.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Drop", "Stay"):
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def stored_sentences() -> Iterator[str]:
    """What the store gives as reasons of messages."""
    for name in ("lanes", "doubt", "consent"):
        source = (BOT / "store" / "sqlite" / f"{name}.py").read_text()
        yield from re.findall(r"reason = '([A-Z][^']+)'", source)
        yield from re.findall(r'\(at, "([A-Z][^"]+)", seq\)', source)


def test_every_sentence_of_the_gate_and_the_store_has_its_row() -> None:
    found = [*gate_sentences(), *stored_sentences()]
    assert len(found) >= 12
    assert [sentence for sentence in found if sentence not in SENTENCES] == []
    assert set(SENTENCES.values()) <= set(OWN)


def test_every_code_that_parley_gives_an_attempt_has_its_row() -> None:
    sources = [BOT / "work" / "outbox.py", BOT / "sinch" / "client.py", BOT / "sinch" / "wire" / "render.py"]
    text = "\n".join(path.read_text() for path in sources)
    codes = set(re.findall(r'(?:NotAccepted|Refused|_again|Failed)\([^)]*?"([a-z]+_?[a-z]+)"', text, re.DOTALL))
    assert {"stopping", "stale", "clock_wrong", "not_connected", "no_token", "bad_text", "no_address"} <= codes
    assert codes <= set(OWN)
