"""What a failure means to those who look at it: one row of the table of failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Who = Literal["nobody", "person", "staff", "developer", "operator"]
WHO: Final[tuple[Who, ...]] = get_args(Who)

NOT_AGAIN: Final = "It is not sent again; a rule with delivery_failed may answer it."
SINCH_TRIED: Final = "Sinch tried again for as long as its app allows; Parley sends nothing more."
CLOSED_WINDOW: Final = (
    "Closed the window in its books, and sent once what if_closed names instead: the template, or the same words "
    "when the person writes again."
)
NONE_TAKEN: Final = "It is not sent again, as Sinch took none of it; a rule with delivery_failed may answer it."
RETRIES: Final = "Tries again after growing pauses, for 24 hours or until its time is over."
IN_DOUBT: Final = (
    "Waits for a receipt, looks at Sinch's list of messages where it keeps one, then sends it once more, or holds it "
    "where it may leave only once."
)


@dataclass(frozen=True, slots=True)
class NextStep:
    """``cause`` says in a sentence what happened, ``done`` what Parley did about it by itself, ``todo`` what ``who`` does now.

    staff write the rules, a developer the backend that calls the API, an operator looks after this server and the accounts at Sinch and
    Meta, the person is whom the message was for. ``nobody``: ``todo`` says why nothing is left to do.
    """

    cause: str
    done: str
    who: Who
    todo: str
