"""A local Sinch: the API a bot calls, the callbacks it gets, and the people at the other end.

It shares no code with the bot's own side of the wire, so that a misunderstanding shows instead of cancelling out.
"""

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.clock import Clock, RunningClock, StoppedClock
from bot.sinch.emulator.faults import Fault, FaultKind, Faults
from bot.sinch.emulator.files import Files, StoredFile
from bot.sinch.emulator.person import NothingToTap, Person
from bot.sinch.emulator.phones import Bubble, Phone, Phones, Quote
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import DEFAULT_TRIGGERS, EmulatorSettings, WebhookSettings
from bot.sinch.emulator.shown import Shown
from bot.sinch.emulator.speak import sentence
from bot.sinch.emulator.switches import Switch, Switches
from bot.sinch.emulator.templates import OmniTemplate, Template, TemplateButton
from bot.sinch.emulator.traffic import Delivery, Exchange, Seen
from bot.sinch.emulator.truth import Truth

__all__ = [
    "DEFAULT_TRIGGERS",
    "Bubble",
    "Clock",
    "Delivery",
    "Emulator",
    "EmulatorSettings",
    "Exchange",
    "Fault",
    "FaultKind",
    "Faults",
    "Files",
    "NothingToTap",
    "OmniTemplate",
    "Person",
    "Phone",
    "Phones",
    "Quote",
    "Rejected",
    "RunningClock",
    "Seen",
    "Shown",
    "StoppedClock",
    "StoredFile",
    "Switch",
    "Switches",
    "Template",
    "TemplateButton",
    "Truth",
    "WebhookSettings",
    "sentence",
]
