"""What WhatsApp's error codes mean. Sinch passes them on as ``reason.channel_code`` of a failed receipt.

Source: Meta, WhatsApp Cloud API, error codes; Sinch Conversation API, delivery receipts.
"""

from __future__ import annotations

from typing import Final

from bot.core.next_step import CLOSED_WINDOW, NOT_AGAIN, SINCH_TRIED, NextStep

_TRANSIENT: Final = (
    "Nothing, unless many messages fail so: then look at Meta's status page. Send again what still matters."
)
_ACCOUNT: Final = "Open the account in Meta's WhatsApp Manager, and settle there what it names; ask Sinch's support where it names nothing."
_COMPARE: Final = "Run `templates sync`: it compares the rules with WhatsApp and says what differs."

WHATSAPP: Final[dict[str, NextStep]] = {
    # The person
    "131026": NextStep(
        "WhatsApp cannot deliver to this number: it may not use WhatsApp, have an old version, or not have accepted the terms.",
        NOT_AGAIN,
        "staff",
        "Check the number with the person, or reach them otherwise.",
    ),
    "131047": NextStep(
        "The 24-hour window was closed: the person has not written for a day, so WhatsApp takes only templates.",
        CLOSED_WINDOW,
        "staff",
        "Where nothing left instead, give the message an if_closed with a template.",
    ),
    "131050": NextStep(
        "The person has stopped marketing messages of this business in WhatsApp.",
        "Recorded that the person wants no marketing, so no more of it leaves; all else goes on.",
        "nobody",
        "Nothing: the person's wish is kept until they agree to marketing again.",
    ),
    "131021": NextStep(
        "The message was addressed to the business's own number.",
        NOT_AGAIN,
        "developer",
        "Use the person's number, not that of the sender.",
    ),
    "131062": NextStep(
        "WhatsApp takes this kind of message only for a phone number, and the person is known by a business-scoped id alone.",
        NOT_AGAIN,
        "developer",
        "Ask the person for a phone number and send it there; one-time codes always need one.",
    ),
    "130472": NextStep(
        "WhatsApp withheld this marketing message, as the person is part of an experiment of Meta's.",
        NOT_AGAIN,
        "nobody",
        "Nothing: sending it again fails again. The person can still write, and be answered.",
    ),
    "131049": NextStep(
        "WhatsApp withheld this marketing message, as the person got enough of them from businesses lately.",
        NOT_AGAIN,
        "staff",
        "Send no marketing to this person for at least a day; sending at once again fails again.",
    ),
    # Too much at once
    "130429": NextStep(
        "The sender sent more messages a second than WhatsApp takes from it.",
        SINCH_TRIED,
        "operator",
        "Lower SEND_RATE or the campaign's rate, and send again what still matters.",
    ),
    "131056": NextStep(
        "Too many messages went to this one person in a short time.",
        SINCH_TRIED,
        "staff",
        "Let rules and backends say it in fewer messages: WhatsApp takes about one in six seconds to one person.",
    ),
    "131048": NextStep(
        "WhatsApp restricts the sender, as too many people blocked it or called its messages spam.",
        "Paused all running campaigns; what failed is not sent again.",
        "operator",
        "Look at the sender's quality in WhatsApp Manager, write only to people who asked for it, and resume after some hours.",
    ),
    "131064": NextStep(
        "WhatsApp's limit for this account was overstepped.",
        NOT_AGAIN,
        "operator",
        "Look at the account's limits in WhatsApp Manager, and send again what still matters once they allow it.",
    ),
    "132069": NextStep(
        "WhatsApp throttles the Flow: it was opened or sent too often, or its endpoint fails too often.",
        NOT_AGAIN,
        "operator",
        "Look at the Flow's health in WhatsApp Manager, and send again later what still matters.",
    ),
    # Trouble at WhatsApp
    "131000": NextStep("Something went wrong at WhatsApp, which does not say what.", SINCH_TRIED, "nobody", _TRANSIENT),
    "131016": NextStep("A service of WhatsApp was not available.", SINCH_TRIED, "nobody", _TRANSIENT),
    "135000": NextStep(
        "WhatsApp failed with a general error, often because of the content.",
        SINCH_TRIED,
        "staff",
        "Send it again once; where it fails again, simplify the message or its template.",
    ),
    "131057": NextStep(
        "The business account was in maintenance at WhatsApp, for example while its throughput is raised.",
        SINCH_TRIED,
        "nobody",
        "Nothing: it ends within minutes. Send again what still matters.",
    ),
    # What the message holds
    "131051": NextStep(
        "WhatsApp does not know messages of this kind.",
        NOT_AGAIN,
        "staff",
        "Say it with another kind of reply, such as text, buttons or an image.",
    ),
    "131052": NextStep(
        "WhatsApp could not fetch the file of the message.",
        NOT_AGAIN,
        "staff",
        "Open the file's address without being logged in anywhere; it must answer at once, with the right type.",
    ),
    "131053": NextStep(
        "WhatsApp could not take the file: its type, size or encoding does not fit.",
        NOT_AGAIN,
        "staff",
        "Use a JPEG or PNG of up to 5 MB, MP4 (H.264, AAC) or audio of up to 16 MB, or a document of up to 100 MB.",
    ),
    "131008": NextStep(
        "A part of the message that WhatsApp needs was missing.",
        NOT_AGAIN,
        "developer",
        "Read the receipt's description for the part's name, and give it; for a template run `templates sync`.",
    ),
    "131009": NextStep(
        "A part of the message had a value that WhatsApp does not take.",
        NOT_AGAIN,
        "developer",
        "Read the receipt's description for the part's name, and mend the value; mind WhatsApp's lengths.",
    ),
    "100": NextStep(
        "WhatsApp does not know a part of the message, or finds it malformed.",
        NOT_AGAIN,
        "developer",
        "Read the receipt's description for the part's name, and mend it; mind WhatsApp's lengths.",
    ),
    # The account
    "131031": NextStep("WhatsApp has locked the business account.", NOT_AGAIN, "operator", _ACCOUNT),
    "368": NextStep(
        "WhatsApp has blocked the business account for a time, as it broke a policy.", NOT_AGAIN, "operator", _ACCOUNT
    ),
    "130497": NextStep(
        "WhatsApp does not let this business write to people in this country.",
        NOT_AGAIN,
        "operator",
        "Leave out the country's numbers, or look up Meta's rules for your trade there.",
    ),
    "131005": NextStep(
        "The account does not permit this.",
        NOT_AGAIN,
        "operator",
        "Let Sinch check the permissions of the sender in Meta's business settings.",
    ),
    "131042": NextStep(
        "WhatsApp does not take it, for a matter of payment.",
        NOT_AGAIN,
        "operator",
        "Check the payment method and the unpaid bills of the account at Meta and at Sinch.",
    ),
    "131045": NextStep(
        "The sender's phone number is not registered as it must be.",
        NOT_AGAIN,
        "operator",
        "Register the number anew in Sinch's dashboard, or ask Sinch's support to.",
    ),
    "131063": NextStep(
        "Marketing templates are switched off for this sender.",
        NOT_AGAIN,
        "operator",
        "Switch marketing messages on in WhatsApp Manager, or send marketing through the means the account has for it.",
    ),
    # Templates and Flows
    "132000": NextStep("The number of values does not fit the template's variables.", NOT_AGAIN, "staff", _COMPARE),
    "132001": NextStep(
        "The template does not exist in this language, or WhatsApp has not approved it.", NOT_AGAIN, "staff", _COMPARE
    ),
    "132005": NextStep(
        "The template is too long once its values are filled in.",
        NOT_AGAIN,
        "developer",
        "Give shorter values: the whole text may have 1024 characters.",
    ),
    "132007": NextStep(
        "The template's text breaks a policy of WhatsApp.",
        NOT_AGAIN,
        "staff",
        "Read in WhatsApp Manager why, write the template anew and have it approved.",
    ),
    "132008": NextStep(
        "A value in the template has characters that WhatsApp does not take there.",
        NOT_AGAIN,
        "developer",
        "Give values without line breaks, tabs or five spaces in a row, and leave none empty.",
    ),
    "132012": NextStep("A value in the template has the wrong format.", NOT_AGAIN, "staff", _COMPARE),
    "132015": NextStep(
        "WhatsApp has paused the template, as too many people disliked it.",
        NOT_AGAIN,
        "staff",
        "Wait until WhatsApp lifts the pause, and make the template more useful, or use another one.",
    ),
    "132016": NextStep(
        "WhatsApp has disabled the template for good, as it was paused too often.",
        NOT_AGAIN,
        "staff",
        "Write another template, have it approved, and name it in the rules.",
    ),
    "132068": NextStep(
        "WhatsApp has blocked the Flow.",
        NOT_AGAIN,
        "staff",
        "Mend the Flow in WhatsApp Manager, and let the rules ask in another way meanwhile.",
    ),
}

# What else the codes mean when it was a template that failed.
WHATSAPP_TEMPLATE: Final[dict[str, NextStep]] = {
    "131047": NextStep(
        "WhatsApp says that the window is closed, though it was a template that was sent.",
        NOT_AGAIN,
        "staff",
        "Run `templates sync`: WhatsApp does not know it as an approved template.",
    ),
}
