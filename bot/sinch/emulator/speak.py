"""Truth entries as sentences, for whoever watches an emulator at work."""

from __future__ import annotations

from bot.sinch.emulator.fields import Json, object_in, objects_in, text_in


def sentence(entry: Json) -> str:
    """One line about a truth entry; empty for what is not worth a line (callbacks that arrived)."""
    match entry.get("kind"):
        case "accepted":
            return f"{entry['message_id']} to {entry['identity']}: {_shown(object_in(entry, 'shown'))}"
        case "failed":
            return f"{entry['message_id']} failed: {entry['code']} ({entry['channel_code']}) {entry['description']}"
        case "event":
            return f"{entry['event_id']} to {entry['identity']}: an app event"
        case "said":
            return f"{entry['about']} from {entry['identity']}: {_said(object_in(entry, 'payload'))}"
        case "dropped":
            return (
                f"{entry['trigger']} {entry['about']} given up, tries {entry['tries']}, last answer {entry['status']}"
            )
        case "fault":
            return f"{entry['fault']} on {entry['path']}"
        case _:
            return ""


def _shown(shown: Json) -> str:
    titles = [text_in(option, "title") for option in objects_in(shown, "options")]
    words = text_in(shown, "text").replace("\n", " / ")
    degraded = f" (became text: {shown['degraded']})" if "degraded" in shown else ""
    return f"{shown['kind']} {words}" + (f" [{' | '.join(titles)}]" if titles else "") + degraded


def _said(payload: Json) -> str:
    content = object_in(payload, "contact_message")
    if text := object_in(content, "text_message"):
        return f"text {text_in(text, 'text')}"
    if tap := object_in(content, "choice_response_message"):
        return f"tap {text_in(tap, 'postback_data')}"
    return next(iter(content), "an event")
