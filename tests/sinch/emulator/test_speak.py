"""Truth entries as sentences."""

from __future__ import annotations

from bot.sinch.emulator import Emulator, Fault, FaultKind, sentence
from bot.sinch.emulator.fields import Json
from tests.sinch.emulator.caller import ANN, APP, Caller, send_to, text_to
from tests.sinch.emulator.sink import Sink

BUTTONS: Json = {
    "choice_message": {
        "text_message": {"text": "What\nnext?"},
        "choices": [{"text_message": {"text": "Track"}, "postback_data": "menu:track"}],
    }
}
MESSAGE = "The underlying channel reported: re-engagement message."


async def test_a_day_in_sentences(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    person = emulator.person(ANN, APP)
    first = await caller.send(text_to(ANN))
    await emulator.settled()
    said = await person.says("hi")
    sent = await caller.send(send_to(ANN, BUTTONS))
    await emulator.settled()
    tapped = await person.taps(sent, 0)
    sink.answers.append(400)
    reacted = await person.reacts(sent, "👍")
    emulator.faults.script(Fault(FaultKind.UNAVAILABLE, where="apps/X"))
    await caller.call("GET", "apps/X")
    assert [words for entry in emulator.truth.entries if (words := sentence(entry))] == [
        f"{first} to {ANN}: text Hello",
        f"{first} failed: OUTSIDE_ALLOWED_SENDING_WINDOW (131047) {MESSAGE}",
        f"{said} from {ANN}: text hi",
        f"{sent} to {ANN}: buttons What / next? [Track]",
        f"{tapped} from {ANN}: tap menu:track",
        f"{reacted} from {ANN}: an event",
        f"EVENT_INBOUND {reacted} given up, tries 1, last answer 400",
        "unavailable on /v1/projects/11111111-2222-3333-4444-555555555555/apps/X",
    ]
