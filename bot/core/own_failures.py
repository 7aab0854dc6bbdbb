"""What Parley itself says when a message does not leave, or not yet: before a request to Sinch, and instead of one."""

from __future__ import annotations

from typing import Final

from bot.core.next_step import IN_DOUBT, NONE_TAKEN, RETRIES, NextStep

_ENDED: Final = "It never left; nothing more is tried."
_LEAVES_LATER: Final = "Nothing: it leaves by itself."

OWN: Final[dict[str, NextStep]] = {
    # Consent
    "stopped": NextStep(
        "The person said STOP.",
        "It never left, and neither does anything else, until the person says START.",
        "nobody",
        "Nothing: it is the person's wish. An opt-in with proof opens it again.",
    ),
    "no_marketing": NextStep(
        "The person wants no marketing, and this was marketing.",
        "It never left; all that is no marketing goes on.",
        "nobody",
        "Nothing: it is the person's wish.",
    ),
    "never_agreed": NextStep(
        "It was marketing, and the person never agreed to get any.",
        _ENDED,
        "developer",
        "Record the person's consent to marketing with its source and proof before sending it.",
    ),
    # The window and time
    "waits_for_person": NextStep(
        "The 24-hour window is closed, so it waits for the person to write.",
        "Keeps it for up to seven days and sends it once the person writes.",
        "person",
        "Write to the business. Where that cannot be waited for, send a template.",
    ),
    "window_closed": NextStep(
        "The 24-hour window is closed, and nothing says what to send instead.",
        _ENDED,
        "staff",
        "Give the message an if_closed: a template, wait or skip.",
    ),
    "skipped": NextStep(
        "The 24-hour window is closed, and the message says to skip it then.",
        _ENDED,
        "nobody",
        "Nothing: it was asked for. Where it should leave as a template, change its if_closed.",
    ),
    "crowded": NextStep(
        "Three newer messages were waiting already for the person to write.",
        "Dropped the oldest; the newer ones leave once the person writes.",
        "staff",
        "Let fewer messages wait for one person, or use a template.",
    ),
    "did_not_write": NextStep(
        "It waited for the person to write, who did not in time.",
        _ENDED,
        "staff",
        "Send a template where it still matters.",
    ),
    "time_over": NextStep(
        "The time given as its last was over before it could leave.",
        _ENDED,
        "nobody",
        "Nothing: it was asked for. Where this happens often, give messages more time.",
    ),
    "too_late": NextStep(
        "It could not be handed to Sinch for as long as it was tried.",
        "Tried again and again, and gave up.",
        "operator",
        "Look at its last attempt with `messages show` and mend what it names; send again what still matters.",
    ),
    "cancelled": NextStep(
        "It was taken back before it left.", "Nothing of it left.", "nobody", "Nothing: somebody asked for it."
    ),
    # Doubt
    "in_doubt": NextStep(
        "Nobody knows whether Sinch took it.",
        IN_DOUBT,
        "nobody",
        "Nothing: within some minutes it is known or decided.",
    ),
    "sent_once_more": NextStep(
        "Nobody knows whether Sinch took the first try; Sinch shows no trace of it.",
        "Sends it once more, the last time.",
        "nobody",
        _LEAVES_LATER,
    ),
    "held": NextStep(
        "It may or may not have been delivered, and it may not be sent again without being asked for.",
        "Holds it; neither this nor a second one leaves.",
        "staff",
        "Ask the person or look at their conversation, and send a new message where it never came.",
    ),
    # On this side of Sinch
    "bad_text": NextStep(
        "The message holds characters that are no text.",
        NONE_TAKEN,
        "developer",
        "Write its words anew: halves of surrogate pairs cannot be sent.",
    ),
    "no_address": NextStep(
        "The contact has neither a number nor Sinch's contact id.",
        NONE_TAKEN,
        "developer",
        "Send to the person's number.",
    ),
    "not_connected": NextStep(
        "Sinch could not be reached.",
        RETRIES,
        "operator",
        "Check that this machine reaches the internet and resolves names; what waits leaves by itself then.",
    ),
    "no_token": NextStep(
        "Sinch's token endpoint could not be reached, or gave no token.",
        RETRIES,
        "operator",
        "Check the network and SINCH_AUTH_URL, and run `doctor`; what waits leaves by itself then.",
    ),
    "invalid_client": NextStep(
        "Sinch's token endpoint refused our key.",
        RETRIES,
        "operator",
        "Check SINCH_KEY_ID and SINCH_KEY_SECRET, and run `doctor`; what waits leaves by itself then.",
    ),
    "clock_wrong": NextStep(
        "This machine's clock differs from Sinch's, so it cannot tell whether the window is open.",
        "Measures the clock again every half minute, and sends what needs no window meanwhile.",
        "operator",
        "Set the clock (chrony, systemd-timesyncd); what waits leaves by itself then.",
    ),
    "stale": NextStep(
        "It was late to leave, as this process stood still for a while.",
        "Checks again at once whether it may leave, and sends it then.",
        "nobody",
        _LEAVES_LATER,
    ),
    "stopping": NextStep(
        "The server was stopping.", "Sends it after the next start.", "nobody", "Nothing, once the server runs again."
    ),
}

# The sentences that the outbox keeps of the gate and of time, and their codes.
SENTENCES: Final[dict[str, str]] = {
    "The person said STOP.": "stopped",
    "The person wants no marketing.": "no_marketing",
    "The person never agreed to marketing.": "never_agreed",
    "The window is closed; it leaves when the person writes again.": "waits_for_person",
    "The 24-hour window is closed, and nothing says what to send instead.": "window_closed",
    "The window is closed, and the rule says to skip it then.": "skipped",
    "Newer messages were waiting already.": "crowded",
    "The person did not write in time.": "did_not_write",
    "Its time was over before it could be sent.": "time_over",
    "It could not be sent within 24 hours.": "too_late",
    "It could not be sent within 7 days.": "did_not_write",
    "Sinch shows no trace of the first try; it is sent once more.": "sent_once_more",
    "It may or may not have been delivered; a person must decide whether to send it again.": "held",
    "The server stopped while it was being sent.": "in_doubt",
}
