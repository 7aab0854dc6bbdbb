"""Why a message was answered as it was, in the order in which things were asked: what the panel beside the phone shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.core.decision import Because, Decision, Send
from bot.core.event import BusinessEvent, InboundMessage
from bot.core.reasons import reasons
from bot.core.reply import TemplateReply
from bot.core.rulebook import Rulebook
from bot.store.units import MessageView, Origin
from bot.web.phone.excerpt import Excerpt, excerpt
from bot.web.phone.known import Known
from bot.web.why import Candidate, Layer, candidates_of, layers_of

_OUTCOMES: Final = {
    "": "under way",
    "sent": "Sinch took it",
    "retry": "not taken, tried again",
    "unknown": "nobody knows whether it arrived",
    "failed": "refused",
}
_BY_OTHERS: Final = {
    Origin.API: "A backend asked for it by the API",
    Origin.CAMPAIGN: "A campaign sent it",
    Origin.PERSON: "A colleague wrote it",
    Origin.TIMER: "A timer sent it",
    Origin.RULE: "A rule sent it",
}


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt to hand a message to Sinch, or one receipt: ``tone`` is good, bad or empty."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Why:
    """``headline`` is the answer in a sentence; the rest says how it came about. ``person``: their number, for the inbox."""

    headline: str
    rule: Excerpt | None = None
    layers: tuple[Layer, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()
    is_waiting: bool = False


def why_of(known: Known, mine: bool) -> Why:
    """What is known of a message; ``mine``: the person wrote it."""
    if known.explained is None or known.rulebook is None or known.trace is None:
        return _unexplained(known, mine)
    decision, rulebook = known.explained.decision, known.rulebook
    because = decision.because
    return Why(
        headline=_headline(decision, rulebook, mine),
        rule=_rule(known, because, rulebook),
        layers=layers_of(because),
        candidates=candidates_of(because),
        facts=tuple(_facts(known, because)),
        notes=tuple(_notes(decision, rulebook)),
        tries=_tries(known.message),
    )


def _unexplained(known: Known, mine: bool) -> Why:
    if known.gone:
        return Why(known.gone, tries=_tries(known.message))
    if mine:
        return Why("The bot has not decided what to do with this yet.", is_waiting=True)
    if known.message is None:
        return Why("The bot keeps nothing of this message: its person was erased, or it did not come from this bot.")
    by = f" ({known.message.author})" if known.message.author else ""
    return Why(f"{_BY_OTHERS[known.message.origin]}{by}; no rule was asked.", tries=_tries(known.message))


def _headline(decision: Decision, rulebook: Rulebook, mine: bool) -> str:
    because = decision.because
    rule = rulebook.rule(because.path[-1]) if because.path else None
    says = [each for each in decision.effects if isinstance(each, Send)]
    if rule is None:
        return reasons(decision, rulebook)[0]
    if not says:
        return f"Rule {rule.name} took it and says nothing." if mine else f"Rule {rule.name} answered."
    heard = next((each.heard for each in because.considered if not each.failed), "")
    is_plain = because.layer == "rules" and heard and heard.lower() in because.text
    return f"Rule {rule.name} answered" + (f", because it heard “{heard}”." if is_plain else ".")


def _rule(known: Known, because: Because, rulebook: Rulebook) -> Excerpt | None:
    rule = rulebook.rule(because.path[-1]) if because.path else None
    if rule is None or known.rules is None:
        return None
    marked = [each.place for each in because.considered if each.rule == rule.name]
    if 0 <= because.case < len(rule.reply):
        marked.append(rule.reply[because.case].place)
    return excerpt(known.rules.files, rule.name, rule.place, [each for each in marked if each != rule.place])


def _facts(known: Known, because: Because) -> Iterator[tuple[str, str]]:
    if known.explained is None or known.trace is None:
        return
    match known.explained.kept.event:
        case InboundMessage():
            yield "Read as", f"“{because.text}”" if because.text else "no words"
        case BusinessEvent(name=name):
            yield "Event", name
        case event:
            yield "Event", type(event).__name__
    if because.language:
        yield "Language", because.language
        yield "Window", "open" if because.window_open else "closed"
        yield "Consent", (because.consent or "unknown").replace("_", " ")
    number = f"{known.trace.version}" + (f", asked by {because.pinned}" if because.pinned else "")
    yield "Rulebook", number
    if len(because.path) > 1:
        yield "Led on", " → ".join(because.path)
    if isinstance(known.message, MessageView) and isinstance(known.message.reply, TemplateReply):
        yield "Template", f"{known.message.reply.name} ({known.message.category})"


def _notes(decision: Decision, rulebook: Rulebook) -> Iterator[str]:
    """What ``reasons`` says beyond what is shown in other places."""
    because, sentences = decision.because, reasons(decision, rulebook)
    shown = {sentence for sentence in sentences[:1] if because.path}
    shown |= {f"The t{each[7:]}" for each in sentences if each.startswith("Note: Team ")}  # told twice
    for sentence in sentences:
        told = sentence in shown or sentence.startswith(("Read as", "Language ", "It went on from"))
        if not told and not any(sentence.startswith(f"{each.place}:") for each in because.considered):
            yield sentence.removeprefix("Note: ")


def _tries(message: MessageView | None) -> tuple[Try, ...]:
    if message is None:
        return ()
    found = []
    for each in message.attempts:
        words = _OUTCOMES.get(each.outcome, each.outcome)
        status = f" ({each.status})" if each.status else ""
        tone = "good" if each.outcome == "sent" else "bad" if each.outcome else ""
        more = f": {each.sentence}" if each.sentence and each.outcome != "sent" else ""
        found.append(Try(f"Try {each.number}: {words}{status}{more}", tone))
    for receipt in message.receipts:
        reason = f": {receipt.reason.code} {receipt.reason.description}" if receipt.reason else ""
        found.append(Try(f"Receipt {receipt.status}{reason}", "bad" if receipt.reason else "good"))
    if not message.attempts and message.reason:
        found.append(Try(f"{message.status}: {message.reason}", ""))
    return tuple(found)
