"""Everything an emulated Sinch consists of, wired once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sinch.emulator.apps import Apps
from bot.sinch.emulator.auth import Door
from bot.sinch.emulator.callbacks import Callbacks
from bot.sinch.emulator.changes import Changes
from bot.sinch.emulator.clock import Clock, stamp
from bot.sinch.emulator.contacts import Contacts, plain_identity
from bot.sinch.emulator.faults import Faults
from bot.sinch.emulator.files import Files
from bot.sinch.emulator.messages import Messages
from bot.sinch.emulator.phones import Phones
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.switches import Switches
from bot.sinch.emulator.traffic import Traffic
from bot.sinch.emulator.truth import Listener, Truth
from bot.sinch.emulator.webhooks import Webhooks


@dataclass(slots=True)
class World:
    """The parts, each of which knows only what it needs. ``settings`` may be replaced while it runs.

    ``url`` is where the emulator listens, empty before it does. ``moved`` counts how often the clock was moved.
    """

    settings: EmulatorSettings
    clock: Clock
    apps: Apps
    contacts: Contacts
    messages: Messages
    phones: Phones
    webhooks: Webhooks
    faults: Faults
    switches: Switches
    truth: Truth
    door: Door
    traffic: Traffic
    files: Files
    callbacks: Callbacks
    moved: Changes = field(default_factory=Changes)
    url: str = ""

    def move(self, by: timedelta) -> datetime:
        """Time passes; the new now."""
        self.clock.advance(by)
        self.moved.happen()
        return self.clock.now()


def build(settings: EmulatorSettings, clock: Clock, listener: Listener | None) -> World:
    """A world with nobody in it yet."""
    faults = Faults(settings.seed)
    truth = Truth(clock, settings.truth_path, settings.truth_fsync, settings.remember, listener)
    webhooks = Webhooks(settings.webhooks, clock.now())
    messages, phones, traffic = Messages(settings.remember), Phones(), Traffic()

    def taken(message_id: str) -> None:
        message = messages.remembered(message_id)
        if message is not None and not message.to_contact:
            phone = phones.of(message.app_id, plain_identity(message.identity))
            phone.tick(message_id, "DELIVERED", stamp(clock.now()))

    return World(
        settings=settings,
        clock=clock,
        apps=Apps(settings),
        contacts=Contacts(),
        messages=messages,
        phones=phones,
        webhooks=webhooks,
        faults=faults,
        switches=Switches(faults),
        truth=truth,
        door=Door(settings, clock),
        traffic=traffic,
        files=Files(),
        callbacks=Callbacks(settings, clock, webhooks, faults, truth, traffic, taken),
    )
