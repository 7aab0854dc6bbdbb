"""Everything an emulated Sinch consists of, wired once."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sinch.emulator.apps import Apps
from bot.sinch.emulator.auth import Door
from bot.sinch.emulator.callbacks import Callbacks
from bot.sinch.emulator.clock import Clock
from bot.sinch.emulator.contacts import Contacts
from bot.sinch.emulator.faults import Faults
from bot.sinch.emulator.messages import Messages
from bot.sinch.emulator.phones import Phones
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.truth import Listener, Truth
from bot.sinch.emulator.webhooks import Webhooks


@dataclass(slots=True)
class World:
    """The parts, each of which knows only what it needs. ``settings`` may be replaced while it runs."""

    settings: EmulatorSettings
    clock: Clock
    apps: Apps
    contacts: Contacts
    messages: Messages
    phones: Phones
    webhooks: Webhooks
    faults: Faults
    truth: Truth
    door: Door
    callbacks: Callbacks


def build(settings: EmulatorSettings, clock: Clock, listener: Listener | None) -> World:
    """A world with nobody in it yet."""
    faults = Faults(settings.seed)
    truth = Truth(clock, settings.truth_path, settings.truth_fsync, settings.remember, listener)
    webhooks = Webhooks(settings.webhooks, clock.now())
    return World(
        settings=settings,
        clock=clock,
        apps=Apps(settings),
        contacts=Contacts(),
        messages=Messages(settings.remember),
        phones=Phones(),
        webhooks=webhooks,
        faults=faults,
        truth=truth,
        door=Door(settings, clock),
        callbacks=Callbacks(settings, clock, webhooks, faults, truth),
    )
