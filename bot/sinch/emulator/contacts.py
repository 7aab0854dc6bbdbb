"""Whom an app has met: identities, the ids Sinch gives them in CONVERSATION mode, and when they wrote last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.ids import new_id

WINDOW = timedelta(hours=24)


@dataclass(slots=True)
class Contact:
    """One person as one app knows them; ``identity`` is digits without a plus, or a business-scoped id as it is."""

    identity: str
    contact_id: str
    conversation_id: str
    wrote_at: datetime | None = None
    correlation_id: str = ""
    conversation_metadata: str = ""

    def resource(self) -> Json:
        """As ``GET /contacts`` shows it."""
        return {
            "id": self.contact_id,
            "channel_identities": [{"channel": "WHATSAPP", "identity": self.identity, "app_id": ""}],
            "channel_priority": ["WHATSAPP"],
            "display_name": "",
            "email": "",
            "external_id": "",
            "metadata": "",
            "language": "UNSPECIFIED",
        }

    def writes(self, at: datetime) -> None:
        """The person wrote: WhatsApp's customer service window is open for 24 hours from then."""
        self.wrote_at = at if self.wrote_at is None else max(self.wrote_at, at)

    def window_is_open(self, now: datetime) -> bool:
        """Whether free-form messages reach the person (Meta, customer service window)."""
        return self.wrote_at is not None and self.wrote_at <= now < self.wrote_at + WINDOW


def plain_identity(identity: str) -> str:
    """Phone numbers without their plus; every other identity as it is."""
    digits = identity.removeprefix("+")
    return digits if digits.isdecimal() else identity


class Contacts:
    """All contacts, by app and identity, and by id."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[str, str], Contact] = {}
        self._by_id: dict[str, Contact] = {}

    def of(self, app_id: str, identity: str, now: datetime) -> Contact:
        """The contact behind an identity; a new one where it was never seen."""
        plain = plain_identity(identity)
        contact = self._by_identity.get((app_id, plain))
        if contact is None:
            contact = Contact(plain, new_id(now), new_id(now))
            self._by_identity[app_id, plain] = contact
            self._by_id[contact.contact_id] = contact
        return contact

    def listed(self, identity: str) -> list[Contact]:
        """Those with this identity; everybody where it is empty."""
        plain = plain_identity(identity)
        return [each for each in self._by_id.values() if not identity or each.identity == plain]

    def delete(self, contact_id: str) -> bool:
        """Forget a contact with its conversation; False where there is none of this id."""
        contact = self._by_id.pop(contact_id, None)
        for key in [key for key, each in self._by_identity.items() if each is contact]:
            del self._by_identity[key]
        return contact is not None

    def by_id(self, contact_id: str) -> Contact | None:
        """The contact with this id, or None."""
        return self._by_id.get(contact_id)
