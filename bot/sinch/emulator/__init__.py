"""A local Sinch: the API a bot calls, the callbacks it gets, and the people at the other end.

It shares no code with the bot's own side of the wire, so that a misunderstanding shows instead of cancelling out.
"""

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.clock import Clock, RunningClock, StoppedClock
from bot.sinch.emulator.faults import Fault, FaultKind, Faults
from bot.sinch.emulator.person import NothingToTap, Person
from bot.sinch.emulator.phones import Bubble, Phone
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import DEFAULT_TRIGGERS, EmulatorSettings, WebhookSettings
from bot.sinch.emulator.speak import sentence
from bot.sinch.emulator.templates import OmniTemplate, Template, TemplateButton
from bot.sinch.emulator.truth import Truth

__all__ = [
    "DEFAULT_TRIGGERS",
    "Bubble",
    "Clock",
    "Emulator",
    "EmulatorSettings",
    "Fault",
    "FaultKind",
    "Faults",
    "NothingToTap",
    "OmniTemplate",
    "Person",
    "Phone",
    "Rejected",
    "RunningClock",
    "StoppedClock",
    "Template",
    "TemplateButton",
    "Truth",
    "WebhookSettings",
    "sentence",
]
