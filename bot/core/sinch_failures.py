"""What Sinch's reason codes of failed receipts mean, and the HTTP statuses with which it answers a send.

Source: Sinch Conversation API, delivery receipts and error model. Both are open: others may come.
"""

from __future__ import annotations

from typing import Final

from bot.core.next_step import CLOSED_WINDOW, IN_DOUBT, NONE_TAKEN, NOT_AGAIN, RETRIES, SINCH_TRIED, NextStep

_COMPARE: Final = "Run `templates sync`: it compares the rules with WhatsApp and says what differs."
_SEND_AGAIN: Final = (
    "Nothing, unless many messages fail so: then look at Sinch's status page. Send again what still matters."
)
_DOCTOR: Final = "Run `doctor`, and set the WhatsApp channel of the app right in Sinch's dashboard."

REASONS: Final[dict[str, NextStep]] = {
    "UNKNOWN": NextStep(
        "It could not be delivered, and Sinch does not know why.",
        NOT_AGAIN,
        "operator",
        "Read the receipt's description with `messages show`; ask Sinch's support where many fail so.",
    ),
    "INTERNAL_ERROR": NextStep("Something went wrong at Sinch.", SINCH_TRIED, "nobody", _SEND_AGAIN),
    "RATE_LIMITED": NextStep(
        "Sinch did not send it, as too many messages left at once.",
        SINCH_TRIED,
        "operator",
        "Lower SEND_RATE or the campaign's rate, or ask Sinch for a higher one; send again what still matters.",
    ),
    "RECIPIENT_INVALID_CHANNEL_IDENTITY": NextStep(
        "What it was addressed to is no number that WhatsApp can have.",
        NOT_AGAIN,
        "developer",
        "Mend the number: country code first, no leading zero.",
    ),
    "RECIPIENT_NOT_REACHABLE": NextStep(
        "The person cannot be reached: the number may not use WhatsApp, or WhatsApp withholds the message.",
        NOT_AGAIN,
        "staff",
        "Check the number with the person, or reach them otherwise.",
    ),
    "RECIPIENT_NOT_OPTED_IN": NextStep(
        "The channel or Sinch's consent lists say that the person has not agreed to be written to.",
        NOT_AGAIN,
        "staff",
        "Ask the person for their consent by other means, and record it with its proof.",
    ),
    "OUTSIDE_ALLOWED_SENDING_WINDOW": NextStep(
        "The 24-hour window was closed: the person has not written for a day, so WhatsApp takes only templates.",
        CLOSED_WINDOW,
        "staff",
        "Where nothing left instead, give the message an if_closed with a template.",
    ),
    "CHANNEL_FAILURE": NextStep("WhatsApp did not take it from Sinch.", SINCH_TRIED, "nobody", _SEND_AGAIN),
    "CHANNEL_BAD_CONFIGURATION": NextStep(
        "The app's WhatsApp channel is set up wrongly at Sinch.", NOT_AGAIN, "operator", _DOCTOR
    ),
    "CHANNEL_CONFIGURATION_MISSING": NextStep(
        "The app has no WhatsApp sender at Sinch.", NOT_AGAIN, "operator", _DOCTOR
    ),
    "MEDIA_TYPE_UNSUPPORTED": NextStep(
        "WhatsApp does not take files of this type.",
        NOT_AGAIN,
        "staff",
        "Use JPEG or PNG, MP4 (H.264, AAC), AAC, AMR, MP3 or OGG with Opus, or a document.",
    ),
    "MEDIA_TOO_LARGE": NextStep(
        "The file is larger than WhatsApp takes.",
        NOT_AGAIN,
        "staff",
        "Make it smaller: images up to 5 MB, video and audio up to 16 MB, documents up to 100 MB.",
    ),
    "MEDIA_NOT_REACHABLE": NextStep(
        "Neither Sinch nor WhatsApp could fetch the file.",
        NOT_AGAIN,
        "staff",
        "Open the file's address without being logged in anywhere; it must answer at once, with the right type.",
    ),
    "NO_CHANNELS_LEFT": NextStep(
        "Every channel that the message could take has failed.",
        NOT_AGAIN,
        "staff",
        "Look at the earlier receipts with `messages show`; reach the person otherwise.",
    ),
    "TEMPLATE_NOT_FOUND": NextStep("Sinch or WhatsApp does not know the template.", NOT_AGAIN, "staff", _COMPARE),
    "TEMPLATE_INSUFFICIENT_PARAMETERS": NextStep(
        "The template has variables that got no value.", NOT_AGAIN, "staff", _COMPARE
    ),
    "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION": NextStep(
        "The template does not exist in this language or version.", NOT_AGAIN, "staff", _COMPARE
    ),
    "DELIVERY_TIMED_OUT": NextStep(
        "It could not be delivered in time: the phone was off for too long, or the window closed on the way.",
        NOT_AGAIN,
        "staff",
        "Send it again where it still matters, after a day as a template.",
    ),
    "DELIVERY_REJECTED_DUE_TO_POLICY": NextStep(
        "WhatsApp refused it, as it breaks a policy.",
        NOT_AGAIN,
        "operator",
        "Look at the account in Meta's WhatsApp Manager, and have the message's text checked before more of it leaves.",
    ),
    "CONTACT_NOT_FOUND": NextStep(
        "Sinch does not know the contact that it was sent to.",
        NOT_AGAIN,
        "developer",
        "Send to the person's number; the contact was deleted or merged at Sinch.",
    ),
    "BAD_REQUEST": NextStep(
        "WhatsApp's part of Sinch found the message wrong after Sinch had taken it.",
        NOT_AGAIN,
        "developer",
        "Read the receipt's description with `messages show`, and mend what it names.",
    ),
    "UNKNOWN_APP": NextStep(
        "The app was removed at Sinch meanwhile.",
        NOT_AGAIN,
        "operator",
        "Set SINCH_APP_ID to an app that exists, and run `doctor`.",
    ),
    "NO_CHANNEL_IDENTITY_FOR_CONTACT": NextStep(
        "The contact at Sinch has no WhatsApp number.",
        NOT_AGAIN,
        "developer",
        "Send to the person's number, not to the contact.",
    ),
    "CHANNEL_REJECT": NextStep(
        "WhatsApp refused it for good.",
        NOT_AGAIN,
        "staff",
        "Read the receipt's description with `messages show`; the same message is refused again.",
    ),
    "NO_PERMISSION": NextStep(
        "The account does not permit this at WhatsApp or Sinch.",
        NOT_AGAIN,
        "operator",
        "Let Sinch check what the app and its WhatsApp sender are allowed to do.",
    ),
    "NO_PROFILE_AVAILABLE": NextStep(
        "The channel has no profile of the person.", NOT_AGAIN, "nobody", "Nothing: no message needs one."
    ),
    "UNSUPPORTED_OPERATION": NextStep(
        "WhatsApp cannot do this, or not with messages of this kind.",
        NOT_AGAIN,
        "staff",
        "Say it with another kind of reply, such as text, buttons or an image.",
    ),
}

REASON_TEMPLATE: Final[dict[str, NextStep]] = {
    "OUTSIDE_ALLOWED_SENDING_WINDOW": NextStep(
        "WhatsApp says that the window is closed, though it was a template that was sent.",
        NOT_AGAIN,
        "staff",
        "Run `templates sync`: WhatsApp does not know it as an approved template.",
    ),
}

# They say more than the reason they come with. UNSPECIFIED_SUB_CODE says nothing and is no row.
SUB_CODES: Final[dict[str, NextStep]] = {
    "ATTACHMENT_REJECTED": NextStep(
        "WhatsApp refused the file of the message.",
        NOT_AGAIN,
        "staff",
        "Open the file's address: it must answer with a type and size that WhatsApp takes.",
    ),
    "MEDIA_TYPE_UNDETERMINED": NextStep(
        "Nothing tells what kind of file it is.",
        NOT_AGAIN,
        "staff",
        "Let the file's server answer with its Content-Type, or end its address with .jpg, .mp4, .pdf or the like.",
    ),
    "INACTIVE_SENDER": NextStep(
        "The WhatsApp sender of the app is not active.",
        NOT_AGAIN,
        "operator",
        "Look at the sender in Sinch's dashboard, and activate it there or with Sinch's support.",
    ),
}

_FROM_WHOM: Final = (
    "Where Sinch itself says so: tries again after growing pauses, for 24 hours. Where a gateway does: as for 500."
)

HTTP: Final[dict[int, NextStep]] = {
    400: NextStep(
        "Sinch found the request wrong as it stands.",
        NONE_TAKEN,
        "developer",
        "Read the attempt's sentence with `messages show`, and mend what it names.",
    ),
    401: NextStep(
        "Sinch did not take our key.",
        "Fetched a new token where that may help. " + RETRIES,
        "operator",
        "Check SINCH_KEY_ID and SINCH_KEY_SECRET, and run `doctor`; what waits leaves by itself then.",
    ),
    403: NextStep(
        "Sinch knows the key but does not let it send.",
        NONE_TAKEN,
        "operator",
        "Check the key's project; WhatsApp needs a postpaid account that is within its billing limit.",
    ),
    404: NextStep(
        "Sinch does not know the app or the contact; a wrong region looks the same.",
        NONE_TAKEN,
        "operator",
        "Check SINCH_REGION, SINCH_PROJECT_ID and SINCH_APP_ID, and run `doctor`.",
    ),
    409: NextStep(
        "Sinch says that the request is in conflict with something it has.",
        NONE_TAKEN,
        "operator",
        "Read the attempt's sentence with `messages show`; ask Sinch's support where it does not help.",
    ),
    413: NextStep("The message is larger than Sinch takes.", NONE_TAKEN, "staff", "Say it in fewer words or rows."),
    422: NextStep(
        "Sinch found the request wrong as it stands.",
        NONE_TAKEN,
        "developer",
        "Read the attempt's sentence with `messages show`, and mend what it names.",
    ),
    429: NextStep(
        "Sinch gets more from us than it takes.",
        "Waits as long as Sinch says. " + RETRIES,
        "nobody",
        "Nothing, unless it lasts: then lower SEND_RATE or ask Sinch for a higher one.",
    ),
    500: NextStep(
        "Something went wrong at Sinch, and nobody knows whether it took the message.",
        IN_DOUBT,
        "nobody",
        "Nothing, unless it lasts: then look at Sinch's status page.",
    ),
    501: NextStep(
        "Sinch says that it cannot do this.",
        _FROM_WHOM,
        "operator",
        "Check SINCH_API_URL, and run `doctor`.",
    ),
    503: NextStep(
        "Sinch was not available.",
        _FROM_WHOM,
        "nobody",
        "Nothing, unless it lasts: then look at Sinch's status page.",
    ),
}

ELSEWHERE: Final = NextStep(
    "Sinch's address sent us elsewhere.",
    RETRIES,
    "operator",
    "Check SINCH_API_URL: it must be Sinch's own address, without a redirect.",
)
OTHER_REFUSAL: Final = NextStep(
    "Sinch refused the request.",
    NONE_TAKEN,
    "operator",
    "Read the attempt's sentence with `messages show`; ask Sinch's support where it does not help.",
)
NO_ANSWER: Final = NextStep(
    "Sinch gave no answer, or none that can be trusted, so nobody knows whether it took the message.",
    IN_DOUBT,
    "nobody",
    "Nothing, unless it lasts: then look at the network and at Sinch's status page.",
)

# Sinch's words for the statuses above, which its error bodies carry.
STATUS_WORDS: Final[dict[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


def step_of_status(status: int) -> NextStep | None:
    """The row of an HTTP status that is no success; None for what is none."""
    if status in HTTP:
        return HTTP[status]
    if 300 <= status < 400:
        return ELSEWHERE
    if status == 425:
        return HTTP[429]
    if status == 408 or 500 <= status < 600:
        return NO_ANSWER
    return OTHER_REFUSAL if 400 <= status < 500 else None
