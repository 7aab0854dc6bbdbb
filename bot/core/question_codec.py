"""What a conversation waits for, as JSON-ready values and back: an open question, a call under way, a flow that was shown."""

from __future__ import annotations

from bot.core.conversation import OpenCall, OpenFlow, OpenQuestion
from bot.core.plain import Plain, flag, iso, items, mapping, maybe_moment, moment, number, text, texts, without_blanks


def question_to_plain(question: OpenQuestion) -> Plain:
    """``question_from_plain`` reads it back."""
    plain: Plain = {
        "rule": question.rule,
        "slot": question.slot,
        "version": question.version,
        "asked_at": question.asked_at.isoformat(),
        "deadline": iso(question.deadline),
        "tries": question.tries,
        "answers": dict(question.answers),
    }
    return plain | without_blanks({"caught": dict(question.caught), "given": dict(question.given)})


def question_from_plain(value: object) -> OpenQuestion:
    """The question that ``question_to_plain`` wrote."""
    plain = mapping(value)
    return OpenQuestion(
        text(plain.get("rule")),
        text(plain.get("slot")),
        number(plain.get("version")),
        moment(plain.get("asked_at")),
        maybe_moment(plain.get("deadline")),
        number(plain.get("tries")),
        texts(plain.get("answers")),
        texts(plain.get("caught")),
        texts(plain.get("given")),
    )


def call_to_plain(call: OpenCall) -> Plain:
    """``call_from_plain`` reads it back."""
    return without_blanks(
        {
            "key": call.key,
            "rule": call.rule,
            "version": call.version,
            "connection": call.connection,
            "until": call.until.isoformat(),
            "replying": call.replying,
            "answers": dict(call.answers),
            "caught": dict(call.caught),
            "given": dict(call.given),
        }
    )


def call_from_plain(value: object) -> OpenCall:
    """The call that ``call_to_plain`` wrote."""
    plain = mapping(value)
    return OpenCall(
        text(plain.get("key")),
        text(plain.get("rule")),
        number(plain.get("version")),
        text(plain.get("connection")),
        moment(plain.get("until")),
        flag(plain.get("replying")),
        texts(plain.get("answers")),
        texts(plain.get("caught")),
        texts(plain.get("given")),
    )


def flow_from_plain(value: object) -> OpenFlow:
    """A flow that was shown, from rule, version and time."""
    rule, version, sent_at = items(value)
    return OpenFlow(text(rule), number(version), moment(sent_at))
