"""The error tree, split by what the caller can do about it.

    ParleyError                 something we can explain to a person
    |-- Retry                   nothing happened; the same call may succeed later
    |   |-- StoreUnavailable    the database is locked, full or gone
    |   `-- Overloaded          we hold as much as we may; come back later
    |-- Failed                  it will never succeed as it stands; do not retry
    |-- OutcomeUnknown          it may or may not have happened; find out before trying again
    |-- Refused                 the caller may not do this, or not now (maps to 4xx)
    `-- Misconfigured           a file, setting or folder must be mended by a person (ends a command with exit code 1)

Every message is one plain sentence that names the thing, what is wrong, and what to do.
"""

from __future__ import annotations


class ParleyError(Exception):
    """Anything we can explain; ``str(error)`` is a sentence fit for the person who caused it."""


class Retry(ParleyError):
    """Nothing happened. ``after_s`` is how many seconds to wait, or None when the caller should choose."""

    def __init__(self, sentence: str, after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.after_s = after_s


class StoreUnavailable(Retry):
    """The database could not commit; nothing of the unit of work is there."""


class Overloaded(Retry):
    """A bounded queue is full; taking more would harm what was already accepted."""


class Failed(ParleyError):
    """It cannot succeed as it stands. ``code`` is a stable word for logs and tables."""

    def __init__(self, sentence: str, code: str = "failed") -> None:
        super().__init__(sentence)
        self.code = code


class OutcomeUnknown(ParleyError):
    """The request left and no trustworthy answer came back."""


class Refused(ParleyError):
    """The caller may not do this, or not now. ``code`` is a stable word, ``cure`` what to do instead."""

    def __init__(self, sentence: str, code: str, cure: str = "", status: int = 409) -> None:
        super().__init__(sentence)
        self.code = code
        self.cure = cure
        self.status = status


class Misconfigured(ParleyError):
    """A person must mend a file, a setting or a folder before we can go on."""
