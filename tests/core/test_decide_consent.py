"""Layer 1 of deciding: words that stop and start, confirmed once, and what a stopped person gets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.conversation import Consent, Conversation, OpenQuestion, State
from bot.core.decide import after, decide
from bot.core.decision import ChangeConsent, Decision
from bot.core.event import ConsentNotice, InboundMessage, Media, MediaKind, Tap
from bot.core.ledger import consent_change, with_change
from bot.core.rule import Then
from bot.core.rulebook import Rulebook, Rulebooks
from tests.core.build import (
    ANN,
    ANSWERED_AT,
    MISSED,
    NOW,
    answer,
    book,
    consent_words,
    effects_of,
    person,
    rule,
    says,
    sends_of,
    talk,
    texts,
    wrote,
)

SHOP = book(rule("start_it", says("start", "hello")), rule("otherwise", MISSED))
STOPPED = "You get no more messages."
BACK = "Welcome back!"
SECOND = timedelta(seconds=1)


def recorded(event: InboundMessage, conversation: Conversation, rulebook: Rulebook = SHOP) -> Conversation:
    """The conversation after ``event`` was recorded, as the store does it."""
    change = consent_change(event, None, rulebook.consent, conversation.consent)
    if change is None:
        return conversation
    return replace(conversation, consent=with_change(conversation.consent, change, event.dedup))


def talked(*events: InboundMessage, rulebook: Rulebook = SHOP) -> list[list[str]]:
    """All recorded in this order first, then decided in the person's order; the words that leave for each."""
    conversation = talk()
    for event in events:
        conversation = recorded(event, conversation, rulebook)
    said: list[list[str]] = []
    for event in sorted(events, key=lambda each: each.written_at):
        decision = decide(event, conversation, Rulebooks(rulebook), NOW + timedelta(minutes=1))
        conversation = after(conversation, event, decision)
        said.append(texts(decision))
    return said


def test_stop_is_confirmed_once_though_recording_came_first() -> None:
    stop = wrote("STOP!", dedup="a")
    decision = answer(SHOP, stop, recorded(stop, talk()))
    (send,) = sends_of(decision)
    assert texts(decision) == [STOPPED]
    assert send.confirms_stop
    assert send.answers
    assert decision.because.layer == "consent"
    assert not effects_of(decision, ChangeConsent), "it is in the ledger already"


def test_a_second_stop_is_silent_also_when_both_were_recorded_before_deciding() -> None:
    assert talked(wrote("stop", dedup="a"), wrote("stop", NOW + SECOND, "b")) == [[STOPPED], []]


def test_stop_then_start_answers_only_what_counts() -> None:
    first, second = talked(wrote("stop", dedup="a"), wrote("start", NOW + SECOND, "b"))
    assert (first, second) == ([], [BACK])


def test_start_then_stop_leaves_the_person_stopped() -> None:
    before, stop = wrote("stop", NOW - SECOND, "0"), wrote("stop", NOW + SECOND, "b")
    said = talked(before, wrote("start", NOW, "a"), stop)
    assert said == [[], [], [STOPPED]]


def test_a_late_stop_loses_to_a_start_that_is_truly_later() -> None:
    start, late_stop = wrote("start", NOW + SECOND, "a"), wrote("stop", NOW, "b")
    conversation = recorded(late_stop, recorded(start, talk()))
    assert not conversation.consent.stopped
    assert texts(answer(SHOP, late_stop, conversation)) == []


def test_a_late_start_loses_to_the_newest_stop_though_an_older_one_stopped() -> None:
    conversation = talk()
    for event in (wrote("stop", NOW, "a"), wrote("stop", NOW + 3 * SECOND, "b"), wrote("start", NOW + SECOND, "c")):
        conversation = recorded(event, conversation)
    assert conversation.consent.stopped


def test_stop_wins_at_the_same_time() -> None:
    for pair in (("stop", "start"), ("start", "stop")):
        conversation = talk()
        for at, word in enumerate(pair):
            conversation = recorded(wrote(word, NOW, str(at)), conversation)
        assert conversation.consent.stopped, pair


def test_start_of_somebody_not_stopped_goes_to_the_rules() -> None:
    start = wrote("start")
    decision = answer(SHOP, start, recorded(start, talk()))
    assert texts(decision) == ["start_it"]
    assert decision.because.layer == "rules"


def test_start_of_somebody_stopped_is_welcomed_in_their_language() -> None:
    start = wrote("starta")
    stopped = talk(who=person("sv"), consent=Consent(True, NOW - SECOND, changed_by="x"))
    decision = answer(SHOP, start, recorded(start, stopped))
    assert texts(decision) == ["Välkommen tillbaka!"]
    assert not sends_of(decision)[0].confirms_stop


def test_words_that_only_todays_rulebook_knows_count_when_deciding() -> None:
    words = consent_words(stop=frozenset({"basta"}))
    decision = answer(book(consent=words), wrote("basta"))
    (change,) = effects_of(decision, ChangeConsent)
    assert change == ChangeConsent("all", "stopped", "the person wrote it", NOW)
    assert texts(decision) == [STOPPED]
    conversation = after(talk(), wrote("basta"), decision)
    assert conversation.consent.stopped
    assert texts(answer(book(consent=words), wrote("basta", NOW + SECOND, "in-2"), conversation)) == []


def test_a_start_that_only_todays_rulebook_knows_counts_when_deciding() -> None:
    words = consent_words(start=frozenset({"ritorna"}))
    stopped = talk(consent=Consent(True, NOW - SECOND, changed_by="x"))
    decision = answer(book(consent=words), wrote("ritorna"), stopped)
    (change,) = effects_of(decision, ChangeConsent)
    assert isinstance(change, ChangeConsent)
    assert change.state == "opted_in"
    assert texts(decision) == [BACK]


def test_a_postback_counts_and_a_caption_does_not() -> None:
    tap = wrote(Tap("01HZZZZZZZZZZZZZZZZZZZZZZZ_Stop"))
    assert texts(answer(SHOP, tap, recorded(tap, talk()))) == [STOPPED]
    photo = wrote(Media("https://files.example/a.jpg", MediaKind.IMAGE, caption="stop"))
    assert not recorded(photo, talk()).consent.stopped
    assert texts(answer(SHOP, photo)) == ["otherwise"]


def test_only_the_whole_message_counts_and_nothing_copied_in() -> None:
    assert consent_change(wrote("stop sending me the blue one"), None, SHOP.consent, Consent()) is None
    assert consent_change(replace(wrote("stop"), injected=True), None, SHOP.consent, Consent()) is None


@pytest.mark.parametrize("said", ["hello", "start it", "zzz"])
def test_a_stopped_person_gets_nothing(said: str) -> None:
    decision = answer(SHOP, said, talk(consent=Consent(True, NOW, changed_by="x")))
    assert decision.effects == ()
    assert not decision.state.waiting
    assert decision.because.layer == "consent"
    assert "STOP" in decision.because.notes[0]


def test_after_stop_answer_still_answers_and_only_that() -> None:
    rulebook = book(rule("hello", says("hello")), consent=consent_words(after_stop="answer"))
    (send,) = sends_of(answer(rulebook, "hello", talk(consent=Consent(True, NOW, changed_by="x"))))
    assert send.answers


def test_stop_drops_the_question_and_forgets_the_buttons() -> None:
    question = OpenQuestion("track", "order_number", 1, NOW, None, 0, {})
    stop = wrote("stop")
    decision = answer(SHOP, stop, recorded(stop, talk(State(question=question, misses=3))))
    assert decision.state.question is None
    assert decision.state.misses == 0


def test_stop_counts_while_a_colleague_has_the_conversation() -> None:
    stop = wrote("stop")
    state = State(in_charge="support", in_charge_until=NOW + timedelta(hours=1))
    decision = answer(SHOP, stop, recorded(stop, talk(state)))
    assert texts(decision) == [STOPPED]
    assert decision.state.in_charge == "support"


def test_a_stop_that_reached_us_a_day_late_is_confirmed_by_nothing_free_form() -> None:
    stop = wrote("stop")
    decision = answer(SHOP, stop, recorded(stop, talk()), now=NOW + timedelta(hours=30))
    (send,) = sends_of(decision)
    assert send.not_after is not None
    assert send.not_after < NOW + timedelta(hours=24)
    assert "late" in " ".join(decision.because.notes) or "over" in " ".join(decision.because.notes)


def test_a_rule_may_not_answer_a_stop() -> None:
    rulebook = book(rule("all", says("stop"), then=Then(tag=("left",))))
    stop = wrote("stop")
    decision = answer(rulebook, stop, recorded(stop, talk(), rulebook))
    assert texts(decision) == [STOPPED]


def notice(opted_in: bool, succeeded: bool = True) -> ConsentNotice:
    return ConsentNotice("n-1", ANN, opted_in, succeeded, NOW, NOW)


def notified(event: ConsentNotice, consent: Consent) -> Decision:
    return decide(event, talk(consent=consent), Rulebooks(SHOP), NOW + ANSWERED_AT)


def test_an_opt_out_by_the_channel_goes_into_the_ledger_and_is_not_answered() -> None:
    decision = notified(notice(opted_in=False), Consent())
    assert decision.outcome == "ignored"
    assert decision.effects == (ChangeConsent("all", "stopped", "the channel told", NOW),)


def test_an_opt_in_by_the_channel_reopens_only_after_an_older_stop() -> None:
    assert notified(notice(opted_in=True), Consent(True, NOW - SECOND)).effects
    assert not notified(notice(opted_in=True), Consent(True, NOW)).effects


def test_a_notice_that_failed_or_was_recorded_changes_nothing() -> None:
    assert not notified(notice(opted_in=False, succeeded=False), Consent()).effects
    seen = notice(opted_in=False)
    change = consent_change(seen, None, SHOP.consent, Consent())
    assert change is not None
    assert not notified(seen, with_change(Consent(), change, seen.dedup)).effects


def test_marketing_is_a_ledger_of_its_own() -> None:
    changed = with_change(Consent(), ChangeConsent("marketing", "opted_in", "a form", NOW), "x")
    assert (changed.marketing, changed.stopped, changed.changed_by) == ("opted_in", False, "")
